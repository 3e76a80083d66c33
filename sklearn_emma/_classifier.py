"""The classifier: scikit-learn's contract around energies, gate and training."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import torch
from sklearn.base import BaseEstimator, ClassifierMixin

from sklearn_emma._checking import (
    CheckedData,
    check_continues,
    check_training_data,
)
from sklearn_emma._fitting import Trained, train_model
from sklearn_emma._partial_fit import EMMAPartialFitMixin
from sklearn_emma._prediction import EMMAPredictionMixin
from sklearn_emma._samples import unchanged_on_error
from sklearn_emma._validation import HasMethods, Interval, StrOptions, fit_context


class EMMAClassifier(
    EMMAPartialFitMixin, EMMAPredictionMixin, ClassifierMixin, BaseEstimator
):
    """Classifier that keeps predicting well while a mode fails, and says which one.

    Columns of X come in *modes*: sensors, instruments, views. A small density model of
    each mode gives its potential energy Ψ, a measure of how unlikely its values are.
    Learnt functions turn it into modal energy E, a Gibbs distribution into importance
    α, a capacity-limited function into attention β, and each mode is multiplied by its
    β before it reaches the predictor. Trained in two phases: energies and predictor by
    themselves on clean data; then gate and predictor together on clean and simulated
    failing modes.

    Parameters
    ----------
    modes : dict, list or None, default=None
        Columns of each mode: a dict of name to columns, or a list of columns (the modes
        are then named ``mode0``, ``mode1``, ...). Columns are given as in
        :class:`~sklearn.compose.ColumnTransformer`: names, indices, slice, boolean mask
        or callable. ``None`` takes the modes from a data frame with two-level columns
        or whose columns all read ``mode__feature``; otherwise each column is a mode of
        its own.

    remainder : {"error", "drop", "mode"}, default="error"
        What happens to columns in no mode. ``"mode"`` makes them one, named
        ``remainder``.

    energy_estimator : estimator, dict of estimators or None, default=None
        Density model with ``score_samples``, cloned for each mode, or a dict by name of
        mode; Ψ is minus ``score_samples``. It sees standardised values. None is
        :class:`PotentialEnergyTransformer`. One whose ``fit`` takes no
        ``sample_weight`` gets rows repeated by whole weights; other unequal weights it
        ignores, with a warning.

    joint_energy : bool or "auto", default="auto"
        Whether modes are also compared with each other when samples are scored: the
        attention of a mode that is likely by itself, but does not go with the others,
        is multiplied by the probability that it belongs to the same sample. Needs three
        modes or more, and has no effect in samples with a missing mode. Its cost grows
        with the square of the number of features: ``"auto"`` compares up to 512
        features, and not with ``attention_function`` ``"hard"`` or ``"none"``.

    predictor : nn.Module, class, factory, classifier or None, default=None
        Torch module from (n, n_features) to logits (n, n_classes). A class or a factory
        is called with ``(n_features_in, n_outputs)``; a module is taken as already
        trained: it is copied and fine-tuned. It sees the modes' columns side by side in
        the order of ``modes``, standardised. None is a fully connected network with a
        linear path beside its hidden layers.

        Or a scikit-learn classifier with ``predict_proba``. The gate then learns in
        front of the default network, and a clone of the classifier is fitted on
        ``n_copies`` gated copies of the training data, in which modes fail as in
        training. Each ``random_state`` of it that is None comes from ``random_state``.
        Weights of samples reach it as ``sample_weight``; where its ``fit`` takes none,
        rows are repeated, and weights that are not whole are an error.

    hidden_layer_sizes : int or array-like of int, default=(128, 64)
        Hidden units of the default predictor.

    dropout : float, default=0.3
        Share of the default predictor's hidden units left out of a training step.

    rho : float or "learn", default="learn"
        Coldness ρ > 0 of the Gibbs distribution: towards 0 all modes are equal, towards
        infinity only the mode of least energy counts. ``"learn"`` starts at 1.

    lambda_c : float, default=0.0
        Weight λ_c ≥ 0 of the capacity g − b_a in the loss.

    lambda_e : float, default=0.003
        Weight λ_e ≥ 0 of the energy regulariser Ω, which pushes energies of clean modes
        down and those of corrupted modes up.

    energy_scaling : {"robust", "shift"}, default="robust"
        ``"robust"`` makes modes comparable: z-score of Ψ by training median and
        interquartile range, then a compressive logarithm. ``"shift"`` is
        Ψ' = max(e, Ψ − min Ψ + e).

    attention_function : {"soft", "hard", "importance", "none"}, default="soft"
        β = max(0, tanh(g α − b_a)); its all-or-nothing version; β = α; or β = 1 for
        every mode that is present, that is, the same network without attention.

    attention_gain : float or None, default=None
        Initial gain g > 0; None is twice the number of modes, so that modes of
        equal importance pass nearly unchanged.

    importance_floor : float, default=0.1
        In Ω, a corrupted mode whose importance is below this is not pushed further. 0
        is Ω as in the source, which has no upper bound: a learnt ρ then runs away.

    symmetric_coupling : bool, default=False
        Whether the coupling exponents satisfy γ_ij = γ_ji.

    corruption : object with a method ``corrupt``, "auto" or None, default="auto"
        How failing modes are simulated in training, see :mod:`sklearn_emma.corruption`.
        ``"auto"`` is Gaussian noise with σ from 0.1 to 2 training standard deviations,
        or the mode missing. None trains on the data as given; say which modes are
        corrupted by ``fit(X, y, corrupted=...)``.

    clean_fraction : float, default=0.33
        Share of the samples in which no mode is made to fail.

    n_failing : int, default=1
        Modes that fail in each of the other samples, at most as many as there are.

    n_draws : int or None, default=None
        Number of corrupted copies of the data, drawn in advance and taken in turn. None
        draws afresh every epoch; a small number spares a slow ``energy_estimator``.

    n_copies : int, default=5
        Number of corrupted copies that a classifier as ``predictor`` is fitted on. With
        ``corruption=None`` they would all be alike, and it is one.

    max_iter : int, default=100
        Epochs of the second phase.

    base_max_iter : int, default=30
        Epochs of the predictor in the first phase.

    base_missing_fraction : float, default=0.5
        Share of the samples in which one mode is missing while the predictor learns in
        the first phase, so that it learns to do without each. Not where ``corruption``
        is None or there is one mode only.

    batch_size : int or "auto", default="auto"
        Samples in a step; ``"auto"`` is a sixteenth of the samples, between 32 and 256.

    lr : float, default=0.003
        Learning rate of both phases.

    lr_schedule : {"cosine", "constant"}, default="cosine"
        Whether the learning rate falls to 0 along a cosine.

    optimizer : torch optimizer class or None, default=None
        None is ``torch.optim.Adam``.

    early_stopping : bool, default=False
        Whether to hold out samples, corrupted as in training, and stop when their loss
        no longer falls; the best epoch is kept. A classifier as ``predictor`` is fitted
        on all samples.

    validation_fraction : float, default=0.1
        Share of the samples held out; only with ``early_stopping``.

    n_iter_no_change : int, default=10
        Epochs without improvement before stopping; only with ``early_stopping``.

    tol : float, default=1e-4
        Relative improvement that counts; only with ``early_stopping``.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, as everywhere in scikit-learn.

    callbacks : list of skorch callbacks or None, default=None
        For the second phase; copied before use.

    warm_start : bool, default=False
        Whether ``fit`` goes on with the second phase from where the last ended.
        All that shapes the model is kept from the first fit, whatever its parameters
        are now: energies, joint energy, gate (``rho``, ``energy_scaling``,
        ``attention_function``, ``attention_gain``, ``symmetric_coupling``) and network
        (``predictor``, ``hidden_layer_sizes``, ``dropout``). A classifier as
        ``predictor`` is fitted anew.

    memory : str, joblib.Memory or None, default=None
        Caches the first phase, so that a search over ``rho``, ``lambda_c`` or
        ``lambda_e`` runs it once for each fold. Not used, with a warning, where pickle
        cannot store what is trained.

    device : str, default="cpu"
        Torch device.

    verbose : bool or int, default=False
        Whether to show progress bars.

    random_state : int, RandomState instance or None, default=None
        Decides everything random: weights, noise, shuffling, validation split.

    Attributes
    ----------
    attention_ : ndarray of shape (n_samples, n_modes)
        Attention β of the training samples; after ``partial_fit`` those of the last
        chunk.
    modes_ : dict of str to ndarray of int
        Columns of each mode, in order.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    energies_ : dict of str to estimator
        Fitted energy estimator of each mode.
    scaler_ : StandardScaler
        Training statistics of the modes' columns side by side.
    network_ : EMMANetwork
        Trained torch module: gate and differentiable predictor.
    predictor_ : nn.Module or classifier
        What predicts: the network's predictor or, where ``predictor`` is a classifier,
        its fitted clone.
    capacity_ : float
        Area under tanh(g α − b_a) for α from 0 to 1.
    rho_ : float
        Coldness ρ.
    energy_weights_, energy_biases_ : ndarray of shape (n_modes,)
        w ≥ 0 and b ≥ 0 of the self-energies.
    coupling_weights_, coupling_exponents_ : ndarray of shape (n_modes, n_modes)
        w_ij and γ_ij of the shared energies; the diagonals have no meaning.
    attention_gain_, attention_bias_ : float
        g and b_a of the attention function.
    loss_curve_ : list of float
        Training loss of each epoch of the second phase.
    validation_loss_curve_ : list of float
        The same of held-out samples; empty without ``early_stopping``.
    base_loss_curve_ : list of float
        Training loss of the predictor in the first phase; empty if it came trained.
    n_iter_ : int
        Epochs of the second phase.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    See Also
    --------
    PotentialEnergyTransformer : The default energy of a mode.
    EMMAGate : The gate by itself, for torch users.

    Notes
    -----
    A missing value is replaced by its training mean. A mode with no value at all gets β
    = 0 and takes no part in the others' energies. Scores of a row never depend on other
    rows.

    References
    ----------
    A. Werenne, "Energy-based Multi-Modal Attention", University of Liège, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> X, y, modes = make_multimodal_classification(
    ...     n_modes=2, redundancy=1.0, random_state=0
    ... )
    >>> clf = EMMAClassifier(modes=modes, max_iter=20, random_state=0).fit(X, y)
    >>> broken = X[:3].copy()
    >>> broken[:, modes["mode_0"]] += 10
    >>> clf.attention(broken).argmax(axis=1)
    array([1, 1, 1])
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "modes": [dict, list, tuple, None],
        "remainder": [StrOptions({"error", "drop", "mode"})],
        "energy_estimator": [HasMethods("score_samples"), dict, None],
        "joint_energy": ["boolean", StrOptions({"auto"})],
        "predictor": [callable, HasMethods("fit"), None],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "rho": [Interval(Real, 0, None, closed="neither"), StrOptions({"learn"})],
        "lambda_c": [Interval(Real, 0, None, closed="left")],
        "lambda_e": [Interval(Real, 0, None, closed="left")],
        "energy_scaling": [StrOptions({"robust", "shift"})],
        "attention_function": [StrOptions({"soft", "hard", "importance", "none"})],
        "attention_gain": [Interval(Real, 0, None, closed="neither"), None],
        "importance_floor": [Interval(Real, 0, 1, closed="left")],
        "symmetric_coupling": ["boolean"],
        "corruption": [HasMethods("corrupt"), StrOptions({"auto"}), None],
        "clean_fraction": [Interval(Real, 0, 1, closed="both")],
        "n_failing": [Interval(Integral, 1, None, closed="left")],
        "n_draws": [Interval(Integral, 1, None, closed="left"), None],
        "n_copies": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "base_max_iter": [Interval(Integral, 1, None, closed="left")],
        "base_missing_fraction": [Interval(Real, 0, 1, closed="both")],
        "batch_size": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "lr_schedule": [StrOptions({"cosine", "constant"})],
        "optimizer": [callable, None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "callbacks": [list, None],
        "warm_start": ["boolean"],
        "memory": [str, HasMethods("cache"), None],
        "device": [str, torch.device],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        modes: Any = None,
        *,
        remainder: str = "error",
        energy_estimator: Any = None,
        joint_energy: bool | str = "auto",
        predictor: Any = None,
        hidden_layer_sizes: tuple[int, ...] = (128, 64),
        dropout: float = 0.3,
        rho: float | str = "learn",
        lambda_c: float = 0.0,
        lambda_e: float = 0.003,
        energy_scaling: str = "robust",
        attention_function: str = "soft",
        attention_gain: float | None = None,
        importance_floor: float = 0.1,
        symmetric_coupling: bool = False,
        corruption: Any = "auto",
        clean_fraction: float = 0.33,
        n_failing: int = 1,
        n_draws: int | None = None,
        n_copies: int = 5,
        max_iter: int = 100,
        base_max_iter: int = 30,
        base_missing_fraction: float = 0.5,
        batch_size: int | str = "auto",
        lr: float = 3e-3,
        lr_schedule: str = "cosine",
        optimizer: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        class_weight: Any = None,
        callbacks: list[Any] | None = None,
        warm_start: bool = False,
        memory: Any = None,
        device: str = "cpu",
        verbose: bool | int = False,
        random_state: Any = None,
    ) -> None:
        self.modes = modes
        self.remainder = remainder
        self.energy_estimator = energy_estimator
        self.joint_energy = joint_energy
        self.predictor = predictor
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.rho = rho
        self.lambda_c = lambda_c
        self.lambda_e = lambda_e
        self.energy_scaling = energy_scaling
        self.attention_function = attention_function
        self.attention_gain = attention_gain
        self.importance_floor = importance_floor
        self.symmetric_coupling = symmetric_coupling
        self.corruption = corruption
        self.clean_fraction = clean_fraction
        self.n_failing = n_failing
        self.n_draws = n_draws
        self.n_copies = n_copies
        self.max_iter = max_iter
        self.base_max_iter = base_max_iter
        self.base_missing_fraction = base_missing_fraction
        self.batch_size = batch_size
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.optimizer = optimizer
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.memory = memory
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, corrupted: Any = None
    ) -> EMMAClassifier:
        """Train in two phases.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data; NaN marks a missing value. Clean, unless ``corrupted`` says
            otherwise: failing modes are simulated.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights ≥ 0; weight k counts as the row repeated k times.
            Normalised weights are no fewer samples: a mean below 1 is raised to 1.
            Equal weights that are not whole numbers are no weights.
        corrupted : array-like of shape (n_samples, n_modes), default=None
            True where a mode is known to be corrupted. The columns of a data frame are
            found by the names of the modes. Its values teach its energy nothing.

        Returns
        -------
        self : EMMAClassifier
            Fitted.

        Raises
        ------
        ValueError
            Names the parameter or the data at fault; all is checked before any
            training.
        FloatingPointError
            If a loss stops being finite; says in which phase.

        Warns
        -----
        UserWarning
            If the energy of a mode cannot take ``sample_weight``; names the mode.
        """
        with unchanged_on_error(self):
            previous = (
                self._model if self.warm_start and hasattr(self, "_model") else None
            )
            checked = check_training_data(self, X, y, sample_weight, corrupted)
            if previous is not None:
                check_continues(self.modes_, self.classes_, checked)
            trained = train_model(self, checked, previous)
            self._store(checked, trained, continues=previous is not None)
            self.attention_ = trained.model.gather(checked.X, lambda s: s.attention)
            self._progress = None
        return self

    def _store(self, checked: CheckedData, trained: Trained, continues: bool) -> None:
        if not continues:
            self.base_loss_curve_: list[float] = trained.base_curve
            self.loss_curve_: list[float] = []
            self.validation_loss_curve_: list[float] = []
        self.loss_curve_ = self.loss_curve_ + trained.curve
        self.validation_loss_curve_ = self.validation_loss_curve_ + trained.valid_curve
        self.n_iter_ = len(self.loss_curve_)
        self._model = model = trained.model
        self.classes_, self.modes_ = checked.classes, checked.modes
        self.energies_ = dict(
            zip(checked.modes, model.energies.estimators, strict=True)
        )
        self.scaler_ = model.scaler
        for name, value in model.network.gate.summary().items():
            setattr(self, f"{name}_", value)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        # A model on a GPU could not be loaded where there is none.
        state = super().__getstate__()
        if "_model" in state:
            state["_model"] = state["_model"].on_cpu()
        return state
