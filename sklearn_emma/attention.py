"""Parts of the attention: how importance becomes attention, and what trains energies.

:class:`~sklearn_emma.EMMAClassifier` and :class:`~sklearn_emma.EMMAGate` take the
attention functions as ``attention_function``, by name or as an object;
:func:`energy_alignment` is the energy regulariser Ω for loops of your own.
"""

from sklearn_emma._attention.functions import (
    AttentionModule,
    HardAttention,
    ImportanceAttention,
    NoAttention,
    SoftAttention,
)
from sklearn_emma._attention.importance import energy_alignment

__all__ = [
    "AttentionModule",
    "HardAttention",
    "ImportanceAttention",
    "NoAttention",
    "SoftAttention",
    "energy_alignment",
]
