"""Modes of this thread: whether results are recorded, who is told of them, and what a user's function is called for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

inside_rule: ContextVar[str] = ContextVar("inside_rule", default="")
"""The primitive whose local derivative is being recorded: there ``float(v)`` would silently give a wrong result."""

open_modes: list[None] = []
"""An entry for each context below that is open in any thread: while there is none, nodes need not ask."""

_purpose: ContextVar[str] = ContextVar("purpose", default="")
recording: ContextVar[bool] = ContextVar("recording", default=True)
_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


class Observer(Protocol):
    """Who is told of all that happens, such as a detector of anomalies."""

    def made(self, node: Any) -> None:
        """A node, a Value, has been computed."""

    def swept(self, root: Any, adjoints: dict[Any, float]) -> None:
        """The adjoints of a graph have been computed and are about to be used."""


def observer() -> Observer | None:
    """Who watches this thread."""
    return _observer.get() if open_modes else None


@contextmanager
def observed_by(watching: Observer | None) -> Iterator[None]:
    """Tell `watching` of all that happens inside, in this thread; None: nobody."""
    with _mode(_observer, watching):
        yield


@contextmanager
def no_grad() -> Iterator[None]:
    """Results computed inside, in this thread, are leaves: nothing is recorded.

    >>> from engine import Value
    >>> x = Value(2.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.operands
    ()
    """
    with _mode(recording, False):
        yield


@contextmanager
def always_recorded() -> Iterator[None]:
    """Results computed inside, in this thread, are recorded, even where a `no_grad` is open further out."""
    with _mode(recording, True):
        yield


@contextmanager
def _mode(variable: ContextVar[Any], setting: Any) -> Iterator[None]:
    token = variable.set(setting)
    open_modes.append(None)
    try:
        yield
    finally:
        open_modes.pop()
        variable.reset(token)


def is_recording() -> bool:
    """Whether results computed in this thread are recorded, that is, no `no_grad` is open."""
    return not open_modes or recording.get()


@contextmanager
def called_for(purpose: str) -> Iterator[None]:
    """What functions are called for inside, in this thread: see `purpose`."""
    token = _purpose.set(purpose)
    try:
        yield
    finally:
        _purpose.reset(token)


def purpose() -> str:
    """Why the function that runs now is being called: for code that draws random numbers, such as dropout.

    Returns:
        "check" if its results at several points are compared, so that what is random must be held fixed; "trace" if
        it is being compiled, so that nothing can be drawn at all; "" if somebody wants its result.

    >>> import engine
    >>> purposes = []
    >>> report = engine.check_gradients(lambda x: purposes.append(engine.purpose()) or x * x, [1.0])
    >>> set(purposes)
    {'check'}
    """
    return _purpose.get()
