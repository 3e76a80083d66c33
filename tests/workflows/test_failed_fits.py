"""A fit that fails leaves nothing half-fitted behind, and says why it failed."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback
from torch import nn

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.corruption import Failures
from sklearn_emma.predictors import MLP

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
y = (X[:, 0] + X[:, 2] > 0).astype(int)
GOOD = (X, y)
changed = partial(helpers.changed, X)
MODES = {"left": [0, 1], "right": [2, 3]}
quick = partial(helpers.quick, epochs=2, modes=MODES, predictor=MLP(4, evidence=False))


def state(model):
    return {name: value for name, value in vars(model).items() if name.endswith("_")}


class Explode:
    """A corruption that fails in the given epoch."""

    def __init__(self, epoch):
        self.left = epoch

    def corrupt(self, x, layout, generator):
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("the corruption gave up")
        return x


@pytest.mark.parametrize(
    ("params", "X", "y", "error"),
    [
        ({}, X[:, :3], y, ValueError),
        ({}, changed(0, 0, np.inf), y, ValueError),
        ({}, X, np.ones(60), ValueError),
        ({"rho": -1.0}, X, y, ValueError),
        ({"predictor": nn.Linear(9, 9)}, X, y, ValueError),
        ({"corruption": Explode(1)}, X[:50, ::-1], y[:50] + 5, RuntimeError),
        ({"lr": 1e300}, X[:50, ::-1], y[:50] + 5, FloatingPointError),
    ],
    ids=[
        "width",
        "infinity",
        "class",
        "rho",
        "predictor",
        "in joint training",
        "diverges",
    ],
)
def test_a_failed_refit_leaves_the_model_as_it_was(params, X, y, error):
    model = quick().fit(*GOOD)
    before, proba = state(model), model.predict_proba(GOOD[0])
    with pytest.raises(error):
        model.set_params(**params).fit(X, y)
    assert state(model).keys() == before.keys()
    assert all(value is before[name] for name, value in state(model).items())
    model.set_params(device="cpu")
    np.testing.assert_array_equal(model.predict_proba(GOOD[0]), proba)


def test_a_failed_first_fit_leaves_nothing():
    model = quick(corruption=Explode(1))
    with pytest.raises(RuntimeError, match="gave up"):
        model.fit(X, y)
    assert state(model) == {}
    with pytest.raises(NotFittedError):
        model.predict(X)


class Infinite:
    """A corruption that makes numbers which are none, but not when it is tried."""

    def corrupt(self, x, layout, generator):
        return torch.full_like(x, torch.inf) if len(x) > 3 else x


class PoisonValidation(Callback):
    """Spoils a weight after the training loss of the epoch is known."""

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        if not training:
            with torch.no_grad():
                next(net.module_.predictor.parameters()).fill_(torch.nan)


@pytest.mark.parametrize(
    ("params", "what"),
    [
        (
            {"energy_estimator": PotentialEnergyTransformer(max_iter=5, lr=1e300)},
            "train_loss of the potential energies",
        ),
        (
            {"lr": 1e300, "pretraining_max_iter": 5},
            "train_loss of the pretrained predictor",
        ),
        (
            {"corruption": Failures(importance_floor=0.0), "lambda_e": 1e308},
            "train_loss of the attention",
        ),
        (
            {
                "early_stopping": True,
                "validation_fraction": 0.3,
                "callbacks": [PoisonValidation()],
            },
            "valid_loss of the attention",
        ),
    ],
    ids=["energies", "pretraining", "attention", "validation"],
)
def test_divergence_says_which_training_and_what_to_change(params, what):
    model = quick(**params)
    message = f"diverged: the {what} is .* in epoch [0-9]+.*`lr`.*extreme values in X"
    with pytest.raises(FloatingPointError, match=message):
        model.fit(X, y)
    assert state(model) == {}


def test_a_corruption_that_breaks_in_training_is_named():
    model = quick(corruption=Infinite())
    with pytest.raises(ValueError, match=r"`corruption` must return finite .*Infinite"):
        model.fit(X, y)
    assert state(model) == {}


# ------------------------------------------------------------------------ going on warm


def test_warm_start_with_other_modes_or_classes():
    model = quick(warm_start=True).fit(X, y)
    before = state(model)
    with pytest.raises(ValueError, match=r"warm_start=True.*\[0, 1\].*\[5, 6\]"):
        model.fit(X, y + 5)
    model.set_params(modes={"left": [0, 1, 2], "right": [3]})
    with pytest.raises(ValueError, match=r"warm_start=True.*modes.*0, 1, 2"):
        model.fit(X, y)
    assert all(value is before[name] for name, value in state(model).items())


def test_warm_start_in_another_precision():
    model = quick(warm_start=True).fit(X, y)
    model.fit(X.astype("f4"), y)
    assert model.n_iter_ == 4 and np.isfinite(model.attention_).all()
