"""The graph of symbols: each expression once, each bound Value a leaf.

A leaf is known by its number. Its symbol is made on demand, and for most weights never.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from operator import attrgetter, is_
from typing import Any

from ... import ops
from ...graph import topological_order
from ...modes import recording
from ...numbers import Requirement, as_float
from ...primitive import Primitive
from ...text.callers import Source, users_line
from ...value import Constant, Value
from ..errors import refusal
from .conditions import BOTH, CONDITIONS, DETACH, EITHER, EQUAL, NOT_EQUAL
from .given.digits import STEPS, check_step
from .given.noted import Noted
from .given.numbers import Given, UnhashableGiven
from .operands import DotOperands, LeafRow, Operands, Shared, apart, has_row, read_leaf, split
from .symbol import Symbol, outlived

_new = object.__new__
_COMMUTATIVE = frozenset({ops.add, ops.mul, EQUAL, NOT_EQUAL, BOTH, EITHER})

Simplifier = Callable[["Graph", Primitive, Operands], "Symbol | None"]
Differentiator = Callable[[Symbol, Sequence[Symbol]], "list[Symbol]"]


class Graph:
    """The symbols of one program, each expression once.

    Args:
        simplify: returns what an operation equals by an identity, or None; called whenever a symbol is made.
        derivatives: computes the derivatives of a symbol with respect to others, for functions that differentiate.

    Attributes:
        leaves: the bound Values by their number, in the order of first use.
        symbols: the symbols of the Values that were asked for one by one; a symbol stands for itself.
        made: the Values that the function has made from plain numbers, or computed from such.
        requirements: each requirement on samples, and its symbols.
        lines: the line that made each symbol, for error messages; None unless they are wanted.
        open: whether the function is running; symbols that it keeps for later are refused afterwards.
        nonzero: symbols that are known not to be 0, which decides a branch on their truth.
        given: what is noted of the symbols that stand for plain numbers.
    """

    def __init__(self, simplify: Simplifier, derivatives: Differentiator) -> None:
        self._simplify, self.derivatives = simplify, derivatives
        self.leaves: list[Value] = []
        self.made, self.nonzero = set[Value](), set[Symbol]()
        self.requirements: dict[tuple[Requirement, tuple[Symbol, ...]], None] = {}
        self.lines: dict[Symbol, Source] | None = None
        self.open = True
        self.given = Noted()
        self.symbols = _Symbols(self)
        self._known: dict[Any, Symbol] = {}
        self._ranges: list[range] = []  # the numbers of the leaves of each row
        self._row_of: dict[Value, range] | None = {}  # by leaf; None if `_rows` has to make it anew
        self._vectors: dict[tuple[Symbol, ...], tuple[tuple[Symbol, ...], tuple[Symbol, ...]]] = {}
        self._inputs: tuple[Sequence[Any], tuple[Symbol, ...]] = ((), ())  # those of the last dot, as given and lifted
        self._lowest = 0

    @contextmanager
    def opened(self) -> Iterator[None]:
        """A context in which its symbols may be used, by the function or by rules of the table that passes call."""
        self.open = True
        try:
            yield
        finally:
            self.open = False

    def clear(self) -> None:
        """Forget all symbols, which would keep each other in memory."""
        self.leaves, self.given, self._inputs = [], Noted(), ((), ())
        for held in (self.symbols, self._known, self._ranges, self._vectors, self.requirements, self.nonzero):
            held.clear()
        self._row_of = None

    def settle(self) -> None:
        """Forget which leaf is in which row, which takes a third of their memory, and is made again on demand."""
        self._row_of = None

    def is_leaf_among(self, values: Iterable[Value]) -> bool:
        """Whether one of them is a leaf."""
        return any(map(self._rows.__contains__, values))

    def make(self, primitive: Primitive, operands: Operands) -> Symbol:
        """The symbol for `primitive` of `operands`, simplified."""
        if primitive is ops.dot:
            operands = self._of_dot(operands)
        key = (primitive, operands)
        known = self._known.get(key)
        if known is not None:
            return known
        single = apart(operands)
        if single[0].kind == "constant" and not has_row(operands) and all(o.kind == "constant" for o in single):
            made = self.constant(primitive.number(*[o.value for o in operands]))
        else:
            simpler = self._simplify(self, primitive, operands)
            if simpler is None:
                simpler = self._add(primitive, operands, "", None, all(map(_uniform, single)))
            made = simpler
        self._known[key] = made
        if primitive in _COMMUTATIVE:
            self._known[primitive, operands[::-1]] = made
        return made

    def recorded(self, primitive: Primitive, operands: Sequence[Any]) -> Symbol:
        """The symbol for what the function computes; it passes no derivative on inside `no_grad`.

        This runs for each operation, in one of two runs under a profiler, for which every call is an event: so it makes
        few calls.
        """
        lifted = self._lift_dot(operands) if primitive is ops.dot else self.lift_all(operands)
        try:
            result = self._known[primitive, lifted]
        except KeyError:
            result = self.make(primitive, lifted)
        return result if recording.get() else self.make(DETACH, (result,))

    def known(self, primitive: Primitive, operands: Operands) -> Symbol | None:
        """The symbol that `make` has returned for these before."""
        return self._known.get((primitive, operands))

    def constant(self, number: float) -> Symbol:
        """The symbol for a number."""
        key = number if number and number == number else number.hex()  # zeros differ by their sign
        if key not in self._known:
            self._known[key] = self._add(None, (), "constant", number, True)
        return self._known[key]

    def source(self, kind: str, position: int) -> Symbol:
        """The input or accumulator at that position."""
        known = self._known.get((kind, position))
        if known is None:
            known = self._known[kind, position] = self._add(None, (), kind, position, kind != "input")
        return known

    def require(self, requirement: Requirement, symbols: tuple[Symbol, ...]) -> bool:
        """Note a requirement on samples; False, noting nothing, if bound Values are involved."""
        if all(symbol.kind == "constant" for symbol in symbols):
            requirement.check(*[symbol.value for symbol in symbols])
        elif any(read_leaf(s.operands) for s in operations(symbols)) or "leaf" in {*map(_kind, symbols)}:
            return False
        else:
            self.requirements[requirement, symbols] = None
        return True

    def lift_all(self, operands: Sequence[Any]) -> tuple[Symbol, ...]:
        """The symbols of all operands: there may be as many as a layer has weights, and most are known."""
        if self.open:
            try:
                return tuple(map(self.symbols.__getitem__, operands))
            except TypeError:  # no hash: lift says what is wrong
                pass
        return tuple(map(self.lift, operands))

    def lift(self, operand: Any) -> Symbol:
        """The symbol for anything that a primitive takes: a symbol, a Value with all it was computed from, a number."""
        if isinstance(operand, Symbol):
            if operand.graph is not self or not self.open:
                raise outlived()
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
                "its detach() if you mean a constant.",
            )
        for value in topological_order(root):
            if value._primitive is not None and value not in symbols:
                symbols[value] = self.make(value._primitive, tuple([symbols[o] for o in value.operands]))
        return symbols[root]

    # ---- leaves, and the operands of dots

    def leaf(self, number: int) -> Symbol:
        """The symbol of the leaf with this number."""
        value = self.leaves[number]
        found = self.symbols.get(value)
        if found is None:
            symbol: Any = _new(Symbol)
            symbol.graph, symbol.kind, symbol.primitive = self, "leaf", None
            symbol.operands = symbol.below = ()
            symbol.uniform, symbol.value, symbol.number = True, value, number
            found = self.symbols[value] = symbol
        return found

    def dot(
        self, left: LeafRow | tuple[Symbol, ...], right: tuple[Symbol, ...], bias: tuple[Symbol, ...] = ()
    ) -> Symbol:
        """The symbol of a dot, whose factors on the left may be a row of leaves."""
        whole = type(left) is LeafRow
        return self.make(ops.dot, DotOperands(left, right, bias) if whole else (*left, *right, *bias))

    @property
    def _rows(self) -> dict[Value, range]:
        """The numbers of the row that each leaf is in, possibly a row of its own."""
        if self._row_of is None:
            self._row_of = {leaf: row for row in self._ranges for leaf in self.leaves[row.start : row.stop]}
        return self._row_of

    def row(self, values: Sequence[Any]) -> LeafRow | None:
        """A row of bound Values as leaves, if all of them are new, or they are a row already; otherwise None."""
        first = values[0]
        if len(values) < 2 or not _is_plain(first):
            return None
        numbers = self._rows.get(first)
        if numbers is None:
            numbers = range(len(self.leaves), len(self.leaves) + len(values))
            if not self._enter(values, numbers):
                return None
            self.leaves += values
            self._ranges.append(numbers)
        elif len(numbers) != len(values) or not all(map(is_, values, self.leaves[numbers.start : numbers.stop])):
            return None
        return LeafRow(self, numbers)

    def _enter(self, values: Sequence[Any], numbers: range) -> bool:
        """Note that Values form a row, and say whether they do: distinct ones from outside, none of them met before."""
        if not _are_leaves(values) or (self.made and not self.made.isdisjoint(values)):
            return False
        rows, count = self._rows, len(self._rows) + len(values)
        entered = all(map(is_, map(rows.setdefault, values, repeat(numbers)), repeat(numbers)))
        if not entered or len(rows) < count:  # in another row, or twice in this one
            for value in values:
                if rows.get(value) is numbers:
                    del rows[value]
            return False
        return True

    def _lift_dot(self, operands: Sequence[Any]) -> Operands:
        """The operands of a dot; a row of weights gets no symbols."""
        left, right, bias = split(operands)
        row = self.row(left)
        if row is None and not _are_leaves(left):
            row, right = self.row(right), left
        if row is None or not self.open:
            return self.lift_all(operands)
        given, lifted = self._inputs
        if len(given) != len(right) or not all(map(is_, given, right)):  # a layer's neurons have the same inputs
            lifted = Shared(self.lift_all(right))
            self._inputs = right, lifted
        return DotOperands(row, lifted, self.lift_all(bias))

    def _of_dot(self, operands: Operands) -> DotOperands:
        """The operands of a dot as one object, with a row of leaves on the left if the factors on one side are leaves.

        This depends only on their kinds, which are the same whenever the function runs.
        """
        if type(operands) is DotOperands:
            return operands
        left, right, bias = split(operands)
        numbers = _numbers(left)
        if numbers is None and (numbers := _numbers(right)) is not None:
            left, right = right, left
        return DotOperands(LeafRow(self, numbers) if numbers else left, right, bias)

    def _below(self, operands: Operands) -> tuple[Symbol, ...]:
        """The operands that are results. Neurons with equal inputs share these, and from now on the inputs too."""
        if type(operands) is not DotOperands or not has_row(operands):
            return _results(apart(operands))
        right, bias = operands.right, _results(operands.bias)
        operands.right, below = self._vectors.get(right) or self._vectors.setdefault(right, (right, _results(right)))
        return (*below, *bias) if bias else below

    def _is_number(self, primitive: Primitive | None, operands: Operands, kind: str, value: Any) -> bool:
        """Whether the eager function has a plain number or a condition in place of a new symbol."""
        if kind == "input":
            return self.given.types[value] is not Value  # which the outputs of a model are, for a loss
        if primitive in CONDITIONS:
            return True
        return not has_row(operands) and all(isinstance(operand, Given) for operand in apart(operands))

    def _add(self, primitive: Primitive | None, operands: Operands, kind: str, value: Any, uniform: bool) -> Symbol:
        given = self.given.types and self._is_number(primitive, operands, kind, value)
        if self.given.computed and primitive in STEPS:
            check_step([operand for operand in operands if operand.operands and operand in self.given.computed])
        symbol: Any = _new(UnhashableGiven if given else Symbol)
        if given:
            self.given.symbols.append(symbol)
        symbol.graph, symbol.kind, symbol.primitive = self, kind, primitive
        symbol.below, symbol.operands = self._below(operands), operands
        symbol.uniform, symbol.value = uniform, value
        symbol.number = self._lowest = self._lowest - 1
        self.symbols[symbol] = symbol
        if self.lines is not None:
            self.lines[symbol] = users_line()
        return symbol


class _Symbols(dict[Any, Symbol]):
    """The symbols of a graph by Value, made when the Value is first met; a symbol stands for itself."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __missing__(self, operand: Any) -> Symbol:
        graph, kind = self._graph, type(operand)
        if kind is float:
            return graph.constant(operand)
        if kind is not Value and not _is_plain(operand):
            return graph.lift(operand)
        if operand._primitive is not None:
            return graph._import(operand)
        row = graph._rows.get(operand)
        if row is None:
            row = graph._rows[operand] = range(len(graph.leaves), len(graph.leaves) + 1)
            graph.leaves.append(operand)
            graph._ranges.append(row)
        for number in row:  # the others will be asked for as well
            graph.leaf(number)
        return self[operand]


def _is_plain(operand: Any) -> bool:
    """Whether this is a Value of any class, but not a symbol or constant."""
    return isinstance(operand, Value) and not isinstance(operand, _NO_LEAVES)


def _are_leaves(values: Sequence[Any]) -> bool:
    """Whether all are Values, but none a symbol, constant or result."""
    kinds = {*map(type, values)}
    if kinds != {Value} and any(not issubclass(kind, Value) or issubclass(kind, _NO_LEAVES) for kind in kinds):
        return False
    return not any(map(_primitive, values))


def _results(symbols: Sequence[Symbol]) -> tuple[Symbol, ...]:
    return tuple([symbol for symbol in symbols if symbol.operands])


def _numbers(symbols: Sequence[Symbol]) -> list[int] | None:
    """The numbers of leaves; None if other symbols are among them."""
    found = [symbol.number for symbol in symbols] if symbols[0].kind == "leaf" else [-1]
    return found if min(found) >= 0 else None


_NO_LEAVES = (Symbol, Constant)
_uniform, _kind, _primitive = attrgetter("uniform"), attrgetter("kind"), attrgetter("_primitive")


def operations(roots: Iterable[Symbol], known: Container[Symbol] = ()) -> list[Symbol]:
    """All operations under `roots`, operands first: each once, in a stable order, without those already `known`.

    Leaves, inputs and constants are left out: they are most of a network, and passes have nothing to do with them.
    """
    found, seen, done = list[Symbol](), set[Symbol](), set[int]()
    stack: list[Any] = [root for root in roots if root.operands][::-1]
    while stack:
        node = stack.pop()
        if node is None:
            found.append(stack.pop())
        elif node not in seen and node not in known:
            seen.add(node)
            below = node.below
            if id(below) in done:  # as of other neurons of the layer
                found.append(node)
                continue
            done.add(id(below))
            stack += (node, None, *[operand for operand in below[::-1] if operand not in seen])
    return found
