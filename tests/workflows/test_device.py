"""Training and predicting on a device other than the CPU, and coming back from it."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.mixture import GaussianMixture

from helpers import quick
from sklearn_emma import PotentialEnergyTransformer

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch finds no CUDA device"
)
ENERGIES = {
    "default": PotentialEnergyTransformer(max_iter=3),
    "on the GPU": PotentialEnergyTransformer(max_iter=3, device="cuda"),
    "scikit-learn": GaussianMixture(),
}


@pytest.fixture(name="data", scope="module")
def two_modes():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=100)
    return rng.normal(size=(100, 4)) + y[:, np.newaxis], y


def devices(model):
    tensors = [*model.network_.parameters(), *model.network_.buffers()]
    return {tensor.device.type for tensor in tensors}


# --------------------------------------------------------------------- without a GPU


def test_cpu_by_default(data):
    model = quick().fit(*data)
    assert model.device == "cpu" and devices(model) == {"cpu"}


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_ways_to_name_a_device(data, device):
    X, y = data
    expected = quick().fit(X, y).predict_proba(X)
    got = quick(device=device).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    energy = PotentialEnergyTransformer(max_iter=2, device=device).fit(X)
    assert np.isfinite(energy.transform(X)).all()


@pytest.mark.parametrize("device", ["nowhere", "cuda:99", ""])
@pytest.mark.parametrize(
    "estimator", [quick(), PotentialEnergyTransformer()], ids=["classifier", "energy"]
)
def test_unknown_device(data, estimator, device):
    estimator = copy.deepcopy(estimator).set_params(device=device)
    with pytest.raises(ValueError, match=f"`device` '{device}' cannot be used"):
        estimator.fit(*data)
    assert not hasattr(estimator, "n_features_in_")


def test_prediction_falls_back_to_the_cpu(data):
    """A model trained on a device that this machine lacks still predicts."""
    X, y = data
    model = quick().fit(X, y)
    expected = model.predict_proba(X)
    model.set_params(device="cuda:99")
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-9)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(loaded.attention(X), model.attention_, rtol=1e-9)
    with pytest.raises(ValueError, match="cannot be used"):
        loaded.fit(X, y)


# ------------------------------------------------------------------------ with a GPU


@needs_gpu
@pytest.mark.parametrize("energy", ENERGIES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_training_on_the_gpu(data, energy, dtype):
    X, y = data[0].astype(dtype), data[1]
    X[:10, :2] = np.nan
    cpu_state, gpu_state = torch.get_rng_state(), torch.cuda.get_rng_state()
    model = quick(
        device="cuda",
        energy_estimator=ENERGIES[energy],
        early_stopping=True,
        validation_fraction=0.2,
        pretraining_max_iter=30,
        max_iter=20,
        lr=0.02,
    ).fit(X, y)
    assert torch.equal(cpu_state, torch.get_rng_state())
    assert torch.equal(gpu_state, torch.cuda.get_rng_state())
    assert devices(model) == {"cuda"}
    assert model.attention_.dtype == dtype and np.all(model.attention_[:10, 0] == 0)
    assert model.score(X, y) > 0.75
    assert len(model.explain(X)) == 100
    again = clone(model).fit(X, y)
    np.testing.assert_allclose(
        again.predict_proba(X), model.predict_proba(X), rtol=1e-4
    )


@needs_gpu
@pytest.mark.parametrize("energy", ["default", "scikit-learn"])
def test_scores_on_the_gpu_are_those_on_the_cpu(data, energy):
    X, y = data
    model = quick(energy_estimator=ENERGIES[energy]).fit(X, y)
    on_cpu = [model.predict_proba(X), model.attention(X), model.total_energy(X)]
    model.set_params(device="cuda")
    on_gpu = [model.predict_proba(X), model.attention(X), model.total_energy(X)]
    assert devices(model) == {"cuda"}
    for got, expected in zip(on_gpu, on_cpu, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-7)


@needs_gpu
@pytest.mark.parametrize("how", ["pickle", "joblib"])
def test_a_pickle_from_the_gpu_holds_nothing_of_it(data, how):
    X, y = data
    model = quick(device="cuda").fit(X, y)
    file = io.BytesIO()
    (pickle.dump if how == "pickle" else joblib.dump)(model, file)
    assert b"cuda:0" not in file.getvalue()
    assert devices(model) == {"cuda"}  # itself is left where it was
    file.seek(0)
    loaded = (pickle.load if how == "pickle" else joblib.load)(file)
    assert devices(loaded) == {"cpu"}
    expected = model.predict_proba(X)
    loaded.set_params(device="cpu")
    np.testing.assert_allclose(loaded.predict_proba(X), expected, rtol=1e-7)


@needs_gpu
def test_going_on_warm_on_the_gpu(data):
    model = quick(device="cuda", warm_start=True).fit(*data).fit(*data)
    assert model.n_iter_ == 6 and devices(model) == {"cuda"}
    model.set_params(device="cpu").fit(*data)
    assert model.n_iter_ == 9 and devices(model) == {"cpu"}


@needs_gpu
def test_the_cache_of_pretraining_is_on_the_cpu(data, tmp_path):
    model = quick(device="cuda", memory=str(tmp_path)).fit(*data)
    proba = model.predict_proba(data[0])
    again = quick(device="cuda", memory=str(tmp_path)).fit(*data)
    np.testing.assert_allclose(again.predict_proba(data[0]), proba, rtol=1e-4)


@needs_gpu
def test_energies_trained_on_the_gpu(data):
    X, _ = data
    energy = PotentialEnergyTransformer(max_iter=5, device="cuda", random_state=0).fit(
        X
    )
    assert isinstance(energy.components_, np.ndarray)
    loaded = pickle.loads(pickle.dumps(energy))
    np.testing.assert_array_equal(loaded.transform(X), energy.transform(X))
    assert energy.loss_curve_[-1] < energy.loss_curve_[0]
