import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity

import helpers
from sklearn_emma import ConvolutionalEnergy, pack_modes
from sklearn_emma.datasets import load_breast_cancer_modes, load_digits_quadrants
from sklearn_emma.predictors import MLP

MODES = helpers.UNEQUAL_MODES


def quick(**params):
    given = {"modes": MODES, "predictor": MLP(8)} | params  # with evidence
    return helpers.quick(max_iter=1, pretraining_max_iter=1, **given)


def rows():
    X, y = helpers.three_unequal_modes()
    X[::7, :3] = np.nan
    return X, y


def test_the_module_answers_as_the_classifier():
    X, y = rows()
    model = quick().fit(X, y)
    proba, attention = model.to_torch()(torch.from_numpy(X))
    np.testing.assert_allclose(proba, model.predict_proba(X), atol=1e-10)
    np.testing.assert_allclose(attention, model.attention(X), atol=1e-10)


def test_a_classifier_as_predictor_is_refused_by_name():
    model = quick(predictor=LogisticRegression()).fit(*rows())
    with pytest.raises(TypeError, match="predictor, LogisticRegression, is no torch"):
        model.to_torch()


def test_a_custom_energy_is_refused_by_name_and_mode():
    model = quick(energy_estimator={"b": KernelDensity()}).fit(*rows())
    with pytest.raises(TypeError, match="energy of mode 'b', KernelDensity, is no"):
        model.to_torch()


def test_an_estimator_that_is_not_fitted_says_so():
    with pytest.raises(NotFittedError):
        quick().to_torch()


@pytest.mark.parametrize("dtype", ["float32", np.float32, torch.int32])
def test_a_type_that_is_none_is_refused(dtype):
    model = quick().fit(*rows())
    with pytest.raises(TypeError, match="`dtype` must be a floating-point type of"):
        model.to_torch(dtype=dtype)


def test_columns_that_are_not_those_of_the_training_data_are_refused():
    X, y = rows()
    module = quick(remainder="drop").fit(np.c_[X, X], y).to_torch()
    wide = torch.from_numpy(np.c_[X, X])
    for rows_given in (wide[:, :6], wide[:, [*range(12), 0]], wide[0]):
        with pytest.raises(ValueError, match=r"shape \(n_samples, 12\), the columns"):
            module(rows_given)


# What the exporters of torch and ONNX warn of is their own.
pytestmark = pytest.mark.filterwarnings("ignore")


def in_onnxruntime(module, X, folder):
    """What a file made of the module answers to rows, by onnxruntime."""
    pytest.importorskip("onnxscript", reason="needs onnx, onnxscript and onnxruntime")
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    program = torch.onnx.export(
        module,
        (torch.from_numpy(X[:5]),),
        dynamo=True,
        input_names=["X"],
        output_names=["probabilities", "attention"],
        dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
        verbose=False,
    )
    program.save(folder / "model.onnx")
    session = runtime.InferenceSession(folder / "model.onnx")
    return lambda rows: session.run(None, {"X": rows})


def with_failures(X, modes):
    """Rows without any value, missing modes and cells, and values far out."""
    X, (first, second, *_) = X.copy(), map(list, modes.values())
    X[2] = np.nan
    X[5::7, first[0]] = np.nan
    for row in range(6, len(X), 9):
        X[row, first] = np.nan
    for row in range(7, len(X), 9):
        X[row, second] = 1e3 * (1 + np.nan_to_num(X[row, second]))
    X[8::9] *= 1e3
    return X


BROKEN = load_breast_cancer_modes()
BROKEN.data[::11, 3] = np.nan
DIGITS = load_digits_quadrants()
EXPORTED = {
    "means": (
        BROKEN,
        {
            "joint_energy": True,
            "coupling": "mean",
            "attention_function": "classical",
        },
    ),
    "pairs": (
        DIGITS,
        {
            "energy_scaling": "shift",
            "coupling": "asymmetric",
            "attention_function": "hard",
        },
    ),
}


@pytest.mark.parametrize(("seed", "name"), list(enumerate(EXPORTED)))
def test_onnxruntime_agrees_whatever_is_missing_and_for_any_number_of_rows(
    seed, name, tmp_path
):
    bunch, params = EXPORTED[name]
    model = helpers.quick(
        modes=bunch.modes, epochs=2, predictor=MLP(8), random_state=seed, **params
    ).fit(bunch.data[:150], bunch.target[:150])
    ask = in_onnxruntime(model.to_torch(), bunch.data, tmp_path)
    X = with_failures(bunch.data[:300], bunch.modes)
    for rows in (X, X[2:3]):  # all of them, and one of which nothing is known
        proba, attention = ask(rows)
        # Of rows a thousand times as large onnxruntime rounds by up to 3e-8.
        np.testing.assert_allclose(proba, model.predict_proba(rows), atol=1e-7)
        np.testing.assert_allclose(attention, model.attention(rows), atol=1e-9)


def images_and_signals(seed=0, n=120):
    """X, y and modes: an image, recordings of many lengths, and two numbers."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    signals = [
        y[i] + rng.normal(size=(2, length))
        for i, length in enumerate(rng.integers(12, 25, n))
    ]
    images = rng.normal(size=(n, 1, 8, 8)) + y[:, None, None, None]
    numbers = rng.normal(size=(n, 2)) + y[:, None]
    X, modes = pack_modes({"camera": images, "mic": signals, "weather": numbers})
    return np.asarray(X), y, modes


def test_convolutions_too_agree_in_double_precision(tmp_path):
    X, y, modes = images_and_signals()
    energy = {name: ConvolutionalEnergy(max_iter=1) for name in ("camera", "mic")}
    model = helpers.quick(modes=modes, predictor=None, energy_estimator=energy)
    model.fit(X, y)
    ask = in_onnxruntime(model.to_torch(), X, tmp_path)
    X = with_failures(X, {"a": model.modes_["camera"], "b": model.modes_["mic"]})
    for rows in (X, X[2:3]):
        proba, attention = ask(rows)
        np.testing.assert_allclose(proba, model.predict_proba(rows), atol=1e-6)
        np.testing.assert_allclose(attention, model.attention(rows), atol=1e-6)


def test_in_single_precision_onnxruntime_rounds_as_the_module_does(tmp_path):
    X, y = rows()
    X = X.astype(np.float32)
    model = quick(joint_energy=True).fit(X, y)
    ask = in_onnxruntime(model.to_torch(dtype=torch.float32), X, tmp_path)
    X[50:, 3:5] *= 100
    proba, attention = ask(X)
    assert proba.dtype == attention.dtype == np.float32
    # An energy of 20 is known to 2e-6, and a gate may be ten times as steep.
    np.testing.assert_allclose(proba, model.predict_proba(X), atol=5e-5)
    np.testing.assert_allclose(attention, model.attention(X), atol=5e-5)
