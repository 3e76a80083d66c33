"""Nets of skorch as predictors: they compute in one type, and convert nothing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from skorch import NeuralNet

from sklearn_emma._optim.torch_state import seeded

# Samples on which the steps in front of a net are tried.
_N_TRIED = 20


def check_nets(estimator: object, dtype: np.dtype, n_features: int) -> None:
    """Check that a net of skorch, however deep within, computes in the type it gets.

    Parameters
    ----------
    estimator : object
        A net, or what may hold one: a pipeline, a search, a calibration.
    dtype : dtype
        Of what the estimator is fitted on.
    n_features : int
        Number of its columns.

    Raises
    ------
    ValueError
        If a net computes in another type.
    """
    for net, given in _nets(estimator, np.dtype(dtype), n_features):
        with seeded(0, torch.device("cpu")):
            try:
                module = clone(net).set_params(verbose=0).initialize().module_
            except Exception as error:
                error.add_note(
                    f"`predictor`, {type(net).__name__}: it cannot be initialised."
                )
                raise
        wanted = {p.dtype for p in module.parameters() if p.dtype.is_floating_point}
        if not wanted or torch.from_numpy(np.empty(0, given)).dtype in wanted:
            continue
        other = str(wanted.pop()).removeprefix("torch.")
        which, what, or_else = f"a {type(net).__name__} of skorch", "X", ""
        if net is not estimator:
            which = f"a {type(estimator).__name__} around {which}"
            what, or_else = "what comes to it", ", or convert in a step in front of it"
        raise ValueError(
            f"`predictor`, {which}, computes in {other} and cannot take {what}, which "
            f"is {given}: pass X.astype(np.{other}), here and for predictions{or_else}."
        )


def _nets(
    estimator: object, dtype: np.dtype, n_features: int
) -> Iterator[tuple[NeuralNet, np.dtype]]:
    """Each net of skorch within an estimator, and the type of what comes to it."""
    if isinstance(estimator, NeuralNet):
        yield estimator, dtype
    elif isinstance(estimator, Pipeline):
        last = estimator.steps[-1][1]
        if any(True for _ in _nets(last, dtype, n_features)):
            found = _passed_on(estimator, dtype, n_features)
            if found is not None:
                yield from _nets(last, *found)
    elif isinstance(estimator, BaseEstimator):
        for value in estimator.get_params(deep=False).values():
            yield from _nets(value, dtype, n_features)


def _passed_on(
    pipeline: Pipeline, dtype: np.dtype, n_features: int
) -> tuple[np.dtype, int] | None:
    """Type and number of columns that the last step gets; None if that is not clear."""
    if len(pipeline.steps) == 1:
        return dtype, n_features
    X = np.random.default_rng(0).normal(size=(_N_TRIED, n_features)).astype(dtype)
    try:
        with warnings.catch_warnings(action="ignore"):
            front = clone(pipeline[:-1])
            passed = front.fit_transform(X, np.arange(_N_TRIED) % 2)
        kind = np.dtype(passed.dtype)
        return (kind, passed.shape[1]) if kind.kind == "f" else None
    except Exception:  # of numbers made up: training will tell
        return None
