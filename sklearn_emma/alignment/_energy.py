"""The cost of aligning a mode as its energy."""

from __future__ import annotations

from numbers import Integral
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._validation import Constraints, Interval, fit_context
from sklearn_emma.alignment._base import SHARED
from sklearn_emma.alignment._clock import warp_pair
from sklearn_emma.alignment._warping import Restrictions

# Pairs that are aligned at once: it bounds memory.
_PAIRS = 4096


class AlignmentEnergy(BaseEstimator):
    """Energy of a sequence: what it costs to align it with one that was seen.

    The negative of ``score_samples`` is the least cost of dynamic time warping to one
    of several training samples. A signal that is early, late or slow is then no unusual
    one, as long as the window allows for it, but a distorted one is. For
    ``energy_estimator`` of :class:`~sklearn_emma.EMMAClassifier`.

    Parameters
    ----------
    shape : tuple of int, default=None
        Shape (channels, steps) of a sample, flattened channel by channel; None is one
        channel.
    n_templates : int, default=10
        Number of training samples, drawn at random, that others are compared with.
    window : float, default=None
        How far a sample may be early or late, in steps; None is no window.
    slope : int, default=None
        How often at most a step is used; None is no limit.
    random_state : int, RandomState instance or None, default=None
        Draws the templates.

    Attributes
    ----------
    templates_ : ndarray of shape (n_templates, channels, steps)
        Samples that others are compared with.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if all are strings.

    See Also
    --------
    SequenceAligner : Aligns modes with one another.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma.alignment import AlignmentEnergy
    >>> rng = np.random.default_rng(0)
    >>> t, when = np.arange(30), rng.integers(8, 20, size=(50, 1))
    >>> X = np.exp(-((t - when) ** 2) / 8)
    >>> energy = AlignmentEnergy(random_state=0).fit(X)
    >>> late, upside_down = np.exp(-((t - 22) ** 2) / 8), -X[0]
    >>> score = energy.score_samples(np.array([late, upside_down]))
    >>> bool(score[0] > -0.1), bool(score[1] < -1)
    (True, True)
    """

    _parameter_constraints: Constraints = {
        "shape": [tuple, list, None],
        "n_templates": [Interval(Integral, 1, None, closed="left")],
        **{name: SHARED[name] for name in ("window", "slope", "random_state")},
    }

    def __init__(
        self,
        shape: tuple[int, int] | None = None,
        *,
        n_templates: int = 10,
        window: float | None = None,
        slope: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.shape = shape
        self.n_templates = n_templates
        self.window = window
        self.slope = slope
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Draw templates.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples of the mode.
        y : None
            Ignored.

        Returns
        -------
        self : AlignmentEnergy
            Fitted estimator.

        Raises
        ------
        ValueError
            If `shape` does not fit the number of columns.
        """
        table = validate_data(self, X, dtype=[np.float64, np.float32])
        shape = (1, table.shape[1]) if self.shape is None else tuple(self.shape)
        if len(shape) != 2 or int(np.prod(shape)) != table.shape[1] or min(shape) < 1:
            raise ValueError(
                f"shape={self.shape!r} must be (channels, steps) of the "
                f"{table.shape[1]} columns."
            )
        rng = check_random_state(self.random_state)
        drawn = rng.permutation(len(table))[: self.n_templates]
        self.templates_ = table[drawn].reshape(-1, *shape)
        return self

    @ordinary_state()
    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Tell how well samples can be aligned with a template.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples of the mode.

        Returns
        -------
        score : ndarray of shape (n_samples,)
            Minus the sum of squared differences along the cheapest path, to the nearest
            template; 0 at most.
        """
        check_is_fitted(self)
        table = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        n_templates, *shape = self.templates_.shape
        restrictions = Restrictions(self.window, self.slope)
        size = max(1, _PAIRS // n_templates)
        scores = []
        for start in range(0, len(table), size):
            rows = table[start : start + size].astype(np.float64).reshape(-1, *shape)
            first = np.repeat(rows, n_templates, axis=0)
            second = np.tile(self.templates_.astype(np.float64), (len(rows), 1, 1))
            _, cost = warp_pair([first, second], restrictions)
            scores.append(-cost.reshape(len(rows), n_templates).min(axis=1))
        return np.concatenate(scores)
