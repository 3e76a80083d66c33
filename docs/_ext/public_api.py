"""The API reference follows the code: a page for each public module, from ``__all__``.

A module that appears in the package appears in the reference with the next build; there
is no second list of names to keep.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
import shutil
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import sklearn_emma

EXAMPLES = Path(__file__).parents[2] / "examples"

PAGE = """\
{underline}
{name}
{underline}

.. automodule:: {name}
   :no-members:

.. currentmodule:: {name}
"""
SECTION = """
{title}
{underline}

.. autosummary::
   :toctree: objects
   :nosignatures:

   {names}
"""


MODULE = """
:mod:`{name}`
{underline}

{summary}

.. currentmodule:: {name}

.. autosummary::
   :nosignatures:

   {names}
"""

# The page of the user guide that says how a thing is used; of a module for the rest.
GUIDES = {
    "sklearn_emma.EMMAClassifier": "user_guide/index",
    "sklearn_emma.EMMARegressor": "user_guide/regression",
    "sklearn_emma.EMMAGate": "extending/attention",
    "sklearn_emma.PotentialEnergyTransformer": "user_guide/energies",
    "sklearn_emma.ConvolutionalEnergy": "user_guide/shapes",
    "sklearn_emma.EncodedEnergy": "user_guide/shapes",
    "sklearn_emma.OctaveEnergy": "user_guide/shapes",
    "sklearn_emma.Mode": "user_guide/shapes",
    "sklearn_emma.pack_modes": "user_guide/shapes",
    "sklearn_emma.alignment": "user_guide/alignment",
    "sklearn_emma.attention": "user_guide/attention",
    "sklearn_emma.corruption": "user_guide/corruption",
    "sklearn_emma.energies": "user_guide/energies",
    "sklearn_emma.inspection": "user_guide/results",
    "sklearn_emma.losses": "user_guide/losses",
    "sklearn_emma.model_selection": "user_guide/model_selection",
    "sklearn_emma.metrics": "user_guide/model_selection",
    "sklearn_emma.monitoring": "user_guide/alarms",
    "sklearn_emma.plotting": "user_guide/robustness",
    "sklearn_emma.predictors": "user_guide/predictors",
    "sklearn_emma.report": "user_guide/report",
    "sklearn_emma.robustness": "user_guide/robustness",
    "sklearn_emma.windows": "user_guide/windows",
}
# Headings in a long list of parameters, by the first parameter below each.
GROUPS = {
    "modes": "Modes",
    "energy_estimator": "Energies and attention",
    "predictor": "Predictor and simulated failures",
    "max_iter": "Training",
    "loss": "Loss",
    "callbacks": "Around the training",
}
MANY_PARAMETERS = 20


def public_modules() -> list[str]:
    """Names of the package and of its public modules, in alphabetical order."""
    names = [module.name for module in pkgutil.iter_modules(sklearn_emma.__path__)]
    public = sorted(name for name in names if not name.startswith("_"))
    return ["sklearn_emma", *(f"sklearn_emma.{name}" for name in public)]


def reference_page(module: ModuleType) -> str:
    """Source of a module's page: its docstring, then tables of what is in it."""
    names = sorted(module.__all__)
    classes = [name for name in names if inspect.isclass(getattr(module, name))]
    functions = [name for name in names if name not in classes]
    page = PAGE.format(name=module.__name__, underline="=" * len(module.__name__))
    for title, members in [("Classes", classes), ("Functions", functions)]:
        if members:
            page += SECTION.format(
                title=title,
                underline="-" * len(title),
                names="\n   ".join(members),
            )
    return page


def index_lines(module: ModuleType) -> str:
    """Source of a module's part of the index: a line for each name."""
    title = f":mod:`{module.__name__}`"
    return MODULE.format(
        name=module.__name__,
        underline="-" * len(title),
        summary=(inspect.getdoc(module) or "").partition("\n")[0],
        names="\n   ".join(sorted(module.__all__)),
    )


def own_methods(fullname: str) -> list[str]:
    """Public methods of a class that are written in this package, by name."""
    module, _, name = fullname.rpartition(".")
    cls, found = getattr(import_module(module), name), []
    for member in dir(cls) if inspect.isclass(cls) else []:
        raw = inspect.getattr_static(cls, member)
        function = getattr(raw, "__func__", raw)
        if member.startswith("_") or not inspect.isroutine(function):
            continue
        written = getattr(inspect.unwrap(function), "__module__", None) or ""
        if written.partition(".")[0] == "sklearn_emma" and member != "set_output":
            found.append(member)
    return found


def examples_use(name: str) -> bool:
    """Whether one of the examples uses a class or function of that name."""
    return any(
        re.search(rf"\b{name}\b", path.read_text("utf-8").split('"""', 2)[-1])
        for path in EXAMPLES.glob("plot_*.py")
    )


def group_parameters(app: Any, doctree: Any) -> None:
    """Put headings into long lists of parameters."""
    from docutils import nodes  # not there where only the tests are installed

    for items in list(doctree.findall(nodes.definition_list)):
        names = [item[0].astext().partition(" ")[0].rstrip(":") for item in items]
        if len(names) < MANY_PARAMETERS or names[0] not in GROUPS:
            continue
        parts: list[Any] = []
        for name, item in zip(names, list(items), strict=True):
            if name in GROUPS:
                heading = nodes.paragraph(classes=["parameter-group"])
                heading += nodes.strong(text=GROUPS[name])
                parts += [heading, nodes.definition_list(classes=items["classes"])]
            parts[-1] += item.deepcopy()
        items.replace_self(parts)


def examples_first(app: Any, doctree: Any) -> None:
    """Put the examples of a class above its parameters where these are many."""
    from docutils import nodes

    for rubric in list(doctree.findall(nodes.rubric)):
        content, fields = rubric.parent, nodes.field_list
        before = content.children[: content.index(rubric)]
        where = next((i for i, n in enumerate(before) if isinstance(n, fields)), None)
        if rubric.astext() != "Examples" or where is None:
            continue
        if len(list(before[where].findall(nodes.definition_list_item))) < (
            MANY_PARAMETERS
        ):
            continue
        moved = [rubric]
        for node in content.children[len(before) + 1 :]:
            if not isinstance(node, nodes.paragraph | nodes.doctest_block):
                break
            moved.append(node)
        for node in moved:
            content.remove(node)
        content[where:where] = moved


def write_reference(app: Any, config: Any) -> None:
    """Write the pages anew, and have autosummary write one for each name on them."""
    folder = Path(app.srcdir) / "generated" / "api"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config.autosummary_generate = []
    (folder.parent / "lines.txt").write_text(
        "".join(index_lines(import_module(name)) for name in public_modules()),
        encoding="utf-8",
    )
    names = {
        f"{name}.{public}": public
        for name in public_modules()
        for public in import_module(name).__all__
    }
    config.autosummary_context = {
        "guides": GUIDES,
        "own_methods": {full: own_methods(full) for full in names},
        "in_examples": [full for full, name in names.items() if examples_use(name)],
    }
    for name in public_modules():
        path = folder / f"{name}.rst"
        path.write_text(reference_page(import_module(name)), encoding="utf-8")
        config.autosummary_generate.append(str(path))


def skip_tuple_fields(
    app: Any, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out "Alias for field number 0"; the class explains its fields."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def without_references_to_others(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Inherited docstrings refer to scikit-learn's glossary: keep the text alone."""
    for i, line in enumerate(lines):
        line = re.sub(r":term:`([^`<]+?)(?: <[^`]+>)?`", r"*\1*", line)
        lines[i] = re.sub(r":ref:`([^`<]+?) <metadata_routing>`", r"\1", line)


def setup(app: Any) -> dict[str, bool]:
    """Write before Sphinx looks which pages there are."""
    app.connect("config-inited", write_reference)
    app.connect("doctree-read", examples_first)
    app.connect("doctree-read", group_parameters)
    app.connect("autodoc-skip-member", skip_tuple_fields)
    app.connect("autodoc-process-docstring", without_references_to_others)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
