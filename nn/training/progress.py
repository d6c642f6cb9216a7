"""How far training has come, and ways to show it: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from ..arguments import show


class Progress(NamedTuple):
    """Where training stands after a batch; epochs and batches count from 1.

    >>> Progress(epoch=3, epochs=10, batch=2, batches=5, loss=0.25).done
    0.24
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    """The mean loss of this epoch so far."""

    scores: Mapping[str, float] = MappingProxyType({})
    """The validation of the epoch before."""

    unit: str = "epoch"
    """What is counted; "net" in `fit_many`, after each of which it reports."""

    @property
    def done(self) -> float:
        """The share of all batches that is done, from 0 to 1."""
        return ((self.epoch - 1) * self.batches + self.batch) / (self.epochs * self.batches)


Reporter: TypeAlias = Callable[[Progress], object]


def reporting(progress: bool | Reporter) -> AbstractContextManager[Reporter | None]:
    """What a `progress` option asks for, to be entered for the time of the training; None for silence.

    Args:
        progress: False for silence, a callable to be called with a `Progress` after each batch, or True for a
            bar (with the package rich, on a terminal) or plain lines.

    Raises:
        TypeError: if it is something else.
    """
    if isinstance(progress, bool):
        if not progress:
            return nullcontext(None)
        return _bar() if sys.stdout.isatty() and _has_rich() else nullcontext(_line)
    if not callable(progress):
        raise TypeError(f"progress is True, False or a callable that takes a Progress, not {show(progress)}")
    return nullcontext(progress)


def _line(state: Progress) -> None:
    """Print about ten lines in the course of a training, each at the end of an epoch."""
    every = max(1, state.epochs // 10)
    if state.batch == state.batches and (state.epoch % every == 0 or state.epoch == state.epochs):
        print(_text(state), flush=True)


def _text(state: Progress) -> str:
    scores = "".join(f"  {name.replace('_', ' ')} {score:.4g}" for name, score in state.scores.items())
    return f"{state.unit} {state.epoch}/{state.epochs}  loss {state.loss:.4g}{scores}"


def _has_rich() -> bool:
    try:
        import rich  # noqa: F401  # whether it can be imported is all that is asked
    except ImportError:
        return False
    return True


def _rate(state: Progress, seconds: float) -> str:
    """How many epochs pass in a second."""
    return f"{state.done * state.epochs / seconds:.3g} {state.unit}s/s" if seconds > 0.0 else ""


@contextmanager
def _bar() -> Iterator[Reporter]:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}"))
    with Bar(*columns, TimeRemainingColumn()) as bar:
        task, started = bar.add_task("training", total=1.0, rate=""), time.monotonic()

        def report(state: Progress) -> None:
            bar.update(
                task, completed=state.done, description=_text(state), rate=_rate(state, time.monotonic() - started)
            )

        yield report
