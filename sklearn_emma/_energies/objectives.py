"""What tied-weight autoencoders are trained for.

Whatever the objective, weights stay tied, so that Ψ stays a potential. Objectives
differ in what Ψ comes out as: the energy of data with noise or without, and at which
temperature.

Sources: Vincent, "A connection between score matching and denoising autoencoders",
Neural Computation 23 (2011); Hyvärinen, "Estimation of non-normalized statistical
models by score matching", JMLR 6 (2005); Hinton, "Training products of experts by
minimizing contrastive divergence", Neural Computation 14 (2002).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Integral

import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from sklearn_emma._energies.autoencoder import (
    AutoencoderStack,
    gaussian_stiffness,
    potential,
)
from sklearn_emma._energies.regularizers import hidden_units, squared_lengths
from sklearn_emma._validation import Constraints, Interval


class Objective(BaseEstimator, ABC):
    """A criterion for the potential energies of a stack of autoencoders."""

    #: Whether autoencoders see noisy values, of the standard deviation ``sigma``.
    adds_noise = False

    def stiffness(self, sigma: float, whitened: bool) -> float:
        """Choose κ of the potential, which bounds how fast ∇Ψ may rise.

        Here at unit temperature.

        Parameters
        ----------
        sigma : float
            Standard deviation of the narrowest data that Ψ must be able to describe.
        whitened : bool
            Whether data have unit variance in all directions.

        Returns
        -------
        float
            That of Gaussian data, where they are whitened, otherwise that of data as
            narrow as ``sigma``.
        """
        return 1.0 if whitened else 1.0 / sigma**2

    @abstractmethod
    def losses(
        self, stack: AutoencoderStack, reconstruction: Tensor, x: Tensor
    ) -> Tensor:
        """Loss of each sample in each mode, (n, G).

        ``x`` (n, G, d) are clean values, 0 where padded, and ``reconstruction`` is what
        ``stack`` makes of what it has seen.
        """


class Denoising(Objective):
    """Squared error with which noise is removed, ‖r(x + ε) − x‖².

    Ψ becomes −σ² log p of the noisy data, up to a constant.
    """

    adds_noise = True

    def stiffness(self, sigma: float, whitened: bool) -> float:
        return gaussian_stiffness(sigma) if whitened else 1.0

    def losses(
        self, stack: AutoencoderStack, reconstruction: Tensor, x: Tensor
    ) -> Tensor:
        return (reconstruction - x).square().sum(2)


class ScoreMatching(Objective):
    """½ ‖∇Ψ‖² − ΔΨ, with ∇Ψ = x − r(x) and ΔΨ = κ d − Σ_k u_k (1 − u_k) ‖w_k‖².

    Ψ becomes −log p of the data, up to a constant.
    """

    def losses(
        self, stack: AutoencoderStack, reconstruction: Tensor, x: Tensor
    ) -> Tensor:
        u = hidden_units(stack, x)
        curvature = (u * (1 - u) * squared_lengths(stack.weight)).sum(2)
        n_features = stack.used.sum(2).T
        laplacian = stack.stiffness * n_features - curvature
        return 0.5 * (x - reconstruction).square().sum(2) - laplacian


class ContrastiveDivergence(Objective):
    """Training of Ψ as the free energy of a restricted Boltzmann machine.

    Ψ is lowered at the data, and raised where a few steps of Gibbs sampling lead from
    there: hidden units h_k are 1 with probability u_k(x), and x is then Gaussian around
    b + Wᵀh / κ with variance 1 / κ. Ψ becomes about −log p of the data, up to a
    constant.

    Parameters
    ----------
    n_steps : int, default=1
        Number of Gibbs steps.

    References
    ----------
    G. E. Hinton, "Training products of experts by minimizing contrastive divergence",
    Neural Computation 14 (2002).

    Examples
    --------
    >>> from sklearn_emma.energies import (
    ...     ContrastiveDivergence,
    ...     PotentialEnergyTransformer,
    ... )
    >>> energy = PotentialEnergyTransformer(objective=ContrastiveDivergence(n_steps=5))
    >>> energy.set_params(objective__n_steps=2).objective
    ContrastiveDivergence(n_steps=2)
    """

    _parameter_constraints: Constraints = {
        "n_steps": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, n_steps: int = 1) -> None:
        self.n_steps = n_steps

    def losses(
        self, stack: AutoencoderStack, reconstruction: Tensor, x: Tensor
    ) -> Tensor:
        """Ψ(x) − Ψ(sample) of each sample in each mode.

        Parameters
        ----------
        stack : AutoencoderStack
            Of the modes.
        reconstruction : Tensor of shape (n, G, d)
            Not used.
        x : Tensor of shape (n, G, d)
            Clean values.

        Returns
        -------
        Tensor of shape (n, G)
            Of any sign.
        """
        sample = x
        with torch.no_grad():
            for _ in range(self.n_steps):
                sample = _gibbs_step(stack, sample)
        return _energies(stack, x) - _energies(stack, sample)


#: Objectives by the name that ``PotentialEnergyTransformer(objective=...)`` takes.
OBJECTIVES: dict[str, Objective] = {
    "denoising": Denoising(),
    "score_matching": ScoreMatching(),
    "contrastive_divergence": ContrastiveDivergence(),
}


def _energies(stack: AutoencoderStack, x: Tensor) -> Tensor:
    """Ψ of ``x`` (n, G, d), (n, G)."""
    return potential(
        x.transpose(0, 1),
        stack.weight,
        stack.hidden_bias,
        stack.visible_bias,
        stack.stiffness,
    ).T


def _gibbs_step(stack: AutoencoderStack, x: Tensor) -> Tensor:
    """Hidden units drawn given ``x`` (n, G, d), then values given these, (n, G, d)."""
    hidden = torch.bernoulli(hidden_units(stack, x))
    pull = torch.einsum("ngk,gkd->ngd", hidden, stack.weight) / stack.stiffness
    noise = torch.randn_like(x) / stack.stiffness**0.5
    used = stack.used.transpose(0, 1)
    return (stack.visible_bias + pull + noise) * used
