"""Any estimator with ``score_samples`` can be the energy of a mode."""

import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity, KNeighborsClassifier, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer
from sklearn.svm import OneClassSVM
from sklearn.utils.validation import check_is_fitted

import helpers
from sklearn_emma import PotentialEnergyTransformer

MODES = {"a": [4, 0, 1], "b": [2, 3], "c": [5]}

ESTIMATORS = [
    GaussianMixture(2),
    BayesianGaussianMixture(n_components=2, max_iter=500),
    KernelDensity(bandwidth=0.5),
    PCA(),
    IsolationForest(n_estimators=20),
    OneClassSVM(nu=0.1),
    LocalOutlierFactor(novelty=True),
    make_pipeline(PowerTransformer(), GaussianMixture()),
    make_pipeline(PCA(1), KernelDensity()),
    PotentialEnergyTransformer(max_iter=20),
]


def quick(energy_estimator, **params):
    return helpers.quick(energy_estimator=energy_estimator, **{"modes": MODES} | params)


@pytest.fixture(name="data", scope="module")
def three_modes():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=120)
    return rng.normal(size=(120, 6)) * [1, 9, 1, 1, 0.1, 1] + y[:, np.newaxis], y


def one_by_one(model, X):
    """Ψ of each mode by its own estimator, on standardised values."""
    Z = model.scaler_.transform(X[:, np.concatenate(list(MODES.values()))])
    blocks = dict(zip(MODES, np.split(Z.astype(X.dtype), [3, 5], axis=1), strict=True))
    scores = [model.energies_[name].score_samples(blocks[name]) for name in MODES]
    return -np.stack(scores, axis=1)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_density_models_of_scikit_learn(data, estimator):
    X, y = data
    given = clone(estimator)
    model = quick(given, n_draws=1).fit(X, y)
    assert all(type(e) is type(given) for e in model.energies_.values())
    with pytest.raises(NotFittedError):
        check_is_fitted(given)
    potential = model.potential_energy(X)
    assert np.isfinite(potential).all()
    np.testing.assert_allclose(potential, one_by_one(model, X), rtol=1e-9, atol=1e-9)
    for i, columns in enumerate(MODES.values()):
        broken = X.copy()
        broken[:, columns] += 8 * X.std(axis=0)[columns]
        assert model.attention(broken)[:, i].mean() < model.attention_[:, i].mean()
        assert model.total_energy(broken).mean() > model.total_energy(X).mean()


@pytest.mark.parametrize(("dtype", "tolerance"), [("f8", 1e-10), ("f4", 1e-3)])
def test_the_stack_scores_as_its_members_do(data, dtype, tolerance):
    """The default energies are scored all at once, others one after the other."""
    X, y = data[0].astype(dtype), data[1]
    stacked = quick(PotentialEnergyTransformer(max_iter=5)).fit(X, y)
    noisy = X + np.random.default_rng(0).normal(size=X.shape).astype(dtype)
    potential = stacked.potential_energy(noisy)
    assert potential.dtype == dtype
    close = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(potential, one_by_one(stacked, noisy), **close)

    mixed = quick({"b": PCA(), "a": PotentialEnergyTransformer(max_iter=5)})
    mixed.fit(X, y)
    potential = mixed.potential_energy(noisy)
    np.testing.assert_allclose(potential, one_by_one(mixed, noisy), **close)


def test_a_dict_by_mode(data):
    X, y = data
    given = {
        "b": GaussianMixture(2),
        "a": PotentialEnergyTransformer(7, preprocessing="whiten", max_iter=2),
    }
    energies = quick(given).fit(X, y).energies_
    assert list(energies) == ["a", "b", "c"]
    assert energies["a"].components_.shape == (7, 3)
    assert isinstance(energies["b"], GaussianMixture)
    # A mode that the dict leaves out has the default.
    default = PotentialEnergyTransformer()
    assert energies["c"].preprocessing == default.preprocessing == "normal_scores"
    assert energies["c"].components_.shape == (default.n_components, 2)
    assert not hasattr(given["b"], "means_")


def test_transformers_of_unlike_parameters_are_trained_apart(data):
    given = {
        "a": PotentialEnergyTransformer(7, max_iter=2),
        "b": PotentialEnergyTransformer(5, sigma=0.1, max_iter=4),
        "c": PotentialEnergyTransformer(7, max_iter=2),
    }
    energies = quick(given).fit(*data).energies_
    assert [energies[m].n_iter_ for m in MODES] == [2, 4, 2]
    assert [len(energies[m].components_) for m in MODES] == [7, 5, 7]


@pytest.mark.parametrize(
    "estimator",
    [IsolationForest(n_estimators=5), make_pipeline(IsolationForest(n_estimators=5))],
    ids=["forest", "in a pipeline"],
)
def test_randomness_comes_from_the_classifier(data, estimator):
    X, y = data
    first, again, other = (
        quick(estimator, random_state=seed, n_draws=1).fit(X, y).potential_energy(X)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_a_random_state_of_its_own_is_kept(data):
    estimator = IsolationForest(n_estimators=5, random_state=42)
    energies = [quick(estimator, random_state=s).fit(*data).energies_ for s in (0, 1)]
    Z = np.zeros((1, 3)) + [[0.3, -0.1, 1.0]]
    scores = [e["a"].score_samples(Z) for e in energies]
    np.testing.assert_array_equal(*scores)


class Recorder(BaseEstimator):
    """The least that an energy must be; notes what it is given."""

    fitted, scored = [], []

    def fit(self, X, y=None):
        self.fitted.append(X.copy())
        return self

    def score_samples(self, X):
        self.scored.append(X.copy())
        return -np.square(X).sum(axis=1)


@pytest.fixture
def recorder(monkeypatch):
    monkeypatch.setattr(Recorder, "fitted", [])
    monkeypatch.setattr(Recorder, "scored", [])
    return Recorder()


def test_it_sees_standardised_columns_in_order(data, recorder):
    X, y = data
    quick(recorder).fit(X, y)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    for got, columns in zip(Recorder.fitted, MODES.values(), strict=True):
        rows = np.lexsort(got.T)
        expected = Z[:, columns]
        np.testing.assert_allclose(got[rows], expected[np.lexsort(expected.T)])


def test_it_sees_neither_missing_modes_nor_nan(data, recorder):
    X, y = data[0].copy(), data[1]
    X[:30, MODES["b"]] = np.nan
    X[30:40, 0] = np.nan
    model = quick(recorder).fit(X, y)
    model.predict(X)
    assert [len(rows) for rows in Recorder.fitted] == [120, 90, 120]
    for rows in [*Recorder.fitted, *Recorder.scored]:
        assert np.isfinite(rows).all()


def test_weights_are_repetitions_where_it_takes_none(data, recorder):
    X, y = data
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    quick(recorder).fit(X, y, sample_weight=weight)
    assert [len(rows) for rows in Recorder.fitted] == [weight.sum()] * 3


@pytest.mark.parametrize("estimator", [KernelDensity(), GaussianMixture()], ids=str)
def test_weight_is_repetition(data, estimator):
    X, y = data
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    weighted = quick(estimator).fit(X, y, sample_weight=weight)
    repeated = quick(estimator).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    potential = repeated.potential_energy(X)
    np.testing.assert_allclose(weighted.potential_energy(X), potential, rtol=1e-7)


def test_failing_modes_alone_are_scored_again(data, recorder):
    """A slow energy is asked about corrupted samples only, all others once."""
    quick(recorder, max_iter=4, clean_fraction=0.9).fit(*data)
    epochs = [len(rows) for rows in Recorder.scored if len(rows) < 60]
    assert len(Recorder.scored) > 6
    assert sum(epochs) < 0.25 * 4 * 120


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_a_density_of_zero(data, dtype):
    """−log 0 is infinite; a mode that is impossible is shut out, nothing overflows."""
    X, y = data[0].astype(dtype), data[1]
    model = quick(KernelDensity(bandwidth=0.5, kernel="tophat")).fit(X, y)
    far = X[:5].copy()
    far[:, MODES["b"]] += 1000
    for scores in (model.potential_energy, model.modal_energy, model.predict_proba):
        assert np.isfinite(scores(far)).all()
    assert np.all(model.attention(far)[:, 1] == 0)
    assert np.all(model.attention(far)[:, [0, 2]] > 0)


# ----------------------------------------------------------------------------- weights


def weights(kind, n=120):
    draw = np.random.default_rng(1)
    return {
        "none": None,
        "tiny": np.full(n, 1e-7),
        "equal": np.full(n, 0.5),
        "whole": draw.integers(1, 4, size=n).astype(float),
        "any": draw.uniform(0.5, 2.0, size=n),
        "mixed": np.where(np.arange(n) < 60, 1e-7, 1.0),
    }[kind]


@pytest.mark.parametrize("kind", ["tiny", "equal"])
def test_equal_weights_are_none(data, kind):
    X, y = data
    weighted = quick(GaussianMixture(2)).fit(X, y, weights(kind))
    plain = quick(GaussianMixture(2)).fit(X, y)
    np.testing.assert_allclose(weighted.attention(X), plain.attention(X), rtol=1e-12)


@pytest.mark.parametrize("kind", ["any", "mixed"])
def test_weights_that_an_energy_cannot_take_are_named(data, kind):
    """Once in a fit, whichever modes it concerns; all samples teach it alike."""
    X, y = data
    energies = {"a": GaussianMixture(), "c": make_pipeline(PCA(), GaussianMixture())}
    message = r"energy of mode 'a' \(GaussianMixture\), 'c' \(Pipeline\): .*no `sample_"
    with pytest.warns(UserWarning, match=message) as record:
        weighted = quick(energies).fit(X, y, weights(kind))
    assert len(record) == 1
    # What can take them does.
    potential = quick(energies).fit(X, y).potential_energy(X)
    assert not np.allclose(weighted.potential_energy(X)[:, 1], potential[:, 1])


@pytest.mark.parametrize("kind", ["any", "mixed"])
def test_all_samples_teach_alike_what_takes_no_weights(data, recorder, kind):
    with pytest.warns(UserWarning, match="ignored by the energy"):
        quick(recorder).fit(*data, weights(kind))
    assert [len(rows) for rows in Recorder.fitted] == [120] * 3


@pytest.mark.parametrize("kind", ["none", "tiny", "equal", "whole"])
def test_weights_that_it_can_take_need_no_warning(data, kind):
    quick(GaussianMixture()).fit(*data, weights(kind))  # a warning is an error here


@pytest.mark.parametrize(
    "estimator", [KernelDensity(), IsolationForest(n_estimators=3), None], ids=str
)
def test_an_energy_that_takes_weights_is_not_warned_of(data, estimator):
    quick(estimator).fit(*data, weights("any"))


def test_weights_that_are_equal_where_the_mode_is_there(data):
    X, y = data[0].copy(), data[1]
    weight = np.where(np.arange(120) < 60, 0.3, 1.7)
    X[:60, MODES["a"]] = np.nan
    with pytest.warns(UserWarning, match=r"energy of mode 'b' \(GaussianM.*, 'c'"):
        quick(GaussianMixture()).fit(X, y, weight)


def test_a_cached_energy_is_warned_of_too(data, tmp_path):
    for _ in range(2):
        with pytest.warns(UserWarning, match="energy of mode 'a'"):
            quick(GaussianMixture(), memory=str(tmp_path)).fit(*data, weights("any"))


def test_a_further_chunk_teaches_no_energy(data):
    X, y = data
    model = quick(GaussianMixture())
    with pytest.warns(UserWarning, match="energy of mode 'a'"):
        model.partial_fit(X, y, [0, 1], sample_weight=weights("any"))
    model.partial_fit(X, y, sample_weight=weights("any"))


@pytest.mark.parametrize("kind", ["tiny", "equal"])
def test_a_classifier_without_weights_takes_equal_ones(data, kind):
    X, y = data
    model = quick(None, predictor=KNeighborsClassifier())
    weighted = clone(model).fit(X, y, weights(kind))
    np.testing.assert_allclose(
        weighted.predict_proba(X), model.fit(X, y).predict_proba(X)
    )


def test_no_class_of_small_weight_vanishes(data):
    X, y = data
    weight = np.where(y == 0, 1e-7, 1.0)
    with pytest.raises(ValueError, match="takes no `sample_weight`"):
        quick(None, predictor=KNeighborsClassifier()).fit(X, y, weight)


# ------------------------------------------------------------------------------ errors


class Failing(BaseEstimator):
    """Cannot be fitted."""

    def fit(self, X, y=None):
        raise KeyError("no such thing")

    def score_samples(self, X):
        return np.zeros(len(X))


@pytest.mark.parametrize(
    ("energies", "error", "note"),
    [
        ({"b": Failing()}, KeyError, "Mode 'b': its energy, Failing, cannot"),
        (
            {"b": GaussianMixture(500)},
            ValueError,
            "Mode 'b': its energy, GaussianMixture, cannot",
        ),
        (
            {"b": PotentialEnergyTransformer(max_iter=3, lr=1e300)},
            FloatingPointError,
            "Mode 'b': its energy, PotentialEnergyTransformer, cannot",
        ),
    ],
)
def test_an_energy_that_cannot_be_fitted_is_named(data, energies, error, note):
    with pytest.raises(error) as caught:
        quick(energies).fit(*data)
    (found,) = caught.value.__notes__
    assert re.match(note, found)


def test_energies_that_are_trained_together_are_named_together(data):
    diverging = PotentialEnergyTransformer(max_iter=3, lr=1e300)
    with pytest.raises(FloatingPointError) as caught:
        quick(
            diverging, modes={"u": [0, 1], "v": [2, 3], "w": [4]}, remainder="drop"
        ).fit(*data)
    (found,) = caught.value.__notes__
    assert re.match("Modes 'u', 'v': one of their energies", found)


class Scoring(BaseEstimator):
    """Scores as it is told."""

    def __init__(self, scores):
        self.scores = scores

    def fit(self, X, y=None):
        return self

    def score_samples(self, X):
        return self.scores(len(X))


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (lambda n: -1.0, r"shape \(n_samples,\); .* one of \(\) for 5"),
        (lambda n: np.ones(1), r"one of \(1,\) for 5 samples"),
        (lambda n: np.ones((n, 1)), r"one of \(5, 1\) for 5"),
        (lambda n: np.full(n, np.nan), r"Scoring\(.* is NaN for samples it"),
    ],
)
def test_scores_that_are_not_one_for_each_sample(data, scores, message):
    with pytest.raises(ValueError, match=message) as caught:
        quick({"b": Scoring(scores)}).fit(*data)
    assert caught.value.__notes__[0].startswith("Mode 'b': its energy, Scoring")


def test_scores_as_a_list(data):
    model = quick({"b": Scoring(lambda n: [-2.0] * n)}).fit(*data)
    assert np.all(model.potential_energy(data[0])[:, 1] == 2.0)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_search_gives_an_invalid_energy_no_score(data):
    search = GridSearchCV(
        quick(KernelDensity()), {"energy_estimator__bandwidth": [-1.0, 1.0]}, cv=2
    )
    with pytest.warns(FitFailedWarning, match="'bandwidth' parameter"):
        search.fit(*data)
    assert search.best_params_ == {"energy_estimator__bandwidth": 1.0}
