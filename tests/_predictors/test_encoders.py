"""The recipe of encoders: what it builds, within a classifier and by itself."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from torch import nn

from sklearn_emma import EMMAClassifier, EMMARegressor, Mode
from sklearn_emma._predictors.encoder_modules import EncodedModes
from sklearn_emma._predictors.mlp_module import MLPModule
from sklearn_emma.corruption import ModeLayout
from sklearn_emma.model_selection import EMMAGridSearchCV
from sklearn_emma.predictors import MLP, Encoders

X = np.random.default_rng(0).normal(size=(80, 18))
y = (X[:, :4].sum(axis=1) + X[:, 16] > 0).astype(int)
MODES = {"camera": Mode(slice(0, 16), shape=(1, 4, 4)), "speed": [16, 17]}
LAYOUT = ModeLayout.from_columns(
    {"camera": range(16), "speed": [16, 17]}, {"camera": (1, 4, 4)}
)
QUICK = {"max_iter": 2, "pretraining_max_iter": 2, "random_state": 0}


def factory(shape):
    layers = nn.Conv2d(shape[0], 3, 3), nn.ReLU(), nn.Flatten()
    return nn.Sequential(*layers)


def built(recipe):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return recipe.build_for(LAYOUT, 2)


def test_shapes_have_encoders_by_default_and_columns_have_bins():
    module = built(MLP())
    assert isinstance(module, EncodedModes) and len(module.encoders) == 1
    head = module.head
    assert head.linear.in_features == 64 + 2
    assert head.first.in_features == 64 + 2 * (1 + 8)
    same = built(Encoders())
    for one, other in zip(module.parameters(), same.parameters(), strict=True):
        assert torch.equal(one, other)


def test_without_shapes_it_is_the_head_alone_to_the_bit():
    layout = ModeLayout.from_columns({"a": [0, 1], "b": [2]})
    torch.manual_seed(0)
    module = MLP().build_for(layout, 2)
    torch.manual_seed(0)
    plain = MLP().build(3, 2)
    assert isinstance(module, MLPModule)
    x = torch.randn(4, 3)
    assert torch.equal(module.eval()(x), plain.eval()(x))


def test_bins_are_those_of_the_columns_behind_the_embedding():
    module = built(Encoders({"camera": factory})).double().eval()
    x = torch.from_numpy(X)
    module.calibrate(x, torch.ones(80).double())
    encoding = module.head.encoding
    lower = (encoding.low - encoding.offset) / encoding.slope
    np.testing.assert_allclose(lower[1], X[:, 16:].min(axis=0))
    attention = torch.ones(80, 18).double()
    torch.testing.assert_close(module(x, attention), module(x))
    attention[:, :16] = 0
    lost = x.clone()
    lost[:, :16] = 0
    torch.testing.assert_close(module(x, attention), module(lost))


def test_a_head_without_hidden_layers_is_linear_in_embeddings():
    module = built(Encoders({"camera": nn.Flatten()}, head=MLP(hidden_layer_sizes=())))
    x = torch.from_numpy(X).float()
    torch.testing.assert_close(module(x), module.head.linear(x))


def test_own_encoders_and_heads_are_built_by_shape_and_size():
    made = built(Encoders({"camera": factory}, head=nn.Linear))
    assert made.head.in_features == 3 * 2 * 2 + 2
    assert isinstance(made.encoders[0][0], nn.Conv2d)


def test_a_trained_encoder_is_copied_and_may_be_frozen():
    encoder = factory((1, 4, 4))
    before = copy.deepcopy(encoder.state_dict())
    clf = EMMAClassifier(MODES, predictor=Encoders({"camera": encoder}), **QUICK)
    tuned = clf.fit(X, y).predictor_.encoders[0].state_dict()
    assert not torch.equal(tuned["0.weight"], before["0.weight"])
    encoder.requires_grad_(False)
    kept = clf.fit(X, y).predictor_.encoders[0].state_dict()
    for name, value in before.items():
        torch.testing.assert_close(kept[name].float(), value)
        assert torch.equal(encoder.state_dict()[name], value)


def test_classifiers_with_encoders_are_cloned_scored_and_reproduced():
    clf = EMMAClassifier(MODES, predictor=Encoders({"camera": factory}), **QUICK)
    assert cross_val_score(clone(clf), X, y, cv=2).shape == (2,)
    one, other = (clone(clf).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_the_default_encoder_becomes_part_of_one_torch_module():
    clf = EMMAClassifier(MODES, **QUICK).fit(X, y)
    lost = X.copy()
    lost[:9, :16] = np.nan
    proba, _ = clf.to_torch()(torch.from_numpy(lost))
    np.testing.assert_allclose(proba, clf.predict_proba(lost), atol=1e-6)


def test_a_missing_image_has_no_say_of_the_network():
    clf = EMMAClassifier(MODES, predictor=Encoders(head=MLP(evidence=False)), **QUICK)
    clf.fit(X, y)
    lost = X.copy()
    lost[:, :16] = np.nan
    lost[:, 16:] = X[0, 16:]
    assert (np.ptp(clf.predict_proba(lost), axis=0) < 1e-6).all()


def test_regressors_and_searches_take_them():
    regressor = EMMARegressor(MODES, **QUICK).fit(X, X[:, 0])
    assert isinstance(regressor.predictor_, EncodedModes)
    clf = EMMAClassifier(MODES, predictor=Encoders(), **QUICK)
    search = EMMAGridSearchCV(clf, {"rho": [0.5, 2.0]}, cv=2).fit(X, y)
    assert isinstance(search.best_estimator_.predictor_, EncodedModes)
    nested = clf.set_params(predictor__n_features=8, predictor__head=MLP(4))
    assert nested.fit(X, y).predictor_.head.linear.in_features == 8 + 2


def test_evidence_and_dropout_are_those_of_the_head():
    assert Encoders().evidence and not Encoders(head=nn.Linear).evidence
    assert not Encoders(head=MLP(evidence=False)).evidence
    for n_samples, dropout in ((499, 0.3), (500, 0.0)):
        decided = Encoders(n_features=3).for_samples(n_samples, n_features=10)
        assert decided.head.dropout == dropout and decided.n_features == 3
    own = Encoders(head=nn.Linear)
    assert own.for_samples(500, 10).head is nn.Linear


def test_without_modes_it_is_its_head():
    assert Encoders().build(5, 2)(torch.zeros(3, 5)).shape == (3, 2)


@pytest.mark.parametrize(
    ("encoders", "message"),
    [
        ({"lidar": factory}, "names 'lidar', which is not a mode; the modes are"),
        ({"camera": 3}, "'camera': its encoder must be a torch module, or a class"),
        ({"camera": lambda shape: shape}, "'camera': its encoder must make a torch"),
        ({"camera": nn.Flatten(0)}, "'camera': its encoder must return features"),
    ],
)
def test_encoders_that_do_not_fit_are_errors_before_training(encoders, message):
    clf = EMMAClassifier(MODES, predictor=Encoders(encoders), **QUICK)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)


def test_an_error_of_the_encoder_itself_names_the_mode():
    clf = EMMAClassifier(MODES, predictor=Encoders({"camera": nn.Conv1d}), **QUICK)
    with pytest.raises(TypeError) as caught:
        clf.fit(X, y)
    notes = caught.value.__notes__
    assert any(
        "'camera': its encoder is called as encoder((1, 4, 4))" in n for n in notes
    )
