"""What y is: how it is checked, encoded for training, and decoded into answers.

A target tells the rest of the package all that depends on the kind of y. Classes are
one kind; numbers, in a file of their own, are another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from torch import Tensor
from torch.nn.functional import cross_entropy

from sklearn_emma._losses.differences import nll_loss
from sklearn_emma._losses.recipes import EnergyLoss, class_loss

ClassWeight: TypeAlias = Mapping[object, float] | str | None


class Target(Protocol):
    """What training and prediction ask of a kind of y; ``n`` samples."""

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the predictor."""
        ...

    @property
    def n_groups(self) -> int:
        """Number of groups of :meth:`groups`."""
        ...

    @property
    def n_classes(self) -> int | None:
        """Number of classes, if outputs are their logits."""
        ...

    def learn(self, y: np.ndarray, weight: np.ndarray) -> Self:
        """The target once it has seen encoded y (n,) and what samples weigh (n,)."""
        ...

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Turn y, as the user gave it, into what the loss compares with."""
        ...

    def decode(self, output: np.ndarray) -> np.ndarray:
        """Turn outputs (n, n_outputs) of the predictor into answers as in y."""
        ...

    def loss(self, output: Tensor, y: Tensor) -> Tensor:
        """Supervised loss of each sample, (n,)."""
        ...

    def factors(self, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Factor on the loss of each sample, on top of its weight, (n,)."""
        ...

    def stratify(self, y: np.ndarray) -> np.ndarray | None:
        """Labels (n,) to be in both parts of a split; None: any split will do."""
        ...

    def groups(self, y: np.ndarray) -> np.ndarray:
        """Group of each sample (n,), from 0, for what is learnt group by group."""
        ...

    def baseline(self, y: np.ndarray, weight: np.ndarray) -> float | None:
        """Mean loss of one answer for all samples; None where nothing is known."""
        ...


class Classes:
    """Labels of classes; the predictor gives one logit for each.

    Parameters
    ----------
    labels : ndarray of shape (n_classes,)
        Sorted and distinct.
    class_weight : dict, "balanced" or None, default=None
        As everywhere in scikit-learn.
    energy_loss : callable, default=nll_loss
        Loss of the energies of classes, which are minus their logits.
    """

    def __init__(
        self,
        labels: np.ndarray,
        class_weight: ClassWeight = None,
        energy_loss: EnergyLoss = nll_loss,
    ) -> None:
        self.labels = labels
        self.class_weight = class_weight
        self.energy_loss = energy_loss

    @classmethod
    def from_labels(
        cls,
        y: np.ndarray,
        class_weight: ClassWeight = None,
        loss: str | EnergyLoss = "nll",
    ) -> Self:
        """Learn the classes from the labels of all training samples.

        Raises
        ------
        ValueError
            If there is one class only, or as many as samples; or if the loss cannot be
            used.
        """
        _check_discrete(y)
        labels = np.unique(y)
        if len(labels) < 2:
            raise ValueError(
                f"The number of classes has to be greater than one; y has 1 class: "
                f"{labels.tolist()[0]!r}."
            )
        if len(labels) >= len(y) > 2:
            raise ValueError(
                f"y has {len(labels)} classes in {len(y)} samples: nothing can be "
                "learnt from fewer than two samples of a class. Is this a regression "
                "target?"
            )
        return cls(labels, class_weight, class_loss(loss, len(labels)))

    @property
    def n_outputs(self) -> int:
        """Number of classes."""
        return len(self.labels)

    @property
    def n_groups(self) -> int:
        """Number of classes."""
        return len(self.labels)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.labels)

    @property
    def gives_probabilities(self) -> bool:
        """Whether the loss makes logits that are log-probabilities."""
        return self.energy_loss is nll_loss

    def accept(self, y: np.ndarray) -> Self:
        """Return self, if y holds nothing but these labels, of which it may lack some.

        Raises
        ------
        ValueError
            Names a label that is not known.
        """
        _check_discrete(y)
        with _of_one_type():
            found = unique_labels(y, self.labels)
        if len(found) > len(self.labels):
            unknown = found[~np.isin(found, self.labels)]
            raise ValueError(
                f"y has the label {unknown.tolist()[0]!r}, which is none of the "
                f"classes of the first call: {self.labels.tolist()}."
            )
        return self

    def learn(self, y: np.ndarray, weight: np.ndarray) -> Self:
        """Return self: labels are all that there is to know."""
        return self

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Class indices (n,)."""
        return np.searchsorted(self.labels, y)

    def decode(self, output: np.ndarray) -> np.ndarray:
        """Label of the largest logit, (n,)."""
        return self.labels[output.argmax(axis=1)]

    def loss(self, output: Tensor, y: Tensor) -> Tensor:
        """Loss of logits (n, n_classes) for class indices (n,), (n,)."""
        if self.gives_probabilities:  # spares to change signs back and forth
            return cross_entropy(output, y, reduction="none")
        return self.energy_loss(-output, y)

    def factors(self, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Weight of each sample's class, (n,)."""
        if self.class_weight is None:
            return np.ones(len(y))
        if isinstance(self.class_weight, str):
            # scikit-learn's "balanced", with samples counted by their weight.
            mass = np.bincount(y, weights=weight, minlength=len(self.labels))
            balanced: np.ndarray = mass.sum() / (len(self.labels) * mass)
            return balanced[y]
        return self._weights_by_label(self.class_weight)[y]

    def stratify(self, y: np.ndarray) -> np.ndarray:
        """Every class, under the label that an error would name."""
        return self.labels[y]

    def groups(self, y: np.ndarray) -> np.ndarray:
        """Class indices (n,)."""
        return y

    def baseline(self, y: np.ndarray, weight: np.ndarray) -> float | None:
        """Log-loss of the frequencies of classes; of other losses none is known."""
        if not self.gives_probabilities:
            return None
        share = np.bincount(y, weight) / weight.sum()
        share = share[share > 0]
        return float(-(share * np.log(share)).sum())

    def _weights_by_label(self, given: Mapping[object, float]) -> np.ndarray:
        known = self.labels.tolist()
        unknown = [label for label in given if label not in known]
        # As in scikit-learn, a class may be absent from a fold. But if a class that is
        # there has no weight and one that is not there has, it is a slip.
        if unknown and any(label not in given for label in known):
            raise ValueError(
                f"`class_weight` names {unknown[0]!r}, which is not a class of y; the "
                f"classes are {known}."
            )
        try:
            weights = np.array([float(given.get(label, 1.0)) for label in known])
        except (TypeError, ValueError):
            weights = np.full(len(known), np.nan)
        if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
            raise ValueError(
                f"`class_weight` must be finite, >= 0 and not all 0, got {given!r}."
            )
        return weights


@contextmanager
def _of_one_type() -> Iterator[None]:
    """Around what compares labels: say whose they are if they cannot be compared."""
    try:
        yield
    except TypeError as error:
        raise TypeError(f"y must have labels of one type: {error}.") from error


def _check_discrete(y: np.ndarray) -> None:
    try:
        with _of_one_type():
            check_classification_targets(y)
    except ValueError as error:
        if "continuous" not in str(error).partition(". ")[0]:
            raise
        raise ValueError(
            f"{error} To predict numbers, use EMMARegressor; KBinsDiscretizer makes "
            "classes of them."
        ) from error


def chunk_labels(known: np.ndarray | None, classes: ArrayLike | None) -> np.ndarray:
    """All labels: those ``known`` from before or, in the first call, ``classes``.

    Raises
    ------
    ValueError
        If there are none, fewer than two, or others than before.
    """
    if classes is None:
        if known is None:
            raise ValueError(
                "partial_fit needs `classes`, all labels that will ever come, in its "
                "first call."
            )
        return known
    given: np.ndarray = unique_labels(classes)
    if known is not None and not np.array_equal(given, known):
        raise ValueError(
            f"`classes` must be None or those of the first call, {known.tolist()}; got "
            f"{given.tolist()}."
        )
    if len(given) < 2:
        raise ValueError(f"`classes` must be two or more, got {given.tolist()}.")
    return given
