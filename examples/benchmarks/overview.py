"""The overview figure: what is left while a sensor is noisy, and what EMMA says of it.

The quadrants of a digit's image stand for four sensors, one of which at a time turns to
noise of σ training standard deviations; the mean is over quadrants and splits. Prints
what it draws, and writes ``overview.png`` and ``overview_dark.png``.

    python examples/benchmarks/overview.py --folder docs/images
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from sklearn_emma import EMMAClassifier
from sklearn_emma.corruption import GaussianNoise, Mixture
from sklearn_emma.datasets import load_digits_quadrants
from sklearn_emma.robustness import corrupt

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

SIGMAS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
ALPHA = 0.01
N_COPIES = 3

# Of each column in a panel: its name there, the colour by theme, and the line.
THEMES = {
    "overview.png": {
        "background": "white",
        "ink": "#222222",
        "EMMA": "#c1440e",
        "network": "#0072b2",
        "forest": "#767676",
    },
    "overview_dark.png": {
        "background": "#14181e",
        "ink": "#dddddd",
        "EMMA": "#ff8c5a",
        "network": "#6cb8ee",
        "forest": "#a0a0a0",
    },
}
ACCURACY = {
    "EMMA": ("EMMA", "EMMA", "-"),
    "forest": ("random forest", "forest", "-"),
    "network": ("the network without attention", "network", "-"),
}
SENSORS = {
    "attention, healthy": ("attention to healthy sensors", "network", "-"),
    "attention, noisy": ("attention to the noisy sensor", "EMMA", "-"),
    "alarms, noisy": ("alarms of the noisy sensor", "EMMA", "--"),
    "alarms, healthy": ("alarms of healthy sensors", "network", "--"),
}


def measure(seed: int, **params: object) -> pd.DataFrame:
    """Scores by σ: a row for each, the mean over the sensor that is noisy."""
    digits = load_digits_quadrants()
    X_train, X_test, y_train, y_test = train_test_split(
        digits.data,
        digits.target,
        test_size=0.3,
        stratify=digits.target,
        random_state=seed,
    )
    shared = {"modes": digits.modes, "random_state": seed, **params}
    emma = EMMAClassifier(**shared).fit(X_train, y_train)
    network = EMMAClassifier(attention_function="none", lambda_e=0, **shared)
    network.fit(X_train, y_train)
    copies = [
        corrupt(
            X_train,
            Mixture(),
            modes=digits.modes,
            clean_fraction=1 / N_COPIES,  # as the networks see them
            random_state=N_COPIES * seed + copy,
        )
        for copy in range(N_COPIES)
    ]
    forest = RandomForestClassifier(random_state=seed)
    forest.fit(np.concatenate(copies), np.tile(y_train, N_COPIES))
    models = {"EMMA": emma, "network": network, "forest": forest}
    rows = []
    for sigma in SIGMAS:
        for i, (sensor, columns) in enumerate(digits.modes.items()):
            X = X_test
            if sigma:
                X = corrupt(
                    X_test,
                    GaussianNoise(sigma),
                    modes={sensor: columns},
                    reference=X_train,
                    random_state=seed,
                )
            row: dict[str, float] = {"σ": sigma}
            row |= {name: model.score(X, y_test) for name, model in models.items()}
            said = {
                "attention": emma.attention(X).mean(axis=0),
                "alarms": emma.failing_modes(X, alpha=ALPHA).mean(axis=0),
            }
            for quantity, by_sensor in said.items():
                row[f"{quantity}, noisy"] = by_sensor[i]
                row[f"{quantity}, healthy"] = np.delete(by_sensor, i).mean()
            rows.append(row)
    return pd.DataFrame(rows).groupby("σ").mean()


def draw(table: pd.DataFrame, path: Path, theme: dict[str, str]) -> None:
    """Two panels, one above the other, that can be read on a phone."""
    ink = theme["ink"]
    style = {
        "font.size": 13,
        "axes.titlesize": 14,
        "axes.spines.top": False,
        "axes.spines.right": False,
        **dict.fromkeys(
            ["text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color"], ink
        ),
        "ytick.color": ink,
        "figure.facecolor": theme["background"],
        "axes.facecolor": theme["background"],
    }
    with plt.rc_context(style):
        figure, (top, bottom) = plt.subplots(
            2, 1, figsize=(5.2, 6.6), sharex=True, layout="constrained"
        )
        _draw_panel(top, table, ACCURACY, theme, "lower left")
        top.set_title("Accuracy while one of four sensors is noisy", loc="left")
        _draw_panel(bottom, table, SENSORS, theme, (0.36, 0.38))
        bottom.set_title("What EMMA says of the sensors", loc="left")
        x = np.log2(1 + table.index.to_numpy())
        bottom.set_xticks(x, [f"{sigma:g}" for sigma in table.index])
        bottom.set_xlabel("noise σ (training standard deviations)")
        figure.savefig(path, dpi=200)
        plt.close(figure)


def _draw_panel(
    ax: Axes,
    table: pd.DataFrame,
    series: dict[str, tuple[str, str, str]],
    theme: dict[str, str],
    place: str | tuple[float, float],
) -> None:
    x = np.log2(1 + table.index.to_numpy())
    for column, (label, colour, dashes) in series.items():
        width = 3 if column == "EMMA" else 2
        style = {"color": theme[colour], "linestyle": dashes, "linewidth": width}
        ax.plot(x, table[column], label=label, marker="o", markersize=4, **style)
    ax.set_ylim(-0.03, 1.03)
    ax.legend(frameon=False, loc=place, fontsize=12, handlelength=2.2)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--max-iter", type=int, default=None)
    parser.add_argument("--folder", type=Path, default=Path())
    options = parser.parse_args(argv)
    params = {} if options.max_iter is None else {"max_iter": options.max_iter}
    tables = []
    for seed in range(options.seeds):
        tables.append(measure(seed, **params))
        print(f"split {seed + 1} of {options.seeds}", flush=True)
    found = pd.concat(tables).groupby("σ")
    table = found.mean()
    print(table.round(3).to_string())
    print("\nStandard deviation over splits")
    print(found.std().round(3).to_string())
    for name, theme in THEMES.items():
        draw(table, options.folder / name, theme)


if __name__ == "__main__":
    main()
