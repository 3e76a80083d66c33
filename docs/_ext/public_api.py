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


def write_reference(app: Any, config: Any) -> None:
    """Write the pages anew, and have autosummary write one for each name on them."""
    folder = Path(app.srcdir) / "generated" / "api"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config.autosummary_generate = []
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
    app.connect("autodoc-skip-member", skip_tuple_fields)
    app.connect("autodoc-process-docstring", without_references_to_others)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
