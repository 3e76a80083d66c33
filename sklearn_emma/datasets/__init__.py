"""Multimodal data sets: generated, bundled with scikit-learn, and fetched."""

from ._bundled import load_breast_cancer_modes, load_digits_quadrants
from ._generators import make_circle, make_multimodal_classification, make_wave
from ._htru2 import fetch_htru2

__all__ = [
    "fetch_htru2",
    "load_breast_cancer_modes",
    "load_digits_quadrants",
    "make_circle",
    "make_multimodal_classification",
    "make_wave",
]
