"""skorch nets: module, criterion, optimiser, history and callbacks of a training."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import EarlyStopping, LRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR


class _Net(NeuralNetClassifier):
    """A net whose predictions are logits, whatever else its module returns.

    To override ``infer`` is skorch's own way. Callbacks that score predict with it.
    """

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Return logits (n, n_outputs) of a batch."""
        return logits_of(super().infer(x, **fit_params))


def make_net(
    module: nn.Module,
    criterion: nn.Module,
    *,
    optimizer: Any,
    lr: float,
    max_iter: int,
    device: torch.device,
    lr_schedule: str = "constant",
    patience: int | None = None,
    tol: float = 1e-4,
    callbacks: list[Any] | None = None,
    batch_size: int = 128,
    classes: list[int] | None = None,
) -> NeuralNetClassifier:
    """Assemble an initialised skorch net; ``patience`` None is no early stopping.

    ``batch_size`` and ``classes`` are for callbacks that ask the net for them.
    """
    check_callbacks(callbacks)
    # Callbacks keep state, and a parameter of an estimator is never changed.
    callbacks = copy.deepcopy(list(callbacks or []))
    if lr_schedule == "cosine":
        schedule = LRScheduler(policy=CosineAnnealingLR, T_max=max_iter)
        callbacks.append(("lr_schedule", schedule))
    if patience is not None:
        stopping = EarlyStopping(
            patience=patience, threshold=tol, load_best=True, sink=_silent
        )
        callbacks.append(("early_stopping", stopping))
    options: dict[str, Any] = {}
    if "fused" in inspect.signature(optimizer).parameters:
        options["optimizer__fused"] = device.type in ("cpu", "cuda")
    if classes is not None:
        options["classes"] = classes
    net = _Net(
        module,
        criterion=criterion,
        optimizer=optimizer,
        lr=lr,
        max_epochs=max_iter,
        batch_size=batch_size,
        train_split=None,
        predict_nonlinearity=_softmax,
        device=device,
        callbacks=callbacks,
        # We record the losses ourselves, once an epoch.
        callbacks__epoch_timer=None,
        callbacks__train_loss=None,
        callbacks__valid_loss=None,
        callbacks__valid_acc=None,
        callbacks__print_log=None,
        verbose=1,  # of the user's own callbacks; ours are silent
        **options,
    )
    return net.initialize()


def check_callbacks(callbacks: list[Any] | None) -> None:
    """See that each is a skorch callback, or a pair of a name and one.

    Raises
    ------
    ValueError
        Says which is not.
    """
    for given in callbacks or []:
        pair = isinstance(given, tuple) and len(given) == 2
        if not hasattr(given[1] if pair else given, "on_train_begin"):
            raise ValueError(
                "`callbacks` must be skorch callbacks, or pairs of a name and one; got "
                f"{given!r}."
            )


def logits_of(output: Any) -> Any:
    """What of a module's output is the prediction, for callbacks."""
    return getattr(output, "logits", output)


def _softmax(logits: Tensor) -> Tensor:
    return torch.softmax(logits, dim=-1)


def _silent(text: str) -> None:
    """Swallow what a callback would print."""
