"""What fails: which cells, in which units, by which draws; the rest stays as it is."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import torch
from sklearn.base import clone

from sklearn_emma import EMMAClassifier
from sklearn_emma.corruption import Bias, GaussianNoise, MissingMode
from sklearn_emma.exceptions import ModesWarning
from sklearn_emma.robustness import attention_curve, robustness_curve

MODES = {"left": [0, 1, 2], "right": [3, 4, 5]}
LEFT, RIGHT = MODES.values()


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


def test_units_are_of_the_reference_else_of_the_training_data_else_of_x(
    data, emma, recorder
):
    X_train, X, y_train, y = data
    sd = {"reference": 7 * X_train, "training": X_train, "X": X}
    options = {"mode": "right", "levels": [2], "corruption": Bias, "n_repeats": 1}

    def shift(estimator, **extra):
        estimator.seen_ = []
        robustness_curve(estimator, X, y, **options, **extra)
        return (estimator.seen_[0] - X)[0, RIGHT] / 2

    plain = clone(recorder).fit(X_train, y_train)
    knowing = clone(recorder).fit(X_train, y_train)
    knowing.modes_, knowing.scaler_ = emma.modes_, emma.scaler_
    for case, got in {
        "reference": shift(knowing, reference=sd["reference"]),
        "training": shift(knowing),
        "X": shift(plain, modes=MODES),
    }.items():
        np.testing.assert_allclose(got, sd[case][:, RIGHT].std(axis=0), err_msg=case)


def test_training_units_follow_the_columns_when_modes_are_in_another_order(
    data, biased, recorder
):
    X_train, X, y_train, y = data
    swapped = {"right": [5, 3, 4], "left": [2, 0, 1]}
    clf = EMMAClassifier(swapped, max_iter=1, pretraining_max_iter=1, random_state=0)
    clf.fit(X_train, y_train)
    recorder = clone(recorder).fit(X_train, y_train)
    recorder.modes_, recorder.scaler_ = clf.modes_, clf.scaler_
    robustness_curve(
        recorder, X, y, mode="left", levels=[1], corruption=Bias, n_repeats=1
    )
    expected = biased(X, LEFT, 1)
    np.testing.assert_allclose(recorder.seen_[0], expected)


def test_two_estimators_get_the_same_samples(data, recorder):
    X_train, X, y_train, y = data
    first, second = (
        clone(recorder).fit(X_train, y_train),
        clone(recorder).fit(X_train, y_train),
    )
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


def test_a_single_mode_that_is_named_is_nothing_to_warn_of(data, recorder):
    _, X, _, y = data
    frame = pd.DataFrame(X, columns=list("abcdef"))
    one = {"left": ["a", "b", "c"]}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModesWarning)
        robustness_curve(
            recorder, frame, y, mode="left", modes=one, levels=[2], n_repeats=1
        )
    (noisy,) = recorder.seen_
    assert (noisy[["d", "e", "f"]] == frame[["d", "e", "f"]]).all(axis=None)
    assert (noisy[["a", "b", "c"]] != frame[["a", "b", "c"]]).all(axis=None)
