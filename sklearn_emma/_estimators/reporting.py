"""The door from an estimator to the page that reports on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from sklearn_emma._estimators.alarms import RaisesAlarms

if TYPE_CHECKING:
    from sklearn_emma.report import Report


class Reports(RaisesAlarms):
    """``report``: one page of HTML about the model on data of the user's own."""

    def report(
        self, X: ArrayLike, y: ArrayLike | None = None, **options: Any
    ) -> Report:
        """Write a page about this model on data of your own.

        Which modes were trusted and which raised alarms, what a failing mode would
        cost, and the most unusual rows, explained: one file of HTML, which needs
        nothing beside it. Needs matplotlib.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, such as those of yesterday; NaN marks a missing value.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Their targets. Without them the page shows attention, not scores, while
            modes fail.
        **options : dict
            What else :func:`~sklearn_emma.report.make_report` takes, such as ``alpha``,
            ``title`` or ``random_state``. That function takes a pipeline or a search
            around the model too.

        Returns
        -------
        report : Report
            Shown by notebooks; :meth:`~sklearn_emma.report.Report.save` writes it to a
            file.

        Raises
        ------
        ValueError
            If an option is out of its range, there is no such mode, or X and y differ
            in length.
        NotFittedError
            If the model is not fitted.
        ImportError
            Without matplotlib.

        Examples
        --------
        >>> from sklearn_emma import EMMAClassifier
        >>> from sklearn_emma.datasets import make_multimodal_classification
        >>> X, y, modes = make_multimodal_classification(500, 2, random_state=0)
        >>> clf = EMMAClassifier(modes, max_iter=5, random_state=0)
        >>> clf = clf.fit(X[:400], y[:400])
        >>> report = clf.report(X[400:], y[400:], title="Yesterday", random_state=0)
        >>> report.save("yesterday.html")  # doctest: +SKIP
        """
        # Here, and not above: the report stands on the estimators.
        from sklearn_emma.report import make_report

        return make_report(self, X, y, **options)
