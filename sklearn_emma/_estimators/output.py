"""Scores of modes as arrays or as frames with named columns."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd

from sklearn_emma._validation import StrOptions, validate_parameter_constraints

_CONSTRAINTS = {"transform": [StrOptions({"default", "pandas", "polars"}), None]}


class SetsOutput:
    """``set_output``, for an estimator whose methods have a column for each mode."""

    modes_: dict[str, np.ndarray]
    parts_: dict[str, np.ndarray]
    _sklearn_output_config: dict[str, str]

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose whether scores of modes come as arrays or as data frames.

        That is what ``attention``, ``importance``, ``potential_energy``,
        ``modal_energy``, ``p_values`` and ``failing_modes`` return: a column for each
        mode, or part, named after it, and the index of X if it has one. Predictions
        stay arrays,
        as everywhere in scikit-learn, and so do scores under scikit-learn's global
        ``transform_output``, which is for transformers.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            ``"default"`` is an array; None changes nothing.

        Returns
        -------
        self : EMMAClassifier
            The estimator; its clones do the same.

        Examples
        --------
        >>> from sklearn_emma import EMMAClassifier
        >>> from sklearn_emma.datasets import make_multimodal_classification
        >>> X, y, modes = make_multimodal_classification(300, 2, random_state=0)
        >>> clf = EMMAClassifier(modes, max_iter=5, random_state=0).fit(X, y)
        >>> clf.set_output(transform="pandas").attention(X).columns.tolist()
        ['mode_0', 'mode_1']
        """
        given = {"transform": transform}
        validate_parameter_constraints(_CONSTRAINTS, given, "set_output")
        if transform is not None:
            # The name that scikit-learn's `clone` copies.
            self._sklearn_output_config = {"transform": transform}
        return self

    def _by_mode(self, values: np.ndarray, X: object, level: str = "modes") -> Any:
        """Scores (n, M) of the rows of X, as they are wanted."""
        names = list(self.modes_ if level == "modes" else self.parts_)
        wanted = getattr(self, "_sklearn_output_config", {}).get("transform")
        if wanted == "pandas":
            index = X.index if isinstance(X, pd.DataFrame) else None
            return pd.DataFrame(values, index=index, columns=names)
        if wanted == "polars":
            import polars

            return polars.DataFrame(values, schema=names)
        return values
