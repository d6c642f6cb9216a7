"""From a plan to kernels: which groups share one, how many samples a block has, what is called in which order."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ...plan.plan import Group, Plan, Reduction
from .fusion import fuse, recomputed, stored, straight, summed
from .ir import vectormath
from .jit.artifact import Artifact
from .kernels.kernel import Kernel, Kernels, Shape, copy, elementwise
from .kernels.lane_sums import Sums, each_alone, kernel_jobs, outer_product, scatter, sums
from .kernels.matmul import product
from .kernels.outer_samples import by_samples, inputs_by_samples, suits_samples
from .kernels.single import along_rows
from .kernels.single_sums import row_outer_product, row_sums
from .runtime.cost_model import cost

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


BLOCK_BYTES = 320_000
"""How much one block of samples may take: about what stays close to the core while all kernels pass over it."""


def shape_of(plan: Plan, bits: int, width: int, single: bool) -> Shape:
    """For many samples a block has as many lanes as its bytes allow; for a single one it has one.

    It is an odd number of vectors, so that slots side by side do not meet in the same few lines of the cache.
    """
    if single:
        return Shape(bits, width, 1)
    slots = plan.inputs + 1 + plan.sizes.get("S", 0)
    vectors = max(5, min(13, BLOCK_BYTES // (slots * width * bits // 8)))
    return Shape(bits, width, (vectors - 1 + vectors % 2) * width)


class Schedule:
    """The text of a plan's kernels and the order in which they are called.

    Attributes:
        by_samples: the range of inputs that kernels read in the user's array, sample by sample; None if none do.
        alone: whether each number of G is added to by one kernel, which begins anew at the first block of a step.
        cost: nanoseconds that a sample takes, about.
    """

    def __init__(self, plan: Plan, shape: Shape):
        self.cost = cost(plan, shape)
        if not shape.single:
            plan = dataclasses.replace(plan, body=tuple(map(straight, plan.body)))
        self.plan, self.shape = plan, shape
        self.kernels = Kernels()
        uniform = Shape(shape.bits, 1, 1)
        lazy = [] if shape.single else summed(plan)
        body = [group for group in plan.body if all(group is not other for other in lazy)]
        parts = {
            "prologue": fuse(plan.prologue),
            "body": recomputed(fuse(body)),
            "epilogue": fuse(plan.epilogue),
        }
        kept = stored(plan, [fused for part in parts.values() for fused in part] + [[group] for group in lazy])
        self.calls: dict[str, list[tuple[int, list[int]]]] = {}
        for name, part in parts.items():
            self.calls[name] = [self._add(self._kernel(fused, kept, uniform)) for fused in part]
        outer, plain = kernel_jobs(plan.reductions, lazy)
        self.by_samples = None if shape.single else inputs_by_samples(shape, outer)
        self.alone = not shape.single and not plan.scatters and each_alone(outer, plain)
        for jobs in outer:
            self.calls["body"].append(self._add(self._outer(jobs)))
        for entry in plain:
            self.calls["body"].append(self._add(self._sums(entry)))
        for pick in plan.scatters:
            self.calls["body"].append(self._add(scatter(shape, plan.constants, pick)))
        for job in plan.finish:
            self.calls["epilogue"].append(self._add(copy(uniform, plan.constants, job)))

    def _add(self, kernel: Kernel) -> tuple[int, list[int]]:
        return self.kernels.add(kernel)

    def _kernel(self, fused: list[Group], kept: set[int], uniform: Shape) -> Kernel:
        head = fused[0]
        if head.uniform:
            return elementwise(uniform, self.plan.constants, fused, kept)
        if self.shape.single:
            return along_rows(self.shape, self.plan.constants, fused, kept)
        if head.is_product and head.rows > 1:
            return product(self.shape, self.plan.constants, fused, kept)
        return elementwise(self.shape, self.plan.constants, fused, kept)

    def _outer(self, jobs: list[Reduction]) -> Kernel:
        if self.shape.single:
            return row_outer_product(self.shape, self.plan.constants, jobs)
        if suits_samples(self.shape, jobs):
            return by_samples(self.shape, self.plan.constants, jobs[0], self.plan.inputs + 1, self.alone)
        return outer_product(self.shape, self.plan.constants, jobs, self.alone)

    def _sums(self, entry: Sums) -> Kernel:
        if self.shape.single:
            return row_sums(self.shape, self.plan.constants, entry)
        return sums(self.shape, self.plan.constants, entry, self.alone)

    def artifact(self, code: str) -> Artifact:
        """How to run the kernels, whose object code has that key."""
        plan = self.plan
        return Artifact(
            code=code,
            shape=self.shape,
            kernels=len(self.kernels.codes),
            calls=self.calls,
            by_samples=self.by_samples,
            alone=self.alone,
            cost=self.cost,
            leaves=plan.leaves,
            inputs=plan.inputs,
            weight=plan.weight,
            constants=plan.constants,
            outputs=plan.outputs,
            sizes=plan.sizes,
        )

    def text(self) -> str:
        """LLVM IR of all kernels and of the functions that they call."""
        declared: set[str] = set()
        parts: list[str] = []
        for width in sorted({code.width for code in self.kernels.codes}):
            codes = [code for code in self.kernels.codes if code.width == width]
            texts = [code.text() for code in codes]
            used = {name for text in texts for name in vectormath.called(text, width)}
            functions, more = vectormath.definitions(used, self.shape.bits, width)
            declared |= more.union(*(code.declared for code in codes))
            parts += [*functions, *texts]
        return "\n".join([*sorted(declared), *parts])
