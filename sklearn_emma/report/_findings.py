"""What a report tells, as numbers: computed once, written as a page elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier

from sklearn_emma._estimators.base import BaseEMMA
from sklearn_emma._statistics.conformal import rejected
from sklearn_emma.robustness._columns import take
from sklearn_emma.robustness._inside import arriving

# Columns of a mode that are listed where it is explained.
_MOST_COLUMNS = 3


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found about rows X.

    Parameters
    ----------
    modes : pandas.DataFrame
        A row for each mode, see :class:`~sklearn_emma.report.Report`.
    rows : pandas.DataFrame
        The most unusual rows, see :class:`~sklearn_emma.report.Report`.
    attention : ndarray of shape (n_samples, n_modes)
        β of all rows.
    rings : ndarray of shape (n_samples,)
        Whether any mode of a row raised an alarm.
    right : ndarray of shape (n_samples,) or None
        Whether each prediction is right; None for numbers, or without y.
    extremes : list of dict of str to str
        For each of ``rows``, the farthest columns of each mode, in words.
    """

    modes: pd.DataFrame
    rows: pd.DataFrame
    attention: np.ndarray
    rings: np.ndarray
    right: np.ndarray | None
    extremes: list[dict[str, str]]


def inside(model: BaseEstimator, X: ArrayLike) -> tuple[BaseEMMA, ArrayLike]:
    """Estimator with modes inside a model, and X as it arrives there.

    Raises
    ------
    TypeError
        If there is none.
    """
    found, arrived = arriving(model, X)
    if not isinstance(found, BaseEMMA):
        raise TypeError(
            "make_report needs a fitted EMMAClassifier or EMMARegressor, or one inside "
            f"a pipeline, a search or a threshold; got {type(found).__name__}."
        )
    return found, arrived


def look_at(
    model: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike | None,
    alpha: float,
    n_worst: int,
) -> Findings:
    """Trust, alarms and the most unusual rows of X (n_samples, n_features)."""
    found, arrived = inside(model, X)
    p = np.asarray(found.p_values(arrived))
    # As `failing_modes`, without its warning: the page says it.
    failing = rejected(p, alpha, together=False)
    table = found.explain(arrived, ranks=hasattr(found, "reference_"))
    rung = {}
    for i, mode in enumerate(found.modes_):
        rung[mode, "p_value"], rung[mode, "failing"] = p[:, i], failing[:, i]
    rings = pd.DataFrame(rung, index=table.index)
    rings.columns.names = table.columns.names
    table = pd.concat([table, rings], axis=1)
    table = table.reindex(columns=list(found.modes_), level=0)
    answers = _answers(model, X, y, table.index)
    worst = _most_unusual(p, table, n_worst)
    rows = pd.concat([answers, table], axis=1).iloc[worst]
    right = None
    if y is not None and is_classifier(model):
        right = np.asarray(answers["", "prediction"]) == np.asarray(y)
    return Findings(
        modes=_by_mode(found, table),
        rows=rows,
        attention=np.asarray(found.attention(arrived)),
        rings=np.asarray(failing.any(axis=1)),
        right=right,
        extremes=_extremes(found, arrived, worst),
    )


def _answers(
    model: BaseEstimator, X: ArrayLike, y: ArrayLike | None, index: pd.Index
) -> pd.DataFrame:
    """Prediction of each row, its probability if there is one, and the truth."""
    columns: dict[tuple[str, str], Any] = {}
    columns["", "prediction"] = _one_each(model.predict(X))
    if is_classifier(model) and hasattr(model, "predict_proba"):
        columns["", "probability"] = np.max(model.predict_proba(X), axis=1)
    if y is not None:
        columns["", "truth"] = _one_each(y)
    frame = pd.DataFrame(columns, index=index)
    frame.columns.names = ["mode", "quantity"]
    return frame


def _one_each(values: ArrayLike) -> Any:
    """Several targets of a row as one list."""
    array = np.asarray(values)
    return array if array.ndim == 1 else array.tolist()


def _most_unusual(p: np.ndarray, table: pd.DataFrame, n: int) -> np.ndarray:
    """Places of the n rows whose least p-value is smallest; of equal ones, by energy.

    Many rows may be more unusual than all clean ones, and so have the same p-value.
    """
    energy = table.xs("modal_energy", axis=1, level="quantity").to_numpy()
    least = np.nan_to_num(p, nan=1.0).min(axis=1)
    greatest = np.nan_to_num(energy, nan=-np.inf).max(axis=1)
    places: np.ndarray = np.lexsort((-greatest, least))[:n]
    return places


def _by_mode(found: BaseEMMA, table: pd.DataFrame) -> pd.DataFrame:
    rows = {}
    for i, (mode, columns) in enumerate(found.modes_.items()):
        block = table[mode]
        present = ~block["missing"]
        usual = found.reference_[mode]["attention"] if _has_ranks(block) else None
        rows_of_parts = found.alarm_rows_[found.network_.layout.mode_of_part == i]
        rows[mode] = {
            "n_columns": len(columns),
            "missing": float(block["missing"].mean()),
            "attention": float(block["attention"][present].mean()),
            "usual_attention": np.nan if usual is None else float(usual.loc[0.5]),
            "n_alarms": int(block["failing"].sum()),
            "alarms": float(block["failing"][present].mean()),
            "alarm_rows": int((rows_of_parts.max() + 1) // len(rows_of_parts) - 1),
        }
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame.index.name = "mode"
    return frame.astype(dict.fromkeys(("n_columns", "n_alarms", "alarm_rows"), int))


def _has_ranks(block: pd.DataFrame) -> bool:
    return "attention_rank" in block


def _extremes(found: BaseEMMA, X: ArrayLike, rows: np.ndarray) -> list[dict[str, str]]:
    """Columns of each mode that lie farthest from their training mean, in words."""
    order = np.concatenate(list(found.modes_.values()))
    names = getattr(found, "feature_names_in_", None)
    labels = [f"column {i}" if names is None else str(names[i]) for i in order]
    values = np.asarray(take(X, order), dtype=np.float64)[rows]
    with np.errstate(over="ignore", invalid="ignore"):
        far = (values - found.scaler_.mean_) / found.scaler_.scale_
    told, stop = [], np.cumsum([len(c) for c in found.modes_.values()])
    for row in far:
        of_row = {}
        for mode, end in zip(found.modes_, stop, strict=True):
            places = range(end - len(found.modes_[mode]), end)
            read = [i for i in places if not np.isnan(row[i])]
            read = sorted(read, key=lambda i: -abs(row[i]))[:_MOST_COLUMNS]
            of_row[mode] = ", ".join(f"{labels[i]} {_far(row[i])}" for i in read)
        told.append(of_row)
    return told


def _far(z: float) -> str:
    form = "+.1f" if abs(z) < 100 else "+,.0f" if abs(z) < 1e6 else "+.0e"
    return f"{z:{form}} SD"
