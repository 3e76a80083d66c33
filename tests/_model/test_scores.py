"""Scores of rows: each quantity is computed when it is asked for, and only then."""

import numpy as np
import pytest
import torch
from torch import nn

import sklearn_emma._model.scores as scores_module
from sklearn_emma import EMMAGate
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._model.network import EMMANetwork
from sklearn_emma._model.scores import Inputs, Scores, as_array

LAYOUT = ModeLayout.from_columns({"a": [0, 1], "b": [2], "c": [3, 4]})
TRUST = torch.tensor([1.0, 0.25, 0.5], dtype=torch.float64)
OF_THE_GATE = ["importance", "modal_energy"]
QUANTITIES = ["logits", "attention", *OF_THE_GATE, "potential", "present"]


class Trusting:
    """A joint energy that notes what it is asked."""

    def __init__(self):
        self.asked = []

    def trust(self, x, potential, present, scores):
        self.asked.append((x, potential, present, scores))
        return TRUST.expand(len(x), 3)


class Never:
    """A predictor, classifier or joint energy that must not be asked."""

    def trust(self, *inputs):
        raise AssertionError("trust was computed")

    def logits(self, gated):
        raise AssertionError("the classifier was asked")


class NeverPredicting(nn.Module):
    def forward(self, x):
        raise AssertionError("the predictor was asked")


class Negative:
    """A classifier predictor: its logits are minus the gated values."""

    def logits(self, gated):
        return -gated


@pytest.fixture
def inputs():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(20, 5, generator=g, dtype=torch.float64)
    potential = 3 * torch.rand(20, 3, generator=g, dtype=torch.float64)
    return Inputs(x, potential, torch.rand(20, 3, generator=g) < 0.7)


def network(predictor=None):
    return EMMANetwork(EMMAGate(3), predictor or nn.Identity(), LAYOUT).double().eval()


@pytest.mark.parametrize("joint", [None, Trusting()], ids=["alone", "joint"])
def test_scores_are_those_of_the_network(inputs, joint):
    gate = network()
    trust = None if joint is None else TRUST
    with torch.no_grad():
        output = gate(*inputs, trust)
    scores = Scores(gate, inputs, joint=joint)
    np.testing.assert_array_equal(scores.logits, output.logits)
    for name in ("attention", *OF_THE_GATE):
        np.testing.assert_array_equal(
            getattr(scores, name), getattr(output.scores, name)
        )
    np.testing.assert_array_equal(scores.potential, inputs.potential)
    np.testing.assert_array_equal(scores.present, inputs.present)


def test_attention_is_what_has_multiplied_the_modes(inputs):
    """Trust included, for the predictor and for a classifier in its place."""
    spread = LAYOUT.index
    for classifier, sign in ((None, 1), (Negative(), -1)):
        scores = Scores(network(), inputs, classifier, Trusting())
        expected = sign * inputs.x.numpy() * scores.attention[:, spread]
        np.testing.assert_allclose(scores.logits, expected)
        plain = Scores(network(), inputs, classifier).attention
        np.testing.assert_allclose(scores.attention, plain * TRUST.numpy())


@pytest.mark.parametrize("name", [*OF_THE_GATE, "potential", "present"])
def test_what_does_not_depend_on_trust_never_computes_it(inputs, name):
    scores = Scores(network(NeverPredicting()), inputs, joint=Never())
    assert getattr(scores, name).shape == (20, 3)


def test_attention_costs_no_prediction(inputs):
    for classifier in (None, Never()):
        scores = Scores(network(NeverPredicting()), inputs, classifier)
        assert scores.attention.shape == (20, 3)
        with pytest.raises(AssertionError, match="was asked"):
            scores.logits  # noqa: B018


def test_trust_is_computed_once_however_much_is_asked_for(inputs):
    joint = Trusting()
    scores = Scores(network(), inputs, joint=joint)
    for name in (*QUANTITIES, *QUANTITIES):
        getattr(scores, name)
    assert len(joint.asked) == 1
    for given, asked in zip((*inputs, None), joint.asked[0], strict=True):
        assert asked is given


def test_the_gate_runs_once_however_much_is_asked_for(inputs, monkeypatch):
    net, calls = network(), []
    monkeypatch.setattr(
        net.gate,
        "scores",
        lambda *args, run=net.gate.scores: calls.append(args) or run(*args),
    )
    scores = Scores(net, inputs, joint=Trusting())
    assert calls == []
    for name in QUANTITIES:
        getattr(scores, name)
    assert len(calls) == 1


@pytest.mark.parametrize("name", QUANTITIES)
def test_scores_are_arrays_without_a_gradient(inputs, name):
    predictor = nn.Linear(5, 2)
    array = getattr(Scores(network(predictor), inputs, joint=Trusting()), name)
    assert isinstance(array, np.ndarray) and array.dtype in (np.float64, bool)


def test_rows_of_inputs_are_those_of_every_tensor(inputs):
    for index in (slice(3, 7), torch.tensor([5, 0, 5])):
        some = inputs.rows(index)
        assert isinstance(some, Inputs)
        for part, whole in zip(some, inputs, strict=True):
            assert torch.equal(part, whole[index])


def test_normal_scores_reach_the_joint_energy(inputs):
    joint, normal = Trusting(), 2 * inputs.x
    assert Scores(network(), inputs, None, joint, normal).attention.shape == (20, 3)
    assert joint.asked[0][3] is normal


def test_a_predictor_sees_the_fewer_rows_the_wider_they_are(monkeypatch):
    seen = []

    class Noting(nn.Module):
        def forward(self, x):
            seen.append(len(x))
            return x

    layout = ModeLayout.from_columns({"a": range(64), "b": range(64, 128)})
    wide = EMMANetwork(EMMAGate(2), Noting(), layout).eval()
    given = Inputs(torch.ones(8, 128), torch.ones(8, 2), torch.ones(8, 2) > 0)
    monkeypatch.setattr(scores_module, "_PIECE_VALUES", 3 * 128)
    assert Scores(wide, given).logits.shape == (8, 128)
    assert seen == [3, 3, 2]


@pytest.mark.parametrize(("n_values", "most"), [(1, 1), (7 * 64, 7), (2**20, 20)])
def test_a_predictor_sees_some_rows_at_a_time(inputs, monkeypatch, n_values, most):
    seen = []

    class Noting(nn.Module):
        def forward(self, x):
            seen.append(len(x))
            return 2 * x

    expected = Scores(network(), inputs, joint=Trusting()).logits
    monkeypatch.setattr(scores_module, "_PIECE_VALUES", n_values)
    found = Scores(network(Noting()), inputs, joint=Trusting()).logits
    np.testing.assert_array_equal(found, 2 * expected)
    assert max(seen) == most and sum(seen) == 20


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bool])
def test_a_tensor_becomes_an_array_of_its_type(dtype):
    tensor = torch.ones(2, 3, dtype=dtype)
    array = as_array(tensor)
    np.testing.assert_array_equal(array, tensor.numpy())
    assert array.dtype == tensor.numpy().dtype
