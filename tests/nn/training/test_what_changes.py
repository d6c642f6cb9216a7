"""Compiled training is the training that was asked for, whatever is changed on the way: a table against eager steps."""

from __future__ import annotations

import copy
import functools
import math
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import TraceError, Value, relu, where
from nn import MLP, SGD, Adam, AdamW, EagerStep, Optimizer, Trainer
from nn.training.trainer import model_watch
from nn.training.trainer.model_watch import ModelWatch
from nn.training.trainer.ways import Way
from tests.needs import FORK, INSTALLED, NATIVE, needs
from tests.nn.optimisers.test_optimisers import RMSprop

np = needs("numpy")
ALL = pytest.mark.parametrize("backend", INSTALLED)
FAST = pytest.mark.parametrize("backend", INSTALLED[1:])

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(30, 4)), RNG.integers(0, 3, 30)


class Lion(Optimizer):
    """Sign of an interpolated momentum (Chen and others, 2023), with a branch on the number itself."""

    betas = nn.Setting((0.9, 0.99), least=0.0, below=1.0)
    mean = nn.Memory()

    @staticmethod
    def rule(p: Any, g: Any, mean: Any, s: Any) -> Any:
        beta1, beta2 = s.betas
        direction = beta1 * mean + (1 - beta1) * g
        sign = where(direction > 0, 1.0, where(direction < 0, -1.0, 0.0))
        return p - s.lr * sign, beta2 * mean + (1 - beta2) * g


class OwnStep(Optimizer):
    """One that the compiler knows nothing of."""

    def step(self) -> None:
        for p in self.params:
            p.data -= self.lr * p.grad


OWN: dict[str, Callable[[Any], Optimizer]] = {
    "rmsprop": lambda p: RMSprop(p, 0.01),
    "rmsprop momentum": lambda p: RMSprop(p, 0.01, momentum=0.5, alpha=0.9),
    "lion": lambda p: Lion(p, 0.01),
}


def model(activation: str = "tanh") -> MLP:
    return MLP(4, [5, 3], activation=activation, seed=7)


def cross_entropy_of_ones_own(outputs: Any, labels: Any) -> Value:
    return nn.cross_entropy(outputs, labels)


def data(m: Any) -> list[float]:
    return [p.data for p in m.parameters()]


class Eager:
    """The reference: what a Trainer would be in eager steps."""

    def __init__(self, m: Any, loss: Any, optimizer: Optimizer) -> None:
        self.model, self.loss, self.optimizer = m, loss, optimizer
        self.clip_norm = self.clip_value = self.schedule = None
        self.steps = 0

    def step(self, X: Any, y: Any) -> float:
        optimizer: Any = self.optimizer
        if self.schedule is not None:
            optimizer.lr = self.schedule(self.steps)
        loss = self.loss([self.model(x) for x in X.tolist()], y.tolist())
        optimizer.zero_grad()
        loss.backward()
        if self.clip_norm is not None:
            norm = math.hypot(*[p.grad for p in optimizer.params])
            for p in optimizer.params:
                p.grad *= min(1.0, self.clip_norm / (norm + 1e-6))
        if self.clip_value is not None:
            for p in optimizer.params:
                p.grad = max(-self.clip_value, min(p.grad, self.clip_value))
        optimizer.step()
        self.steps += 1
        return float(loss.data)


Change = Callable[[Any], None]


def _replaced_layer(t: Any) -> None:
    t.model.layers[0] = MLP(4, [5, 1], activation="tanh", seed=99).layers[0]


def _replaced_leaf(t: Any) -> None:
    t.model.layers[0].neurons[0].w[1] = Value(t.model.layers[0].neurons[0].w[1].data)


def _inserted(t: Any) -> None:
    t.model.layers.insert(1, MLP(5, [5, 1], seed=12).layers[0])


def _set(**attributes: Any) -> Change:
    def change(t: Any) -> None:
        for name, value in attributes.items():
            setattr(t, name, value)

    return change


def _setting(**attributes: Any) -> Change:
    def change(t: Any) -> None:
        for name, value in attributes.items():
            setattr(t.optimizer, name, value)

    return change


CHANGES: dict[str, Change] = {
    "nothing": lambda t: None,
    "lr": _setting(lr=0.3),
    "lr 0": _setting(lr=0.0),
    "betas": _setting(betas=(0.5, 0.7)),
    "eps": _setting(eps=0.1),
    "weight decay on": _setting(weight_decay=0.2),
    "clip norm": _set(clip_norm=0.1),
    "clip value": _set(clip_value=0.01),
    "schedule": _set(schedule=lambda k: 0.1 / (1 + k)),
    "another optimiser": lambda t: setattr(t, "optimizer", SGD(t.model.parameters(), 0.1, momentum=0.9)),
    "AdamW for Adam": lambda t: setattr(t, "optimizer", AdamW(t.model.parameters(), 0.05, weight_decay=0.3)),
    "one with a step of its own": lambda t: setattr(t, "optimizer", OwnStep(t.model.parameters(), 0.1)),
    "fewer parameters": lambda t: setattr(t.optimizer, "params", t.optimizer.params[3:]),
    "parameters in another order": lambda t: setattr(t.optimizer, "params", t.optimizer.params[::-1]),
    "numbers": lambda t: setattr(t.model.parameters()[0], "data", 2.0),
    "memory": lambda t: setattr(t.optimizer, "mean", [0.1] * len(t.optimizer.params)),
    "steps": lambda t: setattr(t.optimizer, "steps", 0),
    "labels": lambda t: None,
    "activation": lambda t: [setattr(n, "activation", relu) for n in t.model.layers[0].neurons],
    "a layer replaced": _replaced_layer,
    "a parameter replaced": _replaced_leaf,
    "a layer inserted": _inserted,
    "a layer removed": lambda t: t.model.layers.pop(1),
}


@ALL
@pytest.mark.parametrize("how", ["steps", "runs", "new arrays"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.filterwarnings("ignore:.* of the optimiser's parameters")  # as it has others by then
def test_what_changes_between_steps_counts_from_the_next_one(change: str, how: str, backend: str) -> None:
    if change == "a layer removed" and how == "runs":
        change = "a layer inserted"
    found = []
    loss = cross_entropy_of_ones_own if "replaced" in change else nn.cross_entropy  # else it is refused
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend)):
        m = model()
        if change == "a layer removed":
            m = MLP(4, [5, 5, 3], activation="tanh", seed=7)
        trainer, x, y = make(m, loss, Adam(m.parameters(), 0.05)), X.copy(), Y.copy()
        losses = []
        for _ in range(2):
            for _ in range(3):
                if how == "runs" and isinstance(trainer, Trainer):
                    losses += trainer.run(x, y, 2)
                elif how == "new arrays":
                    losses += [trainer.step(x[k : k + 20].copy(), y[k : k + 20].copy()) for k in range(3)]
                else:
                    losses += [trainer.step(x, y) for _ in range(2 if how == "runs" else 1)]
            CHANGES[change](trainer)
            if change == "labels":
                y[:] = y[::-1].copy()
            if change == "a layer inserted" and len(m.layers) > 3:
                break
        found.append([*losses, *data(m)])
    assert found[1] == pytest.approx(found[0], rel=1e-9, abs=1e-12)


@ALL
@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.1}])
def test_an_optimiser_of_ones_own_runs_compiled(name: str, clip: dict[str, float], backend: str) -> None:
    m, other = model(), model()
    trainer = Trainer(m, nn.cross_entropy, OWN[name](m.parameters()), backend=backend, **clip)
    eager = Eager(other, nn.cross_entropy, OWN[name](other.parameters()))
    for limit, value in clip.items():
        setattr(eager, limit, value)
    losses = [trainer.step(X, Y), *trainer.run(X, Y, 4), trainer.step(X, Y)]
    assert losses == pytest.approx([eager.step(X, Y) for _ in range(6)], rel=1e-9)
    assert data(m) == pytest.approx(data(other), rel=1e-9)
    assert [trainer.optimizer.state[0], trainer.steps] == [6, 6]
    for mine, theirs in zip(trainer.optimizer.state[1], eager.optimizer.state[1]):
        assert mine == pytest.approx(theirs, rel=1e-8)


@ALL
@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.1}, {"clip_value": 0.02}])
def test_gradients_are_those_of_the_last_step(clip: dict[str, float], backend: str) -> None:
    m, other = model(), model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.layers[1].parameters(), 0.1), backend=backend, **clip)
    eager = Eager(other, nn.cross_entropy, SGD(other.layers[1].parameters(), 0.1))
    for limit, value in clip.items():
        setattr(eager, limit, value)

    def same() -> None:
        expected = [p.grad for p in other.parameters()]
        assert [p.grad for p in m.parameters()] == pytest.approx(expected, rel=1e-9, abs=1e-13)

    trainer.step(X, Y), eager.step(X, Y)
    same()
    trainer.run(X, Y, 3), [eager.step(X, Y) for _ in range(3)]
    same()  # the frozen layer's have been summed over all steps, as eager ones are
    m.zero_grad(), other.zero_grad()
    trainer.step(X, Y), eager.step(X, Y)
    same()


@ALL
def test_prepared_samples_have_memory_of_their_own(backend: str) -> None:
    m, other, x, y = model(), model(), X.copy(), Y.copy()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.1), backend=backend)
    batch = trainer.prepare(x, y)
    x[:], y[:] = 0.0, 0
    expected = Trainer(other, nn.cross_entropy, SGD(other.parameters(), 0.1), backend="python")
    assert trainer.epoch_of(batch, 8, 1) == pytest.approx(expected.epoch(X, Y, 8, 1))


@ALL
def test_labels_changed_in_place_are_checked(backend: str) -> None:
    m, y = model(), Y.copy()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.1), backend=backend)
    for _ in range(3):
        trainer.step(X, y)
    y[4] = 3
    before = data(m)
    with pytest.raises(IndexError):
        trainer.step(X, y)
    assert data(m) == before


@ALL
@pytest.mark.parametrize("kind", [np.int64, np.float64, np.float32, list])
def test_labels_of_other_arrays_are_checked_as_they_were_given(kind: Any, backend: str) -> None:
    """In single precision, too, where 1.00000001 would be 1."""
    m = model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.1), backend=backend, dtype="float32")

    def step(y: Any) -> float:
        return trainer.step(X.copy(), y)

    for shift in range(4):
        labels = np.roll(Y, shift)
        step(labels.tolist() if kind is list else labels.astype(kind))
    before = data(m)
    for bad in (*([*Y.tolist()[:-1], last] for last in (3, 1.00000001, True)), Y == 1):
        for _ in range(2):
            with pytest.raises((IndexError, TypeError, ValueError)):
                step(bad)
    assert data(m) == before
    assert trainer.steps == 4
    assert math.isfinite(step(Y))


@ALL
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_samples_changed_in_place_count_where_one_of_two_arrays_is_read_where_it_is(dtype: str, backend: str) -> None:
    """Labels are ints here, and so copied; samples are not, if they are of the program's own kind."""
    m, other = model(), model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.1), backend=backend, dtype=dtype)
    step = EagerStep(other, nn.cross_entropy, SGD(other.parameters(), 0.1))
    x, y = X.copy(), Y.copy()
    fresh = [lambda: (x, y), lambda: (x.copy(), y), lambda: (x, y.copy()), lambda: (x, y.tolist())]
    for k in range(24):
        x[k], y[k] = x[k] + 1.0, (y[k] + 1) % 3
        samples, labels = fresh[k // 3 % 4]()
        expected = step(x.tolist(), y.tolist())
        assert trainer.step(samples, labels) == pytest.approx(expected, rel=1e-9 if dtype == "float64" else 1e-4)
    y[4] = 3
    with pytest.raises(IndexError):
        trainer.step(x, y)


@FAST
@pytest.mark.filterwarnings("ignore:Setting the strides:DeprecationWarning")  # by NumPy from 2.4 on; it works
def test_new_strides_of_an_array_that_is_read_where_it_is_are_seen(backend: str) -> None:
    m, other = MLP(2, [1], seed=1), MLP(2, [1], seed=1)
    trainer = Trainer(m, nn.mse, SGD(m.parameters(), 0.1), backend=backend)
    step = EagerStep(other, nn.mse, SGD(other.parameters(), 0.1))
    x, y = X[:, :2].copy(), Y.astype(float)
    for array, strides in ((x, x.strides), (x, (0, 8)), (y, (0,))):
        array.strides = strides
        for _ in range(3):
            assert trainer.step(x, y) == pytest.approx(step(x.tolist(), y.tolist()), rel=1e-9)


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # by NumPy from 2.5 on; what it does counts
@FAST
def test_new_memory_and_a_new_shape_of_an_array_that_is_read_where_it_is_are_seen(backend: str) -> None:
    m = MLP(2, [1], seed=1)
    trainer = Trainer(m, nn.mse, SGD(m.parameters(), 0.1), backend=backend)
    x, y = X[:, :2].copy(), Y.astype(float)
    trainer.step(x, y), trainer.step(x, y)
    x.resize((6, 2), refcheck=False)
    with pytest.raises(ValueError, match="the arguments hold 6 and 30 samples"):
        trainer.step(x, y)
    x.resize((30, 2), refcheck=False)
    x[:] = X[:, :2]
    trainer.step(x, y)
    x.shape = (15, 4)
    with pytest.raises((TypeError, ValueError)):
        trainer.step(x, y)
    x.shape = (30, 2)
    assert math.isfinite(trainer.step(x, y))


@ALL
@pytest.mark.parametrize("swap", [lambda w: w.reverse(), lambda w: w.__setitem__(slice(2), [w[1], w[0]])])
def test_equal_parameters_that_change_places_are_others(swap: Change, backend: str) -> None:
    def course(choice: Callable[[MLP], Callable[[Any, Any], float]]) -> list[float]:
        m = MLP(2, [1], seed=1)
        step, w = choice(m), m.layers[0].neurons[0].w
        params, found = [*w], list[float]()
        for k in range(6):
            if k % 2:
                for p in w:
                    p.data = 0.25
                swap(w)
            found += [step(X[:, :2].tolist(), Y.tolist()), *[p.data for p in params]]
        return found

    def compiled(m: MLP) -> Callable[[Any, Any], float]:
        return Trainer(m, nn.mse, SGD(m.parameters(), 0.1), backend=backend).step

    expected = course(lambda m: EagerStep(m, nn.mse, SGD(m.parameters(), 0.1)))
    assert course(compiled) == pytest.approx(expected, rel=1e-9)


@ALL
def test_a_schedule_is_asked_once_for_each_step(backend: str) -> None:
    m, asked = model(), list[int]()

    def rate(step: int) -> float:
        asked.append(step)
        return 0.1 / (1 + step + 0.0 * m.parameters()[0].data)  # a look at a parameter, which is lent

    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 1.0), backend=backend, schedule=rate)
    for k in range(6):
        trainer.step(X[k:20], Y[k:20])
        trainer.step(X.copy(), Y)
    trainer.run(X, Y, 3)
    assert asked == [*range(15)]
    assert trainer.optimizer.lr == rate(14)


SCHEDULES: dict[str, Callable[[Any, Any], float]] = {
    "a parameter": lambda m, o: 0.1 / (1 + abs(m.parameters()[0].data)),
    "a gradient": lambda m, o: 0.1 / (1 + abs(m.parameters()[3].grad)),
    "a memory": lambda m, o: 0.1 / (1 + math.fsum(map(abs, o.velocity))),
    "steps": lambda m, o: 0.1 / (1 + o.steps),
    "the rate before": lambda m, o: 0.9 * o.lr,
    "now and then": lambda m, o: 0.1 / (1 + (o.steps if o.lr > 0.06 else 0)),
}


@ALL
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_may_read_what_steps_change(name: str, backend: str) -> None:
    """It is asked for several steps ahead where it does not."""

    def course(choice: str) -> list[float]:
        m = model()
        optimizer = SGD(m.parameters(), 0.1, momentum=0.5)
        schedule = lambda step: SCHEDULES[name](m, optimizer)
        history = nn.fit(m, X, Y, nn.cross_entropy, optimizer, 3, 8, seed=1, backend=choice, schedule=schedule)
        return [*history.batch_losses, *data(m), optimizer.lr]

    assert course(backend) == pytest.approx(course("eager"), rel=1e-9, abs=1e-12)


ACTS: dict[str, Callable[[Any, list[Any]], object]] = {
    "a number": lambda m, own: setattr(m.parameters()[0], "data", 0.5),
    "an activation": lambda m, own: setattr(m.layers[0].neurons[0], "activation", engine.sigmoid),
    "a parameter": lambda m, own: m.layers[0].neurons[0].w.__setitem__(0, Value(0.3)),
    "what the loss reads": lambda m, own: own.__setitem__(0, own[0] + 0.5),
}


@ALL
@pytest.mark.parametrize("name", ACTS)
@pytest.mark.filterwarnings("ignore:.* of the optimiser's parameters")  # as it has others by then
def test_what_a_schedule_changes_counts_from_its_step_on(name: str, backend: str) -> None:
    def course(choice: str) -> list[float]:
        m, own = model(), [1.0]

        def schedule(step: int) -> float:
            if step in (2, 6):
                ACTS[name](m, own)
            return 0.1

        loss = lambda o, y: nn.cross_entropy(o, y) * own[0]
        optimizer = SGD(m.parameters(), 0.1)
        return nn.fit(m, X, Y, loss, optimizer, 3, 8, seed=1, backend=choice, schedule=schedule).batch_losses

    assert course(backend) == pytest.approx(course("eager"), rel=1e-9)


@ALL
@pytest.mark.parametrize("actor", ["schedule", "optimiser"])
def test_validation_data_that_a_schedule_or_an_optimiser_changes_is_read_again(actor: str, backend: str) -> None:
    def course(choice: str) -> list[float]:
        m, held, labels = model(), X[:9].tolist(), Y[:9].tolist()

        class Acting(SGD):
            def step(self) -> None:
                held[0][0] += 1.0
                super().step()

        def schedule(step: int) -> float:
            held[0][0], labels[1] = float(step), step % 3
            return 0.1

        optimizer = (Acting if actor == "optimiser" else SGD)(m.parameters(), 0.1)
        options: dict[str, Any] = {"schedule": schedule} if actor == "schedule" else {}
        history = nn.fit(
            m, X, Y, nn.cross_entropy, optimizer, 3, 8, seed=1, backend=choice, validation=(held, labels), **options
        )
        return [number for row in history.rows for number in (row["validation_loss"], row["validation_accuracy"])]

    assert course(backend) == pytest.approx(course("eager"), rel=1e-9)


@ALL
def test_a_loss_that_reads_the_optimiser_is_refused(backend: str) -> None:
    m = model()
    optimizer = SGD(m.parameters(), 0.1, momentum=0.5)
    readers = [lambda: optimizer.lr, lambda: optimizer.steps + 1.0, lambda: sum(optimizer.velocity) + 1.0]
    for read in readers:
        loss = lambda o, y: nn.cross_entropy(o, y) * read()  # noqa: B023  # it is called at once
        with pytest.raises(TraceError, match="of your own"):
            Trainer(m, loss, optimizer, backend=backend).step(X, Y)


@ALL
def test_a_step_of_ones_own_that_is_set_on_the_optimiser_counts(backend: str) -> None:
    m = model()
    optimizer = SGD(m.parameters(), 0.1)
    trainer = Trainer(m, nn.cross_entropy, optimizer, backend=backend)
    for _ in range(4):
        trainer.step(X, Y)
    calls, before = list[int](), data(m)
    optimizer.step = lambda: calls.append(1)  # type: ignore[method-assign]  # by a user
    trainer.step(X, Y), trainer.step(X.copy(), Y)
    assert (calls, data(m)) == ([1, 1], before)


@pytest.mark.parametrize("backend", ["eager", *INSTALLED])
def test_what_a_rule_reads_and_the_rule_itself_may_change(backend: str) -> None:
    share = [0.5]

    class Shared(Optimizer):
        @staticmethod
        def rule(p: Any, g: Any, s: Any) -> Any:
            return p - s.lr * share[0] * g

    m = MLP(4, [1], seed=3)
    optimizer = Shared(m.parameters(), 0.1)
    trainer = Eager(m, nn.mse, optimizer) if backend == "eager" else Trainer(m, nn.mse, optimizer, backend=backend)

    def moved() -> float:
        """How far a step goes, beside the gradient."""
        before = m.parameters()[0].data
        trainer.step(X, Y.astype(float))
        p = m.parameters()[0]
        return (before - p.data) / p.grad / 0.1

    assert [moved() for _ in range(4)] == pytest.approx([0.5] * 4)
    share[0] = 0.25
    assert [moved() for _ in range(4)] == pytest.approx([0.25] * 4)
    Shared.rule = staticmethod(lambda p, g, s: p - s.lr * 2 * g)  # type: ignore[method-assign]  # by a user
    assert [moved() for _ in range(4)] == pytest.approx([2.0] * 4)


class Gained(nn.Module):
    """A network of 700 parameters, and two more."""

    def __init__(self) -> None:
        self.network = MLP(4, [25, 20, 1], activation="tanh", seed=3)
        self.gains = [Value(0.5), Value(2.0)]

    def __call__(self, x: Any) -> Any:
        return [self.network(x)[0] * self.gains[0] + self.gains[1] * x[0]]


def _tied(m: Any) -> None:
    first, second = m.layers[0].neurons[:2]
    first.w[0] = second.w[0]


@ALL
@pytest.mark.parametrize(
    ("make", "change"),
    [
        (Gained, lambda m: m.gains.reverse()),
        (lambda: MLP(4, [12, 12, 1], seed=3), lambda m: m.layers[1].neurons[0].w.reverse()),
        (lambda: MLP(4, [12, 12, 1], seed=3), _tied),
    ],
    ids=["few of many", "reversed", "tied"],
)
def test_some_hundred_parameters_that_change_places_are_seen_at_once(backend: str, make: Any, change: Any) -> None:
    y = X[:, 0]
    found = []
    for way in (Eager, functools.partial(Trainer, backend=backend)):
        m = make()
        step = way(m, nn.mse, SGD(m.parameters(), 0.1))
        losses = [step.step(X, y) for _ in range(4)]
        change(m)
        found.append(losses + [step.step(X, y) for _ in range(2)])
    assert found[1] == pytest.approx(found[0], rel=1e-9)


@FAST
def test_parameters_exchanged_for_others_that_were_there_are_noticed_in_time(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_watch, "PATIENCE", 0.0)  # look at all every time
    m = model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.1), backend=backend)
    for _ in range(4):
        trainer.step(X.copy(), Y)
    w = m.layers[0].neurons[0].w
    program = trainer.compiled
    w[0], w[1] = w[1], w[0]
    trainer.step(X.copy(), Y)
    assert trainer.compiled is not program


def test_the_whole_of_a_look_at_all_takes_a_fiftieth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at with every step as well was left out of the account: some looks took twice their share."""

    class Clock:
        now = 0.0

        def perf_counter(self) -> float:
            return self.now

        thread_time = perf_counter

    clock, m = Clock(), model()
    watch = ModelWatch(m, nn.cross_entropy, SGD(m.parameters(), 0.1))
    monkeypatch.setattr(model_watch, "time", clock)

    def taking(duration: float, look: Callable[[], bool]) -> bool:
        clock.now += duration
        return look()

    for part, duration in (("_near_is_same", 3.0), ("_rule_is_same", 2.0)):
        monkeypatch.setattr(watch, part, functools.partial(taking, duration, getattr(watch, part)))
    for _ in range(2):
        assert watch.holds(clock.now)
        assert watch.due[0] == clock.now + 50 * 5.0
        clock.now = watch.due[0]


class Signed(nn.Module):
    """Its loss tells a 0.0 from a -0.0 and a bool from an int, which are equal."""

    def __init__(self) -> None:
        self.layer = nn.Layer(4, 1, seed=2)
        self.numbers: list[Any] = [0.0, *[1.0] * 200, 1]
        self.by_name: dict[str, Any] = {"zero": 0.0}

    def __call__(self, x: Any) -> Any:
        zero, one = self.numbers[0], self.numbers[-1]
        turn = engine.atan2(zero, -1.0) + engine.atan2(self.by_name["zero"], -1.0)
        return [self.layer(x)[0] + 0.1 * turn + (0.5 if one is True else 0.25)]


@ALL
@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.numbers.__setitem__(0, -0.0),
        lambda m: m.numbers.__setitem__(-1, True),
        lambda m: m.by_name.update(zero=-0.0),
        lambda m: m.numbers.__setitem__(0, float("0")),
    ],
    ids=["zero", "bool", "dict", "same"],
)
def test_numbers_in_a_model_that_are_equal_and_not_the_same_are_told_apart(backend: str, change: Any) -> None:
    y = X[:, 0]
    found = []
    for make in (Eager, functools.partial(Trainer, backend=backend)):
        m = Signed()
        step = make(m, nn.mse, SGD(m.parameters(), 0.1))
        found.append([step.step(X, y) for _ in range(4)])
        change(m)
        found[-1] += [step.step(X, y) for _ in range(3)]
    assert found[1] == pytest.approx(found[0], rel=1e-12)


def test_an_attribute_that_is_set_to_what_it_was_is_no_change() -> None:
    """So that a call of `model.train()` before every step traces nothing again."""
    m = model()
    optimizer = SGD(m.parameters(), 0.1)
    watch = ModelWatch(m, nn.mse, optimizer)
    for _ in range(2):
        m.train()
        watch = watch if watch.holds(0.0) else ModelWatch(m, nn.mse, optimizer)  # at first the mode is not there
    m.train()
    assert watch.holds(0.0)
    m.eval()
    assert not watch.holds(0.0)


RATES = [0.01]


@ALL
@pytest.mark.parametrize("loss", [nn.mse, functools.partial(nn.mse, reduction="sum")], ids=["mean", "sum"])
@pytest.mark.parametrize(
    ("sample", "schedule"),
    [(17, None), (29, None), (17, nn.schedules.step(0.01, every=100, factor=0.5)), (29, lambda step: RATES[0])],
    ids=["early", "late", "by a schedule", "by one that may change"],
)
def test_a_loss_that_becomes_nan_in_an_epoch_keeps_the_batches_before(
    sample: int, schedule: Any, loss: Any, backend: str
) -> None:
    """Of a sum the last batch, which is shorter, has a program of its own."""
    bad = X.copy()
    bad[sample, 2] = math.nan
    m, other = model(), model()
    optimizer = SGD(m.parameters(), 0.01 if schedule is None else 0.5, momentum=0.5)
    trainer = Trainer(m, loss, optimizer, backend=backend, schedule=schedule)
    y = RNG.normal(size=(30, 3))
    with pytest.raises(FloatingPointError, match="before this batch: lower lr") as caught:
        trainer.epoch(bad, y, batch_size=8, shuffle=False)
    step = EagerStep(other, loss, SGD(other.parameters(), 0.01, momentum=0.5))
    losses = [step(X[k : k + 8].tolist(), y[k : k + 8].tolist()) for k in range(0, sample - 7, 8)]
    assert caught.value.losses == pytest.approx(losses, rel=1e-10)
    assert data(m) == pytest.approx(data(other), rel=1e-10)
    assert trainer.optimizer.velocity == pytest.approx(step.optimizer.velocity, rel=1e-9, abs=1e-12)
    assert trainer.steps == len(losses) == sample // 8


@ALL
def test_the_same_step_until_the_loss_is_infinite(backend: str) -> None:
    """Also where it is made once more by the shortest way."""
    m = MLP(4, [3], seed=1)
    trainer = Trainer(m, nn.mse, SGD(m.parameters(), 1e4), backend=backend)
    y = RNG.normal(size=(30, 3))

    def train() -> None:
        for _ in range(200):
            trainer.step(X, y)

    with pytest.raises(FloatingPointError, match="the parameters stay as before this batch"):
        train()
    assert all(map(math.isfinite, data(m)))
    assert 2 < trainer.steps < 200


@ALL
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_update_that_is_not_finite_is_refused_whole(dtype: str, backend: str) -> None:
    """With eps 0, Adam divides 0 by 0 where a gradient is 0."""
    m = MLP(2, [1], seed=3)
    m.layers[0].neurons[0].w[1].label = "second"
    optimizer = Adam(m.parameters(), 0.1, eps=0.0)
    trainer = Trainer(m, nn.mse, optimizer, backend=backend, dtype=dtype)
    x, y = np.array([[1.0, 0.0], [2.0, 0.0]]), np.array([[1.0], [2.0]])
    before = data(m)
    for _ in range(2):
        with pytest.raises(FloatingPointError, match=r"update of parameter 1 \(second\).* gradient 0, gives nan"):
            trainer.step(x, y)
        assert data(m) == pytest.approx(before, rel=1e-7)  # single precision has rounded them
        assert (optimizer.steps, trainer.steps) == (0, 0)
        assert not any(optimizer.mean)
    x[:, 1] = 1.0
    for _ in range(3):
        assert math.isfinite(trainer.step(x, y))
    moved, steps = data(m), optimizer.steps
    x[:, 1] = 1e30 if dtype == "float32" and backend != "python" else 1e300
    with pytest.raises(FloatingPointError):
        trainer.run(x, y, 2)
    assert (data(m), optimizer.steps, trainer.steps) == (moved, steps, steps)


@ALL
def test_a_float_that_overflows_in_an_update_is_refused(backend: str) -> None:
    m = MLP(1, [1], init="zeros")
    trainer = Trainer(m, nn.mse, SGD(m.parameters(), 1e308), backend=backend)
    with pytest.raises(FloatingPointError, match="no parameter has changed"):
        trainer.step(np.array([[2.0]]), np.array([[50.0]]))
    assert data(m) == [0.0, 0.0]


class Pressed(BaseException):
    """As Ctrl-C; but one that comes late fails its test, and does not end the whole run."""


@NATIVE
@pytest.mark.unmeasured
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.parametrize("order", [False, True])
def test_ctrl_c_leaves_the_steps_that_were_made(order: bool) -> None:
    """And going on from there is the run that was not interrupted, bit for bit."""
    x, y = RNG.normal(size=(200, 4)), RNG.integers(0, 3, 200)
    m, other = model(), model()
    trainers = [Trainer(each, nn.cross_entropy, Adam(each.parameters(), 1e-3), "llvm") for each in (m, other)]

    def make(trainer: Trainer, steps: int) -> None:
        if order:
            trainer._train(batch, 1, lambda way: np.resize(np.arange(200), (steps, 20)), 20)
        else:
            trainer.run(x, y, steps)

    long = 300_000 if order else 3_000_000
    batch = trainers[0].prepare(x, y)
    for trainer in trainers:
        make(trainer, 3)

    pressed: list[bool] = []

    def interrupt(*_: Any) -> None:
        if trainers[0].steps > 3 and not pressed:
            pressed.append(True)  # once
            raise Pressed

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        with pytest.raises(Pressed):
            make(trainers[0], long)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    made = trainers[0].steps
    assert 3 < made < long
    assert made == trainers[0].optimizer.steps
    make(trainers[1], made - 3)
    assert data(m) == data(other)
    make(trainers[0], 5), make(trainers[1], 5)
    assert data(m) == data(other)
    assert trainers[0].optimizer.state == trainers[1].optimizer.state


@FAST
def test_two_threads_on_one_trainer_take_turns(backend: str) -> None:
    m, other = model(), model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.05), backend=backend)
    looks: list[float] = []

    def train() -> None:
        for _ in range(30):
            trainer.step(X, Y)
            looks.append(m.parameters()[0].data)

    threads = [threading.Thread(target=train) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    step = Trainer(other, nn.cross_entropy, SGD(other.parameters(), 0.05), backend=backend)
    step.run(X, Y, 90)
    assert trainer.steps == 90
    assert data(m) == pytest.approx(data(other), rel=1e-10)


@NATIVE
@pytest.mark.unmeasured
@FORK
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of any thread
def test_a_fork_during_a_run_leaves_a_child_that_works() -> None:
    m = model()
    x, y = RNG.normal(size=(2000, 4)), RNG.integers(0, 3, 2000)
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 1e-6), "llvm", threads=2)
    trainer.run(x, y, 3)
    running = threading.Thread(target=lambda: [trainer.run(x, y, 200) for _ in range(5)])
    running.start()
    codes = []
    for _ in range(3):
        time.sleep(0.005)
        child = os.fork()
        if child == 0:
            signal.alarm(600)
            mine = model()
            losses = Trainer(mine, nn.cross_entropy, SGD(mine.parameters(), 0.1), "llvm", threads=2).run(x, y, 20)
            again = trainer.run(x, y, 2)
            os._exit(0 if losses[-1] < losses[0] and all(map(math.isfinite, again)) else 1)
        codes.append(os.waitpid(child, 0)[1])
    running.join()
    assert codes == [0, 0, 0]


@ALL
def test_a_trainer_pickles_and_copies_with_its_model_and_optimiser(backend: str) -> None:
    """And the copy goes on as it would."""
    m = model()
    trainer = Trainer(m, nn.cross_entropy, Adam(m.parameters(), 0.05), backend=backend, clip_value=0.5)
    trainer.run(X, Y, 3)
    twins = [copy.deepcopy(trainer), pickle.loads(pickle.dumps(trainer))]
    expected = trainer.run(X, Y, 3)
    for other in twins:
        assert (other.steps, other.optimizer.steps, other.clip_value) == (3, 3, 0.5)
        assert other.run(X, Y, 3) == pytest.approx(expected)
    assert repr(trainer) == f"<Trainer of MLP with cross_entropy and Adam after 6 steps ({trainer.backend})>"


def test_a_trainer_of_what_has_no_name_says_so() -> None:
    m = model()
    with pytest.raises(pickle.PicklingError, match=r"a Trainer pickles with its loss, which is .*<lambda>"):
        pickle.dumps(Trainer(m, lambda o, y: nn.cross_entropy(o, y), Adam(m.parameters(), 0.05)))
    with pytest.raises(TypeError, match=r"use an nn\.Module"):
        copy.deepcopy(Trainer(lambda x: m(x), nn.cross_entropy, Adam(m.parameters(), 0.05)))


class Flagged(nn.Module):
    """What a model may read besides parameters."""

    def __init__(self) -> None:
        self.net, self.scale, self.table = model(), 1.0, [1.0, 2.0]

    def __call__(self, x: Any) -> Any:
        outputs = self.net(x)
        if not self.training:
            outputs = [0.5 * output for output in outputs]
        return [output * self.scale * self.table[0] for output in outputs]


@ALL
def test_attributes_lists_of_numbers_and_modes_count_from_the_next_step(backend: str) -> None:
    changes: list[Change] = [
        lambda m: m.eval(),
        lambda m: setattr(m, "scale", 3.0),
        lambda m: m.table.__setitem__(0, 0.3),
        lambda m: m.train(),
    ]
    found = []
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend)):
        m = Flagged()
        trainer, losses = make(m, nn.cross_entropy, SGD(m.parameters(), 0.1)), []
        for change in (lambda m: None, *changes):
            change(m)
            losses += [trainer.step(X, Y) for _ in range(4)]
        found.append(losses)
    assert found[1] == pytest.approx(found[0], rel=1e-10)


class Summing(Optimizer):
    """A rule with operations of any number of operands."""

    momentum = nn.Memory()

    @staticmethod
    def rule(p: Any, g: Any, momentum: Any, s: Any) -> Any:
        moved = engine.mean([g, momentum, 0.5 * g])
        return engine.sum([p, -s.lr * moved, -0.001 * p]), moved


@ALL
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.1}])
def test_rules_of_many_operands_and_clipping_in_either_precision(
    clip: dict[str, float], dtype: str, backend: str
) -> None:
    if (dtype, backend) == ("float32", "python"):
        return
    found = []
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend, dtype=dtype)):
        m = model()
        trainer = make(m, nn.cross_entropy, Summing(m.parameters(), 0.1))
        _set(**clip)(trainer)
        found.append([*[trainer.step(X, Y) for _ in range(4)], *data(m)])
    assert found[1] == pytest.approx(found[0], rel=1e-9 if dtype == "float64" else 1e-4, abs=1e-6)


def test_a_way_that_makes_no_steps_says_so() -> None:
    class Standing(Way):
        pass

    m = model()
    with pytest.raises(NotImplementedError, match="Standing must say how it makes steps"):
        Standing((), SGD(m.parameters(), 0.1))(None, 1, None, (None, None), [])


class Tabled(nn.Module):
    """A model with a list of arrays, which cannot be compared by ==."""

    def __init__(self) -> None:
        self.net, self.tables = model(), [np.array([1.0, 2.0])]

    def __call__(self, x: Any) -> Any:
        return [output * self.tables[0][0] for output in self.net(x)]


@ALL
def test_an_array_in_a_list_counts_from_the_next_step(backend: str) -> None:
    found = []
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend)):
        m = Tabled()
        trainer, losses = make(m, nn.cross_entropy, SGD(m.parameters(), 0.1)), []
        for table in (np.array([1.0, 2.0]), np.array([0.3, 2.0])):
            m.tables[0] = table
            losses += [trainer.step(X, Y) for _ in range(4)]
        found.append(losses)
    assert found[1] == pytest.approx(found[0], rel=1e-10)


@ALL
def test_a_function_is_looked_at_again_after_any_announcement(backend: str) -> None:
    """It may read attributes of whatever module it knows."""
    found = []
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend)):
        m, unrelated = Flagged(), nn.Module()
        trainer, losses = make(lambda x, m=m: m(x), nn.cross_entropy, SGD(m.parameters(), 0.1)), []
        for owner, name, number in ((unrelated, "x", 0.0), (unrelated, "x", 1.0), (m, "scale", 3.0)):
            setattr(owner, name, number)
            losses += [trainer.step(X, Y) for _ in range(4)]
        found.append(losses)
    assert found[1] == pytest.approx(found[0], rel=1e-10)


class Named(nn.Module):
    """A model whose outputs have names."""

    def __init__(self) -> None:
        self.net = model()

    def __call__(self, x: Any) -> Any:
        first, *others = self.net(x)
        return {"size": first, "logits": others}


def _of_both(outputs: Any, labels: Any) -> Any:
    size = nn.mse([output["size"] for output in outputs], labels)
    return size + nn.cross_entropy([output["logits"] for output in outputs], [0] * len(labels))


@ALL
def test_outputs_by_name(backend: str) -> None:
    found = []
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend)):
        m = Named()
        trainer = make(m, _of_both, SGD(m.parameters(), 0.1))
        found.append([*[trainer.step(X, Y) for _ in range(4)], *data(m)])
    assert found[1] == pytest.approx(found[0], rel=1e-10)


def test_the_bounds_of_clipping_are_read_and_set() -> None:
    m = model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.1), backend="python", clip_value=0.5)
    assert (trainer.clip_norm, trainer.clip_value) == (None, 0.5)
    with pytest.raises(ValueError, match="two ways to clip"):
        trainer.clip_norm = 1.0
    with pytest.raises(ValueError, match="clip_value must be"):
        trainer.clip_value = -1.0
    assert (trainer.clip_norm, trainer.clip_value) == (None, 0.5)
    trainer.clip_value = None
    trainer.clip_norm = 1.0
    assert (trainer.clip_norm, trainer.clip_value) == (1.0, None)


FACTOR = 1.0
FACTORS = {"rows": [[1.0]]}


@ALL
@pytest.mark.parametrize("far", [False, True])
def test_what_changes_before_each_epoch_with_a_smaller_last_batch(
    backend: str, far: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How the loss weighs the last batch is read off another trace, which may be the first to see the change."""

    def loss(outputs: Any, labels: Any) -> Any:
        return nn.mse(outputs, labels) * (FACTORS["rows"][0][0] if far else FACTOR)

    samples, labels = X[:5], X[:5, 0]
    model, same = (MLP(4, [3, 1], activation="tanh", seed=1) for _ in range(2))
    trainer = Trainer(model, loss, SGD(model.parameters(), lr=0.1), backend)
    step = EagerStep(same, loss, SGD(same.parameters(), lr=0.1))
    for factor in (1.0, 2.0, 3.0, 0.5, 2.0):
        monkeypatch.setitem(globals(), "FACTOR", factor)
        monkeypatch.setitem(FACTORS, "rows", [[factor]])
        expected = [step(samples[k : k + 2].tolist(), labels[k : k + 2].tolist()) for k in (0, 2, 4)]
        assert trainer.epoch(samples, labels, 2, shuffle=False) == pytest.approx(expected, rel=1e-9)


class Accumulating(SGD):
    """Forgets half of the gradient before each step, where the others forget all of it."""

    def zero_grad(self) -> None:
        for p in self.params:
            p.grad *= 0.5


@ALL
def test_a_zero_grad_of_its_own_decides(backend: str) -> None:
    found = []
    for choice in ("eager", backend):
        m = model()
        optimizer = Accumulating(m.parameters(), 0.05)
        step: Any = EagerStep(m, nn.cross_entropy, optimizer)
        if choice != "eager":
            step = Trainer(m, nn.cross_entropy, optimizer, choice)
        losses = [step(X, Y) if choice != "eager" else step(X.tolist(), Y.tolist()) for _ in range(4)]
        found.append([*losses, *data(m), *[p.grad for p in m.parameters()]])
    assert found[1] == pytest.approx(found[0], rel=1e-9, abs=1e-13)


@ALL
def test_a_network_that_is_lent_is_looked_at_without_its_weights(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 100,000 parameters on a step after a change of the model was refused: too many objects to watch."""
    monkeypatch.setattr("engine.compiler.frontend.reads.walk._MOST", 500)
    found = []
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend)):
        m = MLP(4, [100, 10, 3], activation="tanh", seed=7)  # 1,543 parameters
        trainer = make(m, nn.cross_entropy, SGD(m.parameters(), 0.1))
        losses = [trainer.step(X, Y)]
        for neuron in m.layers[0].neurons:
            neuron.activation = relu
        found.append([*losses, trainer.step(X, Y)])
    assert found[1] == pytest.approx(found[0], rel=1e-9)
