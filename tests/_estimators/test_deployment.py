import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity

import helpers

MODES = helpers.UNEQUAL_MODES


def quick(**params):
    return helpers.quick(modes=MODES, max_iter=1, pretraining_max_iter=1, **params)


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


# What the exporters of torch and ONNX warn of is their own.
@pytest.mark.filterwarnings("ignore")
def test_onnxruntime_agrees_missing_values_and_any_number_of_rows_included(tmp_path):
    pytest.importorskip("onnxscript", reason="needs onnx, onnxscript and onnxruntime")
    runtime = pytest.importorskip("onnxruntime")
    X, y = rows()
    for dtype in ("f8", "f4"):
        X = X.astype(dtype)
        model = quick(joint_energy=True).fit(X, y)
        program = torch.onnx.export(
            model.to_torch(dtype=torch.float32),
            (torch.from_numpy(X[:5]),),
            dynamo=True,
            input_names=["X"],
            output_names=["probabilities", "attention"],
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            verbose=False,
        )
        program.save(tmp_path / "model.onnx")
        session = runtime.InferenceSession(tmp_path / "model.onnx")
        broken = X.copy()
        broken[2] = np.nan
        broken[50:, 3:5] *= 100
        for n in (1, 150):
            proba, attention = session.run(None, {"X": broken[:n]})
            # Single precision gives no more where an energy is far from usual.
            atol = 5e-5
            expected = model.predict_proba(broken[:n])
            np.testing.assert_allclose(proba, expected, atol=atol)
            np.testing.assert_allclose(
                attention, model.attention(broken[:n]), atol=atol
            )
