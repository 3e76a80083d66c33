"""Tied-weight denoising autoencoders and the potential energy they define.

One stack holds ``G`` autoencoders, one for each mode, so that all modes are trained and
evaluated in one batched computation. Modes of fewer than ``d`` features are padded
with zeros, which is exact: padded features have zero weights, zero bias and zero value.

Sources: Vincent, "A connection between score matching and denoising autoencoders",
Neural Computation 23 (2011); Kamyshanska and Memisevic, "The potential energy of an
autoencoder", PAMI 37 (2015).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_emma._energies.padded import PaddedModes, pad
from sklearn_emma._statistics.exporting import softplus
from sklearn_emma._statistics.normal_scores import (
    NormalScoring,
    normal_scores,
    with_scores,
)


def reconstruct(
    x: Tensor,
    weight: Tensor,
    hidden_bias: Tensor,
    visible_bias: Tensor,
    stiffness: Tensor | float = 1.0,
) -> Tensor:
    """r(x) = x − κ (x − b) + Wᵀ sigmoid(W x + c); for κ = 1 the tied autoencoder.

    ``x`` (G, n, d), ``weight`` (G, K, d), ``hidden_bias`` (G, K), ``visible_bias``
    (G, d), ``stiffness`` κ (G,) or a number. Returns (G, n, d).
    """
    hidden = torch.sigmoid(
        torch.baddbmm(hidden_bias.unsqueeze(1), x, weight.transpose(1, 2))
    )
    kappa = stiffness.view(-1, 1, 1) if isinstance(stiffness, Tensor) else stiffness
    start = torch.lerp(x, visible_bias.unsqueeze(1), kappa)
    return torch.baddbmm(start, hidden, weight)


def potential(
    x: Tensor,
    weight: Tensor,
    hidden_bias: Tensor,
    visible_bias: Tensor,
    stiffness: Tensor | float = 1.0,
) -> Tensor:
    """Ψ(x) = ½ κ ‖x − b‖² − Σ_k softplus(w_k·x + c_k), with ∂Ψ/∂x = x − r(x).

    Shapes as in :func:`reconstruct`. Returns (G, n).
    """
    activation = torch.baddbmm(hidden_bias.unsqueeze(1), x, weight.transpose(1, 2))
    distance = (x - visible_bias.unsqueeze(1)).square().sum(2)
    kappa = stiffness.view(-1, 1) if isinstance(stiffness, Tensor) else stiffness
    return 0.5 * kappa * distance - softplus(activation).sum(2)


def gaussian_stiffness(sigma: float) -> float:
    """κ with which x − κ x is the best guess of what noise was added to.

    For Gaussian data of unit variance, and noise of standard deviation ``sigma``.
    """
    return sigma**2 / (1 + sigma**2)


class AutoencoderStack(nn.Module):
    """``G`` independent tied-weight autoencoders, padded to a common width.

    Parameters
    ----------
    widths : list of int
        Number of features of each mode.
    n_components : int
        Number of hidden units K of each autoencoder.
    dtype : torch.dtype
        Floating-point type of the parameters.
    stiffness : float, default=1.0
        κ of all.
    """

    recordable = True

    used: Tensor

    def __init__(
        self,
        widths: list[int],
        n_components: int,
        dtype: torch.dtype = torch.float32,
        stiffness: float = 1.0,
    ) -> None:
        super().__init__()
        self.stiffness = stiffness
        n_modes, width = len(widths), max(widths)
        used = torch.arange(width) < torch.tensor(widths).unsqueeze(1)
        self.register_buffer("used", used.to(dtype).unsqueeze(1))
        # Small weights start near the Gaussian energy ½κ‖x‖², from where training bends
        # it; smaller ones where that alone removes noise well.
        size = 0.5 if stiffness == 1.0 else 0.1
        scale = size / torch.tensor(widths, dtype=dtype).sqrt().view(-1, 1, 1)
        weight = torch.randn(n_modes, n_components, width, dtype=dtype) * scale
        self.weight = nn.Parameter(weight * self.used)
        self.hidden_bias = nn.Parameter(torch.zeros(n_modes, n_components, dtype=dtype))
        self.visible_bias = nn.Parameter(torch.zeros(n_modes, width, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct ``x`` (n, G, d), samples first; padded features stay 0."""
        r = reconstruct(
            x.transpose(0, 1),
            self.weight,
            self.hidden_bias,
            self.visible_bias,
            self.stiffness,
        )
        return (r * self.used).transpose(0, 1)


class FrozenAutoencoder(NamedTuple):
    """A trained autoencoder with its coordinates z = (φ(x) − mean) A.

    ``mean`` (D,), ``matrix`` A (D, D), ``weight`` (K, D), ``hidden_bias`` (K,),
    ``visible_bias`` (D,), ``stiffness`` (), and what :func:`normal_scores` needs,
    for one mode; without these φ(x) = x.
    """

    mean: Tensor
    matrix: Tensor
    weight: Tensor
    hidden_bias: Tensor
    visible_bias: Tensor
    stiffness: Tensor
    knots: Tensor | None = None
    base: Tensor | None = None
    slope: Tensor | None = None

    @classmethod
    def from_arrays(cls, arrays: Iterable[np.ndarray], dtype: torch.dtype) -> Self:
        """Make tensors of arrays in the order of the fields."""
        return cls(*(torch.tensor(array, dtype=dtype) for array in arrays))


class PotentialStack(nn.Module):
    """Frozen potential energies of all modes at once, from (n, d) to (n, M).

    Modes of similar width share one padded batch, so that the cost stays linear in the
    number of features.

    Parameters
    ----------
    autoencoders : list of FrozenAutoencoder
        One for each mode.
    columns : list of list of int
        Columns of each mode in the matrix to be scored.
    """

    position: Tensor

    def __init__(
        self, autoencoders: list[FrozenAutoencoder], columns: list[list[int]]
    ) -> None:
        super().__init__()
        groups: dict[tuple[int, int, bool], list[int]] = {}
        for mode, autoencoder in enumerate(autoencoders):
            n_components, width = autoencoder.weight.shape
            key = (width - 1).bit_length(), n_components, autoencoder.knots is None
            groups.setdefault(key, []).append(mode)
        self.modes = list(groups.values())
        self.groups = nn.ModuleList(
            _PotentialGroup(
                [autoencoders[i] for i in modes], [columns[i] for i in modes]
            )
            for modes in self.modes
        )
        order = [mode for modes in self.modes for mode in modes]
        self.register_buffer("position", torch.tensor(order).argsort())

    def forward(
        self,
        x: Tensor,
        needed: Tensor | None = None,
        normal_scores: Tensor | None = None,
    ) -> Tensor:
        """Potential energies (n, M) of ``x`` (n, d), or only the ``needed`` (n, M).

        Where a sample's mode is not needed, the result means nothing.
        ``normal_scores`` (n, d) are those of all columns, where they are known and all
        energies are needed.
        """
        if normal_scores is not None:
            energies = [g.of_scored(x, normal_scores) for g in self._groups()]
        else:
            energies = [
                group(x, None if needed is None else needed[:, modes].T)
                for group, modes in zip(self.groups, self.modes, strict=True)
            ]
        return torch.cat(energies)[self.position].T

    def scores_by(self, scoring: NormalScoring) -> bool:
        """Whether the normal scores of all columns are those of ``scoring``."""
        return all(group.scores_by(scoring) for group in self._groups())

    def _groups(self) -> Iterable[_PotentialGroup]:
        return cast("Iterable[_PotentialGroup]", self.groups)


class _PotentialGroup(PaddedModes):
    """Potential energies of the modes that share one padded batch."""

    mean: Tensor
    matrix: Tensor
    weight: Tensor
    hidden_bias: Tensor
    visible_bias: Tensor
    stiffness: Tensor
    knots: Tensor | None
    base: Tensor
    slope: Tensor

    def __init__(
        self, autoencoders: list[FrozenAutoencoder], columns: list[list[int]]
    ) -> None:
        super().__init__(columns)
        n_features = self.columns.shape[1]
        width = max(len(autoencoder.mean) for autoencoder in autoencoders)
        stacked = zip(*autoencoders, strict=True)
        for name, tensors in zip(FrozenAutoencoder._fields, stacked, strict=True):
            if any(tensor is None for tensor in tensors):
                self.register_buffer(name, None)
                continue
            sizes = _PADDED[name](n_features, width)
            self.register_buffer(name, torch.stack([pad(t, sizes) for t in tensors]))

    def of_values(self, modes: Tensor) -> Tensor:
        """Energies (G, k) of (G, k, d); a padded column meets zeros in ``matrix``."""
        if self.knots is not None:
            scores = normal_scores(modes, self.knots, self.base, self.slope)
            modes = with_scores(modes, scores)
        return self._of_features(modes)

    def of_scored(self, x: Tensor, scores: Tensor) -> Tensor:
        """Energies (G, n) of ``x`` (n, d) whose normal ``scores`` (n, d) are known."""
        return self._of_features(with_scores(self.by_mode(x), self.by_mode(scores)))

    def scores_by(self, scoring: NormalScoring) -> bool:
        """Whether the normal scores of all modes are those of ``scoring``."""
        if self.knots is None:
            return False
        own = zip(self.knots, self.base, self.slope, strict=True)
        columns = zip(self.columns, self.widths, strict=True)
        return all(
            scoring.agrees(which[:width], *(tensor[:width] for tensor in maps))
            for (which, width), maps in zip(columns, own, strict=True)
        )

    def _of_features(self, features: Tensor) -> Tensor:
        """Energies (G, k) of what coordinates are made of, (G, k, D)."""
        z = torch.bmm(features - self.mean.unsqueeze(1), self.matrix)
        return potential(
            z, self.weight, self.hidden_bias, self.visible_bias, self.stiffness
        )


# Size of each tensor in a group of modes of up to d features, D coordinates; −1: as is.
_PADDED: dict[str, Callable[[int, int], tuple[int, ...]]] = {
    "mean": lambda d, D: (D,),
    "matrix": lambda d, D: (D, D),
    "weight": lambda d, D: (-1, D),
    "hidden_bias": lambda d, D: (-1,),
    "visible_bias": lambda d, D: (D,),
    "stiffness": lambda d, D: (),
    "knots": lambda d, D: (d, -1),
    "base": lambda d, D: (d, -1),
    "slope": lambda d, D: (d, -1),
}
