"""Native training: the optimisers, batches in any order, and buffers that stay where they are."""

from __future__ import annotations

import gc
import math
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
import nn
from engine import Value
from engine.compiler.backends.llvm import Variants, build, variants
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from engine.compiler.training.optimizer import configured
from engine.compiler.update import ConfiguredUpdate
from tests.in_threads import in_threads


def update_of(
    kind: str, lr: float, clip_norm: float | None = None, clip_value: float | None = None, **settings: Any
) -> ConfiguredUpdate:
    """The update of an optimiser of nn."""
    return configured(getattr(nn, kind)([Value(0.0)], lr, **settings), clip_norm, clip_value)


SGD = update_of("SGD", 0.05, momentum=0.9)


def program_of(function: Any, shapes: list[tuple[int, ...]], dtype: str = "float64") -> tuple[Variants, Any]:
    """A compiled function, and the numbers of its leaves."""
    traced = trace(function, shapes)
    plan = make_plan(Computation.of(traced, gradients=True))
    return build(plan, dtype), np.array([leaf.data for leaf in traced.graph.leaves])


def mlp(inputs: int = 3, hidden: int = 5, seed: int = 0) -> Any:
    """The squared error of a small network."""
    random = np.random.default_rng(seed)
    w1 = [[Value(random.normal()) for _ in range(inputs)] for _ in range(hidden)]
    w2, b = [Value(random.normal()) for _ in range(hidden)], [Value(random.normal()) for _ in range(hidden)]

    def loss(x: Any, y: Any) -> Any:
        return (engine.dot(w2, [engine.dot(w, x, c).tanh() for w, c in zip(w1, b)]) - y[0]) ** 2

    return loss


def samples(count: int, seed: int = 1) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    return random.normal(size=(count, 3)), random.normal(size=(count, 1))


@pytest.fixture(scope="module")
def small() -> tuple[Variants, Any]:
    return program_of(mlp(), [(3,), (1,)])


def test_the_gradient_of_a_line() -> None:
    w, b = Value(2.0), Value(0.5)
    program, leaves = program_of(lambda x: w * x[0] + b, [(1,)])
    outputs, gradient = program.run(leaves, (np.array([[1.0], [3.0]]),))
    assert outputs.tolist() == [[2.5], [6.5]]
    assert gradient is not None
    assert gradient.tolist() == [2.0, 1.0]


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 31, 33, 127, 128, 129, 300])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_sample_counts_once(small: tuple[Variants, Any], count: int, dtype: str) -> None:
    """Whatever is left over in the last block: a lane counted twice, or not at all, would show."""
    program, leaves = small if dtype == "float64" else program_of(mlp(), [(3,), (1,)], dtype)
    X, Y = (array.astype(dtype) for array in samples(count))
    outputs, gradient = program.run(leaves.astype(dtype), (X, Y))
    single = [program.run(leaves.astype(dtype), (X[k : k + 1], Y[k : k + 1])) for k in range(count)]
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert np.allclose(outputs, np.concatenate([o for o, _ in single]), rtol=tolerance, atol=0.0)
    mean = np.mean([g for _, g in single], axis=0)
    assert gradient is not None
    assert np.abs(gradient - mean).max() <= tolerance * np.abs(mean).max()


forms = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.just("SGD"),
            "lr": st.floats(0.001, 0.1),
            "momentum": st.sampled_from([0.5, 0.9]),
            "weight_decay": st.sampled_from([0.0, 0.1]),
            "nesterov": st.booleans(),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("SGD"),
            "lr": st.floats(0.001, 0.1),
            "momentum": st.just(0.9),
            "dampening": st.sampled_from([0.0, 0.3]),
            "weight_decay": st.sampled_from([0.0, 0.1]),
        }
    ),
    st.fixed_dictionaries(
        {"kind": st.just("SGD"), "lr": st.floats(0.001, 0.1), "weight_decay": st.sampled_from([0.0, 0.1])}
    ),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["Adam", "AdamW"]),
            "lr": st.floats(0.001, 0.1),
            "weight_decay": st.sampled_from([0.0, 0.1]),
            "betas": st.sampled_from([(0.9, 0.999), (0.5, 0.0)]),
        }
    ),
)
clips = st.sampled_from([{}, {"clip_norm": 0.5}, {"clip_value": 0.2}])


@settings(max_examples=25)
@given(forms, clips, st.integers(0, 3))
def test_updates_are_those_of_eager_steps(
    small: tuple[Variants, Any], form: dict[str, Any], clip: dict[str, float], split: int
) -> None:
    program, leaves = small
    arrays = samples(20)
    kind, rest = getattr(nn, form["kind"]), {name: value for name, value in form.items() if name != "kind"}
    params = [Value(x) for x in leaves]
    optimizer = kind(params, **rest)
    losses = []
    for _ in range(4):
        outputs, gradient = program.run(np.array([p.data for p in params]), arrays)
        losses.append(outputs.mean())
        assert gradient is not None
        if "clip_norm" in clip:
            gradient = gradient * min(1.0, 0.5 / (np.linalg.norm(gradient) + 1e-6))
        if "clip_value" in clip:
            gradient = np.clip(gradient, -0.2, 0.2)
        for p, g in zip(params, gradient):
            p.grad = g
        optimizer.step()
    update = configured(kind([Value(0.0)], **rest), **clip)
    training = program.training(2)
    training.parameters[:] = leaves
    found = [loss for steps in (split, 4 - split) if steps for loss in training(arrays, update, steps)]
    assert np.allclose(found, losses, rtol=1e-11, atol=1e-14)
    assert np.allclose(training.parameters, [p.data for p in params], rtol=1e-10, atol=1e-13)
    for k in update.rule.kept:
        assert np.allclose(training.memory[k], optimizer.state[1][k], rtol=1e-10, atol=1e-13)
    assert training.made == optimizer.steps == 4


def test_single_steps_are_a_run(small: tuple[Variants, Any]) -> None:
    program, leaves = small
    arrays = samples(50)
    one, many = program.training(1), program.training(1)
    one.parameters[:] = many.parameters[:] = leaves
    single = [float(one(arrays, SGD)[0]) for done in range(6)]
    assert many(arrays, SGD, 6) == single
    assert np.array_equal(one.parameters, many.parameters)


def test_between_steps_parameters_samples_and_settings_may_change(small: tuple[Variants, Any]) -> None:
    program, leaves = small
    X, Y = samples(10)
    training = program.training(1)
    training.parameters[:] = leaves
    for _ in range(3):
        training((X, Y), SGD)
    X[0] = 5.0  # in place: the next step must see it
    training.parameters[0] = 1.5
    expected, _ = program.run(training.parameters, (X, Y))
    assert training((X, Y), SGD)[0] == pytest.approx(expected.mean(), rel=1e-13)
    before = training.parameters.copy()
    still = update_of("SGD", 0.0, momentum=0.9)
    training((X, Y), still)
    assert np.array_equal(before, training.parameters)
    other = samples(4, seed=9)
    assert training(other, still)[0] == pytest.approx(program.run(before, other)[0].mean(), rel=1e-13)


def test_an_epoch_in_any_order_with_a_ragged_last_batch(small: tuple[Variants, Any]) -> None:
    program, leaves = small
    X, Y = samples(23)
    order = np.full(32, -1)
    order[:23] = np.random.default_rng(0).permutation(23)
    order = order.reshape(4, 8)
    training, eager = program.training(1), program.training(1)
    training.parameters[:] = eager.parameters[:] = leaves
    losses = training((X, Y), SGD, order=order)
    for k, rows in enumerate(order):
        rows = rows[rows >= 0]
        assert eager((X[rows], Y[rows]), SGD)[0] == pytest.approx(losses[k], rel=1e-12)
    assert np.allclose(training.parameters, eager.parameters, rtol=1e-12)


@pytest.mark.parametrize("form", [SGD, update_of("SGD", 0.05, 0.5, momentum=0.9)])
def test_frozen_leaves_stay(small: tuple[Variants, Any], form: ConfiguredUpdate) -> None:
    program, leaves = small
    training = program.training(1, [3])
    training.parameters[:] = leaves
    training(samples(9), form, 5)
    changed = training.parameters != leaves
    assert not changed[3]
    assert changed.sum() == len(leaves) - 1


def test_padding_lanes_never_make_nan() -> None:
    w = Value(1.0)
    program, leaves = program_of(lambda x: w * (1 / x[0]), [(1,)])
    _, gradient = program.run(leaves, (np.array([[2.0], [4.0], [8.0]]),))
    assert gradient is not None
    assert gradient[0] == pytest.approx((0.5 + 0.25 + 0.125) / 3)


@pytest.mark.parametrize("count", [1, 5, 8, 13])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 3), (5, 16)])
def test_an_infinite_gradient_is_not_nan(rows: int, columns: int, count: int) -> None:
    """Not even where the sample that it comes from is repeated, with weight 0, to fill the last vector."""
    w = [[Value(1.0) for _ in range(columns)] for _ in range(rows)]
    program, leaves = program_of(lambda x: engine.sum([engine.dot(row, x) for row in w]), [(columns,)])
    X = np.full((count, columns), 2.0)
    X[0, 0] = math.inf
    _, gradient = program.run(leaves, (X,))
    assert gradient is not None
    assert np.allclose(gradient.reshape(rows, columns), [math.inf, *[2.0] * (columns - 1)], rtol=1e-14)


def test_infinities_and_nan_are_what_the_samples_make_them() -> None:
    w = Value(1.0)
    program, leaves = program_of(lambda x: (w * x[0]).log(), [(1,)])
    outputs, _ = program.run(leaves, (np.array([[0.0], [-1.0], [math.inf], [1.0]]),))
    assert outputs[0, 0] == -math.inf
    assert math.isnan(outputs[1, 0])
    assert outputs[2, 0] == math.inf
    assert outputs[3, 0] == 0.0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (lambda: (np.zeros((4, 3)),), "3 columns, the program reads 4"),
        (lambda: (np.zeros((4, 3), np.float32), np.zeros((4, 1))), "C-contiguous arrays of float64"),
        (lambda: (np.zeros((3, 400)).T, np.zeros((400, 1))), "C-contiguous"),  # fewer are copied
    ],
)
def test_samples_that_do_not_fit(small: tuple[Variants, Any], arrays: Any, message: str) -> None:
    program, leaves = small
    with pytest.raises(ValueError, match=message):
        program.run(leaves, arrays())


def test_two_threads_share_a_program(small: tuple[Variants, Any]) -> None:
    program, leaves = small
    expected = {}
    for seed in (1, 2):
        training = program.training(1)
        training.parameters[:] = leaves
        expected[seed] = [float(training(samples(40, seed), SGD)[0]) for done in range(30)]
    found: dict[int, list[float]] = {}

    def work(seed: int) -> None:
        training = program.training(1)
        training.parameters[:] = leaves
        arrays = samples(40, seed)
        found[seed] = [float(training(arrays, SGD)[0]) for done in range(30)]

    in_threads(work, (1, 2))
    assert found == expected


def test_training_outlives_the_names_of_its_program() -> None:
    program, leaves = program_of(mlp(), [(3,), (1,)])
    training = program.training(1)
    training.parameters[:] = leaves
    del program
    gc.collect()
    assert math.isfinite(training(samples(5), SGD)[0])


def test_programs_are_freed_by_reference_counts_alone() -> None:
    """With their native code and buffers, of which nothing else holds any: a thousand compilations leave nothing."""
    w, kept = Value(2.0), []
    gc.disable()
    try:
        for _ in range(20):
            program, leaves = program_of(lambda x: (w * x[0]).tanh(), [(1,)])
            training = program.training(1)
            training((np.ones((3, 1)),), SGD)
            kept += [weakref.ref(program), *map(weakref.ref, program.recent._libraries), weakref.ref(training)]
            kept += [weakref.ref(array) for array in program.recent.buffers.values()]
            del program, training, leaves
        assert not [reference for reference in kept if reference() is not None]
    finally:
        gc.enable()


def test_a_loss_that_is_no_number_changes_nothing_more(small: tuple[Variants, Any]) -> None:
    program, leaves = small
    X, Y = samples(12)
    X[7] = math.nan
    training = program.training(1)
    training.parameters[:] = leaves
    losses = training((X, Y), SGD, order=np.arange(12).reshape(6, 2))
    assert np.isfinite(losses).tolist() == [True] * 3 + [False]
    other = program.training(1)
    other.parameters[:] = leaves
    other((X, Y), SGD, order=np.arange(6).reshape(3, 2))
    assert np.array_equal(training.parameters, other.parameters)
    assert np.array_equal(training.memory, other.memory)


def outer(x: Any) -> Any:
    return engine.sum([engine.dot(row, x) ** 2 for row in WEIGHTS])


def scattered(x: Any) -> Any:
    """Whose gradients are cleared at the start of a step."""
    return engine.take(x[0], WEIGHTS[0]) * x[1] ** 2


def guarded(x: Any) -> Any:
    """Which sums some gradients whether or not the others are zero."""
    return (1 - HINGED(x)[0]).relu() + 0.001 * engine.sum([p * p for p in HINGED.parameters()])


HINGED = nn.MLP(16, [8, 8, 1], activation="tanh", seed=1)
WEIGHTS = [[Value(0.1 * (k + j)) for k in range(16)] for j in range(5)]


@pytest.mark.parametrize("loss", [outer, scattered, guarded])
@pytest.mark.parametrize("frozen", [(), (2,)])
def test_a_step_whose_loss_is_not_finite_leaves_the_gradients_of_the_last(loss: Any, frozen: Any) -> None:
    """Of one sample, of one block of them, and of several blocks, in any order: what was summed is elsewhere."""
    program, leaves = program_of(loss, [(16,)])
    random, few, lanes = np.random.default_rng(7), program.few, program.fitting(99).shape.lanes
    assert bool(program.recent.artifact.calls["guarded"]) is (loss is guarded)
    training = program.training(1, frozen)
    training.parameters[:] = leaves
    made = 0
    for turn in range(60):
        count = int(random.choice([1, few, few + 1, lanes, lanes + 1, 3 * lanes]))
        X = np.full((count, 16), 2.0)
        X[:, 1:] = random.normal(size=(count, 15))
        fails = turn % 3 > 0
        if fails:
            X[int(random.integers(count)), 1] = math.nan
        before = training.gradient.copy() if turn else None
        losses = training((X,), update_of("SGD", 0.001, momentum=0.9))
        assert math.isfinite(losses[0]) is not fails
        made += not fails
        assert training.made == made
        if fails:
            assert np.array_equal(training.gradient, before)


@pytest.mark.parametrize(("count", "sets"), [(1.0, 1), (2.5, 2)])
def test_gradients_of_one_block_are_written_to_one_place(count: float, sets: int) -> None:
    """At every step, for its loss is known before: two sets of them would take twice the room in caches."""
    program, leaves = program_of(outer, [(16,)])
    training = program.training(1)
    training.parameters[:] = leaves
    X = np.random.default_rng(0).normal(size=(int(count * program.fitting(99).shape.lanes), 16))
    places = set()
    for _ in range(4):
        training((X,), update_of("SGD", 0.001, momentum=0.9))
        places.add(training.gradient.ctypes.data)
    assert len(places) == sets


@pytest.mark.parametrize(("dtype", "widths"), [("float64", [8, 8, 4, 4, 8, 8]), ("float32", [16, 16, 16, 8, 8, 16])])
def test_steps_on_a_few_samples_go_by_half_vectors(
    dtype: str, widths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where vectors have 64 bytes: of these most would be padding. Outputs alone need no further program."""
    monkeypatch.setattr(variants, "vector_bytes", lambda: 64)
    program, _ = program_of(mlp(), [(3,), (1,)], dtype)
    assert [program.fitting(count).shape.width for count in (1, 2, 3, 4, 5, 9)] == widths
    traced = trace(mlp(), [(3,), (1,)])
    outputs = build(make_plan(Computation.of(traced, gradients=False)), dtype)
    assert {outputs.fitting(count).shape.width for count in range(1, 10)} == {widths[0]}


@pytest.mark.parametrize("count", [1, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_few_samples_run_one_after_the_other(count: int, dtype: str) -> None:
    """And the way back: a larger batch follows, on the same parameters and memory."""
    found = []
    for few in (count, 0):
        program, leaves = program_of(mlp(), [(3,), (1,)], dtype)
        program.few = few
        training = program.training(1)
        training.parameters[:] = leaves
        few_samples, more = (tuple(array.astype(dtype) for array in samples(n)) for n in (count, 40))
        losses = [*training(few_samples, SGD, 2), *training(more, SGD, 2)]
        losses += [training(few_samples, SGD)[0] for _ in range(3)]
        found.append(np.array([*losses, *training.parameters, *training.memory[0]]))
    assert np.allclose(found[0], found[1], rtol=1e-11 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_steps_once_more_are_those_of_another_call(small: tuple[Variants, Any], dtype: str, ordered: bool) -> None:
    """With other numbers everywhere, and after refused steps; a call on the same arrays makes them by itself."""
    program, leaves = small if dtype == "float64" else program_of(mlp(), [(3,), (1,)], dtype)
    arrays = tuple([array.astype(dtype) for array in samples(20)])
    trainings = [program.training(1) for _ in range(3)]
    updates = [update_of("SGD", lr, momentum=momentum) for lr, momentum in ((0.05, 0.9), (0.01, 0.5), (1e200, 0.5))]
    rng = np.random.default_rng(0)
    seen = set()
    for k, how in enumerate([updates[0], *updates, updates[0], updates[1]] * 2):
        order = rng.permutation(20).reshape(4, 5) if ordered else None
        found = []
        for training in trainings:
            training.parameters[:], training.memory[:], training.made = leaves.astype(dtype) * (1 + 0.1 * k), 0.0, 0
            losses = training.once_more(how, order) if k > 1 and training is trainings[1] else None
            seen.add((losses is None, training is trainings[1]))
            given = arrays if training is trainings[2] else (*arrays,)
            losses = training(given, how, 4, order) if losses is None else losses
            found.append(([repr(float(loss)) for loss in losses], training.made, training.parameters.tolist()))
            found[-1] += (training.memory.tolist(), training.gradient.tolist())
        assert found[0] == found[1] == found[2]
        assert (found[0][1] == 4) == (how.lr < 1.0)
    assert (False, True) in seen


def test_a_step_once_more_that_is_refused_leaves_those_before_it() -> None:
    """Each takes 0.6e308 off a weight: the third one is too far."""
    w = [Value(0.0), Value(1.0)]
    program, leaves = program_of(lambda x: engine.dot(x, w), [(2,)])
    training, arrays = program.training(0), (np.array([[1.0, 0.0]] * 4),)
    for _ in range(2):  # at first in pieces
        training(arrays, update_of("SGD", 0.5), 4)
    for rate, made, losses in ((0.5, 4, 4), (0.6e308, 2, 3), (0.25, 4, 4)):
        training.parameters[:], training.made = leaves, 0
        assert training.once_more(update_of("SGD", rate)).tolist() == [-rate * k for k in range(losses)]
        assert training.made == made
        assert training.parameters.tolist() == [-rate * made, 1.0]


def test_steps_once_more_only_as_the_last_call_has_made_them(small: tuple[Variants, Any]) -> None:
    program, leaves = small
    training, (X, Y) = program.training(1), samples(20)
    order = np.arange(20).reshape(4, 5)
    assert training.once_more(SGD) is None
    for _ in range(2):  # at first in pieces
        training.parameters[:] = leaves
        training((X, Y), SGD, 4)
    assert training.once_more(SGD, order) is None
    assert training.once_more(update_of("Adam", 0.1)) is None
    assert training.once_more(update_of("SGD", 0.05)) is None  # without momentum it is another rule
    assert training.once_more(SGD) is not None
    training((X, Y), ConfiguredUpdate(SGD.rule, SGD.clip, (0.1, 0.2), SGD.limit, SGD.values), 2)
    assert training.once_more(SGD) is None
