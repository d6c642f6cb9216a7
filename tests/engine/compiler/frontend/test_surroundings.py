"""What a function reads from outside, looked at as a whole: what each call sees is in `faithful`."""

from __future__ import annotations

import functools
import io
import math
import sys
from typing import Any

import pytest

from engine import Value, announce_change
from engine.compiler import Surroundings, TraceError, compile
from engine.compiler.frontend.reads import walk
from engine.compiler.values.lending import Loan
from nn import MLP
from tests.needs import needs

np = needs("numpy")


def test_tables_and_series_of_pandas_are_looked_at() -> None:
    pd = needs("pandas")
    series, table, texts = pd.Series([1.0, 2.0]), pd.DataFrame({"weight": [3.0]}), pd.Series(["1.0"])

    def scaled(x: Any) -> Any:
        return x * series[0] * table.loc[0, "weight"] * float(texts[0])

    for holder, number in ((series, 5.0), (table, 5.0), (texts, "5.0")):
        around = Surroundings(scaled)
        assert not around.changed_at_all()
        holder.loc[0] = number
        assert around.changed_at_all()


@pytest.mark.parametrize("looks", [0, 1, 2])
@pytest.mark.parametrize("name", ["changed", "differs"])
def test_a_look_sees_what_is_near_from_the_first_time_on(looks: int, name: str) -> None:
    """It is written when it is asked for the second time."""
    weights = [1.0, 2.0]
    around = Surroundings(lambda x: x * weights[0])
    assert not any(getattr(around, name)() for _ in range(looks))
    weights[0] = 3.0
    assert getattr(around, name)()
    weights[0] = 1.0
    assert not getattr(around, name)()


def test_what_is_compared_at_every_call_where_there_is_more_than_time_for() -> None:
    class Settings:
        scale = 2.0

    many, weights = [[1.0] * count for count in [6, 0] * 20], [Value(1.0) for _ in range(40)]
    function = functools.partial(lambda weights, x: x * weights[0] * Settings.scale * many[0][0], weights)
    for change in (lambda: setattr(Settings, "scale", 3.0), lambda: weights.__setitem__(0, Value(2.0))):
        around = Surroundings(function)
        assert not around.differs()
        change()
        assert around.differs()


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ("far look", "the content of some list"),
        ("far call near call", "an entry of a list"),
        ("zero look", "an entry of a list"),
        ("attribute look", "gain from 2.0 to 3.0"),
        ("near call", ""),
        ("far announce call", ""),
        ("look far look", ""),
        ("far look back look", ""),
    ],
)
def test_what_is_told_of_a_change_that_is_seen_late(steps: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls compare what is near: the number, and whether the zeros are equal to those of before."""
    monkeypatch.setattr(Surroundings, "next_look", lambda *_: math.inf)
    scale, zeros, many = [2.0], [0.0] * 600, [[Value(1.0) for _ in range(40)] for _ in range(40)]
    model, before = MLP(1, [1]), many[30][0]
    model.gain = 2.0
    around = Surroundings(lambda x: x * scale[0] * zeros[0] * many[0][0] * model.gain)
    step = {
        "call": around.changed,
        "look": lambda: around.look_again() or around.changed(),
        "near": lambda: scale.__setitem__(0, 3.0),
        "zero": lambda: zeros.__setitem__(7, -0.0),
        "far": lambda: many[30].__setitem__(0, Value(1.0)),
        "attribute": lambda: vars(model).update(gain=3.0),
        "back": lambda: many[30].__setitem__(0, before),
        "announce": announce_change,
    }
    for name in ("call", "call", *steps.split()):
        step[name]()
    assert around.late == told


def test_an_announcement_of_what_changes_nothing_brings_about_no_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MLP(2, [3, 1])
    model.eval().train()  # which adds the attribute
    around = Surroundings(model)
    monkeypatch.setattr(around, "_walked", lambda: pytest.fail("it walked"))
    for _ in range(3):
        model.eval()
        model.train()
        assert not around.changed()
    vars(model)["gain"] = 2.0  # which is not announced
    around.look_again()
    assert around.changed()


def test_a_number_that_changes_with_an_announcement_is_seen() -> None:
    scale = 2.0

    def function(x: Any) -> Any:
        return x * scale

    around = Surroundings(function)
    scale = 3.0
    announce_change()
    assert around.changed_at_all()


@pytest.mark.parametrize("now", [{"first": 3.0, "second": 2.0}, {"second": 1.0, "first": 2.0}])
def test_attributes_that_change_with_an_announcement_are_seen(now: dict[str, float]) -> None:
    """Where they have only exchanged their numbers, the same numbers are there in the same order."""

    class Options:
        def __init__(self) -> None:
            self.first, self.second = 1.0, 2.0

    options = Options()
    around = Surroundings(lambda x: x * options.first - options.second)
    assert not around.changed_at_all()
    vars(options).clear()
    vars(options).update(now)
    announce_change()
    assert around.changed_at_all()


class Tensor:
    """As PyTorch's: it becomes an array without its gradient only."""

    def __init__(self, numbers: list[float]) -> None:
        self.numbers = numbers

    def detach(self) -> Detached:
        return Detached(self.numbers)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("use tensor.detach().numpy()")


class Detached:
    def __init__(self, numbers: list[float]) -> None:
        self.numbers = numbers

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.array(self.numbers)


def test_tensors_that_want_a_gradient_are_looked_at() -> None:
    tensor = Tensor([1.0])
    around = Surroundings(lambda x: x * tensor.numbers[0])
    assert not around.changed_at_all()
    tensor.numbers = [2.0]
    assert around.changed_at_all()


def test_a_file_in_memory_that_is_closed_by_now_is_another() -> None:
    file = io.StringIO("3.0")
    around = Surroundings(lambda x: x * float(file.getvalue()))
    assert not around.changed_at_all()
    file.close()
    assert around.changed_at_all()


class Options:
    """Slots of which a function reads one."""

    __slots__ = ("name", "scale", "unused")


def test_of_slots_those_count_that_are_read() -> None:
    options = Options()
    options.name, options.scale, options.unused = "a", 3.0, 1.0
    around = Surroundings(lambda x: x * options.scale)
    options.name, options.unused = "b", 2.0
    assert not around.changed_at_all()
    options.scale = 4.0
    assert around.changed_at_all()


def test_a_module_that_two_functions_import_is_looked_at_once() -> None:
    def first(x: Any) -> Any:
        import colorsys

        return x * colorsys.ONE_THIRD

    def second(x: Any) -> Any:
        import colorsys

        return x * colorsys.ONE_SIXTH

    around = Surroundings(lambda x: first(x) + second(x))
    assert [name for names, name, _ in around.found.names if names is sys.modules].count("colorsys") == 1


def test_a_walk_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists in a list are entered one by one."""
    rows = [[float(k)] * 2 for k in range(1000)]

    def first(x: Any) -> Any:
        return x * rows[0][0]

    assert len(Surroundings(first).found.kept) > len(rows)
    monkeypatch.setattr(walk, "_MOST", 10)
    with pytest.raises(TraceError, match=r"over 10 objects are read, such as a list: too many to watch(?s:.*)an array"):
        compile(first)([1.0])


def test_values_that_are_lent_are_not_entered_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large network that was trained, and of which something was set then, was refused as too many objects."""
    weights = [Value(float(k)) for k in range(100)]

    def function(x: Any) -> Any:
        return weights[0] * x

    loan = Loan(weights, np.zeros(100))
    monkeypatch.setattr(walk, "_MOST", 50)
    before = len(Surroundings(function).found.kept)
    loan.take()
    assert type(weights[0]) is not Value
    assert len(Surroundings(function).found.kept) == before


def test_lists_of_leaves_that_were_found_before_are_known_again() -> None:
    weights, mixed = [Value(1.0), Value(1.0)], [Value(2.0), [3.0]]

    def function(x: Any) -> Any:
        return weights[0] * x + mixed[0]

    def found(around: Surroundings) -> list[tuple[Any, ...]]:
        return [inside for holder, inside in around.found.holders if holder is weights]

    first = Surroundings(function)
    second = Surroundings(function, like=first)
    assert found(second)[0] is found(first)[0]
    # The list in the list too, and the methods of Values.
    assert len(second.found.holders) == len(first.found.holders) == 4
    weights[1] = Value(1.0)  # which is equal
    third = Surroundings(function, like=second)
    assert found(third)[0][1] is weights[1]
    assert second.changed_at_all()
    assert not third.changed_at_all()
    weights.append([5.0])
    assert len(Surroundings(function, like=third).found.holders) == 5
    weights.pop()
    announce_change()
    assert not third.changed_at_all()  # which looks for what is new, too
    weights.reverse()
    announce_change()
    assert third.changed_at_all()


def test_a_tuple_that_changes_in_every_run_is_named() -> None:
    place = 0.0, 0.0

    def drifts(x: Any) -> Any:
        nonlocal place
        place = place[0] + 1.0, 0.0
        return x * 2.0

    with pytest.raises(TraceError, match="changes place whenever it runs"):
        compile(drifts, backend="python")([1.0])


def test_where_a_function_is_refused_its_lists_are_what_they_were_and_its_files_stay() -> None:
    """Of a file in memory nobody knows what else wrote to it."""
    log, seen = io.StringIO(), [1.0]

    def refused(x: Any) -> Any:
        log.write("called ")
        seen.append(2.0)
        return x * float(x)

    with pytest.raises(TraceError, match="float"):
        compile(refused, backend="python")([1.0])
    assert seen == [1.0]
    assert set(log.getvalue().split()) == {"called"}


def test_of_a_generator_its_variables_are_read_and_not_its_module() -> None:
    """In Python 3.10 its frame shows all of the module: the search took minutes, and gigabytes."""

    def counting(rates: list[float]) -> Any:
        yield from rates

    rates = [1.0, 2.0]
    held = [counting(rates)]
    next(held[0])
    found = Surroundings(lambda x: x * len(held)).found
    assert any(thing is rates for thing in found.kept)
    assert not any(thing is globals() for thing in found.kept)
