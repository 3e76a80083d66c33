"""A convolutional potential of signals that differ in length: train it, and score.

Rows are flattened, with 0 behind the end of a signal and not at its end; see
``_inputs/ragged.py``. Ψ is that of a position, on average, so that short and long
signals compare.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from sklearn_emma._energies.autoencoder import gaussian_stiffness
from sklearn_emma._energies.convolution import (
    Convolution,
    ConvolutionalAutoencoder,
    potential,
)
from sklearn_emma._energies.convolutional_training import (
    FARTHEST,
    FEWEST_IN_A_STEP,
    DenoisingLoss,
    FrozenConvolution,
    Kernels,
    Learnt,
)
from sklearn_emma._energies.innovations import (
    fit_innovations,
    innovations,
)
from sklearn_emma._energies.magnitudes import Magnitudes, fit_magnitudes
from sklearn_emma._inputs.ragged import n_valid, valid_positions
from sklearn_emma._optim.loop import train
from sklearn_emma._optim.net import Options, make_net
from sklearn_emma._optim.samples import Samples, auto_batch_size
from sklearn_emma._optim.torch_state import seeded


class RaggedPotential(FrozenConvolution):
    """Potential energy by valid position, in the coordinates of ``Innovations``."""

    root: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        """Potential energies (n,) of ``x`` (n, d)."""
        x = x.reshape(x.shape[0], *self.convolution.shape)
        valid = valid_positions(x)
        z = innovations(x, valid, self.mean, self.scale, self.root)
        parameters = self.weight, self.hidden_bias, self.visible_bias
        return potential(z, self.convolution, *parameters, self.stiffness, valid)


def learn_ragged(
    X: np.ndarray,
    weight: np.ndarray,
    convolution: Convolution,
    preprocessing: str | None,
    sigma: float,
    options: Options,
    seed: int,
) -> Learnt:
    """Learn coordinates and kernels from flattened rows X (n, d).

    They count ``weight`` (n,) times, whatever their length; ``sigma`` is the sd of the
    noise to be removed.
    """
    X, weight = X[weight > 0], weight[weight > 0]
    x = torch.from_numpy(X).reshape(-1, *convolution.shape)
    # What no signal reaches is left out, or it would change what is drawn.
    longest = int(n_valid(x).max())
    x, shape = x[:, :, :longest], (convolution.shape[0], longest)
    convolution, valid = replace(convolution, shape=shape), valid_positions(x)
    found = fit_innovations(x.numpy(), valid.numpy(), weight, preprocessing)
    whitens = found.root is not None
    stiffness = gaussian_stiffness(sigma) if whitens else 1.0
    exact = (None if a is None else torch.from_numpy(a) for a in found)
    mean, scale, root = exact
    assert mean is not None and scale is not None
    z = innovations(x.double(), valid, mean, scale, root)
    z = z.clamp(-FARTHEST, FARTHEST).float().to(options.device)
    valid = valid.to(options.device)
    # The loss of a position, on average.
    mass = torch.from_numpy(weight / weight.mean()).to(z) / valid.sum(1).clamp_min(1)
    batch_size = auto_batch_size(options.batch_size, len(z), FEWEST_IN_A_STEP)
    with seeded(seed, options.device) as generator:
        module = ConvolutionalAutoencoder(convolution, stiffness, ragged=True)
        net = make_net(module, DenoisingLoss(), options, batch_size=batch_size)
        targets = {"y": z.flatten(1).unsqueeze(1), "mode_weight": mass.unsqueeze(1)}

        def draw() -> Samples:
            noise = torch.randn(
                z.shape, generator=generator, dtype=z.dtype, device=z.device
            )
            noisy = z + sigma * noise * valid.unsqueeze(1)
            inputs = {"x": noisy, "valid": valid}
            return Samples(inputs, targets, torch.ones_like(mass))

        train(net, draw, options, generator, "potential energies")
    parameters = module.weight, module.hidden_bias, module.visible_bias
    kernels = Kernels(*(p.detach().cpu().numpy() for p in parameters)).astype(X.dtype)
    losses = [float(loss) for loss in net.history[:, "train_loss"]]
    return Learnt(found.astype(X.dtype), stiffness, *kernels, losses)


def channel_magnitudes(
    X: np.ndarray, weight: np.ndarray, shape: tuple[int, ...]
) -> Magnitudes:
    """Units of rows X (n, d), NaN behind the ends of signals, alike in a channel."""
    values = X.reshape(len(X), *shape).swapaxes(1, 2)
    known = ~np.isnan(values).all(axis=2)
    units = fit_magnitudes(values[known], np.repeat(weight, known.sum(axis=1)))
    return Magnitudes(*(np.repeat(of_channel, shape[1]) for of_channel in units))
