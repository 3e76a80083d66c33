"""Bad input gets a clear error, before any training, that names what is wrong."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import nn

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.attention import HardAttention, SoftAttention
from sklearn_emma.corruption import (
    Failures,
    GaussianNoise,
    MissingMode,
    Mixture,
    SaltAndPepper,
)
from sklearn_emma.predictors import MLP, GatedCopies

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
y = (X[:, 0] + X[:, 2] > 0).astype(int)
changed = partial(helpers.changed, X)
MODES = {"left": [0, 1], "right": [2, 3]}
quick = partial(helpers.quick, epochs=2, modes=MODES, predictor=MLP(4, evidence=False))


def test_the_guard_notices_training(no_training):
    with pytest.raises(pytest.fail.Exception, match="training began"):
        quick().fit(X, y)
    with pytest.raises(pytest.fail.Exception, match="training began"):
        quick(energy_estimator=GaussianMixture()).fit(X, y)


class Infinite:
    """A corruption whose values cannot be computed with."""

    def corrupt(self, x, layout, generator):
        return x + np.inf


class OneColumn:
    """A corruption that returns the wrong shape."""

    def corrupt(self, x, layout, generator):
        return x[:, :1]


def recipe_of_one_argument(n_features_in):
    return nn.Linear(n_features_in, 2)


BAD_PARAMETERS = [
    # Modes.
    ({"modes": {"l": [0, 1], "r": [1, 2, 3]}}, "overlap: column 1.*'l'.*'r'"),
    ({"modes": {"l": [0, 1], "r": [2, 9]}}, r"Mode 'r': cannot find \[2, 9\]"),
    ({"modes": {"l": [0, 1], "r": ["speed"]}}, r"Mode 'r': cannot find \['speed'\]"),
    ({"modes": {"l": [0, 1], "r": []}}, "Mode 'r' is empty"),
    ({"modes": {"l": [0, 1], "r": [2, 2, 3]}}, "Mode 'r' names a column twice"),
    ({"modes": {"l": [0, 1], "r": [2]}}, "Columns in no mode: 3.*remainder='drop'"),
    ({"modes": {"l": [0], "remainder": [1]}, "remainder": "mode"}, "'remainder'"),
    ({"modes": {0: [0, 1], 1: [2, 3]}}, "must be strings, got 0"),
    ({"modes": []}, "`modes` is empty"),
    ({"modes": "left"}, "'modes' parameter.*'left'"),
    ({"remainder": "keep"}, "'remainder' parameter"),
    # Predictor.
    (
        {"predictor": nn.Linear(3, 2)},
        r"`predictor` cannot take the 4 features.*\(2, 4\)",
    ),
    (
        {"predictor": nn.Linear(4, 1)},
        r"`predictor` must return logits.*\(n_samples, 2\)",
    ),
    ({"predictor": nn.LSTM}, "`predictor` must return logits"),
    ({"predictor": nn.Sequential}, "`predictor`"),
    ({"predictor": lambda n_in, n_out: None}, "`predictor` must be a torch module"),
    ({"predictor": recipe_of_one_argument}, "`predictor`.*n_features_in, n_outputs"),
    ({"predictor": "mlp"}, "'predictor' parameter"),
    # Classifier as predictor.
    (
        {"predictor": LinearSVC()},
        r"`predictor`.*`predict_proba`; LinearSVC\(\).*CalibratedClassifierCV",
    ),
    (
        {"predictor": make_pipeline(StandardScaler(), LinearSVC())},
        "`predictor`.*`predict_proba`; Pipeline",
    ),
    ({"predictor": RandomForestRegressor()}, "must be a classifier.*RandomForestReg"),
    ({"predictor": StandardScaler()}, "must be a classifier.*StandardScaler"),
    ({"predictor": LogisticRegression}, r"class LogisticRegression; .*Regression\(\)"),
    (
        {"predictor": RandomForestClassifier(max_depth=-1)},
        "'max_depth' parameter of RandomForestClassifier",
    ),
    (
        {"predictor": make_pipeline(StandardScaler(), LogisticRegression(C=-1))},
        "'C' parameter of LogisticRegression",
    ),
    (
        {"predictor": KNeighborsClassifier(), "class_weight": {0: 0.3}},
        r"`predictor` KNeighborsClassifier\(\).*`sample_weight`.*not whole numbers",
    ),
    (
        {"predictor": GatedCopies(LogisticRegression(), n_copies=0)},
        "'n_copies' parameter",
    ),
    ({"predictor": GatedCopies(LinearSVC())}, r"`predict_proba`; LinearSVC\(\)"),
    (
        {"predictor": GatedCopies(KNeighborsClassifier()), "class_weight": {0: 0.3}},
        r"`predictor` KNeighborsClassifier\(\).*`sample_weight`.*not whole numbers",
    ),
    ({"predictor": MLP(0)}, "'hidden_layer_sizes'"),
    ({"predictor": MLP((8, 0))}, "hidden_layer_sizes"),
    ({"predictor": MLP((-3,))}, "hidden_layer_sizes"),
    ({"predictor": MLP((8.5,))}, "hidden_layer_sizes"),
    ({"predictor": MLP(n_bins=0)}, "'n_bins' parameter"),
    # Energy estimator.
    ({"energy_estimator": StandardScaler()}, "'energy_estimator'.*score_samples"),
    ({"energy_estimator": {"left": StandardScaler()}}, "of mode 'left'.*score_samples"),
    (
        {"energy_estimator": {"up": GaussianMixture()}},
        "names 'up', which is not a mode",
    ),
    ({"energy_estimator": GaussianMixture}, "energy_estimator"),
    ({"energy_estimator": PotentialEnergyTransformer(sigma=-1)}, "'sigma' parameter"),
    ({"energy_estimator": PotentialEnergyTransformer(device="x")}, "`device` 'x'"),
    ({"energy_estimator": KernelDensity(bandwidth=-1)}, "'bandwidth' .*KernelDensity"),
    (
        {
            "energy_estimator": {
                "left": make_pipeline(StandardScaler(), KernelDensity(kernel="flat"))
            }
        },
        "'kernel' parameter of KernelDensity",
    ),
    ({"energy_estimator": {0: GaussianMixture(), "up": None}}, "names 0, which is not"),
    # Numbers.
    ({"rho": 0}, r"'rho' parameter.*\(0.0, inf\).*Got 0"),
    ({"rho": -1.0}, "'rho' parameter"),
    ({"rho": np.inf}, "'rho' parameter"),
    ({"rho": np.nan}, "'rho' parameter"),
    ({"rho": "hot"}, "'rho' parameter.*'learn'"),
    ({"lambda_c": -0.1}, r"'lambda_c' parameter.*\[0.0, inf\)"),
    ({"lambda_e": -0.1}, r"'lambda_e' parameter.*\[0.0, inf\)"),
    ({"attention_function": SoftAttention(0.0)}, "'gain' parameter of SoftAttention"),
    ({"attention_function": HardAttention(-1)}, "'gain' parameter of HardAttention"),
    ({"corruption": Failures(clean_fraction=1.5)}, "'clean_fraction' parameter"),
    ({"corruption": Failures(n_failing=0)}, "'n_failing' parameter"),
    ({"corruption": Failures(n_failing=3)}, "n_failing=3 modes .* only 2"),
    ({"corruption": Failures(n_draws=0)}, "'n_draws' parameter"),
    (
        {"corruption": Failures(pretraining_missing_fraction=-0.1)},
        "'pretraining_missing_fraction' parameter",
    ),
    ({"corruption": Failures(importance_floor=1.0)}, "'importance_floor' parameter"),
    ({"max_iter": 0}, "'max_iter' parameter"),
    ({"batch_size": 0}, "'batch_size' parameter"),
    ({"lr": 0.0}, "'lr' parameter"),
    ({"predictor": MLP(dropout=1.0)}, "'dropout' parameter"),
    # Corruption.
    ({"corruption": "gauss"}, "'corruption' parameter.*'corrupt'"),
    ({"corruption": GaussianNoise}, "`corruption`.*class GaussianNoise"),
    ({"corruption": Mixture([MissingMode])}, r"corruptions\[0\].*MissingMode\(\)"),
    ({"corruption": SaltAndPepper(fraction=30)}, "'fraction' .*SaltAndPepper"),
    ({"corruption": OneColumn()}, r"`corruption`.*\(.*4\)"),
    ({"corruption": GaussianNoise(-1)}, "GaussianNoise: sigma.*-1"),
    ({"corruption": Infinite()}, "`corruption` must return finite values.*Infinite"),
    ({"corruption": Mixture([GaussianNoise()], [1, 2])}, "weights has 2 entries for 1"),
    # The rest.
    ({"energy_scaling": "log"}, "'energy_scaling' parameter"),
    ({"attention_function": "relu"}, "'attention_function' parameter"),
    ({"coupling": "strong"}, "'coupling' parameter"),
    ({"optimizer": "adam"}, "'optimizer' parameter"),
    ({"class_weight": {7: 1.0}}, "`class_weight` names 7.*not a class"),
    ({"class_weight": {0: -1.0}}, "class_weight"),
    ({"class_weight": {0: "a"}}, "class_weight.*'a'"),
    ({"callbacks": ["x"]}, "`callbacks` must be skorch callbacks.*got 'x'"),
    ({"callbacks": [("x", 3)]}, r"`callbacks` must be skorch.*got \('x', 3\)"),
    ({"class_weight": {0: np.nan}}, "class_weight"),
    ({"class_weight": {0: 0.0, 1: 0.0}}, "class_weight"),
    ({"memory": 3}, "'memory' parameter"),
    ({"callbacks": "print"}, "'callbacks' parameter"),
    ({"device": "nowhere"}, "`device` 'nowhere' cannot be used"),
    ({"random_state": "zero"}, "'random_state' parameter"),
    ({"early_stopping": True, "validation_fraction": 0.01}, "validation_fraction=0.01"),
]


@pytest.mark.parametrize(
    ("params", "message"),
    BAD_PARAMETERS,
    ids=[f"{i}-{'-'.join(p)}" for i, (p, _) in enumerate(BAD_PARAMETERS)],
)
def test_bad_parameters(no_training, params, message):
    model = quick(**params)  # nothing is raised before fit
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        model.fit(X, y)
    assert not hasattr(model, "classes_") and not hasattr(model, "n_features_in_")


@pytest.mark.filterwarnings("ignore:The number of unique classes is greater")
@pytest.mark.parametrize(
    ("X", "y", "metadata", "message"),
    [
        (changed(3, 1, np.inf), y, {}, "X contains infinity"),
        (X[:, 0], y, {}, "Expected 2D array"),
        (X[:0], y[:0], {}, "0 sample"),
        (X[:-1], y, {}, r"inconsistent numbers of samples: \[59, 60\]"),
        (X.astype(str) + "x", y, {}, "could not convert"),
        (X, np.where(y == 1, np.nan, 0.0), {}, "y contains NaN"),
        (X, ["a", np.nan, "b"] * 20, {}, "y contains NaN.* row 1"),
        (X, np.ma.array(y, mask=np.arange(60) == 2), {}, "`y`.*masked.*row 2"),
        (
            X,
            X[:, 0],
            {},
            "Unknown label type: continuous.*EMMARegressor.*KBins",
        ),
        (X, np.c_[y, y], {}, "y should be a 1d array"),
        (X, np.ones(60), {}, "1 class"),
        (X, np.arange(60), {}, "60 classes in 60 samples"),
        (X[:3], ["a", "b", "c"], {}, "3 classes in 3 samples"),
        (
            X,
            y,
            {"corrupted": np.zeros((60, 3))},
            r"\(60, 2\).*'left', 'right'.*\(60, 3\)",
        ),
        (
            X,
            y,
            {"corrupted": np.zeros(60)},
            r"`corrupted` must have shape.*got \(60,\)",
        ),
        (
            X,
            y,
            {"corrupted": pd.DataFrame(False, range(60), ["left", "rihgt"])},
            r"`corrupted`.*\['left', 'right'\]; got \['left', 'rihgt'\]",
        ),
        (
            X,
            y,
            {"corrupted": pd.DataFrame(False, range(60), ["left", "left"])},
            r"`corrupted`.*got \['left', 'left'\]",
        ),
        (
            X,
            y,
            {"corrupted": pd.DataFrame({"left": [pd.NA] * 60, "right": [True] * 60})},
            "`corrupted` must hold True",
        ),
        (X, y, {"corrupted": np.full((60, 2), 0.5)}, "`corrupted` must hold True and"),
        (X, y, {"corrupted": np.full((60, 2), np.nan)}, "`corrupted` must hold True"),
        (X, y, {"corrupted": np.full((60, 2), "no")}, "`corrupted` must hold True"),
        (X, y, {"corrupted": [[True, False]] * 60}, "'left'.*corrupted"),
        (changed(slice(None), [2, 3], np.nan), y, {}, "'right'.*missing"),
        (X, y, {"sample_weight": np.zeros(60)}, "non-zero|all zero"),
        (X, y, {"sample_weight": -np.ones(60)}, "Negative values"),
        (X, y, {"sample_weight": np.ones(6)}, "sample_weight"),
        (X, y, {"sample_weight": np.full(60, np.nan)}, "sample_weight contains NaN"),
        (X, y, {"sample_weight": y}, "1 class"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_data(no_training, X, y, metadata, message):
    model = quick()
    with pytest.raises(ValueError, match=f"(?s){message}"):
        model.fit(X, y, **metadata)
    assert not hasattr(model, "classes_") and not hasattr(model, "n_features_in_")


def test_a_class_too_rare_to_hold_out_is_named_as_the_user_does(no_training):
    labels = np.where(y == 1, "many", "more").astype(object)
    labels[7] = "zebra"
    with pytest.raises(ValueError, match=r"early_stopping=True .* of \['zebra'\]"):
        quick(early_stopping=True, validation_fraction=0.3).fit(X, labels)


def test_names_of_columns(no_training):
    frame = pd.DataFrame(X, columns=["u", "v", "w", "x"])
    with pytest.raises(ValueError, match=r"Mode 'r': .*'speed'"):
        quick(modes={"l": ["u", "v"], "r": ["w", "speed"]}).fit(frame, y)
    with pytest.raises(ValueError, match="column 'v' is in mode 'l' and in mode 'r'"):
        quick(modes={"l": ["u", "v"], "r": slice("v", "x")}).fit(frame, y)
    with pytest.raises(ValueError, match=r"Mode 'l': .*set_output\(transform='pandas'"):
        quick(modes={"l": ["u", "v"], "r": [2, 3]}).fit(X, y)
    with pytest.raises(ValueError, match=r"Mode 'r'") as caught:
        quick(modes={"l": [0, 1], "r": [2, 9]}).fit(X, y)
    assert "set_output" not in str(caught.value)
    with pytest.raises(ValueError, match=r"Mode 'l': cannot find \['u', \[1"):
        quick(modes={"l": ["u", [1, 2]], "r": [2, 3]}).fit(X, y)
    with pytest.raises(ValueError, match="Columns in no mode: 'w', 'x'"):
        quick(modes={"l": ["u", "v"]}).fit(frame, y)


def test_bad_samples_to_score():
    frame = pd.DataFrame(X, columns=["u", "v", "w", "x"])
    plain, named = quick().fit(X, y), quick().fit(frame, y)
    for method in ("predict", "attention", "explain"):
        with pytest.raises(ValueError, match="expecting 4 features"):
            getattr(plain, method)(X[:, :3])
        with pytest.raises(ValueError, match="contains infinity"):
            getattr(plain, method)(changed(0, 0, np.inf))
        with pytest.raises(ValueError, match="Expected 2D array"):
            getattr(plain, method)(X[0])
        with pytest.raises(ValueError, match="feature names should match"):
            getattr(named, method)(frame[["x", "w", "v", "u"]])


def test_constant_features_are_no_error():
    flat = changed(slice(None), [0, 2, 3], [7.0, 1e12, -1.0])
    model = quick().fit(flat, y)
    assert np.isfinite(model.predict_proba(X)).all()
