"""A training that diverges in its very last step is an error, and leaves no model."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import FitFailedWarning

from sklearn_emma import EMMAClassifier
from sklearn_emma._training.joint_training import runaway_coldness
from sklearn_emma.model_selection import EMMAGridSearchCV

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 4))
Y = (X[:, 0] > 0).astype(int)
ONE_STEP = {
    "max_iter": 1,
    "pretraining_max_iter": 1,
    "batch_size": 1000,
    "lr": 1000.0,
    "random_state": 0,
}


def model(**params):
    return EMMAClassifier({"a": [0, 1], "b": [2, 3]}, **ONE_STEP | params)


@pytest.mark.parametrize("dtype", ["f4", "f8"])  # in f8 only the coldness overflows
def test_of_a_fit(dtype):
    estimator = model()
    with pytest.raises(FloatingPointError, match=r"of the attention is .*Lower `lr"):
        estimator.fit(X.astype(dtype), Y)
    assert not hasattr(estimator, "classes_")


@pytest.mark.parametrize(("dtype", "lr"), [("f4", 1e38), ("f8", 1e300)])
def test_of_a_pass_over_a_chunk(dtype, lr):
    given = X.astype(dtype)
    estimator = model(lr=1e-3).partial_fit(given, Y, [0, 1])
    before = estimator.predict_proba(given)
    with pytest.raises(FloatingPointError, match="of the attention is"):
        estimator.set_params(lr=lr).partial_fit(given, Y)
    np.testing.assert_array_equal(estimator.predict_proba(given), before)
    assert estimator.n_iter_ == 1


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_of_a_candidate_of_a_search():
    search = EMMAGridSearchCV(model(), {"lr": [1e-3, 1000.0]}, cv=2)
    with pytest.warns(FitFailedWarning, match="of the attention is"):
        search.fit(X, Y)
    found = search.cv_results_["mean_test_score"]
    assert np.isfinite(found[0]) and np.isnan(found[1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = EMMAGridSearchCV(model(), {"lr": [1e-3]}, cv=2).fit(X, Y)
    assert found[0] == pytest.approx(alone.cv_results_["mean_test_score"][0])


@pytest.mark.parametrize(("dtype", "finite"), [("f4", 88.0), ("f8", 709.0)])
def test_a_coldness_that_no_training_sample_shows(dtype, finite):
    """Where each has a single mode, its importance is 1 whatever ρ is."""
    fitted = model(lr=1e-3).fit(X.astype(dtype), Y)._model
    fitted.network.gate.log_rho.data.fill_(finite)
    assert runaway_coldness(fitted, 7) is None
    fitted.network.gate.log_rho.data.fill_(finite + 1)
    error = runaway_coldness(fitted, 7)
    assert "the coldness rho of the attention is inf in epoch 7" in str(error)
