"""How an estimator is printed: as scikit-learn prints it, with its modes in order."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator

from sklearn_emma._validation import print_as_estimator


class _Placed(str):
    """Name that sorts by its place; scikit-learn sorts the keys of a dict."""

    place: int

    def __lt__(self, other: Any) -> bool:
        return (
            self.place < other.place if isinstance(other, _Placed) else NotImplemented
        )


class PrintsModesInOrder(BaseEstimator):
    """``repr`` that shows modes in the order that columns of scores have."""

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        modes = getattr(self, "modes", None)
        if type(modes) is not dict:
            return str(super().__repr__(N_CHAR_MAX))
        shown = type(self)(**self.get_params(deep=False))
        shown.modes = {_placed(name, i): c for i, (name, c) in enumerate(modes.items())}
        return str(BaseEstimator.__repr__(shown, N_CHAR_MAX))


def _placed(name: object, place: int) -> object:
    if not isinstance(name, str):  # no mode, but an error that is still to come
        return name
    placed = _Placed(name)
    placed.place = place
    return placed


# scikit-learn breaks the lines of whatever prints as an estimator does.
print_as_estimator(PrintsModesInOrder)
