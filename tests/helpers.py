"""What several test files build and compare: small estimators and what they answer."""

import math
from contextlib import contextmanager
from functools import cache, partial

import numpy as np
import sklearn
import torch
from scipy.stats import kstest
from sklearn.model_selection import GridSearchCV

from sklearn_emma import EMMAClassifier, EMMARegressor, PotentialEnergyTransformer
from sklearn_emma._inputs.missing import fill_missing
from sklearn_emma._statistics import normal_scores
from sklearn_emma.corruption import ModeLayout
from sklearn_emma.datasets import make_multimodal_classification
from sklearn_emma.model_selection import EMMAGridSearchCV
from sklearn_emma.predictors import MLP

TWO_MODES = {"a": [0, 1], "b": [2, 3]}
THREE_MODES = {"a": [0, 1], "b": [2, 3], "c": [4, 5]}
UNEQUAL_MODES = {"a": [0, 1, 2], "b": [3, 4], "c": [5]}
LAYOUT = ModeLayout.from_columns(UNEQUAL_MODES)
# All that answer with floats; `predict` and `explain` have types of their own.
METHODS = [
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "attention",
    "importance",
    "potential_energy",
    "modal_energy",
    "total_energy",
]


def quick(*, epochs=3, **params):
    """Classifier of which each part trains a few epochs; `params` take precedence.

    Without evidence, which is half of the time of so short a fit.
    """
    defaults = {
        "modes": TWO_MODES,
        "energy_estimator": PotentialEnergyTransformer(max_iter=epochs),
        "max_iter": epochs,
        "pretraining_max_iter": epochs,
        "predictor": MLP(8, evidence=False),
        "random_state": 0,
    }
    return EMMAClassifier(**defaults | params)


def quick_regressor(**params):
    """Regressor of which each part trains a few epochs; `params` take precedence."""
    defaults = {
        "modes": THREE_MODES,
        "energy_estimator": PotentialEnergyTransformer(max_iter=5),
        "predictor": MLP(16, dropout=0.0, evidence=False),
        "max_iter": 20,
        "pretraining_max_iter": 10,
        "random_state": 0,
    }
    return EMMARegressor(**defaults | params)


def small(**params):
    """Potential energy that trains five epochs; `params` take precedence."""
    return PotentialEnergyTransformer(**{"max_iter": 5, "random_state": 0} | params)


def three_classes():
    """X (120, 4) and y; each class is a shift of every feature."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, size=120)
    return rng.normal(size=(120, 4)) + y[:, np.newaxis], y


def rare_class():
    """X (120, 4), far from unit variance, and y: about 30 % of the samples are 1."""
    rng = np.random.default_rng(0)
    y = (rng.random(120) < 0.3).astype(int)
    return rng.normal(size=(120, 4)) * 10 + 12 * y[:, np.newaxis], y


def three_unequal_modes():
    """All modes tell the classes apart; units and offsets of the features differ."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=150)
    X = rng.normal(size=(150, 6)) + 1.5 * y[:, np.newaxis]
    return X * [1, 100, 0.01, 5, 1, 3] + [0, 7, 0, -50, 1, 0], y


def linear_values(n=240):
    """X (n, 6) whose three modes each carry the same signal, and y in odd units."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(n, 2))
    X = np.tile(signal, 3) + 0.3 * rng.normal(size=(n, 6))
    return X, 1000 + 50 * signal @ [1.0, -2.0]


def gate_energies(seed, n=4, n_modes=4):
    """Self-energies (n, M), couplings and exponents (M, M), which modes are present."""
    rng = np.random.default_rng(seed)
    energies = rng.uniform(math.e, 40, (n, n_modes))
    coupling = rng.uniform(-1, 1, (n_modes, n_modes)) / max(n_modes - 1, 1)
    exponent = rng.uniform(0, 1, (n_modes, n_modes))
    present = rng.random((n, n_modes)) < 0.7
    return [torch.from_numpy(a) for a in (energies, coupling, exponent, present)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal_values(n=3000, dtype=torch.float64):
    """Independent standard normal x (n, 6), for ``LAYOUT``."""
    return torch.randn(n, LAYOUT.n_features, generator=generator(9), dtype=dtype)


def corrupted_by(fault, x, seed=0):
    return fault.corrupt(x, LAYOUT, generator(seed))


def p_value(sample, distribution):
    """Of the hypothesis that the values of ``sample`` are drawn from it."""
    return kstest(np.asarray(sample).ravel(), distribution.cdf).pvalue


def correlated_features():
    """X (120, 3): correlated features of very different units."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(120, 3)) @ rng.normal(size=(3, 3))) * [1, 50, 0.01] + 3


def held_out_energies(model, X):
    """Ψ (n, M) of X (n, d), of training rows by energies that have not seen them.

    NaN where a mode is missing. ``model`` was fitted with ``warm_start=True``, or it
    would not have kept these energies.
    """
    inner = model._model
    x, present = fill_missing(inner.standardise(inner.select(X)), inner.layout)
    fold = torch.from_numpy(inner.held_out.fold_of(x.numpy()))
    potential = torch.from_numpy(model.potential_energy(X))
    potential = inner.held_out.potential(x, present, potential, fold)
    return potential.where(present, torch.nan).numpy()


def searches(monkeypatch):
    """Note every search for the knots of normal scores from now on."""
    noted, search = [], normal_scores._n_at_or_below
    monkeypatch.setattr(
        normal_scores, "_n_at_or_below", lambda *args: noted.append(0) or search(*args)
    )
    return noted


def changed(X, row, column, value):
    other = X.copy()
    other[row, column] = value
    return other


def assert_same(one, other, X, **tolerance):
    for method in ("predict_proba", "attention", "potential_energy"):
        expected = getattr(one, method)(X)
        np.testing.assert_allclose(getattr(other, method)(X), expected, **tolerance)


def differ(one, other, X):
    return not np.allclose(one.predict_proba(X), other.predict_proba(X), rtol=1e-6)


@contextmanager
def random_state_kept():
    """Fail if the block, or the function decorated, draws from the global states."""
    numpy_before, torch_before = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    yield
    # All parts: numpy's key by itself stays as it is for the next few hundred draws.
    for before, now in zip(numpy_before, np.random.get_state(), strict=True):  # noqa: NPY002
        np.testing.assert_array_equal(now, before)
    np.testing.assert_array_equal(torch.get_rng_state(), torch_before)


def same_model(a, b, **tolerance):
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), **tolerance)


# --------------------------------------------------------------------------- searches


# Everything that a stack may vary, and every kind of value of it.
VARIED = [
    {"rho": [0.3, "learn"], "lambda_c": [0, 0.1], "lambda_e": [0.01]},
    {"rho": ["learn"], "lambda_e": [0.0, 0.1], "lr": [0.01]},
    {"rho": [2.0], "random_state": [1], "lr": [0.001, 0.01]},
]
# Four candidates in which any two values of different parameters meet.
CROSSED = [
    {"rho": [0.3], "lambda_e": [0.0], "random_state": [0]},
    {"rho": [0.3], "lambda_e": [0.01], "random_state": [1]},
    {"rho": ["learn"], "lambda_e": [0.0], "random_state": [1]},
    {"rho": ["learn"], "lambda_e": [0.01], "random_state": [0]},
]
SEARCH_OPTIONS = {"cv": 2, "scoring": "neg_log_loss"}


@cache
def _three_modes():
    return make_multimodal_classification(
        n_samples=160, n_modes=3, redundancy=0.5, random_state=0
    )


def search_data():
    """X (160, 12), y as numbers and y as names."""
    X, y, _ = _three_modes()
    return X, y, np.array(["no", "yes"])[y]


def searchable(**params):
    """Classifier of the three modes of ``search_data``; `params` take precedence."""
    defaults = {
        "modes": _three_modes()[2],
        "energy_estimator": PotentialEnergyTransformer(max_iter=2),
        "predictor": MLP((6, 4), evidence=False),
        "max_iter": 4,
        "pretraining_max_iter": 2,
        "random_state": 0,
    }
    return EMMAClassifier(**defaults | params)


def assert_same_search(
    estimator, grid, X=None, y=None, fit_params=None, atol=1e-4, **options
):
    """Same results as the sequential search, times excepted."""
    X = search_data()[0] if X is None else X
    y = search_data()[2] if y is None else y
    options, fit_params = SEARCH_OPTIONS | options, fit_params or {}
    found = EMMAGridSearchCV(estimator, grid, **options).fit(X, y, **fit_params)
    expected = GridSearchCV(estimator, grid, **options).fit(X, y, **fit_params)
    assert found.cv_results_.keys() == expected.cv_results_.keys()
    assert found.cv_results_["params"] == expected.cv_results_["params"]
    for name, values in expected.cv_results_.items():
        if name.startswith(("split", "mean_t", "std_t")):
            np.testing.assert_allclose(
                found.cv_results_[name], values, atol=atol, err_msg=name
            )
    names = {n for n in vars(expected) if n.endswith("_")}
    assert {n for n in vars(found) if n.endswith("_")} == names
    # Between candidates that are as good, rounding may decide.
    best = expected.best_index_
    metric = found.refit if isinstance(found.refit, str) else "score"
    scores = found.cv_results_[f"mean_test_{metric}"]
    np.testing.assert_allclose(scores[found.best_index_], scores[best], atol=atol)
    assert type(found.best_estimator_) is type(expected.best_estimator_)
    if found.best_index_ == best:
        np.testing.assert_allclose(
            found.predict_proba(X), expected.predict_proba(X), atol=10 * atol
        )
    return found


# ---------------------------------------------------------------------- ambient states


@contextmanager
def _set(read, write, value):
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)


def ambient_states():
    """What a process may have set around a call: contexts by name, made on demand."""
    config = sklearn.config_context
    dtype = torch.get_default_dtype, torch.set_default_dtype
    device = torch.get_default_device, torch.set_default_device
    anomaly = torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly
    return {
        "inference mode": torch.inference_mode,
        "no gradients": torch.no_grad,
        "autocast": partial(torch.autocast, "cpu", torch.bfloat16),
        "default dtype": partial(_set, *dtype, torch.float64),
        "half precision": partial(_set, *dtype, torch.float16),
        "default device": partial(_set, *device, "meta"),
        "device of a block": partial(torch.device, "meta"),
        "anomaly detection": partial(_set, *anomaly, True),
        "numpy raises": partial(np.errstate, all="raise"),
        "numpy ignores": partial(np.errstate, all="ignore"),
        "assume finite": partial(config, assume_finite=True),
        "pandas output": partial(config, transform_output="pandas"),
        "array API": partial(config, array_api_dispatch=True),
    }


def all_paths(n, m, boundary=0):
    """Every monotone, continuous path through n × m cells, as a list of cells."""
    starts = {(0, 0)}
    starts |= {(k, 0) for k in range(min(boundary + 1, n))}
    starts |= {(0, k) for k in range(min(boundary + 1, m))}
    ends = {(n - 1 - k, m - 1) for k in range(min(boundary + 1, n))}
    ends |= {(n - 1, m - 1 - k) for k in range(min(boundary + 1, m))}

    def onwards(path):
        i, j = path[-1]
        if (i, j) in ends:
            yield path
        for cell in ((i + 1, j), (i, j + 1), (i + 1, j + 1)):
            if cell[0] < n and cell[1] < m:
                yield from onwards([*path, cell])

    for start in starts:
        yield from onwards([start])
