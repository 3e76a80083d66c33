"""The regressor: numbers as target and as answers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from joblib import Memory
from sklearn.base import BaseEstimator

from sklearn_emma._attention.coldness import Annealed
from sklearn_emma._attention.interface import AttentionFunction
from sklearn_emma._estimators.regression import PredictsNumbers
from sklearn_emma._inputs.modes import ModesLike
from sklearn_emma._losses.regression_recipes import VALUE_LOSSES, ValueLoss
from sklearn_emma._optim.net import Callbacks
from sklearn_emma._optim.torch_state import RandomStateLike
from sklearn_emma._predictors.modules import TorchPredictor
from sklearn_emma._validation import StrOptions
from sklearn_emma.corruption import Corruption, Failures


class EMMARegressor(PredictsNumbers):
    """Regressor that keeps predicting well while a mode fails, and shows which one.

    Everything that :class:`EMMAClassifier` does for classes, for numbers: energies of
    the modes, a gate in front of the predictor, joint training on samples whose modes
    are made to fail. A prediction ŷ is the value of least energy; with squared errors
    that is E(y, x) = ½ ‖y − ŷ(x)‖². y may have several columns. It is standardised
    inside, by training statistics, and answers are given in its own units.

    Parameters
    ----------
    modes : dict, list or None, default=None
        Columns of each mode: a dict of name to columns, or a list of columns (named
        ``mode0``, ``mode1``, ...). Columns are given as in
        :class:`~sklearn.compose.ColumnTransformer`: names, indices, slice, boolean mask
        or callable; :class:`Mode` gives a shape, and a dict of name to columns *parts*,
        among which attention is divided too. ``None`` takes the modes from a frame with
        two-level columns or whose columns all read ``mode__feature``; otherwise each
        column is one, with a :class:`~sklearn_emma.exceptions.ModesWarning`.
    remainder : {"error", "drop", "mode"}, default="error"
        What happens to columns that belong to no mode: raise an error, leave them out,
        or make them a mode of their own, named ``remainder``.
    energy_estimator : estimator, dict of estimators or None, default=None
        Density model with ``score_samples``, cloned for each mode, or a dict with one
        for each mode by name. Ψ is minus ``score_samples`` of standardised values. None
        is :class:`PotentialEnergyTransformer`; of up to five columns
        :class:`~energies.MixtureEnergy`, of signals :class:`OctaveEnergy`, of images
        :class:`ConvolutionalEnergy`. If ``fit`` takes no ``sample_weight``, rows are
        repeated by integer weights; others are ignored, with a warning.
    joint_energy : bool, estimator or "auto", default="auto"
        Whether modes are also compared with each other when samples are scored. The
        attention of a mode that is likely by itself, but does not fit the others, is
        then multiplied by the probability that it belongs to the same sample. This
        takes three modes, or two with an estimator that compares them in place of the
        default, and has no effect on samples with a missing mode. ``"auto"`` compares
        unless ``attention_function`` is ``"hard"`` or ``"none"``.
    energy_scaling : {"two_sided", "robust", "shift"} or object with ``build``, \
            default="two_sided"
        ``"robust"`` makes modes comparable: z-score of Ψ by the median and
        interquartile range of training samples, then a compressive logarithm.
        ``"two_sided"`` is the same, but rises again below the energies that clean
        samples have: a sensor stuck at its mean is far too likely. ``"shift"`` is
        Ψ′ = max(e, Ψ − min Ψ + e).
    coupling : {"asymmetric", "symmetric", "mean"}, object with ``build`` or None, \
            default=None
        Energies that modes share with each other: ``"asymmetric"`` learns exponents
        γ_ij and γ_ji, ``"symmetric"`` keeps them equal, ``"mean"`` couples each mode to
        the mean of the others. None: modes share no energy.
    attention_function : {"soft", "hard", "classical", "importance", "none"} or \
            object with ``build``, default="soft"
        β = max(0, tanh(g α − b_a)); its all-or-nothing version; max(0, tanh(W α + b));
        β = α; or β = 1 for every mode there is, that is, the network without attention.
        :mod:`sklearn_emma.attention` has them as objects, with their options.
    rho : float, "learn" or Annealed, default="learn"
        Coldness ρ > 0 (inverse temperature) of the Gibbs distribution: towards 0 all
        modes are equally important, towards infinity only the mode of least energy
        counts. ``"learn"`` starts at 1; :class:`~sklearn_emma.attention.Annealed` goes
        from one number to another during the joint training.
    lambda_c : float, default=0.0
        Weight λ_c ≥ 0 of the capacity g − b_a in the loss.
    lambda_e : float, default=0.003
        Weight λ_e ≥ 0 of the energy regulariser Ω, which pushes energies of clean modes
        down and those of corrupted modes up.
    predictor : MLP, nn.Module, class, factory, object with ``build``, regressor, \
            GatedCopies or None, default=None
        Torch module from (n, n_features) to outputs (n, n_outputs): one for each
        target, or two with ``loss="gaussian"``, for standardised y. A class or factory
        is called with ``(n_features_in, n_outputs)``; a module is assumed to be trained
        already, and is copied and fine-tuned. It sees the modes' columns side by side
        in the order of ``modes``, standardised. None is
        :class:`~sklearn_emma.predictors.MLP`, behind
        :class:`~sklearn_emma.predictors.Encoders` of images and signals; its evidence
        of single modes is heard with losses that predict the mean, ``"squared_error"``
        and ``"gaussian"``.

        Or a scikit-learn regressor: the gate then learns in front of the default
        network, and a clone of the regressor is fitted on gated copies of the data,
        with y in its own units, see :class:`~sklearn_emma.predictors.GatedCopies`.
        Sample weights reach it as ``sample_weight``; if its ``fit`` takes none, rows
        are repeated, and weights that are not integers are an error.
    corruption : Failures, object with a method ``corrupt``, "auto" or None, \
            default="auto"
        How failing modes are simulated in training. ``"auto"`` is Gaussian noise with σ
        from 0.1 to 2 training standard deviations, or the mode missing, in two thirds
        of the samples. How many samples and modes fail, and how often they are drawn,
        are options of :class:`~sklearn_emma.corruption.Failures`. None trains on the
        data as they are; ``fit(X, y, corrupted=...)`` then says which modes failed.
    max_iter : int, default=40
        Epochs of the joint training.
    pretraining_max_iter : int or "auto", default="auto"
        Epochs of pretraining; ``"auto"``: 15, or 30 with more than 2,000 samples.
    batch_size : int or "auto", default="auto"
        Samples in a step; ``"auto"`` makes about 16 of all, or six where these are few.
    lr : float, default=0.005
        Learning rate of pretraining and joint training.
    lr_schedule : {"cosine", "constant"}, default="cosine"
        Whether the learning rate falls to 0 along a cosine.
    optimizer : torch optimizer class or None, default=None
        None is ``torch.optim.Adam``.
    early_stopping : bool or "refit", default=False
        Whether to hold out samples, corrupted as in training, and to stop when their
        loss no longer falls. The best epoch is kept; ``"refit"`` then trains anew on
        all samples, for as many epochs. A scikit-learn regressor as ``predictor`` is
        fitted on all samples anyway.
    validation_fraction : float, default=0.1
        Share of the samples held out; only with ``early_stopping``.
    n_iter_no_change : int, default=10
        Epochs without improvement before stopping; only with ``early_stopping``.
    tol : float, default=1e-4
        Relative improvement that counts; only with ``early_stopping``.
    loss : str or callable, default="squared_error"
        ``"squared_error"`` predicts the mean, ``"absolute_error"`` the median,
        ``"huber"`` a mean that outliers cannot pull far, ``"quantile"`` a quantile, and
        ``"gaussian"`` mean and spread. :mod:`sklearn_emma.losses` has those with
        options as objects, such as ``Quantile(level=0.9)``. A function of yours takes
        predictions and right values, both (n, n_targets) and standardised, and returns
        (n,).
    callbacks : list of skorch callbacks or None, default=None
        For the joint training. They are copied before use; what they hold, such as a
        writer or a trial, is shared.
    warm_start : bool, default=False
        Whether ``fit`` continues the joint training where the last fit ended.
        Everything that shapes the model is kept from the first fit, whatever its
        parameters are now: energies, joint energy, gate (``rho``, ``energy_scaling``,
        ``coupling``, ``attention_function``), network, and mean and standard deviation
        of y. What single modes say, and a scikit-learn regressor as ``predictor``, are
        fitted again.
    memory : str, joblib.Memory or None, default=None
        Caches pretraining, so that a search over ``rho``, ``lambda_c`` or ``lambda_e``
        runs it once for each fold. If pickle cannot store what is trained, the cache is
        not used, with a warning.
    device : str, default="cpu"
        Torch device.
    verbose : bool or int, default=False
        Whether to show progress bars.
    random_state : int, RandomState instance or None, default=None
        Decides everything that is random: initial weights, simulated failures,
        shuffling, the validation split.

    Attributes
    ----------
    attention_ : ndarray of shape (n_samples, n_modes)
        Attention β of the training samples; after ``partial_fit`` of those of the last
        chunk.
    modes_, parts_ : dict of str to ndarray of int
        Columns of each mode and, as ``mode__part``, of each part, in order; a mode
        without parts is its only part, of the same name.
    energies_ : dict of str to estimator
        Fitted energy estimator of each mode, or part.
    scaler_ : StandardScaler
        Training statistics of the modes' columns side by side.
    network_ : EMMANetwork
        Trained torch module: gate and differentiable predictor.
    predictor_ : nn.Module or regressor
        What predicts: the network's predictor or the fitted clone of a regressor.
    capacity_ : float
        Area under the attention function for α from 0 to 1.
    rho_ : float
        Coldness ρ.
    energy_weights_, energy_biases_ : ndarray of shape (n_modes,)
        w ≥ 0 and b ≥ 0 of the self-energies.
    coupling_weights_, coupling_exponents_ : ndarray of shape (n_modes, n_modes)
        w_ij and γ_ij of the shared energies; the diagonals have no meaning.
    attention_gain_, attention_bias_ : float
        g and b_a of the attention function; NaN where it has none.
    loss_curve_, validation_loss_curve_ : list of float
        Loss of each epoch of the joint training; of held-out samples, if there are any.
    stopping_loss_curve_ : list of float
        Training loss while ``early_stopping="refit"`` looked for the best epoch.
    pretraining_loss_curve_ : list of float
        Training loss of the predictor by itself, the mean if folds learn together;
        empty if it was trained before.
    history_ : skorch.history.History
        What each epoch of the joint training has recorded: losses, and whatever
        callbacks note. Read it as ``history_[:, "train_loss"]``.
    n_iter_ : int
        Epochs of the joint training.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    See Also
    --------
    EMMAClassifier : The same for classes; what it says of the parts holds here too.
    sklearn.compose.TransformedTargetRegressor : For y on another scale, such as its
        logarithm.

    Notes
    -----
    A missing value is replaced by its training mean. A mode without any value gets
    β = 0 and plays no part in the energies of the others. Where y does not vary in
    training, it is predicted as it is. ``temperature_`` is always 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma import EMMARegressor
    >>> rng = np.random.default_rng(0)
    >>> signal = rng.normal(size=(400, 2))
    >>> X = np.tile(signal, 3) + 0.3 * rng.normal(size=(400, 6))  # three sensors
    >>> y = 20 + 5 * signal @ [1.0, -2.0]
    >>> modes = {"a": [0, 1], "b": [2, 3], "c": [4, 5]}
    >>> reg = EMMARegressor(modes, max_iter=20, random_state=0).fit(X, y)
    >>> broken = X.copy()
    >>> broken[:, modes["a"]] = 30
    >>> reg.score(broken, y) > 0.8
    True
    """

    _parameter_constraints = {
        **PredictsNumbers._parameter_constraints,
        "loss": [StrOptions(set(VALUE_LOSSES)), callable],
    }

    def __init__(
        self,
        modes: ModesLike = None,
        *,
        remainder: str = "error",
        energy_estimator: BaseEstimator | dict[str, BaseEstimator] | None = None,
        joint_energy: bool | str | BaseEstimator = "auto",
        energy_scaling: str | object = "two_sided",
        coupling: str | object | None = None,
        attention_function: str | AttentionFunction = "soft",
        rho: float | str | Annealed = "learn",
        lambda_c: float = 0.0,
        lambda_e: float = 0.003,
        predictor: TorchPredictor | BaseEstimator | None = None,
        corruption: Failures | Corruption | str | None = "auto",
        max_iter: int = 40,
        pretraining_max_iter: int | str = "auto",
        batch_size: int | str = "auto",
        lr: float = 5e-3,
        lr_schedule: str = "cosine",
        optimizer: Callable[..., torch.optim.Optimizer] | None = None,
        early_stopping: bool | str = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        loss: str | ValueLoss = "squared_error",
        callbacks: Callbacks | None = None,
        warm_start: bool = False,
        memory: str | Memory | None = None,
        device: str | torch.device = "cpu",
        verbose: bool | int = False,
        random_state: RandomStateLike = None,
    ) -> None:
        self.modes = modes
        self.remainder = remainder
        self.energy_estimator = energy_estimator
        self.joint_energy = joint_energy
        self.energy_scaling = energy_scaling
        self.coupling = coupling
        self.attention_function = attention_function
        self.rho = rho
        self.lambda_c = lambda_c
        self.lambda_e = lambda_e
        self.predictor = predictor
        self.corruption = corruption
        self.max_iter = max_iter
        self.pretraining_max_iter = pretraining_max_iter
        self.batch_size = batch_size
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.optimizer = optimizer
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.loss = loss
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.memory = memory
        self.device = device
        self.verbose = verbose
        self.random_state = random_state
