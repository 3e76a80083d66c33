"""Grid search that trains the candidates of a fold together.

scikit-learn's own search scores, ranks and refits what has been fitted here, so that
results, errors and warnings are those of ``GridSearchCV``; ``_handout`` says why the
estimator that it works with changes its class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Self, TypeAlias

import numpy as np
from joblib import parallel_config
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.model_selection import (
    BaseCrossValidator,
    GridSearchCV,
    ParameterGrid,
    check_cv,
)
from sklearn.utils import indexable

from sklearn_emma._validation import (
    Constraints,
    check_method_params,
    fit_context,
    unchanged_on_error,
)
from sklearn_emma.model_selection._fitting import Params, Split, Work
from sklearn_emma.model_selection._groups import Candidate, has_emma
from sklearn_emma.model_selection._handout import (
    DrawnSplits,
    Handout,
    TrainingBrokenError,
)
from sklearn_emma.model_selection._scoring import Scoring, look_up, looked_up_by
from sklearn_emma.model_selection._training import Training

#: Values to try, by name of the parameter.
Grid: TypeAlias = Mapping[str, Sequence[object]]


class EMMAGridSearchCV(GridSearchCV):
    """GridSearchCV that trains candidates together, and is otherwise scikit-learn's.

    Candidates that differ only in ``rho``, ``lambda_c``, ``lambda_e``, ``lr`` and
    ``random_state`` are trained as one batched computation on each fold: energies are
    learnt once for each seed, and the steps of a pipeline before the classifier fitted
    once. Scores are those of :class:`~sklearn.model_selection.GridSearchCV` with the
    same ``random_state``, up to rounding.

    Candidates that differ in any other parameter are trained separately. So is a
    candidate whose classifier has ``callbacks``, ``early_stopping``, ``warm_start``, an
    ``optimizer`` other than Adam, an annealed ``rho``, a ``random_state`` that is not
    an integer, or a ``predictor`` that is a scikit-learn estimator or that
    ``torch.func`` cannot vectorise. With any other estimator this is ``GridSearchCV``.

    Parameters
    ----------
    estimator : EMMAClassifier, EMMARegressor, or Pipeline that ends with one
        Cloned, never fitted itself.
    param_grid : dict or list of dict
        Lists of values to try, by name of the parameter; in a pipeline the names are
        ``step__rho`` and so on. A list of dicts means several grids in one search.
    scoring : str, callable, list, tuple, dict or None, default=None
        How candidates are scored, one metric or several, as in
        :class:`~sklearn.model_selection.GridSearchCV`. None is the estimator's own
        ``score``.
    n_jobs : int or None, default=None
        Number of groups of candidates and folds that joblib trains at a time; large
        groups are cut where they would not keep all jobs busy. A job scores what it has
        fitted, unless jobs are threads; what raises or warns then is scored in the
        calling process.
    refit : bool, str or callable, default=True
        Whether the best candidate is fitted on all data. With several metrics, the name
        of the one that decides; or a function from ``cv_results_`` to the index of the
        best candidate.
    cv : int, cross-validator, iterable or None, default=None
        Folds, as in :class:`~sklearn.model_selection.GridSearchCV`; None is five.
    verbose : int, default=0
        Verbosity: the higher, the more is printed.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of jobs that joblib prepares in advance.
    error_score : "raise" or float, default=nan
        Score of a candidate whose fit fails. If one diverges, those trained together
        with it are not affected.
    return_train_score : bool, default=False
        Whether the training folds are scored too.

    Attributes
    ----------
    cv_results_ : dict of str to ndarray
        Scores, times and parameters, with one entry for each candidate. The time that
        candidates are trained together is divided equally between them.
    best_estimator_ : estimator
        The best candidate, fitted on all data; not with ``refit=False``.
    best_score_ : float
        Mean score of the best candidate; not with a callable ``refit``.
    best_params_ : dict
        Parameters of the best candidate.
    best_index_ : int
        Index of the best candidate in ``cv_results_``.
    scorer_ : callable or dict
        The scorer, or several by name.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds spent on fitting the best candidate on all data.
    multimetric_ : bool
        Whether there are several scorers.
    classes_ : ndarray of shape (n_classes,)
        Class labels; of a classifier, and only with ``refit``.
    n_features_in_ : int
        Number of features seen during fit; only with ``refit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : Fits candidates one by one.

    Notes
    -----
    Memory stays bounded however many candidates there are: a few million values are
    computed at a time, and candidates are trained, scored and discarded in blocks of
    some hundred. Candidates trained together have no ``attention_``, unlike the
    refitted one; scorers may call ``attention``.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.model_selection import EMMAGridSearchCV
    >>> X, y, modes = make_multimodal_classification(
    ...     n_samples=200, n_modes=2, random_state=0
    ... )
    >>> search = EMMAGridSearchCV(
    ...     EMMAClassifier(modes, max_iter=5, pretraining_max_iter=5, random_state=0),
    ...     {"rho": [0.1, 1.0, "learn"], "lambda_e": [0.0, 0.01]},
    ...     scoring="neg_log_loss",
    ...     cv=2,
    ... ).fit(X, y)
    >>> len(search.cv_results_["params"])
    6
    >>> search.predict(X[:2]).shape
    (2,)
    """

    _parameter_constraints: Constraints = {
        **GridSearchCV._parameter_constraints,
        "param_grid": [dict, list],
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        param_grid: Grid | Sequence[Grid],
        *,
        scoring: Scoring = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[[dict[str, np.ndarray]], int] = True,
        cv: int | BaseCrossValidator | Iterable[Split] | None = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: float | str = np.nan,
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, **params: ArrayLike | None
    ) -> Self:
        """Search, then refit the best candidate on all data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, as the estimator takes it.
        y : array-like of shape (n_samples,)
            Class labels.
        **params : dict of str to object
            Passed on to ``fit`` of the estimator, the scorer and the splitter, as in
            :class:`~sklearn.model_selection.GridSearchCV`: ``sample_weight``,
            ``corrupted``, ``groups``.

        Returns
        -------
        self : EMMAGridSearchCV
            The fitted search.

        Raises
        ------
        ValueError
            If a parameter, the scoring or the grid is invalid, before any training; or
            if every fit fails.
        """
        scorer, _ = self._get_scorers()  # raises before anything is trained
        candidates = list(ParameterGrid(self.param_grid))
        if not any(has_emma(self.estimator, candidate) for candidate in candidates):
            super().fit(X, y, **params)
            return self
        X, y = indexable(X, y)
        routed = self._get_routed_params_for_fit(check_method_params(X, params=params))
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y, **routed.splitter.split))
        work = Work(
            estimator=self.estimator,
            X=X,
            y=y,
            fit_params=routed.estimator.fit,
            score_params=routed.scorer.score,
            scorer=scorer,
            train_scores=self.return_train_score,
            raise_errors=self.error_score == "raise",
        )
        training = Training(
            work, splits, n_jobs=self.n_jobs, pre_dispatch=self.pre_dispatch
        )
        with unchanged_on_error(self):
            self._search(training, candidates, DrawnSplits(cv, splits), params)
            for name, times in training.times.items():
                by_split = np.array(times).reshape(len(candidates), len(splits))
                self.cv_results_[f"mean_{name}_time"] = by_split.mean(axis=1)
                self.cv_results_[f"std_{name}_time"] = by_split.std(axis=1)
        self._checked_cv_orig = cv
        return self

    def _search(
        self,
        training: Training,
        candidates: list[Candidate],
        cv: DrawnSplits,
        params: Params,
    ) -> None:
        """Run scikit-learn's search on what is trained already.

        In this object, not in a copy, for the callbacks that scikit-learn hands it to.
        """
        given = self.get_params(deep=False)
        changed: dict[str, object] = {
            "estimator": Handout.of(self.estimator, training.run(candidates)),
            "cv": cv,
            "scoring": look_up(self.scoring, self.estimator, training),
        }
        for name, value in changed.items():
            setattr(self, name, value)
        try:
            with parallel_config(backend="sequential"):  # the order of outcomes matters
                super().fit(training.work.X, training.work.y, **params)
            self.scorer_: object = looked_up_by(self.scorer_)
        except TrainingBrokenError as broken:
            assert broken.__cause__ is not None
            raise broken.__cause__ from None
        finally:
            for name in changed:
                setattr(self, name, given[name])
