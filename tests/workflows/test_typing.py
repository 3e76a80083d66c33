"""A user's script, checked by strict type checkers as a user would run them."""

import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import sklearn_emma

SCRIPT = """
import numpy as np

from sklearn_emma import EMMAClassifier, EMMAGate, PotentialEnergyTransformer
from sklearn_emma.attention import SoftAttention
from sklearn_emma.corruption import Failures, GaussianNoise
from sklearn_emma.predictors import MLP

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
y = (X[:, 0] > 0).astype(int)

clf = EMMAClassifier(
    {"a": [0, 1], "b": [2, 3]},
    energy_estimator=PotentialEnergyTransformer(max_iter=2),
    attention_function=SoftAttention(gain=3.0),
    predictor=MLP(hidden_layer_sizes=[8, 4]),
    corruption=Failures(GaussianNoise(0.5), n_failing=1),
    max_iter=2,
    pretraining_max_iter=2,
    random_state=0,
)
fitted: EMMAClassifier = clf.fit(X, y)
numbers: list[float] = [fitted.rho_, fitted.capacity_, fitted.attention_gain_]
arrays: list[np.ndarray] = [
    fitted.energy_weights_,
    fitted.attention_,
    fitted.attention(X),
    fitted.predict(X),
    fitted.predict_proba(X),
]
curve: list[float] = fitted.loss_curve_
modes: dict[str, np.ndarray] = fitted.modes_
further: EMMAClassifier = EMMAClassifier(
    {"a": [0, 1], "b": [2, 3]}
).partial_fit(X, y, classes=[0, 1])
energy: PotentialEnergyTransformer = PotentialEnergyTransformer(8, max_iter=2).fit(X)
gate: EMMAGate = EMMAGate(2, coupling=None)
print(numbers, [a.shape for a in arrays], curve, modes, further, gate.n_modes)
print(energy.score_samples(X).shape)
"""
WRONG = """
from sklearn_emma import EMMAClassifier

clf = EMMAClassifier(lambda_e="much")
word: str = clf.rho_
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment in which the package is installed like any other."""
    folder = tmp_path_factory.mktemp("typing")
    venv.create(folder / "env", symlinks=True)
    paths = {"base": str(folder / "env"), "platbase": str(folder / "env")}
    site = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    (site / "sklearn_emma").symlink_to(Path(sklearn_emma.__file__).parent)
    (site / "others.pth").write_text(sysconfig.get_path("purelib"))
    (folder / "script.py").write_text(SCRIPT)
    (folder / "wrong.py").write_text(WRONG)
    return folder


SCRIPTS = ["script.py", "wrong.py"]


def mypy(folder):
    python = folder / "env" / "bin" / "python"
    options = ["--strict", "--python-executable", python, "--cache-dir", folder / "c"]
    return run(["-m", "mypy", *options, *SCRIPTS], folder)


def basedpyright(folder):
    pytest.importorskip("basedpyright")
    python = folder / "env" / "bin" / "python"
    return run(["-m", "basedpyright", "--pythonpath", python, *SCRIPTS], folder)


def run(command, folder):
    command = [sys.executable, *map(str, command)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


# Both scripts at once: most of the time goes into reading numpy and torch.
@pytest.mark.parametrize("checker", [mypy, basedpyright])
def test_a_strict_checker_sees_what_is_wrong_and_nothing_else(environment, checker):
    result = checker(environment)
    found = [line for line in result.stdout.splitlines() if re.search(r"\.py:\d", line)]
    assert result.returncode == 1 and found, result.stdout + result.stderr
    assert all("wrong.py:" in line for line in found), result.stdout
    assert "lambda_e" in result.stdout and '"str"' in result.stdout


def test_the_script_runs(environment):
    result = run(["-W", "error", "script.py"], environment)
    assert result.returncode == 0, result.stderr
