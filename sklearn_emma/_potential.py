"""Potential energy of one mode: how unlikely its values are."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_emma import _autoencoder
from sklearn_emma._autoencoder_training import fit_autoencoders
from sklearn_emma._energies import finite_energy
from sklearn_emma._samples import check_weights, merge_duplicates, unchanged_on_error
from sklearn_emma._validation import (
    Interval,
    StrOptions,
    fit_context,
)
from sklearn_emma._whitening import Coordinates

_DTYPES = [np.float64, np.float32]


class PotentialEnergyTransformer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Potential energy Ψ of a mode, learnt by a small denoising autoencoder.

    A tied-weight autoencoder r(z) = Wᵀ sigmoid(W z + c) + b learns to remove Gaussian
    noise. Its reconstruction field is a gradient field, r(z) − z = −∂Ψ/∂z, with

        Ψ(z) = ½ ‖z − b‖² − Σ_k softplus(w_k·z + c_k),

    which is −log p(z) up to a constant: low where data are dense, high for noisy,
    broken or unseen values. Energies are computed for each row by itself.

    Parameters
    ----------
    n_components : int, default=32
        Number of hidden units K.

    sigma : float, default=0.3
        Standard deviation of the noise that training removes, in the units of the
        coordinates z.

    preprocessing : {"normal_scores", "whiten", "standardize"} or None, \
            default="normal_scores"
        Coordinates z that the autoencoder sees. ``"standardize"`` centres and scales
        each feature. ``"whiten"`` also removes their correlation, so that small noise
        shows as a break of correlation; with W = 0 the energy is then half the squared
        Mahalanobis distance. ``"normal_scores"`` puts beside each feature a monotone
        map of it that is Gaussian on the training data, then whitens: small noise
        shows in skewed and heavy-tailed features too. ``None`` takes X as it is, as the
        source does.

    max_iter : int, default=60
        Number of epochs.

    batch_size : int or "auto", default="auto"
        Samples in a step; ``"auto"`` is a sixteenth of the samples, between 32 and 256.

    lr : float, default=0.02
        Learning rate.

    optimizer : torch optimizer class, default=None
        None is ``torch.optim.Adam``.

    lr_schedule : {"cosine", "constant"}, default="cosine"
        Whether the learning rate falls to 0 along a cosine over ``max_iter`` epochs.

    callbacks : list of skorch callbacks, default=None
        Copied before use.

    device : str, default="cpu"
        Torch device that trains.

    verbose : bool or int, default=False
        Whether to show a progress bar.

    random_state : int, RandomState instance or None, default=None
        Initial weights, noise and shuffling.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_coordinates)
        W, in coordinates z; there are as many as features, or twice as many with normal
        scores.
    intercept_hidden_ : ndarray of shape (n_components,)
        c.
    intercept_visible_ : ndarray of shape (n_coordinates,)
        b.
    mean_ : ndarray of shape (n_coordinates,)
        Training mean of φ(x) (0 without preprocessing).
    whitening_ : ndarray of shape (n_coordinates, n_coordinates)
        A, with z = (φ(x) − mean) A.
    normal_scores_ : tuple of ndarray or None
        Knots, values and slopes of the normal scores n_j; with them φ(x) = (x_1,
        n_1(x_1), x_2, n_2(x_2), ...), otherwise φ(x) = x.
    loss_curve_ : list of float
        Mean denoising loss of each epoch.
    n_iter_ : int
        Number of epochs run.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    See Also
    --------
    EMMAClassifier : Learns from such energies which modes to trust.

    Notes
    -----
    Every training sample counts by its weight; equal rows are merged, so that weight k
    and k repetitions give the same model.

    References
    ----------
    A. Werenne, "Energy-based Multi-Modal Attention", University of Liège, 2019, ch. 3.

    H. Kamyshanska and R. Memisevic, "The potential energy of an autoencoder", IEEE PAMI
    37 (2015), eq. 8.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma import PotentialEnergyTransformer
    >>> X = np.random.default_rng(0).normal(size=(500, 3))
    >>> energy = PotentialEnergyTransformer(random_state=0).fit(X)
    >>> usual, unusual = energy.transform([[0.0, 0.0, 0.0], [5.0, -5.0, 5.0]])
    >>> bool(usual[0] < unusual[0])
    True
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "preprocessing": [
            StrOptions({"normal_scores", "whiten", "standardize"}),
            None,
        ],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "optimizer": [callable, None],
        "lr_schedule": [StrOptions({"cosine", "constant"})],
        "callbacks": [list, None],
        "device": [str, torch.device],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int = 32,
        *,
        sigma: float = 0.3,
        preprocessing: str | None = "normal_scores",
        max_iter: int = 60,
        batch_size: int | str = "auto",
        lr: float = 0.02,
        optimizer: Any = None,
        lr_schedule: str = "cosine",
        callbacks: list[Any] | None = None,
        device: str = "cpu",
        verbose: bool | int = False,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.sigma = sigma
        self.preprocessing = preprocessing
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.lr = lr
        self.optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.callbacks = callbacks
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None
    ) -> PotentialEnergyTransformer:
        """Train the autoencoder.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of one mode, clean.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights ≥ 0; weight k counts as the row repeated k times.
            Normalised weights are no fewer samples: a mean below 1 is raised to 1.
            Equal weights that are not whole numbers are no weights.

        Returns
        -------
        self : PotentialEnergyTransformer
            Fitted.

        Raises
        ------
        ValueError
            For NaN, infinities or all-zero weights.
        FloatingPointError
            If training diverges.
        """
        with unchanged_on_error(self):
            X = validate_data(self, X, dtype=_DTYPES, order="C", ensure_min_samples=2)
            weight = check_weights(sample_weight, X)
            (X,), weight = merge_duplicates([X], weight)
            fit_autoencoders([self], [X], [weight], self.random_state)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Potential energy of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of the mode.

        Returns
        -------
        potential : ndarray of shape (n_samples, 1)
            Ψ, finite; lower is more usual. Only differences matter.
        """
        return self._potential(self._validate(X))[:, np.newaxis]

    def score_samples(self, X: Any) -> np.ndarray:
        """Unnormalised log-likelihood −Ψ, as scikit-learn's density estimators give it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of the mode.

        Returns
        -------
        score : ndarray of shape (n_samples,)
            Higher is more usual.
        """
        return -self._potential(self._validate(X))

    def reconstruct(self, X: Any) -> np.ndarray:
        """Denoise: one pass through the autoencoder, in the units of X.

        With normal scores not every z belongs to an x: there, the step from x is the
        one whose change of z is nearest to r(z) − z, to first order. In any coordinates
        a small part of the step leads down Ψ.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of the mode.

        Returns
        -------
        reconstruction : ndarray of shape (n_samples, n_features)
            r(x).
        """
        X = self._validate(X)
        z = self._coordinates(X)
        step = self._coordinates.pull_back(X, self._reconstruct(z) - z)
        return (X + step).astype(X.dtype, copy=False)

    def reconstruction_error(self, X: Any) -> np.ndarray:
        """Squared norm ‖r(z) − z‖², the estimator that competes with Ψ.

        It vanishes at *every* critical point of Ψ, maxima included, and so takes the
        middle of a ring of data for usual.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of the mode.

        Returns
        -------
        error : ndarray of shape (n_samples,)
            In the units of the coordinates z.
        """
        X = self._validate(X)
        z = self._coordinates(X)
        return np.square(self._reconstruct(z) - z).sum(axis=1)

    def _validate(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return validate_data(self, X, dtype=_DTYPES, order="C", reset=False)

    @property
    def _coordinates(self) -> Coordinates:
        return Coordinates(self.mean_, self.whitening_, self.normal_scores_)

    def _parameters(self, dtype: Any) -> list[torch.Tensor]:
        learnt = (self.components_, self.intercept_hidden_, self.intercept_visible_)
        return [torch.tensor(a[np.newaxis].astype(dtype, copy=False)) for a in learnt]

    def _reconstruct(self, z: np.ndarray) -> np.ndarray:
        stacked = torch.from_numpy(z).unsqueeze(0)
        return _autoencoder.reconstruct(stacked, *self._parameters(z.dtype))[0].numpy()

    def _potential(self, X: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            z = torch.from_numpy(self._coordinates(X)).unsqueeze(0)
        energy = _autoencoder.potential(z, *self._parameters(X.dtype))[0]
        return finite_energy(energy).numpy()

    @property
    def _n_features_out(self) -> int:
        check_is_fitted(self)  # or names would be given out before there is a fit
        return 1

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
