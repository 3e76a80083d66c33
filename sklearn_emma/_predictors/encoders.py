"""The recipe of encoders for single modes, in front of a joint network."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import TypeAlias

from sklearn.base import BaseEstimator
from torch import nn

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._predictors.encoder_modules import (
    EncodedModes,
    default_encoders,
    embedded_sizes,
)
from sklearn_emma._predictors.mlp import MLP
from sklearn_emma._validation import Constraints, HasMethods, Interval, noting

#: A module, taken as trained; or a class or factory of the shape of a mode.
Encoder: TypeAlias = nn.Module | Callable[[tuple[int, ...]], nn.Module]
#: What a head is made by: a recipe, or a class or factory of its sizes.
Head: TypeAlias = MLP | Callable[[int, int], nn.Module]


class Encoders(BaseEstimator):
    """Networks that read single modes, in front of one that sees all of them.

    An encoder turns the values of a mode with a shape into an embedding. The head sees
    the embeddings, multiplied by the attention of their modes, beside the columns of
    the other modes. Everything is trained end to end, by pretraining and joint training
    as any predictor.

    :class:`~sklearn_emma.EMMAClassifier` does this by default wherever a mode has the
    shape of a signal or an image; give this recipe to choose the parts.

    Parameters
    ----------
    encoders : dict of str to module, class or factory, default=None
        Encoder of a mode by its name, from values (n, ...) of its shape to features. A
        class or factory is called with the shape. A module is assumed to be trained:
        it is copied and fine-tuned, or stays as it is if none of its parameters
        requires a gradient (``module.requires_grad_(False)``). Other modes have the
        default: convolutional layers, by the shape, or none. Signals of a ragged mode
        are 0 behind their ends, which :func:`valid_positions` finds.
    head : MLP, class or factory, default=None
        What sees all modes; a class or factory is called with (n_features_in,
        n_outputs). None is :class:`MLP`. If ``forward`` of its module takes an argument
        ``attention``, (n, n_features_in), multiplying by it is left to the module.
    n_features : int, default=64
        Size, 2 or more, of the embedding that a default encoder makes.

    See Also
    --------
    MLP : The default head.
    sklearn_emma.Mode : Columns whose values have a shape.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from torch import nn
    >>> from sklearn_emma import EMMAClassifier, pack_modes
    >>> from sklearn_emma.predictors import MLP, Encoders
    >>> digits = load_digits()
    >>> images = digits.images[:300, None]
    >>> views = {"image": images, "profile": images.sum(axis=(1, 2))}
    >>> X, modes = pack_modes(views)
    >>> def smaller(shape):
    ...     layers = nn.Conv2d(shape[0], 8, 3, stride=2), nn.ReLU(), nn.Flatten()
    ...     return nn.Sequential(*layers)
    >>> predictor = Encoders({"image": smaller}, head=MLP(hidden_layer_sizes=(32,)))
    >>> quick = {"max_iter": 2, "pretraining_max_iter": 5, "random_state": 0}
    >>> clf = EMMAClassifier(modes, predictor=predictor, **quick)
    >>> clf.fit(X, digits.target[:300]).predict_proba(X).shape
    (300, 10)
    """

    _parameter_constraints: Constraints = {
        "encoders": [dict, None],
        "head": [HasMethods("build"), callable, None],
        "n_features": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        encoders: Mapping[str, Encoder] | None = None,
        head: Head | None = None,
        n_features: int = 64,
    ) -> None:
        self.encoders = encoders
        self.head = head
        self.n_features = n_features

    @property
    def evidence(self) -> bool:
        """Whether linear models of single modes are heard beside the head."""
        head = self._head
        return isinstance(head, MLP) and head.evidence

    def for_samples(self, n_samples: int, n_features: int) -> Encoders:
        """Decide what depends on how many samples there are.

        Parameters
        ----------
        n_samples : int
            Number of training samples.
        n_features : int
            Number of values of all modes, which are encoded behind this.

        Returns
        -------
        recipe : Encoders
            Another one, with the same encoders; see :meth:`MLP.for_samples`.
        """
        head = self._head
        if isinstance(head, MLP):
            head = head.for_samples(n_samples, n_features)
        return Encoders(self.encoders, head, self.n_features)

    def build(self, n_features_in: int, n_outputs: int) -> nn.Module:
        """Make the torch module where there are no modes.

        Parameters
        ----------
        n_features_in : int
            Number of input features d.
        n_outputs : int
            Number of outputs.

        Returns
        -------
        module : nn.Module
            The head.
        """
        layout = ModeLayout.from_columns({"all": range(n_features_in)})
        return self.build_for(layout, n_outputs)

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
            From ``x`` (n, d) and, optionally, ``attention`` (n, d) to outputs
            (n, n_outputs).

        Raises
        ------
        ValueError
            Names the mode whose encoder does not fit, or that does not exist.
        """
        self._validate_params()
        given = self.encoders or {}
        unknown = [name for name in given if name not in layout.names]
        if unknown:
            raise ValueError(
                f"`encoders` names {unknown[0]!r}, which is not a mode; the modes are "
                f"{list(layout.names)}."
            )
        shapes = dict(zip(layout.names, layout.shapes, strict=True))
        encoders = default_encoders(layout, self.n_features, skip=given)
        encoders |= {n: _made(n, one, shapes[n]) for n, one in given.items()}
        head = self._head
        if isinstance(head, MLP):
            return head.build_behind(layout, encoders, n_outputs)
        n_embedded = sum(embedded_sizes(layout, encoders))
        make = getattr(head, "build", head)
        return EncodedModes(layout, encoders, make(n_embedded, n_outputs))

    @property
    def _head(self) -> Head:
        return MLP() if self.head is None else self.head


def _made(name: str, encoder: Encoder, shape: tuple[int, ...]) -> nn.Module:
    if isinstance(encoder, nn.Module):
        return copy.deepcopy(encoder).float()
    if not callable(encoder):
        raise ValueError(
            f"Mode {name!r}: its encoder must be a torch module, or a class or factory "
            f"that makes one of the shape, got {encoder!r}."
        )
    with noting(f"Mode {name!r}: its encoder is called as encoder({shape})."):
        module = encoder(shape)
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"Mode {name!r}: its encoder must make a torch module of the shape, but "
            f"{encoder!r} made {module!r}."
        )
    return module.float()
