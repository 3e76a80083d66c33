"""Simulated failing modes: for training, robustness curves, benchmarks and tests.

A *corruption* is any object with one method::

    corrupt(x, layout, generator) -> x_failed

``x`` (n, d) is a float tensor in units of each feature's training standard deviation,
NaN marking missing values; ``layout`` tells which columns belong to which mode;
``generator`` is the ``torch.Generator`` that every draw must use. It returns what the
values would be *if every mode failed*, without writing to ``x``; which modes fail in
which row is decided outside, by :class:`Failures` and :func:`fail_modes`. NaN in the
result means that the value is missing.
"""

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma.corruption._failing import fail_modes
from sklearn_emma.corruption._failures import Failures
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
from sklearn_emma.corruption._interface import Corruption
from sklearn_emma.corruption._mixture import Mixture
from sklearn_emma.corruption._noise import GaussianNoise, StudentNoise
from sklearn_emma.corruption._sensors import (
    Clipping,
    DeadColumns,
    FrozenMode,
    Sentinel,
    Shift,
)

__all__ = [
    "Bias",
    "Clipping",
    "Corruption",
    "DeadColumns",
    "Drift",
    "Failures",
    "FrozenMode",
    "Gain",
    "GaussianNoise",
    "MissingMode",
    "Mixture",
    "ModeLayout",
    "SaltAndPepper",
    "Sentinel",
    "Shift",
    "StuckMode",
    "StudentNoise",
    "SwappedMode",
    "UniformReplacement",
    "ZeroedMode",
    "fail_modes",
]
