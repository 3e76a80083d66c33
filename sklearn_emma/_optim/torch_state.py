"""Torch's global state, borrowed and given back: seeds, devices, threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Generator, nn

RandomStateLike: TypeAlias = int | np.random.RandomState | None

# With fewer multiply-adds in a batch, a second thread costs more than it saves.
_SINGLE_THREAD_WORK = 2e8


class _Turn(NamedTuple):
    """A lock, and the threads that it does not concern; see :func:`shared`."""

    lock: AbstractContextManager[object]
    without: frozenset[threading.Thread] = frozenset()


# All threads of a process share torch's global state, so one at a time may use it.
_TURNS = [_Turn(threading.RLock())]


def after_fork(function: Callable[[], None]) -> None:
    """Call ``function`` at once in every child that this process forks.

    A lock that another thread holds at that moment is never released in the child,
    where that thread does not exist.
    """
    if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
        os.register_at_fork(after_in_child=function)


def _free_in_child() -> None:
    _TURNS[:] = [_Turn(threading.RLock())]


after_fork(_free_in_child)

# Held while modules are imported: a process is not forked meanwhile, or the child would
# wait for ever for a module that nobody goes on importing there.
_IMPORTING = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _IMPORTING.acquire(),
        after_in_parent=lambda: _IMPORTING.release(),
        after_in_child=lambda: _IMPORTING.release(),
    )


@cache
def import_optimizers() -> None:
    """Let torch import what it needs for its first optimizer, which takes a second.

    Before any training, which may run in a thread while another one forks.
    """
    with _IMPORTING:
        weight = torch.zeros(1, requires_grad=True)
        weight.grad = torch.zeros(1)
        torch.optim.SGD([weight], lr=0.0).step()


@contextmanager
def forked(devices: list[torch.device]) -> Iterator[None]:
    """Leave torch's global random state as it was; other threads wait meanwhile."""
    here = threading.current_thread()
    turn = next(turn for turn in reversed(tuple(_TURNS)) if here not in turn.without)
    with turn.lock, torch.random.fork_rng(devices=devices):
        yield


@contextmanager
def shared() -> Iterator[None]:
    """Let threads that start inside borrow what this one has borrowed.

    Around code of the user, which may wait for threads of its own. One at a time, too;
    those that were there before go on waiting.
    """
    others = frozenset(threading.enumerate()) - {threading.current_thread()}
    turn = _Turn(threading.RLock(), others)
    _TURNS.append(turn)
    try:
        yield
    finally:
        with suppress(ValueError):  # in a child that was forked inside
            _TURNS.remove(turn)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[Generator]:
    """Seed torch inside, leave its global state untouched, yield a generator.

    Module initialisation and dropout know only the global state, so it is forked.
    """
    devices = [device] if device.type == "cuda" else []
    with forked(devices):
        # torch.manual_seed would reseed every GPU, forked or not.
        torch.default_generator.manual_seed(seed)
        if devices:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield torch.Generator(device).manual_seed(seed)


@contextmanager
def threads_for(
    module: nn.Module, batch_size: int, device: torch.device | str
) -> Iterator[None]:
    """Use a single thread for a small module: several would wait for each other."""
    n_parameters = sum(p.numel() for p in module.parameters())
    threads = torch.get_num_threads()
    small = n_parameters * batch_size < _SINGLE_THREAD_WORK
    if threads == 1 or torch.device(device).type != "cpu" or not small:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def resolve_device(device: torch.device | str, fallback: bool = False) -> torch.device:
    """Torch device by name; with ``fallback`` the CPU if that device cannot be used.

    Raises
    ------
    ValueError
        If torch does not know the device or cannot reach it.
    """
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
        if resolved.type == "meta":
            raise RuntimeError("it holds no values")
    except (RuntimeError, AssertionError) as error:
        if fallback:
            return torch.device("cpu")
        # torch goes on for pages about its backends.
        reason = str(error).partition(". ")[0].partition("\n")[0]
        usable = "'cpu' or 'cuda'" if torch.cuda.is_available() else "'cpu'"
        raise ValueError(
            f"`device` {device!r} cannot be used: {reason}. Here, {usable} can."
        ) from error
    if resolved.type == "cuda" and resolved.index is None:
        # Tensors have numbered devices, and only numbered ones compare equal to them.
        resolved = torch.device("cuda", torch.cuda.current_device())
    return resolved


def draw_seed(random_state: np.random.RandomState) -> int:
    """One integer from which everything else is derived."""
    return int(random_state.randint(np.iinfo(np.int32).max))
