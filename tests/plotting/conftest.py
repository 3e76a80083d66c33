"""A classifier to draw, no screen, and figures closed after each test."""

import matplotlib
import pytest

from sklearn_emma import EMMAClassifier, PotentialEnergyTransformer
from sklearn_emma.datasets import make_multimodal_classification

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="package")
def samples():
    """X and y of two redundant modes, ``mode_0`` and ``mode_1``, and the modes."""
    return make_multimodal_classification(
        300, n_modes=2, redundancy=1.0, n_features_per_mode=3, random_state=0
    )


@pytest.fixture(scope="package")
def emma(samples):
    X, y, modes = samples
    return EMMAClassifier(
        modes,
        energy_estimator=PotentialEnergyTransformer(max_iter=15),
        max_iter=8,
        pretraining_max_iter=8,
        random_state=0,
    ).fit(X, y)
