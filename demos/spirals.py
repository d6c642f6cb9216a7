"""Three intertwined spirals: softmax and cross-entropy tell the arms apart.

Two pictures are saved as PNG files: the regions of the classes; and, for each epoch, the loss and the norm of each
layer's gradient at the last batch.
"""

from __future__ import annotations

import math
import random
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import nn
from demos.moons import INK, PAPER, axis_of, canvas, save
from demos.options import add_output, demo_packages, training_options, whole
from engine.shell.streams import in_a_shell

COLOURS = ("#c8553d", "#2a6f97", "#6a994e")
PALE = ("#f2d5cc", "#cfe1ec", "#dbe8d3")


class Trained(NamedTuple):
    """What was learned, how well it does on points that it has not seen, and the pictures."""

    model: nn.MLP
    history: nn.History
    test_accuracy: float
    gradient_norms: list[list[float]]
    pictures: list[Path]


def options() -> ArgumentParser:
    """The options on the command line."""
    parser = training_options(
        "spirals", __doc__, quick_epochs=30, epochs=150, batch_size=32, lr=0.01, momentum=None, hidden=[24, 24]
    )
    parser.add_argument("--points", type=whole(4), default=120, metavar="N", help="points on each arm")
    parser.add_argument(
        "--resolution", type=whole(2), default=240, metavar="N", help="draw the picture from N x N predictions"
    )
    add_output(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> Trained:
    """Train the classifier, print how well it does, and draw it."""
    chosen = options().parse_args(argv)
    with demo_packages():
        import matplotlib  # noqa: F401  # now, not after the training

    X, y = spirals(chosen.points, random.Random(chosen.seed))
    X_train, X_test, y_train, y_test = nn.train_test_split(X, y, seed=chosen.seed, stratify=y)
    model = nn.MLP(2, [*chosen.hidden, 3], activation="tanh", seed=chosen.seed)
    optimizer = nn.Adam(model.parameters(), chosen.lr)
    norms: list[list[float]] = []
    print(f"Spirals: {len(X_train)} points to learn from, {len(X_test)} held out, for an {model!r}")

    def note(_: nn.Module, history: nn.History, epoch: int) -> None:
        norms.append([math.hypot(*[p.grad for p in layer.parameters()]) for layer in model.layers])
        if epoch in (1, chosen.epochs) or epoch % 30 == 0:
            shown = ", ".join(f"{norm:.3g}" for norm in norms[-1])
            print(f"epoch {epoch:4}  loss {history.losses[-1]:.4f}  gradient norms {shown}")

    history = nn.fit(
        model,
        X_train,
        y_train,
        nn.cross_entropy,
        optimizer,
        chosen.epochs,
        chosen.batch_size,
        seed=chosen.seed,
        callbacks=[note],
    )
    test_accuracy = nn.accuracy(model, X_test, y_test)
    print(f"test accuracy {test_accuracy:.1%}; steps made by {history.backend}")
    print(f"which arm (row) was taken for which (column): {nn.confusion_matrix(model, X_test, y_test)}")

    chosen.output.mkdir(parents=True, exist_ok=True)
    pictures = [chosen.output / "spirals_regions.png", chosen.output / "spirals_learning.png"]
    draw_regions(model, X, y, pictures[0], chosen.resolution)
    draw_learning(history, norms, pictures[1])
    for path in pictures:
        print(f"picture: {path}")
    return Trained(model, history, test_accuracy, norms, pictures)


def spirals(points: int, source: random.Random) -> tuple[list[list[float]], list[int]]:
    """Points on three arms, each turned by a third of a circle, with some noise in the angle."""
    X, y = [], []
    for label in range(3):
        for k in range(points):
            radius = (k + 1) / points
            angle = 4.5 * radius + 2.0 * math.pi * label / 3.0 + source.gauss(0.0, 0.12)
            X.append([2.0 * radius * math.cos(angle), 2.0 * radius * math.sin(angle)])
            y.append(label)
    return X, y


def draw_regions(model: nn.MLP, X: list[list[float]], y: list[int], path: Path, resolution: int) -> None:
    """Save the points on the regions that the network gives to each class."""
    from matplotlib.colors import ListedColormap

    xs, ys = (axis_of(column, resolution) for column in zip(*X))
    field = nn.classify(model, [[a, b] for b in ys for a in xs])
    rows = [field[start : start + resolution] for start in range(0, len(field), resolution)]
    figure, axes = canvas("The regions of the three arms")
    axes.pcolormesh(xs, ys, rows, cmap=ListedColormap(PALE), vmin=0, vmax=2, shading="nearest")
    axes.scatter(*zip(*X), c=[COLOURS[label] for label in y], s=22, edgecolors=PAPER, linewidths=0.5)
    axes.set(xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    save(figure, path)


def draw_learning(history: nn.History, norms: list[list[float]], path: Path) -> None:
    """Save the loss and the norm of each layer's gradient, epoch by epoch."""
    figure, axes = canvas("Loss, and the gradient of each layer")
    epochs = range(1, len(history.losses) + 1)
    axes.semilogy(epochs, history.losses, color=INK, linewidth=2.2, label="loss")
    for k, column in enumerate(zip(*norms)):
        axes.semilogy(epochs, column, color=COLOURS[k % 3], linewidth=1.0, alpha=0.8, label=f"gradient of layer {k}")
    axes.set_xlabel("epoch", color=INK)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", color="#e6e9ec", linewidth=0.8)
    axes.tick_params(which="both", length=0, labelcolor=INK)
    axes.legend(frameon=False, labelcolor=INK, loc="lower left")
    save(figure, path)


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
