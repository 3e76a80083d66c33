"""Data sets bundled with scikit-learn, seen as multimodal."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.utils import Bunch

#: A Bunch or, with ``return_X_y=True``, a pair. A union of the two would make every
#: caller tell them apart for type checkers.
Dataset: TypeAlias = Bunch | Any

_BREAST_CANCER_MODES = """

Modes
-----
The 30 features form three modes of ten: the `mean` of ten measurements over the
cell nuclei of an image, its standard `error`, and its `worst` value, which is the
mean of the three largest.
"""

_DIGITS_MODES = """

Modes
-----
The 64 pixels form four modes of sixteen, the quadrants of the image: `top_left`,
`top_right`, `bottom_left` and `bottom_right`.
"""


def load_breast_cancer_modes(
    *, return_X_y: bool = False, as_frame: bool = False
) -> Dataset:
    """Load the breast cancer data set as three modes of ten features.

    Ten measurements of cell nuclei are each given by their mean over an image
    (mode ``"mean"``), its standard error (``"error"``) and their worst value
    (``"worst"``). The modes are largely redundant, and none is pure noise.

    =================   ==============
    Classes                          2
    Samples total                  569
    Dimensionality                  30
    Modes                            3
    Features            real, positive
    =================   ==============

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, the data is a pandas DataFrame whose columns are named
        ``mode__feature``, and the target a pandas Series.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : {ndarray, DataFrame} of shape (569, 30)
            The samples, with the columns in scikit-learn's order.
        target : {ndarray, Series} of shape (569,)
            The class of each sample: 0 for malignant, 1 for benign.
        feature_names : list of str
            The names of the columns, ``mode__feature``.
        target_names : ndarray of str
            The names of the classes.
        modes : dict of str to list
            The columns of each mode, by index, or by name if `as_frame`.
        frame : DataFrame of shape (569, 31) or None
            Data and target together; None unless `as_frame`.
        DESCR : str
            The description of the data set.

    (data, target) : tuple if `return_X_y`
        The samples and their classes, as above.

    See Also
    --------
    sklearn.datasets.load_breast_cancer : The original, with its full description.

    Examples
    --------
    >>> from sklearn_emma.datasets import load_breast_cancer_modes
    >>> cancer = load_breast_cancer_modes()
    >>> list(cancer.modes)
    ['mean', 'error', 'worst']
    >>> cancer.modes["error"]
    [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]
    """
    original = load_breast_cancer()
    return multimodal_bunch(
        original.data,
        original.target,
        feature_names=[_breast_cancer_column(name) for name in original.feature_names],
        target_names=original.target_names,
        DESCR=original.DESCR.rstrip() + _BREAST_CANCER_MODES,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_digits_quadrants(
    *, n_class: int = 10, return_X_y: bool = False, as_frame: bool = False
) -> Dataset:
    """Load the digits data set as four modes, the quadrants of the image.

    Each image of 8x8 pixels is cut into four quadrants of 4x4 pixels: the modes
    ``"top_left"``, ``"top_right"``, ``"bottom_left"`` and ``"bottom_right"``. A
    quadrant alone leaves some digits ambiguous, so the modes complement each
    other.

    =================   ==============
    Classes                         10
    Samples per class             ~180
    Samples total                 1797
    Dimensionality                  64
    Modes                            4
    Features             integers 0-16
    =================   ==============

    Parameters
    ----------
    n_class : int, default=10
        The number of classes to return, between 1 and 10: the digits below it.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, the data is a pandas DataFrame whose columns are named
        ``mode__feature``, and the target a pandas Series.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : {ndarray, DataFrame} of shape (1797, 64)
            The images, flattened row by row: the columns of a mode are not
            neighbours.
        target : {ndarray, Series} of shape (1797,)
            The digit of each image.
        feature_names : list of str
            The names of the columns, ``mode__pixel_row_column``.
        target_names : ndarray of int
            The digits.
        modes : dict of str to list
            The columns of each mode, by index, or by name if `as_frame`.
        frame : DataFrame of shape (1797, 65) or None
            Data and target together; None unless `as_frame`.
        images : ndarray of shape (1797, 8, 8)
            The images.
        DESCR : str
            The description of the data set.

    (data, target) : tuple if `return_X_y`
        The samples and their classes, as above.

    Raises
    ------
    ValueError
        If `n_class` is not between 1 and 10.

    See Also
    --------
    sklearn.datasets.load_digits : The original, with its full description.

    Examples
    --------
    >>> from sklearn_emma.datasets import load_digits_quadrants
    >>> digits = load_digits_quadrants()
    >>> list(digits.modes)
    ['top_left', 'top_right', 'bottom_left', 'bottom_right']
    >>> digits.modes["top_right"][:6]
    [4, 5, 6, 7, 12, 13]
    """
    original = load_digits(n_class=n_class)
    feature_names = [
        f"{'top' if row < 4 else 'bottom'}_{'left' if column < 4 else 'right'}"
        f"__pixel_{row}_{column}"
        for row in range(8)
        for column in range(8)
    ]
    return multimodal_bunch(
        original.data,
        original.target,
        feature_names=feature_names,
        # scikit-learn names all ten digits, whatever n_class.
        target_names=original.target_names[:n_class],
        images=original.images,
        DESCR=original.DESCR.rstrip() + _DIGITS_MODES,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _breast_cancer_column(name: str) -> str:
    """Rename ``"mean smoothness"`` to ``"mean__smoothness"``."""
    words = name.split()
    # The one statistic that scikit-learn writes last: "smoothness error".
    if words[-1] == "error":
        words = ["error", *words[:-1]]
    return f"{words[0]}__{'_'.join(words[1:])}"


def multimodal_bunch(
    data: np.ndarray,
    target: np.ndarray,
    *,
    feature_names: list[str],
    return_X_y: bool,
    as_frame: bool,
    **others: object,
) -> Dataset:
    """Make a Bunch, or a pair, of `data` (n, d) and `target` (n,).

    The modes are taken from the `feature_names`, ``mode__feature``, in the order in
    which they first appear; `others` are further entries of the Bunch.
    """
    modes: dict[str, list[str | int]] = {}
    for index, name in enumerate(feature_names):
        mode, _, _ = name.partition("__")
        modes.setdefault(mode, []).append(name if as_frame else index)

    X, y, frame = data, target, None
    if as_frame:
        X = pd.DataFrame(data, columns=feature_names)
        y = pd.Series(target, name="target")
        frame = pd.concat([X, y], axis=1)
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        feature_names=feature_names,
        modes=modes,
        frame=frame,
        **others,
    )
