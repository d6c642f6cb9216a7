"""Optimisers of one's own: their rules, steps and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import TraceError, where
from nn import MLP, SGD, EagerStep, Optimizer, Trainer
from tests.needs import INSTALLED
from tests.nn.optimisers.examples import RMSprop

from .reference import ALL, Eager, X, Y, data, model


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


OWN: dict[str, Callable[[Any], Optimizer]] = {
    "rmsprop": lambda p: RMSprop(p, 0.01),
    "rmsprop momentum": lambda p: RMSprop(p, 0.01, momentum=0.5, alpha=0.9),
    "lion": lambda p: Lion(p, 0.01),
}


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
        for limit, value in clip.items():
            setattr(trainer, limit, value)
        found.append([*[trainer.step(X, Y) for _ in range(4)], *data(m)])
    assert found[1] == pytest.approx(found[0], rel=1e-9 if dtype == "float64" else 1e-4, abs=1e-6)


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
    optimizer.step = lambda: calls.append(1)
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
    Shared.rule = staticmethod(lambda p, g, s: p - s.lr * 2 * g)
    assert [moved() for _ in range(4)] == pytest.approx([2.0] * 4)


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
