"""Grid search that trains the candidates of a fold together."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from joblib import parallel_config
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import ParameterGrid, check_cv
from sklearn.utils import indexable
from sklearn.utils.parallel import Parallel, delayed

from sklearn_emma._validation import (
    BaseSearchCV,
    check_method_params,
    fit_context,
)
from sklearn_emma.model_selection._groups import (
    Outcome,
    fit_group,
    group_candidates,
)
from sklearn_emma.model_selection._handout import DrawnSplits, Handout


class EMMAGridSearchCV(BaseSearchCV):
    """DOC"""

    _parameter_constraints: dict[str, list[Any]] = {
        **BaseSearchCV._parameter_constraints,
        "param_grid": [dict, list],
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[..., int] = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: float | str = np.nan,
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_grid = param_grid

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> EMMAGridSearchCV:
        """Search, then refit the best candidate on all data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, as the estimator takes it.
        y : array-like of shape (n_samples,)
            Class labels.
        **params : dict of str to object
            For ``fit`` of the estimator, the scorer and the splitter, as in
            :class:`~sklearn.model_selection.GridSearchCV`: ``sample_weight``,
            ``corrupted``, ``groups``.

        Returns
        -------
        self : EMMAGridSearchCV
            Fitted.

        Raises
        ------
        ValueError
            If a parameter, the scoring or the grid is at fault, before any training;
            or if every fit fails.
        """
        self._get_scorers()  # raises before anything is trained
        candidates = list(ParameterGrid(self.param_grid))
        X, y = indexable(X, y)
        routed = self._get_routed_params_for_fit(check_method_params(X, params=params))
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y, **routed.splitter.split))
        outcomes = self._train(candidates, X, y, splits, routed.estimator.fit)

        # From here on it is scikit-learn's search, with nothing left to fit.
        search = copy.copy(self)
        search.estimator = Handout(self.estimator, iter(outcomes))
        search.cv = DrawnSplits(cv, splits)
        if self.scoring is None:
            search.scoring = check_scoring(self.estimator)
        with parallel_config(backend="sequential"):  # the order of outcomes matters
            super(EMMAGridSearchCV, search).fit(X, y, **params)
        times = np.array([outcome.fit_time for outcome in outcomes])
        times = times.reshape(len(candidates), len(splits))
        search.cv_results_["mean_fit_time"] = times.mean(axis=1)
        search.cv_results_["std_fit_time"] = times.std(axis=1)
        names = self.get_params(deep=False)
        vars(self).update({n: v for n, v in vars(search).items() if n not in names})
        self._checked_cv_orig = cv
        return self

    def _train(
        self,
        candidates: list[dict[str, Any]],
        X: Any,
        y: Any,
        splits: list[tuple[Any, Any]],
        fit_params: dict[str, Any],
    ) -> list[Outcome]:
        """Fit every candidate on every split; splits vary fastest."""
        groups = group_candidates(self.estimator, candidates)
        tasks = list(product(groups, enumerate(splits)))
        parallel = Parallel(n_jobs=self.n_jobs, pre_dispatch=self.pre_dispatch)
        fitted = parallel(
            delayed(fit_group)(
                self.estimator,
                [candidates[number] for number in group],
                X,
                y,
                train,
                fit_params,
                raise_errors=self.error_score == "raise",
            )
            for group, (_, (train, _)) in tasks
        )
        found: dict[tuple[int, int], Outcome] = {}
        for (group, (split, _)), outcomes in zip(tasks, fitted, strict=True):
            for number, outcome in zip(group, outcomes, strict=True):
                found[number, split] = outcome
        return [found[key] for key in sorted(found)]

    def _run_search(self, evaluate_candidates: Callable[..., Any]) -> None:
        evaluate_candidates(ParameterGrid(self.param_grid))
