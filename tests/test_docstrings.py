"""Docstrings of everything public, by numpydoc's own validation."""

import inspect
import pkgutil
from functools import cached_property
from importlib import import_module

import pytest
from numpydoc.validate import validate

import sklearn_emma

# Summary, parameters and returns; numpydoc's documentation says what each code means.
CHECKED = {
    "GL08",
    *(f"PR{number:02d}" for number in range(1, 11)),
    "RT01",
    "RT03",
    *(f"SS{number:02d}" for number in range(1, 7)),
}


DESCRIPTORS = property, cached_property


def public_modules():
    found = [module.name for module in pkgutil.iter_modules(sklearn_emma.__path__)]
    public = sorted(name for name in found if not name.startswith("_"))
    return ["sklearn_emma", *(f"sklearn_emma.{name}" for name in public)]


def is_ours(member):
    """Whether a member of a class is written in this package, not inherited from."""
    function = getattr(member, "fget", None) or getattr(member, "func", None) or member
    module = getattr(inspect.unwrap(function), "__module__", None) or ""
    return module.partition(".")[0] == "sklearn_emma"


def public_members(public):
    """Names of the methods and properties of a class, none of others' and no fields."""
    for name in dir(public):
        member = inspect.getattr_static(public, name)
        if isinstance(member, classmethod | staticmethod):
            member = member.__func__
        described = inspect.isroutine(member) or isinstance(member, DESCRIPTORS)
        if not name.startswith("_") and described and is_ours(member):
            yield name


def public_names():
    for module in public_modules():
        for name in import_module(module).__all__:
            if name.startswith("__"):
                continue
            yield f"{module}.{name}"
            public = getattr(import_module(module), name)
            if inspect.isclass(public):
                for member in public_members(public):
                    yield f"{module}.{name}.{member}"


NAMES = list(public_names())
PREDICT = "sklearn_emma.EMMAClassifier.predict"
PROTOCOLS = {"sklearn_emma.corruption.Corruption"}


def test_methods_are_found_and_those_of_scikit_learn_are_left_to_it():
    assert PREDICT in NAMES
    assert "sklearn_emma.EMMAClassifier.attention" in NAMES
    assert "sklearn_emma.EMMAGate.rho" in NAMES
    assert "sklearn_emma.corruption.ModeLayout.from_columns" in NAMES
    assert "sklearn_emma.EMMAClassifier.get_params" not in NAMES
    assert "sklearn_emma.EMMAGate.state_dict" not in NAMES


def faults_of(name):
    # A protocol is never called; the arguments of its constructor are Python's.
    uncalled = {"PR01"} if name in PROTOCOLS else set()
    errors = validate(name)["errors"]
    return [f"{code}: {what}" for code, what in errors if code in CHECKED - uncalled]


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_are_complete(name):
    faults = faults_of(name)
    assert not faults, "\n".join(faults)


def test_an_incomplete_docstring_is_found(monkeypatch):
    monkeypatch.setattr(sklearn_emma.EMMAClassifier.predict, "__doc__", "Predicts")
    codes = {fault.split(":")[0] for fault in faults_of(PREDICT)}
    assert {"PR01", "RT01", "SS03", "SS05"} <= codes
