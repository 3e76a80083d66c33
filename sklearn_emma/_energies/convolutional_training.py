"""Train a convolutional potential by denoising, and score with what it has learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_emma._energies.autoencoder import gaussian_stiffness
from sklearn_emma._energies.convolution import (
    Convolution,
    ConvolutionalAutoencoder,
    potential,
)
from sklearn_emma._energies.finite import finite_energy
from sklearn_emma._energies.frequencies import Spectrum, fit_spectrum, whitened
from sklearn_emma._energies.innovations import Innovations
from sklearn_emma._optim.loop import train
from sklearn_emma._optim.net import Options, make_net
from sklearn_emma._optim.samples import Samples, auto_batch_size
from sklearn_emma._optim.torch_state import seeded

# Of few samples small steps are needed to forget where the weights started.
FEWEST_IN_A_STEP = 16

# Rows that hardly count may lie anywhere; so far out they can still be squared.
FARTHEST = 1e12

# Values in memory at a time while rows are scored.
_CHUNK_VALUES = 2**24


class Kernels(NamedTuple):
    """What is learnt: W as the convolution's ``kernels``, c (K,), b (channels, …)."""

    weight: np.ndarray
    hidden_bias: np.ndarray
    visible_bias: np.ndarray

    def astype(self, dtype: np.dtype) -> Kernels:
        """All arrays in another floating-point type."""
        return Kernels(*(array.astype(dtype, copy=False) for array in self))


class Scored(Protocol):
    """A frozen potential of one mode."""

    def by_chunks(self, x: Tensor) -> Tensor:
        """Potential energies (n,) of ``x`` (n, d), some rows at a time."""
        ...


class FrozenConvolution(nn.Module):
    """Frozen energy of one mode, from flattened rows (n, d) to (n,): ``forward``.

    Parameters
    ----------
    convolution : Convolution
        Shapes.
    coordinates : Spectrum or Innovations
        Coordinates.
    kernels : Kernels
        What was learnt in them.
    stiffness : float
        κ.
    dtype : torch.dtype
        In which everything is computed.
    """

    mean: Tensor
    scale: Tensor
    weight: Tensor
    hidden_bias: Tensor
    visible_bias: Tensor

    def __init__(
        self,
        convolution: Convolution,
        coordinates: Spectrum | Innovations,
        kernels: Kernels,
        stiffness: float,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.convolution, self.stiffness = convolution, stiffness
        arrays = {**coordinates._asdict(), **kernels._asdict()}
        for name, array in arrays.items():
            tensor = None if array is None else torch.tensor(array, dtype=dtype)
            self.register_buffer(name, tensor)

    def by_chunks(self, x: Tensor) -> Tensor:
        """The same, some rows at a time, in memory that does not grow with rows."""
        return in_chunks(self, self.convolution, x)


class ConvolutionalPotential(FrozenConvolution):
    """Potential energy in the coordinates of a :class:`Spectrum`."""

    roots: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        """Potential energies (n,) of ``x`` (n, d)."""
        z = x.reshape(x.shape[0], *self.convolution.shape)
        z = whitened(z, self.mean, self.scale, self.roots)
        parameters = self.weight, self.hidden_bias, self.visible_bias
        return potential(z, self.convolution, *parameters, self.stiffness)


def in_chunks(scored: nn.Module, convolution: Convolution, x: Tensor) -> Tensor:
    """Energies (n,) of ``x`` (n, d), so many rows at a time as fit into memory."""
    values = convolution.n_components * convolution.n_positions
    rows = max(1, _CHUNK_VALUES // max(values, x.shape[1]))
    if len(x) <= rows:
        found: Tensor = scored(x)
        return found
    return torch.cat([scored(part) for part in x.split(rows)])


class ConvolutionalStack(nn.Module):
    """Frozen convolutional energies of modes, from (n, d) to (n, M).

    Parameters
    ----------
    potentials : list of ConvolutionalPotential or RaggedPotential
        One for each mode.
    columns : list of list of int
        Columns of each mode in the matrix to be scored.
    """

    def __init__(
        self, potentials: Sequence[nn.Module], columns: list[list[int]]
    ) -> None:
        super().__init__()
        self.potentials = nn.ModuleList(potentials)
        for i, indices in enumerate(columns):
            self.register_buffer(f"columns{i}", torch.tensor(indices))

    def forward(self, x: Tensor, needed: Tensor | None = None) -> Tensor:
        """Potential energies (n, M) of ``x`` (n, d), or only the ``needed`` (n, M).

        Where a sample's mode is not needed, the result means nothing.
        """
        found = []
        for i, one in enumerate(self.potentials):
            columns = self.get_buffer(f"columns{i}")
            if needed is None:
                found.append(one(x.index_select(1, columns)))
                continue
            rows = needed[:, i].nonzero().squeeze(1)
            energies = cast("Scored", one).by_chunks(x[rows][:, columns])
            found.append(energies.new_zeros(len(x)).index_copy(0, rows, energies))
        return torch.stack(found, dim=1)


class DenoisingLoss(nn.Module):
    """‖r(x + ε) − x‖² of each sample, (n,), times its weight."""

    def forward(self, reconstruction: Tensor, y: Tensor, mode_weight: Tensor) -> Tensor:
        return ((reconstruction - y).square().sum(2) * mode_weight).sum(1)


class Learnt(NamedTuple):
    """Attributes of a fitted estimator, in the order in which they are learnt."""

    spectrum_: Spectrum | Innovations
    stiffness_: float
    components_: np.ndarray
    intercept_hidden_: np.ndarray
    intercept_visible_: np.ndarray
    loss_curve_: list[float]


def learn(
    X: np.ndarray,
    weight: np.ndarray,
    convolution: Convolution,
    preprocessing: str | None,
    sigma: float,
    options: Options,
    seed: int,
) -> Learnt:
    """Learn coordinates and kernels from flattened rows X (n, d).

    They count ``weight`` (n,) times; ``sigma`` is the sd of the noise to be removed.
    """
    X, weight = X[weight > 0], weight[weight > 0]
    shaped = X.reshape(-1, *convolution.shape)
    spectrum = fit_spectrum(shaped, weight, preprocessing)
    # Whitened coordinates leave to the kernels what is not Gaussian.
    whitens = spectrum.roots is not None
    stiffness = gaussian_stiffness(sigma) if whitens else 1.0
    z = _coordinates(shaped, spectrum)
    kernels, losses = _train(z, weight, (convolution, stiffness), sigma, options, seed)
    arrays = kernels.astype(X.dtype)
    return Learnt(spectrum.astype(X.dtype), stiffness, *arrays, losses)


def _coordinates(X: np.ndarray, spectrum: Spectrum) -> Tensor:
    """Coordinates z of X (n, channels, …), in float32: they are of unit variance."""
    exact = (None if a is None else torch.from_numpy(a) for a in spectrum)
    mean, scale, roots = exact
    assert mean is not None and scale is not None
    # In double precision, a part at a time.
    parts = (part.double() for part in torch.from_numpy(X).split(1024))
    found = (whitened(part, mean, scale, roots) for part in parts)
    return torch.cat([z.clamp(-FARTHEST, FARTHEST).float() for z in found])


def _train(
    z: Tensor,
    weight: np.ndarray,
    autoencoder: tuple[Convolution, float],
    sigma: float,
    options: Options,
    seed: int,
) -> tuple[Kernels, list[float]]:
    """Train kernels on ``z`` (n, channels, …); return them and the losses of epochs."""
    z = z.to(options.device)
    mass = torch.from_numpy(weight / weight.mean()).to(z)
    batch_size = auto_batch_size(options.batch_size, len(z), FEWEST_IN_A_STEP)
    with seeded(seed, options.device) as generator:
        module = ConvolutionalAutoencoder(*autoencoder)
        net = make_net(module, DenoisingLoss(), options, batch_size=batch_size)
        targets = {"y": z.flatten(1).unsqueeze(1), "mode_weight": mass.unsqueeze(1)}

        def draw() -> Samples:
            noise = torch.randn(
                z.shape, generator=generator, dtype=z.dtype, device=z.device
            )
            return Samples({"x": z + sigma * noise}, targets, torch.ones_like(mass))

        train(net, draw, options, generator, "potential energies")
    parameters = module.weight, module.hidden_bias, module.visible_bias
    arrays = (p.detach().cpu().numpy() for p in parameters)
    return Kernels(*arrays), [float(loss) for loss in net.history[:, "train_loss"]]


def score_rows(scored: Scored, X: np.ndarray) -> np.ndarray:
    """Ψ of flattened rows X (n, d), finite, (n,)."""
    with torch.no_grad():
        found: np.ndarray = finite_energy(scored.by_chunks(torch.from_numpy(X))).numpy()
    return found
