"""What model and loss read from elsewhere may change between steps and epochs: compiled training follows the eager one.

Each row sets up a model, a loss and what happens; it trains twice from the same numbers.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import threading
import types
import weakref
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

import nn
from engine import Value
from tests.needs import INSTALLED, native_and_another, needs

np = needs("numpy")

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(10, 2)), RNG.normal(size=10)


class Case(NamedTuple):
    """What is trained, and what happens to it."""

    model: Any
    loss: Any
    change: Callable[[Any], Any]  # of the trainer
    parameters: list[Value]


ROWS: dict[str, Callable[[], Case]] = {}


def row(make: Callable[[], Case]) -> Callable[[], Case]:
    ROWS[make.__name__] = make
    return make


def mlp() -> nn.MLP:
    return nn.MLP(2, [3, 1], activation="tanh", seed=5)


def of_loss(loss: Any, change: Callable[[Any], Any]) -> Case:
    model = mlp()
    return Case(model, loss, change, model.parameters())


@row
def the_last_of_many_attributes() -> Case:
    """Hundreds of nanoseconds are not enough to look at them all."""
    settings = types.SimpleNamespace(**{f"k{k}": 0.01 * k for k in range(150)})
    sum_of_all = eval("lambda s: " + " + ".join(f"s.k{k}" for k in range(150)))
    return of_loss(lambda o, y: nn.mse(o, y) * (1 + sum_of_all(settings)), lambda _: setattr(settings, "k149", -50.0))


@row
def classes_that_are_derived_later() -> Case:
    class Term:
        share = 0.5

    kept: list[type] = []  # a class goes when it is collected, at any time

    def loss(o: Any, y: Any) -> Any:
        return nn.mse(o, y) * (Term.share + sum(kind.share for kind in Term.__subclasses__()))

    return of_loss(loss, lambda _: kept.append(type("Another", (Term,), {"share": 3.0})))


class Shares:
    """Two shares, which are read under names that are computed."""

    k0, k1 = 0.1, 0.2

    def loss(self, o: Any, y: Any) -> Any:
        return nn.mse(o, y) * sum(getattr(self, f"k{k}") for k in range(2))


@row
def an_attribute_of_a_class_under_a_computed_name() -> Case:
    kind = type("Own", (Shares,), {"k0": 0.5})
    return of_loss(kind().loss, lambda _: setattr(kind, "k0", 3.0))


@row
def an_attribute_that_hides_that_of_the_class() -> Case:
    shares = Shares()
    return of_loss(shares.loss, lambda _: setattr(shares, "k1", 3.0))


@row
def how_many_attributes_there_are() -> Case:
    shares = types.SimpleNamespace(first=0.1)
    return of_loss(lambda o, y: nn.mse(o, y) * len(vars(shares)), lambda _: setattr(shares, "second", 0.2))


@row
def a_decimal_in_an_object() -> Case:
    """The context of `decimal`, which is watched besides, takes as long as ten names."""
    settings = types.SimpleNamespace(share=Decimal("0.1"))
    return of_loss(lambda o, y: nn.mse(o, y) * settings.share, lambda _: setattr(settings, "share", Decimal("0.7")))


@row
def a_number_in_a_dict() -> Case:
    options = {"share": 0.1}
    return of_loss(lambda o, y: nn.mse(o, y) * options["share"], lambda _: options.update(share=3.0))


@row
def a_number_in_a_dict_of_dicts() -> Case:
    options = {"loss": {"share": 0.1}}
    return of_loss(lambda o, y: nn.mse(o, y) * options["loss"]["share"], lambda _: options["loss"].update(share=3.0))


@row
def a_number_in_a_list() -> Case:
    share = [0.1]
    return of_loss(lambda o, y: nn.mse(o, y) * share[0], lambda _: share.__setitem__(0, 3.0))


@row
def the_last_of_many_containers() -> Case:
    lists, shares, last = [[1.0] * 5 for _ in range(4)], {"a": 1.0, "b": 2.0}, {1.0, 2.0}
    first, second, third, fourth = lists
    array = np.array([1.0, 2.0])

    def loss(o: Any, y: Any) -> Any:
        weight = sum(first) + sum(second) + sum(third) + sum(fourth) + shares["a"] + float(array[0]) + sum(last)
        return nn.mse(o, y) * weight / 100

    return of_loss(loss, lambda _: (last.add(70.0), fourth.append(50.0), array.__setitem__(0, 9.0)))


@row
def an_array() -> Case:
    shares = np.array([0.1, 1.0])
    return of_loss(lambda o, y: nn.mse(o, y) * float(shares[0]), lambda _: shares.__setitem__(0, 3.0))


@row
def a_number_in_a_closure() -> Case:
    share = 0.1

    def change(_: Any) -> None:
        nonlocal share
        share = 3.0

    return of_loss(lambda o, y: nn.mse(o, y) * share, change)


_share = 0.1


@row
def a_global() -> Case:
    globals()["_share"] = 0.1
    return of_loss(lambda o, y: nn.mse(o, y) * _share, lambda _: globals().update(_share=3.0))


@row
def mean_becomes_sum() -> Case:
    """Which one sample does not tell."""
    options = {"reduction": "mean"}
    return of_loss(lambda o, y: nn.mse(o, y, options["reduction"]) + 0.1, lambda _: options.update(reduction="sum"))


@row
def a_penalty_of_a_sum() -> Case:
    model, options = mlp(), {"decay": 0.1}

    def loss(o: Any, y: Any) -> Any:
        return nn.mse(o, y, "sum") + options["decay"] * sum([p * p for p in model.parameters()])

    return Case(model, loss, lambda _: options.update(decay=2.0), model.parameters())


@dataclasses.dataclass
class Options:
    share: float = 0.1


@dataclasses.dataclass(frozen=True)
class Fixed:
    share: float = 0.1


@row
def a_frozen_dataclass_that_is_replaced() -> Case:
    """What its generated methods hold is looked at after what the loss names."""
    options = types.SimpleNamespace(fixed=Fixed())

    def change(_: Any) -> None:
        options.fixed = dataclasses.replace(options.fixed, share=3.0)

    return of_loss(lambda o, y: nn.mse(o, y) * options.fixed.share, change)


@row
def an_object_in_a_dict_of_weak_values() -> Case:
    """Which the loss has itself too: else it might be gone later, and that is refused."""
    options = Options()
    known, held = weakref.WeakValueDictionary({"options": options}), [options]
    return of_loss(
        lambda o, y: nn.mse(o, y) * (known["options"].share if held else 0.0),
        lambda _: setattr(options, "share", 3.0),
    )


@row
def a_module_that_computes_its_attributes() -> Case:
    """By a `__getattr__` of its own, as PEP 562 has it, which knows no `__file__`."""
    module, shares = types.ModuleType("computed"), {"share": 0.1}
    vars(module)["__getattr__"] = lambda name: shares[name]
    return of_loss(lambda o, y: nn.mse(o, y) * module.share, lambda _: shares.update(share=3.0))


@row
def a_dataclass() -> Case:
    options = Options()
    return of_loss(lambda o, y: nn.mse(o, y) * options.share, lambda _: setattr(options, "share", 3.0))


class Weighted:
    def __init__(self) -> None:
        self.share = 0.1

    def __call__(self, o: Any, y: Any) -> Any:
        return nn.mse(o, y) * self.share


@row
def an_attribute_of_the_loss() -> Case:
    loss = Weighted()
    return of_loss(loss, lambda _: setattr(loss, "share", 3.0))


@row
def numbers_of_a_model_that_is_a_function() -> Case:
    w, scale = [Value(0.5), Value(0.2)], [1.0]
    return Case(lambda x: [scale[0] * (w[0] * x[0] + w[1] * x[1])], nn.mse, lambda _: scale.__setitem__(0, 4.0), w)


@row
def weights_of_an_average() -> Case:
    model = mlp()
    average = [p.data for p in model.parameters()]

    def loss(o: Any, y: Any) -> Any:
        return nn.mse(o, y) + 0.1 * sum([(p - a) ** 2 for p, a in zip(model.parameters(), average)])

    def change(_: Any) -> None:
        average[:] = [p.data for p in model.parameters()]

    return Case(model, loss, change, model.parameters())


@row
def another_loss() -> Case:
    return of_loss(nn.mse, lambda trainer: setattr(trainer, "loss", nn.mae))


@row
def another_model() -> Case:
    model, other = mlp(), nn.MLP(2, [3, 1], activation="tanh", seed=6)
    return Case(
        model, nn.mse, lambda trainer: setattr(trainer, "model", other), model.parameters() + other.parameters()
    )


class Table(nn.Module):
    def __init__(self) -> None:
        self.of_values = {"w": Value(0.5), "b": Value(0.1)}
        self.array, self.deep = np.array([1.0, 2.0]), (0.5, {"scale": [2.0]})

    def __call__(self, x: Any) -> Any:
        w, b = self.of_values["w"], self.of_values["b"]
        return [(w * x[0] + b * x[1]) * float(self.array[0]) * self.deep[1]["scale"][0]]


def of_table(change: Callable[[Table], Any]) -> Case:
    model = Table()
    return Case(model, nn.mse, lambda _: change(model), model.parameters())


@row
def entries_of_a_dict_exchanged() -> Case:
    def change(model: Table) -> None:
        model.of_values["w"], model.of_values["b"] = model.of_values["b"], model.of_values["w"]

    return of_table(change)


@row
def an_array_of_a_module() -> Case:
    return of_table(lambda model: model.array.__setitem__(0, 3.0))


@row
def numbers_deep_in_a_module() -> Case:
    return of_table(lambda model: model.deep[1]["scale"].__setitem__(0, 3.0))


def weights_exchanged(model: Any) -> None:
    w = model.layers[0].neurons[0].w
    w[0], w[1] = w[1], w[0]


@row
def weights_of_a_small_network_exchanged() -> Case:
    model = mlp()
    return Case(model, nn.mse, lambda _: weights_exchanged(model), model.parameters())


@row
def a_map_of_maps() -> Case:
    below, above = {"share": 0.1}, dict[str, float]()
    options = collections.ChainMap(above, below)
    return of_loss(lambda o, y: nn.mse(o, y) * options["share"], lambda _: above.update(share=3.0))


@row
def what_a_thread_has_for_itself() -> Case:
    options = threading.local()
    options.share = 0.1
    return of_loss(lambda o, y: nn.mse(o, y) * options.share, lambda _: setattr(options, "share", 3.0))


@row
def a_descriptor() -> Case:
    class Share:
        number = 0.1

        def __get__(self, instance: Any, kind: Any) -> float:
            return self.number

    class Settings:
        share = Share()

    options = Settings()
    return of_loss(lambda o, y: nn.mse(o, y) * options.share, lambda _: setattr(vars(Settings)["share"], "number", 3.0))


@row
def a_function_for_one_class_more() -> Case:
    @functools.singledispatch
    def share(of: Any) -> float:
        return 0.1

    return of_loss(lambda o, y: nn.mse(o, y) * share(1.0), lambda _: share.register(float, lambda of: 3.0))


@row
def a_function_of_an_installed_package() -> Case:
    package = types.ModuleType("package_of_a_test")
    package.__file__ = "/lib/site-packages/package_of_a_test.py"
    package.share = lambda: 0.1
    return of_loss(lambda o, y: nn.mse(o, y) * package.share(), lambda _: setattr(package, "share", lambda: 3.0))


@row
def a_number_three_calls_down() -> Case:
    table = {"deep": {"share": [0.1]}}

    def read() -> float:
        return table["deep"]["share"][0]

    def between() -> float:
        return read()

    return of_loss(lambda o, y: nn.mse(o, y) * between(), lambda _: table["deep"]["share"].__setitem__(0, 3.0))


def eager_step(case: Case, optimizer: Any) -> Any:
    """A Trainer's step in eager code, with attributes to be set."""
    trainer = types.SimpleNamespace(model=case.model, loss=case.loss)
    trainer.step = lambda X, y: nn.EagerStep(trainer.model, trainer.loss, optimizer)(X.tolist(), y.tolist())
    return trainer


@pytest.mark.parametrize(("name", "backend"), native_and_another(ROWS))
def test_what_is_read_from_elsewhere_counts_from_the_next_step(name: str, backend: str) -> None:
    def course(choice: str) -> list[float]:
        case = ROWS[name]()
        optimizer = nn.SGD(case.parameters, lr=0.02)
        trainer = (
            eager_step(case, optimizer)
            if choice == "eager"
            else nn.Trainer(case.model, case.loss, optimizer, backend=choice)
        )
        losses = []
        for _ in range(2):
            losses += [trainer.step(X, Y) for _ in range(3)]
            case.change(trainer)
        return [*losses, trainer.step(X, Y), *[p.data for p in case.parameters], *[p.grad for p in case.parameters]]

    assert course(backend) == pytest.approx(course("eager"), rel=1e-9, abs=1e-12)


FIT = [name for name in ROWS if name not in ("another_loss", "another_model")]


@pytest.mark.parametrize(("name", "backend"), native_and_another(FIT))
def test_what_a_callback_changes_counts_from_the_next_epoch(name: str, backend: str) -> None:
    def course(choice: str) -> list[float]:
        case = ROWS[name]()

        def callback(model: Any, history: nn.History, epoch: int) -> None:
            case.change(None)

        optimizer = nn.SGD(case.parameters, lr=0.02)
        history = nn.fit(case.model, X, Y, case.loss, optimizer, 3, 4, seed=1, backend=choice, callbacks=[callback])
        assert history.backend.split(";")[0] == choice
        return [*history.batch_losses, *[p.data for p in case.parameters]]

    assert course(backend) == pytest.approx(course("eager"), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("backend", INSTALLED)
def test_calls_of_layers_that_are_replaced_in_their_class(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As users do who want to look at all layers."""

    def course(choice: str) -> list[float]:
        model = nn.Sequential(nn.Layer(2, 3, "tanh", seed=1), nn.Layer(3, 1, "identity", seed=2))
        optimizer = nn.SGD(model.parameters(), lr=0.05)
        case = Case(model, nn.mse, lambda _: None, model.parameters())
        trainer = eager_step(case, optimizer) if choice == "eager" else nn.Trainer(model, nn.mse, optimizer, choice)
        losses = [trainer.step(X, Y) for _ in range(3)]
        before = nn.Layer.__call__
        with monkeypatch.context() as patch:
            patch.setattr(nn.Layer, "__call__", lambda self, x: [0.5 * y for y in before(self, x)])
            losses += [trainer.step(X, Y) for _ in range(3)]
        return [*losses, trainer.step(X, Y)]

    assert course(backend) == pytest.approx(course("eager"), rel=1e-9)


class Line(nn.Module):
    def __init__(self) -> None:
        self.slope = Value(1.0)

    def __call__(self, x: Any) -> Any:
        return self.slope * x[0]


class Scaled(nn.Module):
    def __init__(self) -> None:
        self.last = 2.0

    def __call__(self, outputs: Any, labels: Any) -> Any:
        return nn.mse([[self.last * v for v in row] for row in outputs], labels)


def test_a_global_trainer_of_an_attributes_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its watch was taken for code of the user's, which asks for types, and the second training was refused."""
    X, y = [[1.0, 2.0], [2.0, 1.0]], [1.0, 2.0]
    line, model = Line(), nn.MLP(2, [1], seed=0)
    first = nn.Trainer(line, nn.mse, nn.SGD(line.parameters(), lr=0.1))
    first.step(X, y)
    monkeypatch.setitem(globals(), "last", first)
    assert nn.Trainer(model, Scaled(), nn.SGD(model.parameters(), lr=0.1)).step(X, y) > 0.0
