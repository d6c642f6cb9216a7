"""Two moons: a network of scalars finds the curve between them, and draws it.

Binary cross-entropy of one output; the decision boundary and the loss curve are saved as PNG files.
"""

from __future__ import annotations

import io
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import engine
import nn
from demos.options import add_output, demo_packages, size, training_options, whole
from engine.shell.streams import in_a_shell

PAPER, INK, MUTED = "#ffffff", "#22272e", "#8a929c"
CLASSES = ("#c8553d", "#2a6f97")  # of the points: class 0, class 1
FIELD = ("#e9b09f", "#fbf8f3", "#9fc3d9")  # of the probability between them

Points = list[list[float]]


class Trained(NamedTuple):
    """What was learned, from what, and the pictures of it."""

    model: nn.MLP
    data: tuple[Points, Points, list[int], list[int]]
    history: nn.History
    test_accuracy: float
    pictures: list[Path]


def options() -> ArgumentParser:
    """The options on the command line."""
    parser = training_options("moons", __doc__, quick_epochs=5, epochs=60, batch_size=16, lr=0.03, hidden=[16, 16])
    parser.add_argument("--samples", type=whole(4), default=300, metavar="N", help="points on the moons")
    parser.add_argument(
        "--noise", type=size, default=0.12, metavar="DEVIATION", help="how far points stray from their moon"
    )
    parser.add_argument(
        "--resolution", type=whole(2), default=120, metavar="N", help="draw the picture from N x N predictions"
    )
    add_output(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> Trained:
    """Train the classifier, print how well it does, and draw its decisions."""
    chosen = options().parse_args(argv)
    with demo_packages():
        import matplotlib  # noqa: F401  # now, not after the training
        from sklearn.datasets import make_moons

    X, y = make_moons(chosen.samples, noise=chosen.noise, random_state=chosen.seed)
    data = X_train, X_test, y_train, y_test = nn.train_test_split(X.tolist(), y.tolist(), seed=chosen.seed)
    model = nn.MLP(2, [*chosen.hidden, 1], activation="tanh", seed=chosen.seed)
    optimizer = nn.SGD(model.parameters(), chosen.lr, chosen.momentum)
    print(f"Moons: {len(X_train)} points to learn from, {len(X_test)} held out, for an {model!r}")
    history = nn.fit(
        model,
        X_train,
        y_train,
        nn.bce_with_logits,
        optimizer,
        epochs=chosen.epochs,
        batch_size=chosen.batch_size,
        seed=chosen.seed,
        progress=True,
    )
    test_accuracy = nn.accuracy(model, X_test, y_test)
    print(f"train accuracy {nn.accuracy(model, X_train, y_train):.1%}")
    print(f"test accuracy  {test_accuracy:.1%}")

    chosen.output.mkdir(parents=True, exist_ok=True)
    boundary, losses = chosen.output / "moons_boundary.png", chosen.output / "moons_loss.png"
    draw_boundary(model, data, boundary, chosen.resolution)
    draw_losses(history, losses)
    for path in (boundary, losses):
        print(f"picture: {path}")
    return Trained(model, data, history, test_accuracy, [boundary, losses])


# ---- pictures ----


def draw_boundary(
    model: nn.MLP, data: tuple[Points, Points, list[int], list[int]], path: Path, resolution: int
) -> None:
    """Save the data on the field of probabilities, with the line where both classes are equally likely."""
    from matplotlib.colors import LinearSegmentedColormap

    X_train, X_test, y_train, y_test = data
    xs, ys = (axis_of(column, resolution) for column in zip(*X_train, *X_test))
    field = [engine.sigmoid(z) for [z] in nn.predict(model, [[x, y] for y in ys for x in xs])]
    rows = [field[start : start + resolution] for start in range(0, len(field), resolution)]

    figure, axes = canvas("Where the network draws the line")
    colours = LinearSegmentedColormap.from_list("field", FIELD)
    shades = axes.contourf(xs, ys, rows, levels=[k / 20 for k in range(21)], cmap=colours, vmin=0.0, vmax=1.0)
    axes.contour(xs, ys, rows, levels=[0.5], colors=INK, linewidths=1.6)
    for points, labels, look, name in (
        (X_train, y_train, {"s": 26, "edgecolors": PAPER, "linewidths": 0.6}, "learned from"),
        (X_test, y_test, {"s": 42, "edgecolors": INK, "linewidths": 1.1}, "held out"),
    ):
        axes.scatter(*zip(*points), c=[CLASSES[label] for label in labels], zorder=3, **look)
        axes.scatter([], [], c=MUTED, label=name, **look)
    axes.plot([], [], color=INK, linewidth=1.6, label="both equally likely")
    axes.set(xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=3, frameon=False, labelcolor=INK, fontsize=9)
    bar = figure.colorbar(shades, ax=axes, ticks=[0.0, 0.5, 1.0], shrink=0.7, aspect=25, pad=0.03)
    bar.set_label("probability of the blue moon", color=INK, fontsize=9)
    bar.ax.tick_params(length=0, labelcolor=INK, labelsize=9)
    bar.outline.set_visible(False)
    save(figure, path)


def draw_losses(history: nn.History, path: Path) -> None:
    """Save the loss of every batch and the mean of every epoch."""
    figure, axes = canvas("How it got there")
    per_epoch = len(history.batch_losses) // len(history.losses)
    batches = [(k + 0.5) / per_epoch for k in range(len(history.batch_losses))]
    epochs = [k + 0.5 for k in range(len(history.losses))]
    axes.semilogy(batches, history.batch_losses, ".", color=FIELD[2], markersize=3.5, label="each batch")
    axes.semilogy(epochs, history.losses, color=CLASSES[1], linewidth=2.2, label="mean of the epoch")
    axes.set_xlabel("epoch", color=INK)
    axes.set_ylabel("cross-entropy", color=INK)
    axes.set_xlim(0, len(history.losses))
    axes.grid(axis="y", color="#e6e9ec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.tick_params(which="both", length=0, labelcolor=INK)
    axes.legend(frameon=False, labelcolor=INK, loc="upper right")
    save(figure, path)


def canvas(title: str) -> tuple[Any, Any]:
    """A figure that draws to files only, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 5.0), dpi=160, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK, fontsize=14, fontweight="bold", pad=12)
    return figure, axes


def save(figure: Any, path: Path) -> None:
    """Save a figure whole or not at all."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", bbox_inches="tight", pad_inches=0.25)
    engine.write_file(path, picture.getvalue())


def axis_of(column: Sequence[float], resolution: int) -> list[float]:
    """`resolution` places from somewhat below the smallest number to somewhat above the largest.

    >>> axis_of([0.5, 1.5], 3)
    [0.0, 1.0, 2.0]
    """
    low, high = min(column) - 0.5, max(column) + 0.5
    return [low + (high - low) * k / (resolution - 1) for k in range(resolution)]


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
