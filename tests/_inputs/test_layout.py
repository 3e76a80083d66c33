"""The layout of modes against slow code that goes column by column."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sklearn_emma import corruption
from sklearn_emma._inputs.layout import ModeLayout


@st.composite
def layouts(draw):
    """One to five modes of one to four columns, taken from a wider matrix."""
    widths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    n_columns = sum(widths) + draw(st.integers(0, 3))
    order = draw(st.permutations(range(n_columns)))
    edges = [0, *itertools.accumulate(widths)]
    modes = {f"m{i}": order[a:b] for i, (a, b) in enumerate(itertools.pairwise(edges))}
    given_layout = ModeLayout.from_columns(modes)
    return SimpleNamespace(layout=given_layout, modes=modes, n_columns=n_columns)


def draw_matrix(layout, n=3, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(n, layout.n_features)))


@given(case=layouts())
def test_numbers_and_places_are_those_of_the_modes(case):
    layout, modes = case.layout, case.modes
    assert layout.names == tuple(modes)
    assert layout.n_modes == len(modes)
    assert layout.widths == tuple(len(columns) for columns in modes.values())
    assert layout.shapes == tuple((width,) for width in layout.widths)
    flat = [(i, c) for i, columns in enumerate(modes.values()) for c in columns]
    assert layout.n_features == len(flat)
    assert layout.index.tolist() == [mode for mode, _ in flat]
    assert layout.order.tolist() == [column for _, column in flat]
    places = list(range(len(flat)))
    for mode, own in enumerate(layout.slices):
        assert places[own] == [at for at in places if flat[at][0] == mode]
    for name, columns in layout.as_dict().items():
        assert columns.tolist() == list(modes[name]) and columns.dtype == np.intp
    assert list(layout.as_dict()) == list(modes)


@given(case=layouts())
def test_select_lays_the_columns_of_the_modes_side_by_side(case):
    X = np.random.default_rng(0).normal(size=(3, case.n_columns))
    before = X.copy()
    expected = np.column_stack([X[:, c] for own in case.modes.values() for c in own])
    np.testing.assert_array_equal(case.layout.select(X), expected)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("columns", [[2, 1, 0], [0, 1]])
def test_select_takes_a_copy_unless_all_columns_are_in_their_order(columns):
    X = np.arange(6.0).reshape(2, 3)
    in_order = ModeLayout.from_columns({"a": [0, 1], "b": [2]})
    assert in_order.select(X) is X
    selected = ModeLayout.from_columns({"a": columns}).select(X)
    assert not np.shares_memory(selected, X)
    np.testing.assert_array_equal(selected, X[:, columns])


@given(case=layouts())
def test_split_cuts_a_matrix_into_its_modes_and_join_puts_it_together(case):
    layout = case.layout
    x = draw_matrix(layout)
    modes = layout.split(x)
    assert len(modes) == layout.n_modes
    for mode, values in enumerate(modes):
        assert torch.equal(values, x[:, np.flatnonzero(layout.index == mode)])
    assert torch.equal(layout.join(modes), x)
    assert torch.equal(layout.join(list(modes)), x)


def test_split_gives_views():
    layout = ModeLayout.from_columns({"a": [0, 1], "b": [2]})
    x = torch.zeros(2, 3)
    layout.split(x)[1].fill_(5.0)
    assert x.tolist() == [[0, 0, 5]] * 2


@given(case=layouts(), seed=st.integers(0, 2**32 - 1))
def test_spread_gives_each_column_what_its_mode_has(case, seed):
    layout = case.layout
    rng = np.random.default_rng(seed)
    of_modes = torch.from_numpy(rng.normal(size=(3, layout.n_modes)))
    found = layout.spread(of_modes)
    assert found.shape == (3, layout.n_features)
    for row, column in np.ndindex(*found.shape):
        assert found[row, column] == of_modes[row, layout.index[column]]
    kept = layout.index_on(of_modes.device)
    assert torch.equal(layout.spread(of_modes, kept), found)


@given(case=layouts())
def test_the_gradient_of_spread_sums_over_the_columns_of_a_mode(case):
    layout = case.layout
    of_modes = torch.zeros(3, layout.n_modes, dtype=torch.float64, requires_grad=True)
    weight = draw_matrix(layout)
    (layout.spread(of_modes) * weight).sum().backward()
    for mode, columns in enumerate(layout.slices):
        torch.testing.assert_close(of_modes.grad[:, mode], weight[:, columns].sum(1))


@given(case=layouts(), seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_a_mode_has_any_if_one_of_its_columns_has(case, seed, share):
    layout = case.layout
    rng = np.random.default_rng(seed)
    of_columns = rng.random((4, layout.n_features)) < share
    found = layout.any_of_mode(torch.from_numpy(of_columns))
    assert found.dtype == torch.bool and found.shape == (4, layout.n_modes)
    for row, mode in np.ndindex(*found.shape):
        own = [
            of_columns[row, c]
            for c in range(layout.n_features)
            if layout.index[c] == mode
        ]
        assert bool(found[row, mode]) == any(own)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bool])
def test_what_is_spread_keeps_its_type(dtype):
    layout = ModeLayout.from_columns({"a": [0], "b": [2, 1]})
    of_modes = torch.tensor([[1, 0]]).to(dtype)
    expected = torch.tensor([[1, 0, 0]]).to(dtype)
    assert torch.equal(layout.spread(of_modes), expected)
    assert layout.spread(of_modes).dtype == dtype


@pytest.mark.parametrize("n", [0, 1])
def test_no_rows_are_no_problem(n):
    layout = ModeLayout.from_columns({"a": [0, 1], "b": [2]})
    x = torch.zeros(n, 3)
    assert [len(mode) for mode in layout.split(x)] == [n, n]
    assert layout.spread(torch.zeros(n, 2)).shape == (n, 3)
    assert layout.any_of_mode(x > 0).shape == (n, 2)
    assert layout.select(np.zeros((n, 5))).shape == (n, 3)


def test_a_mode_of_any_shape_has_as_many_columns_as_values():
    """Images and sequences, flattened."""
    columns = np.arange(12), np.arange(12, 15)
    layout = ModeLayout(("image", "sequence"), ((2, 2, 3), (3,)), columns)
    assert layout.widths == (12, 3) and layout.n_features == 15
    assert layout.slices == (slice(0, 12), slice(12, 15))
    assert layout.index.tolist() == [0] * 12 + [1] * 3


def test_a_layout_cannot_be_changed_and_is_what_is_public():
    layout = ModeLayout.from_columns({"a": [0], "b": [1]})
    with pytest.raises(AttributeError):
        layout.names = ("c", "d")
    assert corruption.ModeLayout is ModeLayout


@pytest.mark.parametrize(
    "columns", [[-1, 0], [True, False], [0.0, 1.0], ["a"], [[0]], 0]
)
def test_columns_that_are_no_places_are_named(columns):
    with pytest.raises(ValueError, match=r"Mode 'b': columns must be integers from 0"):
        ModeLayout.from_columns({"a": [2, 3], "b": columns})


# ---------------------------------------------------------------------- parts of modes

NESTED = {"a": {"x": [3, 0], "y": [1]}, "b": [5], "c": {"z": [2, 4]}}


def test_a_layout_of_parts_has_that_of_their_modes_above():
    parts = ModeLayout.from_columns(NESTED)
    assert parts.names == ("a__x", "a__y", "b", "c__z")
    assert parts.widths == (2, 1, 1, 2)
    assert parts.modes.names == ("a", "b", "c") and parts.modes.widths == (3, 1, 2)
    assert parts.mode_of_part.tolist() == [0, 0, 1, 2] and parts.n_parts == (2, 1, 1)
    np.testing.assert_array_equal(parts.order, parts.modes.order)
    assert parts.has_parts and parts.outermost is parts.modes
    assert parts.levels == ("modes", "parts")


def test_the_outermost_level_is_the_first_with_several_members():
    one_mode = ModeLayout.from_columns({"all": {"x": [0], "y": [1]}})
    assert one_mode.outermost is one_mode and not one_mode.has_parts
    one_each = ModeLayout.from_columns({"a": {"x": [0, 1]}, "b": {"y": [2]}})
    assert one_each.outermost is one_each.modes and not one_each.has_parts


def test_modes_without_parts_are_their_own_modes():
    flat = ModeLayout.from_columns({"a": [0, 1], "b": [2]})
    assert flat.modes is flat and flat.outermost is flat and flat.levels == ("modes",)
    assert flat.mode_of_part.tolist() == [0, 1] and flat.n_parts == (1, 1)
    assert not flat.has_parts


def test_wrong_columns_of_a_part_are_named():
    with pytest.raises(ValueError, match="Mode 'a__x': columns must be integers"):
        ModeLayout.from_columns({"a": {"x": [0.5]}, "b": [1]})
