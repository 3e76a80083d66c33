"""The fitted model against slow code: missing values, units, chunks of rows."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_emma import EMMAGate
from sklearn_emma._energies.per_mode import ModeEnergies
from sklearn_emma._inputs.missing import fill_missing
from sklearn_emma._model import model as model_module
from sklearn_emma._model.model import EMMAModel
from sklearn_emma._model.network import EMMANetwork

MODES = [0, 0, 1, 2, 2]  # of the columns, side by side
COLUMNS = [4, 0, 3, 1, 2]  # of X


class SquaredNorm:
    """Energy ½‖x‖²; notes what it is asked."""

    def __init__(self):
        self.seen = []

    def score_samples(self, X):
        self.seen.append(X)
        return -0.5 * np.square(X).sum(axis=1)


def draw(n=30, seed=0, width=5):
    """Values in odd units, some missing."""
    rng = np.random.default_rng(seed)
    X = 10.0 * np.arange(width) + np.arange(1, width + 1) * rng.normal(size=(n, width))
    X[rng.random((n, width)) < 0.2] = np.nan
    X[0] = np.nan
    return X


def make_model(columns=COLUMNS, dtype=torch.float64, predictor=None):
    X = draw(seed=1)[:, columns]
    predictor = predictor or nn.Linear(5, 2)
    for parameter in predictor.parameters():
        parameter.data.fill_(0.3)
    network = EMMANetwork(EMMAGate(3), predictor, torch.tensor(MODES)).to(dtype)
    energies = ModeEnergies([SquaredNorm() for _ in range(3)], [2, 1, 2], dtype)
    model = EMMAModel(np.array(columns), StandardScaler().fit(X), energies, network)
    model.calibrate(X.astype(model.dtype), np.ones(len(X), dtype=model.dtype))
    return model


# ----------------------------------------------------------------- single functions


@given(seed=st.integers(0, 1000), share=st.sampled_from([0.0, 0.3, 0.8, 1.0]))
def test_fill_missing_equals_a_loop(seed, share):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(6, 5))
    x[rng.random((6, 5)) < share] = np.nan
    before = x.copy()
    filled, present = fill_missing(torch.from_numpy(x), torch.tensor(MODES), 3)
    for row, column in np.ndindex(6, 5):
        expected = 0.0 if np.isnan(x[row, column]) else x[row, column]
        assert filled[row, column] == expected
    for row, mode in np.ndindex(6, 3):
        own = [x[row, i] for i in range(5) if MODES[i] == mode]
        assert present[row, mode].item() is (not np.isnan(own).all())
    np.testing.assert_array_equal(x, before)


# ------------------------------------------------------------------------ whole model


def test_scores_equal_slow_code():
    model, X = make_model(), draw(seed=2)
    scores = model.scores(X)
    z = (X[:, COLUMNS] - model.scaler.mean_) / model.scaler.scale_
    for i, row in enumerate(z):
        modes = row[:2], row[2:3], row[3:]
        present = [not np.isnan(mode).all() for mode in modes]
        psi = [0.5 * np.nansum(mode**2) for mode in modes]
        np.testing.assert_array_equal(scores.present[i], present)
        np.testing.assert_allclose(scores.potential[i], psi, atol=1e-12)
        with torch.no_grad():
            gated, own = model.network.gate(
                [torch.tensor(np.nan_to_num(mode))[None] for mode in modes],
                torch.tensor(psi)[None],
                torch.tensor(present)[None],
            )
            logits = model.network.predictor(torch.cat(gated, dim=1))
        for name in ("attention", "importance", "modal_energy"):
            np.testing.assert_allclose(getattr(scores, name)[i], getattr(own, name)[0])
        np.testing.assert_allclose(scores.logits[i], logits[0])


class Negative:
    """A classifier predictor: logits are minus the sums of the gated values."""

    def logits(self, gated):
        return -gated.sum(dim=1, keepdim=True)


def test_a_classifier_predicts_in_place_of_the_network():
    model, X = make_model(), draw(seed=2)
    before = model.scores(X)
    model.classifier = Negative()
    scores = model.scores(X)
    z = (X[:, COLUMNS] - model.scaler.mean_) / model.scaler.scale_
    gated = np.nan_to_num(z) * before.attention[:, MODES]
    np.testing.assert_allclose(scores.logits[:, 0], -gated.sum(axis=1), atol=1e-12)
    np.testing.assert_array_equal(scores.attention, before.attention)


QUANTITIES = {
    "logits": lambda s: s.logits,
    "attention": lambda s: s.attention,
    "importance": lambda s: s.importance,
    "modal_energy": lambda s: s.modal_energy,
    "potential": lambda s: s.potential,
    "present": lambda s: s.present,
}


@pytest.mark.parametrize("quantity", QUANTITIES.values(), ids=QUANTITIES)
@pytest.mark.parametrize("n", [1, 7, 30])
@pytest.mark.parametrize("chunk", [1, 3, 30])
def test_chunks_of_rows_make_no_difference(monkeypatch, n, chunk, quantity):
    model, X = make_model(), draw(n, seed=2)
    expected = quantity(model.scores(X))
    monkeypatch.setattr(model_module, "_CHUNK_VALUES", 64 * chunk)
    lengths = []

    def check(rows):
        lengths.append(len(rows))
        return rows

    gathered = model.gather(X, quantity, check)
    assert lengths[:-1] == [chunk] * (len(lengths) - 1) and sum(lengths) == n
    assert gathered.dtype == expected.dtype
    np.testing.assert_allclose(gathered, expected, rtol=1e-12, atol=1e-12)


def test_attention_costs_no_prediction():
    class Never(nn.Linear):
        def forward(self, x):
            raise AssertionError("the predictor was asked")

    model = make_model(predictor=Never(5, 2))
    assert model.scores(draw()).attention.shape == (30, 3)
    with pytest.raises(AssertionError, match="was asked"):
        model.scores(draw()).logits  # noqa: B018


def test_the_energy_of_a_missing_mode_is_never_asked_for():
    model = make_model()
    estimators = model.energies.estimators
    for estimator in estimators:
        estimator.seen.clear()
    X = draw(seed=2)
    scores = model.scores(X)
    n_seen = [sum(map(len, estimator.seen)) for estimator in estimators]
    assert n_seen == scores.present.sum(axis=0).tolist()
    assert all(np.isfinite(x).all() for e in estimators for x in e.seen)


def test_calibrate_leaves_out_missing_modes():
    model, X = make_model(), draw(seed=1)[:, COLUMNS]
    z = (X - model.scaler.mean_) / model.scaler.scale_
    energies = [0.5 * np.nansum(z[:, np.array(MODES) == m] ** 2, 1) for m in range(3)]
    psi = np.column_stack(energies)
    for mode in range(3):
        missing = np.isnan(z[:, np.array(MODES) == mode]).all(axis=1)
        psi[missing, mode] = np.nan
    expected = EMMAGate(3).double().calibrate(torch.from_numpy(psi))
    gate = model.network.gate
    torch.testing.assert_close(gate.location, expected.location)
    torch.testing.assert_close(gate.scale, expected.scale)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("given_type", [np.float32, np.float64, np.int64])
def test_everything_is_in_the_type_of_the_model(dtype, given_type):
    model = make_model(dtype=dtype)
    X = np.nan_to_num(draw()).astype(given_type)
    X.flags.writeable = False
    before = X.copy()
    scores = model.scores(X)
    types = {name: of(scores).dtype for name, of in QUANTITIES.items()}
    assert types.pop("present") is np.dtype(bool) and set(types.values()) == {
        model.dtype
    }
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("columns", "width"),
    [
        (COLUMNS, 5),
        (COLUMNS, 8),
        ([0, 1, 2, 3, 4], 5),
        pytest.param(
            [0, 1, 2, 3, 4],
            8,
        ),
    ],
)
def test_select_takes_the_columns_of_the_modes(columns, width):
    X = draw(width=width)
    np.testing.assert_array_equal(make_model(columns).select(X), X[:, columns])


@pytest.mark.parametrize("part", ["", "predictor"])
def test_dropout_is_off(part):
    model = make_model(predictor=nn.Sequential(nn.Linear(5, 2), nn.Dropout(0.9)))
    model.network.eval()
    model.network.get_submodule(part).train()
    first, again = model.scores(draw()), model.scores(draw())
    np.testing.assert_array_equal(first.logits, again.logits)


def test_moving_to_where_it_is_costs_nothing():
    model = make_model()
    assert model.to(torch.device("cpu")) is model
    assert model.on_cpu() is model


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_model_on_a_gpu_scores_as_on_a_cpu():
    model, X = make_model(), draw()
    expected = model.scores(X)
    model.to(torch.device("cuda"))
    assert model.device.type == "cuda"
    copy = model.on_cpu()
    assert (copy.device.type, model.device.type) == ("cpu", "cuda")
    for other in (model, copy):
        for of in QUANTITIES.values():
            np.testing.assert_allclose(
                of(other.scores(X)), of(expected), rtol=1e-9, atol=1e-9
            )
