"""The cache of pretraining: hits, and whatever must not be one."""

import sys
import warnings
from functools import partial
from itertools import cycle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from torch import nn

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._training import cache
from sklearn_emma.corruption import Failures
from sklearn_emma.predictors import MLP

rng = np.random.default_rng(0)
y = np.arange(60) % 2
X = rng.normal(size=(60, 4)) + y[:, np.newaxis]

SOURCE = """
import torch
from torch import nn
WIDTH = 4
LIMIT = 5.0
class Block(nn.Module):
    def forward(self, x):
        return torch.tanh(x)
class Net(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.first = nn.Linear(n_in, WIDTH)
        self.block = Block()
        self.norm = nn.BatchNorm1d(WIDTH, momentum=0.1)
        self.drop = nn.Dropout(0.1)
        self.last = nn.Linear(WIDTH, n_out)
        self.temperature = 1.0
    def forward(self, x):
        h = self.drop(self.norm(self.block(self.first(x.clamp(-LIMIT, LIMIT)))))
        return self.last(h)
def build(n_in, n_out):
    return Net(n_in, n_out)
"""

EDITS = {
    "width": ("WIDTH = 4", "WIDTH = 5"),
    "forward": ("return self.last(h)", "return 2 * self.last(h)"),
    "helper": ("torch.tanh(x)", "torch.relu(x)"),
    "constant": ("LIMIT = 5.0", "LIMIT = 4.0"),
    "dropout": ("nn.Dropout(0.1)", "nn.Dropout(0.3)"),
    "momentum": ("momentum=0.1", "momentum=0.2"),
    "gradient": ("self.last(h)", "self.last(h.detach())"),
    "setting": ("self.temperature = 1.0", "self.temperature = 2.0"),
    "mode": (
        "return self.last(h)",
        "return self.last(h) if self.training else 3 * self.last(h)",
    ),
}


quick = partial(
    helpers.quick,
    epochs=2,
    modes=[[0, 1], [2, 3]],
    energy_estimator=PotentialEnergyTransformer(n_components=4, max_iter=2),
    predictor=MLP(4, evidence=False),
)


@pytest.fixture
def notebook(monkeypatch):
    """Return a function that runs source as a cell, always in the same module."""
    module = type(sys)("cells")
    monkeypatch.setitem(sys.modules, "cells", module)

    def run(source):
        exec(compile(source, "<cell>", "exec"), vars(module))
        return module

    return run


# A class and a factory by turns: the source of both is read alike.
@pytest.mark.parametrize(
    ("kind", "edit"), list(zip(cycle(["Net", "build"]), EDITS, strict=False))
)
def test_an_edited_predictor_is_not_taken_for_the_one_before(
    edit, kind, notebook, tmp_path, computed
):
    cell = notebook(SOURCE)
    fit = quick(memory=str(tmp_path)).set_params
    before = fit(predictor=getattr(cell, kind)).fit(X, y).predict_proba(X)
    assert len(computed) == 1
    cell = notebook("# a line more\n" + SOURCE)  # run again as it is
    again = fit(predictor=getattr(cell, kind)).fit(X, y)
    assert len(computed) == 1
    np.testing.assert_array_equal(again.predict_proba(X), before)
    assert SOURCE.replace(*EDITS[edit]) != SOURCE
    cell = notebook(SOURCE.replace(*EDITS[edit]))
    edited = fit(predictor=getattr(cell, kind)).fit(X, y)
    assert len(computed) == 2
    uncached = quick(predictor=getattr(cell, kind)).fit(X, y)
    np.testing.assert_array_equal(edited.predict_proba(X), uncached.predict_proba(X))
    cell = notebook(SOURCE)  # and back
    fit(predictor=getattr(cell, kind)).fit(X, y)
    assert len(computed) == 3


@pytest.mark.parametrize(
    "predictor",
    [None, MLP(4), lambda n_in, n_out: nn.Linear(n_in, n_out), nn.Linear(4, 2)],
    ids=["default", "recipe", "lambda", "trained"],
)
def test_anything_that_builds_what_pickle_knows_is_cached(
    predictor, tmp_path, computed
):
    model = quick(predictor=predictor, memory=str(tmp_path))
    plain = clone(model).set_params(memory=None).fit(X, y)
    del computed[:]
    state = torch.get_rng_state()
    for rho in (1.0, 2.0, "learn"):
        last = clone(model).set_params(rho=rho).fit(X, y)
    assert len(computed) == 1
    torch.testing.assert_close(torch.get_rng_state(), state, rtol=0, atol=0)
    np.testing.assert_array_equal(last.predict_proba(X), plain.predict_proba(X))


def test_lambdas_are_told_apart(tmp_path, computed):
    for bias in (True, False, True):
        quick(
            predictor=lambda n_in, n_out, bias=bias: nn.Linear(n_in, n_out, bias),
            memory=str(tmp_path),
        ).fit(X, y)
    assert len(computed) == 2


def test_a_trained_predictor_is_told_by_its_parameters_and_left_alone(
    tmp_path, computed
):
    predictor = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))
    before = {name: t.clone() for name, t in predictor.state_dict().items()}
    model = quick(memory=str(tmp_path))
    model.set_params(predictor=predictor).fit(X, y)
    for name, tensor in predictor.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)
    assert all(p.grad is None for p in predictor.parameters())
    predictor[1].bias.data += 1
    model.fit(X, y)
    assert len(computed) == 2


def test_data_weights_and_options_are_told_apart(tmp_path, computed):
    failures = Failures(pretraining_missing_fraction=0.0)
    model = quick(memory=str(tmp_path), corruption=failures)
    weight = np.linspace(0.1, 3, 60)
    changed = X.copy()
    changed[0, 0] += 1e-9
    fits = [
        ({}, X, None),
        ({}, changed, None),
        ({}, X, weight),
        ({"pretraining_max_iter": 3}, X, None),
        ({"predictor__dropout": 0.1}, X, None),
        ({"predictor__n_bins": 3}, X, None),
        ({"energy_estimator": GaussianMixture(reg_covar=0.1)}, X, None),
        ({"corruption__pretraining_missing_fraction": 0.3}, X, None),
        ({"random_state": 1}, X, None),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for params, values, weights in fits * 2:
            clone(model).set_params(**params).fit(values, y, weights)
    assert len(computed) == len(fits)


def test_names_of_modes_and_verbosity_do_not_matter_but_widths_do(tmp_path, computed):
    model = quick(memory=str(tmp_path))
    for modes, verbose, runs in [
        ([[0, 1], [2, 3]], False, 1),
        ({"left": [0, 1], "right": [2, 3]}, True, 1),
        ([[0], [1, 2, 3]], False, 2),
    ]:
        model.set_params(modes=modes, verbose=verbose).fit(X, y)
        assert len(computed) == runs


def test_another_version_of_the_package_computes_anew(tmp_path, computed, monkeypatch):
    for version in ("1.0", "1.0", "2.0"):
        monkeypatch.setattr(cache, "__version__", version)
        quick(memory=str(tmp_path)).fit(X, y)
    assert len(computed) == 2


def test_worker_processes_share_the_cache(tmp_path):
    search = GridSearchCV(
        quick(memory=str(tmp_path)), {"rho": [0.5, 1.0, 2.0]}, cv=2, n_jobs=2
    ).fit(X, y)
    assert len(list(tmp_path.rglob("output.pkl"))) == 3  # two folds, and all rows
    plain = clone(search.best_estimator_).set_params(memory=None).fit(X, y)
    np.testing.assert_array_equal(search.predict_proba(X), plain.predict_proba(X))


@pytest.fixture
def counted_fits(monkeypatch):
    """How often a Gaussian mixture is fitted."""
    counts, fit = [], GaussianMixture.fit

    def counted(self, X, y=None):
        counts.append(len(X))
        return fit(self, X, y)

    monkeypatch.setattr(GaussianMixture, "fit", counted)
    return counts


def test_memory_runs_pretraining_once(tmp_path, counted_fits):
    X, y = helpers.three_classes()
    # A classifier has the default network in front of it.
    model = helpers.quick(
        predictor=None, energy_estimator=GaussianMixture(), memory=str(tmp_path)
    )
    cached = [
        clone(model).set_params(**params).fit(X, y)
        for params in (
            {},
            {"rho": 3.0},
            {"lambda_e": 0.5},
            {"lambda_c": 1.0},
            {"predictor": LogisticRegression()},
            {},
        )
    ]
    of_one = 2 * 6  # for each mode one of all rows, and one without each fold
    assert len(counted_fits) == of_one
    assert helpers.differ(cached[0], cached[1], X)
    # What joint training does to its copy never reaches the cache.
    helpers.assert_same(cached[0], cached[-1], X, rtol=1e-12)
    uncached = clone(model).set_params(memory=None).fit(X, y)
    helpers.assert_same(cached[0], uncached, X, rtol=1e-12)
    assert len(counted_fits) == 2 * of_one
    others = {"random_state": 1, "pretraining_max_iter": 1, "predictor": MLP(1)}
    for name, other in others.items():
        before = len(counted_fits)
        clone(model).set_params(**{name: other}).fit(X, y)
        assert len(counted_fits) == before + of_one
    clone(model).fit(X[:100], y[:100])
    assert counted_fits[-of_one:] == [100] * 2 + [80] * 10
