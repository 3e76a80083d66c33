"""What has come to nothing is told; what has not, is not."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from helpers import quick, rare_class, three_classes
from sklearn_emma import EMMAClassifier
from sklearn_emma._inputs.numbers import Numbers
from sklearn_emma._inputs.targets import Classes
from sklearn_emma._model.scores import Inputs
from sklearn_emma._training.convergence import warn_if_not_converged
from sklearn_emma._training.simulation import ScoredSet
from sklearn_emma.model_selection import EMMAGridSearchCV

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 7))
Y = (X[:, 0] > 0).astype(int)
MODES = {"a": [0, 1, 2], "b": [3, 4], "c": [5, 6]}


def test_too_high_a_learning_rate_is_told():
    model = EMMAClassifier(MODES, lr=10.0, max_iter=20, random_state=0)
    with pytest.warns(
        ConvergenceWarning, match="'(no|yes)' is predicted for every.*`lr`"
    ):
        model.fit(X, np.array(["no", "yes"])[Y])
    assert model.score(X, np.array(["no", "yes"])[Y]) < 0.6


@pytest.mark.parametrize("data", [(X, Y), rare_class(), three_classes()])
def test_the_defaults_need_no_warning(data):
    data = data[0][:, :4], data[1]
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        EMMAClassifier([[0, 1], [2, 3]], random_state=0).fit(*data)


def test_a_warning_that_is_an_error_leaves_the_estimator_as_it_was():
    model = EMMAClassifier(MODES, lr=3.0, max_iter=5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning):
            model.fit(X, Y)
    assert not hasattr(model, "classes_")


def test_a_search_is_told_of_the_candidate_that_is_refitted():
    model = EMMAClassifier(MODES, lr=10.0, max_iter=20, random_state=0)
    search = EMMAGridSearchCV(model, {"lambda_c": [0.0, 1e-9]}, cv=2)
    with pytest.warns(ConvergenceWarning, match="is predicted for every") as caught:
        search.fit(X, Y)
    assert len(caught) == 1


# ------------------------------------------------------------------------- the criteria


class Answering:
    """Stands in for a model whose network, itself too, always gives these logits."""

    chunk_rows, evidence = 3, None

    def __init__(self, logits):
        self.logits, self.seen = torch.tensor(logits), 0
        self.network = self

    def __call__(self, x, potential, present):
        rows = slice(self.seen, self.seen + len(x))
        self.seen += len(x)
        return SimpleNamespace(logits=self.logits[rows])


def scored(y, weight):
    n = len(y)
    inputs = Inputs(torch.zeros(n, 2), torch.zeros(n, 1), torch.ones(n, 1).bool())
    weight = torch.tensor(weight, dtype=torch.float64)
    nowhere = torch.full((n,), -1)
    return ScoredSet(inputs.x, inputs, nowhere, torch.tensor(y), inputs.present, weight)


def messages_of_numbers(curve, y, answers):
    outputs, y = np.array(answers, dtype=float), np.array(y, dtype=float)
    target = Numbers.from_values(y, "squared_error").learn(y, np.ones(len(y)))
    data = scored(y, np.ones(len(y)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_if_not_converged(Answering(outputs), data, target, curve)
    return [str(w.message) for w in caught]


def messages(curve, *, y=(0, 0, 1, 1), answers=(0, 0, 1, 1), weight=(1, 1, 1, 1)):
    logits = np.eye(2)[list(answers)]
    target = Classes(np.array(["no", "yes"]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_if_not_converged(Answering(logits), scored(y, weight), target, curve)
    return [str(w.message) for w in caught]


def test_a_loss_that_rose_above_that_of_class_frequencies():
    (message,) = messages([0.8, 0.5, 1.3])
    assert "rose from 0.8 to 1.3. Lower `lr`" in message


@pytest.mark.parametrize(
    "curve",
    [
        [0.8, 1.3, 0.7],  # on the way only
        [0.8, 1.1],  # by what failures drawn anew may do
        [0.3, 0.6],  # still better than log 2
        [0.8],
        [-0.1, -0.2],
    ],
)
def test_a_loss_that_did_not_rise_to_speak_of(curve):
    assert messages(curve) == []


def test_class_frequencies_are_weighted():
    # Of weights 9 and 1: 0.325 is the loss of the frequencies.
    assert messages([0.2, 0.6], weight=(4.5, 4.5, 0.5, 0.5)) != []
    assert messages([0.2, 0.6]) == []


def test_one_answer_for_all():
    (message,) = messages([0.8, 0.7], answers=(1, 1, 1, 1))
    assert message.startswith("'yes' is predicted for every training sample")
    assert messages([0.8, 0.7], answers=(1, 1, 1, 0)) == []


def test_one_answer_may_be_the_most_probable_one_of_a_good_model():
    # log 2 is the loss of the frequencies.
    assert messages([0.8, 0.6], answers=(1, 1, 1, 1)) == []
    assert messages([0.8, 0.69], answers=(1, 1, 1, 1)) != []


def test_one_answer_is_right_where_there_is_one_class():
    assert messages([0.8, 0.7], y=(1, 1, 1, 1), answers=(1, 1, 1, 1)) == []
    assert messages([0.8, 0.7], answers=(1, 1, 1, 1), weight=(0, 0, 1, 1)) == []


def test_samples_that_count_nothing_are_not_asked():
    assert messages([0.8, 0.7], answers=(1, 0, 0, 0), weight=(0, 1, 1, 1)) != []


def test_passes_over_chunks_are_not_judged():
    """A chunk may be of one class, and more passes may follow."""
    model = quick(epochs=1, lr=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X[:, :4], Y, [0, 1])


# ------------------------------------------------------------------------------ numbers


def test_of_numbers_the_loss_of_the_mean_is_no_achievement():
    y, good = [1.0, 2.0, 3.0], [[-1.0], [0.0], [1.0]]
    (message,) = messages_of_numbers([0.5, 0.9], y, good)
    assert "rose from 0.5 to 0.9. Lower `lr`" in message
    assert messages_of_numbers([0.2, 0.4], y, good) == []


def test_of_numbers_one_answer_for_all_is_none():
    (message,) = messages_of_numbers([0.6, 0.5], [1.0, 2.0, 3.0], [[0.0]] * 3)
    assert message.startswith("2.0 is predicted for every training sample")
    assert "class_weight" not in message
    pairs = [[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]
    (message,) = messages_of_numbers([0.6, 0.5], pairs, [[0.0, 0.0]] * 3)
    assert message.startswith("(2.0, 5.0) is predicted")
    assert messages_of_numbers([0.6, 0.5], [[1.0, 5.0]] * 3, [[0.0, 0.0]] * 3) == []
