"""Symbols, which stand for Values while a function is traced, and form a graph.

Equal expressions are one symbol (hash-consing), so two traces into one graph are equal exactly if their results are the
same objects. Every operation on a symbol goes through the table's primitives, as for Values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ...numbers import Requirement, is_number
from ...primitive import Primitive, watch
from ...value import Value
from ..errors import LeafReadError, MissingNumberError, TraceError, refusal
from .conditions import BOTH, CONDITIONS, DETACH, EITHER, EQUAL, LESS, LESS_EQUAL, NOT_EQUAL

if TYPE_CHECKING:
    from .graph import Graph


_FIX_BRANCH = (
    "While a function is compiled its inputs and parameters have no numbers yet, so it cannot branch on them. "
    "Use where(condition, a, b), maximum, minimum, relu or abs; for a < x < b write (a < x) & (x < b)."
)
_FIX_NUMBER = (
    "While a function is compiled its inputs and parameters have no numbers yet. Use the engine's functions "
    "(engine.exp in place of math.exp, engine.floor in place of int), take(index, values) to index by a value, and "
    "detach() for what passes no derivative on. If you mean a constant, read it outside of the function."
)
_FIX_NOT = "Conditions on Values are bools, and ~True is -2, which is true: write where(condition, b, a)."
_FIX_MADE = (
    "While a function is compiled its inputs and results are not numbers yet: write a plain number, or Value(1.0)."
)
_FIX_GRAD = "Use engine.grad(y, x, create_graph=True) inside the function."
_FIX_GRAPH = "Look at the graph of a call with plain Values, outside of the compiled function."
_FIX_KEPT = "A compiled function must not keep results in globals, attributes or lists for later: return them."
UNKNOWN = "<traced"
"""How the text of each symbol begins."""


_slots: Any = vars(Value)


def outlived() -> TraceError:
    """The error for a symbol that is used after its trace."""
    return refusal("a traced value outlived the function that made it", _FIX_KEPT)


class Symbol(Value):
    """One node of a traced graph, which behaves like a Value as far as it can without a number.

    It is a subclass so that code which asks ``isinstance(x, Value)`` treats it as one. It has the slots of a Value,
    under other names, and no more: there may be a symbol for each weight of a network.
    """

    __slots__ = ()
    __symbolic__ = True

    primitive: Primitive | None = _slots["_primitive"]
    graph: Graph = _slots["_a"]
    kind: str = _slots["_b"]  # "input", "leaf", "constant", "accumulator", or "" for the result of a primitive
    operands: Any = _slots["_x"]  # of the type Operands
    below: tuple[Symbol, ...] = _slots["_y"]  # the operands that are results: few, beside all the weights of a layer
    uniform: bool = _slots["_label"]  # it depends on no input: the same for every sample
    value: Any = _slots["_z"]  # leaf: the Value; constant: the float; input, accumulator: the position
    number: int = _slots["_grad"]  # leaf: its number; others: a number below 0, each its own

    __hash__ = object.__hash__

    def __init__(self, *_: Any) -> None:  # graphs make symbols without it
        raise refusal("the function makes a number by calling the type of another, as in type(x)(1.0)", _FIX_MADE)

    @staticmethod
    def __apply_primitive__(primitive: Primitive, operands: Sequence[Any]) -> Symbol:
        # In a dot, inputs come last.
        for operand in reversed(operands):  # pragma: no branch  # one is a symbol, or this would not be called
            if isinstance(operand, Symbol):
                break
        graph: Graph = operand.graph
        return graph.recorded(primitive, operands)

    @staticmethod
    def __require__(requirement: Requirement, values: Sequence[Any]) -> bool:
        graph = next(value.graph for value in values if isinstance(value, Symbol))
        return graph.require(requirement, graph.lift_all(values))

    def masked(self, derivative: Any) -> Any:
        """The result of `unless` for a traced condition."""
        if self.kind == "constant":
            return None if self.value else derivative
        return Masked(self, derivative)

    # ---- what needs a number ----

    def __bool__(self) -> bool:
        if self.kind == "constant":
            return bool(self.value)
        if self in self.graph.nonzero:
            return True
        raise refusal(
            "a branch on the truth of a traced value (if, while, and, or, not, in, max, min, sorted, np.max, np.min)",
            _FIX_BRANCH,
        )

    def _read(self, what: str) -> TraceError:
        return refusal(what, _FIX_NUMBER, LeafReadError if self.kind == "leaf" else TraceError)

    def _no_number(self, *_: Any) -> NoReturn:
        raise self._read(f"{self} was used as a plain number (float, int, math.*, range, an index, format)")

    __float__ = __int__ = __index__ = __complex__ = _no_number

    def __format__(self, spec: str) -> str:
        return self._no_number() if spec else repr(self)

    def _no_graph(self, *_: Any, **__: Any) -> NoReturn:
        if not self.graph.open:
            raise outlived()
        raise refusal(f"the recorded graph of {self} was looked at, copied or changed", _FIX_GRAPH)

    _a = _b = _x = _y = _grad = property(_no_graph)  # what topological_order and pictures read
    _label = None
    __reduce_ex__ = zero_grad = backward_steps = stepper = _no_graph

    def __deepcopy__(self, _: dict[int, Any]) -> Symbol:
        """Itself after the trace, since a model that is copied may hold what its last call left there; else refused."""
        return self._no_graph() if self.graph.open else self

    @property
    def _z(self) -> float:  # type: ignore[override]  # the engine reads it of Values; here that is an error
        raise refusal(f"{self} was used where a number is needed", _FIX_NUMBER, MissingNumberError)

    @property  # type: ignore[misc]  # it cannot be assigned to either
    def data(self) -> float:
        """Refused: a traced value has no number."""
        raise self._read(f"the data of {self} was read")

    @property  # type: ignore[misc]  # as above
    def grad(self) -> float:
        """Refused: a traced value has no number."""
        raise refusal(f"the grad of {self} was read", _FIX_GRAD)

    def backward(self) -> NoReturn:
        """Refused: use engine.grad."""
        raise refusal(
            f"backward() was called on {self}",
            "Inside a compiled function use engine.grad(y, x, create_graph=True); outside, compiled.backward(...).",
        )

    @property
    def label(self) -> str | None:
        """None: labels may be set, and are ignored."""
        return None

    @label.setter
    def label(self, label: str | None) -> None:
        pass

    def detach(self) -> Symbol:
        """The same number, through which no derivative passes."""
        return self.graph.make(DETACH, (self,))

    def __repr__(self) -> str:
        if self.kind:
            return f"{UNKNOWN} {self.kind} {self.value!r}>"
        return f"{UNKNOWN} {self.primitive.name if self.primitive else '?'} of {len(self.operands)}>"

    # ---- conditions ----

    def __and__(self, other: Any) -> Any:
        return self._condition(BOTH, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> Any:
        return self._condition(EITHER, other)

    __ror__ = __or__

    def _condition(self, primitive: Primitive, other: Any) -> Any:
        other = self.graph.constant(float(other)) if isinstance(other, bool) else other
        for side in (self, other):
            if not isinstance(side, Symbol) or not (side.kind == "constant" or side.primitive in CONDITIONS):
                return NotImplemented
        return self.graph.make(primitive, (self, other))

    def __invert__(self) -> NoReturn:
        raise refusal(f"~ of {self}", _FIX_NOT)

    @staticmethod
    def __differentiate__(output: Any, inputs: Sequence[Any], create_graph: bool) -> list[Symbol]:
        """The derivatives of engine.grad(..., create_graph=True) inside a traced function."""
        if not create_graph:
            raise refusal("grad() would give numbers", "Inside a compiled function write grad(..., create_graph=True).")
        graph = next(s.graph for s in (output, *inputs) if isinstance(s, Symbol))
        return graph.derivatives(graph.lift(output), [graph.lift(x) for x in inputs])


def computed_from(symbols: Iterable[Symbol]) -> Iterator[Symbol]:
    """The symbols themselves, and everything that they are computed from, each once."""
    waiting, seen = [*symbols], set[Symbol]()
    while waiting:
        symbol = waiting.pop()
        if symbol not in seen:
            seen.add(symbol)
            yield symbol
            waiting += symbol.operands


class Masked:
    """A local derivative that is a structural zero for the samples where `condition` holds."""

    __slots__ = ("condition", "derivative")

    def __init__(self, condition: Symbol, derivative: Any) -> None:
        self.condition, self.derivative = condition, derivative


# ---- operators, from the table ----


_FOREIGN = (complex, str, bytes, type(None))
_FIX_REAL = "Values are real numbers, and take only real numbers: compute the real and the imaginary part separately."


def _operation(primitive: Primitive, operands: tuple[Any, Any], graph: Graph) -> Any:
    for side in operands:
        if not isinstance(side, (Symbol, Value)) and not is_number(side):
            if isinstance(side, str) or (isinstance(side, _FOREIGN) and primitive not in CONDITIONS):
                raise refusal(f"{primitive.signature} of {operands[0]!r} and {operands[1]!r}", _FIX_REAL)
            return NotImplemented
    return graph.recorded(primitive, operands)


_COMMON = frozenset({Symbol, Value, float, int})
"""The types of most operands, which need no further look."""


def _unary(primitive: Primitive) -> Callable[[Symbol], Any]:
    return lambda self: primitive(self)


def _binary(primitive: Primitive, reflected: bool = False) -> Callable[[Symbol, Any], Any]:
    def method(self: Symbol, other: Any) -> Any:
        operands = (other, self) if reflected else (self, other)
        if type(other) in _COMMON:
            return self.graph.recorded(primitive, operands)
        return _operation(primitive, operands, self.graph)

    return method


def _install(primitive: Primitive) -> None:
    """Give Symbol the operators and methods that Value has."""
    if primitive.dunder and primitive.arity == 1:
        setattr(Symbol, f"__{primitive.dunder}__", _unary(primitive))
    elif primitive.dunder:
        setattr(Symbol, f"__{primitive.dunder}__", _binary(primitive))
        setattr(Symbol, f"__r{primitive.dunder}__", _binary(primitive, reflected=True))
    for name in primitive.methods:
        setattr(Symbol, name, lambda self, *others, **named: primitive(self, *others, **named))


for _name, _primitive, _reflected in (
    ("lt", LESS, False), ("gt", LESS, True), ("le", LESS_EQUAL, False), ("ge", LESS_EQUAL, True),
    ("eq", EQUAL, False), ("ne", NOT_EQUAL, False),
):  # fmt: skip  # a comparison and its mirror image in one line
    setattr(Symbol, f"__{_name}__", _binary(_primitive, _reflected))
watch(_install)
Symbol.__name__ = "Value"  # in Python's own errors, as for rows
