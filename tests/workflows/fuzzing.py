"""What a fuzzing test is made of: ordinary cases, and hostile pieces in them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from helpers import quick
from sklearn_emma.predictors import MLP

MODES = {"a": [0, 1], "b": [2, 3], "c": [4, 5]}
N_ROWS = 30

ABSENT = object()  # None is a table too, if a hostile one


class BrokenPartError(Exception):
    """What parts of the user raise."""


@dataclass
class Case:
    """What is handed to an estimator, and what is known of it.

    ``values`` are what X holds, as numbers, and ``modes`` the columns of each mode.
    """

    values: np.ndarray
    y: Any
    X: Any = ABSENT
    modes: dict[str, list[int]] = field(default_factory=lambda: dict(MODES))
    fit: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    ambient: Callable[[], Any] | None = None
    evidence: bool = True

    @property
    def n_classes(self) -> int:
        """Of y, where it is as it should be."""
        return len({repr(label) for label in np.asarray(self.y).ravel().tolist()})

    def estimator(self):
        """A classifier that trains one epoch of everything."""
        predictor = MLP(4, evidence=self.evidence)
        defaults = {"modes": MODES, "predictor": predictor, "joint_energy": False}
        return quick(epochs=1, **defaults | self.params)


WORKS, FAILS, EITHER = "works", "fails", "either"


@dataclass(frozen=True)
class Piece:
    """One hostile thing, in its slot; ``change`` puts it into a case.

    ``culprit`` is what the message or the notes of an error must match. ``same`` pieces
    change nothing of what is learnt. An error that is not ``early`` may come while
    something is being trained.
    """

    slot: str
    name: str
    change: Callable[[Case, np.random.Generator], None]
    verdict: str = WORKS
    culprit: str = ""
    same: bool = False
    early: bool = True

    def __str__(self) -> str:
        return f"{self.slot}-{self.name}"


def part(slot, parameter, culprit=None, early=True):
    """Maker of pieces that give ``parameter`` a value, which may depend on the case."""
    named = parameter if culprit is None else culprit

    def piece(name, value, verdict=WORKS, culprit=named, early=early):
        def change(case: Case, rng) -> None:
            case.params |= {parameter: value}

        return Piece(slot, name, change, verdict, culprit, early=early)

    return piece


# Parts of a case are put in one after another: some look at those before.
SLOTS = [
    "values",
    "table",
    "modes",
    "y",
    "weight",
    "corrupted",
    "parameter",
    "energy",
    "corruption",
    "callbacks",
    "predictor",
    "ambient",
]
# Of these a case has one hostile piece: each takes the others to be ordinary.
ALIKE = [
    {"table", "modes"},
    {"modes", "corrupted"},
    {"values", "corrupted"},
    {"values", "weight", "y"},
    {"parameter", "callbacks", "y"},
    {"parameter", "energy", "corruption"},
    {"parameter", "predictor"},
    {"modes", "energy"},
    {"modes", "corruption"},
    {"values", "corruption"},
]


def get_along(piece: Piece, others: list[Piece]) -> bool:
    """Whether a piece may be added to others."""
    return all(
        piece.slot != other.slot
        and not any({piece.slot, other.slot} <= group for group in ALIKE)
        for other in others
    )


def companions(piece: Piece, pieces: list[Piece], rng: np.random.Generator) -> list:
    """Some harmless pieces of other slots, to go with one."""
    chosen = [piece]
    harmless = [p for p in pieces if p.verdict == WORKS]
    for i in rng.permutation(len(harmless)):
        if len(chosen) <= rng.integers(4) and get_along(harmless[i], chosen):
            chosen.append(harmless[i])
    return sorted(chosen, key=lambda p: SLOTS.index(p.slot))


def ordinary(seed: int = 0) -> Case:
    """A case without anything hostile."""
    rng = np.random.default_rng(seed)
    y = np.arange(N_ROWS) % 2
    return Case(values=rng.normal(size=(N_ROWS, 6)) + y[:, np.newaxis], y=y)


def composed(pieces: list[Piece], rng: np.random.Generator, seed: int = 0) -> Case:
    """An ordinary case with these pieces put into it."""
    case = ordinary(seed)
    for piece in pieces:
        if case.X is ABSENT and piece.slot != "values":
            case.X = case.values.copy()
        piece.change(case, rng)
    if case.X is ABSENT:
        case.X = case.values.copy()
    return case


@cache
def plainly_fitted(seed: int, evidence: bool = True):
    """The model of an ordinary case, and its probabilities."""
    case = ordinary(seed)
    case.evidence = evidence
    model = case.estimator().fit(case.values, case.y)
    return model, model.predict_proba(case.values)
