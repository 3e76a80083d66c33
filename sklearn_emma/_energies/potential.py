"""Potential energy of one mode: how unlikely its values are."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._energies.magnitudes import (
    check_usable_as_they_are,
    fit_magnitudes,
    unchanged,
)
from sklearn_emma._energies.objectives import OBJECTIVES, Objective
from sklearn_emma._energies.regularizers import REGULARIZERS, Regularizer
from sklearn_emma._energies.scoring import AutoencoderEstimator
from sklearn_emma._energies.together import fit_together, stack
from sklearn_emma._inputs.weights import check_weights, merge_duplicates
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._optim.net import TRAINING_CONSTRAINTS, Callbacks
from sklearn_emma._optim.torch_state import RandomStateLike
from sklearn_emma._validation import (
    Constraints,
    Interval,
    StrOptions,
    fit_context,
    unchanged_on_error,
)


class PotentialEnergyTransformer(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    AutoencoderEstimator,
):
    """Potential energy Ψ of a mode, learnt by a small denoising autoencoder.

    A tied-weight autoencoder r(z) = z − κ (z − b) + Wᵀ sigmoid(W z + c) learns to
    remove Gaussian noise. Its reconstruction field is a gradient field,
    r(z) − z = −∂Ψ/∂z, with

        Ψ(z) = ½ κ ‖z − b‖² − Σ_k softplus(w_k·z + c_k),

    which is about −sigma² log p(z) up to a constant: low where data are dense, high for
    noisy, broken or unseen values. In whitened coordinates κ is sigma² / (1 + sigma²):
    W = 0 is then the best for Gaussian data, and hidden units learn what is not
    Gaussian. In others κ is 1, as in the thesis. Energies are computed for each row by
    itself.

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
        shows as a break of correlation; with W = 0 the energy is then κ times half the
        squared Mahalanobis distance. ``"normal_scores"`` puts beside each feature a
        monotone map of it that is Gaussian on the training data, then whitens: small
        noise shows in skewed and heavy-tailed features too. ``None`` takes X as it is,
        as in the thesis.
    shrinkage : float or "auto", default="auto"
        Share, in [0, 1], of a multiple of the identity in the covariance that whitens.
        ``"auto"`` is decided by held-out rows: among the shares with which rows that
        were seen look no more usual than others, by one interquartile range at most,
        the largest that tells held-out rows from the same rows with small noise as well
        as any.
        Without whitening it plays no part.
    objective : {"denoising", "score_matching", "contrastive_divergence"} or \
            ContrastiveDivergence, default="denoising"
        What the autoencoder is trained for, and so what Ψ comes out as, up to a
        constant. ``"denoising"``: about −sigma² log p of data with noise.
        ``"score_matching"`` and ``"contrastive_divergence"``: about −log p of the data
        themselves. κ is then 1 in whitened coordinates, and in others 1 / sigma², with
        which Ψ can be the energy of data as narrow as sigma in any direction.
        :class:`~sklearn_emma.energies.ContrastiveDivergence` has the second with its
        number of Gibbs steps.
    regularizer : {"contractive", "sparse"}, callable or None, default=None
        What is added to the objective: ``"contractive"``, the squared norm of ∂u/∂z,
        keeps hidden units u from changing fast; ``"sparse"`` keeps most of them off,
        see :class:`~sklearn_emma.energies.Sparse`. Or a function of u (n, M, K), W
        (M, K, d) and weights of samples (n, M), for M modes, that returns (n, M) or
        (M,).
    alpha : float, default=0.01
        Weight of the regulariser.
    max_iter : int, default=10
        Number of epochs.
    batch_size : int or "auto", default="auto"
        Samples in a step; ``"auto"`` is a sixteenth of the samples, about 16 to 256.
    lr : float, default=0.02
        Learning rate.
    optimizer : torch optimizer class, default=None
        None is ``torch.optim.Adam``.
    lr_schedule : {"cosine", "constant"}, default="cosine"
        Whether the learning rate falls to 0 along a cosine over ``max_iter`` epochs.
    callbacks : list of skorch callbacks, default=None
        Copied before use; what they hold is shared.
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
    stiffness_ : float
        κ.
    shrinkage_ : float or None
        Share of the identity that was used; None without whitening.
    offset_, scale_ : ndarray of shape (n_features,)
        Units u = (x − offset) / scale, whose squares can be computed: 0 and 1, so that
        u is x, but for very large and very small features, whose scale is a power of
        two, and those that do not vary, rounding apart, where u is 0.
    mean_ : ndarray of shape (n_coordinates,)
        Training mean of φ(u) (0 without preprocessing).
    whitening_ : ndarray of shape (n_coordinates, n_coordinates)
        A, with z = (φ(u) − mean) A.
    normal_scores_ : tuple of ndarray or None
        Knots, values and slopes of the normal scores n_j; with them φ(u) = (u_1,
        n_1(u_1), u_2, n_2(u_2), ...), otherwise φ(u) = u.
    loss_curve_ : list of float
        Mean loss of each epoch, that of the objective and the regulariser.
    n_iter_ : int
        Number of epochs run.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

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

    _parameter_constraints: Constraints = {
        **TRAINING_CONSTRAINTS,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "preprocessing": [
            StrOptions({"normal_scores", "whiten", "standardize"}),
            None,
        ],
        "shrinkage": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "objective": [StrOptions(set(OBJECTIVES)), Objective],
        "regularizer": [StrOptions(set(REGULARIZERS)), callable, None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int = 32,
        *,
        sigma: float = 0.3,
        preprocessing: str | None = "normal_scores",
        shrinkage: float | str = "auto",
        objective: str | Objective = "denoising",
        regularizer: str | Regularizer | None = None,
        alpha: float = 0.01,
        max_iter: int = 10,
        batch_size: int | str = "auto",
        lr: float = 0.02,
        optimizer: Callable[..., torch.optim.Optimizer] | None = None,
        lr_schedule: str = "cosine",
        callbacks: Callbacks | None = None,
        device: str | torch.device = "cpu",
        verbose: bool | int = False,
        random_state: RandomStateLike = None,
    ) -> None:
        self.n_components = n_components
        self.sigma = sigma
        self.preprocessing = preprocessing
        self.shrinkage = shrinkage
        self.objective = objective
        self.regularizer = regularizer
        self.alpha = alpha
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
    @ordinary_state()
    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train the autoencoder.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of one mode, clean.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights ≥ 0; weight k counts as the row repeated k times. Only ratios matter
            when weights sum to less than the number of samples: they are rescaled to a
            mean of 1. Equal non-integer weights are ignored.

        Returns
        -------
        self : PotentialEnergyTransformer
            Fitted.

        Raises
        ------
        ValueError
            For NaN, infinities, all-zero weights, or values too large for a
            ``preprocessing`` of None.
        FloatingPointError
            If training diverges.
        """
        with unchanged_on_error(self):
            values = self._validate(X, reset=True, ensure_min_samples=2)
            weight = check_weights(sample_weight, values)
            distinct, weight, _ = merge_duplicates([values], weight)
            (rows,) = distinct
            units = unchanged(rows.shape[1])
            if self.preprocessing is None:
                check_usable_as_they_are(rows)
            else:
                units = fit_magnitudes(rows, weight)
            self._fit_together([self], [units(rows)], [weight])
            self.offset_, self.scale_ = units
        return self

    # Several modes are fitted and scored as one; see ``per_mode.BatchedEnergy``.
    _fit_together = staticmethod(fit_together)
    _stack = staticmethod(stack)

    @ordinary_state()
    def transform(self, X: ArrayLike) -> np.ndarray:
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
        return self._fitted.potential(self._in_units(X))[:, np.newaxis]

    @property
    def _n_features_out(self) -> int:
        check_is_fitted(self)  # or names would be given out before there is a fit
        return 1

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
