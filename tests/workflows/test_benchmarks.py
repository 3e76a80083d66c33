"""The robustness benchmark: its data, failures, peers and comparisons."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from sklearn_emma import EMMAClassifier

FOLDER = Path(__file__).parents[2] / "examples" / "benchmarks"
MODES = {"a": [0, 1], "b": [2, 3, 4]}


@pytest.fixture(scope="module")
def benchmark():
    """Function that imports a module of the benchmark by its name."""
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module
    sys.path.remove(str(FOLDER))


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, size=150)
    return rng.normal(size=(150, 5)) + y[:, np.newaxis], y


def task_of(benchmark, name, seed=0):
    return benchmark("_protocol").split(benchmark("_data").load(name), seed)


# ------------------------------------------------------------------------------- data


def test_few_training_samples_are_validated_on_few_and_scored_on_many(benchmark):
    task = task_of(benchmark, "digits_small")
    assert np.bincount(task.y_train).tolist() == [10] * 10
    assert np.bincount(task.y_val).tolist() == [4] * 10
    assert len(task.X_dev) == len(task.X_test) == 360


def test_few_rows_are_scored_several_times(benchmark):
    task = task_of(benchmark, "iris")
    X, y = task.scored("validation")
    assert (len(task.X_dev), len(X)) == (30, 300)
    np.testing.assert_array_equal(X.reshape(10, 30, 4), [task.X_dev] * 10)
    np.testing.assert_array_equal(y.reshape(10, 30), [task.y_dev] * 10)
    digits = task_of(benchmark, "digits")
    assert digits.scored("test")[0].shape == digits.X_test.shape


@pytest.mark.parametrize(
    ("name", "n_modes", "width", "n_train"),
    [("views8", 8, 6, 600), ("wide", 3, 200, 100)],
)
def test_generated_data_have_the_shape_that_they_are_named_for(
    benchmark, name, n_modes, width, n_train
):
    task = task_of(benchmark, name)
    assert [len(columns) for columns in task.modes.values()] == [width] * n_modes
    assert len(task.X_train) == n_train
    again = task_of(benchmark, name)
    np.testing.assert_array_equal(task.X_train, again.X_train)


def test_five_of_eight_views_know_nothing_of_the_class(benchmark):
    task = task_of(benchmark, "views8")
    scores = [
        LogisticRegression()
        .fit(task.X_train[:, columns], task.y_train)
        .score(task.X_dev[:, columns], task.y_dev)
        for columns in task.modes.values()
    ]
    assert min(scores[:3]) > 0.5
    assert max(scores[3:]) < 0.35  # one in four by chance


@pytest.mark.parametrize("name", ["scene15", "msrc", "rosmap"])
def test_data_that_are_not_there_are_named(benchmark, name, monkeypatch):
    monkeypatch.delenv("SKLEARN_EMMA_DATA", raising=False)
    with pytest.raises(OSError, match=f"{name} needs the file {name}.npz .*not set"):
        benchmark("_data").load(name)


# --------------------------------------------------------------------------- failures


def test_the_averaged_failures_are_all_measured(benchmark):
    protocol = benchmark("_protocol")
    task = task_of(benchmark, "digits")
    listed = protocol.conditions(4, task.y_dev, task.raw_zero)
    by_name = {condition.name: condition for condition in listed}
    assert len(by_name) == len(listed)
    assert set(protocol.SERVICE) < set(by_name)
    assert {name: repr(by_name[name].corruption) for name in protocol.UNSEEN} == {
        "zeros": "ZeroedMode()",
        "uniform": "UniformReplacement()",
        "stuck": "StuckMode()",
        "salt_pepper": "SaltAndPepper()",
        "gain": "Gain()",
    }
    assert by_name["two_modes"].n_failing == 2
    assert by_name["shift"].n_failing == 4


def test_a_raw_zero_is_what_zeros_of_the_raw_data_became(benchmark):
    protocol = benchmark("_protocol")
    dataset = benchmark("_data").load("digits")
    task = protocol.split(dataset, 0)
    rest, _ = protocol._part(np.arange(len(dataset.y)), dataset.y, 0.8, 0)
    raw = dataset.X[protocol._part(rest, dataset.y, 0.75, 0)[1]]
    zero = np.broadcast_to(task.raw_zero, raw.shape)
    np.testing.assert_allclose(task.X_dev[raw == 0], zero[raw == 0])

    layout = protocol.layout_of(task.modes)
    always = protocol.Condition("raw_zero", protocol.AlwaysReads(task.raw_zero))
    X, hit = always.apply(task.X_dev, layout, 0)
    assert (hit.sum(1) == 1).all()
    expected = np.where(hit[:, layout.index], zero, task.X_dev)
    np.testing.assert_array_equal(X, expected)


def test_the_oracle_drops_the_modes_that_were_hit_unless_none_would_remain(benchmark):
    class Oracle:
        is_oracle = True

    X, layout = np.ones((3, 5)), benchmark("_protocol").layout_of(MODES)
    hit = np.array([[True, False], [False, False], [True, True]])
    seen = benchmark("_evaluation")._seen_by(Oracle(), X, hit, layout)
    assert np.isnan(seen).nonzero()[0].tolist() == [0, 0]
    assert np.isnan(seen).nonzero()[1].tolist() == MODES["a"]


# ------------------------------------------------------------------------------ peers


def test_the_mean_of_one_classifier_a_view(benchmark, samples):
    X, y = samples
    method = benchmark("_peers.by_view").Averaged(LogisticRegression(), "clean")
    method.fit(X, y, X, y, MODES, 0)
    single = [
        LogisticRegression().fit(X[:, columns], y).predict_proba(X[:, columns])
        for columns in MODES.values()
    ]
    np.testing.assert_allclose(method.predict_proba(X), np.mean(single, 0), atol=1e-3)
    half = X.copy()
    half[:, MODES["b"]] = np.nan
    np.testing.assert_allclose(method.predict_proba(half), single[0], atol=1e-3)
    shares = np.bincount(y) / len(y)
    unknown = method.predict_proba(np.full((2, 5), np.nan))
    np.testing.assert_allclose(unknown, [shares] * 2)


def test_the_copies_of_a_row_are_stacked_in_one_fold(benchmark, samples):
    X, y = samples
    method = benchmark("_peers.by_view").Stacked().fit(X, y, X, y, MODES, 0)
    for train, held_out in method.estimator_.cv:
        assert not set(train % len(X)) & set(held_out % len(X))
    X[:, MODES["a"]] = np.nan
    proba = method.predict_proba(X)
    np.testing.assert_allclose(proba.sum(1), 1)
    assert (proba.argmax(1) == y).mean() > 0.5


def test_another_installation_answers_what_this_one_would(benchmark, samples):
    X, y = samples
    short = {"random_state": 3, "max_iter": 2}
    other = benchmark("_peers.elsewhere").ElsewhereClassifier(
        Path(sys.executable), modes=MODES, **short
    )
    other.fit(X, y)
    own = EMMAClassifier(MODES, **short).fit(X, y)
    X[:5, MODES["a"]] = np.nan
    for method in ("predict_proba", "attention", "modal_energy", "total_energy"):
        answer, expected = getattr(other, method)(X), getattr(own, method)(X)
        np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-6)


def test_another_installation_that_fails_is_named(benchmark, samples, capfd):
    other = benchmark("_peers.elsewhere").ElsewhereClassifier(
        Path(sys.executable), modes={"a": [0, 99]}
    )
    with pytest.raises(
        RuntimeError, match=r"other installation failed in fit .*code 1"
    ):
        other.fit(*samples)
    assert "99" in capfd.readouterr().err


# ------------------------------------------------------------------------- comparison


def test_the_best_peer_is_no_version_of_ours_and_has_all_seeds(benchmark):
    best_peer = benchmark("_comparison").best_peer
    values = pd.DataFrame(
        {
            "emma": [0.5, 0.5],
            "emma-base": [0.9, 0.9],
            "drop-oracle": [0.9, 0.9],
            "one seed": [0.9, np.nan],
            "high": [0.7, 0.6],
            "low": [0.8, 0.1],
        }
    )
    assert best_peer(values, lower_is_better=False) == "high"
    assert best_peer(values, lower_is_better=True) == "low"
    assert best_peer(values[["emma"]], lower_is_better=False) is None


def test_differences_are_paired_by_seed(benchmark):
    comparison, summary = benchmark("_comparison"), benchmark("_summary")
    scores = {
        "x": {"emma": [0.9, 0.8], "knn": [0.8, 0.7], "lr": [0.1, 0.2]},
        "y": {"emma": [0.5, 0.5], "knn": [0.5, 0.5], "lr": [0.6, 0.8]},
    }
    frame = pd.DataFrame(
        [
            {"dataset": dataset, "seed": seed, "method": method}
            | dict.fromkeys(summary.SUMMARY, value)
            for dataset, by_method in scores.items()
            for method, values in by_method.items()
            for seed, value in enumerate(values)
        ]
    )
    cells = [
        [cell.strip() for cell in line.split("|")[1:3]]
        for line in comparison.comparisons(frame, "emma")
        if line.startswith("|")
    ]
    best, on_average = cells[2:5], cells[7:10]
    assert best == [
        ["all", "+0.050 [+0.050, +0.050] knn"],
        ["x", "+0.100 [+0.100, +0.100] knn"],
        ["y", "-0.200 [-0.300, -0.100] lr"],
    ]
    assert on_average[2] == ["y", "+0.000 [+0.000, +0.000] knn"]


# --------------------------------------------------------------------- real signals


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """A package that is called aeon and has one small set of recordings."""
    rng = np.random.default_rng(0)
    (tmp_path / "aeon").mkdir()
    (tmp_path / "aeon" / "__init__.py").touch()
    folder = tmp_path / "aeon" / "datasets" / "data" / "BasicMotions"
    folder.mkdir(parents=True)
    for part in ("TRAIN", "TEST"):
        rows = []
        for label in ("Rest", "Run") * 20:
            values = rng.normal(size=(4, 12)) + 2 * (label == "Run")
            channels = (",".join(map(str, channel)) for channel in values)
            rows.append(":".join([*channels, label]))
        text = "# made up\n@univariate false\n@data\n" + "\n".join(rows)
        (folder / f"BasicMotions_{part}.ts").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)


def test_real_signals_are_two_modes_that_fail_in_turn(benchmark, recordings):
    signals = benchmark("signals")
    modes, y = signals.load("motions")
    assert {k: v.shape for k, v in modes.items()} == {
        "first": (80, 2, 12),
        "second": (80, 2, 12),
    }
    assert np.bincount(y).tolist() == [40, 40]
    assert modes["first"][y == 1].mean() > 1.5 > 0.5 > modes["first"][y == 0].mean()
    columns = ["data", "split", "method", "the mode", "accuracy"]
    table = pd.DataFrame(signals.measure("motions", 0, smoke=True), columns=columns)
    counts = table.groupby(["method", "the mode"]).size().unstack()
    assert len(counts) == 4 and (counts.pop("clean") == 1).all()
    assert counts.shape[1] == 13 and (counts == 2).all().all()
