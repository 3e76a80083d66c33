"""Pretraining of the predictor, and what is learnt from samples held out meanwhile."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torch import nn

import helpers
from helpers import searchable
from sklearn_emma import EMMAClassifier
from sklearn_emma._predictors.class_evidence import ClassEvidence
from sklearn_emma._predictors.dropout import Dropout
from sklearn_emma._predictors.encoding import PiecewiseLinearEncoding
from sklearn_emma._training import fit
from sklearn_emma._training import predictor as module
from sklearn_emma.predictors import MLP

MODES = {"a": [0, 1], "b": [2, 3], "c": [4]}
quick = partial(helpers.quick, predictor=MLP(8))  # with evidence


def samples(n=90, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % n_classes)
    return rng.normal(size=(n, 5)) + 1.2 * y[:, np.newaxis], y


def fitted(n=90, **params):
    return quick(modes=MODES, **params).fit(*samples(n))


def evidence_of(model):
    return model.network_.evidence


class Spy:
    """Notes what networks are trained on, heads are fitted on, and answers are of."""

    def __init__(self, monkeypatch):
        self.networks, self.heads, self.answers, self.learnt = [], [], [], []
        self.asked = iter(())

        def noted_trainings(task, filled, kept, original=module.train_networks):
            self.train(task, filled, kept)
            return original(task, filled, kept)

        def noted_training(
            task, filled, seen=None, original=module.train_network, **bins
        ):
            self.train(task, filled, [slice(None) if seen is None else seen])
            return original(task, filled, seen, **bins)

        def noted_heads(data, *args, original=ClassEvidence.fit_heads):
            self.heads.append((data.x, data.y))
            return original(data, *args)

        def noted_answers(
            predictor, kind, heads, unseen, layout, original=module._answers
        ):
            trained = next(self.asked), *self.heads[-len(heads) :]
            found = original(predictor, kind, heads, unseen, layout)
            self.answers.append((trained, unseen, found))
            return found

        monkeypatch.setattr(module, "train_networks", noted_trainings)
        monkeypatch.setattr(module, "train_network", noted_training)
        monkeypatch.setattr(ClassEvidence, "fit_heads", staticmethod(noted_heads))
        monkeypatch.setattr(module, "_answers", noted_answers)

    def train(self, task, filled, kept):
        together = [(filled[seen], task.data.y[seen]) for seen in kept]
        self.networks += together
        self.asked = iter(together)


@pytest.fixture
def spy(monkeypatch):
    return Spy(monkeypatch)


def rows_of(x):
    return {row.tobytes() for row in x}


# ---------------------------------------------------------------- what is held out


@pytest.mark.parametrize(("n", "n_networks"), [(90, 3), (1000, 3), (1001, 1)])
def test_no_answer_is_of_a_sample_that_was_seen(spy, n, n_networks):
    quick(modes=MODES, epochs=1).fit(*samples(n))
    assert len(spy.networks) == len(spy.answers) == n_networks
    held = []
    for trained, unseen, _ in spy.answers:
        new = rows_of(unseen.x)
        assert len(new) == len(unseen.y)
        for x, y in trained:
            assert not rows_of(x) & new
            assert len(x) == len(y) == n - len(new)
        held.extend(new - set(held) if n > 1000 else new)
    # Each sample once or, where there are many, one in ten.
    assert len(held) == len(set(held)) == (n if n <= 1000 else 101)
    # What is heard in the end is fitted on all samples.
    assert rows_of(spy.heads[-1][0]) == rows_of(spy.networks[-1][0]) | set(held)
    assert len(spy.heads[-1][0]) == n


@pytest.mark.parametrize("n", [90, 1001])
def test_the_network_that_is_trained_on_is_that_of_the_last_part(monkeypatch, n):
    trained = []

    def noted(*args, original=module.train_networks):
        trained.extend(original(*args))
        return trained

    def noted_one(*args, original=module.train_network, **bins):
        trained.append(original(*args, **bins))
        return trained[-1]

    monkeypatch.setattr(module, "train_networks", noted)
    monkeypatch.setattr(module, "train_network", noted_one)
    taken = []

    def assembled(plan, first, *args, original=fit.assemble):
        taken.append(first.predictor)
        return original(plan, first, *args)

    monkeypatch.setattr(fit, "assemble", assembled)
    model = quick(modes=MODES, epochs=1).fit(*samples(n))
    assert taken == [trained[-1][0]]
    assert model.pretraining_loss_curve_ == trained[-1][1]


SHORT = {"max_iter": 1, "pretraining_max_iter": 2}


@pytest.mark.parametrize("as_long", [False, True])
def test_joint_training_that_is_shorter_goes_on_from_all_samples(spy, as_long):
    quick(modes=MODES, **SHORT | {"max_iter": 1 + as_long}).fit(*samples())
    assert [len(x) for x, _ in spy.networks] == [60, 60, 60] + [90] * (not as_long)


def test_so_does_one_pass_over_a_chunk(spy):
    X, y = samples()
    chunks = quick(modes=MODES, epochs=2)
    chunks.partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    assert [len(x) for x, _ in spy.networks] == [60, 60, 60, 90]


@pytest.mark.parametrize(("n_rare", "again"), [(1, True), (5, True), (6, False)])
def test_a_rare_class_is_learnt_from_all_samples(spy, n_rare, again):
    X, y = samples()
    y[:n_rare] = 3
    quick(modes=MODES, epochs=1).fit(X, y)
    assert [len(x) for x, _ in spy.networks] == [60, 60, 60] + [90] * again
    if again:
        assert np.count_nonzero(spy.networks[-1][1] == 3) == n_rare


@pytest.mark.parametrize("n", [90, 1001])
def test_its_bins_are_those_of_all_samples_where_they_are_few(spy, n):
    X, y = samples(n)
    model = quick(modes=MODES, epochs=1).fit(X, y)
    x = spy.networks[-1][0] if n > 1000 else (X - X.mean(0)) / X.std(0)
    expected = PiecewiseLinearEncoding(5, 8)
    expected.calibrate(torch.from_numpy(x).float(), torch.ones(len(x)))
    found = model.predictor_.encoding
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(getattr(found, name).float(), value)


def test_samples_of_the_same_values_are_held_out_together(spy):
    X, y = samples()
    quick(modes=MODES).fit(np.repeat(X, 2, axis=0), np.ravel([y, (y + 1) % 3], "F"))
    for trained, unseen, _ in spy.answers:
        assert len(unseen.y) == 2 * len(rows_of(unseen.x)) == 60
        assert not any(rows_of(x) & rows_of(unseen.x) for x, _ in trained)


def test_a_label_does_not_reach_the_answer_of_its_own_sample(spy):
    X, y = samples()
    other = y.copy()
    quick(modes=MODES).fit(X, y)
    first = spy.answers.copy()
    # One label of the last fold: all that learn from the others' are the same.
    x, label = first[-1][1].x[0], first[-1][1].y[0]
    scaled = (X - X.mean(0)) / X.std(0)
    (i,) = np.flatnonzero(np.abs(scaled - x).max(1) < 1e-6)
    other[i] = (label + 1) % 3
    spy.answers.clear()
    # The order of samples is that of their values, of which the label is one.
    quick(modes=MODES).fit(X, other)
    (before,) = [a for a in first if x.tobytes() in rows_of(a[1].x)]
    (after,) = [a for a in spy.answers if x.tobytes() in rows_of(a[1].x)]
    assert rows_of(before[1].x) == rows_of(after[1].x)
    assert sorted(before[1].y) != sorted(after[1].y)
    np.testing.assert_array_equal(before[2].joint, after[2].joint)
    np.testing.assert_array_equal(before[2].each, after[2].each)


def test_answers_are_of_samples_as_they_are_and_of_one_mode_missing(spy):
    fitted()
    for (_, *_), unseen, found in spy.answers:
        n = len(unseen.y)
        whole, failed = (
            found.samples.rows(np.arange(n)),
            found.samples.rows(np.arange(n, 2 * n)),
        )
        for one, two in zip(whole, unseen, strict=True):
            np.testing.assert_array_equal(one, two)
        gone = whole.present & ~failed.present
        assert (gone.sum(axis=1) == 1).all() and gone.any(axis=0).all()
        columns = gone[:, [0, 0, 1, 1, 2]]
        assert (failed.x[columns] == 0).all()
        np.testing.assert_array_equal(failed.x[~columns], whole.x[~columns])
        np.testing.assert_array_equal(failed.y, whole.y)
        np.testing.assert_array_equal(failed.weight, whole.weight)


def test_a_single_mode_is_heard_as_well_and_never_missing(spy):
    model = quick(modes={"a": [0, 1, 2, 3, 4]}).fit(*samples())
    assert all(found.samples.present.all() for *_, found in spy.answers)
    assert model.temperature_ != 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_modes_that_are_missing_or_known_to_be_corrupted_teach_nothing(spy):
    X, y = samples()
    highest = X[:, 0].argsort()[-20:]
    corrupted = np.zeros((90, 3), dtype=bool)
    corrupted[highest, 0] = True
    X[20:40, 4] = np.nan
    wild = X.copy()
    wild[highest, 0] += 1e3  # still the highest, so samples keep their order
    models = [
        quick(modes=MODES).fit(values, y, corrupted=corrupted) for values in (X, wild)
    ]
    gone = sum(
        (~found.samples.present[: len(u.y)]).sum() for _, u, found in spy.answers
    )
    assert gone == 2 * 40
    for one, two in zip(
        evidence_of(models[0]).buffers(), evidence_of(models[1]).buffers(), strict=True
    ):
        assert torch.equal(one, two)


# -------------------------------------------------------------- how much is left out


def rates(model):
    return {m.p for m in model.predictor_.modules() if isinstance(m, Dropout)}


def linear(n, n_features, seed=0):
    """Samples of two classes that a linear model with little noise tells apart."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_features))
    return X, (X.sum(axis=1) + rng.normal(size=n) > 0).astype(int)


@pytest.mark.parametrize(("n", "rate"), [(199, 0.3), (200, 0.0)])
@pytest.mark.parametrize("evidence", [True, False])
def test_samples_of_few_features_leave_nothing_out(n, rate, evidence):
    given = {"energy_estimator": helpers.small(max_iter=1), "max_iter": 1}
    predictor = MLP(8, evidence=evidence)
    clf = EMMAClassifier([[0, 1], [2, 3]], predictor=predictor, **given)
    assert rates(clf.fit(*linear(n, 4))) == {rate}
    assert clf.predictor.dropout == "auto"


@pytest.mark.parametrize(("n", "rate"), [(99, 0.3), (100, 0.0)])
def test_a_sample_of_weight_two_is_two_samples(n, rate):
    X, y = linear(n, 4)
    clf = quick(modes=[[0, 1], [2, 3]], epochs=1, predictor=MLP(8))
    assert rates(clf.fit(np.tile(X, (2, 1)), np.tile(y, 2))) == {rate}
    assert rates(clf.fit(X, y, sample_weight=np.full(n, 2))) == {rate}


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_a_rate_that_is_given_stays(dropout):
    model = quick(modes=MODES, epochs=1, predictor=MLP(8, dropout=dropout))
    assert rates(model.fit(*samples(300))) == {dropout}


# ----------------------------------------------------------------- who is heard


OWN = {
    "module": nn.Linear(5, 3),
    "function": lambda n_in, n_out: nn.Linear(n_in, n_out),
    "classifier": LogisticRegression(),
    "without": MLP(8, evidence=False),
}


@pytest.mark.parametrize("given", OWN)
def test_beside_another_predictor_no_mode_is_heard(given):
    model = fitted(predictor=OWN[given])
    assert evidence_of(model) is None
    assert model.temperature_ == 1
    assert not model.network_.gate.balanced


@pytest.mark.parametrize(("n", "heard"), [(19, False), (20, True)])
def test_needs_twenty_samples(n, heard):
    model = quick(modes=MODES).fit(*samples(n))
    assert (evidence_of(model) is not None) is heard
    assert (model.temperature_ != 1) is heard
    assert np.isfinite(model.predict_proba(samples(n)[0])).all()


def test_a_class_of_a_single_sample_stays_possible():
    X, y = samples()
    y[0] = 3
    model = quick(modes=MODES, epochs=20).fit(X, y)
    proba = model.predict_proba(X)
    assert proba.shape == (90, 4) and (proba[:, 3] > 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)


# --------------------------------------------------------------- what it does


def test_the_network_hears_no_evidence_while_it_is_trained():
    model = fitted(predictor=MLP(8, dropout=0.0))
    inner, X = model._model, samples()[0]
    inputs = inner.inputs(inner.standardise(inner.select(X)))
    network = inner.network
    alone = copy.deepcopy(network)
    alone.evidence = None
    expected = [n(*inputs).logits for n in (network.train(), alone.train())]
    torch.testing.assert_close(*expected, rtol=0, atol=0)
    heard = network.eval()(*inputs)
    assert not torch.allclose(heard.logits, expected[1])
    mixed = network.evidence(expected[1], inputs.x, heard.scores.attention)
    torch.testing.assert_close(heard.logits, mixed)


def test_training_leaves_the_evidence_as_pretraining_has_learnt_it():
    short, long = (fitted(max_iter=epochs) for epochs in (1, 8))
    for one, two in zip(
        evidence_of(short).buffers(), evidence_of(long).buffers(), strict=True
    ):
        assert torch.equal(one, two)


def test_probabilities_are_the_softmax_after_the_temperature():
    model = fitted()
    evidence = evidence_of(model)
    assert model.temperature_ == pytest.approx(1 / evidence.powers.sum().item())
    scores = model._model.scores(samples()[0])
    expected = torch.from_numpy(scores.logits).softmax(1)
    np.testing.assert_allclose(model.predict_proba(samples()[0]), expected, rtol=1e-6)


def test_probabilities_of_new_samples_are_better_with_evidence():
    X, y = samples(120, seed=1)
    unseen, wanted = samples(600, seed=2)
    losses = {}
    for heard in (False, True):
        model = quick(modes=MODES, epochs=25, predictor=MLP(evidence=heard))
        losses[heard] = log_loss(wanted, model.fit(X, y).predict_proba(unseen))
    assert losses[True] < losses[False]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_computes_in_the_type_of_x(dtype):
    X, y = samples()
    model = quick(modes=MODES).fit(X.astype(dtype), y)
    for name, buffer in evidence_of(model).named_buffers():
        assert buffer.numpy().dtype == dtype, name
    assert model.predict_proba(X.astype(dtype)).dtype == dtype


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_predict_the_same(copied):
    model, X = fitted(), samples()[0]
    other = copied(model)
    assert other.temperature_ == model.temperature_
    np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))


def test_a_clone_fitted_on_the_same_samples_is_the_same():
    model = fitted()
    other = clone(model).fit(*samples())
    np.testing.assert_array_equal(
        other.predict_proba(samples()[0]), model.predict_proba(samples()[0])
    )


def test_trained_further_it_asks_anew_and_weighs_as_before():
    model = fitted(warm_start=True)
    before = evidence_of(model)
    X, y = samples(seed=1)
    model.fit(X, y)
    after = evidence_of(model)
    for name in ("reliability", "powers"):  # from samples that were held out then
        assert torch.equal(getattr(after, name), getattr(before, name))
    scaled = model.scaler_.transform(X)
    for mode, columns in enumerate(MODES.values()):
        own = scaled[:, columns]
        expected = LogisticRegression(C=before.strengths[mode], max_iter=50).fit(own, y)
        said = own @ after.weight[columns].numpy() + after.bias[mode].numpy()
        np.testing.assert_allclose(
            log_softmax(said, axis=1), expected.predict_log_proba(own), atol=1e-4
        )
    assert not torch.equal(after.weight, before.weight)
    assert model.network_.gate.balanced


def test_trained_further_on_the_same_samples_all_evidence_is_the_same():
    model = fitted(warm_start=True)
    before = evidence_of(model)
    model.fit(*samples())
    for one, two in zip(before.buffers(), evidence_of(model).buffers(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-6)


def test_a_weight_of_a_sample_is_so_many_samples():
    X, y = samples()
    weight = np.random.default_rng(3).integers(1, 3, size=90)
    i = np.repeat(np.arange(90), weight)
    weighted = quick(modes=MODES).fit(X, y, sample_weight=weight)
    repeated = quick(modes=MODES).fit(X[i], y[i])
    for one, two in zip(
        evidence_of(weighted).buffers(), evidence_of(repeated).buffers(), strict=True
    ):
        torch.testing.assert_close(one, two, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("scale", [1e-300, 10.0, 1e300])
def test_of_the_weights_of_classes_only_the_ratios_matter(scale):
    ratios = {0: 1.0, 1: 2.0, 2: 0.5}
    scaled = {label: ratio * scale for label, ratio in ratios.items()}
    one, other = (fitted(class_weight=weights) for weights in (ratios, scaled))
    for a, b in zip(
        evidence_of(one).buffers(), evidence_of(other).buffers(), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-8)


def test_a_search_is_that_of_scikit_learn_with_evidence():
    X, _, _ = helpers.search_data()
    y = np.arange(len(X)) % 3
    grid = {"lr": [0.001, 0.02], "lambda_e": [0.0, 0.1]}
    clf = searchable(predictor=MLP((6, 4)))
    found = helpers.assert_same_search(clf, grid, X=X, y=y)
    assert found.best_estimator_.temperature_ != 1
