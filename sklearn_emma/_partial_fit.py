"""Training chunk by chunk: both phases on the first one, then one pass over each."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.metaestimators import available_if

from sklearn_emma._checking import (
    CheckedData,
    check_continues,
    check_training_data,
    chunk_classes,
)
from sklearn_emma._classifier_predictor import is_estimator
from sklearn_emma._fitting import Trained, run_phase_two, start_model
from sklearn_emma._model import EMMAModel
from sklearn_emma._optimizer_state import OptimizerState
from sklearn_emma._plan import plan_training
from sklearn_emma._samples import unchanged_on_error
from sklearn_emma._torch_state import draw_seed
from sklearn_emma._validation import fit_context


@dataclass
class Progress:
    """What one pass hands to the next, beside the model."""

    seed: int
    n_passes: int = 0
    optimizer_state: OptimizerState = field(default_factory=OptimizerState)

    def next_seed(self) -> int:
        """Seed of the pass that comes now; no two passes draw alike."""
        rng = np.random.RandomState([self.seed, self.n_passes])
        self.n_passes += 1
        return draw_seed(rng)


def _has_torch_predictor(estimator: Any) -> bool:
    predictor = estimator.predictor
    # A class has an error of its own, which the call gives.
    if not is_estimator(predictor) or inspect.isclass(predictor):
        return True
    raise AttributeError(
        "partial_fit trains torch predictors only: a scikit-learn classifier as "
        f"`predictor`, {predictor!r}, is fitted on all data at once."
    )


class EMMAPartialFitMixin:
    """``partial_fit``, for an estimator that keeps what was trained by ``_store``."""

    modes_: dict[str, np.ndarray]
    classes_: np.ndarray
    _model: EMMAModel
    _progress: Progress | None

    if TYPE_CHECKING:

        def _store(
            self, checked: CheckedData, trained: Trained, continues: bool
        ) -> None: ...

        def _validate_params(self) -> None: ...

    @available_if(_has_torch_predictor)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        corrupted: Any = None,
    ) -> Self:
        """Go on training with a chunk of the data.

        The first call learns the training statistics, the energies and the predictor
        (the first phase) from its chunk, and they stay as they are but for the
        predictor. So the first chunk should be a representative sample: shuffle the
        data, and make it large enough to know the modes by. Then, as in each later
        call, gate and predictor are trained in one pass over the chunk (one epoch of
        the second phase). After ``fit`` every call is a later one.

        Passes have the constant learning rate ``lr``: ``lr_schedule``, ``max_iter``
        and ``n_draws`` do not apply. The optimiser keeps its state between calls, in a
        pickle too; it starts anew after ``fit``. Weights of samples count within their
        chunk. ``attention_`` is that of the last chunk.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            A chunk; NaN marks a missing value. Computed in the type of the first.
        y : array-like of shape (n_samples,)
            Class labels, of which a chunk may lack some.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come. Needed in the first call; later it may be
            left out.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights ≥ 0; weight k counts as the row repeated k times.
            Normalised weights are no fewer samples: a mean below 1 is raised to 1.
            Equal weights that are not whole numbers are no weights.
        corrupted : array-like of shape (n_samples, n_modes), default=None
            True where a mode is known to be corrupted. The columns of a data frame are
            found by the names of the modes.

        Returns
        -------
        self : EMMAClassifier
            Trained further.

        Raises
        ------
        ValueError
            Names the parameter or the data at fault: ``classes`` not given in the first
            call or changed, a label that is none of them, other features or modes than
            before; ``early_stopping=True`` or ``class_weight="balanced"``, which need
            all data.
        FloatingPointError
            If a loss stops being finite. After any error the estimator is as it was.
        AttributeError
            If ``predictor`` is a scikit-learn classifier: the method is not there.

        Examples
        --------
        >>> from sklearn_emma import EMMAClassifier
        >>> from sklearn_emma.datasets import make_multimodal_classification
        >>> X, y, modes = make_multimodal_classification(1200, 2, random_state=0)
        >>> clf = EMMAClassifier(modes, base_max_iter=5, random_state=0)
        >>> for start in range(0, 1200, 300):
        ...     rows = slice(start, start + 300)
        ...     clf = clf.partial_fit(X[rows], y[rows], classes=[0, 1])
        >>> clf.n_iter_, clf.attention_.shape
        (4, (300, 2))
        """
        self._validate_params()  # scikit-learn's decorator does so in the first call
        _check_params(self)
        with unchanged_on_error(self):
            previous = getattr(self, "_model", None)
            known = None if previous is None else self.classes_
            checked = check_training_data(
                self,
                X,
                y,
                sample_weight,
                corrupted,
                classes=chunk_classes(known, classes),
                dtype=None if previous is None else previous.dtype,
            )
            if previous is not None:
                check_continues(self.modes_, self.classes_, checked, "partial_fit")
            trained, self._progress = train_pass(
                self, checked, previous, getattr(self, "_progress", None)
            )
            self._store(checked, trained, continues=previous is not None)
            self.attention_ = trained.model.gather(checked.X, lambda s: s.attention)
        return self


def train_pass(
    params: Any,
    checked: CheckedData,
    previous: EMMAModel | None,
    progress: Progress | None,
) -> tuple[Trained, Progress]:
    """Train one epoch of the second phase, after the first where there is no model.

    Parameters
    ----------
    params : EMMAClassifier
        Whose parameters are read; nothing is set.
    checked : CheckedData
        The chunk.
    previous : EMMAModel, default=None
        Trained before; it is left as it is.
    progress : Progress, default=None
        Of the pass before; it is left as it is.

    Returns
    -------
    trained : Trained
    progress : Progress
        For the next pass.

    Raises
    ------
    ValueError
        If device, energy estimators or predictor do not fit; before any training.
    FloatingPointError
        If a loss stops being finite.
    """
    plan = plan_training(params, checked, continues=previous is not None)
    model, base_curve = start_model(params, checked, plan, previous)
    progress = Progress(plan.seed) if progress is None else copy.deepcopy(progress)
    options = replace(plan.options, max_iter=1, lr_schedule="constant")
    curves = run_phase_two(
        params,
        plan,
        model,
        options,
        progress.next_seed(),
        optimizer_state=progress.optimizer_state,
    )
    return Trained(model, base_curve, curves["train_loss"], []), progress


def _check_params(params: Any) -> None:
    if params.early_stopping:
        raise ValueError(
            "partial_fit cannot hold out samples: early_stopping must be False."
        )
    if params.class_weight == "balanced":
        raise ValueError(
            "partial_fit does not know how frequent the classes are in all data: "
            "class_weight must be None or a dict, not 'balanced'."
        )
