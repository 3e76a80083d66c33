"""Energy-based multi-modal attention for scikit-learn."""

from sklearn_emma._classifier import EMMAClassifier
from sklearn_emma._gate import EMMAGate, GateScores
from sklearn_emma._potential import PotentialEnergyTransformer
from sklearn_emma._thesis import make_thesis_classifier

__version__ = "0.1.0"
__all__ = [
    "EMMAClassifier",
    "EMMAGate",
    "GateScores",
    "PotentialEnergyTransformer",
    "make_thesis_classifier",
]
