"""From a plan to kernels: all native passes in order, a line each, and last the kernels and their calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ....process.collector import collector_at_rest
from ...passes.verify import verification_enabled
from ...plan.plan import Plan, Reduction
from .fused_plan import Fused, FusedPlan
from .fusion import fuse, recompute, share_sums, split_columns, store
from .ir.functions import called, definitions
from .jit.artifact import Artifact
from .jit.cpu import vector_bytes
from .jit.cpu_caches import cache_sizes
from .kernels.formula import elementwise
from .kernels.guard import look
from .kernels.kernel import Context, Kernel, Kernels
from .kernels.lane_sums import Sums, each_alone, outer_product, scatter, sums
from .kernels.matmul import is_wide, product, tile_sizes
from .kernels.outer_samples import by_samples, inputs_by_samples, suits_samples
from .kernels.shape import Shape
from .kernels.single import along_rows, copy
from .kernels.single_sums import row_outer_product, row_sums
from .runtime.cost_model import cost
from .skipping import skip
from .verify import verify

BLOCK_BYTES = 320_000
"""How much memory a block of samples may take: about what stays close to the core while all kernels pass over it."""

WIDE, MOST = 64, 512
"""Lanes of a block where matrices are large, and at most."""

FAR, ROOM = 4, 64 * 2**20
"""Weights of more than this many times the second cache come from far away; and the bytes a block may then take."""

CALLING = 4
"""How many times as long a line takes to compile where functions are called: they are inlined, and all passes run."""


def shape_of(plan: Plan, bits: int, width: int, lanes: int = 0) -> Shape:
    """The shape of blocks: for many samples as many lanes as their bytes allow, else those that are given.

    Where matrices are large, a block has so many lanes that reading the weights takes little of the time: 64, or up to
    512 where the weights and their gradients come from far beyond the second cache, anew for each block. Where no
    gradients are wanted there are 64 at most, in whole tiles of the products.
    """
    if lanes == 1:
        return Shape(bits, width, 1)
    if lanes:
        return Shape(bits, width, lanes, *cache_sizes(), widest=8 * vector_bytes() // bits)
    slots = plan.inputs + 1 + plan.sizes.get("S", 0)
    vectors = max(5, min(13, BLOCK_BYTES // (slots * width * bits // 8)))
    shape = Shape(bits, width, (vectors - 1 + vectors % 2) * width, *cache_sizes())
    products = [group for group in plan.body if group.is_product and group.rows > 1]
    wide = any(is_wide(shape, group.rows * group.columns) for group in products)
    if not wide and (not products or plan.weight is not None):
        return shape
    _, vectors = tile_sizes(shape)
    lanes = WIDE if wide else min(WIDE, shape.lanes)
    if shape.bytes(plan.leaves) > FAR * shape.l2:
        lanes = max(WIDE, min(MOST, ROOM // shape.bytes(slots)))
    return dataclasses.replace(shape, lanes=max(1, lanes // (vectors * width)) * vectors * width)


def stages(plan: Plan, shape: Shape) -> Iterator[tuple[str, FusedPlan | Schedule]]:
    """The plan after each native pass by the pass's name, and last its kernels."""
    fused_plan = FusedPlan.of(plan, shape)
    yield "split", (fused_plan := split_columns(fused_plan))  # a run for each column, where they are few
    yield "fuse", (fused_plan := fuse(fused_plan))  # groups of equal rows share a kernel
    yield "skip", (fused_plan := skip(fused_plan))  # what would only add zeros is left out
    yield "recompute", (fused_plan := recompute(fused_plan))  # what takes less than a load is computed again
    yield "store", (fused_plan := store(fused_plan))  # what nothing else reads stays in registers
    yield "share sums", (fused_plan := share_sums(fused_plan))  # reductions with one target share a kernel
    yield "kernels", Schedule(fused_plan)


def make_schedule(plan: Plan, shape: Shape) -> Schedule:
    """Run all native passes.

    Raises:
        PlanError: one of them has made a mistake, found by the verifier where STEPGRAD_VERIFY asks for it.
    """
    verifying = verification_enabled()
    with collector_at_rest():
        for _, result in stages(plan, shape):
            if isinstance(result, Schedule):
                return result
            if verifying:
                verify(result)
    raise AssertionError("the last stage is the schedule")


class Schedule:
    """The kernels of a plan and the order in which they are called.

    Args:
        fused_plan: after all passes.

    Attributes:
        kernels: each once, however often it is called.
    """

    def __init__(self, fused_plan: FusedPlan):
        plan, shape = fused_plan.plan, fused_plan.shape
        alone = not plan.scatters and each_alone(fused_plan.products, fused_plan.sums)
        slots, stored = plan.sizes.get("S", 0), fused_plan.stored or frozenset()
        self._context = context = Context(shape, plan.constants, plan.inputs + 1, slots, stored, alone)
        self._fused_plan, self.kernels = fused_plan, Kernels()
        made = {stage: [self._kernel(fused) for fused in part] for stage, part in fused_plan.stages.items()}
        made["guarded"], made["sums"] = [], []
        sums = [*map(self._sums, fused_plan.sums)]
        if (guard := fused_plan.guard) is not None:
            made["guarded"] = made["body"][guard.kernels :]
            made["body"][guard.kernels :] = sums[: guard.sums]
            made["body"].append(look(context, guard))
            sums = sums[guard.sums :]
        last = made["sums" if guard is None else "guarded"]
        last += map(self._outer, fused_plan.products)
        last += sums
        last += [scatter(context, pick) for pick in plan.scatters]
        made["epilogue"] += [copy(context, job) for job in plan.finish]
        self._room = max([kernel.room for kernels in made.values() for kernel in kernels], default=0)
        self._calls = {stage: [self.kernels.add(kernel) for kernel in kernels] for stage, kernels in made.items()}
        self.kernels.settle(call for calls in self._calls.values() for call in calls)

    def _kernel(self, fused: Fused) -> Kernel:
        head = fused[0]
        if head.uniform or self._context.shape.single:
            return along_rows(self._context, fused)
        return (product if head.is_product and head.rows > 1 else elementwise)(self._context, fused)

    def _outer(self, jobs: list[Reduction]) -> Kernel:
        if self._context.shape.single:
            return row_outer_product(self._context, jobs)
        if suits_samples(self._context.shape, jobs):
            return by_samples(self._context, jobs[0])
        return outer_product(self._context, jobs)

    def _sums(self, job: Sums) -> Kernel:
        return (row_sums if self._context.shape.single else sums)(self._context, job)

    def artifact(self, codes: list[str]) -> Artifact:
        """How to run the kernels, whose object code has these keys."""
        plan, shape = self._fused_plan.plan, self._context.shape
        return Artifact(
            codes=codes,
            shape=shape,
            room=self._room,
            calls=self._calls,
            by_samples=None if shape.single else inputs_by_samples(shape, self._fused_plan.products),
            alone=self._context.alone,
            cost=cost(plan, shape),
            leaves=plan.leaves,
            inputs=plan.inputs,
            weight=plan.weight,
            constants=plan.constants,
            outputs=plan.outputs,
            sizes=plan.sizes,
        )

    def texts(self) -> list[tuple[str, str]]:
        """LLVM IR for each library, see `Library`: kernels that call functions, with these; and the other kernels.

        There are at most two libraries, which take about equally long and can be compiled at the same time. Only one
        of them has functions.
        """
        declared, calling, others = self._parts()
        parts: list[tuple[list[str], list[str]]] = [(calling, []), ([], [])]
        times = [CALLING * sum(map(_lines, calling)), 0]
        for text in sorted(others, key=_lines, reverse=True):
            least = times.index(min(times))
            parts[least][1].append(text)
            times[least] += _lines(text)
        return [(self._text(declared, part[0]), self._text(declared, part[1])) for part in parts if any(part)]

    @staticmethod
    def _text(declared: list[str], texts: list[str]) -> str:
        return "\n".join([*declared, *texts]) if texts else ""

    def _parts(self) -> tuple[list[str], list[str], list[str]]:
        """The declarations, functions and the kernels that call them, and other kernels."""
        declared: set[str] = set()
        calling: list[str] = []
        plain: list[str] = []
        for width in sorted({code.width for code in self.kernels.codes}):
            codes = [code for code in self.kernels.codes if code.width == width]
            texts = {code.text(): code.declared for code in codes}
            used = {text: called(text, width) for text in texts}
            functions, more = definitions(
                {name for names in used.values() for name in names}, self._context.shape.bits, width
            )
            declared |= more.union(*texts.values())
            calling += [*functions, *[text for text in texts if used[text]]]
            plain += [text for text in texts if not used[text]]
        return sorted(declared), calling, plain

    def __str__(self) -> str:
        """LLVM IR of all kernels and of the functions that they call."""
        declared, calling, plain = self._parts()
        return "\n".join([*declared, *calling, *plain])


def _lines(text: str) -> int:
    """How many lines a text has, each an instruction: it takes in proportion to compile, whatever these are."""
    return text.count("\n")
