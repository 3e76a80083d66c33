"""The page of a report: well-formed, safe, and its sentences say what was counted."""

import dataclasses
from html.parser import HTMLParser

import numpy as np
import pytest

from sklearn_emma.report._page import document, fragment, in_words
from sklearn_emma.robustness import RobustnessCurve

VOID = {"meta", "br", "img", "hr", "link", "input"}


class Parser(HTMLParser):
    """Elements of a page; fails where one is closed that is not open."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.text.append(text)


@pytest.fixture(scope="module")
def content(report):
    return report._content


def changed(content, **found):
    findings = dataclasses.replace(content.findings, **found)
    return dataclasses.replace(content, findings=findings)


def test_every_element_is_closed_and_none_runs_or_loads_anything(content):
    page = Parser(document(content))
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("src", "href"):
            assert value.startswith("data:image/svg+xml;base64,")
    assert "url(" not in document(content)
    assert ("name", "viewport") in page.attributes
    assert ("charset", "utf-8") in page.attributes


def test_names_and_values_of_the_user_are_shown_not_obeyed(content):
    assert "left & <right>" in Parser(document(content)).text
    assert "right" not in Parser(document(content)).tags
    rows = content.findings.rows.copy()
    rows["", "prediction"] = "<script>alert(1)</script>"
    rows.index = ["<b>"] * len(rows)
    title = dataclasses.replace(changed(content, rows=rows), title="</title><i>")
    page = Parser(document(title))
    assert not {"script", "i"} & set(page.tags) - {"i"}
    assert "<script>alert(1)</script>" in page.text
    assert "Row <b>" in page.text
    assert "</title><i>" in page.text


def test_a_notebook_gets_one_element_without_a_page_around_it(content):
    html = fragment(content)
    assert not {"html", "head", "body", "title"} & set(Parser(html).tags)
    assert html in document(content)


def test_headings_do_not_skip_a_level(content):
    levels = [
        int(t[1]) for t in Parser(document(content)).tags if t in ("h1", "h2", "h3")
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) == 1


def test_sentences_count_alarms_and_what_they_meant(content):
    n = len(content.findings.rings)
    rings = np.arange(n) < 4
    right = np.arange(n) != 0
    modes = content.findings.modes.assign(n_alarms=[0, 1, 3])
    said = in_words(changed(content, rings=rings, right=right, modes=modes))
    assert said[1] == (
        "<b>4</b> rows raised an alarm (c 3, b 1). If all of them were clean, about "
        f"{0.05 * n:.2g} would be expected of each mode, 5% of the rows."
    )
    assert said[2] == (
        "Predictions are right in 75.0% of the rows with an alarm, and in 100.0% of "
        "the others."
    )


def test_the_mode_that_costs_most_is_named(content):
    def curve(mode, last):
        scores = np.array([[0.9], [last]])
        return RobustnessCurve(
            np.array([0.0, 4.0]), scores, mode, "GaussianNoise", "F1"
        )

    curves = {"b": curve("b", 0.8), "c": curve("c", 0.6)}
    said = in_words(dataclasses.replace(content, curves=curves, score=("F1", 0.9)))
    assert said[0].endswith("F1 is <b>0.900</b>.")
    assert said[-1] == (
        "The mode that is missed most is <b>c</b>: under noise of 4 training standard "
        "deviations on all of it, F1 goes from 0.900 to 0.600."
    )


def test_a_mode_whose_alarm_cannot_ring_is_named(content):
    assert "No alarm can ring" not in fragment(content)
    rare = fragment(dataclasses.replace(content, alpha=1e-4))
    assert "<b>No alarm can ring</b> for left &amp; &lt;right&gt;, b, c" in rare
    assert "takes 9999 clean rows" in rare


def test_missing_modes_and_alarms_are_said_in_the_rows(content):
    rows = content.findings.rows.copy()
    rows["c", "missing"] = True
    rows["b", "failing"], rows["b", "p_value"] = True, 0.0123
    html = fragment(changed(content, rows=rows))
    assert html.count("<td>missing</td>") == len(rows)
    assert html.count('<span class="rings">0.012 alarm</span>') == len(rows)
