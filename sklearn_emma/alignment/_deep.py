"""Canonical time warping with small networks in place of projections."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor

from sklearn_emma._validation import Constraints, Interval
from sklearn_emma.alignment._alternating import Stopping, alternate
from sklearn_emma.alignment._base import SHARED, BaseTimeWarping
from sklearn_emma.alignment._clock import Clock, uniform_clock, warp_pair
from sklearn_emma.alignment._projections import (
    Layers,
    Projection,
    canonical_step,
    features,
    ridge_of,
)
from sklearn_emma.alignment._warping import Restrictions


class DeepCanonicalTimeWarping(BaseTimeWarping):
    r"""Align two sequences by what networks find in common.

    :class:`CanonicalTimeWarping` with networks :math:`f, g` of single steps in place of
    :math:`U^T, V^T`. In turns, gradient steps raise the canonical correlations of the
    networks' outputs while the warping is fixed, and dynamic time warping aligns these
    outputs, normalised by canonical correlation analysis: without such a constraint,
    networks that are 0 everywhere would be the best.

    Parameters
    ----------
    n_components : int, default=1
        Number k of outputs of each network.
    hidden_layer_sizes : tuple of int, default=(16,)
        Number of tanh units of each hidden layer. ``()`` is linear, and then
        :class:`CanonicalTimeWarping` is faster.
    window : float, default=None
        How far from the diagonal a path may go, in steps of the shorter sequence; None
        is no window.
    slope : int, default=None
        How often at most a step of one sequence is used; None is no limit.
    boundary : int, default=0
        How many steps of one of the sequences may be left out at the beginning, and how
        many at the end.
    ridge : float, default=1e-3
        What is added to the variance of each output when outputs are normalised, as a
        share of the mean variance.
    n_gradient_steps : int, default=50
        Number of steps of L-BFGS, over all samples at once, in each round.
    max_iter : int, default=50
        Number of rounds at most.
    n_iter_no_change : int, default=3
        Number of rounds without gain after which to stop.
    tol : float, default=1e-3
        A gain is one of more than `tol` times the objective.
    random_state : int, RandomState instance or None, default=None
        Determines the weights from which the networks start.

    Attributes
    ----------
    objective_ : float
        The objective of the best round, over all samples, as that of
        :class:`CanonicalTimeWarping`.
    objectives_ : ndarray of shape (`n_iter_`, 2)
        The objective of each round, after the gradient steps and after warping.
    n_iter_ : int
        Number of rounds.
    n_channels_in_ : list of int
        Number of channels of each sequence.

    Notes
    -----
    Networks can make nearly any two sequences agree that are as short as one sample.
    What the samples have in common is found where there are tens of them, each warped
    in its own way.

    References
    ----------
    G. Trigeorgis, M. Nicolaou, S. Zafeiriou and B. Schuller, "Deep canonical time
    warping", IEEE Conference on Computer Vision and Pattern Recognition (2016).

    Examples
    --------
    The second sequence is the square of the first, each time warped otherwise. No
    projection of one value to one value finds that:

    >>> import numpy as np
    >>> from sklearn_emma.alignment import (
    ...     CanonicalTimeWarping, DeepCanonicalTimeWarping
    ... )
    >>> t, phase = np.linspace(0, 1, 40), np.linspace(0, 6, 12)[:, np.newaxis]
    >>> warp = np.tile([[0.8], [1.0], [1.3]], (4, 1))
    >>> X = np.sin(9 * t + phase)[:, np.newaxis]
    >>> Y = np.sin(9 * t**warp + phase)[:, np.newaxis] ** 2
    >>> dctw = DeepCanonicalTimeWarping(window=6, random_state=0).fit([X, Y])
    >>> ctw = CanonicalTimeWarping(window=6).fit([X, Y])
    >>> dctw.objective_ < 0.1 * ctw.objective_
    True
    """

    _parameter_constraints: Constraints = {
        **{name: value for name, value in SHARED.items() if name != "constraint"},
        "hidden_layer_sizes": ["array-like"],
        "n_gradient_steps": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_components: int = 1,
        *,
        hidden_layer_sizes: Sequence[int] = (16,),
        window: float | None = None,
        slope: int | None = None,
        boundary: int = 0,
        ridge: float = 1e-3,
        n_gradient_steps: int = 50,
        max_iter: int = 50,
        n_iter_no_change: int = 3,
        tol: float = 1e-3,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.window = window
        self.slope = slope
        self.boundary = boundary
        self.ridge = ridge
        self.n_gradient_steps = n_gradient_steps
        self.max_iter = max_iter
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state

    def _learn(self, sequences: list[np.ndarray]) -> Projection:
        sizes = [int(size) for size in self.hidden_layer_sizes]
        if any(size < 1 for size in sizes):
            raise ValueError(
                "`hidden_layer_sizes` must be positive integers, got "
                f"{self.hidden_layer_sizes!r}."
            )
        rng = check_random_state(self.random_state)
        networks = [
            _initial_layers([x.shape[1], *sizes, self.n_components], rng)
            for x in sequences
        ]
        X, Y = sequences

        def project(clock: Clock) -> tuple[Projection, float]:
            nonlocal networks
            rows = [clock.columns(x, i) for i, x in enumerate(sequences)]
            networks = self._trained(networks, rows)
            outputs = [features(x, f) for x, f in zip(rows, networks, strict=True)]
            centred = [x - x.mean(0) for x in outputs]
            first, second = (ridge_of(x.T @ x, self.ridge) for x in centred)
            linear, objective = canonical_step(
                outputs[0], outputs[1], self.n_components, (first, second)
            )
            return linear._replace(networks=networks), objective

        def warp(projection: Projection, _: Clock) -> tuple[Clock, float]:
            projected = [projection(x, i) for i, x in enumerate(sequences)]
            moved, cost = warp_pair(projected, self._restrictions())
            return moved, float(cost.sum()) + projection.penalty

        solution = alternate(
            project,
            warp,
            uniform_clock([X.shape[2], Y.shape[2]], len(X)),
            Stopping(self.max_iter, self.n_iter_no_change, self.tol),
        )
        self.objective_ = solution.objective
        self.objectives_ = solution.objectives
        self.n_iter_ = len(solution.objectives)
        return solution.projection

    def _trained(self, networks: list[Layers], rows: list[np.ndarray]) -> list[Layers]:
        """Networks after gradient steps on warped rows (l, channels) of each."""
        tensors = [
            [tuple(torch.tensor(a, requires_grad=True) for a in layer) for layer in f]
            for f in networks
        ]
        inputs = [torch.from_numpy(np.ascontiguousarray(x)) for x in rows]
        parameters = [p for f in tensors for layer in f for p in layer]
        optimizer = torch.optim.LBFGS(
            parameters,
            max_iter=self.n_gradient_steps,
            history_size=10,
            tolerance_grad=1e-9,
            tolerance_change=1e-12,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            outputs = []
            for x, f in zip(inputs, tensors, strict=True):
                for number, (weight, bias) in enumerate(f):
                    x = (x.tanh() if number else x) @ weight + bias
                outputs.append(x)
            loss = -total_correlation(outputs[0], outputs[1], self.ridge)
            loss.backward()
            return loss

        optimizer.step(closure)
        return [
            [(w.detach().numpy().copy(), b.detach().numpy().copy()) for w, b in f]
            for f in tensors
        ]

    def _warp(self, projected: list[np.ndarray]) -> Clock:
        return warp_pair(projected, self._restrictions())[0]

    def _restrictions(self) -> Restrictions:
        return Restrictions(self.window, self.slope, self.boundary)


def total_correlation(x: Tensor, y: Tensor, ridge: float) -> Tensor:
    """Sum of the canonical correlations of x (l, k) and y (l, k), with a ridge."""
    x, y = x - x.mean(0), y - y.mean(0)
    roots = []
    for z in (x, y):
        sums = z.T @ z
        size = sums.diagonal().mean()
        roots.append(torch.linalg.cholesky(sums + ridge * size * torch.eye(len(sums))))
    cross = torch.linalg.solve_triangular(roots[0], x.T @ y, upper=False)
    cross = torch.linalg.solve_triangular(roots[1], cross.T, upper=False)
    return torch.linalg.svdvals(cross).sum()


def _initial_layers(sizes: list[int], rng: np.random.RandomState) -> Layers:
    """Weights that keep the scale of standardised inputs, and biases."""
    return [
        (rng.normal(size=(n, m)) / np.sqrt(n), 0.1 * rng.normal(size=m))
        for n, m in pairwise(sizes)
    ]
