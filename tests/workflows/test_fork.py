"""A process that forks while another of its threads computes: the child can go on."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="cannot fork")

# A thread stops in the middle of a fit, for as long as the children run.
SCRIPT = """
import json, os, signal, sys, threading, warnings
import numpy as np
import torch
from skorch.callbacks import Callback
from sklearn_emma import EMMAClassifier
from sklearn_emma._optim.ambient import ordinary_state

warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads
torch.set_num_threads(int(sys.argv[1]))
rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
y = (X[:, 0] > 0).astype(int)
inside, done = threading.Event(), threading.Event()

class Wait(Callback):
    def on_epoch_end(self, net, **kwargs):
        inside.set()
        done.wait(400)

def model(**params):
    quick = dict(max_iter=2, pretraining_max_iter=2, random_state=0)
    return EMMAClassifier({"a": [0, 1], "b": [2, 3]}, **quick | params)

fitted = model().fit(X, y)
expected = fitted.predict_proba(X)
torch.set_default_dtype(torch.float64)
thread = threading.Thread(target=model(callbacks=[Wait()]).fit, args=(X, y))
thread.start()
assert inside.wait(60)

def end_of(child):
    killed = threading.Timer(60, os.kill, (child, signal.SIGKILL))
    killed.start()
    _, status = os.waitpid(child, 0)
    killed.cancel()
    return status

status_of = {}
for name, work in json.loads(sys.argv[2]).items():
    child = os.fork()
    if child == 0:
        try:
            exec(work)
            os._exit(0)
        except BaseException as error:
            sys.stderr.write(f"{name}: {type(error).__name__}: {error}")
            os._exit(1)
    status_of[name] = end_of(child)
done.set()
thread.join()
print(json.dumps(status_of))
"""

# What a child does. Each is forked from the same parent, one after another.
WORK = {
    "fits the model that its parent fits": """
        np.testing.assert_allclose(model().fit(X, y).predict_proba(X), expected)
    """,
    "predicts": """
        np.testing.assert_allclose(fitted.predict_proba(X), expected)
    """,
    "has the settings of its process, not those of a fit": """
        assert torch.get_default_dtype() == torch.float64
        with ordinary_state():
            assert torch.get_default_dtype() == torch.float32
        assert torch.get_default_dtype() == torch.float64
    """,
    # torch's other threads stay with the parent; it would wait for them for ever.
    "has one thread while it computes": """
        torch.set_num_threads(2)
        with ordinary_state():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    """,
    "forks within a fit, and goes on": """
        with ordinary_state():
            child = os.fork()
            model().fit(X, y)
            if child:
                assert os.waitpid(child, 0)[1] == 0
        assert torch.get_default_dtype() == torch.float64
    """,
}


@pytest.mark.parametrize("n_threads", [1, 2])
def test_every_child_does_its_work_and_ends(n_threads):
    work = {name: textwrap.dedent(code) for name, code in WORK.items()}
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(n_threads), json.dumps(work)],
        env=os.environ | {"OMP_NUM_THREADS": str(n_threads)},
        capture_output=True,
        text=True,
        timeout=450,
    )
    assert found.returncode == 0, found.stderr[-2000:]
    # Nine is that of a child which did not end, and was killed.
    assert json.loads(found.stdout) == dict.fromkeys(WORK, 0), found.stderr[-2000:]


FIRST = """
import os, signal, sys, threading, time, warnings
import numpy as np
from sklearn_emma import EMMAClassifier

warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads
rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
y = (X[:, 0] > 0).astype(int)

def fit():
    quick = dict(max_iter=2, pretraining_max_iter=2, random_state=0)
    EMMAClassifier({"a": [0, 1], "b": [2, 3]}, **quick).fit(X, y)

assert "torch._dynamo" not in sys.modules
thread = threading.Thread(target=fit)
thread.start()
while "torch._dynamo" not in sys.modules:
    time.sleep(1e-3)
child = os.fork()
if child == 0:
    fit()
    os._exit(0)
killed = threading.Timer(60, os.kill, (child, signal.SIGKILL))
killed.start()
_, status = os.waitpid(child, 0)
killed.cancel()
thread.join()
sys.exit(0 if status == 0 else 1)
"""


def test_a_child_that_is_forked_while_modules_are_imported_goes_on():
    """The first optimizer of a process makes torch import a lot more of itself."""
    found = subprocess.run(
        [sys.executable, "-c", FIRST], capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 0, found.stderr[-2000:] or "the child did not end"
