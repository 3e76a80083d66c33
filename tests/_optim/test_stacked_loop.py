"""Models trained together learn what each learns alone, by a loop in plain torch."""

from __future__ import annotations

import copy
import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sklearn_emma._optim import stacked_loop
from sklearn_emma._optim.members import Member
from sklearn_emma._optim.net import Options
from sklearn_emma._optim.samples import Samples
from sklearn_emma._optim.stacked_loop import CannotStackError, Source, train_together
from sklearn_emma._optim.streams import RandomStream
from sklearn_emma._optim.torch_state import seeded

CPU = torch.device("cpu")
N, BATCH, EPOCHS = 37, 12, 5


class Net(nn.Module):
    """A scale that some members keep, and any predictor."""

    def __init__(self, predictor: nn.Module) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.predictor = predictor

    def forward(self, x: Tensor) -> Tensor:
        return self.predictor(self.scale * x)


def penalised(penalty: Any, output: Tensor, y: Tensor) -> Tensor:
    loss = cross_entropy(output, y, reduction="none")
    return loss + penalty * output.square().sum(1)


def criterion(penalty: Any) -> Any:
    return partial(penalised, penalty)


def clip(net: nn.Module) -> None:
    assert isinstance(net, Net)
    net.scale.data.clamp_(0.99, 1.005)


def draw_from(generator: torch.Generator, dtype: torch.dtype) -> Samples:
    x = torch.randn(N, 3, generator=generator, dtype=dtype)
    weight = torch.rand(N, generator=generator, dtype=dtype)
    return Samples({"x": x}, {"y": (x[:, 0] > 0).long()}, weight)


def sources_of(*seeds: int, dtype: torch.dtype = torch.float64) -> list[Source]:
    streams = [RandomStream(seed, CPU) for seed in seeds]
    return [
        Source(stream, partial(draw_from, stream.generator, dtype))
        for stream in streams
    ]


def options(**given: Any) -> Options:
    defaults: dict[str, Any] = {
        "max_iter": EPOCHS,
        "batch_size": BATCH,
        "lr": math.nan,  # rates are the members' own
        "lr_schedule": "constant",
        "optimizer": torch.optim.Adam,
        "device": CPU,
    }
    return Options(**defaults | given)


def train_alone(member: Member, seed: int, schedule: str, dtype: Any) -> list[float]:
    """Oracle: train one member as anyone would."""
    module = member.module.train()
    curve = []
    learnt = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(learnt, lr=member.lr)
    with seeded(seed, CPU) as generator:
        for epoch in range(EPOCHS):
            if schedule == "cosine":
                factor = (1 + math.cos(math.pi * epoch / EPOCHS)) / 2
                optimizer.param_groups[0]["lr"] = member.lr * factor
            data = draw_from(generator, dtype)
            total = 0.0
            for batch in data.batches(BATCH, generator):
                optimizer.zero_grad()
                loss = criterion(**member.terms)(
                    module(**batch.inputs), **batch.targets
                )
                loss = (loss * batch.weight).sum() / batch.weight.sum()
                loss.backward()
                optimizer.step()
                clip(module)
                total += float(loss.detach() * batch.weight.sum())
            curve.append(total / float(data.weight.sum()))
    return curve


def plain(n_in: int, n_out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(n_in, 4), nn.ReLU(), nn.Linear(4, n_out))


def dropping(n_in: int, n_out: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(n_in, 6), nn.Dropout(0.5), nn.Tanh(), nn.Dropout(0.1), nn.Linear(6, 2)
    )


def normalising(n_in: int, n_out: int) -> nn.Module:
    return nn.Sequential(nn.BatchNorm1d(n_in), nn.Linear(n_in, n_out))


class Shared(nn.Module):
    """One matrix used twice."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.first = nn.Linear(n_in, n_in)
        self.second = self.first
        self.last = nn.Linear(n_in, n_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.second(torch.tanh(self.first(x)))))


def members_of(predictor: Any, dtype: torch.dtype) -> list[Member]:
    members = []
    for number in range(7):
        with seeded(number % 3, CPU):
            net = Net(predictor(3, 2)).to(dtype)
        # Held in some of the members, learnt in the others.
        net.scale.requires_grad_(number % 3 != 1)
        members.append(
            Member(
                net,
                source=number % 2,
                lr=[0.01, 0.03, 0.1][number % 3],
                terms={"penalty": 0.1 * (number % 4)},
            )
        )
    return members


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("schedule", ["cosine", "constant"])
@pytest.mark.parametrize("predictor", [plain, dropping, normalising, Shared])
def test_each_learns_what_it_learns_alone(
    predictor: Any, schedule: str, dtype: torch.dtype
) -> None:
    together, alone = members_of(predictor, dtype), members_of(predictor, dtype)
    curves = train_together(
        together,
        sources_of(5, 6, dtype=dtype),
        criterion,
        options(lr_schedule=schedule),
        constrain=clip,
        part="test",
    )
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {}
    for member, other, curve in zip(together, alone, curves, strict=True):
        expected = train_alone(other, 5 + other.source, schedule, dtype)
        assert curve == pytest.approx(expected, rel=1e-4)
        assert len(set(expected)) == EPOCHS
        state, wanted = member.module.state_dict(), other.module.state_dict()
        for name, value in wanted.items():
            torch.testing.assert_close(
                state[name],
                value,
                rtol=tolerance.get("rtol", 1e-7),
                atol=tolerance.get("atol", 1e-9),
                msg=name,
            )


@pytest.mark.parametrize("predictor", [plain, dropping])
@pytest.mark.parametrize("n_values", [1, 2**8, 2**10])
def test_several_small_stacks_learn_what_a_large_one_does(
    predictor: Any, n_values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few models are computed at a time, all of a source see the same draws."""
    one, several = (members_of(predictor, torch.float64) for _ in range(2))
    train = partial(
        train_together, criterion=criterion, options=options(), constrain=clip, part=""
    )
    expected = train(one, sources_of(5, 6))
    sizes: list[int] = []
    make = stacked_loop.Stack
    monkeypatch.setattr(stacked_loop, "_STACK_VALUES", n_values)
    monkeypatch.setattr(
        stacked_loop,
        "Stack",
        lambda members, *rest: sizes.append(len(members)) or make(members, *rest),
    )
    curves = train(several, sources_of(5, 6))
    assert sizes[0] == 2  # the rehearsal
    assert sum(sizes[1:]) == 7 and max(sizes[1:]) - min(sizes[1:]) <= 1
    assert len(sizes) > 2
    for curve, wanted in zip(curves, expected, strict=True):
        assert curve == pytest.approx(wanted, rel=1e-9)
    for member, other in zip(several, one, strict=True):
        for name, value in other.module.state_dict().items():
            torch.testing.assert_close(member.module.state_dict()[name], value)


def test_samples_are_drawn_once_an_epoch_for_all_members_of_a_source() -> None:
    calls: list[int] = []
    sources = [
        source._replace(draw=lambda i=i, draw=source.draw: calls.append(i) or draw())
        for i, source in enumerate(sources_of(5, 6))
    ]
    train_together(
        members_of(plain, torch.float64),
        sources,
        criterion,
        options(),
        constrain=clip,
        part="test",
    )
    assert calls == [0, 1] * EPOCHS


def test_progress_is_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    for verbose in (False, True):
        train_together(
            members_of(plain, torch.float64),
            sources_of(5, 6),
            criterion,
            options(verbose=verbose),
            constrain=clip,
            part="the thing",
        )
        captured = capsys.readouterr()
        assert captured.out == ""
        assert ("the thing: 100%" in captured.err) == verbose


class Branching(nn.Linear):
    """Looks at its data in Python."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if bool(x.detach().sum() > 0) else 2 * x)


def test_what_cannot_be_vectorised_is_an_error_before_training() -> None:
    members = members_of(Branching, torch.float64)
    before = [copy.deepcopy(member.module.state_dict()) for member in members]
    with pytest.raises(CannotStackError):
        train_together(
            members,
            sources_of(0, 0),
            criterion,
            options(max_iter=1),
            constrain=clip,
            part="test",
        )
    for member, state in zip(members, before, strict=True):
        for name, value in member.module.state_dict().items():
            assert torch.equal(value, state[name])


def test_one_that_is_not_finite_leaves_the_others_alone() -> None:
    def train(penalties: list[float]) -> Any:
        members = [
            member._replace(source=0, terms={"penalty": penalty})
            for member, penalty in zip(
                members_of(plain, torch.float64), penalties, strict=False
            )
        ]
        return train_together(
            members,
            sources_of(0),
            criterion,
            options(max_iter=3),
            constrain=clip,
            part="thing",
        )

    good = train([0.0, 0.1, 0.2])
    mixed = train([0.0, math.inf, 0.2])
    assert mixed[0] == good[0] and mixed[2] == good[2]
    assert isinstance(mixed[1], FloatingPointError)
    assert "of the thing is" in str(mixed[1]) and "in epoch 1" in str(mixed[1])
    assert all(
        isinstance(curve, FloatingPointError) for curve in train([math.inf, math.nan])
    )


@pytest.mark.parametrize("predictor", [plain, normalising])
def test_one_that_diverges_in_the_last_step_leaves_the_others_alone(
    predictor: Any,
) -> None:
    def train(rates: list[float]) -> Any:
        members = [
            member._replace(source=0, lr=lr, terms={"penalty": 0.0})
            for member, lr in zip(
                members_of(predictor, torch.float64), rates, strict=False
            )
        ]
        return train_together(
            members,
            sources_of(0),
            criterion,
            options(max_iter=1, batch_size=N),
            constrain=lambda net: None,
            part="thing",
        )

    good = train([0.01, 0.02, 0.03])
    mixed = train([0.01, 1e308, 0.03])
    assert mixed[0] == good[0] and mixed[2] == good[2]
    assert isinstance(mixed[1], FloatingPointError)
    assert "train_loss of the thing is" in str(mixed[1])
