import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import helpers
from sklearn_emma.monitoring import SensorHealthMonitor

MODES = {"a": [0, 1, 2], "b": [4, 3]}


def rows(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, size=n)
    return rng.normal(size=(n, 5)) + y[:, np.newaxis], y


@pytest.fixture(scope="module")
def fitted():
    model = helpers.quick(modes=MODES, max_iter=1).fit(*rows(150, 0))
    return model.calibrate_alarms(rows(2000, 1)[0])


@pytest.fixture
def monitor(fitted):
    return SensorHealthMonitor(fitted, run_length=1000)


def drifting(n=300, onset=200, by=3.0):
    X = rows(n, 2)[0]
    X[onset:, MODES["b"]] += by
    return X


def test_a_drift_is_found_in_its_mode_and_no_clean_row_rings(monitor):
    states = monitor.update(drifting())
    failing = states.xs("failing", axis=1, level="quantity")
    assert not failing["a"].any() and not failing["b"][:200].any()
    report = monitor.report()
    assert list(report.index) == ["a", "b"] and report.index.name == "mode"
    assert report.status.to_dict() == {"a": "healthy", "b": "failing"}
    assert 200 <= report.found["b"] <= 225 and report.found["a"] == -1
    assert failing["b"].idxmax() == report.found["b"]
    assert abs(report.since["b"] - 200) < 15
    assert report.evidence["b"] > 3 > report.evidence["a"]


def test_states_show_p_values_as_the_classifier_gives_them(monitor, fitted):
    X = drifting()
    states = monitor.update(X)
    assert states.columns.names == ["mode", "quantity"]
    assert list(states["a"]) == ["p_value", "evidence", "failing", "frozen"]
    p = states.xs("p_value", axis=1, level="quantity").to_numpy()
    np.testing.assert_array_equal(p, fitted.p_values(X))


def test_rows_one_by_one_in_chunks_or_all_at_once_give_the_same(fitted):
    X = drifting(120, 60)
    whole = SensorHealthMonitor(fitted).update(X)
    for size in (1, 50):
        monitor = SensorHealthMonitor(fitted)
        parts = [monitor.update(X[i : i + size]) for i in range(0, len(X), size)]
        pd.testing.assert_frame_equal(pd.concat(parts), whole)
    assert monitor.n_rows_ == 120


def test_the_index_is_that_of_a_frame(monitor):
    X = drifting(10, 5)
    index = pd.date_range("2024-01-01", periods=10)
    states = monitor.update(pd.DataFrame(X, index=index))
    assert states.index.equals(index)


def test_frozen_readings_are_found_and_thaw(fitted):
    X = rows(40, 3)[0]
    X[10:25, MODES["a"]] = X[10, MODES["a"]]
    monitor = SensorHealthMonitor(fitted, freeze_after=5)
    frozen = monitor.update(X[:25])["a"]["frozen"]
    assert frozen.idxmax() == 14 and frozen[14:].all() and not frozen[:14].any()
    assert monitor.report().loc["a", ["status", "since"]].tolist() == ["frozen", 10]
    assert not monitor.update(X[25:]).xs("frozen", axis=1, level=1).any(axis=None)
    monitor = SensorHealthMonitor(fitted, freeze_after=None)
    assert not monitor.update(X).xs("frozen", axis=1, level=1).any(axis=None)


def test_missing_modes_are_counted_and_never_ring(monitor):
    X = drifting()
    X[200:, MODES["b"]] = np.nan
    states = monitor.update(X)
    assert not states.xs("failing", axis=1, level="quantity").any(axis=None)
    assert np.isnan(states["b"]["p_value"][200:]).all()
    assert monitor.report().n_missing.to_dict() == {"a": 0, "b": 100}


def test_recovery_is_reported(monitor):
    monitor.update(drifting())
    monitor.update(rows(200, 4)[0])
    report = monitor.report()
    assert report.status["b"] == "healthy" and report.n_failures["b"] == 1
    assert abs(report.since["b"] - 300) < 20


def test_a_pickle_goes_on_where_it_was_and_does_not_grow(monitor):
    X = drifting()
    monitor.update(X[:50])
    size = len(pickle.dumps(monitor))
    monitor.update(X[50:210])
    assert len(pickle.dumps(monitor)) < size + 100
    loaded = pickle.loads(pickle.dumps(monitor))
    pd.testing.assert_frame_equal(loaded.update(X[210:]), monitor.update(X[210:]))
    pd.testing.assert_frame_equal(loaded.report(), monitor.report())


def test_reset_forgets_everything(monitor):
    X = drifting()
    first = monitor.update(X)
    assert monitor.reset() is monitor and monitor.n_rows_ == 0
    pd.testing.assert_frame_equal(monitor.update(X), first)


def test_pipelines_are_watched_as_their_classifier_sees_them(fitted):
    X, y = rows(150, 0)
    model = make_pipeline(StandardScaler(), helpers.quick(modes=MODES, max_iter=1))
    model.fit(X, y)
    model[-1].calibrate_alarms(model[:-1].transform(rows(2000, 1)[0]))
    stream = drifting(250)
    stream[:, 4] = stream[:, 3] = stream[0, 3]
    monitor = SensorHealthMonitor(model)
    monitor.update(stream)
    assert monitor.report().status.to_dict()["a"] == "healthy"
    assert monitor.update(stream)["b"]["frozen"].all()


def test_with_few_clean_rows_nothing_can_be_said_and_that_is_said(fitted):
    few = copy.copy(fitted).calibrate_alarms(rows(10, 5)[0])
    monitor = SensorHealthMonitor(few)
    with pytest.warns(UserWarning, match=r"for mode 'a' \(10 rows\), 'b' \(10 rows\)"):
        states = monitor.update(drifting(by=100))
    assert not states.xs("failing", axis=1, level=1).any(axis=None)
    monitor.update(drifting())  # said once


def test_as_soon_as_an_alarm_can_ring_there_is_no_warning(fitted):
    enough = copy.copy(fitted).calibrate_alarms(rows(20, 5)[0])
    monitor = SensorHealthMonitor(enough, run_length=10)
    assert monitor.update(drifting(by=100))["b"]["failing"].any()


def test_confidence_makes_alarms_later(fitted):
    X = drifting(by=3.0)
    found = []
    for confidence in (0.5, 0.999):
        monitor = SensorHealthMonitor(fitted, confidence=confidence)
        monitor.update(X)
        found.append(monitor.report().found["b"])
    assert 0 < found[0] <= found[1]
    evidence = [
        SensorHealthMonitor(fitted, confidence=c).update(X[:220])["b"]["evidence"]
        for c in (0.5, 0.999)
    ]
    assert evidence[0].iloc[-1] > evidence[1].iloc[-1]


@pytest.mark.parametrize(
    "params",
    [{"run_length": 1}, {"confidence": 1.0}, {"freeze_after": 1}, {"estimator": "x"}],
)
def test_bad_parameters_are_named_before_anything_is_read(fitted, params):
    monitor = SensorHealthMonitor(**{"estimator": fitted} | params)
    (name,) = params
    with pytest.raises(ValueError, match=f"'{name}' parameter of SensorHealthMonitor"):
        monitor.update(drifting())


def test_an_estimator_without_p_values_is_refused():
    X, y = rows(50, 0)
    monitor = SensorHealthMonitor(LogisticRegression().fit(X, y))
    with pytest.raises(TypeError, match="LogisticRegression has no p-values"):
        monitor.update(X)
    with pytest.raises(NotFittedError):
        SensorHealthMonitor(helpers.quick(modes=MODES)).update(X)


def test_bad_rows_leave_the_state_as_it_was(monitor):
    monitor.update(drifting())
    before = monitor.report()
    with pytest.raises(ValueError, match="has 4 features"):
        monitor.update(np.ones((3, 4)))
    pd.testing.assert_frame_equal(monitor.report(), before)


def test_there_is_no_report_before_the_first_row(monitor):
    with pytest.raises(ValueError, match="call `update`"):
        monitor.report()
    assert clone(SensorHealthMonitor(LogisticRegression())).n_rows_ == 0
