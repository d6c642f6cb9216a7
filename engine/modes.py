"""Modes of the current thread: whether results are recorded, what observes them, and why a function is being called."""

from __future__ import annotations

import functools
import inspect
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import _GeneratorContextManager, contextmanager
from contextvars import ContextVar
from types import CodeType
from typing import Any, NoReturn, Protocol

inside_rule: ContextVar[str] = ContextVar("inside_rule", default="")
"""The primitive whose local derivative is being recorded: there ``float(v)`` would silently give a wrong result."""

reads: deque[tuple[tuple[tuple[int, float], ...], CodeType, int]] = deque(maxlen=100)
"""The last calls of float() on Values: the Value and its nearest operands, by id and number; the caller's code, and the
place in it."""

open_modes: list[object] = []
"""An entry for each context below that is open in any thread: while there is none, nodes need not ask."""

row_reader: list[Callable[[Any], list[float]] | None] = [None]
"""What reads the numbers of a row of Values, while some thread sees other numbers than their own."""

tracer: ContextVar[Tracer | None] = ContextVar("tracer", default=None)
"""What makes symbols in place of numbers in this thread: a function is being compiled."""

arguments: set[Any] = set()
"""The arguments of the functions that are being differentiated, Values: no numbers may be taken out of derivatives of
what depends on them, nor in other threads, since a function may give its work to a pool."""

_purpose: ContextVar[str] = ContextVar("purpose", default="")
recording: ContextVar[bool] = ContextVar("recording", default=True)
_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


class Observer(Protocol):
    """Is called for every node and every sweep: a detector of anomalies, for example."""

    def made(self, node: Any) -> None:
        """A node, a Value, has been computed."""

    def swept(self, root: Any, adjoints: dict[Any, float]) -> None:
        """The adjoints of a graph have been computed and are about to be used."""


class Tracer(Protocol):
    """Gives the result of every operation on Values while a function is traced.

    Attributes:
        refusals: the errors raised so far for what cannot be traced, whether or not the function caught them.
    """

    refusals: list[Any]

    def apply(self, primitive: Any, operands: Any) -> Any:
        """What stands for the result of a primitive."""

    def is_bound(self, operand: Any) -> bool:
        """Whether this is a Value from outside, whose number may be another one at the next call."""


def line_of(code: CodeType, at: int) -> int:
    """The line of an instruction, such as one of `reads`."""
    return next((line for start, end, line in code.co_lines() if start <= at < end and line is not None), 0)


def observer() -> Observer | None:
    """The observer of this thread, if there is one."""
    return _observer.get() if open_modes else None


def unobserved() -> bool:
    """Whether only the numbers of results count in this thread: they are neither recorded nor traced nor observed."""
    return not recording.get() and tracer.get() is None and _observer.get() is None


def observed_by(watching: Observer | None) -> _GeneratorContextManager[None]:
    """Let `watching` observe what happens inside, in this thread; None: nothing observes it."""
    return _mode(_observer, watching)


class no_grad:  # noqa: N801  # used as a function, as in PyTorch
    """Results computed inside, in this thread, are leaves: nothing is recorded.

    As a decorator, ``@no_grad()``, it holds while the function runs; of a generator or coroutine function while that
    runs, and not between its steps. A ``with no_grad():`` around a ``yield``, though, stays open in the code
    that consumes the generator, until it goes on: use the decorator there.

    Raises:
        TypeError: it is given an argument, or decorates something that is not a function, or an asynchronous generator
            function.

    >>> from engine import Value
    >>> x = Value(2.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.operands
    ()
    >>> @no_grad()
    ... def squares():
    ...     while True:
    ...         yield x * x
    >>> inside, outside = next(squares()), x * x
    >>> len(inside.operands), len(outside.operands)
    (0, 2)
    """

    def __init__(self, *function: NoReturn, **mode: NoReturn) -> None:
        if function or mode:
            raise TypeError("no_grad takes no arguments: as a decorator write @no_grad(), with parentheses")
        self._open: list[Generator[None]] = []

    def __enter__(self) -> None:
        mode = _opened(recording, False)
        try:
            next(mode)
            self._open.append(mode)
        except BaseException:  # Ctrl-C, before the `with` block was entered
            mode.close()
            raise

    def __exit__(self, *error: Any) -> None:
        self._open.pop().close()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a function."""
        if not callable(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"no_grad() decorates a function, a generator function or a coroutine, got {function!r}")
        wrapped: Callable[..., Any]
        if inspect.isgeneratorfunction(function):

            def wrapped(*arguments: Any, **named: Any) -> Any:
                return _in_steps(function(*arguments, **named))

        elif inspect.iscoroutinefunction(function):

            async def wrapped(*arguments: Any, **named: Any) -> Any:
                with no_grad():
                    return await function(*arguments, **named)

        else:

            def wrapped(*arguments: Any, **named: Any) -> Any:
                with no_grad():
                    return function(*arguments, **named)

        return functools.wraps(function)(wrapped)


def _in_steps(generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """The same generator, each of whose steps runs under `no_grad`."""
    step: Callable[[], Any] = generator.__next__
    while True:
        try:
            with no_grad():
                item = step()
        except StopIteration as end:
            return end.value
        try:
            sent = yield item
        except GeneratorExit:
            with no_grad():
                generator.close()
            raise
        except BaseException as error:
            step = functools.partial(generator.throw, error)
        else:
            step = functools.partial(generator.send, sent)


def always_recorded() -> _GeneratorContextManager[None]:
    """Results computed inside, in this thread, are recorded, even where a `no_grad` is open further out."""
    return _mode(recording, True)


def traced_by(tracing: Tracer | None) -> _GeneratorContextManager[None]:
    """Take the results of operations from `tracing`, in this thread; None: compute them."""
    return _mode(tracer, tracing)


def _opened(variable: ContextVar[Any], setting: Any) -> Generator[None]:
    """A mode, open while this generator waits; Ctrl-C at any moment leaves none open."""
    before, entry = variable.get(), object()
    if (setting is True or setting is None) and before is setting:
        yield  # as where nothing is open: nodes need not ask
        return
    try:
        variable.set(setting)
        open_modes.append(entry)
        yield
    finally:
        try:
            variable.set(before)
        finally:
            if entry in open_modes:
                open_modes.remove(entry)


_mode = contextmanager(_opened)


@contextmanager
def _within(variable: ContextVar[Any], setting: Any) -> Iterator[None]:
    """A setting that holds inside, in this thread, and is no mode: nodes do not ask for it."""
    before = variable.get()
    try:
        variable.set(setting)
        yield
    finally:
        variable.set(before)


@contextmanager
def called_at(inputs: list[Any]) -> Iterator[None]:
    """Add new leaves to `arguments` inside: a function that is being differentiated is called."""
    try:
        arguments.update(inputs)
        yield
    finally:
        arguments.difference_update(inputs)


def called_for(purpose: str) -> _GeneratorContextManager[None]:
    """Set what functions are called for inside, in this thread: see `purpose`."""
    return _within(_purpose, purpose)


def purpose() -> str:
    """Why the function that runs now is being called: for code that draws random numbers, such as dropout.

    Returns:
        "check" if its results at several points are compared, so that what is random must be held fixed; "trace" if
        it is being compiled, so that nothing can be drawn at all; "" if it is called for its result.

    >>> import engine
    >>> purposes = []
    >>> report = engine.check_gradients(lambda x: purposes.append(engine.purpose()) or x * x, [1.0])
    >>> set(purposes)
    {'check'}
    """
    return _purpose.get()


changes = [0]
"""How many changes were announced: compiled functions compare it at every call, which saves them a search."""


def announce_change() -> None:
    """Tell compiled functions that something they may read has changed: each checks at its next call.

    What is cheap to check they check by themselves. `nn.Module` announces every attribute that is set; do so in
    classes of your own that hold what a compiled function reads, such as layers in ``__slots__``.

    >>> from engine import modes
    >>> before = modes.changes[0]
    >>> modes.announce_change()
    >>> modes.changes[0] > before
    True
    """
    changes[0] += 1
