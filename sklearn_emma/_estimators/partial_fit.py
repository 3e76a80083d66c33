"""Training chunk by chunk."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sklearn_emma._attention.coldness import Annealed
from sklearn_emma._estimators.base import BaseEMMA
from sklearn_emma._estimators.prediction import PredictsClasses
from sklearn_emma._inputs.checking import Given, check_training_data
from sklearn_emma._inputs.targets import Classes, Target, chunk_labels
from sklearn_emma._losses.recipes import class_loss
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._predictors.gated_copies import is_estimator
from sklearn_emma._training.fit import train_pass
from sklearn_emma._training.plan import plan_training
from sklearn_emma._validation import available_if, fit_context, unchanged_on_error


def can_learn_by_chunks(estimator: Any) -> bool:
    """Whether parameters allow ``partial_fit``.

    Raises
    ------
    AttributeError
        If they do not; says why.
    """
    predictor = estimator.predictor
    # A class has an error of its own, which the call gives.
    if is_estimator(predictor) and not inspect.isclass(predictor):
        raise AttributeError(
            "partial_fit trains torch predictors only: a scikit-learn estimator as "
            f"`predictor`, {predictor!r}, is fitted on all data at once."
        )
    if estimator.early_stopping:
        raise AttributeError(
            "partial_fit cannot hold out samples: early_stopping must be False."
        )
    if isinstance(estimator.rho, Annealed):
        raise AttributeError(
            "partial_fit does not know how many passes there will be: rho must be a "
            f"number or 'learn', not {estimator.rho!r}."
        )
    if isinstance(getattr(estimator, "class_weight", None), str):
        raise AttributeError(
            "partial_fit does not know how frequent the classes are in all data: "
            f"class_weight must be None or a dict, not {estimator.class_weight!r}."
        )
    return True


class LearnsByChunks(BaseEMMA):
    """Pretraining on the first chunk, then one pass over each."""

    def _learn_chunk(
        self, given: Given, read_target: Callable[[np.ndarray], Target]
    ) -> Self:
        """Pretrain if nothing has been, then train one pass over a chunk."""
        with unchanged_on_error(self):
            previous = getattr(self, "_model", None)
            checked = check_training_data(
                self,
                given,
                read_target,
                dtype=None if previous is None else previous.dtype,
            )
            if previous is not None:
                self._check_continues(checked, "partial_fit")
            plan = plan_training(
                self, checked, continues=previous is not None, max_iter=1
            )
            progress = getattr(self, "_progress", None)
            trained, self._progress = train_pass(plan, previous, progress)
            self._store(checked, trained, continues=previous is not None)
        return self


class LearnsClassesByChunks(PredictsClasses, LearnsByChunks):
    """``partial_fit`` of a classifier."""

    @available_if(can_learn_by_chunks)
    @fit_context(prefer_skip_nested_validation=True)
    @ordinary_state()
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        corrupted: ArrayLike | None = None,
    ) -> Self:
        """Go on training with a chunk of the data.

        The first call pretrains on its chunk: it learns the training statistics, the
        energies and the predictor. Statistics and energies then stay as they are, and
        so does what shapes gate and predictor, whatever the parameters are now. So the
        first chunk should be a representative sample: shuffle the data, and make it
        large enough to know the modes by. Then, as in each later call, gate and
        predictor are trained in one pass over the chunk (one epoch of joint training).
        After ``fit`` every call is a later one.

        Passes have the constant learning rate ``lr``: ``lr_schedule``, ``max_iter`` and
        ``n_draws`` do not apply. The optimiser keeps its state between calls, in a
        pickle too; it starts anew after ``fit``. Weights of samples count within their
        chunk. ``attention_`` is that of the last chunk.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            A chunk; NaN marks a missing value. The first chunk decides the
            floating-point type in which everything is computed.
        y : array-like of shape (n_samples,)
            Class labels. A chunk may lack some of the classes.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever occur. Needed in the first call; optional later.
        sample_weight : array-like of shape (n_samples,), default=None
            As in ``fit``.
        corrupted : array-like of shape (n_samples, n_modes), default=None
            As in ``fit``.

        Returns
        -------
        self : EMMAClassifier
            Trained further.

        Raises
        ------
        ValueError
            Names the parameter or the data at fault: ``classes`` missing in the first
            call or changed later, an unknown label, or other features or modes than
            before.
        FloatingPointError
            If a loss stops being finite. After any error the estimator is as it was.
        AttributeError
            If ``predictor`` is a scikit-learn classifier, ``early_stopping`` is on,
            ``class_weight="balanced"`` or ``rho`` is annealed, which need all data at
            once: the estimator then has no such method.

        Examples
        --------
        >>> from sklearn_emma import EMMAClassifier
        >>> from sklearn_emma.datasets import make_multimodal_classification
        >>> X, y, modes = make_multimodal_classification(1200, 2, random_state=0)
        >>> clf = EMMAClassifier(modes, pretraining_max_iter=5, random_state=0)
        >>> for start in range(0, 1200, 300):
        ...     rows = slice(start, start + 300)
        ...     clf = clf.partial_fit(X[rows], y[rows], classes=[0, 1])
        >>> clf.n_iter_, clf.attention_.shape
        (4, (300, 2))
        """
        self._validate_params()  # scikit-learn's decorator does so in the first call
        known = getattr(self, "classes_", None) if hasattr(self, "_model") else None
        labels = chunk_labels(known, classes)
        loss = class_loss(self.loss, len(labels))
        target = Classes(labels, self.class_weight, loss)
        return self._learn_chunk(Given(X, y, sample_weight, corrupted), target.accept)
