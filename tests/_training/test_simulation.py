"""Failing modes in training: how many, how often, and what stays as it was."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback
from torch import nn
from torch.nn.functional import softplus

from helpers import assert_same, quick, three_classes
from sklearn_emma._attention.importance import Signs
from sklearn_emma._attention.scaling import EnergyScaling
from sklearn_emma._inputs.training_set import TrainingSet
from sklearn_emma._model.scores import Inputs
from sklearn_emma._optim.samples import Samples
from sklearn_emma._training import simulation
from sklearn_emma._training.simulation import (
    gated_copies,
    prepared,
    score_set,
    simulated_epochs,
)
from sklearn_emma.corruption import (
    Bias,
    Failures,
    GaussianNoise,
    MissingMode,
    Mixture,
    ZeroedMode,
    fail_modes,
)
from sklearn_emma.predictors import MLP


@pytest.fixture(scope="module")
def data():
    return three_classes()


# -------------------------------------------------------------- what training is shown


def test_corruption_none_trains_on_the_data_as_given(data):
    noise = GaussianNoise(100.0)
    as_given, spared, failing = (
        quick(
            lr=1e-9, lambda_e=0.0, attention_function="none", corruption=corruption
        ).fit(*data)
        for corruption in (None, Failures(noise, clean_fraction=1.0), noise)
    )
    first = [model.loss_curve_[0] for model in (as_given, spared, failing)]
    assert first[0] == pytest.approx(first[1], rel=0.1) and first[2] > 1.5 * first[0]


def test_auto_is_a_mixture_of_noise_and_missing_modes(data):
    X, y = data
    named = quick(corruption=Mixture([GaussianNoise((0.1, 2.0)), MissingMode()]))
    assert_same(quick().fit(X, y), named.fit(X, y), X, rtol=1e-9)


def test_a_bare_corruption_means_failures_with_all_defaults(data):
    X, y = data
    bare = quick(corruption=Bias(2.0)).fit(X, y)
    assert_same(quick(corruption=Failures(Bias(2.0))).fit(X, y), bare, X, rtol=1e-9)


class Shift:
    """A user's own corruption: nothing but the method."""

    calls = []

    def corrupt(self, x, layout, generator):
        self.calls.append((x.clone(), layout, generator))
        return x + torch.rand(x.shape, generator=generator, dtype=x.dtype)


def test_a_corruption_of_ones_own(data, monkeypatch):
    X, y = data
    monkeypatch.setattr(Shift, "calls", [])
    corruption = Shift()
    modes = {"b": [2, 3], "a": [1]}
    model = quick(corruption=corruption, modes=modes, remainder="drop").fit(X, y)
    assert model.corruption is corruption
    trial, *calls = Shift.calls  # the first is a trial, before training
    assert len(trial[0]) < len(calls[0][0])
    assert len(calls) == 3  # afresh in each epoch
    x, layout, generator = calls[0]
    assert layout.index.tolist() == [0, 0, 1] and layout.names == ("b", "a")
    assert isinstance(generator, torch.Generator)
    assert x.shape == (120, 3)
    np.testing.assert_allclose(x.mean(dim=0), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(dim=0, correction=0), 1, rtol=1e-6)


class InPlace:
    """A corruption that spoils what it is given."""

    def corrupt(self, x, layout, generator):
        return x.add_(1e3)


def test_a_careless_corruption_spoils_nothing_but_what_fails(data):
    careless, careful = (
        quick(corruption=Failures(corruption, clean_fraction=1.0)).fit(*data)
        for corruption in (InPlace(), Shift())
    )
    assert max(careless.loss_curve_) < 3 * max(careful.loss_curve_)


@pytest.mark.parametrize("n_draws", [1, 2])
def test_n_draws(data, monkeypatch, n_draws):
    monkeypatch.setattr(Shift, "calls", [])
    quick(corruption=Failures(Shift(), n_draws=n_draws)).fit(*data)
    assert len(Shift.calls) == 1 + n_draws  # the first is a trial


def test_no_more_copies_are_drawn_than_there_are_epochs(data, monkeypatch):
    monkeypatch.setattr(Shift, "calls", [])
    many = quick(corruption=Failures(Shift(), n_draws=20_000)).fit(*data)
    assert len(Shift.calls) == 1 + 3
    afresh = quick(corruption=Failures(Shift())).fit(*data)
    np.testing.assert_array_equal(many.attention_, afresh.attention_)


class Destroy:
    """Writes a value that no training sample has."""

    def corrupt(self, x, layout, generator):
        return torch.full_like(x, 1e3)


class Seen(Callback):
    """Notes which modes were destroyed in each row of an epoch."""

    failed = []

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        x = dataset_train.X["x"]
        self.failed.append(torch.stack([x[:, 0] == 1e3, x[:, 2] == 1e3], dim=1))


@pytest.mark.parametrize(
    ("clean_fraction", "n_failing", "low", "high"),
    [(1, 1, 0, 0), (0, 1, 1, 1), (0.5, 1, 0.3, 0.7), (0, 2, 2, 2)],
)
def test_clean_fraction_and_n_failing(
    data, monkeypatch, clean_fraction, n_failing, low, high
):
    monkeypatch.setattr(Seen, "failed", [])
    failures = Failures(Destroy(), clean_fraction=clean_fraction, n_failing=n_failing)
    quick(corruption=failures, callbacks=[Seen()]).fit(*data)
    first, second, _ = Seen.failed
    assert low <= first.sum() / 120 <= high
    assert torch.equal(first, second) == (clean_fraction == 1 or n_failing > 1)


# -------------------------------------------------------------------- the same, by hand


@pytest.fixture(name="model", scope="module")
def fitted_model(data):
    """Model whose gate leaves some values, and the training set that it scores."""
    X, y = data
    return quick(max_iter=1).fit(X, y)._model


@pytest.fixture(name="scored", scope="module")
def scored_set(data, model):
    """120 samples; mode 0 is corrupted in the first 40, mode 1 missing in ten."""
    X, y = data[0].copy(), data[1]
    X[30:40, 2:] = np.nan
    corrupted = np.zeros((120, 2), dtype=bool)
    corrupted[:40, 0] = True
    counts, in_loss = np.arange(120) % 3 + 1.0, np.linspace(0.5, 2, 120)
    return score_set(model, TrainingSet(X, y, counts, in_loss, corrupted))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


FAILURES = Failures(Bias(5.0), clean_fraction=0.5)


def test_a_scored_set_has_the_energies_of_its_values(data, model, scored):
    assert scored.x.isnan().sum() == 20 and not scored.inputs.x.isnan().any()
    assert scored.inputs.present.sum() == 230
    expected = model.inputs(scored.x)
    for got, of_model in zip(scored.inputs, expected, strict=True):
        torch.testing.assert_close(got, of_model)
    rows = np.array([35, 3, 3])
    for whole, part in zip(scored, scored.rows(rows), strict=True):
        pairs = zip(whole, part, strict=True) if isinstance(whole, Inputs) else ()
        for of_all, of_rows in [*pairs] or [(whole, part)]:
            np.testing.assert_array_equal(of_rows, of_all[rows])


def test_energies_that_are_known_are_not_computed_again(data, model):
    X, y = data
    known = np.full((120, 2), 7.5)
    known[10:20, 1] = np.nan
    zeros = np.zeros((120, 2), dtype=bool)
    training = TrainingSet(X, y, np.ones(120), np.ones(120), zeros)
    potential = score_set(model, training, known).inputs.potential.numpy()
    fresh = score_set(model, training).inputs.potential.numpy()
    np.testing.assert_allclose(potential[10:20, 1], fresh[10:20, 1])
    assert (np.delete(potential[:, 1], range(10, 20)) == 7.5).all()
    assert (potential[:, 0] == 7.5).all()


class Tagged(BaseEstimator):
    """Energies that differ from fit to fit by a factor, which is read from any row."""

    def fit(self, X, y=None):
        self.factor_ = 1.0 + np.square(X).sum() % 1
        return self

    def score_samples(self, X):
        return -self.factor_ * np.square(X).sum(axis=1)


def by_hand(model, x, fold):
    """Ψ of each row by the energies without its fold, or by those of all rows."""
    held_out, rows = model.held_out, range(len(x))
    result = np.empty((len(x), 2))
    for mode, columns in enumerate(model.layout.slices):
        for row in rows:
            k = int(fold[row])
            energies = model.energies if k < 0 else held_out.folds[k]
            score = energies.estimators[mode].score_samples(x[[row]][:, columns])
            shift = 0.0 if k < 0 else held_out._shift[k, mode].item()
            result[row, mode] = shift - score[0]
    return result


def test_a_failing_mode_is_scored_by_energies_that_have_not_seen_its_row(data):
    X, y = data
    model = quick(energy_estimator=Tagged(), warm_start=True).fit(X[:100], y[:100])
    model = model._model
    assert (
        len({e.factor_ for fold in model.held_out.folds for e in fold.estimators}) == 10
    )
    none = np.zeros((120, 2), dtype=bool)
    scored = score_set(model, TrainingSet(X, y, np.ones(120), np.ones(120), none))
    assert (scored.fold[:100] >= 0).all() and (scored.fold[100:] == -1).all()
    expected = by_hand(model, scored.x.numpy(), scored.fold)
    np.testing.assert_allclose(scored.inputs.potential, expected, rtol=1e-9)
    samples = simulated_epochs(model, scored, FAILURES, generator(), 1)()
    x, fails = fail_modes(
        scored.x, model.layout, Bias(5.0), generator(), clean_fraction=0.5
    )
    assert fails[:100].any() and fails[100:].any()
    expected = by_hand(model, x.numpy(), scored.fold)
    np.testing.assert_allclose(samples.inputs["potential"], expected, rtol=1e-9)
    # Epochs that are mixed anew keep who has seen whom.
    order = torch.randperm(120, generator=generator())
    mixed = simulated_epochs(
        model, scored.rows(order.numpy()), FAILURES, generator(1), 1
    )()
    expected = by_hand(model, mixed.inputs["x"].numpy(), scored.fold[order])
    np.testing.assert_allclose(mixed.inputs["potential"], expected, rtol=1e-9)


def test_an_epoch_has_the_values_and_the_energies_of_modes_that_fail(model, scored):
    samples = simulated_epochs(model, scored, FAILURES, generator(), 1)()
    x, fails = fail_modes(
        scored.x, model.layout, Bias(5.0), generator(), clean_fraction=0.5
    )
    assert 0 < fails.sum() < 120
    expected = model.inputs(x)
    for got, by_hand in zip(
        (samples.inputs[name] for name in Inputs._fields), expected, strict=True
    ):
        torch.testing.assert_close(got, by_hand)
    assert torch.equal(samples.targets["y"], scored.y)
    signs = Signs.of(fails | scored.corrupted, expected.present, 0.1, torch.float64)
    for name, of_modes in signs._asdict().items():
        assert torch.equal(samples.targets[name], of_modes)
    np.testing.assert_array_equal(samples.weight, np.linspace(0.5, 2, 120))


@pytest.mark.parametrize("corruption", [None, Bias(5.0), MissingMode()], ids=repr)
def test_what_the_user_says_is_corrupted_counts_beside_what_is_simulated(
    model, scored, corruption
):
    failures = Failures(corruption, clean_fraction=0.5)
    samples = simulated_epochs(model, scored, failures, generator(), 1)()
    _, fails = failures.simulate(scored.x, model.layout, generator())
    corrupted, present = scored.corrupted | fails, samples.inputs["present"]
    xi = torch.where(corrupted, -1.0, 1.0) * present
    assert torch.equal(samples.targets["xi"], xi.double())
    assert (samples.targets["xi"] < 0)[:40, 0].equal(present[:40, 0])
    assert fails.any() == (corruption is not None)


def test_where_nothing_is_simulated_every_epoch_is_the_same(model, scored):
    draw = simulated_epochs(model, scored, Failures(None), generator(), 3)
    assert draw() is draw()


def test_known_corruption_teaches_the_same_whether_or_not_modes_could_fail(data):
    """Failures that spare every sample leave what the user knows to be corrupted."""
    X, y = data[0].copy(), data[1]
    corrupted = np.zeros((120, 2), dtype=bool)
    corrupted[:40, 0] = True
    X[:40, :2] += 4 * np.random.default_rng(1).normal(size=(40, 2))
    spared = Failures(
        ZeroedMode(), clean_fraction=1.0, pretraining_missing_fraction=0.0
    )
    models = [
        quick(
            corruption=corruption,
            predictor=MLP(8, dropout=0.0),
            batch_size=1000,  # in one step the order of samples does not matter
            lambda_e=0.2,
            lr=0.03,
        ).fit(X, y, corrupted=known)
        for corruption, known in [(None, corrupted), (spared, corrupted), (None, None)]
    ]
    assert_same(*models[:2], X, rtol=1e-6, atol=1e-8)
    assert not np.allclose(models[0].attention(X), models[2].attention(X), atol=1e-3)


def test_copies_are_drawn_in_advance_and_taken_in_turn(model, scored):
    epoch = simulated_epochs(model, scored, FAILURES, generator(), 9, n_draws=2)
    first, second, third, fourth = (epoch().inputs["x"] for _ in range(4))
    assert torch.equal(first, third) and torch.equal(second, fourth)
    assert not torch.equal(first, second)
    afresh = simulated_epochs(model, scored, FAILURES, generator(), 2)
    assert torch.equal(afresh().inputs["x"], first)
    assert torch.equal(afresh().inputs["x"], second)
    assert not torch.equal(afresh().inputs["x"], first)


def test_epochs_that_are_scored_at_once_are_those_that_are_scored_one_by_one(
    model, scored, monkeypatch
):
    at_once = simulated_epochs(model, scored, FAILURES, generator(), 5)
    monkeypatch.setattr(simulation, "_SCORED_ROWS", 1)
    one_by_one = simulated_epochs(model, scored, FAILURES, generator(), 5)
    for _ in range(5):
        one, other = at_once(), one_by_one()
        for name, values in one.inputs.items():
            torch.testing.assert_close(values, other.inputs[name])
        for name, values in one.targets.items():
            assert torch.equal(values, other.targets[name])


def test_an_epoch_is_prepared_for_the_gate(model, scored):
    gate = model.network.gate
    raw = simulated_epochs(model, scored, FAILURES, generator(), 1)()
    found = simulated_epochs(
        model, scored, FAILURES, generator(), 1, prepare=partial(prepared, gate)
    )()
    expected = gate.prepare(raw.inputs["potential"], raw.inputs["present"])
    assert list(found.inputs) == ["x", "scaled", "there", "shut_out"]
    for name, tensor in expected._asdict().items():
        assert torch.equal(found.inputs[name], tensor)
        assert not found.inputs[name].requires_grad
    assert torch.equal(found.inputs["x"], raw.inputs["x"])
    for name, tensor in raw.targets.items():
        assert torch.equal(found.targets[name], tensor)
    assert torch.equal(found.weight, raw.weight)
    # Presence is not mentioned where nothing is missing.
    present = {"present": torch.ones_like(raw.inputs["present"])}
    whole = Samples(raw.inputs | present, raw.targets, raw.weight)
    assert list(prepared(gate, whole).inputs) == ["x", "scaled"]


class Stretched(EnergyScaling):
    """An energy scaling that is learnt."""

    def __init__(self, n_modes):
        super().__init__(n_modes)
        self.stretch = nn.Parameter(torch.ones(()))

    def calibrate(self, potential, weight):
        self.location.copy_(potential.nan_to_num().median(0).values)

    def forward(self, potential):
        return math.e + self.stretch * softplus(potential - self.location)


class LearntScaling(BaseEstimator):
    def build(self, n_modes):
        return Stretched(n_modes)


def test_a_scaling_that_is_learnt_is_left_to_the_gate(data, model, scored):
    learnt = quick(energy_scaling=LearntScaling(), lr=0.01).fit(*data)
    assert learnt.network_.gate.scaling.stretch.item() != 1
    raw = simulated_epochs(model, scored, FAILURES, generator(), 1)()
    found = prepared(learnt.network_.gate, raw)
    assert list(found.inputs) == ["x", "potential", "present"]
    present = {"present": torch.ones_like(raw.inputs["present"])}
    whole = Samples(raw.inputs | present, raw.targets, raw.weight)
    assert list(prepared(learnt.network_.gate, whole).inputs) == ["x", "potential"]


def test_gated_copies_are_epochs_behind_the_gate(model, scored):
    copies = gated_copies(model, scored, FAILURES, 3, seed=4)
    assert copies.shape == (360, 4)
    epoch = simulated_epochs(model, scored, FAILURES, generator(4), 3)
    for copy in np.split(copies, 3):
        inputs = Inputs(**epoch().inputs)
        attention = model.scores_of(inputs).attention
        gated = inputs.x.numpy() * attention[:, [0, 0, 1, 1]]
        np.testing.assert_allclose(copy, gated, rtol=1e-9)
