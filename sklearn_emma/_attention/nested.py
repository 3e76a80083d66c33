"""A gate of gates: attention among the parts of each mode, times that among modes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from sklearn_emma._attention.bounds import Bounds, project
from sklearn_emma._attention.coldness import Annealed
from sklearn_emma._attention.gate import EMMAGate
from sklearn_emma._attention.importance import any_of_parts
from sklearn_emma._attention.interface import AttentionFunction, AttentionModule
from sklearn_emma._attention.parts import build_part
from sklearn_emma._attention.prepared import Prepared, ScalesEnergies
from sklearn_emma._attention.scaling import (
    ENERGY_SCALINGS,
    EULER,
    EnergyScaling,
)
from sklearn_emma._attention.scores import GateScores, GateSummary, NestedScores


class ScaledAlready(EnergyScaling):
    """Ψ′ = Ψ, of energies that have been scaled before."""

    def __init__(self, n_modes: int) -> None:
        super().__init__(n_modes)
        self.location.fill_(EULER)

    def calibrate(self, potential: Tensor, weight: Tensor) -> None:
        """Learn nothing: what is usual is known to whoever has scaled."""

    def forward(self, potential: Tensor) -> Tensor:
        return potential


class _WithoutScaling:
    """Recipe of :class:`ScaledAlready`, in the form in which a gate takes it."""

    build = ScaledAlready


class NestedGate(ScalesEnergies):
    """Attention among the parts of each mode, times attention among the modes.

    A gate in each mode turns scaled energies of its parts into α_ip and β_ip; another
    turns those of the modes, Ψ′_i = Σ_p α_ip Ψ′_ip, into α_i and β_i, and scales
    nothing again. A part is multiplied by β_i β_ip. Where there is nothing to choose
    between, one part in a mode or one mode in all, there is no gate, and β is 1. So one
    part a mode, and one mode of many parts, are as with a single gate.

    Parameters
    ----------
    n_parts : sequence of int
        Number of parts of each mode; two or more in all.
    rho, energy_scaling, coupling, attention_function
        Of every gate, as in :class:`~sklearn_emma.EMMAGate`.

    Attributes
    ----------
    upper : EMMAGate or None
        Chooses between modes; None if there is a single mode.
    lower : ModuleDict of EMMAGate
        Choose between the parts of a mode, by its number; of modes with several.
    """

    mode_of_part: Tensor
    upper: EMMAGate | None

    def __init__(
        self,
        n_parts: Sequence[int],
        *,
        rho: float | str | Annealed = "learn",
        energy_scaling: str | object = "two_sided",
        coupling: str | object | None = None,
        attention_function: str | AttentionFunction = "soft",
    ) -> None:
        super().__init__()
        self.n_parts = list(n_parts)
        self.n_modes = sum(n_parts)
        if self.n_modes < 2:
            raise ValueError(f"There must be two parts or more, got {self.n_modes}.")
        mode_of_part = torch.arange(len(n_parts)).repeat_interleave(
            torch.tensor(self.n_parts)
        )
        self.register_buffer("mode_of_part", mode_of_part)
        self.scaling: EnergyScaling = build_part(
            "energy_scaling",
            energy_scaling,
            ENERGY_SCALINGS,
            EnergyScaling,
            self.n_modes,
        )

        def gate(n: int) -> EMMAGate:
            return EMMAGate(
                n,
                rho=rho,
                energy_scaling=_WithoutScaling(),
                coupling=coupling,
                attention_function=attention_function,
            )

        self.upper = gate(len(self.n_parts)) if len(self.n_parts) > 1 else None
        self.lower = nn.ModuleDict(
            {str(i): gate(n) for i, n in enumerate(self.n_parts) if n > 1}
        )

    def inside(self, mode: int) -> EMMAGate | None:
        """Gate among the parts of a mode, None if it has a single one."""
        if str(mode) not in self.lower:
            return None
        gate = self.lower[str(mode)]
        assert isinstance(gate, EMMAGate)
        return gate

    @property
    def gates(self) -> list[EMMAGate]:
        """All gates, from the outermost on."""
        found = [self.upper, *(self.inside(i) for i in range(len(self.n_parts)))]
        return [gate for gate in found if gate is not None]

    @property
    def outermost(self) -> EMMAGate:
        """The gate among the modes or, if there is one mode, among its parts."""
        return self.gates[0]

    @property
    def weight(self) -> nn.Parameter:
        """Energy weights w of the outermost gate."""
        return self.outermost.weight

    @property
    def rho(self) -> Tensor:
        """Coldness of the outermost gate."""
        return self.outermost.rho

    @property
    def attention_function(self) -> AttentionModule:
        """Attention function of the outermost gate."""
        return self.outermost.attention_function

    @torch.no_grad()
    def say_what_is_usual(self) -> None:
        """Tell each gate the usual energy of what it chooses between, once scaled."""
        usual = self._by_mode(self.scaling(self.scaling.location[None])[0])
        for mode, energies in enumerate(usual):
            if gate := self.inside(mode):
                gate.scaling.location.copy_(energies)
                gate.say_what_is_usual()
        if self.upper is not None:
            # Our scalings put the usual energy of every part at the same number.
            means = torch.stack([energies.mean() for energies in usual])
            self.upper.scaling.location.copy_(means)
            self.upper.say_what_is_usual()

    def balance(self, relevance: Tensor) -> Self:
        """Do as :meth:`EMMAGate.balance`; a mode is worth as much as its best part."""
        shares = self._by_mode(relevance)
        for mode, of_mode in enumerate(shares):
            if gate := self.inside(mode):
                gate.balance(of_mode)
        if self.upper is not None:
            self.upper.balance(torch.stack([of_mode.max() for of_mode in shares]))
        return self

    def scores(self, potential: Tensor, present: Tensor | None = None) -> NestedScores:
        """Energies, importance and attention of parts and, ``above``, of modes.

        Parameters
        ----------
        potential : Tensor of shape (n, P)
            Potential energy of each part; any value where it is missing.
        present : Tensor of shape (n, P), default=None
            Boolean, False where a part is missing; None: all are present.

        Returns
        -------
        scores : NestedScores
            Of parts, (n, P) each.
        """
        return self.weigh(self.prepare(potential, present))

    def weigh(self, energies: Prepared) -> NestedScores:
        """Do as :meth:`scores`, with what :meth:`prepare` returns."""
        scaled, there, shut_out = energies
        if there is None or shut_out is None:
            everywhere = torch.ones_like(scaled, dtype=torch.bool)
            return self.weigh(Prepared.of(scaled, everywhere))
        tensors = map(self._by_mode, (scaled, there, shut_out))
        by_mode = [Prepared(*of_mode) for of_mode in zip(*tensors, strict=True)]
        parts = [
            gate.weigh(own) if (gate := self.inside(i)) else _lone(own)
            for i, own in enumerate(by_mode)
        ]
        pairs = zip(parts, by_mode, strict=True)
        means = [(p.importance * own.scaled).sum(1) for p, own in pairs]
        of_modes = torch.stack(means, dim=1)
        any_part = any_of_parts(there > 0, self.n_parts)
        if self.upper is None:
            above = _lone(Prepared.of(of_modes, any_part))
        else:
            above = self.upper.scores(of_modes, any_part)
            for mode, n in enumerate(self.n_parts):
                if n == 1:  # what is alone in its mode has the energy of the mode
                    energy = above.modal_energy[:, mode : mode + 1]
                    parts[mode] = parts[mode]._replace(modal_energy=energy)
        inside = GateScores(
            torch.cat([p.attention for p in parts], dim=1),
            torch.cat([p.importance for p in parts], dim=1),
            torch.cat([p.log_importance for p in parts], dim=1),
            torch.cat([p.modal_energy for p in parts], dim=1),
        )
        return NestedScores(
            inside.attention * self.spread(above.attention),
            inside.importance * self.spread(above.importance),
            inside.log_importance,
            inside.modal_energy,
            above,
        )

    def capacity(self) -> Tensor:
        """Area under the attention function of the outermost gate, a scalar."""
        return self.outermost.capacity()

    def capacity_penalty(self) -> Tensor:
        """C of the gate among modes, plus the mean of those within them; a scalar."""
        lower = [gate.capacity_penalty() for gate in self.gates]
        upper = lower.pop(0) if self.upper is not None else lower[0].new_zeros(())
        return upper + torch.stack(lower).mean() if lower else upper

    def summary(self) -> GateSummary:
        """Everything that the outermost gate has learnt; ``gates`` has the others."""
        return self.outermost.summary()

    def bounds(self) -> Bounds:
        """Parameters of all gates, with the box that each must stay in."""
        return [bound for gate in self.gates for bound in gate.bounds()]

    def project(self) -> None:
        """Put every parameter back within its bounds, in place."""
        project(self.bounds())

    def spread(self, of_modes: Tensor) -> Tensor:
        """Give each part what its mode has, (n, M) → (n, P)."""
        return of_modes.index_select(1, self.mode_of_part)

    def _by_mode(self, of_parts: Tensor) -> tuple[Tensor, ...]:
        """Cut (..., P) into what belongs to each mode."""
        return of_parts.split(self.n_parts, dim=-1)


def all_gates(gate: EMMAGate | NestedGate) -> list[EMMAGate]:
    """The gate itself or, of a gate of gates, each of these from the outermost on."""
    return gate.gates if isinstance(gate, NestedGate) else [gate]


def _lone(own: Prepared) -> GateScores:
    """Scores of a single member, (n, 1) each: it has everything that there is."""
    assert own.there is not None
    zeros = torch.zeros_like(own.scaled)
    return GateScores(own.there, own.there, zeros, own.scaled)
