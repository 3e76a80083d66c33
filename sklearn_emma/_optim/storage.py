"""Torch modules as arrays and plain containers, for files that run no code.

skops stores an object by its ``__getstate__``, and knows numpy arrays but no tensors.
pickle and copies go by ``__reduce_ex__``, and keep modules as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# Attributes of every module that are kept in another way, or made anew: hooks are.
_OWN = frozenset(vars(nn.Module()))


class StoredTensor:
    """A tensor as an array; a parameter, if ``requires_grad`` is not None."""

    def __init__(self, tensor: Tensor) -> None:
        self.array: np.ndarray = tensor.detach().cpu().numpy()
        is_parameter = isinstance(tensor, nn.Parameter)
        self.requires_grad = tensor.requires_grad if is_parameter else None

    def restore(self) -> Tensor:
        """Make the tensor, on the CPU."""
        tensor = torch.from_numpy(np.array(self.array))
        if self.requires_grad is None:
            return tensor
        return nn.Parameter(tensor, requires_grad=self.requires_grad)


class StoredModule:
    """A torch module as its class, its tensors by name, and its plain attributes."""

    def __init__(self, module: nn.Module) -> None:
        self.kind = type(module)
        self.training = module.training
        self.parts = {
            name: stored(getattr(module, name))
            for name in ("_parameters", "_buffers", "_modules")
        }
        self.transient = sorted(module._non_persistent_buffers_set)
        others = vars(module).keys() - _OWN
        self.attributes = {
            name: stored(value)
            for name, value in vars(module).items()
            if name in others
        }

    def restore(self) -> nn.Module:
        """Make the module, without calling its constructor."""
        module: nn.Module = self.kind.__new__(self.kind)
        nn.Module.__init__(module)
        module.training = self.training
        for name, content in self.parts.items():
            getattr(module, name).update(restored(content))
        module._non_persistent_buffers_set.update(self.transient)
        vars(module).update(restored(self.attributes))
        return module


def stored(value: Any) -> Any:
    """Replace tensors and modules, also those in lists, tuples and dicts."""
    if isinstance(value, Tensor):
        return StoredTensor(value)
    if isinstance(value, nn.Module):
        return StoredModule(value)
    return _within(value, stored)


def restored(value: Any) -> Any:
    """Undo :func:`stored`."""
    if isinstance(value, StoredTensor | StoredModule):
        return value.restore()
    return _within(value, restored)


def _within(value: Any, change: Any) -> Any:
    if type(value) in (list, tuple):
        return type(value)(change(item) for item in value)
    if isinstance(value, dict):
        return {key: change(item) for key, item in value.items()}
    return value


class StoresTensors:
    """Base of objects with tensors or modules, which skops can store."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _with_attributes, (type(self), vars(self))

    def __getstate__(self) -> dict[str, Any]:
        return {name: stored(value) for name, value in vars(self).items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({name: restored(value) for name, value in state.items()})


def _with_attributes(kind: type, attributes: dict[str, Any]) -> Any:
    made: Any = object.__new__(kind)
    vars(made).update(attributes)
    return made
