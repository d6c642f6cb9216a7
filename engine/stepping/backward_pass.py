"""Backprop one step at a time: a record of each use of the chain rule, and a pass that moves back and forth.

A pass adds in the order of the sweep and writes the sums to `grad` as it goes, so that at its end every gradient
is, to the last bit, what `backward` leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..backprop import passes_under_way, refuse_numbers, stop_passes
from ..graph import topological_order
from ..numbers import equal_numbers
from ..pullbacks import UNREACHED, flowing_derivatives
from ..text.elsewhere import explained
from ..text.names import Names
from ..text.sheet import counted
from ..value import Constant, Value
from .steps import Step


class BackwardPass:
    """The backward pass from `root` as a position that moves by single steps, back and forth.

    Local derivatives are known from the forward pass, so they are all evaluated here: a rule that raises does so
    before any gradient is touched. Nothing is written until the first step.
    """

    def __init__(self, root: Value, names: Any = None) -> None:
        self.root = root
        self.order = topological_order(root)
        refuse_numbers(self.order)
        self.names = Names(self.order, names)
        self.nodes: list[Value] = []  # those that have a step, in order
        self.position = 0  # how many of them are done
        self._locals: list[tuple[float | None, ...]] = []
        self._expected = dict.fromkeys(self.order, 0)  # how many contributions each node gets
        for node in reversed(self.order):
            if node._primitive is None or not (node is root or self._expected[node]):
                continue
            derivatives = tuple(flowing_derivatives(node))
            self.nodes.append(node)
            self._locals.append(derivatives)
            for operand, d in zip(node.operands, derivatives):
                self._expected[operand] += d is not None
        self._adjoint = dict.fromkeys(self.order, UNREACHED)
        self._adjoint[root] = 1.0
        self._arrived = dict.fromkeys(self.order, 0)
        self._original: dict[Value, float] = {}  # the gradients that were there before the first step
        self._written: dict[Value, float] = {}  # and what this pass has set them to, the very objects
        self._undo: list[tuple[float, ...]] = []
        self.stopped = False

    def __len__(self) -> int:
        return len(self.nodes)

    def state(self, node: Value) -> tuple[int, int]:
        """How many contributions a node has had, and how many it gets.

        >>> x = Value(3.0)
        >>> run = BackwardPass(x * x)
        >>> run.state(x), run.advance() is not None, run.state(x)
        ((0, 2), True, (2, 2))
        """
        return self._arrived[node], self._expected[node]

    def stop_of(self, node: Value) -> int | None:
        """The position just after the step of a node, for a leaf after the one that completes its gradient."""
        for k in reversed(range(len(self))):
            if self.nodes[k] is node:
                return k + 1
            if node._primitive is None:
                for operand, d in zip(self.nodes[k].operands, self._locals[k]):
                    if operand is node and d is not None:
                        return k + 1
        return None

    def remarks(self) -> list[str]:
        """What a reader of the gradients must know: that some are not of this pass, or only in part."""
        if self.stopped and 0 < self.position < len(self):
            return ["closed half-way: the gradients are not those of this pass"]
        for node in self.order if self.position else ():
            if change := self._touched(node):
                return [change]
        found = []
        before = sum(self._before(node) != 0.0 for node in self.order if node._primitive is None)
        if before:
            held = f"{counted(before, 'leaf', 'leaves')} held a gradient before"
            found.append(f"{held}, and this pass adds to it; zero_grad() first clears it")
        old = sum(node._grad != 0.0 for node in self.order if node._primitive is not None)
        if old and not self.position:
            hold = "1 result holds the gradient" if old == 1 else f"{old:,} results hold the gradients"
            found.append(f"{hold} of a pass before, which the first step clears")
        return found

    def advance(self) -> Step:
        """Do the next step and write the gradients it changes."""
        self._check_open()
        node, derivatives = self.nodes[self.position], self._locals[self.position]
        operands = node.operands
        if self.position:  # at the end all must be what `backward` leaves
            self._check_untouched(operands if self.position + 1 < len(self) else self.order)
        contributions: list[float | None] = []
        before, after, paths = [], [], []
        with self._all_or_nothing(operands):
            if self.position == 0:
                self.begin()
            upstream = self._adjoint[node]
            self._undo.append(tuple(self._adjoint[operand] for operand in operands))
            for operand, d in zip(operands, derivatives):
                before.append(self._grad(operand))
                contributions.append(None if d is None else upstream * d)
                if d is not None:
                    self._adjoint[operand] += upstream * d
                    self._arrived[operand] += 1
                    self._write(operand)
                after.append(self._grad(operand))
                paths.append(self.state(operand))
            self.position += 1
            if self.position == len(self):
                passes_under_way.discard(self)
        assert node._primitive is not None  # leaves have no step
        return Step(
            node,
            node._primitive,
            operands,
            upstream,
            derivatives,
            tuple(contributions),
            tuple(before),
            tuple(after),
            tuple(paths),
            self.position,
            len(self),
            self.names,
        )

    def retreat(self) -> None:
        """Undo the last step: every gradient is what it was before it."""
        self._check_open()
        operands = self.nodes[self.position - 1].operands
        # Other passes stop one that is under way, but add to what a complete one has left.
        self._check_untouched(operands if self.position < len(self) else self.order)
        with self._all_or_nothing(operands):
            passes_under_way.add(self)
            self.position -= 1
            for operand, before, d in zip(operands, self._undo.pop(), self._locals[self.position]):
                if d is not None:
                    self._adjoint[operand] = before
                    self._arrived[operand] -= 1
                    self._write(operand)
            if self.position == 0:
                self._restore()

    @contextmanager
    def _all_or_nothing(self, operands: tuple[Value, ...]) -> Iterator[None]:
        """An error or Ctrl-C in the middle of a move restores the gradients from before the pass, and closes it."""
        try:
            yield
        except BaseException:
            self._restore(operands)
            self.stopped = True
            raise

    def begin(self) -> None:
        """Write what holds before the first step: 1 for the root, 0 for all other results."""
        stop_passes(self._adjoint)
        self._original = {node: node._grad for node in self.order}
        if len(self):
            passes_under_way.add(self)
        for node in self.order:
            if not isinstance(node, Constant):
                self._write(node)

    def stop(self) -> None:
        """Give up half-way: the gradients from before the pass come back. At the end of the pass they stay.

        A gradient that other code has set since stays in either case: a `zero_grad` is not undone.
        """
        if 0 < self.position < len(self):
            self._restore()
        self.stopped = True

    def _restore(self, half_written: tuple[Value, ...] = ()) -> None:
        passes_under_way.discard(self)
        torn = set(half_written)  # by identity, where `in` of a tuple compares numbers
        for node, grad in self._original.items():
            if node._grad is self._written.get(node) or node in torn:
                node._grad = grad
        self._original = {}

    def _write(self, node: Value) -> None:
        self._written[node] = node._grad = self._grad(node)

    def _check_open(self) -> None:
        if self.stopped:
            raise RuntimeError(
                "this pass was closed, by close(), by an error or Ctrl-C within a step, or by another backward pass: "
                "start a new one"
            )

    def _check_untouched(self, nodes: Sequence[Value]) -> None:
        """Raise if other code has written a gradient that is about to change."""
        for node in nodes:
            if change := self._touched(node):
                raise RuntimeError(change)

    def _touched(self, node: Value) -> str:
        """A message that other code has written the gradient of a node; empty if it has not."""
        expected = self._grad(node)
        if equal_numbers(node._grad, expected):
            return ""
        return (
            f"the gradient of {self.names(node)} is {node._grad!r}, where this pass left {expected!r}: "
            "it was changed in between; start a new pass"
        )

    def _grad(self, node: Value) -> float:
        """What `grad` holds: contributions add up in a leaf over several passes, in a result they do not."""
        return (self._before(node) if node._primitive is None else 0.0) + self._adjoint[node]

    def _before(self, node: Value) -> float:
        """The gradient of a node from before the first step."""
        return self._original.get(node, node._grad)


@explained
def backward_steps(root: Value, names: Any = None) -> Iterator[Step]:
    """Run the backward pass lazily, one `Step` at a time; at the end all gradients are those of `backward`.

    Abandoned half-way (``break``, an error in the loop, ``close()``), it restores the gradients that were there.

    Args:
        root: what to differentiate.
        names: a mapping from names to Values or a module, for what is printed.

    Raises:
        TypeError: `root` is not a Value; or inside a function that is being differentiated, if it depends on an
            argument: see `grad`.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> for step in backward_steps(a * b + a):
    ...     print(step)
    step 1 of 2: a*b + a = -4, upstream 1
      a*b  1 * 1 = 1  grad 0 -> 1  final
      a    1 * 1 = 1  grad 0 -> 1  partial, path 1 of 2
    step 2 of 2: a*b = -6, upstream 1
      a  1 * (-3) = -3  grad 1 -> -2  final, path 2 of 2
      b  1 * 2 = 2      grad 0 -> 2   final
    """
    return _walk(BackwardPass(root, names))


def _walk(run: BackwardPass) -> Iterator[Step]:
    try:
        if not len(run):
            run.begin()
        while run.position < len(run):
            yield run.advance()
    finally:
        run.stop()
