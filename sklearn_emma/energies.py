"""Energies of a mode: estimators whose ``score_samples`` is minus a potential energy Ψ.

Any of them is an ``energy_estimator`` of :class:`~sklearn_emma.EMMAClassifier` and
:class:`~sklearn_emma.EMMARegressor`, and so is any other estimator with
``score_samples``. :class:`~sklearn_emma.PotentialEnergyTransformer`, which can be
imported from here too, is the default, of modes of up to five columns
:class:`MixtureEnergy`; :class:`ContrastiveDivergence` and :class:`Sparse` are options
of the former's training. :class:`PotentialEnergyDetector` makes an outlier detector of
any of them.
"""

from sklearn_emma._energies.detector import PotentialEnergyDetector
from sklearn_emma._energies.mixture import MixtureEnergy
from sklearn_emma._energies.neighbors import NeighborsEnergy
from sklearn_emma._energies.objectives import ContrastiveDivergence
from sklearn_emma._energies.outliers import OutlierEnergy
from sklearn_emma._energies.potential import (
    PotentialEnergyTransformer as PotentialEnergyTransformer,
)
from sklearn_emma._energies.prototypes import PrototypeEnergy
from sklearn_emma._energies.reconstruction import ReconstructionEnergy
from sklearn_emma._energies.regularizers import Sparse

__all__ = [
    "ContrastiveDivergence",
    "MixtureEnergy",
    "NeighborsEnergy",
    "OutlierEnergy",
    "PotentialEnergyDetector",
    "PrototypeEnergy",
    "ReconstructionEnergy",
    "Sparse",
]
