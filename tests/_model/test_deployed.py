import copy

import numpy as np
import pytest
import torch

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._model.deployed import DeployedModel

MODES = {"a": [4, 1], "b": [0, 3, 5], "c": [2]}


def rows(n=150, seed=0):
    X, y = helpers.three_unequal_modes()
    return X[:n], y[:n]


def with_failures(X):
    """Missing values and modes, a row without any, and values beyond all bounds."""
    X = X.copy()
    X[::5, 1] = np.nan
    X[1::5, MODES["b"]] = np.nan
    X[2] = np.nan
    X[3, 0], X[4, 2] = 1e30, -1e30
    X[10:60, MODES["a"]] *= 30
    return X


def quick(**params):
    return helpers.quick(modes=MODES, **params)


VARIANTS = {
    "defaults": {},
    "joint energy": {"joint_energy": True},
    "coupled": {"coupling": "asymmetric", "energy_scaling": "shift"},
    "hard": {"attention_function": "hard", "energy_scaling": "robust"},
    "a module": {"predictor": lambda d, c: torch.nn.Linear(d, c)},
}


def answers(module, X):
    return [answer.numpy() for answer in module(torch.from_numpy(X))]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("f8", 1e-10), ("f4", 1e-5)])
def test_answers_are_those_of_the_classifier(variant, dtype, tolerance):
    X, y = rows()
    X = X.astype(dtype)
    model = quick(**VARIANTS[variant]).fit(X, y)
    X = with_failures(X)
    proba, attention = answers(DeployedModel(model._model), X)
    assert proba.dtype == attention.dtype == dtype
    np.testing.assert_allclose(proba, model.predict_proba(X), atol=tolerance)
    np.testing.assert_allclose(attention, model.attention(X), atol=tolerance)


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e200])
def test_columns_of_any_scale_are_standardised_as_by_the_classifier(size):
    X, y = rows()
    X[:, 1] = (X[:, 1] - X[:, 1].mean()) * size / 100
    X[:, 5] = 7.0
    model = quick().fit(X, y)
    X[:3, 5] = 7.0 * (1 + 1e-16), 7.1, np.nan
    proba, attention = answers(DeployedModel(model._model), X)
    np.testing.assert_allclose(proba, model.predict_proba(X), atol=1e-10)
    np.testing.assert_allclose(attention, model.attention(X), atol=1e-10)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_exported_answers_for_any_number_of_rows(variant):
    X, y = rows()
    model = quick(**VARIANTS[variant]).fit(X, y)
    module = DeployedModel(model._model)
    example = (torch.from_numpy(X[:5]),)
    dynamic = ({0: torch.export.Dim.DYNAMIC},)
    program = torch.export.export(module, example, dynamic_shapes=dynamic).module()
    X = with_failures(X)
    for n in (1, 150):
        found, expected = answers(program, X[:n]), answers(module, X[:n])
        np.testing.assert_allclose(found[0], expected[0], atol=1e-12)
        np.testing.assert_allclose(found[1], expected[1], atol=1e-12)


def test_the_module_is_a_frozen_copy_with_gradients_by_x():
    X, y = rows()
    model = quick().fit(X, y)
    module = DeployedModel(model._model)
    before = copy.deepcopy(model.network_.state_dict())
    assert not module.training
    assert not any(p.requires_grad for p in module.parameters())
    assert model.network_.gate.weight.requires_grad
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    for name, value in model.network_.state_dict().items():
        assert torch.equal(value, before[name])
    x = torch.from_numpy(X[:3]).requires_grad_()
    DeployedModel(model._model)(x)[0][:, 0].sum().backward()
    assert x.grad.isfinite().all() and (x.grad != 0).any()


def test_it_computes_in_single_precision_when_asked_to():
    X, y = rows()
    model = quick()
    X = with_failures(X) + 1e5  # too far from 0 to be standardised in float32
    model.fit(X, y)
    proba, attention = answers(DeployedModel(model._model, torch.float32), X)
    assert proba.dtype == attention.dtype == np.float32
    np.testing.assert_allclose(proba, model.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(attention, model.attention(X), atol=1e-5)


def test_normal_scores_are_computed_once_for_all_energies(monkeypatch):
    X, y = rows()
    energies = PotentialEnergyTransformer(max_iter=2)
    model = quick(joint_energy=True, energy_estimator=energies).fit(X, y)
    module, noted = DeployedModel(model._model), helpers.searches(monkeypatch)
    found = answers(module, X)
    assert len(noted) == 1
    module.in_common = False
    for one, other in zip(found, answers(module, X), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
    assert len(noted) > 2
