"""Arrays for native code: aligned, and kept alive as long as a frame points to them."""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any, Protocol

from ....samples.memory import address, aligned
from ..ir.words import Record
from .frame import FRAME, IN_S, IN_X
from .masks import drawing, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ....samples.masks import Masks
    from ..jit.artifact import Artifact
    from ..kernels.shape import Shape
    from .cost_model import Split

    Array = NDArray[Any]


def whole_lines(count: int, dtype: Any) -> int:
    """At least as many numbers, in whole pairs of cache lines, so that no two threads write to the same."""
    import numpy as np

    pair = int(128 // np.dtype(dtype).itemsize)
    return -(-count // pair) * pair


class KernelProgram(Protocol):
    """What a frame needs of `program.NativeProgram`, which is a floor above: its kernels, buffers and calls."""

    artifact: Artifact
    shape: Shape
    dtype: Any
    buffers: dict[str, Array]
    calls: dict[str, tuple[Array, Array]]
    scratch: int
    gradients: int


class Frame(Record):
    """What the driver reads: where the parameters, the samples and everything else are.

    Args:
        program: the program whose kernels are called, in its buffers.
        parameters: the bound leaves, with room for one more vector.

    Attributes:
        in_place: whether the samples are read where they were when they were bound; otherwise bind them each time.
    """

    def __init__(self, program: KernelProgram, parameters: Array):
        import numpy as np

        super().__init__(FRAME)
        plan, shape, buffers = program.artifact, program.shape, dict(program.buffers, P=parameters)
        self._inputs, self._lanes, self._width, self._dtype = plan.inputs, shape.lanes, shape.width, program.dtype
        outputs, marks = [], {"X": IN_X, "S": IN_S}
        for run in plan.outputs:
            base = marks[run.buffer] if run.buffer in marks else address(buffers[run.buffer])
            outputs += [base, run.base if run.uniform else run.base * shape.stride, int(not run.uniform)]
        self._outputs = np.array(outputs, np.int64)
        slots = (plan.inputs + 1) * shape.stride
        self._by_samples, self.in_place = plan.by_samples, True
        self._block = slots + shape.stride * 64 // shape.bits
        self._samples = aligned(0, program.dtype)
        self._bound: tuple[Any, ...] = ()
        self._drawn: tuple[Any, ...] = ()  # the drops of the table of draws, and their first column
        self.set(
            **{name: address(array) for name, array in buffers.items()},
            inputs=plan.inputs,
            outputs=len(plan.outputs),
            output_table=address(self._outputs),
            lanes=shape.lanes,
            stride=shape.stride,
            block=self._block,
            sample_table=slots,
            scratch=program.scratch,
            gradients=program.gradients,
            shared=int(plan.sizes.get("G", 0) > 0),
            cleared=0 if plan.alone else program.gradients,
            verdict=plan.sizes.get("S", 0) * shape.stride,
        )
        for part, (calls, _) in program.calls.items():
            self.set(**{part: address(calls), f"{part}_count": len(calls) // 2})

    def bind(self, arrays: tuple[Array, ...], split: Split, repeated: bool) -> None:
        """Tell where the samples are, and make room for them in packed form.

        Args:
            arrays: samples x columns, the columns together the program's inputs.
            split: how the samples of a step are split.
            repeated: whether the steps share one batch, packed once and kept; else each block is packed when needed.
        """
        import numpy as np

        if self._bound[1:] == (split, repeated) and all(map(is_, arrays, self._bound[0])):
            return
        shapes = tuple([array.shape for array in arrays])
        columns = sum(shape[1] for shape in shapes)
        if columns != self._inputs:
            raise ValueError(f"the samples have {columns} columns, the program reads {self._inputs}")
        for array in arrays:
            if array.dtype != self._dtype or not array.flags.c_contiguous:
                raise ValueError(f"the samples must be C-contiguous arrays of {self._dtype}")
        source = self._sample_source(shapes)
        self.in_place = source is not None
        if source is None:
            arrays, source = (np.concatenate(arrays, axis=1),), 0
        blocks = -(-split.span // self._lanes) if repeated else 1
        size = split.parts * max(1, blocks) * self._block
        if size > len(self._samples):
            self._samples = aligned(size, self._dtype)
        self._sources = np.array([x for a in arrays for x in (address(a), a.shape[1])] or [0], np.int64)
        self.set(
            X=address(self._samples), repeated=int(repeated), packed=0, batch=split.samples, sources=len(arrays),
            source_table=address(self._sources), sample_source=source,
            parts=split.parts, span=split.span, time=split.time,
        )  # fmt: skip  # in groups
        self._bound = (arrays, split, repeated)  # this also keeps the arrays alive

    def draw(self, masks: Masks | None) -> None:
        """Let masks be drawn into the samples once they are packed."""
        if masks is None:
            self.set(draw=0)
            return
        if self._drawn != (masks.drops, masks.column):
            self._drawn, self._draws = (masks.drops, masks.column), table(masks)
            self.set(draws=address(self._draws), draw_count=len(self._draws))
        _, place = drawing(8 * self._dtype.itemsize, 1 if self._lanes == 1 else self._width)
        self.set(draw=place, first_step=masks.step)

    def open_sources(self) -> Array:
        """The table of where the samples are, for callers that write to it; the next `bind` then starts afresh."""
        self._bound = ()
        return self._sources

    def _sample_source(self, shapes: tuple[tuple[int, ...], ...]) -> int | None:
        """The index of the array whose inputs kernels read in place; -1 if none do; None if they are in several."""
        if not self._by_samples:
            return -1
        first = 0
        for source, (_, columns) in enumerate(shapes):
            if self._by_samples[0] >= first and self._by_samples[1] <= first + columns:
                return source
            first += columns
        return None
