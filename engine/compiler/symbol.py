"""Symbols: what stands for a Value while a function is traced, and the graph that they form.

Equal expressions are one symbol (hash-consing), so two traces into one graph are equal just when their results are
the same object. Every operation on a symbol goes through the table's primitives, as for Values.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import attrgetter
from typing import Any, NoReturn

from .. import ops
from ..graph import topological_order
from ..primitive import Primitive, as_float, is_number, watch
from ..value import Constant, Value, is_recording
from .conditions import BOTH, CONDITIONS, DETACH, EITHER, EQUAL, INVERT, LESS, LESS_EQUAL, NOT_EQUAL
from .errors import MissingNumberError, refusal
from .simplify import simplify

_new = object.__new__


_COMMUTATIVE = frozenset({ops.add, ops.mul, EQUAL, NOT_EQUAL, BOTH, EITHER})

_FIX_BRANCH = (
    "While a function is compiled its inputs have no numbers yet, so it cannot branch on them. "
    "Use where(condition, a, b), maximum, minimum, relu or abs; for a < x < b write (a < x) & (x < b)."
)
_FIX_NUMBER = (
    "While a function is compiled its inputs have no numbers yet. Use the engine's functions (engine.exp in place of "
    "math.exp, engine.floor in place of int), and take(index, values) to index by a value."
)


class Symbol(Value):
    """One node of a traced graph. It behaves like a Value as far as a function of unknown inputs can.

    It is a subclass so that code which asks ``isinstance(x, Value)`` treats it as one; the slots of a Value stay empty.
    """

    __slots__ = ("below", "graph", "kind", "number", "operands", "uniform", "value")
    __symbolic__ = True

    graph: Graph
    kind: str  # "input", "leaf", "constant", "accumulator", or "" for the result of a primitive
    primitive: Primitive | None = vars(Value)["_primitive"]  # the very slot, faster than the property
    operands: tuple[Symbol, ...]
    below: tuple[Symbol, ...]  # the operands that are results themselves: few, next to all the weights of a layer
    uniform: bool  # it depends on no input: the same for every sample
    value: Any  # leaf: the Value; constant: the float; input, accumulator: the position
    number: int  # leaf: which one; of other symbols, to tell them apart, below 0

    __hash__ = object.__hash__

    @staticmethod
    def __apply_primitive__(primitive: Primitive, operands: Sequence[Any]) -> Symbol:
        graph = next(operand.graph for operand in reversed(operands) if operand.__class__ is Symbol)
        result = graph.make(primitive, graph.lift_all(operands))
        return result if is_recording() else graph.make(DETACH, (result,))

    def masked(self, derivative: Any) -> Any:
        """What `unless` gives for a traced condition."""
        if self.kind == "constant":
            return None if self.value else derivative
        return Masked(self, derivative)

    # ---- what needs a number ----

    def __bool__(self) -> bool:
        if self.kind == "constant":
            return bool(self.value)
        raise refusal(
            "a branch on the truth of a traced value (if, while, and, or, not, in, max, min, sorted)", _FIX_BRANCH
        )

    def _no_number(self, *_: Any) -> NoReturn:
        raise refusal(
            "a traced value was used as a plain number (float, int, math.*, range, an index, format)", _FIX_NUMBER
        )

    __float__ = __int__ = __index__ = __complex__ = __trunc__ = _no_number

    def __format__(self, spec: str) -> str:
        return self._no_number() if spec else repr(self)

    @property
    def _data(self) -> float:  # type: ignore[override]  # what the engine reads of a Value: that it fails is the point
        raise MissingNumberError(str(refusal("a traced value was used where a number is needed", _FIX_NUMBER)))

    @property  # type: ignore[misc]  # nobody can assign to it either
    def data(self) -> float:
        """Refused: a traced value has no number."""
        raise refusal("the data of a traced value was read", _FIX_NUMBER)

    @property  # type: ignore[misc]  # as above
    def grad(self) -> float:
        """Refused: a traced value has no number."""
        raise refusal(
            "the grad of a traced value was read", "Use engine.grad(y, x, create_graph=True) inside the function."
        )

    def backward(self) -> NoReturn:
        """Refused: use engine.grad."""
        raise refusal(
            "backward() was called on a traced value",
            "Inside a compiled function use engine.grad(y, x, create_graph=True); outside, compiled.backward(...).",
        )

    @property
    def label(self) -> str | None:
        """Labels are accepted and forgotten."""
        return None

    @label.setter
    def label(self, label: str | None) -> None:
        pass

    def detach(self) -> Symbol:
        """The same number, through which no derivative passes."""
        return self.graph.make(DETACH, (self,))

    def __repr__(self) -> str:
        if self.kind:
            return f"<traced {self.kind} {self.value!r}>"
        return f"<traced {self.primitive.name if self.primitive else '?'} of {len(self.operands)}>"

    # ---- comparisons and conditions ----

    def __lt__(self, other: Any) -> Any:
        return self._compare(LESS, self, other)

    def __gt__(self, other: Any) -> Any:
        return self._compare(LESS, other, self)

    def __le__(self, other: Any) -> Any:
        return self._compare(LESS_EQUAL, self, other)

    def __ge__(self, other: Any) -> Any:
        return self._compare(LESS_EQUAL, other, self)

    def __eq__(self, other: object) -> Any:
        return self._compare(EQUAL, self, other)

    def __ne__(self, other: object) -> Any:
        return self._compare(NOT_EQUAL, self, other)

    def _compare(self, primitive: Primitive, x: Any, y: Any) -> Any:
        return _operation(primitive, x, y, self.graph)

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

    def __invert__(self) -> Symbol:
        if self.kind != "constant" and self.primitive not in CONDITIONS:
            raise TypeError(f"~ negates a condition, such as x > 0, got {self!r}")
        return self.graph.make(INVERT, (self,))

    # ---- operators that are no method of the table; the rest is installed below ----

    def __pos__(self) -> Symbol:
        return self

    def __round__(self, digits: int | None = None) -> Symbol:
        if digits is not None:
            raise TypeError(f"round() of a Value takes no digits: write round(v * 10**{digits}) / 10**{digits}")
        return ops.round(self)  # type: ignore[no-any-return]  # of a Symbol it is one

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return ops.floordiv(self, other), ops.mod(self, other)

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return ops.floordiv(other, self), ops.mod(other, self)

    @staticmethod
    def __differentiate__(output: Any, inputs: Sequence[Any]) -> list[Symbol]:
        """What engine.grad(..., create_graph=True) does inside a traced function."""
        from .differentiate import derivatives

        graph = next(s.graph for s in (output, *inputs) if isinstance(s, Symbol))
        return derivatives(graph.lift(output), [graph.lift(x) for x in inputs])


class Masked:
    """A local derivative that is a structural zero for the samples where `condition` holds."""

    __slots__ = ("condition", "derivative")

    def __init__(self, condition: Symbol, derivative: Any) -> None:
        self.condition, self.derivative = condition, derivative


class Graph:
    """The symbols of one program, each expression once.

    Attributes:
        leaves: the symbols of bound Values, in the order of first use.
        symbols: of the Values met so far, and of symbols that a function may get hold of: themselves.
        open: while the function runs; what it has kept for later is refused afterwards.
    """

    def __init__(self) -> None:
        self.leaves: list[Symbol] = []
        self.open = True
        self.symbols = _Symbols(self)
        self._known: dict[Any, Symbol] = {}
        self._lowest = 0

    @contextmanager
    def opened(self) -> Iterator[None]:
        """While the compiler's passes call the rules of the table on its symbols."""
        self.open = True
        try:
            yield
        finally:
            self.open = False

    def make(self, primitive: Primitive, operands: tuple[Symbol, ...]) -> Symbol:
        """The symbol for `primitive` of `operands`, simplified."""
        key = (primitive, operands)
        known = self._known.get(key)
        if known is not None:
            return known
        if all(operand.kind == "constant" for operand in operands):
            made = self.constant(as_float(primitive.forward(*[o.value for o in operands]), primitive.name))
        else:
            simpler = simplify(self, primitive, operands)
            if simpler is None:
                simpler = self._add(primitive, operands, "", None, all(map(_uniform, operands)))
            made = simpler
        self._known[key] = made
        if primitive in _COMMUTATIVE:
            self._known[primitive, operands[::-1]] = made
        return made

    def known(self, primitive: Primitive, operands: tuple[Symbol, ...]) -> Symbol | None:
        """What `make` has given for these already."""
        return self._known.get((primitive, operands))

    def constant(self, number: float) -> Symbol:
        """The symbol of a number."""
        key = number.hex()
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._add(None, (), "constant", number, True)
        return known

    def source(self, kind: str, position: int) -> Symbol:
        """The input or accumulator of that position."""
        known = self._known.get((kind, position))
        if known is None:
            known = self._known[kind, position] = self._add(None, (), kind, position, kind != "input")
        return known

    def lift_all(self, operands: Sequence[Any]) -> tuple[Symbol, ...]:
        """The symbols of all operands, which are as many as weights in a layer, and most often known."""
        if self.open:
            with suppress(TypeError):  # no hash: lift says what is wrong
                return tuple(map(self.symbols.__getitem__, operands))
        return tuple(map(self.lift, operands))

    def lift(self, operand: Any) -> Symbol:
        """The symbol of anything that a primitive takes: a symbol, a Value with all it was computed from, a number."""
        if isinstance(operand, Symbol):
            if operand.graph is not self or not self.open:
                raise refusal(
                    "a traced value outlived the function that made it",
                    "A compiled function must not keep results in globals, attributes or lists for later: return them.",
                )
            return operand
        if _is_plain(operand):
            return self.symbols[operand]
        return self.constant(
            operand.data if isinstance(operand, Constant) else as_float(operand, "a compiled function")
        )

    def _import(self, root: Value) -> Symbol:
        symbols = self.symbols
        for value in topological_order(root):
            if value._primitive is not None and value not in symbols:
                symbols[value] = self.make(value._primitive, tuple([symbols[o] for o in value.operands]))
        return symbols[root]

    def _add(
        self, primitive: Primitive | None, operands: tuple[Symbol, ...], kind: str, value: Any, uniform: bool
    ) -> Symbol:
        symbol = _new(Symbol)
        symbol.graph, symbol.kind, symbol._primitive, symbol.operands = self, kind, primitive, operands
        symbol.below = tuple([o for o in operands if o.operands]) if operands else ()
        symbol.uniform, symbol.value = uniform, value
        symbol.number = self._lowest = self._lowest - 1
        self.symbols[symbol] = symbol
        return symbol


class _Symbols(dict[Any, Symbol]):
    """The symbols of a graph by Value, made when a Value is first met; a symbol stands for itself."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __missing__(self, operand: Any) -> Symbol:
        graph = self._graph
        if operand.__class__ is not Value and not _is_plain(operand):
            return graph.lift(operand)
        if operand._primitive is not None:
            return graph._import(operand)
        symbol = self[operand] = _new(Symbol)  # a leaf: as Graph._add, inline, for networks have many
        symbol.graph, symbol.kind, symbol._primitive = graph, "leaf", None
        symbol.operands = symbol.below = ()
        symbol.uniform, symbol.value, symbol.number = True, operand, len(graph.leaves)
        graph.leaves.append(symbol)
        return symbol


def _is_plain(operand: Any) -> bool:
    """Whether this is a Value of any class, and no symbol or constant."""
    return isinstance(operand, Value) and not isinstance(operand, (Symbol, Constant))


_uniform = attrgetter("uniform")


def operations(roots: Iterable[Symbol], known: Container[Symbol] = ()) -> list[Symbol]:
    """All operations under `roots`, operands first: iterative, stable, each once, without what is `known` already.

    Leaves, inputs and constants are left out: they are most of a network, and passes have nothing to do with them.
    """
    found: list[Symbol] = []
    seen: set[Symbol] = set()
    stack: list[Any] = [root for root in roots if root.operands][::-1]
    while stack:
        node = stack.pop()
        if node is None:
            found.append(stack.pop())
        elif node not in seen and node not in known:
            seen.add(node)
            stack += (node, None)
            stack += [operand for operand in node.below[::-1] if operand not in seen]
    return found


# ---- operators, from the table ----


def _operation(primitive: Primitive, x: Any, y: Any, graph: Graph) -> Any:
    for side in (x, y):
        if not isinstance(side, (Symbol, Value)) and not is_number(side):
            return NotImplemented
    return Symbol.__apply_primitive__(primitive, (x, y))


def _unary(primitive: Primitive) -> Callable[[Symbol], Any]:
    return lambda self: primitive(self)


def _binary(primitive: Primitive) -> Callable[[Symbol, Any], Any]:
    return lambda self, other: _operation(primitive, self, other, self.graph)


def _reflected(primitive: Primitive) -> Callable[[Symbol, Any], Any]:
    return lambda self, other: _operation(primitive, other, self, self.graph)


for _name in ("add", "sub", "mul", "floordiv", "mod", "pow"):
    setattr(Symbol, f"__{_name}__", _binary(getattr(ops, _name)))
    setattr(Symbol, f"__r{_name}__", _reflected(getattr(ops, _name)))
setattr(Symbol, "__truediv__", _binary(ops.div))  # noqa: B010  # an assignment is an error to mypy
setattr(Symbol, "__rtruediv__", _reflected(ops.div))  # noqa: B010  # as above
for _name in ("neg", "abs", "floor", "ceil"):
    setattr(Symbol, f"__{_name}__", _unary(getattr(ops, _name)))


def _install(primitive: Primitive) -> None:
    """Give Symbol the methods that Value has."""
    if primitive.method:
        for name in (primitive.name, *primitive.aliases):
            setattr(Symbol, name, lambda self, *others, **named: primitive(self, *others, **named))


watch(_install)
