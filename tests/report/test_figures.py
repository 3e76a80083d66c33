"""Figures of a report: images that need nothing beside them, and say what they show."""

import base64
import re

import matplotlib.pyplot as plt
import numpy as np

from sklearn_emma.report._figures import (
    attention_curve_figures,
    attention_figures,
    score_figures,
)
from sklearn_emma.robustness import RobustnessCurve, attention_curve


def curve(scores):
    levels = np.array([0.0, 1.0, 4.0])
    return RobustnessCurve(levels, np.array(scores), "b", "GaussianNoise", "F1")


def drawing(image):
    """SVG of an image."""
    code = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', image)[1]
    return base64.b64decode(code).decode("utf-8")


CURVES = {"b": curve([[0.9, 0.9], [0.7, 0.8], [0.5, 0.5]])}


def test_a_figure_is_an_image_that_stands_in_the_page_and_is_told_in_words():
    (image,) = score_figures(CURVES).values()
    assert image.startswith("<img ")
    assert 'alt="F1: 0.900 at 0, 0.750 at 1, 0.500 at 4."' in image
    assert drawing(image).rstrip().endswith("</svg>")


def test_the_same_findings_give_the_same_image_and_no_open_figure():
    before = plt.get_fignums()
    assert score_figures(CURVES) == score_figures(CURVES)
    assert "<dc:date>" not in drawing(score_figures(CURVES)["b"])
    assert plt.get_fignums() == before


def test_scores_of_all_modes_have_the_same_axis():
    flat = curve([[0.9, 0.9]] * 3)
    alone = score_figures({"a": flat})["a"]
    beside = score_figures({"a": flat, "b": CURVES["b"]})["a"]
    assert drawing(alone) != drawing(beside)


def test_attention_is_told_with_its_means():
    values = {"here": np.array([[1.0, 0.0], [0.5, 0.25]])}
    image = attention_figures(values, ["a", '"b" & c'])["here"]
    assert 'alt="On average: a 0.75, &quot;b&quot; &amp; c 0.12."' in image


def test_without_targets_attention_is_drawn_against_noise(fitted, data):
    found = attention_curve(fitted, data[0], mode="b", levels=[0, 4], n_repeats=1)
    image = attention_curve_figures({"b": found})["b"]
    mean = found.mean[:, found.columns.index("b")]
    assert f"Attention of b: {mean[0]:.2f} at 0, {mean[1]:.2f} at 4." in image
