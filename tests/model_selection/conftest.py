"""What is trained together in a search, and what alone."""

import pytest

from sklearn_emma.model_selection import _groups


@pytest.fixture
def fits(monkeypatch):
    """Number of classifiers in each stack that was trained, and of fits by itself."""
    found = {"together": [], "alone": []}
    together, alone = _groups.fit_together, _groups._fit_alone

    def fit_together(classifiers, *args, **params):
        errors = together(classifiers, *args, **params)
        found["together"].append(len(classifiers))
        return errors

    def fit_alone(*args):
        found["alone"].append(1)
        return alone(*args)

    monkeypatch.setattr(_groups, "fit_together", fit_together)
    monkeypatch.setattr(_groups, "_fit_alone", fit_alone)
    return found
