"""Which energy a mode gets by default, and what each is told about its mode."""

import numpy as np
import pytest
from sklearn.neighbors import KernelDensity

from sklearn_emma import (
    ConvolutionalEnergy,
    OctaveEnergy,
    PotentialEnergyTransformer,
)
from sklearn_emma._energies.choice import choose_energies
from sklearn_emma.corruption import ModeLayout

LAYOUT = ModeLayout.from_columns(
    {"camera": np.arange(300), "small": np.arange(300, 364), "wide": range(364, 700)},
    {"camera": (3, 10, 10), "small": (1, 8, 8)},
)


def kinds(given):
    return [type(e).__name__ for e in choose_energies(given, LAYOUT, "cpu")]


def test_images_are_convolved_and_columns_are_not():
    ours, dense = "ConvolutionalEnergy", "PotentialEnergyTransformer"
    assert kinds(None) == [ours, ours, dense]
    own = {"small": KernelDensity(), "camera": None}
    assert kinds(own) == [ours, "KernelDensity", dense]


def test_a_few_columns_are_a_mixture_of_gaussians():
    columns = {"one": [0], "five": range(1, 6), "six": range(6, 12)}
    signal = {"signal": range(12, 16)}
    layout = ModeLayout.from_columns(columns | signal, {"signal": (1, 4)})
    found = choose_energies(None, layout, "cpu")
    mixture, dense = "MixtureEnergy", "PotentialEnergyTransformer"
    expected = [mixture, mixture, dense, "OctaveEnergy"]
    assert [type(energy).__name__ for energy in found] == expected
    own = {"one": KernelDensity(), "five": None}
    found = choose_energies(own, layout, "cpu")
    assert [type(energy).__name__ for energy in found[:2]] == ["KernelDensity", mixture]


def test_signals_are_heard_in_octaves_if_they_are_of_one_length():
    columns = {"mic": np.arange(30), "other": np.arange(30, 60)}
    shapes = {"mic": (2, 15), "other": (1, 30)}
    layout = ModeLayout.from_columns(columns, shapes, ragged={"other"})
    heard, other = choose_energies(None, layout, "cpu")
    assert isinstance(heard, OctaveEnergy) and heard.shape == (2, 15)
    assert isinstance(other, ConvolutionalEnergy) and other.ragged


def test_what_is_given_for_all_modes_is_used_for_all():
    assert kinds(KernelDensity()) == ["KernelDensity"] * 3
    shapes = [e.shape for e in choose_energies(ConvolutionalEnergy(), LAYOUT, "cpu")]
    assert shapes == [(3, 10, 10), (1, 8, 8), None]


def test_a_shape_is_told_to_a_copy():
    mine = ConvolutionalEnergy()
    told = choose_energies({"small": mine}, LAYOUT, "cpu")[1]
    assert told.shape == (1, 8, 8) and mine.shape is None


def test_a_shape_of_its_own_is_kept_for_columns_without_one():
    given = {"wide": ConvolutionalEnergy(shape=(2, 168))}
    assert choose_energies(given, LAYOUT, "cpu")[2].shape == (2, 168)


def test_another_shape_than_that_of_the_mode_is_an_error_that_names_it():
    given = {"small": ConvolutionalEnergy(shape=(4, 16))}
    with pytest.raises(ValueError, match=r"'small' is of shape \(1, 8, 8\), but its"):
        choose_energies(given, LAYOUT, "cpu")


def test_a_mode_that_cannot_be_convolved_is_named_before_anything_is_trained():
    video = ModeLayout.from_columns({"video": range(16)}, {"video": (2, 2, 2, 2)})
    with pytest.raises(ValueError, match="`shape` must be") as caught:
        choose_energies(ConvolutionalEnergy(), video, "cpu")
    assert "Mode 'video'" in caught.value.__notes__[0]
    assert isinstance(
        choose_energies(None, video, "cpu")[0], PotentialEnergyTransformer
    )


def test_an_energy_that_can_be_ragged_is_told_so_by_its_mode():
    columns = {"mic": range(8), "gyro": range(8, 16)}
    shapes = {"mic": (1, 8), "gyro": (2, 4)}
    layout = ModeLayout.from_columns(columns, shapes, ragged=["mic"])
    mine = ConvolutionalEnergy()
    told = choose_energies(mine, layout, "cpu")
    assert [e.ragged for e in told] == [True, False] and not mine.ragged
    with pytest.raises(ValueError, match="Mode 'gyro' is not ragged, but its energy"):
        choose_energies(ConvolutionalEnergy(ragged=True), layout, "cpu")
