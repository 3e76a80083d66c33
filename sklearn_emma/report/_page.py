"""The page of a report, from findings and figures: HTML without scripts or links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from sklearn_emma._statistics.conformal import fewest_rows
from sklearn_emma._version import __version__
from sklearn_emma.report._findings import Findings
from sklearn_emma.report._style import STYLE
from sklearn_emma.robustness import RobustnessCurve


@dataclass(frozen=True)
class Content:
    """What stands on the page.

    Figures are images of HTML: ``attention`` by where samples come from, ``failures``
    by the mode that was made to fail; ``curves`` are the scores in them, if y is known.
    """

    title: str
    alpha: float
    findings: Findings
    score: tuple[str, float] | None
    curves: Mapping[str, RobustnessCurve]
    attention: Mapping[str, str]
    failures: Mapping[str, str]


def fragment(content: Content) -> str:
    """The report as one element, for a notebook."""
    parts = [
        f"<h1>{escape(content.title)}</h1>",
        f'<p class="small">Written by sklearn_emma {escape(__version__)}.</p>',
        *_in_short(content),
        *_modes(content),
        *_failures(content),
        *_rows(content),
        *_meaning(content),
    ]
    style, body = f"<style>{STYLE}</style>", "\n".join(parts)
    return f'{style}\n<div class="emma-report" lang="en">\n{body}\n</div>'


def document(content: Content) -> str:
    """The report as a file of its own."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(content.title)}</title>\n"
        "<style>body { margin: 0; background: #fff; }</style>\n"
        f"</head>\n<body>\n{fragment(content)}\n</body>\n</html>\n"
    )


def in_words(content: Content) -> list[str]:
    """What matters most, as sentences in HTML."""
    findings, modes = content.findings, content.findings.modes
    n, rung = len(findings.rings), int(findings.rings.sum())
    said = []
    if content.score is not None:
        name, value = content.score
        said.append(f"On these {n:,} rows, {escape(name)} is <b>{value:.3f}</b>.")
    loud = modes[modes["n_alarms"] > 0].sort_values("n_alarms", ascending=False)
    counted = [f"{escape(m)} {k:,}" for m, k in loud["n_alarms"].items()]
    said.append(
        f"<b>{rung:,}</b> rows raised an alarm"
        + (f" ({', '.join(counted)})" if counted else "")
        + f". If all of them were clean, about {content.alpha * n:.2g} would be "
        f"expected of each mode, {100 * content.alpha:g}% of the rows."
    )
    if findings.right is not None and 0 < rung < n:
        of_loud = findings.right[findings.rings].mean()
        of_rest = findings.right[~findings.rings].mean()
        said.append(
            f"Predictions are right in {of_loud:.1%} of the rows with an alarm, and in "
            f"{of_rest:.1%} of the others."
        )
    if content.curves:
        lost = {m: c.mean[0] - c.mean[-1] for m, c in content.curves.items()}
        mode = max(lost, key=lambda m: lost[m])
        curve = content.curves[mode]
        said.append(
            f"The mode that is missed most is <b>{escape(mode)}</b>: under noise of "
            f"{curve.levels[-1]:g} training standard deviations on all of it, "
            f"{escape(curve.score_name)} goes from {curve.mean[0]:.3f} to "
            f"{curve.mean[-1]:.3f}."
        )
    return said


def _in_short(content: Content) -> list[str]:
    items = "\n".join(f"<li>{sentence}</li>" for sentence in in_words(content))
    return ["<h2>In short</h2>", f"<ul>\n{items}\n</ul>"]


def _modes(content: Content) -> list[str]:
    lines = []
    for mode, told in content.findings.modes.iterrows():
        usual = _number(told["usual_attention"], ".2f")
        lines.append(
            f'<tr><th scope="row">{escape(str(mode))}</th>'
            f"<td>{_bar(told['attention'])}</td><td>{usual}</td>"
            f"<td>{told['n_alarms']:,.0f} ({_number(told['alarms'], '.1%')})</td>"
            f"<td>{told['missing']:.1%}</td></tr>"
        )
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("mode", "attention", "usual", "alarms", "missing")
    )
    note = ""
    needed = fewest_rows(content.alpha)
    rows = content.findings.modes["alarm_rows"]
    silent = [escape(str(mode)) for mode in rows.index[rows < needed]]
    if silent:
        note = (
            f"<p><b>No alarm can ring</b> for {', '.join(silent)}: at a share of false "
            f"alarms of {content.alpha:g}, that takes {needed} clean rows.</p>"
        )
    return [
        "<h2>Which modes were trusted</h2>",
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody>\n</table>",
        note,
        "<p>How attention is distributed, in training and here. White dots are means."
        "</p>",
        _grid(content.attention),
    ]


def _failures(content: Content) -> list[str]:
    figures = {}
    for mode, image in content.failures.items():
        caption = f"{mode} fails"
        curve = content.curves.get(mode)
        if curve is not None:
            first, last = curve.mean[0], curve.mean[-1]
            caption += f": {curve.score_name} {first:.3f} → {last:.3f}"
        figures[caption] = image
    if not figures:
        return []
    what = "the score" if content.curves else "the attention of all modes"
    return [
        "<h2>If a mode failed</h2>",
        f"<p>Each figure shows {what} while noise on one mode of these rows grows. The "
        "unit of noise is the standard deviation that each column had in training; "
        "bands show how much the draws of noise differ"
        + ("." if content.curves else ", or the samples.")
        + "</p>",
        _grid(figures),
    ]


def _grid(images: Mapping[str, str]) -> str:
    """Images with captions, side by side where there is room."""
    figures = [
        f"<figure><figcaption>{escape(caption)}</figcaption>{image}</figure>"
        for caption, image in images.items()
    ]
    return '<div class="figures">\n' + "\n".join(figures) + "\n</div>"


def _rows(content: Content) -> list[str]:
    findings = content.findings
    cards = []
    for i, (label, row) in enumerate(findings.rows.iterrows()):
        lines = [
            _line_of_mode(str(mode), row[mode], findings.extremes[i][str(mode)])
            for mode in findings.modes.index
        ]
        cards.append(
            f'<div class="row"><h3>Row {escape(str(label))}</h3>\n'
            f"<p>{_prediction(row[''])}</p>\n<table><thead><tr>"
            '<th scope="col">mode</th><th scope="col">attention</th>'
            '<th scope="col">energy rank</th><th scope="col">p-value</th>'
            f"</tr></thead>\n<tbody>{''.join(lines)}</tbody></table></div>"
        )
    return [
        "<h2>The most unusual rows</h2>",
        "<p>Those whose least p-value is smallest. Below each mode stand the columns "
        "that are farthest from their training mean, in standard deviations (SD).</p>",
        *cards,
    ]


def _line_of_mode(mode: str, told: pd.Series, extremes: str) -> str:
    if told["missing"]:
        return (
            f'<tr><th scope="row">{escape(mode)}</th><td>{_bar(0.0)}</td>'
            "<td>–</td><td>missing</td></tr>"
        )
    rank = _number(told.get("modal_energy_rank", np.nan), ".0%")
    p = f"{told['p_value']:.2g}"
    if told["failing"]:
        p = f'<span class="rings">{p} alarm</span>'
    return (
        f'<tr><th scope="row">{escape(mode)}</th><td>{_bar(told["attention"])}</td>'
        f"<td>{rank}</td><td>{p}</td></tr>"
        f'<tr><td class="small" colspan="4">{escape(extremes)}</td></tr>'
    )


def _prediction(answers: pd.Series) -> str:
    said = f"Predicted <b>{_value(answers['prediction'])}</b>"
    if "probability" in answers:
        said += f", with a probability of {answers['probability']:.2f}"
    if "truth" in answers:
        said += f"; true is <b>{_value(answers['truth'])}</b>"
    return said + "."


def _meaning(content: Content) -> list[str]:
    meanings = {
        "Mode": "A group of columns that belong together: a sensor, a modality.",
        "Attention": "By what a mode is multiplied before it reaches the predictor: 0 "
        "shuts it out, 1 lets all of it through. <i>Usual</i> is its median on clean "
        "training rows. Compare with that: a mode that tells little has little "
        "attention while nothing fails.",
        "Energy": "How unlikely the values of a mode are, by a model of the training "
        "data. Its <i>rank</i> is the share of clean rows with a lower one.",
        "p-value": "Share of clean rows whose energy is at least as unusual. Its least "
        "value is one in as many clean rows as there are, and one more.",
        "Alarm": f"A p-value of {content.alpha:g} or less. It is false for about that "
        "share of clean values of each mode, if rows are like those of training. It "
        "says that a mode is <i>unusual</i>, not why; and if all modes have moved away "
        "from training together, many alarms ring.",
        "Missing": "Rows in which no column of the mode has a value. It then gets no "
        "attention, and raises no alarm.",
    }
    told = "\n".join(f"<dt>{k}</dt><dd>{v}</dd>" for k, v in meanings.items())
    return ["<h2>What the numbers mean</h2>", f"<dl>\n{told}\n</dl>"]


def _bar(share: float) -> str:
    if np.isnan(share):
        return "–"
    width = 100 * min(max(share, 0.0), 1.0)
    return f'{share:.2f}<span class="bar"><i style="width:{width:.0f}%"></i></span>'


def _number(value: float, form: str) -> str:
    return "–" if np.isnan(value) else format(value, form)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_value(one) for one in value)
    is_real = isinstance(value, float | np.floating)
    return escape(f"{value:.4g}" if is_real else str(value))
