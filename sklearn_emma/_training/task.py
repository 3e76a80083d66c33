"""What pretraining is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from sklearn_emma._energies.comparing import Comparison
from sklearn_emma._energies.interface import Energy
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.targets import Target
from sklearn_emma._inputs.training_set import TrainingSet
from sklearn_emma._optim.net import Options
from sklearn_emma._predictors.encoders import Encoders
from sklearn_emma._predictors.mlp import MLP
from sklearn_emma._predictors.modules import TorchPredictor, build_predictor

#: Floating-point type in which networks are trained, whatever that of X: as good, and
#: up to twice as fast. What has been learnt scores X in its own type.
TRAINING_TYPE = torch.float32

# An epoch of pretraining costs less than one behind the gate, and teaches as well to do
# without a mode. With 1,000 samples nothing was gained by more of them.
_EPOCHS, _MORE_EPOCHS, _MORE_BEYOND = 15, 30, 2000


def epochs_alone(given: int | str, n_samples: int) -> int:
    """What ``pretraining_max_iter`` stands for."""
    if not isinstance(given, str):
        return given
    return _MORE_EPOCHS if n_samples > _MORE_BEYOND else _EPOCHS


@dataclass(frozen=True, kw_only=True)
class PretrainingTask:
    """Everything that decides what pretraining learns.

    ``energies`` are unfitted estimators, one for each mode; ``seeds`` those of the
    energies and of the predictor; ``missing_fraction`` is the share of samples in which
    one mode is missing while the predictor learns; ``joint_energy`` is how modes
    are also compared with each other, None if they are not; ``alone`` is whether the
    predictor must learn from all samples here, since joint training is too short.
    """

    data: TrainingSet
    layout: ModeLayout
    target: Target
    energies: list[Energy]
    predictor: TorchPredictor
    options: Options
    seeds: tuple[int, int]
    missing_fraction: float
    joint_energy: Comparison | None
    alone: bool = False

    def build(self) -> nn.Module:
        """A new predictor; where that draws at random, from torch's global state."""
        predictor, n_features = self.predictor, self.layout.n_features
        if isinstance(predictor, MLP | Encoders):
            n_samples = round(float(self.data.weight.sum()))
            predictor = predictor.for_samples(n_samples, n_features)
        return build_predictor(
            predictor,
            n_features,
            self.target.n_outputs,
            TRAINING_TYPE,
            logits=self.target.n_classes is not None,
            layout=self.layout,
        )
