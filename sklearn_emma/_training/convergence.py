"""Whether a training has come to anything; a warning if not."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning

from sklearn_emma._inputs.targets import Target
from sklearn_emma._model.model import EMMAModel
from sklearn_emma._training.simulation import ScoredSet

# A loss must rise by half: failures are drawn anew in each epoch, of few samples.
_NOTICEABLE = 0.5
# Parts of a loss that have nothing to do with classes may lower it by about as much.
_MARGIN = 0.02

_RARE = "; if a class is rare, see `class_weight`"


def warn_if_not_converged(
    model: EMMAModel, data: ScoredSet, target: Target, curve: list[float]
) -> None:
    """Warn if the loss rose, or if all samples get the same answer though they differ.

    Neither is amiss while the loss is below that of one answer that knows how frequent
    classes are: a rare class may be ranked well, and never be the most probable one.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        Says what to change.
    """
    y, weight = (t.cpu().numpy() for t in (data.y, data.loss_weight))
    y, weight = y[weight > 0], weight[weight > 0]
    first, last = curve[0], curve[-1]
    rose = last > first + _NOTICEABLE * abs(first)
    baseline = target.baseline(y, weight)
    if baseline is not None and last < (1 - _MARGIN) * baseline:
        return
    if rose and baseline is not None:
        warnings.warn(
            f"The training loss rose from {first:.3g} to {last:.3g}. Lower `lr`.",
            ConvergenceWarning,
            stacklevel=2,
        )
    elif (
        len(np.unique(y, axis=0)) > 1
        and len(answers := _answers(model, data, target)) == 1
    ):
        warnings.warn(
            f"{answers[0]!r} is predicted for every training sample, though there are "
            "others. Lower `lr`, or train longer by `max_iter` and "
            f"`pretraining_max_iter`{_RARE if target.n_classes else ''}.",
            ConvergenceWarning,
            stacklevel=2,
        )


@torch.no_grad()
def _answers(model: EMMAModel, data: ScoredSet, target: Target) -> list[object]:
    """Different answers of the network on samples that count, as training sees it."""
    size, found = model.chunk_rows, set[object]()
    network = model.network
    # Modes that know nothing may outvote a network that has learnt something.
    evidence, network.evidence = network.evidence, None
    try:
        for start in range(0, len(data.y), size):
            rows = slice(start, start + size)
            logits = network(**data.inputs.rows(rows)._asdict()).logits
            counts = (data.loss_weight[rows] > 0).cpu().numpy()
            answers = target.decode(logits.cpu().numpy())[counts].tolist()
            found.update(map(_hashable, answers))
    finally:
        network.evidence = evidence
    return list(found)


def _hashable(answer: object) -> object:
    return tuple(answer) if isinstance(answer, list) else answer
