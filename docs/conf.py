"""How the site is built: ``python -m sphinx -W -b html docs docs/_build/html``."""

import shutil
import sys
from pathlib import Path

import sklearn_emma

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "sklearn_emma"
author = "The sklearn_emma developers"
copyright = author
version = release = sklearn_emma.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "public_api",  # ours, see _ext
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",  # serves MathJax from this site instead of a network
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = [
    "_build",
    "_gallery_header.rst",
    "generated/backreferences",
]

# -- Text ------------------------------------------------------------------------------
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
myst_update_mathjax = False  # its settings are for a version that we do not serve
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

# A name in a role that does not exist is a warning, and so an error. Other projects'
# names cannot be looked up without a network.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(sklearn|torch|numpy|np|pandas|skorch|joblib|matplotlib|os)(\..*)?")
]

# -- API reference ---------------------------------------------------------------------
autodoc_typehints = "none"  # the docstrings say more, with shapes
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False

# -- Mathematics -----------------------------------------------------------------------
math_eqref_format = "({number})"
# Underscores in \text need an extension of MathJax.
mathjax3_config = {
    "loader": {"load": ["[tex]/textmacros"]},
    "tex": {"packages": {"[+]": ["textmacros"]}},
}

# -- Gallery ---------------------------------------------------------------------------
# Examples are run from a copy: what they write does not end up among the sources, and
# the benchmarks beside them, which are not part of the gallery, stay out.
EXAMPLES = HERE.parent / "examples"
STAGED = HERE / "_build" / "examples"
shutil.rmtree(STAGED, ignore_errors=True)
STAGED.mkdir(parents=True)
shutil.copy(HERE / "_gallery_header.rst", STAGED / "GALLERY_HEADER.rst")
# Examples lie in one folder, and are shown in groups; most of them in the second.
GROUPS = {
    "start": "Start here",
    "data": "Your data and your models",
    "thesis": "The experiments of the thesis",
    "torch": "Torch and training",
}
GROUP_OF = {
    **dict.fromkeys(["01", "14"], "start"),
    **dict.fromkeys(["02", "03", "04", "05", "06", "07", "08", "16"], "thesis"),
    **dict.fromkeys(["11", "12", "15", "24", "25", "26"], "torch"),
}
for group, heading in GROUPS.items():
    (STAGED / group).mkdir()
    header = f"{heading}\n{'-' * len(heading)}\n"
    (STAGED / group / "GALLERY_HEADER.rst").write_text(header, encoding="utf-8")
for script in EXAMPLES.glob("plot_*.py"):
    shutil.copy(script, STAGED / GROUP_OF.get(script.stem.split("_")[1], "data"))

sphinx_gallery_conf = {
    "examples_dirs": "_build/examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "ignore_pattern": r"^(?!plot_)",  # helpers of examples are not examples
    "subsection_order": [f"_build/examples/{group}" for group in GROUPS],
    "nested_sections": False,
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_emma",),
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "plot_gallery": "True",
}

# -- HTML ------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = f"sklearn_emma {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_favicon = "_static/favicon.svg"
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "sklearn_emma"},
    "navbar_align": "left",
    "navbar_persistent": [],
    "navbar_end": ["search-button", "theme-switcher"],
    "header_links_before_dropdown": 7,
    "show_prev_next": True,
    "navigation_with_keys": False,
    "primary_sidebar_end": [],
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
# The whole site beside every page; the theme's own shows the chapter alone, if that.
html_sidebars = {"**": ["site-nav"], "index": []}
