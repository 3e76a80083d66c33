"""A report, and the function that makes it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from sklearn.utils import check_consistent_length, check_random_state, resample
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._optim.torch_state import RandomStateLike
from sklearn_emma._validation import Interval, validate_parameter_constraints
from sklearn_emma.plotting._style import check_matplotlib
from sklearn_emma.report._figures import (
    attention_curve_figures,
    attention_figures,
    score_figures,
)
from sklearn_emma.report._findings import inside, look_at
from sklearn_emma.report._page import Content, document, fragment
from sklearn_emma.robustness import (
    RobustnessCurve,
    attention_curve,
    robustness_curve,
)
from sklearn_emma.robustness._inside import known_modes
from sklearn_emma.robustness._score_curve import Scoring

_CONSTRAINTS = {
    "alpha": [Interval(Real, 0, 1, closed="neither")],
    "failing": ["array-like", None],
    "n_worst": [Interval(Integral, 0, None, closed="left")],
    "n_repeats": [Interval(Integral, 1, None, closed="left")],
    "max_rows": [Interval(Integral, 1, None, closed="left")],
}


class Report:
    """One page of HTML about a fitted model, and the tables that are on it.

    A notebook shows it as it stands; :meth:`save` writes a file. Made by
    :func:`make_report`.

    Parameters
    ----------
    content : object
        What stands on the page.

    Attributes
    ----------
    modes : pandas.DataFrame
        A row for each mode: ``n_columns``; ``missing``, the share of rows without it;
        mean ``attention`` where it is not missing, and ``usual_attention``, the median
        on clean training rows; ``n_alarms``, and ``alarms`` as a share of the rows that
        have the mode; ``alarm_rows``, with how many clean rows they were compared,
        which the parts of a mode share among them.
    rows : pandas.DataFrame
        The most unusual rows, the first first: what
        :meth:`~sklearn_emma.EMMAClassifier.explain` says of them, ``p_value`` and
        ``failing`` of each mode; and, in columns whose first level is ``""``, their
        ``prediction``, ``probability`` and ``truth``.
    curves : dict of str to RobustnessCurve
        Score while each of the modes fails; empty without y.

    See Also
    --------
    make_report : Makes it.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self.modes: pd.DataFrame = content.findings.modes
        self.rows: pd.DataFrame = content.findings.rows
        self.curves: dict[str, RobustnessCurve] = dict(content.curves)

    @property
    def html(self) -> str:
        """The page as a document of its own: no scripts, no links, nothing to load."""
        return document(self._content)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file.

        Parameters
        ----------
        path : str or path-like
            Name of the file, by custom ending in ``.html``. One that is there is
            overwritten.

        Returns
        -------
        path : pathlib.Path
            The file.
        """
        path = Path(path)
        path.write_text(self.html, encoding="utf-8")
        return path

    def _repr_html_(self) -> str:
        return fragment(self._content)

    def __repr__(self) -> str:
        rang = int(self._content.findings.rings.sum())
        return f"<{self._content.title}: {_rows(rang)} with an alarm>"


def make_report(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    alpha: float = 0.01,
    failing: Sequence[str] | None = None,
    scoring: Scoring = None,
    n_worst: int = 5,
    n_repeats: int = 5,
    max_rows: int = 1000,
    title: str | None = None,
    random_state: RandomStateLike = None,
) -> Report:
    """Write a page about a fitted model on data of your own.

    It says which modes were trusted and which raised alarms, what it would cost if each
    of them failed, and explains the most unusual rows and all the numbers. Needs
    matplotlib.

    Parameters
    ----------
    estimator : fitted EMMAClassifier or EMMARegressor
        Or a pipeline, a search or a threshold classifier around one.
    X : array-like of shape (n_samples, n_features)
        Samples, such as those of yesterday; NaN marks a missing value.
    y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
        Their targets. Without them the page shows attention, not scores, while modes
        fail.
    alpha : float, default=0.01
        Share of false alarms, in (0, 1), as in
        :meth:`~sklearn_emma.EMMAClassifier.failing_modes`.
    failing : sequence of str or None, default=None
        Modes that are made to fail, one at a time; None: every mode.
    scoring : str, callable or None, default=None
        As everywhere in scikit-learn; None is the estimator's ``score``.
    n_worst : int, default=5
        How many of the most unusual rows are explained.
    n_repeats : int, default=5
        Draws of the noise that lets modes fail.
    max_rows : int, default=1000
        Rows in which modes are made to fail: a random choice of X, if it has more.
        Everything else on the page is about all rows.
    title : str or None, default=None
        Headline; None: the name of the estimator and the number of rows.
    random_state : int, RandomState instance or None, default=None
        Source of all random draws; pass an int for the same page again.

    Returns
    -------
    report : Report
        Shown by notebooks; :meth:`Report.save` writes it to a file.

    Raises
    ------
    ValueError
        If a parameter is out of its range, there is no such mode, or X and y differ in
        length.
    TypeError
        If there is no estimator with modes.
    NotFittedError
        If it is not fitted.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.report import make_report
    >>> X, y, modes = make_multimodal_classification(500, 2, random_state=0)
    >>> clf = EMMAClassifier(modes, max_iter=5, random_state=0).fit(X[:400], y[:400])
    >>> X[400:430, modes["mode_1"]] += 8  # it was broken for a while
    >>> report = make_report(clf, X[400:], y[400:], random_state=0)
    >>> report  # doctest: +ELLIPSIS
    <EMMAClassifier on 100 rows: 3... rows with an alarm>
    >>> report.modes["n_alarms"].idxmax()
    'mode_1'
    >>> path = report.save("report.html")  # doctest: +SKIP
    """
    given = {
        "alpha": alpha,
        "failing": failing,
        "n_worst": n_worst,
        "n_repeats": n_repeats,
        "max_rows": max_rows,
    }
    validate_parameter_constraints(_CONSTRAINTS, given, "make_report")
    check_matplotlib("make_report")
    check_is_fitted(estimator)
    found, arrived = inside(estimator, X)
    check_consistent_length(X, y)
    findings = look_at(estimator, X, y, alpha, n_worst)
    # Where steps before it change X, modes fail behind them.
    target, seen = (
        (found, arrived) if known_modes(estimator) is None else (estimator, X)
    )
    modes = list(found.modes_ if failing is None else failing)
    options: dict[str, Any] = {
        "n_repeats": n_repeats,
        "random_state": check_random_state(random_state).randint(2**31),
    }
    some, of_some = seen, y
    if np.shape(seen)[0] > max_rows:
        arrays = (seen,) if y is None else (seen, y)
        thinning = {"n_samples": max_rows, "random_state": options["random_state"]}
        thinned = resample(*arrays, replace=False, **thinning)
        some, of_some = (thinned, None) if y is None else thinned
    told = {"Training": found.attention_, "These rows": findings.attention}
    usual = attention_figures(told, list(found.modes_))
    figures: dict[str, str] = {}
    curves: dict[str, RobustnessCurve] = {}
    if of_some is None:
        attention = {m: attention_curve(found, some, mode=m, **options) for m in modes}
        figures = attention_curve_figures(attention)
    elif modes:
        assert of_some is not None
        options["scoring"] = scoring
        curves = {
            m: robustness_curve(target, some, of_some, mode=m, **options) for m in modes
        }
        figures = score_figures(curves)
    if title is None:
        title = f"{type(estimator).__name__} on {_rows(len(findings.rings))}"
    score = None if y is None else _score(estimator, X, y, scoring, curves)
    return Report(Content(title, alpha, findings, score, curves, usual, figures))


def _score(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    scoring: Scoring,
    curves: dict[str, RobustnessCurve],
) -> tuple[str, float]:
    name = next((curve.score_name for curve in curves.values()), "the score")
    return name, float(check_scoring(estimator, scoring)(estimator, X, y))


def _rows(n: int) -> str:
    return f"{n:,} row{'s' if n != 1 else ''}"
