"""The records of single steps of the forward and the backward pass, as they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..graph import topological_order
from ..primitive import Primitive
from ..text.elsewhere import explained
from ..text.names import Names
from ..text.remarks import about_names, changed_since
from ..text.sheet import Sheet, Shown, counted, ends, short
from ..value import Constant, Value

_ROWS = 20  # operands shown of a node with many


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Step(Shown):
    """One use of the chain rule: what one node passes on to its operands.

    Every tuple has one entry per operand, in order.

    Attributes:
        node: the one whose gradient is final and is passed on.
        primitive: the operation that made it.
        operands: the Values it was computed from; ``x * x`` has the same one twice.
        upstream: the gradient of `node`.
        locals: the local derivatives; None where nothing flows: a constant, or an operand that was not selected.
        contributions: upstream times local derivative; None as above.
        before: the operand's gradient before its contribution.
        after: and after it.
        paths: ``(k, n)``: this was contribution k of the n that the operand gets.
        number: which step of the pass this is, from 1.
        total: how many steps the pass has.
    """

    node: Value
    primitive: Primitive
    operands: tuple[Value, ...]
    upstream: float
    locals: tuple[float | None, ...]
    contributions: tuple[float | None, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    paths: tuple[tuple[int, int], ...]
    number: int
    total: int
    names: Names

    @property
    def final(self) -> tuple[bool, ...]:
        """Whether the operand's gradient has had all its contributions; until then it is partial."""
        return tuple(k == n for k, n in self.paths)

    def _sheet(self) -> Sheet:
        """What is shown of it."""
        equation = _equation(self.names, self.node)
        title = f"step {self.number} of {self.total}: {equation}, upstream {short(self.upstream)}"
        shown = [k for k, operand in enumerate(self.operands) if not isinstance(operand, Constant)]
        rows = ends(shown, _ROWS, self._row, "operands")
        notes = _notes(self, "operands, locals, contributions, before and after", rows, shown)
        return Sheet(title, ("operand", "upstream * local", "gradient", "state"), rows, notes)

    def _row(self, k: int) -> tuple[str, ...]:
        name, local, contribution = self.names(self.operands[k]), self.locals[k], self.contributions[k]
        if local is None or contribution is None:
            return name, "nothing: not selected", f"grad {short(self.after[k])}", ""
        return (
            name,
            f"{short(self.upstream)} * {factor(local)} = {short(contribution)}",
            f"grad {short(self.before[k])} -> {short(self.after[k])}",
            progress(*self.paths[k]),
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ForwardStep(Shown):
    """One operation of the forward pass: a node computed from its operands.

    Attributes:
        node: the result.
        primitive: the operation.
        operands: the Values it was computed from.
        inputs: their numbers at the time.
        value: the number that came out.
        number: which step of the pass this is, from 1.
        total: how many steps the pass has.
    """

    node: Value
    primitive: Primitive
    operands: tuple[Value, ...]
    inputs: tuple[float, ...]
    value: float
    number: int
    total: int
    names: Names

    def _sheet(self) -> Sheet:
        """What is shown of it."""
        title = f"forward {self.number} of {self.total}: {_equation(self.names, self.node)}"
        found = dict(zip(self.operands, self.inputs))
        shown = [operand for operand in found if not isinstance(operand, Constant)]
        rows = ends(shown, _ROWS, lambda operand: (self.names(operand), f"= {short(found[operand])}"), "operands")
        return Sheet(title, ("operand", "value"), rows, _notes(self, "operands and inputs", rows, shown))


def _notes(step: AnyStep, columns: str, rows: Sequence[object], operands: Sequence[object]) -> list[str]:
    """What a reader of a step must know; where rows are left out, how to see them."""
    names, node = step.names, step.node
    more = f"all {len(operands):,} are in the step's {columns}; why(name) tells of one"
    nodes = dict.fromkeys((node, *step.operands))
    return [more] * (len(rows) < len(operands)) + [*about_names(names, [*nodes]), *changed_since([node], names)]


def progress(k: int, n: int) -> str:
    """The state of a gradient that has had `k` of its `n` contributions."""
    if k < n:
        return f"partial, path {k} of {n}" if k else f"waits for {counted(n, 'path')}"
    return "final" if n < 2 else f"final, path {k} of {n}"


def _equation(names: Names, node: Value) -> str:
    name, formula = names(node), names.formula(node)
    return f"{name} = {short(node._z)}" if name == formula else f"{name} = {formula} = {short(node._z)}"


def factor(number: float) -> str:
    """A number inside a product: negative ones in brackets."""
    text = short(number)
    return f"({text})" if text[0] == "-" else text


@explained
def forward_steps(root: Value, names: Any = None) -> Iterator[ForwardStep]:
    """The operations of the recorded forward pass, from the leaves up, as `ForwardStep` records.

    Args:
        root: the result.
        names: a mapping from names to Values or a module, for what is printed.

    Raises:
        TypeError: `root` is not a Value.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> print(next(forward_steps(a * b + a)))
    forward 1 of 2: a*b = -6
      a  = 2
      b  = -3
    """
    order = topological_order(root)
    return iter(ForwardSteps([node for node in order if node._primitive is not None], Names(order, names)))


class ForwardSteps(Sequence[ForwardStep]):
    """The operations in topological order; a record of each is made on access."""

    def __init__(self, nodes: list[Value], names: Names) -> None:
        self.nodes, self.names = nodes, names

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, k: Any) -> Any:
        node = self.nodes[k]
        assert node._primitive is not None  # only results are steps
        return ForwardStep(
            node, node._primitive, node.operands, node.inputs, node._z, k + 1, len(self.nodes), self.names
        )


AnyStep = Step | ForwardStep
