"""The default predictor: quantile bins, ReLU layers and a linear path beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, clone
from torch import nn

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._predictors.encoder_modules import (
    EncodedModes,
    default_encoders,
    embedded_sizes,
)
from sklearn_emma._predictors.mlp_module import MLPModule
from sklearn_emma._validation import Constraints, Interval, StrOptions

# Of dropout="auto", and with how many samples a feature there is none: layers cannot
# learn them by heart.
_DROPOUT, _MANY_SAMPLES_A_FEATURE = 0.3, 50


class MLP(BaseEstimator):
    """Fully connected network with a linear path beside its hidden layers.

    The layers see each feature and its position among the training data's quantiles,
    which lets them compete with trees on skewed features. The linear path lets the
    network hold its own on small wide data, where linear models are hard to beat;
    dropout keeps the layers from learning such data by heart.

    This is a recipe: :meth:`build` makes the torch module once the number of features
    and of outputs is known.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(128, 64)
        Units of each hidden layer; an empty sequence leaves the linear model alone.
    dropout : float or "auto", default="auto"
        Probability, in [0, 1), that a hidden unit is left out of a training step, which
        keeps the layers from learning few samples by heart. ``"auto"`` is 0 with 50
        samples or more for each feature, otherwise 0.3.
    n_bins : int, default=8
        Quantile bins of each feature.
    evidence : bool, default=True
        Whether linear models of single modes are heard beside the network, weighed by
        attention, so that one mode that misleads the network does not mislead all. How
        much they count, and the temperature of the mixture, is learnt from samples held
        out in pretraining.

    See Also
    --------
    GatedCopies : Any scikit-learn classifier behind the gate.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.predictors import MLP
    >>> clf = EMMAClassifier(predictor=MLP(hidden_layer_sizes=(32,), dropout=0.1))
    >>> clf.get_params()["predictor__dropout"]
    0.1
    """

    _parameter_constraints: Constraints = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "dropout": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "evidence": ["boolean"],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (128, 64),
        dropout: float | str = "auto",
        n_bins: int = 8,
        evidence: bool = True,
    ) -> None:
        self.evidence = evidence
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.n_bins = n_bins

    def for_samples(self, n_samples: int, n_features: int) -> MLP:
        """Decide what depends on how many samples there are.

        Parameters
        ----------
        n_samples, n_features : int
            Of the training data, all modes together.

        Returns
        -------
        recipe : MLP
            With a number for ``dropout``.
        """
        if not isinstance(self.dropout, str):
            return clone(self)
        many = n_samples >= _MANY_SAMPLES_A_FEATURE * n_features
        return clone(self).set_params(dropout=0.0 if many else _DROPOUT)

    def build(self, n_features_in: int, n_outputs: int) -> nn.Module:
        """Make the torch module.

        Parameters
        ----------
        n_features_in : int
            Number of input features d.
        n_outputs : int
            Number of outputs.

        Returns
        -------
        module : nn.Module
            From ``x`` and, optionally, ``attention`` (n, d) to outputs (n, n_outputs).

        Raises
        ------
        ValueError
            Names the parameter at fault.
        """
        return self._module(n_features_in, n_outputs)

    def build_for(self, layout: ModeLayout, n_outputs: int) -> nn.Module:
        """Make the torch module for modes that are known.

        Parameters
        ----------
        layout : ModeLayout
            Columns and shapes of the modes.
        n_outputs : int
            Number of outputs.

        Returns
        -------
        module : nn.Module
            As :meth:`build`; ``attention`` must be the same within a mode, and signals
            and images go through convolutional encoders, see :class:`Encoders`.

        Raises
        ------
        ValueError
            Names the parameter at fault.
        """
        encoders = default_encoders(layout)
        if not encoders:
            return self._module(layout.n_features, n_outputs, widths=layout.widths)
        return self.build_behind(layout, encoders, n_outputs)

    def build_behind(
        self, layout: ModeLayout, encoders: Mapping[str, nn.Module], n_outputs: int
    ) -> nn.Module:
        """Make the torch module behind encoders of some modes.

        Parameters
        ----------
        layout : ModeLayout
            Columns and shapes of the modes.
        encoders : dict of str to nn.Module
            Of modes by name; columns of others are seen as they are, and in bins.
        n_outputs : int
            Number of outputs.

        Returns
        -------
        module : nn.Module
            As :meth:`build`.
        """
        sizes = embedded_sizes(layout, encoders)
        plain = [name not in encoders for name in layout.names]
        binned = np.flatnonzero(np.repeat(plain, sizes))
        head = self._module(sum(sizes), n_outputs, binned=binned)
        return EncodedModes(layout, encoders, head)

    def _module(
        self,
        n_features_in: int,
        n_outputs: int,
        *,
        binned: np.ndarray | None = None,
        widths: Sequence[int] = (),
    ) -> MLPModule:
        self._validate_params()
        sizes = _checked_sizes(self.hidden_layer_sizes)
        rate = _DROPOUT if isinstance(self.dropout, str) else float(self.dropout)
        return MLPModule(
            n_features_in, n_outputs, sizes, rate, self.n_bins, binned, widths
        )


def _checked_sizes(hidden_layer_sizes: int | Sequence[int]) -> list[int]:
    try:
        sizes = np.atleast_1d(hidden_layer_sizes)
    except ValueError:  # sequences of unequal lengths
        sizes = np.array([0])
    whole = len(sizes) == 0 or np.issubdtype(sizes.dtype, np.integer)
    if sizes.ndim != 1 or not whole or (sizes < 1).any():
        raise ValueError(
            "`hidden_layer_sizes` must be positive integers, got "
            f"{hidden_layer_sizes!r}."
        )
    return [int(size) for size in sizes]
