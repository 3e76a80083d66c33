"""A grid search that trains many candidates at once."""

from sklearn_emma.model_selection._search import EMMAGridSearchCV

__all__ = ["EMMAGridSearchCV"]
