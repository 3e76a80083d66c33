"""EMMA and the same network without EMMA on HTRU2, while one mode fails.

Prints the table of the README: F1 of the rare class (mean ± sd over seeds), decision
thresholds chosen for F1 on corrupted validation data. Splits 67/16.5/16.5, stratified.

    python examples/benchmarks/htru2.py [--seeds 5] [--max-iter N]
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score, precision_recall_curve
from sklearn.model_selection import train_test_split
from tqdm.auto import tqdm

from sklearn_emma import EMMAClassifier
from sklearn_emma.corruption import Mixture
from sklearn_emma.datasets import fetch_htru2
from sklearn_emma.robustness import corrupt

SIGMAS = (0.5, 1.0, 1.78, 3.0, 5.0, 10.0)
METHODS = {"EMMA": {}, "without": {"attention_function": "none"}}


def split(X: pd.DataFrame, y: pd.Series, seed: int) -> list:
    """Train, validation and test, 67/16.5/16.5."""
    X_train, X_rest, y_train, y_rest = train_test_split(
        X, y, test_size=0.33, stratify=y, random_state=seed
    )
    X_val, X_test, y_val, y_test = train_test_split(
        X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=seed
    )
    return [(X_train, y_train), (X_val, y_val), (X_test, y_test)]


def f1_threshold(y_true: np.ndarray, proba: np.ndarray) -> float:
    """Threshold of the best F1."""
    precision, recall, thresholds = precision_recall_curve(y_true, proba)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[f1[:-1].argmax()])


def conditions(X: pd.DataFrame, sd: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Test data under each failure; noise in units of the training sd."""
    rng = np.random.default_rng(seed)
    made = {"clean": X.to_numpy()}
    modes = {"IP": slice(0, 4), "DM": slice(4, 8)}
    for mode, columns in modes.items():
        for sigma in SIGMAS:
            noisy = X.to_numpy(copy=True)
            noisy[:, columns] += sigma * sd[columns] * rng.normal(size=(len(X), 4))
            made[f"{mode}, σ = {sigma:g}"] = noisy
        missing = X.to_numpy(copy=True)
        missing[:, columns] = np.nan
        made[f"{mode} missing"] = missing
    return {name: pd.DataFrame(v, columns=X.columns) for name, v in made.items()}


def run(seed: int, **params: object) -> pd.DataFrame:
    """F1 of each method (columns) under each condition (rows)."""
    X, y = fetch_htru2(return_X_y=True, as_frame=True)
    (X_train, y_train), (X_val, y_val), (X_test, y_test) = split(X, y, seed)
    sd = X_train.to_numpy().std(axis=0)
    X_val_corrupted = corrupt(
        X_val, Mixture(), reference=X_train, clean_fraction=0.5, random_state=seed
    )
    tests = conditions(X_test, sd, seed)
    scores = {}
    for method, options in METHODS.items():
        model = EMMAClassifier(random_state=seed, **options, **params)
        model.fit(X_train, y_train)
        threshold = f1_threshold(y_val, model.predict_proba(X_val_corrupted)[:, 1])
        scores[method] = {
            name: f1_score(y_test, model.predict_proba(data)[:, 1] >= threshold)
            for name, data in tests.items()
        }
    return pd.DataFrame(scores)


def main() -> None:
    """Run all seeds and print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--max-iter", type=int, default=None)
    args = parser.parse_args()
    params = {} if args.max_iter is None else {"max_iter": args.max_iter}
    runs = [run(seed, **params) for seed in tqdm(range(args.seeds), desc="seeds")]
    table = pd.concat(runs, keys=range(args.seeds))
    mean, sd = table.groupby(level=1, sort=False).mean(), table.groupby(level=1).std()
    print("| F1 | " + " | ".join(METHODS) + " | difference |")
    print("|---" * (len(METHODS) + 2) + "|")
    for name, row in mean.iterrows():
        cells = [f"{row[m]:.3f} ± {sd.loc[name, m]:.3f}" for m in METHODS]
        difference = row["EMMA"] - row["without"]
        print(f"| {name} | " + " | ".join(cells) + f" | {difference:+.3f} |")
    strong = [name for name in mean.index if "σ" in name and "0.5" not in name]
    summary = mean.loc[strong].mean()
    print(
        f"| mean over σ ≥ 1 | {summary['EMMA']:.3f} | {summary['without']:.3f} | "
        f"{summary['EMMA'] - summary['without']:+.3f} |"
    )


if __name__ == "__main__":
    main()
