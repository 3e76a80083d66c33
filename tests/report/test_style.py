"""How a report looks in a real browser: on a phone, on a desk and on paper."""

import pytest

WIDTHS = [320, 390, 1280]
SIZES = """
const size = e => parseFloat(getComputedStyle(e).fontSize);
const all = [...d.querySelectorAll('.emma-report *')];
const light = c => { const [r, g, b] = c.match(/\\d+/g).map(v => v / 255).map(
  v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b; };
const colour = s => light(getComputedStyle(d.querySelector(s)).color);
return {
  window: w.innerWidth, width: d.documentElement.scrollWidth,
  cut: all.filter(e => e.getBoundingClientRect().right > w.innerWidth + 1 ||
    e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
    .map(e => e.outerHTML.slice(0, 60)),
  least: Math.min(...all.filter(e => e.innerText).map(size)),
  titles: ['h1', 'h2', 'h3', 'p'].map(t => size(d.querySelector(t))),
  shown: [...d.images].map(i => i.complete && i.naturalWidth > 100),
  told: [...d.images].map(i => i.alt.length > 10),
  fetched: w.performance.getEntriesByType('resource').map(r => r.name)
    .filter(name => !name.startsWith('data:')),
  contrast: ['.emma-report', '.small', '.rings'].map(s => 1.05 / (colour(s) + .05)),
};
"""
AROUND = '<h1 id="outer">Notebook</h1><table><td id="cell">1</td></table>'
OUTSIDE = """
const s = getComputedStyle(d.getElementById('outer'));
const t = getComputedStyle(d.getElementById('cell'));
return [s.fontSize, s.color, s.fontFamily, t.padding, t.borderBottomWidth];
"""


@pytest.fixture(scope="module")
def seen(report, measure):
    """What the browser says of the page at each width, and around it."""
    pages = {width: (report.html, width, SIZES) for width in WIDTHS}
    pages["without"] = (AROUND, 800, OUTSIDE)
    pages["with"] = (AROUND + report._repr_html_(), 800, OUTSIDE)
    return measure(pages)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off_at_any_width(seen, width):
    assert seen[width]["window"] == width
    assert seen[width]["width"] <= width
    assert seen[width]["cut"] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_text_is_large_enough_and_headings_are_in_order(seen, width):
    assert seen[width]["least"] >= 14
    titles = seen[width]["titles"]
    assert titles == sorted(titles, reverse=True)
    assert len(set(titles[:3])) == 3


def test_every_image_is_shown_and_told_and_nothing_is_fetched(seen):
    assert seen[390]["shown"] == [True] * 5  # training, these rows and three modes
    assert all(seen[390]["told"])
    assert seen[390]["fetched"] == []


def test_words_can_be_told_from_the_page(seen):
    assert min(seen[390]["contrast"]) > 4.5  # as the WCAG asks for text


def test_it_leaves_the_notebook_around_it_alone(seen):
    assert seen["with"] == seen["without"]


def test_it_prints_on_a_few_pages(report, chromium, tmp_path):
    page, printed = report.save(tmp_path / "report.html"), tmp_path / "report.pdf"
    chromium(f"--print-to-pdf={printed}", page.as_uri())
    n_pages = printed.read_bytes().count(b"/Type /Page\n")
    assert 2 <= n_pages <= 6
