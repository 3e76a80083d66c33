import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    TimeSeriesSplit,
    cross_val_score,
)

from sklearn_emma import EMMAClassifier, OctaveEnergy
from sklearn_emma.windows import WindowSplit, sliding_windows


def slow_windows(X, length, columns, step=1):
    """Windows of one recording, by loops."""
    return np.array(
        [
            [X[row, c] for c in columns for row in range(start, start + length)]
            for start in range(0, len(X) - length + 1, step)
        ]
    )


@pytest.mark.parametrize("step", [1, 3])
def test_windows_are_stretches_of_rows_channel_by_channel(step):
    X = np.random.default_rng(0).normal(size=(11, 4))
    windows = sliding_windows(X, 3, modes={"b": [3, 1], "a": [0]}, step=step)
    np.testing.assert_array_equal(windows.X, slow_windows(X, 3, [3, 1, 0], step))
    shapes = {name: mode.shape for name, mode in windows.modes.items()}
    assert shapes == {"b": (2, 3), "a": (1, 3)}
    columns = {name: mode.columns.tolist() for name, mode in windows.modes.items()}
    assert columns == {"b": [0, 1, 2, 3, 4, 5], "a": [6, 7, 8]}
    np.testing.assert_array_equal(X[windows.rows[:, -1], 3], windows.X[:, 2])


def test_no_window_has_rows_of_two_groups_and_all_are_in_the_order_of_time():
    groups = np.array(list("abababbbcaab"))
    windows = sliding_windows(np.arange(12.0).reshape(12, 1), 3, groups=groups)
    assert all(len(set(groups[rows])) == 1 for rows in windows.rows)
    assert (np.diff(windows.rows, axis=1) > 0).all()
    assert (np.diff(windows.rows[:, -1]) > 0).all()
    # No stretch of a group is forgotten; group c is too short.
    for label in "ab":
        own = np.flatnonzero(groups == label)
        expected = [own[k : k + 3].tolist() for k in range(len(own) - 2)]
        found = windows.rows[groups[windows.rows[:, -1]] == label].tolist()
        assert found == expected


def test_frames_and_missing_values_are_read_as_everywhere():
    frame = pd.DataFrame({"x": [1.0, None, 3.0], "y": [4.0, 5.0, 6.0]})
    windows = sliding_windows(frame, 2, modes={"only": ["y", "x"]})
    expected = [[4, 5, 1, np.nan], [5, 6, np.nan, 3]]
    np.testing.assert_array_equal(windows.X, expected)


def test_a_window_depends_on_no_later_row():
    X = np.random.default_rng(0).normal(size=(20, 2))
    changed = X.copy()
    changed[12:] += 1
    before, after = (sliding_windows(x, 4) for x in (X, changed))
    past = before.rows[:, -1] < 12
    np.testing.assert_array_equal(before.X[past], after.X[past])
    assert (before.X[~past] != after.X[~past]).any(axis=1).all()


@pytest.mark.parametrize("cv", [TimeSeriesSplit(3), KFold(4), GroupKFold(2)])
def test_training_windows_share_no_row_with_test_windows(cv):
    groups = np.repeat([0, 1, 0], 20)
    windows = sliding_windows(np.zeros((60, 1)), 5, groups=groups)
    own = groups[windows.rows[:, -1]] if isinstance(cv, GroupKFold) else None
    split = WindowSplit(cv, windows.rows)
    plain = list(cv.split(windows.X, groups=own))
    kept = list(split.split(windows.X, groups=own))
    assert split.get_n_splits(windows.X, groups=own) == len(kept) == len(plain)
    for (train, test), (all_train, all_test) in zip(kept, plain, strict=True):
        np.testing.assert_array_equal(test, all_test)
        assert not set(windows.rows[train].flat) & set(windows.rows[test].flat)
        for left_out in np.setdiff1d(all_train, train):
            assert set(windows.rows[left_out]) & set(windows.rows[test].flat)


def test_for_one_recording_it_is_the_gap_of_time_series_split():
    windows = sliding_windows(np.zeros((50, 1)), 6)
    ours = WindowSplit(TimeSeriesSplit(4), windows.rows).split(windows.X)
    gap = TimeSeriesSplit(4, gap=5).split(windows.X)
    for one, other in zip(ours, gap, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_it_is_a_splitter_of_scikit_learn():
    rng = np.random.default_rng(0)
    windows = sliding_windows(rng.normal(size=(80, 2)), 4)
    y = np.arange(80)[windows.rows[:, -1]] % 2
    cv = WindowSplit(TimeSeriesSplit(3), windows.rows)
    assert cross_val_score(LogisticRegression(), windows.X, y, cv=cv).shape == (3,)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"length": 0}, "`length` must be a positive integer"),
        ({"length": 2, "step": 1.5}, "`step` must be a positive integer"),
        ({"length": 9}, "No table has the 9 rows"),
        ({"length": 4, "groups": [0, 0, 0, 1, 1, 1]}, "No group has the 4 rows"),
        ({"length": 2, "groups": [0, 1]}, "one label for each of 6 rows"),
    ],
)
def test_windows_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        sliding_windows(np.zeros((6, 1)), **arguments)


def test_splits_that_leave_nothing_are_refused():
    windows = sliding_windows(np.zeros((12, 1)), 8)
    with pytest.raises(ValueError, match="share rows with its test windows"):
        list(WindowSplit(KFold(2), windows.rows).split(windows.X))
    with pytest.raises(ValueError, match="X has 3 windows, but `rows` has 5"):
        next(WindowSplit(KFold(2), windows.rows).split(windows.X[:3]))


@pytest.mark.parametrize("length", [1, 2, 3, 9])
def test_windows_of_any_length_are_learnt(length):
    X = np.random.default_rng(0).normal(size=(60, 3))
    nested = {"a": {"l": [2], "r": [0]}, "b": [1]}
    windows = sliding_windows(X, length, modes=nested)
    model = EMMAClassifier(
        windows.modes, max_iter=1, pretraining_max_iter=1, random_state=0
    )
    y = windows.rows[:, -1] % 2
    attention = model.fit(windows.X, y).attention(windows.X, level="parts")
    assert attention.shape == (len(y), 3) and np.isfinite(attention).all()
    assert all(isinstance(e, OctaveEnergy) for e in model.energies_.values())


def test_parts_of_modes_stay_parts():
    X, nested = np.arange(12.0).reshape(4, 3), {"a": {"l": [2], "r": [0]}, "b": [1]}
    windows = sliding_windows(X, 2, modes=nested)
    assert list(windows.modes) == ["a", "b"] and list(windows.modes["a"]) == ["l", "r"]
    assert windows.modes["a"]["r"].columns.tolist() == [2, 3]
    assert windows.modes["b"].columns.tolist() == [4, 5]
    assert windows.modes["a"]["l"].shape == windows.modes["b"].shape == (1, 2)
    np.testing.assert_array_equal(windows.X[0], [2, 5, 0, 3, 1, 4])
