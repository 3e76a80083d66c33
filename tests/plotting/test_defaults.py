"""Every Display draws what `from_estimator(clf, X, y)` asks for, and nothing more."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import helpers
from sklearn_emma import plotting
from sklearn_emma.robustness import robustness_curves

X, Y = helpers.three_unequal_modes()
DISPLAYS = [
    getattr(plotting, name)
    for name in plotting.__all__
    if name != "PotentialFieldDisplay"  # of an energy of two features
]


@pytest.fixture(scope="module")
def fitted():
    return helpers.quick(modes=helpers.UNEQUAL_MODES, epochs=1).fit(X, Y)


@pytest.mark.parametrize("display", DISPLAYS)
def test_no_further_arguments_are_needed(display, fitted):
    assert display.from_estimator(fitted, X, Y).figure_ is not None


def test_levels_and_failing_modes_have_defaults(fitted):
    levels = [0, 0.25, 0.5, 1, 2, 4]
    curve = plotting.DistributionCurveDisplay.from_estimator(fitted, X, Y).curve
    np.testing.assert_array_equal(curve.levels, levels)
    assert curve.mode is None
    found = plotting.AttentionMapDisplay.from_estimator(fitted, X, Y).attention_map
    assert found.failing == ("a", "b")
    np.testing.assert_array_equal(found.levels, [levels] * 2)


def test_a_panel_for_each_mode_that_the_columns_name():
    frame = pd.DataFrame(X, columns=["a__0", "a__1", "a__2", "b__0", "b__1", "c__0"])
    draw = plotting.RobustnessCurveDisplay.from_estimator
    options = {"levels": [0, 1], "n_repeats": 1, "random_state": 0}
    piped = make_pipeline(StandardScaler(), GaussianNB())
    display = draw(clone(piped).fit(frame, Y), frame, Y, **options)
    assert [curve.mode for curve in display.curves["Pipeline"]] == ["a", "b", "c"]
    # Where the names say one mode, or one for each column, all columns fail at once.
    for names in (["a__" + c for c in "012345"], [c + "__a" for c in "012345"]):
        renamed = frame.set_axis(names, axis=1)
        display = draw(clone(piped).fit(renamed, Y), renamed, Y, **options)
        assert display.curves["Pipeline"].mode is None


def test_estimators_of_a_list_are_named_by_their_classes(fitted):
    bayes = GaussianNB().fit(X, Y)
    options = {"levels": [0], "n_repeats": 1, "random_state": 0}
    curves = robustness_curves([fitted, bayes], X, Y, **options)
    assert list(curves) == ["EMMAClassifier", "GaussianNB"]
    curves = robustness_curves([bayes, fitted, bayes], X, Y, **options)
    names = ["GaussianNB 1", "EMMAClassifier", "GaussianNB 2"]
    assert list(curves) == names
    display = plotting.RobustnessCurveDisplay.from_estimators(
        [fitted, bayes], X, Y, **options
    )
    assert list(display.lines_) == ["EMMAClassifier", "GaussianNB"]


@pytest.mark.parametrize("display", DISPLAYS)
def test_errors_name_the_method_that_was_called(display, fitted):
    called = rf"{display.__name__}\.from_estimator\(\) got an unexpected .*'noise'"
    with pytest.raises(TypeError, match=called):
        display.from_estimator(fitted, X, Y, noise=[0, 1])


@pytest.mark.parametrize("name", ["from_estimator", "from_estimators"])
def test_so_do_errors_about_values_and_near_misses(name, fitted):
    method = getattr(plotting.RobustnessCurveDisplay, name)
    given = fitted if name == "from_estimator" else [fitted]
    with pytest.raises(ValueError, match=rf"'n_repeats' .* RobustnessCurve.*\.{name} "):
        method(given, X, Y, n_repeats=0)
    with pytest.raises(TypeError, match=rf"{name}\(\) .* Did you mean 'scoring'?"):
        method(given, X, Y, scoring_="f1")


@pytest.mark.parametrize("display", DISPLAYS)
def test_an_estimator_that_is_not_fitted_says_so(display, fitted):
    with pytest.raises(NotFittedError):
        display.from_estimator(clone(fitted), X, Y)


def test_sensor_health_too_names_the_method_that_was_called(fitted):
    draw = plotting.SensorHealthDisplay.from_estimator
    with pytest.raises(ValueError, match=r"'run_length' .* SensorHealth.*estimator "):
        draw(fitted, X, run_length=0)
    with pytest.raises(ValueError, match=r"'estimator' .* SensorHealthDisplay\.from_"):
        draw(StandardScaler().fit(X), X)
