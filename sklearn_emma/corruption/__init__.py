"""Simulated failing modes: for training, robustness curves, benchmarks and tests.

A *corruption* is any object with one method::

    corrupt(x, mode_index, generator) -> x_failed

``x`` (n, d) is a float tensor in units of each feature's training standard deviation,
NaN marking missing values; ``mode_index`` (d,) tells the mode of each column;
``generator`` is the ``torch.Generator`` that every draw must use. It returns what the
values would be *if every mode failed*, without writing to ``x``; which modes fail in
which row is decided outside, by :func:`fail_modes`. NaN in the result means that the
value is missing.
"""

from sklearn_emma.corruption._faults import (
    Bias,
    Drift,
    Gain,
    MissingMode,
    SaltAndPepper,
    StuckMode,
    SwappedMode,
    UniformReplacement,
    ZeroedMode,
)
from sklearn_emma.corruption._interface import Corruption, fail_modes
from sklearn_emma.corruption._mixture import Mixture
from sklearn_emma.corruption._noise import GaussianNoise, StudentNoise

__all__ = [
    "Bias",
    "Corruption",
    "Drift",
    "Gain",
    "GaussianNoise",
    "MissingMode",
    "Mixture",
    "SaltAndPepper",
    "StuckMode",
    "StudentNoise",
    "SwappedMode",
    "UniformReplacement",
    "ZeroedMode",
    "fail_modes",
]
