"""A report of a small classifier, and a browser to look at it, where there is one."""

import json
import re
import shutil
import subprocess
from html import escape, unescape

import numpy as np
import pytest

import helpers
from sklearn_emma.report import make_report

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
MODES = {"left & <right>": [0, 1, 2], "b": [3, 4], "c": [5]}


@pytest.fixture(scope="package")
def data():
    """X (n, 6) of three modes and y; "b" is broken in the first four rows."""
    X, y = helpers.three_unequal_modes()
    broken = X.copy()
    broken[:4, 3:5] += 50
    broken[4:7, 5] = np.nan
    return X, y, broken


@pytest.fixture(scope="package")
def fitted(data):
    X, y, _ = data
    return helpers.quick(modes=MODES, epochs=2).fit(X, y)


@pytest.fixture(scope="package")
def report(fitted, data):
    _, y, broken = data
    return make_report(fitted, broken, y, alpha=0.05, n_repeats=1, random_state=0)


@pytest.fixture(scope="package")
def chromium(tmp_path_factory):
    """Run Chromium without a window: options and an address to its output."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(CHROMIUM)} is installed")
    home = tmp_path_factory.mktemp("browser")
    fixed = [program, "--headless", "--no-sandbox", "--disable-gpu"]
    fixed += [f"--user-data-dir={home}", "--host-resolver-rules=MAP * ~NOTFOUND"]

    def run(*options):
        ran = subprocess.run(
            [*fixed, *options], capture_output=True, text=True, timeout=60, check=True
        )
        return ran.stdout

    return run


@pytest.fixture(scope="package")
def measure(chromium, tmp_path_factory):
    """Show pages in frames, and return what a script says in each of them.

    All at once, since a browser takes longer to start than to show anything.
    """
    folder = tmp_path_factory.mktemp("pages")

    def measured(pages):
        """Pages by name: HTML, width, and the body of a function of window w."""
        frames = "".join(
            f'<iframe style="width:{width}px;height:800px;border:0" '
            f'srcdoc="{escape(html)}"></iframe>'
            for html, width, _ in pages.values()
        )
        scripts = ",".join(
            f"(w => {{ const d = w.document; {script} }})(frames[{i}])"
            for i, (_, _, script) in enumerate(pages.values())
        )
        page = folder / "frames.html"
        page.write_text(
            f'<body>{frames}<pre id="said"></pre><script>onload = () => {{'
            "document.getElementById('said').textContent ="
            f"JSON.stringify([{scripts}]); }}</script>",
            encoding="utf-8",
        )
        shown = chromium("--dump-dom", page.as_uri())
        said = re.search(r'<pre id="said">(.*?)</pre>', shown, re.DOTALL)
        return dict(zip(pages, json.loads(unescape(said[1])), strict=True))

    return measured
