"""Hostile predictors: of torch, of scikit-learn, and of neither."""

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.svm import LinearSVC
from torch import nn
from workflows.fuzzing import EITHER, FAILS, WORKS, BrokenPartError, Case, Piece

from sklearn_emma.predictors import MLP, GatedCopies


def _predictor(name, value, verdict=WORKS, culprit="`predictor`|MLP", early=True):
    def change(case: Case, rng) -> None:
        case.params |= {"predictor": value}

    return Piece("predictor", name, change, verdict, culprit, early=early)


# --------------------------------------------------------------------- those of torch


class Linear(nn.Linear):
    """Logits that a function makes of the right ones."""

    def __init__(self, n_in, n_out, change, dtype=None, later=False):
        super().__init__(n_in, n_out, dtype=dtype)
        self.change = change
        self.later = later

    def forward(self, x):
        logits = super().forward(x)
        return logits if self.later and not self.training else self.change(logits)


def changed(change, **options):
    """A factory of modules whose logits are changed."""

    def make(n_in, n_out):
        return Linear(n_in, n_out, change, **options)

    return make


def later(change):
    """The same, but not yet when a predictor is tried, nor when it predicts."""
    return changed(change, later=True)


def breaks(logits):
    raise BrokenPartError("the predictor")


class Weighs(nn.Linear):
    """Takes attention beside x."""

    def forward(self, x, attention=None):
        return super().forward(x if attention is None else x * attention)


class Frozen(nn.Linear):
    def __init__(self, n_in, n_out):
        super().__init__(n_in, n_out)
        self.requires_grad_(False)


class NoParameters(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.n_out = n_out

    def forward(self, x):
        return x[:, : self.n_out]


class OtherArguments(nn.Module):
    def __init__(self):
        super().__init__()


def stacked(*layers):
    def make(n_in, n_out):
        return nn.Sequential(nn.Linear(n_in, n_out), *layers)

    return make


def normalised(n_in, n_out):
    return nn.Sequential(nn.BatchNorm1d(n_in), nn.Linear(n_in, n_out))


def broken_factory(n_in, n_out):
    raise BrokenPartError("the factory")


OF_TORCH = [
    _predictor("a class", nn.Linear),
    _predictor("a recipe", MLP((3, 2))),
    _predictor("no layers", MLP(())),
    _predictor("a factory", stacked()),
    _predictor("an attentive one", Weighs),
    _predictor("batch norm", normalised),
    _predictor("log-softmax", stacked(nn.LogSoftmax(1))),
    _predictor("dropout", stacked(nn.Dropout(0.9))),
    _predictor("of other type", changed(lambda z: z, dtype=torch.float32)),
    _predictor("frozen", Frozen, FAILS),
    _predictor("without parameters", NoParameters, FAILS),
    _predictor("too wide", nn.Linear(600, 2), FAILS),
    _predictor("one output", nn.Linear(6, 1), FAILS),
    _predictor("softmax", stacked(nn.Softmax(1)), FAILS),
    _predictor("sigmoid", changed(torch.sigmoid), FAILS),
    _predictor("other arguments", OtherArguments, FAILS),
    _predictor("no module", lambda n_in, n_out: 3, FAILS),
    _predictor("None", lambda n_in, n_out: None, FAILS),
    _predictor("a vector", changed(lambda z: z[:, 0]), FAILS),
    _predictor("squeezed", changed(torch.squeeze), FAILS),
    _predictor("no tensor", changed(lambda z: z.tolist()), FAILS),
    _predictor("half", changed(lambda z: z.half()), FAILS),
    _predictor("infinite", changed(lambda z: z / 0), FAILS),
    _predictor("NaN", changed(lambda z: z * torch.nan), FAILS),
    _predictor("breaks", changed(breaks), FAILS),
    _predictor("a broken factory", broken_factory, FAILS),
    _predictor("on meta", nn.Linear(6, 2, device="meta"), FAILS),
    _predictor("hidden of zero", MLP((0,)), FAILS, "hidden_layer_sizes"),
    _predictor("dropout of two", MLP(4, dropout=2.0), FAILS, "dropout"),
    _predictor("half later", later(lambda z: z.half()), EITHER, early=False),
    _predictor("NaN later", later(lambda z: z * torch.nan), FAILS, "diverged", False),
    _predictor(
        "huge later", later(lambda z: z * 1e300), EITHER, "diverged|`predictor`", False
    ),
    _predictor("detached later", later(torch.detach), EITHER, early=False),
    _predictor("a vector later", later(lambda z: z[:, 0]), FAILS, "predictor", False),
    _predictor("breaks later", later(breaks), FAILS, "predictor", False),
]


# --------------------------------------------------------------- those of scikit-learn


class Answers(ClassifierMixin, BaseEstimator):
    """Probabilities that a function makes of equal ones; classes, of the right ones."""

    def __init__(self, change=None, classes=None):
        self.change = change
        self.classes = classes

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        if self.classes is not None:
            self.classes_ = self.classes(self.classes_)
        self.n_ = len(np.unique(y))
        return self

    def predict_proba(self, X):
        proba = np.full((len(X), self.n_), 1 / self.n_)
        return proba if self.change is None else self.change(proba)


class Forgets(Answers):
    def fit(self, X, y, sample_weight=None):
        super().fit(X, y)
        del self.classes_
        return self


class Broken(Answers):
    def fit(self, X, y, sample_weight=None):
        raise BrokenPartError("the classifier")


def answers(name, change, classes=None, verdict=FAILS):
    return _predictor(name, Answers(change, classes), verdict, early=False)


def broken_answers(proba):
    raise BrokenPartError("the probabilities")


OF_SCIKIT_LEARN = [
    _predictor("linear", LogisticRegression()),
    _predictor("forest", RandomForestClassifier(3)),
    _predictor("dummy", DummyClassifier()),
    _predictor("copies", GatedCopies(GaussianNB(), n_copies=1)),
    _predictor("pipeline", make_pipeline(PolynomialFeatures(), GaussianNB())),
    _predictor("equal", Answers()),
    _predictor("without fit's answer", Answers(lambda p: p.astype(np.float32))),
    _predictor("a list", Answers(lambda p: p.tolist())),
    _predictor("a class of it", LogisticRegression, FAILS),
    _predictor("no probabilities", LinearSVC(), FAILS),
    _predictor("a regressor", LinearRegression(), FAILS),
    _predictor("bad parameter", LogisticRegression(C=-1.0), FAILS, "'C'", early=False),
    _predictor("too many neighbours", KNeighborsClassifier(10_000), FAILS, early=False),
    _predictor("no copies", GatedCopies(GaussianNB(), n_copies=0), FAILS, "n_copies"),
    _predictor("copies of none", GatedCopies(None), FAILS, "GatedCopies"),
    _predictor("breaks in fit", Broken(), FAILS, early=False),
    _predictor("forgets classes", Forgets(), FAILS, early=False),
    answers("breaks in answers", broken_answers),
    answers("one column", lambda p: p[:, :1]),
    answers("one row", lambda p: p[:1]),
    answers("a vector", lambda p: p[:, 0]),
    answers("more columns", lambda p: np.hstack([p, p])),
    answers("NaN", lambda p: p * np.nan),
    answers("above one", lambda p: p * 7),
    answers("below zero", lambda p: -p),
    answers("words", lambda p: p.astype(str)),
    answers("nothing", lambda p: None),
    answers("foreign classes", None, lambda c: np.array(["u", "v", "w"][: len(c)])),
    answers("classes twice", None, lambda c: np.repeat(c[:1], len(c))),
    answers("no classes", None, lambda c: None),
    answers("classes turned", None, lambda c: c[::-1], EITHER),
]
PREDICTORS = OF_TORCH + OF_SCIKIT_LEARN
