"""What to put into a bug report."""

from __future__ import annotations

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version

import torch

from sklearn_emma._version import __version__


def show_versions() -> None:
    """Print the versions of Python, the package and its dependencies, and the devices.

    Paste what it prints into a bug report.

    See Also
    --------
    sklearn.show_versions : More about scikit-learn and its numerical libraries.

    Examples
    --------
    >>> import sklearn_emma
    >>> sklearn_emma.show_versions()  # doctest: +ELLIPSIS
    <BLANKLINE>
    System:
          python: ...
    """
    system = {"python": sys.version.replace("\n", " "), "machine": platform.platform()}
    devices = {"threads": str(torch.get_num_threads()), "cuda": _cuda()}
    packages = {"sklearn_emma": __version__} | {n: _version(n) for n in _dependencies()}
    parts = {"System": system, "Packages": packages, "Torch": devices}
    for title, lines in parts.items():
        print(f"\n{title}:")
        for name, value in lines.items():
            print(f"{name:>12}: {value}")


def _dependencies() -> list[str]:
    """Names of the required packages and of matplotlib, as they are published."""
    try:
        required = requires("sklearn-emma") or []
    except PackageNotFoundError:  # run from a folder that was never installed
        required = []
    always = {re.split(r"[><=; ]", line)[0] for line in required if "extra" not in line}
    return sorted(always | {"matplotlib"})


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _cuda() -> str:
    if not torch.cuda.is_available():
        return "no device"
    return f"{torch.version.cuda}, {torch.cuda.get_device_name()}"
