"""From symbols to groups: equal operations of one level form a group, whose results have consecutive slots.

The rows of a group are sorted by the slots of their operands, and so are the factors of a dot. So operands lie in plain
runs, a base and two strides, whatever the order of the user's loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter, sub
from typing import Any, NamedTuple

from ... import ops
from ..frontend.graph import operations
from ..frontend.operands import DotOperands, LeafRow, apart, as_range
from ..frontend.symbol import Symbol
from .plan import STAGES, Group, Run
from .strides import Column, chunks, columns, runs

_BUFFER = {"leaf": "P", "constant": "C", "input": "X", "accumulator": "G"}
_SWAPPABLE = frozenset({ops.add, ops.mul})
_FEW = 5  # up to this many operands, the rows of a group read each of them from one group

_number, _uniform = attrgetter("number"), attrgetter("uniform")


class Part(NamedTuple):
    """Where the symbols of one operand are: the letters of their buffers, and their slots there.

    A constant has its number in place of a slot, which it gets only when its group does.
    """

    letters: str
    numbers: Sequence[Any]


class Vector(NamedTuple):
    """What the rows of a matrix are multiplied by, sorted by its slots; the rows are arranged to match."""

    number: int
    order: Sequence[int] | None  # None: it is in order already; a range if it is one, as from last to first
    part: Part

    def arranged(self, weights: Part) -> Part:
        """A row in the order of the vector; a range of slots stays a range, which takes no memory for each weight."""
        (letters, numbers), order = weights, self.order
        if order is None:
            return weights
        if isinstance(numbers, range) and isinstance(order, range):
            first, step = numbers[order.start], numbers.step * order.step
            return Part(letters, range(first, first + step * len(order), step))
        return Part("".join([letters[k] for k in order]), [numbers[k] for k in order])


class Row(NamedTuple):
    """An operation with its operands as the plan has them, and for a matrix product the vector."""

    symbol: Symbol
    parts: tuple[Part, ...]
    vector: Vector | None = None


class Layout:
    """Where every symbol is, and the groups that compute them, placed level by level.

    Attributes:
        stages: the groups of each stage.
        constants: the content of buffer C.
        sizes: the slots used of U and S.
    """

    def __init__(self, roots: Sequence[Symbol]) -> None:
        self.stages: dict[str, list[Group]] = {stage: [] for stage in STAGES}
        self.constants: list[float] = []
        self.sizes = {"U": 0, "S": 0}
        self._ranks: dict[Symbol, tuple[str, float]] = {}  # buffer and slot; of a constant the number
        self._group_of: dict[Symbol, int] = {}  # by its first slot
        self._vectors: dict[tuple[Symbol, ...], Vector | None] = {}
        self._known_constants: dict[tuple[str, ...], int] = {}
        for stage, levels in _levels(operations(roots)).items():
            for level in levels:
                self._place(stage, level)

    def slot(self, symbol: Symbol) -> tuple[str, int]:
        """The buffer and the slot of a symbol."""
        if symbol.kind == "constant":
            return "C", self._constants([symbol.value])[0]
        buffer, slot = self._rank(symbol)
        return buffer, int(slot)

    def single(self, symbol: Symbol) -> Run:
        """A run of just that symbol."""
        return Run(*self.slot(symbol))

    def _constants(self, column: Sequence[float]) -> list[int]:
        """Slots of C for the constants that one operand has in all rows: one if equal, else consecutive ones."""
        key = tuple([number.hex() for number in column])
        if len(set(key)) == 1:
            key = key[:1]
        base = self._known_constants.get(key)
        if base is None:
            base = self._known_constants[key] = len(self.constants)
            self.constants += column[: len(key)]
        return [base] * len(column) if len(key) == 1 else list(range(base, base + len(column)))

    def _place(self, stage: str, symbols: list[Symbol]) -> None:
        """Form the groups of one level and give their results slots."""
        groups: dict[Any, list[Row]] = {}
        for symbol in symbols:
            row = self._row(symbol)
            groups.setdefault(self._signature(row), []).append(row)
        for rows in groups.values():
            rows.sort(key=lambda row: [number for part in row.parts for number in part.numbers[:4]])
            for piece in [rows] if rows[0].vector is None else chunks(rows, _row_step):
                self._add_group(stage, piece)

    def _signature(self, row: Row) -> Any:
        """What rows of one group have in common.

        With few operands that includes the groups that compute them: then its rows match those of the groups it reads,
        in the same order, and one loop can compute all of them, with intermediate results in registers.
        """
        symbol = row.symbol
        sources = [self._group_of.get(o) for o in apart(symbol.operands)] if len(symbol.operands) <= _FEW else []
        shared = None if row.vector is None else row.vector.number
        return symbol.primitive, shared, *sources, *[part.letters for part in row.parts]

    def _add_group(self, stage: str, rows: Sequence[Row]) -> None:
        primitive = rows[0].symbol.primitive
        assert primitive is not None
        buffer = "S" if stage == "body" else "U"
        base = self.sizes[buffer]
        self.sizes[buffer] += len(rows)
        operands: list[tuple[Run, ...]] = []
        tracks = [self._columns(parts) for parts in zip(*[row.parts for row in rows])]
        if primitive is ops.dot:
            operands += runs(tracks[:2])
            tracks = tracks[2:]
        for track in tracks:
            operands += runs([track])
        nodes = tuple([row.symbol for row in rows])
        self.stages[stage].append(Group(primitive, len(rows), tuple(operands), Run(buffer, base, 1), nodes))
        for slot, symbol in enumerate(nodes, start=base):
            self._ranks[symbol] = buffer, slot
            self._group_of[symbol] = base

    def _columns(self, parts: Sequence[Part]) -> list[Column]:
        first, numbers = parts[0], [part.numbers for part in parts]
        if isinstance(first.numbers, range):
            return columns("P", numbers)
        if all(part is first for part in parts) and "C" not in first.letters:  # the vector of a matrix product
            return [Column(letter, [number] * len(parts), 0) for letter, number in zip(*first)]
        return [
            Column.of(letter, self._constants(row) if letter == "C" else list(row))
            for letter, row in zip(first.letters, zip(*numbers))
        ]

    # ---- operands

    def _row(self, symbol: Symbol) -> Row:
        """The operands as the plan has them; where their order is free, it does not depend on the user's."""
        primitive, operands = symbol.primitive, symbol.operands
        assert primitive is not None
        if primitive is ops.dot:
            return self._dot(symbol)
        if primitive is ops.take:
            return Row(symbol, (self._part(operands[:1]), self._part(operands[1:])))
        if primitive.arity is None:  # a fold
            in_order = sorted(operands, key=self._rank) if primitive is ops.sum else operands
            return Row(symbol, (self._part(in_order),))
        if primitive in _SWAPPABLE:
            operands = self._pair(*operands)
        return Row(symbol, tuple(map(self._single_part, operands)))

    def _dot(self, symbol: Symbol) -> Row:
        operands = symbol.operands
        assert type(operands) is DotOperands
        left, right, n = operands.left, operands.right, len(operands.right)
        bias = (self._part(operands.bias),) if operands.bias else ()
        vector = self._vector(right) if type(left) is LeafRow or all(map(_uniform, left)) else None
        if vector is None:  # as with the weights on the right, on both sides, or nowhere
            left, right = zip(*map(self._pair, left, right))
            vector = self._vector(right) if all(map(_uniform, left)) else None
        if vector is None or _is_multiple(left):
            ranks = [(self._rank(b), self._rank(a)) for a, b in zip(left, right)]
            keys = [(b[0], a[0], b[1], a[1]) for b, a in ranks]  # by buffers first: of equal ones there can be runs
            order = sorted(range(n), key=keys.__getitem__)
            return Row(symbol, (self._part([left[k] for k in order]), self._part([right[k] for k in order]), *bias))
        weights = self._part(left)
        return Row(symbol, (vector.arranged(weights), vector.part, *bias), vector)

    def _vector(self, symbols: tuple[Symbol, ...]) -> Vector | None:
        """Symbols as a vector, if they are all per lane; made once for all neurons of a layer."""
        if symbols not in self._vectors:
            found = None
            if not any(map(_uniform, symbols)):
                ranks = list(map(self._rank, symbols))
                order = sorted(range(len(ranks)), key=ranks.__getitem__)
                part = self._part([symbols[k] for k in order])
                in_order = order == list(range(len(order)))
                found = Vector(len(self._vectors), None if in_order else as_range(order) or order, part)
            self._vectors[symbols] = found
        return self._vectors[symbols]

    def _pair(self, a: Symbol, b: Symbol) -> tuple[Symbol, Symbol]:
        """Factors in a fixed order: what is uniform first, then by slot."""
        return (b, a) if (not b.uniform, self._rank(b)) < (not a.uniform, self._rank(a)) else (a, b)

    def _part(self, symbols: Sequence[Symbol]) -> Part:
        if type(symbols) is LeafRow:
            return Part("P" * len(symbols), symbols.numbers)
        slots = list(map(_number, symbols))
        if min(slots) >= 0:  # the weights of a neuron, for only leaves have such numbers
            return Part("P" * len(slots), slots)
        letters, numbers = zip(*map(self._rank, symbols))
        return Part("".join(letters), numbers)

    def _single_part(self, symbol: Symbol) -> Part:
        buffer, number = self._rank(symbol)
        return Part(buffer, (number,))

    def _rank(self, symbol: Symbol) -> tuple[str, float]:
        """The buffer, and the slot or, of a constant, the number: what operands are sorted by."""
        found = self._ranks.get(symbol)
        if found is None:
            place = symbol.number if symbol.kind == "leaf" else symbol.value
            found = self._ranks[symbol] = _BUFFER[symbol.kind], place
        return found


def _is_multiple(left: Sequence[Symbol]) -> bool:
    """Whether all factors are the same constant: such a dot is a multiple of a sum."""
    return type(left) is not LeafRow and left[0].kind == "constant" and all(symbol is left[0] for symbol in left)


def _row_step(a: Row, b: Row) -> list[Any]:
    """The steps of all slots from one row to the next, except the vector's."""
    return [_step(a.parts[k].numbers, b.parts[k].numbers) for k in range(len(a.parts)) if k != 1]


def _step(a: Sequence[float], b: Sequence[float]) -> Any:
    """The steps from the slots of one row to those of the other; a single number for ranges of the same shape."""
    if isinstance(a, range) and isinstance(b, range) and (a.step, len(a)) == (b.step, len(b)):
        return b.start - a.start
    return list(map(sub, b, a))


def _levels(symbols: Sequence[Symbol]) -> dict[str, list[list[Symbol]]]:
    """The operations of each stage by their level: the length of the longest chain of that stage that ends there."""
    places: dict[Symbol, tuple[str, int]] = {}
    below_of: dict[int, set[tuple[str, int]]] = {}  # by the id of the operands, which a layer's neurons have in common
    levels: dict[str, list[list[Symbol]]] = {stage: [] for stage in STAGES}
    for symbol in symbols:
        below = below_of.get(id(symbol.below))
        if below is None:
            below = below_of[id(symbol.below)] = {places[o] for o in symbol.below}
        stage = "body"
        if symbol.uniform:
            late = any(stage == "epilogue" for stage, _ in below)
            late = late or any(o.kind == "accumulator" for o in apart(symbol.operands))
            stage = "epilogue" if late else "prologue"
        level = 1 + max([level for other, level in below if other == stage], default=0)
        places[symbol] = stage, level
        while len(levels[stage]) < level:
            levels[stage].append([])
        levels[stage][level - 1].append(symbol)
    return levels
