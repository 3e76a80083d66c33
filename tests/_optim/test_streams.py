"""Streams of randomness that take turns draw as if each ran alone."""

import pytest
import torch

from helpers import random_state_kept
from sklearn_emma._optim.streams import RandomStream
from sklearn_emma._optim.torch_state import seeded

CPU = torch.device("cpu")


@random_state_kept()
def test_a_stream_goes_on_where_it_stopped():
    with seeded(3, CPU) as generator:
        expected = [
            torch.rand(2),
            torch.rand(2, generator=generator),
            torch.rand(2),
        ]
    stream, other = RandomStream(3, CPU), RandomStream(4, CPU)
    with stream.running():
        found = [torch.rand(2)]
    with other.running():
        torch.rand(5)
    found.append(torch.rand(2, generator=stream.generator))
    with stream.running():
        found.append(torch.rand(2))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@random_state_kept()
def test_the_global_state_is_as_before_even_after_an_error():
    stream = RandomStream(3, CPU)
    with pytest.raises(KeyError), stream.running():
        torch.rand(5)
        raise KeyError


def test_a_state_from_before_can_be_taken_up_again():
    stream = RandomStream(3, CPU)
    before = stream.state
    drawn = []
    for _ in range(2):
        stream.state = before
        with stream.running():
            drawn.append(torch.rand(3))
    with stream.running():
        drawn.append(torch.rand(3))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[1], drawn[2])


def test_streams_of_other_seeds_draw_otherwise():
    drawn = []
    for seed in (3, 4):
        stream = RandomStream(seed, CPU)
        with stream.running():
            drawn.append(torch.rand(3))
        drawn.append(torch.rand(3, generator=stream.generator))
    assert not torch.equal(drawn[0], drawn[2]) and not torch.equal(drawn[1], drawn[3])
