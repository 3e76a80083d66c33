"""One energy model for each mode: fit them, then score whole matrices."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor

from sklearn_emma._autoencoder import FrozenAutoencoder, PotentialStack
from sklearn_emma._autoencoder_training import fit_autoencoders
from sklearn_emma._energies import finite_energy
from sklearn_emma._potential import PotentialEnergyTransformer
from sklearn_emma._sub_estimators import fit_weighted, honours, set_random_states
from sklearn_emma._torch_state import resolve_device
from sklearn_emma._validation import validate_nested_params

# Training samples by which it is seen whether an energy scores samples.
_N_TRIED = 5


def clone_estimators(
    energy_estimator: Any, names: list[str], device: Any = "cpu"
) -> list[Any]:
    """An unfitted estimator for each mode; the default trains on ``device``.

    Raises
    ------
    ValueError
        Names the mode without an estimator, or the estimator without ``score_samples``.
    """
    if isinstance(energy_estimator, Mapping):
        unknown = [name for name in energy_estimator if name not in names]
        if unknown:
            raise ValueError(
                f"`energy_estimator` names {unknown[0]!r}, which is not a mode; "
                f"the modes are {names}."
            )
        given = [energy_estimator.get(name) for name in names]
    else:
        given = [energy_estimator] * len(names)
    for name, estimator in zip(names, given, strict=True):
        if inspect.isclass(estimator):
            raise ValueError(
                f"`energy_estimator` of mode {name!r} must be an instance, got the "
                f"class {estimator.__name__}; write {estimator.__name__}()."
            )
        if estimator is not None and not hasattr(estimator, "score_samples"):
            raise ValueError(
                f"`energy_estimator` of mode {name!r} must have a `score_samples` "
                f"method (a log-density up to a constant), got {estimator!r}."
            )
    cloned = [
        PotentialEnergyTransformer(device=device) if e is None else clone(e, safe=True)
        for e in given
    ]
    for name, estimator in zip(names, cloned, strict=True):
        with _naming([name], estimator):
            validate_nested_params(estimator)
            if type(estimator) is PotentialEnergyTransformer:
                resolve_device(estimator.device)
    return cloned


def warn_of_ignored_weights(
    estimators: list[Any], names: list[str], present: np.ndarray, weight: np.ndarray
) -> None:
    """Name the modes whose estimators cannot do justice to the weights of samples.

    ``present`` (n, M) is False where a mode is missing, ``weight`` (n,).
    """
    ignoring = [
        f"{name!r} ({type(estimator).__name__})"
        for name, estimator, rows in zip(names, estimators, present.T, strict=True)
        if not honours(estimator, weight[rows])
    ]
    if ignoring:
        warnings.warn(
            "`sample_weight` is ignored by the energy of mode "
            f"{', '.join(ignoring)}: the estimator takes no `sample_weight` in `fit`, "
            "and the weights are not whole numbers, for which rows could be repeated. "
            "Metadata routing, where it is enabled, must request them.",
            stacklevel=2,
        )


def fit_mode_energies(
    estimators: list[Any],
    Xs: list[np.ndarray],
    present: np.ndarray,
    weight: np.ndarray,
    seed: int,
    names: list[str],
    verbose: bool | int = False,
) -> None:
    """Fit each estimator, in place, on the rows where its mode is present.

    Parameters
    ----------
    estimators : list of estimators
        From :func:`clone_estimators`.
    Xs : list of ndarray of shape (n_samples, d_i)
        Standardised values of each mode, 0 where a value is missing.
    present : ndarray of shape (n_samples, n_modes)
        False where a mode is missing.
    weight : ndarray of shape (n_samples,)
        Sample weights.
    seed : int
        For every estimator whose ``random_state`` is None.
    names : list of str
        Names of the modes, for errors.
    verbose : bool, default=False
        Whether the default estimators show their progress.
    """
    for estimator in estimators:
        set_random_states(estimator, seed)
    # Modes of similar width share a padded batch; padding never more than doubles it.
    together: dict[tuple[str, int], list[int]] = {}
    for mode, estimator in enumerate(estimators):
        if type(estimator) is PotentialEnergyTransformer:
            size = (Xs[mode].shape[1] - 1).bit_length()
            key = (repr(estimator.get_params()), size)
            together.setdefault(key, []).append(mode)
            continue
        rows = present[:, mode]
        with _naming([names[mode]], estimator):
            fit_weighted(estimator, Xs[mode][rows], weight[rows])
            _check_scores(estimator, Xs[mode][rows][:_N_TRIED])
    for modes in together.values():
        first = estimators[modes[0]]
        if verbose:
            first.set_params(verbose=verbose)
        with _naming([names[i] for i in modes], first):
            fit_autoencoders(
                [estimators[i] for i in modes],
                [Xs[i] for i in modes],
                [weight * present[:, i] for i in modes],
                first.random_state,
            )


def _check_scores(estimator: Any, X: np.ndarray) -> None:
    """See that an estimator scores these rows one by one."""
    scores = estimator.score_samples(X)
    if np.shape(scores) != (len(X),):
        raise ValueError(
            "`score_samples` must return an array of shape (n_samples,); that of "
            f"{estimator!r} is one of {np.shape(scores)} for {len(X)} samples."
        )
    if np.isnan(scores).any():
        raise ValueError(
            f"`score_samples` of {estimator!r} is NaN for samples it was fitted on."
        )


@contextmanager
def _naming(names: list[str], estimator: Any) -> Iterator[None]:
    """Note on any error of the block whose energy could not be fitted."""
    try:
        yield
    except Exception as error:
        kind = type(estimator).__name__
        if len(names) == 1:
            error.add_note(f"Mode {names[0]!r}: its energy, {kind}, cannot be fitted.")
        else:
            error.add_note(
                f"Modes {', '.join(map(repr, names))}: one of their energies, {kind}, "
                "cannot be fitted; they are trained together."
            )
        raise


class ModeEnergies:
    """Potential energies of all modes of a matrix.

    Parameters
    ----------
    estimators : list of fitted estimators
        One for each mode; Ψ = −``score_samples``.
    widths : list of int
        Number of columns of each mode; the matrix has them side by side.
    dtype : torch.dtype
        Of the matrices to be scored.
    """

    def __init__(
        self, estimators: list[Any], widths: list[int], dtype: torch.dtype
    ) -> None:
        self.estimators = estimators
        edges = np.cumsum([0, *widths])
        self.columns = [list(range(a, b)) for a, b in pairwise(edges)]
        self.stack: PotentialStack | None = None
        if all(type(e) is PotentialEnergyTransformer for e in estimators):
            autoencoders = [_parameters(e, dtype) for e in estimators]
            self.stack = PotentialStack(autoencoders, self.columns)

    def to(self, device: torch.device) -> ModeEnergies:
        """Move what lives on a device, in place."""
        if self.stack is not None:
            self.stack.to(device)
        return self

    def astype(self, dtype: torch.dtype) -> ModeEnergies:
        """Compute in another floating-point type from now on, in place."""
        if self.stack is not None:
            self.stack.to(dtype)
        return self

    @torch.no_grad()
    def potential(
        self, x: Tensor, needed: Tensor, known: Tensor | None = None
    ) -> Tensor:
        """Ψ of each mode.

        Parameters
        ----------
        x : Tensor of shape (n, d)
            Standardised, 0 where missing.
        needed : Tensor of shape (n, M)
            Boolean; where False, the entry of ``known`` stands (0 without ``known``).
        known : Tensor of shape (n, M), default=None
            Energies from before.

        Returns
        -------
        Tensor of shape (n, M)
            Finite.
        """
        if self.stack is not None:
            # In training, most of the energies are known from before.
            result = self.stack(x, None if known is None else needed)
        else:
            result = torch.zeros_like(needed, dtype=x.dtype)
            values, wanted = x.cpu().numpy(), needed.cpu().numpy()
            for mode, (estimator, columns) in enumerate(
                zip(self.estimators, self.columns, strict=True)
            ):
                rows = np.flatnonzero(wanted[:, mode])
                if len(rows):
                    scores = estimator.score_samples(values[rows][:, columns])
                    energy = -torch.as_tensor(scores, dtype=x.dtype)
                    result[torch.from_numpy(rows), mode] = energy.to(x.device)
        result = finite_energy(result)
        return torch.where(needed, result, 0.0 if known is None else known)


def _parameters(estimator: Any, dtype: torch.dtype) -> FrozenAutoencoder:
    learnt = (
        estimator.mean_,
        estimator.whitening_,
        estimator.components_,
        estimator.intercept_hidden_,
        estimator.intercept_visible_,
        *(estimator.normal_scores_ or ()),
    )
    return FrozenAutoencoder(*(torch.tensor(array, dtype=dtype) for array in learnt))
