"""What linear models of single modes are asked, and by which samples they learn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from sklearn_emma._inputs.numbers import Numbers
from sklearn_emma._inputs.targets import Classes, Target
from sklearn_emma._inputs.training_set import TrainingSet
from sklearn_emma._predictors.class_evidence import ClassEvidence
from sklearn_emma._predictors.evidence import Evidence, Labelled
from sklearn_emma._predictors.number_evidence import NumberEvidence


class Question(NamedTuple):
    """Which kind of answer is wanted, and of how many numbers each consists."""

    kind: type[Evidence]
    n_answers: int


def question(target: Target) -> Question | None:
    """What single modes can be asked: probabilities or means; None where neither."""
    if isinstance(target, Classes) and target.gives_probabilities:
        return Question(ClassEvidence, target.n_outputs)
    if isinstance(target, Numbers) and target.predicts_mean:
        return Question(NumberEvidence, target.n_columns)
    return None


def labelled(
    x: np.ndarray, present: np.ndarray, data: TrainingSet, target: Target
) -> Labelled:
    """Samples (n, d), without NaN, with what would be the right answers."""
    y = data.y
    if isinstance(target, Numbers):
        y = target.standardise(torch.from_numpy(y)).numpy()
    # Linear models are regularised by the number of samples, whatever classes weigh.
    counts = data.loss_weight * (data.weight.sum() / data.loss_weight.sum())
    return Labelled(x, present, y, counts)
