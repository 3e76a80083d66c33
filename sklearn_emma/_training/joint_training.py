"""Joint training: gate and predictor end to end, on clean and failing modes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypedDict

import numpy as np
import torch
from skorch.history import History
from torch import Tensor

from sklearn_emma._attention.bounds import project
from sklearn_emma._attention.gate import EMMAGate
from sklearn_emma._attention.nested import NestedGate, all_gates
from sklearn_emma._inputs.targets import Target
from sklearn_emma._model.model import EMMAModel
from sklearn_emma._optim.loop import divergence, train
from sklearn_emma._optim.net import Options, make_net
from sklearn_emma._optim.optimizer_state import OptimizerState
from sklearn_emma._optim.samples import Samples, auto_batch_size
from sklearn_emma._optim.torch_state import seeded
from sklearn_emma._training.loss import JointLoss
from sklearn_emma._training.simulation import ScoredSet, prepared, simulated_epochs
from sklearn_emma.corruption import Failures


@dataclass(frozen=True, kw_only=True)
class JointTask:
    """What joint training does with a model.

    ``data`` and ``held_out`` are the samples to train on and to stop early by;
    ``criterion`` is what is minimised on samples whose modes fail by ``failures``,
    afresh in each epoch or by ``n_draws`` copies in turn. The optimiser goes on from
    ``optimizer_state``, if there is one, and leaves its own there.
    """

    data: ScoredSet
    held_out: ScoredSet | None
    failures: Failures
    criterion: JointLoss
    options: Options
    seed: int
    target: Target
    n_draws: int | None = None
    optimizer_state: OptimizerState | None = None


def train_jointly(model: EMMAModel, task: JointTask) -> History:
    """Train gate and predictor, in place.

    Energies are frozen, so a whole epoch can be corrupted and scored at once. Returns
    what each epoch has recorded: ``train_loss``, ``valid_loss`` if samples are held
    out, and whatever callbacks note.
    """
    options, gate = task.options, model.network.gate
    with seeded(task.seed, options.device) as generator:
        net = make_net(
            model.network,
            task.criterion,
            options,
            batch_size=auto_batch_size(options.batch_size, len(task.data.y)),
            **_answers(task.target),
        )
        if task.optimizer_state is not None:
            task.optimizer_state.restore(net.optimizer_)
        simulate = partial(
            simulated_epochs,
            model,
            failures=task.failures,
            generator=generator,
            prepare=partial(prepared, gate),
        )
        held_out = None
        if task.held_out is not None:
            held_out = simulate(task.held_out, n_epochs=1)()
        draw = simulate(task.data, n_epochs=options.max_iter, n_draws=task.n_draws)
        train(
            net,
            annealing(gate, draw, options.max_iter),
            options,
            generator,
            "attention",
            validation=held_out,
            after_step=partial(project, gate.bounds()),
        )
        if task.optimizer_state is not None:
            task.optimizer_state.keep(net.optimizer_)
    if error := runaway_coldness(model, len(net.history)):
        raise error
    # Records of single batches would outgrow the model.
    return History(row | {"batches": []} for row in net.history)


def annealing(
    gate: EMMAGate | NestedGate, draw: Callable[[], Samples], n_epochs: int
) -> Callable[[], Samples]:
    """``draw``, which gives the samples of an epoch, and sets its coldness now too."""
    annealed = [one for one in all_gates(gate) if one.annealed is not None]
    if not annealed:
        return draw
    progress = iter(np.linspace(0, 1, n_epochs).tolist() if n_epochs > 1 else [1.0])

    def draw_at_next_coldness() -> Samples:
        share = next(progress)
        for one in annealed:
            one.anneal(share)
        return draw()

    return draw_at_next_coldness


class _Answers(TypedDict, total=False):
    classes: list[int]
    answer: Callable[[Tensor], Tensor]


def _answers(target: Target) -> _Answers:
    """What a net needs to know of y for callbacks that let it predict."""
    if target.n_classes is not None:
        return {"classes": list(range(target.n_classes))}
    return {"answer": partial(_decoded, target)}


def _decoded(target: Target, output: Tensor) -> Tensor:
    return torch.from_numpy(target.decode(output.detach().cpu().numpy()))


def runaway_coldness(model: EMMAModel, n_epochs: int) -> FloatingPointError | None:
    """Error for a ρ of any gate that is infinite in its type.

    A loss does not show it where no training sample has more than one mode.
    """
    for gate in all_gates(model.network.gate):
        rho = gate.rho.detach().to(gate.weight.dtype)
        if not rho.isfinite():
            return divergence("coldness rho", float(rho), "attention", n_epochs)
    return None
