"""The plan of a fit: what is settled and what is refused before anything is trained."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from skorch.callbacks import Callback
from torch import nn

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._energies.comparing import DensityComparison, EstimatedComparison
from sklearn_emma._inputs.checking import Given, check_training_data
from sklearn_emma._optim.torch_state import draw_seed
from sklearn_emma._training.plan import Seeds, plan_training
from sklearn_emma.attention import HardAttention, SoftAttention
from sklearn_emma.corruption import Bias, Failures, GaussianNoise
from sklearn_emma.predictors import MLP, GatedCopies

X, Y = helpers.three_classes()
quick = partial(helpers.quick, modes={"left": [0, 1], "right": [2, 3]})


def checked(clf, X=X, **metadata):
    return check_training_data(clf, Given(X, Y, **metadata), clf._read_target)


def plan(X=X, continues=False, **params):
    clf = quick(**params)
    return plan_training(clf, checked(clf, X), continues)


# ---------------------------------------------------------- what is wrong, by its name


class Builds:
    """A part of the gate that builds something else."""

    def __init__(self, made):
        self.made = made

    def build(self, n_modes):
        return self.made

    def __repr__(self):
        return "Builds()"


class Infinite:
    """A corruption whose values cannot be computed with."""

    def corrupt(self, x, layout, generator):
        return x + np.inf


def failing(*args, **params):
    return {"corruption": Failures(*args, **params)}


WRONG = [
    ({"device": "nowhere"}, "`device` 'nowhere' cannot be used"),
    ({"callbacks": ["x"]}, "`callbacks` must be skorch callbacks.*got 'x'"),
    # Energies.
    ({"energy_estimator": {"up": GaussianMixture()}}, "names 'up', which is not a mod"),
    ({"energy_estimator": {"left": LinearSVC()}}, "of mode 'left'.*score_samples"),
    ({"energy_estimator": GaussianMixture}, "class GaussianMixture"),
    ({"energy_estimator": PotentialEnergyTransformer(sigma=-1)}, "'sigma' parameter"),
    ({"energy_estimator": PotentialEnergyTransformer(device="x")}, "`device` 'x'"),
    # Gate.
    ({"rho": -1.0}, "rho must be a finite number > 0, 'learn' or .*, got -1.0"),
    ({"energy_scaling": "log"}, "energy_scaling must be one of.*got 'log'"),
    ({"energy_scaling": Builds(None)}, r"energy_scaling: `build`.*Builds\(\).*None"),
    ({"coupling": "mutual"}, "coupling must be one of.*got 'mutual'"),
    ({"coupling": Builds(3)}, r"coupling: `build` must return a torch module.*3"),
    ({"attention_function": "relu"}, "attention_function must be one of.*got 'relu'"),
    ({"attention_function": Builds("x")}, "attention_function: `build` must return"),
    ({"attention_function": SoftAttention(gain=0.0)}, "'gain' .* of SoftAttention"),
    ({"attention_function": HardAttention(gain=-1)}, "'gain' .* of HardAttention"),
    # Predictor.
    ({"predictor": nn.Linear(3, 3)}, "`predictor` cannot take the 4 features"),
    ({"predictor": nn.Linear(4, 2)}, r"`predictor` must return logits.*, 3\)"),
    ({"predictor": MLP((8, 0))}, r"`hidden_layer_sizes` must be .*got \(8, 0\)"),
    ({"predictor": MLP(dropout=1.0)}, "'dropout' parameter of MLP"),
    ({"predictor": MLP(n_bins=0)}, "'n_bins' parameter of MLP"),
    ({"predictor": LinearSVC()}, r"`predict_proba`; LinearSVC\(\)"),
    ({"predictor": LogisticRegression}, r"write LogisticRegression\(\)"),
    ({"predictor": LogisticRegression(C=-1)}, "'C' .* of LogisticRegression"),
    ({"predictor": GatedCopies(LinearSVC())}, r"`predict_proba`; LinearSVC\(\)"),
    (
        {"predictor": GatedCopies(LogisticRegression(), n_copies=0)},
        "'n_copies' parameter of GatedCopies",
    ),
    (
        {"predictor": GatedCopies(LogisticRegression(C=-1))},
        "'C' .* of LogisticRegression",
    ),
    # Failures.
    (failing("gauss"), "'corruption' parameter of Failures"),
    (failing(GaussianNoise), r"class GaussianNoise; write GaussianNoise\(\)"),
    (failing(GaussianNoise(-1)), "GaussianNoise: sigma.*-1"),
    (failing(Infinite()), "must return finite values.*Infinite"),
    (failing(clean_fraction=1.5), "'clean_fraction' parameter of Failures"),
    (failing(n_failing=0), "'n_failing' parameter of Failures"),
    (failing(n_failing=3), "n_failing=3 modes .* only 2"),
    (failing(n_draws=0), "'n_draws' parameter of Failures"),
    (failing(pretraining_missing_fraction=-0.1), "'pretraining_missing_fraction' par"),
    (failing(importance_floor=1.0), "'importance_floor' parameter of Failures"),
    # The split.
    ({"early_stopping": True, "validation_fraction": 0.01}, "validation_fraction=0.01"),
    ({"random_state": "zero"}, "'zero' cannot be used to seed"),
]


each_wrong_part = pytest.mark.parametrize(
    ("params", "message"),
    WRONG,
    ids=[f"{i}-{'-'.join(params)}" for i, (params, _) in enumerate(WRONG)],
)


@pytest.mark.parametrize("continues", [False, True])
@each_wrong_part
def test_each_part_that_is_wrong_is_named(no_training, params, message, continues):
    data = checked(quick())
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        plan_training(quick(**params), data, continues)


@each_wrong_part
def test_a_fit_that_is_refused_is_no_fit(no_training, params, message):
    model = quick(**params)
    named = f"(?s){message}|'{next(iter(params))}' parameter of EMMAClassifier"
    with pytest.raises((ValueError, TypeError), match=named):
        model.fit(X, Y)
    assert not hasattr(model, "classes_") and not hasattr(model, "n_features_in_")


def test_a_mode_must_be_seen_unless_energies_are_learnt_already(no_training):
    without = X.copy()
    without[:, 2:] = np.nan
    with pytest.raises(ValueError, match="'right' is missing in every training sample"):
        plan(without)
    assert plan(without, continues=True).pretraining.energies


def test_weights_that_an_energy_would_ignore_are_told_of_once(no_training):
    clf = quick(energy_estimator=GaussianMixture())
    data = checked(clf, sample_weight=np.linspace(0.5, 2, 120))
    with pytest.warns(UserWarning, match=r"`sample_weight` .* 'left' \(Gaus.*'right'"):
        plan_training(clf, data)
    plan_training(clf, data, continues=True)  # warnings are errors


# ------------------------------------------------------------------- what is settled


def test_seeds_are_drawn_in_a_fixed_order():
    rng = np.random.RandomState(7)
    expected = Seeds(*(draw_seed(rng) for _ in range(5)))
    found = plan(random_state=7)
    assert found.seeds == expected and len(set(expected)) == 5
    assert found.pretraining.seeds == (expected.energies, expected.pretraining)
    assert plan(random_state=8).seeds != expected
    # Whatever else is planned, no seed moves.
    others = plan(
        random_state=7, early_stopping=True, predictor=LogisticRegression(), **failing()
    )
    assert others.seeds == expected


def test_planning_draws_from_no_global_state():
    with helpers.random_state_kept():
        plan(early_stopping=True)


@pytest.mark.parametrize("fraction", [0.1, 0.25])
def test_held_out_samples_are_a_stratified_share(fraction):
    found = plan(early_stopping=True, validation_fraction=fraction)
    parts = [found.train, found.held]
    assert sorted(np.concatenate(parts)) == list(range(120))
    assert all((np.diff(part) > 0).all() for part in parts)
    assert len(found.held) == pytest.approx(120 * fraction, abs=1)
    labels = found.checked.data.y
    np.testing.assert_allclose(
        np.bincount(labels[found.held]) / len(found.held),
        np.bincount(labels) / 120,
        atol=0.05,
    )
    np.testing.assert_array_equal(
        found.pretraining.data.X, found.checked.data.X[found.train]
    )
    assert found.joint_training.patience == 10
    other = plan(early_stopping=True, validation_fraction=fraction, random_state=1)
    assert not np.array_equal(other.held, found.held)


def test_without_early_stopping_all_samples_teach():
    found = plan(n_iter_no_change=3)
    assert found.train.tolist() == list(range(120)) and not len(found.held)
    assert found.pretraining.data is found.checked.data
    assert found.joint_training.patience is None


def test_each_training_has_its_own_epochs_and_only_the_joint_one_callbacks():
    callback = Callback()
    found = plan(max_iter=7, pretraining_max_iter=5, callbacks=[callback], lr=0.1)
    first, second = found.pretraining.options, found.joint_training
    assert (first.max_iter, second.max_iter) == (5, 7)
    assert (first.lr, second.lr) == (0.1, 0.1)
    assert tuple(first.callbacks) == () and tuple(second.callbacks) == (callback,)


@pytest.mark.parametrize(
    ("corruption", "fraction", "floor", "n_draws"),
    [
        ("auto", 0.5, 0.1, None),
        (None, 0.0, 0.1, None),
        (Bias(), 0.5, 0.1, None),
        (Failures(None, pretraining_missing_fraction=0.7), 0.0, 0.1, None),
        (
            Failures(
                Bias(),
                pretraining_missing_fraction=0.7,
                importance_floor=0.2,
                n_draws=3,
            ),
            0.7,
            0.2,
            3,
        ),
    ],
    ids=repr,
)
def test_failures_are_read_into_the_plan(corruption, fraction, floor, n_draws):
    found = plan(corruption=corruption, lambda_c=0.5, lambda_e=0.25)
    assert found.pretraining.missing_fraction == fraction
    assert found.failures.n_draws == n_draws
    criterion = found.criterion
    assert found.failures.importance_floor == floor
    assert (criterion.lambda_c, criterion.lambda_e) == (0.5, 0.25)


@pytest.mark.parametrize(
    ("predictor", "learnt", "copies"),
    [
        (None, MLP(), None),
        # It only trains the gate: nobody would hear what single modes say.
        (LogisticRegression(), MLP(evidence=False), 5),
        (GatedCopies(LogisticRegression(), n_copies=2), MLP(evidence=False), 2),
        (MLP(4), MLP(4), None),
        (nn.Linear, nn.Linear, None),
    ],
    ids=repr,
)
def test_a_classifier_has_the_default_network_in_front(predictor, learnt, copies):
    found = plan(predictor=predictor)
    assert repr(found.pretraining.predictor) == repr(learnt)
    assert getattr(found.classifier, "n_copies", None) == copies


@pytest.mark.parametrize(
    ("joint_energy", "n_features", "function", "expected"),
    [
        ("auto", 4, "soft", True),
        ("auto", 4, "importance", True),
        ("auto", 4, "hard", False),
        ("auto", 4, "none", False),
        ("auto", 513, "soft", True),
        (True, 513, "hard", True),
        (False, 4, "soft", False),
    ],
)
def test_modes_are_compared_where_it_is_worth_it(
    joint_energy, n_features, function, expected
):
    wide = np.random.default_rng(0).normal(size=(120, n_features))
    found = plan(
        wide,
        modes={"left": [0, 1], "right": range(2, n_features)},
        joint_energy=joint_energy,
        attention_function=function,
    )
    comparison = found.pretraining.joint_energy
    assert isinstance(comparison, DensityComparison) is expected
    assert (comparison is None) is not expected


def test_an_estimator_compares_modes_whatever_the_attention_function():
    given = make_pipeline(PCA())  # that it cannot compare is for `fit` to find out
    found = plan(joint_energy=given, attention_function="none")
    comparison = found.pretraining.joint_energy
    assert isinstance(comparison, EstimatedComparison)
    assert comparison.estimator is not given
    seed = comparison.estimator.get_params()["pca__random_state"]
    assert seed == found.seeds.energies and given["pca"].random_state is None


def test_the_gate_of_a_plan_is_as_the_parameters_want_it():
    gate = plan(rho=2.5, coupling=None, attention_function=SoftAttention(3.0)).gate
    assert gate.n_modes == 2 and gate.coupling is None
    assert gate.rho.item() == pytest.approx(2.5) and not gate.log_rho.requires_grad
    assert gate.attention_function.gain.item() == 3.0
    assert torch.equal(gate.scaling.location, torch.zeros(2))  # not calibrated yet
