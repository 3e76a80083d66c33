"""What single modes say of numbers: against scikit-learn and slow loops."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from sklearn_emma import EMMARegressor
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._predictors.evidence import STRENGTHS, Labelled
from sklearn_emma._predictors.evidence import HeldOutAnswers as Answers
from sklearn_emma._predictors.number_evidence import NumberEvidence
from sklearn_emma.losses import Quantile
from sklearn_emma.predictors import MLP

LAYOUT = ModeLayout.from_columns({"a": [0, 1], "b": [2], "c": [3, 4, 5]})
N_MODES = 3


def samples(n=120, n_targets=2, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    y = x @ rng.normal(size=(6, n_targets)) + 0.5 * rng.normal(size=(n, n_targets))
    present = rng.random((n, N_MODES)) < 0.8
    x[~present[:, LAYOUT.index]] = 0
    return Labelled(x, present, (y - y.mean(0)) / y.std(0), rng.uniform(0.5, 2, n))


def learnt(data, dtype=torch.float64):
    """Evidence that has learnt from its own samples, and what it has learnt from."""
    heads = [
        NumberEvidence.fit_heads(data, LAYOUT, data.y.shape[1], [c] * N_MODES)
        for c in STRENGTHS
    ]
    rng = np.random.default_rng(1)
    each = np.stack([head.outputs(data.x, LAYOUT).numpy() for head in heads])
    joint = data.y + rng.normal(size=data.y.shape)
    held_out = Answers(joint, each, data, NumberEvidence.loss)
    evidence = NumberEvidence([STRENGTHS[-1]] * N_MODES, 2, LAYOUT, dtype)
    evidence.fit(data)
    evidence.learn(held_out)
    return evidence, held_out


def example(n=30, n_outputs=2):
    g = torch.Generator().manual_seed(0)
    outputs, x = (
        torch.randn(n, k, generator=g, dtype=torch.float64) for k in (n_outputs, 6)
    )
    return outputs, x, torch.rand(n, N_MODES, generator=g, dtype=torch.float64)


@pytest.mark.parametrize("n_targets", [1, 3])
def test_a_mode_says_what_a_ridge_regression_of_it_says(n_targets):
    data, strengths = samples(n_targets=n_targets), [0.01, 1.0, 0.1]
    heads = NumberEvidence.fit_heads(data, LAYOUT, n_targets, strengths)
    found = heads.outputs(data.x, LAYOUT).numpy()
    assert found.shape == (120, N_MODES, n_targets)
    for mode, strength in enumerate(strengths):
        own, there = data.x[:, mode == LAYOUT.index], data.present[:, mode]
        assert not there.all()
        ridge = Ridge(alpha=1 / strength)
        ridge.fit(own[there], data.y[there], data.weight[there])
        expected = ridge.predict(own).reshape(120, n_targets)
        np.testing.assert_allclose(found[:, mode], expected, atol=1e-10)


def test_a_mode_that_is_nowhere_says_the_mean():
    data = samples()
    present = data.present.copy()
    present[:, 1] = False
    heads = NumberEvidence.fit_heads(
        data._replace(present=present), LAYOUT, 2, [0.1] * N_MODES
    )
    assert (heads.outputs(data.x, LAYOUT)[:, 1] == 0).all()


def test_the_mixture_is_that_of_a_slow_loop():
    data = samples()
    evidence, _ = learnt(data)
    outputs, x, attention = example()
    attention[3] = 0
    (a, b), r = evidence.powers.numpy(), evidence.reliability.numpy()
    assert a > 0 and b > 0 and r.min() > 0 and np.ptp(r) > 0.01
    found = evidence(outputs, x, attention).numpy()
    low, high = data.y.min(axis=0), data.y.max(axis=0)
    for i in range(len(x)):
        total, mass = np.zeros(2), 1e-3
        for mode, columns in enumerate(LAYOUT.slices):
            said = x[i, columns].numpy() @ evidence.weight[columns].numpy()
            said = np.clip(said + evidence.bias[mode].numpy(), low, high)
            trust = float(attention[i, mode]) * r[mode]
            total, mass = total + trust * said, mass + trust
        expected = a * outputs[i].numpy() + b * total / mass
        np.testing.assert_allclose(found[i], expected, rtol=1e-10)


def test_a_mode_is_worth_the_share_of_variance_that_it_explains():
    data = samples()
    evidence, held_out = learnt(data)
    spread = np.average((data.y**2).sum(1), weights=data.weight)
    for mode in range(N_MODES):
        rows = data.present[:, mode]
        error = min(
            np.average(
                ((each[rows, mode] - data.y[rows]) ** 2).sum(1),
                weights=data.weight[rows],
            )
            for each in held_out.each
        )
        assert evidence.reliability[mode] == pytest.approx(1 - error / spread)


def test_no_mode_says_more_than_what_was_seen():
    data = samples()
    evidence, _ = learnt(data)
    evidence.powers.copy_(torch.tensor([0.0, 1.0]))
    outputs, x, attention = example()
    found = evidence(outputs, 1e6 * x, attention)
    assert (found >= torch.from_numpy(data.y.min(axis=0))).all()
    assert (found <= torch.from_numpy(data.y.max(axis=0))).all()


def test_a_spread_stays_as_the_predictor_says_it():
    evidence, _ = learnt(samples())
    outputs, x, attention = example(n_outputs=4)
    found = evidence(outputs, x, attention)
    assert torch.equal(found[:, 2:], outputs[:, 2:])
    torch.testing.assert_close(found[:, :2], evidence(outputs[:, :2], x, attention))


def test_its_temperature_is_always_one():
    assert learnt(samples())[0].temperature == 1


# ------------------------------------------------------------------- within a regressor


def fitted(**params):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    y = 7 * (X @ [2.0, 1.0, 0.0, 1.0, 0.0]) + 100
    modes = {"a": [0, 1], "b": [2], "c": [3, 4]}
    params = {"max_iter": 3, "pretraining_max_iter": 3, "random_state": 0} | params
    return EMMARegressor(modes, **params).fit(X, y)


@pytest.mark.parametrize(
    ("params", "heard"),
    [
        ({}, True),
        ({"loss": "gaussian"}, True),
        ({"predictor": MLP(evidence=False)}, False),
        ({"loss": "absolute_error"}, False),  # the median
        ({"loss": "huber"}, False),
        ({"loss": Quantile(0.9)}, False),
    ],
)
def test_modes_are_heard_where_the_mean_is_asked_for(params, heard):
    evidence = fitted(**params).network_.evidence
    assert (evidence is not None) == heard
    if heard:
        worth = evidence.reliability
        # b is noise; a explains 5 of 6 parts of the variance.
        assert worth[1] < 0.1 < worth[2] < 0.4 < 0.7 < worth[0] < 0.95


def test_few_wide_samples_are_predicted_better_by_what_modes_say():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(400, 2))
    X = np.tile(hidden, 10) + 2 * rng.normal(size=(400, 20))
    y = hidden @ [2.0, 1.0] + rng.normal(size=400)
    modes = {"a": slice(0, 10), "b": slice(10, 20)}
    found = []
    for evidence in (True, False):
        reg = EMMARegressor(modes, predictor=MLP(evidence=evidence), random_state=0)
        found.append(reg.fit(X[:80], y[:80]).score(X[80:], y[80:]))
    assert found[0] > found[1] + 0.05
