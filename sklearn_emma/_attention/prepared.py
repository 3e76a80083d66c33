"""What the formulas of the gate start from: scaled energies, and who is missing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from sklearn_emma._attention.parts import check_calibration, check_energies
from sklearn_emma._attention.scaling import EnergyScaling, Scales
from sklearn_emma._statistics.exporting import constant


class Prepared(NamedTuple):
    """Scaled energies Ψ′ (n, M), and presence in the form in which it is computed with.

    ``there`` (n, M) is 1 where a mode is present and 0 where it is missing, to multiply
    by; ``shut_out`` (n, M) is 0 and a very negative number, to add to logits. None: all
    modes are present. Unless scaling is learnt, it is the same in every step, so that a
    training prepares all samples of an epoch at once.
    """

    scaled: Tensor
    there: Tensor | None = None
    shut_out: Tensor | None = None

    @property
    def present(self) -> Tensor | None:
        """The same as a boolean tensor."""
        return None if self.there is None else self.there > 0

    @classmethod
    def of(cls, scaled: Tensor, present: Tensor | None) -> Prepared:
        """From scaled energies, of any value where ``present`` is False."""
        if present is None:
            return cls(scaled)
        return cls(scaled, present.to(scaled.dtype), shutting_out(present, scaled))


def shutting_out(present: Tensor, like: Tensor) -> Tensor:
    """Summands of logits, of the type of ``like``, which shut out what is missing."""
    very_negative = constant(torch.finfo(like.dtype).min / 4, like)
    return torch.zeros_like(like).masked_fill(~present, very_negative)


class ScalesEnergies(nn.Module, ABC):
    """For a gate that scales the energies of ``n_modes`` by ``scaling``."""

    n_modes: int
    scaling: EnergyScaling

    @torch.no_grad()
    def calibrate(self, potential: Tensor, sample_weight: Tensor | None = None) -> Self:
        """Learn the scale of energies from those of clean data.

        Parameters
        ----------
        potential : Tensor of shape (n, n_modes)
            Potential energies; NaN marks a missing mode and is left out.
        sample_weight : Tensor of shape (n,), default=None
            Weight of each row; None weights all rows equally.

        Returns
        -------
        self : EMMAGate or NestedGate
            Calibrated.

        Raises
        ------
        TypeError, ValueError
            If an argument is no tensor of its shape, or holds what it must not.
        """
        check_calibration(potential, sample_weight, self.n_modes)
        ones = potential.new_ones(len(potential))
        weight = ones if sample_weight is None else sample_weight
        self.scaling.calibrate(potential, weight)
        self.say_what_is_usual()
        return self

    def copy_calibration(self, other: Scales) -> None:
        """Take over what another gate was calibrated with.

        Parameters
        ----------
        other : EMMAGate or NestedGate
            With the same energy scaling and number of modes.
        """
        self.scaling.load_state_dict(other.scaling.state_dict())
        self.say_what_is_usual()

    def prepare(self, potential: Tensor, present: Tensor | None = None) -> Prepared:
        """Scale potential energies, the first half of ``scores``.

        Parameters
        ----------
        potential : Tensor of shape (n, n_modes)
            Potential energy of each mode; any value where a mode is missing.
        present : Tensor of shape (n, n_modes), default=None
            Boolean, False where a mode is missing; None: all are present.

        Returns
        -------
        energies : Prepared
            What ``weigh`` takes.

        Raises
        ------
        TypeError, ValueError
            If an argument is no tensor of its shape and type.
        """
        check_energies(potential, present, self.n_modes)
        potential = potential.to(self.scaling.location.dtype)
        if present is not None:  # what stands for a missing mode reaches no gradient
            potential = torch.where(present, potential, self.scaling.location)
        return Prepared.of(self.scaling(potential), present)

    @abstractmethod
    def say_what_is_usual(self) -> None:
        """Tell the gate what its scaling makes of usual energies."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        # Computed in the new type, as the energies are that it is compared with.
        self.say_what_is_usual()
        return self
