"""Files of skops, which run no code: everything comes back, by types that are known."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import helpers
from sklearn_emma.attention import Annealed
from sklearn_emma.monitoring import SensorHealthMonitor
from sklearn_emma.predictors import MLP

io = pytest.importorskip("skops.io", reason="needs skops")
pytest.importorskip("skops.io.exceptions")

X, Y = helpers.three_unequal_modes()
X[::7, 5] = np.nan
#: What the documentation says of the types to be trusted.
TRUSTED = ("sklearn_emma.", "torch.nn.", "torch.optim.", "skorch.history.History")


def quick(**params):
    return helpers.quick(modes=helpers.UNEQUAL_MODES, epochs=1, **params)


MODELS = {
    "defaults": quick(predictor=MLP(8)),  # with evidence
    "warm start": quick(warm_start=True),
    "coupled": quick(coupling="symmetric", attention_function="hard"),
    "annealed": quick(rho=Annealed(), coupling="mean", attention_function="classical"),
    "classifier": quick(predictor=LogisticRegression()),
    "forest": quick(predictor=RandomForestClassifier(3)),
    "pipeline": make_pipeline(StandardScaler(), quick()),
}


def through_a_file(model, *parts):
    """Stored and loaded; ``parts`` are types of what is not this package's."""
    data = io.dumps(model)
    unknown = io.get_untrusted_types(data=data)
    assert all(name.startswith(TRUSTED + parts) for name in unknown), unknown
    return io.loads(data, trusted=unknown)


@pytest.mark.parametrize("name", MODELS)
def test_what_comes_back_answers_alike(name):
    model = MODELS[name].fit(X, Y)
    back = through_a_file(model, *("sklearn.tree.",) * (name == "forest"))
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    if name == "pipeline":
        model, back = model[-1], back[-1]
    for method in ("attention", "modal_energy", "p_values"):
        expected = getattr(model, method)(X)
        np.testing.assert_array_equal(getattr(back, method)(X), expected)
    assert back.explain(X).equals(model.explain(X))
    np.testing.assert_array_equal(back.reference_, model.reference_)
    assert back.history_[:, "train_loss"] == model.history_[:, "train_loss"]


def test_what_comes_back_can_be_trained_further():
    model = quick(warm_start=True).fit(X, Y)
    back = through_a_file(model)
    expected = model.fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(back.fit(X, Y).predict_proba(X), expected)
    model = quick().partial_fit(X, Y, classes=[0, 1])
    back = through_a_file(model)
    expected = model.partial_fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(back.partial_fit(X, Y).predict_proba(X), expected)


def test_a_monitor_goes_on():
    monitor = SensorHealthMonitor(quick().fit(X, Y))
    monitor.update(X[:100])
    back = through_a_file(monitor)
    assert back.update(X[100:]).equals(monitor.update(X[100:]))


def test_a_file_is_loaded_only_where_its_types_are_trusted():
    data = io.dumps(quick().fit(X, Y))
    with pytest.raises(io.exceptions.UntrustedTypesFoundException):
        io.loads(data)


# MLflow, and what it needs, warn of what is to come in their own code.
@pytest.mark.filterwarnings("ignore")
def test_mlflow_gives_back_what_it_was_given(tmp_path):
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow or mlflow-skinny")
    model = quick().fit(X, Y)
    types = io.get_untrusted_types(data=io.dumps(model))
    mlflow.sklearn.save_model(
        model,
        tmp_path / "model",
        serialization_format="skops",
        skops_trusted_types=types,
        pip_requirements=["sklearn-emma"],
    )
    assert (tmp_path / "model" / "model.skops").exists()
    back = mlflow.sklearn.load_model(tmp_path / "model")
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(back.failing_modes(X), model.failing_modes(X))
    served = mlflow.pyfunc.load_model(tmp_path / "model")
    np.testing.assert_array_equal(served.predict(X), model.predict(X))
