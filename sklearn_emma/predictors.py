"""What stands behind the gate: recipes for ``EMMAClassifier(predictor=...)``.

Beside these, ``predictor`` takes any torch module, class or factory, and any
scikit-learn classifier with ``predict_proba``.
"""

from sklearn_emma._inputs.ragged import valid_positions
from sklearn_emma._predictors.encoders import Encoders
from sklearn_emma._predictors.gated_copies import GatedCopies
from sklearn_emma._predictors.mlp import MLP

__all__ = ["MLP", "Encoders", "GatedCopies", "valid_positions"]
