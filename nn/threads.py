"""Which thread trains which parameters: another one that used them meanwhile would mix the numbers of two steps."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from engine import Value


class Holder(Protocol):
    """An optimiser, or whatever else has parameters that are trained."""

    @property
    def params(self) -> tuple[Value, ...]:
        """Those that it holds just now."""


class _Training(NamedTuple):
    process: int  # which may be forked meanwhile
    thread: int
    optimizer: Holder

    def is_elsewhere(self) -> bool:
        return self.process == os.getpid() and self.thread != threading.get_ident()

    def trains(self, parameters: Iterable[Value]) -> bool:
        return not {*self.optimizer.params}.isdisjoint(parameters)


_now: list[_Training] = []
"""In the order in which they began."""


@contextmanager
def alone(optimizer: Holder) -> Iterator[None]:
    """A context in which no other thread enters one of the same parameters; this thread may, as in a callback.

    Raises:
        RuntimeError: another thread is in one.
    """
    training = _Training(os.getpid(), threading.get_ident(), optimizer)
    _now.append(training)  # before the check: of two threads that begin at once, one sees the other
    try:
        _refuse_beside(training)
        yield
    finally:
        _now.remove(training)


def _refuse_beside(training: _Training) -> None:
    """Refuse a training of parameters that another thread began to train earlier."""
    began, optimizer = [*_now], training.optimizer
    for other in filter(_Training.is_elsewhere, began[: began.index(training)]):
        if other.optimizer is optimizer or other.trains(optimizer.params):
            raise RuntimeError(
                "another thread is training parameters of this optimizer, and steps of one of the two would be lost: "
                "give each a model and an optimizer of its own, as with copy.deepcopy((model, optimizer))"
            )


def refuse_elsewhere(act: str, parameters: Callable[[], Iterable[Value]]) -> None:
    """Refuse what would meet parameters, or an optimiser's memory of them, in the middle of another thread's training.

    Args:
        act: what would, such as "a copy".
        parameters: gives them; called only while another thread trains.

    Raises:
        RuntimeError: another thread is in a `fit` with some of them.
    """
    trained = [*filter(_Training.is_elsewhere, [*_now])]
    if trained:
        own = [*parameters()]
        if any(training.trains(own) for training in trained):
            raise trained_elsewhere(act)


def trained_elsewhere(act: str) -> RuntimeError:
    """The error to raise where another thread changes parameters meanwhile."""
    return RuntimeError(
        f"another thread is training these parameters, and {act} would meet some before a step and some after it: "
        "do it in that thread between its steps, as in a callback of nn.fit, or when it is done"
    )
