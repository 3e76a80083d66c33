"""Displays: computed once, drawn as often as wanted. Drawing needs matplotlib.

Each is made by a ``from_...`` method, which computes and draws, or from arrays, and
then drawn by ``plot``. The colours can be told apart by colour-blind readers.
"""

from sklearn_emma.plotting._attention import AttentionDisplay
from sklearn_emma.plotting._attention_function import AttentionFunctionDisplay
from sklearn_emma.plotting._attention_map import AttentionMapDisplay
from sklearn_emma.plotting._distribution_curve import DistributionCurveDisplay
from sklearn_emma.plotting._potential_field import PotentialFieldDisplay
from sklearn_emma.plotting._robustness_curve import RobustnessCurveDisplay
from sklearn_emma.plotting._sensor_health import SensorHealthDisplay

__all__ = [
    "AttentionDisplay",
    "AttentionFunctionDisplay",
    "AttentionMapDisplay",
    "DistributionCurveDisplay",
    "PotentialFieldDisplay",
    "RobustnessCurveDisplay",
    "SensorHealthDisplay",
]
