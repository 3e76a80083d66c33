"""A trained convolutional energy, ready to score values of a mode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike

from sklearn_emma._energies.convolution import Convolution
from sklearn_emma._energies.convolutional_training import (
    ConvolutionalPotential,
    Kernels,
    score_rows,
)
from sklearn_emma._energies.estimator import EnergyEstimator
from sklearn_emma._energies.frequencies import Spectrum
from sklearn_emma._energies.innovations import Innovations
from sklearn_emma._energies.magnitudes import Magnitudes, fit_magnitudes
from sklearn_emma._energies.ragged import RaggedPotential, channel_magnitudes
from sklearn_emma._inputs.ragged import filled_rows


class ConvolutionalEstimator(EnergyEstimator):
    """Parameters of an estimator with kernels, and what it has learnt."""

    shape: Sequence[int] | None
    ragged: bool
    n_components: int
    kernel_size: int
    stride: int

    components_: np.ndarray
    intercept_hidden_: np.ndarray
    intercept_visible_: np.ndarray
    stiffness_: float
    spectrum_: Spectrum | Innovations
    n_features_in_: int
    offset_: np.ndarray
    scale_: np.ndarray

    def _energy(self, X: np.ndarray) -> np.ndarray:
        values = self._with_ends(Magnitudes(self.offset_, self.scale_)(X))
        return score_rows(self._frozen(torch.from_numpy(values[:0]).dtype), values)

    def _validate(self, X: ArrayLike, **options: object) -> np.ndarray:
        kinds = {"ensure_all_finite": "allow-nan" if self.ragged else True}
        return super()._validate(X, **kinds | options)

    def _units(self, X: np.ndarray, weight: np.ndarray) -> Magnitudes:
        """Units for rows X (n, d), which count ``weight`` (n,) times."""
        if not self.ragged:
            return fit_magnitudes(X, weight)
        return channel_magnitudes(X, weight, self._convolution(X.shape[1]).shape)

    def _with_ends(self, X: np.ndarray) -> np.ndarray:
        """Rows (n, d) as they are trained on and scored."""
        if not self.ragged:
            return X
        return filled_rows(X, self._convolution(X.shape[1]).shape)

    def _convolution(self, n_features: int) -> Convolution:
        """Geometry for rows of so many values; ValueError where they do not fit."""
        kernels = self.n_components, self.kernel_size, self.stride
        found = Convolution.of_rows(n_features, self.shape, *kernels)
        if self.ragged and len(found.shape) != 2:
            raise ValueError(
                "ragged=True is for signals, of `shape` (channels, length), got "
                f"{self.shape!r}."
            )
        return found

    # Asked before anything is trained.
    _check_mode = _convolution

    def _frozen(self, dtype: torch.dtype) -> ConvolutionalPotential | RaggedPotential:
        """What has been learnt as a torch module."""
        learnt = (
            self._convolution(self.n_features_in_),
            self.spectrum_,
            Kernels(self.components_, self.intercept_hidden_, self.intercept_visible_),
            self.stiffness_,
            dtype,
        )
        kind = RaggedPotential if self.ragged else ConvolutionalPotential
        return kind(*learnt)
