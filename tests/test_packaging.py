"""What is promised of dependencies: all are declared, and lower bounds are tested."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def pinned(name):
    lines = (ROOT / name).read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return dict(pairs)


def test_lower_bounds_are_the_oldest_versions_that_are_tested():
    required = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["plot"]]
    bounds = dict(line.split(">=") for line in required)
    oldest = pinned("constraints-min.txt")
    assert bounds == {name: oldest.get(name) for name in bounds}


@pytest.mark.parametrize("extra", ["tests", "docs", "plot", "dask", "onnx", "skops"])
def test_every_dependency_has_a_version_that_the_tests_run_with(extra):
    required = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"][extra]]
    names = {line.split(">=")[0].partition("[")[0] for line in required}
    assert names <= set(pinned("constraints.txt"))


# Where the module is not called as the distribution is.
DISTRIBUTION = {"sklearn": "scikit-learn"}


def imported(path):
    """Names of the packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def test_everything_that_the_package_imports_is_declared():
    """Not only required by what is: that may do without in its next version."""
    required = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["plot"]]
    declared = {line.split(">=")[0] for line in required}
    found = {
        DISTRIBUTION.get(name, name)
        for path in (ROOT / "sklearn_emma").rglob("*.py")
        for name in imported(path)
    }
    ours = {"sklearn_emma", *sys.stdlib_module_names}
    asked_for = {"polars"}  # by those who have it, who want their results as its frames
    assert found - ours - asked_for == declared
