"""Functions of the user's: how many arguments they take, in which order, what they return, and what they change."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any

import numpy as np
import pytest

import nn
from engine import Value, square

X, Y = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.5]], [0.5, 1.0, 2.0, 1.0]


def fitted(loss: Any = nn.mse, model: Any = None, **options: Any) -> nn.History:
    model = model or nn.MLP(2, [1], seed=0)
    return nn.fit(model, X, Y, loss, nn.SGD(model.parameters(), lr=0.1), **{"epochs": 2, "seed": 0, **options})


def as_in_keras(y_true: Any, y_pred: Any) -> Any:
    return sum((1 + y) * square(y - p[0]) for y, p in zip(y_true, y_pred)) / len(y_true)


class OfObject:
    def __call__(self, labels: Any, outputs: Any) -> Any:
        return nn.mse(outputs, labels)


REVERSED: dict[str, Any] = {
    "function": as_in_keras,
    "of one sample": nn.per_sample(lambda target, prediction: square(prediction[0] - target)),
    "object": OfObject(),
    "method": OfObject().__call__,
    "setting": partial(lambda y_true, y_pred, weight: weight * nn.mse(y_pred, y_true), weight=2.0),
    "setting before": partial(lambda weight, y_true, y_pred: weight * nn.mse(y_pred, y_true), 2.0),
}


@pytest.mark.parametrize("loss", REVERSED.values(), ids=REVERSED)
def test_a_loss_that_takes_labels_first_is_refused(loss: Any) -> None:
    """Outputs were taken for labels, and trained as such."""
    model = nn.MLP(2, [1], seed=0)
    uses: list[Callable[[], Any]] = [
        lambda: fitted(loss),
        lambda: nn.Trainer(model, loss, nn.SGD(model.parameters(), lr=0.1)),
        lambda: nn.EagerStep(model, loss, nn.SGD(model.parameters(), lr=0.1)),
        lambda: nn.score(model, X, Y, loss),
    ]
    for use in uses:
        with pytest.raises(
            TypeError, match=r"a loss is called with outputs and labels, in this order, and .* takes \("
        ):
            use()


@pytest.mark.parametrize(
    "loss",
    [
        lambda a, b: nn.mse(a, b),
        lambda target, b: nn.mse(target, b),
        lambda a, outputs: nn.mse(a, outputs),
        lambda y_pred, y_true: nn.mse(y_pred, y_true),
        lambda *both: nn.mse(*both),
    ],
)
def test_any_other_names_are_taken(loss: Any) -> None:
    assert fitted(loss).losses == fitted().losses


def test_a_metric_that_takes_outputs_first_is_refused() -> None:
    def share(y_pred: Any, y_true: Any) -> float:
        return 0.5

    told = r"a metric is called with labels and outputs, in this order, and share takes \(y_pred, y_true\): put"
    with pytest.raises(TypeError, match=told):
        fitted(validation=(X, Y), metrics=share)
    assert fitted(validation=(X, Y), metrics=lambda y_true, y_pred: 0.5).rows[0]["validation_<lambda>"] == 0.5


COUNTS: dict[str, tuple[dict[str, Any], str]] = {
    "callback": (
        {"callbacks": lambda epoch, logs: None},
        r"with model, history and epoch, which <lambda>\(epoch, logs",
    ),
    "metric": ({"validation": (X, Y), "metrics": lambda y: 0.0}, r"with labels and outputs, which <lambda>\(y\) does"),
    "schedule": ({"schedule": lambda epoch, lr: lr}, r"with the number of the step, which <lambda>\(epoch, lr\) does"),
}


@pytest.mark.parametrize(("options", "told"), COUNTS.values(), ids=COUNTS)
def test_functions_of_other_arguments_are_refused_before_training(options: dict[str, Any], told: str) -> None:
    model = nn.MLP(2, [1], seed=0)
    before = [p.data for p in model.parameters()]
    with pytest.raises(TypeError, match="is called " + told):
        fitted(model=model, **options)
    assert [p.data for p in model.parameters()] == before


def test_functions_of_which_nothing_is_known_are_called() -> None:
    history = fitted(callbacks=[print, lambda *all_of_it: None], schedule=lambda k, by=1.0: by / (10.0 + k), epochs=1)
    assert len(history.losses) == 1


def test_a_schedule_of_epochs_is_told_of() -> None:
    """Keras calls it once an epoch: here the rate was almost 0 after the first one."""
    with pytest.warns(
        UserWarning, match=r"called with the number of the step, of which an epoch has 2.*divide it by 2"
    ):
        fitted(schedule=lambda epoch: 0.1 * 0.5**epoch, batch_size=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(schedule=lambda epoch: 0.1 * 0.5**epoch, batch_size=None)
        fitted(schedule=lambda step: 0.1 * 0.5**step, batch_size=2)


@pytest.mark.parametrize("backend", ["auto", "eager"])
def test_train_mode_comes_back_after_callbacks(backend: str) -> None:
    """`model.eval()` in a callback turned Dropout off for all epochs after it."""

    def losses(callbacks: Any) -> list[float]:
        model = nn.Sequential(nn.Layer(2, 8, seed=0), nn.Dropout(0.5, seed=1), nn.Layer(8, 1, "identity", seed=2))
        history = fitted(model=model, callbacks=callbacks, epochs=4, backend=backend)
        assert all(module.training for module in model.modules())
        return history.losses

    assert losses([lambda model, history, epoch: model.eval()]) == losses([])


class Forgetful(nn.Module):
    """Returns nothing."""

    def __init__(self) -> None:
        self.layer = nn.Layer(2, 1, "identity", seed=0)

    def __call__(self, x: Any) -> Any:
        self.layer(x)


@pytest.mark.parametrize("loss", [nn.mse, nn.cross_entropy])
def test_a_model_that_returns_nothing(loss: Any) -> None:
    for use in (lambda: fitted(loss, Forgetful()), lambda: nn.predict(Forgetful(), X)):
        with pytest.raises(TypeError, match="the model returned None: end its __call__ with return and the outputs"):
            use()


def test_a_loss_that_is_a_number() -> None:
    def of_math(outputs: Any, labels: Any) -> float:
        return sum(math.fabs(float(o[0] - y)) for o, y in zip(outputs, labels))

    with pytest.raises(
        TypeError, match=r"must be one Value, not float .*: compute it from the outputs, with the engine"
    ):
        fitted(of_math)


@pytest.mark.parametrize("number", [np.float32(0.5), np.array(0.5)])
def test_a_loss_that_is_a_number_of_numpys(number: Any) -> None:
    with pytest.raises(TypeError, match=r"must be one Value, not .*: compute it from the outputs, with the engine"):
        fitted(lambda outputs, labels: number, backend="eager")


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (
            lambda output, label: math.fabs(float(output[0] - label)),
            "<lambda> seems to take those of one sample: for a batch it",
        ),
        (lambda outputs, labels: 1 / 0, "^division by zero"),  # neither of a batch nor of a sample
    ],
)
def test_which_losses_are_taken_for_those_of_one_sample(loss: Any, told: str) -> None:
    with pytest.raises((TypeError, ZeroDivisionError), match=told):
        fitted(loss, backend="eager")


def of_numbers(output: Any, label: Any) -> Any:
    return square(output - label)


@pytest.mark.parametrize("how", ["of a batch", "of a sample"])
@pytest.mark.parametrize(
    ("outputs", "labels", "remedy"),
    [
        (1, Y, "nn.per_sample(lambda output, label: loss(output[0], label))"),
        (1, [[y] for y in Y], "nn.per_sample(lambda output, label: loss(output[0], label[0]))"),
        (
            2,
            [[y, 1.0] for y in Y],
            "nn.per_sample(lambda output, label: sum(loss(o, t) for o, t in zip(output, label)))",
        ),
    ],
)
def test_a_loss_of_numbers_is_told_that_outputs_are_lists(how: str, outputs: int, labels: Any, remedy: str) -> None:
    """Python's own error said nothing of it, or a loss of per_sample was told to be one."""
    loss = of_numbers if how == "of a batch" else nn.per_sample(of_numbers)
    model = nn.MLP(2, [outputs], seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    told = rf"is a list, here of {outputs}, and of_numbers seems to take numbers: .* for -: 'list' and .*\nGive (.*)$"
    uses: list[Callable[[], Any]] = [
        lambda: nn.fit(model, X, labels, loss, optimizer),
        lambda: nn.Trainer(model, loss, optimizer).step(X, labels),
        lambda: nn.EagerStep(model, loss, optimizer)(X, labels),
    ]
    for use in uses:
        with pytest.raises(TypeError, match=told) as raised:
            use()
        assert str(raised.value).endswith(f"Give {remedy}")
    loss = of_numbers
    nn.Trainer(model, eval(remedy, {"nn": nn, "loss": loss}), optimizer).step(X, labels)


@pytest.mark.parametrize("backend", ["auto", "eager"])
@pytest.mark.parametrize(("outputs", "label"), [(1, [1.0, 2.0]), (2, [1.0]), (2, 1.0)])
@pytest.mark.parametrize("loss", [nn.mse, of_numbers, nn.per_sample(of_numbers)])
def test_nobody_is_told_to_leave_out_outputs_or_labels(loss: Any, outputs: int, label: Any, backend: str) -> None:
    """The remedy was loss(output[0], label[0]), which leaves a label out, or a sum over zip(output, label)."""
    model = nn.MLP(2, [outputs], seed=0)
    with pytest.raises((TypeError, ValueError), match=r"against|unsupported operand") as raised:
        nn.fit(model, X, [label] * len(X), loss, nn.SGD(model.parameters(), lr=0.1), backend=backend)
    assert "Give" not in str(raised.value)


@pytest.mark.parametrize("loss", [nn.mse, nn.cross_entropy])
def test_losses_that_take_rows_are_not_said_to_take_numbers(loss: Any) -> None:
    model = nn.MLP(2, [2 if loss is nn.cross_entropy else 1], seed=0)
    told = "a prediction of 1 value against a target of one number|a sample has several rows of scores, such as"
    with pytest.raises((TypeError, ValueError), match=f"^({told})"):
        nn.fit(model, [[x] for x in X], [1] * len(X), loss, nn.SGD(model.parameters(), lr=0.1))


def test_other_errors_of_a_loss_stay_what_they_are() -> None:
    def wrong(output: Any, label: Any) -> Any:
        raise TypeError("mine")

    for loss in (wrong, nn.per_sample(wrong)):
        with pytest.raises(TypeError, match=r"^mine$"):
            fitted(loss)
    with pytest.raises(TypeError, match=r"^unsupported operand type\(s\) for -: 'list' and 'int'$"):
        nn.per_sample(of_numbers)([[0.5, 1.0]], [1])  # of two outputs and a class: which of them is not known


def test_a_rate_that_a_callback_sets_beside_a_schedule_is_told() -> None:
    def lowering(model: Any, history: nn.History, epoch: int) -> None:
        optimizer.lr *= 0.5

    model = nn.MLP(2, [1], seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    with pytest.warns(UserWarning, match=r"a callback set lr to 0\.05, and schedule= sets it anew before each step"):
        nn.fit(model, X, Y, nn.mse, optimizer, epochs=2, schedule=lambda step: 0.1, callbacks=lowering)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.fit(model, X, Y, nn.mse, optimizer, epochs=2, callbacks=lowering)
        nn.fit(model, X, Y, nn.mse, optimizer, epochs=2, schedule=lambda step: 0.1, callbacks=lambda *given: None)


def test_what_makes_steps_is_called_with_the_parts() -> None:
    def step(X: Any, y: Any) -> float:
        return 0.0

    with pytest.raises(TypeError, match=r"^step, which makes a step, is called with model, loss and optimizer, which"):
        fitted(step=step)


class Making(nn.Module):
    """Makes its last layer whenever it is called."""

    def __init__(self) -> None:
        self.first = nn.Layer(2, 3, seed=0)

    def __call__(self, x: Any) -> Any:
        return nn.Layer(3, 1, "identity", seed=1)(self.first(x))


STEPS: dict[str, Any] = {
    "fit": lambda *what: lambda X, y: nn.fit(what[0], X, y, *what[1:], epochs=1),
    "Trainer": lambda *what: nn.Trainer(*what, backend="python").step,
    "EagerStep": nn.EagerStep,
}


@pytest.mark.parametrize("make", STEPS.values(), ids=STEPS)
def test_layers_that_are_made_at_every_call(make: Any) -> None:
    model = Making()
    step = make(model, nn.mse, nn.SGD(model.parameters(), lr=0.1))
    with pytest.warns(UserWarning, match="the model makes layers when it is called, and nothing trains their") as told:
        step(X, Y)
    assert len(told) == 1


def test_layers_that_another_thread_makes_meanwhile_are_none_of_the_models() -> None:
    """As where `fit_many` makes nets in one thread and trains one in another."""

    class Watched(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Layer(2, 1, "identity", seed=0)

        def __call__(self, x: Any) -> Any:
            other = Thread(target=nn.Layer, args=(3, 1))
            other.start()
            other.join()
            return self.layer(x)

    model = Watched()
    step = nn.EagerStep(model, nn.mse, nn.SGD(model.parameters(), lr=0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(X, Y)


class Late(nn.Module):
    """Makes its offset in the first call, as layers of Keras do in `build`."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.slope, self.offset, self._make = Value(1.0), None, make

    def __call__(self, x: Any) -> Any:
        if self.offset is None:
            self.offset = self._make()
        return self.slope * x[0] + self.offset


class LateTable(nn.Module):
    """Makes entries of containers in the first call."""

    def __init__(self) -> None:
        self.slope, self.weights = Value(1.0), {"more": list[Value]()}

    def __call__(self, x: Any) -> Any:
        if not self.weights["more"]:
            self.weights["more"].append(Value(0.0))
        return self.slope * x[0] + self.weights["more"][0]


def of_my_own(outputs: Any, labels: Any) -> Any:
    """It is traced before it is known how steps are made."""
    return nn.mse(outputs, labels)


LATE: dict[str, tuple[Callable[[], nn.Module], Any, str]] = {
    "attribute": (lambda: Late(lambda: Value(0.0)), nn.mse, r"1 parameter \(offset\)"),
    "own loss": (lambda: Late(lambda: Value(0.0)), of_my_own, r"1 parameter \(offset\)"),
    "entry": (LateTable, nn.mse, r"1 parameter \(weights.more.0\)"),
}


@pytest.mark.parametrize("make", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize(("of", "loss", "told"), LATE.values(), ids=LATE)
def test_a_parameter_that_is_made_in_the_first_call(of: Any, loss: Any, told: str, make: Any) -> None:
    model = of()
    step = make(model, loss, nn.SGD(model.parameters(), lr=0.1))
    with pytest.warns(UserWarning, match=f"the model makes {told} when it is called, which nothing trains:") as found:
        step(X, Y)
    assert len(found) == 1


@pytest.mark.parametrize("make", STEPS.values(), ids=STEPS)
def test_a_parameter_that_comes_into_the_model_in_the_first_call(make: Any) -> None:
    """The optimiser has had it before."""
    offset = Value(0.0)
    model = Late(lambda: [Value(1.0), offset][1])
    step = make(model, nn.mse, nn.SGD([*model.parameters(), offset], lr=0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(X, Y)
    assert offset.data != 0.0


@pytest.mark.parametrize("backend", ["auto", "eager"])
@pytest.mark.parametrize("weights", [{"sample_weight": [1.0, 2.0, 1.0, 1.0]}, {"class_weight": {0: 2.0, 1: 1.0}}])
def test_a_parameter_that_is_made_where_a_weighted_loss_is_looked_at(weights: Any, backend: str) -> None:
    """The model is called before its first step, for a loss that may be no mean."""
    model = LateTable()
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    with pytest.warns(UserWarning, match=r"the model makes 1 parameter \(weights.more.0\)") as found:
        nn.fit(model, X, [0, 1, 0, 1], of_my_own, optimizer, epochs=1, backend=backend, **weights)
    assert [warning.filename for warning in found] == [__file__]


def test_a_parameter_that_is_made_in_the_first_call_beside_dropout() -> None:
    """The steps are compiled at the second try."""
    model = nn.Sequential(nn.Dropout(0.5, seed=0), LateTable())
    with pytest.warns(UserWarning, match=r"the model makes 1 parameter \(layers.1.weights.more.0\)") as found:
        history = nn.fit(model, X, Y, of_my_own, nn.SGD(model.parameters(), lr=0.1), epochs=1)
    assert history.backend != "eager"
    assert len(found) == 1


@pytest.mark.parametrize("make", STEPS.values(), ids=STEPS)
def test_a_plain_number_that_is_kept_in_the_first_call(make: Any) -> None:
    model = Late(lambda: 0.0)
    step = make(model, nn.mse, nn.SGD(model.parameters(), lr=0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(X, Y)


def test_a_parameter_that_is_made_in_the_first_call_and_trained() -> None:
    model = Late(lambda: Value(0.0))
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    step = nn.EagerStep(model, nn.mse, optimizer)
    model(X[0])
    optimizer.params = model.parameters()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(X, Y)
    assert model.offset.data != 0.0


def test_data_that_can_be_read_once() -> None:
    model = nn.MLP(2, [1], seed=0)
    with pytest.raises(TypeError, match=r"X must be a list, tuple or array, not generator .*: give list\(X\)"):
        nn.fit(model, (x for x in X), Y, nn.mse, nn.SGD(model.parameters(), lr=0.1))


def all_pairs(outputs: Any, labels: Any) -> Any:
    return np.mean((np.array(outputs) - np.array(labels)) ** 2)


@pytest.mark.parametrize("form", [list, np.array])
def test_a_metric_of_all_pairs_is_refused(form: Any) -> None:
    """`y - outputs` of N labels and N x 1 outputs is N x N: a root mean square error of 2.85 in place of 0.002."""

    def rmse(labels: Any, outputs: Any) -> float:
        return float(np.sqrt(all_pairs(outputs, labels)))

    def of_columns(labels: Any, outputs: Any) -> float:
        return float(np.sqrt(np.mean((np.array(labels) - np.array(outputs)[:, 0]) ** 2)))

    model, samples, labels = nn.MLP(2, [1], seed=0), form(X), form(Y)
    told = r"the metric rmse gives .* for outputs in rows of one, and .*: from a column of N x 1 outputs and N labels"
    for count in (2, len(Y)):
        with pytest.raises(ValueError, match=told):
            nn.evaluate(model, samples[:count], labels[:count], nn.mse, metrics=rmse)
    with pytest.raises(ValueError, match=told):
        fitted(validation=(samples, labels), metrics=rmse)
    right = nn.evaluate(model, samples, labels, nn.mse, metrics=of_columns)
    assert right["of_columns"] == pytest.approx(math.sqrt(right["loss"]))
    of_two = nn.evaluate(nn.MLP(2, [2], seed=0), samples, form([[y, 1.0] for y in Y]), nn.mse, metrics=rmse)
    assert of_two["rmse"] == pytest.approx(math.sqrt(of_two["loss"]))
    assert nn.evaluate(model, samples[:1], labels[:1], nn.mse, metrics=rmse)["rmse"] > 0.0


def test_a_loss_of_all_pairs_is_refused() -> None:
    """It was minimised where all outputs are the mean of the labels."""
    model = nn.MLP(2, [1], seed=0)
    before = [p.data for p in model.parameters()]
    uses: list[Callable[[], Any]] = [
        lambda: fitted(all_pairs, model),
        lambda: fitted(all_pairs, model, backend="eager"),
        lambda: nn.EagerStep(model, all_pairs, nn.SGD(model.parameters(), lr=0.1))(X, Y),
        lambda: nn.score(model, X, Y, all_pairs),
    ]
    for use in uses:
        with pytest.raises(ValueError, match=r"the loss gives .* for outputs in rows of one, and .*: from a column"):
            use()
    assert [p.data for p in model.parameters()] == before
    plain = nn.Sequential(model, lambda h: h[0])  # without rows there is no column
    assert nn.score(plain, X, Y, all_pairs) == pytest.approx(nn.score(model, X, Y, nn.mse))
    assert fitted(all_pairs, plain, backend="eager").losses[0] == pytest.approx(
        nn.score(nn.MLP(2, [1], seed=0), X, Y, nn.mse)
    )


def test_pairs_that_are_meant_are_taken() -> None:
    def spread(outputs: Any, labels: Any) -> Any:
        column = np.array(outputs)
        return np.mean((column - column.T) ** 2)

    assert fitted(spread, backend="eager").losses[0] > 0.0
    assert nn.score(nn.MLP(2, [1], seed=0), X, Y, spread) == pytest.approx(
        fitted(spread, epochs=1, backend="eager").losses[0]
    )
