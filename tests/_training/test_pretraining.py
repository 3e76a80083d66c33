"""Pretraining: what the predictor sees, and when it is calibrated."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

import helpers
from sklearn_emma.corruption import Failures, GaussianNoise
from sklearn_emma.predictors import MLP

MODES = {"a": [0, 1], "b": [2, 3], "c": [4, 5]}
# Single modes are heard of samples left out, for which predictors are trained beside.
ALONE = MLP(8, evidence=False)
quick = partial(
    helpers.quick, epochs=1, pretraining_max_iter=2, modes=MODES, predictor=ALONE
)


@pytest.fixture(name="data", scope="module")
def three_modes():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=200)
    return rng.normal(size=(200, 6)) + y[:, np.newaxis], y


# ------------------------------------------------------------ modes it does without


@pytest.fixture
def epochs(monkeypatch):
    """The inputs of each epoch of pretraining, as they come."""
    from sklearn_emma._training.networks import train

    seen = []

    def watched(net, draw, *args, **params):
        def watched_draw():
            samples = draw()
            seen.append(samples.inputs["x"].clone())
            return samples

        return train(net, watched_draw, *args, **params)

    monkeypatch.setattr("sklearn_emma._training.networks.train", watched)
    return seen


def masked(x, X):
    """Which modes (n, M) of the epoch ``x`` are at their mean; X is standardised."""
    modes = x.view(len(x), -1, 2)
    at_mean = (modes == 0).all(dim=2)
    expected = torch.from_numpy(X).float().view(len(X), -1, 2)
    # Whatever is not masked is as it was.
    kept = ~at_mean
    torch.testing.assert_close(modes[kept], expected[kept])
    return at_mean


def standardised(model, X):
    """Training rows in the order in which they are trained on."""
    order = [list(columns) for columns in model.modes_.values()]
    z = model.scaler_.transform(X[:, np.concatenate(order)])
    return z


@pytest.mark.parametrize("fraction", [0.5, 1.0])
def test_a_share_of_the_samples_lacks_one_mode_each_epoch_anew(data, epochs, fraction):
    X, y = data
    failures = Failures(pretraining_missing_fraction=fraction)
    model = quick(pretraining_max_iter=20, corruption=failures).fit(X, y)
    assert len(epochs) == 20
    z = standardised(model, X)
    # The order of training rows is the model's own: find it by the last column kept.
    rows = _rows(epochs, z)
    masks = torch.stack([masked(x, z[rows]) for x in epochs])
    assert masks.sum(dim=2).max() == 1
    share = masks.any(dim=2).double().mean().item()
    assert share == pytest.approx(fraction, abs=0.02)
    by_mode = masks.double().mean(dim=(0, 1))
    np.testing.assert_allclose(by_mode, fraction / 3, atol=0.03)
    assert not torch.equal(masks[0], masks[1])


def _rows(epochs, z):
    """Rows of ``z`` in the order of training, from what no epoch masks."""
    whole = torch.stack(epochs).abs().argmax(dim=0)
    values = torch.stack(epochs).gather(0, whole[None])[0].numpy()
    distance = np.abs(values[:, np.newaxis] - z).sum(axis=2)
    rows = distance.argmin(axis=1)
    assert sorted(rows) == list(range(len(z)))
    return rows


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"corruption": None}, "no failures are simulated"),
        (
            {"corruption": Failures(pretraining_missing_fraction=0.0)},
            "the user does not want it",
        ),
        ({"modes": {"all": list(range(6))}}, "there is nothing else to predict from"),
    ],
)
def test_all_modes_are_there_where(data, epochs, params, why):
    quick(**params).fit(*data)
    assert len(epochs) == 2
    assert not (epochs[0] == 0).any(), why
    assert torch.equal(epochs[0], epochs[1])


def test_any_corruption_makes_the_predictor_do_without_modes(data, epochs):
    quick(corruption=GaussianNoise(1.0)).fit(*data)
    assert (epochs[0] == 0).any()


def test_a_predictor_that_learns_to_do_without_modes_predicts_better_without(data):
    X, y = data
    predictions = {}
    for corruption in (None, GaussianNoise(0.01)):
        model = quick(
            corruption=corruption,
            attention_function="none",
            pretraining_max_iter=30,
            lr=0.01,
        ).fit(X, y)
        z = torch.from_numpy(standardised(model, X))
        z[:, 2:] = 0
        with torch.no_grad():
            logits = model.network_.predictor.eval()(z)
        loss = nn.functional.cross_entropy(logits, torch.from_numpy(y))
        predictions[corruption is None] = loss.item()
    assert predictions[False] < predictions[True]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_classes_and_samples_count_by_their_weights(data):
    """In the first step, before which all logits are 0, 2."""

    class Untrained(nn.Linear):
        def __init__(self, n_in, n_out):
            super().__init__(n_in, n_out)
            self.weight.data.zero_()
            self.bias.data = 2 * torch.arange(float(n_out))

    X, y = data
    weight = np.random.default_rng(1).integers(0, 4, size=len(y))
    model = quick(predictor=Untrained, class_weight={1: 7.0}, batch_size=len(y))
    model.fit(X, y, sample_weight=weight)
    counts = weight * np.where(y == 1, 7.0, 1.0)
    losses = np.logaddexp(0, 2) - 2 * y
    expected = np.average(losses, weights=counts)
    assert model.pretraining_loss_curve_[0] == pytest.approx(expected)


# ------------------------------------------------------------------- calibration


class Calibrated(nn.Module):
    """A linear predictor that keeps what it is shown."""

    calls = []

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = nn.Linear(n_in, n_out)
        self.register_buffer("centre", torch.zeros(n_in))

    def calibrate(self, x, weight):
        self.calls.append((x.clone(), weight.clone()))
        weight = weight.to(x)  # counts are exact in any type
        self.centre.copy_(weight @ x / weight.sum())

    def forward(self, x):
        return self.layer(x - self.centre)


@pytest.fixture
def calls(monkeypatch):
    monkeypatch.setattr(Calibrated, "calls", [])
    return Calibrated.calls


def test_calibrate_sees_complete_training_data_once(data, calls):
    X, y = data
    X = X.copy()
    X[5, 2:4] = np.nan
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    model = quick(predictor=Calibrated).fit(X, y, sample_weight=weight)
    ((x, counts),) = calls
    z = np.nan_to_num(standardised(model, X))[weight > 0]
    np.testing.assert_allclose(
        x.numpy()[np.lexsort(x.numpy().T)], z[np.lexsort(z.T)], atol=1e-6
    )
    assert counts.sum() == weight.sum()
    expected = np.average(np.nan_to_num(standardised(model, X)), axis=0, weights=weight)
    np.testing.assert_allclose(model.network_.predictor.centre, expected, atol=1e-6)


def test_calibrate_is_not_called_for_a_module_that_comes_trained(data, calls):
    module = Calibrated(6, 2)
    model = quick(predictor=module).fit(*data)
    assert calls == [] and model.pretraining_loss_curve_ == []


def test_calibrate_is_not_called_again(data, calls):
    X, y = data
    model = quick(predictor=Calibrated, warm_start=True).fit(X, y)
    centre = model.network_.predictor.centre.clone()
    model.fit(X + 1, y).partial_fit(X + 2, y)
    assert len(calls) == 1
    assert torch.equal(model.network_.predictor.centre, centre)
    chunks = quick(predictor=Calibrated)
    for start in (0, 50, 100):
        rows = slice(start, start + 50)
        chunks.partial_fit(X[rows], y[rows], classes=[0, 1])
    assert [len(x) for x, _ in calls] == [200, 50]


def test_default_predictor_is_calibrated_and_stays_so(data):
    """Its bins are those of the training data, in both trainings."""
    X, y = data
    X = X**3  # skewed: not the bins it starts from
    for predictor in (None, LogisticRegression()):  # both have it in the network
        model = quick(predictor=predictor).fit(X, y)
        encoding = model.network_.predictor.encoding
        n_bins = len(encoding.offset) - 1
        levels = np.arange(n_bins) / n_bins
        expected = np.quantile(
            standardised(model, X), levels, axis=0, method="inverted_cdf"
        )
        lower = ((encoding.low - encoding.offset) / encoding.slope)[1:]
        np.testing.assert_allclose(lower, expected, rtol=1e-5, atol=1e-6)


def test_an_error_in_calibrate_leaves_nothing_behind(data, monkeypatch):
    def fail(self, x, weight):
        raise RuntimeError("cannot calibrate")

    monkeypatch.setattr(Calibrated, "calibrate", fail)
    model = quick(predictor=Calibrated)
    with pytest.raises(RuntimeError, match="cannot calibrate"):
        model.fit(*data)
    assert not any(name.endswith("_") for name in vars(model))


# ------------------------------------------------------------ predictors of every kind


def small_module(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 4), nn.Tanh(), nn.Linear(4, n_out))


class Linear(nn.Linear):
    """A class that is called with the two sizes."""


@pytest.mark.parametrize("predictor", [Linear, small_module])
def test_predictor_from_a_recipe(predictor):
    X, y = helpers.three_classes()
    model = helpers.quick(predictor=predictor, lr=0.05, pretraining_max_iter=30).fit(
        X, y
    )
    assert isinstance(model.network_.predictor, Linear | nn.Sequential)
    assert len(model.pretraining_loss_curve_) == 30
    assert model.score(X, y) > 0.6
    assert helpers.differ(
        model, helpers.quick(predictor=predictor, random_state=1).fit(X, y), X
    )


def normalised(n_in, n_out):
    return nn.Sequential(nn.BatchNorm1d(n_in), nn.Linear(n_in, n_out))


def test_batch_normalisation_with_one_row_left_over():
    X, y = helpers.three_classes()
    model = helpers.quick(predictor=normalised, batch_size=len(y) - 1).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()


def test_trained_predictor_is_copied_and_fine_tuned():
    X, y = helpers.three_classes()
    trained = small_module(4, 3)
    before = copy.deepcopy(trained.state_dict())
    still = helpers.quick(predictor=trained, lr=1e-12, attention_function="none").fit(
        X, y
    )
    assert still.pretraining_loss_curve_ == []
    Z = torch.from_numpy(still.scaler_.transform(X)).float()
    expected = torch.softmax(trained(Z), dim=1).detach().numpy()
    np.testing.assert_allclose(still.predict_proba(X), expected, atol=1e-5)
    moved = helpers.quick(predictor=trained, lr=0.05).fit(X, y)
    assert helpers.differ(still, moved, X)
    for name, value in trained.state_dict().items():
        assert torch.equal(value, before[name])
