"""Every Display draws what `from_estimator(clf, X, y)` asks for, and nothing more."""

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

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
