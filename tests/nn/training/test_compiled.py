"""Whole training steps in compiled code: the same numbers as the eager loop, for every optimiser and back end."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import TraceError, Value
from nn import MLP, SGD, Adam, AdamW, EagerStep, Optimizer, Trainer
from tests.garbage import collections_in
from tests.needs import INSTALLED, NATIVE, needs

np = needs("numpy")
FAST = pytest.mark.parametrize("backend", INSTALLED[1:])

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(50, 5)), RNG.integers(0, 3, 50)

OPTIMIZERS: dict[str, Callable[[list[Value]], Optimizer]] = {
    "sgd": lambda p: SGD(p, lr=0.2),
    "decay": lambda p: SGD(p, lr=0.2, weight_decay=0.1),
    "momentum": lambda p: SGD(p, lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.01),
    "nesterov": lambda p: SGD(p, lr=0.05, momentum=0.8, nesterov=True),
    "adam": lambda p: Adam(p, lr=0.02, weight_decay=0.05),
    "adamw": lambda p: AdamW(p, lr=0.02, betas=(0.8, 0.95)),
}


class Halving(Optimizer):
    """An optimiser that the compiler knows nothing of."""

    def step(self) -> None:
        for p in self.params:
            p.data -= 0.5 * p.grad


def model() -> MLP:
    return MLP(5, [4, 3], activation="tanh", seed=7)


def data(m: Any) -> list[float]:
    return [p.data for p in m.parameters()]


def eager(optimizer: Callable[[list[Value]], Optimizer]) -> tuple[list[float], list[float]]:
    m = model()
    step = EagerStep(m, nn.cross_entropy, optimizer(m.parameters()))
    losses = [step(X.tolist(), Y.tolist()) for _ in range(3)]
    losses += [step(list(x), list(y)) for x, y in nn.batches(X.tolist(), Y.tolist(), 16, seed=5)]
    losses.append(step(X.tolist(), Y.tolist()))
    return losses, data(m)


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_schedule_is_taken_and_given_up_between_steps(backend: str) -> None:
    def rates(step: int) -> float:
        return 0.1 * (step + 1)

    m, other = model(), model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), lr=0.1), backend)
    step = EagerStep(other, nn.cross_entropy, SGD(other.parameters(), lr=0.1))
    for k, schedule in enumerate((None, rates, rates, None)):
        trainer.schedule = schedule
        assert trainer.schedule is schedule
        if schedule is not None:
            step.optimizer.lr = rates(k)
        assert trainer.step(X, Y) == pytest.approx(step(X.tolist(), Y.tolist()), rel=1e-11)
    assert trainer.optimizer.lr == step.optimizer.lr == pytest.approx(0.3), "the last one that was asked for stays"
    with pytest.raises(TypeError, match=r"schedule must be a function of the step's number, not float 0\.1"):
        trainer.schedule = 0.1


@pytest.mark.parametrize("backend", INSTALLED)
def test_indices_among_the_samples_are_checked_as_labels_are(backend: str) -> None:
    def made() -> Any:
        return nn.Sequential(nn.Embedding(3, 2, seed=1), nn.Layer(2, 3, "identity", seed=2))

    m, other = made(), made()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), lr=0.1), backend)
    step = EagerStep(other, nn.cross_entropy, SGD(other.parameters(), lr=0.1))
    for words, labels in (([0, 1, 1], [2, 0, 1]), ([2, 2, 0], [1, 1, 2]), ([0, 3, 1], [0, 0, 0]), ([0, 1], [0, 3])):
        if 3 in (*words, *labels):
            told = "token 3 is out of range: Embedding" if 3 in words else "class 3 is out of range"
            for make in (trainer.step, step):
                with pytest.raises(IndexError, match=told):
                    make(np.array(words), np.array(labels))
        else:
            assert trainer.step(np.array(words), np.array(labels)) == pytest.approx(step(words, labels), rel=1e-12)
    assert data(m) == pytest.approx(data(other), rel=1e-12)


@FAST
@pytest.mark.parametrize("samples", [1, 3, 10, 50])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 9, 32])
def test_epochs_of_batches_of_any_size(backend: str, samples: int, size: int) -> None:
    """A last batch that is shorter than the others counts its own samples only, in programs for few samples too."""
    m = model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), lr=0.1, momentum=0.9), backend)
    losses = trainer.epoch(X[:samples], Y[:samples], batch_size=size, seed=5)
    expected = model()
    step = EagerStep(expected, nn.cross_entropy, SGD(expected.parameters(), lr=0.1, momentum=0.9))
    batches = nn.batches(X[:samples].tolist(), Y[:samples].tolist(), size, seed=5)
    assert losses == pytest.approx([step(list(x), list(y)) for x, y in batches], rel=1e-11)
    assert data(m) == pytest.approx(data(expected), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("name", [*OPTIMIZERS, "unknown"])
def test_it_trains_like_the_eager_loop(name: str, backend: str) -> None:
    make = OPTIMIZERS.get(name, lambda p: Halving(p, lr=1.0))
    m = model()
    trainer = Trainer(m, nn.cross_entropy, make(m.parameters()), backend=backend)
    losses = [trainer.step(X, Y), *trainer.run(X, Y, steps=2)]
    losses += trainer.epoch(X, Y, batch_size=16, seed=random.Random(5))
    losses.append(trainer.step(X, Y))
    expected, parameters = eager(make)
    assert losses == pytest.approx(expected, rel=1e-11)
    assert data(m) == pytest.approx(parameters, rel=1e-9, abs=1e-12)


@FAST
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_optimisers_memory_goes_in_and_out(name: str, backend: str) -> None:
    def train(steps: list[bool]) -> list[float]:
        """One step after the other: compiled or not."""
        m = model()
        optimizer = OPTIMIZERS[name](m.parameters())
        trainer = Trainer(m, nn.cross_entropy, optimizer, backend=backend)
        step = EagerStep(m, nn.cross_entropy, optimizer)
        for compiled in steps:
            if compiled:
                trainer.step(X, Y)
            else:
                step(X.tolist(), Y.tolist())
        assert (trainer.steps, step.steps, optimizer.steps) == (sum(steps), 5 - sum(steps), 5)
        return data(m)

    reference = train([False] * 5)
    for steps in ([True] * 5, [False, True, True, False, True], [True, False, True, False, False]):
        assert train(steps) == pytest.approx(reference, rel=1e-9, abs=1e-12)


@FAST
def test_only_the_optimisers_parameters_change(backend: str) -> None:
    m = model()
    last = m.layers[1].parameters()
    frozen = [p.data for p in m.layers[0].parameters()]
    trainer = Trainer(m, nn.cross_entropy, Adam(last, lr=0.1, weight_decay=0.1), backend=backend)
    trainer.run(X, Y, steps=5)
    assert [p.data for p in m.layers[0].parameters()] == frozen


@FAST
def test_frozen_parameters_do_not_count_in_the_norm(backend: str) -> None:
    m, other = model(), model()
    Trainer(m, nn.cross_entropy, SGD(m.layers[1].parameters(), lr=1.0), backend=backend, clip_norm=0.1).step(X, Y)
    nn.cross_entropy([other(x) for x in X.tolist()], Y.tolist()).backward()
    last = other.layers[1].parameters()
    norm = math.hypot(*[p.grad for p in last])
    expected = [p.data - p.grad * 0.1 / (norm + 1e-6) for p in last]
    assert [p.data for p in m.layers[1].parameters()] == pytest.approx(expected)


@FAST
def test_changed_samples_are_seen(backend: str) -> None:
    m = model()
    trainer = Trainer(m, nn.mse, SGD(m.parameters(), lr=0.0), backend=backend)
    x, y = X.copy(), RNG.normal(size=(50, 3))
    first = trainer.step(x, y)
    y[:] += 1.0
    second = trainer.step(x, y)
    x[:] = 0.0
    assert len({first, second, trainer.step(x, y)}) == 3


@FAST
def test_a_loss_that_becomes_infinite_leaves_the_parameters(backend: str) -> None:
    m = model()
    trainer = Trainer(m, nn.mse, SGD(m.parameters(), lr=0.1, momentum=0.5), backend=backend)
    y = RNG.normal(size=(50, 3))
    trainer.run(X, y, steps=3)
    before = data(m)
    bad = X.copy()
    bad[7, 2] = math.nan
    with pytest.raises(FloatingPointError, match="lower lr"):
        trainer.step(bad, y)
    assert data(m) == before
    assert math.isfinite(trainer.step(X, y))


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_loss_that_mixes_samples_is_refused(backend: str) -> None:
    m = model()

    def root(outputs: list[Any], labels: list[Any]) -> Any:
        return engine.sqrt(nn.cross_entropy(outputs, labels))

    with pytest.raises(TraceError, match="mixes the 50 samples"):
        Trainer(m, root, SGD(m.parameters(), lr=0.1), backend=backend).step(X, Y)


def test_what_cannot_be_compiled_is_refused() -> None:
    m = model()

    def branching(x: Any) -> Any:
        return m(x) if x[0] > 0 else m(x[::-1])

    with pytest.raises(TraceError, match="where"):
        Trainer(branching, nn.cross_entropy, SGD(m.parameters(), lr=0.1), backend="python").step(X, Y)


@pytest.mark.parametrize(
    ("samples", "labels", "error"),
    [
        (X, Y[:-1], ValueError),
        (X[:, :4], Y, ValueError),
        (X[:0], Y[:0], ValueError),
        (X, Y + 1, IndexError),
        (X, Y + 0.5, ValueError),
        (X, ["a"] * 50, TypeError),
    ],
)
def test_samples_that_do_not_fit(samples: Any, labels: Any, error: type[Exception]) -> None:
    m = model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), lr=0.1))
    with pytest.raises(error):
        trainer.step(samples, labels)
    trainer.step(X, Y)
    with pytest.raises(error):
        trainer.step(samples, labels)


def test_wrong_arguments() -> None:
    m = model()
    with pytest.raises(TypeError, match="Optimizer"):
        Trainer(m, nn.mse, 0.1)
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), lr=0.1), backend="python")
    with pytest.raises(ValueError, match="steps"):
        trainer.run(X, Y, steps=0)
    with pytest.raises(ValueError, match="batch_size"):
        trainer.epoch(X, Y, batch_size=0)


@FAST
def test_an_epoch_is_reproducible_and_may_keep_the_order(backend: str) -> None:
    def losses(**keywords: Any) -> list[float]:
        m = model()
        trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), lr=0.1), backend=backend)
        return trainer.epoch(X, Y, batch_size=16, **keywords)

    assert losses(seed=1) == losses(seed=1) != losses(seed=2)
    assert losses(shuffle=False) == losses(shuffle=False)
    assert len(losses(seed=1)) == 4


def test_a_trainer_explains_its_program() -> None:
    m = model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), lr=0.1), backend="numpy")
    assert trainer.backend == "numpy"
    with pytest.raises(RuntimeError, match="call it once"):
        trainer.explain()
    trainer.step(X, Y)
    assert "matrix products: 4x5, 3x4, 4x3" in trainer.explain()
    assert "add to G0..4: t" in trainer.explain("differentiate")


@NATIVE
def test_two_threads_take_the_same_course(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.compiler.backends.llvm.runtime import cost_model

    monkeypatch.setattr(cost_model, "MARGIN", 0.0)  # share every step, however short
    courses = []
    for threads in (1, 2, 2):
        m = model()
        trainer = Trainer(m, nn.cross_entropy, Adam(m.parameters(), lr=0.05), "llvm", threads=threads)
        losses = [*trainer.run(X, Y, 5), trainer.step(X, Y), *trainer.epoch(X, Y, 20, seed=1), trainer.step(X, Y)]
        history = nn.fit(
            m, X, Y, nn.cross_entropy, SGD(m.parameters(), 0.1), 2, 20, seed=2, backend="llvm", threads=threads
        )
        courses.append([*losses, *history.batch_losses, *data(m)])
    assert courses[1] == courses[2]
    assert courses[1] == pytest.approx(courses[0], rel=1e-10)
    assert "\nthreads     " in trainer.explain()


@FAST
def test_single_precision_learns_too(backend: str) -> None:
    m = model()
    trainer = Trainer(m, nn.cross_entropy, Adam(m.parameters(), lr=0.05), backend=backend, dtype="float32")
    losses = trainer.run(X, Y, steps=40)
    assert losses[-1] < 0.8 * losses[0]
    assert nn.score(m, X.tolist(), Y.tolist(), nn.cross_entropy) < losses[-1] * 1.01


@pytest.mark.parametrize("backend", ["auto", *INSTALLED])
@pytest.mark.parametrize("batch_size", [16, None, 7])
def test_fit_in_compiled_code_takes_the_same_course(backend: str, batch_size: int | None) -> None:
    histories, results = [], []
    for choice in ("eager", backend):
        m = model()
        optimizer = Adam(m.parameters(), lr=0.05)
        histories.append(nn.fit(m, X, Y, nn.cross_entropy, optimizer, 2, batch_size, seed=4, backend=choice))
        results.append(data(m))
    assert histories[1].batch_losses == pytest.approx(histories[0].batch_losses, rel=1e-10)
    assert histories[1].losses == pytest.approx(histories[0].losses, rel=1e-10)
    assert results[1] == pytest.approx(results[0], rel=1e-8, abs=1e-11)
    assert histories[0].backend == "eager"
    assert histories[1].backend.split(";")[0] == (
        backend if backend != "auto" else INSTALLED[-1]
    )  # then: why not better


def test_fit_falls_back_to_eager_steps_and_says_why() -> None:
    m = model()

    def branching(x: Any) -> Any:
        return m(x) if x[0] > 0 else m(x[::-1])

    optimizer = SGD(m.parameters(), lr=0.1)
    with pytest.warns(UserWarning, match="a branch on the truth of a traced value") as caught:
        history = nn.fit(branching, X, Y, nn.cross_entropy, optimizer, epochs=1, backend="auto")
    assert [warning.filename for warning in caught] == [__file__]
    assert history.backend.startswith("eager: a branch on the truth of a traced value")
    assert len(history.losses) == 1
    with pytest.raises(TraceError):
        nn.fit(branching, X, Y, nn.cross_entropy, optimizer, epochs=1, backend="python")
    with pytest.raises(ValueError, match="step of your own"):
        nn.fit(m, X, Y, nn.cross_entropy, optimizer, step=lambda *parts: EagerStep(*parts), backend="python")
    with pytest.raises(ValueError, match="backend"):
        nn.fit(m, X, Y, nn.cross_entropy, optimizer, backend="cuda")
    with pytest.raises(ValueError, match="eager steps run on one thread"):
        nn.fit(m, X, Y, nn.cross_entropy, optimizer, threads=2, backend="eager")
    with pytest.raises(ValueError, match="threads must be at least 1"):
        nn.fit(m, X, Y, nn.cross_entropy, optimizer, threads=0)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("name", ["decay", "momentum", "adam", "adamw", "unknown"])
@pytest.mark.parametrize("clip", [{"clip_norm": 0.2}, {"clip_value": 0.03}, {}])
def test_clipping_and_schedules(name: str, backend: str, clip: dict[str, float]) -> None:
    make = OPTIMIZERS.get(name, lambda p: Halving(p, lr=1.0))

    def schedule(k: int) -> float:
        return 0.1 / (1 + k)

    m = model()
    trainer = Trainer(m, nn.cross_entropy, make(m.parameters()), backend=backend, schedule=schedule, **clip)
    losses = [trainer.step(X, Y), *trainer.run(X, Y, steps=3), trainer.step(X, Y)]
    losses += trainer.epoch(X, Y, batch_size=20, seed=1)
    assert trainer.steps == 8
    assert trainer.optimizer.lr == schedule(7)

    other = model()
    optimizer = make(other.parameters())
    batches = [(X.tolist(), Y.tolist())] * 5 + list(nn.batches(X.tolist(), Y.tolist(), 20, seed=1))
    for k, (x, y) in enumerate(batches):
        optimizer.lr = schedule(k)
        optimizer.zero_grad()
        loss = nn.cross_entropy([other(row) for row in x], y)
        assert loss.data == pytest.approx(losses[k], rel=1e-10)
        loss.backward()
        norm = math.hypot(*[p.grad for p in optimizer.params])
        for p in optimizer.params:
            if "clip_norm" in clip and norm > clip["clip_norm"]:
                p.grad *= clip["clip_norm"] / (norm + 1e-6)
            if "clip_value" in clip:
                p.grad = max(-clip["clip_value"], min(clip["clip_value"], p.grad))
        optimizer.step()
    assert data(m) == pytest.approx(data(other), rel=1e-8, abs=1e-11)


@FAST
@pytest.mark.parametrize("momenta", [(0.0, 0.9, 0.9, 0.0, 0.5), (0.9, 0.9, 0.0), (0.0, 0.0)])
def test_momentum_may_be_turned_on_and_off_in_between(backend: str, momenta: tuple[float, ...]) -> None:
    """Without momentum the velocity stays as it was."""

    def train(compiled: bool) -> list[float]:
        m = model()
        optimizer = SGD(m.parameters(), lr=0.1)
        trainer = Trainer(m, nn.cross_entropy, optimizer, backend=backend)
        step = EagerStep(m, nn.cross_entropy, optimizer)
        for momentum in momenta:
            optimizer.momentum = momentum
            if compiled:
                trainer.run(X, Y, steps=1)
            else:
                step(X.tolist(), Y.tolist())
        return data(m) + optimizer.velocity

    assert train(True) == pytest.approx(train(False), rel=1e-9)


def test_wrong_clipping() -> None:
    m = model()
    optimizer = SGD(m.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="choose one"):
        Trainer(m, nn.mse, optimizer, clip_norm=1.0, clip_value=1.0)
    with pytest.raises(ValueError, match="above 0"):
        Trainer(m, nn.mse, optimizer, clip_norm=0.0)
    with pytest.raises(TypeError, match="clip_value"):
        Trainer(m, nn.mse, optimizer, clip_value="1")
    trainer = Trainer(m, nn.cross_entropy, optimizer, schedule=lambda k: -0.1)
    with pytest.raises(ValueError, match="learning rate"):
        trainer.step(X, Y)


def test_a_trainer_with_eager_steps_is_explained():
    m = nn.MLP(2, [1], seed=1)
    with pytest.raises(ValueError, match=r"eager steps are those of nn.EagerStep"):
        Trainer(m, nn.mse, SGD(m.parameters(), lr=0.1), backend="eager")


def test_a_prepared_batch_shows_what_it_is_and_not_all_its_numbers() -> None:
    model = nn.MLP(2, [3, 2], seed=0)
    trainer = nn.Trainer(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), backend="python")
    assert repr(trainer._made_ready([[1.0, 2.0]] * 1000, [0] * 1000)) == "Batch(size=1000, shapes=((2,), ()))"


def test_a_first_step_collects_no_garbage() -> None:
    """Of a million parameters that were just made, one collection took half of a first step from the cache."""
    model = MLP(5, [40, 3], seed=1)
    trainer = Trainer(model, nn.cross_entropy, SGD(model.parameters(), lr=0.1))
    assert collections_in(lambda: trainer.step(X, Y)) <= 2  # of some hundred
