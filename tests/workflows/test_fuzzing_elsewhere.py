"""Hostile inputs of a search and of an energy that is used by itself."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from workflows.fuzzing import EITHER, FAILS, WORKS, composed, ordinary
from workflows.fuzzing_checks import check_error, only_our_warnings
from workflows.fuzzing_data import TABLES, VALUES
from workflows.fuzzing_labels import WEIGHTS
from workflows.fuzzing_parts import CHOICES, CORRUPTIONS, ENERGIES
from workflows.fuzzing_predictors import PREDICTORS
from workflows.test_fuzzing import attempt, draws

from helpers import small
from sklearn_emma.model_selection import EMMAGridSearchCV

# ------------------------------------------------------------------ an energy by itself

# There is no y to have as many rows, and no mode to need columns.
FREE = {"other rows", "few columns", "many columns"}
OF_ONE_MODE = [
    piece for piece in [*VALUES, *TABLES, *WEIGHTS] if "class" not in piece.name
]


@pytest.mark.parametrize("number", range(len(OF_ONE_MODE)), ids=map(str, OF_ONE_MODE))
def test_a_hostile_piece_in_a_single_mode(number):
    piece = OF_ONE_MODE[number]
    case = composed([piece], draws(number, 4))
    if np.isnan(case.values).any() or piece.name == "Python's None":
        piece = replace(piece, verdict=FAILS, culprit="Column .*, row .*: a missing")
    piece = replace(piece, culprit=re.sub(r" of mode [^,]*", "", piece.culprit))
    if piece.name in FREE:
        piece = replace(piece, verdict=WORKS)
    model = small(max_iter=1)
    weight = case.fit.get("sample_weight")
    error = attempt(lambda: model.fit(case.X, sample_weight=weight), case, model)
    if error is not None:
        check_error(error, piece)
        assert not hasattr(model, "components_")
        return
    assert piece.verdict != FAILS, f"{piece} passed"
    with only_our_warnings():
        scores, moved = model.score_samples(case.X), model.reconstruct(case.X)
        alone = model.score_samples(np.asarray(case.X)[:1]) if piece.same else scores
        errors = model.reconstruction_error(case.X)
    assert scores.shape == errors.shape == (len(moved),)
    assert np.isfinite(scores).all() and np.isfinite(moved).all()
    assert np.isfinite(errors).all() and (errors >= 0).all()
    np.testing.assert_allclose(alone[0], scores[0], rtol=1e-5)
    if piece.same:
        values = ordinary(0).values
        expected = small(max_iter=1).fit(values).score_samples(values)
        np.testing.assert_allclose(scores, expected, rtol=1e-6)


# --------------------------------------------------------------------------- candidates

# Half of the parameters that fail, each with an ordinary candidate beside it.
CANDIDATES = [
    piece
    for piece in [*CHOICES, *ENERGIES, *CORRUPTIONS, *PREDICTORS]
    if piece.verdict == FAILS
][::2]


def searched(candidates, **options):
    case = ordinary(0)
    case.evidence = False  # it is learnt before the candidates are
    grid = [{name: [value] for name, value in params.items()} for params in candidates]
    search = EMMAGridSearchCV(case.estimator(), grid, cv=2, refit=False, **options)
    return search, case


@pytest.fixture(scope="module")
def ordinary_score():
    search, case = searched([{"lr": 1e-3}])
    return search.fit(case.values, case.y).cv_results_["mean_test_score"][0]


@pytest.mark.parametrize("number", range(len(CANDIDATES)), ids=map(str, CANDIDATES))
def test_a_hostile_candidate_takes_no_other_along(number, ordinary_score):
    piece = CANDIDATES[number]
    hostile = composed([piece], draws(number, 5)).params
    search, case = searched([hostile, {"lr": 1e-3}])
    with warnings.catch_warnings(record=True, action="always") as caught:
        search.fit(case.values, case.y)
    first, second = search.cv_results_["mean_test_score"]
    assert np.isnan(first) and second == ordinary_score
    told = "\n".join(str(warning.message) for warning in caught)
    check_error(ValueError(told), piece)


# --------------------------------------------------------------------- data of a search

DATA = [piece for piece in [*VALUES, *TABLES, *WEIGHTS] if piece.verdict == FAILS][::3]


@pytest.mark.parametrize("number", range(len(DATA)), ids=map(str, DATA))
def test_hostile_data_of_a_search(number):
    piece = DATA[number]
    case = composed([piece], draws(number, 6))
    search = EMMAGridSearchCV(
        case.estimator(), {"lr": [1e-3]}, cv=2, error_score="raise"
    )
    error = attempt(lambda: search.fit(case.X, case.y, **case.fit), case, search)
    assert error is not None, f"{piece} passed"
    check_error(error, replace(piece, verdict=EITHER))
    assert not hasattr(search, "cv_results_")
