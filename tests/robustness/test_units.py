"""Units of a reference whose columns have names."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_emma.corruption import Bias
from sklearn_emma.robustness import corrupt, robustness_curve
from sklearn_emma.robustness._units import reference_units

NAMES = [f"{mode}__{i}" for mode in ("left", "right") for i in range(3)]
SHUFFLED = [NAMES[i] for i in (4, 0, 5, 3, 1, 2)]


def two_levels(values, names):
    pairs = [tuple(name.split("__")) for name in names]
    return pd.DataFrame(values, columns=pd.MultiIndex.from_tuples(pairs))


def pandas(values, names):
    return pd.DataFrame(values, columns=names)


def polars(values, names):
    return pl.DataFrame(values, schema=names)


KINDS = [pandas, polars, two_levels]


def shuffled(make, values):
    return make(values[:, [NAMES.index(name) for name in SHUFFLED]], SHUFFLED)


@pytest.mark.parametrize("make_reference", KINDS)
@pytest.mark.parametrize("make", KINDS)
def test_columns_of_a_reference_are_found_by_name(data, make, make_reference):
    X_train, X, _, _ = data
    expected = corrupt(X, Bias(2.0), modes=[[0, 5]], reference=X_train)
    assert len(set(X_train.std(axis=0))) == 6
    failed = corrupt(
        make(X, NAMES),
        Bias(2.0),
        modes=[[0, 5]],
        reference=shuffled(make_reference, X_train),
    )
    np.testing.assert_array_equal(failed.to_numpy(), expected)


@pytest.mark.parametrize("make", KINDS)
def test_columns_are_found_by_name_in_curves_too(data, recorder, make):
    X_train, X, _, y = data
    options = {"mode": "right", "levels": [2], "corruption": Bias, "n_repeats": 1}
    reference = shuffled(make, X_train)
    robustness_curve(recorder, make(X, NAMES), y, reference=reference, **options)
    expected = X + 2.0 * X_train.std(axis=0) * [0, 0, 0, 1, 1, 1]
    np.testing.assert_allclose(recorder.seen_.pop(), expected)


@pytest.mark.parametrize("make", KINDS)
def test_other_columns_are_named(data, make):
    X = data[1]
    renamed = [*NAMES[:2], "left__9", *NAMES[3:]]
    culprits = "`reference` .* missing: 'left__2'; unknown: 'left__9'"
    with pytest.raises(ValueError, match=culprits):
        corrupt(make(X, NAMES), Bias(), reference=make(X, renamed))
    with pytest.raises(ValueError, match=r"missing: 'right__1', 'right__2'\.$"):
        corrupt(make(X, NAMES), Bias(), reference=make(X[:, :4], NAMES[:4]))
    with pytest.raises(ValueError, match=r"columns of X; unknown: 'right__2'\.$"):
        corrupt(make(X[:, :5], NAMES[:5]), Bias(), reference=make(X, NAMES))


def test_columns_that_share_a_name_go_by_place_or_not_at_all(data):
    values, columns = data[1][:, :3], np.arange(3)
    X = pandas(values, ["a", "a", "b"])
    mean, scale = reference_units(2.0 * X, X, columns)
    np.testing.assert_allclose(mean, 2.0 * values.mean(axis=0))
    np.testing.assert_allclose(scale, 2.0 * values.std(axis=0))
    for names in ("baa", "abb", "ab"):
        reference = pandas(values[:, : len(names)], list(names))
        with pytest.raises(ValueError, match=r"another order, and several .* '[ab]'"):
            reference_units(reference, X, columns)


def test_without_names_on_both_sides_columns_go_by_place(data):
    X_train, X, _, _ = data
    options = {"modes": [[0, 5]]}
    expected = corrupt(X, Bias(), reference=X_train, **options)
    for frame, reference in (
        (X, pandas(X_train, SHUFFLED)),
        (pandas(X, SHUFFLED), X_train.tolist()),
    ):
        failed = corrupt(frame, Bias(), reference=reference, **options)
        np.testing.assert_array_equal(failed, expected)
