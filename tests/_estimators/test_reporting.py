"""`report` of an estimator: the page that `make_report` writes."""

import pytest
from sklearn.exceptions import NotFittedError

from helpers import linear_values, quick, quick_regressor, three_classes
from sklearn_emma.report import make_report

FEW = {"max_rows": 20, "n_worst": 1, "n_repeats": 1, "random_state": 0}


@pytest.mark.parametrize(
    ("make", "data"), [(quick, three_classes), (quick_regressor, linear_values)]
)
def test_the_method_writes_the_same_page(make, data):
    X, y = data()
    model = make(max_iter=2).fit(X, y)
    page = model.report(X, y, alpha=0.05, **FEW)
    assert page.html == make_report(model, X, y, alpha=0.05, **FEW).html
    assert model.report(X, **FEW).curves == {}  # without targets


def test_it_needs_a_fitted_model():
    with pytest.raises(NotFittedError):
        quick().report(three_classes()[0])
