"""Training a compiled loss: parameters and the optimiser's memory stay where the back end works on them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import partial
from typing import Any

from ...value import Value
from ..batch import Batch
from ..compiled import Compiled
from ..errors import TraceError
from ..lending import Loan
from ..optimizers import OptimizerSettings, update
from ..selfcheck import check_labels
from ..specialisation import Specialisation


class Session:
    """Steps of an optimiser on a compiled loss.

    Args:
        compiled: the loss of one sample.
        batch: samples like those to come.
        trainable: the Values to update; others that the loss reads stay as they are.
        memories: how many numbers the optimiser remembers for each parameter.

    Attributes:
        leaves: the bound Values, in the order of `memory`.
        memory: the optimiser's, memories x leaves.
        native: whether the back end can make steps; plain Python cannot.

    Raises:
        TraceError: the loss cannot be compiled.
    """

    def __init__(self, compiled: Compiled, batch: Batch, trainable: Sequence[Value], memories: int) -> None:
        self.traced: Specialisation = compiled._trace(batch)
        if not self.traced.trace.single:
            raise TraceError("a loss to train on must be one Value, not a list")
        self.leaves = [leaf.value for leaf in self.traced.trace.graph.leaves]
        self.traced.check("leaves", batch)
        program = self.traced.program("leaves")
        self.native = program.name != "python"
        if not self.native:
            return
        self._native_steps = program.name == "llvm"
        wanted = set(trainable)
        frozen = [place for place, value in enumerate(self.leaves) if value not in wanted]
        make = program.training if self._native_steps else partial(ArrayTraining, program)
        self._training: Any = make(memories, frozen)
        self.memory = self._training.memory
        self._place = {value: k for k, value in enumerate(self.leaves)}
        self._loan = Loan(self.leaves, self._training.parameters)
        self._found: tuple[Sequence[Value], Any] | None = None
        self._checked: Batch | None = None

    def __call__(
        self, batch: Batch, settings: OptimizerSettings, done: int = 0, steps: int = 1, order: Any = None
    ) -> list[float]:
        """Make steps; give the mean loss of each before its update.

        Args:
            batch: the samples.
            settings: of the optimiser.
            done: how many steps were made before.
            steps: how many to make on the whole batch, where there is no `order`.
            order: the samples of each step, steps x batch size, -1 for none.

        Raises:
            FloatingPointError: a loss became nan or infinite; parameters and memory are as before the call.
        """
        if batch is not self._checked:
            self.check(batch)
        self._loan.take()
        training = self._training
        # A native step with a loss of nan or infinity changes nothing; only of several the first ones must be undone.
        several = steps > 1 or order is not None or not self._native_steps
        before = (training.parameters.copy(), self.memory.copy()) if several else None
        losses: list[float] = training(batch.arrays, settings, done, steps, order)
        if not math.isfinite(sum(losses)):
            if before is not None:
                training.parameters[:], self.memory[:] = before
            rate = settings.lr if isinstance(settings.lr, float) else max(settings.lr)
            raise FloatingPointError(
                f"the loss became {next(x for x in losses if not math.isfinite(x))}, and the parameters stay as "
                f"before this call: lower lr (now {rate:g}) and look for nan or inf in the data"
            )
        return losses

    def order(self, count: int, size: int, source: random.Random | None) -> Any:
        """The samples of each batch of an epoch: steps x size, -1 for none.

        Args:
            count: how many samples there are.
            size: how many a batch has at most.
            source: what shuffles them, as its `shuffle` does; None leaves them in order.
        """
        import numpy as np

        size = min(size, count)
        order = np.full(-(-count // size) * size, -1, np.int64)
        if source is None:
            order[:count] = np.arange(count)
        elif self._native_steps:
            from ..backends.llvm.runtime.shuffle import shuffled

            order[:count] = shuffled(count, source)
        else:
            numbers = list(range(count))
            source.shuffle(numbers)
            order[:count] = numbers
        return order.reshape(-1, size)

    def check(self, batch: Batch) -> None:
        """Refuse samples of another shape and labels out of range; needed again if the numbers of a batch change.

        Raises:
            ValueError, IndexError: they do not fit.
        """
        if batch.shapes != self.traced.shapes:
            raise ValueError(f"samples of the shapes {batch.shapes}, where {self.traced.shapes} were compiled")
        check_labels(self.traced.labels, batch)
        self._checked = batch

    def remember(self, rows: Sequence[Sequence[float]], values: Sequence[Value]) -> None:
        """Set the optimiser's memory of `values`, in their order; no rows: forget everything."""
        self.memory[:] = 0.0
        for k, row in enumerate(rows):
            self.memory[k, self._places(values)] = row

    def recall(self, values: Sequence[Value]) -> list[list[float]]:
        """The optimiser's memory of `values`, in their order."""
        places = self._places(values)
        return [row[places].tolist() for row in self.memory]

    def _places(self, values: Sequence[Value]) -> Any:
        """Where `values` are among the leaves; found once for the list of an optimiser's parameters."""
        import numpy as np

        if self._found is None or self._found[0] is not values or len(self._found[1]) != len(values):
            self._found = values, np.array([self._place[value] for value in values])
        return self._found[1]


class ArrayTraining:
    """What a native program's training is, on NumPy arrays.

    Attributes:
        parameters: the bound leaves.
        memory: the optimiser's, memories x leaves.
    """

    def __init__(self, program: Any, memories: int, frozen: Sequence[int]) -> None:
        import numpy as np

        self._program = program
        self.parameters = np.zeros(program.plan.leaves, program.dtype)
        self.memory = np.zeros((memories, program.plan.leaves), program.dtype)
        self._frozen = np.array(frozen, int)

    def __call__(self, arrays: Any, settings: OptimizerSettings, done: int, steps: int, order: Any) -> list[float]:
        """Make steps; see Session."""
        import numpy as np

        kept = self.parameters[self._frozen]
        losses = []
        for k in range(steps if order is None else len(order)):
            part = arrays
            if order is not None:
                rows = order[k][order[k] >= 0]
                part = [array[rows] for array in arrays]
            outputs, gradient = self._program.run(self.parameters, part, len(part[0]) if part else 1)
            with np.errstate(all="ignore"):
                losses.append(float(outputs[:, 0].mean()))
            gradient[self._frozen] = 0.0
            update(self.parameters, gradient, self.memory, settings, done + k, k)
            self.parameters[self._frozen] = kept
        return losses
