"""scikit-learn's own checks, on every public estimator, with no expected failure."""

from inspect import isclass

import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

import sklearn_emma
import sklearn_emma.energies
from sklearn_emma import (
    ConvolutionalEnergy,
    EMMAClassifier,
    EMMARegressor,
    EncodedEnergy,
    OctaveEnergy,
    PotentialEnergyTransformer,
)
from sklearn_emma.attention import SoftAttention
from sklearn_emma.corruption import Failures, GaussianNoise, MissingMode, Mixture
from sklearn_emma.energies import (
    MixtureEnergy,
    NeighborsEnergy,
    OutlierEnergy,
    PotentialEnergyDetector,
    PrototypeEnergy,
    ReconstructionEnergy,
)
from sklearn_emma.losses import Hinge
from sklearn_emma.predictors import MLP

# Much less than by default, and enough to pass the checks of accuracy with a margin.
SHORT = {
    "energy_estimator": PotentialEnergyTransformer(max_iter=2),
    "max_iter": 3,
    "pretraining_max_iter": 5,
    "batch_size": 64,
    "lr": 0.01,
}

# Default settings of every public estimator come first; then the switches that lead
# through other code, with fewer epochs.
INSTANCES = [
    PotentialEnergyTransformer(),
    PotentialEnergyTransformer(preprocessing="standardize", max_iter=3),
    PotentialEnergyTransformer(
        n_components=4, preprocessing=None, lr_schedule="constant", max_iter=3
    ),
    PotentialEnergyTransformer(
        objective="contrastive_divergence", regularizer="sparse", max_iter=2
    ),
    PotentialEnergyDetector(),
    MixtureEnergy(),
    NeighborsEnergy(),
    OutlierEnergy(),
    PrototypeEnergy(),
    ReconstructionEnergy(),
    ConvolutionalEnergy(),
    ConvolutionalEnergy(preprocessing="standardize", kernel_size=3, stride=1),
    OctaveEnergy(),
    OctaveEnergy(PotentialEnergyTransformer(max_iter=2), n_parts=2),
    EncodedEnergy(),
    EncodedEnergy(energy=KernelDensity()),
    EMMAClassifier(),
    EMMAClassifier(
        rho=1.0,
        lambda_c=1e-3,
        energy_scaling="shift",
        attention_function="hard",
        coupling="symmetric",
        corruption=Failures(GaussianNoise(0.5), n_draws=2),
        predictor=LogisticRegression(),
        **SHORT | {"energy_estimator": KernelDensity()},
    ),
    EMMARegressor(),
    EMMARegressor(loss="gaussian", predictor=MLP(evidence=False), **SHORT),
    # Every part is an object.
    EMMAClassifier(
        loss=Hinge(),
        attention_function=SoftAttention(gain=3.0),
        coupling="symmetric",
        corruption=Failures(
            Mixture([GaussianNoise((0.1, 1.0)), MissingMode()], weights=[2, 1]),
            clean_fraction=0.5,
            pretraining_missing_fraction=0.3,
            importance_floor=0.05,
        ),
        predictor=MLP((16,), dropout=0.1, n_bins=4, evidence=False),
        **SHORT,
    ),
]
TRANSFORMERS = [e for e in INSTANCES if hasattr(e, "transform")]


def identify(estimator):
    changed = repr(estimator) != repr(type(estimator)())
    return type(estimator).__name__ + (f"-{INSTANCES.index(estimator)}" * changed)


def test_every_public_estimator_is_checked_at_default_settings():
    public = {
        getattr(module, name)
        for module in (sklearn_emma, sklearn_emma.energies)
        for name in module.__all__
    }
    classes = {c for c in public if isclass(c) and issubclass(c, BaseEstimator)}
    estimators = {c for c in classes if hasattr(c, "fit")}
    defaults = {type(e) for e in INSTANCES if repr(e) == repr(type(e)())}
    assert defaults == estimators


# Some checks weigh one class so much that no other is predicted.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(INSTANCES)
def test_checks_of_every_estimator(estimator, check):
    check(estimator)


def run(check, estimator):
    """Run a check that only scikit-learn's own tests call."""
    getattr(estimator_checks, check)(type(estimator).__name__, clone(estimator))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "check",
    [
        "check_param_validation",
        "check_dataframe_column_names_consistency",
        "check_inplace_ensure_writeable",
    ],
)
@pytest.mark.parametrize("estimator", INSTANCES, ids=identify)
def test_more_checks_of_estimators(estimator, check):
    run(check, estimator)


# The checks themselves mix data frames with arrays.
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
@pytest.mark.parametrize(
    "check",
    [
        "check_transformer_get_feature_names_out",
        "check_transformer_get_feature_names_out_pandas",
        "check_get_feature_names_out_error",
        "check_set_output_transform",
        "check_set_output_transform_pandas",
        "check_set_output_transform_polars",
        "check_global_output_transform_pandas",
    ],
)
@pytest.mark.parametrize("estimator", TRANSFORMERS, ids=identify)
def test_more_checks_of_transformers(estimator, check):
    run(check, estimator)
