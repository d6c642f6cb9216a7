"""Wide layers: products in pieces and copied operands, against the python back end, as if caches were tiny."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
import nn
from engine.compiler.backends.llvm import Variants, build, schedule
from engine.compiler.backends.llvm import variants as programs
from engine.compiler.backends.llvm.jit import cache, cpu_caches
from engine.compiler.backends.llvm.kernels import matmul, outer_samples
from engine.compiler.backends.llvm.kernels.kernel import Context
from engine.compiler.backends.llvm.kernels.shape import CACHES, Shape
from engine.compiler.backends.llvm.runtime import threads as pool
from engine.compiler.backends.python import PythonProgram
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from engine.compiler.plan.plan import Group, Plan, Run
from engine.ops import dot
from tests.engine.compiler.backends.llvm.test_training import update_of

SIZES = st.integers(2, 40)
SMALL = 256, 2048
"""Bytes of the caches."""


def plan_of(sizes: list[int], activation: str = "tanh", gradients: bool = True) -> tuple[Plan, Any]:
    """The squared error of a network, and the numbers of its leaves."""
    model = nn.MLP(sizes[0], sizes[1:], activation=activation, seed=sum(sizes))

    def loss(x: Any, y: Any) -> Any:
        found = model(x)
        found = found if isinstance(found, list) else [found]
        return engine.sum([(a - b) ** 2 for a, b in zip(found, y)])

    traced = trace(loss, [(sizes[0],), (sizes[-1],)])
    plan = make_plan(Computation.of(traced, gradients=gradients))
    return plan, np.array([leaf.data for leaf in traced.graph.leaves])


def narrow_caches(patch: pytest.MonkeyPatch, vector_bytes: int, copy_weights: bool = True) -> None:
    """Let a matrix be large that has some 32 numbers, and copies pay, of weights only if these are to be copied."""
    patch.setattr(schedule, "cache_sizes", lambda: SMALL)
    patch.setattr(programs, "vector_bytes", lambda: vector_bytes)
    patch.setattr(matmul, "MANY_ROWS", 4)
    patch.setattr(matmul, "MANY_LANES", 1 if copy_weights else 10_000)
    patch.setattr(outer_samples, "TURNED", 4)
    patch.setenv("STEPGRAD_CACHE", "off")  # which knows the caches of this machine


def samples(sizes: list[int], count: int, dtype: str) -> tuple[Any, Any]:
    random = np.random.default_rng(count)
    return tuple(np.ascontiguousarray(random.normal(size=(count, n)), dtype) for n in (sizes[0], sizes[-1]))


def agree(plan: Plan, leaves: Any, program: Variants, arrays: tuple[Any, Any], dtype: str) -> bool:
    """Whether outputs and gradients are the python back end's."""
    count = len(arrays[0])
    outputs, gradient = program.run(leaves.astype(dtype), arrays, count)
    expected, slope = PythonProgram(plan).run(
        leaves.astype(dtype).astype(float).tolist(), [array.astype(float).tolist() for array in arrays], count
    )
    tolerance = 1e-13 if dtype == "float64" else 3e-6
    return all(
        float(np.abs(found - np.array(right)).max()) <= tolerance * float(np.abs(right).max())
        for found, right in ((outputs, expected), (gradient, slope))
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("vector_bytes", [64, 32, 16])
@pytest.mark.parametrize(
    ("sizes", "counts"), [([37, 29, 11, 5], (70, 30, 23)), ([66, 7], (131,))]
)  # 23: with the longest vectors a tile of two, and one that is left over
def test_gradients_of_wide_layers(
    sizes: list[int], counts: tuple[int, ...], vector_bytes: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow_caches(monkeypatch, vector_bytes)
    plan, leaves = plan_of(sizes)
    program = build(plan, dtype)
    for count in counts:
        assert agree(plan, leaves, program, samples(sizes, count, dtype), dtype)
        assert program.fitting(count).artifact.room > 0  # something was copied


@pytest.mark.parametrize(("lanes", "apart"), [(64, 0), (384, 8)])
def test_weights_along_their_rows_are_copied_for_many_lanes(lanes: int, apart: int) -> None:
    """Those of a backward pass, of which a tile has six at each column; copied they lie in whole vectors."""
    weights, g = Run("P", 0, 1, 1025, 512), Run("S", 0, 0, 1, 512)
    backward = Group(dot, 512, ((weights,), (g,)), Run("S", 512, 1))
    assert matmul.Blocking.of(backward, Shape(64, 4, lanes, *CACHES)).apart == apart
    forward = Group(dot, 512, ((Run("P", 0, 513, 1, 512),), (g,)), Run("S", 512, 1))
    assert matmul.Blocking.of(forward, Shape(64, 4, lanes, *CACHES)).apart == 0


def test_copied_weights_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [37, 29, 11, 5]
    plan, leaves = plan_of(sizes)
    arrays, found = samples(sizes, 70, "float64"), []
    for copy_weights in (True, False):
        narrow_caches(monkeypatch, 32, copy_weights)
        found.append(build(plan, "float64").run(leaves, arrays, 70))
    assert all(map(np.array_equal, *found))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("vector_bytes", [32, 16])
def test_panels_of_several_tiles(vector_bytes: int, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the inputs and of units, which are turned: panels of unlike numbers of tiles, and a rest, in full blocks."""
    narrow_caches(monkeypatch, vector_bytes)
    monkeypatch.setattr(schedule, "cache_sizes", lambda: (16 * 1024, 512 * 1024))
    sizes = [137, 33, 137, 33]
    plan, leaves = plan_of(sizes)
    assert agree(plan, leaves, build(plan, dtype), samples(sizes, schedule.WIDE, dtype), dtype)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(SIZES, min_size=2, max_size=4),
    st.integers(5, 150),
    st.sampled_from([64, 32, 16]),
    st.sampled_from(["float64", "float32"]),
    st.sampled_from(["relu", "tanh"]),
    st.booleans(),
)
def test_networks_of_any_shape(
    sizes: list[int], count: int, vector_bytes: int, dtype: str, activation: str, copy_weights: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        narrow_caches(patch, vector_bytes, copy_weights)
        plan, leaves = plan_of(sizes, activation)
        assert agree(plan, leaves, build(plan, dtype), samples(sizes, count, dtype), dtype)


def test_two_threads_and_reruns_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_caches(monkeypatch, 32)
    monkeypatch.setattr("engine.compiler.backends.llvm.program.processors", lambda: 2)
    sizes, count = [37, 29, 11, 5], 400
    plan, leaves = plan_of(sizes)
    arrays = samples(sizes, count, "float64")
    program = build(plan, "float64", threads=2)
    assert program.fitting(count).cost_model.split(count).parts == 2 or pool.processors() == 1
    assert agree(plan, leaves, program, arrays, "float64")
    runs = [program.run(leaves, arrays, count)[1] for _ in range(3)]
    assert all(np.array_equal(runs[0], run) for run in runs)
    ends = []
    for _ in range(2):
        training = build(plan, "float64", threads=2).training(1)
        training.parameters[:] = leaves
        training(arrays, update_of("SGD", 0.01, momentum=0.9), 5)
        ends.append(training.parameters.copy())
    assert np.array_equal(*ends)


def test_blocks_begin_anew_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several blocks a step, and what the step before left in the room for copies."""
    narrow_caches(monkeypatch, 32)
    sizes = [20, 30, 4]
    plan, leaves = plan_of(sizes)
    program = build(plan, "float64")
    count = 2 * program.fitting(99).shape.lanes + 3
    arrays = samples(sizes, count, "float64")
    training = program.training(0)
    training.parameters[:] = leaves
    training(arrays, update_of("SGD", 0.01), 3)
    for _ in range(3):
        leaves = leaves - 0.01 * np.array(
            PythonProgram(plan).run(leaves.tolist(), [array.tolist() for array in arrays], count)[1]
        )
    assert np.abs(training.parameters - leaves).max() <= 1e-13 * np.abs(leaves).max()


def wrong_piece(patch: pytest.MonkeyPatch) -> None:
    """A piece of the columns begins one column too late."""
    original = matmul._Product._column
    patch.setattr(
        matmul._Product, "_column", lambda self, first, c: (self.code.index(original(self, first, c)[0], 1), 0)
    )


def turned_wrongly(patch: pytest.MonkeyPatch) -> None:
    """Columns and lanes stay as they are."""
    patch.setattr(outer_samples, "transpose", lambda code, rows, width: rows)


def copied_over(patch: pytest.MonkeyPatch) -> None:
    """Vectors of a tile are copied to one place."""
    original = matmul._Product._copied
    patch.setattr(matmul._Product, "_copied", lambda self, lanes, c, q: original(self, lanes, c, 0))


@pytest.mark.parametrize("mistake", [wrong_piece, turned_wrongly, copied_over])
def test_a_planted_mistake_is_noticed(mistake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_caches(monkeypatch, 32)
    sizes = [37, 29, 11, 5]
    plan, leaves = plan_of(sizes)

    def all_agree() -> bool:
        program = build(plan, "float64")
        return all(agree(plan, leaves, program, samples(sizes, count, "float64"), "float64") for count in (70, 30))

    assert all_agree()
    mistake(monkeypatch)
    assert not all_agree()


@pytest.mark.parametrize("vector_bytes", [64, 32, 16])
def test_columns_together_and_those_left_over(vector_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one piece, not copied: 37 columns go by four at a time, and one more."""
    narrow_caches(monkeypatch, vector_bytes)
    monkeypatch.setattr(schedule, "cache_sizes", lambda: (4096, 2**20))
    sizes = [37, 29, 5]
    plan, leaves = plan_of(sizes)
    program = build(plan, "float64")
    blocking = matmul.Blocking.of(plan.body[0], program.fitting(70).shape)
    assert (blocking.pieces, blocking.copied, blocking.together) == (1, False, matmul.TOGETHER)
    assert agree(plan, leaves, program, samples(sizes, 70, "float64"), "float64")


@pytest.mark.parametrize(
    ("height", "spare", "rows", "together"),
    [(71, 0, 4, 1), (71, -8, 6, matmul.TOGETHER), (63, -8, 4, matmul.TOGETHER), (64, -8, 6, matmul.TOGETHER)],
)
def test_tiles_where_weights_just_fill_the_first_cache(
    height: int, spare: int, rows: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a full one on columns go by four at a time, and tiles have six rows where there are many of them."""
    narrow_caches(monkeypatch, 64)
    monkeypatch.setattr(matmul, "MANY_ROWS", 64)
    sizes = [13, height, 5]
    monkeypatch.setattr(schedule, "cache_sizes", lambda: (8 * 13 * height + spare, 2**20))
    plan, leaves = plan_of(sizes)
    program = build(plan, "float64")
    blocking = matmul.Blocking.of(plan.body[0], program.fitting(70).shape)
    assert (blocking.rows, blocking.vectors[0], blocking.together) == (rows, 4, together)
    for count in (5, 33, 70):
        assert agree(plan, leaves, program, samples(sizes, count, "float64"), "float64")


def test_tiles_of_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a turned matrix, whose rows are neighbours, if vectors have 64 bytes: eight rows, where they divide all."""
    narrow_caches(monkeypatch, 64)
    monkeypatch.setattr(schedule, "cache_sizes", lambda: (4096, 2**20))
    tiles = []
    for width in (32, 33):
        sizes = [20, width, 24]
        plan, leaves = plan_of(sizes)
        program = build(plan, "float64")
        shape = program.fitting(70).shape
        turned = [group for group in plan.body if group.is_product and group.operands[0][0].column != 1]
        tiles += [(blocking.rows, blocking.vectors) for blocking in (matmul.Blocking.of(g, shape) for g in turned)]
        assert agree(plan, leaves, program, samples(sizes, 70, "float64"), "float64")
    assert tiles == [(8, (2, 1)), (6, (4, 2, 1))]


@pytest.mark.parametrize("count", [30, 70])
def test_tiles_of_vectors_from_the_second_cache(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight rows and three vectors, if vectors have 64 bytes; 30 and 70 samples leave one of them, and two."""
    narrow_caches(monkeypatch, 64)
    sizes = [20, 32, 24]
    plan, leaves = plan_of(sizes)
    program = build(plan, "float64")
    products = [group for group in plan.body if group.is_product]
    blockings = [matmul.Blocking.of(group, program.fitting(count).shape) for group in products]
    assert all((blocking.rows, blocking.vectors, blocking.copied) == (8, (3, 1), True) for blocking in blockings)
    assert agree(plan, leaves, program, samples(sizes, count, "float64"), "float64")


def test_what_only_a_kernel_itself_reads_it_does_not_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums of a product in pieces wait where its results would be, and those of the last piece do not go there."""
    narrow_caches(monkeypatch, 32)
    head = plan_of([37, 29, 5])[0].body[0]
    shape = Shape(64, 4, 40, *SMALL)
    assert matmul.Blocking.of(head, shape).pieces > 1

    def stores(*groups: Group) -> int:
        context = Context(shape, slots=100, stored=frozenset(map(id, groups)))
        return matmul.product(context, [head]).code.body().count("store <4 x double>")

    assert 0 < stores() < stores(head)


def test_blocks_are_larger_where_weights_come_from_afar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks keep their blocks."""
    monkeypatch.setattr(schedule, "cache_sizes", lambda: (32 * 1024, 48 * 1024))
    small, wide, far = (plan_of(sizes)[0] for sizes in ([64, 32, 10], [128, 128, 10], [200, 150, 10]))

    def shape(plan: Plan) -> Shape:
        return schedule.shape_of(plan, 64, 4)

    assert shape(small) == Shape(64, 4, 52, 32 * 1024, 48 * 1024)
    assert (shape(wide).lanes, shape(far).lanes) == (64, 512)
    monkeypatch.setattr(schedule, "ROOM", 2**21)
    assert shape(far).lanes == 144  # fewer where a sample takes much
    assert [Shape(64, 4, lanes).stride for lanes in (52, 64, 96)] == [52, 68, 100]


@pytest.mark.parametrize(
    ("sizes", "width", "lanes"),
    [([64, 32, 10], 4, 48), ([64, 32, 10], 8, 64), ([800, 8, 10], 8, 32), ([128, 128, 10], 8, 64), ([3, 1], 8, 104)],
)
def test_blocks_are_whole_tiles_where_no_gradients_are_wanted(
    sizes: list[int], width: int, lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A last tile of one vector took as long as one of four; single rows are no matrix."""
    monkeypatch.setattr(schedule, "cache_sizes", lambda: (64 * 1024, 512 * 1024))
    assert schedule.shape_of(plan_of(sizes, gradients=False)[0], 64, width).lanes == lanes


@pytest.mark.parametrize("shape", [Shape(64, 8, 480, 48 * 1024, 2**21), Shape(32, 8, 512, 32 * 1024, 2**18)])
def test_pieces_leave_half_of_each_cache(shape: Shape) -> None:
    """All lanes of a piece are read for every tile of rows: from the third cache they would come too late."""
    weights, x = Run("P", 0, 1025, 1024, 1), Run("X", 0, 0, 1024, 1)
    blocking = matmul.Blocking.of(Group(dot, 1024, ((weights,), (x,)), Run("S", 0, 1)), shape)
    assert shape.bytes(blocking.columns * blocking.rows) <= shape.l1
    assert shape.l2 // 4 < shape.bytes(blocking.columns * shape.stride) <= shape.l2 // 2
    assert blocking.pieces * blocking.columns >= 1024


def test_what_the_system_tells_of_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux's files; nothing where there are none; and both are part of the cache's key."""
    for index, (level, kind, size) in enumerate(
        [("1", "Data", "48K"), ("1", "Instruction", "32K"), ("2", "Unified", "1280K"), ("3", "Unified", "x")]
    ):
        folder = tmp_path / f"index{index}"
        folder.mkdir()
        for name, text in (("level", level), ("type", kind), ("size", size)):
            (folder / name).write_text(text + "\n")
    assert cpu_caches._of_linux(str(tmp_path)) == (48 * 1024, 1280 * 1024)
    assert cpu_caches._of_linux(str(tmp_path / "none")) == (0, 0)
    monkeypatch.setattr(cpu_caches, "_told", lambda: (0, 0))
    cpu_caches.cache_sizes.cache_clear()
    assert cpu_caches.cache_sizes() == CACHES
    cpu_caches.cache_sizes.cache_clear()
    keys = set()
    for sizes in ((32768, 524288), (32768, 1048576)):
        monkeypatch.setattr(cache, "cache_sizes", lambda sizes=sizes: sizes)
        cache._machine.cache_clear()
        keys.add(cache.key("text"))
    monkeypatch.undo()
    cache._machine.cache_clear()
    assert len(keys) == 2
