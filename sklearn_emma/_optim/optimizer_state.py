"""What an optimiser remembers of its steps, kept from one training to the next."""

from __future__ import annotations

import copy

from torch import Tensor
from torch.optim import Optimizer

from sklearn_emma._optim.storage import StoresTensors


class OptimizerState(StoresTensors):
    """State of the parameters of an optimiser: Adam's moments, SGD's momentum.

    Settings, such as the learning rate, are not part of it. It lives on the CPU, so
    that it can be loaded where there is no GPU. Empty at first.
    """

    def __init__(self) -> None:
        self.kind: type[Optimizer] | None = None
        self.state: dict[object, object] = {}

    def keep(self, optimizer: Optimizer) -> None:
        """Remember the state of ``optimizer``."""
        self.kind = type(optimizer)
        state = optimizer.state_dict()["state"]
        self.state = {key: _copied(part) for key, part in state.items()}

    def restore(self, optimizer: Optimizer) -> None:
        """Hand it to an optimiser of the same kind and the same parameters."""
        if type(optimizer) is self.kind:
            groups = optimizer.state_dict()["param_groups"]
            # torch would use these tensors themselves, and change them in its steps.
            state = copy.deepcopy(self.state)
            optimizer.load_state_dict({"state": state, "param_groups": groups})


def _copied(value: object) -> object:
    """A copy on the CPU, of no more than what is seen of a tensor."""
    if isinstance(value, Tensor):
        return value.to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_copied(part) for part in value]
    return copy.deepcopy(value)
