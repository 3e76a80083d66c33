"""The joint energy: what it suspects, what it leaves alone, and what it is for."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

import helpers
from sklearn_emma import EMMAClassifier, PotentialEnergyTransformer
from sklearn_emma._energies.densities import JointSamples
from sklearn_emma._energies.joint import fit_joint_energy
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma.datasets import make_multimodal_classification
from sklearn_emma.energies import MixtureEnergy

LAYOUT = ModeLayout.from_columns({"a": [0, 1], "b": [2], "c": [3, 4, 5]})


@pytest.fixture
def samples():
    """Correlated samples of three classes, and energies of three modes."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=400)
    x = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6)) + rng.normal(size=(3, 6))[y]
    return x, y, rng.normal(size=(400, 3))


def fit(x, y, potential, weight=None, *, layout=LAYOUT, n_classes=3):
    weight = np.ones(len(x)) if weight is None else weight
    samples = JointSamples(x, y, potential, weight)
    return fit_joint_energy(samples, layout, n_classes)


def test_a_broken_mode_does_not_make_the_others_look_wrong(samples):
    """However far out it lies; that it does, its own energy knows."""
    joint = fit(*samples)
    x = torch.from_numpy(samples[0])
    near, far = x.clone(), x.clone()
    near[:, 2], far[:, 2] = 10 * x[:, 2].std(), 1e6
    energies = joint.ratio(far)
    torch.testing.assert_close(energies, joint.ratio(near))
    # Mode "a" goes with "c", which is whole, more than with the broken "b".
    assert (energies[:, 0] > joint.joint_limit).double().mean() < 0.3
    calm, present = torch.zeros(400, 3).double(), torch.ones(400, 3) > 0
    trust = joint.trust(far, calm, present)
    assert trust.mean(0).argmin() == 1 and trust[:, 0].median() > 0.9


def test_trust_is_the_complement_of_a_posterior(samples):
    x, _, potential = map(torch.from_numpy, samples)
    joint = fit(*samples)
    trust = joint.trust(x, torch.zeros_like(potential), torch.ones(400, 3) > 0).numpy()
    odds = np.exp((joint.ratio(x) - joint.joint_limit).numpy())
    posterior = odds / (1 + odds.sum(axis=1, keepdims=True))
    expected = 1 - posterior * np.maximum(1 - 1 / odds.max(axis=1, keepdims=True), 0)
    np.testing.assert_allclose(trust, expected, atol=1e-12)
    assert trust.min() < 0.9 < trust.mean()


def test_modes_that_say_nothing_of_each_other_are_left_alone():
    rng = np.random.default_rng(0)
    x, potential = rng.normal(size=(500, 8)), rng.normal(size=(500, 8))
    layout = ModeLayout.from_columns({f"mode_{i}": [i] for i in range(8)})
    y = rng.integers(2, size=500)
    joint = fit(x, y, potential, layout=layout, n_classes=2)
    unseen = torch.from_numpy(rng.normal(size=(1000, 8)))
    calm = torch.zeros(1000, 8, dtype=torch.double)
    assert joint.trust(unseen, calm, calm == 0).mean() > 0.995


def test_one_unseen_sample_in_two_hundred_is_beyond_the_limit(samples):
    x, y, potential = samples
    largest = np.empty(400)
    for held in np.split(np.arange(400).reshape(80, 5).T.ravel(), 5):
        seen = np.setdiff1d(np.arange(400), held)
        others = fit(x[seen], y[seen], potential[seen])
        largest[held] = others.ratio(torch.from_numpy(x[held])).amax(1)
    limit = fit(*samples).joint_limit.item()
    assert (largest > limit).sum() == 2
    assert np.isclose(largest, limit).any()


def test_samples_of_the_same_values_have_not_seen_each_other(samples):
    """Those of a hundred, each given as three classes in turn."""
    x, _, potential = (array[:100] for array in samples)
    y = np.arange(300) // 100
    thrice = fit(np.tile(x, (3, 1)), y, np.tile(potential, (3, 1)))
    order = np.arange(300).reshape(3, 100).T.ravel()
    together = fit(np.repeat(x, 3, axis=0), y[order], np.repeat(potential, 3, axis=0))
    assert thrice.joint_limit.item() == pytest.approx(together.joint_limit.item())


def test_one_clean_sample_in_a_hundred_has_an_unusual_mode(samples):
    potential = samples[2]
    joint = fit(*samples)
    low, median, high = np.quantile(
        potential, [0.25, 0.5, 0.75], axis=0, method="inverted_cdf"
    )
    np.testing.assert_allclose(joint.location, median)
    np.testing.assert_allclose(joint.scale, high - low)
    largest = ((potential - median) / (high - low)).max(axis=1)
    assert (largest > joint.potential_limit.item() + 1e-12).sum() == 4


def test_wide_data_of_few_samples_raise_no_alarms():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(260, 60)), rng.integers(3, size=260)
    columns = np.split(np.arange(60), 3)
    layout = ModeLayout.from_columns(dict(zip("abc", columns, strict=True)))
    potential = rng.normal(size=(260, 3))
    seen = fit(x[:60], y[:60], potential[:60], layout=layout)
    energies = seen.ratio(torch.from_numpy(x[60:])).amax(1)
    assert (energies > seen.joint_limit).double().mean() < 0.05


def test_leaves_missing_and_unusual_modes_to_the_gate(samples):
    joint = fit(*samples)
    x = torch.from_numpy(np.random.default_rng(1).permuted(samples[0], axis=0)) * 2
    calm, present = torch.zeros(400, 3, dtype=torch.double), torch.ones(400, 3) > 0
    assert joint.trust(x, calm, present).min() < 0.1
    loud = calm.clone()
    loud[:200, 1] = 100.0
    assert (joint.trust(x, loud, present)[:200] == 1).all()
    absent = present.clone()
    absent[200:, 2] = False
    trust = joint.trust(x, loud, absent)
    assert (trust == 1).all()


def test_weights_count_samples(samples):
    x, y, potential = samples
    weight = np.random.default_rng(2).integers(0, 3, size=len(x))
    repeated = np.repeat(np.arange(len(x)), weight)
    weighted = fit(x, y, potential, weight.astype(float))
    plain = fit(x[repeated], y[repeated], potential[repeated])
    for (name, one), other in zip(
        weighted.named_buffers(), plain.buffers(), strict=True
    ):
        if name != "joint_limit":  # its folds are of distinct samples
            torch.testing.assert_close(one, other, msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stays_finite_on_degenerate_samples(samples, dtype):
    x, y, potential = (array.copy() for array in samples)
    x[:, 0] = 0.0  # never varies
    x[:, 5] = x[:, 4]  # says nothing new
    y[y == 1] = 0  # a class without samples
    joint = fit(x.astype(dtype), y, potential.astype(dtype))
    energies = joint.ratio(torch.from_numpy(1e6 * x.astype(dtype)))
    assert energies.isfinite().all()
    assert energies.dtype == torch.from_numpy(x.astype(dtype)).dtype


def test_needs_three_modes_and_ten_samples(samples):
    x, y, potential = samples
    two = ModeLayout.from_columns({"a": [0, 1, 2], "b": [3, 4, 5]})
    assert fit(x, y, potential[:, :2], layout=two) is None
    assert fit(x[:9], y[:9], potential[:9]) is None
    assert fit(x[:10], y[:10], potential[:10]) is not None
    assert fit(x[:0], y[:0], potential[:0]) is None


@pytest.fixture(scope="module")
def task():
    X, y, modes = make_multimodal_classification(600, 4, redundancy=1.0, random_state=0)
    return X[:400], y[:400], X[400:], y[400:], modes


@pytest.fixture(scope="module")
def classifiers(task):
    X, y, _, _, modes = task
    options = {"max_iter": 10, "pretraining_max_iter": 10, "random_state": 0}
    return [
        EMMAClassifier(modes, joint_energy=switch, **options).fit(X, y)
        for switch in (False, True)
    ]


def test_classifier_finds_swapped_modes(task, classifiers):
    _, _, X, y, modes = task
    without, joint = classifiers
    swapped, columns = X.copy(), modes["mode_0"]
    for label in (0, 1):
        donors = np.random.default_rng(0).choice(X[y != label], (y == label).sum())
        swapped[np.ix_(y == label, columns)] = donors[:, columns]
    assert joint.score(swapped, y) > without.score(swapped, y) + 0.02
    found, missed = (
        (classifier.attention(swapped).argmin(axis=1) == 0).mean()
        for classifier in (joint, without)
    )
    assert found > 0.9
    assert found > missed + 0.1


def test_two_modes_cannot_outvote_one_another(task):
    X, y, _, _, modes = task
    two = {name: modes[name] for name in ("mode_0", "mode_1")}
    options = {"max_iter": 2, "pretraining_max_iter": 2, "random_state": 0}
    options |= {"modes": two, "remainder": "drop"}
    proba = [
        EMMAClassifier(joint_energy=switch, **options).fit(X, y).predict_proba(X)
        for switch in (False, True)
    ]
    np.testing.assert_array_equal(*proba)


def test_changes_nothing_but_the_trust_in_complete_valid_samples(task, classifiers):
    X = task[2].copy()
    without, joint = classifiers
    assert (joint.attention(X) <= without.attention(X)).all()
    np.testing.assert_array_equal(joint.importance(X), without.importance(X))
    np.testing.assert_array_equal(
        joint.potential_energy(X), without.potential_energy(X)
    )
    X[:, task[4]["mode_0"]] = np.nan
    np.testing.assert_array_equal(joint.predict_proba(X), without.predict_proba(X))


def test_does_not_depend_on_other_rows_and_survives_pickling(task, classifiers):
    X, joint = task[2], pickle.loads(pickle.dumps(classifiers[1]))
    np.testing.assert_allclose(
        joint.attention(X[:5]), classifiers[1].attention(X)[:5], atol=1e-10
    )


AUTOENCODERS = {
    "energy_estimator": PotentialEnergyTransformer(max_iter=2),
    "max_iter": 1,
    "pretraining_max_iter": 1,
    "random_state": 0,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_energies_and_joint_energy_have_their_normal_scores_in_common(
    task, classifiers, monkeypatch, dtype
):
    X, y, X_test, _, modes = task
    classifier = EMMAClassifier(modes, **AUTOENCODERS).fit(X.astype(dtype), y)
    for model in (classifier, pickle.loads(pickle.dumps(classifier))):
        noted = helpers.searches(monkeypatch)
        asked = [model.predict_proba, model.attention]
        found = [question(X_test.astype(dtype)) for question in asked]
        assert len(noted) == 2  # one for each question
        assert model._model.scoring is model._model.joint.scoring
        model._model._in_common = False
        apart = [question(X_test.astype(dtype)) for question in asked]
        assert len(noted) > 4
        tolerance = 1e-12 if dtype == np.float64 else 1e-5
        for one, other in zip(found, apart, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)
        monkeypatch.undo()


def test_normal_scores_are_in_common_again_in_another_type(task):
    X, y, X_test, _, modes = task
    model = EMMAClassifier(modes, **AUTOENCODERS).fit(X, y)._model
    expected = model.scores(X_test).attention
    model.train_in(torch.float32)
    assert model.scoring is None  # the joint energy is in another type
    assert (
        model.inputs(model.standardise(model.select(X_test))).x.dtype == torch.float32
    )
    model.astype(torch.float32)
    assert model.scoring is not None
    np.testing.assert_allclose(model.scores(X_test).attention, expected, atol=1e-3)


def test_energies_that_the_user_knows_leave_the_joint_energy_its_own_scores(task):
    X, y, X_test, _, modes = task
    model = EMMAClassifier(modes, **AUTOENCODERS).fit(X, y)
    known = model.potential_energy(X_test)
    known[::2] = np.nan
    found = model.attention(X_test, potential_energy=known)
    np.testing.assert_allclose(found, model.attention(X_test), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"joint_energy": False},
        {"energy_estimator": GaussianMixture(random_state=0)},
        {"energy_estimator": MixtureEnergy()},
        {"energy_estimator": PotentialEnergyTransformer(preprocessing="whiten")},
    ],
    ids=["alone", "scikit-learn", "mixtures", "whitened"],
)
def test_other_energies_have_none_in_common(task, options):
    X, y, _, _, modes = task
    model = EMMAClassifier(modes, **AUTOENCODERS | options).fit(X, y)
    assert model._model.scoring is None


def test_energies_of_other_rows_have_normal_scores_of_their_own(task):
    X, y, _, _, modes = task
    X = X.copy()
    X[:40, modes["mode_1"]] = np.nan
    model = EMMAClassifier(modes, **AUTOENCODERS).fit(X, y)._model
    assert model.joint is not None and model.scoring is None


@pytest.mark.parametrize(
    ("options", "compares"),
    [
        ({}, True),
        ({"joint_energy": False}, False),
        ({"attention_function": "none"}, False),
        ({"attention_function": "hard"}, False),
        ({"attention_function": "none", "joint_energy": True}, True),
    ],
)
def test_automatic_unless_there_is_no_attention(task, options, compares):
    X, y, _, _, modes = task
    options |= {"max_iter": 1, "pretraining_max_iter": 1, "random_state": 0}
    classifier = EMMAClassifier(modes, **options).fit(X, y)
    assert (classifier._model.joint is not None) is compares


def test_very_wide_data_are_compared_too_and_raise_no_alarms():
    X, y, modes = make_multimodal_classification(
        60, 3, n_features_per_mode=200, random_state=0
    )
    options = {"max_iter": 2, "pretraining_max_iter": 2, "random_state": 0}
    model = EMMAClassifier(modes, **options).fit(X[:40], y[:40])
    assert model._model.joint is not None
    trust = model._model.scores(X[40:]).trust
    assert np.isfinite(trust).all() and trust.mean() > 0.9
