"""The history of a training run: a row for each epoch, as text, table and curves."""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import display_width, write_file

from ..arguments import counted, show
from ..attributes import Explained
from ..elsewhere import instead_of
from .curves import figure_of

UNKNOWN = -1
"""Stands for the seed where a file or pickle does not say which it was."""

HEAD = 8
"""How many rows a table shows; a longer one shows the first, the last, and some in between."""


@dataclass
class History(Explained):
    """The history of a training run.

    Attributes:
        losses: the mean loss of each epoch, taken over its batches while they were being learned.
        batch_losses: the loss of each batch before its update, those of an epoch that Ctrl-C cut short included.
        backend: what made the steps: "eager", or a back end of the compiler; and why not a better one.
        rows: for each epoch its number ("epoch", from 1), "loss", "validation_loss" and the metrics, named
            like "validation_accuracy", where there is validation, "lr" at its end, and the "seconds" that it took.
        stopped: why training ended before its last epoch: "patience", "callback", "interrupted" or "nan"; else None.
        random_state, waiting, seed, parts, numbers, samples, ahead: what `fit(..., resume=)` goes on from.
    """

    losses: list[float] = field(default_factory=list)
    batch_losses: list[float] = field(default_factory=list)
    backend: str = "eager"
    rows: list[dict[str, float]] = field(default_factory=list, compare=False)
    stopped: str | None = None
    # The state of the source of batches after the last epoch.
    random_state: Any = field(default=None, repr=False, compare=False)
    # Where `patience` stands, and what it has restored; see `Patience.waiting`.
    waiting: dict[str, Any] | None = field(default=None, repr=False, compare=False)
    # The int that seeded the order of the batches; None for another source.
    seed: int | None = field(default=UNKNOWN, repr=False, compare=False)
    # What the training was made of, in words, by names; it resumes with the same only. None if that is not known.
    parts: dict[str, str] | None = field(default=None, repr=False, compare=False)
    # A few of the parameters after the last epoch, which tell whether training resumes from there.
    numbers: list[float] | None = field(default=None, repr=False, compare=False)
    # Digests of a few of the samples that it began with, by what they are for; None if they are not known.
    samples: dict[str, int] | None = field(default=None, repr=False, compare=False)
    # How many steps the optimiser had made before it began; None if no masks of dropout had to go on from there.
    ahead: int | None = field(default=None, repr=False, compare=False)

    @property
    def best_epoch(self) -> int | None:
        """The epoch, from 1, with the least validation loss, or else the least loss; None if there was no epoch."""
        if not self.rows:
            return None
        key = "validation_loss" if any("validation_loss" in row for row in self.rows) else "loss"
        finite = [row for row in self.rows if math.isfinite(row.get(key, math.nan))]
        return int(min(finite or self.rows, key=lambda row: row.get(key, math.nan))["epoch"])

    def to_dict(self) -> dict[str, list[float]]:
        """The rows as columns, which `pandas.DataFrame` takes; nan where an epoch had no such number.

        >>> rows = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]
        >>> History(rows=rows).to_dict()
        {'epoch': [1, 2], 'loss': [0.5, 0.25]}
        """
        names = dict.fromkeys(name for row in self.rows for name in row)  # resumed training may have others
        return {name: [row.get(name, math.nan) for row in self.rows] for name in names}

    def __getitem__(self, name: str) -> list[float]:
        """A column of `to_dict`.

        Raises:
            KeyError: there is none of that name.
            TypeError: `name` is not a text.

        >>> History(rows=[{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])["loss"]
        [0.5, 0.25]
        """
        if not isinstance(name, str):
            raise TypeError(
                f"history[{name!r}] is nothing: history['loss'] is the column of that name, history.rows[0] the row of "
                "the first epoch"
            )
        columns = self.to_dict()
        if name not in columns:
            remedy = instead_of(name, (), type(self))
            there = ", ".join(map(repr, columns)) or "no epoch yet"
            raise KeyError(f"there is no {name!r}, but {there}{remedy and f': {remedy}'}")
        return columns[name]

    def plot(self, path: str | os.PathLike[str] | None = None) -> Path | None:
        """Save the curves of the losses, and of the metrics if there are any, as a picture; without a path, show it.

        Epochs whose numbers are nan or infinite are marked by a red cross.

        Args:
            path: the file; its suffix gives the format, such as .png or .svg. Without one, a notebook shows the curves,
                and elsewhere they open in the browser.

        Returns:
            The path of the file; None where a notebook shows the curves.

        Raises:
            TypeError: if `path` is something else.
            ImportError: if matplotlib is not installed.
            ValueError: if there is no epoch to draw, or no such format; or `path` has no suffix.
            OSError: if the file cannot be written, or is there and no regular file.
        """
        if path is None:
            from engine import show_picture  # what draws is imported when something is drawn

            return show_picture(self._picture("svg"))
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(
                f"plot() saves the curves to a file, and its path is {show(path)}: write history.plot('curves.png')"
            )
        suffix = Path(path).suffix
        if not suffix:
            raise ValueError(f"the suffix of the path gives the format, and {str(path)!r} has none: write '{path}.png'")
        return write_file(path, self._picture(suffix[1:]))

    def _repr_png_(self) -> bytes | None:
        """The curves, for a notebook."""
        if not self.rows:
            return None
        try:
            return self._picture("png")
        except ImportError:
            return None

    def _picture(self, kind: str) -> bytes:
        picture = io.BytesIO()
        self._figure().savefig(picture, format=kind)
        return picture.getvalue()

    def _figure(self) -> Any:
        if not self.rows:
            raise ValueError("there is no epoch to draw yet")
        return figure_of(self.rows, self.to_dict())

    def __repr__(self) -> str:
        if not self.losses:
            return "History of 0 epochs"
        end = f", stopped by {self.stopped}" if self.stopped else ""
        line = (
            f"History of {counted(len(self.losses), 'epoch')}, loss {self.losses[0]:.4g} -> {self.losses[-1]:.4g}{end}"
        )
        return "\n".join([line, *self._table()])

    def _table(self) -> list[str]:
        """Some of the rows, evenly spaced, under their column names."""
        if not self.rows:
            return []
        count = len(self.rows)
        places = sorted({round(k * (count - 1) / max(1, min(HEAD, count) - 1)) for k in range(min(HEAD, count))})
        columns = self.to_dict()
        names = list(columns)
        cells = [names, *([_briefly(columns[name][place]) for name in names] for place in places)]
        widths = [max(map(display_width, column)) for column in zip(*cells)]
        return [
            "".join(["  " + " " * (w - display_width(cell)) + cell for cell, w in zip(row, widths)]) for row in cells
        ]


def _briefly(item: Any) -> str:
    return f"{item:.4g}" if isinstance(item, float) else str(item)
