"""scikit-learn's contract around a model behind an EMMA gate, whatever y is."""

from __future__ import annotations

import warnings
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch.history import History

from sklearn_emma._attention.coldness import Annealed
from sklearn_emma._attention.coupling import COUPLINGS
from sklearn_emma._attention.functions import ATTENTION_FUNCTIONS
from sklearn_emma._attention.scaling import ENERGY_SCALINGS
from sklearn_emma._energies.interface import Energy
from sklearn_emma._estimators.mode_scores import Quantity
from sklearn_emma._estimators.printing import PrintsModesInOrder
from sklearn_emma._estimators.reporting import Reports
from sklearn_emma._inputs.by_mode import check_energies
from sklearn_emma._inputs.checking import (
    CheckedData,
    Given,
    check_continues,
    check_training_data,
)
from sklearn_emma._inputs.tables import read_table
from sklearn_emma._inputs.targets import Target
from sklearn_emma._inputs.values import explained
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._optim.net import TRAINING_CONSTRAINTS
from sklearn_emma._optim.torch_state import resolve_device
from sklearn_emma._predictors.gated_copies import GatedCopies
from sklearn_emma._training.fit import Progress, Trained, train_model
from sklearn_emma._training.plan import plan_training
from sklearn_emma._training.refit import train_and_refit
from sklearn_emma._validation import (
    Constraints,
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    sums_overflow,
    unchanged_on_error,
)
from sklearn_emma._version import __version__
from sklearn_emma.corruption import Failures

_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
_AT_LEAST_ONE = Interval(Integral, 1, None, closed="left")


class BaseEMMA(Reports, PrintsModesInOrder):
    """Base of the estimators; a subclass says what y is, and turns scores into answers.

    It declares its own parameters, and defines ``_read_target``.
    """

    device: str | torch.device
    warm_start: bool

    attention_: np.ndarray
    attention_bias_: float
    attention_gain_: float
    capacity_: float
    coupling_exponents_: np.ndarray
    coupling_weights_: np.ndarray
    energies_: dict[str, Energy]
    energy_biases_: np.ndarray
    energy_weights_: np.ndarray
    history_: History
    loss_curve_: list[float]
    n_features_in_: int
    n_iter_: int
    pretraining_loss_curve_: list[float]
    rho_: float
    scaler_: StandardScaler
    stopping_loss_curve_: list[float]
    validation_loss_curve_: list[float]
    _progress: Progress | None

    _parameter_constraints: Constraints = {
        **TRAINING_CONSTRAINTS,
        "modes": [dict, list, tuple, None],
        "remainder": [StrOptions({"error", "drop", "mode"})],
        "energy_estimator": [HasMethods("score_samples"), dict, None],
        "joint_energy": [
            "boolean",
            StrOptions({"auto"}),
            HasMethods(["fit", "score_samples"]),
        ],
        "predictor": [
            callable,
            HasMethods("fit"),
            HasMethods("build"),
            GatedCopies,
            None,
        ],
        "rho": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"learn"}),
            Annealed,
        ],
        "lambda_c": [Interval(Real, 0, None, closed="left")],
        "lambda_e": [Interval(Real, 0, None, closed="left")],
        "energy_scaling": [StrOptions(set(ENERGY_SCALINGS)), HasMethods("build")],
        "coupling": [StrOptions(set(COUPLINGS)), HasMethods("build"), None],
        "attention_function": [
            StrOptions(set(ATTENTION_FUNCTIONS)),
            HasMethods("build"),
        ],
        "corruption": [HasMethods("corrupt"), StrOptions({"auto"}), Failures, None],
        "max_iter": [_AT_LEAST_ONE],
        "pretraining_max_iter": [_AT_LEAST_ONE, StrOptions({"auto"})],
        "early_stopping": ["boolean", StrOptions({"refit"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [_AT_LEAST_ONE],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "memory": [str, HasMethods("cache"), None],
        "random_state": ["random_state"],
    }

    @fit_context(prefer_skip_nested_validation=True)
    @ordinary_state()
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        corrupted: ArrayLike | None = None,
    ) -> Self:
        """Pretrain energies and predictor, then train gate and predictor jointly.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data; NaN marks a missing value. They should be clean, unless
            ``corrupted`` says where they are not: failing modes are simulated.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Class labels; of a regressor, the values to predict.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights ≥ 0; weight k counts as the row repeated k times. Only ratios matter
            when weights sum to less than the number of samples: they are rescaled to a
            mean of 1. Equal non-integer weights are ignored.
        corrupted : array-like of shape (n_samples, n_modes), default=None
            True where a mode is known to be corrupted; its energy then learns nothing
            from these values. The columns of a data frame are matched by the names of
            the modes. Where modes have parts, there may be one for each part instead.

        Returns
        -------
        self : EMMAClassifier or EMMARegressor
            Fitted.

        Raises
        ------
        ValueError
            Names the parameter or the data at fault. Everything is checked before
            anything is trained.
        FloatingPointError
            If a loss stops being finite; the message says in which part of training.

        Warns
        -----
        ModesWarning
            If the modes are hardly what is meant: see
            :class:`~sklearn_emma.exceptions.ModesWarning`.
        UserWarning
            If the energy of a mode cannot take ``sample_weight``; names the mode.
        ConvergenceWarning
            If the training loss is no better than that of one answer for all samples,
            and rose, or all get the same answer; says what to change.
        """
        with unchanged_on_error(self):
            continues = self.warm_start and hasattr(self, "_model")
            checked = check_training_data(
                self, Given(X, y, sample_weight, corrupted), self._read_target
            )
            if continues:
                self._check_continues(checked, "warm_start=True")
            plan = plan_training(self, checked, continues)
            train = train_and_refit if plan.refits else train_model
            trained = train(plan, self._model if continues else None)
            self._store(checked, trained, continues)
            self._progress = None
        return self

    def _read_target(self, y: np.ndarray) -> Target:
        """What y, of the samples that count, is."""
        raise TypeError(f"{type(self).__name__} must define `_read_target`.")

    def _check_continues(self, checked: CheckedData, what: str) -> None:
        """Check that ``what`` goes on with the modes of the fit before."""
        check_continues(self.modes_ | self.parts_, checked.layout, what)

    def _store(self, checked: CheckedData, trained: Trained, continues: bool) -> None:
        if not continues:
            self.pretraining_loss_curve_ = trained.pretraining_curve
            self.loss_curve_ = []
            self.validation_loss_curve_ = []
            self.stopping_loss_curve_ = []
        self.loss_curve_ = self.loss_curve_ + trained.curve
        self.validation_loss_curve_ = self.validation_loss_curve_ + trained.valid_curve
        stopped = list(trained.stopping_curve)
        self.stopping_loss_curve_ = self.stopping_loss_curve_ + stopped
        self.n_iter_ = len(self.loss_curve_)
        earlier = getattr(self, "history_", ()) if continues else ()
        rows = enumerate([*earlier, *trained.history], start=1)
        self.history_ = History(row | {"epoch": number} for number, row in rows)
        if trained.attention is not None:
            self.attention_ = trained.attention
        self._reference = trained.reference
        self._model = model = trained.model
        self.modes_ = model.layout.modes.as_dict()
        self.parts_ = model.layout.as_dict()
        self.energies_ = dict(zip(self.parts_, model.energies.estimators, strict=True))
        self.scaler_ = model.scaler
        learnt = model.network.gate.summary()
        self.rho_, self.capacity_ = learnt.rho, learnt.capacity
        self.attention_gain_ = learnt.attention_gain
        self.attention_bias_ = learnt.attention_bias
        self.energy_weights_ = learnt.energy_weights
        self.energy_biases_ = learnt.energy_biases
        self.coupling_weights_ = learnt.coupling_weights
        self.coupling_exponents_ = learnt.coupling_exponents

    @ordinary_state()
    def _gather(
        self,
        X: ArrayLike,
        quantity: Quantity,
        potential_energy: ArrayLike | None = None,
    ) -> np.ndarray:
        """Validate X, then return ``quantity`` of its scores."""
        check_is_fitted(self)
        energies = partial(check_energies, potential_energy, self._model.layout)
        model = self._model.to(resolve_device(self.device, fallback=True))
        given: Any = read_table(X)
        if self._has_nothing_to_check(given):
            return model.gather(given, quantity, known=energies(len(given)))
        kinds = {"dtype": list(_FLOATS), "ensure_all_finite": "allow-nan"}
        is_matrix = isinstance(given, np.ndarray) and given.ndim == 2
        with explained(given, lambda: self.modes_):
            if is_matrix and len(given) > model.chunk_rows:
                # Checking all rows at once would read the file twice, or copy it.
                validate_data(self, given, reset=False, skip_check_array=True)
                check = partial(check_array, estimator=self, input_name="X", **kinds)
                check, known = sums_overflow(check), energies(len(given))
                return model.gather(given, quantity, check, known)
            checked = sums_overflow(validate_data)(self, given, reset=False, **kinds)
        return model.gather(checked, quantity, known=energies(len(checked)))

    def _has_nothing_to_check(self, X: object) -> bool:
        """Whether ``validate_data`` would return X unchanged.

        Validation takes a fifth of the time that one row needs; this check takes next
        to none.
        """
        return (
            type(X) is np.ndarray
            and X.dtype in _FLOATS
            and X.ndim == 2
            and 0 < len(X) <= self._model.chunk_rows
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
            and not np.isinf(X).any()
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        # A pickle of a GPU model could not be loaded on a machine without a GPU.
        # Python 3.11 hands out the attributes themselves, not a copy of them.
        state: dict[str, Any] = dict(super().__getstate__())
        if "_model" in state:
            state["_model"] = state["_model"].on_cpu()
            state["_version"] = __version__
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        written_by = state.get("_version", __version__)
        if written_by != __version__:
            warnings.warn(
                f"This {type(self).__name__} was stored by sklearn_emma {written_by}, "
                f"and this is {__version__}. A file is meant for the version that "
                "wrote it: install that one, or fit again, if anything fails or "
                "differs.",
                stacklevel=2,
            )
