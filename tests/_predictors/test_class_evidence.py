"""What single modes say of classes: against scikit-learn, loops and a grid search."""

import copy
import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._predictors import evidence as module
from sklearn_emma._predictors.class_evidence import ClassEvidence
from sklearn_emma._predictors.evidence import (
    STRENGTHS,
    Heads,
    HeldOutAnswers,
    Labelled,
)

LAYOUT = ModeLayout.from_columns({"a": [0, 1], "b": [2], "c": [3, 4, 5]})
N_MODES = 3
fit_heads = ClassEvidence.fit_heads


def log_proba(heads, x):
    return ClassEvidence.answers(heads.outputs(x, LAYOUT)).numpy()


def mixing_powers(joint, pooled, y, weight):
    def loss(mixed):
        return ClassEvidence.loss(ClassEvidence.answers(mixed), torch.from_numpy(y))

    return module.mixing_powers(joint, pooled, loss, weight)


def labelled(n=150, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n)
    x = rng.normal(size=(n, 6)) + y[:, np.newaxis] * [1, 0, 0.5, 0, 0, 1]
    present = rng.random((n, N_MODES)) < 0.8
    return Labelled(x, present, y, rng.uniform(0.5, 2, size=n))


def columns_of(mode):
    return np.flatnonzero(mode == LAYOUT.index)


# ------------------------------------------------------------------------- the heads


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_a_mode_says_what_a_logistic_regression_of_it_says(n_classes):
    data, strengths = labelled(n_classes=n_classes), [0.01, 1.0, 0.1]
    found = log_proba(fit_heads(data, LAYOUT, n_classes, strengths), data.x)
    assert found.shape == (150, N_MODES, n_classes)
    for mode in range(N_MODES):
        there, own = data.present[:, mode], data.x[:, columns_of(mode)]
        assert not there.all()
        expected = LogisticRegression(C=strengths[mode], max_iter=200).fit(
            own[there], data.y[there], data.weight[there]
        )
        np.testing.assert_allclose(
            found[:, mode], expected.predict_log_proba(own), atol=1e-10
        )


def test_values_of_a_missing_mode_teach_nothing():
    data = labelled()
    absent = ~data.present[:, LAYOUT.index]
    other = data._replace(x=np.where(absent, 1e3, data.x))
    for one, two in zip(
        fit_heads(data, LAYOUT, 3, [0.1] * 3),
        fit_heads(other, LAYOUT, 3, [0.1] * 3),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    "weight",
    [np.random.default_rng(1).integers(0, 3, size=150), np.full(150, 2)],
    ids=["any", "all twice"],
)
def test_weights_of_the_heads_count_samples(weight):
    data = labelled()
    repeated = data._replace(weight=np.ones(150)).rows(
        np.repeat(np.arange(150), weight)
    )
    weighted = data._replace(weight=weight.astype(float))
    for one, two in zip(
        fit_heads(weighted, LAYOUT, 3, [0.1] * 3),
        fit_heads(repeated, LAYOUT, 3, [0.1] * 3),
        strict=True,
    ):
        np.testing.assert_allclose(one, two, atol=2e-3)


@pytest.mark.parametrize("unseen", [0, 1, 2])
def test_a_class_that_a_mode_has_not_seen_is_unlikely_by_it(unseen):
    data = labelled()
    present = data.present.copy()
    present[data.y == unseen, 1] = False
    data = data._replace(present=present)
    found = log_proba(fit_heads(data, LAYOUT, 3, [1.0] * 3), data.x)
    assert found[:, 1, unseen].max() < np.log(1e-3)
    assert np.isfinite(found).all()
    # The other two are as likely, beside one another, as if there were but those two.
    rows, own = present[:, 1], data.x[:, columns_of(1)]
    two = LogisticRegression(C=1.0, max_iter=200).fit(
        own[rows], data.y[rows], data.weight[rows]
    )
    others = [c for c in range(3) if c != unseen]
    np.testing.assert_allclose(
        log_softmax(found[:, 1, others], axis=1), two.predict_log_proba(own), atol=1e-8
    )
    for mode in (0, 2):
        assert found[data.y == unseen, mode, unseen].mean() > np.log(0.3)


@pytest.mark.parametrize("classes", [[], [1]])
def test_a_mode_of_at_most_one_class_says_nothing(classes):
    data = labelled()
    present = data.present.copy()
    present[~np.isin(data.y, classes), 1] = False
    heads = fit_heads(data._replace(present=present), LAYOUT, 3, [0.1] * 3)
    np.testing.assert_allclose(log_proba(heads, data.x)[:, 1], np.log(1 / 3))


# --------------------------------------------------------------------- held-out answers


def held_out(data, n_classes=3, seed=1):
    """Answers at random, some better than others."""
    rng = np.random.default_rng(seed)
    right = np.eye(n_classes)[data.y]
    joint = rng.normal(size=right.shape) + 1.5 * right
    each = rng.normal(size=(len(STRENGTHS), len(data.y), N_MODES, n_classes))
    quality = rng.uniform(0, 2, size=(len(STRENGTHS), 1, N_MODES, 1))
    each += quality * right[:, np.newaxis]
    return HeldOutAnswers(
        log_softmax(joint, 1), log_softmax(each, 3), data, ClassEvidence.loss
    )


def test_losses_are_means_over_the_samples_that_have_the_mode():
    answers = held_out(labelled())
    _, present, y, weight = answers.samples
    losses = answers.losses()
    for s in range(len(STRENGTHS)):
        for mode in range(N_MODES):
            total = mass = 0.0
            for i in np.flatnonzero(present[:, mode]):
                total -= weight[i] * answers.each[s, i, mode, y[i]]
                mass += weight[i]
            assert losses[s, mode] == pytest.approx(total / mass)
    best = [min(zip(column, STRENGTHS, strict=True))[1] for column in losses.T]
    assert answers.best_strengths() == best
    assert len(set(best)) > 1


def test_a_mode_that_is_nowhere_has_shown_nothing():
    data = labelled()
    present = data.present.copy()
    present[:, 2] = False
    answers = held_out(data._replace(present=present))
    assert np.isinf(answers.losses()[:, 2]).all()
    assert np.isfinite(answers.losses()[:, :2]).all()
    evidence = learnt(answers)
    assert evidence.reliability[2] == 0
    assert evidence.reliability[:2].max() > 0


# -------------------------------------------------------------------------- the mixture


def new_evidence(data, dtype=torch.float64, n_classes=3):
    evidence = ClassEvidence([0.1] * N_MODES, n_classes, LAYOUT, dtype)
    evidence.fit(data)
    return evidence


def learnt(answers, dtype=torch.float64):
    evidence = new_evidence(answers.samples, dtype)
    evidence.learn(answers)
    return evidence


def example(dtype=torch.float64, n=30):
    g = torch.Generator().manual_seed(0)
    logits = torch.randn(n, 3, generator=g, dtype=dtype)
    x = torch.randn(n, 6, generator=g, dtype=dtype)
    return logits, x, torch.rand(n, N_MODES, generator=g, dtype=dtype)


def test_the_mixture_is_that_of_a_slow_loop():
    data = labelled()
    evidence = learnt(held_out(data))
    logits, x, attention = example()
    attention[3] = 0
    heads = Heads(evidence.weight.numpy(), evidence.bias.numpy())
    p = np.exp(log_proba(heads, x.numpy()))
    (a, b), r = evidence.powers.numpy(), evidence.reliability.numpy()
    prior = np.bincount(data.y, data.weight) / data.weight.sum()
    assert a > 0 and b > 0 and r.min() > 0 and np.ptp(r) > 0.01
    found = evidence(logits, x, attention).softmax(1).numpy()
    for i in range(len(x)):
        joint = np.exp(logits[i].numpy())
        trust = attention[i].numpy() * r
        late = 1e-3 * prior
        for mode in range(N_MODES):
            late = late + trust[mode] * p[i, mode]
        expected = (joint / joint.sum()) ** a * (late / (trust.sum() + 1e-3)) ** b
        np.testing.assert_allclose(found[i], expected / expected.sum(), rtol=1e-10)


def test_without_any_attention_modes_say_what_the_prior_says():
    data = labelled()
    evidence = new_evidence(data)
    evidence.powers.copy_(torch.tensor([0.0, 1.0]))
    logits, x, attention = example()
    found = evidence(logits, x, 0 * attention).softmax(1)
    prior = torch.from_numpy(np.bincount(data.y, data.weight) / data.weight.sum())
    torch.testing.assert_close(found, prior.expand_as(found))


def test_before_it_has_learnt_the_predictor_is_heard_alone():
    evidence = new_evidence(labelled())
    logits, x, attention = example()
    assert evidence.powers.tolist() == [1.0, 0.0] and evidence.temperature == 1
    found = evidence(logits, x, attention)
    torch.testing.assert_close(found.softmax(1), logits.softmax(1))


def test_gradients_are_finite_where_modes_are_shut_or_absent():
    evidence = learnt(held_out(labelled()))
    given = [tensor.requires_grad_() for tensor in example()]
    shut = given[2] * torch.tensor([0.0, 1.0, 1.0])
    shut = shut * (torch.arange(30) > 3).unsqueeze(1)
    evidence(given[0], given[1], shut).square().sum().backward()
    for tensor in given:
        assert tensor.grad.isfinite().all() and (tensor.grad != 0).any()


def test_a_mode_is_worth_what_it_takes_off_the_uncertainty():
    data = labelled()
    answers = held_out(data)
    prior = np.bincount(data.y, data.weight) / data.weight.sum()
    entropy = -(prior * np.log(prior)).sum()
    expected = np.clip(1 - answers.losses().min(axis=0) / entropy, 0, 1)
    np.testing.assert_allclose(learnt(answers).reliability, expected)
    assert np.ptp(expected) > 0.01
    # Of a mode that is worse than the frequencies of the classes, nothing is left.
    each = answers.each.copy()
    wrong = (data.y + 1) % 3
    each[:, :, 0] = np.log(np.where(np.eye(3)[wrong] > 0, 0.98, 0.01))
    worse = learnt(answers._replace(each=each)).reliability.numpy()
    np.testing.assert_allclose(worse, [0, *expected[1:]])


def test_powers_are_those_of_what_is_heard_in_the_end():
    data = labelled()
    answers = held_out(data)
    evidence = learnt(answers)
    losses, r = answers.losses(), evidence.reliability.numpy()
    trust = data.present * r
    prior = np.exp(evidence.log_prior.numpy())
    late = 1e-3 * prior[None]
    for mode in range(N_MODES):
        best = answers.each[losses[:, mode].argmin(), :, mode]
        late = late + trust[:, [mode]] * np.exp(best)
    late = np.log(late / (trust.sum(axis=1, keepdims=True) + 1e-3))
    expected = mixing_powers(answers.joint, late, data.y, data.weight)
    np.testing.assert_allclose(evidence.powers, expected, rtol=1e-6)
    assert evidence.temperature == pytest.approx(1 / expected.sum())


def penalised(powers, joint, late, y, weight):
    logits = log_softmax(powers[0] * joint + powers[1] * late, axis=1)
    loss = -(weight * logits[np.arange(len(y)), y]).sum()
    return loss + np.square(np.asarray(powers) - 0.5).sum()


def two_answers(n=150, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    right = np.eye(3)[y]
    answers = [log_softmax(rng.normal(size=(n, 3)) + s * right, 1) for s in (1, 2)]
    return *answers, y, rng.uniform(0.5, 2, size=n)


@pytest.mark.parametrize("seed", range(3))
def test_powers_are_the_best_of_a_grid(seed):
    given = two_answers(seed=seed)
    grid = np.linspace(0, 3, 61)
    values = np.array([[penalised((a, b), *given) for b in grid] for a in grid])
    i, j = np.unravel_index(values.argmin(), values.shape)
    found = mixing_powers(*given)
    assert penalised(found, *given) <= values.min() + 1e-6
    np.testing.assert_allclose(found, [grid[i], grid[j]], atol=0.06)


def test_an_answer_that_misleads_gets_no_power():
    joint, late, y, weight = two_answers()
    found = mixing_powers(joint, np.roll(late, 1, axis=1), y, weight)
    assert found[1] == 0 < found[0]


def test_few_samples_are_pulled_to_halves():
    joint, late, y, weight = two_answers()
    none = mixing_powers(joint[:0], late[:0], y[:0], weight[:0])
    np.testing.assert_allclose(none, 0.5, atol=1e-6)
    counts = (0.0, 0.01, 0.1, 1.0, 100.0)
    found = [mixing_powers(joint, late, y, weight * count) for count in counts]
    distance = [np.linalg.norm(powers - 0.5) for powers in found]
    assert distance == sorted(distance)
    assert distance[0] < 1e-6 and distance[1] < 0.3 < distance[-1]


def test_weights_of_the_mixture_count_samples():
    joint, late, y, _ = two_answers()
    weight = np.random.default_rng(1).integers(0, 3, size=150)
    i = np.repeat(np.arange(150), weight)
    weighted = mixing_powers(joint, late, y, weight.astype(float))
    repeated = mixing_powers(joint[i], late[i], y[i], np.ones(len(i)))
    np.testing.assert_allclose(weighted, repeated, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_type_is_kept_and_says_the_same(dtype):
    answers = held_out(labelled())
    reference = learnt(answers)(*example())
    evidence = learnt(answers, dtype)
    given = [tensor.to(dtype) for tensor in example()]
    found = evidence(*given)
    assert found.dtype == dtype
    tolerance = 1e-4 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(found.double(), reference, rtol=0, atol=tolerance)
    cast = learnt(answers).to(dtype)(*given)
    torch.testing.assert_close(cast, found, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_copies_say_the_same(copied):
    evidence = learnt(held_out(labelled()))
    other = copied(evidence)
    assert other.temperature == evidence.temperature != 1
    assert torch.equal(other(*example()), evidence(*example()))
    assert not list(evidence.parameters())  # training moves none of it
