"""Steps of Adam without what torch does around them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer
from torch.optim.adam import adam

# What a group says of the computation, by the name that it has there.
_SETTINGS = "amsgrad", "eps", "lr", "maximize", "weight_decay"


def fast_adam(optimizer: Optimizer) -> FastAdam | None:
    """What takes further steps of an optimiser that has taken one, if it is simple.

    That is torch's Adam on a CPU, in one operation, with a gradient of all that it may
    change.
    """
    if type(optimizer) is not Adam:
        return None
    simple = all(
        group["fused"] and not group["amsgrad"] and not group["decoupled_weight_decay"]
        for group in optimizer.param_groups
    )
    known = all(
        parameter.device.type == "cpu" and "exp_avg" in optimizer.state[parameter]
        for parameter in _learnt(optimizer.param_groups)
    )
    return FastAdam(optimizer) if simple and known else None


class FastAdam:
    """Steps of Adam that look nothing up.

    Looking up what it remembers of each parameter, and telling profilers of it, takes
    Adam as long as the step itself of a small network. Here that is looked up once.

    Parameters
    ----------
    optimizer : Adam
        Whose memory is used, and kept up to date; its learning rates may change.
    """

    def __init__(self, optimizer: Adam) -> None:
        self._optimizer = optimizer
        self._groups = [_Group(optimizer, group) for group in optimizer.param_groups]

    @torch.no_grad()
    def __call__(self) -> None:
        """Take a step by the gradients of now."""
        if all(group.has_gradients() for group in self._groups):
            for group in self._groups:
                group.step()
        else:
            self._optimizer.step()  # passes over what has none


class _Group:
    def __init__(self, optimizer: Adam, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._params = _learnt([settings])
        states = [optimizer.state[parameter] for parameter in self._params]
        self._moments, self._squares, self._steps = (
            [state.get(name) for state in states]
            for name in ("exp_avg", "exp_avg_sq", "step")
        )

    def has_gradients(self) -> bool:
        return all(parameter.grad is not None for parameter in self._params)

    def step(self) -> None:
        beta1, beta2 = self._settings["betas"]
        adam(
            self._params,
            [p.grad for p in self._params if p.grad is not None],
            self._moments,
            self._squares,
            [],
            self._steps,
            fused=True,
            beta1=beta1,
            beta2=beta2,
            **{name: self._settings[name] for name in _SETTINGS},
        )


def _learnt(groups: list[dict[str, Any]]) -> list[Tensor]:
    return [p for group in groups for p in group["params"] if p.requires_grad]
