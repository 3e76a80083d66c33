"""skorch nets: module, criterion, optimiser, history and callbacks of a training."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Protocol, Self

import torch
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import EarlyStopping, LRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from sklearn_emma._optim.callbacks import (
    Callbacks,
    check_callbacks,
    check_monitors,
    own_copies,
)
from sklearn_emma._optim.torch_state import (
    import_optimizers,
    resolve_device,
    seeded,
)
from sklearn_emma._validation import Constraints, Interval, StrOptions

#: Allowed values of :class:`TrainingParams`.
TRAINING_CONSTRAINTS: Constraints = {
    "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
    "lr": [Interval(Real, 0, None, closed="neither")],
    "lr_schedule": [StrOptions({"cosine", "constant"})],
    "optimizer": [callable, None],
    "callbacks": [list, None],
    "device": [str, torch.device],
    "verbose": ["verbose"],
}


class HasLogits(Protocol):
    """Output of a module that returns more than a prediction."""

    @property
    def logits(self) -> Tensor:
        """The prediction, (n, n_outputs)."""
        ...


class TrainingParams(Protocol):
    """Parameters of an estimator that say how it is trained."""

    batch_size: int | str
    lr: float
    lr_schedule: str
    optimizer: Callable[..., torch.optim.Optimizer] | None
    callbacks: Callbacks | None
    device: torch.device | str
    verbose: bool | int


@dataclass(frozen=True)
class Options:
    """How a training goes; names as in :class:`~sklearn_emma.EMMAClassifier`.

    ``patience`` is the number of epochs without an improvement by ``tol`` after which
    training stops; None: it runs for ``max_iter`` epochs.
    """

    max_iter: int
    batch_size: int | str
    lr: float
    lr_schedule: str
    optimizer: Callable[..., torch.optim.Optimizer]
    device: torch.device
    callbacks: Callbacks = ()
    patience: int | None = None
    tol: float = 1e-4
    verbose: bool | int = False

    @classmethod
    def from_params(cls, params: TrainingParams, max_iter: int) -> Self:
        """Read the parameters of an estimator.

        Raises
        ------
        ValueError
            If its device or a callback cannot be used.
        """
        import_optimizers()
        check_callbacks(params.callbacks or ())
        options = cls(
            max_iter=max_iter,
            batch_size=params.batch_size,
            lr=params.lr,
            lr_schedule=params.lr_schedule,
            optimizer=params.optimizer or torch.optim.Adam,
            device=resolve_device(params.device),
            callbacks=tuple(params.callbacks or ()),
            verbose=params.verbose,
        )
        if params.callbacks or params.optimizer:
            _rehearse(options, params)
        return options


class _Net(NeuralNetClassifier):
    """A net whose predictions are logits, whatever else its module returns.

    Overriding ``infer`` is the extension point that skorch documents; callbacks that
    score predict with it.
    """

    def infer(self, x: object, **fit_params: object) -> Tensor:
        """Return logits (n, n_outputs) of a batch."""
        return logits_of(super().infer(x, **fit_params))


class _NetOfNumbers(NeuralNetRegressor):
    """A net whose predictions are numbers, whatever else its module returns."""

    def infer(self, x: object, **fit_params: object) -> Tensor:
        """Return outputs (n, n_outputs) of a batch."""
        return logits_of(super().infer(x, **fit_params))


def make_net(
    module: nn.Module,
    criterion: nn.Module,
    options: Options,
    *,
    batch_size: int = 128,
    classes: list[int] | None = None,
    answer: Callable[[Tensor], Tensor] | None = None,
) -> NeuralNet:
    """Assemble an initialised skorch net.

    ``batch_size``, ``classes`` and ``answer`` are for callbacks that ask the net for
    them, or let it predict: without an ``answer``, which makes numbers of outputs,
    outputs are logits of classes.
    """
    callbacks: list[object] = list(own_copies(options.callbacks))
    if options.lr_schedule == "cosine":
        schedule = LRScheduler(policy=CosineAnnealingLR, T_max=options.max_iter)
        callbacks.append(("own_lr_schedule", schedule))
    if options.patience is not None:
        stopping = EarlyStopping(
            patience=options.patience,
            threshold=options.tol,
            load_best=True,
            sink=_silent,
        )
        callbacks.append(("own_early_stopping", stopping))
    more: dict[str, object] = {}
    known = inspect.signature(options.optimizer).parameters
    if "fused" in known:
        more["optimizer__fused"] = options.device.type in ("cpu", "cuda")
    if "capturable" in known:  # needed where steps are recorded
        more["optimizer__capturable"] = options.device.type == "cuda"
    if classes is not None:
        more["classes"] = classes
    make = _Net if answer is None else _NetOfNumbers
    net = make(
        module,
        criterion=criterion,
        optimizer=options.optimizer,
        lr=options.lr,
        max_epochs=options.max_iter,
        batch_size=batch_size,
        train_split=None,
        predict_nonlinearity=answer or _softmax,
        device=options.device,
        callbacks=callbacks,
        # Losses are recorded by the training loop, once an epoch.
        callbacks__epoch_timer=None,
        callbacks__train_loss=None,
        callbacks__valid_loss=None,
        callbacks__valid_acc=None,
        callbacks__print_log=None,
        verbose=1,  # of the user's own callbacks; those added here are silent
        **more,
    )
    return net.initialize()


def _rehearse(options: Options, params: TrainingParams) -> None:
    """Make a net of next to nothing, so that what cannot be made fails at once."""
    with seeded(0, torch.device("cpu")):
        module = nn.Linear(1, 1)
    try:
        net = make_net(module, nn.Identity(), options)
    except Exception as error:
        error.add_note("`callbacks` and `optimizer` were tried before any training.")
        raise
    check_monitors(
        [callback for _, callback in net.callbacks_],
        # What trains anew on all samples holds out none of them in the end.
        holds_out=getattr(params, "early_stopping", False) not in (False, "refit"),
        can_hold_out=hasattr(params, "early_stopping"),
    )


def logits_of(output: HasLogits | Tensor) -> Tensor:
    """The prediction in what a module returns, for callbacks."""
    return output if isinstance(output, Tensor) else output.logits


def _softmax(logits: Tensor) -> Tensor:
    return torch.softmax(logits, dim=-1)


def _silent(text: str) -> None:
    """Swallow what a callback would print."""
