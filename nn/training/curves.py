"""The curves of a training run as a figure of matplotlib: the losses and, in a panel beside them, the metrics."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

MANY = 10_000
"""Epochs beyond which matplotlib would take seconds to find the best place of a legend, and warn of that."""


def figure_of(rows: list[dict[str, float]], columns: dict[str, list[float]]) -> Any:
    """The figure.

    Args:
        rows: what is known of each epoch.
        columns: the same by names, with nan where a row lacks one.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("curves need matplotlib: pip install matplotlib") from None
    losses: list[str] = [name for name in ("loss", "validation_loss") if name in columns]
    others = [name for name in columns if name not in (*losses, "epoch", "lr", "seconds")]
    metrics = [name for name in others if all(isinstance(x, Real) for x in columns[name])]  # and no texts of a callback
    figure: Any = Figure(figsize=(5.0 + 4.0 * bool(metrics), 3.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    panels: Any = figure.subplots(1, 1 + bool(metrics), squeeze=False)[0]
    for axes, names in zip(panels, [losses, metrics]):
        _draw(axes, names, rows, columns)
    shown = [x for name in losses for x in columns[name] if not math.isnan(x)]
    if shown and min(shown) > 0.0 and 10.0 * min(shown) < max(shown) < math.inf:
        panels[0].set_yscale("log")
    return figure


def _draw(axes: Any, names: list[str], rows: list[dict[str, float]], columns: dict[str, list[float]]) -> None:
    """Draw columns over the epochs, and mark the epochs where one of them is not finite."""
    epochs = columns["epoch"]
    for name in names:
        alone = _without_neighbours(columns[name])
        look = {"marker": ".", "markevery": alone} if alone else {}
        axes.plot(epochs, columns[name], label=name.replace("_", " "), linewidth=1.8, **look)
    lost = [row["epoch"] for row in rows if not all(math.isfinite(row.get(name, 0.0)) for name in names)]
    if lost:  # marked below, as a gap in a curve, or its early end, is easily overlooked
        below = axes.get_xaxis_transform()
        axes.plot(lost, [0.0] * len(lost), "rx", transform=below, clip_on=False, label="nan or inf")
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e9ec", linewidth=0.8)
    axes.legend(frameon=False, loc="best" if len(epochs) <= MANY else "center right")


def _without_neighbours(numbers: list[float]) -> list[int]:
    """The places of numbers beside which there is no other, so that a line would not show them.

    >>> _without_neighbours([0.5, math.nan, 0.25, 0.125, math.inf, 0.5])
    [0, 5]
    """
    finite = [False, *map(math.isfinite, numbers), False]
    return [k for k in range(len(numbers)) if finite[k : k + 3] == [False, True, False]]
