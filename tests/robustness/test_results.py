"""Results: what they hold, what they derive, and which may be drawn together."""

import dataclasses

import numpy as np
import pytest

from sklearn_emma.robustness import AttentionMap, DistributionCurve, RobustnessCurve
from sklearn_emma.robustness._results import check_comparable, check_named


def curve(mode="radar", corruption="Bias", score_name="F1"):
    scores = np.array([[1.0, 1.0, 1.0], [0.2, 0.5, 0.8]])
    return RobustnessCurve(np.array([0.0, 2.0]), scores, mode, corruption, score_name)


def test_mean_and_deviation_are_over_the_repeats_of_each_level():
    np.testing.assert_allclose(curve().mean, [1.0, 0.5])
    np.testing.assert_allclose(curve().std, [0.0, (2 * 0.3**2 / 3) ** 0.5])


@pytest.mark.parametrize("kind", [RobustnessCurve, DistributionCurve, AttentionMap])
def test_a_result_stays_as_it_was_computed(kind):
    result = kind(*range(len(dataclasses.fields(kind))))
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.levels = None


def test_curves_of_one_kind_may_be_drawn_together():
    first, second = curve(), curve()
    assert check_comparable({"b": first, "a": second}) is first


@pytest.mark.parametrize(
    "other",
    [{"mode": "lidar"}, {"mode": None}, {"corruption": "Gain"}, {"score_name": "R²"}],
)
def test_curves_that_differ_in_kind_are_named_with_it(other):
    pattern = r"same mode, corruption and score; got one: \('radar', .*, two: \("
    with pytest.raises(ValueError, match=pattern):
        check_comparable({"one": curve(), "two": curve(**other)})


@pytest.mark.parametrize("given, kind", [([1], "list"), (None, "NoneType"), (3, "int")])
def test_what_is_no_dict_is_named_with_its_type(given, kind):
    culprit = f"`curves` must be a dict of name to RobustnessCurve, got a {kind}"
    with pytest.raises(TypeError, match=culprit):
        check_comparable(given)


def test_an_empty_dict_is_named():
    with pytest.raises(ValueError, match="`models` is empty: give at least one model"):
        check_named({}, "models", "model")
