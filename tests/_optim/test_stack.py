"""A stack of models takes the steps that each takes alone, by a loop in plain torch."""

from __future__ import annotations

import copy
import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sklearn_emma._optim.loop import Samples
from sklearn_emma._optim.stack import Member, Stack
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


def train_alone(member: Member, seed: int, schedule: str, dtype: Any) -> list[float]:
    """Oracle: train one member as anyone would."""
    module = member.module.train()
    learnt = [p for n, p in module.named_parameters() if n not in member.constants]
    curve = []
    optimizer = torch.optim.Adam([p for p in learnt if p.requires_grad], lr=member.lr)
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
        members.append(
            Member(
                net,
                source=number % 2,
                lr=[0.01, 0.03, 0.1][number % 3],
                terms={"penalty": 0.1 * (number % 4)},
                constants=frozenset({"scale"}) if number % 3 == 1 else frozenset(),
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
    streams = [RandomStream(seed, CPU) for seed in (5, 6)]
    sources = [
        Source(stream, partial(draw_from, stream.generator, dtype))
        for stream in streams
    ]
    curves = train_together(
        together,
        sources,
        criterion,
        max_iter=EPOCHS,
        batch_size=BATCH,
        lr_schedule=schedule,
        constrain=clip,
        phase="test",
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


class Branching(nn.Linear):
    """Looks at its data in Python."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if bool(x.detach().sum() > 0) else 2 * x)


def test_what_cannot_be_vectorised_is_an_error_before_training() -> None:
    members = members_of(Branching, torch.float64)
    before = [copy.deepcopy(member.module.state_dict()) for member in members]
    stream = RandomStream(0, CPU)
    source = Source(stream, partial(draw_from, stream.generator, torch.float64))
    with pytest.raises(CannotStackError):
        train_together(
            members,
            [source, source],
            criterion,
            max_iter=1,
            batch_size=BATCH,
            lr_schedule="constant",
            constrain=clip,
            phase="test",
        )
    for member, state in zip(members, before, strict=True):
        for name, value in member.module.state_dict().items():
            assert torch.equal(value, state[name])


def test_one_that_is_not_finite_leaves_the_others_alone() -> None:
    def train(penalties: list[float]) -> Any:
        stream = RandomStream(0, CPU)
        source = Source(stream, partial(draw_from, stream.generator, torch.float64))
        members = [
            member._replace(source=0, terms={"penalty": penalty})
            for member, penalty in zip(
                members_of(plain, torch.float64), penalties, strict=False
            )
        ]
        return train_together(
            members,
            [source],
            criterion,
            max_iter=3,
            batch_size=BATCH,
            lr_schedule="constant",
            constrain=clip,
            phase="thing",
        )

    good = train([0.0, 0.1, 0.2])
    mixed = train([0.0, math.inf, 0.2])
    assert mixed[0] == good[0] and mixed[2] == good[2]
    assert isinstance(mixed[1], FloatingPointError)
    assert "of the thing is" in str(mixed[1]) and "in epoch 1" in str(mixed[1])
    assert all(
        isinstance(curve, FloatingPointError) for curve in train([math.inf, math.nan])
    )


def test_a_stream_goes_on_where_it_stopped() -> None:
    with seeded(3, CPU) as generator:
        expected = [
            torch.rand(2),
            torch.rand(2, generator=generator),
            torch.rand(2),
        ]
    before = torch.get_rng_state()
    stream, other = RandomStream(3, CPU), RandomStream(4, CPU)
    with stream.running():
        found = [torch.rand(2)]
    with other.running():
        torch.rand(5)
    found.append(torch.rand(2, generator=stream.generator))
    with stream.running():
        found.append(torch.rand(2))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert torch.equal(before, torch.get_rng_state())


def test_a_term_of_nought_for_all_costs_nothing() -> None:
    members = [
        member._replace(source=0, terms={"penalty": 0.0})
        for member in members_of(plain, torch.float64)
    ]
    stack = Stack(members, criterion, False, frozenset(), clip)
    assert stack.terms == {"penalty": 0.0}


def test_equal_buffers_are_one_for_all_unless_they_are_written_to() -> None:
    members = [
        member._replace(source=0) for member in members_of(normalising, torch.float64)
    ]
    names = dict(members[0].module.named_buffers())
    mean, counter = "predictor.0.running_mean", "predictor.0.num_batches_tracked"
    assert {mean, counter} <= set(names)
    stack = Stack(members, criterion, False, frozenset({mean}), clip)
    assert stack.rest[mean].shape == (len(members), *names[mean].shape)
    assert stack.rest[counter].shape == names[counter].shape
    # Nor is it anybody's own: what is written to it in spite of all reaches everyone.
    stack.rest[counter] += 7
    assert all(int(m.module.state_dict()[counter]) == 0 for m in members)
    stack.write_back()
    assert all(int(m.module.state_dict()[counter]) == 7 for m in members)
