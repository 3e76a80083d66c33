"""One step of training, and its recording, which a GPU replays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor

from sklearn_emma._optim.fast_adam import fast_adam
from sklearn_emma._optim.net import logits_of
from sklearn_emma._optim.samples import Samples

# A recording costs as much as some hundred steps. A training that has taken this many
# is expected to take many more.
_LONG = 50

# Modules and optimisers of torch that do the same work in every step are defined here.
_KINDS = "activation", "container", "conv", "dropout", "flatten", "linear", "pooling"
_OF_TORCH = (*(f"torch.nn.modules.{kind}" for kind in _KINDS), "torch.optim.")

Output = TypeVar("Output")


class Taken(NamedTuple):
    """What a step tells: the loss before it, a scalar, and the module's output."""

    loss: Tensor
    y_pred: Tensor


class Steps:
    """Takes the steps of a training, one after the other.

    Parameters
    ----------
    net : NeuralNet
        Whose module, criterion and optimiser are used.
    after_step : callable, default=None
        Called after each step.
    fast : bool, default=False
        Whether the optimiser is nobody else's, so that it need not be asked for steps.
    """

    def __init__(
        self,
        net: NeuralNet,
        after_step: Callable[[], None] | None = None,
        *,
        fast: bool = False,
    ) -> None:
        self.net, self._after_step = net, after_step
        self._optimise: Callable[[], None] | None = None
        self._wants_fast_steps = fast
        # Listing the parameters in each step is done only if a callback looks at them.
        self._sees_gradients = any(
            type(callback).on_grad_computed is not Callback.on_grad_computed
            for _, callback in net.callbacks_
        )

    def __call__(self, batch: Samples) -> Taken:
        """Take a step on a batch."""
        taken: list[Taken] = []
        if self._optimise is not None:
            self._backward(batch, taken)
            self._optimise()
        else:
            self.net.optimizer_.step(partial(self._backward, batch, taken))
            if self._wants_fast_steps:
                self._optimise = fast_adam(self.net.optimizer_)
                self._wants_fast_steps = False
        if self._after_step is not None:
            self._after_step()
        return taken[-1]

    def _backward(self, batch: Samples, taken: list[Taken]) -> Tensor:
        """Gradients of a batch's loss, which some optimisers ask for repeatedly."""
        net = self.net
        # As the optimiser's own zero_grad, which takes as long as a layer.
        for group in net.optimizer_.param_groups:
            for parameter in group["params"]:
                parameter.grad = None
        loss, output = batch_loss(net.module_, net.criterion_, batch)
        if loss.requires_grad:  # a frozen predictor may leave nothing to learn
            loss.backward()
        taken.append(Taken(loss.detach(), logits_of(output)))
        if self._sees_gradients:
            net.notify(
                "on_grad_computed",
                named_parameters=list(net.module_.named_parameters()),
                batch=(batch.inputs, batch.targets["y"]),
                training=True,
            )
        return loss


class RecordedSteps:
    """The same steps on a GPU, of which all but the first are replayed.

    A step of a small network is some hundred kernels, each of which takes longer to
    launch than to run. Recorded as a CUDA graph, they are launched as one. A batch of
    another size than the first, as the last of an epoch may be, is not replayed, nor is
    one of other tensors.

    Parameters
    ----------
    steps : Steps
        What is recorded.
    """

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._groups = steps.net.optimizer_.param_groups
        self._n_steps = 0
        self._kind: tuple[object, ...] = ()
        self._recording: _Recording | None = None

    def __call__(self, batch: Samples) -> Taken:
        """Take a step on a batch."""
        self._n_steps += 1
        kind = len(batch), batch.alike, *batch.inputs, *batch.targets
        if self._n_steps == 1:
            self._kind = kind
        if self._n_steps <= _LONG or kind != self._kind:
            # What is left of a step must not be part of a recording.
            return Taken(*(tensor.detach() for tensor in self._steps(batch)))
        if self._recording is None:
            self._recording = _Recording(self._steps, batch, self._groups)
        return self._recording.replay(batch, self._groups)


class _Recording:
    """A step on tensors of its own, at learning rates that are tensors too."""

    def __init__(
        self, steps: Steps, batch: Samples, groups: list[dict[str, Any]]
    ) -> None:
        self._batch = batch.map(torch.clone)
        device = batch.weight.device
        self._lrs = [torch.tensor(group["lr"], device=device) for group in groups]
        self._known = [group["lr"] for group in groups]
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU meanwhile.
        recording = torch.cuda.graph(self._graph, capture_error_mode="thread_local")
        with _at(self._lrs, groups), torch.cuda.device(device), recording:
            self._taken = Taken(*(tensor.detach() for tensor in steps(self._batch)))

    def replay(self, batch: Samples, groups: list[dict[str, Any]]) -> Taken:
        """Take the step on another batch, at the learning rates of now."""
        for mine, theirs in zip(self._batch.tensors(), batch.tensors(), strict=True):
            mine.copy_(theirs)
        for k, group in enumerate(groups):
            if group["lr"] != self._known[k]:
                self._known[k] = group["lr"]
                self._lrs[k].fill_(group["lr"])
        self._graph.replay()
        return Taken(*(tensor.clone() for tensor in self._taken))


@contextmanager
def _at(lrs: list[Tensor], groups: list[dict[str, Any]]) -> Iterator[None]:
    known = [group["lr"] for group in groups]
    for group, lr in zip(groups, lrs, strict=True):
        group["lr"] = lr
    try:
        yield
    finally:
        for group, lr in zip(groups, known, strict=True):
            group["lr"] = lr


def steps_of(
    net: NeuralNet, after_step: Callable[[], None] | None, *, watched: bool
) -> Callable[[Samples], Taken]:
    """Return what takes the steps of a net, recorded where that is possible.

    A training that is ``watched`` by callbacks of the user may be changed by them, and
    is not recorded.
    """
    # What a function of the user returns may have hooks.
    ours = net.optimizer is torch.optim.Adam
    steps = Steps(net, after_step, fast=ours and not watched)
    on_gpu = torch.device(net.device).type == "cuda"
    return RecordedSteps(steps) if on_gpu and not watched and repeats(net) else steps


def repeats(net: NeuralNet) -> bool:
    """Whether a step is always the same work, none of it waiting for the GPU.

    Only then may it be recorded: a recording that fails leaves torch's random numbers
    unusable. Of this package, modules and losses say so by ``recordable``.
    """
    parts = [*net.module_.modules(), *net.criterion_.modules(), net.optimizer_]
    capturable = [
        group.get("capturable", False) for group in net.optimizer_.param_groups
    ]
    return all(capturable) and all(map(_is_recordable, parts))


def _is_recordable(part: object) -> bool:
    of_torch = type(part).__module__.startswith(_OF_TORCH)
    return of_torch or bool(getattr(part, "recordable", False))


def batch_loss(
    module: Callable[..., Output], criterion: Callable[..., Tensor], batch: Samples
) -> tuple[Tensor, Output]:
    """Weighted mean loss of a batch, a scalar tensor, and the module's output.

    Of networks side by side, whose weights are (n, K), the mean of their losses.
    """
    output = module(**batch.inputs)
    per_sample = criterion(output, **batch.targets)
    # Networks side by side have equally many samples, so that the mean of everything is
    # that of their means; it is also the faster one.
    if batch.alike:
        return per_sample.mean(), output
    return weighted_mean(per_sample, batch.weight).mean(), output


def weighted_mean(losses: Tensor, weight: Tensor) -> Tensor:
    """Mean along the first axis of losses (n, ...) weighed by ``weight``, as them."""
    # A batch may be all of a class that weighs nothing.
    mass = weight.sum(0).clamp_min(torch.finfo(weight.dtype).tiny)
    return (losses * weight).sum(0) / mass
