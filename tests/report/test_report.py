"""make_report: what it accepts, what it returns, and that it can be repeated."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import f1_score
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import helpers
from sklearn_emma.report import make_report
from sklearn_emma.robustness import robustness_curve

FAST = {"n_repeats": 1, "random_state": 0}


def test_tables_of_the_page_can_be_read_as_frames(report, fitted, data):
    _, y, broken = data
    assert report.modes.index.tolist() == list(fitted.modes_)
    assert len(report.rows) == 5
    assert list(report.curves) == list(fitted.modes_)
    n = int(fitted.failing_modes(broken, 0.05).any(axis=1).sum())
    assert repr(report) == f"<EMMAClassifier on 150 rows: {n} rows with an alarm>"
    assert f"accuracy is <b>{fitted.score(broken, y):.3f}</b>" in report.html


def test_curves_are_those_of_the_same_model_and_data(fitted, data):
    X, y, _ = data
    found = make_report(fitted, X, y, failing=["b"], scoring="f1_macro", **FAST)
    assert list(found.curves) == ["b"]
    curve = found.curves["b"]
    np.testing.assert_allclose(
        curve.mean[0], f1_score(y, fitted.predict(X), average="macro")
    )
    assert curve.scores.shape == (6, 1)
    seed = np.random.RandomState(0).randint(2**31)
    again = robustness_curve(
        fitted, X, y, mode="b", scoring="f1_macro", n_repeats=1, random_state=seed
    )
    np.testing.assert_array_equal(curve.scores, again.scores)


def test_the_same_seed_gives_the_same_page(fitted, data):
    X, y, _ = data
    few = {"failing": ["c"], "max_rows": 50, "n_worst": 1}
    one = make_report(fitted, X, y, **FAST, **few).html
    assert one == make_report(fitted, X, y, **FAST, **few).html
    assert one != make_report(fitted, X, y, **FAST | {"random_state": 1}, **few).html


def test_a_single_row_is_one_row(fitted, data):
    page = make_report(fitted, data[0][:1], failing=["b"], **FAST)
    assert repr(page).startswith("<EMMAClassifier on 1 row: ")


def test_without_targets_it_shows_attention(fitted, data):
    report = make_report(fitted, data[0], failing=["b"], **FAST)
    assert report.curves == {}
    assert "the attention of all modes" in report.html
    assert "true is" not in report.html


def test_no_mode_needs_to_fail(fitted, data):
    X, y, _ = data
    html = make_report(fitted, X, y, failing=[], n_worst=0, **FAST).html
    assert "If a mode failed" not in html
    assert "the score is <b>" in html


def test_many_rows_are_thinned_for_curves_alone(fitted, data):
    X, y, _ = data
    many = np.concatenate([X] * 3)
    for of_many in (np.concatenate([y] * 3), None):
        report = make_report(fitted, many, of_many, max_rows=40, failing=["c"], **FAST)
        assert "on 450 rows" in repr(report)


def test_a_file_holds_the_page(report, tmp_path):
    path = report.save(tmp_path / "report.html")
    assert path.read_text(encoding="utf-8") == report.html
    assert report.save(str(path)) == path


def test_every_container_gives_the_same_findings(fitted, data):
    X, y, _ = data
    names = list("uvwxyz")
    frame = pd.DataFrame(X, columns=names)
    few = {"failing": ["b"], "n_worst": 2, "max_rows": 20, **FAST}
    expected = make_report(fitted, X, y, **few)
    found = make_report(fitted, X.tolist(), y, **few)
    pd.testing.assert_frame_equal(found.modes, expected.modes)
    framed = clone(fitted).fit(frame, y)
    for given in (frame, pl.DataFrame(frame)):
        found = make_report(framed, given, y, **few)
        np.testing.assert_allclose(found.modes, expected.modes)


def test_models_around_the_classifier_answer_in_its_place(data):
    X, y, _ = data
    y = (y > y.min()).astype(int)
    emma = helpers.quick(modes=helpers.UNEQUAL_MODES, epochs=1)
    few = {"failing": ["b"], "n_worst": 150, **FAST}
    threshold = FixedThresholdClassifier(emma, threshold=0.99).fit(X, y)
    found = make_report(threshold, X, y, **few)
    assert "FixedThresholdClassifier on" in repr(found)
    rows = found.rows.sort_index()
    np.testing.assert_array_equal(rows["", "prediction"], threshold.predict(X))
    piped = make_pipeline(StandardScaler(), emma).fit(X, y)
    found = make_report(piped, X, y, **few)
    np.testing.assert_allclose(found.curves["b"].mean[0], piped.score(X, y))


def test_a_regressor_has_a_page_too(data):
    X = data[0]
    regressor = helpers.quick_regressor(max_iter=1).fit(X, X[:, 0])
    report = make_report(regressor, X, X[:, 0], failing=["a"], **FAST)
    assert "R² is <b>" in report.html
    assert "Predictions are right" not in report.html


def test_what_cannot_be_reported_is_named(fitted, data):
    X, y, _ = data
    for bad in ({"alpha": 1}, {"n_worst": -1}, {"n_repeats": 0}, {"max_rows": 0}):
        (name,) = bad
        with pytest.raises(ValueError, match=f"'{name}' parameter of make_report"):
            make_report(fitted, X, y, **bad)
    with pytest.raises(ValueError, match=r"'failing' .* of make_report must be an arr"):
        make_report(fitted, X, y, failing="b")
    with pytest.raises(ValueError, match="There is no mode 'sonar'"):
        make_report(fitted, X, y, failing=["sonar"])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make_report(fitted, X, y[:-1])
    with pytest.raises(NotFittedError):
        make_report(clone(fitted), X, y)
    with pytest.raises(TypeError, match="got StandardScaler"):
        make_report(StandardScaler().fit(X), X)
