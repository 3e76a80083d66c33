"""Searching hyper-parameters faster than one fit at a time."""

from sklearn_emma.model_selection._search import EMMAGridSearchCV

__all__ = ["EMMAGridSearchCV"]
