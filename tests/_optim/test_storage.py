import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_emma._optim.storage import StoresTensors, restored, stored


class Odd(nn.Module):
    """Parameters, buffers of both kinds, None in place of some, plain attributes."""

    def __init__(self):
        super().__init__()
        self.free = nn.Parameter(torch.randn(2, 3))
        self.fixed = nn.Parameter(torch.ones(()), requires_grad=False)
        self.register_buffer("kept", torch.arange(3))
        self.register_buffer("made", torch.tensor([True]), persistent=False)
        self.register_buffer("absent", None)
        self.register_parameter("nothing", None)
        self.layers = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
        self.sizes = (2, [3, {"a": torch.zeros(1)}])

    def forward(self, x):
        return self.layers(x) * self.fixed + self.free.sum()


class Holder(StoresTensors):
    def __init__(self, module):
        self.module, self.by_name = module, {"x": torch.ones(2)}


def leaves(value):
    """Everything in a stored object that is no container."""
    if isinstance(value, dict):
        value = list(value.values())
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        value = list(vars(value).values())
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def test_a_stored_module_has_arrays_and_comes_back_as_it_was():
    module = Odd().eval()
    content = stored(module)
    kinds = {type(leaf) for leaf in leaves(content)}
    assert kinds <= {np.ndarray, str, bool, int, float, type(None), type}
    back = restored(content)
    assert type(back) is Odd and not back.training and not back.layers.training
    x = torch.randn(4, 3)
    assert torch.equal(back(x), module(x))
    assert back.free.requires_grad and not back.fixed.requires_grad
    assert isinstance(back.fixed, nn.Parameter)
    assert back.absent is None and back.nothing is None
    assert back.state_dict().keys() == module.state_dict().keys()
    assert torch.equal(back.made, module.made)
    assert back.sizes[0] == 2 and torch.equal(back.sizes[1][1]["a"], torch.zeros(1))
    back(x).sum().backward()  # hooks and gradients work
    assert back.free.grad is not None and module.free.grad is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_tensors_keep_type_shape_and_values(dtype):
    tensor = torch.arange(6).view(2, 3).to(dtype)
    back = restored(stored(tensor))
    assert back.dtype == dtype and torch.equal(back, tensor)
    back.add_(1)
    assert tensor[0, 0] == 0  # memory of its own


def test_state_is_free_of_tensors_and_sets_everything():
    holder = Holder(Odd())
    state = holder.__getstate__()
    back = Holder.__new__(Holder)
    back.__setstate__(state)
    assert torch.equal(back.by_name["x"], torch.ones(2))
    assert torch.equal(back.module.free, holder.module.free)


def test_pickles_and_copies_do_not_go_by_it(monkeypatch):
    holder = Holder(Odd())
    monkeypatch.delattr(StoresTensors, "__getstate__")
    monkeypatch.delattr(StoresTensors, "__setstate__")
    for back in (pickle.loads(pickle.dumps(holder)), copy.deepcopy(holder)):
        assert torch.equal(back.module.free, holder.module.free)
        assert back.module is not holder.module
    assert copy.copy(holder).module is holder.module
