"""Networks of one kind, each with inputs of its own, in one module."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from sklearn_emma._predictors.mlp_module import MLPModule


class SideBySide(nn.Module):
    """As many copies of a network, which learn apart from each other.

    An operation of a small network takes about as long for three as for one. Each
    parameter is that of all copies, along a first axis; what is no parameter they
    share.

    Parameters
    ----------
    network : MLPModule
        What all of them start as, without layers by mode; it is left as it is.
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
        """Each by itself: copies of ``network`` with what each has learnt."""
        for k in range(self.n_networks):
            alone = copy.deepcopy(network)
            for name, parameter in alone.named_parameters():
                learnt = self.networks.get_parameter(name)
                parameter.copy_(learnt[k].view_as(parameter))
            yield alone


class _Linears(nn.Module):
    """Linear layers, (K, n, n_in) to (K, n, n_out)."""

    recordable = True

    def __init__(self, layer: nn.Linear, n_layers: int) -> None:
        super().__init__()
        self.weight = _repeated(layer.weight, n_layers)
        self.bias = None
        if layer.bias is not None:
            self.bias = _repeated(layer.bias, n_layers, rows=True)

    def forward(self, x: Tensor) -> Tensor:
        if self.bias is None:
            return torch.bmm(x, self.weight.mT)
        return torch.baddbmm(self.bias, x, self.weight.mT)


def _repeated(parameter: Tensor, number: int, *, rows: bool = False) -> nn.Parameter:
    """One for each; with an axis between, for all ``rows`` that it is added to."""
    one = parameter.detach().unsqueeze(0) if rows else parameter.detach()
    return nn.Parameter(one.expand(number, *one.shape).clone())
