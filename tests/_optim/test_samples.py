"""Samples of an epoch, cut into batches."""

import pytest
import torch

from sklearn_emma._optim.samples import Samples, auto_batch_size, masses


@pytest.mark.parametrize("batch_size", [1, 7, 40, 100])
def test_batches_hold_every_sample_once_in_a_new_order(batch_size):
    n = 40
    number = torch.arange(n)
    data = Samples({"a": number, "b": -number}, {"y": 2 * number}, number.double())
    generator = torch.Generator().manual_seed(0)
    epochs = [list(data.batches(batch_size, generator)) for _ in range(2)]
    orders = []
    for batches in epochs:
        assert [len(b) for b in batches[:-1]] == [batch_size] * (len(batches) - 1)
        for batch in batches:
            rows = batch.inputs["a"]
            assert torch.equal(batch.inputs["b"], -rows)
            assert torch.equal(batch.targets["y"], 2 * rows)
            assert torch.equal(batch.weight, rows.double())
        orders.append(torch.cat([b.inputs["a"] for b in batches]))
        assert torch.equal(orders[-1].sort().values, number)
    assert not torch.equal(*orders)


@pytest.mark.parametrize(
    ("n", "batch_size", "lengths"),
    [
        (40, 13, [13, 14]),  # 1 is left over
        (40, 39, [40]),
        (3, 2, [3]),
        (40, 19, [19, 19, 2]),
        (40, 20, [20, 20]),
        (1, 8, [1]),  # nobody to join
        (4, 1, [1, 1, 1, 1]),  # as the user wants it
    ],
)
def test_a_last_row_alone_joins_the_batch_before(n, batch_size, lengths):
    """Layers that normalise a batch cannot do with a single row."""
    number = torch.arange(n)
    data = Samples({"a": number}, {}, number.double())
    batches = list(data.batches(batch_size, torch.Generator().manual_seed(0)))
    found = [len(batch) for batch in batches]
    assert found[-len(lengths) :] == lengths
    assert set(found[: -len(lengths)]) <= {batch_size}
    rows = torch.cat([batch.inputs["a"] for batch in batches])
    assert torch.equal(rows.sort().values, number)


def test_mapping_samples_reaches_every_tensor():
    number = torch.arange(40)
    data = Samples({"a": number, "b": -number}, {"y": 2 * number}, number.double())
    cut = data.map(lambda tensor: tensor[5:7])
    assert len(cut) == 2
    assert [t.tolist() for t in cut.tensors()] == [[5, 6], [-5, -6], [10, 12], [5, 6]]


def test_auto_batch_size():
    expected = {10: 10, 191: 32, 300: 50, 384: 64, 1023: 64, 1600: 100, 10**6: 257}
    assert {n: auto_batch_size("auto", n) for n in expected} == expected
    assert [auto_batch_size("auto", n, least=16) for n in (10, 1000)] == [10, 63]
    assert auto_batch_size(50, 1000) == 50
    assert auto_batch_size(50, 20) == 20


@pytest.mark.parametrize("least", [16, None])
def test_steps_of_auto_size_are_about_equal(least):
    """A step of a few rows is mostly noise, at the price of a whole one."""
    for n in range(1, 5000, 7):
        size = auto_batch_size("auto", n, least)
        n_steps = -(-n // size)
        assert n - (n_steps - 1) * size > size - n_steps
        assert size > (least or 32) / 2 or n_steps == 1
        assert size < 1.1 * 256


def test_hardly_more_samples_than_fit_into_a_step_make_two():
    found = {n: auto_batch_size("auto", n, least=16) for n in (15, 16, 17, 23, 33)}
    assert found == {15: 15, 16: 16, 17: 9, 23: 12, 33: 17}


def test_samples_that_all_weigh_1_are_alike():
    number = torch.arange(10.0)
    ones, others = torch.ones(10), torch.ones(10)
    others[3] = 1.5
    for weight, expected in ((ones, True), (others, False), (2 * ones, False)):
        data = Samples({"a": number}, {"y": number}, weight)
        batches = list(data.batches(4, torch.Generator().manual_seed(0)))
        assert [batch.alike for batch in batches] == [expected] * 3
        assert batches[0].map(lambda t: t).alike is expected
        each = torch.stack([batch.weight.sum() for batch in batches])
        assert torch.equal(masses(batches), each)
    assert data.alike is False
    mixed = [Samples({}, {}, others), Samples({}, {}, ones, alike=True)]
    assert masses(mixed).tolist() == [10.5, 10.0]


def test_the_mass_of_samples_of_several_networks_is_that_of_all():
    data = Samples({}, {}, torch.ones(7, 3))
    batches = list(data.batches(4, torch.Generator().manual_seed(0)))
    assert masses(batches).tolist() == [12.0, 9.0]
