"""Robustness to failing modes: EMMA and its peers under one protocol.

    python examples/benchmarks/robustness.py run --results DIR [--smoke]
    python examples/benchmarks/robustness.py report --results DIR

See the README beside this file.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import _scores
import numpy as np
import sklearn
import torch
from _data import DATASETS, load
from _evaluation import evaluate
from _peers import FULL, SMOKE, Effort, Method, ablated, all_methods
from _peers.elsewhere import elsewhere
from _protocol import split
from _report import write_report
from sklearn.exceptions import ConvergenceWarning

STANDARD = tuple(DATASETS)
AGAINST = "emma-base"  # name of the method that --against adds
SMOKE_DATASETS = ("digits", "breast_cancer")  # need neither files nor a network
SMOKE_METHODS = ("emma", "knn+mlp", "rf-copies")
SMOKE_SAMPLES = 500


def run(arguments: argparse.Namespace) -> None:
    """Fit and score whatever has no result file yet."""
    effort = SMOKE if arguments.smoke else FULL
    names = list(
        arguments.methods or (SMOKE_METHODS if arguments.smoke else all_methods(effort))
    )
    if arguments.against:
        names.append(AGAINST)
    datasets = arguments.datasets or (SMOKE_DATASETS if arguments.smoke else STANDARD)
    seeds = range(1 if arguments.smoke else arguments.seeds)
    folder = _folder(arguments)
    total, done = len(datasets) * len(seeds) * len(names), 0
    for dataset in map(load, datasets):
        for seed in seeds:
            task = split(dataset, seed, SMOKE_SAMPLES if arguments.smoke else None)
            for name in names:
                done += 1
                path = folder / dataset.name / f"seed{seed}" / f"{name}.json"
                label = f"[{done}/{total}] {dataset.name} seed {seed} {name}"
                if path.exists():
                    _say(f"{label}: done before")
                    continue
                with warnings.catch_warnings():
                    # Small untuned peers may stop before they converge.
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    method = _method(name, effort, arguments.against)
                    result = evaluate(method, task, seed, arguments.split)
                head = {
                    "dataset": dataset.name,
                    "method": name,
                    "seed": seed,
                    "split": arguments.split,
                    "smoke": arguments.smoke,
                    "modes": list(task.modes),
                    "versions": _versions(),
                }
                _write(path, head | result)
                scores = {k: v["score"] for k, v in result["conditions"].items()}
                _say(
                    f"{label}: clean {scores['gauss_0']:.3f}, "
                    f"RAUC {_scores.rauc(scores):.3f}, U5 {_scores.u5(scores):.3f}, "
                    f"{result['seconds_fit']:.1f} s"
                )


def report(arguments: argparse.Namespace) -> None:
    """Turn the result files into tables and figures."""
    folder = _folder(arguments)
    results = [json.loads(p.read_text("utf-8")) for p in sorted(folder.rglob("*.json"))]
    if not results:
        raise SystemExit(f"No results in {folder}; `run` first, with the same options.")
    _say(f"Wrote {write_report(results, folder, arguments.ours)}")


def _method(name: str, effort: Effort, against: Path | None) -> Method:
    if name == AGAINST:
        return elsewhere(against, effort)
    return (all_methods(effort) | ablated(effort))[name]


def _folder(arguments: argparse.Namespace) -> Path:
    # Apart, so that a smoke run or a look at validation data never mixes with the test.
    return arguments.results / (arguments.split + ("-smoke" if arguments.smoke else ""))


def _write(path: Path, result: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")  # an interrupted run leaves no half result
    part.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", "utf-8")
    part.replace(path)


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": torch.__version__,
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--results", type=Path, required=True, metavar="DIR")
    shared.add_argument(
        "--split",
        choices=("validation", "test"),
        default="validation",
        help="what is scored; open the test split once, when all is decided",
    )
    shared.add_argument("--smoke", action="store_true", help="a minute, for CI")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True)
    runner = commands.add_parser("run", parents=[shared])
    runner.add_argument("--datasets", nargs="+", choices=sorted(DATASETS))
    runner.add_argument(
        "--methods", nargs="+", choices=sorted(all_methods() | ablated())
    )
    runner.add_argument(
        "--against",
        type=Path,
        metavar="PYTHON",
        help=f"an interpreter whose sklearn_emma is compared too, as {AGAINST!r}",
    )
    runner.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    runner.set_defaults(command=run)
    reporter = commands.add_parser("report", parents=[shared])
    reporter.add_argument(
        "--ours", default="emma", help="the method that is compared with the others"
    )
    reporter.set_defaults(command=report)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    options = parse()
    torch.set_num_threads(1)  # small matrices: a second thread costs more than it saves
    options.command(options)
