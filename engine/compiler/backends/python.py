"""The plan in plain Python: a tape of calls over one list of floats. It needs no package, and runs every primitive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ... import ops
from ...primitive import Primitive
from ..frontend.conditions import OWN
from ..plan.plan import Group, Plan, Run
from ..update import Update
from .protocol import Interpreter

Instruction = tuple[Callable[..., float], list[int], int]
Rows = Sequence[Sequence[float]]


class PythonProgram(Interpreter):
    """A plan that is ready to run on lists."""

    name = "python"
    takes_lists = True

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        sizes = {"P": plan.leaves, "C": len(plan.constants), "G": plan.sizes["G"], "U": plan.sizes["U"]}
        sizes |= {"X": plan.inputs + 1, "S": plan.sizes["S"]}
        self._start: dict[str, int] = {}
        self._size = 0
        for buffer, size in sizes.items():
            self._start[buffer] = self._size
            self._size += size
        self._prologue, self._body, self._epilogue = map(self._tape, (plan.prologue, plan.body, plan.epilogue))
        self._outputs = [self._slots(run, 1)[0][0] for run in plan.outputs]
        self._sums = [
            (target, left, right)
            for r in plan.reductions
            for targets, (left,) in zip(*[self._slots(run, r.rows) for run in (r.target, r.left)])
            for target, right in zip(targets, [None] if r.right is None else self._slots(r.right, 1)[0])
        ]
        self._scatters = [
            (targets, index, source)
            for s in plan.scatters
            for targets, (index,), (source,) in zip(*[self._slots(r, s.rows) for r in (s.target, s.index, s.source)])
        ]
        self._copies = [
            (target, source)
            for copy in plan.finish
            for (target, *_), (source, *_) in zip(*[self._slots(r, copy.rows) for r in (copy.target, copy.source)])
        ]

    def _slots(self, run: Run, rows: int) -> list[list[int]]:
        start = self._start[run.buffer]
        return [[start + slot for slot in row] for row in run.slots(rows)]

    def _tape(self, groups: Iterable[Group]) -> list[Instruction]:
        tape: list[Instruction] = []
        for group in groups:
            function = float_function(group.primitive)
            operands = [self._slots(run, group.rows) for runs in group.operands for run in runs]
            for row, (target,) in enumerate(self._slots(group.result, group.rows)):
                tape.append((function, [slot for operand in operands for slot in operand[row]], target))
        return tape

    def training(self, memories: int, frozen: Sequence[int], rule: Update | None = None) -> None:
        """None: the optimiser makes its steps itself, with gradients from `run`."""

    def run(
        self, leaves: Sequence[float], arrays: Sequence[Rows], n: int, /
    ) -> tuple[list[list[float]], list[float] | None]:
        """Run it on a batch; see `protocol.Runner`."""
        memory = [0.0] * self._size
        memory[: self.plan.leaves] = leaves
        constants = self._start["C"]
        memory[constants : constants + len(self.plan.constants)] = self.plan.constants
        _play(self._prologue, memory)
        inputs = self._start["X"]
        outputs = []
        for sample in range(n):
            row = [number for array in arrays for number in array[sample]]
            memory[inputs : inputs + len(row)] = row
            memory[inputs + self.plan.inputs] = 1.0 / n
            _play(self._body, memory)
            outputs.append([memory[slot] for slot in self._outputs])
            for target, left, right in self._sums:
                memory[target] += memory[left] if right is None else memory[left] * memory[right]
            for targets, index, source in self._scatters:
                number = memory[index]
                if number in range(len(targets)):
                    memory[targets[int(number)]] += memory[source]
        if not self.plan.sizes["G"]:
            return outputs, None
        _play(self._epilogue, memory)
        for target, source in self._copies:
            memory[target] = memory[source]
        gradients = self._start["G"]
        return outputs, memory[gradients : gradients + self.plan.leaves]


def _play(tape: list[Instruction], memory: list[float]) -> None:
    for function, operands, target in tape:
        memory[target] = function(*[memory[slot] for slot in operands])


def float_function(primitive: Primitive) -> Callable[..., Any]:
    """A primitive as a function of floats; what a declared one returns is made a float: a float32 would spread."""
    if primitive is ops.take:  # unlike its forward function, this refuses an index out of range
        return lambda index, *values: ops.take(index, values)
    return primitive.forward if primitive in OWN else primitive.number
