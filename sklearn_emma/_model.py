"""The fitted model: from a matrix with missing values to logits and scores."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from sklearn_emma._classifier_predictor import ClassifierPredictor
from sklearn_emma._mode_energies import ModeEnergies
from sklearn_emma._network import EMMANetwork

# Rows scored at a time: at most this many values of X, so that memory stays bounded.
_CHUNK_VALUES = 2**21


class Inputs(NamedTuple):
    """What the network is fed: x (n, d) without NaN, potential and present (n, M)."""

    x: Tensor
    potential: Tensor
    present: Tensor


class Scores(NamedTuple):
    """Scores of samples as arrays: logits (n, n_outputs), the others (n, M).

    Logits that nobody asked for have no columns.
    """

    logits: np.ndarray
    attention: np.ndarray
    importance: np.ndarray
    modal_energy: np.ndarray
    potential: np.ndarray
    present: np.ndarray


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
    """

    def __init__(
        self,
        columns: np.ndarray,
        scaler: StandardScaler,
        energies: ModeEnergies,
        network: EMMANetwork,
        classifier: ClassifierPredictor | None = None,
    ) -> None:
        self.columns = columns
        self.scaler = scaler
        self.energies = energies
        self.network = network
        self.classifier = classifier

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
        return self

    def astype(self, dtype: torch.dtype) -> EMMAModel:
        """Compute in another floating-point type from now on, in place."""
        self.network.to(dtype)
        self.energies.astype(dtype)
        return self

    def on_cpu(self) -> EMMAModel:
        """Return self on a CPU, as a copy where it lives elsewhere."""
        cpu = torch.device("cpu")
        return self if self.device == cpu else copy.deepcopy(self).to(cpu)

    def select(self, X: np.ndarray) -> np.ndarray:
        """Columns of the modes side by side, in the model's type."""
        # All columns in their own order is the usual case, and needs no copy.
        in_order = np.array_equal(self.columns, np.arange(X.shape[1]))
        selected = X if in_order else X[:, self.columns]
        return selected.astype(self.dtype, copy=False)

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

    def scores(self, X: np.ndarray, predict: bool = True) -> Scores:
        """Score all rows, a chunk at a time; ``predict`` is whether to make logits."""
        parts = list(self._score_chunks(X, predict))
        if len(parts) == 1:
            return parts[0]
        return Scores(*(np.concatenate(field) for field in zip(*parts, strict=True)))

    @torch.no_grad()
    def _score_chunks(self, X: np.ndarray, predict: bool = True) -> Iterator[Scores]:
        self.network.eval()
        chunk = max(1, _CHUNK_VALUES // max(len(self.columns), 64))
        for start in range(0, len(X), chunk):
            inputs = self.inputs(
                self.standardise(self.select(X[start : start + chunk]))
            )
            gated, (attention, importance, _, modal) = self.network.gated(*inputs)
            logits = self._logits(gated) if predict else gated[:, :0]
            fields = (logits, attention, importance, modal, *inputs[1:])
            yield Scores(*(field.cpu().numpy() for field in fields))

    def _logits(self, gated: Tensor) -> Tensor:
        if self.classifier is not None:
            return self.classifier.logits(gated)
        return self.network.predictor(gated)


def fill_missing(x: Tensor, mode_index: Tensor, n_modes: int) -> tuple[Tensor, Tensor]:
    """Put 0 for NaN in ``x`` (n, d); tell which modes have any value, (n, M)."""
    missing = x.isnan()
    if not missing.any():
        return x, torch.ones(len(x), n_modes, dtype=torch.bool, device=x.device)
    known = torch.zeros(len(x), n_modes, dtype=x.dtype, device=x.device)
    known.index_add_(1, mode_index, (~missing).to(x.dtype))
    return x.masked_fill(missing, 0.0), known > 0


def standardise(X: np.ndarray, scaler: StandardScaler) -> np.ndarray:
    """(X − mean) / sd in the type of X; scikit-learn's own would check X once more."""
    mean, scale = scaler.mean_.astype(X.dtype), scaler.scale_.astype(X.dtype)
    return (X - mean) / scale
