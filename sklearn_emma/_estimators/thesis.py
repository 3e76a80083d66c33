"""The configuration of the thesis, for comparison."""

from __future__ import annotations

from typing import Any

from torch import nn

from sklearn_emma._attention.functions import SoftAttention
from sklearn_emma._energies.potential import PotentialEnergyTransformer
from sklearn_emma._estimators.classifier import EMMAClassifier
from sklearn_emma._inputs.modes import ModesLike
from sklearn_emma.corruption import Failures, GaussianNoise


def make_thesis_classifier(modes: ModesLike = None, **params: Any) -> EMMAClassifier:
    """Make an :class:`EMMAClassifier` as the thesis describes the method.

    Energies of small autoencoders on standardised values, shifted to be positive; an
    attention function that starts at gain 1; a plain network, trained on clean samples
    first, then on one draw of Gaussian noise of σ = 0.5 in one mode of every second
    sample; a coldness that is fixed, to be searched. The defaults of
    :class:`EMMAClassifier` depart from all of this; what that gains is shown in the
    documentation under "How it compares".

    One point departs from the thesis too: energies belong to one sample. In its code
    all samples of a batch share a large part of theirs.

    Parameters
    ----------
    modes : dict, list or None, default=None
        Columns of each mode, see :class:`EMMAClassifier`.
    **params
        Parameters of :class:`EMMAClassifier`, in place of those of the thesis. ``rho``
        is one of the values that the thesis searches over, and should be searched.

    Returns
    -------
    EMMAClassifier
        Unfitted.

    References
    ----------
    A. Werenne, "Energy-based Multi-Modal Attention", University of Liège, 2019, ch. 3
    to 5.

    Examples
    --------
    >>> from sklearn_emma import make_thesis_classifier
    >>> clf = make_thesis_classifier({"a": [0, 1], "b": [2, 3]}, rho=0.1)
    >>> clf.energy_scaling, clf.corruption.n_draws, clf.rho
    ('shift', 1, 0.1)
    """
    thesis: dict[str, Any] = {
        "energy_estimator": PotentialEnergyTransformer(
            n_components=12,
            sigma=0.01,
            preprocessing=None,  # modes are standardised already
            max_iter=30,
            batch_size=64,
            lr=1e-3,
            lr_schedule="constant",
        ),
        "predictor": plain_network,
        "rho": 1.0,
        "lambda_c": 1e-2,
        "lambda_e": 1e-3,
        "energy_scaling": "shift",
        "coupling": "asymmetric",
        "joint_energy": False,
        "attention_function": SoftAttention(gain=1.0),
        "corruption": Failures(
            GaussianNoise(0.5),
            clean_fraction=0.5,
            n_draws=1,
            pretraining_missing_fraction=0.0,
            importance_floor=0.0,
        ),
        "batch_size": 64,
        "max_iter": 100,
        "pretraining_max_iter": 30,
        "lr": 1e-3,
        "lr_schedule": "constant",
        "early_stopping": True,
    }
    return EMMAClassifier(modes, **(thesis | params))


def plain_network(n_features_in: int, n_outputs: int) -> nn.Module:
    """Make a ReLU network with two hidden layers, of 64 and 32 units."""
    return nn.Sequential(
        nn.Linear(n_features_in, 64),
        nn.ReLU(),
        nn.Linear(64, 32),
        nn.ReLU(),
        nn.Linear(32, n_outputs),
    )
