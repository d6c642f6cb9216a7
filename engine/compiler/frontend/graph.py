"""The graph of symbols: each expression once, each bound Value a leaf."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

from ... import ops
from ...graph import topological_order
from ...modes import is_recording
from ...numbers import Requirement, as_float
from ...primitive import Primitive
from ...text.callers import Source, users_line
from ...value import Constant, Value
from ..errors import refusal
from .conditions import BOTH, DETACH, EITHER, EQUAL, NOT_EQUAL
from .symbol import Symbol

_new = object.__new__


_COMMUTATIVE = frozenset({ops.add, ops.mul, EQUAL, NOT_EQUAL, BOTH, EITHER})


Simplifier = Callable[["Graph", Primitive, "tuple[Symbol, ...]"], "Symbol | None"]
Differentiator = Callable[[Symbol, Sequence[Symbol]], "list[Symbol]"]


class Graph:
    """The symbols of one program, each expression once.

    Args:
        simplify: gives what an operation is by an identity, or None; it is asked whenever a symbol is made.
        derivatives: gives the derivatives of a symbol by others, for functions that differentiate.

    Attributes:
        leaves: the symbols of bound Values, in the order of first use.
        symbols: of the Values met so far, and of symbols that a function may get hold of: themselves.
        made: the Values that the function has made from plain numbers, or computed from such.
        requirements: what samples have to be, and of which symbols.
        lines: where each symbol was made, for the message of an error; None while nobody wants to know.
        open: while the function runs; what it has kept for later is refused afterwards.
        nonzero: symbols that are known to be no 0, so that a branch on their truth is decided.
    """

    def __init__(self, simplify: Simplifier, derivatives: Differentiator) -> None:
        self._simplify, self.derivatives = simplify, derivatives
        self.leaves: list[Symbol] = []
        self.made: set[Value] = set()
        self.requirements: dict[tuple[Requirement, tuple[Symbol, ...]], None] = {}
        self.lines: dict[Symbol, Source] | None = None
        self.open = True
        self.nonzero: set[Symbol] = set()
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

    def clear(self) -> None:
        """Forget all symbols, which would keep each other in memory."""
        for held in (self.symbols, self._known, self.leaves, self.requirements, self.nonzero):
            held.clear()

    def make(self, primitive: Primitive, operands: tuple[Symbol, ...]) -> Symbol:
        """The symbol for `primitive` of `operands`, simplified."""
        key = (primitive, operands)
        known = self._known.get(key)
        if known is not None:
            return known
        if operands[0].kind == "constant" and all(operand.kind == "constant" for operand in operands):
            made = self.constant(as_float(primitive.forward(*[o.value for o in operands]), primitive.name))
        else:
            simpler = self._simplify(self, primitive, operands)
            if simpler is None:
                simpler = self._add(primitive, operands, "", None, all(map(_uniform, operands)))
            made = simpler
        self._known[key] = made
        if primitive in _COMMUTATIVE:
            self._known[primitive, operands[::-1]] = made
        return made

    def recorded(self, primitive: Primitive, operands: Sequence[Any]) -> Symbol:
        """The symbol of what the function computes; one that passes no derivative on where a `no_grad` is open."""
        result = self.make(primitive, self.lift_all(operands))
        return result if is_recording() else self.make(DETACH, (result,))

    def known(self, primitive: Primitive, operands: tuple[Symbol, ...]) -> Symbol | None:
        """What `make` has given for these already."""
        return self._known.get((primitive, operands))

    def constant(self, number: float) -> Symbol:
        """The symbol of a number."""
        key = number if number and number == number else number.hex()  # zeros by their sign
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

    def require(self, requirement: Requirement, symbols: tuple[Symbol, ...]) -> bool:
        """Note what samples have to be; False for what is computed from bound Values, which nothing is required of."""
        if all(symbol.kind == "constant" for symbol in symbols):
            requirement.check(*[symbol.value for symbol in symbols])
        elif any(o.kind == "leaf" for s in operations(symbols) for o in s.operands) or "leaf" in {*map(_kind, symbols)}:
            return False
        else:
            self.requirements[requirement, symbols] = None
        return True

    def lift_all(self, operands: Sequence[Any]) -> tuple[Symbol, ...]:
        """The symbols of all operands, which are as many as weights in a layer, and most often known."""
        if self.open:
            try:
                return tuple(map(self.symbols.__getitem__, operands))
            except TypeError:  # no hash: lift says what is wrong
                pass
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
        if root not in self.made:
            raise refusal(
                f"{root!r}, which was computed outside of the function by {root.primitive}, was used",
                "A result keeps the number that it was computed with: compute it inside of the function, or capture "
                "its detach() if a constant is what you mean.",
            )
        for value in topological_order(root):
            if value._primitive is not None and value not in symbols:
                symbols[value] = self.make(value._primitive, tuple([symbols[o] for o in value.operands]))
        return symbols[root]

    def _add(
        self, primitive: Primitive | None, operands: tuple[Symbol, ...], kind: str, value: Any, uniform: bool
    ) -> Symbol:
        symbol: Any = _new(Symbol)
        symbol.graph, symbol.kind, symbol.primitive, symbol.operands = self, kind, primitive, operands
        symbol.below = tuple([o for o in operands if o.operands]) if operands else ()
        symbol.uniform, symbol.value = uniform, value
        symbol.number = self._lowest = self._lowest - 1
        self.symbols[symbol] = symbol
        if self.lines is not None:
            self.lines[symbol] = users_line()
        return symbol  # type: ignore[no-any-return]  # its attributes are slots of Value, which mypy does not know


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
        symbol: Any = _new(Symbol)  # a leaf: as Graph._add, inline, for networks have many
        self[operand] = symbol
        symbol.graph, symbol.kind, symbol.primitive = graph, "leaf", None
        symbol.operands = symbol.below = ()
        symbol.uniform, symbol.value, symbol.number = True, operand, len(graph.leaves)
        graph.leaves.append(symbol)
        return symbol  # type: ignore[no-any-return]  # as in Graph._add


def _is_plain(operand: Any) -> bool:
    """Whether this is a Value of any class, and no symbol or constant."""
    return isinstance(operand, Value) and not isinstance(operand, (Symbol, Constant))


_uniform, _kind = attrgetter("uniform"), attrgetter("kind")


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
