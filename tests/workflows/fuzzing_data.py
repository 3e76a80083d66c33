"""Hostile X: values that numbers can have, and containers that they may come in."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import torch
from scipy.sparse import csr_array
from workflows.fuzzing import EITHER, FAILS, WORKS, Case, Piece

NAMES = ["a__0", "a__1", "b__0", "b__1", "c__0", "c__1"]
LARGEST = np.finfo(np.float64).max


# ------------------------------------------------------------------------------- values


def _values(name, make, verdict=WORKS, culprit="", same=False):
    """A piece that makes other values of values (n, 6), drawing what it likes."""

    def change(case: Case, rng) -> None:
        case.values = np.array(make(case.values.copy(), rng), dtype=np.float64)

    return Piece("values", name, change, verdict, culprit, same)


def _filled(rows, columns, value):
    """Values with these cells filled."""

    def make(x, rng):
        x[rows, columns] = value
        return x

    return make


def _scattered(value, share=0.2):
    def make(x, rng):
        return np.where(rng.random(x.shape) < share, value, x)

    return make


def _missing_at_random(x, rng):
    """Whole modes, each with a probability of a third, and so some whole rows."""
    return np.where(np.repeat(rng.random((len(x), 3)) < 0.33, 2, axis=1), np.nan, x)


def _one_infinite(x, rng):
    x[rng.integers(len(x)), 3] = rng.choice([np.inf, -np.inf])
    return x


def _extreme_cells(x, rng):
    """Values that files use for "no data", and the largest there are."""
    cells = rng.random(x.shape) < 0.03
    x[cells] = rng.choice([LARGEST, -LARGEST, -3.4e38, 1e300, -9999], cells.sum())
    return x


COLUMN = r"Column 3 of mode .*, row \d+: infinity"
VALUES = [
    _values("holes", _scattered(np.nan)),
    _values("mostly holes", _scattered(np.nan, 0.8)),
    _values("modes missing", _missing_at_random),
    _values("rows missing", _filled(slice(3, 9), slice(None), np.nan)),
    _values("a column missing", _filled(slice(None), 2, np.nan)),
    # Not every density can do with one row.
    _values("a mode seen twice", _filled(slice(2, None), slice(2, 4), np.nan)),
    _values(
        "a mode never seen",
        _filled(slice(None), slice(2, 4), np.nan),
        FAILS,
        "Mode .* is missing",
    ),
    _values(
        "nothing",
        _filled(slice(None), slice(None), np.nan),
        FAILS,
        "Mode .* is missing",
    ),
    _values("an infinity", _one_infinite, FAILS, COLUMN),
    _values("all infinite", _filled(slice(None), 3, np.inf), FAILS, COLUMN),
    _values("a constant column", _filled(slice(None), 0, 7.0)),
    _values("a constant mode", _filled(slice(None), slice(0, 2), -1e6)),
    _values("all constant", _filled(slice(None), slice(None), 0.1)),
    _values("rounding noise", lambda x, rng: 1e8 + 1e-8 * x),
    _values("noise below rounding", lambda x, rng: np.nextafter(1.0, 2) ** (x > 0)),
    _values("equal columns", lambda x, rng: np.repeat(x[:, :1], 6, axis=1)),
    _values("opposite columns", lambda x, rng: x[:, :1] * [1, -1, 2, -2, 1e9, -1e-9]),
    _values("equal rows", lambda x, rng: x[np.arange(len(x)) // 4]),
    _values("two rows", lambda x, rng: x[np.arange(len(x)) % 2]),
    _values("all zero", lambda x, rng: 0 * x),
    _values("negative zeros", lambda x, rng: np.where(x < 0, -0.0, x)),
    _values("whole numbers", lambda x, rng: np.rint(x)),
    _values("one-hot", lambda x, rng: np.eye(6)[rng.integers(6, size=len(x))]),
    _values("counters", lambda x, rng: np.cumsum(np.ones_like(x), axis=0) * 1e15),
    _values("heavy tails", lambda x, rng: rng.standard_cauchy(x.shape) ** 3),
    _values("one far", _filled(4, 1, -3.4e38)),
    _values("two at the ends", _filled([4, 5], [1, 1], [LARGEST, -LARGEST])),
    _values("columns at the ends", lambda x, rng: np.sign(x) * LARGEST),
    _values("extreme cells", _extreme_cells),
    _values("huge", lambda x, rng: x * 1e200),
    _values("tiny", lambda x, rng: x * 1e-200),
    _values("subnormal", lambda x, rng: x * 1e-315),
    _values("smallest", lambda x, rng: np.sign(x) * 5e-324),
    _values("all units", lambda x, rng: x * 10.0 ** rng.integers(-290, 290, 6)),
    _values("far off", lambda x, rng: x + 10.0 ** rng.integers(0, 12, 6)),
    _values("doubled", lambda x, rng: x * 2.0**600, same=True),
    _values("halved", lambda x, rng: x * 2.0**-600, same=True),
]


# --------------------------------------------------------------------------- containers


def _table(name, make, verdict=WORKS, culprit="", same=False):
    """A piece that puts values (n, 6) into a container of another kind."""

    def change(case: Case, rng) -> None:
        case.X = make(case.values.copy())
        if isinstance(case.X, pd.DataFrame | pl.DataFrame | pa.Table):
            case.params |= {"modes": None}

    return Piece("table", name, change, verdict, culprit, same)


def _narrow(dtype):
    """In a type of fewer digits, which are then all that there is."""

    def change(case: Case, rng) -> None:
        with np.errstate(over="ignore"):
            large = np.abs(case.values) > np.finfo(dtype).max
        case.values[large] = 1.0
        case.X = case.values.astype(dtype)
        case.values = case.X.astype(np.float64)

    return Piece("table", np.dtype(dtype).name, change)


def _frame(x, **options):
    return pd.DataFrame(x, columns=NAMES, **options)


def _levels(x):
    pairs = [tuple(name.split("__")) for name in NAMES]
    return pd.DataFrame(x, columns=pd.MultiIndex.from_tuples(pairs))


def _masked(x):
    hidden = np.isnan(x)
    return np.ma.array(np.where(hidden, -9999, x), mask=hidden)


def _strided(x):
    wide = np.full((2 * len(x), 12), np.nan)
    wide[::2, ::2] = x
    return wide[::2, ::2]


def _read_only(x):
    x.flags.writeable = False
    return x


def _matrix(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asmatrix(x)


def _cell(value, dtype=object):
    """An array of objects with one of another kind."""

    def make(x):
        x = x.astype(dtype)
        x[5, 3] = value
        return x

    return make


NO_TABLE = r"\bX\b|\barray|[Ss]ample|[Ff]eature"
TABLES = [
    _table("frame", _frame, same=True),
    _table("frame of objects", lambda x: _frame(x, dtype=object), same=True),
    _table("frame with NA", lambda x: _frame(x).astype("Float64"), same=True),
    _table("one index", lambda x: _frame(x, index=[0] * len(x)), same=True),
    _table("two levels", _levels, same=True),
    _table("polars", lambda x: pl.DataFrame(x, schema=NAMES), same=True),
    _table("pyarrow", lambda x: pa.Table.from_pandas(_frame(x)), same=True),
    _table("masked", _masked, same=True),
    _table("Fortran order", np.asfortranarray, same=True),
    _table("strided", _strided, same=True),
    _table("reversed", lambda x: x[::-1].copy()[::-1], same=True),
    _table("read-only", _read_only, same=True),
    _table("lists", lambda x: x.tolist(), same=True),
    _table("tuples", lambda x: tuple(map(tuple, x)), same=True),
    _table("objects", lambda x: x.astype(object), same=True),
    _table("big-endian", lambda x: x.astype(">f8"), same=True),
    _table("long double", lambda x: x.astype(np.longdouble), same=True),
    _table("subclass", lambda x: x.view(type("Mine", (np.ndarray,), {})), same=True),
    _table("tensor", torch.from_numpy, EITHER, NO_TABLE),
    _table("numbers as text", lambda x: x.astype(str), EITHER, NO_TABLE),
    _narrow(np.float32),
    _narrow(np.float16),
    _table("a vector", lambda x: x[:, 0], FAILS, NO_TABLE),
    _table("a cube", lambda x: x[..., np.newaxis], FAILS, NO_TABLE),
    _table("a number", lambda x: 3.0, FAILS, NO_TABLE),
    _table("no rows", lambda x: x[:0], FAILS, NO_TABLE),
    _table("no columns", lambda x: x[:, :0], FAILS, NO_TABLE),
    _table("other rows", lambda x: x[:-1], FAILS, NO_TABLE),
    _table("one row", lambda x: x[:1], FAILS, NO_TABLE),
    _table("few columns", lambda x: x[:, :5], FAILS, "Mode 'c'|5 features"),
    _table(
        "many columns", lambda x: np.hstack([x, x]), FAILS, "in no mode: 6|12 features"
    ),
    _table("sparse", csr_array, FAILS, "[Ss]parse"),
    _table("matrix", _matrix, FAILS, "np.matrix"),
    _table(
        "ragged", lambda x: [r[: 1 + i % 3] for i, r in enumerate(x)], FAILS, r"X|array"
    ),
    _table("complex", lambda x: x + 1j, FAILS, "[Cc]omplex"),
    _table("None", lambda x: None, FAILS, NO_TABLE),
    _table("a word", lambda x: "X", FAILS, NO_TABLE),
    _table("a dict", lambda x: {"a": x[:, 0]}, FAILS, NO_TABLE),
    _table("a generator", lambda x: (row for row in x), FAILS, NO_TABLE),
    _table("an object", lambda x: object(), FAILS, NO_TABLE),
    _table("a function", lambda x: len, FAILS, NO_TABLE),
    _table("bytes", lambda x: x.tobytes(), FAILS, NO_TABLE),
    _table(
        "a record", lambda x: np.zeros(30, [("a", "f8"), ("b", "f8")]), FAILS, NO_TABLE
    ),
    _table("dates", lambda x: np.full(x.shape, "2020-01-01", "M8[D]"), FAILS, "dates"),
    _table("durations", lambda x: np.ones(x.shape, "m8[s]"), FAILS, "durations"),
    _table("a text", _cell("n/a"), FAILS, "Column 3 of mode 'b', row 5: the text"),
    _table("a list", _cell([1]), FAILS, "Column 3 of mode 'b', row 5"),
    _table("a complex", _cell(1j), FAILS, "Column 3 of mode 'b', row 5"),
    _table("a date", _cell(pd.Timestamp(0)), FAILS, "Column 3 of mode 'b', row 5"),
    _table("Python's None", _cell(None)),
    _table("a huge whole number", _cell(10**400), FAILS, "Column 3 of mode 'b', row 5"),
    _table(
        "categories",
        lambda x: _frame(x).assign(b__1=pd.Categorical(["u", "v"] * 15)),
        FAILS,
        "Column 'b__1' of mode 'b', row 0: the text 'u'",
    ),
    _table(
        "names of two kinds",
        lambda x: pd.DataFrame(x, columns=["a", "b", "c", "d", 4, 5]),
        FAILS,
        "names",
    ),
]
