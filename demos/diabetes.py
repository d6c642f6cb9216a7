"""Diabetes: how far the disease will have progressed in a year, from ten measurements of 442 real patients.

Regression: identity activation at the output and mean squared error, compared with ordinary least squares.
"""

from __future__ import annotations

import math
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, NamedTuple

import nn
from demos.options import demo_packages, size, training_options
from engine.shell.streams import in_a_shell


class Trained(NamedTuple):
    """What was learned, the standardised data, and R² of each predictor on the two parts of the data."""

    model: nn.MLP
    data: tuple[list[list[float]], list[list[float]], list[float], list[float]]
    scores: dict[str, tuple[float, float]]


def options() -> ArgumentParser:
    """The options on the command line."""
    parser = training_options("diabetes", __doc__, quick_epochs=8, epochs=30, batch_size=32, lr=0.005, hidden=[16])
    parser.add_argument("--weight-decay", type=size, default=0.1, metavar="FACTOR", help="factor of the L2 penalty")
    return parser


def load(seed: int) -> tuple[list[list[float]], list[list[float]], list[float], list[float]]:
    """X_train, X_test, y_train, y_test, each column scaled to mean 0 and deviation 1 on the training part."""
    with demo_packages():
        from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True, scaled=False)
    X_train, X_test, y_train, y_test = nn.train_test_split(X.tolist(), y.tolist(), test=0.25, seed=seed)
    scales = [scale_of(column) for column in zip(*X_train)]
    target_scale = scale_of(y_train)
    return (
        [standardised(row, scales) for row in X_train],
        [standardised(row, scales) for row in X_test],
        standardised(y_train, [target_scale] * len(y_train)),
        standardised(y_test, [target_scale] * len(y_test)),
    )


def main(argv: Sequence[str] | None = None) -> Trained:
    """Train the network, and print how much of the variance it explains."""
    chosen = options().parse_args(argv)
    data = X_train, X_test, y_train, y_test = load(chosen.seed)
    model = nn.MLP(len(X_train[0]), [*chosen.hidden, 1], activation="tanh", output="identity", seed=chosen.seed)
    optimizer = nn.SGD(model.parameters(), chosen.lr, chosen.momentum, weight_decay=chosen.weight_decay)
    print(f"Diabetes: {len(X_train)} patients to learn from, {len(X_test)} held out, for an {model!r}")
    nn.fit(
        model,
        X_train,
        y_train,
        nn.mse,
        optimizer,
        epochs=chosen.epochs,
        batch_size=chosen.batch_size,
        seed=chosen.seed,
        progress=True,
    )

    network = [[output for [output] in nn.predict(model, part)] for part in (X_train, X_test)]
    linear = least_squares(X_train, y_train)
    predictions = {
        "this network": network,
        "ordinary least squares": [[linear(x) for x in part] for part in (X_train, X_test)],
        "the mean, always": [[0.0] * len(X_train), [0.0] * len(X_test)],
    }
    scores = {name: (r_squared(train, y_train), r_squared(test, y_test)) for name, (train, test) in predictions.items()}
    print(f"{'share of the variance explained, R²':36}{'train':>7}{'test':>7}")
    for name, (train, test) in scores.items():
        print(f"{name:36}{train:7.3f}{test:7.3f}")
    return Trained(model, data, scores)


def scale_of(column: Sequence[float]) -> tuple[float, float]:
    """The mean and the standard deviation of numbers.

    >>> scale_of([1.0, 3.0])
    (2.0, 1.0)
    """
    mean = math.fsum(column) / len(column)
    return mean, math.sqrt(math.fsum((x - mean) ** 2 for x in column) / len(column))


def standardised(numbers: Sequence[float], scales: Sequence[tuple[float, float]]) -> list[float]:
    """How many deviations each number is above the mean, by the (mean, deviation) of its place.

    >>> standardised([5.0, 1.0], [(2.0, 1.0), (0.0, 2.0)])
    [3.0, 0.5]
    """
    return [(x - mean) / deviation for x, (mean, deviation) in zip(numbers, scales)]


def r_squared(predictions: Sequence[float], targets: Sequence[float]) -> float:
    """The coefficient of determination: 1 is perfect, 0 no better than the mean of the targets.

    >>> r_squared([1.0, 2.0], [1.0, 2.0]), r_squared([1.5, 1.5], [1.0, 2.0])
    (1.0, 0.0)
    """
    _, deviation = scale_of(targets)
    errors = math.fsum((p - t) ** 2 for p, t in zip(predictions, targets))
    return 1.0 - errors / (deviation**2 * len(targets))


def least_squares(X: list[list[float]], y: list[float]) -> Any:
    """The linear function with the least sum of squared errors."""
    import numpy as np

    weights, *_ = np.linalg.lstsq(np.array([[*row, 1.0] for row in X]), np.array(y), rcond=None)
    return lambda x: float(weights @ [*x, 1.0])


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
