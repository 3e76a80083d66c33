"""The fitted model against slow code: missing values, units, chunks of rows."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_emma import EMMAGate, PotentialEnergyTransformer
from sklearn_emma._energies.per_mode import ModeEnergies
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.standardisation import standardise
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
    named = {"a": columns[:2], "b": columns[2:3], "c": columns[3:]}
    layout = ModeLayout.from_columns(named)
    network = EMMANetwork(EMMAGate(3), predictor, layout).to(dtype)
    energies = ModeEnergies([SquaredNorm() for _ in range(3)], layout, dtype)
    model = EMMAModel(StandardScaler().fit(X), energies, network)
    inputs = model.inputs(model.standardise(X.astype(model.dtype)))
    nan = torch.tensor(torch.nan, dtype=dtype)
    network.gate.calibrate(torch.where(inputs.present, inputs.potential, nan))
    return model


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


def test_energies_known_from_before_are_not_asked_for_again():
    model, X = make_model(), draw(seed=2)
    x = model.standardise(model.select(X))
    everything = model.inputs(x)
    known = everything.potential.clone()
    known[5:, 1] = torch.nan
    known[:, 2] = 123.0
    for estimator in model.energies.estimators:
        estimator.seen.clear()
    found = model.inputs(x, known)
    n_seen = [sum(map(len, e.seen)) for e in model.energies.estimators]
    assert n_seen == [0, int(everything.present[5:, 1].sum()), 0]
    assert (found.potential[:, 2] == 123).all()
    assert torch.equal(found.potential[:, :2], everything.potential[:, :2])
    assert torch.equal(found.x, everything.x)
    assert torch.equal(found.present, everything.present)


def test_inputs_are_standardised_filled_and_know_what_is_present():
    model, X = make_model(), draw(seed=2)
    inputs = model.inputs(model.standardise(model.select(X)))
    z = (X[:, COLUMNS] - model.scaler.mean_) / model.scaler.scale_
    np.testing.assert_allclose(inputs.x, np.nan_to_num(z))
    for mode in range(3):
        own = z[:, np.array(MODES) == mode]
        present = ~np.isnan(own).all(axis=1)
        np.testing.assert_array_equal(inputs.present[:, mode], present)
    scores = model.scores_of(inputs)
    for of in QUANTITIES.values():
        np.testing.assert_array_equal(of(scores), of(model.scores(X)))


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


def test_rows_are_standardised_in_their_own_type_whatever_came_before():
    model, X = make_model(), np.nan_to_num(draw())[:, COLUMNS]
    for dtype in (np.float64, np.float32, np.float64):
        rows = X.astype(dtype)
        found = model.standardise(rows)
        expected = standardise(rows, model.scaler).astype(model.dtype)
        np.testing.assert_array_equal(found, expected)
    wide = model.standardise(X).numpy()
    narrow = model.standardise(X.astype(np.float32)).numpy()
    np.testing.assert_allclose(narrow, wide, rtol=1e-4, atol=1e-4)
    assert not np.array_equal(narrow, wide)


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


def test_a_model_in_another_type_scores_alike():
    model, X = make_model(), draw()
    expected = {name: of(model.scores(X)) for name, of in QUANTITIES.items()}
    assert model.astype(torch.float32) is model and model.dtype == np.float32
    for name, of in QUANTITIES.items():
        np.testing.assert_allclose(of(model.scores(X)), expected[name], rtol=1e-4)


def test_energies_that_are_scored_all_at_once_change_their_type_too():
    model, X = make_model(), draw()
    z = np.nan_to_num(model.standardise(model.select(X)).numpy())
    estimators = [
        PotentialEnergyTransformer(max_iter=1, random_state=0).fit(z[:, columns])
        for columns in model.layout.slices
    ]
    model.energies = ModeEnergies(estimators, model.layout, torch.float64)
    expected = model.scores(X).potential
    found = model.astype(torch.float32).scores(X).potential
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_moving_to_where_it_is_costs_nothing():
    model = make_model()
    assert model.to(torch.device("cpu")) is model
    assert model.on_cpu() is model


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_model_on_a_gpu_scores_as_on_a_cpu():
    model, X = make_model(), draw()
    expected = {name: of(model.scores(X)) for name, of in QUANTITIES.items()}
    model.to(torch.device("cuda"))
    assert model.device.type == "cuda"
    copy = model.on_cpu()
    assert (copy.device.type, model.device.type) == ("cpu", "cuda")
    for other in (model, copy):
        for name, of in QUANTITIES.items():
            np.testing.assert_allclose(
                of(other.scores(X)), expected[name], rtol=1e-9, atol=1e-9
            )
