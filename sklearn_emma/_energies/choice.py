"""Which energy a mode gets, and what that is told about the mode."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from sklearn.base import BaseEstimator

from sklearn_emma._energies.convolution import is_convolved
from sklearn_emma._energies.convolutional import ConvolutionalEnergy
from sklearn_emma._energies.interface import Energy, naming
from sklearn_emma._energies.mixture import MixtureEnergy
from sklearn_emma._energies.octaves import OctaveEnergy
from sklearn_emma._energies.per_mode import clone_estimators
from sklearn_emma._energies.potential import PotentialEnergyTransformer
from sklearn_emma._inputs.layout import ModeLayout

# Modes of more columns are too wide for a mixture of Gaussians.
_NARROW = 5


def choose_energies(
    given: BaseEstimator | Mapping[str, BaseEstimator] | None,
    layout: ModeLayout,
    device: torch.device | str,
) -> list[Energy]:
    """An unfitted estimator for each mode, which knows the shape of its mode.

    Where none is given, it is a mixture of Gaussians for a few columns, the dense
    energy for more, that of octaves for signals of one length, and the convolutional
    one for others and for images.

    Raises
    ------
    ValueError
        As :func:`clone_estimators`; also names the mode whose energy has another shape.
    """
    dense = PotentialEnergyTransformer(device=device)
    if given is None or isinstance(given, Mapping):
        own = {name: e for name, e in (given or {}).items() if e is not None}
        others = {
            name: _of_shape(shape, name in layout.ragged, device)
            for name, shape in zip(layout.names, layout.shapes, strict=True)
            if is_convolved(shape) or np.prod(shape) <= _NARROW
        }
        given = others | own
    energies = clone_estimators(given, layout.names, dense)
    for name, shape, energy in zip(layout.names, layout.shapes, energies, strict=True):
        _tell_shape(name, shape, name in layout.ragged, energy)
    return energies


def _of_shape(
    shape: tuple[int, ...], ragged: bool, device: torch.device | str
) -> BaseEstimator:
    if not is_convolved(shape):
        return MixtureEnergy()
    kind = OctaveEnergy if len(shape) == 2 and not ragged else ConvolutionalEnergy
    return kind(device=device)


def _tell_shape(
    name: str, shape: tuple[int, ...], ragged: bool, energy: Energy
) -> None:
    """Set a parameter ``shape`` that is None, in place, and let the energy check it.

    Where the mode is ragged, so is an energy that can be.
    """
    params = energy.get_params(deep=False)
    if params.get("ragged", False) and not ragged:
        raise ValueError(
            f"Mode {name!r} is not ragged, but its energy, {type(energy).__name__}, "
            "is. Say so of the mode: Mode(columns, shape=(channels, length), "
            "ragged=True)."
        )
    if "ragged" in params:
        energy.set_params(ragged=ragged)
    if "shape" not in params:
        return
    own = params["shape"]
    if own is None and len(shape) > 1:  # others are columns, of which it knows
        energy.set_params(shape=shape)
    elif own is not None and len(shape) > 1 and tuple(own) != shape:
        raise ValueError(
            f"Mode {name!r} is of shape {shape}, but its energy, "
            f"{type(energy).__name__}, is for shape={own!r}. Leave it out there."
        )
    check = getattr(energy, "_check_mode", None)
    if check is not None:
        with naming([name], energy):
            check(int(np.prod(shape)))
