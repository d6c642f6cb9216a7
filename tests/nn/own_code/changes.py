"""A model and its loss, and a table of ways to change them."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import engine
import nn
from engine import Value
from nn import MLP, SGD, Layer, Module, Sequential, Trainer, cross_entropy
from nn.evaluation.means import Means
from nn.evaluation.metrics import is_largest
from nn.evaluation.programs import Options, programs_of
from nn.layers import dense
from nn.losses import classes
from tests.needs import needs

np = needs("numpy")

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(12, 3)), RNG.integers(0, 4, 12)


def plain() -> Any:
    return MLP(3, [5, 4], activation="tanh", seed=1)


Change = Callable[[pytest.MonkeyPatch], tuple[Any, Any]]
"""Gives a model and a loss that are not, or are no more, those that were trained before."""


class SameName(MLP):
    def __call__(self, x: Any) -> Any:
        return [2.0 * out for out in super().__call__(x)]


SameName.__name__, SameName.__qualname__, SameName.__module__ = MLP.__name__, MLP.__qualname__, MLP.__module__


class Silent(MLP):
    """A subclass that changes nothing by itself."""


def doubled(function: Any) -> Any:
    return lambda *arguments: [2.0 * out for out in function(*arguments)]


def method_of_the_class(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    patch.setattr(MLP, "__call__", doubled(MLP.__call__))
    return plain(), cross_entropy


def code_of_a_method(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    def call(self: Any, x: Any) -> Any:
        for layer in self.layers[::-1][::-1]:
            x = [out + out for out in layer(x)]
        return x

    patch.setattr(MLP.__call__, "__code__", call.__code__)
    return plain(), cross_entropy


def a_name_in_the_module_of_the_layers(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    patch.setattr(dense, "affine", doubled(dense.affine))
    return plain(), cross_entropy


def a_builtin_that_is_hidden(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    model = plain()
    patch.setattr(dense, "zip", lambda *rows: [*zip(*rows)][::-1], raising=False)
    return model, cross_entropy


def a_base_class(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    patch.setattr(Module, "training", True)
    return plain(), cross_entropy


def a_method_of_the_instance(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    model = plain()
    model.layers[0].__call__ = doubled(model.layers[0])  # which Python does not call
    return model, cross_entropy


def a_hook(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    model = plain()
    model.hook = print
    return model, cross_entropy


def a_subclass_of_value(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    class Weight(Value):
        __slots__ = ()

    model = plain()
    model.layers[0].neurons[0].b = Weight(0.5)
    return model, cross_entropy


def activation(function: Any) -> Change:
    return lambda _: (MLP(3, [5, 4], activation=function, seed=1), cross_entropy)


def replaced_layer(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    class Mine(Layer):
        def __call__(self, x: Any) -> Any:
            return super().__call__([*x][::-1])

    model = plain()
    model.layers[1] = Mine(5, 4, "identity", seed=3)
    return model, cross_entropy


def a_function_among_layers(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    return Sequential(plain(), lambda out: [2.0 * x for x in out]), cross_entropy


def a_default_of_the_loss(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    patch.setattr(inspect.unwrap(cross_entropy), "__defaults__", ("sum",))
    return plain(), cross_entropy


def what_the_loss_calls(patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    inner = classes._cross_entropy
    patch.setattr(classes, "_cross_entropy", lambda logits, y: {0: 1.0, 2: 7.0}.get(y, 1.0) * inner(logits, y))
    return plain(), cross_entropy


def a_copy_of_the_loss(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    names = {**vars(classes), "_row_by_row": lambda *rows: 3.0 * classes._row_by_row(*rows)}
    own = inspect.unwrap(cross_entropy)
    copied = types.FunctionType(own.__code__, names, "cross_entropy", own.__defaults__)
    copied.__module__ = cross_entropy.__module__
    return plain(), copied


CHANGES: dict[str, Change] = {
    "a subclass": lambda _: (Silent(3, [5, 4], activation="tanh", seed=1), cross_entropy),
    "a subclass of the same name and module": lambda _: (
        SameName(3, [5, 4], activation="tanh", seed=1),
        cross_entropy,
    ),
    "an activation of the user's": activation(lambda z: engine.tanh(z) + 1.0),
    "a partial activation": activation(partial(engine.leaky_relu, slope=0.2)),
    "a function as the model": lambda _: ((lambda model: lambda x: model(x))(plain()), cross_entropy),
    "a loss of the user's": lambda _: (plain(), lambda outputs, labels: 2.0 * cross_entropy(outputs, labels)),
    "a loss with another setting": lambda _: (plain(), partial(cross_entropy, reduction="sum")),
    "a mean over samples": lambda _: (plain(), nn.per_sample(cross_entropy)),
    **{
        change.__name__.replace("_", " "): change
        for change in (
            method_of_the_class,
            code_of_a_method,
            a_name_in_the_module_of_the_layers,
            a_builtin_that_is_hidden,
            a_base_class,
            a_method_of_the_instance,
            a_hook,
            a_subclass_of_value,
            replaced_layer,
            a_function_among_layers,
            a_default_of_the_loss,
            what_the_loss_calls,
            a_copy_of_the_loss,
        )
    },
}


def tied(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    model = MLP(3, [4, 4], activation="tanh", seed=1)
    for mine, other in zip(model.layers[1].neurons, model.layers[0].neurons):
        mine.w[:3] = other.w
    return model, cross_entropy


def swapped(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    model = plain()
    model.layers[1].neurons.reverse()
    return model, cross_entropy


def frozen(_: pytest.MonkeyPatch) -> tuple[Any, Any]:
    model = plain()
    model.layers[0].neurons[0].w[1] = engine.Constant(0.25)
    return model, cross_entropy


OWN: dict[str, Change] = {
    "nothing": lambda _: (plain(), cross_entropy),
    "other numbers": lambda _: (MLP(3, [5, 4], activation="tanh", seed=9), cross_entropy),
    "another activation": lambda _: (MLP(3, [5, 4], activation="relu", seed=1), cross_entropy),
    "another loss": lambda _: (MLP(3, [5, 1], activation="tanh", seed=1), nn.mse),
    "another shape": lambda _: (MLP(3, [6, 4], activation="tanh", seed=1), cross_entropy),
    "without a bias": lambda _: (MLP(3, [5, 4], activation="tanh", seed=1, bias=False), cross_entropy),
    "a layer more": lambda _: (Sequential(plain(), Layer(4, 4, "identity", seed=2)), cross_entropy),
    "shared weights": tied,
    "neurons in another order": swapped,
}
EVERY: dict[str, Change] = {**CHANGES, **OWN, "a constant among the weights": frozen}


def trained(model: Any, loss: Any, steps: int = 3) -> list[float]:
    trainer = Trainer(model, loss, SGD(parameters(model), lr=0.1), backend="llvm")
    return [trainer.step(X, Y) for _ in range(steps)]


def parameters(model: Any) -> list[Value]:
    return (model if isinstance(model, Module) else model.__closure__[0].cell_contents).parameters()


def scored(model: Any, loss: Any, backend: str = "auto") -> list[float]:
    """The loss, and the outputs, as `nn.evaluate` takes its metrics of them."""
    programs_of(model).hurry()
    found, outputs = programs_of(model).scored(loss, X, Y, Options(backend))
    return [found, *np.ravel(outputs).tolist()]


def evaluated(model: Any, loss: Any) -> tuple[Any, list[float] | None]:
    return nn.predict(model, X, backend="llvm"), Means(model, loss, [is_largest], X, Y, Options("auto"))(watched=True)
