"""Hostile parameters, energies, corruptions, callbacks, and ambient states."""

import numpy as np
import torch
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from workflows.fuzzing import EITHER, FAILS, BrokenPartError, part

from sklearn_emma import EMMAClassifier, PotentialEnergyTransformer
from sklearn_emma import corruption as faults
from sklearn_emma.attention import HardAttention, SoftAttention

# --------------------------------------------------------------------------- parameters

HOSTILE = {
    "None": None,
    "True": True,
    "0": 0,
    "-1": -1,
    "a half": 0.5,
    "NaN": np.nan,
    "infinity": np.inf,
    "1e308": 1e308,
    "1e-308": 1e-308,
    "a word": "nonsense",
    "no word": "",
    "a list": [1, 2],
    "an array": np.ones(3),
    "an object": object(),
    "a class": EMMAClassifier,
    "a function": len,
    "a dict": {"a": 1},
    "numpy's 2": np.int64(2),
    "numpy's .5": np.float32(0.5),
}
# Some write files or seeds from whatever they get; and progress bars would be shown.
LEFT_OUT = {"verbose", "memory"}
# What these are by default; and without a seed numpy's state goes on.
ORDINARY = {"modes", "random_state"}
PARAMETERS = [
    part("parameter", parameter)(
        f"{parameter}={name}",
        value,
        EITHER,
        # What overflows with such a value says so, and what diverges names `lr`.
        rf"{parameter}|diverged|Optimizer",
        early=False,
    )
    for parameter in sorted(set(EMMAClassifier().get_params(deep=False)) - LEFT_OUT)
    for name, value in HOSTILE.items()
    if not (parameter in ORDINARY and value is None)
]
CHOICES = [
    part("parameter", name)(f"{name}={value}", value)
    for name, value in [
        ("attention_function", "hard"),
        ("attention_function", "none"),
        ("attention_function", "importance"),
        ("attention_function", SoftAttention(gain=1e-3)),
        ("attention_function", HardAttention()),
        ("batch_size", 1),
        ("batch_size", 10**12),
        ("class_weight", "balanced"),
        ("class_weight", {0: 1e12}),
        ("coupling", "symmetric"),
        ("device", torch.device("cpu")),
        ("early_stopping", True),
        ("energy_scaling", "shift"),
        ("joint_energy", True),
        ("lambda_c", 1e6),
        ("loss", "hinge"),
        ("lr_schedule", "constant"),
        ("optimizer", torch.optim.SGD),
        ("rho", 1e-12),
        ("rho", 1e12),
    ]
]
CHOICES += [
    part("parameter", name)(f"{name}={value}", value, FAILS, name)
    for name, value in [
        ("device", "meta"),
        ("device", "mps"),
        ("device", "cuda:99"),
        ("memory", ""),
        ("memory", 3),
        ("loss", "cross_entropy"),
        ("class_weight", {0: -1.0, 1: 1.0}),
        ("class_weight", {"no": 1.0, "yes": 2.0}),
        ("class_weight", {0: 0.0, 1: 0.0}),
        ("optimizer", torch.optim.Adam([torch.zeros(1)])),
        ("attention_function", SoftAttention(gain=-1.0)),
        ("attention_function", SoftAttention),
    ]
]


# ----------------------------------------------------------------------------- energies


class Energy(KernelDensity):
    """Gives scores that a function makes of the right ones."""

    def __init__(self, change=None):
        super().__init__()
        self.change = change

    def score_samples(self, X):
        scores = super().score_samples(X)
        return self.change(scores)


class BrokenEnergy(KernelDensity):
    def fit(self, X, y=None, sample_weight=None):
        raise BrokenPartError("the energy")


def broken(scores):
    raise BrokenPartError("the scores")


energy = part(
    "energy", "energy_estimator", "Mode '|Modes '|`?score_samples", early=False
)
ENERGIES = [
    energy("mixture", GaussianMixture(reg_covar=1e-2)),
    energy("kernel", KernelDensity()),
    energy("forest", IsolationForest(n_estimators=3)),
    energy("components", PCA(1)),
    energy("pipeline", make_pipeline(PolynomialFeatures(), KernelDensity())),
    energy("some", {"b": KernelDensity()}),
    energy("none said", {}),
    energy("whitened", PotentialEnergyTransformer(preprocessing="whiten", max_iter=1)),
    energy("as it is", PotentialEnergyTransformer(preprocessing=None, max_iter=1)),
    energy("one column", Energy(lambda s: s[:, np.newaxis]), FAILS),
    energy("one number", Energy(lambda s: s.mean()), FAILS),
    energy("one number for many", Energy(lambda s: s if len(s) < 6 else 1.0), FAILS),
    energy("None", Energy(lambda s: None), FAILS),
    energy("NaN", Energy(lambda s: s * np.nan), FAILS),
    energy("words", Energy(lambda s: np.full(len(s), "s")), FAILS),
    energy("complex", Energy(lambda s: s + 1j), FAILS),
    energy("narrow", Energy(lambda s: s.astype(np.float16))),
    energy("infinite", Energy(lambda s: s - np.inf), EITHER),
    energy("constant", Energy(lambda s: 0 * s)),
    energy("huge", Energy(lambda s: s * 1e300)),
    energy("breaks in fit", BrokenEnergy(), FAILS),
    energy("breaks in scores", Energy(broken), FAILS),
    energy("too large", GaussianMixture(1000), FAILS),
    energy("bad parameter", GaussianMixture(reg_covar=-1.0), FAILS),
    energy(
        "diverges", PotentialEnergyTransformer(lr=1e300, max_iter=5), FAILS, "energ"
    ),
    energy("no density", EmpiricalCovariance(), FAILS, "energy_estimator"),
    energy("a class", KernelDensity, FAILS, "energy_estimator"),
    energy("unknown mode", {"z": KernelDensity()}, FAILS, "'z'"),
    energy("not an estimator", {"a": 3}, FAILS, "'a'"),
    energy("a class for one", {"a": KernelDensity}, FAILS, "'a'"),
]


# -------------------------------------------------------------------------- corruptions


class Fault:
    """A corruption that makes of x what a function makes of it."""

    def __init__(self, change, but_when_tried=False):
        self.change = change
        self.but_when_tried = but_when_tried

    def corrupt(self, x, layout, generator):
        tried = self.but_when_tried and len(x) < 6
        return x if tried else self.change(x)


def written_to(x):
    return x.mul_(1e6)


def breaks(x):
    raise BrokenPartError("the corruption")


class OtherArguments:
    def corrupt(self, x):
        return x


wrong = part("corruption", "corruption", "[Cc]orrupt|importance_floor|Mixture|sigma")
late = part("corruption", "corruption", "[Cc]orrupt", early=False)
OF_THE_PACKAGE = [
    getattr(faults, name)
    for name in faults.__all__
    if name not in {"Corruption", "Failures", "ModeLayout", "fail_modes"}
]
CORRUPTIONS = [wrong(f"{fault.__name__}", fault()) for fault in OF_THE_PACKAGE]
CORRUPTIONS += [
    wrong("no failures", None),
    wrong("copies", faults.Failures(n_draws=10**9)),
    wrong("all fail", faults.Failures(clean_fraction=0, n_failing=3)),
    wrong("none fails", faults.Failures(clean_fraction=1)),
    wrong("all missing", faults.Failures(faults.MissingMode(), n_failing=3)),
    wrong("huge noise", faults.GaussianNoise(1e30)),
    wrong("nothing", Fault(lambda x: x)),
    wrong("in place", Fault(written_to)),
    wrong("a view", Fault(lambda x: x.T.contiguous().T)),
    wrong("NaN", Fault(lambda x: x * torch.nan)),
    wrong("an array", Fault(lambda x: x.numpy()), FAILS),
    wrong("None", Fault(lambda x: None), FAILS),
    wrong("other type", Fault(lambda x: x.half()), FAILS),
    wrong("whole numbers", Fault(lambda x: x.long()), FAILS),
    wrong("one row", Fault(lambda x: x[:1]), FAILS),
    wrong("more columns", Fault(lambda x: torch.cat([x, x], 1)), FAILS),
    wrong("breaks", Fault(breaks), FAILS),
    wrong("a class", faults.GaussianNoise, FAILS),
    wrong("a class inside", faults.Failures(faults.GaussianNoise), FAILS),
    wrong("in a tuple", (faults.GaussianNoise(),), FAILS),
    wrong("too many fail", faults.Failures(n_failing=4), FAILS, "n_failing"),
    wrong("sigma below 0", faults.GaussianNoise(-1.0), FAILS),
    wrong("sigma NaN", faults.GaussianNoise(np.nan), FAILS),
    wrong("empty mixture", faults.Mixture([]), FAILS),
    wrong("mixed with a word", faults.Mixture(["noise"]), FAILS),
    wrong("no share", faults.Failures(clean_fraction=1.5), FAILS, "clean_fraction"),
    wrong("other arguments", OtherArguments(), FAILS),
    late("other type later", Fault(lambda x: x.half(), True), FAILS),
    late("shorter later", Fault(lambda x: x[1:], True), FAILS),
    late("infinite later", Fault(lambda x: x + torch.inf, True), FAILS),
    late("breaks later", Fault(breaks, True), FAILS),
]
