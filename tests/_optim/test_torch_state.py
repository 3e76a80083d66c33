"""Seeds, threads and devices are borrowed and given back."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from helpers import random_state_kept
from sklearn_emma._optim.torch_state import (
    draw_seed,
    import_optimizers,
    resolve_device,
    seeded,
    shared,
    threads_for,
)

CPU = torch.device("cpu")


class StopError(Exception):
    """Raised inside a block."""


def draw_inside(seed):
    """What module initialisation and the generator draw."""
    with seeded(seed, CPU) as generator:
        return torch.rand(5), torch.rand(5, generator=generator)


def test_a_seed_decides_what_is_drawn_inside():
    for first, again, other in zip(*map(draw_inside, (0, 0, 1)), strict=True):
        assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("error", [None, StopError, KeyboardInterrupt])
@random_state_kept()
def test_global_random_state_is_as_before(error):
    try:
        with seeded(3, CPU):
            torch.rand(7)
            nn.Linear(3, 3)
            if error is not None:
                raise error
    except (StopError, KeyboardInterrupt):
        pass


def test_other_devices_are_not_seeded(monkeypatch):
    seeds = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    with seeded(3, CPU):
        pass
    assert seeds == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_global_random_state_of_a_gpu_is_as_before(device):
    before = torch.cuda.get_rng_state()
    with seeded(3, torch.device(device)):
        torch.rand(7, device=device)
    assert torch.equal(torch.cuda.get_rng_state(), before)


# ------------------------------------------------------------------------- threads


SMALL, LARGE = nn.Linear(4, 4), nn.Linear(1000, 1000)


@pytest.mark.parametrize(
    ("module", "device", "expected"),
    [(SMALL, "cpu", 1), (LARGE, "cpu", 2), (SMALL, "cuda", 2), (SMALL, CPU, 1)],
)
def test_small_work_on_a_cpu_gets_one_thread(two_threads, module, device, expected):
    with threads_for(module, 256, device):
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 2


def test_number_of_threads_is_restored_after_an_error(two_threads):
    with pytest.raises(StopError), threads_for(SMALL, 256, "cpu"):
        raise StopError
    assert torch.get_num_threads() == 2


# ------------------------------------------------------------------ devices and seeds


def test_device_by_name():
    assert resolve_device("cpu") == resolve_device(CPU) == CPU


@pytest.mark.parametrize("device", ["toaster", "cuda:99"])
def test_a_device_that_is_not_there(device):
    with pytest.raises(ValueError, match=f"`device` '{device}' cannot be used"):
        resolve_device(device)
    assert resolve_device(device, fallback=True) == CPU


@pytest.mark.parametrize("device", ["mps", "vulkan", "meta", "cuda:99", "toaster"])
def test_the_error_about_a_device_is_short_and_says_what_can_be_used(device):
    with pytest.raises(
        ValueError, match=rf"'{device}' .*Here, 'cpu'.* can\."
    ) as caught:
        resolve_device(device)
    assert len(str(caught.value)) < 300


def test_draw_seed_is_reproducible_and_varies():
    rng = np.random.RandomState(0)
    seeds = [draw_seed(rng) for _ in range(5)]
    assert len(set(seeds)) == 5
    assert all(isinstance(seed, int) and seed >= 0 for seed in seeds)
    assert draw_seed(np.random.RandomState(0)) == seeds[0]


def draw_slowly(seed):
    """Draw twice, with time between for another thread to come in."""
    with seeded(seed, CPU):
        first = torch.rand(5)
        time.sleep(0.01)
        return first, torch.rand(5)


def test_threads_take_turns_and_draw_as_if_alone():
    alone = [draw_slowly(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(draw_slowly, range(8)))
    for expected, drawn in zip(alone, together, strict=True):
        assert all(map(torch.equal, expected, drawn))


def test_a_block_within_a_block_does_not_wait_for_itself():
    with seeded(0, CPU):
        inner = draw_inside(1)
    assert all(map(torch.equal, inner, draw_inside(1)))


@random_state_kept()
def test_what_optimizers_need_is_imported_and_nothing_else_happens():
    import_optimizers.cache_clear()
    import_optimizers()
    assert "torch._dynamo" in sys.modules


def test_threads_that_start_inside_may_borrow_and_those_before_wait():
    """Code of the user that waits for threads of its own would else wait for ever."""
    with ThreadPoolExecutor(1) as before:
        before.submit(int).result()
        with seeded(0, CPU), shared():
            waits = before.submit(draw_inside, 1)
            with ThreadPoolExecutor(2) as inside:
                drawn = list(inside.map(draw_inside, [1, 1], timeout=30))
            assert not waits.done()
            # And one within the other.
            with seeded(3, CPU), shared(), ThreadPoolExecutor(1) as deeper:
                drawn.append(deeper.submit(draw_inside, 1).result(30))
        drawn.append(waits.result(30))
    for found in drawn:
        assert torch.equal(found[0], drawn[0][0]) and torch.equal(found[1], drawn[0][1])
