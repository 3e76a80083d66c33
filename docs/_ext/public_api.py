"""The API reference follows the code: one page for each public module, from its ``__all__``.

A module that appears in the package appears in the reference with the next build; there is
no second list of names to keep.
"""

from __future__ import annotations

import inspect
import pkgutil
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
    return ["sklearn_emma"] + sorted(
        f"sklearn_emma.{module.name}"
        for module in pkgutil.iter_modules(sklearn_emma.__path__)
        if not module.name.startswith("_")
    )


def reference_page(module: ModuleType) -> str:
    """Source of the module's page: its docstring, then tables of classes and functions."""
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


def write_reference(app: Any) -> None:
    """Write the pages anew; names that are no longer public lose theirs."""
    folder = Path(app.srcdir) / "generated" / "api"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in public_modules():
        page = reference_page(import_module(name))
        (folder / f"{name}.rst").write_text(page, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Run before autosummary's own step, which has the priority 500."""
    app.connect("builder-inited", write_reference, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
