"""A member of a stack is all that tells one model from the others."""

import torch
from torch import nn

from sklearn_emma._optim.members import Member, Traits
from sklearn_emma._optim.samples import Samples
from sklearn_emma._optim.stack import Stack
from sklearn_emma._optim.streams import RandomStream


def criterion(factor, offset):
    """Loss of each sample, made with the terms of a member."""
    return lambda output, y: factor * (output[:, 0] - y) ** 2 + offset


def test_a_member_says_whose_samples_it_sees_and_what_its_criterion_is_made_with():
    module = nn.Linear(2, 1).double()
    members = [
        Member(module, source=0, lr=0.1, terms={"factor": 2.0, "offset": 1.0}),
        Member(module, source=0, lr=0.1, terms={"factor": 0.5, "offset": 1.0}),
        Member(module, source=1, lr=0.1, terms={"factor": 0.5, "offset": 1.0}),
    ]
    x, y = torch.ones(3, 2).double(), torch.arange(3.0).double()
    weight = torch.ones(3).double()
    batches = [Samples({"input": a * x}, {"y": y}, weight) for a in (1, -1)]
    streams = [RandomStream(seed, torch.device("cpu")) for seed in (0, 1)]
    traits = Traits(random=False, written=frozenset())
    stack = Stack(members, criterion, traits, lambda net: None)
    assert stack.terms["offset"] == 1.0  # alike in all
    assert stack.terms["factor"].tolist() == [2.0, 0.5, 0.5]
    near, far = ((module(a * x)[:, 0] - y).square().mean() for a in (1, -1))
    expected = torch.stack([2 * near + 1, near / 2 + 1, far / 2 + 1])
    torch.testing.assert_close(stack.losses(batches, streams), expected)


def test_a_forward_pass_of_which_nothing_is_known_needs_no_memory():
    assert Traits(random=True, written=frozenset()).n_values == 0
