"""How a report looks in a real browser: on a phone, on a desk and on paper."""

import pytest

# Elements that reach beyond the right edge, or whose own text does not fit them.
CUT = """
const cut = [...d.querySelectorAll('.emma-report *')].filter(e =>
  e.getBoundingClientRect().right > w.innerWidth + 1 ||
  e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1);
return {width: d.documentElement.scrollWidth, window: w.innerWidth,
        cut: cut.map(e => e.outerHTML.slice(0, 60))};
"""


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_cut_off_at_any_width(report, measure, width):
    said = measure(report.html, width, CUT)
    assert said["window"] == width
    assert said["width"] <= width
    assert said["cut"] == []


def test_text_on_a_phone_is_as_large_as_on_a_desk(report, measure):
    script = """
    const size = e => parseFloat(getComputedStyle(e).fontSize);
    const all = [...d.querySelectorAll('.emma-report *')].filter(e => e.innerText);
    return {least: Math.min(...all.map(size)),
            titles: ['h1', 'h2', 'h3', 'p'].map(t => size(d.querySelector(t)))};
    """
    said = measure(report.html, 390, script)
    assert said["least"] >= 14
    assert said["titles"] == sorted(said["titles"], reverse=True)
    assert len(set(said["titles"][:3])) == 3


def test_every_image_is_shown_and_nothing_is_fetched(report, measure):
    script = """
    const images = [...d.images];
    return {shown: images.map(i => i.complete && i.naturalWidth > 100),
            told: images.map(i => i.alt.length > 10),
            fetched: w.performance.getEntriesByType('resource').map(r => r.name)
              .filter(name => !name.startsWith('data:'))};
    """
    said = measure(report.html, 390, script)
    assert said["shown"] == [True] * 5  # training, these rows and three modes
    assert all(said["told"])
    assert said["fetched"] == []


def test_words_can_be_told_from_the_page(report, measure):
    script = """
    const light = c => { const [r, g, b] = c.match(/\\d+/g).map(v => v / 255).map(
      v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
      return .2126 * r + .7152 * g + .0722 * b; };
    const of = s => light(getComputedStyle(d.querySelector(s)).color);
    return ['.emma-report', '.small', '.rings'].map(s => 1.05 / (of(s) + .05));
    """
    assert min(measure(report.html, 390, script)) > 4.5  # as the WCAG asks for text


def test_it_leaves_the_notebook_around_it_alone(report, measure):
    around = '<h1 id="outer">Notebook</h1><table><td id="cell">1</td></table>'
    script = """
    const s = getComputedStyle(d.getElementById('outer'));
    const t = getComputedStyle(d.getElementById('cell'));
    return [s.fontSize, s.color, s.fontFamily, t.padding, t.borderBottomWidth];
    """
    with_report = measure(around + report._repr_html_(), 800, script)
    assert with_report == measure(around, 800, script)


def test_cards_and_figures_are_not_torn_between_printed_pages(
    report, chromium, tmp_path
):
    page, printed = report.save(tmp_path / "report.html"), tmp_path / "report.pdf"
    chromium(f"--print-to-pdf={printed}", page.as_uri())
    n_pages = printed.read_bytes().count(b"/Type /Page\n")
    assert 2 <= n_pages <= 5
