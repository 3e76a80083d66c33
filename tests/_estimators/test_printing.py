"""An estimator is printed as by scikit-learn, but with its modes in their order."""

import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

from sklearn_emma import EMMAClassifier, EMMARegressor

MODES = {"zulu": [0, 1], "alpha": [2], "mike": [3]}
LONG = {name * 8: columns for name, columns in MODES.items()}


@pytest.mark.parametrize("estimator", [EMMAClassifier, EMMARegressor])
def test_modes_are_printed_in_the_order_in_which_they_were_given(estimator):
    assert repr(estimator(MODES)) == f"{estimator.__name__}(modes={MODES})"
    assert repr(estimator(MODES, rho=2)).index("zulu") < len(estimator.__name__) + 10


def test_long_lines_are_broken_as_everywhere_in_scikit_learn():
    alone = repr(EMMAClassifier(LONG, max_iter=5, rho=3))
    assert alone == (
        "EMMAClassifier(max_iter=5,\n"
        "               modes={'zuluzuluzuluzuluzuluzuluzuluzulu': [0, 1],\n"
        "                      'alphaalphaalphaalphaalphaalphaalphaalpha': [2],\n"
        "                      'mikemikemikemikemikemikemikemike': [3]},\n"
        "               rho=3)"
    )
    piped = repr(make_pipeline(PowerTransformer(), EMMAClassifier(LONG)))
    assert len(piped.splitlines()) > 3


def test_printing_changes_nothing():
    clf = EMMAClassifier(MODES)
    repr(clf)
    assert clf.modes is MODES
    assert all(type(name) is str for name in clf.modes)
    assert repr(clone(clf)) == repr(clf)


@pytest.mark.parametrize("modes", [None, [[0], [1]], {1: [0], "a": [1]}])
def test_what_is_no_dict_of_names_is_printed_as_it_is(modes):
    shown = "" if modes is None else f"modes={modes!r}"
    assert repr(EMMAClassifier(modes)) == f"EMMAClassifier({shown})"


def test_many_modes_end_in_an_ellipsis():
    shown = repr(EMMAClassifier({str(i): [i] for i in range(300)}))
    assert "'29': [29], ...}" in shown
