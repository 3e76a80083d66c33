"""Pretraining of the predictor, and of what is heard beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from sklearn_emma._energies.cross_fitting import folds, row_keys
from sklearn_emma._energies.per_mode import CleanRows
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._predictors.encoders import Encoders
from sklearn_emma._predictors.evidence import (
    STRENGTHS,
    Evidence,
    Heads,
    HeldOutAnswers,
    Labelled,
)
from sklearn_emma._predictors.mlp import MLP
from sklearn_emma._training.evidence import Question, labelled, question
from sklearn_emma._training.networks import train_network, train_networks
from sklearn_emma._training.task import TRAINING_TYPE, PretrainingTask

# With more samples one part of ten is held out; with fewer each is held out once, which
# costs as many trainings. The last one counts: what it has not seen is trained on with
# the gate, for more epochs. On seven data sets another training, on all samples, gained
# nothing; but it does where joint training is short, or a class has hardly any samples.
_MANY_SAMPLES = 1000
_FEW_FOLDS, _HELD_OUT_PARTS = 3, 10
_FEWEST_OF_A_CLASS = 6

# With fewer nothing can be learnt from samples held out.
_FEWEST_SAMPLES = 20


class LearntPredictor(NamedTuple):
    """A predictor, its losses, and what is heard beside it; fields of Pretrained."""

    predictor: nn.Module
    loss_curve: list[float]
    evidence: Evidence | None


def learn_predictor(task: PretrainingTask, rows: CleanRows) -> LearntPredictor:
    """Train the predictor, unless it comes trained, and weigh the modes beside it."""
    asked = _asked(task)
    if asked is None:
        return LearntPredictor(*train_network(task, rows.x), None)
    data, layout, (kind, n_answers) = task.data, task.layout, asked
    many = len(data.y) > _MANY_SAMPLES
    n_folds, n_parts = (1, _HELD_OUT_PARTS) if many else (_FEW_FOLDS, _FEW_FOLDS)
    part = folds(row_keys(rows.x), n_parts)
    if len(np.unique(part)) < n_folds + many:
        # Samples are too much alike to be held out.
        return LearntPredictor(*train_network(task, rows.x), None)
    samples = labelled(rows.x, rows.present, data, task.target)
    kept = [np.flatnonzero(part != k) for k in range(n_folds)]
    if many:
        networks = [train_network(task, rows.x, kept[0], bins_of_seen=True)]
    else:
        networks = train_networks(task, rows.x, kept)
    answers = []
    for k, (network, _) in enumerate(networks):
        seen, unseen = samples.rows(kept[k]), samples.rows(np.flatnonzero(part == k))
        heads = [
            kind.fit_heads(seen, layout, n_answers, [c] * layout.n_modes)
            for c in STRENGTHS
        ]
        answers.append(_answers(network, kind, heads, unseen, layout))
    predictor, curve = networks[-1]
    if not many and (task.alone or _rarest(task) < _FEWEST_OF_A_CLASS):
        predictor, curve = train_network(task, rows.x)
    held_out = HeldOutAnswers.joined(answers)
    dtype = torch.from_numpy(rows.x[:0]).dtype
    evidence = kind(held_out.best_strengths(), n_answers, layout, dtype)
    evidence.fit(samples)
    evidence.learn(held_out)
    return LearntPredictor(predictor, curve, evidence)


@torch.no_grad()
def _answers(
    predictor: nn.Module,
    kind: type[Evidence],
    heads: list[Heads],
    samples: Labelled,
    layout: ModeLayout,
) -> HeldOutAnswers:
    """What is said of samples as they are, and of the same with one mode missing."""
    n_modes = layout.n_modes
    if n_modes > 1:
        gone = np.arange(len(samples.y))[:, None] % n_modes == np.arange(n_modes)
        x = np.where(gone[:, layout.index], 0, samples.x).astype(samples.x.dtype)
        failed = samples._replace(x=x, present=samples.present & ~gone)
        pairs = zip(samples, failed, strict=True)
        samples = Labelled(*(np.concatenate(pair) for pair in pairs))
    outputs = predictor.eval()(torch.from_numpy(samples.x).to(TRAINING_TYPE))
    n_answers = heads[0].bias.shape[1]
    joint = kind.answers(outputs[:, :n_answers].double())
    each = torch.stack([kind.answers(h.outputs(samples.x, layout)) for h in heads])
    return HeldOutAnswers(joint.numpy(), each.numpy(), samples, kind.loss)


def _asked(task: PretrainingTask) -> Question | None:
    """What single modes are asked beside the default network, if anything."""
    enough = len(task.data.y) >= _FEWEST_SAMPLES
    heard = isinstance(task.predictor, MLP | Encoders) and task.predictor.evidence
    if heard and enough:
        return question(task.target)
    return None


def _rarest(task: PretrainingTask) -> int:
    """Number of samples of the rarest class; of all samples, where there are none."""
    group = task.target.groups(task.data.y)[task.data.weight > 0]
    return int(np.bincount(group, minlength=task.target.n_groups).min())
