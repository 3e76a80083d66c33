"""What training minimises: the terms of the loss, of each sample, by hand."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from torch.nn.functional import mse_loss

from sklearn_emma import GateScores
from sklearn_emma._attention.importance import (
    Signs,
    energy_alignment,
    log_importance,
)
from sklearn_emma._attention.prepared import shutting_out
from sklearn_emma._inputs.targets import Classes
from sklearn_emma._model.network import EMMAOutput
from sklearn_emma._training.loss import JointLoss, PretrainingLoss

Y = torch.tensor([0, 2, 1, 1, 0])
SUPERVISED = Classes(np.arange(3)).loss


def squares(output, y):
    """Supervised loss of another kind of target."""
    return mse_loss(output[:, 0], y.to(output), reduction="none")


def output_of(seed=0):
    """Output of a network, and which modes are corrupted and present, (5, 4) each."""
    rng = np.random.default_rng(seed)
    energies = torch.from_numpy(rng.uniform(0, 6, (5, 4)))
    corrupted = torch.from_numpy(rng.random((5, 4)) < 0.5)
    present = torch.from_numpy(rng.random((5, 4)) < 0.8)
    logits = torch.from_numpy(np.random.default_rng(seed).normal(size=(5, 3)))
    logs = log_importance(energies, 1.0, shutting_out(present, energies))
    scores = GateScores(logs, logs.exp(), logs, energies)
    return EMMAOutput(logits, scores, torch.tensor(2.5).double()), corrupted, present


def test_losses_of_networks_side_by_side_are_those_of_each():
    output = torch.randn(5, 3, 3, generator=torch.Generator().manual_seed(0))
    y = torch.stack([Y, Y.flip(0), (Y + 1) % 3], dim=1)
    criterion = PretrainingLoss(SUPERVISED)
    losses = criterion(output, y)
    assert losses.shape == (5, 3)
    for k in range(3):
        torch.testing.assert_close(losses[:, k], criterion(output[:, k], y[:, k]))


def test_pretraining_loss_is_the_log_loss_of_each_sample():
    output, *_ = output_of()
    losses = PretrainingLoss(SUPERVISED)(output.logits, Y)
    assert losses.shape == (5,)
    proba = torch.softmax(output.logits, dim=1).numpy()
    assert losses.mean().item() == pytest.approx(log_loss(Y.numpy(), proba))


@pytest.mark.parametrize("lambda_c", [0.0, 0.3])
@pytest.mark.parametrize("lambda_e", [0.0, 0.7])
@pytest.mark.parametrize("floor", [0.0, 0.05])
@pytest.mark.parametrize("supervised", [SUPERVISED, squares], ids=["classes", "values"])
def test_joint_loss_adds_capacity_and_subtracts_alignment(
    lambda_c, lambda_e, floor, supervised
):
    output, corrupted, present = output_of()
    signs = Signs.of(corrupted, present, floor, torch.float64)
    losses = JointLoss(supervised, lambda_c, lambda_e)(output, Y, *signs)
    logs = output.scores.log_importance
    omega = energy_alignment(logs, corrupted, present, floor)
    expected = supervised(output.logits, Y) + lambda_c * 2.5 - lambda_e * omega
    torch.testing.assert_close(losses, expected)
    assert losses.shape == (5,)


def test_weights_may_be_tensors_as_where_models_are_computed_as_one():
    output, corrupted, present = output_of()
    signs = Signs.of(corrupted, present, 0.05, torch.float64)
    numbers = JointLoss(SUPERVISED, 0.3, 0.7)(output, Y, *signs)
    weights = torch.tensor(0.3).double(), torch.tensor(0.7).double()
    tensors = JointLoss(SUPERVISED, *weights)(output, Y, *signs)
    torch.testing.assert_close(tensors, numbers)
    zero = torch.zeros((), dtype=torch.float64)
    alone = JointLoss(SUPERVISED, zero, zero)(output, Y, *signs)
    torch.testing.assert_close(alone, SUPERVISED(output.logits, Y))


def test_a_term_of_weight_0_is_not_computed():
    """Nothing is asked of the scores, which need not be finite then."""
    output, *_ = output_of()
    broken = output._replace(scores=None, capacity_penalty=torch.tensor(torch.nan))
    losses = JointLoss(SUPERVISED, 0.0, 0)(broken, Y, None, None)
    torch.testing.assert_close(losses, SUPERVISED(output.logits, Y))
