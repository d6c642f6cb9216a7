"""A hundred networks for handwritten digits, trained side by side: which learning rate, width and start do best.

`nn.fit_many` makes a table of them: in processes on this machine and, if `dask.distributed` is installed, once more on
a local Dask cluster, with the same numbers.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from argparse import SUPPRESS, ArgumentDefaultsHelpFormatter, ArgumentParser
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any, NamedTuple

import nn
from demos.digits import SIDE, load
from demos.options import whole
from engine.shell.streams import in_a_shell

RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
WIDTHS = (8, 16, 24, 32)


class Swept(NamedTuple):
    """The tables."""

    rows: list[dict[str, Any]]
    dask_rows: list[dict[str, Any]] | None


def options() -> ArgumentParser:
    """The options on the command line."""
    parser = ArgumentParser("python -m demos.sweep", description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--nets", type=whole(1), default=100, metavar="N", help="how many networks to train")
    add("--epochs", type=whole(1), default=5, metavar="N", help="passes over the training data")
    add("--quick", action="store_true", default=SUPPRESS, help="ten networks, one epoch each")
    add("--workers", type=whole(1), default=os.cpu_count() or 1, metavar="N", help="how many processes")
    add("--seed", type=whole(0), default=0, metavar="N", help="the same number gives the same run")
    return parser


def make(hidden: int, lr: float, seed: int) -> tuple[nn.Module, Any, nn.Optimizer]:
    """A network, its loss and its optimiser."""
    model = nn.MLP(SIDE * SIDE, [hidden, 10], activation="tanh", seed=seed)
    return model, nn.cross_entropy, nn.SGD(model.parameters(), lr, momentum=0.9)


def configurations(count: int, seed: int) -> list[dict[str, Any]]:
    """`count` of them: every width with every rate, then again with other seeds.

    >>> configurations(2, seed=0)
    [{'hidden': 8, 'lr': 0.003, 'seed': 0}, {'hidden': 16, 'lr': 0.003, 'seed': 0}]
    """
    pairs = [(hidden, lr) for lr in RATES for hidden in WIDTHS]
    return [
        {"hidden": pairs[k % len(pairs)][0], "lr": pairs[k % len(pairs)][1], "seed": seed + k // len(pairs)}
        for k in range(count)
    ]


def main(argv: Sequence[str] | None = None) -> Swept:
    """Train all networks, and print what came out."""
    chosen = options().parse_args(argv)
    count, epochs = (10, 1) if "quick" in chosen else (chosen.nets, chosen.epochs)
    X, y = load()
    configs = configurations(count, chosen.seed)
    sweep = partial(nn.fit_many, make, configs, X, y, epochs=epochs, validation=0.25, seed=chosen.seed)
    length, workers = f"{epochs} epoch{'s' * (epochs > 1)}", f"{chosen.workers} process{'es' * (chosen.workers > 1)}"
    print(f"Sweep: {count} networks for digits, {length} each, in {workers}")
    start = time.perf_counter()
    rows = sweep(executor=partial(processes, chosen.workers), progress=True)
    print(f"trained in {time.perf_counter() - start:.1f} s")
    show(rows)
    dask_rows = None
    if importlib.util.find_spec("distributed"):
        dask_rows = on_dask(sweep, chosen.workers)
        same = all(a["validation_accuracy"] == b["validation_accuracy"] for a, b in zip(rows, dask_rows))
        print(f"on a local Dask cluster: {'the same accuracies' if same else 'OTHER ACCURACIES'}")
    return Swept(rows, dask_rows)


def processes(workers: int) -> Executor:
    """Worker processes that start afresh, the same way on every system."""
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def on_dask(sweep: Any, workers: int) -> list[dict[str, Any]]:
    """The same sweep over the executor of a Dask cluster on this machine."""
    from distributed import Client

    with Client(n_workers=workers, threads_per_worker=1, dashboard_address=None) as client:
        rows: list[dict[str, Any]] = sweep(executor=client.get_executor())
        return rows


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print the mean accuracy for each width and rate, and the best network."""
    for row in rows:
        if row["error"]:
            print(f"{row['hidden']} neurons, lr {row['lr']:g}, seed {row['seed']}: {row['error'].splitlines()[0]}")
    rates = list(dict.fromkeys(row["lr"] for row in rows))
    print(("mean validation accuracy  " + "".join(f"lr {lr:<8g}" for lr in rates)).rstrip())
    for hidden in dict.fromkeys(row["hidden"] for row in rows):
        cells = []
        for lr in rates:
            found = [r["validation_accuracy"] for r in rows if (r["hidden"], r["lr"]) == (hidden, lr)]
            cells.append(f"{sum(found) / len(found):<11.1%}" if found else f"{'-':<11}")
        print(f"{hidden:13} neurons     " + "".join(cells).rstrip())
    best = max((row for row in rows if not row["error"]), key=lambda row: row["validation_accuracy"], default=None)
    if best is not None:
        print(
            f"best: {best['hidden']} neurons, lr {best['lr']:g}, seed {best['seed']}, "
            f"validation accuracy {best['validation_accuracy']:.1%}"
        )


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
