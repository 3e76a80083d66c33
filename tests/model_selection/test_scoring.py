"""Scores are looked up where they are known, and computed where they are not."""

import copy
import inspect
import warnings
from threading import Thread
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, get_scorer_names

from helpers import search_data
from sklearn_emma.model_selection._scoring import (
    LookedUpScore,
    look_up,
    looked_up_by,
    scores_in_silence,
)

X, Y, LABELS = search_data()


def own(estimator, X, y, sample_weight=None):
    return 0.25


def test_a_score_is_taken_once_and_then_computed():
    source = SimpleNamespace(scores=[{"a": 1.0, "b": 2.0}])
    ask = look_up({"a": own, "b": own}, LogisticRegression(), source)
    assert [ask["b"](None, X, Y), ask["a"](None, X, Y)] == [2.0, 1.0]
    assert [ask["b"](None, X, Y), ask["a"](None, X, Y)] == [0.25, 0.25]
    source.scores = [{None: 3.0}, {None: 4.0}]
    ask = look_up(own, LogisticRegression(), source)
    assert [ask(None, X, Y) for _ in range(3)] == [3.0, 4.0, 0.25]


def test_a_scorer_of_several_gets_all_of_them():
    source = SimpleNamespace(scores=[{"a": 1.0, "b": 2.0}, {"a": 3.0}])
    ask = look_up(own, LogisticRegression(), source)
    assert ask(None, X, Y) == {"a": 1.0, "b": 2.0}
    assert ask(None, X, Y) == {"a": 3.0}
    assert source.scores == [{}, {}] and ask(None, X, Y) == 0.25


@pytest.mark.parametrize(
    "scoring",
    [
        None,
        "accuracy",
        own,
        ["accuracy", "neg_log_loss"],
        ("r2",),
        {"mine": own},
        {"own": None},
    ],
    ids=["none", "name", "function", "names", "tuple", "functions", "nones"],
)
def test_all_ways_to_name_metrics(scoring):
    estimator = LogisticRegression().fit(X, Y)
    found = looked_up_by(look_up(scoring, estimator, SimpleNamespace(scores=[])))
    if isinstance(scoring, list | tuple):
        assert repr(found) == repr({name: get_scorer(name) for name in scoring})
    elif scoring == {"own": None}:
        assert found["own"](estimator, X, Y) == estimator.score(X, Y)
    elif isinstance(scoring, dict):
        assert found == scoring
    else:
        assert found(estimator, X, Y) == (
            0.25 if scoring is own else estimator.score(X, Y)
        )


def test_it_looks_like_the_scorer():
    source = SimpleNamespace(scores=[])
    asking = LookedUpScore(own, None, source)
    assert inspect.signature(asking) == inspect.signature(own)
    assert repr(asking) == repr(own) and str(asking) == str(own)
    scorer = get_scorer("accuracy")
    asking = LookedUpScore(scorer, "accuracy", source)
    assert asking._accept_sample_weight() is scorer._accept_sample_weight()
    assert str(asking.get_metadata_routing()) == str(scorer.get_metadata_routing())
    assert copy.deepcopy(asking).name == "accuracy"
    with pytest.raises(AttributeError, match="colour"):
        _ = asking.colour


def test_numbers_are_kept_as_they_are():
    for number in (1, 0.5, np.float64(0.25), np.float32(2.0), np.int64(3)):
        found = scores_in_silence(lambda *_, n=number: n, None, X, Y)
        assert found == {None: number} and type(found[None]) is type(number)
    several = {"a": 1.0, "b": np.float64(2.0)}
    assert scores_in_silence(lambda *_: several, None, X, Y) == several


@pytest.mark.parametrize(
    "said", ["great", None, {}, {"a": 1.0, "b": "Traceback"}, np.ones(2)], ids=repr
)
def test_anything_else_is_left_to_scikit_learn(said):
    assert scores_in_silence(lambda *_: said, None, X, Y) is None


def test_errors_and_warnings_are_left_to_scikit_learn():
    def fails(*_):
        raise ValueError("no")

    def warns(*_):
        warnings.warn("well", FutureWarning, stacklevel=1)
        return 1.0

    assert scores_in_silence(fails, None, X, Y) is None
    assert scores_in_silence(warns, None, X, Y) is None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        assert scores_in_silence(warns, None, X, Y) == {None: 1.0}


def test_all_scorers_of_scikit_learn_keep_their_name():
    for name in get_scorer_names():
        scorer = get_scorer(name)
        assert repr(LookedUpScore(scorer, name, None)) == repr(scorer)


def test_nothing_is_said_of_warnings_that_may_be_those_of_another_thread():
    said = []
    thread = Thread(target=lambda: said.append(scores_in_silence(own, None, X, Y)))
    thread.start()
    thread.join()
    assert said == [None]
    assert scores_in_silence(own, None, X, Y) == {None: 0.25}
