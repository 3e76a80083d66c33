"""The classifier as a whole: that it learns, from whatever modes and data it gets."""

from functools import partial

import numpy as np
import pytest
import torch

import helpers
from helpers import assert_same, differ
from sklearn_emma.attention import (
    AttentionModule,
    HardAttention,
    ImportanceAttention,
    NoAttention,
    SoftAttention,
)

MODES = helpers.UNEQUAL_MODES
quick = partial(helpers.quick, epochs=5, pretraining_max_iter=3, modes=MODES)


@pytest.fixture(scope="module")
def data():
    return helpers.three_unequal_modes()


@pytest.fixture(scope="module")
def fitted(data):
    return quick(max_iter=20, pretraining_max_iter=10).fit(*data)


def test_it_learns(data, fitted):
    X, y = data
    assert fitted.score(X, y) > 0.9
    assert fitted.pretraining_loss_curve_[-1] < fitted.pretraining_loss_curve_[0]
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]


def test_other_dtype_than_in_training(data, fitted):
    X, _ = data
    single = fitted.predict_proba(X.astype("f4"))
    np.testing.assert_allclose(single, fitted.predict_proba(X), atol=1e-4)


def test_chunks_of_a_large_matrix(data, fitted, monkeypatch):
    X, _ = data
    whole = fitted.attention(X)
    monkeypatch.setattr("sklearn_emma._model.model._CHUNK_VALUES", 64 * 7)
    np.testing.assert_allclose(fitted.attention(X), whole, rtol=1e-12)


# -------------------------------------------------------------------- parts of the gate


@pytest.mark.parametrize("scale", [2.0, 20.0])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_constraints_hold_even_after_huge_steps(data, scale):
    options = {"lr_schedule": "constant", "lambda_e": 0.1}
    model = quick(lr=scale, coupling="asymmetric", **options).fit(*data)
    assert np.all(model.energy_weights_ >= 0) and np.all(model.energy_biases_ >= 0)
    off_diagonal = model.coupling_weights_[~np.eye(3, dtype=bool)]
    assert np.all(np.abs(off_diagonal) <= 0.5 + 1e-12)
    assert np.all((model.coupling_exponents_ >= 0) & (model.coupling_exponents_ <= 1))
    assert model.attention_gain_ > 0 and 0 <= model.attention_bias_ <= 1
    # The steps were large enough to press some parameter against its bound.
    assert np.isclose(np.abs(off_diagonal).max(), 0.5)


def test_symmetric_coupling(data):
    model = quick(coupling="symmetric", lr=0.05).fit(*data)
    exponents = model.coupling_exponents_
    np.testing.assert_array_equal(exponents, exponents.T)
    assert not np.allclose(exponents, 0.5)
    assert not np.allclose(model.coupling_weights_, model.coupling_weights_.T)


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("soft", SoftAttention()),
        ("soft", SoftAttention(gain=6.0)),  # twice the number of modes
        ("hard", HardAttention()),
        ("importance", ImportanceAttention()),
        ("none", NoAttention()),
    ],
    ids=str,
)
def test_names_of_attention_functions_stand_for_objects(data, name, recipe):
    X, y = data
    named = quick(attention_function=name).fit(X, y)
    made = quick(attention_function=recipe).fit(X, y)
    swapped = X.copy()
    swapped[:, :3] = swapped[::-1, :3]  # valid values, which the joint energy notices
    for values in (X, swapped):
        assert_same(made, named, values, rtol=1e-9)
    assert (made.capacity_, made.rho_) == (named.capacity_, named.rho_)
    threshold = made.attention_gain_, made.attention_bias_
    np.testing.assert_array_equal(
        threshold, (named.attention_gain_, named.attention_bias_)
    )
    assert np.isnan(threshold).all() == (name in ("importance", "none"))
    assert not hasattr(recipe, "weight") and made.attention_function is recipe


class Squared(ImportanceAttention):
    """An attention function of one's own: β = α²."""

    class Module(AttentionModule):
        def forward(self, importance):
            return importance.square()

        def capacity(self):
            return torch.tensor(1 / 3)

    def build(self, n_modes):
        return self.Module()


def test_an_attention_function_of_ones_own(data):
    X, y = data
    model = quick(attention_function=Squared()).fit(X, y)
    np.testing.assert_allclose(model.attention(X), model.importance(X) ** 2, rtol=1e-12)
    assert model.capacity_ == pytest.approx(1 / 3)


def test_without_coupling_a_mode_has_no_energy_but_its_own(data):
    X, y = data
    model = quick(lr=0.05).fit(X, y)
    assert not model.coupling_weights_.any()
    assert (model.coupling_exponents_ == 1).all()
    scaled = model.network_.gate.scaling(torch.from_numpy(model.potential_energy(X)))
    own = model.energy_weights_ * scaled.numpy() + model.energy_biases_
    assert not np.allclose(model.energy_weights_, 1.0)  # it has learnt
    np.testing.assert_allclose(model.modal_energy(X), own, rtol=1e-12)
    coupled = quick(coupling="asymmetric", lr=0.05).fit(X, y)
    assert coupled.coupling_weights_[~np.eye(3, dtype=bool)].all()
    assert differ(model, coupled, X)


def test_coupling_of_one_mode_is_of_no_consequence(data):
    X, y = data
    models = [
        quick(modes={"all": list(range(6))}, coupling=coupling).fit(X, y)
        for coupling in (None, "asymmetric")
    ]
    np.testing.assert_allclose(*(m.predict_proba(X) for m in models), rtol=1e-9)


@pytest.mark.parametrize("n_modes", [1, 2, 8, 64])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_gain_starts_so_that_nothing_shrinks(n_modes):
    """β(1/M) is tanh 2, whatever M is."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, n_modes)), rng.integers(0, 2, 60)
    model = quick(modes=None, rho=1e-9, lr=1e-9, joint_energy=False).fit(X, y)
    np.testing.assert_allclose(model.attention_, np.tanh(2.0), rtol=1e-4)
