"""The fitted model as one torch module, to be exported and run without this package."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.compiler import is_exporting
from torch.nn.functional import one_hot

from sklearn_emma._energies.finite import finite_energy
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.ragged import mark_ends
from sklearn_emma._inputs.standardisation import FARTHEST, Standardisation
from sklearn_emma._model.model import EMMAModel
from sklearn_emma._statistics.convolving import ProductsForConvolutions
from sklearn_emma._statistics.normal_scores import NormalScoring


class DeployedModel(nn.Module):
    """From raw X to probabilities and attention, in torch operations alone.

    Nothing in ``forward`` depends on values of X but through tensors, so that it can be
    traced.

    Parameters
    ----------
    model : EMMAModel
        Copied. Its energies are a torch module, and so is what predicts.
    dtype : torch.dtype, default=None
        In which everything behind standardisation is computed; None: that of the model.
    n_features_in : int, default=None
        Number of columns that X must have; None: as many as the modes reach to.
    """

    order: Tensor
    member: Tensor
    shift: Tensor
    scale: Tensor
    units: Tensor
    dead_zone: Tensor

    def __init__(
        self,
        model: EMMAModel,
        dtype: torch.dtype | None = None,
        n_features_in: int | None = None,
    ) -> None:
        super().__init__()
        assert model.energies.stack is not None
        self.energies = copy.deepcopy(model.energies.stack)
        self.network = copy.deepcopy(model.network)
        self.joint = copy.deepcopy(model.joint)
        self.in_common = model.scoring is not None
        layout: ModeLayout = model.layout
        self.n_features_in = n_features_in or int(layout.order.max()) + 1
        dtype = dtype or self.network.gate.weight.dtype
        units = Standardisation.of(model.scaler.mean_, model.scaler.scale_, model.dtype)
        self.to(dtype)
        arrays = {
            "order": layout.order,
            "member": one_hot(torch.from_numpy(layout.index), layout.n_modes),
            **units._asdict(),
        }
        for name, array in arrays.items():
            tensor = torch.as_tensor(array)
            self.register_buffer(name, tensor.to(self.network.mode_index.device))
        self.member = self.member.to(dtype)
        self.eval().requires_grad_(False)

    @property
    def scoring(self) -> NormalScoring | None:
        """Normal scores that serve energies and joint energy, if they do."""
        if self.joint is None or not self.in_common:
            return None
        return self.joint.scoring

    def forward(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (n, C) and attention (n, M) of ``X`` (n, n_features_in).

        Attention is that of the modes, also where they have parts.

        Raises
        ------
        ValueError
            If X is not of that shape.
        """
        with ProductsForConvolutions() if is_exporting() else nullcontext():
            return self._answers(X)

    def _answers(self, X: Tensor) -> tuple[Tensor, Tensor]:
        if X.dim() != 2 or X.shape[1] != self.n_features_in:
            raise ValueError(
                f"X must be a tensor of shape (n_samples, {self.n_features_in}), the "
                f"columns in the order of the training data, got {tuple(X.shape)}."
            )
        largest = torch.finfo(self.shift.dtype).max
        x = X.index_select(1, self.order).to(self.shift.dtype)
        known = ~x.isnan()
        # Runtimes differ in what they make of NaN: let none reach them.
        x = torch.where(known, x, 0.0).clamp(-largest, largest)
        present = known.to(self.member.dtype) @ self.member > 0
        z = (x * self.units[0] * self.units[1] - self.shift) / self.scale
        z = torch.where(z.abs() <= self.dead_zone, 0.0, z).clamp(-FARTHEST, FARTHEST)
        z = torch.where(known, z, 0.0).to(self.member.dtype)
        if self.network.layout.ragged:
            z = mark_ends(z, known, self.network.layout)
        scores = None if self.scoring is None else self.scoring(z)
        scored = () if scores is None else (scores,)
        energies = finite_energy(self.energies(z, None, *scored))
        potential = torch.where(present, energies, 0.0)
        trust = None
        if self.joint is not None:
            trust = self.joint.trust(z, potential, present, scores)
        output = self.network(z, potential, present, trust)
        return torch.softmax(output.logits, dim=1), output.scores.of_modes.attention
