"""Time two functions in turn, and print what comes out as lines of one table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tqdm.auto import tqdm

HEADER = (
    "| measure | sklearn_emma | peer | ratio, CPU | ratio, wall | must reach |\n"
    "|---|---|---|---|---|---|"
)


class Times(NamedTuple):
    """Seconds of one call: CPU time of this process, and by the clock on the wall."""

    cpu: float
    wall: float


class Line(NamedTuple):
    """One line of the table; what does not apply is a dash."""

    measure: str
    ours: str
    peer: str = "–"
    cpu: str = "–"
    wall: str = "–"
    must_reach: str = "–"

    def __str__(self) -> str:
        """Markdown."""
        return f"| {' | '.join(self)} |"


def timed(function: Callable[[], object]) -> Times:
    """Call once."""
    cpu, wall = time.process_time(), time.perf_counter()
    function()
    return Times(time.process_time() - cpu, time.perf_counter() - wall)


def alternating(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    pairs: int,
    label: str,
) -> Iterator[tuple[Times, Times]]:
    """Times of both, pair after pair; who goes first changes from pair to pair."""
    for number in tqdm(range(pairs), desc=label, leave=False):
        if number % 2:
            second = timed(theirs)
            yield timed(ours), second
        else:
            first = timed(ours)
            yield first, timed(theirs)


def compare(
    measure: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    pairs: int,
    must_reach: str,
    calls: int = 1,
    warm_up: bool = True,
) -> Line:
    """Medians over pairs of the ratios of both times, and of the CPU times themselves.

    ``calls`` is how many calls a function makes of what is measured.
    """
    if warm_up:
        ours()
        theirs()
    times = list(alternating(ours, theirs, pairs, measure))
    mine, other = (
        statistics.median(pair[side].cpu for pair in times) / calls for side in (0, 1)
    )
    ratios = (
        f"{statistics.median(a[kind] / b[kind] for a, b in times):.2f}"
        for kind in (0, 1)
    )
    return Line(measure, seconds(mine), seconds(other), *ratios, must_reach)


def seconds(value: float) -> str:
    """Three digits in a readable unit."""
    return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"
