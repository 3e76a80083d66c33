"""Numbers as a target: what training and prediction read from values."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.preprocessing import StandardScaler

from sklearn_emma._inputs.numbers import Numbers
from sklearn_emma.losses import Gaussian

Y = np.array([[1.0, 100.0], [2.0, 300.0], [4.0, 200.0], [1.0, 100.0]])
WEIGHT = np.array([1.0, 2.0, 3.0, 0.5])


def learnt(y=Y, loss="squared_error", weight=WEIGHT):
    target = Numbers.from_values(y, loss)
    return target.learn(target.encode(y), weight)


def test_values_are_standardised_by_weighted_training_statistics():
    expected = StandardScaler().fit(Y, sample_weight=WEIGHT)
    target = learnt()
    np.testing.assert_allclose(target.location, expected.mean_)
    np.testing.assert_allclose(target.scale, expected.scale_)
    found = target.standardise(torch.from_numpy(Y))
    np.testing.assert_allclose(found, expected.transform(Y))


@pytest.mark.parametrize("y", [Y, Y[:, 0], Y[:, :1]])
def test_answers_undo_the_standardisation_in_the_shape_of_y(y):
    target = learnt(y)
    outputs = target.standardise(torch.from_numpy(y)).numpy()
    assert outputs.shape == (4, target.n_outputs)
    answers = target.decode(outputs)
    assert answers.shape == y.shape
    np.testing.assert_allclose(answers, y)


def test_the_loss_is_that_of_standardised_values_in_the_type_of_the_outputs():
    target = learnt(Y[:, 0])
    z = (Y[:, 0] - target.location) / target.scale
    outputs = torch.tensor([[0.5]] * 4, dtype=torch.float32)
    found = target.loss(outputs, torch.from_numpy(Y[:, 0]))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, (z - 0.5) ** 2 / 2, rtol=1e-6)
    own = learnt(Y, lambda predicted, y: (predicted - y).abs().amax(1))
    np.testing.assert_allclose(
        own.loss(torch.zeros(4, 2), torch.from_numpy(Y)),
        np.abs(StandardScaler().fit(Y, sample_weight=WEIGHT).transform(Y)).max(1),
        rtol=1e-6,
    )


def test_the_loss_of_the_mean_is_the_baseline():
    target = learnt(Y[:, 0])
    assert target.baseline(Y[:, 0], WEIGHT) == pytest.approx(
        0.5
    )  # half a variance of 1


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e-9, 1e12])
def test_what_never_changes_is_answered_as_it_is(constant):
    y = np.full(7, constant)
    target = learnt(y, weight=np.ones(7))
    outputs = np.random.default_rng(0).normal(size=(7, 1))
    np.testing.assert_allclose(target.decode(outputs), y, rtol=1e-15)
    losses = target.loss(torch.from_numpy(outputs), torch.from_numpy(y))
    np.testing.assert_allclose(losses, outputs[:, 0] ** 2 / 2)


@given(unit=st.sampled_from([1e-300, 1e-6, 1.0, 1e9, 1e307]), shift=st.floats(-10, 10))
def test_units_and_offsets_of_y_do_not_matter(unit, shift):
    plain, other = (learnt(y) for y in (Y, unit * (Y / 100 + shift)))
    found = other.standardise(torch.from_numpy(unit * (Y / 100 + shift)))
    expected = plain.standardise(torch.from_numpy(Y))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_learnt_spread_is_in_the_units_of_y_and_not_below_its_floor():
    target = learnt(Y, Gaussian(floor=0.01))
    assert target.n_outputs == 4
    outputs = np.array([[0.0, 0.0, 0.0, -1e3]])
    np.testing.assert_allclose(target.decode(outputs), target.location[np.newaxis])
    spread = target.spread(outputs)
    np.testing.assert_allclose(spread, [[1.01, 0.01] * target.scale])
    with pytest.raises(ValueError, match='return_std=True needs loss="gaussian"'):
        learnt().spread(outputs)


def test_all_samples_are_alike_but_for_their_values():
    target = learnt()
    np.testing.assert_array_equal(target.factors(Y, WEIGHT), np.ones(4))
    np.testing.assert_array_equal(target.groups(Y), np.zeros(4))
    assert target.stratify(Y) is None
    assert target.n_groups == 1 and target.n_classes is None


def test_more_values_are_standardised_as_the_first():
    target = learnt()
    more = target.accept(Y * 2 + 1, "absolute_error")
    assert more.learn(Y * 2 + 1, WEIGHT) is more
    np.testing.assert_array_equal(more.location, target.location)
    np.testing.assert_array_equal(more.scale, target.scale)
    outputs = torch.zeros(4, 2)
    y = torch.from_numpy(Y)
    assert not torch.equal(more.loss(outputs, y), target.loss(outputs, y))


@pytest.mark.parametrize(
    "y, loss, message",
    [
        (
            Y[:, 0],
            "huber",
            r"shape of the first fit, \(n_samples, 2\); got \(n_samples,",
        ),
        (Y, "gaussian", "as many outputs .* the first fit, 1; 'gaussian' has 2"),
        (np.array([["a"], ["b"]]), "huber", "must hold numbers, got the type <U1"),
    ],
)
def test_more_values_have_the_shape_of_the_first(y, loss, message):
    with pytest.raises(ValueError, match=message):
        learnt().accept(y, loss)


@pytest.mark.parametrize(
    "y, message",
    [
        (np.array(["1.5", "2.5"]), "must hold numbers.*EMMAClassifier"),
        (np.array([1 + 2j, 3]), "must hold numbers"),
        (csr_array(Y), "must be dense"),
        (Y[:, :0], r"a column at least, got the shape \(4, 0\)"),
    ],
)
def test_what_holds_no_numbers_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        Numbers.from_values(y, "squared_error")


@pytest.mark.parametrize(
    "y", [np.array([True, False]), np.array([1, 2], dtype=np.int8)]
)
def test_whole_numbers_and_truths_are_numbers(y):
    assert Numbers.from_values(y, "squared_error").encode(y).dtype == np.float64
