"""What a bug report should hold."""

import importlib.metadata
import tomllib
from pathlib import Path

import numpy as np
import torch

import sklearn_emma

ROOT = Path(__file__).parents[1]


def test_versions_of_the_package_and_of_every_dependency_are_printed(capsys):
    sklearn_emma.show_versions()
    printed = dict(
        line.split(": ", 1)
        for line in capsys.readouterr().out.splitlines()
        if ": " in line
    )
    printed = {name.strip(): value for name, value in printed.items()}
    assert printed["sklearn_emma"] == sklearn_emma.__version__
    assert printed["numpy"] == np.__version__
    assert printed["threads"] == str(torch.get_num_threads())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {line.split(">=")[0] for line in project["dependencies"]}
    assert names < set(printed)


def test_what_is_not_installed_is_said_to_be_so(capsys, monkeypatch):
    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("sklearn_emma._show_versions.version", version)
    sklearn_emma.show_versions()
    assert "matplotlib: not installed" in capsys.readouterr().out
