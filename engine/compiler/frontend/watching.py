"""Watches Values while a function is traced: every operation gives a symbol, and none of their numbers gets out.

The methods of Value that read or change a number are replaced for that time. A replacement acts only in the thread that
traces, on Values that the function has not made itself; anywhere else it does what the method does.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import starmap
from typing import Any

from ...modes import traced_by, tracer
from ...primitive import Primitive
from ...value import Constant, Value
from ..errors import TraceError, refusal
from .graph import Graph
from .symbol import Symbol

_slot = vars(Value)["_z"]
_FIX_CHANGE = "A compiled function must not change Values: change parameters outside of it."


class Watch:
    """One run of a function on symbols.

    Attributes:
        graph: the graph of the symbols.
        made: the Values that the function has made from plain numbers, or computed from such Values.
        refusals: the errors so far.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph, self.refusals = graph, list[TraceError]()
        self.made = graph.made = set[Value]()

    def is_bound(self, operand: Any) -> bool:
        """Whether this is a Value from outside, whose number may differ at the next call."""
        return isinstance(operand, Value) and operand not in self.made and operand.__class__ is not Constant

    def apply(self, primitive: Primitive, operands: Sequence[Any]) -> Any:
        """The symbol for an operation, or a Value if all operands are the function's own."""
        for operand in reversed(operands):  # in a dot, inputs come last
            kind = type(operand)
            if kind is float:
                continue
            common = kind is Symbol or (kind is Value and operand not in self.made)
            if common or isinstance(operand, Symbol) or self.is_bound(operand):
                return self.graph.recorded(primitive, operands)
        with traced_by(None):
            result = Value.__apply_primitive__(primitive, tuple(operands))
        self.made.add(result)
        return result


@contextmanager
def watched(graph: Graph, disturbed: bool = False) -> Iterator[Watch]:
    """A context for one run of a function, which it yields.

    Args:
        graph: the graph of the symbols.
        disturbed: whether the engine itself, in `repr` for example, finds other numbers in the Values from outside.

    Raises:
        TraceError: the number of such a Value was read or changed.
    """
    watch = Watch(graph)
    accessors = {**_ACCESSORS, "_z": _disturbed(watch)} if disturbed else _ACCESSORS
    new = [(threading.Thread, "start", _start), *[(Value, name, accessor) for name, accessor in accessors.items()]]
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in new]
    try:
        for replacement in new:
            setattr(*replacement)
        with traced_by(watch):
            yield watch
    finally:
        deque(starmap(setattr, before), maxlen=0)  # in one call, which Ctrl-C cannot break off


def _disturbed(watch: Watch) -> property:
    def read(value: Value) -> float:
        number: float = _slot.__get__(value)
        return 0.61 - 1.37 * number if tracer.get() is watch and watch.is_bound(value) else number

    return property(read, _slot.__set__)


# ---- the replacements of the methods ---------------------------------------------------------------------------


def _watch_of(*operands: Any) -> Watch | None:
    """The run in this thread, if there is one and some operand is a Value from outside."""
    watch = tracer.get()
    return watch if isinstance(watch, Watch) and any(map(watch.is_bound, operands)) else None


def _as_symbol(name: str) -> Callable[..., Any]:
    """A method that does what a symbol's does."""
    method, of_symbol = getattr(Value, name), getattr(Symbol, name)

    def accessor(self: Value, *others: Any) -> Any:
        watch = _watch_of(self, *others)
        return method(self, *others) if watch is None else of_symbol(watch.graph.lift(self), *others)

    return accessor


def _refused(name: str, what: str, fix: str) -> Callable[..., Any]:
    method = getattr(Value, name)

    def accessor(self: Value, *arguments: Any, **named: Any) -> Any:
        if _watch_of(self) is not None:
            raise refusal(f"{what} of {self!r}", fix)
        return method(self, *arguments, **named)

    return accessor


def _attribute(name: str) -> property:
    own = vars(Value)[name]

    def read(self: Value) -> Any:
        watch = _watch_of(self)
        return own.__get__(self) if watch is None else getattr(watch.graph.lift(self), name)

    def write(self: Value, number: Any) -> None:
        if _watch_of(self) is not None:
            raise refusal(f"the function assigned {number!r} to {name} of {self!r}", _FIX_CHANGE)
        own.__set__(self, number)

    return property(read, write, doc=own.__doc__)


def _start(thread: threading.Thread) -> None:
    if isinstance(tracer.get(), Watch):
        raise refusal(
            "the function starts a thread", "What a thread reads is not seen: compute it in the function itself."
        )
    _start_of_all(thread)


def _made(self: Value, data: Any, label: str | None = None) -> None:
    _init(self, data, label)
    watch = tracer.get()
    if isinstance(watch, Watch):
        watch.made.add(self)


_init = vars(Value)["__init__"]
_start_of_all = threading.Thread.start
_COPY = "the function copied the number"
_FIX_COPY = "Use detach() for a Value that follows another and passes no derivative on."
_READING = ("float", "int", "bool", "format", "eq", "ne", "lt", "le", "gt", "ge")
_STEPPING = ("backward_steps", "stepper")
_ACCESSORS: dict[str, Any] = {
    "__init__": _made,
    "data": _attribute("data"),
    "grad": _attribute("grad"),
    **{f"__{name}__": _as_symbol(f"__{name}__") for name in _READING},
    "detach": _as_symbol("detach"),
    "backward": _as_symbol("backward"),
    "zero_grad": _refused("zero_grad", "the function set the gradient", _FIX_CHANGE),
    **{name: _refused(name, "the function stepped through the gradient", _FIX_CHANGE) for name in _STEPPING},
    "__deepcopy__": _refused("__deepcopy__", _COPY, _FIX_COPY),
    "__reduce_ex__": _refused("__reduce_ex__", _COPY, _FIX_COPY),
}
