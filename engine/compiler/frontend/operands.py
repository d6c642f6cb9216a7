"""Operands of a dot: the weights of a neuron, which are most of a network, are one object instead of symbols.

If the factors on one side are all leaves, they are a row, given by the leaves' numbers: usually a range, like a row or
column of a matrix. Iterating over the operands still gives a symbol for each.

The classes are told apart by `type`: for abstract ones `isinstance` takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, final

if TYPE_CHECKING:
    from ...value import Value
    from .graph import Graph
    from .symbol import Symbol


@final
class LeafRow(Sequence[Any]):
    """The leaves of a graph that have these numbers.

    Args:
        graph: the graph of the leaves.
        numbers: the numbers of at least one leaf.

    Attributes:
        numbers: a range if possible, else a tuple.
    """

    __slots__ = ("graph", "numbers")

    def __init__(self, graph: Graph, numbers: Sequence[int]) -> None:
        self.graph, self.numbers = graph, as_range(numbers) or tuple(numbers)

    @property
    def values(self) -> list[Value]:
        """The Values of the leaves."""
        leaves = self.graph.leaves
        return [leaves[number] for number in self.numbers]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, place: Any) -> Any:
        found = self.numbers[place]
        return self.graph.leaf(found) if isinstance(found, int) else tuple(map(self.graph.leaf, found))

    def __iter__(self) -> Iterator[Symbol]:
        return map(self.graph.leaf, self.numbers)

    def __eq__(self, other: object) -> bool:
        return type(other) is LeafRow and self.graph is other.graph and self.numbers == other.numbers

    def __hash__(self) -> int:
        return hash(self.numbers)


class Shared(tuple[Any, ...]):
    """Symbols that all neurons of a layer read, hashed once instead of for each neuron."""

    _hash: int | None = None

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = super().__hash__()
        return self._hash


@final
class DotOperands(Sequence[Any]):
    """The operands of a dot: as many factors on the left as on the right, and perhaps a bias.

    Attributes:
        left: the only place for a row of leaves: if only the factors on the right are one, the sides are swapped.
        right, bias: symbols.
    """

    __slots__ = ("bias", "left", "right")

    def __init__(
        self, left: LeafRow | tuple[Symbol, ...], right: tuple[Symbol, ...], bias: tuple[Symbol, ...] = ()
    ) -> None:
        self.left, self.right, self.bias = left, right, bias

    @property
    def parts(self) -> tuple[LeafRow | tuple[Symbol, ...], ...]:
        """Left, right and bias."""
        return self.left, self.right, self.bias

    @property
    def apart(self) -> tuple[Symbol, ...]:
        """The operands that are not in a row of leaves."""
        left = () if type(self.left) is LeafRow else self.left
        return (*left, *self.right, *self.bias)

    def __len__(self) -> int:
        return 2 * len(self.right) + len(self.bias)

    def __getitem__(self, place: Any) -> Any:
        return tuple(self)[place]

    def __iter__(self) -> Iterator[Symbol]:
        yield from self.left
        yield from self.right
        yield from self.bias

    def __eq__(self, other: object) -> bool:
        return type(other) is DotOperands and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)


Operands: TypeAlias = "tuple[Symbol, ...] | DotOperands"
"""The operands of an operation."""


def split(operands: Any) -> tuple[Any, Any, Any]:
    """The operands of a dot, given in one sequence: those on the left, those on the right, and the bias."""
    n = len(operands) // 2
    return operands[:n], operands[n : 2 * n], operands[2 * n :]


def parts(operands: Operands) -> tuple[LeafRow | tuple[Symbol, ...], ...]:
    """The operands in pieces, each of which may be a row of leaves."""
    return operands.parts if type(operands) is DotOperands else (operands,)


def apart(operands: Operands) -> tuple[Symbol, ...]:
    """The operands that are not in a row of leaves."""
    return operands.apart if type(operands) is DotOperands else operands


def has_row(operands: Operands) -> bool:
    """Whether some of them are a row of leaves."""
    return type(operands) is DotOperands and type(operands.left) is LeafRow


def read_leaf(operands: Operands) -> bool:
    """Whether one of them is a leaf."""
    return has_row(operands) or any(operand.kind == "leaf" for operand in apart(operands))


def replaced(operands: Operands, new: Mapping[Symbol, Symbol]) -> Operands:
    """The operands, with those that are keys of `new` replaced; rows of leaves stay."""
    if type(operands) is DotOperands:
        left, right, bias = operands.left, operands.right, operands.bias
        if type(left) is LeafRow:
            return DotOperands(left, tuple(map(new.get, right, right)), tuple(map(new.get, bias, bias)))
    return tuple(map(new.get, operands, operands))


def as_range(numbers: Sequence[int]) -> range | None:
    """Numbers as a range, if they form one and are at least two.

    >>> as_range([3, 5, 7]), as_range([3, 5, 8]), as_range([3, 3])
    (range(3, 9, 2), None, None)
    """
    if len(numbers) < 2 or numbers[0] == numbers[1]:
        return None
    if isinstance(numbers, range):
        return numbers
    step = numbers[1] - numbers[0]
    found = range(numbers[0], numbers[0] + step * len(numbers), step)
    return found if list(found) == list(numbers) else None


def first_column(rows: Sequence[Sequence[int]]) -> range | None:
    """The first number of each row, if rows and columns are evenly spaced, as in a matrix; otherwise None.

    >>> first_column([range(0, 2), range(3, 5)]), first_column([range(0, 2), range(3, 9, 3)])
    (range(0, 6, 3), None)
    """
    steps = {row.step if isinstance(row, range) else 0 for row in rows}
    return as_range([row[0] for row in rows]) if len(steps) == 1 and 0 not in steps else None
