"""What samples, such as labels, must satisfy: checked in every call, on all numbers, as they were given."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

from ..numbers import Requirement, are_plain
from .frontend.graph import operations
from .frontend.operands import apart
from .frontend.symbol import Symbol
from .samples.batch import Batch, Shape, columns_of

KNOWN = 4096  # rows of numbers that are remembered as right, for each requirement
REMEMBERED = 1 << 20  # bytes of arguments that are remembered as right

Columns = dict[int, Sequence[Any]]
"""The numbers that an input has in all samples, by the input's position."""


class Bounds(NamedTuple):
    """All numbers between two bounds, these included; none if the first is larger.

    Attributes:
        least, most: the bounds.
        whole: whether only whole numbers are meant.
    """

    least: float = math.inf
    most: float = -math.inf
    whole: bool = False


class Requirements:
    """What a traced function requires of its samples.

    Args:
        noted: each requirement, and the symbols that must meet it together.
        shapes: the shapes of the function's arguments.

    Attributes:
        arguments: those on which there are requirements.
        bounds: of each argument, numbers that meet all requirements on it.
    """

    def __init__(self, noted: Sequence[tuple[Requirement, tuple[Symbol, ...]]], shapes: Sequence[Shape]) -> None:
        columns = columns_of(shapes)
        single: dict[tuple[Requirement, int], list[int]] = {}  # by argument: the first one noted says what is wrong
        self._checks: list[_OfEach | _OfRows] = []
        for requirement, symbols in noted:
            if len(symbols) == 1 and symbols[0].kind == "input":
                position = symbols[0].value
                argument = next(k for k, own in enumerate(columns) if position in own)
                single.setdefault((requirement, argument), []).append(position)
            else:
                self._checks.append(_OfRows(requirement, symbols))
        self._checks[:0] = [_OfEach(requirement, positions) for (requirement, _), positions in single.items()]
        read = {position for check in self._checks for position in check.positions}
        # For each argument on which there are requirements, the positions of inputs, and their columns in it.
        self._read = {
            k: [(position, column) for column, position in enumerate(own) if position in read]
            for k, own in enumerate(columns)
            if not read.isdisjoint(own)
        }
        self.arguments = self._read.keys()
        self.bounds = [self._bounds(own) for own in columns]
        self._right: Any = None  # the arguments that were last found right

    def _bounds(self, own: range) -> Bounds:
        """Numbers that meet all requirements on an argument, given the positions of its inputs."""
        checks = [check for check in self._checks if any(position in own for position in check.positions)]
        if any(isinstance(check, _OfRows) for check in checks):
            return Bounds()
        for bounds in (Bounds(-sys.float_info.max, sys.float_info.max), Bounds(0.0, 1.0)):
            if all(check.requirement.accepts(bounds.least, bounds.most) for check in checks):
                return bounds
        return Bounds(0.0, min(getattr(check.requirement, "indices", 0) for check in checks) - 1.0, whole=True)

    def check(self, batch: Batch) -> None:
        """Refuse samples that the function would refuse in plain Python.

        Raises:
            TypeError, ValueError, IndexError: raised by the requirement.
        """
        if not self._checks or not batch.size:
            return
        arguments = [batch.given[k] for k in self._read]
        contents = None
        if all(hasattr(a, "tobytes") for a in arguments) and sum(a.nbytes for a in arguments) <= REMEMBERED:
            contents = [(a.dtype, a.tobytes()) for a in arguments]
            if contents == self._right:
                return
        columns: Columns = {}
        for k, places in self._read.items():
            found = batch.columns_as_given(k)
            columns.update((position, found[column]) for position, column in places)
        for check in self._checks:
            check.check(columns)
        self._right = contents


class _OfEach:
    """A requirement on each number of some inputs."""

    def __init__(self, requirement: Requirement, positions: list[int]) -> None:
        self.requirement, self.positions = requirement, positions
        self._known: set[Any] = set()

    def check(self, columns: Columns) -> None:
        numbers = list(chain.from_iterable([columns[position] for position in self.positions]))
        plain = are_plain(numbers)
        if plain and math.isfinite(sum(numbers)) and self.requirement.accepts(min(numbers), max(numbers)):
            return
        _check_all(numbers, self._known if plain else None, self.requirement.check)


class _OfRows:
    """A requirement on several numbers of a sample, or on something computed from them."""

    def __init__(self, requirement: Requirement, symbols: tuple[Symbol, ...]) -> None:
        self.requirement, self._symbols = requirement, symbols
        self._operations = operations(symbols)
        sources = {*symbols, *[o for s in self._operations for o in apart(s.operands)]}
        self.positions = sorted([s.value for s in sources if s.kind == "input"])
        self._known: set[Any] = set()

    def check(self, columns: Columns) -> None:
        rows = list(zip(*[columns[position] for position in self.positions]))
        _check_all(rows, self._known if are_plain(chain.from_iterable(rows)) else None, self._check_row)

    def _check_row(self, row: tuple[Any, ...]) -> None:
        inputs, found = dict(zip(self.positions, row)), dict[Symbol, Any]()

        def value(symbol: Symbol) -> Any:
            if symbol.operands:
                return found[symbol]
            return symbol.value if symbol.kind == "constant" else inputs[symbol.value]

        for symbol in self._operations:
            assert symbol.primitive is not None
            found[symbol] = symbol.primitive.number(*[float(value(o)) for o in symbol.operands])
        self.requirement.check(*map(value, self._symbols))


def _check_all(rows: list[Any], known: set[Any] | None, check: Callable[[Any], Any]) -> None:
    """Check the rows that are not known yet, equal ones just once, and add them to the known ones."""
    new = {id(row): row for row in rows}.values() if known is None else {*rows} - known
    for row in new:
        check(row)
    if known is not None and len(known) + len(new) <= KNOWN:
        known.update(new)
