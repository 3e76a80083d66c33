"""scikit-learn's own tests of its search, with ours in the place of GridSearchCV.

Once as it is, which hands other estimators on to GridSearchCV, would prove little: here
every estimator is trained beforehand, as EMMAClassifier is. What legitimately differs:

- ``test_search_callbacks_propagation``: callbacks see the search, each candidate on
  each split and the refit, but nothing from within an estimator that is trained
  together with others, before the search asks for it.
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV

from helpers import search_data, searchable
from sklearn_emma.model_selection import EMMAGridSearchCV

DIFFERENT = ["test_search_callbacks_propagation"]
OF_OTHER_SEARCHES = ["Random", "random", "Halving", "halving"]
CONFTEST = """
from sklearn.conftest import *
from sklearn_emma.model_selection import _search
_search.has_emma = lambda estimator, candidate: True
"""

X, Y, _ = search_data()


def test_scikit_learns_own_tests_pass(tmp_path):
    theirs = find_spec("sklearn.model_selection.tests.test_search")
    source = Path(theirs.origin).read_text("utf-8")
    source = re.sub(r"^    GridSearchCV,\n", "", source, count=1, flags=re.MULTILINE)
    ours = "from sklearn_emma.model_selection import EMMAGridSearchCV as GridSearchCV\n"
    (tmp_path / "test_ours.py").write_text(ours + source, "utf-8")
    (tmp_path / "conftest.py").write_text(CONFTEST, "utf-8")
    chosen = " and ".join(f"not {name}" for name in DIFFERENT + OF_OTHER_SEARCHES)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "ignore", "-k", chosen]
    command += ["-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={tmp_path}"]
    run = subprocess.run(
        [*command, str(tmp_path / "test_ours.py")],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", run.stdout)[1]) > 80


# --------------------------------------------------------------------------- callbacks


class Recorder:
    """One of scikit-learn's callbacks; notes what it is told, and by whom."""

    max_propagation_depth = None

    def __init__(self):
        self.told = []

    def setup(self, estimator, context):
        self.told.append(("setup", estimator))

    def on_fit_task_begin(self, estimator, context, **data):
        self.told.append((context.task_name, estimator))

    def on_fit_task_end(self, estimator, context, **data):
        self.told.append((f"end of {context.task_name}", estimator))

    def teardown(self, estimator, context):
        self.told.append(("teardown", estimator))


@pytest.mark.filterwarnings("ignore:The estimator EMMAClassifier does not support")
def test_callbacks_are_told_of_the_real_search():
    told = []
    for kind in (GridSearchCV, EMMAGridSearchCV):
        search = kind(searchable(), {"rho": [0.3, 1.0], "lambda_e": [0.0, 0.1]}, cv=2)
        if not hasattr(search, "set_callbacks"):  # before scikit-learn 1.9
            return
        recorder = Recorder()
        assert search.set_callbacks(recorder) is search
        search.fit(X, Y)
        assert all(estimator is search for _, estimator in recorder.told)
        told.append([name for name, _ in recorder.told])
    expected, found = told
    assert found == expected
    assert found.count("candidate-split-evaluation") == 8


@pytest.mark.parametrize("fails", [False, True])
def test_a_search_is_as_it_was_given_once_it_is_over(fails):
    def score(estimator, X, y):
        assert search.estimator is not given
        if fails:
            raise KeyboardInterrupt
        return 0.0

    given, cv = searchable(), 2
    search = EMMAGridSearchCV(given, {"rho": [0.3, 1.0]}, cv=cv, scoring=score)
    before = dict(vars(search))
    if fails:
        with pytest.raises(KeyboardInterrupt):
            search.fit(X, Y)
        assert vars(search) == before
    else:
        search.fit(X, Y)
        assert {name: vars(search)[name] for name in before} == before


class Nothing(BaseEstimator):
    """Its ``fit`` returns None."""

    def __init__(self, shift=0):
        self.shift = shift

    def fit(self, X, y):
        self.fitted_ = True

    def predict(self, X):
        return X[:, 0] > self.shift

    def score(self, X, y):
        return float((self.predict(X) == y).mean())


@pytest.mark.parametrize("beforehand", [False, True])
def test_an_estimator_whose_fit_returns_nothing(beforehand, monkeypatch):
    if beforehand:
        where = "sklearn_emma.model_selection._search.has_emma"
        monkeypatch.setattr(where, lambda estimator, candidate: True)
    grid = {"shift": [0, 1, 5]}
    found, expected = (
        kind(Nothing(), grid, cv=2).fit(X, Y)
        for kind in (EMMAGridSearchCV, GridSearchCV)
    )
    assert type(found.best_estimator_) is Nothing and found.best_estimator_.fitted_
    assert found.best_params_ == expected.best_params_
    assert found.best_score_ == expected.best_score_


def test_it_is_a_grid_search_to_whoever_asks():
    assert isinstance(EMMAGridSearchCV(searchable(), {}), GridSearchCV)
