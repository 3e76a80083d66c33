"""Modes and parts of modes fail, in rows that are drawn."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.ragged import padding_of
from sklearn_emma.corruption._counts import check_failures, count_failing
from sklearn_emma.corruption._interface import (
    Corruption,
    check_corruption,
    check_values,
    failed_by,
)


def fail_modes(
    x: Tensor,
    layout: ModeLayout,
    corruption: Corruption,
    generator: Generator,
    *,
    clean_fraction: float = 0.0,
    n_failing: int | str = 1,
    part_fraction: float = 0.5,
) -> tuple[Tensor, Tensor]:
    """Let ``n_failing`` modes, drawn uniformly, fail in each row that is not clean.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_features)
        Values in units of the training standard deviation; NaN where missing.
    layout : ModeLayout
        Which columns belong to which mode. What lies behind the end of a signal of a
        ragged mode stays NaN, however it fails.
    corruption : Corruption
        What happens to a mode that fails.
    generator : torch.Generator
        Decides everything.
    clean_fraction : float in [0, 1], default=0.0
        Probability that a row is left as it is.
    n_failing : int or "half", default=1
        Number of failing modes in a row that is not clean, from 1 to all of them;
        ``"half"`` of them is rounded down.
    part_fraction : float in [0, 1], default=0.5
        Of modes that have parts: share of the failures that hit one part, drawn
        uniformly, and leave the others as they are. Of a single mode, one part fails.

    Returns
    -------
    x_failed : Tensor of shape (n_samples, n_features)
        A new tensor.
    corrupted : Tensor of shape (n_samples, n_modes)
        Boolean; True where a mode failed, or with parts, (n_samples, n_parts).

    Raises
    ------
    ValueError
        If ``x`` is no matrix of the columns of ``layout``; if ``clean_fraction``,
        ``n_failing``, ``part_fraction`` or a parameter of the corruption is out of its
        range; if ``corruption`` has no method ``corrupt``, or does not return a tensor
        of the shape and type of ``x``.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.corruption import MissingMode, ModeLayout, fail_modes
    >>> layout = ModeLayout.from_columns({"left": [0, 1], "right": [2, 3]})
    >>> x, generator = torch.ones(2, 4), torch.Generator().manual_seed(0)
    >>> x_failed, corrupted = fail_modes(x, layout, MissingMode(), generator)
    >>> bool((x_failed.isnan() == layout.spread(corrupted)).all())
    True
    """
    check_values(x, layout)
    check_failures(
        "fail_modes",
        layout,
        clean_fraction=clean_fraction,
        n_failing=n_failing,
        part_fraction=part_fraction,
    )
    check_corruption(corruption, "`corruption`")
    outermost = layout.outermost
    n, n_modes = len(x), outermost.n_modes
    lottery = torch.rand(n, n_modes, generator=generator, device=x.device)
    ranks = lottery.argsort(dim=1).argsort(dim=1)
    fails = torch.rand(n, 1, generator=generator, device=x.device) >= clean_fraction
    corrupted = (ranks < count_failing(n_failing, n_modes)) & fails
    failed = failed_by(corruption, x, outermost, generator, "`corruption`")
    if layout.has_parts:
        part, corrupted = _narrowed(corrupted, layout, part_fraction, generator)
        of_part = failed_by(corruption, x, layout, generator, "`corruption`")
        failed = torch.where(layout.spread(part), of_part, failed)
    if layout.ragged:
        failed = failed.masked_fill(padding_of(x, layout), torch.nan)
    return torch.where(layout.spread(corrupted), failed, x), corrupted


def _narrowed(
    corrupted: Tensor, layout: ModeLayout, fraction: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Draw in which failing modes one part fails alone, and which.

    Of ``corrupted`` modes (n, M). Returns what has failed alone, and what has failed,
    (n, P) both.
    """

    def draw(like: Tensor) -> Tensor:
        return torch.rand(like.shape, generator=generator, device=like.device)

    mode = torch.from_numpy(layout.mode_of_part).to(corrupted.device)
    alone = (draw(corrupted) < fraction).index_select(1, mode)
    failing = corrupted.index_select(1, mode)
    lots = draw(failing).split(list(layout.n_parts), dim=1)
    drawn = torch.cat([lot == lot.amax(1, keepdim=True) for lot in lots], dim=1)
    return alone & drawn, failing & (drawn | ~alone)
