"""The recipe of the default predictor."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from helpers import quick, three_classes
from sklearn_emma._predictors.dropout import Dropout
from sklearn_emma._predictors.mlp_module import MLPModule
from sklearn_emma.predictors import MLP

SIZES = [
    (5, [5]),
    (np.int64(5), [5]),
    ((5,), [5]),
    ([7, 5], [7, 5]),
    (np.array([4, 9]), [4, 9]),
    ((), []),
    ([], []),
    (np.array([]), []),
]


def count_linear(module):
    """Widths of the hidden layers, and of the outputs."""
    return [m.out_features for m in module.modules() if isinstance(m, nn.Linear)]


def layers_of(module):
    """Linear layers of the path beside the linear one."""
    return [m for m in (module.first, *module.rest) if isinstance(m, nn.Linear)]


def mlp(sizes, dropout=0.0, n_bins=8):
    with torch.random.fork_rng(devices=[]):
        return MLP(sizes, dropout, n_bins).build(4, 3)


@pytest.mark.parametrize(("sizes", "expected"), SIZES, ids=repr)
def test_sizes_of_hidden_layers(sizes, expected):
    module = mlp(sizes)
    assert isinstance(module, MLPModule)
    layers = layers_of(module)
    assert [m.out_features for m in layers[:-1]] == expected
    assert module.linear.out_features == 3
    assert bool(layers) == bool(expected)


@pytest.mark.parametrize(("sizes", "expected"), SIZES, ids=repr)
def test_sizes_of_hidden_layers_of_a_classifier(sizes, expected):
    widths = count_linear(
        quick(predictor=MLP(sizes)).fit(*three_classes()).network_.predictor
    )
    assert [w for w in widths if w != 3] == expected
    assert widths[-1] == 3


@pytest.mark.parametrize("p", [0.0, 0.25])
def test_dropout_and_bins_reach_the_module(p):
    module = mlp((7, 5), dropout=p, n_bins=3)
    assert [m.p for m in module.modules() if isinstance(m, Dropout)] == [p]
    assert module.encoding.offset.shape == (1 + 3, 4)


def test_the_recipe_is_a_parameter_object_like_any_other():
    recipe = MLP(hidden_layer_sizes=(6,), dropout=0.1)
    assert repr(recipe) == "MLP(dropout=0.1, hidden_layer_sizes=(6,))"
    assert repr(MLP()) == "MLP()"
    copied = clone(recipe).set_params(n_bins=2)
    assert copied.get_params() == {
        "hidden_layer_sizes": (6,),
        "dropout": 0.1,
        "n_bins": 2,
        "evidence": True,
    }
    assert recipe.n_bins == 8
    clf = quick(predictor=recipe)
    assert clf.get_params()["predictor__dropout"] == 0.1
    other = clone(clf).set_params(predictor__hidden_layer_sizes=9)
    assert other.predictor.hidden_layer_sizes == 9
    assert recipe.hidden_layer_sizes == (6,)  # of the classifier that was cloned


def test_none_is_the_recipe_with_its_defaults():
    X, y = three_classes()
    none, made = (quick(predictor=p).fit(X, y) for p in (None, MLP()))
    np.testing.assert_array_equal(none.predict_proba(X), made.predict_proba(X))
    assert count_linear(none.predictor_) == [3, 128, 64, 3]


def test_a_recipe_is_left_as_it_is():
    recipe = MLP([6])
    fitted = quick(predictor=recipe).fit(*three_classes())
    assert fitted.predictor is recipe and vars(recipe) == vars(MLP([6]))
    assert isinstance(fitted.predictor_, MLPModule)


BAD = [
    ({"hidden_layer_sizes": 0}, "'hidden_layer_sizes' parameter of MLP .*Got 0"),
    ({"hidden_layer_sizes": (8, 0)}, r"`hidden_layer_sizes` must be .*\(8, 0\)"),
    ({"hidden_layer_sizes": (-3,)}, "`hidden_layer_sizes` must be positive integers"),
    ({"hidden_layer_sizes": (8.5,)}, "`hidden_layer_sizes` must be positive integers"),
    ({"hidden_layer_sizes": [[8]]}, "`hidden_layer_sizes` must be positive integers"),
    ({"hidden_layer_sizes": [[8], [4, 2]]}, "`hidden_layer_sizes` must be positive "),
    ({"hidden_layer_sizes": ("a",)}, "`hidden_layer_sizes` must be positive integers"),
    ({"hidden_layer_sizes": 8.5}, "'hidden_layer_sizes' parameter of MLP"),
    ({"hidden_layer_sizes": None}, "'hidden_layer_sizes' parameter of MLP"),
    ({"hidden_layer_sizes": True}, "hidden_layer_sizes"),
    ({"dropout": 1.0}, r"'dropout' parameter of MLP .*\[0.0, 1.0\)"),
    ({"dropout": -0.1}, "'dropout' parameter of MLP"),
    ({"dropout": "some"}, "'dropout' parameter of MLP"),
    ({"n_bins": 0}, "'n_bins' parameter of MLP"),
    ({"n_bins": 2.5}, "'n_bins' parameter of MLP"),
    ({"evidence": "some"}, "'evidence' parameter of MLP"),
    ({"evidence": None}, "'evidence' parameter of MLP"),
]


@pytest.mark.parametrize(("params", "message"), BAD, ids=str)
def test_a_bad_parameter_is_named_by_fit_and_not_before(no_training, params, message):
    recipe = MLP(**params)
    model = quick(predictor=clone(recipe))
    for call in (lambda: model.fit(*three_classes()), lambda: recipe.build(4, 3)):
        with pytest.raises(ValueError, match=f"(?s){message}"):
            call()
    assert not hasattr(model, "classes_")
