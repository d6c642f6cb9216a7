"""Where numbers left the graph through float(), as in math.exp(v): no gradient flows through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from ..modes import line_of, reads
from ..numbers import could_be_written
from ..primitive import PRIMITIVES
from ..value import Value
from .callers import is_ours, written


def left_graph(order: Iterable[Value], name: Callable[[Value], str]) -> Iterator[str]:
    """Numbers of this graph that float() took out of a Value which has no path to its root.

    A call of float() alone says nothing, since losses are printed. A number in this graph must be the very object that
    was read, or a function of the table applied to it, and must not look as if written by hand. It is still no proof: a
    copy by `detach` is the same object, and a function's result may be equal by chance. So the note says what was seen.
    """
    if not reads:
        return
    there = {id(node): node._data for node in order}
    numbers = {leaf._data: leaf for leaf in order if leaf._primitive is None and not could_be_written(leaf._data)}
    said: set[tuple[str, int]] = set()
    for below, code, at in reversed(reads):
        (read, x), *_ = below
        source = code.co_filename, line_of(code, at)
        if there.get(read) is x or source in said or is_ours(code.co_filename):
            continue
        found = next(_found(numbers, x), None) if numbers else None
        if found is not None:
            said.add(source)
            leaf, image = found
            plain = f"{name(leaf)} is a plain number, {image} it took"
            yield f"float() left the graph here, and {plain}: {written(source)}"


def why_not_there(node: Value) -> str:
    """What may have taken a Value out of a graph, for the message that it is not there; else empty."""
    for below, code, at in reversed(reads):
        same = any(read == id(node) and x is node._data for read, x in below)
        if same and not is_ours(code.co_filename):
            where = written((code.co_filename, line_of(code, at)))
            return f"; float() left the graph at {where}: use the engine's functions, not math's"
    return ""


def _found(numbers: dict[float, Value], x: float) -> Iterator[tuple[Value, str]]:
    """Leaves that hold this number or a function of it from the table, and which of these, in words."""
    if x in numbers and numbers[x]._data is x:  # an equal one may be the weight of another model of the same seed
        yield numbers[x], "what"
    for primitive in PRIMITIVES.values():
        if primitive.arity == 1:
            with suppress(ArithmeticError, ValueError):  # raised by a user's primitive
                image = primitive.forward(x)
                if image in numbers and image != x:
                    yield numbers[image], f"{primitive.name} of what"
