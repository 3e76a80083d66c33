"""Hostile labels, weights, marks of corrupted values, and ways to say modes."""

from fractions import Fraction

import numpy as np
import pandas as pd
from workflows.fuzzing import (
    EITHER,
    FAILS,
    MODES,
    N_ROWS,
    WORKS,
    BrokenPartError,
    Case,
    Piece,
)

ONE = np.arange(N_ROWS) % 2  # the labels of an ordinary case


# ------------------------------------------------------------------------------- labels


def _labels(name, y, verdict=WORKS, culprit=r"\by\b|[Ll]abel|class", same=False):
    def change(case: Case, rng) -> None:
        case.y = y

    return Piece("y", name, change, verdict, culprit, same)


def _first(value, dtype=object):
    """Labels of which the first is another."""
    return np.array([value, *ONE[1:].tolist()], dtype=dtype)


SORTED = np.sort(np.r_[np.zeros(28, int), 1, 1])
LABELS = [
    _labels("words", np.array(["no", "yes"])[ONE], same=True),
    _labels("objects", np.array(["no", "yes"], dtype=object)[ONE], same=True),
    _labels("truths", ONE == 1, same=True),
    _labels("floats", ONE.astype(float), same=True),
    _labels("bytes", ONE.astype(np.int8), same=True),
    _labels("unsigned", ONE.astype(np.uint64), same=True),
    _labels("below zero", ONE - 7, same=True),
    _labels("large", ONE + 2**62, same=True),
    _labels("a list", ONE.tolist(), same=True),
    _labels("a series", pd.Series(ONE, index=np.arange(N_ROWS)[::-1]), same=True),
    _labels("categories", pd.Categorical(np.array(["u", "v"])[ONE]), same=True),
    _labels("a column", ONE[:, np.newaxis], same=True),
    _labels("long words", np.array(["x" * 10_000, "x" * 10_001])[ONE], same=True),
    _labels("odd words", np.array(["", "\N{SNOWMAN} \n"])[ONE], same=True),
    _labels("three", np.arange(N_ROWS) % 3),
    _labels("ten", np.arange(N_ROWS) % 10),
    _labels("a rare one", SORTED),
    _labels("a single one", np.r_[np.zeros(29, int), 1]),
    _labels("one class", np.zeros(N_ROWS, int), FAILS),
    _labels("all different", np.arange(N_ROWS), FAILS),
    _labels("numbers", np.linspace(0, 1, N_ROWS), FAILS, "regress"),
    _labels("NaN", np.r_[np.nan, ONE[1:]], FAILS, r"\by\b"),
    _labels("infinity", np.r_[np.inf, ONE[1:]], FAILS, r"\by\b"),
    _labels("None among words", _first(None), FAILS, r"\by\b"),
    _labels("NA", pd.Series(_first(pd.NA)), FAILS, r"\by\b"),
    _labels("a word among numbers", _first("one"), FAILS),
    _labels("masked", np.ma.array(ONE, mask=ONE == 0), FAILS, r"\by\b"),
    _labels("two columns", np.column_stack([ONE, 1 - ONE]), FAILS),
    _labels("sets", [{0}, {1}] * 15, FAILS),
    _labels("too few", ONE[:-1], FAILS, "numbers of samples"),
    _labels("none", ONE[:0], FAILS, "numbers of samples"),
    _labels("None", None, FAILS),
    _labels("a number", 3, FAILS),
    _labels("a word", "y", FAILS),
    _labels("complex", ONE + 1j, FAILS, "Complex data"),
    _labels("dates", np.array(["2020", "2021"], "M8[Y]")[ONE], EITHER),
    _labels("fractions", np.array([Fraction(1, 2), Fraction(1)])[ONE], EITHER),
]


# ------------------------------------------------------------------------------ weights


def _weights(name, make, verdict=WORKS, culprit="[Ww]eight", same=False):
    def change(case: Case, rng) -> None:
        case.fit |= {"sample_weight": make(np.ones(N_ROWS), rng)}

    return Piece("weight", name, change, verdict, culprit, same)


def _with(value):
    def make(w, rng):
        w[4] = value
        return w

    return make


WEIGHTS = [
    _weights("ones", lambda w, rng: w, same=True),
    _weights("equal parts", lambda w, rng: w / 3, same=True),
    _weights("truths", lambda w, rng: w == 1, same=True),
    _weights("counts", lambda w, rng: rng.integers(1, 4, N_ROWS)),
    _weights("drawn", lambda w, rng: rng.random(N_ROWS)),
    _weights("zeros", lambda w, rng: w * (np.arange(N_ROWS) < 20)),
    _weights("huge", lambda w, rng: w * 1e300),
    _weights("tiny", lambda w, rng: w * 1e-300),
    _weights("smallest", lambda w, rng: w * 5e-324),
    _weights("all sizes", lambda w, rng: 10.0 ** rng.integers(-300, 300, N_ROWS)),
    _weights("one counts", lambda w, rng: np.where(ONE > 0, 1e-12, w)),
    _weights("a list", lambda w, rng: w.tolist(), same=True),
    _weights("a series", lambda w, rng: pd.Series(w), same=True),
    _weights("a number", lambda w, rng: 1.0, EITHER),
    _weights("below zero", _with(-1.0), FAILS),
    _weights("NaN", _with(np.nan), FAILS),
    _weights("infinity", _with(np.inf), FAILS),
    _weights("all zero", lambda w, rng: 0 * w, FAILS),
    _weights("too few", lambda w, rng: w[:-1], FAILS),
    _weights("two columns", lambda w, rng: np.column_stack([w, w]), FAILS),
    _weights("words", lambda w, rng: np.full(N_ROWS, "w"), FAILS),
    _weights("masked", lambda w, rng: np.ma.array(w, mask=ONE == 0), FAILS),
    _weights("a class of none", lambda w, rng: w * ONE, FAILS, r"\by\b.* class"),
]


# ---------------------------------------------------------------------------- corrupted


def _corrupted(name, make, verdict=WORKS, culprit="`corrupted`"):
    def change(case: Case, rng) -> None:
        marks = np.zeros((N_ROWS, 3), dtype=bool)
        case.fit |= {"corrupted": make(marks, rng)}

    return Piece("corrupted", name, change, verdict, culprit)


def _marked(value, rows=slice(2, 6), columns=1, dtype=float):
    def make(marks, rng):
        marks = marks.astype(dtype)
        marks[rows, columns] = value
        return marks

    return make


CORRUPTED = [
    _corrupted("none", lambda m, rng: m),
    _corrupted("some", _marked(1)),
    _corrupted("numbers", _marked(1, dtype=int)),
    _corrupted("lists", lambda m, rng: m.tolist()),
    _corrupted("by name", lambda m, rng: pd.DataFrame(m, columns=list("cab"))),
    _corrupted(
        "all of a mode", _marked(1, slice(None)), FAILS, "Mode 'b' is corrupted"
    ),
    _corrupted("NaN", _marked(np.nan), FAILS),
    _corrupted("halves", _marked(0.5), FAILS),
    _corrupted("words", _marked("no", dtype=object), FAILS),
    _corrupted("turned", lambda m, rng: m.T, FAILS),
    _corrupted("a vector", lambda m, rng: m[:, 0], FAILS),
    _corrupted("a word", lambda m, rng: "b", FAILS),
    _corrupted("few", lambda m, rng: m[1:], FAILS),
    _corrupted("ragged", lambda m, rng: [[0], [0, 1]] * 15, FAILS),
    _corrupted(
        "other names", lambda m, rng: pd.DataFrame(m, columns=list("xyz")), FAILS
    ),
]


# -------------------------------------------------------------------------------- modes


def _modes(name, given, verdict=WORKS, culprit="[Mm]ode", same=False, found=None):
    """A piece that says modes as ``given``; ``found`` are their columns by name."""

    def change(case: Case, rng) -> None:
        modes = given() if name.startswith("a generator") else given
        case.params |= {"modes": modes} if name != "remainder" else modes
        case.modes = dict(MODES if found is None else found)

    return Piece("modes", name, change, verdict, culprit, same)


def broken_function(X):
    raise BrokenPartError("the function")


def _mask(*columns):
    return [i in columns for i in range(6)]


BY_NUMBER = {f"mode{i}": c for i, c in enumerate(MODES.values())}
SINGLE = {f"x{i}": [i] for i in range(6)}
ALL = list(range(6))
MODE_SPECS = [
    _modes("slices", {"a": slice(2), "b": slice(2, 4), "c": slice(4, None)}, same=True),
    _modes("masks", {"a": _mask(0, 1), "b": np.array(_mask(2, 3)), "c": _mask(4, 5)}),
    _modes(
        "ranges", {"a": range(2), "b": range(2, 4), "c": np.arange(4, 6)}, same=True
    ),
    _modes("functions", {"a": lambda X: [0, 1], "b": [2, 3], "c": [4, 5]}, same=True),
    _modes("from the end", {"a": [-6, -5], "b": [-4, 3], "c": [4, -1]}, same=True),
    _modes("numpy's numbers", {k: np.int8(c).tolist() for k, c in MODES.items()}),
    _modes("a list", [[0, 1], [2, 3], [4, 5]], same=True, found=BY_NUMBER),
    _modes("a tuple", ([0, 1], [2, 3], [4, 5]), same=True, found=BY_NUMBER),
    _modes("one", {"all": ALL}, found={"all": ALL}),
    _modes("one each", None, found=SINGLE),
    _modes(
        "out of order",
        {"b": [5, 0], "a": [4, 1, 2, 3]},
        found={"b": [5, 0], "a": [4, 1, 2, 3]},
    ),
    _modes(
        "odd names",
        {"": [0, 1], "a b\n": ALL[2:]},
        found={"": [0, 1], "a b\n": ALL[2:]},
    ),
    _modes("remainder", {"modes": {"a": 0}, "remainder": "drop"}, found={"a": [0]}),
    _modes("column by itself", {"a": 0, "b": ALL[1:]}, found={"a": [0], "b": ALL[1:]}),
    _modes("a name", {"a": ["lidar"], "b": ALL[1:]}, FAILS),
    _modes("a word", "abc", FAILS),
    _modes("a number", 3, FAILS),
    _modes("a truth", {"a": True, "b": ALL[1:]}, FAILS, "'a'"),
    _modes("empty", {}, FAILS),
    _modes("an empty list", [], FAILS),
    _modes("an empty mode", {"a": [], "b": ALL}, FAILS, "'a'"),
    _modes("pairs", [("a", [0, 1]), ("b", ALL[2:])], FAILS),
    _modes("lists in lists", {"a": [[0, 1], [2]], "b": [3, 4, 5]}, FAILS, "'a'"),
    _modes("a label each", ["a", "a", "b", "b", "c", "c"], FAILS),
    _modes("turned round", {i: "ab"[i % 2] for i in ALL}, FAILS),
    _modes("overlap", {"a": [0, 1, 2], "b": ALL[2:]}, FAILS, "overlap"),
    _modes("twice", {"a": [0, 0, 1], "b": ALL[2:]}, FAILS, "'a'"),
    _modes("twice, from the end", {"a": [0, 1, -6], "b": ALL[2:]}, FAILS, "'a'"),
    _modes("out of range", {"a": [0, 99], "b": ALL[1:]}, FAILS, "99"),
    _modes("out of range below", {"a": [0, -7], "b": ALL[1:]}, FAILS, "-7"),
    _modes("too few", {"a": [0, 1]}, FAILS, "no mode: 2"),
    _modes("fractions", {"a": [0.0, 1.0], "b": ALL[2:]}, FAILS, "'a'"),
    _modes("None as columns", {"a": None, "b": ALL}, FAILS, "'a'"),
    _modes("a name that is none", {1: [0, 1], "b": ALL[2:]}, FAILS, "1"),
    _modes("a short mask", {"a": [True, False], "b": ALL[1:]}, FAILS, "'a'"),
    _modes("a step of zero", {"a": slice(0, 4, 0), "b": [4, 5]}, FAILS, "'a'"),
    _modes("a set", {"a": {0, 1}, "b": ALL[2:]}, FAILS, "'a'"),
    _modes("a matrix", {"a": np.array([[0, 1]]), "b": ALL[2:]}, FAILS, "'a'"),
    _modes("two answers", {"a": lambda X: "left", "b": ALL[1:]}, FAILS, "'a'"),
    _modes("a broken function", {"a": broken_function, "b": ALL[1:]}, FAILS, "'a'"),
    _modes("a generator", lambda: ([i, i + 1] for i in (0, 2, 4)), FAILS),
    _modes("an object", {"a": object(), "b": ALL}, FAILS, "'a'"),
]
