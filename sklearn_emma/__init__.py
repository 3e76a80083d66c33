"""Energy-based multi-modal attention for scikit-learn."""

from sklearn_emma._attention.gate import EMMAGate
from sklearn_emma._attention.scores import GateScores
from sklearn_emma._energies.convolutional import ConvolutionalEnergy
from sklearn_emma._energies.encoded import EncodedEnergy
from sklearn_emma._energies.octaves import OctaveEnergy
from sklearn_emma._energies.potential import PotentialEnergyTransformer
from sklearn_emma._estimators.classifier import EMMAClassifier
from sklearn_emma._estimators.regressor import EMMARegressor
from sklearn_emma._estimators.thesis import make_thesis_classifier
from sklearn_emma._inputs.packing import pack_modes
from sklearn_emma._inputs.shapes import Mode
from sklearn_emma._show_versions import show_versions
from sklearn_emma._version import __version__ as __version__

__all__ = [
    "ConvolutionalEnergy",
    "EMMAClassifier",
    "EMMAGate",
    "EMMARegressor",
    "EncodedEnergy",
    "GateScores",
    "Mode",
    "OctaveEnergy",
    "PotentialEnergyTransformer",
    "make_thesis_classifier",
    "pack_modes",
    "show_versions",
]
