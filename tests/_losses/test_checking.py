"""What is wrong with a loss is said before anything is trained."""

import pytest
import torch

from sklearn_emma._losses.checking import probe, resolve_loss
from sklearn_emma.losses import Hinge


def resolve(loss):
    outputs = probe(3)
    return resolve_loss(loss, {"own": own}, outputs, torch.arange(len(outputs)) % 3)


def own(energies, y):
    return energies.square().sum(1)


def test_a_loss_is_found_by_name_or_taken_as_it_is():
    assert resolve("own") is own
    assert resolve(own) is own


def test_what_is_tried_is_of_both_signs_and_the_same_every_time():
    assert torch.equal(probe(3), probe(3))
    assert (probe(3) > 0).any() and (probe(3) < 0).any()


@pytest.mark.parametrize(
    "loss, message",
    [
        (Hinge, r"must be an instance or a function.*write Hinge\(\)"),
        (lambda e, y: e.square().mean(), r"loss of each sample, \(8,\).*returned \(\)"),
        (lambda e, y: e, r"returned \(8, 3\)"),
        (lambda e, y: e.detach().numpy()[:, 0], "returned ndarray"),
        (lambda e, y: 1.0, "returned float"),
        (lambda e, y: (e - 9).log().sum(1), "must be finite"),
        (lambda e, y: e[:, 0].detach(), "must have a gradient"),
    ],
)
def test_a_loss_that_cannot_be_used_is_refused_with_the_reason(loss, message):
    with pytest.raises(ValueError, match=message):
        resolve(loss)


def test_an_error_of_the_loss_itself_says_where_it_comes_from():
    with pytest.raises(TypeError) as caught:
        resolve(lambda energies: energies.sum(1))
    assert any("`loss`" in note and "tried" in note for note in caught.value.__notes__)
