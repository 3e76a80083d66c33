"""One source of randomness for each seed, as if its training ran alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sklearn_emma._optim.torch_state import forked, seeded


class RandomStream:
    """The random state of :func:`~.torch_state.seeded`, to be left and resumed.

    Dropout knows only torch's global state. Several trainings that take turns each
    need their own, at the point where they left it.

    Parameters
    ----------
    seed : int
        Of the global state and of ``generator``.
    device : torch.device
        Whose global state it is, beside that of the CPU.

    Attributes
    ----------
    generator : torch.Generator
        For all that can be told which generator to use.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._device = device
        with seeded(seed, device) as generator:
            self.generator = generator
            self.state = self._read()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Put this stream's state in place of the global one, and go on from there."""
        with forked(self._cuda()):
            torch.default_generator.set_state(self.state[0])
            for device, state in zip(self._cuda(), self.state[1:], strict=True):
                torch.cuda.set_rng_state(state, device)
            yield
            self.state = self._read()

    def _read(self) -> list[torch.Tensor]:
        gpu = [torch.cuda.get_rng_state(device) for device in self._cuda()]
        return [torch.default_generator.get_state(), *gpu]

    def _cuda(self) -> list[torch.device]:
        return [self._device] if self._device.type == "cuda" else []
