"""What a process has set around a call, and the ordinary state in its place.

torch, numpy and scikit-learn let a process or a thread change what every computation
does: whether gradients are recorded, in which type and on which device tensors are
made, what an overflow is, what a transformer returns. A model must not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Lock, get_ident
from typing import NamedTuple

import numpy as np
import torch
from sklearn import config_context, get_config

from sklearn_emma._optim.torch_state import after_fork

# Those of numpy, as it is imported.
_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
# What changes values or their types. Metadata routing is left as it is: by it users say
# where sample weights go. So is skipping the validation of parameters.
_CONFIG = {
    "assume_finite": False,
    "transform_output": "default",
    "array_api_dispatch": False,
}


@contextmanager
def ordinary_state() -> Iterator[None]:
    """Compute as in a process that has set nothing; a decorator too.

    Around every public method that computes. It takes microseconds, since it looks
    first and changes only what is not as usual.
    """
    with _SHARED, ExitStack() as changes:
        for change in _changes():
            changes.enter_context(change)
        yield


def _changes() -> Iterator[AbstractContextManager[object]]:
    """What this thread has set otherwise, each to be put right by a context."""
    if torch.is_inference_mode_enabled() or not torch.is_grad_enabled():
        yield torch.inference_mode(False)
    for device in ("cpu", "cuda"):
        if torch.is_autocast_enabled(device):
            yield torch.autocast(device, enabled=False)
    if torch.get_default_device().type != "cpu":
        yield torch.device("cpu")
    if np.geterr() != _ERRORS:
        yield np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
    config = get_config()
    if any(config[name] != value for name, value in _CONFIG.items()):
        yield config_context(**_CONFIG)


class _Settings(NamedTuple):
    """Settings that all threads of a process share; None: whatever it is."""

    dtype: torch.dtype = torch.float32
    # Or what diverges would end in an error of torch, not in ours.
    finds_anomalies: bool = False
    n_threads: int | None = None

    def exchange(self) -> _Settings:
        """Put these in place, and return what was there."""
        dtype, anomalies = torch.get_default_dtype(), torch.is_anomaly_enabled()
        n_threads = None if self.n_threads is None else torch.get_num_threads()
        if dtype != self.dtype:
            torch.set_default_dtype(self.dtype)
        if anomalies != self.finds_anomalies:
            torch.autograd.set_detect_anomaly(self.finds_anomalies)
        if self.n_threads not in (None, n_threads):
            torch.set_num_threads(self.n_threads)
        return _Settings(dtype, anomalies, n_threads)


class _SharedSettings:
    """Ordinary settings, from when the first thread enters until the last one leaves.

    What one thread found must not come back while another one still computes.
    """

    def __init__(self) -> None:
        self._ordinary = _Settings()
        self._lock = Lock()
        self._inside: dict[int, int] = {}
        self._found: _Settings | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._found is None:
                self._found = self._ordinary.exchange()
            thread = get_ident()
            self._inside[thread] = self._inside.get(thread, 0) + 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            thread = get_ident()
            self._inside[thread] -= 1
            if self._inside[thread] == 0:
                del self._inside[thread]
                self._leave_if_empty()

    def forget_other_threads(self) -> None:
        """In a child process, where they do not go on, and torch's own neither.

        With several threads torch would wait in the child for those it had before.
        """
        self._lock = Lock()
        self._ordinary = self._ordinary._replace(n_threads=1)
        here = get_ident()
        self._inside = {t: depth for t, depth in self._inside.items() if t == here}
        self._leave_if_empty()

    def _leave_if_empty(self) -> None:
        if not self._inside and self._found is not None:
            self._found.exchange()
            self._found = None


_SHARED = _SharedSettings()
after_fork(_SHARED.forget_other_threads)
