"""Dropout with a mask that costs little."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

# Probabilities are rounded to multiples of 1 / _LEVELS.
_LEVELS = 2**16


class Dropout(nn.Module):
    """Masks that leave units out of a training step, as ``torch.nn.Dropout`` does.

    On a CPU torch draws a 64-bit random number for each unit, which takes a fifth of
    the training time of a small network. Here one such number serves four units, and
    the masks of all layers are drawn at once. A GPU uses torch's own dropout, so the
    same seed gives other masks there.

    Parameters
    ----------
    p : float
        Probability, in [0, 1), that a unit is left out; rounded to 1/65,536.
    """

    recordable = True

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor, sizes: Sequence[int]) -> list[Tensor | None]:
        """Return a mask (..., size), of mean 1, for each of some layers' inputs.

        Inputs are multiplied by their masks. ``x`` (..., d) says how many samples there
        are, in which type and on which device. None: all units stay.
        """
        if not self.training or self.p == 0.0:
            return [None] * len(sizes)
        shapes = [(*x.shape[:-1], size) for size in sizes]
        if x.is_cuda:
            return [dropout(x.new_ones(shape), self.p) for shape in shapes]
        left_out = min(round(self.p * _LEVELS), _LEVELS - 1)
        n_units = [math.prod(shape) for shape in shapes]
        n_words = [-(-n // 4) for n in n_units]
        words = torch.randint(-(2**63), 2**63 - 1, (sum(n_words),), device=x.device)
        level = words.view(torch.int16).to(x.dtype)
        # Integers cut to [0, 1] are 1 from the threshold on, else 0; this is several
        # times faster than a comparison.
        kept = level.sub_(left_out - _LEVELS // 2 - 1).clamp_(0.0, 1.0)
        kept = kept.mul_(_LEVELS / (_LEVELS - left_out))
        masks = kept.split([4 * n for n in n_words])
        return [
            mask[:n].view(shape)
            for mask, n, shape in zip(masks, n_units, shapes, strict=True)
        ]

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p}"
