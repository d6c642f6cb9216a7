"""Handwritten digits: 1,797 real images of 8 x 8 pixels, told apart by a network of scalars, 64-32-10.

Softmax with cross-entropy, momentum and random batches; a quarter of the images is held out for the test. The first
steps are made twice: in the open, node by node, and by the compiled program that makes all the others.
"""

from __future__ import annotations

import copy
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import NamedTuple

import nn
from demos.options import demo_packages, training_options
from engine.shell.streams import in_a_shell

SIDE = 8
SHADES = " .:-=+*#%@"
STEPS = 5  # made in the open too


class Trained(NamedTuple):
    """What was learned, and how well it does on images that it has never seen."""

    model: nn.MLP
    X_test: list[list[float]]
    y_test: list[int]
    answers: list[int]
    train_accuracy: float
    test_accuracy: float
    first_losses: list[tuple[float, float]]
    confusion: list[list[int]]


def options() -> ArgumentParser:
    """The options on the command line."""
    return training_options("digits", __doc__, quick_epochs=2, epochs=15, batch_size=32, lr=0.1, hidden=[32])


def load() -> tuple[list[list[float]], list[int]]:
    """The images as rows of 64 pixels from -1 (paper) to 1 (ink), and the digits they show."""
    with demo_packages():
        from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    return (pixels / 8.0 - 1.0).tolist(), digits.tolist()


def main(argv: Sequence[str] | None = None) -> Trained:
    """Train the classifier, and print how well it does."""
    chosen = options().parse_args(argv)
    X, y = load()
    X_train, X_test, y_train, y_test = nn.train_test_split(X, y, test=0.25, seed=chosen.seed)
    model = nn.MLP(SIDE * SIDE, [*chosen.hidden, 10], activation="tanh", seed=chosen.seed)
    optimizer = nn.SGD(model.parameters(), chosen.lr, chosen.momentum)
    print(f"Digits: {len(X_train)} images to learn from, {len(X_test)} held out, for an {model!r}")

    first_losses = compare(model, X_train, y_train, chosen.batch_size, chosen.lr, chosen.momentum)

    start = time.perf_counter()
    history = nn.fit(
        model,
        X_train,
        y_train,
        nn.cross_entropy,
        optimizer,
        epochs=chosen.epochs,
        batch_size=chosen.batch_size,
        seed=chosen.seed,
        progress=True,
    )
    seconds = time.perf_counter() - start

    answers = nn.classify(model, X_test)
    train_accuracy = nn.accuracy(model, X_train, y_train)
    test_accuracy = nn.accuracy(model, X_test, y_test)
    print(f"trained in {seconds:.1f} s, {history.backend}")
    print(f"train accuracy {train_accuracy:.1%}")
    print(f"test accuracy  {test_accuracy:.1%}")
    confusion = nn.confusion_matrix(model, X_test, y_test)
    print("which digit (row) was taken for which (column)")
    print("     " + "".join(f"{digit:4}" for digit in range(10)))
    for digit, row in enumerate(confusion):
        print(f"{digit:5}" + "".join(f"{count or '.':>4}" for count in row))
    mistakes = [place for place, answer in enumerate(answers) if answer != y_test[place]]
    if mistakes:
        place = mistakes[0]
        print(f"One of {len(mistakes)} mistakes: {y_test[place]} taken for {answers[place]}")
        print(draw(X_test[place]))
    return Trained(model, X_test, y_test, answers, train_accuracy, test_accuracy, first_losses, confusion)


def compare(
    model: nn.MLP, X: list[list[float]], y: list[int], batch_size: int, lr: float, momentum: float
) -> list[tuple[float, float]]:
    """Make the same steps with two copies of a model: on the engine's graph, and in compiled code."""
    batches = [batch for batch, _ in zip(nn.batches(X, y, batch_size, seed=0), range(STEPS))]
    found, seconds = [], []
    for make in (nn.EagerStep, nn.Trainer):
        twin = copy.deepcopy(model)
        step = make(twin, nn.cross_entropy, nn.SGD(twin.parameters(), lr, momentum))
        losses, times = [], []
        for batch in batches:
            start = time.perf_counter()
            losses.append(step(*batch))
            times.append(time.perf_counter() - start)
        found.append(losses)
        seconds.append(min(times))
    print(f"the first {STEPS} steps   " + "  ".join(f"{k + 1:>10}" for k in range(STEPS)) + "   fastest")
    for name, losses, best in zip(("in the open", "compiled"), found, seconds):
        print(f"loss, {name:14}" + "  ".join(f"{loss:10.8f}" for loss in losses) + f"  {1e3 * best:6.2f} ms")
    return list(zip(*found))


def draw(image: Sequence[float]) -> str:
    """An image in characters, two for each pixel, which makes it about square.

    >>> draw([-1.0] * 62 + [0.0, 1.0]).splitlines()[-1]
    '              ==@@'
    """
    shades = [2 * SHADES[round((pixel + 1.0) / 2.0 * (len(SHADES) - 1))] for pixel in image]
    rows = ("".join(shades[start : start + SIDE]) for start in range(0, len(image), SIDE))
    return "\n".join(f"  {row}".rstrip() for row in rows)


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
