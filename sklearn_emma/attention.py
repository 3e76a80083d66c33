"""Parts of the attention: how importance becomes attention, and what trains energies.

:class:`~sklearn_emma.EMMAClassifier` and :class:`~sklearn_emma.EMMAGate` take the
attention functions as ``attention_function``, by name or as an object.
:class:`AttentionModule`, :class:`EnergyScaling` and :class:`Coupling` are the torch
modules to derive your own parts of the gate from, and :func:`energy_alignment` is the
energy regulariser Ω for training loops of your own. :class:`Annealed` is a coldness
that changes during training.
"""

from sklearn_emma._attention.classical import ClassicalAttention
from sklearn_emma._attention.coldness import Annealed
from sklearn_emma._attention.functions import (
    HardAttention,
    ImportanceAttention,
    NoAttention,
    SoftAttention,
)
from sklearn_emma._attention.importance import energy_alignment
from sklearn_emma._attention.interface import AttentionModule, Coupling
from sklearn_emma._attention.scaling import EnergyScaling

__all__ = [
    "Annealed",
    "AttentionModule",
    "ClassicalAttention",
    "Coupling",
    "EnergyScaling",
    "HardAttention",
    "ImportanceAttention",
    "NoAttention",
    "SoftAttention",
    "energy_alignment",
]
