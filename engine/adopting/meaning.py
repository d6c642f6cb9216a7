"""Which primitives of the table an operation of another engine may be, by its name and by its result."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from .. import ops
from ..functional import gradient
from ..interval import REALS
from ..numbers import equal_numbers
from ..primitive import PRIMITIVES, Primitive
from ..value import Value
from .graph import Node

# Names of operations in other engines, and the name here.
_SYNONYMS = {
    "truediv": "div",
    "divide": "div",
    "plus": "add",
    "minus": "sub",
    "times": "mul",
    "multiply": "mul",
    "power": "pow",
    "^": "pow",
    "ln": "log",
    "σ": "sigmoid",
    "logistic": "sigmoid",
    "sig": "sigmoid",
    "lrelu": "leaky_relu",
    "leakyrelu": "leaky_relu",
    "negative": "neg",
    "max": "maximum",
    "min": "minimum",
    "inv": "reciprocal",
    "inverse": "reciprocal",
    "1/x": "reciprocal",
    **{f"r{name}": name for name in ("add", "sub", "mul", "div", "pow")},
    "rtruediv": "div",
}
_ARITHMETIC = (ops.add, ops.sub, ops.mul, ops.div, ops.pow)
_VERSIONS = (ops.gelu, ops.softplus, ops.where)  # elsewhere: with a sigmoid; with a slope; with a condition above 0
_WITH_NUMBER = re.compile(
    r"(?:x|self)?\s*(\*\*|\^|\+|-|\*|/|pow)\s*\(?\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*\)?", re.IGNORECASE
)
_MOVES = ((-1.0, 0.37), (2.0, -0.81), (-0.5, -0.29), (0.3, 1.7))  # to points on both sides of 0, whatever the numbers
_DIGITS = 1e-5  # relative: their numbers may be single precision, and their formulas differ from the table's


def close(got: float, expected: float) -> bool:
    """Whether two numbers are the same, up to the rounding of a different formula."""
    if not math.isfinite(expected):
        return True  # nothing can be said
    return abs(got - expected) <= _DIGITS * max(1.0, abs(expected))


def _same(got: float, expected: float) -> bool:
    """Whether two numbers are close, or the same where one is infinite or nan."""
    return close(got, expected) if math.isfinite(expected) else equal_numbers(got, expected)


class Meaning(NamedTuple):
    """A primitive on operands in one order.

    Attributes:
        primitive: one of the table.
        operands: nodes, or numbers from the operation's name or closure.
    """

    primitive: Primitive
    operands: tuple[Node | float, ...]

    @property
    def inputs(self) -> tuple[float, ...]:
        """The operands' numbers as they are now."""
        return tuple([o.number if isinstance(o, Node) else o for o in self.operands])

    @property
    def number(self) -> float:
        """What the operation gives."""
        return self.primitive.forward(*self.inputs)

    def slopes(self) -> dict[int, float]:
        """The derivative with respect to each operand, by identity; summed if an operand comes twice."""
        values = [Value(x) for x in self.inputs]
        node = Value.__apply_primitive__(self.primitive, tuple(values))
        node.backward()
        found: dict[int, float] = {}
        for operand, value in zip(self.operands, values):
            if isinstance(operand, Node):
                found[id(operand)] = found.get(id(operand), 0.0) + value.grad
        return found

    def gives(self, slopes: dict[int, float]) -> bool:
        """Whether its derivatives are these, infinite ones too, where engines have conventions of their own."""
        return all(_same(slopes.get(key, 0.0), d) for key, d in self.slopes().items())

    def is_same_function(self, other: Meaning) -> bool:
        """Whether another meaning gives the same numbers of other operands, too: as a + b and the sum of both."""
        return all(_same(self._at(*by), other._at(*by)) for by in _MOVES)

    @property
    def of_two_nodes(self) -> bool:
        """Whether it combines two different nodes, and no number."""
        return len({id(o) for o in self.operands if isinstance(o, Node)}) == len(self.operands) == 2

    def _at(self, factor: float, shift: float) -> float:
        """What the operation gives of other numbers."""
        return self.primitive.forward(
            *[factor * o.number + shift * o.position if isinstance(o, Node) else o for o in self.operands]
        )

    @property
    def has_versions(self) -> bool:
        """Whether other engines use its name for a different function, such as leaky_relu with another slope."""
        primitive = self.primitive
        return bool(primitive.defaults) or primitive in _VERSIONS or primitive is not PRIMITIVES.get(primitive.name)

    def at_a_kink(self) -> bool:
        """Whether it is at a kink, or where a derivative is infinite: there conventions differ."""
        kink = self.primitive.kink
        return (kink is not None and abs(kink(self.number, *self.inputs)) < 1e-9) or not all(
            map(math.isfinite, self.slopes().values())
        )


def meanings(node: Node) -> list[Meaning]:
    """What a node's operation may be: by its name if it has one, else any primitive with that result."""
    name = _plain(node.operation)
    if name:
        return list(_named(name, node))
    found = [m for p in PRIMITIVES.values() for m in _orders(p, node)]
    return [meaning for meaning in found if fits(meaning, node)]


def of_unknown_number(node: Node) -> list[Meaning]:
    """Sums and differences of the one operand and a number, which their closures need not hold: slopes are 1 or -1."""
    if not node.closed or len(node.operands) != 1:
        return []
    (operand,), z = node.operands, node.number
    possible = _primitives(_plain(node.operation))
    found = [Meaning(ops.add, (operand, z - operand.number))] if ops.add in possible else []
    if ops.sub in possible:
        found += [Meaning(ops.sub, (operand, operand.number - z)), Meaning(ops.sub, (z + operand.number, operand))]
    return found


def certain(alike: Sequence[Node], possible: dict[int, list[Meaning]]) -> Iterator[Node]:
    """Of nodes made in one place, those whose operation is certain: only it gives the results of all of them.

    Where a constant may be involved (``x * 3``, ``3 - x``), a round number proves nothing, nor does an operand that is
    returned as it is, unless that holds for other operands, too.
    """
    shared = set.intersection(*({meaning.primitive.name for meaning in possible[id(node)]} for node in alike))
    several = len({tuple(operand.number for operand in node.operands) for node in alike}) > 1
    for node in alike:
        possible[id(node)][:] = [m for m in possible[id(node)] if m.primitive.name in shared] or possible[id(node)]
        if shared and (several or _telling(node)):
            yield node


def likely(known: Sequence[Meaning]) -> Meaning | None:
    """The likeliest of several meanings that all give a node's number and slopes; None if that is anyone's guess.

    Without a name, a relu of a positive number may be an abs as well: nobody can tell. But operations with a default
    operand, such as the slope of leaky_relu, are ruled out by others, and of two nodes arithmetic is the likeliest: a
    sum that is also the remainder of a division is so by chance.
    """
    known = [m for m in known if not m.primitive.defaults] or known
    known = [m for m in known if m.primitive in _ARITHMETIC and m.of_two_nodes] or known
    return known[0] if all(map(known[0].is_same_function, known)) else None


def _telling(node: Node) -> bool:
    """Whether no other operation is likely to give its number."""
    if any(abs(node.number) == abs(operand.number) for operand in node.operands):
        return False
    return len(node.operands) > 1 or float(f"{node.number:.6g}") != node.number


def is_operation(name: str) -> bool:
    """Whether the table knows an operation of this name.

    >>> is_operation("tanh"), is_operation("**2"), is_operation("input"), is_operation("")
    (True, True, False, False)
    """
    name = _plain(name)
    return bool(name) and (_WITH_NUMBER.fullmatch(name) is not None or bool(_primitives(name)))


def names_whole_number(name: str) -> bool:
    """Whether an operation's name has its other operand, a whole number: others may be rounded there.

    >>> names_whole_number("**2"), names_whole_number("**0.33"), names_whole_number("**")
    (True, False, False)
    """
    with_number = _WITH_NUMBER.fullmatch(_plain(name))
    return with_number is not None and with_number[2].lstrip("+-").isdecimal()


def _plain(operation: str) -> str:
    """A name in lower case, without PyTorch's additions: TanhBackward0 is tanh; Leaky ReLU is leaky_relu."""
    name = re.sub(r"backward\d*$", "", operation.strip().lower())
    return re.sub(r"(?<=[a-z])[ -](?=[a-z])", "_", name)


def fits(meaning: Meaning, node: Node) -> bool:
    """Whether the node's number is what the operation gives."""
    number = meaning.number
    return close(node.number, number) if math.isfinite(number) else not math.isfinite(node.number)


def _named(name: str, node: Node) -> Iterator[Meaning]:
    with_number = _WITH_NUMBER.fullmatch(name)
    if with_number and len(node.operands) == 1:
        primitive, *_ = _primitives(with_number[1])  # the table has them all
        yield Meaning(primitive, (node.operands[0], float(with_number[2])))
        return
    for primitive in _primitives(name):
        yield from _orders(primitive, node)
        if primitive in (ops.maximum, ops.minimum) and len(node.operands) == 1:  # of x and a number: max(x, 0) is 0
            yield Meaning(primitive, (*node.operands, node.number))
    for function in _composed(name, len(node.operands)):
        yield Meaning(_one_node(name, function), tuple(node.operands))


def _composed(name: str, count: int) -> list[Callable[..., Any]]:
    """Operations that other engines have as one node and the table does not; its number tells which class is meant."""
    if name == "gelu":  # as GPT has it
        return [lambda x: 0.5 * x * (1 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))]
    if name == "softmax":
        return [lambda *xs, k=k: ops.exp(xs[k] - ops.logsumexp(xs)) for k in range(count)]
    if name in ("cross_entropy", "crossentropy", "softmax_cross_entropy"):
        return [lambda *xs, k=k: ops.logsumexp(xs) - xs[k] for k in range(count)]
    if name == "dot":
        half = count // 2
        return [
            lambda *xs: ops.dot(xs[:half], xs[half : 2 * half], *xs[2 * half :]),
            lambda *xs: ops.dot(xs[: 2 * half : 2], xs[1 : 2 * half : 2], *xs[2 * half :]),
        ]
    return []


def _one_node(name: str, function: Callable[..., Any]) -> Primitive:
    """A function as one operation, with the derivatives of its parts."""
    return Primitive(
        name=name,
        symbol=name,
        arity=None,
        forward=function,
        local_derivatives=lambda z, *xs: gradient(function)(*xs),
        operands=("xs",),
        formula="",
        domain=(REALS,),
    )


def _primitives(name: str) -> list[Primitive]:
    """The primitives of a name: a minus sign may be a difference or a negation, a logarithm have another base."""
    word = _SYNONYMS.get(name, name)
    found = next((each for each in PRIMITIVES.values() if word in (each.symbol.lower(), *each.names)), None)
    if found is None:
        return []
    others = {ops.sub: [ops.neg], ops.add: [ops.sum], ops.log: [ops.log10, ops.log2]}
    return [found] if name == "rsub" else [found, *others.get(found, [])]


def _orders(primitive: Primitive, node: Node) -> Iterator[Meaning]:
    """The orders in which operands may have been given: as listed first; a set lists one that came twice once."""
    count, listed = len(node.operands), tuple(node.operands)
    if primitive is ops.dot or primitive is ops.take:  # a flat list does not tell how their operands are arranged
        return  # as _composed does for a dot
    if primitive.arity is None or primitive.arity == count:
        yield Meaning(primitive, listed)
    if primitive.arity == 2 and count == 2 and listed[0] is not listed[1]:
        yield Meaning(primitive, listed[::-1])
    if primitive.arity == 2 and count == 1:
        if not node.ordered:
            yield Meaning(primitive, listed * 2)
        for constant in node.constants:
            yield Meaning(primitive, (*listed, constant))
            yield Meaning(primitive, (constant, *listed))
    if primitive is ops.leaky_relu and count == 1 and listed[0].number < 0:  # its number tells the slope
        yield Meaning(primitive, (*listed, node.number / listed[0].number))
    if primitive.arity is not None and count + len(primitive.defaults) >= primitive.arity > count:
        yield Meaning(primitive, (*listed, *primitive.defaults[count - primitive.arity :]))
