"""How many modes fail, in how many rows, and how often as a whole."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._validation import (
    Constraints,
    Interval,
    StrOptions,
    validate_parameter_constraints,
)

#: Parameters of :class:`Failures` and of all functions that let modes fail.
COUNTS: Constraints = {
    "clean_fraction": [Interval(Real, 0, 1, closed="both")],
    "n_failing": [Interval(Integral, 1, None, closed="left"), StrOptions({"half"})],
    "part_fraction": [Interval(Real, 0, 1, closed="both")],
}


def count_failing(n_failing: int | str, n_modes: int) -> int:
    """Number of modes that fail at once.

    ``"half"`` is ⌊M/2⌋, so that ⌊(M + 1)/2⌋ stay clean: with M' clean modes, the energy
    regulariser Ω pushes the energies of all clean modes down and of all corrupted ones
    up, whatever their importance.
    """
    return n_modes // 2 if isinstance(n_failing, str) else n_failing


def check_failures(
    caller: str,
    layout: ModeLayout,
    *,
    clean_fraction: float,
    n_failing: int | str,
    part_fraction: float,
) -> None:
    """Check that these numbers, which ``caller`` was given, can be met.

    Raises
    ------
    ValueError
        Names the parameter and its range.
    """
    given = {
        "clean_fraction": clean_fraction,
        "n_failing": n_failing,
        "part_fraction": part_fraction,
    }
    validate_parameter_constraints(COUNTS, given, caller_name=caller)
    refuse_booleans(caller, given)
    n_modes = layout.outermost.n_modes
    if count_failing(n_failing, n_modes) > n_modes:
        raise ValueError(
            f"n_failing={n_failing} modes cannot fail at once: there are only "
            f"{n_modes}."
        )


def refuse_booleans(caller: str, params: dict[str, Any]) -> None:
    """Raise for True and False, which scikit-learn takes for the numbers 1 and 0.

    Raises
    ------
    ValueError
        Names the parameter.
    """
    for name, value in params.items():
        if isinstance(value, bool):
            raise ValueError(f"{caller}: {name!r} must be a number, got {value!r}.")
