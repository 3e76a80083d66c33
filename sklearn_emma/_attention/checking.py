"""Check on a few energies that the parts of a gate do what is asked of them."""

from __future__ import annotations

import torch
from torch import Tensor

from sklearn_emma._attention.gate import EMMAGate
from sklearn_emma._attention.nested import NestedGate, all_gates


@torch.no_grad()
def check_gate(gate: EMMAGate | NestedGate, dtype: torch.dtype) -> None:
    """Check shapes and ranges of what the parts of a new gate, or of gates, return.

    ``dtype`` is the type in which it will compute.

    Raises
    ------
    ValueError
        Names the part and what it returned.
    """
    _check_scaling(gate)
    for one in all_gates(gate):
        _check_behind_scaling(one, dtype)


def _check_scaling(gate: EMMAGate | NestedGate) -> None:
    potential = _potential(gate)
    scaled = gate.scaling(potential)
    _check("energy_scaling", "scaled energies", scaled, potential.shape)
    if not (scaled > 0).all():
        raise ValueError(
            "energy_scaling: scaled energies must be above 0, got "
            f"{float(scaled.min())}."
        )


def _potential(gate: EMMAGate | NestedGate) -> Tensor:
    """Energies (3, M) to try: usual, larger, and much larger ones."""
    usual = gate.scaling.location.to(gate.weight.dtype)
    return usual + torch.tensor([[0.0], [1.0], [100.0]], dtype=usual.dtype)


def _check_behind_scaling(gate: EMMAGate, dtype: torch.dtype) -> None:
    # Neither is a finite energy above this, so that the product of both is finite.
    largest = torch.finfo(dtype).max ** 0.5
    rho = float(gate.rho)
    if gate.annealed is not None:
        rho = max(gate.annealed.start, gate.annealed.end)
    if rho > largest:
        raise ValueError(
            f"rho={rho:.3g} is too large to compute with in "
            f"{str(dtype).removeprefix('torch.')}: at most {largest:.3g}."
        )
    potential = _potential(gate)
    scaled = gate.scaling(potential)
    if gate.coupling is not None and gate.n_modes > 1:
        present = torch.ones_like(potential, dtype=torch.bool)
        present[0, 0] = False
        for mask in (None, present):
            shared = gate.coupling(scaled, mask)
            _check("coupling", "shared energies", shared, potential.shape)
    importance = torch.full_like(potential, 1.0 / gate.n_modes)
    attention = gate.attention_function(importance)
    _check("attention_function", "attention", attention, potential.shape)
    if not ((attention >= 0) & (attention <= 1)).all():
        raise ValueError(
            "attention_function: attention must be from 0 to 1, got "
            f"{float(attention.min())} to {float(attention.max())}."
        )


def _check(part: str, what: str, found: Tensor, shape: torch.Size) -> None:
    if not isinstance(found, Tensor) or found.shape != shape:
        got = tuple(found.shape) if isinstance(found, Tensor) else repr(found)
        raise ValueError(
            f"{part}: {what} must have shape (n, n_modes) = {tuple(shape)}, got {got}."
        )
    if not found.isfinite().all():
        raise ValueError(f"{part}: {what} must be finite, got {found.tolist()}.")
