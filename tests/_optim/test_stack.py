"""A stack of models: its losses, its steps, and what its members share."""

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from sklearn_emma._optim.members import Member, Traits
from sklearn_emma._optim.samples import Samples
from sklearn_emma._optim.stack import Stack
from sklearn_emma._optim.steps import batch_loss
from sklearn_emma._optim.streams import RandomStream
from sklearn_emma._optim.torch_state import seeded

CPU = torch.device("cpu")
PLAIN = Traits(random=False, written=frozenset())


class Net(nn.Module):
    """A scale, of which the type may be its own, before any predictor."""

    def __init__(self, predictor):
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))
        self.predictor = predictor

    def forward(self, x):
        return self.predictor(self.scale.to(x.dtype) * x)


def criterion(penalty):
    def penalised(output, y):
        loss = cross_entropy(output, y, reduction="none")
        return loss + penalty * output.square().sum(1)

    return penalised


def free(net):
    """No constraint."""


def linear():
    return nn.Linear(3, 2)


def members_of(make=linear, dtype=torch.float64, n_sources=2):
    """Six models that differ in all that models may differ in, source by source."""
    members = []
    for number in range(6):
        with seeded(number, CPU):
            net = Net(make().to(dtype))
        net.scale.data.fill_(1 + number / 10)
        source, terms = number * n_sources // 6, {"penalty": 0.1 * number}
        members.append(Member(net, source, [0.01, 0.1][number % 2], terms))
    return members


def batches_of(n_sources=2, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    batches = []
    for _ in range(n_sources):
        x = torch.randn(9, 3, generator=generator, dtype=dtype)
        weight = torch.rand(9, generator=generator, dtype=dtype)
        batches.append(Samples({"x": x}, {"y": (x[:, 0] > 0).long()}, weight))
    return batches


def streams_of(n_sources=2):
    return [RandomStream(seed, CPU) for seed in range(n_sources)]


def alone(member, batches):
    """Loss of a member by itself, as a tensor with a gradient."""
    batch = batches[member.source]
    return batch_loss(member.module, criterion(**member.terms), batch)[0]


@pytest.mark.parametrize("n_sources", [1, 2, 3])
def test_losses_are_those_of_each_model_on_the_batch_of_its_source(n_sources):
    members, batches = members_of(n_sources=n_sources), batches_of(n_sources)
    stack = Stack(members, criterion, PLAIN, free)
    found = stack.losses(batches, streams_of(n_sources))
    expected = torch.stack([alone(member, batches) for member in members])
    torch.testing.assert_close(found, expected)


def test_steps_are_those_of_an_optimiser_for_each_model():
    members, batches = members_of(), batches_of()
    twins = copy.deepcopy(members)
    stack = Stack(members, criterion, PLAIN, free)
    optimizers = [torch.optim.Adam(m.module.parameters(), lr=m.lr) for m in twins]
    for _ in range(3):
        losses = stack.step(batches, streams_of())
        for loss, twin, optimizer in zip(losses, twins, optimizers, strict=True):
            optimizer.zero_grad()
            expected = alone(twin, batches)
            expected.backward()
            optimizer.step()
            torch.testing.assert_close(loss, expected.detach())
    stack.write_back()
    for member, twin in zip(members, twins, strict=True):
        torch.testing.assert_close(member.module.state_dict(), twin.module.state_dict())


def test_modules_are_as_they_were_until_the_stack_writes_back():
    members, batches = members_of(), batches_of()
    before = [copy.deepcopy(member.module.state_dict()) for member in members]
    stack = Stack(members, criterion, PLAIN, free)
    stack.step(batches, streams_of())
    for member, state in zip(members, before, strict=True):
        torch.testing.assert_close(member.module.state_dict(), state, rtol=0, atol=0)
    stack.write_back()
    for member, state in zip(members, before, strict=True):
        weight = member.module.predictor.weight
        assert not torch.equal(weight, state["predictor.weight"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_held_in_some_models_is_learnt_in_the_others(dtype):
    members, batches = members_of(dtype=dtype), batches_of(dtype=dtype)
    held = [1, 4]
    for i in held:
        members[i].module.scale.requires_grad_(False)
    twins = copy.deepcopy(members)
    stack = Stack(members, criterion, PLAIN, free)
    optimizers = [torch.optim.Adam(m.module.parameters(), lr=m.lr) for m in twins]
    for _ in range(3):
        stack.step(batches, streams_of())
        for twin, optimizer in zip(twins, optimizers, strict=True):
            optimizer.zero_grad()
            alone(twin, batches).backward()
            optimizer.step()
    stack.write_back()
    for i, (member, twin) in enumerate(zip(members, twins, strict=True)):
        # Held means to the last bit, in double precision whatever the others are in.
        assert (member.module.scale.item() == 1 + i / 10) == (i in held)
        torch.testing.assert_close(member.module.state_dict(), twin.module.state_dict())


def test_what_is_held_in_all_models_is_no_part_of_what_is_learnt():
    members = members_of()
    for member in members:
        member.module.scale.requires_grad_(False)
    stack = Stack(members, criterion, PLAIN, free)
    assert stack.values.shape == (6, 3 * 2 + 2)
    # It differs, so that each has its own.
    assert stack.rest["scale"].shape == (6,)
    found = stack.losses(batches_of(), streams_of())
    expected = torch.stack([alone(member, batches_of()) for member in members])
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_scalar_in_double_precision_does_not_decide_the_type(dtype):
    members = members_of(dtype=dtype)
    stack = Stack(members, criterion, PLAIN, free)
    assert stack.values.dtype == dtype
    losses = stack.step(batches_of(dtype=dtype), streams_of())
    assert losses.dtype == dtype
    stack.write_back()
    for member in members:
        assert member.module.scale.dtype == torch.float64
        assert member.module.predictor.weight.dtype == dtype


def test_constraints_see_all_models_at_once_after_each_step():
    members, seen = members_of(), []

    def clip(net):
        seen.append(net.scale.shape)
        net.scale.data.clamp_(1.2, 1.2)

    stack = Stack(members, criterion, PLAIN, clip)
    for _ in range(2):
        stack.step(batches_of(), streams_of())
    stack.write_back()
    assert seen == [(6,)] * 2
    assert [member.module.scale.item() for member in members] == [1.2] * 6


def test_models_of_a_source_share_their_draws_and_those_of_another_do_not():
    """Dropout, for example, is the same for all that are to be compared."""
    dropping = partial(nn.Dropout, 0.5)
    members = [
        member._replace(terms={"penalty": 0.0}) for member in members_of(dropping)
    ]
    for member in members:
        member.module.scale.data.fill_(1.0)
    stack = Stack(members, criterion, Traits(random=True, written=frozenset()), free)
    same = batches_of(1) * 2
    losses = stack.losses(same, streams_of())
    assert len(set(losses[:3].tolist())) == len(set(losses[3:].tolist())) == 1
    assert losses[0] != losses[3]
    with streams_of()[0].running():
        expected = alone(members[0], same)
    torch.testing.assert_close(losses[0], expected)


def test_a_term_of_nought_for_all_costs_nothing():
    members = [member._replace(terms={"penalty": 0.0}) for member in members_of()]
    stack = Stack(members, criterion, PLAIN, free)
    assert stack.terms == {"penalty": 0.0}


def test_equal_buffers_are_one_for_all_unless_they_are_written_to():
    def normalising():
        return nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))

    members = members_of(normalising, n_sources=1)
    names = dict(members[0].module.named_buffers())
    mean, counter = "predictor.0.running_mean", "predictor.0.num_batches_tracked"
    assert {mean, counter} <= set(names)
    traits = Traits(random=False, written=frozenset({mean}))
    stack = Stack(members, criterion, traits, free)
    assert stack.rest[mean].shape == (len(members), *names[mean].shape)
    assert stack.rest[counter].shape == names[counter].shape
    # Nor is it anybody's own: what is written to it in spite of all reaches everyone.
    stack.rest[counter] += 7
    assert all(int(m.module.state_dict()[counter]) == 0 for m in members)
    stack.write_back()
    assert all(int(m.module.state_dict()[counter]) == 7 for m in members)
