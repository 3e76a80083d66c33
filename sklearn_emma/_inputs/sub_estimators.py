"""Estimators that the user brings along: their seeds, and samples of unequal weight."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from sklearn import get_config
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

# No more rows than either are made of distinct samples by repeating them.
_MOST_ROWS = 10_000_000
_MOST_REPETITIONS = 10


class SubEstimator(Protocol):
    """An estimator that the user brings along."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name."""
        ...

    def set_params(self, **params: object) -> object:
        """Set parameters."""
        ...


class Fittable(SubEstimator, Protocol):
    """One that can be fitted."""

    def fit(self, *data: np.ndarray, **params: object) -> object:
        """Fit in place."""
        ...


def set_random_states(estimator: SubEstimator, seed: int) -> None:
    """Seed every ``random_state`` that is None, nested ones too, in place.

    The first of them gets ``seed`` itself and the others what it draws, so that members
    of an ensemble differ.
    """
    params = estimator.get_params()
    unset = [
        name
        for name in sorted(params)
        if (name == "random_state" or name.endswith("__random_state"))
        and params[name] is None
    ]
    if unset:
        drawn = np.random.RandomState(seed).randint(2**31 - 1, size=len(unset) - 1)
        seeds = [seed, *drawn.tolist()]
        estimator.set_params(**dict(zip(unset, seeds, strict=True)))


def fit_weighted(
    estimator: Fittable, X: np.ndarray, weight: np.ndarray, y: np.ndarray | None = None
) -> None:
    """Fit in place on samples that count ``weight`` (n,) times.

    Multiples of one weight are honoured by any estimator, by repeating rows. Others
    that it cannot take are left out, which is right where they are equal: ask
    :func:`honours` before.
    """
    name = _weight_parameter(estimator)
    params: dict[str, object] = {}
    counts = _repetitions(weight) if name is None else None
    if counts is not None:
        counts = counts.astype(int)
        X = np.repeat(X, counts, axis=0)
        y = None if y is None else np.repeat(y, counts)
    elif name is not None and (weight != 1).any():
        params[name] = weight
    estimator.fit(*([X] if y is None else [X, y]), **params)


def honours(estimator: object, weight: np.ndarray) -> bool:
    """Whether :func:`fit_weighted` does justice to these weights.

    Raises
    ------
    ValueError
        If it would have to repeat rows too often; names the estimator.
    """
    if _weight_parameter(estimator) is not None:
        return True
    counts = _repetitions(weight)
    if counts is None:
        return False
    if counts.sum() > _most_rows(weight):
        raise ValueError(
            f"{type(estimator).__name__} takes no `sample_weight` in `fit`, and to "
            f"repeat {len(weight)} distinct samples by their weights (`sample_weight`, "
            f"`class_weight`) would make {counts.sum():.3g} rows, more than "
            f"{_most_rows(weight):.3g}. Give weights of small common multiples, or an "
            "estimator that takes weights."
        )
    return True


def _weight_parameter(estimator: object) -> str | None:
    """Under which name ``fit`` takes the weights of the samples, if it does."""
    if has_fit_parameter(estimator, "sample_weight"):
        return "sample_weight"
    if get_config()["enable_metadata_routing"]:
        routing = get_routing_for_object(estimator)
        routed = routing.consumes("fit", ["sample_weight"])
        return "sample_weight" if routed else None
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        name = _weight_parameter(last)
        return None if name is None else f"{step}__{name}"
    return None


def _repetitions(weight: np.ndarray) -> np.ndarray | None:
    """Smallest numbers of repetitions, as floats, that are in proportion to weights.

    None if there are none: if weights are not whole, nor few multiples of the smallest.
    """
    if not weight.any():
        return weight
    counts, most = _whole(weight), _most_rows(weight)
    smallest = weight[weight > 0].min()
    few = weight.max() / most <= smallest  # multiples, which could overflow
    if few and (counts is None or counts.sum() > most):
        multiples = _whole(weight / smallest)
        if multiples is not None and multiples.sum() <= most:
            return multiples
    return counts


def _whole(weight: np.ndarray) -> np.ndarray | None:
    """Weights as whole numbers, without their common factor; None if they are not."""
    counts = np.rint(weight).astype(np.float64)
    # Relative to the weight: one that is small, but above 0, is never no row at all.
    if (np.abs(counts - weight) > 1e-6 * weight).any():
        return None
    if counts.max() < 2.0**63:
        counts = counts / np.gcd.reduce(counts.astype(np.int64))
    return counts


def _most_rows(weight: np.ndarray) -> int:
    return max(_MOST_ROWS, _MOST_REPETITIONS * len(weight))
