"""How a fitted estimator holds up while modes fail: functions that return arrays.

:mod:`sklearn_emma.plotting` draws what they return.
"""

from sklearn_emma.robustness._attention_map import attention_map
from sklearn_emma.robustness._corrupt import corrupt
from sklearn_emma.robustness._distribution_curves import attention_curve, energy_curve
from sklearn_emma.robustness._results import (
    AttentionMap,
    DistributionCurve,
    RobustnessCurve,
)
from sklearn_emma.robustness._score_curve import robustness_curve, robustness_curves

__all__ = [
    "AttentionMap",
    "DistributionCurve",
    "RobustnessCurve",
    "attention_curve",
    "attention_map",
    "corrupt",
    "energy_curve",
    "robustness_curve",
    "robustness_curves",
]
