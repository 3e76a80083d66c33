"""Which modes fail in which rows, in training and in simulations."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import torch
from sklearn.base import BaseEstimator, clone
from torch import Generator, Tensor

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._validation import (
    Constraints,
    HasMethods,
    Interval,
    StrOptions,
)
from sklearn_emma.corruption._counts import COUNTS, check_failures, refuse_booleans
from sklearn_emma.corruption._failing import fail_modes
from sklearn_emma.corruption._interface import Corruption
from sklearn_emma.corruption._mixture import Mixture


class Failures(BaseEstimator):
    """How failing modes are simulated in training, and what is learnt from them.

    A corruption passed as ``corruption`` of :class:`~sklearn_emma.EMMAClassifier` by
    itself means ``Failures(corruption)``.

    Parameters
    ----------
    corruption : Corruption, "auto" or None, default="auto"
        What happens to a mode that fails. ``"auto"`` is Gaussian noise with σ from 0.1
        to 2 training standard deviations, or the mode missing. With None nothing is
        simulated; say which modes are corrupted by ``fit(X, y, corrupted=...)``.
    clean_fraction : float, default=0.33
        Share of the samples in which no mode is made to fail.
    n_failing : int or "half", default=1
        Number of modes that fail in each of the other samples, at most as many as there
        are. ``"half"`` is half of the modes, rounded down, as in the thesis: whatever
        importance they have, the regulariser Ω then raises the energy of every
        corrupted mode and lowers that of every clean one.
    part_fraction : float, default=0.5
        Of modes that have parts: share of the failures that hit one part, drawn
        uniformly, and leave the others as they are. 0: modes fail as a whole.
    n_draws : int or None, default=None
        Number of corrupted copies of the data, drawn in advance and taken in turn. None
        draws afresh every epoch; a small number spares a slow ``energy_estimator``.
    pretraining_missing_fraction : float, default=0.5
        Share of the samples in which one mode is missing while the predictor is
        pretrained, so that it learns to do without each. Ignored if ``corruption`` is
        None or there is a single mode.
    importance_floor : float, default=0.1
        In the energy regulariser Ω, a corrupted mode whose importance is below this is
        not pushed further. 0 is Ω as in the thesis, which has no upper bound: a learnt
        coldness then runs away.

    See Also
    --------
    fail_modes : The same, for one matrix.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.corruption import Failures, GaussianNoise
    >>> failures = Failures(GaussianNoise(0.5), clean_fraction=0.5)
    >>> clf = EMMAClassifier(corruption=failures)
    >>> clf.set_params(corruption__n_failing=2).corruption.n_failing
    2
    """

    _parameter_constraints: Constraints = {
        **COUNTS,
        "corruption": [HasMethods("corrupt"), StrOptions({"auto"}), None],
        "n_draws": [Interval(Integral, 1, None, closed="left"), None],
        "pretraining_missing_fraction": [Interval(Real, 0, 1, closed="both")],
        "importance_floor": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        corruption: Corruption | str | None = "auto",
        *,
        clean_fraction: float = 0.33,
        n_failing: int | str = 1,
        part_fraction: float = 0.5,
        n_draws: int | None = None,
        pretraining_missing_fraction: float = 0.5,
        importance_floor: float = 0.1,
    ) -> None:
        self.corruption = corruption
        self.clean_fraction = clean_fraction
        self.n_failing = n_failing
        self.part_fraction = part_fraction
        self.n_draws = n_draws
        self.pretraining_missing_fraction = pretraining_missing_fraction
        self.importance_floor = importance_floor

    @classmethod
    def from_parameter(cls, given: Failures | Corruption | str | None) -> Failures:
        """What the parameter ``corruption`` of an estimator stands for.

        Parameters
        ----------
        given : Failures, Corruption, "auto" or None
            As the user gave it.

        Returns
        -------
        failures : Failures
            Itself, where it is one already.
        """
        return given if isinstance(given, Failures) else cls(given)

    @property
    def simulates(self) -> bool:
        """Whether any mode is made to fail."""
        return self.corruption is not None

    def check(self, layout: ModeLayout, dtype: torch.dtype) -> None:
        """Check, on three rows of zeros, that modes can be made to fail like this.

        Parameters
        ----------
        layout : ModeLayout
            Which columns belong to which mode.
        dtype : torch.dtype
            Of the data.

        Raises
        ------
        ValueError
            Names the parameter at fault, or says what the corruption returned.
        """
        self._validate_params()
        refuse_booleans("Failures", self.get_params(deep=False))
        given = {name: getattr(self, name) for name in COUNTS}
        check_failures("Failures", layout, **given)
        zeros = torch.zeros(3, layout.n_features, dtype=dtype)
        # No row stays clean, which could hide what the corruption returned.
        failing: Failures = clone(self).set_params(clean_fraction=0.0)
        failing.simulate(zeros, layout, torch.Generator())

    def draws_to_keep(self, n_epochs: int) -> int | None:
        """Number of copies to draw in advance, None where each is used only once.

        Parameters
        ----------
        n_epochs : int
            Number of times that a copy will be taken.

        Returns
        -------
        n_draws : int or None
            Below ``n_epochs``.
        """
        if self.n_draws is None or self.n_draws >= n_epochs:
            return None
        return self.n_draws

    def simulate(
        self, x: Tensor, layout: ModeLayout, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """Let modes fail; see :func:`fail_modes`.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Values in units of the training standard deviation; NaN where missing.
        layout : ModeLayout
            Which columns belong to which mode.
        generator : torch.Generator
            Decides everything.

        Returns
        -------
        x_failed : Tensor of shape (n_samples, n_features)
            ``x`` itself if nothing is simulated.
        corrupted : Tensor of shape (n_samples, n_modes)
            Boolean; True where a mode failed.

        Raises
        ------
        ValueError
            If the corruption makes infinite values, and where :func:`fail_modes` does.
        """
        if self.corruption is None:
            shape = len(x), layout.n_modes
            return x, torch.zeros(shape, dtype=torch.bool, device=x.device)
        given: Any = self.corruption  # what it is, `fail_modes` checks
        corruption = Mixture() if given == "auto" else given
        failed, corrupted = fail_modes(
            x,
            layout,
            corruption,
            generator,
            clean_fraction=self.clean_fraction,
            n_failing=self.n_failing,
            part_fraction=self.part_fraction,
        )
        if failed.isinf().any():
            raise ValueError(
                "`corruption` must return finite values, or NaN for missing ones; "
                f"{self.corruption!r} made infinite ones."
            )
        return failed, corrupted
