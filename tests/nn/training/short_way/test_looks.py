"""What the short way of `Trainer.step` looks at between steps: far away, the optimiser, how objects are laid out."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

import engine
import nn
from engine import Due, Value
from engine.compiler.backends.llvm import training as native
from engine.compiler.backends.llvm.direct import objects
from engine.compiler.backends.llvm.direct import step as direct_step
from nn import MLP, SGD, Trainer
from tests.needs import needs

from .steps import CLASSES, TARGETS, X, counted, data, quick, trainer, until_quick, watch_of

np = needs("numpy")


def test_python_does_it_all_where_objects_are_laid_out_in_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = trainer(), trainer()
    expected = [short.step(X, CLASSES) for _ in range(4)]
    monkeypatch.setattr(native, "objects_are_as_expected", lambda: False)
    found = [long.step(X, CLASSES)]
    count = counted(long)
    assert found + [long.step(X, CLASSES) for _ in range(3)] == expected
    assert count == [3]


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
    count, due = counted(t), watch_of(t).due
    for _ in range(made + 1):
        twin.step(X, CLASSES)
    due[Due.LOOK] = due[Due.SLOW] = due[Due.FAR] = 0.0
    t.step(X, CLASSES)  # which looks at all, as it is time to: words note it, if they watch it
    words_tell = watch_of(t)._guards.far is not None
    assert watched or not words_tell
    due[Due.LOOK] = due[Due.SLOW] = math.inf
    for each in (t, twin):
        change(each.model.layers[0].neurons[-1])
    due[Due.FAR] = 0.0
    told = pytest.warns(RuntimeWarning, match="compared only from time to time") if seen else nullcontext()
    with told:  # of what has changed unannounced
        assert [t.step(X, CLASSES)] == twin.run(X, CLASSES, 1)
    assert count == [seen]
    assert seen or due[Due.FAR] > 0.0
    assert what != "nothing" or (due[Due.LOOK] == math.inf) == words_tell  # else Python has looked
    assert data(t) == data(twin)


def test_where_words_do_not_tell_all_python_looks_far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.compiler.frontend.reads.surroundings.MOST", 0)
    t = large()
    until_quick(t, X, CLASSES)
    due = watch_of(t).due
    assert due[Due.LOOK] == due[Due.SLOW] == due[Due.FAR] < math.inf


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
    before, until, watch = data(twin), watch_of(t)._until, watch_of(t)
    t.optimizer.step = lambda: None
    watch._until = Interrupts()
    with pytest.raises(KeyboardInterrupt):
        t.step(X, CLASSES)
    watch._until = until
    t.step(X, CLASSES)
    assert data(t) == before


def test_a_learning_rate_for_each_step_and_one_for_many() -> None:
    short, long = trainer(), trainer()
    for k, rate in enumerate((0.1, 0.2, 0.3, 0.3, 0.3, 0.3, 0.4, 0.4, 0.4)):
        short.optimizer.lr = long.optimizer.lr = rate
        x = np.roll(X, k, axis=0)
        assert [short.step(x, CLASSES)] == long.run(x, CLASSES, 1)
    long.run(X, CLASSES, until_quick(short, X, CLASSES))
    assert data(short) == data(long)


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


@pytest.mark.parametrize("change", ["DATA", "TYPE", "RANK", "FLAGS", "DIMENSIONS", "REAL", "CLASS"])
def test_another_layout_is_noticed(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field is compared with what NumPy says itself."""
    look = objects.objects_are_as_expected.__wrapped__
    assert look()
    places = {"DATA": objects.RANK, "REAL": objects.RANK, "DIMENSIONS": objects.DATA, "FLAGS": 10**6}
    monkeypatch.setattr(objects, change, places.get(change, objects.DATA))
    assert not look()
