"""Steps of Adam without what torch does around them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer
from torch.optim import optimizer as of_torch

# The operation that torch's Adam ends in. It is private: without it, Adam takes its
# own steps.
_fused_adam: Any = getattr(torch, "_fused_adam_", None)

# What a group says of the computation, by the name that it has there.
_SETTINGS = "amsgrad", "eps", "lr", "maximize", "weight_decay"


def fast_adam(optimizer: Optimizer) -> FastAdam | None:
    """What takes further steps of an optimiser that has taken one, if it is simple.

    That is torch's Adam on a CPU, in one operation, which nobody else hears of.
    """
    if type(optimizer) is not Adam or _global_hooks() or _fused_adam is None:
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

    Looking up what it remembers of each parameter, counting its steps, and telling
    profilers of it, takes Adam twice as long as the step itself of a small network.
    Here that is looked up once, and counted for all parameters at once.

    Parameters
    ----------
    optimizer : Adam
        Whose memory is used, and kept up to date; its learning rates may change.
    """

    def __init__(self, optimizer: Adam) -> None:
        self._optimizer = optimizer
        self._learnt: list[Tensor] = []
        self._frozen: list[Tensor] = []
        self._alike: list[_Alike] = []
        for group in optimizer.param_groups:
            learnt = [p for p in group["params"] if p.requires_grad]
            self._learnt += learnt
            self._frozen += [p for p in group["params"] if not p.requires_grad]
            for dtype in dict.fromkeys(p.dtype for p in learnt):
                params = [p for p in learnt if p.dtype == dtype]
                states = [optimizer.state[parameter] for parameter in params]
                self._alike.append(_Alike(params, states, group))

    @torch.no_grad()
    def __call__(self) -> None:
        """Take a step by the gradients of now."""
        all_have = all(parameter.grad is not None for parameter in self._learnt)
        if all_have and all(parameter.grad is None for parameter in self._frozen):
            for alike in self._alike:
                alike.step()
        else:
            self._optimizer.step()


class _Alike:
    """Parameters of one group and one type, and what is remembered of them."""

    def __init__(
        self,
        params: list[Tensor],
        states: list[dict[str, Tensor]],
        settings: dict[str, Any],
    ) -> None:
        self._params, self._settings = params, settings
        self._moments, self._squares, counts = (
            [state[name] for state in states]
            for name in ("exp_avg", "exp_avg_sq", "step")
        )
        # Steps are counted in one tensor, of which Adam sees each parameter's part.
        self._count = torch.stack(counts)
        self._counts = list(self._count.unbind())
        for state, count in zip(states, self._counts, strict=True):
            state["step"] = count

    def step(self) -> None:
        self._count.add_(1)
        beta1, beta2 = self._settings["betas"]
        _fused_adam(
            self._params,
            [parameter.grad for parameter in self._params],
            self._moments,
            self._squares,
            [],
            self._counts,
            beta1=beta1,
            beta2=beta2,
            **{name: self._settings[name] for name in _SETTINGS},
        )
