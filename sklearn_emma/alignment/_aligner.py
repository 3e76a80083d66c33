"""A transformer that brings the sequence modes of X onto one clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_emma._inputs.tables import read_table
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._validation import (
    Constraints,
    StrOptions,
    check_feature_names_in,
    fit_context,
    unchanged_on_error,
)
from sklearn_emma.alignment._aligned import Aligned
from sklearn_emma.alignment._base import SHARED, BaseTimeWarping
from sklearn_emma.alignment._canonical import CanonicalTimeWarping, DynamicTimeWarping
from sklearn_emma.alignment._deep import DeepCanonicalTimeWarping
from sklearn_emma.alignment._generalized import GeneralizedCanonicalTimeWarping
from sklearn_emma.alignment._modes import SequenceModes

METHODS: dict[str, type[BaseTimeWarping]] = {
    "dtw": DynamicTimeWarping,
    "ctw": CanonicalTimeWarping,
    "gctw": GeneralizedCanonicalTimeWarping,
    "dctw": DeepCanonicalTimeWarping,
}
# Rows that are aligned at once: it bounds memory.
_ROWS = 512


class SequenceAligner(TransformerMixin, BaseEstimator):
    """Bring sequence modes onto the clock of one of them.

    Each sample has its own warping, which depends on nothing but the sample: the other
    modes are compared with the reference step by step, and each of its steps gets the
    mean of what was found to happen at that time. In front of the gate, sensors that
    lag behind or run at different rates then show the same event in the same column.

    Parameters
    ----------
    modes : dict of str to mode
        Modes of X. Those with a shape (channels, steps) are sequences, flattened into
        columns channel by channel: an object with ``columns`` and ``shape``, or a pair
        ``(columns, shape)``, where one number of the shape may be -1. Modes without
        such a shape, and columns in no mode, are passed through.
    method : {"dtw", "ctw", "gctw", "dctw"} or estimator, default="dtw"
        What is compared. ``"dtw"``: the standardised channels, which must be as many in
        all sequences and measure the same. ``"ctw"``: the projections of each mode and
        the reference that correlate most. ``"gctw"``: projections of all modes at once,
        on one clock. ``"dctw"``: outputs of small networks, of each mode and the
        reference. Or :class:`DynamicTimeWarping`, :class:`CanonicalTimeWarping`,
        :class:`GeneralizedCanonicalTimeWarping` or :class:`DeepCanonicalTimeWarping`
        with options of its own.
    window : float, default=None
        How far clocks may be apart, in steps of the shorter sequence; None is no
        window. A window of the largest delay that is expected keeps noise from being
        matched with noise. With an estimator as `method`, give it there.
    reference : str, default=None
        The mode whose clock the others get; None is the first of the sequences.
    random_state : int, RandomState instance or None, default=None
        For the networks of ``"dctw"``.

    Attributes
    ----------
    modes_ : dict of str to ndarray of int
        Columns of each mode after the alignment: those of sequences first, then all
        columns that were passed through. For the estimator that comes next.
    shapes_ : dict of str to tuple of int
        Shape (channels, steps) of each sequence after the alignment.
    reference_ : str
        The mode whose clock the others got.
    methods_ : dict of str to estimator
        What was fitted, by the mode that it aligns.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of X, if all are strings.

    See Also
    --------
    AlignmentEnergy : The cost of aligning a mode as its energy.

    Notes
    -----
    A mode of which a sample has no value stays missing. Where the reference is missing,
    the others run evenly over its clock. Single missing values are interpolated to find
    the path, and left out of the means.

    Examples
    --------
    The second sensor sees what the first sees, three steps later:

    >>> import numpy as np
    >>> from sklearn_emma.alignment import SequenceAligner
    >>> rng = np.random.default_rng(0)
    >>> when = rng.integers(5, 12, size=(200, 1))
    >>> t = np.arange(20)
    >>> X = np.hstack([np.exp(-((t - when - late) ** 2) / 4) for late in (0, 3)])
    >>> modes = {"fast": (slice(0, 20), (1, 20)), "slow": (slice(20, 40), (1, 20))}
    >>> aligner = SequenceAligner(modes, window=4)
    >>> fast, slow = np.hsplit(aligner.fit_transform(X), 2)
    >>> float(np.abs(X[:, :20] - X[:, 20:]).max().round(2))
    0.89
    >>> float(np.abs(fast - slow).max().round(2)) < 0.1
    True
    """

    _parameter_constraints: Constraints = {
        "modes": [Mapping],
        "method": [StrOptions(set(METHODS)), BaseTimeWarping],
        "window": SHARED["window"],
        "reference": [str, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        modes: Mapping[str, Any],
        *,
        method: str | BaseTimeWarping = "dtw",
        window: float | None = None,
        reference: str | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.modes = modes
        self.method = method
        self.window = window
        self.reference = reference
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    @ordinary_state()
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn what modes have in common.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Samples; NaN is missing.
        y : None
            Ignored.

        Returns
        -------
        self : SequenceAligner
            Fitted transformer.

        Raises
        ------
        ValueError
            If a shape does not fit its columns, the reference is no sequence, or a mode
            cannot be aligned; names the mode.
        """
        with unchanged_on_error(self):
            self._fit(X)
        return self

    def _fit(self, X: ArrayLike) -> None:
        table = self._checked(X, reset=True)
        named = X if hasattr(X, "columns") else table
        self._modes = modes = SequenceModes.of(named, self.modes)
        reference = (
            next(iter(modes.shapes)) if self.reference is None else self.reference
        )
        if reference not in modes.shapes:
            raise ValueError(
                f"reference={reference!r} is none of the sequences, which are "
                f"{list(modes.shapes)}."
            )
        after = modes.aligned(reference)
        self.reference_ = reference
        self.modes_, self.shapes_ = after.columns, after.shapes
        self._aligned = Aligned.fit(self._method(), modes, reference, modes.cut(table))
        self.methods_ = self._aligned.methods

    def _method(self) -> BaseTimeWarping:
        if isinstance(self.method, str):
            method = METHODS[self.method](window=self.window)
            seed = {"random_state": self.random_state}
            return method.set_params(**seed) if self.method == "dctw" else method
        if self.window is not None:
            raise ValueError(
                f"window={self.window!r} is for methods that are given by name: give "
                f"it to {type(self.method).__name__}."
            )
        return self.method

    @ordinary_state()
    def transform(self, X: ArrayLike) -> np.ndarray:
        """Bring all sequences onto the clock of the reference.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Samples; NaN is missing.

        Returns
        -------
        X_aligned : ndarray of shape (n_samples, n_features_out)
            Sequences in the order of ``shapes_``, then the columns that are passed
            through.
        """
        rows = self._chunks(X)
        return np.concatenate([self._aligned.transform(chunk) for chunk in rows])

    @ordinary_state()
    def alignment_cost(self, X: ArrayLike) -> np.ndarray:
        """Tell how badly each sequence agrees with the reference, once aligned.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Samples; NaN is missing.

        Returns
        -------
        cost : ndarray of shape (n_samples, n_sequences)
            Mean over the common steps of the squared distance to the reference, of what
            `method` compares, in the order of ``shapes_``. That of the reference is the
            least of the others: it is fine if it agrees with one of them. NaN where one
            of the two is missing.
        """
        rows = self._chunks(X)
        return np.concatenate([self._aligned.cost(chunk) for chunk in rows])

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Any:
        """Name the columns after the alignment.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; None are those seen in ``fit``.

        Returns
        -------
        names : ndarray of str
            ``mode__c0_t5`` is channel 0 of a mode at step 5; columns that are passed
            through keep their names.
        """
        check_is_fitted(self)
        before = check_feature_names_in(self, input_features)
        names = [
            f"{name}__c{channel}_t{step}"
            for name, (channels, steps) in self.shapes_.items()
            for channel in range(channels)
            for step in range(steps)
        ]
        return np.array([*names, *before[self._modes.rest]], dtype=object)

    def __sklearn_tags__(self) -> Tags:
        """Missing values are allowed, and types are kept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _chunks(self, X: ArrayLike) -> list[np.ndarray]:
        check_is_fitted(self)
        table = self._checked(X, reset=False)
        return [table[start : start + _ROWS] for start in range(0, len(table), _ROWS)]

    def _checked(self, X: ArrayLike, *, reset: bool) -> np.ndarray:
        table: np.ndarray = validate_data(
            self,
            read_table(X),
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
            ensure_min_features=2 if reset else 1,
            reset=reset,
        )
        return table
