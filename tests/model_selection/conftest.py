"""What is trained together in a search, and what alone."""

import pytest

from sklearn_emma.model_selection import _fitting


@pytest.fixture
def fits(monkeypatch):
    """Number of classifiers in each stack that was trained, and of fits by itself."""
    found = {"together": [], "alone": []}
    together, alone = _fitting.fit_together, _fitting._fit_alone

    def fit_together(classifiers, *args, **params):
        errors = together(classifiers, *args, **params)
        found["together"].append(len(classifiers))
        return errors

    def fit_alone(*args):
        found["alone"].append(1)
        return alone(*args)

    monkeypatch.setattr(_fitting, "fit_together", fit_together)
    monkeypatch.setattr(_fitting, "_fit_alone", fit_alone)
    return found
