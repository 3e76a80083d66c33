"""Energies of several modes that are trained and scored as one, against each alone."""

import re

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._energies.coordinates import fit_shrinkage
from sklearn_emma._energies.together import fit_together, stack
from sklearn_emma._inputs.weights import merge_duplicates
from sklearn_emma._optim.torch_state import draw_seed

MODES = {"a": [4, 0, 1], "b": [2, 3], "c": [5]}
# Every parameter that decides what is learnt, away from its default.
PARAMS = {
    "n_components": 6,
    "sigma": 0.2,
    "preprocessing": "whiten",
    "shrinkage": 0.3,
    "max_iter": 4,
    "batch_size": 20,
    "lr": 0.05,
    "lr_schedule": "constant",
    "optimizer": torch.optim.SGD,
    "random_state": 3,
}


def quick(energy_estimator, **params):
    return helpers.quick(energy_estimator=energy_estimator, **{"modes": MODES} | params)


def one_by_one(model, X):
    """Ψ of each mode by its own estimator, on standardised values."""
    Z = model.scaler_.transform(X[:, np.concatenate(list(MODES.values()))])
    blocks = dict(zip(MODES, np.split(Z.astype(X.dtype), [3, 5], axis=1), strict=True))
    scores = [model.energies_[name].score_samples(blocks[name]) for name in MODES]
    return -np.stack(scores, axis=1)


@pytest.fixture(scope="module")
def blocks(data):
    """Values of three modes of unequal widths, and the weights of their rows."""
    weights = np.ones((3, 120))
    weights[1, ::3] = 0  # where the mode is missing
    return [data[0][:, columns] for columns in MODES.values()], list(weights)


@pytest.mark.parametrize("preprocessing", ["normal_scores", "whiten", None])
def test_a_mode_fitted_together_with_none_is_as_if_fitted_by_itself(
    data, preprocessing
):
    X = data[0][:, :3]
    alone = PotentialEnergyTransformer(**PARAMS | {"preprocessing": preprocessing})
    together = clone(alone)
    alone.fit(X)
    # `fit` trains on the rows in an order of its own.
    (rows,), weight, _ = merge_duplicates([X], np.ones(len(X)))
    fit_together([together], [rows], [weight])
    helpers.same_model(together, alone, rtol=1e-7)
    np.testing.assert_allclose(together.transform(X), alone.transform(X), rtol=1e-7)
    for name in ("mean_", "whitening_", "loss_curve_", "stiffness_"):
        np.testing.assert_allclose(getattr(together, name), getattr(alone, name))
    assert together.n_iter_ == alone.n_iter_ == 4
    assert together.n_features_in_ == alone.n_features_in_ == 3


def test_modes_fitted_together_have_the_coordinates_of_their_own_rows(blocks):
    Xs, weights = blocks
    estimators = [PotentialEnergyTransformer(**PARAMS) for _ in Xs]
    fit_together(estimators, Xs, weights)
    for estimator, X, weight in zip(estimators, Xs, weights, strict=True):
        width, known = X.shape[1], weight > 0
        assert estimator.n_features_in_ == width
        assert estimator.components_.shape == (6, width)
        assert estimator.intercept_hidden_.shape == (6,)
        assert estimator.intercept_visible_.shape == (width,)
        np.testing.assert_allclose(estimator.mean_, X[known].mean(axis=0))
        own = clone(estimator).set_params(max_iter=1).fit(X[known])
        np.testing.assert_allclose(estimator.whitening_, own.whitening_, rtol=1e-7)
    assert not np.allclose(estimators[0].components_[:, :1], estimators[2].components_)


@pytest.mark.parametrize("shrinkage", ["auto", 0.3])
def test_rows_in_which_a_mode_is_missing_teach_it_nothing(blocks, shrinkage):
    Xs, weights = blocks
    fits = []
    for stand_in in (0.0, 50.0):
        filled = [X.copy() for X in Xs]
        filled[1][weights[1] == 0] = stand_in
        params = PARAMS | {"shrinkage": shrinkage}
        estimators = [PotentialEnergyTransformer(**params) for _ in Xs]
        fit_together(estimators, filled, weights)
        fits.append(estimators)
    for one, other in zip(*fits, strict=True):
        helpers.same_model(one, other, rtol=1e-9)
        assert one.shrinkage_ == other.shrinkage_


def test_the_shrinkage_that_is_given_is_used_where_there_is_whitening(blocks):
    Xs, weights = blocks
    for kind, expected in [("whiten", 0.3), ("normal_scores", 0.3), (None, None)]:
        params = PARAMS | {"preprocessing": kind, "lr": 0.01}
        estimator = PotentialEnergyTransformer(**params)
        fit_together([estimator], Xs[:1], weights[:1])
        assert estimator.shrinkage_ == expected


def test_estimators_of_one_array_share_the_shrinkage_of_the_first(blocks):
    """The first sees all rows, the others those of all folds but one."""
    Xs, weights = blocks
    part = weights[0] * (np.arange(120) % 5 > 0)
    params = PARAMS | {"shrinkage": "auto"}
    fits = [PotentialEnergyTransformer(**params) for _ in range(3)]
    seed = draw_seed(np.random.RandomState(PARAMS["random_state"]))
    fit_together(fits, [Xs[0], Xs[0], Xs[1]], [weights[0], part, weights[1]])
    for estimator, X, weight in [
        (fits[0], Xs[0], weights[0]),
        (fits[2], Xs[1], weights[1]),
    ]:
        assert estimator.shrinkage_ == fit_shrinkage(X, weight, "whiten", seed)
    assert fits[1].shrinkage_ == fits[0].shrinkage_
    np.testing.assert_allclose(fits[1].mean_, Xs[0][part > 0].mean(axis=0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_stack_scores_each_mode_as_its_estimator_does(blocks, data, dtype):
    Xs, weights = blocks
    kinds = ["normal_scores", "whiten", None]
    estimators = [
        PotentialEnergyTransformer(**PARAMS | {"preprocessing": kind, "lr": 0.01})
        for kind in kinds
    ]
    for estimator, X, weight in zip(estimators, Xs, weights, strict=True):
        fit_together([estimator], [X], [weight])
    module = stack(estimators, list(MODES.values()), dtype)
    X = data[0] + np.random.default_rng(1).normal(size=(120, 6))
    found = module(torch.from_numpy(X).to(dtype))
    expected = [
        e.transform(X[:, c])[:, 0]
        for e, c in zip(estimators, MODES.values(), strict=True)
    ]
    assert found.dtype == dtype and found.shape == (120, 3)
    tolerance = 1e-3 if dtype == torch.float32 else 1e-10
    np.testing.assert_allclose(
        found, np.stack(expected, axis=1), rtol=tolerance, atol=tolerance
    )


# ------------------------------------------------------------------ in the classifier


@pytest.mark.parametrize(("dtype", "tolerance"), [("f8", 1e-10), ("f4", 1e-3)])
def test_the_stack_scores_as_its_members_do(data, dtype, tolerance):
    """The default energies are scored all at once, others one after the other."""
    X, y = data[0].astype(dtype), data[1]
    stacked = quick(PotentialEnergyTransformer(max_iter=5)).fit(X, y)
    noisy = X + np.random.default_rng(0).normal(size=X.shape).astype(dtype)
    potential = stacked.potential_energy(noisy)
    assert potential.dtype == dtype
    close = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(potential, one_by_one(stacked, noisy), **close)

    mixed = quick({"b": PCA(), "a": PotentialEnergyTransformer(max_iter=5)})
    mixed.fit(X, y)
    potential = mixed.potential_energy(noisy)
    np.testing.assert_allclose(potential, one_by_one(mixed, noisy), **close)


def test_transformers_of_unlike_parameters_are_trained_apart(data):
    given = {
        "a": PotentialEnergyTransformer(7, max_iter=2),
        "b": PotentialEnergyTransformer(5, sigma=0.1, max_iter=4),
        "c": PotentialEnergyTransformer(7, max_iter=2),
    }
    energies = quick(given).fit(*data).energies_
    assert [energies[m].n_iter_ for m in MODES] == [2, 4, 2]
    assert [len(energies[m].components_) for m in MODES] == [7, 5, 7]


def test_energies_that_are_trained_together_are_named_together(data):
    diverging = PotentialEnergyTransformer(max_iter=3, lr=1e300)
    with pytest.raises(FloatingPointError) as caught:
        quick(
            diverging, modes={"u": [0, 1], "v": [2, 3], "w": [4]}, remainder="drop"
        ).fit(*data)
    found = caught.value.__notes__[-1]
    assert re.match("Modes 'u', 'v': one of their energies", found)
