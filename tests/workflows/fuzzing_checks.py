"""What must hold after a call with hostile inputs, whether it worked or failed."""

import copy
import random
import re
import threading
import warnings
from contextlib import contextmanager
from typing import Any

import joblib
import numpy as np
import sklearn
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from workflows.fuzzing import WORKS, Case, Piece

from sklearn_emma.exceptions import ModesWarning

# What an error may be. A subclass is none of these: numpy's LinAlgError is a
# ValueError, and says nothing of the data.
KINDS = {"ValueError", "TypeError", "FloatingPointError", "InvalidParameterError"}
INTERNAL = re.compile(
    r"did not converge|DTypePromotion|Singular matrix|element 0 of tensors|"
    r"size of tensor|operands could not|must have the same dtype"
)


# ------------------------------------------------------------------ what is as before


def surroundings() -> dict[str, Any]:
    """Everything of the process that a call must leave as it is."""
    return {
        "numpy's random state": joblib.hash(np.random.get_state()),  # noqa: NPY002
        "torch's random state": torch.get_rng_state().tolist(),
        "Python's random state": random.getstate(),
        "threads": {t.name for t in threading.enumerate()},
        "torch's threads": torch.get_num_threads(),
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "gradients": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "anomaly detection": torch.is_anomaly_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "numpy's errors": np.geterr(),
        "configuration": sklearn.get_config(),
        "warning filters": list(warnings.filters),
        "how warnings are shown": warnings.showwarning,
    }


def fingerprint(given: Any) -> Any:
    """Contents of what was handed over; what cannot be pickled is only the same one."""
    if isinstance(given, dict):
        return {name: fingerprint(value) for name, value in given.items()}
    if hasattr(given, "to_numpy"):  # pickles of tables differ after they were read
        return type(given), repr(given), repr(given.to_numpy().tolist())
    try:
        return joblib.hash(given)
    except Exception:  # locks, lambdas, whatever the pieces hold
        return id(given)


@contextmanager
def nothing_changes(case: Case, model: Any):
    """Around a call: surroundings, inputs and parameters are as before.

    Yields a function which checks that the attributes of the estimator are so, too.
    """
    given = case.X, case.y, case.fit, model.get_params(deep=False)
    before = surroundings(), *(fingerprint(part) for part in given)
    params, attributes = model.get_params(deep=False), dict(vars(model))
    arrays = copy.deepcopy({k: v for k, v in vars(model).items() if k.endswith("_")})

    def attributes_are_the_same() -> None:
        assert vars(model).keys() == attributes.keys()
        assert all(value is attributes[name] for name, value in vars(model).items())
        for name, value in arrays.items():
            assert joblib.hash(vars(model)[name]) == joblib.hash(value), name

    yield attributes_are_the_same
    now = model.get_params(deep=False)
    assert now.keys() == params.keys()
    assert all(value is params[name] for name, value in now.items())
    after = surroundings(), *(fingerprint(part) for part in given)
    for name, value in before[0].items():
        assert after[0][name] == value, (name, value, after[0][name])
    assert after[1:] == before[1:]


@contextmanager
def only_our_warnings():
    """Warnings that hostile inputs deserve pass, and others are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in (ConvergenceWarning, DataConversionWarning, ModesWarning):
            warnings.simplefilter("ignore", kind)
        for message in (
            "X (does not have|has).* feature names",
            "`sample_weight` is ignored by the energy of mode",
            "The number of unique classes is greater than 50%",
        ):
            warnings.filterwarnings("ignore", message, UserWarning)
        yield


# -------------------------------------------------------------------------- the oracles


def check_error(error: Exception, piece: Piece) -> None:
    """An error of a right kind names the culprit; one of the user's parts, its note."""
    told = "\n".join([str(error), *getattr(error, "__notes__", [])])
    kind = type(error).__name__
    of_the_user = hasattr(error, "__notes__") and not isinstance(error, Warning)
    assert kind in KINDS or of_the_user, f"{kind}: {told}"
    assert not INTERNAL.search(told), told
    assert piece.verdict != WORKS, f"it should work, but {kind}: {told}"
    assert re.search(piece.culprit, told), f"{piece} is not named by {kind}: {told}"


def check_answers(model: Any, X: Any, case: Case, rtol: float = 1e-5) -> None:
    """What holds for every fitted model and all X, of the values of the case."""
    n = len(case.values)
    missing = np.column_stack(
        [np.isnan(case.values[:, c]).all(axis=1) for c in model.modes_.values()]
    )
    proba, beta = model.predict_proba(X), model.attention(X)
    alpha, energy = model.importance(X), model.potential_energy(X)
    assert proba.shape == (n, len(model.classes_))
    assert np.isfinite(proba).all() and (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    assert np.isfinite(model.predict_log_proba(X)).all()
    assert np.isin(model.predict(X), model.classes_).all()
    assert ((beta >= 0) & (beta <= 1)).all()  # which is false for NaN
    assert (beta[missing] == 0).all() and (alpha[missing] == 0).all()
    sums = np.where(missing.all(axis=1), 0, 1)
    np.testing.assert_allclose(alpha.sum(axis=1), sums, rtol=1e-5)
    np.testing.assert_array_equal(np.isnan(energy), missing)
    table = model.explain(X)
    assert (table.xs("missing", axis=1, level=1).to_numpy() == missing).all()
    for i in {0, n // 2, n - 1}:  # a row by itself is as it is among others
        alone = case.values[i : i + 1]
        for method, together in ((model.predict_proba, proba), (model.attention, beta)):
            found = method(alone)[0]
            np.testing.assert_allclose(found, together[i], rtol=rtol, atol=rtol)


def check_model(model: Any, case: Case) -> None:
    """What holds for a model just fitted on the case."""
    assert {k: v.tolist() for k, v in model.modes_.items()} == case.modes
    assert model.attention_.shape == (len(case.values), len(case.modes))
    assert ((model.attention_ >= 0) & (model.attention_ <= 1)).all()
    assert model.n_features_in_ == case.values.shape[1]
    fresh = clone(model)
    assert fresh.get_params().keys() == model.get_params().keys()
    assert not hasattr(fresh, "modes_")
