"""Losses of energies, for ``EMMAClassifier`` and ``EMMARegressor`` and for torch users.

The energy E(y) of a class is minus its logit; the class of least energy is predicted. A
loss is a function of energies (n, n_classes) and right classes (n,), and returns the
loss of each sample (n,). Losses with options are objects too: :class:`Hinge`,
:class:`Simple`, :class:`SquareSquare`, :class:`SquareExp`. :func:`free_energy`,
:func:`minimise_over`, :func:`marginalise_over` and :func:`gibbs_distribution` say what
becomes of an energy when a variable is not observed.

Losses of a regressor take predictions and right values, both (n, n_targets) and in
training standard deviations; :class:`Huber`, :class:`Quantile` and :class:`Gaussian`
have options.
"""

from sklearn_emma._losses.differences import (
    hinge_loss,
    log_loss,
    mce_loss,
    nll_loss,
    perceptron_loss,
)
from sklearn_emma._losses.latent import (
    free_energy,
    gibbs_distribution,
    marginalise_over,
    minimise_over,
)
from sklearn_emma._losses.levels import (
    simple_loss,
    square_exp_loss,
    square_square_loss,
)
from sklearn_emma._losses.recipes import Hinge, Simple, SquareExp, SquareSquare
from sklearn_emma._losses.regression import (
    absolute_error_loss,
    gaussian_loss,
    huber_loss,
    quantile_loss,
    squared_error_loss,
)
from sklearn_emma._losses.regression_recipes import Gaussian, Huber, Quantile

__all__ = [
    "Gaussian",
    "Hinge",
    "Huber",
    "Quantile",
    "Simple",
    "SquareExp",
    "SquareSquare",
    "absolute_error_loss",
    "free_energy",
    "gaussian_loss",
    "gibbs_distribution",
    "hinge_loss",
    "huber_loss",
    "log_loss",
    "marginalise_over",
    "mce_loss",
    "minimise_over",
    "nll_loss",
    "perceptron_loss",
    "quantile_loss",
    "simple_loss",
    "square_exp_loss",
    "square_square_loss",
    "squared_error_loss",
]
