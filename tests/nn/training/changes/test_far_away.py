"""What is compared only from time to time: steps between two looks may be wrong, and the second look says so."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

import nn
from engine import Value, announce_change
from engine.compiler import Surroundings
from tests.needs import INSTALLED, needs

np = needs("numpy")

X, Y = np.ones((4, 2)), np.zeros((4, 1))
LATE = "the last calls before this one may have used what was there before"
table, lists = np.ones(20_000), [[1.0] * 300 for _ in range(300)]


class Scaled(nn.Module):
    """A layer, times a number that is read elsewhere."""

    def __init__(self, read: Callable[[Scaled], Any]) -> None:
        self.layer, self.read = nn.Layer(2, 1, "tanh", seed=1), read
        if read is _own:
            self.own = [[Value(1.0 + 2.0 * k) for k in range(30)] for _ in range(100)]

    def __call__(self, x: Any) -> Any:
        return [self.layer(x)[0] * self.read(self)]


def _of_table(model: Scaled, number: float) -> None:
    table[7] = number


def _of_lists(model: Scaled, number: float) -> None:
    lists[250][7] = number


def _own(model: Scaled) -> Value:
    return model.own[90][0]


def _of_model(model: Scaled, number: float) -> None:
    """Exchange two of its parameters: no new one is made, and the optimiser has both."""
    row = model.own[90]
    k = next(k for k, value in enumerate(row) if value.data == number)
    row[0], row[k] = row[k], row[0]


KINDS: dict[str, tuple[Callable[[Scaled], Any], Callable[[Scaled, float], None], str]] = {
    "an array": (lambda model: table[7], _of_table, "the content of some ndarray"),
    "lists": (lambda model: lists[250][7], _of_lists, "an entry of a list"),
    "the model": (_own, _of_model, "the content of some list"),
}


@pytest.fixture
def seldom() -> Iterator[None]:
    """Looks at everything are half a second apart, however short they are, and nothing is traced again meanwhile."""

    def in_half_a_second(started: float, computed: float) -> float:
        return time.perf_counter() + 0.5

    look = mock.patch.object(Surroundings, "next_look", staticmethod(in_half_a_second))
    with look, mock.patch.object(Surroundings, "PATIENCE", 1e6):
        yield


def _changed(kind: str, backend: str) -> tuple[nn.Trainer, float]:
    """A trainer whose model reads another number than in the steps so far, and the loss of the last one."""
    read, change, _ = KINDS[kind]
    model = Scaled(read)
    change(model, 1.0)
    trainer = nn.Trainer(model, nn.mse, nn.SGD(model.parameters(), lr=0.0), backend)
    losses = [trainer.step(X, Y) for _ in range(6)]
    change(model, 3.0)
    return trainer, losses[-1]


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_that_is_seen_late_is_told(kind: str, backend: str, seldom: None) -> None:
    trainer, before = _changed(kind, backend)
    assert trainer.step(X, Y) == before
    end = time.perf_counter() + 20.0
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        while trainer.step(X, Y) == before:
            assert time.perf_counter() < end
    (warning,) = told
    assert (warning.category, warning.filename) == (RuntimeWarning, __file__)
    assert KINDS[kind][-1] in str(warning.message)
    assert LATE in str(warning.message)
    assert trainer.step(X, Y) == pytest.approx(9.0 * before)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_that_is_announced_counts_at_once(kind: str, backend: str, seldom: None) -> None:
    trainer, before = _changed(kind, backend)
    announce_change()
    assert trainer.step(X, Y) == pytest.approx(9.0 * before)


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_number_among_many_parameters_counts_at_once(backend: str, seldom: None) -> None:
    model = Scaled(lambda model: model.own[0] * model.own[-1])
    model.own = [*[Value(1.0) for _ in range(1000)], 1.0]
    trainer = nn.Trainer(model, nn.mse, nn.SGD([*model.layer.parameters(), model.own[0]], lr=0.0), backend)
    before = [trainer.step(X, Y) for _ in range(6)][-1]
    model.own[-1] = 3.0
    assert trainer.step(X, Y) == pytest.approx(9.0 * before)


REPLACED: dict[str, Callable[[Scaled], None]] = {
    "in a list": lambda model: model.own[90].__setitem__(0, Value(3.0)),
    "in an attribute that is not announced": lambda model: vars(model).update(gain=Value(3.0)),
}


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("replace", REPLACED.values(), ids=REPLACED)
def test_a_parameter_replaced_by_a_new_one_is_seen_at_once(
    backend: str, replace: Callable[[Scaled], None], seldom: None
) -> None:
    """A new one raises a counter."""
    model = Scaled(lambda model: model.own[90][0] * model.gain)
    model.own, model.gain = [[Value(1.0) for _ in range(30)] for _ in range(100)], Value(1.0)
    parameters = [*model.layer.parameters(), model.own[90][0], model.gain]
    trainer = nn.Trainer(model, nn.mse, nn.SGD(parameters, lr=0.0), backend)
    for _ in range(6):
        trainer.step(X, Y)
    replace(model)
    with pytest.raises(ValueError, match="1 of the optimiser's parameters do not belong to this model"):
        trainer.step(X, Y)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_that_the_next_step_sees_is_nothing_to_tell(kind: str, backend: str) -> None:
    """As in a session at the prompt, where there is time for a look before each step."""
    with mock.patch.object(Surroundings, "next_look", return_value=0.0):
        trainer, before = _changed(kind, backend)
        assert trainer.step(X, Y) == pytest.approx(9.0 * before)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_between_two_trainings_is_nothing_to_tell(kind: str, backend: str, seldom: None) -> None:
    read, change, _ = KINDS[kind]
    model = Scaled(read)
    change(model, 1.0)
    optimizer = nn.SGD(model.parameters(), lr=0.0)
    first = nn.fit(model, X, Y, nn.mse, optimizer, epochs=3, batch_size=2, backend=backend)
    change(model, 3.0)
    second = nn.fit(model, X, Y, nn.mse, optimizer, epochs=3, batch_size=2, backend=backend)
    assert second.batch_losses == pytest.approx([9.0 * loss for loss in first.batch_losses])


@pytest.mark.parametrize("backend", INSTALLED)
def test_what_is_made_an_error_does_not_keep_the_program_of_before(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `-W error` the first call that sees the change raises; all that follow are right."""
    monkeypatch.setattr(Surroundings, "PATIENCE", 1e6)
    monkeypatch.setattr(Surroundings, "next_look", lambda *times: math.inf)  # never due, however slow the machine
    trainer, before = _changed("lists", backend)
    assert trainer.step(X, Y) == before
    watch: Any = trainer._watch
    watch._surroundings.look_again()  # as if the time had come
    watch._look_at(0.0)
    with pytest.raises(RuntimeWarning, match=LATE):
        trainer.step(X, Y)
    assert trainer.step(X, Y) == pytest.approx(9.0 * before)
