import math

import pytest
import torch
from torch import nn

from sklearn_emma._statistics.exporting import constant, softplus


class Of(nn.Module):
    """A function as what can be exported."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def exported(function, x):
    return torch.export.export(Of(function), (x,))


VALUES = [-800.0, -40.0, -1.0, 0.0, 1e-9, 1.0, 19.99, 20.01, 40.0, 800.0, 1e300]


def test_softplus_is_that_of_torch():
    x = torch.tensor(VALUES, dtype=torch.float64)
    assert torch.equal(softplus(x), nn.functional.softplus(x))
    assert softplus(x)[3] == pytest.approx(math.log(2))


def test_what_is_exported_in_double_precision_says_the_same_by_other_operations():
    x = torch.tensor(VALUES, dtype=torch.float64)
    program = exported(softplus, x)
    torch.testing.assert_close(program.module()(x), softplus(x), rtol=0, atol=1e-15)
    assert "softplus" not in str(program.graph)


def test_what_is_exported_in_single_precision_is_the_operation_itself():
    program = exported(softplus, torch.zeros(3))
    assert "softplus" in str(program.graph)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_constant_keeps_its_type_in_what_is_exported(dtype):
    tiny = torch.finfo(dtype).tiny
    x = torch.tensor([0.0, 1.0], dtype=dtype)
    assert constant(tiny, x) == tiny
    program = exported(lambda x: x.clamp_min(constant(tiny, x)), x)
    assert program.module()(x).tolist() == [tiny, 1.0]
    (held,) = program.constants.values()
    assert held.dtype == dtype
    assert held.item() == tiny
