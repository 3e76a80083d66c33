"""EMMARegressor beside a forest, gradient boosting and ridge while a mode fails.

A small comparison, of four data sets: the diabetes data of scikit-learn in two modes,
what was asked and measured at the desk and what came from the laboratory; the schools
of statsmodels' star98 in three, pupils, teachers and courses; and two generated sets,
whose modes tell something of hidden variables that y is curved or linear in.
Each peer is trained on clean data, on corrupted copies as EMMA sees them (``copies``),
or behind a gate that sets a mode to its mean if its distance to the tenth neighbour is
unusual (``kNN gate``). In every test row one mode fails. Options of no method were
tuned.

    python examples/benchmarks/regression.py --seeds 10
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from sklearn_emma import EMMARegressor
from sklearn_emma.corruption import (
    Bias,
    GaussianNoise,
    MissingMode,
    Mixture,
    SwappedMode,
)
from sklearn_emma.robustness import corrupt

N_COPIES, N_NEIGHBORS, QUANTILE = 5, 10, 0.99
FAILURES = {
    "noise 1": GaussianNoise(1.0),
    "noise 3": GaussianNoise(3.0),
    "missing": MissingMode(),
    "bias 3": Bias(3.0),
    "swapped": SwappedMode(),
}
PEERS = {
    "forest": lambda seed: RandomForestRegressor(200, random_state=seed),
    "boosting": lambda seed: HistGradientBoostingRegressor(random_state=seed),
    "ridge": lambda seed: RidgeCV(np.logspace(-2, 3, 11)),
}


def diabetes():
    """X (442, 10), y and modes of scikit-learn's diabetes data."""
    X, y = load_diabetes(return_X_y=True)
    return X, y, {"desk": [0, 1, 2, 3], "laboratory": [4, 5, 6, 7, 8, 9]}


def schools():
    """X (303, 12), the share of pupils above the median, and modes of star98."""
    from statsmodels.api import datasets

    data = datasets.star98.load()
    y = data.endog.to_numpy()
    modes = {
        "pupils": [0, 1, 2, 3],
        "teachers": [4, 5, 6, 7, 8, 9],
        "courses": [10, 11],
    }
    return data.exog.to_numpy()[:, :12], y[:, 0] / y.sum(axis=1), modes


def curved(n=800):
    """X (800, 12), y and modes; each mode mixes both hidden variables its own way."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(n, 2))
    X = np.hstack(
        [
            np.tanh(hidden @ rng.normal(size=(2, 4))) + 0.3 * rng.normal(size=(n, 4))
            for _ in range(3)
        ]
    )
    y = np.sin(1.5 * hidden[:, 0]) + hidden[:, 1] ** 2 / 2 + 0.2 * rng.normal(size=n)
    return X, y, {"a": [0, 1, 2, 3], "b": [4, 5, 6, 7], "c": [8, 9, 10, 11]}


def linear(n=400, width=10, n_modes=4):
    """X (400, 40), y and modes; each mode mixes all four hidden variables."""
    rng = np.random.default_rng(5)
    hidden = rng.normal(size=(n, 4))
    X = np.hstack(
        [
            np.tanh(hidden @ rng.normal(size=(4, width)))
            + 0.5 * rng.normal(size=(n, width))
            for _ in range(n_modes)
        ]
    )
    y = hidden @ [1, -1, 0.5, 0.5] + 0.5 * rng.normal(size=n)
    columns = np.arange(n_modes * width).reshape(n_modes, width)
    return X, y, {f"mode {i}": own.tolist() for i, own in enumerate(columns)}


DATA = {
    "diabetes": diabetes,
    "schools": schools,
    "generated, curved": curved,
    "generated, linear": linear,
}


class Peer:
    """A regressor of standardised values, missing ones at their mean."""

    def __init__(self, regressor, modes, seed, corruption=None, gate=False):
        self.regressor, self.modes, self.seed = regressor, modes, seed
        self.corruption, self.gate = corruption, gate

    def fit(self, X, y):
        """Fit the regressor on X, or on copies of it, and the gate on X."""
        self.scaler = StandardScaler().fit(X)
        if self.gate:
            self._fit_gate(self.scaler.transform(X))
        copies = [X]
        if self.corruption is not None:
            copies = [
                corrupt(
                    X,
                    self.corruption,
                    modes=self.modes,
                    clean_fraction=1 / 3,
                    random_state=1000 * self.seed + copy,
                )
                for copy in range(N_COPIES)
            ]
        self.regressor.fit(
            np.nan_to_num(self.scaler.transform(np.concatenate(copies))),
            np.tile(y, len(copies)),
        )
        return self

    def predict(self, X):
        """Predict from X (n, d), after the gate, if there is one."""
        x = np.nan_to_num(self.scaler.transform(X))
        if self.gate:
            for columns, limit in self.limits.values():
                distance = self.neighbors[tuple(columns)].kneighbors(x[:, columns])[0]
                x[np.ix_(distance[:, -1] > limit, columns)] = 0
        return self.regressor.predict(x)

    def _fit_gate(self, x):
        seen, unseen = train_test_split(x, test_size=0.2, random_state=self.seed)
        self.limits, self.neighbors = {}, {}
        for name, columns in self.modes.items():
            near = NearestNeighbors(n_neighbors=N_NEIGHBORS).fit(seen[:, columns])
            distance = near.kneighbors(unseen[:, columns])[0][:, -1]
            self.neighbors[tuple(columns)] = near
            self.limits[name] = columns, np.quantile(distance, QUANTILE)


def methods(modes, seed):
    """All methods, unfitted, by name."""
    found = {"EMMA": EMMARegressor(modes, random_state=seed)}
    for name, make in PEERS.items():
        found[name] = Peer(make(seed), modes, seed)
        found[f"{name}, copies"] = Peer(make(seed), modes, seed, Mixture())
        found[f"kNN gate, {name}"] = Peer(make(seed), modes, seed, MissingMode(), True)
    return found


def run(data, seed):
    """Rows of R² of each method on clean test data and under each failure."""
    X, y, modes = data
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, random_state=seed
    )
    tests = {"clean": X_test} | {
        name: corrupt(
            X_test, failure, modes=modes, reference=X_train, random_state=seed
        )
        for name, failure in FAILURES.items()
    }
    rows = []
    for name, method in methods(modes, seed).items():
        start = time.perf_counter()
        method.fit(X_train, y_train)
        scores = {k: r2_score(y_test, method.predict(x)) for k, x in tests.items()}
        seconds = time.perf_counter() - start
        rows.append({"method": name, "seed": seed, **scores, "seconds": seconds})
    return rows


def difference(failing, peer):
    """Mean of EMMA − peer over the seeds, with half a 95 % interval of pairs."""
    pairs = failing["EMMA"] - failing[peer]
    half = t.ppf(0.975, len(pairs) - 1) * pairs.std() / np.sqrt(len(pairs))
    return pairs.mean(), half


def main():
    """Run everything, and print a table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    seeds = range(parser.parse_args().seeds)
    for name, load in DATA.items():
        try:
            data = load()
        except ImportError as error:
            print(f"\n{name}: left out, {error}")
            continue
        table = pd.DataFrame([row for seed in seeds for row in run(data, seed)])
        table["failing"] = table[list(FAILURES)].mean(axis=1)
        means = table.drop(columns="seed").groupby("method").mean()
        print(f"\n{name}: mean R² of {len(seeds)} splits")
        print(means.sort_values("failing", ascending=False).round(3).to_string())
        failing = table.pivot(index="seed", columns="method", values="failing")
        best = means["failing"].drop("EMMA").idxmax()
        mean, half = difference(failing, best)
        print(f"EMMA − {best} under failures: {mean:+.3f} ± {half:.3f}", flush=True)


if __name__ == "__main__":
    main()
