"""Training anew on all samples, for as many epochs as early stopping has found."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from skorch.callbacks import Callback

from sklearn_emma._model.model import EMMAModel
from sklearn_emma._training.fit import Trained, train_model
from sklearn_emma._training.plan import Plan


def train_and_refit(plan: Plan, previous: EMMAModel | None = None) -> Trained:
    """Train with samples held out, then from the same start with all of them.

    The second training does what the first one did up to its best epoch: learning rate
    and coldness are those of the same epochs.

    Raises
    ------
    FloatingPointError
        If a loss stops being finite.
    """
    first = train_model(replace(plan, classifier=None), previous)
    n_epochs = best_epoch(first.valid_curve, plan.joint_training.tol)
    final = train_model(_with_all_samples(plan, n_epochs), previous)
    return final._replace(valid_curve=first.valid_curve, stopping_curve=first.curve)


def best_epoch(losses: list[float], tol: float) -> int:
    """The epoch that early stopping keeps, counted from 1.

    It is the last one that improved upon the best before it by the share ``tol``.
    """
    best, limit = 1, math.inf
    for epoch, loss in enumerate(losses, start=1):
        if loss < limit:
            best, limit = epoch, loss - tol * loss
    return best


def _with_all_samples(plan: Plan, n_epochs: int) -> Plan:
    data, options = plan.checked.data, plan.joint_training
    return replace(
        plan,
        train=np.arange(len(data.y)),
        held=np.arange(0),
        pretraining=replace(plan.pretraining, data=data),
        joint_training=replace(
            options,
            patience=None,
            callbacks=(*options.callbacks, ("own_last_epoch", _StopAfter(n_epochs))),
        ),
    )


class _StopAfter(Callback):
    """Stops a training after a number of epochs; its schedules are for more of them."""

    def __init__(self, n_epochs: int) -> None:
        self.n_epochs = n_epochs

    def on_epoch_end(self, net: object, **kwargs: object) -> None:
        if len(net.history) >= self.n_epochs:  # type: ignore[attr-defined]
            raise KeyboardInterrupt  # how skorch's callbacks ask for a stop
