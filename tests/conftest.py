"""What all tests share: one thread, the same examples every time, and fixtures."""

import os
import signal
from pathlib import Path

# Read when numpy and torch are imported, here and in the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from hypothesis import settings

# Read when scipy is first imported; without it scikit-learn skips one of its checks.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

# A shell that starts us in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

torch.set_num_threads(1)

settings.register_profile(
    "sklearn_emma", deadline=None, derandomize=True, max_examples=50
)
settings.load_profile("sklearn_emma")


def pytest_configure(config):
    """Leave it to the tests of these warnings to look for them.

    Not in pyproject.toml: pytest would import the package before this file is read.
    """
    config.addinivalue_line(
        "filterwarnings", "ignore::sklearn_emma.exceptions.ModesWarning"
    )


@pytest.fixture(autouse=True)
def same_draws():
    """Modules that a test makes start the same, whichever tests went before."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def htru2():
    """Data frame X and classes y of HTRU2, if this machine has the file."""
    from sklearn_emma.datasets import fetch_htru2

    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    for folder in (os.environ.get("SKLEARN_EMMA_DATA"), beside):
        if folder and (Path(folder) / "HTRU_2.csv").is_file():
            return fetch_htru2(
                data_home=folder,
                download_if_missing=False,
                return_X_y=True,
                as_frame=True,
            )
    pytest.skip(f"no HTRU_2.csv in $SKLEARN_EMMA_DATA nor in {beside}")


@pytest.fixture
def no_training(monkeypatch):
    """Fail the test as soon as anything is trained."""

    def train(*args, **kwargs):
        pytest.fail("training began before the error was found")

    for where in (
        "_training.networks",
        "_training.joint_training",
        "_energies.denoising",
    ):
        monkeypatch.setattr(f"sklearn_emma.{where}.train", train)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
