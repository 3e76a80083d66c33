"""Robustness, attention and energy curves against corruptions made by hand."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, make_scorer
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_emma import EMMAClassifier, PotentialEnergyTransformer
from sklearn_emma.corruption import Bias, GaussianNoise, MissingMode
from sklearn_emma.datasets import make_multimodal_classification
from sklearn_emma.robustness import (
    attention_curve,
    attention_map,
    energy_curve,
    robustness_curve,
)

MODES = {"left": [0, 1, 2], "right": [3, 4, 5]}
LEFT, RIGHT = MODES["left"], MODES["right"]


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps every X that it is scored on."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.seen_ = []
        return self

    def score(self, X, y):
        self.seen_.append(X)
        return float(len(self.seen_))

    def attention(self, X):
        self.seen_.append(X)
        return np.zeros((len(X), len(self.modes_)))


@pytest.fixture(scope="module")
def data():
    """Samples in units of their own: columns of very different scale and location."""
    X, y, _ = make_multimodal_classification(
        500, n_modes=2, n_features_per_mode=3, redundancy=1.0, random_state=0
    )
    X = X * [1, 10, 100, 1, 0.1, 5] + [0, 50, -20, 3, 0, 1]
    return X[:300], X[300:], y[:300], y[300:]


@pytest.fixture(scope="module")
def emma(data):
    X_train, _, y_train, _ = data
    return EMMAClassifier(
        MODES,
        energy_estimator=PotentialEnergyTransformer(max_iter=15),
        max_iter=8,
        base_max_iter=8,
        random_state=0,
    ).fit(X_train, y_train)


@pytest.fixture
def recorder(data):
    return Recorder().fit(data[0], data[2])


def biased(X, columns, level, scale):
    X = X.copy()
    X[:, columns] += level * scale[columns]
    return X


# ------------------------------------------------------------------ what is corrupted


def test_only_the_failing_mode_changes_and_level_0_changes_nothing(data, recorder):
    _, X, _, y = data
    before = X.copy()
    robustness_curve(
        recorder, X, y, mode="left", modes=MODES, levels=[0, 2], n_repeats=1
    )
    clean, noisy = recorder.seen_
    np.testing.assert_array_equal(clean, X)
    np.testing.assert_array_equal(noisy[:, RIGHT], X[:, RIGHT])
    assert (noisy[:, LEFT] != X[:, LEFT]).all()
    np.testing.assert_array_equal(X, before)


def test_every_level_draws_the_same_noise_and_every_repeat_its_own(data, recorder):
    X_train, X, _, y = data
    levels = [0.5, 1, 3]
    robustness_curve(
        recorder,
        X,
        y,
        mode="left",
        modes=MODES,
        levels=levels,
        reference=X_train,
        n_repeats=2,
        random_state=0,
    )
    noise = [
        (seen - X)[:, LEFT] / level / X_train[:, LEFT].std(axis=0)
        for seen, level in zip(recorder.seen_, np.repeat(levels, 2), strict=True)
    ]
    for first, second in ((0, 2), (0, 4), (1, 3), (1, 5)):
        np.testing.assert_allclose(noise[first], noise[second], rtol=0, atol=1e-10)
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.2
    # 600 draws of a standard normal variable: means 0 and 1, give or take 4 errors.
    assert abs(noise[0].mean()) < 4 / 600**0.5
    assert abs(noise[0].var() - 1) < 4 * (2 / 600) ** 0.5


def test_all_modes_fail_when_none_is_named(data, recorder):
    _, X, _, y = data
    robustness_curve(recorder, X, y, mode=None, modes=MODES, levels=[1], n_repeats=1)
    assert (recorder.seen_[0] != X).all()


def test_units_are_of_the_reference_else_of_the_training_data_else_of_x(data, emma):
    X_train, X, y_train, y = data
    sd = {"reference": 7 * X_train, "training": X_train, "X": X}
    options = {"mode": "right", "levels": [2], "corruption": Bias, "n_repeats": 1}

    def shift(estimator, **extra):
        estimator.seen_ = []
        robustness_curve(estimator, X, y, **options, **extra)
        return (estimator.seen_[0] - X)[0, RIGHT] / 2

    plain = Recorder().fit(X_train, y_train)
    knowing = Recorder().fit(X_train, y_train)
    knowing.modes_, knowing.scaler_ = emma.modes_, emma.scaler_
    for case, got in {
        "reference": shift(knowing, reference=sd["reference"]),
        "training": shift(knowing),
        "X": shift(plain, modes=MODES),
    }.items():
        np.testing.assert_allclose(got, sd[case][:, RIGHT].std(axis=0), err_msg=case)


def test_training_units_follow_the_columns_when_modes_are_in_another_order(data):
    X_train, X, y_train, y = data
    swapped = {"right": [5, 3, 4], "left": [2, 0, 1]}
    clf = EMMAClassifier(swapped, max_iter=1, base_max_iter=1, random_state=0)
    clf.fit(X_train, y_train)
    recorder = Recorder().fit(X_train, y_train)
    recorder.modes_, recorder.scaler_ = clf.modes_, clf.scaler_
    robustness_curve(
        recorder, X, y, mode="left", levels=[1], corruption=Bias, n_repeats=1
    )
    expected = biased(X, LEFT, 1, X_train.std(axis=0))
    np.testing.assert_allclose(recorder.seen_[0], expected)


def test_two_estimators_get_the_same_samples(data):
    X_train, X, y_train, y = data
    first, second = Recorder().fit(X_train, y_train), Recorder().fit(X_train, y_train)
    for estimator in (first, second):
        robustness_curve(
            estimator,
            X,
            y,
            mode="left",
            modes=MODES,
            levels=[0, 1],
            reference=X_train,
            random_state=3,
        )
    for one, other in zip(first.seen_, second.seen_, strict=True):
        np.testing.assert_array_equal(one, other)


def test_random_state_decides_and_global_state_stays(data, emma):
    _, X, _, y = data

    def global_state():
        _, key, position, *_ = np.random.get_state()  # noqa: NPY002
        return [*key.tolist(), position, *torch.get_rng_state().tolist()]

    def scores(seed):
        curve = robustness_curve(
            emma, X, y, mode="left", levels=[0, 1, 2], random_state=seed
        )
        return curve.scores

    before = global_state()
    assert (scores(1) == scores(1)).all()
    assert (scores(1) != scores(2)).any()
    assert global_state() == before


# ---------------------------------------------------------------------- containers


def test_data_frames_stay_what_they_are(data, recorder):
    X_train, X, _, y = data
    names = [f"{mode}__{i}" for mode in MODES for i in range(3)]
    pairs = pd.MultiIndex.from_product([list(MODES), ["a", "b", "c"]])
    frames = {
        "pandas": pd.DataFrame(X, columns=names, index=np.arange(len(X))[::-1]),
        "two levels": pd.DataFrame(X, columns=pairs),
        "polars": pl.DataFrame(X, schema=names),
    }
    options = {
        "mode": "right",
        "levels": [1],
        "n_repeats": 1,
        "reference": X_train,
        "random_state": 0,
    }
    robustness_curve(recorder, X, y, modes=MODES, **options)
    expected = recorder.seen_.pop()
    for name, frame in frames.items():
        robustness_curve(recorder, frame, y, **options)
        seen = recorder.seen_.pop()
        assert type(seen) is type(frame), name
        assert list(seen.columns) == list(frame.columns), name
        np.testing.assert_array_equal(seen.to_numpy(), expected, err_msg=name)
        np.testing.assert_array_equal(frame.to_numpy(), X, err_msg=name)
        if name != "polars":
            assert seen.index.equals(frame.index), name


def test_columns_outside_the_mode_may_hold_anything(data, recorder):
    _, X, _, y = data
    frame = pd.DataFrame(X[:, :2], columns=["a__0", "a__1"])
    frame["site"] = ["north", "south"] * (len(X) // 2)
    robustness_curve(
        recorder,
        frame,
        y,
        mode="a",
        modes={"a": ["a__0", "a__1"]},
        levels=[1],
        n_repeats=1,
    )
    pd.testing.assert_series_equal(recorder.seen_[-1]["site"], frame["site"])
    assert (recorder.seen_[-1]["a__0"] != frame["a__0"]).all()


def test_missing_values_stay_missing_and_may_be_made(data, emma):
    X = data[1]
    holes = X.copy()
    holes[:5, LEFT] = np.nan
    curve = attention_curve(
        emma,
        holes,
        mode="left",
        levels=[0, 1],
        corruption=lambda level: MissingMode() if level else GaussianNoise(0.0),
        n_repeats=1,
    )
    np.testing.assert_allclose(curve.mean[0], emma.attention(holes).mean(axis=0))
    assert curve.mean[1, 0] == 0


def test_a_column_without_any_value_stays_so(data, recorder):
    _, X, _, y = data
    holes = X.copy()
    holes[:, 0] = np.nan
    robustness_curve(
        recorder, holes, y, mode="left", modes=MODES, levels=[1], n_repeats=1
    )
    np.testing.assert_array_equal(np.isnan(recorder.seen_[0]), np.isnan(holes))


# -------------------------------------------------------------------------- scores


def test_scores_are_those_of_the_corrupted_samples(data):
    X_train, X, y_train, y = data
    forest = RandomForestClassifier(20, random_state=0).fit(X_train, y_train)
    levels = [-2.0, 0.0, 0.5, 4.0]
    curve = robustness_curve(
        forest,
        X,
        y,
        mode="left",
        modes=MODES,
        levels=levels,
        corruption=Bias,
        reference=X_train,
        n_repeats=2,
    )
    expected = [
        forest.score(biased(X, LEFT, level, X_train.std(axis=0)), y) for level in levels
    ]
    np.testing.assert_array_equal(curve.scores, np.array([expected] * 2).T)
    np.testing.assert_array_equal(curve.levels, levels)
    np.testing.assert_array_equal(curve.mean, expected)
    assert (curve.mode, curve.corruption, curve.score_name) == (
        "left",
        "Bias",
        "accuracy",
    )
    assert len(set(expected)) > 1


def test_mean_and_deviation_are_over_the_repeats(data, emma):
    _, X, _, y = data
    curve = robustness_curve(
        emma, X, y, mode="left", levels=[0, 3], n_repeats=4, random_state=0
    )
    assert curve.scores.shape == (2, 4)
    assert curve.std[0] == 0 < curve.std[1]
    np.testing.assert_allclose(curve.mean[1], sum(curve.scores[1]) / 4)
    spread = sum((curve.scores[1] - curve.mean[1]) ** 2) / 4
    np.testing.assert_allclose(curve.std[1] ** 2, spread)


@pytest.mark.parametrize(
    "scoring, name, function",
    [
        ("f1", "F1", f1_score),
        (make_scorer(f1_score, pos_label=0), "F1", lambda y, p: f1_score(1 - y, 1 - p)),
        ("neg_log_loss", "neg log loss", None),
    ],
)
def test_scoring_is_scikit_learns(data, scoring, name, function):
    X_train, X, y_train, y = data
    model = LogisticRegression().fit(StandardScaler().fit_transform(X_train), y_train)
    curve = robustness_curve(
        model, X, y, mode="left", modes=MODES, levels=[0], scoring=scoring
    )
    assert curve.score_name == name
    if function is not None:
        assert curve.mean[0] == pytest.approx(function(y, model.predict(X)))


def test_regressors_have_their_score(data):
    X_train, X, y_train, y = data
    curve = robustness_curve(
        Ridge().fit(X_train, y_train), X, y, mode="left", modes=MODES, levels=[0, 1]
    )
    assert curve.score_name == "R²"
    assert curve.mean[1] < curve.mean[0]


def test_wrappers_that_pass_x_on_know_modes_and_units(data, emma):
    X_train, X, y_train, y = data
    options = {"mode": "right", "levels": [0, 2], "random_state": 0}
    direct = attention_curve(emma, X, **options)
    frozen = FrozenEstimator(emma)
    threshold = FixedThresholdClassifier(frozen, threshold=0.3).fit(X_train, y_train)
    for wrapper in (frozen, threshold):
        curve = attention_curve(wrapper, X, **options)
        np.testing.assert_array_equal(curve.quantiles, direct.quantiles)
        scores = robustness_curve(wrapper, X, y, **options).scores
        assert (scores[0] == wrapper.score(X, y)).all()


def test_a_search_knows_what_its_best_estimator_knows(data):
    X_train, X, y_train, _ = data
    clf = EMMAClassifier(MODES, max_iter=1, base_max_iter=1, random_state=0)
    search = GridSearchCV(clf, {"lr": [0.01]}, cv=2).fit(X_train, y_train)
    options = {"mode": "right", "levels": [2], "random_state": 0}
    found = attention_curve(search, X, **options)
    direct = attention_curve(search.best_estimator_, X, **options)
    np.testing.assert_array_equal(found.quantiles, direct.quantiles)


def test_a_wrapper_that_selects_columns_hides_what_is_inside(data, emma):
    X_train, X, y_train, y = data
    wrapper = Recorder().fit(X_train, y_train)
    wrapper.estimator_, wrapper.n_features_in_ = emma, 9
    with pytest.raises(ValueError, match="no mode 'left'"):
        robustness_curve(wrapper, X, y, mode="left", levels=[1])


def test_pipelines_are_corrupted_at_their_entrance(data):
    X_train, X, y_train, _ = data
    pipe = make_pipeline(
        StandardScaler(), EMMAClassifier(MODES, max_iter=2, base_max_iter=2)
    ).fit(X_train, y_train)
    curve = attention_curve(
        pipe,
        X,
        mode="left",
        levels=[3],
        corruption=Bias,
        modes=MODES,
        reference=X_train,
        n_repeats=1,
    )
    failed = pipe[0].transform(biased(X, LEFT, 3, X_train.std(axis=0)))
    np.testing.assert_allclose(curve.mean[0], pipe[1].attention(failed).mean(axis=0))


# ----------------------------------------------------------------------- attention


@pytest.mark.parametrize("quantity", ["attention", "importance"])
def test_attention_curve_summarises_the_samples(data, emma, quantity):
    X_train, X, _, _ = data
    curve = attention_curve(
        emma,
        X,
        mode="left",
        levels=[0, 2],
        corruption=Bias,
        quantity=quantity,
        n_repeats=2,
        quantiles=(0.1, 0.5),
    )
    failed = biased(X, LEFT, 2, X_train.std(axis=0))
    for row, samples in enumerate((X, failed)):
        values = getattr(emma, quantity)(samples)
        np.testing.assert_allclose(curve.mean[row], values.mean(axis=0))
        np.testing.assert_allclose(curve.std[row], values.std(axis=0))
        # Of the samples counted twice, since both repeats are the same.
        expected = np.quantile(np.r_[values, values], [0.1, 0.5], axis=0)
        np.testing.assert_allclose(curve.quantiles[row], expected)
    assert curve.columns == ("left", "right")
    assert (curve.mode, curve.quantity) == ("left", quantity)
    assert curve.mean[1, 0] < curve.mean[0, 0]


def test_attention_map_fails_two_modes_at_once(data, emma):
    X_train, X, _, _ = data
    levels, second = [0.0, 1.0, 4.0], [0.0, 2.0]
    result = attention_map(
        emma,
        X,
        failing=("right", "left"),
        levels=levels,
        second_levels=second,
        corruption=Bias,
    )
    sd = X_train.std(axis=0)
    for i, a in enumerate(levels):
        for j, b in enumerate(second):
            failed = biased(biased(X, RIGHT, a, sd), LEFT, b, sd)
            expected = emma.attention(failed).mean(axis=0)
            np.testing.assert_allclose(result.mean[i, j], expected)
    assert result.columns == ("left", "right")
    assert result.failing == ("right", "left")


def test_attention_map_averages_repeats(data, emma):
    _, X, _, _ = data
    options = {"failing": ("left", "right"), "levels": [0, 1], "quantity": "importance"}
    runs = [attention_map(emma, X, **options, random_state=seed) for seed in (0, 1)]
    both = attention_map(emma, X, **options, n_repeats=2, random_state=0)
    np.testing.assert_allclose(both.mean.sum(axis=2), 1, rtol=1e-6)
    np.testing.assert_allclose(both.mean[0, 0], emma.importance(X).mean(axis=0))
    assert (runs[0].mean[1, 1] != runs[1].mean[1, 1]).all()
    # One repeat of the two is the run with the same seed.
    other = 2 * both.mean - runs[0].mean
    assert ((other > 0) & (other < 1)).all()


def test_attention_map_draws_one_noise_for_each_mode_at_all_levels(data, recorder):
    X = data[1]
    recorder.modes_ = {name: np.array(columns) for name, columns in MODES.items()}
    attention_map(recorder, X, failing=("left", "right"), levels=[0, 1], random_state=0)
    clean, right, left, both = (seen - X for seen in recorder.seen_)
    assert not clean.any()
    np.testing.assert_allclose(both, left + right, atol=1e-9)
    assert not left[:, RIGHT].any()
    assert not right[:, LEFT].any()
    noise = [(both / X.std(axis=0))[:, columns].ravel() for columns in (LEFT, RIGHT)]
    assert abs(np.corrcoef(*noise)[0, 1]) < 0.2


# -------------------------------------------------------------------------- energy


def test_energy_curves_of_a_classifier(data, emma):
    X_train, X, _, _ = data
    failed = biased(X, RIGHT, 3, X_train.std(axis=0))
    options = {"mode": "right", "levels": [0, 3], "corruption": Bias, "n_repeats": 1}
    total = energy_curve(emma, X, **options)
    np.testing.assert_allclose(total.mean[1, 0], emma.total_energy(failed).mean())
    assert total.columns == ("total",)
    assert total.mean[1, 0] > total.mean[0, 0]
    for quantity in ("modal_energy", "potential_energy"):
        curve = energy_curve(emma, X, quantity=quantity, **options)
        expected = getattr(emma, quantity)(failed)
        np.testing.assert_allclose(curve.mean[1], expected.mean(axis=0))
        assert curve.columns == ("left", "right")
    # Ψ is of one mode alone.
    assert curve.mean[0, 0] == curve.mean[1, 0]


@pytest.mark.parametrize("make", [PotentialEnergyTransformer, GaussianMixture])
def test_energy_curve_of_a_density_estimator(data, make):
    X_train, X, _, _ = data
    density = make(random_state=0).fit(X_train[:, LEFT])
    curve = energy_curve(
        density,
        X[:, LEFT],
        levels=[0, 1, 2, 4],
        quantity="potential_energy",
        reference=X_train[:, LEFT],
        random_state=0,
    )
    clean = -density.score_samples(X[:, LEFT])
    np.testing.assert_allclose(curve.mean[0, 0], clean.mean())
    assert curve.columns == ("potential",)
    assert (np.diff(curve.mean[:, 0]) > 0).all()


def test_energies_of_a_missing_mode_are_nan(data, emma):
    _, X, _, _ = data
    curve = energy_curve(
        emma,
        X,
        mode="left",
        levels=[1],
        corruption=lambda level: MissingMode(),
        quantity="potential_energy",
    )
    for values in (curve.mean, curve.std, curve.quantiles[:, 0]):
        assert np.isnan(values[0, 0])
        assert np.isfinite(values[0, 1])


# -------------------------------------------------------------------------- errors


def test_bad_input_is_named(data, emma):
    X_train, X, y_train, y = data
    good = {"mode": "left", "levels": [0, 1]}

    def curve(**changed):
        return robustness_curve(emma, X, y, **(good | changed))

    with pytest.raises(ValueError, match=r"no mode 'up'; the modes are \['left'"):
        curve(mode="up")
    for levels in ([], [np.nan], [[1, 2]], 3.0, [np.inf]):
        with pytest.raises(ValueError, match="`levels` must be"):
            curve(levels=levels)
    with pytest.raises(ValueError, match="sigma"):
        curve(levels=[-1])
    with pytest.raises(ValueError, match="`n_repeats` must be at least 1, got 0"):
        curve(n_repeats=0)
    with pytest.raises(TypeError, match=r"not GaussianNoise\(1.0\)"):
        curve(corruption=GaussianNoise(1.0))
    with pytest.raises(ValueError, match="`reference` has 3 columns, X has 6"):
        curve(reference=X[:, LEFT])
    with pytest.raises(NotFittedError):
        robustness_curve(EMMAClassifier(), X, y, **good)
    with pytest.raises(ValueError, match=r"`quantity` must be one of \['attention'"):
        attention_curve(emma, X, quantity="total_energy", **good)
    with pytest.raises(ValueError, match=r"`quantity` must be one of \['total_energy'"):
        energy_curve(emma, X, quantity="attention", **good)
    for failing in ("left", ("left",), ("left", "left")):
        with pytest.raises(ValueError, match="two different modes"):
            attention_map(emma, X, failing=failing, levels=[1])
    forest = RandomForestClassifier(2, random_state=0).fit(X_train, y_train)
    with pytest.raises(TypeError, match="RandomForestClassifier has no method 'atten"):
        attention_curve(forest, X, modes=MODES, **good)
    with pytest.raises(TypeError, match="or a density estimator"):
        energy_curve(forest, X, modes=MODES, quantity="potential_energy", **good)


# ----------------------------------------------------------------------- real data


def test_potential_energy_of_pulsar_candidates_rises_with_the_noise(htru2):
    X, _ = htru2
    train, test = X.iloc[:2000, :4], X.iloc[2000:3000, :4]
    energy = PotentialEnergyTransformer(max_iter=15, random_state=0).fit(train)
    curve = energy_curve(
        energy,
        test,
        levels=np.linspace(0, 2, 9),
        quantity="potential_energy",
        reference=train,
        random_state=0,
    )
    assert (np.diff(curve.mean[:, 0]) > 0).all()
