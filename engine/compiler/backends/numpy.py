"""The plan in NumPy: each group is a few array operations over all samples; buffers are [slot, sample]."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ... import ops
from ...primitive import Primitive
from ...process.forking import new_lock
from ..plan.plan import Copy, Group, Plan, Reduction, Run, Scatter
from ..update import Update
from .array_templates import translate
from .array_training import ArrayTraining
from .protocol import Interpreter

Array = Any  # np.ndarray of the program's dtype
Task = Callable[[], None]
KEPT = 4  # how many batch sizes have their buffers kept


class NumpyProgram(Interpreter):
    """A plan that is ready to run on arrays."""

    name = "numpy"

    def __init__(self, plan: Plan, dtype: str) -> None:
        self.plan, self.dtype = plan, np.dtype(dtype)
        with np.errstate(over="ignore"):  # in single precision 1e200 is inf
            constants = np.array(plan.constants, dtype)
        self._uniform = {
            "P": np.zeros(plan.leaves, dtype),
            "C": constants,
            "U": np.zeros(plan.sizes["U"], dtype),
            "G": np.zeros(plan.sizes["G"], dtype),
        }
        self._batches: dict[int, _Batch] = {}
        self._lock = new_lock()  # the buffers are one set

    def training(self, memories: int, frozen: Sequence[int] = (), rule: Update | None = None) -> ArrayTraining:
        """Memory for the parameters, of which `frozen` are not updated, and `memories` numbers for each."""
        return ArrayTraining(self, memories, frozen)

    def run(self, leaves: Any, arrays: Sequence[Array], n: int, /) -> tuple[Array, Array | None]:
        """Run it on a batch; see `protocol.Runner`."""
        with self._lock:
            return self._run(leaves, arrays, n)

    def _run(self, leaves: Any, arrays: Sequence[Array], n: int) -> tuple[Array, Array | None]:
        batch = self._batches.get(n)
        if batch is None:
            if len(self._batches) >= KEPT:
                del self._batches[next(iter(self._batches))]
            batch = self._batches[n] = _Batch(self.plan, self._uniform, n, self.dtype)
        self._uniform["P"][:] = leaves
        self._uniform["G"][:] = 0
        batch.fill(arrays)
        with np.errstate(all="ignore"):
            for task in batch.tasks:
                task()
        gradient = self._uniform["G"][: self.plan.leaves].copy() if self.plan.sizes["G"] else None
        return batch.outputs(), gradient


class _Batch:
    """The buffers for one batch size and the array operations on them, in order."""

    def __init__(self, plan: Plan, uniform: dict[str, Array], n: int, dtype: Any) -> None:
        self._plan, self._n = plan, n
        rows = plan.inputs + (plan.weight is not None)
        self._buffers = {**uniform, "X": np.zeros((rows, n), dtype), "S": np.zeros((plan.sizes["S"], n), dtype)}
        if plan.weight is not None:
            self._buffers["X"][plan.weight] = 1.0 / max(n, 1)
        self.tasks: list[Task] = [self._group(group) for group in (*plan.prologue, *plan.body)]
        self.tasks += [self._reduction(reduction) for reduction in plan.reductions]
        self.tasks += [self._scatter(scatter) for scatter in plan.scatters]
        self.tasks += [self._group(group) for group in plan.epilogue]
        self.tasks += [self._copy(copy) for copy in plan.finish]

    def fill(self, arrays: Sequence[Array]) -> None:
        """Put the inputs in their slots."""
        base = 0
        for array in arrays:
            self._buffers["X"][base : base + array.shape[1]] = array.T
            base += array.shape[1]

    def outputs(self) -> Array:
        """The outputs, one row per sample."""
        result = np.empty((self._n, len(self._plan.outputs)), self._buffers["S"].dtype)
        for column, run in enumerate(self._plan.outputs):
            result[:, column] = self._buffers[run.buffer][run.base]
        return result

    def _read(self, run: Run, rows: int) -> Callable[[], Array]:
        """A function that gives an operand as [rows, columns, samples], with one sample or row where all are equal."""
        buffer = self._buffers[run.buffer]
        lanes = buffer.strides[1:] or (0,)
        width = buffer.shape[1] if buffer.ndim == 2 else 1
        if run.table is not None:
            index = np.array(run.table).reshape(rows, run.count)
            return lambda: buffer[index].reshape(rows, run.count, width)
        shape = (rows if run.row else 1, run.count, width)
        step = buffer.strides[0]
        view = as_strided(buffer[run.base :], shape, (run.row * step, run.column * step, *lanes))
        return lambda: view

    def _joined(self, runs: Sequence[Run], rows: int) -> Callable[[], Array]:
        """A function that gives the columns of several runs in one array."""
        parts = [self._read(run, rows) for run in runs]
        if len(parts) == 1:
            return parts[0]

        def join() -> Array:
            arrays = [part() for part in parts]
            height, width = max(a.shape[0] for a in arrays), max(a.shape[2] for a in arrays)
            return np.concatenate([np.broadcast_to(a, (height, a.shape[1], width)) for a in arrays], axis=1)

        return join

    def _group(self, group: Group) -> Task:
        primitive, rows = group.primitive, group.rows
        buffer = self._buffers[group.result.buffer]
        out = buffer[group.result.base : group.result.base + rows].reshape(rows, -1)
        if primitive is ops.dot:
            return self._dot(group, out)
        operands = [self._joined(runs, rows) for runs in group.operands]
        if primitive is ops.take:
            return _take(out, *operands)
        if primitive.arity is None:
            return _fold(primitive, out, operands[0])
        function = translate(str(primitive.native), primitive.operands)
        fixed = [operand() if runs[0].table is None else None for operand, runs in zip(operands, group.operands)]
        if all(view is not None for view in fixed):
            views = [view[:, 0] for view in fixed if view is not None]
            return lambda: function(out, *views)
        return lambda: function(out, *[operand()[:, 0] for operand in operands])

    def _dot(self, group: Group, out: Array) -> Task:
        left, right, *bias = [self._joined(runs, group.rows) for runs in group.operands]
        is_product, matrix = group.is_product, (group.rows, group.columns)  # all rows may be the same, with a bias each

        def dot() -> None:
            if is_product:
                np.matmul(np.broadcast_to(left()[:, :, 0], matrix), right()[0], out=out)
            else:
                np.copyto(out, np.add.reduce(np.multiply(left(), right()), axis=1))
            for b in bias:
                np.add(out, b()[:, 0], out=out)

        return dot

    def _reduction(self, reduction: Reduction) -> Task:
        rows, columns = reduction.rows, reduction.columns
        left = self._read(reduction.left, rows)
        right = None if reduction.right is None else self._read(reduction.right, 1)
        accumulators, run = self._buffers["G"], reduction.target
        index = np.array(run.slots(rows)).reshape(rows, columns)  # all distinct

        def reduce() -> None:
            factor = left()[:, 0]
            total = factor.sum(axis=1, keepdims=True) if right is None else factor @ right()[0].T
            accumulators[index] += total

        return reduce

    def _scatter(self, scatter: Scatter) -> Task:
        index, source = (self._read(run, scatter.rows) for run in (scatter.index, scatter.source))
        accumulators, targets = self._buffers["G"], np.array(scatter.target.slots(scatter.rows))

        def scatter_add() -> None:
            numbers = np.broadcast_to(index()[:, 0], (scatter.rows, self._n))
            rows, samples = np.nonzero(np.isin(numbers, np.arange(targets.shape[1])))
            columns = numbers[rows, samples].astype(int)
            added = np.broadcast_to(source()[:, 0], numbers.shape)[rows, samples]
            np.add.at(accumulators, targets[rows, columns], added)

        return scatter_add

    def _copy(self, copy: Copy) -> Task:
        source = self._read(copy.source, copy.rows)
        index = np.array(copy.target.slots(copy.rows))[:, 0]
        accumulators = self._buffers["G"]

        def task() -> None:
            accumulators[index] = source()[:, 0, 0]

        return task


def _fold(primitive: Primitive, out: Array, operand: Callable[[], Array]) -> Task:
    step = translate(str(primitive.native), ("z", "x"))
    if primitive is ops.sum:
        return lambda: np.copyto(out, np.add.reduce(operand(), axis=1))

    def fold() -> None:
        columns = operand()
        out[:] = columns[:, 0]
        for k in range(1, columns.shape[1]):
            step(out, out, columns[:, k])

    return fold


def _take(out: Array, index: Callable[[], Array], values: Callable[[], Array]) -> Task:
    def take() -> None:
        position, columns = index()[:, 0], values()
        out[:] = np.nan
        for k in range(columns.shape[1]):
            np.copyto(out, columns[:, k], where=position == k)

    return take
