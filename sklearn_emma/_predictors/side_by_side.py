"""Networks of one kind, each with inputs of its own, in one module."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TypeGuard

import torch
from torch import Tensor, nn

from sklearn_emma._predictors.mlp_module import MLPModule

# The products of a network with more parameters take longer than what is saved.
_MOST_PARAMETERS = 2**17


def gains_side_by_side(network: nn.Module) -> TypeGuard[MLPModule]:
    """Whether copies of a network learn faster side by side than one by one."""
    # Modes are wide that have a layer each, LinearByMode.
    narrow = isinstance(network, MLPModule) and not network.widths
    size = sum(parameter.numel() for parameter in network.parameters())
    return narrow and size <= _MOST_PARAMETERS


class SideBySide(nn.Module):
    """As many copies of a network, which learn apart from each other.

    An operation of a small network takes about as long for three as for one. Each
    parameter is that of all copies, along a first axis; what is no parameter they
    share.

    Parameters
    ----------
    network : MLPModule
        What all of them start as, of narrow modes; it is left as it is.
    n_networks : int
        Number of copies K.
    """

    recordable = True

    def __init__(self, network: MLPModule, n_networks: int) -> None:
        super().__init__()
        self.n_networks = n_networks
        self.networks = copy.deepcopy(network)
        for name, layer in network.named_modules():
            if isinstance(layer, nn.Linear):
                self.networks.set_submodule(name, _Linears(layer, n_networks))

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (n, K, n_outputs) of inputs ``x`` (n, K, d)."""
        outputs: Tensor = self.networks(x.transpose(0, 1).contiguous())
        return outputs.transpose(0, 1)

    @torch.no_grad()
    def apart(self, network: MLPModule) -> Iterator[MLPModule]:
        """Each by itself, to predict: copies of ``network`` with what it has learnt."""
        for k in range(self.n_networks):
            alone = copy.deepcopy(network).eval()
            for name, parameter in alone.named_parameters():
                parameter.copy_(self.networks.get_parameter(name)[k])
            yield alone


class _Linears(nn.Module):
    """Linear layers, (K, n, n_in) to (K, n, n_out)."""

    recordable = True

    def __init__(self, layer: nn.Linear, n_layers: int) -> None:
        super().__init__()
        self.weight = _repeated(layer.weight, n_layers)
        self.bias = None if layer.bias is None else _repeated(layer.bias, n_layers)

    def forward(self, x: Tensor) -> Tensor:
        if self.bias is None:
            return torch.bmm(x, self.weight.mT)
        return torch.baddbmm(self.bias.unsqueeze(1), x, self.weight.mT)


def _repeated(parameter: Tensor, number: int) -> nn.Parameter:
    repeated = parameter.detach().expand(number, *parameter.shape)
    if parameter.ndim == 2:
        # As the products' gradients lie in memory, which would be copied otherwise.
        return nn.Parameter(repeated.mT.contiguous().mT)
    return nn.Parameter(repeated.clone())
