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

    Energies of small autoencoders on standardised values, shifted to be positive, and
    shared between pairs of modes with γ_ij = γ_ji; an attention function that starts at
    gain 1 and whose price is its gain; a plain network, trained on clean samples first,
    then on one draw of Gaussian noise of σ = 0.5 in half of the modes (one of two) of
    every second sample, for as many of 30 epochs as are best for held-out samples, and
    once more on all samples for as many; classes of equal weight; a coldness that is
    fixed, to be searched. The defaults of :class:`EMMAClassifier` depart from all of
    this; what that gains is shown in the documentation under "How it compares".

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

    Notes
    -----
    Where versions of the thesis differ, the earlier one is taken here, and the later
    one is a parameter away: ``coupling="asymmetric"``;
    ``attention_function=SoftAttention(gain=1.0)`` for the penalty g − b_a;
    ``early_stopping=True`` to leave out the training on all samples.

    This departs from the thesis:

    - Energies belong to one sample. In its code, all samples of a batch share a large
      part of theirs.
    - The threshold of the decision is 0.5. For its own, the point of the ROC curve
      nearest to the corner, wrap the classifier into
      :class:`~sklearn.model_selection.TunedThresholdClassifierCV` with
      :data:`~sklearn_emma.metrics.roc_corner_scorer`, on corrupted validation data.
    - The thesis splits once into training, validation and test data, 67 : 16.5 : 16.5,
      and uses the same validation data for stopping, threshold and search. Here
      ``fit`` holds out the same share of what it is given, 16.5 / 83.5, to stop by,
      corrupted by a draw of its own.
    - Energies of training rows are those of models that have not seen the row.
    - ``|w_ij|`` is at most 1 / (M − 1) and w_i at least 0, where the thesis prints 1 in
      one place each; missing values are masked, not zeros.

    References
    ----------
    A. Werenne, "Energy-based Multi-Modal Attention", University of Liège, 2019, ch. 3
    to 5.

    Examples
    --------
    >>> from sklearn_emma import make_thesis_classifier
    >>> clf = make_thesis_classifier({"a": [0, 1], "b": [2, 3]}, rho=0.1)
    >>> clf.energy_scaling, clf.coupling, clf.rho
    ('shift', 'symmetric', 0.1)
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
        "coupling": "symmetric",
        "joint_energy": False,
        "attention_function": SoftAttention(gain=1.0, penalty="gain"),
        "corruption": Failures(
            GaussianNoise(0.5),
            clean_fraction=0.5,
            n_failing="half",
            n_draws=1,
            pretraining_missing_fraction=0.0,
            importance_floor=0.0,
        ),
        "batch_size": 64,
        "max_iter": 30,
        "pretraining_max_iter": 30,
        "lr": 1e-3,
        "lr_schedule": "constant",
        "early_stopping": "refit",
        "validation_fraction": 0.165 / 0.835,
        "n_iter_no_change": 30,  # the best of all epochs
        "tol": 0.0,
        "class_weight": "balanced",
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
