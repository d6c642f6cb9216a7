"""Where numbers left the graph through float(), as in math.exp(v): no gradient flows through them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from ..modes import line_of, reads
from ..numbers import could_be_written
from ..primitive import PRIMITIVES
from ..value import Constant, Value
from .callers import is_ours, written
from .takers import ASSIGNMENT, names_called


def left_graph(order: Sequence[Value], name: Callable[[Value], str]) -> Iterator[str]:
    """Numbers of this graph that float() took out of a Value which has no path to its root.

    A call of float() alone says nothing, since losses are printed. A number in this graph must be the very object that
    was read, or a function of the table applied to it, and must not look as if written by hand. It is still no proof: a
    copy by `detach` is the same object, and a function's result may be equal by chance. So the note says what was seen.
    Where the instruction tells that an array or a function of `math` took it, the Value may be in the graph, too.
    """
    if not reads:
        return
    there = {id(node): node._z for node in order}
    leaves = [leaf for leaf in order if leaf._primitive is None and not could_be_written(leaf._z)]
    numbers = {leaf._z: leaf for leaf in sorted(leaves, key=lambda leaf: isinstance(leaf, Constant))}
    said: set[tuple[str, int]] = set()
    for below, code, at in reversed(reads):
        (read, x), *_ = below
        source = code.co_filename, line_of(code, at)
        *_, taker = names_called(code, at) or ("",)
        is_seen = taker == ASSIGNMENT or hasattr(math, taker)
        if source in said or is_ours(code.co_filename) or (there.get(read) is x and not is_seen):
            continue
        found = next(_found(numbers, read, x, taker), None)
        if found is not None:
            said.add(source)
            leaf, image = found
            plain = f"{name(leaf)} is a plain number, {image} it took"
            yield f"float() left the graph here, and {plain}: {written(source)}"


def why_not_there(node: Value) -> str:
    """How a Value may have left a graph, for the message that it is not in it; empty if nothing is known."""
    for below, code, at in reversed(reads):
        same = any(read == id(node) and x is node._z for read, x in below)
        if same and not is_ours(code.co_filename):
            where = written((code.co_filename, line_of(code, at)))
            return f"; float() left the graph at {where}: use the engine's functions, not math's"
    return ""


def _found(numbers: dict[float, Value], read: int, x: float, taker: str) -> Iterator[tuple[Value, str]]:
    """Leaves that hold the number that was read, or a function of it, and which of these, in words.

    Args:
        numbers: the leaves by their numbers.
        read: the id of the Value that was read.
        x: its number then.
        taker: what took it, as `names_called` tells; of `math`'s functions no other one counts.
    """
    leaf = numbers.get(x)
    # An equal number may be a weight of another model of the same seed; but an array makes new objects of all.
    if leaf is not None and (id(leaf) != read if leaf._z is x else taker == ASSIGNMENT):
        yield leaf, "what"
    for primitive in PRIMITIVES.values():
        if primitive.arity == 1 and (primitive.name == taker or not hasattr(math, taker)):
            with suppress(ArithmeticError, ValueError):  # raised by a user's primitive
                image = primitive.forward(x)
                if image in numbers and image != x:
                    yield numbers[image], f"{primitive.name} of what"
