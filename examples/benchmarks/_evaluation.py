"""One method on one split: fit it, then measure it under every condition."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import _scores
import numpy as np
from _peers import Method
from _protocol import (
    Task,
    conditions,
    corrupt_like_training,
    layout_of,
    make_generator,
)

from sklearn_emma.corruption import ModeLayout

Score = Callable[[np.ndarray, np.ndarray], float]  # classes (n,), probabilities (n, K)


def evaluate(method: Method, task: Task, seed: int, part: str) -> dict[str, Any]:
    """Fit a method and measure it on the "validation" or the "test" part."""
    layout = layout_of(task.modes)
    X, y = task.scored(part)
    start = time.perf_counter()
    method.fit(task.X_train, task.y_train, task.X_val, task.y_val, task.modes, seed)
    fitted = time.perf_counter()
    method.predict_proba(X)
    predicted = time.perf_counter()
    score = accuracy if task.rare_class is None else _f1_score(method, task, seed)
    measured = {}
    for condition in conditions(len(task.modes), y, task.raw_zero):
        X_failed, hit = condition.apply(X, layout, seed)
        if condition.name != "gauss_0":
            X_failed = _seen_by(method, X_failed, hit, layout)
        measured[condition.name] = _measure(method, X_failed, y, score)
        # Nothing is to be found where a mode is declared missing or all rows are alike.
        findable = not np.isnan(X_failed).any() and not hit.all(0).any()
        if findable and hasattr(method, "mode_suspicion"):
            measured[condition.name]["localisation"] = {
                name: _scores.localisation(hit, signal)
                for name, signal in method.mode_suspicion(X_failed).items()
            }
    return {
        "seconds_fit": fitted - start,
        "seconds_predict": predicted - fitted,
        "n_predict": len(X),
        "score": "accuracy" if task.rare_class is None else "F1",
        "conditions": measured,
    }


def accuracy(y: np.ndarray, proba: np.ndarray) -> float:
    """Share of samples whose largest probability is that of their class."""
    return float((proba.argmax(1) == y).mean())


def _f1_score(method: Method, task: Task, seed: int) -> Score:
    """F1 of the rare class, at the threshold best on corrupted validation data."""
    layout, rare = layout_of(task.modes), task.rare_class
    generator = make_generator(seed, "threshold")
    failed, hit = corrupt_like_training(task.X_val, layout, generator)
    X = _seen_by(method, failed.double().numpy(), hit.numpy(), layout)
    p_rare = method.predict_proba(X)[:, rare]
    threshold = _scores.best_threshold(task.y_val == rare, p_rare)
    return lambda y, proba: _scores.f1(y == rare, proba[:, rare] >= threshold)


def _measure(
    method: Method, X: np.ndarray, y: np.ndarray, score: Score
) -> dict[str, Any]:
    proba = method.predict_proba(X)
    correct = proba.argmax(1) == y
    signals = {"max_probability": 1 - proba.max(1)}
    if hasattr(method, "uncertainty"):
        signals |= method.uncertainty(X)
    foreseen = {name: _scores.auroc(~correct, s) for name, s in signals.items()}
    return {
        "score": score(y, proba),
        "ece": _scores.expected_calibration_error(correct, proba.max(1)),
        # Undefined, and left out, where no prediction or every one is wrong.
        "error_auroc": {k: v for k, v in foreseen.items() if not np.isnan(v)},
    }


def _seen_by(
    method: Method, X: np.ndarray, hit: np.ndarray, layout: ModeLayout
) -> np.ndarray:
    """X (n, d), without the modes that were hit (n, M) if the method is the oracle.

    Where every mode was hit, it has no choice.
    """
    if getattr(method, "is_oracle", False):
        dropped = hit & ~hit.all(axis=1, keepdims=True)
        return np.where(dropped[:, layout.index], np.nan, X)
    return X
