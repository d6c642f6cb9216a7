"""Which thread trains which parameters: what another does with them meanwhile would mix the numbers of two steps."""

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

    @classmethod
    def here(cls, optimizer: Holder) -> _Training:
        return cls(os.getpid(), threading.get_ident(), optimizer)

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
    training = _Training.here(optimizer)
    _now.append(training)  # before the look: of two that come at a time, one sees the other
    try:
        _refuse_beside(training)
        yield
    finally:
        _now.remove(training)


def _refuse_beside(training: _Training) -> None:
    """Refuse a training of what one that began earlier in another thread trains."""
    began, optimizer = [*_now], training.optimizer
    for other in filter(_Training.is_elsewhere, began[: began.index(training)]):
        if other.optimizer is optimizer or other.trains(optimizer.params):
            raise RuntimeError(
                "another thread trains parameters of this optimizer now, and steps of one of them would be lost: "
                "give each a model and an optimizer of its own, as with copy.deepcopy((model, optimizer))"
            )


def refuse_elsewhere(act: str, parameters: Callable[[], Iterable[Value]]) -> None:
    """Refuse what would meet parameters, or what an optimiser remembers of them, between two steps of another thread.

    Args:
        act: what is done, such as "a copy of them".
        parameters: gives them; called only while another thread trains.

    Raises:
        RuntimeError: another thread is in a `fit` with some of them.
    """
    trained = [*filter(_Training.is_elsewhere, [*_now])]
    if trained:
        own = [*parameters()]
        if any(training.trains(own) for training in trained):
            raise moving(act)


def moving(act: str) -> RuntimeError:
    """The error to raise where another thread changes parameters meanwhile."""
    return RuntimeError(
        f"another thread trains these parameters now, and {act} would meet some before a step of it and some after: "
        "do it in that thread between its steps, as in a callback of nn.fit, or when it is done"
    )
