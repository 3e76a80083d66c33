"""Classes as a target: what training and prediction read from labels."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight

from sklearn_emma._inputs.targets import Classes, chunk_labels
from sklearn_emma.losses import hinge_loss, nll_loss

LABELS = {
    "text": ["ham", "spam", "eggs"],
    "objects": np.array(["ham", "spam", "eggs"], dtype=object),
    "numbers": [7, -1, 3],
    "floats": [2.0, 0.0, 1.0],
    "truth": [True, False],
}


@st.composite
def targets(draw):
    """Sorted labels of a kind, y that holds each at least twice, class indices of y."""
    labels = np.sort(np.asarray(LABELS[draw(st.sampled_from(sorted(LABELS)))]))
    more = st.lists(st.integers(0, len(labels) - 1), max_size=12)
    drawn = [*range(len(labels)), *range(len(labels)), *draw(more)]
    indices = np.array(draw(st.permutations(drawn)))
    return labels, labels[indices], indices


@given(case=targets())
def test_classes_are_the_sorted_labels_and_y_is_encoded_by_its_place_among_them(case):
    labels, y, indices = case
    target = Classes.from_labels(y)
    np.testing.assert_array_equal(target.labels, labels)
    assert target.n_outputs == target.n_groups == len(labels)
    encoded = target.encode(y)
    for found, value in zip(encoded, y, strict=True):
        assert found == list(labels).index(value)
    np.testing.assert_array_equal(encoded, indices)


@given(case=targets(), seed=st.integers(0, 2**32 - 1))
def test_the_answer_is_the_label_of_the_largest_logit(case, seed):
    labels, y, indices = case
    target = Classes.from_labels(y)
    logits = np.random.default_rng(seed).normal(size=(len(y), len(labels)))
    answers = target.decode(logits)
    assert answers.dtype == target.labels.dtype
    for row, answer in zip(logits, answers, strict=True):
        assert answer == labels[list(row).index(max(row))]
    sure = np.eye(len(labels))[indices]
    np.testing.assert_array_equal(target.decode(sure), y)
    np.testing.assert_array_equal(target.encode(target.decode(sure)), indices)


@given(case=targets())
def test_splits_are_stratified_by_labels_and_groups_are_classes(case):
    _, y, indices = case
    target = Classes.from_labels(y)
    np.testing.assert_array_equal(target.stratify(indices), y)
    groups = target.groups(indices)
    np.testing.assert_array_equal(groups, indices)
    assert set(groups) == set(range(target.n_groups))


def test_the_loss_is_the_log_loss_of_each_sample():
    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(8, 3)), rng.integers(3, size=8)
    losses = Classes(np.arange(3)).loss(torch.from_numpy(logits), torch.from_numpy(y))
    assert losses.shape == (8,)
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for row, loss in enumerate(losses):
        assert loss.item() == pytest.approx(-math.log(proba[row, y[row]]))
    expected = log_loss(y, proba, labels=[0, 1, 2])
    assert losses.mean().item() == pytest.approx(expected)


def test_other_losses_are_those_of_energies_which_are_minus_logits():
    rng = np.random.default_rng(0)
    logits, y = torch.from_numpy(rng.normal(size=(8, 3))), torch.arange(8) % 3
    target = Classes.from_labels(np.array([1, 2, 3, 1, 2, 3]), loss="hinge")
    assert not target.gives_probabilities
    assert torch.equal(target.loss(logits, y), hinge_loss(-logits, y))
    default = Classes.from_labels(np.array([1, 2, 3, 1, 2, 3]))
    assert default.gives_probabilities
    assert torch.equal(default.loss(logits, y), nll_loss(-logits, y))


def test_the_baseline_is_the_log_loss_of_the_frequencies_of_classes():
    y, weight = np.array([0, 0, 1]), np.array([1.0, 2.0, 1.0])
    labels = np.array([0, 1])
    expected = log_loss(y, [[0.75, 0.25]] * 3, sample_weight=weight)
    assert Classes(labels).baseline(y, weight) == pytest.approx(expected)
    hinge = Classes(labels, energy_loss=hinge_loss)
    assert hinge.baseline(y, weight) is None


def test_there_is_nothing_to_learn_but_labels():
    target = Classes(np.array(["a", "b", "c"]))
    assert target.n_classes == 3
    assert target.learn(np.array([0, 1]), np.ones(2)) is target


# ------------------------------------------------------------------- weights of classes


@given(case=targets())
def test_balanced_factors_are_scikit_learns_where_all_samples_count_alike(case):
    labels, y, indices = case
    factors = Classes(labels, "balanced").factors(indices, np.ones(len(y)))
    expected = compute_class_weight("balanced", classes=labels, y=y)[indices]
    np.testing.assert_allclose(factors, expected)


@given(case=targets(), data=st.data())
def test_balanced_factors_count_samples_by_their_weight(case, data):
    labels, y, indices = case
    some = st.lists(st.integers(1, 4), min_size=len(y), max_size=len(y))
    weight = np.array(data.draw(some))
    factors = Classes(labels, "balanced").factors(indices, weight.astype(float))
    repeated = np.repeat(y, weight)
    expected = compute_class_weight("balanced", classes=labels, y=repeated)[indices]
    np.testing.assert_allclose(factors, expected)
    # All classes have the same share in the loss.
    shares = np.bincount(indices, weights=factors * weight)
    np.testing.assert_allclose(shares, weight.sum() / len(labels))


def test_factors_are_those_given_by_label_and_1_for_the_others():
    target = Classes(np.array(["eggs", "ham", "spam"]), {"spam": 3.0, "eggs": 0.0})
    y = np.array([2, 1, 0, 1])
    np.testing.assert_array_equal(target.factors(y, np.ones(4)), [3, 1, 0, 1])
    alike = Classes(target.labels).factors(y, np.arange(4.0))
    np.testing.assert_array_equal(alike, np.ones(4))


def test_a_class_that_is_absent_may_have_a_weight_if_all_others_have():
    """As in scikit-learn: a fold may lack it. Otherwise it is a slip."""
    labels = np.array([0, 1])
    factors = Classes(labels, {0: 2.0, 1: 3.0, 9: 4.0}).factors(labels, np.ones(2))
    np.testing.assert_array_equal(factors, [2, 3])
    with pytest.raises(ValueError, match=r"names 9, .*the classes are \[0, 1\]"):
        Classes(labels, {0: 2.0, 9: 4.0}).factors(labels, np.ones(2))


@pytest.mark.parametrize(
    "class_weight",
    [{0: -1.0}, {0: math.nan}, {0: math.inf}, {0: "a"}, {0: None}, {0: 0, 1: 0}],
    ids=str,
)
def test_class_weights_that_are_no_weights_are_named(class_weight):
    target = Classes(np.array([0, 1]), class_weight)
    with pytest.raises(ValueError, match=r"must be finite, >= 0 and not all 0, got \{"):
        target.factors(np.array([0, 1]), np.ones(2))


# --------------------------------------------------------------------------- bad labels


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, 1, 1], "y has 1 class: 1"),
        (["a", "a"], "y has 1 class: 'a'"),
        ([0, 1, 2], "3 classes in 3 samples.*regression"),
        ([0.5, 1.5, 0.2], "Unknown label type: continuous"),
    ],
)
def test_labels_that_no_classifier_can_learn_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        Classes.from_labels(np.array(y))


def test_two_samples_of_two_classes_are_enough():
    assert Classes.from_labels(np.array([1, 0])).n_outputs == 2


def test_labels_of_two_types_are_said_to_be_those_of_y():
    mixed = np.array(["one", 0, 1, 0], dtype=object)
    with pytest.raises(TypeError, match="y must have labels of one type"):
        Classes.from_labels(mixed)
    dates = np.array(["2020", "2021"], "M8[Y]")
    with pytest.raises(TypeError, match="y must have labels of one type"):
        Classes(np.array([0, 1])).accept(dates)


def test_known_labels_are_accepted_and_a_strange_one_is_named():
    target = Classes(np.array(["a", "b", "c"]))
    assert target.accept(np.array(["c", "a", "c"])) is target
    with pytest.raises(ValueError, match=r"label 'd'.*first call: \['a', 'b', 'c'\]"):
        target.accept(np.array(["a", "d"]))
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        Classes(np.array([0, 1])).accept(np.array([0.5, 1.0]))


@pytest.mark.parametrize(
    ("known", "classes", "expected"),
    [
        (None, [3, 1], [1, 3]),
        (np.array([1, 3]), None, [1, 3]),
        (np.array([1, 3]), [3, 1, 1], [1, 3]),
        (None, ["b", "a"], ["a", "b"]),
    ],
)
def test_labels_of_chunks_are_those_of_the_first_call(known, classes, expected):
    assert chunk_labels(known, classes).tolist() == expected


@pytest.mark.parametrize(
    ("known", "classes", "message"),
    [
        (None, None, "needs `classes`.*first call"),
        (None, [1], r"two or more, got \[1\]"),
        (np.array([0, 1]), [0, 2], r"those of the first call, \[0, 1\]; got \[0, 2\]"),
    ],
)
def test_labels_of_chunks_that_are_missing_or_others_are_named(known, classes, message):
    with pytest.raises(ValueError, match=message):
        chunk_labels(known, classes)
