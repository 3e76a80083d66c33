"""Synthetic data whose manifold, or whose informative modes, are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real

import numpy as np
from scipy.linalg import helmert
from sklearn.utils import check_random_state

# Standard deviation of a mode's features off the plane that holds its latent
# signal, whose own is 1. Small, so that a mode's features are correlated: that
# structure is what makes a corrupted mode recognisable as such.
_OFF_PLANE_STD = 0.3


def make_wave(
    n_samples: int = 2000,
    *,
    noise: float | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Make one period of a sine wave in the plane.

    The points are :math:`x = (t - \pi, \sin t)` with :math:`t` uniform on
    :math:`[0, 2\pi]`: a one-dimensional manifold, on which an energy should be
    low and beside which it should be high. It comes from A. Werenne,
    "Energy-based Multi-Modal Attention", University of Liège, 2019.

    Parameters
    ----------
    n_samples : int, default=2000
        The number of points.
    noise : float, default=None
        The standard deviation of the Gaussian noise added to the points; None
        is no noise.
    random_state : int, RandomState instance or None, default=None
        Determines the positions and the noise; pass an int for reproducible
        output. The positions are the same with and without noise.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        The points.
    t : ndarray of shape (n_samples,)
        The position of each point along the curve.

    Raises
    ------
    ValueError
        If `n_samples` is not a positive integer, or `noise` negative or infinite.

    Examples
    --------
    >>> from sklearn_emma.datasets import make_wave
    >>> X, t = make_wave(n_samples=100, random_state=0)
    >>> X.shape, t.shape
    ((100, 2), (100,))
    """
    return _sample_curve(
        lambda t: (t - np.pi, np.sin(t)), n_samples, noise, random_state
    )


def make_circle(
    n_samples: int = 2000,
    *,
    noise: float | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Make a circle of radius 3 around the origin of the plane.

    The points are :math:`x = (3 \sin t, 3 \cos t)` with :math:`t` uniform on
    :math:`[0, 2\pi]`. By symmetry an energy is flat at the centre, too, so an
    estimator that sees only slopes, such as the reconstruction error of an
    autoencoder, takes the centre for a point of the circle. It comes from
    A. Werenne, "Energy-based Multi-Modal Attention", University of Liège, 2019.

    Parameters
    ----------
    n_samples : int, default=2000
        The number of points.
    noise : float, default=None
        The standard deviation of the Gaussian noise added to the points; None
        is no noise.
    random_state : int, RandomState instance or None, default=None
        Determines the positions and the noise; pass an int for reproducible
        output. The positions are the same with and without noise.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        The points.
    t : ndarray of shape (n_samples,)
        The position of each point along the curve.

    Raises
    ------
    ValueError
        If `n_samples` is not a positive integer, or `noise` negative or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma.datasets import make_circle
    >>> X, t = make_circle(n_samples=100, random_state=0)
    >>> bool(np.allclose(np.hypot(X[:, 0], X[:, 1]), 3))
    True
    """
    return _sample_curve(
        lambda t: (3 * np.sin(t), 3 * np.cos(t)), n_samples, noise, random_state
    )


def make_multimodal_classification(
    n_samples: int = 1000,
    n_modes: int = 3,
    *,
    n_features_per_mode: int = 4,
    n_classes: int = 2,
    class_sep: float = 3.0,
    redundancy: float = 0.5,
    relevance: float | Sequence[float] = 1.0,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray, dict[str, list[int]]]:
    r"""Make a classification problem whose informative modes are known.

    Every class is a Gaussian cluster. `redundancy` sets how far the modes carry
    the *same* evidence for the class, `relevance` how much of its evidence each
    mode lets through. How well each mode, and all of them together, can tell
    the classes apart follows in closed form (see Notes), so it is known which
    modes deserve attention.

    Parameters
    ----------
    n_samples : int, default=1000
        The number of samples, at least `n_classes`.
    n_modes : int, default=3
        The number of modes.
    n_features_per_mode : int, default=4
        The number of features in each mode, at least ``n_classes - 1``.
    n_classes : int, default=2
        The number of classes; their sizes differ by one sample at most.
    class_sep : float, default=3.0
        The distance between any two classes, in standard deviations within a
        class, when all modes are used and have a relevance of 1.
    redundancy : float, default=0.5
        The correlation, within a class, between the signals of any two modes.
        At 1 every mode carries the whole class signal, and all but one can be
        lost; at 0 each carries its own independent part of it.
    relevance : float or sequence of float of shape (n_modes,), default=1.0
        How much of its signal a mode lets through, from 0 (pure noise) to 1;
        one number for all modes, or one for each.
    random_state : int, RandomState instance or None, default=None
        Determines the data; pass an int for reproducible output. The relevance
        of one mode has no influence on the values of the others.

    Returns
    -------
    X : ndarray of shape (n_samples, n_modes * n_features_per_mode)
        The samples.
    y : ndarray of shape (n_samples,)
        The class of each sample, from 0 to ``n_classes - 1``.
    modes : dict of str to list of int
        The columns of each mode, in order: ``"mode_0"``, ``"mode_1"``, ...

    Raises
    ------
    ValueError
        If a parameter is out of range, or `relevance` has the wrong length.

    Notes
    -----
    With :math:`C` classes, :math:`M` modes, redundancy :math:`r` and relevances
    :math:`\rho_i`, let :math:`v_0, \dots, v_{C-1} \in \mathbb{R}^{C-1}` be the
    vertices of a regular simplex of edge 1 around the origin (:math:`\pm 1/2`
    for two classes). With :math:`c, u_i, e_i, \eta_i` independent standard
    Gaussian vectors, a sample of class :math:`y` has in mode :math:`i`

    .. math::

        s_i &= \delta v_y + \sqrt{r}\, c + \sqrt{1 - r}\, u_i && \text{(signal)} \\
        h_i &= \rho_i s_i + \sqrt{1 - \rho_i^2}\, e_i && \text{(let through)} \\
        x_i &= Q_i\, [h_i,\ 0.3\, \eta_i] && \text{(features)}

    where :math:`c` is common to all modes, :math:`Q_i` is a random orthogonal
    matrix, and :math:`\delta = \text{class\_sep} \sqrt{(1 + (M - 1) r) / M}`.
    Within a class :math:`h_i` has unit variance in each direction, and
    :math:`h_i` and :math:`h_j` have correlation :math:`r \rho_i \rho_j`. Hence

    - mode :math:`i` alone separates any two classes by
      :math:`d_i = \rho_i \delta` standard deviations;
    - all modes together separate them by :math:`\sqrt{d^T \Sigma^{-1} d}`, with
      :math:`\Sigma_{ii} = 1` and :math:`\Sigma_{ij} = r \rho_i \rho_j`. If all
      relevances are 1, this is `class_sep` for every redundancy, and the share
      :math:`(d_i / \text{class\_sep})^2` of a mode grows linearly, from
      :math:`1/M` at :math:`r = 0` to 1 at :math:`r = 1`;
    - for two classes, the best possible accuracy at a distance :math:`d` is
      :math:`\Phi(d / 2)`, with :math:`\Phi` the standard normal distribution
      function, and a linear classifier reaches it.

    Examples
    --------
    The last mode is pure noise:

    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> X, y, modes = make_multimodal_classification(
    ...     n_samples=500, relevance=[1, 0.5, 0], random_state=0
    ... )
    >>> X.shape, y.shape
    ((500, 12), (500,))
    >>> modes["mode_2"]
    [8, 9, 10, 11]
    """
    check_number("n_modes", n_modes, Integral, 1)
    check_number("n_classes", n_classes, Integral, 2)
    check_number("n_samples", n_samples, Integral, n_classes)
    check_number("n_features_per_mode", n_features_per_mode, Integral, n_classes - 1)
    check_number("class_sep", class_sep, Real, 0)
    check_number("redundancy", redundancy, Real, 0, 1)
    relevances = _check_relevance(relevance, n_modes)
    rng = check_random_state(random_state)

    n_latent = n_classes - 1
    # Columns of the centring matrix in an orthonormal basis of its range: the
    # vertices of a regular simplex of edge sqrt(2).
    vertices = helmert(n_classes).T / np.sqrt(2)
    y = rng.permutation(np.arange(n_samples) % n_classes)
    delta = class_sep * np.sqrt((1 + (n_modes - 1) * redundancy) / n_modes)
    common = delta * vertices[y] + np.sqrt(redundancy) * rng.standard_normal(
        (n_samples, n_latent)
    )

    # Every mode draws the same amount whatever its relevance, so that changing
    # one mode leaves the others as they were.
    blocks = []
    for rho in relevances:
        own, noise = rng.standard_normal((2, n_samples, n_latent))
        signal = common + np.sqrt(1 - redundancy) * own
        latent = rho * signal + np.sqrt(1 - rho**2) * noise
        off_plane = _OFF_PLANE_STD * rng.standard_normal(
            (n_samples, n_features_per_mode - n_latent)
        )
        rotation = _random_orthogonal(n_features_per_mode, rng)
        blocks.append(np.hstack([latent, off_plane]) @ rotation.T)

    columns = np.arange(n_modes * n_features_per_mode).reshape(n_modes, -1)
    modes = {f"mode_{i}": block.tolist() for i, block in enumerate(columns)}
    return np.hstack(blocks), y, modes


def _sample_curve(
    curve: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    n_samples: int,
    noise: float | None,
    random_state: int | np.random.RandomState | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Points `X` (n_samples, 2) of a curve at uniform `t` (n_samples,)."""
    check_number("n_samples", n_samples, Integral, 1)
    if noise is not None:
        check_number("noise", noise, Real, 0)
    rng = check_random_state(random_state)
    t = rng.uniform(0, 2 * np.pi, size=n_samples)
    X = np.column_stack(curve(t))
    if noise is not None:
        X += noise * rng.standard_normal(X.shape)
    return X, t


def _random_orthogonal(n: int, rng: np.random.RandomState) -> np.ndarray:
    """Orthogonal matrix (n, n), uniform over all of them."""
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    # QR leaves the signs to the implementation; this choice makes q uniform.
    return q * np.sign(np.diag(r))


def check_number(
    name: str, value: float, kind: type, low: float, high: float = np.inf
) -> None:
    """Raise unless `value` is a finite number of the kind in [low, high]."""
    # Written so that NaN, which is neither inside nor outside, fails.
    if not (isinstance(value, kind) and low <= value <= high and value < np.inf):
        noun = "an integer" if kind is Integral else "a finite number"
        interval = f"of at least {low}" if high == np.inf else f"in [{low}, {high}]"
        raise ValueError(f"{name} must be {noun} {interval}, got {value!r}.")


def _check_relevance(relevance: float | Sequence[float], n_modes: int) -> np.ndarray:
    """Relevance of each mode, of shape (n_modes,)."""
    array = np.asarray(relevance, dtype=float)
    in_range = np.all((array >= 0) & (array <= 1))
    if array.shape not in [(), (n_modes,)] or not in_range:
        raise ValueError(
            "relevance must be a number in [0, 1], or one such number for each of "
            f"the {n_modes} modes, got {relevance!r}."
        )
    return np.broadcast_to(array, (n_modes,))
