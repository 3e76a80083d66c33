"""Sequences on one clock: time warping, canonical time warping, and a transformer."""

from sklearn_emma.alignment._aligner import SequenceAligner
from sklearn_emma.alignment._canonical import CanonicalTimeWarping, DynamicTimeWarping
from sklearn_emma.alignment._deep import DeepCanonicalTimeWarping
from sklearn_emma.alignment._energy import AlignmentEnergy
from sklearn_emma.alignment._generalized import GeneralizedCanonicalTimeWarping
from sklearn_emma.alignment._warping import Alignment, dtw

__all__ = [
    "Alignment",
    "AlignmentEnergy",
    "CanonicalTimeWarping",
    "DeepCanonicalTimeWarping",
    "DynamicTimeWarping",
    "GeneralizedCanonicalTimeWarping",
    "SequenceAligner",
    "dtw",
]
