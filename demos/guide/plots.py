"""The plots of the guide, drawn by matplotlib: curves and points, and ways down the landscape of a loss."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demos.moons import INK, MUTED

_TENTHS = re.compile(r"(\d\.\d)\d{4,}")  # of a point, 1/72 inch: nobody sees finer ones
Points = Sequence[tuple[float, float]]
_COLOURS = ("#2a6f97", "#c8553d", "#e0a13a", "#5b8c5a", "#7d5ba6", MUTED)


def plot(
    path: str,
    lines: Mapping[str, Points] | None = None,
    points: Points = (),
    x: str = "x",
    y: str = "",
    log: bool = False,
) -> None:
    """Save lines under their names, and single points, to an SVG file."""
    with _axes(path, (6.0, 3.0)) as axes:
        for (name, line), colour in zip((lines or {}).items(), _COLOURS):
            axes.plot(*zip(*line), color=colour, linewidth=1.8, label=name)
        if points:
            axes.plot(*zip(*points), "o", color=INK, markersize=5, label="data", zorder=3)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        if log:
            axes.set_yscale("log")
        axes.grid(axis="y", color="#e6e9ec", linewidth=0.8)
        axes.legend(frameon=False, labelcolor=INK, fontsize=9)


def descent(path: str, loss: Callable[[float, float], float], ways: Mapping[str, Points]) -> None:
    """Save the landscape of a loss over two parameters, w and b, with the ways taken through it, to an SVG file."""
    places = [place for way in ways.values() for place in way]
    (left, right), (low, high) = (_wider(min(column), max(column)) for column in zip(*places))
    ws, bs = ([start + (end - start) * k / 40 for k in range(41)] for start, end in ((left, right), (low, high)))
    field = [[loss(w, b) for w in ws] for b in bs]
    least, most = min(map(min, field)), max(map(max, field))
    levels = [least + (most - least) * (k / 9) ** 2 for k in range(1, 10)]
    with _axes(path, (6.0, 3.6)) as axes:
        axes.contour(ws, bs, field, levels=levels, colors="#cfd6dd", linewidths=0.8)
        for (name, way), colour in zip(ways.items(), _COLOURS):
            axes.plot(*zip(*way), "o-", color=colour, markersize=3, linewidth=1.2, label=name)
        axes.plot(*places[0], "o", color=INK, markersize=7, label="start", zorder=3)
        axes.set_xlabel("w")
        axes.set_ylabel("b")
        axes.legend(frameon=False, labelcolor=INK, fontsize=9, loc="upper right")


def _wider(low: float, high: float) -> tuple[float, float]:
    margin = 0.12 * (high - low)
    return low - margin, high + margin


@contextmanager
def _axes(path: str, size: tuple[float, float]) -> Iterator[Any]:
    """The axes of a figure that is saved at the end, with its words as text, and as the same bytes every time."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "stepgrad", "font.family": "sans-serif"}):
        figure = Figure(figsize=size, facecolor="#ffffff", layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(MUTED)
        axes.tick_params(length=0, labelcolor=INK, labelsize=9)
        yield axes
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    Path(path).write_text(_TENTHS.sub(r"\1", text.getvalue()), encoding="utf-8")
