"""The methods compared, one file a family; each offers ``methods(effort)``."""

from __future__ import annotations

from . import (
    ablations,
    by_view,
    concatenation,
    copies,
    embracenet,
    emma,
    evidential,
    gates,
    logit_fusion,
)
from .method import FULL, SMOKE, Effort, Method

__all__ = ["FULL", "SMOKE", "Effort", "Method", "ablated", "all_methods"]

FAMILIES = (
    emma,
    gates,
    concatenation,
    copies,
    by_view,
    logit_fusion,
    evidential,
    embracenet,
)


def all_methods(effort: Effort = FULL) -> dict[str, Method]:
    """Every method by name, unfitted."""
    return {
        name: method
        for family in FAMILIES
        for name, method in family.methods(effort).items()
    }


def ablated(effort: Effort = FULL) -> dict[str, Method]:
    """EMMA's defaults with one part changed, by name; run only when asked for."""
    return ablations.methods(effort)
