"""Coverage: whether every sample, whatever its numbers, meets at least one of some conditions.

The conditions come from the branches of a `where` or the values of a `take`: each is reached by some samples, and
together they usually cover all. Then nothing needs to be selected: adjoints are multiplied and added as elsewhere, in
matrix products where possible.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from ... import ops
from ..frontend.conditions import BOTH, EITHER, EQUAL, INVERT, NOT_EQUAL
from ..frontend.graph import Graph
from ..frontend.symbol import Symbol

ATOMS, PARTS = 6, 64
"""The most comparisons whose outcomes are all tried, and the most conditions examined; with more it gives up."""

Outcomes = Sequence[bool]
Form = Callable[[Outcomes], bool]
"""A condition as a function of the outcomes of its comparisons."""


def covers(graph: Graph, conditions: Sequence[Symbol]) -> bool:
    """Whether it is known that every sample meets at least one of the conditions.

    >>> from .simplify import simplify
    >>> graph = Graph(simplify, lambda output, inputs: [])
    >>> x = graph.source("input", 0)
    >>> covers(graph, [x < 1.0, graph.make(INVERT, (x < 1.0,))]), covers(graph, [x < 1.0, x >= 1.0])  # nan is neither
    (True, False)
    >>> covers(graph, [x != 0.0, 1.0 - x != 0.0])
    True
    """
    if _exhaust_an_index(graph, conditions):
        return True
    reader, forms = _Reader(), list[Form]()
    for condition in conditions:
        forms.append(reader.form(condition))
        if reader.gives_up:
            return False
    exclusive = reader.exclusive()
    return all(
        any(form(outcomes) for form in forms)
        for outcomes in itertools.product((False, True), repeat=len(reader.atoms))
        if not any(outcomes[i] and outcomes[j] for i, j in exclusive)
    )


def _exhaust_an_index(graph: Graph, conditions: Sequence[Symbol]) -> bool:
    """Whether the conditions cover every value that the index of a `take` can have."""
    found: dict[Symbol, set[float]] = {}
    rest, seen = [*conditions], set[Symbol]()
    while rest:
        condition = rest.pop()
        if condition.primitive is EITHER and condition not in seen:
            seen.add(condition)
            rest += condition.operands
        elif condition.primitive is EQUAL and condition.operands[1].kind == "constant":
            found.setdefault(condition.operands[0], set()).add(condition.operands[1].value)
    return any(
        numbers == set(range(len(numbers))) and (ops._Index(len(numbers)), (index,)) in graph.requirements
        for index, numbers in found.items()
    )


class _Reader:
    """Turns conditions into functions of the outcomes of their comparisons.

    Attributes:
        atoms: the comparisons found so far; ``x != y`` is the negation of the atom ``x == y``.
        left: how many conditions may still be examined.
    """

    def __init__(self) -> None:
        self.atoms: list[tuple[Symbol, ...]] = []
        self.left = PARTS

    @property
    def gives_up(self) -> bool:
        """Whether there are too many comparisons or conditions to examine."""
        return len(self.atoms) > ATOMS or self.left < 0

    def form(self, condition: Symbol) -> Form:
        """A condition as a form; meaningless once the reader gives up."""
        self.left -= 1
        if self.gives_up:
            return any
        primitive, operands = condition.primitive, condition.operands
        if primitive is INVERT:
            inner = self.form(operands[0])
            return lambda outcomes: not inner(outcomes)
        if primitive is BOTH or primitive is EITHER:
            of_all = all if primitive is BOTH else any
            parts = [self.form(operand) for operand in operands]
            return lambda outcomes: of_all(part(outcomes) for part in parts)
        if condition.kind == "constant":
            return lambda outcomes: bool(condition.value)
        unequal = primitive is NOT_EQUAL
        atom = self._atom((operands[0], operands[1]) if unequal or primitive is EQUAL else (condition,))
        return lambda outcomes: outcomes[atom] is not unequal

    def _atom(self, atom: tuple[Symbol, ...]) -> int:
        for k, known in enumerate(self.atoms):
            if len(known) == len(atom) and all(a is b for a, b in zip(known, atom)):
                return k
        self.atoms.append(atom)
        return len(self.atoms) - 1

    def exclusive(self) -> list[tuple[int, int]]:
        """Pairs of atoms that cannot both be true: ``x == 0`` and ``c - x == 0``, with a constant c other than 0."""
        zeros = [
            (k, atom[0])
            for k, atom in enumerate(self.atoms)
            if len(atom) == 2 and atom[1].kind == "constant" and atom[1].value == 0.0
        ]
        return [
            (i, j)
            for (i, x), (j, rest) in itertools.permutations(zeros, 2)
            if rest.primitive is ops.sub
            and rest.operands[1] is x
            and rest.operands[0].kind == "constant"
            and rest.operands[0].value != 0.0
        ]
