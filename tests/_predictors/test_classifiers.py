"""Any scikit-learn classifier behind the gate, against one fitted by hand."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.utils import check_random_state
from torch import nn

import helpers
from sklearn_emma._inputs.missing import fill_missing
from sklearn_emma._inputs.weights import merge_duplicates
from sklearn_emma._model import model as model_module
from sklearn_emma.corruption import Failures, Mixture, ModeLayout, fail_modes
from sklearn_emma.predictors import MLP, GatedCopies

MODES = {"left": [2, 0], "right": [1, 3]}
COLUMNS, INDEX = [2, 0, 1, 3], np.array([0, 0, 1, 1])
ONE_MODE_FAILED = np.tile([[False, True], [False, False]], (40, 1))


def make_data(n=80, seed=0):
    """Three classes with names, in odd units."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    X = rng.normal(size=(n, 4)) + labels[:, np.newaxis]
    return X * [1.0, 5.0, 0.1, 2.0] + 10, np.array(["ill", "odd", "well"])[labels]


X, y = make_data()
X_BROKEN = make_data(seed=1)[0]
X_BROKEN[:20, :2] = np.nan
X_BROKEN[20:40, [1, 3]] *= 9
X_BROKEN[40:50, [2, 0]] = np.nan


def quick(predictor, **params):
    return helpers.quick(predictor=predictor, **{"modes": MODES} | params)


def gated(model, X):
    """Standardised, 0 where missing, times attention; in the order of the modes."""
    z = (X[:, COLUMNS] - model.scaler_.mean_) / model.scaler_.scale_
    return np.nan_to_num(z) * model.attention(X)[:, INDEX]


def gated_in_training(model, clean, failed):
    """Gate training rows as in training: by energies that have not seen them.

    ``clean`` and ``failed`` (n, d) in the units of X, the columns of modes in order.
    The model was fitted with ``warm_start=True``.
    """
    inner = model._model
    known, _ = fill_missing(inner.standardise(clean), inner.layout)
    x, present = fill_missing(inner.standardise(failed), inner.layout)
    fold = torch.from_numpy(inner.held_out.fold_of(known.numpy()))
    nothing = torch.zeros(present.shape, dtype=x.dtype)
    potential = inner.held_out.potential(x, present, nothing, fold)
    with torch.no_grad():
        attention = inner.network.gate.scores(potential, present).attention
    return (x * attention[:, INDEX]).numpy()


class Spy(ClassifierMixin, BaseEstimator):
    """Predicts the shares of the classes; notes what it is given."""

    calls = []

    def fit(self, X, y, sample_weight=None):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / len(y)
        self.seen_ = X, y, sample_weight
        return self

    def predict_proba(self, X):
        self.calls.append(len(X))
        return np.tile(self.shares_, (len(X), 1))


@pytest.fixture
def spy(monkeypatch):
    monkeypatch.setattr(Spy, "calls", [])
    return Spy()


# ------------------------------------------------------------------------ against hand


@pytest.mark.parametrize("n_copies", [1, 4])
def test_equals_a_classifier_fitted_by_hand_on_gated_copies(n_copies):
    model = quick(
        GatedCopies(LogisticRegression(), n_copies=n_copies),
        corruption=Failures(clean_fraction=0.2, n_failing=2),
        warm_start=True,
    ).fit(X, y)
    rng = check_random_state(0)
    *_, seed = (int(rng.randint(2**31 - 1)) for _ in range(5))
    generator = torch.Generator().manual_seed(seed)
    numbers, known = np.searchsorted(model.classes_, y), np.zeros((80, 2), dtype=bool)
    (rows, numbers, _), *_ = merge_duplicates(
        [X[:, COLUMNS], numbers, known], np.ones(80)
    )
    labels = model.classes_[numbers]
    scale, mean = model.scaler_.scale_, model.scaler_.mean_
    # Failures are drawn in the type of training.
    z, copies = torch.from_numpy((rows - mean) / scale).float(), []
    for _ in range(n_copies):
        failed, _ = fail_modes(
            z,
            ModeLayout.from_columns(MODES),
            Mixture(),
            generator,
            clean_fraction=0.2,
            n_failing=2,
        )
        copies.append(gated_in_training(model, rows, failed.numpy() * scale + mean))
    by_hand = LogisticRegression().fit(np.vstack(copies), np.tile(labels, n_copies))
    np.testing.assert_allclose(
        model.predictor_.coef_, by_hand.coef_, rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        model.predict_proba(X_BROKEN),
        by_hand.predict_proba(gated(model, X_BROKEN)),
        rtol=1e-4,
        atol=1e-6,
    )


@pytest.mark.parametrize("corrupted", [None, ONE_MODE_FAILED])
@pytest.mark.parametrize("energy_scaling", ["robust", "shift"])
def test_without_corruption_it_is_fitted_on_the_data_as_given(
    corrupted, energy_scaling
):
    params = {"corruption": None, "energy_scaling": energy_scaling}
    model = quick(Spy(), warm_start=True, **params).fit(X, y, corrupted=corrupted)
    seen, labels, weight = model.predictor_.seen_
    assert weight is None and len(seen) == len(X)  # one copy: all would be alike
    clean = X[:, COLUMNS]
    if corrupted is not None:
        clean = np.where(corrupted[:, INDEX], np.nan, clean)
    order, expected = np.lexsort(seen.T), gated_in_training(model, clean, X[:, COLUMNS])
    by_hand = np.lexsort(expected.T)
    np.testing.assert_allclose(seen[order], expected[by_hand], atol=1e-6)
    np.testing.assert_array_equal(labels[order], y[by_hand])


def test_the_gate_learns_as_in_front_of_the_default_network():
    default = MLP(evidence=False)  # the classifier hears all modes at once
    plain, model = quick(default).fit(X, y), quick(LogisticRegression()).fit(X, y)
    np.testing.assert_array_equal(model.attention_, plain.attention_)
    assert model.loss_curve_ == plain.loss_curve_
    for name, value in plain.network_.state_dict().items():
        assert torch.equal(model.network_.state_dict()[name], value)
    assert plain.predictor_ is plain.network_.predictor
    assert isinstance(model.network_.predictor, nn.Module)


@pytest.mark.parametrize("corruption", ["auto", None], ids=repr)
def test_a_bare_classifier_means_gated_copies_of_it(corruption):
    bare, wrapped = (
        quick(predictor, corruption=corruption).fit(X, y)
        for predictor in (LogisticRegression(), GatedCopies(LogisticRegression()))
    )
    np.testing.assert_array_equal(wrapped.attention_, bare.attention_)
    np.testing.assert_array_equal(
        wrapped.predict_proba(X_BROKEN), bare.predict_proba(X_BROKEN)
    )
    assert type(wrapped.predictor_) is LogisticRegression


def test_there_are_five_copies_unless_said_otherwise_and_one_where_nothing_fails():
    for copies, corruption, expected in [
        (GatedCopies(Spy()), "auto", 5),
        (GatedCopies(Spy(), n_copies=3), Failures(), 3),
        (GatedCopies(Spy(), n_copies=3), None, 1),
        (GatedCopies(Spy(), n_copies=3), Failures(None), 1),
    ]:
        fitted = quick(copies, corruption=corruption).fit(X, y).predictor_
        assert len(fitted.seen_[0]) == expected * len(X)


# ----------------------------------------------------------- classifiers of every kind


CLASSIFIERS = [
    LogisticRegression(),
    RandomForestClassifier(5),
    HistGradientBoostingClassifier(max_iter=3),
    KNeighborsClassifier(),
    make_pipeline(StandardScaler(), PolynomialFeatures(), LogisticRegression(C=0.1)),
    VotingClassifier([("f", RandomForestClassifier(3))], voting="soft"),
]


@pytest.mark.parametrize("predictor", CLASSIFIERS, ids=lambda p: type(p).__name__)
def test_every_method_works(predictor):
    given = repr(predictor.get_params())
    model = quick(GatedCopies(predictor, n_copies=2)).fit(X, y)
    assert repr(predictor.get_params()) == given and not hasattr(predictor, "classes_")
    assert type(model.predictor_) is type(predictor)
    proba = model.predict_proba(X_BROKEN)
    expected = model.predictor_.predict_proba(gated(model, X_BROKEN))
    np.testing.assert_allclose(proba, expected, atol=1e-6)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    log_proba = model.predict_log_proba(X_BROKEN)
    assert np.isfinite(log_proba).all()
    np.testing.assert_allclose(np.exp(log_proba), proba, atol=1e-12)
    np.testing.assert_allclose(model.decision_function(X_BROKEN), log_proba, atol=1e-9)
    np.testing.assert_array_equal(
        model.predict(X_BROKEN), model.classes_[proba.argmax(axis=1)]
    )
    assert model.score(X, y) > 0.4
    assert model.explain(X_BROKEN).shape == (80, 12)


@pytest.mark.parametrize("predictor", CLASSIFIERS, ids=lambda p: type(p).__name__)
@helpers.random_state_kept()
def test_random_state_decides_everything(predictor):
    first, again = (quick(predictor).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(
        quick(predictor, random_state=1).fit(X, y).predict_proba(X), first
    )


def test_a_seed_of_its_own_is_kept():
    model = quick(RandomForestClassifier(3, random_state=5)).fit(X, y)
    assert model.predictor_.random_state == 5
    unset = quick(RandomForestClassifier(3)).fit(X, y)
    assert isinstance(unset.predictor_.random_state, int)
    assert unset.predictor.random_state is None


class Torch(Spy):
    """Draws from the global state of torch, as torch does within."""

    def fit(self, X, y):
        super().fit(X, y)
        self.shares_ = torch.rand(3).softmax(0).numpy()
        return self


@helpers.random_state_kept()
def test_a_classifier_that_is_torch_within_is_seeded():
    one, other = (quick(Torch()).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_computes_in_the_type_of_the_data(dtype):
    model = quick(Spy()).fit(X.astype(dtype), y)
    assert model.predictor_.seen_[0].dtype == dtype
    assert model.predict_proba(X.astype(dtype)).dtype == dtype


def test_scores_in_chunks(monkeypatch, spy):
    model = quick(spy).fit(X, y)
    forest = quick(RandomForestClassifier(5)).fit(X, y)
    expected = forest.predict_proba(X_BROKEN)
    monkeypatch.setattr(model_module, "_CHUNK_VALUES", 64 * 30)
    spy.calls.clear()
    np.testing.assert_array_equal(forest.predict_proba(X_BROKEN), expected)
    model.predict_proba(X_BROKEN)
    assert spy.calls == [30, 30, 20]


def test_only_predictions_ask_the_classifier(spy):
    model = quick(spy).fit(X, y)
    assert spy.calls == [5]  # it is tried once
    spy.calls.clear()
    for name in ("attention", "importance", "potential_energy", "modal_energy"):
        assert getattr(model, name)(X).shape == (80, 2)
    assert len(model.total_energy(X)) == len(model.explain(X)) == 80
    assert spy.calls == []


class WithFit(nn.Linear):
    """A torch module that can also fit itself is still a torch module."""

    def fit(self, X, y):
        raise AssertionError("EMMA trains its modules itself")


@pytest.mark.parametrize("predictor", [WithFit, WithFit(4, 3).double()])
def test_a_torch_module_with_fit_is_no_classifier(predictor):
    model = quick(predictor).fit(X, y)
    assert type(model.predictor_) is WithFit
    assert model.predictor_ is model.network_.predictor
