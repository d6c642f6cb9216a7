"""From symbols to the plan: equal operations of one level form a group with consecutive slots.

The rows of a group are sorted by the slots of their operands, and the factors of a dot likewise, so that what a loop
of the user computed in any order comes out as plain runs: base, stride, stride.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import sub
from typing import Any

from .. import ops
from ..primitive import Primitive
from .plan import Group, Run
from .runs import Column, chunks, runs
from .symbol import Graph, Symbol, operations

_BUFFER = {"leaf": "P", "constant": "C", "input": "X", "accumulator": "G"}
_SWAPPABLE = frozenset({ops.add, ops.mul})
_FEW = 5  # operands, up to which rows are asked to read them from the same groups
_STAGES = ("prologue", "body", "epilogue")

Operands = tuple[tuple[Symbol, ...], ...]  # one tuple of symbols per operand of the primitive
_Member = tuple[list[float], tuple[Operands, Symbol]]


class Layout:
    """Where every symbol is, and the groups that compute them, placed level by level.

    Attributes:
        stages: the groups of each stage.
        constants: the content of buffer C.
        sizes: the slots used of U and S.
    """

    def __init__(self, graph: Graph, roots: Sequence[Symbol]) -> None:
        self.stages: dict[str, list[Group]] = {stage: [] for stage in _STAGES}
        self.constants: list[float] = []
        self.sizes = {"U": 0, "S": 0}
        self._slots: dict[Symbol, tuple[str, int]] = {s: ("P", k) for k, s in enumerate(graph.leaves)}
        self._ranks: dict[Symbol, tuple[str, float]] = dict(self._slots)  # sorted by: of a constant it is the number
        self._group_of: dict[Symbol, int] = {}  # by its first slot
        self._known_constants: dict[tuple[str, ...], int] = {}
        for stage, levels in _levels(operations(roots)).items():
            for level in levels:
                self._place(stage, level)

    def slot(self, symbol: Symbol) -> tuple[str, int]:
        """The buffer and the slot of a symbol."""
        found = self._slots.get(symbol)
        if found is None:
            if symbol.kind == "constant":
                found = "C", self._constants([symbol.value])[0]
            else:
                found = _BUFFER[symbol.kind], symbol.value
            self._slots[symbol] = found
        return found

    def single(self, symbol: Symbol) -> Run:
        """A run of just that symbol."""
        return Run(*self.slot(symbol))

    def _constants(self, column: list[float]) -> list[int]:
        """Slots of C for the constants that one operand has in all rows: one if they are equal, else in a row."""
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
        rows: dict[Any, list[tuple[Operands, Symbol]]] = {}
        ranks = self._ranks
        for symbol in symbols:
            for operand in symbol.operands:
                if operand not in ranks:
                    constant = operand.kind == "constant"
                    ranks[operand] = ("C", operand.value) if constant else self.slot(operand)
            operands = self._arranged(symbol)
            rows.setdefault(self._signature(symbol, operands), []).append((operands, symbol))
        for members in rows.values():
            members.sort(key=lambda member: [ranks[o] for part in member[0] for o in part[:4]])
            first = members[0][0]
            if len(first) > 1 and members[0][1].primitive is ops.dot and self._is_product(first):
                numbered = [(self._numbers(operands), (operands, symbol)) for operands, symbol in members]
                for piece in chunks(numbered, _is_next_row):
                    self._add_group(stage, [member for _, member in piece])
            else:
                self._add_group(stage, members)

    def _add_group(self, stage: str, members: Sequence[tuple[Operands, Symbol]]) -> None:
        primitive = members[0][1].primitive
        assert primitive is not None
        buffer = "S" if stage == "body" else "U"
        base = self.sizes[buffer]
        self.sizes[buffer] += len(members)
        operands: list[tuple[Run, ...]] = []
        tracks = [self._columns([row[part] for row, _ in members]) for part in range(len(members[0][0]))]
        if primitive is ops.dot:
            operands += runs(tracks[:2])
            tracks = tracks[2:]
        for track in tracks:
            operands += runs([track])
        nodes = tuple([symbol for _, symbol in members])
        self.stages[stage].append(Group(primitive, len(members), tuple(operands), Run(buffer, base, 1), nodes))
        for row, symbol in enumerate(nodes):
            self._slots[symbol] = buffer, base + row
            self._group_of[symbol] = base

    def _columns(self, rows: Sequence[tuple[Symbol, ...]]) -> list[Column]:
        columns = []
        for column in zip(*rows):
            if column[0].kind == "constant":
                columns.append(Column.of("C", self._constants([s.value for s in column])))
            else:
                columns.append(Column.of(self._slots[column[0]][0], [self._slots[s][1] for s in column]))
        return columns

    def _arranged(self, symbol: Symbol) -> Operands:
        """The operands as the plan has them, in an order that does not depend on the user's where it may differ."""
        primitive, operands = symbol.primitive, symbol.operands
        if primitive is ops.dot:
            n = len(operands) // 2
            ranks = self._ranks
            pairs = [
                (a, b) if a.uniform and not b.uniform else self._pair(a, b)
                for a, b in zip(operands[:n], operands[n : 2 * n])
            ]
            keys = [(ranks[b], ranks[a]) for a, b in pairs]
            left, right = zip(*[pairs[k] for k in sorted(range(n), key=keys.__getitem__)])
            return (left, right, operands[2 * n :]) if len(operands) % 2 else (left, right)
        if primitive is ops.take:
            return operands[:1], operands[1:]
        if is_fold(primitive):
            return (tuple(sorted(operands, key=self._ranks.__getitem__)) if primitive is ops.sum else operands,)
        if primitive in _SWAPPABLE:
            operands = self._pair(*operands)
        return tuple([(operand,) for operand in operands])

    def _pair(self, a: Symbol, b: Symbol) -> tuple[Symbol, Symbol]:
        """Factors in a fixed order: what is uniform first, then by slot."""
        ranks = self._ranks
        return (b, a) if (not b.uniform, ranks[b]) < (not a.uniform, ranks[a]) else (a, b)

    def _letters(self, symbols: Sequence[Symbol]) -> str:
        return "".join([self._ranks[s][0] for s in symbols])

    def _signature(self, symbol: Symbol, operands: Operands) -> Any:
        """What rows of one group have in common.

        With few operands that includes the groups which compute them: then a group's rows are those of the groups that
        it reads, in the same order, and all can run in one loop that keeps the numbers in between in registers.
        """
        shared = operands[1] if symbol.primitive is ops.dot and self._is_product(operands) else None
        sources = [self._group_of.get(o) for o in symbol.operands] if len(symbol.operands) <= _FEW else []
        return symbol.primitive, shared, *sources, *[self._letters(part) for part in operands]

    def _is_product(self, operands: Operands) -> bool:
        """Whether a dot is a row of a matrix product: uniform times per lane, and more than a multiple of a sum."""
        left, right = operands[:2]
        multiple = left[0].kind == "constant" and all(s is left[0] for s in left)
        return not multiple and all(s.uniform for s in left) and not any(s.uniform for s in right)

    def _numbers(self, operands: Operands) -> list[float]:
        """The slots of a matrix product's row: its left factors and its bias."""
        return [self._ranks[s][1] for part in (operands[0], *operands[2:]) for s in part]


def _is_next_row(a: _Member, b: _Member, c: _Member, d: _Member) -> bool:
    """Whether the step of all slots from row c to d is that from row a to b."""
    return list(map(sub, d[0], c[0])) == list(map(sub, b[0], a[0]))


def is_fold(primitive: Primitive | None) -> bool:
    """Whether it takes any number of operands, one after the other."""
    return primitive is not None and primitive.arity is None and primitive not in (ops.dot, ops.take)


def _levels(symbols: Sequence[Symbol]) -> dict[str, list[list[Symbol]]]:
    """The operations of each stage by their level: how many operations of the stage lie below."""
    places: dict[Symbol, tuple[str, int]] = {}
    levels: dict[str, list[list[Symbol]]] = {stage: [] for stage in _STAGES}
    for symbol in symbols:
        below = [places[o] for o in symbol.operands if o in places]
        stage = "body"
        if symbol.uniform:
            late = any(stage == "epilogue" for stage, _ in below)
            late = late or any(o.kind == "accumulator" for o in symbol.operands)
            stage = "epilogue" if late else "prologue"
        level = 1 + max([level for other, level in below if other == stage], default=0)
        places[symbol] = stage, level
        while len(levels[stage]) < level:
            levels[stage].append([])
        levels[stage][level - 1].append(symbol)
    return levels
