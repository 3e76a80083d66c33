"""What the gate says of samples, and what it has learnt, as arrays of their own."""

import math

import numpy as np
import pytest
import torch

from sklearn_emma import EMMAGate, GateScores


def trained_gate(**parameters):
    """A gate of three modes whose parameters are all away from where they start."""
    gate = EMMAGate(3, rho=0.7, coupling="asymmetric", **parameters).double()
    draw = np.random.default_rng(0).uniform
    for name, parameter in gate.named_parameters():
        if name != "log_rho":
            parameter.data = torch.from_numpy(
                np.asarray(draw(0.1, 0.3, parameter.shape))
            )
    return gate


def test_scores_have_a_value_for_each_sample_and_mode():
    scores = trained_gate().scores(torch.zeros(5, 3))
    assert isinstance(scores, GateScores)
    assert [field.shape for field in scores] == [(5, 3)] * 4


def test_a_summary_tells_every_parameter_under_the_name_of_its_estimator():
    gate = trained_gate()
    found = gate.summary()._asdict()
    own = gate.coupling.weight.detach().numpy()
    expected = {
        "rho": 0.7,
        "capacity": gate.capacity().item(),
        "attention_gain": gate.attention_function.gain.item(),
        "attention_bias": gate.attention_function.bias.item(),
        "energy_weights": gate.weight.detach().numpy(),
        "energy_biases": gate.bias.detach().numpy(),
        "coupling_weights": own - np.diag(np.diag(own)),
        "coupling_exponents": gate.coupling.exponent.detach().numpy(),
    }
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-14)


def test_summary_holds_copies_under_readable_names():
    gate = trained_gate()
    summary = gate.summary()
    assert summary.capacity == pytest.approx(gate.capacity().item())
    assert (np.diag(summary.coupling_weights) == 0).all()
    summary.energy_weights[:] = -1
    assert (gate.weight > 0).all()


@pytest.mark.parametrize(("name", "capacity"), [("importance", 0.5), ("none", 1.0)])
def test_without_a_threshold_there_is_no_gain_and_no_penalty(name, capacity):
    gate = EMMAGate(2, attention_function=name)
    summary = gate.summary()
    assert math.isnan(summary.attention_gain) and math.isnan(summary.attention_bias)
    assert summary.capacity == gate.capacity() == capacity
    assert gate.capacity_penalty() == 0
