"""Hundreds of hostile inputs: the right answer, or an error that names the culprit.

Each piece is put into an ordinary case by itself, and again together with harmless
pieces of other kinds, drawn with a seed.
"""

import copy
from contextlib import nullcontext

import numpy as np
import pytest
from workflows.fuzzing import (
    FAILS,
    WORKS,
    companions,
    composed,
    plainly_fitted,
)
from workflows.fuzzing_callbacks import AMBIENT, CALLBACKS
from workflows.fuzzing_checks import (
    check_answers,
    check_error,
    check_model,
    nothing_changes,
    only_our_warnings,
)
from workflows.fuzzing_data import TABLES, VALUES
from workflows.fuzzing_labels import CORRUPTED, LABELS, MODE_SPECS, WEIGHTS
from workflows.fuzzing_parts import (
    CHOICES,
    CORRUPTIONS,
    ENERGIES,
    PARAMETERS,
)
from workflows.fuzzing_predictors import PREDICTORS

PIECES = [
    *VALUES,
    *TABLES,
    *LABELS,
    *WEIGHTS,
    *CORRUPTED,
    *MODE_SPECS,
    *CHOICES,
    *ENERGIES,
    *CORRUPTIONS,
    *CALLBACKS,
    *PREDICTORS,
    *AMBIENT,
]
EVERYTHING = [*PIECES, *PARAMETERS]
# What single modes say is learnt before these count.
WITHOUT_EVIDENCE = {"corruption", "callbacks"}


def draws(number, seed):
    return np.random.default_rng([number, seed])


@pytest.fixture
def trainings(monkeypatch):
    """Names of the parts that were trained, in the order of training."""
    done = []

    def counted(where, train):
        def call(*args, **kwargs):
            done.append(where)
            return train(*args, **kwargs)

        return call

    for where in ("_training.networks", "_training.joint_training"):
        name = f"sklearn_emma.{where}.train"
        monkeypatch.setattr(name, counted(where, _resolved(name)))
    return done


def _resolved(name):
    module, _, attribute = name.rpartition(".")
    return getattr(__import__(module, fromlist=[attribute]), attribute)


def attempt(call, case, model):
    """The error of a call, if there is one; nothing else is changed by it."""
    ambient = case.ambient or nullcontext
    with only_our_warnings(), ambient(), nothing_changes(case, model) as unchanged:
        try:
            call()
        except Exception as error:
            unchanged()
            return error
    return None


def fit_and_check(case, pieces, model, trainings):
    piece = next((p for p in pieces if p.verdict != WORKS), pieces[0])
    trained_before = len(trainings)
    error = attempt(lambda: model.fit(case.X, case.y, **case.fit), case, model)
    if error is not None:
        check_error(error, piece)
        assert not piece.early or len(trainings) == trained_before
        return False
    assert piece.verdict != FAILS, f"{piece} passed"
    with only_our_warnings():
        check_model(model, case)
        check_answers(model, case.X, case)
    return True


@pytest.mark.parametrize("number", range(len(EVERYTHING)), ids=map(str, EVERYTHING))
def test_a_hostile_piece_by_itself(number, trainings):
    piece = EVERYTHING[number]
    case = composed([piece], draws(number, 0))
    # Evidence takes much of the time: every third predictor has it.
    case.evidence = number % 3 == 0 and piece.slot not in WITHOUT_EVIDENCE
    model = case.estimator()
    worked = fit_and_check(case, [piece], model, trainings)
    if worked and piece.same:
        _, proba = plainly_fitted(0, case.evidence)
        np.testing.assert_allclose(model.predict_proba(case.X), proba, rtol=1e-6)


# Every other piece is only a companion here.
@pytest.mark.parametrize("number", range(0, len(PIECES), 2), ids=map(str, PIECES[::2]))
def test_a_hostile_piece_among_harmless_ones(number, trainings):
    rng = draws(number, 1)
    pieces = companions(PIECES[number], PIECES, rng)
    case = composed(pieces, rng, seed=1)
    case.evidence = False
    # Fitted before: an error must leave that as it was.
    model = copy.deepcopy(plainly_fitted(1, case.evidence)[0])
    model.set_params(**case.estimator().get_params(deep=False))
    if fit_and_check(case, pieces, model, trainings):
        fresh = case.estimator()
        with only_our_warnings():
            fresh.fit(case.X, case.y, **case.fit)
            again, once = fresh.predict_proba(case.X), model.predict_proba(case.X)
        np.testing.assert_allclose(again, once, rtol=1e-6)


# A chunk may lack a class, and of these pieces one takes a class away.
BY_CHUNKS = [
    piece
    for piece in [*VALUES, *TABLES, *WEIGHTS, *CORRUPTED, *MODE_SPECS]
    if piece.verdict == FAILS and "class" not in piece.name
]


@pytest.mark.parametrize("number", range(len(BY_CHUNKS)), ids=map(str, BY_CHUNKS))
def test_a_hostile_piece_in_a_chunk(number):
    piece = BY_CHUNKS[number]
    case = composed([piece], draws(number, 3))
    model = case.estimator()

    def call():
        model.partial_fit(case.X, case.y, classes=[0, 1], **case.fit)

    error = attempt(call, case, model)
    assert error is not None, f"{piece} passed"
    check_error(error, piece)


ANSWERED = [*VALUES, *TABLES]


@pytest.mark.parametrize("number", range(len(ANSWERED)), ids=map(str, ANSWERED))
def test_a_hostile_piece_at_prediction(number):
    piece = ANSWERED[number]
    case = composed([piece], draws(number, 2))
    model, _ = plainly_fitted(0)
    with only_our_warnings():
        error = attempt(lambda: model.explain(case.X), case, model)
        if error is None:
            case.values = case.values[: len(case.X)]
            check_answers(model, case.X, case)
        else:
            check_error(error, piece)
