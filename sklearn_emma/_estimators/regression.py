"""What it means for an estimator that y are numbers: its target and its answers."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import Tags

from sklearn_emma._estimators.partial_fit import LearnsByChunks, can_learn_by_chunks
from sklearn_emma._inputs.checking import CheckedData, Given
from sklearn_emma._inputs.numbers import Numbers
from sklearn_emma._losses.regression_recipes import ValueLoss
from sklearn_emma._model.scores import Scores
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._training.fit import Trained
from sklearn_emma._validation import available_if, fit_context


class PredictsNumbers(RegressorMixin, LearnsByChunks):
    """Predictions of numbers, and training chunk by chunk."""

    loss: str | ValueLoss
    _target: Numbers

    def predict(
        self,
        X: ArrayLike,
        return_std: bool = False,
        potential_energy: ArrayLike | None = None,
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Value of each sample, in the units of y.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        return_std : bool, default=False
            Whether to return the spread too; only with ``loss="gaussian"``.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            As y was in ``fit``.
        std : ndarray of the same shape
            Standard deviation of y around its prediction, that is, noise: how little
            the model knows where it has seen no data is not in it. Only with
            ``return_std``.

        Raises
        ------
        ValueError
            If ``return_std`` is True and no spread was learnt.
        """
        if not return_std:
            return self._gather(
                X, lambda s: self._target.decode(s.logits), potential_energy
            )
        both = self._gather(X, self._with_spread, potential_energy)
        return both[..., 0], both[..., 1]

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """R², the share of the variance of y that is predicted.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            True values; R² is averaged over the targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        score : float
            1 at best; 0 for the mean of y, and below it for worse.
        """
        return float(r2_score(y, self.predict(X), sample_weight=sample_weight))

    def _with_spread(self, scores: Scores) -> np.ndarray:
        """Answers and their spreads, along a last axis."""
        if not scores.from_network:
            raise ValueError(
                "return_std=True needs a torch predictor, which learns a spread; got "
                f"{self.predictor_!r}."
            )
        mean = self._target.decode(scores.logits)
        return np.stack([mean, self._target.spread(scores.logits)], axis=-1)

    @available_if(can_learn_by_chunks)
    @fit_context(prefer_skip_nested_validation=True)
    @ordinary_state()
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        corrupted: ArrayLike | None = None,
    ) -> Self:
        """Go on training with a chunk of the data.

        As :meth:`EMMAClassifier.partial_fit`: the first call pretrains on its chunk,
        which should be a representative sample, and each call trains gate and predictor
        in one pass over the chunk. Mean and standard deviation of y, by which values
        are standardised, are those of the first chunk.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            A chunk; NaN marks a missing value. The first chunk decides the
            floating-point type in which everything is computed.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Values to predict.
        sample_weight : array-like of shape (n_samples,), default=None
            As in ``fit``.
        corrupted : array-like of shape (n_samples, n_modes), default=None
            As in ``fit``.

        Returns
        -------
        self : EMMARegressor
            Trained further.

        Raises
        ------
        ValueError
            Names the parameter or the data at fault: other features, modes or targets
            than before.
        FloatingPointError
            If a loss stops being finite. After any error the estimator is as it was.
        AttributeError
            If ``predictor`` is a scikit-learn regressor, ``early_stopping`` is on or
            ``rho`` is annealed, which need all data at once: the estimator then has no
            such method.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_emma import EMMARegressor
        >>> X = np.random.default_rng(0).normal(size=(600, 4))
        >>> y = X @ [1.0, 2.0, 1.0, 2.0]
        >>> reg = EMMARegressor({"a": [0, 1], "b": [2, 3]}, random_state=0)
        >>> for start in range(0, 600, 200):
        ...     rows = slice(start, start + 200)
        ...     reg = reg.partial_fit(X[rows], y[rows])
        >>> reg.n_iter_
        3
        """
        self._validate_params()  # scikit-learn's decorator does so in the first call
        read = self._read_more if hasattr(self, "_model") else self._read_target
        return self._learn_chunk(Given(X, y, sample_weight, corrupted), read)

    def _read_target(self, y: np.ndarray) -> Numbers:
        if self.warm_start and hasattr(self, "_model"):
            return self._read_more(y)
        return Numbers.from_values(y, self.loss)

    def _read_more(self, y: np.ndarray) -> Numbers:
        """A target for y that standardises as the fit before."""
        return self._target.accept(y, self.loss)

    def _store(self, checked: CheckedData, trained: Trained, continues: bool) -> None:
        super()._store(checked, trained, continues)
        assert isinstance(checked.target, Numbers)
        self._target = checked.target

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
