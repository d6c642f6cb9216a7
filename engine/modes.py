"""Modes of the current thread: whether results are recorded, what observes them, and why a function is being called.

Also the count of changes that were announced to compiled functions.
"""

from __future__ import annotations

import functools
import inspect
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import _GeneratorContextManager, contextmanager
from contextvars import ContextVar
from types import CodeType
from typing import Any, Generic, NoReturn, Protocol, TypeVar

Kind = TypeVar("Kind")

inside_rule: ContextVar[str] = ContextVar("inside_rule", default="")
"""The primitive whose local derivative is being recorded: there ``float(v)`` would silently give a wrong result."""

reads: deque[tuple[tuple[tuple[int, float], ...], CodeType, int]] = deque(maxlen=100)
"""The last calls of float() on Values: the Value and its nearest operands, by id and number; the caller's code, and
where in it."""


class _Mode:
    """A setting that holds for as long as this is one of `open_modes`, inside another one or none."""

    __slots__ = ("outer", "setting")

    def __init__(self, setting: Any, outer: _Mode | None) -> None:
        self.setting, self.outer = setting, outer


open_modes: list[_Mode] = []
"""The contexts below that are open, in any thread: while there is none, nodes need not ask."""


class Setting(Generic[Kind]):
    """What the innermost open mode sets, in this thread or task.

    Modes may end in any order, like the generators and tasks that open them, and a task begins with those of the code
    that made it: a mode that has ended counts nowhere.

    Args:
        name: for debuggers.
        otherwise: what holds while none is open.
    """

    __slots__ = ("_innermost", "_otherwise", "_read")

    def __init__(self, name: str, otherwise: Kind) -> None:
        self._innermost: ContextVar[_Mode | None] = ContextVar(name, default=None)
        self._read = self._innermost.get
        self._otherwise = otherwise

    def get(self) -> Kind:
        """The setting."""
        mode = self._read()
        while mode is not None:
            if mode in open_modes:
                return mode.setting
            mode = mode.outer
        return self._otherwise

    def modes(self) -> Iterator[_Mode]:
        """Those that are open here, from the innermost one outwards."""
        mode = self._innermost.get()
        while mode is not None:
            if mode in open_modes:
                yield mode
            mode = mode.outer

    def opened(self, setting: Kind) -> Generator[_Mode | None]:
        """A mode, open while this generator waits; Ctrl-C at any moment leaves none open."""
        if (setting is True or setting is None) and self.get() is setting:
            yield None  # as where nothing is open: nodes need not ask
            return
        mode = _Mode(setting, next(self.modes(), None))
        try:
            self._innermost.set(mode)
            open_modes.append(mode)
            yield mode
        finally:
            try:
                if self._innermost.get() is mode:
                    self._innermost.set(mode.outer)
            finally:
                if mode in open_modes:
                    open_modes.remove(mode)


row_reader: list[Callable[[Any], list[float]] | None] = [None]
"""What reads the numbers of a row of Values, while some thread sees other numbers than their own."""

tracer: Setting[Tracer | None] = Setting("tracer", None)
"""What makes symbols in place of numbers in this thread: a function is being compiled."""

arguments: set[Any] = set()
"""The arguments of the functions that are being differentiated, Values: no numbers may be taken out of derivatives of
what depends on them, nor in other threads, since a function may give its work to a pool."""

Place = tuple[CodeType, int]
"""An instruction: its code, and where it is in that."""

places_of_calls: list[dict[Place, None]] = []
"""For each function that is being differentiated where float() was taken, meanwhile, of what may depend on an argument:
each place once, so that none is lost among many calls."""

_purpose: ContextVar[str] = ContextVar("purpose", default="")
recording: Setting[bool] = Setting("recording", True)
observing: Setting[Observer | None] = Setting("observer", None)


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
    return observing.get() if open_modes else None


def unobserved() -> bool:
    """Whether only the numbers of results count in this thread: they are neither recorded nor traced nor observed."""
    return not recording.get() and tracer.get() is None and observing.get() is None


def observed_by(watching: Observer | None) -> _GeneratorContextManager[Any]:
    """Let `watching` observe what happens inside, in this thread; None: nothing observes it."""
    return _mode(observing, watching)


class _WithBrackets(type):
    """The type of modes: by it, ``with no_grad:`` gets an error that says what is missing."""

    def __enter__(cls) -> NoReturn:
        raise TypeError(f"{cls.__name__} opens no block without brackets: write `with {cls.__name__}():`")

    def __exit__(cls, *error: Any) -> None: ...


class OpenedWith(metaclass=_WithBrackets):
    """A mode that a `with` statement opens, or a decorated function while it runs.

    A decorated generator or coroutine function holds it while that runs, and not between its steps. A ``with`` around a
    ``yield``, though, stays open in the code that consumes the generator, until it goes on: use the decorator there.

    Args:
        variable: what is set.
        setting: makes what it is set to, anew for each time: something that opens a mode, see `Setting.opened`.
    """

    def __init__(self, variable: Setting[Any], setting: Callable[[], Any]) -> None:
        self._variable, self._setting = variable, setting
        self._open: dict[_Mode | None, Generator[_Mode | None]] = {}  # several, if threads or tasks share this object

    def __enter__(self) -> None:
        waiting = self._variable.opened(self._setting())
        try:
            mode = next(waiting)
            self._open[mode] = waiting
        except BaseException:  # Ctrl-C, before the `with` block was entered
            waiting.close()
            raise

    def __exit__(self, *error: Any) -> None:
        own = (mode for mode in self._variable.modes() if mode in self._open)
        self._open.pop(next(own, None) or next(reversed(self._open))).close()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a function."""
        if not callable(function) or inspect.isasyncgenfunction(function):
            name = type(self).__name__
            raise TypeError(f"{name}() decorates a function, a generator function or a coroutine, got {function!r}")
        wrapped: Callable[..., Any]
        if inspect.isgeneratorfunction(function):

            def wrapped(*arguments: Any, **named: Any) -> Any:
                return _in_steps(function(*arguments, **named), self._again)

        elif inspect.iscoroutinefunction(function):

            async def wrapped(*arguments: Any, **named: Any) -> Any:
                with self._again():
                    return await function(*arguments, **named)

        else:

            def wrapped(*arguments: Any, **named: Any) -> Any:
                with self._again():
                    return function(*arguments, **named)

        return functools.wraps(function)(wrapped)

    def _again(self) -> OpenedWith:
        """The same mode for one run of a function: it ends with that run, also if Ctrl-C comes before its exit."""
        return OpenedWith(self._variable, self._setting)


class no_grad(OpenedWith):  # noqa: N801  # used as a function, as in PyTorch
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
        super().__init__(recording, lambda: False)


def _in_steps(generator: Generator[Any, Any, Any], mode: Callable[[], OpenedWith]) -> Generator[Any, Any, Any]:
    """The same generator, each of whose steps runs inside a mode."""
    step: Callable[[], Any] = generator.__next__
    while True:
        try:
            with mode():
                item = step()
        except StopIteration as end:
            return end.value
        try:
            sent = yield item
        except GeneratorExit:
            with mode():
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


def _mode(variable: Setting[Any], setting: Any) -> _GeneratorContextManager[Any]:
    """The context in which a mode is open."""
    return contextmanager(variable.opened)(setting)


@contextmanager
def called_at(inputs: list[Any]) -> Iterator[dict[Place, None]]:
    """Add new leaves to `arguments` inside: a function that is being differentiated is called.

    It gives the places that are new among `places_of_calls`.
    """
    places: dict[Place, None] = {}
    try:
        arguments.update(inputs)
        places_of_calls.append(places)
        yield places
    finally:
        arguments.difference_update(inputs)
        places_of_calls[:] = [other for other in places_of_calls if other is not places]


@contextmanager
def called_for(purpose: str) -> Iterator[None]:
    """Set what functions are called for inside, in this thread; it is no mode, so nodes do not ask for it."""
    before = _purpose.get()
    try:
        _purpose.set(purpose)
        yield
    finally:
        _purpose.set(before)


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

    What is cheap to check they check by themselves, and what is large or far from their code from time to time; if that
    has changed, and calls may have missed it, they warn. `nn.Module` announces every attribute that is set; do so in
    classes of your own that hold what a compiled function reads, such as layers in ``__slots__``.

    >>> from engine import modes
    >>> before = modes.changes[0]
    >>> modes.announce_change()
    >>> modes.changes[0] > before
    True
    """
    changes[0] += 1
