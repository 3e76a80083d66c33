"""The EMMA gate as a torch module: energies in, gated modes and scores out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_emma._attention import importance as gibbs
from sklearn_emma._attention.balance import KeepsBalance
from sklearn_emma._attention.bounds import Bounds, project
from sklearn_emma._attention.coldness import Annealed, HasColdness
from sklearn_emma._attention.coupling import COUPLINGS
from sklearn_emma._attention.functions import ATTENTION_FUNCTIONS
from sklearn_emma._attention.interface import (
    AttentionFunction,
    AttentionModule,
    Coupling,
)
from sklearn_emma._attention.parts import (
    as_array,
    build_part,
    check_modes,
)
from sklearn_emma._attention.prepared import Prepared, ScalesEnergies
from sklearn_emma._attention.scaling import ENERGY_SCALINGS, EnergyScaling
from sklearn_emma._attention.scores import GateScores, GateSummary


class EMMAGate(HasColdness, KeepsBalance, ScalesEnergies):
    """Energy-based multi-modal attention, to be put in front of any predictor.

    Parameters
    ----------
    n_modes : int
        Number of modes M.
    rho : float, "learn" or Annealed, default="learn"
        Coldness ρ > 0 (inverse temperature) of the Gibbs distribution. ``"learn"``
        makes log ρ a parameter that starts at 0. With
        :class:`~sklearn_emma.attention.Annealed`, call ``anneal`` in each epoch.
    energy_scaling : {"two_sided", "robust", "shift"} or object with ``build``, \
            default="two_sided"
        How potential energies are scaled before anything is learnt from them.
    coupling : {"asymmetric", "symmetric", "mean"}, object with ``build`` or None, \
            default=None
        Shared energies of the modes, with coupling exponents γ_ij that need not be
        equal to γ_ji, or that are; or with the mean of the others' energies. None:
        modes share no energy.
    attention_function : {"soft", "hard", "classical", "importance", "none"} or \
            object with ``build``, default="soft"
        β = max(0, tanh(g α − b_a)), its all-or-nothing version, max(0, tanh(W α + b)),
        β = α, or β = 1 for every mode that is present; see
        :mod:`sklearn_emma.attention`.

    Notes
    -----
    ``calibrate`` must see the potential energies of clean training data once, before
    training. After each optimiser step call ``project`` to keep the parameters within
    their bounds: w ≥ 0, b ≥ 0, γ in [0, 1], ``|w_ij|`` ≤ 1/(M − 1), g > 0,
    b_a in [0, 1].

    References
    ----------
    A. Werenne, "Energy-based Multi-Modal Attention", University of Liège, 2019.

    Examples
    --------
    Two modes, a sequence and an image, with potential energies from elsewhere:

    >>> import torch
    >>> sequences, images = torch.ones(5, 7), torch.ones(5, 3, 8, 8)
    >>> gate = EMMAGate(n_modes=2)
    >>> potential = torch.tensor([[0.0, 0.0]] * 4 + [[0.0, 50.0]])
    >>> gate = gate.calibrate(potential[:4])
    >>> gated, scores = gate([sequences, images], potential)
    >>> gated[1].shape
    torch.Size([5, 3, 8, 8])
    >>> bool(scores.attention[4, 1] < scores.attention[4, 0])
    True
    """

    recordable = True

    def __init__(
        self,
        n_modes: int,
        *,
        rho: float | str | Annealed = "learn",
        energy_scaling: str | object = "two_sided",
        coupling: str | object | None = None,
        attention_function: str | AttentionFunction = "soft",
    ) -> None:
        super().__init__()
        whole = isinstance(n_modes, int | np.integer) and type(n_modes) is not bool
        if not whole or n_modes < 1:
            raise ValueError(f"n_modes must be an integer >= 1, got {n_modes!r}.")
        self.n_modes = int(n_modes)
        self.register_buffer("usual", torch.zeros(self.n_modes))
        self.weight = nn.Parameter(torch.ones(n_modes))
        self.bias = nn.Parameter(torch.zeros(n_modes))
        self.set_coldness(rho)
        self.scaling: EnergyScaling = build_part(
            "energy_scaling", energy_scaling, ENERGY_SCALINGS, EnergyScaling, n_modes
        )
        self.coupling: Coupling | None = None
        if coupling is not None:
            self.coupling = build_part(
                "coupling", coupling, COUPLINGS, Coupling, n_modes
            )
        functions = {name: make().build for name, make in ATTENTION_FUNCTIONS.items()}
        self.attention_function: AttentionModule = build_part(
            "attention_function",
            attention_function,
            functions,
            AttentionModule,
            n_modes,
        )

    def scores(self, potential: Tensor, present: Tensor | None = None) -> GateScores:
        """Energies, importance and attention from potential energies alone.

        Parameters
        ----------
        potential : Tensor of shape (n, n_modes)
            Potential energy of each mode; any value where a mode is missing.
        present : Tensor of shape (n, n_modes), default=None
            Boolean, False where a mode is missing; None: all are present.

        Returns
        -------
        scores : GateScores
            Attention, importance and energies, (n, n_modes) each.

        Raises
        ------
        TypeError, ValueError
            If an argument is no tensor of its shape and type.
        """
        return self.weigh(self.prepare(potential, present))

    def weigh(self, energies: Prepared) -> GateScores:
        """Energies, importance and attention from energies that have been scaled.

        Parameters
        ----------
        energies : Prepared
            Of the type of the gate's weights.

        Returns
        -------
        scores : GateScores
            Attention, importance and energies, (n, n_modes) each.
        """
        scaled, there, shut_out = energies
        relative, common = self.biases_apart()
        energy = gibbs.self_energy(scaled, self.weight, relative)
        modal = energy + common
        if self.coupling is not None and self.n_modes > 1:
            energy = modal = modal + self.coupling(modal, energies.present)
        # What all modes have in common makes none more important.
        log_importance = gibbs.log_importance(
            energy, self.rho.to(energy.dtype), shut_out
        )
        importance = log_importance.exp()
        if there is not None:
            importance = importance * there
        attention = self.attention_function(importance)
        if there is not None:
            attention = attention * there
        return GateScores(attention, importance, log_importance, modal)

    def forward(
        self,
        modes: Sequence[Tensor],
        potential: Tensor,
        present: Tensor | None = None,
    ) -> tuple[list[Tensor], GateScores]:
        """Multiply each mode by its attention.

        Parameters
        ----------
        modes : sequence of M tensors of shape (n, ...)
            Centred, so that 0 is a harmless value; of any shape behind the first axis.
        potential : Tensor of shape (n, M)
            Potential energy of each mode; any value where a mode is missing.
        present : Tensor of shape (n, M), default=None
            Boolean, False where a mode is missing; None: all are present.

        Returns
        -------
        gated : list of M tensors
            Of the shapes of ``modes``.
        scores : GateScores
            Attention, importance and energies, (n, M) each.

        Raises
        ------
        TypeError, ValueError
            If the number of modes, or a type or shape, does not fit.
        """
        check_modes(modes, potential, self.n_modes)
        scores = self.scores(potential, present)
        gated = [
            x * beta.view(-1, *[1] * (x.dim() - 1))
            for x, beta in zip(modes, scores.attention.unbind(1), strict=True)
        ]
        return gated, scores

    def capacity(self) -> Tensor:
        """Return the area under the attention function.

        Returns
        -------
        capacity : Tensor
            A scalar.
        """
        return self.attention_function.capacity()

    def capacity_penalty(self) -> Tensor:
        """Return C, what λ_c multiplies in the loss.

        Returns
        -------
        penalty : Tensor
            A scalar; g − b_a for soft and hard attention, else 0.
        """
        return self.attention_function.capacity_penalty()

    @torch.no_grad()
    def summary(self) -> GateSummary:
        """Return everything that was learnt, as numbers and arrays.

        Returns
        -------
        summary : GateSummary
            Copies.
        """
        n = self.n_modes
        weights, exponents = torch.zeros(n, n), torch.ones(n, n)
        if self.coupling is not None:
            weights, exponents = self.coupling.weights(), self.coupling.exponents()
        function = self.attention_function
        return GateSummary(
            rho=float(self.rho),
            capacity=float(function.capacity()),
            attention_gain=math.nan if function.gain is None else float(function.gain),
            attention_bias=math.nan if function.bias is None else float(function.bias),
            energy_weights=as_array(self.weight),
            energy_biases=as_array(self.biases()),
            coupling_weights=as_array(weights),
            coupling_exponents=as_array(exponents),
        )

    def bounds(self) -> Bounds:
        """Return the parameters with the box that each must stay in.

        Returns
        -------
        bounds : list of tuple of (Tensor, float or None, float or None)
            Data of a parameter, its lower and its upper bound; None is no bound.
        """
        own: Bounds = [(self.weight.data, 0.0, None), (self.bias.data, 0.0, None)]
        shared = [] if self.coupling is None else self.coupling.bounds()
        return [*own, *shared, *self.attention_function.bounds()]

    def project(self) -> None:
        """Put every parameter back within its bounds, in place."""
        project(self.bounds())
