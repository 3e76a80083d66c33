"""Multimodal data sets: generated, bundled with scikit-learn, and fetched."""

from sklearn_emma.datasets._bundled import (
    load_breast_cancer_modes,
    load_digits_quadrants,
)
from sklearn_emma.datasets._generators import (
    make_circle,
    make_multimodal_classification,
    make_wave,
)
from sklearn_emma.datasets._htru2 import fetch_htru2

__all__ = [
    "fetch_htru2",
    "load_breast_cancer_modes",
    "load_digits_quadrants",
    "make_circle",
    "make_multimodal_classification",
    "make_wave",
]
