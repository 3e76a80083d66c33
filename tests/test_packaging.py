"""The lower bounds that are promised are those that are tested."""

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
