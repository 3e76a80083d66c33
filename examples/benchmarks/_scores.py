"""What is measured on one corrupted matrix, and what sums up all of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from _protocol import SIGMAS, UNSEEN
from sklearn.metrics import auc, roc_auc_score


def best_threshold(is_rare: np.ndarray, p_rare: np.ndarray) -> float:
    """Return the threshold on p_rare (n,) with the best F1 against is_rare (n,)."""
    order = np.argsort(-p_rare, kind="stable")
    found = np.cumsum(is_rare[order])
    f1 = 2 * found / (np.arange(1, len(order) + 1) + is_rare.sum())
    # Only between two different probabilities can a threshold be laid.
    p_sorted = p_rare[order]
    f1[:-1][p_sorted[:-1] == p_sorted[1:]] = -1.0
    best = int(np.argmax(f1))
    below = p_sorted[best + 1] if best + 1 < len(order) else 0.0
    return float((p_sorted[best] + below) / 2)


def f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """F1 of two boolean arrays (n,); 0 when there is nothing to find."""
    total = truth.sum() + predicted.sum()
    return float(2 * (truth & predicted).sum() / total) if total else 0.0


def expected_calibration_error(
    correct: np.ndarray, confidence: np.ndarray, n_bins: int = 15
) -> float:
    """Mean gap between confidence (n,) and accuracy over equal bins (Naeini, 2015)."""
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gap = np.bincount(bins, weights=correct - confidence, minlength=n_bins)
    return float(np.abs(gap).sum() / len(correct))


def auroc(positive: np.ndarray, value: np.ndarray) -> float:
    """AUROC of value (n,) for the boolean positive (n,); NaN if all are alike."""
    if positive.all() or not positive.any():
        return float("nan")
    return float(roc_auc_score(positive, value))


def localisation(hit: np.ndarray, suspicion: np.ndarray) -> dict[str, float]:
    """How well suspicion (n, M) finds the modes that were hit (n, M).

    ``auroc``: hit or not within a mode, averaged over modes. ``top1``: how often the
    most suspicious mode is one that was hit.
    """
    curves = [auroc(hit[:, m], suspicion[:, m]) for m in range(hit.shape[1])]
    known = [value for value in curves if not np.isnan(value)]
    chosen = np.take_along_axis(hit, suspicion.argmax(1)[:, None], axis=1)
    return {
        "auroc": float(np.mean(known)) if known else float("nan"),
        "top1": float(chosen.mean()),
    }


def rauc(scores: Mapping[str, float]) -> float:
    """Area under score against log2(1 + σ), divided by its length."""
    x = np.log2(1 + np.asarray(SIGMAS))
    y = [scores[f"gauss_{sigma:g}"] for sigma in SIGMAS]
    return float(auc(x, y) / (x[-1] - x[0]))


def u5(scores: Mapping[str, float]) -> float:
    """Mean score over the five kinds of :data:`UNSEEN`."""
    return float(np.mean([scores[name] for name in UNSEEN]))


def worst_mode(scores: Mapping[str, float]) -> float:
    """Lowest score when one and the same mode is noisy (σ = 2) in every sample."""
    return min(value for name, value in scores.items() if name.startswith("mode_"))


def paired_interval(
    differences: np.ndarray, n_draws: int = 10_000, level: float = 0.95
) -> tuple[float, float]:
    """Bootstrap interval of the mean of differences (n_seeds,), one a seed."""
    rng = np.random.default_rng(0)
    draws = rng.integers(len(differences), size=(n_draws, len(differences)))
    tail = (1 - level) / 2
    low, high = np.quantile(differences[draws].mean(1), [tail, 1 - tail])
    return float(low), float(high)
