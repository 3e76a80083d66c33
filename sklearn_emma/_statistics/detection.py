"""Detect that p-values have become small: Shiryaev–Roberts e-detectors.

A bet e_t = κ p^(κ − 1), 0 < κ < 1, has an expectation of at most 1 while p is no lower
than uniform given what came before. Then R_t = (1 + R_{t−1}) e_t, the sum of the wealth
of gamblers of whom one starts at every step, has E[R_t] ≤ t; more precisely R_t − t is
a supermartingale. So has the mean of R over several κ. Hence, as long as nothing fails,

* the first t with R_t ≥ c comes at t = c or later on average, and
* it comes by step T with a probability of at most T / c

(J. Shin, A. Ramdas and A. Rinaldo, "E-detectors", New England Journal of Statistics in
Data Science 2, 2024; the bets are those of V. Vovk and R. Wang, "E-values", Annals of
Statistics 49, 2021).
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

# From bold to timid: failures that make p tiny, and drifts that make it a bit smaller.
EXPONENTS = np.array([0.05, 0.15, 0.3, 0.5, 0.75])


def log_bets(p: np.ndarray) -> np.ndarray:
    """log(κ p^(κ − 1)) for each κ of ``EXPONENTS``: (..., K) of p (...,).

    0 where p is NaN: no bet, wealth stays as it is.
    """
    log_p = np.log(np.where(np.isnan(p), 1.0, p))[..., np.newaxis]
    bets = np.log(EXPONENTS) + (EXPONENTS - 1) * log_p
    return np.where(np.isnan(p)[..., np.newaxis], 0.0, bets)


def next_wealth(log_wealth: np.ndarray, log_bet: np.ndarray) -> np.ndarray:
    """log((1 + R) e) of log R and log e, of equal shapes; −∞ is no wealth."""
    return np.logaddexp(0.0, log_wealth) + log_bet


def log_evidence(log_wealth: np.ndarray) -> np.ndarray:
    """Log of the mean of R over the exponents, (...,) of (..., K)."""
    mean: np.ndarray = logsumexp(log_wealth, axis=-1) - np.log(log_wealth.shape[-1])
    return mean
