"""Steps of Adam without what torch does around them."""

from __future__ import annotations

from typing import Any

import torch
from torch.optim import Adam, Optimizer
from torch.optim import optimizer as of_torch
from torch.optim.adam import adam

# What a group says of the computation, by the name that it has there.
_SETTINGS = "amsgrad", "eps", "lr", "maximize", "weight_decay"


def fast_adam(optimizer: Optimizer) -> FastAdam | None:
    """What takes further steps of an optimiser that has taken one, if it is simple.

    That is torch's Adam on a CPU, in one operation, which nobody else hears of.
    """
    if type(optimizer) is not Adam or _global_hooks():
        return None
    simple = all(
        group["fused"] and not group["amsgrad"] and not group["decoupled_weight_decay"]
        for group in optimizer.param_groups
    )
    known = all(
        parameter.device.type == "cpu" and optimizer.state.get(parameter)
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter.requires_grad
    )
    return FastAdam(optimizer) if simple and known else None


def _global_hooks() -> bool:
    """Whether somebody wants to hear of the steps of all optimisers."""
    kinds = "_global_optimizer_pre_hooks", "_global_optimizer_post_hooks"
    return any(getattr(of_torch, kind, None) for kind in kinds)


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
        if all(group.is_as_ever() for group in self._groups):
            for group in self._groups:
                group.step()
        else:
            self._optimizer.step()


class _Group:
    def __init__(self, optimizer: Adam, settings: dict[str, Any]) -> None:
        self._settings = settings
        params = settings["params"]
        self._params = [p for p in params if p.requires_grad]
        self._frozen = [p for p in params if not p.requires_grad]
        states = [optimizer.state[parameter] for parameter in self._params]
        self._moments, self._squares, self._steps = (
            [state.get(name) for state in states]
            for name in ("exp_avg", "exp_avg_sq", "step")
        )

    def is_as_ever(self) -> bool:
        """Whether all that is learnt has a gradient, and nothing else."""
        learnt = all(parameter.grad is not None for parameter in self._params)
        return learnt and all(parameter.grad is None for parameter in self._frozen)

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
