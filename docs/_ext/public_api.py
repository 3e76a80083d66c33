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


def setup(app: Any) -> dict[str, bool]:
    """Write before Sphinx looks which pages there are."""
    app.connect("config-inited", write_reference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
