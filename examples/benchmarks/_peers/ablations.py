"""The defaults of EMMA with one part taken out, or back to its simpler form."""

from __future__ import annotations

from functools import partial
from typing import Any

from .emma import Emma
from .method import Effort, Method


def parts() -> dict[str, dict[str, Any]]:
    """What is changed, by name."""
    from sklearn_emma import PotentialEnergyTransformer
    from sklearn_emma._predictors.mlp_module import MLPModule
    from sklearn_emma.attention import SoftAttention
    from sklearn_emma.corruption import Failures, GaussianNoise
    from sklearn_emma.predictors import MLP

    def energy(preprocessing: str) -> PotentialEnergyTransformer:
        return PotentialEnergyTransformer(preprocessing=preprocessing)

    class GatedFirst(MLPModule):
        def forward(self, x):  # without attention: it comes multiplied
            return super().forward(x)

    network = {"hidden_layer_sizes": (128, 64), "dropout": 0.3}
    return {
        "no-attention": {"attention_function": "none", "lambda_e": 0.0},
        "whitened-energies": {"energy_estimator": energy("whiten")},
        "standardised-energies": {"energy_estimator": energy("standardize")},
        "autoencoders-throughout": {"energy_estimator": PotentialEnergyTransformer()},
        "shifted-energies": {"energy_scaling": "shift"},
        "rho-1": {"rho": 1.0},
        "gain-1": {"attention_function": SoftAttention(gain=1.0)},
        "no-omega": {"lambda_e": 0.0},
        "no-floor": {"corruption": Failures(importance_floor=0.0)},
        "no-missing-modes": {"corruption": GaussianNoise((0.1, 2.0))},
        "one-draw": {"corruption": Failures(n_draws=1)},
        "complete-base": {"corruption": Failures(pretraining_missing_fraction=0.0)},
        "no-bins": {"predictor": partial(MLPModule, **network, n_bins=0)},
        "bins-of-gated": {"predictor": partial(GatedFirst, **network, n_bins=8)},
        "no-dropout": {"predictor": MLP(dropout=0.0)},
        "small-network": {"predictor": MLP(hidden_layer_sizes=(64, 32))},
        "no-evidence": {"predictor": MLP(evidence=False)},
        "no-joint-energy": {"joint_energy": False},
        "one-sided": {"energy_scaling": "robust"},
        "couplings": {"coupling": "asymmetric"},
        "half-the-epochs": {"max_iter": 20},
        "twice-the-epochs": {"max_iter": 80},
    }


def methods(effort: Effort) -> dict[str, Method]:
    """One method for each part, named ``emma:part``."""
    from sklearn_emma import EMMAClassifier

    def candidates(changed, modes, seed, effort):
        shorter = {"max_iter": effort.max_epochs} if effort.is_smoke else {}
        return [EMMAClassifier(modes, random_state=seed, **(changed | shorter))]

    return {
        f"emma:{name}": Emma(partial(candidates, changed), effort)
        for name, changed in parts().items()
    }
