"""One energy model for each mode: fit them, then score whole matrices."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from torch import Tensor, nn

from sklearn_emma._energies.finite import finite_energy
from sklearn_emma._energies.interface import (
    BatchedEnergy,
    Energy,
    checked_scores,
    is_batched,
    naming,
)
from sklearn_emma._energies.several_kinds import stack_energies
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.sub_estimators import (
    fit_weighted,
    honours,
    set_random_states,
)
from sklearn_emma._optim.loop import Progress
from sklearn_emma._optim.storage import StoresTensors
from sklearn_emma._optim.torch_state import resolve_device
from sklearn_emma._validation import validate_nested_params

# Number of rows on which `score_samples` is tried as soon as it is fitted.
_N_TRIED = 5


def clone_estimators(
    energy_estimator: object, names: tuple[str, ...], default: BaseEstimator
) -> list[Energy]:
    """An unfitted estimator for each mode, a clone of ``default`` where there is none.

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
                f"the modes are {list(names)}."
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
    cloned = [clone(default if e is None else e, safe=True) for e in given]
    for name, estimator in zip(names, cloned, strict=True):
        with naming([name], estimator):
            validate_nested_params(estimator)
            if is_batched(estimator):
                resolve_device(estimator.device)
    return cloned


def by_part(energy_estimator: object, layout: ModeLayout) -> object:
    """Estimators of modes as estimators of their parts, unless a part has its own."""
    if layout.above is None or not isinstance(energy_estimator, Mapping):
        return energy_estimator
    given = dict(energy_estimator)
    modes = [layout.modes.names[mode] for mode in layout.mode_of_part]
    of_modes = {
        part: given[mode]
        for part, mode in zip(layout.names, modes, strict=True)
        if mode in given
    }
    rest = {name: e for name, e in given.items() if name not in modes}
    return of_modes | rest


def warn_of_ignored_weights(
    estimators: list[Energy],
    names: tuple[str, ...],
    present: np.ndarray,
    weight: np.ndarray,
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


class CleanRows(NamedTuple):
    """What energies are fitted on.

    ``layout`` says which columns are whose, ``x`` (n, d) are standardised values, 0
    where one is missing, ``present`` (n, M) is False where a mode is missing,
    ``weight`` (n,) counts samples.
    """

    layout: ModeLayout
    x: np.ndarray
    present: np.ndarray
    weight: np.ndarray


class ModeFit(NamedTuple):
    """An estimator to be fitted on a mode; ``weight`` (n,) is 0 where it sees none."""

    estimator: Energy
    mode: int
    weight: np.ndarray


def fit_mode_energies(
    fits: list[ModeFit], rows: CleanRows, seed: int, verbose: bool | int = False
) -> None:
    """Fit estimators, in place.

    Parameters
    ----------
    fits : list of ModeFit
        Estimators from :func:`clone_estimators`, or clones of them.
    rows : CleanRows
        The rows of all modes.
    seed : int
        For every estimator whose ``random_state`` is None.
    verbose : bool, default=False
        Whether to show progress.
    """
    layout = rows.layout
    Xs = [rows.x[:, columns] for columns in layout.slices]
    alone = []
    # Modes of similar width share a padded batch; padding never more than doubles it.
    together: dict[tuple[type[BatchedEnergy], str, int], list[ModeFit]] = {}
    for fit in fits:
        estimator, mode, _ = fit
        set_random_states(estimator, seed)
        if is_batched(estimator):
            size = (layout.widths[mode] - 1).bit_length()
            key = type(estimator), repr(estimator.get_params()), size
            together.setdefault(key, []).append(fit)
        else:
            alone.append(fit)
    shown = Progress(alone, desc="energies", disable=not (verbose and alone))
    for estimator, mode, weight in shown:
        seen = weight > 0
        with naming([layout.names[mode]], estimator):
            fit_weighted(estimator, Xs[mode][seen], weight[seen])
            checked_scores(estimator, Xs[mode][seen][:_N_TRIED], fitted=True)
    for (kind, *_), group in together.items():
        estimators = [fit.estimator for fit in group]
        if verbose and "verbose" in estimators[0].get_params():
            estimators[0].set_params(verbose=verbose)
        names = list(dict.fromkeys(layout.names[fit.mode] for fit in group))
        with naming(names, estimators[0]):
            kind._fit_together(
                estimators, [Xs[fit.mode] for fit in group], [f.weight for f in group]
            )


class ModeEnergies(StoresTensors):
    """Potential energies of all modes of a matrix.

    Parameters
    ----------
    estimators : list of fitted estimators
        One for each mode; Ψ = −``score_samples``.
    layout : ModeLayout
        Columns of each mode in the matrix.
    dtype : torch.dtype
        Of the matrices to be scored.
    """

    def __init__(
        self, estimators: list[Energy], layout: ModeLayout, dtype: torch.dtype
    ) -> None:
        self.estimators = estimators
        self.layout = layout
        self.stack = self._stacked(dtype)

    def to(self, device: torch.device) -> ModeEnergies:
        """Move what lives on a device, in place."""
        if self.stack is not None:
            self.stack.to(device)
        return self

    def astype(self, dtype: torch.dtype) -> ModeEnergies:
        """Compute in another floating-point type from now on, in place."""
        if self.stack is not None:
            kept = next(b for b in self.stack.buffers() if b.is_floating_point())
            if kept.dtype != dtype:
                # From what was learnt: a type cannot give back what another rounded.
                stack = self._stacked(dtype)
                self.stack = None if stack is None else stack.to(kept.device)
        return self

    def _stacked(self, dtype: torch.dtype) -> nn.Module | None:
        """All modes in one module, where all are of kinds that can be."""
        columns = [list(range(s.start, s.stop)) for s in self.layout.slices]
        return stack_energies(self.estimators, columns, dtype)

    @torch.no_grad()
    def potential(
        self,
        x: Tensor,
        needed: Tensor,
        known: Tensor | None = None,
        *,
        fitted: bool = False,
        normal_scores: Tensor | None = None,
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
        fitted : bool, default=False
            Whether the estimators were fitted on these rows; NaN is then an error.
        normal_scores : Tensor of shape (n, d), default=None
            By :func:`scoring_in_common`, if there is one and no energies are known.

        Returns
        -------
        Tensor of shape (n, M)
            Finite.
        """
        if known is not None and not needed.any():
            return known
        if self.stack is not None:
            # In training, most of the energies are known from before.
            some = None if known is None else needed
            scored = () if normal_scores is None else (normal_scores,)
            result: Tensor = self.stack(x, some, *scored)
        else:
            result = torch.zeros_like(needed, dtype=x.dtype)
            values, wanted = x.cpu().numpy(), needed.cpu().numpy()
            for mode, (estimator, columns) in enumerate(
                zip(self.estimators, self.layout.slices, strict=True)
            ):
                rows = np.flatnonzero(wanted[:, mode])
                if len(rows):
                    with naming([self.layout.names[mode]], estimator, "scored"):
                        likelihood = checked_scores(
                            estimator, values[rows][:, columns], fitted
                        )
                    energy = -torch.as_tensor(likelihood, dtype=x.dtype)
                    result[torch.from_numpy(rows), mode] = energy.to(x.device)
        result = finite_energy(result)
        return torch.where(needed, result, 0.0 if known is None else known)
