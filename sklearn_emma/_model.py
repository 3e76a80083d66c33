"""The fitted model: from a matrix with missing values to logits and scores."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from sklearn_emma._chunks import row_chunks
from sklearn_emma._classifier_predictor import ClassifierPredictor
from sklearn_emma._gate import GateScores
from sklearn_emma._joint_energy import JointEnergy
from sklearn_emma._mode_energies import ModeEnergies
from sklearn_emma._network import EMMANetwork
from sklearn_emma._standardisation import bounded, standardise

# Rows scored at a time: at most this many values of X, so that memory stays bounded.
_CHUNK_VALUES = 2**18


class Inputs(NamedTuple):
    """What the network is fed: x (n, d) without NaN, potential and present (n, M)."""

    x: Tensor
    potential: Tensor
    present: Tensor


class Scores:
    """Scores of some rows as arrays, each computed when it is asked for.

    ``logits`` (n, n_outputs); the others (n, M). Attention by itself costs no
    prediction.
    """

    def __init__(
        self,
        network: EMMANetwork,
        inputs: Inputs,
        classifier: ClassifierPredictor | None = None,
        trust: Tensor | None = None,
    ) -> None:
        self._network, self._inputs, self._classifier = network, inputs, classifier
        self._trust = trust

    @cached_property
    def logits(self) -> np.ndarray:
        """Output of the predictor."""
        with torch.no_grad():
            if self._classifier is None:
                return _array(self._network(*self._inputs, self._trust).logits)
            gated = self._network.gated(*self._inputs, self._trust)
            return _array(self._classifier.logits(gated))

    @cached_property
    def _gate(self) -> GateScores:
        with torch.no_grad():
            return self._network.gate.scores(*self._inputs[1:])

    @property
    def attention(self) -> np.ndarray:
        """β, 0 where the mode is missing; what multiplies the mode in the end."""
        attention = self._gate.attention
        return _array(attention if self._trust is None else attention * self._trust)

    @property
    def importance(self) -> np.ndarray:
        """α, 0 where the mode is missing."""
        return _array(self._gate.importance)

    @property
    def modal_energy(self) -> np.ndarray:
        """E, without meaning where the mode is missing."""
        return _array(self._gate.modal_energy)

    @property
    def potential(self) -> np.ndarray:
        """Ψ, without meaning where the mode is missing."""
        return _array(self._inputs.potential)

    @property
    def present(self) -> np.ndarray:
        """Whether the mode has any value."""
        return _array(self._inputs.present)


class EMMAModel:
    """Standardisation, energies and network, in the order in which data meet them.

    Parameters
    ----------
    columns : ndarray of shape (d,)
        Columns of X in the order of the modes.
    scaler : StandardScaler
        Fitted on these columns.
    energies : ModeEnergies
        Frozen potential energies.
    network : EMMANetwork
        Gate and predictor.
    classifier : ClassifierPredictor, default=None
        Predicts in place of the network's predictor.
    joint : JointEnergy, default=None
        Says how far each mode can be trusted beside the others.
    """

    def __init__(
        self,
        columns: np.ndarray,
        scaler: StandardScaler,
        energies: ModeEnergies,
        network: EMMANetwork,
        classifier: ClassifierPredictor | None = None,
        joint: JointEnergy | None = None,
    ) -> None:
        self.columns = columns
        self.scaler = scaler
        self.energies = energies
        self.network = network
        self.classifier = classifier
        self.joint = joint

    @property
    def device(self) -> torch.device:
        """Where the network lives."""
        return self.network.mode_index.device

    @property
    def dtype(self) -> np.dtype:
        """Floating-point type in which everything is computed."""
        return np.dtype(str(self.network.gate.weight.dtype).removeprefix("torch."))

    def to(self, device: torch.device) -> EMMAModel:
        """Move everything, in place; free where it is already there."""
        if self.device != device:
            self.network.to(device)
            self.energies.to(device)
            if self.joint is not None:
                self.joint.to(device)
        return self

    def astype(self, dtype: torch.dtype) -> EMMAModel:
        """Compute in another floating-point type from now on, in place."""
        self.network.to(dtype)
        self.energies.astype(dtype)
        if self.joint is not None:
            self.joint.to(dtype)
        return self

    def on_cpu(self) -> EMMAModel:
        """Return self on a CPU, as a copy where it lives elsewhere."""
        cpu = torch.device("cpu")
        return self if self.device == cpu else copy.deepcopy(self).to(cpu)

    def select(self, X: np.ndarray) -> np.ndarray:
        """Columns of the modes side by side, bounded, in the model's type."""
        # All columns in their own order is the usual case, and costs no indexing.
        in_order = np.array_equal(self.columns, np.arange(X.shape[1]))
        return bounded(X if in_order else X[:, self.columns], self.dtype)

    def standardise(self, X: np.ndarray) -> Tensor:
        """Standardise selected columns (n, d), NaN kept, as a tensor on the device."""
        return torch.from_numpy(standardise(X, self.scaler)).to(self.device)

    @torch.no_grad()
    def inputs(self, x: Tensor) -> Inputs:
        """Replace missing values by the mean, note missing modes, score energies."""
        x, present = fill_missing(x, self.network.mode_index, self.network.gate.n_modes)
        return Inputs(x, self.energies.potential(x, present), present)

    def calibrate(self, X: np.ndarray, weight: np.ndarray) -> None:
        """Scale the gate by the energies of clean samples (n, d), NaN where missing."""
        inputs = self.inputs(self.standardise(X))
        known = inputs.potential.masked_fill(~inputs.present, torch.nan)
        self.network.gate.calibrate(known, torch.from_numpy(weight))

    def scores(self, X: np.ndarray) -> Scores:
        """Score all rows at once."""
        # Asking is cheaper than telling: a share of the latency of one row.
        if any(module.training for module in self.network.modules()):
            self.network.eval()
        inputs = self.inputs(self.standardise(self.select(X)))
        trust = None if self.joint is None else self.joint.trust(*inputs)
        return Scores(self.network, inputs, self.classifier, trust)

    @property
    def chunk_rows(self) -> int:
        """Rows that are scored at a time."""
        return max(1, _CHUNK_VALUES // max(len(self.columns), 64))

    def gather(
        self,
        X: np.ndarray,
        quantity: Callable[[Scores], np.ndarray],
        check: Callable[[np.ndarray], np.ndarray] = np.asarray,
    ) -> np.ndarray:
        """Return ``quantity`` of the scores of all rows, scored a chunk at a time.

        Beyond the result, memory does not grow with the number of rows. ``check`` sees
        each chunk before it is scored and may replace it.
        """
        parts = (
            quantity(self.scores(check(rows)))
            for rows in row_chunks(X, self.chunk_rows)
        )
        first = next(parts)
        if len(first) == len(X):
            return first
        result = np.empty((len(X), *first.shape[1:]), dtype=first.dtype)
        start = 0
        for part in itertools.chain([first], parts):
            result[start : start + len(part)] = part
            start += len(part)
        return result


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()


def fill_missing(x: Tensor, mode_index: Tensor, n_modes: int) -> tuple[Tensor, Tensor]:
    """Put 0 for NaN in ``x`` (n, d); tell which modes have any value, (n, M)."""
    missing = x.isnan()
    if not missing.any():
        return x, torch.ones(len(x), n_modes, dtype=torch.bool, device=x.device)
    known = torch.zeros(len(x), n_modes, dtype=x.dtype, device=x.device)
    known.index_add_(1, mode_index, (~missing).to(x.dtype))
    return x.masked_fill(missing, 0.0), known > 0
