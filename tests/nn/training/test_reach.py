"""Parameters that nobody trains, parts that the loss never reads, and numbers that left the graph are told of."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import engine
import nn
from engine import TraceError, Value, maximum
from tests.needs import needs

X, Y = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.5, 1.0, 2.0]

Make = Callable[[Any, Any, Any], Callable[[Any, Any], Any]]
STEPS: dict[str, Make] = {
    "fit": lambda *what: lambda X, y: nn.fit(what[0], X, y, *what[1:], epochs=1),
    "fit, eager": lambda *what: lambda X, y: nn.fit(what[0], X, y, *what[1:], epochs=1, backend="eager"),
    "fit, eager, of arrays": lambda *what: lambda X, y: STEPS["fit, eager"](*what)(*map(needs("numpy").array, (X, y))),
    "Trainer": lambda *what: nn.Trainer(*what, backend="python").step,
    "EagerStep": nn.EagerStep,
    "EagerStep, of one sample": lambda *what: lambda X, y: nn.EagerStep(*what)(X[:1], y[:1]),
}
every_step = pytest.mark.parametrize("make", STEPS.values(), ids=STEPS)
eager_step = pytest.mark.parametrize(
    "name", ["fit, eager", "fit, eager, of arrays", "EagerStep", "EagerStep, of one sample"]
)


class Pair:
    """No module, as a newcomer may write it."""

    def __init__(self) -> None:
        self.left, self.right = Value(0.3), Value(0.1)


class Four:
    def __init__(self) -> None:
        self.a, self.b, self.c, self.d = map(Value, (0.1, 0.2, 0.3, 0.4))


OFFSET = Value(0.25)


class Base(nn.Module):
    """A layer, and what subclasses do with its outputs."""

    def __init__(self, part: Any = None) -> None:
        self.inner, self.part = nn.Layer(2, 2, "tanh", seed=0), part

    def __call__(self, x: Any) -> Any:
        return self.end(self.inner(x))

    def end(self, h: Any) -> Any:
        return h[0] + h[1]


class OfObject(Base):
    def end(self, h: Any) -> Any:
        return self.part.left * h[0] + self.part.right * h[1]


class OfFour(Base):
    def end(self, h: Any) -> Any:
        return self.part.a * h[0] + self.part.b * h[1] + self.part.c + self.part.d


class OfSet(Base):
    def end(self, h: Any) -> Any:
        return sum(w * h[0] for w in self.part) + h[1]


class OfFunction(Base):
    def end(self, h: Any) -> Any:
        return self.part(h)


class OfGlobal(Base):
    def end(self, h: Any) -> Any:
        return h[0] + h[1] + OFFSET


def closure() -> Callable[[Any], Any]:
    slope = Value(0.2)
    return lambda h: h[0] + slope * h[1]


STRAYS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "object": (lambda: OfObject(Pair()), r"OfObject computes with 2 parameters .* \(part.left, part.right\)"),
    "several": (lambda: OfFour(Four()), r"with 4 parameters .* \(part.a, part.b, part.c, \.\.\.\)"),
    "set": (lambda: OfSet({Value(0.1)}), r"with 1 parameter .* \(part\)"),
    "closure": (lambda: OfFunction(closure()), r"with 1 parameter .* \(part.slope\)"),
    "method": (lambda: OfFunction(OfObject(Pair()).end), r"with 2 parameters .* \(part.part.left, part.part.right\)"),
    "global": (lambda: OfGlobal(), r"with 1 parameter .* \(OFFSET\)"),
    "detached": (lambda: OfSet([Value(0.1).detach()]), r"with 1 parameter .* \(part\)"),
}


@every_step
@pytest.mark.parametrize(("of", "told"), STRAYS.values(), ids=STRAYS)
def test_what_the_model_reads_and_nobody_holds(of: Callable[[], nn.Module], told: str, make: Make) -> None:
    """It kept its number through all epochs, and nothing said so."""
    model, remedy = of(), "keep them in attributes"
    if of is STRAYS["detached"][0]:
        remedy = r"Value\(x.data\) makes a parameter from what detach\(\) or no_grad\(\) gave"
    with pytest.warns(UserWarning, match=told + f", and nothing trains or saves them: {remedy}") as found:
        make(model, nn.mse, nn.SGD(model.parameters(), lr=0.1))(X, Y)
    assert len(found) == 1


class Tempered(nn.Module):
    """A loss with a temperature that is to be learned."""

    def __init__(self, temperature: Any) -> None:
        self.temperature = temperature

    def __call__(self, outputs: Any, labels: Any) -> Any:
        return nn.mse([output * self.temperature for output in outputs], labels)


class Lazy(Tempered):
    """Makes it in the first call."""

    def __call__(self, outputs: Any, labels: Any) -> Any:
        if self.temperature is None:
            self.temperature = Value(1.0)
        return super().__call__(outputs, labels)


class OfOne(Tempered):
    """Of one sample."""

    def __call__(self, output: Any, label: Any) -> Any:
        return engine.square(output * self.temperature - label)


class Task(nn.Module):
    """Has a loss, and cannot be called itself."""

    def __init__(self) -> None:
        self.temperature = Value(1.0)

    def loss(self, outputs: Any, labels: Any) -> Any:
        return nn.mse([output * self.temperature for output in outputs], labels)


def called_by_another() -> Any:
    tempered = Tempered(Value(1.0))
    return lambda outputs, labels: tempered(outputs, labels) + 0.1 * tempered(outputs, labels)


LOSSES: dict[str, Callable[[], Any]] = {
    "module": lambda: Tempered(Value(1.0)),
    "made in the first call": lambda: Lazy(None),
    "of one sample": lambda: nn.per_sample(OfOne(Value(1.0))),
    "method": lambda: Task().loss,
    "partial": lambda: partial(Tempered.__call__, Tempered(Value(1.0))),
    "called by a function": called_by_another,
}


@every_step
@pytest.mark.parametrize("of", LOSSES.values(), ids=LOSSES)
def test_parameters_of_the_loss_that_nobody_trains(of: Callable[[], Any], make: Make) -> None:
    """They stayed as they were, and nothing said so."""
    model = Base()
    told = r"the loss computes with 1 parameter of its own \(temperature\) that no optimiser has, .*model.loss = loss"
    with pytest.warns(UserWarning, match=told) as found:
        make(model, of(), nn.SGD(model.parameters(), lr=0.1))(X, Y)
    assert len(found) == 1
    assert found[0].filename == __file__


@every_step
def test_those_that_somebody_trains(make: Make) -> None:
    alone, loss, model = Base(), Tempered(Value(1.0)), Base(Tempered(Value(1.0)))
    for step in (
        make(alone, loss, nn.SGD([*alone.parameters(), *loss.parameters()], lr=0.1)),
        make(model, model.part, nn.SGD(model.parameters(), lr=0.1)),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            step(X, Y)
    assert loss.temperature.data == model.part.temperature.data != 1.0


@every_step
def test_they_are_none_of_a_part_that_was_replaced(make: Make) -> None:
    """A frozen layer beside them looked like one that is no longer there."""
    model, loss = nn.MLP(2, [3, 1], seed=0), OfOne(Value(1.0))
    batch_loss = nn.per_sample(lambda output, label: loss(output[0], label))
    step = make(model, batch_loss, nn.SGD([*model.layers[1].parameters(), *loss.parameters()], lr=0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(X, Y)


class Judge(nn.Module):
    """The opponent in a conditional game: it sees what the sample belongs to."""

    def __init__(self) -> None:
        self.inner = nn.MLP(2, [2, 1], seed=0)

    def __call__(self, output: Any, label: Any) -> Any:
        return self.inner([output, label])


class OfPair(nn.Module):
    """The same as a network, which is called with one argument."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def __call__(self, pair: Any) -> Any:
        return self.judge(*pair)


@every_step
def test_those_of_an_opponent(make: Make) -> None:
    """What another optimiser has is trained in turns; what is to stay may be told so."""
    model, judge, fixed = Base(), Judge(), OfPair(Judge())
    ones = [1.0] * len(Y)

    def in_a_game(outputs: Any, labels: Any) -> Any:
        return nn.mse([judge(*pair) for pair in zip(outputs, labels)], ones[: len(outputs)])

    def beside_a_fixed_one(outputs: Any, labels: Any) -> Any:
        return nn.mse([fixed(pair) for pair in zip(outputs, labels)], ones[: len(outputs)])

    def step(loss: Any) -> None:
        make(model, loss, nn.SGD(model.parameters(), lr=0.1))(X, Y)

    with pytest.warns(UserWarning, match=r"the loss computes with 9 parameters .*called with one argument") as found:
        step(in_a_game)
    assert len(found) == 1
    opponents = nn.SGD(judge.parameters(), lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(in_a_game)
        step(beside_a_fixed_one)
    del opponents
    with pytest.warns(UserWarning, match=r"the loss computes with 9 parameters"):
        step(in_a_game)


def test_dropout_hides_none_of_them() -> None:
    class Masked(OfObject):
        def __init__(self) -> None:
            super().__init__(Pair())
            self.dropout = nn.Dropout(0.5, seed=1)

        def __call__(self, x: Any) -> Any:
            return self.end(self.dropout(self.inner(x)))

    for backend in ("auto", "eager"):
        model = Masked()
        with pytest.warns(UserWarning, match=r"\(part.left, part.right\)"):
            nn.fit(model, X, Y, nn.mse, nn.SGD(model.parameters(), lr=0.1), epochs=1, backend=backend)


class Reading(OfObject):
    """Reads the number of its sample, so that nothing can be traced."""

    def __call__(self, x: Any) -> Any:
        return super().__call__([float(v) for v in x])


def test_where_nothing_is_traced_two_samples_tell_of_them() -> None:
    """What a single one has read may have been made for it alone."""
    model = Reading(Pair())
    with pytest.warns(UserWarning, match=r"computes with 2 parameters .* \(part.left, part.right\)"):
        STEPS["EagerStep"](model, nn.mse, nn.SGD(model.parameters(), lr=0.1))(X[:2], Y[:2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        STEPS["EagerStep, of one sample"](model, nn.mse, nn.SGD(model.parameters(), lr=0.1))(X, Y)


@pytest.mark.parametrize("name", ["object", "set", "closure", "method"])
def test_a_file_without_them_is_told_of(name: str, tmp_path: Path) -> None:
    """With an optimiser that had them they were trained, and after `nn.load` they were what they had been at first."""
    model = STRAYS[name][0]()
    model.data, model.trainer = [[0.5] * 9], nn.Trainer(model, nn.mse, nn.SGD(model.parameters(), lr=0.1))
    with pytest.warns(
        UserWarning, match=r"the file leaves out [12] Values? of \w+ \(part.*: parameters are in attributes"
    ):
        nn.save(model, tmp_path / "model.json")
    whole = Base({"a": [Value(1.0)], "b": (nn.Layer(2, 2),)})
    whole.trainer = nn.Trainer(whole, nn.mse, nn.SGD(whole.parameters(), lr=0.1))
    whole.last = whole(X[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.predict(whole, X)
        nn.save(whole, tmp_path / "model.json")


class Proxy:
    """Raises when it is looked at, as those of some libraries outside of a request."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("nothing is bound")

    @__class__.setter
    def __class__(self, kind: Any) -> None:
        raise RuntimeError("nothing is bound")


def test_objects_that_cannot_be_looked_at(tmp_path: Path) -> None:
    def late() -> Value:
        return later

    model = OfObject(Pair())
    model.late, model.part.proxy = late, Proxy()
    with pytest.warns(UserWarning, match=r"\(part.left, part.right\)"):
        nn.save(model, tmp_path / "model.json")
    later = Value(1.0)
    with pytest.warns(UserWarning, match=r"\(part.left, part.right, late.later\)"):
        nn.save(model, tmp_path / "model.json")


class Unused(Base):
    """Has a layer and an offset that it never uses; of a table it uses what a sample is long enough for."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten, self.offset = [nn.Layer(2, 2, seed=1)], Value(0.0)
        self.blocks = [nn.Layer(2, 2, "tanh", seed=2), nn.Layer(2, 2, "tanh", seed=3)]
        self.table = [Value(0.1 * k) for k in range(5)]

    def end(self, h: Any) -> Any:
        return sum(w * v for w, v in zip(self.table, self.blocks[0](h)))


@every_step
def test_parts_that_the_loss_never_reads(make: Make) -> None:
    model = Unused()
    told = r"on parts of Unused \(forgotten, offset, blocks.1\), 13 parameters that the optimiser has: they stay"
    with pytest.warns(UserWarning, match=told) as found:
        make(model, nn.mse, nn.SGD(model.parameters(), lr=0.1))(X, Y)
    assert len(found) == 1
    frozen = {*model.forgotten[0].parameters(), *model.blocks[1].parameters(), model.offset}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(model, nn.mse, nn.SGD([p for p in model.parameters() if p not in frozen], lr=0.1))(X, Y)


class Cut(nn.Module):
    """Two layers with a function between them."""

    def __init__(self, between: Callable[[Any], Any]) -> None:
        self.first, self.between = nn.Layer(2, 3, "identity", seed=0), between
        self.last = nn.Layer(3, 1, "identity", seed=1)

    def __call__(self, x: Any) -> Any:
        return self.last([self.between(v) for v in self.first(x)])


class Scaled(Base):
    """Reads one of its parameters by its number."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = Value(1.0)

    def end(self, h: Any) -> Any:
        return h[0] * math.exp(self.scale.data)


class OneSided(Base):
    """Follows the number of a parameter to one side of 0 only."""

    def __init__(self, limit: Callable[[float, float], float]) -> None:
        super().__init__()
        self.limit, self.scale = limit, Value(0.0)

    def end(self, h: Any) -> Any:
        return h[0] * (1.0 + self.limit(self.scale.data, 0.0))


CUTS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "math": (
        lambda: Cut(math.tanh),
        r"depend on 9 parameters \(first\) by their plain numbers alone.*test_reach.py:\d+",
    ),
    "data": (lambda: Cut(lambda v: v.data), r"depend on 9 parameters \(first\) by .*the data of .* was read"),
    "float": (lambda: Cut(float), r"depend on 9 parameters \(first\)"),
    "parameter": (Scaled, r"depend on 1 parameter \(scale\)"),
    "upwards": (lambda: OneSided(max), r"depend on 1 parameter \(scale\)"),
    "downwards": (lambda: OneSided(min), r"depend on 1 parameter \(scale\)"),
}


@eager_step
@pytest.mark.parametrize(("of", "told"), CUTS.values(), ids=CUTS)
def test_layers_that_are_cut_off_by_their_numbers(of: Callable[[], nn.Module], told: str, name: str) -> None:
    """Only the last layer was trained, and in eager steps nothing said so."""
    model = of()
    before = [p.data for p in model.parameters()]
    step = STEPS[name](model, nn.mse, nn.SGD(model.parameters(), lr=0.0))
    with pytest.warns(UserWarning, match=told) as found:
        step(X, Y)
    assert [p.data for p in model.parameters()] == before
    assert len(found) == 1


@eager_step
def test_they_are_told_of_where_samples_are_none_of_numbers(name: str) -> None:
    class OfDict(Cut):
        def __call__(self, x: Any) -> Any:
            return super().__call__(x["row"])

    model, samples = OfDict(math.tanh), [{"row": x} for x in X]
    with pytest.warns(UserWarning, match=r"9 parameters \(first\) .* leave the graph\. Compute with"):
        STEPS[name](model, nn.mse, nn.SGD(model.parameters(), lr=0.1))(samples, Y)


def test_and_in_a_plain_function() -> None:
    first, last = nn.Layer(2, 3, seed=0), nn.Layer(3, 1, "identity", seed=1)
    optimizer = nn.SGD([*first.parameters(), *last.parameters()], lr=0.1)
    with pytest.warns(UserWarning, match="the outputs depend on 9 parameters by their plain numbers alone"):
        nn.EagerStep(lambda x: last([float(v) for v in first(x)]), nn.mse, optimizer)(X, Y)


# ---- and nobody else is ----


class Branching(Base):
    """One of two parts for a sample, by its number."""

    def __init__(self) -> None:
        super().__init__()
        self.other = nn.Layer(2, 2, "tanh", seed=1)

    def __call__(self, x: Any) -> Any:
        return self.end(self.inner(x) if float(x[1]) >= 0.0 else self.other(x))


class Rows(nn.Module):
    """Looks rows of its own up, by a plain index."""

    def __init__(self) -> None:
        self.rows = [[Value(0.1 * k), Value(0.2 * k)] for k in range(6)]

    def __call__(self, x: Any) -> Any:
        first, second = self.rows[int(x[0])]
        return first + second * x[1]


class Noisy(Base):
    """Draws random numbers, and leaves a part out by one."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.other, self._random = nn.Layer(2, 2, "tanh", seed=1), random.Random(seed)

    def __call__(self, x: Any) -> Any:
        h = self.inner([v + self._random.gauss(0.0, 0.1) for v in x])
        return self.end(self.other(h) if self._random.random() > 2.0 else h)


class Converting(Base):
    """Makes Values of its samples, and keeps what it computed last to look at it."""

    def __call__(self, x: Any) -> Any:
        h = self.inner([v if isinstance(v, Value) else Value(v) for v in x])
        self.seen = float(h[0])
        return self.end(h) + 2.0 * h[0] * Value(0.5)


class Named(Base):
    """Gives its outputs names; the loss reads one of them."""

    def end(self, h: Any) -> Any:
        return {"read": h[0], "left": h[1]}


def of_one(outputs: Any, labels: Any) -> Any:
    return nn.mse([output["read"] for output in outputs], labels)


class Detached(Cut):
    """Cut off on purpose."""

    def __init__(self) -> None:
        super().__init__(lambda v: v.detach())


def dead() -> nn.Module:
    model = nn.MLP(2, [3, 1], seed=0)
    for neuron in model.layers[0].neurons:
        neuron.b.data = -100.0
    return model


def of_constants() -> nn.Module:
    pair = Pair()
    pair.left, pair.right = engine.Constant(0.3), engine.Constant(0.1)
    return Reading(pair)


COEFFICIENT = Value(0.5)


def of_my_own(outputs: Any, labels: Any) -> Any:
    """With a coefficient that is a Value."""
    return COEFFICIENT * nn.mse(outputs, labels)


def against(opponent: nn.Module) -> Any:
    """A loss with a network that is trained elsewhere, as the discriminator of a GAN."""
    return lambda outputs, labels: nn.mse([opponent([output]) for output in outputs], labels)


class Taught(nn.Module):
    """A loss with a network that it learns from."""

    def __init__(self) -> None:
        self.teacher = nn.MLP(1, [1], seed=0)

    def __call__(self, outputs: Any, labels: Any) -> Any:
        with engine.no_grad():
            targets = [self.teacher([label]) for label in labels]
        return nn.mse([[output] for output in outputs], targets)


MEANT: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    "a teacher in the loss": (Base, Taught()),
    "an opponent in the loss": (Base, against(nn.MLP(1, [1], seed=0))),
    "a number of the loss that is set": (Base, Tempered(Value(1.0).detach())),
    "a coefficient of the loss": (Base, of_my_own),
    "a branch": (Branching, nn.mse),
    "rows that are not in the batch": (Rows, nn.mse),
    **{f"random parts {seed}": (partial(Noisy, seed), nn.mse) for seed in range(3)},  # greater or smaller
    "data made Values": (Converting, nn.mse),
    "constants": (of_constants, nn.mse),
    "an output that the loss leaves out": (Named, of_one),
    "detach()": (Detached, nn.mse),
    "dead relus": (dead, nn.mse),
    "an embedding": (lambda: nn.Sequential(nn.Embedding(9, 2, seed=0), lambda e: e[0][0] + e[1][1]), nn.mse),
    "conditions": (lambda: nn.Sequential(nn.Layer(2, 2, seed=0), lambda h: maximum(*h)), nn.mse),
}


@every_step
@pytest.mark.parametrize(("of", "loss"), MEANT.values(), ids=MEANT)
def test_nothing_is_said_of_what_is_meant(of: Callable[[], nn.Module], loss: Any, make: Make) -> None:
    model = of()
    step = make(model, loss, nn.SGD(model.parameters(), lr=0.1))
    with warnings.catch_warnings(), suppress(TraceError):  # of a Trainer, which compiles or refuses
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", nn.EagerWarning)
        step(X, Y)


@every_step
def test_nor_of_a_frozen_part(make: Make) -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(model, nn.mse, nn.SGD(model.layers[1].parameters(), lr=0.1))(X, Y)


@eager_step
def test_nor_where_other_numbers_are_none_for_the_model(name: str) -> None:
    """Whether its outputs follow a number that may not change cannot be known."""

    class Strict(Base):
        def __init__(self) -> None:
            super().__init__()
            self.scale = Value(1.0)

        def end(self, h: Any) -> Any:
            return h[0] * {1.0: 2.0}[self.scale.data]

    model = Strict()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "the loss does not depend on parts")
        STEPS[name](model, nn.mse, nn.SGD(model.parameters(), lr=0.0))(X, Y)
