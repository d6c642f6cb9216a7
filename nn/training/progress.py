"""How far training has come, and ways to show it: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from importlib.util import find_spec
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from ..arguments import check_takes, name_of, show


class Progress(NamedTuple):
    """Where training stands after a batch; epochs and batches count from 1.

    >>> Progress(epoch=3, epochs=10, batch=2, batches=5, loss=0.25).done
    0.24
    """

    epoch: int
    """The number of the epoch, from 1."""

    epochs: int
    """How many epochs there are."""

    batch: int
    """The number of the batch in its epoch, from 1."""

    batches: int
    """How many batches an epoch has."""

    loss: float
    """The mean loss of this epoch so far."""

    scores: Mapping[str, float] = MappingProxyType({})
    """Validation scores of the epoch before, by the names of `History.rows`; in `fit_many` those of the net itself."""

    unit: str = "epoch"
    """The unit that is counted; "net" in `fit_many`, which reports after each net."""

    lr: float | None = None
    """The learning rate of the batch; None in `fit_many`."""

    @property
    def done(self) -> float:
        """The share of all batches that is done, from 0 to 1."""
        return ((self.epoch - 1) * self.batches + self.batch) / (self.epochs * self.batches)


Reporter: TypeAlias = Callable[[Progress], object]


class Reports(NamedTuple):
    """Functions to call after each batch, and after each epoch, when its own validation is known."""

    batch: Reporter | None = None
    epoch: Reporter | None = None


def reporting(progress: bool | Reporter) -> AbstractContextManager[Reports]:
    """A context for the training that reports as the `progress` option asks.

    Args:
        progress: False for silence, a callable to be called with a `Progress` after each batch, or True for a
            bar (with the package rich, on a terminal) or plain lines.

    Raises:
        TypeError: if it is something else, or takes no `Progress`.
    """
    if isinstance(progress, bool):
        if not progress:
            return nullcontext(Reports())
        has_rich = sys.stdout.isatty() and find_spec("rich") is not None
        return _bar() if has_rich else nullcontext(Reports(epoch=_line))
    if not callable(progress):
        raise TypeError(f"progress is True, False or a callable that takes a Progress, not {show(progress)}: {_BAR}")
    check_takes("progress", progress, "a Progress")
    _refuse_counting(progress)
    return nullcontext(Reports(batch=progress))


_BAR = "for a bar of your own write progress=lambda state: bar.update()"


def _refuse_counting(function: Reporter) -> None:
    """Refuse a callable that takes a number first, as the `update(n=1)` of a bar does.

    Raises:
        TypeError: it does.
    """
    with suppress(ValueError):  # without a signature
        signature = inspect.signature(function)
        first = next(iter(signature.parameters.values()), None)
        if first is not None and isinstance(first.default, (int, float)):
            what = f"{name_of(function)}{signature}"
            raise TypeError(f"progress is called with a Progress, and {what} takes a number: {_BAR}")


def _line(state: Progress) -> None:
    """Print about ten lines in the course of a training."""
    every = max(1, state.epochs // 10)
    if state.epoch % every == 0 or state.epoch == state.epochs:
        print(_text(state), flush=True)


def _text(state: Progress, between: str = "  ") -> str:
    """An epoch that has ended."""
    return between.join(filter(None, (_head(state), _scores(state))))


def _under_way(state: Progress, between: str) -> str:
    """An epoch under way: the validation scores are those of the epoch before, and the line says so."""
    before = f"{state.unit} {state.epoch - 1}: {_scores(state)}" if state.scores else ""
    return between.join(filter(None, (_head(state), before)))


def _head(state: Progress) -> str:
    rate = "" if state.lr is None else f"  lr {state.lr:.4g}"
    return f"{state.unit} {state.epoch}/{state.epochs}{rate}  loss {state.loss:.4g}"


def _scores(state: Progress) -> str:
    """``validation loss 0.5, accuracy 0.9``."""
    numbers = [f"{name.removeprefix('validation_')} {score:.4g}" for name, score in state.scores.items()]
    return f"validation {', '.join(numbers)}" if numbers else ""


def _rate(state: Progress, seconds: float) -> str:
    """Epochs per second, in few characters: a line of 80 has to hold it all."""
    return f"{state.done * state.epochs / seconds:.3g}/s" if seconds > 0.0 else ""


@contextmanager
def _bar() -> Iterator[Reports]:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(10), TaskProgressColumn(), TextColumn("{task.fields[rate]}"))
    with Bar(*columns, TimeRemainingColumn()) as bar:
        task = bar.add_task("training", total=1.0, rate="")
        started = time.monotonic()

        def report(text: Callable[[Progress, str], str], state: Progress) -> None:
            passed = time.monotonic() - started
            bar.update(task, completed=state.done, description=text(state, "\n"), rate=_rate(state, passed))

        yield Reports(partial(report, _under_way), partial(report, _text))
