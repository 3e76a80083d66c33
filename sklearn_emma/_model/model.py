"""The fitted model: from a matrix with missing values to logits and scores."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Self

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from sklearn_emma._energies.cross_fitting import HeldOutEnergies
from sklearn_emma._energies.finite import narrowed
from sklearn_emma._energies.joint import JointEnergy, scoring_in_common
from sklearn_emma._energies.per_mode import ModeEnergies
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.missing import fill_missing
from sklearn_emma._inputs.standardisation import Standardisation, bounded
from sklearn_emma._model.alarms import Alarms
from sklearn_emma._model.chunks import row_chunks
from sklearn_emma._model.network import EMMANetwork
from sklearn_emma._model.scores import Inputs, Scores
from sklearn_emma._optim.storage import StoresTensors
from sklearn_emma._predictors.classifiers import ClassifierPredictor
from sklearn_emma._predictors.regressors import RegressorPredictor
from sklearn_emma._statistics.normal_scores import NormalScoring

# Rows scored at a time: at most this many values of X, so that memory stays bounded.
_CHUNK_VALUES = 2**18


class EMMAModel(StoresTensors):
    """Standardisation, energies and network, in the order in which data meet them.

    Parameters
    ----------
    scaler : StandardScaler
        Fitted on the modes' columns side by side.
    energies : ModeEnergies
        Frozen potential energies.
    network : EMMANetwork
        Gate and predictor.
    classifier : ClassifierPredictor or RegressorPredictor, default=None
        Predicts in place of the network's predictor.
    joint : JointEnergy, default=None
        Says how far each mode can be trusted beside the others.
    held_out : HeldOutEnergies, default=None
        Score the rows of the training data in training, in place of ``energies``, which
        have seen them. A model that is trained no further needs none.

    Attributes
    ----------
    alarms : Alarms or None
        Say how rare an energy is among clean rows, once these have been scored.
    """

    def __init__(
        self,
        scaler: StandardScaler,
        energies: ModeEnergies,
        network: EMMANetwork,
        classifier: ClassifierPredictor | RegressorPredictor | None = None,
        joint: JointEnergy | None = None,
        held_out: HeldOutEnergies | None = None,
    ) -> None:
        self.alarms: Alarms | None = None
        self.held_out = held_out
        self.scaler = scaler
        self._standardisation: Standardisation | None = None  # in the type used last
        self.energies = energies
        self.network = network
        self.classifier = classifier
        self.joint = joint
        self._in_common = False  # until all is in one type

    @property
    def layout(self) -> ModeLayout:
        """Names and columns of the modes."""
        return self.network.layout

    @property
    def scoring(self) -> NormalScoring | None:
        """Normal scores that serve energies and joint energy, if they do."""
        if self.joint is None or not self._in_common:
            return None
        return self.joint.scoring

    @property
    def device(self) -> torch.device:
        """Where the network lives."""
        return self.network.mode_index.device

    @property
    def dtype(self) -> np.dtype:
        """Floating-point type in which everything is computed."""
        return torch.empty(0, dtype=self.network.gate.weight.dtype).numpy().dtype

    def to(self, device: torch.device) -> Self:
        """Move everything, in place; free where it is already there."""
        if self.device != device:
            self.network.to(device)
            self.energies.to(device)
            if self.held_out is not None:
                self.held_out.to(device)
            if self.joint is not None:
                self.joint.to(device)
        return self

    def train_in(self, dtype: torch.dtype) -> Self:
        """Compute in another floating-point type, in place, what training looks at."""
        self._in_common = False  # the joint energy stays as it is
        self.network.to(dtype)
        self.energies.astype(dtype)
        if self.held_out is not None:
            self.held_out.astype(dtype)
        return self

    def astype(self, dtype: torch.dtype) -> Self:
        """Compute in another floating-point type from now on, in place."""
        self.train_in(dtype)
        if self.joint is not None:
            self.joint.to(dtype)
        common = scoring_in_common(self.energies.stack, self.joint)
        self._in_common = common is not None
        return self

    def on_cpu(self) -> Self:
        """Return self on a CPU, as a copy where it lives elsewhere."""
        cpu = torch.device("cpu")
        return self if self.device == cpu else copy.deepcopy(self).to(cpu)

    def select(self, X: np.ndarray) -> np.ndarray:
        """Columns of the modes side by side, bounded, in the model's type."""
        return bounded(self.layout.select(X), self.dtype)

    def standardise(self, X: np.ndarray) -> Tensor:
        """Standardise selected columns (n, d), NaN kept, as a tensor on the device."""
        known = self._standardisation
        if known is None or known.shift.dtype != X.dtype:
            known = Standardisation.of(self.scaler.mean_, self.scaler.scale_, X.dtype)
            self._standardisation = known
        x = torch.from_numpy(known.standardise(X))
        return x.to(self.network.gate.weight)

    def inputs(self, x: Tensor, known: Tensor | None = None) -> Inputs:
        """Replace missing values by the mean, note missing modes, score energies.

        ``x`` (n, d) is standardised. ``known`` (n, M) are energies from before, NaN
        where there are none; None: all are scored.
        """
        return self._scored(x, known)[0]

    @torch.no_grad()
    def _scored(
        self, x: Tensor, known: Tensor | None = None
    ) -> tuple[Inputs, Tensor | None]:
        """Inputs as above, and normal scores where they serve the joint energy too."""
        x, present = fill_missing(x, self.layout)
        if known is None:
            scores = None if self.scoring is None else self.scoring(x)
            potential = self.energies.potential(x, present, normal_scores=scores)
            return Inputs(x, potential, present), scores
        unknown = present & known.isnan()
        potential = self.energies.potential(x, unknown, known.nan_to_num())
        return Inputs(x, potential, present), None

    def scores(self, X: np.ndarray, known: np.ndarray | None = None) -> Scores:
        """Score all rows at once; ``known`` (n, M) as for ``inputs``."""
        x, energies = self.standardise(self.select(X)), None
        if known is not None:
            energies = narrowed(torch.from_numpy(known), x.dtype).to(x.device)
        return self.scores_of(*self._scored(x, energies))

    def scores_of(self, inputs: Inputs, normal_scores: Tensor | None = None) -> Scores:
        """Scores of rows whose energies are known, and perhaps their normal scores."""
        # Checking the flags is cheaper than calling eval(): a share of the latency of
        # one row.
        if any(module.training for module in self.network.modules()):
            self.network.eval()
        models = self.classifier, self.joint
        return Scores(self.network, inputs, *models, normal_scores)

    @property
    def chunk_rows(self) -> int:
        """Rows that are scored at a time."""
        return max(1, _CHUNK_VALUES // max(self.layout.n_features, 64))

    def gather(
        self,
        X: np.ndarray,
        quantity: Callable[[Scores], np.ndarray],
        check: Callable[[np.ndarray], np.ndarray] = np.asarray,
        known: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return ``quantity`` of the scores of all rows, scored a chunk at a time.

        Beyond the result, memory does not grow with the number of rows. ``check`` sees
        each chunk before it is scored and may replace it. ``known`` (n, M) are energies
        to use in place of the model's own where they are not NaN.
        """
        n_rows, energies = self.chunk_rows, itertools.repeat(None)
        parts = (
            quantity(self.scores(check(rows), of_rows))
            for rows, of_rows in zip(
                row_chunks(X, n_rows),
                energies if known is None else row_chunks(known, n_rows),
                strict=False,
            )
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
