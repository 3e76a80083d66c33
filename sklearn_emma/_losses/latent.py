"""Energies over a variable that nobody observes, and what is left without it."""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import Tensor


def minimise_over(energies: Tensor, dim: int = -1) -> Tensor:
    """Least energy over a latent variable z: E(y) = min_z E(y, z).

    Its answer is the best z, whatever the others are. It is the limit of
    :func:`marginalise_over` for τ → ∞.

    Parameters
    ----------
    energies : Tensor of shape (..., n_values, ...)
        E(y, z), with the values of z along ``dim``.
    dim : int, default=-1
        The axis that goes away.

    Returns
    -------
    energies : Tensor of shape (..., ...)
        E(y).

    References
    ----------
    Y. LeCun et al., "A tutorial on energy-based learning", 2006.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import minimise_over
    >>> minimise_over(torch.tensor([[1.0, 2.0], [4.0, 3.0]]))
    tensor([1., 3.])
    """
    return energies.amin(dim)


def marginalise_over(
    energies: Tensor, tau: float | Tensor = 1.0, dim: int = -1
) -> Tensor:
    """Free energy over a latent variable z: −(1/τ) log Σ_z exp(−τ E(y, z)).

    Every z has its say, by its Gibbs probability. For τ → ∞ this is
    :func:`minimise_over`; for τ → 0 it falls without bound, and (log K)/τ above it,
    with K values of z, lies their mean energy.

    Parameters
    ----------
    energies : Tensor of shape (..., n_values, ...)
        E(y, z), with the values of z along ``dim``.
    tau : float or Tensor, default=1.0
        Inverse temperature τ > 0; infinite for the limit.
    dim : int, default=-1
        The axis that goes away.

    Returns
    -------
    energies : Tensor of shape (..., ...)
        E(y), never above the least of the energies.

    Raises
    ------
    ValueError
        If τ is not positive.

    See Also
    --------
    gibbs_distribution : The probabilities of the values of z.

    References
    ----------
    Y. LeCun et al., "A tutorial on energy-based learning", 2006.

    Examples
    --------
    >>> import math
    >>> import torch
    >>> from sklearn_emma.losses import marginalise_over
    >>> marginalise_over(torch.tensor([[0.0, math.log(3)]]))  # −log(1 + 1/3)
    tensor([-0.2877])
    """
    least = energies.amin(dim, keepdim=True)
    if isinstance(tau, Tensor) or not _is_infinite(tau):
        # From the least, or a large τ would leave nothing of the sum.
        rest = (-tau * (energies - least)).exp().sum(dim)
        return least.squeeze(dim) - rest.log() / tau
    return least.squeeze(dim)


def free_energy(energies: Tensor, tau: float | Tensor = 1.0) -> Tensor:
    """Free energy of samples: F_τ(x) = −(1/τ) log Σ_y exp(−τ E(y, x)).

    :func:`marginalise_over` all classes. For τ → ∞ it is the energy of the predicted
    class.

    Parameters
    ----------
    energies : Tensor of shape (n, n_classes)
        Energy of each class.
    tau : float or Tensor, default=1.0
        Inverse temperature τ > 0; infinite for the limit.

    Returns
    -------
    free : Tensor of shape (n,)
        At most the least energy.

    Raises
    ------
    ValueError
        If τ is not positive.

    See Also
    --------
    sklearn_emma.EMMAClassifier.free_energy : The same of a fitted classifier.

    References
    ----------
    Y. LeCun et al., "A tutorial on energy-based learning", 2006.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import free_energy
    >>> energies = torch.tensor([[1.0, 1.0], [0.0, 9.0]])
    >>> free_energy(energies, tau=float("inf"))
    tensor([1., 0.])
    >>> free_energy(energies) < 1
    tensor([True, True])
    """
    return marginalise_over(energies, tau, dim=1)


def gibbs_distribution(
    energies: Tensor, tau: float | Tensor = 1.0, dim: int = -1
) -> Tensor:
    """Distribution of Gibbs, P(z) = exp(−τ E(z)) / Σ_z' exp(−τ E(z')).

    Parameters
    ----------
    energies : Tensor of shape (..., n_values, ...)
        E(z), with the values of z along ``dim``.
    tau : float or Tensor, default=1.0
        Inverse temperature, 0 < τ < ∞.
    dim : int, default=-1
        The axis along which probabilities sum to 1.

    Returns
    -------
    proba : Tensor
        Of the shape of ``energies``.

    Raises
    ------
    ValueError
        If τ is not positive and finite.

    Examples
    --------
    >>> import math
    >>> import torch
    >>> from sklearn_emma.losses import gibbs_distribution
    >>> gibbs_distribution(torch.tensor([0.0, math.log(3)]))
    tensor([0.7500, 0.2500])
    """
    if not isinstance(tau, Tensor) and _is_infinite(tau):
        raise ValueError(f"`tau` must be finite, got {tau!r}.")
    return torch.softmax(-tau * energies, dim)


def _is_infinite(tau: float) -> bool:
    """Whether τ is infinite, once it is known to be positive."""
    if not isinstance(tau, Real) or isinstance(tau, bool) or not tau > 0:
        raise ValueError(f"`tau` must be a number > 0, or infinite; got {tau!r}.")
    return math.isinf(tau)
