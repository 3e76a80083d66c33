"""Pretraining of the predictor, and of what is heard beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_emma._energies.cross_fitting import folds, row_keys
from sklearn_emma._energies.per_mode import CleanRows
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._optim.loop import train
from sklearn_emma._optim.net import make_net
from sklearn_emma._optim.samples import Samples, auto_batch_size
from sklearn_emma._optim.torch_state import seeded
from sklearn_emma._predictors.encoders import Encoders
from sklearn_emma._predictors.evidence import (
    STRENGTHS,
    Evidence,
    Heads,
    HeldOutAnswers,
    Labelled,
)
from sklearn_emma._predictors.mlp import MLP
from sklearn_emma._predictors.modules import calibrate_predictor
from sklearn_emma._training.evidence import Question, labelled, question
from sklearn_emma._training.loss import PretrainingLoss
from sklearn_emma._training.task import TRAINING_TYPE, PretrainingTask
from sklearn_emma.corruption import ZeroedMode, fail_modes

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


class ModuleAlone(nn.Module):
    """A predictor by itself, whatever it calls its argument."""

    recordable = True

    def __init__(self, predictor: nn.Module) -> None:
        super().__init__()
        self.predictor = predictor

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, n_outputs) of ``x`` (n, d)."""
        logits: Tensor = self.predictor(x)
        return logits


def learn_predictor(task: PretrainingTask, rows: CleanRows) -> LearntPredictor:
    """Train the predictor, unless it comes trained, and weigh the modes beside it."""
    asked = _asked(task)
    if asked is None:
        return LearntPredictor(*_train(task, rows.x), None)
    data, layout, (kind, n_answers) = task.data, task.layout, asked
    many = len(data.y) > _MANY_SAMPLES
    n_folds, n_parts = (1, _HELD_OUT_PARTS) if many else (_FEW_FOLDS, _FEW_FOLDS)
    part = folds(row_keys(rows.x), n_parts)
    if len(np.unique(part)) < n_folds + many:
        # Samples are too much alike to be held out.
        return LearntPredictor(*_train(task, rows.x), None)
    samples = labelled(rows.x, rows.present, data, task.target)
    answers = []
    for k in range(n_folds):
        seen, unseen = np.flatnonzero(part != k), np.flatnonzero(part == k)
        heads = [
            kind.fit_heads(samples.rows(seen), layout, n_answers, [c] * layout.n_modes)
            for c in STRENGTHS
        ]
        predictor, curve = _train(task, rows.x, seen, bins_of_seen=many)
        answers.append(_answers(predictor, kind, heads, samples.rows(unseen), layout))
    if not many and (task.alone or _rarest(task) < _FEWEST_OF_A_CLASS):
        predictor, curve = _train(task, rows.x)
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


def _train(
    task: PretrainingTask,
    filled: np.ndarray,
    seen: np.ndarray | None = None,
    *,
    bins_of_seen: bool = False,
) -> tuple[nn.Module, list[float]]:
    """Train a predictor on complete samples (n, d), unless it comes trained.

    It learns from the rows ``seen``; None: from all. Unless ``bins_of_seen``, it is
    calibrated with all: the quantiles of a part of few samples would be rough.
    """
    x, options = torch.from_numpy(filled).to(TRAINING_TYPE), task.options
    data = task.data
    with seeded(task.seeds[1], options.device) as generator:
        module = task.build()
        if isinstance(task.predictor, nn.Module):
            return module, []
        known = seen if bins_of_seen and seen is not None else slice(None)
        calibrate_predictor(module, x[known], torch.from_numpy(data.weight[known]))
        if seen is not None:
            x, data = x[seen], data.rows(seen)
        net = make_net(
            ModuleAlone(module),
            PretrainingLoss(task.target.loss),
            options,
            batch_size=auto_batch_size(options.batch_size, len(x)),
        )
        samples = Samples(
            {"x": x},
            {"y": torch.from_numpy(data.y)},
            torch.from_numpy(data.loss_weight).to(x.dtype),
        ).map(lambda tensor: tensor.to(options.device))

        def draw() -> Samples:
            if task.missing_fraction == 0 or task.layout.n_modes == 1:
                return samples
            x, _ = fail_modes(
                samples.inputs["x"],
                task.layout,
                ZeroedMode(),
                generator,
                clean_fraction=1 - task.missing_fraction,
            )
            return Samples({"x": x}, samples.targets, samples.weight)

        train(net, draw, options, generator, "pretrained predictor")
    return module.cpu(), net.history[:, "train_loss"]
