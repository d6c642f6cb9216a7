"""`Trainer.step`, the short way: on any samples it gives what the long way gives, and refuses what that refuses."""

from __future__ import annotations

import gc
import math
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import Any

import pytest

import engine
import nn
from engine import Value
from engine.compiler.backends.llvm import training as native
from engine.compiler.backends.llvm.direct import objects
from engine.compiler.backends.llvm.direct import step as direct_step
from nn import MLP, SGD, Trainer
from nn.training.trainer.ways import NativeSteps
from tests.interrupting import interrupted
from tests.needs import needs
from tests.nn.training.arrays import fixed, unaligned

np = needs("numpy")
needs("llvmlite")

RNG = np.random.default_rng(5)
X, CLASSES = RNG.integers(-8, 8, (12, 4)) / 4.0, RNG.integers(0, 3, 12)
TARGETS = RNG.integers(-8, 8, 12) / 4.0
ONE_HOT = np.eye(3)[CLASSES]


def trainer(loss: Any = nn.cross_entropy, dtype: str = "float64", outputs: int = 3, **options: Any) -> Trainer:
    model = MLP(4, [5, outputs], activation="tanh", seed=7)
    return Trainer(model, loss, SGD(model.parameters(), 0.1, momentum=0.5), "llvm", dtype, **options)


def data(t: Trainer) -> list[float]:
    return [p.data for p in t.model.parameters()]


def quick(t: Any) -> bool:
    """Whether they are made without any Python."""
    return t._again is not None and isinstance(t._again.step, BuiltinFunctionType)


def until_quick(t: Any, *samples: Any) -> int:
    """Make steps until they are made so; give how many. What is due by the clock may come in between."""
    for count in range(1, 1000):
        t.step(*samples)
        if quick(t):
            return count
    raise AssertionError("native code never makes a step by itself")


def counted(t: Any) -> list[int]:
    """How many steps are made the long way from now on, as a list of one number; time alone brings about none."""
    long, count = t._first, [0]
    due = t._watch.due
    due[0] = due[1] = due[2] = t._watch._until = math.inf

    def first(*samples: Any) -> Any:
        count[0] += 1
        return long(*samples)

    t._first = first
    return count


def _padded(array: Any) -> Any:
    wide = np.zeros((len(array), 2 * array.shape[1]), array.dtype)
    wide[:, ::2] = array
    return wide[:, ::2]


class Own(np.ndarray[Any, Any]):
    """An array of a class of one's own."""


SAMPLES: dict[str, Callable[[Any], Any]] = {
    "the same": lambda x: x,
    "a copy": lambda x: x.copy(),
    "read-only": fixed,
    "float32": lambda x: x.astype("float32"),
    "float64": lambda x: x.astype("float64"),
    "lists": lambda x: x.tolist(),
    "whole numbers as ints": lambda x: [[int(a) if a == int(a) else a for a in row] for row in x.tolist()],
    "tuples": lambda x: tuple(map(tuple, x.tolist())),
    "lists of arrays": list,
    "a slice": _padded,
    "other order": np.asfortranarray,
    "backwards": lambda x: x[::-1].copy()[::-1],
    "between words": unaligned,
    "big-endian": lambda x: x.astype(">f8"),
    "another class": lambda x: x.view(Own),
}
LABELS: dict[str, Callable[[Any], Any]] = {
    "the same": lambda y: y,
    "a copy": lambda y: y.copy(),
    "float64": lambda y: y.astype("float64"),
    "float32": lambda y: y.astype("float32"),
    "int32": lambda y: y.astype("int32"),
    "list": lambda y: y.tolist(),
    "floats": lambda y: y.astype("float64").tolist(),
    "a slice": lambda y: np.repeat(y, 2)[::2],
    "NumPy's numbers": list,
}
DIRECT = {"the same", "a copy", "read-only", "float64", "lists", "list", "floats", "whole numbers as ints"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("samples", SAMPLES)
def test_samples_in_any_form_are_what_they_are(samples: str, labels: str, dtype: str) -> None:
    short, long = trainer(dtype=dtype), trainer(dtype=dtype)
    for t in (short, long):
        t.step(X, CLASSES)
        t.step(X, CLASSES)
    count = counted(short)
    for k in range(3):
        x, y = np.roll(X, k, axis=0), np.roll(CLASSES, k)
        assert [short.step(SAMPLES[samples](x), LABELS[labels](y))] == long.run(x, y, 1)
    assert data(short) == data(long)
    assert short.steps == 5
    assert count == [0]


@pytest.mark.parametrize(
    "labels", [lambda y: y, lambda y: y.tolist(), lambda y: y.astype(int), lambda y: y[::-1][::-1]]
)
def test_rows_as_labels(labels: Callable[[Any], Any]) -> None:
    short, long = trainer(), trainer()
    for k in range(5):
        x, y = np.roll(X, k, axis=0), np.roll(ONE_HOT, k, axis=0)
        assert [short.step(x, labels(y))] == long.run(x, y, 1)
    assert data(short) == data(long)


def test_targets_are_known_by_their_range_once_they_are_too_many_to_be_classes() -> None:
    short, long = trainer(nn.mse, outputs=1), trainer(nn.mse, outputs=1)
    for t in (short, long):
        t.step(X, np.arange(12.0))
        t.step(X, np.arange(12.0) / 7)
    count = counted(short)
    for k in range(3):
        assert [short.step(X, TARGETS + k)] == long.run(X, TARGETS + k, 1)
    assert count == [0]
    with pytest.raises(ValueError, match="a target must be a finite number, not nan"):
        short.step(X, np.where(TARGETS[3] == TARGETS, np.nan, TARGETS))


WRONG: dict[str, tuple[Any, Any, type[Exception]]] = {
    "no class": (X, np.where(CLASSES == 1, 3, CLASSES), IndexError),
    "no class in a list": (X.tolist(), [*CLASSES.tolist()[1:], -1], IndexError),
    "a part of a class": (X, [*CLASSES.tolist()[1:], 0.5], ValueError),
    "nearly a class": (X, [*CLASSES.tolist()[1:], 1.0 + 1e-12], ValueError),
    "a bool": (X.tolist(), [True, *CLASSES.tolist()[1:]], TypeError),
    "bools": (X, CLASSES == 1, TypeError),
    "nan": (X, np.where(CLASSES == 1, np.nan, CLASSES), ValueError),
    "a text": ([["a", 1.0, 2.0, 3.0], *X.tolist()[1:]], CLASSES, TypeError),
    "a Value": ([[Value(1.0), 1.0, 2.0, 3.0], *X.tolist()[1:]], CLASSES, TypeError),
    "ragged": ([[1.0], *X.tolist()[1:]], CLASSES, ValueError),
    "an int that is too large": ([[2**70, 1, 2, 3], *X.tolist()[1:]], CLASSES, TypeError),
    "fewer labels": (X, CLASSES[1:], ValueError),
    "more samples": ([*X.tolist(), X[0].tolist()], CLASSES.tolist(), ValueError),
    "flat samples": (X.ravel(), CLASSES, ValueError),
    "no array": (X, 3, TypeError),
    "nothing": (None, None, TypeError),
    "complex": (X + 1j, CLASSES, TypeError),
}


def test_of_labels_of_which_nothing_is_required_any_are_right_once_they_are_too_many() -> None:
    rng = np.random.default_rng(1)

    def loss(outputs: Any, labels: Any) -> Any:
        return sum((out[0] - y) * (out[0] - y) for out, y in zip(outputs, labels)) / len(outputs)

    model, other = (MLP(2, [3, 1], activation="tanh", seed=1) for _ in range(2))
    trainer = Trainer(model, loss, SGD(model.parameters(), lr=0.05), "llvm")
    step = nn.EagerStep(other, loss, SGD(other.parameters(), lr=0.05))
    for _ in range(4):
        x, y = rng.normal(size=(300, 2)), rng.normal(size=300)
        assert trainer.step(x, y) == pytest.approx(step(x.tolist(), y.tolist()), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("what", WRONG)
def test_what_the_long_way_refuses_the_short_one_refuses_with_the_same_words(what: str, dtype: str) -> None:
    x, y, error = WRONG[what]
    short, long = trainer(dtype=dtype), trainer(dtype=dtype)
    for _ in range(3):
        short.step(X, CLASSES)
    long.run(X, CLASSES, 3)
    before = data(short)
    with pytest.raises(error) as expected:
        long.run(x, y, 1)
    with pytest.raises(error) as found:
        short.step(x, y)
    assert str(found.value) == str(expected.value)
    assert data(short) == before
    assert short.steps == 3
    assert short.step(X, CLASSES) > 0.0


def test_whole_numbers_that_no_double_holds_are_rounded_as_numpy_does() -> None:
    for numbers in ([2**53 + 1, 1, 2, 3], [2**62 - 1, 1, 2, 3], [-(2**53) - 1, 1, 2, 3]):
        x = [[a / 2**60 if isinstance(a, float) else a for a in numbers], *X.tolist()[1:]]
        short, long = trainer(), trainer()
        losses = [short.step(x, CLASSES) for _ in range(3)]
        assert losses == long.run(x, CLASSES, 3)
        assert data(short) == data(long)


@pytest.mark.parametrize("side_by_side", [True, False])
def test_ints_around_those_that_python_has_once(side_by_side: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not side_by_side:
        monkeypatch.setattr(direct_step, "ints_side_by_side", lambda: 0)
    numbers = [-(10**9), -7, -6, -5, -4, -1, 0, 1, 2, 127, 255, 256, 257, 258, 1000, 2**31]
    short, long = trainer(nn.mse, outputs=1), trainer(nn.mse, outputs=1)
    for t in (short, long):
        for _ in range(3):
            t.step(X, TARGETS)
    count = counted(short)
    for first in range(len(numbers)):
        labels = [int(str(k)) for k in (numbers * 2)[first : first + len(X)]]
        x = [[*map(float, row[:3]), label % 1000] for row, label in zip(X, labels)]
        assert [short.step(x, labels)] == long.run(np.array(x), np.array(labels, float), 1)
        short.optimizer.lr, long.optimizer.lr = 1e-12, 1e-12
    assert data(short) == data(long)
    assert count == [0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("labels", [CLASSES, ONE_HOT])
@pytest.mark.parametrize("wrong", [-1.0, 0.5, 3.0, math.nan, math.inf])
def test_a_wrong_label_is_found_wherever_it_stands(labels: Any, wrong: float, dtype: str) -> None:
    """Labels are compared several at a time, and those behind the last group one by one."""
    t, labels = trainer(dtype=dtype), labels.astype(dtype)
    made = until_quick(t, X, labels)
    before = data(t)
    for place in range(len(X)):
        other = labels.copy()
        other[place] = wrong
        with pytest.raises((ValueError, IndexError)):
            t.step(X, other)
        assert data(t) == before
    assert t.steps == made


def test_labels_that_have_to_be_compared_first_lose_no_step() -> None:
    def loss(outputs: Any, labels: Any) -> Any:
        return sum([((out[0] - label) ** 2 + out[1] ** 2) * 0.1 for out, label in zip(outputs, labels)])

    short, long = trainer(loss, outputs=2), trainer(loss, outputs=2)
    for k in range(12):
        labels = (CLASSES + k // 2).astype("float32")  # which are copied
        assert [short.step(X, labels)] == long.run(X, labels, 1)
    assert data(short) == data(long)


def test_an_array_that_gets_another_shape_in_place_is_another_one() -> None:
    t, x = trainer(), X.copy()
    for _ in range(3):
        t.step(x, CLASSES)
    x.resize((4, 12), refcheck=False)
    with pytest.raises(ValueError, match="4 samples against 12 labels"):
        t.step(x, CLASSES)
    x.resize((12, 4), refcheck=False)
    other = trainer()
    for _ in range(3):
        other.step(X, CLASSES)
    assert t.step(x, CLASSES) == other.step(X, CLASSES)
    x.resize((12, 8), refcheck=False)  # in other memory
    with pytest.raises((ValueError, IndexError, TypeError)):
        t.step(x, CLASSES)


def test_what_is_in_the_arrays_now_counts() -> None:
    t, other, x, y = trainer(), trainer(), X.copy(), CLASSES.copy()
    for k in range(6):
        x[k, 0] += 1.0
        y[k] = (y[k] + 1) % 3
        assert [t.step(x, y)] == other.run(x.copy(), y.copy(), 1)


def test_what_is_exchanged_for_what_is_the_same_makes_no_step_any_longer() -> None:
    t = trainer()
    t.model.rates = [0.25, 0.5]
    for _ in range(3):
        t.step(X, CLASSES)
    count = counted(t)
    for k in range(4):
        t.model.rates[k % 2] = float(repr(t.model.rates[k % 2]))
        t.step(X, CLASSES)
    assert count == [0]
    t.model.rates[1] = 0.75
    t.step(X, CLASSES)
    assert count == [1]


def test_python_does_it_all_where_objects_are_laid_out_in_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = trainer(), trainer()
    expected = [short.step(X, CLASSES) for _ in range(4)]
    monkeypatch.setattr(native, "objects_are_as_expected", lambda: False)
    found = [long.step(X, CLASSES)]
    count = counted(long)
    assert found + [long.step(X, CLASSES) for _ in range(3)] == expected
    assert count == [3]


# ---- steps of which native code does all


SCALE, PARTS = 0.5, {"decay": 0.25}


def own_loss(outputs: Any, labels: Any) -> Any:
    return SCALE * PARTS["decay"] * sum([(out[0] - y) ** 2 for out, y in zip(outputs, labels)]) / len(outputs)


@pytest.mark.parametrize("loss", [nn.mse, own_loss])
def test_native_code_does_all_of_a_brief_step(loss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    t = trainer(loss, outputs=1)
    made = until_quick(t, X, TARGETS)
    monkeypatch.setattr(native, "BRIEF", 0.0)
    long = trainer(loss, outputs=1)
    losses = [long.step(X, TARGETS) for _ in range(made + 2)]
    assert not quick(long)
    assert losses[made:] == [t.step(X, TARGETS) for _ in range(2)]


def test_what_words_do_not_tell_is_left_to_python() -> None:
    some = {0.5}

    def loss(outputs: Any, labels: Any) -> Any:
        return nn.mse(outputs, labels) * max(some)

    t = trainer(loss, outputs=1)
    first = [t.step(X, TARGETS) for _ in range(4)]
    assert not quick(t)
    some.add(1.0)
    assert t.step(X, TARGETS) > 1.5 * first[-1]


def large() -> Trainer:
    """With more parameters than are looked at with every step."""
    model = MLP(4, [200, 3], activation="tanh", seed=7)
    return Trainer(model, nn.cross_entropy, SGD(model.parameters(), 0.1), "llvm")


def _exchange(w: list[Value]) -> None:
    w[0], w[1] = w[1], w[0]


FAR: dict[str, tuple[int, Callable[[Any], None]]] = {
    "nothing": (0, lambda neuron: None),
    "a weight": (1, lambda neuron: _exchange(neuron.w)),
    "an attribute in its dict": (1, lambda neuron: vars(neuron).update(activation=engine.sigmoid)),
    "one that is the same": (0, lambda neuron: vars(neuron).update(activation=neuron.activation)),
}


@pytest.mark.parametrize("what", FAR)
@pytest.mark.parametrize("watched", [True, False])
def test_native_code_looks_far_away_from_time_to_time(
    what: str, watched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where words do not watch that, it leaves it to Python, whatever another thread has left of the times."""
    if not watched:
        monkeypatch.setattr("engine.compiler.frontend.reads.surroundings.MOST", 0)
    seen, change = FAR[what]
    t, twin = large(), large()
    made = until_quick(t, X, CLASSES)
    count, due = counted(t), t._watch.due
    for _ in range(made + 1):
        twin.step(X, CLASSES)
    due[0] = due[1] = due[2] = 0.0
    t.step(X, CLASSES)  # which looks at all, as it is time to: words note it, if they watch it
    words_tell = t._watch._guards.far is not None
    assert watched or not words_tell
    due[0] = due[1] = math.inf
    for trainer in (t, twin):
        change(trainer.model.layers[0].neurons[-1])
    due[2] = 0.0
    assert [t.step(X, CLASSES)] == twin.run(X, CLASSES, 1)
    assert count == [seen]
    assert seen or due[2] > 0.0
    assert what != "nothing" or (due[0] == math.inf) == words_tell  # else Python has looked
    assert data(t) == data(twin)


def test_where_words_do_not_tell_all_python_looks_far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.compiler.frontend.reads.surroundings.MOST", 0)
    t = large()
    until_quick(t, X, CLASSES)
    due = t._watch.due
    assert due[0] == due[1] == due[2] < math.inf


def _stepped(optimizer: Any) -> None:
    """A step of one's own."""


def _set_all(optimizer: Any) -> None:
    vars(optimizer)["step"] = lambda: None


CHANGES: dict[str, Callable[[Any, pytest.MonkeyPatch], Any]] = {
    "an attribute": lambda optimizer, patch: setattr(optimizer, "step", lambda: None),
    "in its dict": lambda optimizer, patch: _set_all(optimizer),
    "another dict": lambda optimizer, patch: setattr(optimizer, "__dict__", {**vars(optimizer), "step": lambda: None}),
    "its class": lambda optimizer, patch: patch.setattr(SGD, "step", _stepped, raising=False),
    "another class": lambda optimizer, patch: setattr(optimizer, "__class__", type("Own", (SGD,), {"step": _stepped})),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_step_of_the_optimisers_own_is_taken_at_once(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    t = trainer()
    until_quick(t, X, CLASSES)
    counted(t)
    before = data(t)
    CHANGES[change](t.optimizer, monkeypatch)
    t.step(X, CLASSES)
    assert data(t) == before


def test_an_interrupted_look_at_the_optimiser_has_seen_nothing() -> None:
    class Interrupts(float):
        def __lt__(self, other: float) -> bool:
            raise KeyboardInterrupt

    t, twin = trainer(), trainer()
    for _ in range(until_quick(t, X, CLASSES)):
        twin.step(X, CLASSES)
    before, until, watch = data(twin), t._watch._until, t._watch
    t.optimizer.step = lambda: None
    watch._until = Interrupts()
    with pytest.raises(KeyboardInterrupt):
        t.step(X, CLASSES)
    watch._until = until
    t.step(X, CLASSES)
    assert data(t) == before


@pytest.mark.parametrize("looks", [True, False])
def test_ctrl_c_at_any_moment_of_a_step_leaves_it_made_or_not(looks: bool) -> None:
    """The parameters and their gradients are those of as many steps as are counted."""
    t, twin = trainer(), trainer()
    batch = t.prepare(X, CLASSES)
    way: Any = t._way
    act = lambda: way(batch, 1, None, (None, None), ())
    for _ in range(3):
        assert act() == twin.run(X, CLASSES, 1)
        assert _whole(t) == _whole(twin)
    moments = interrupted(act, 0)
    for moment in range(1, moments + 1):
        if looks:
            assert _whole(t)  # so that they are lent again
        interrupted(act, moment)
        if t.steps > twin.steps:
            twin.run(X, CLASSES, t.steps - twin.steps)
        if looks:
            assert _whole(t) == _whole(twin)
    assert _whole(t) == _whole(twin)


def _whole(t: Trainer) -> list[float]:
    return [*data(t), *[p.grad for p in t.model.parameters()]]


def test_a_learning_rate_for_each_step_and_one_for_many() -> None:
    short, long = trainer(), trainer()
    for k, rate in enumerate((0.1, 0.2, 0.3, 0.3, 0.3, 0.3, 0.4, 0.4, 0.4)):
        short.optimizer.lr = long.optimizer.lr = rate
        x = np.roll(X, k, axis=0)
        assert [short.step(x, CLASSES)] == long.run(x, CLASSES, 1)
    long.run(X, CLASSES, until_quick(short, X, CLASSES))
    assert data(short) == data(long)


def test_what_another_thread_sets_in_the_middle_of_a_step_counts_from_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    t, twin = trainer(), trainer()
    repetition = NativeSteps.repetition

    def set_meanwhile(way: NativeSteps, *arguments: Any) -> Any:
        found = repetition(way, *arguments)
        t.clip_value = 1e-3
        return found

    with monkeypatch.context() as patch:
        patch.setattr(NativeSteps, "repetition", set_meanwhile)
        t.step(X, CLASSES)
    twin.step(X, CLASSES)
    twin.clip_value = 1e-3
    assert [t.step(X, CLASSES) for _ in range(3)] == [twin.step(X, CLASSES) for _ in range(3)]
    assert data(t) == data(twin)


def test_nobody_else_has_the_parameters_meanwhile() -> None:
    t = trainer()
    made = until_quick(t, X, CLASSES)
    lock, ended = t._way._session._training.lock, threading.Event()
    thread = threading.Thread(target=lambda: (t.step(X, CLASSES), ended.set()))
    with lock:
        thread.start()
        assert not ended.wait(0.05)
        assert t.steps == made
    thread.join()
    assert t.steps == made + 1


def test_a_loss_that_is_not_finite_is_refused_with_the_same_words() -> None:
    short, long = trainer(nn.mse, outputs=1), trainer(nn.mse, outputs=1)
    made = until_quick(short, X, TARGETS)
    long.run(X, TARGETS, made)
    errors = []
    for step in (lambda: short.step(X, TARGETS * 1e200), lambda: long.run(X, TARGETS * 1e200, 1)):
        with pytest.raises(FloatingPointError) as error:
            step()
        errors.append(str(error.value))
    assert errors[0] == errors[1]
    assert data(short) == data(long)
    assert short.steps == long.steps == made


def test_a_trainer_goes_when_nobody_has_it_and_leaves_nothing() -> None:
    def used() -> Any:
        t, x = trainer(), X.copy()

        def steps(count: int) -> list[int]:
            for k in range(count):
                t.step(x, CLASSES)
                t.step(x.tolist(), CLASSES if k % 2 else CLASSES.tolist())
                t.step(list(x), CLASSES)
                if k % 8 == 7:
                    t.optimizer.lr = 0.1 / k
            gc.collect()  # what a trace and the steps before it have left
            return [sys.getrefcount(thing) for thing in (x, None, True, False, float, t._again.step)]

        before, after = steps(40), steps(2000)  # meanwhile other things may come to refer to None, such as a trace
        assert all(abs(a - b) < 1000 for a, b in zip(before, after))
        return weakref.ref(t)

    gone = used()
    gc.collect()
    assert gone() is None


def test_several_threads_on_samples_of_several_shapes() -> None:
    t, errors = trainer(), list[BaseException]()
    steps = 150

    def work(size: int) -> None:
        try:
            for _ in range(steps):
                assert t.step(X[:size], CLASSES[:size]) >= 0.0
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(size,)) for size in (12, 12, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert t.steps == 3 * steps


def test_samples_for_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.compiler.backends.llvm.program.processors", lambda: 2)
    x, y = np.tile(X, (500, 1)), np.tile(CLASSES, 500)
    shared, alone = trainer(threads=2), trainer(threads=2)
    for k in range(2):
        assert [shared.step(x + k, y)] == alone.run(x + k, y, 1)
    count = counted(shared)
    for k in range(3):
        assert [shared.step(x + k, y)] == alone.run(x + k, y, 1)
    assert count == [0]
    assert data(shared) == data(alone)


def test_what_makes_further_steps_is_compiled_for_the_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    compiled = direct_step._native
    monkeypatch.setattr(direct_step, "_native", lambda bits: asked.append(bits) or compiled(bits))
    t = trainer()
    t.step(X, CLASSES)
    assert asked == []
    t.step(X, CLASSES)
    t.step(X, CLASSES)
    assert {*asked} == {64}


def test_the_interpreter_ends_as_it_should() -> None:
    code = """
import nn
model = nn.MLP(2, [1])
trainer = nn.Trainer(model, nn.mse, nn.SGD(model.parameters(), 0.1), backend="llvm")
print([trainer.step([[1.0, 2.0]], [1.0]) for _ in range(4)][-1] >= 0.0)
trainer._itself = trainer
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("True\n", "", 0)


@pytest.mark.parametrize("change", ["DATA", "TYPE", "RANK", "FLAGS", "DIMENSIONS", "REAL", "CLASS"])
def test_another_layout_is_noticed(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field is compared with what NumPy says itself."""
    look = objects.objects_are_as_expected.__wrapped__
    assert look()
    places = {"DATA": objects.RANK, "REAL": objects.RANK, "DIMENSIONS": objects.DATA, "FLAGS": 10**6}
    monkeypatch.setattr(objects, change, places.get(change, objects.DATA))
    assert not look()


def test_where_threads_run_python_side_by_side_none_looks_into_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert not objects.objects_are_as_expected.__wrapped__()
