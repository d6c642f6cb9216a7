"""Values whose numbers live in an array: whoever looks finds ordinary Values with the array's numbers."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest

from engine import Value
from engine.compiler.values import lending
from engine.compiler.values.lending import Leaves, Loan
from engine.compiler.values.showing import showing
from tests.interrupting import interrupted
from tests.needs import needs

np = needs("numpy")

LOOKS: dict[str, Callable[[Value], Any]] = {
    "data": lambda v: v.data,
    "float": float,
    "int": int,
    "bool": bool,
    "add": lambda v: (v + 1.0).data - 1.0,
    "radd": lambda v: (1.0 + v).data - 1.0,
    "method": lambda v: v.neg().data,
    "equal": lambda v: v == 7.0,
    "less": lambda v: v < 8.0,
    "format": lambda v: f"{v:.1f}",
    "repr": repr,
    "pickle": lambda v: pickle.loads(pickle.dumps(v)).data,
    "deepcopy": lambda v: copy.deepcopy(v).data,
    "copy": lambda v: copy.copy(v).data,
    "detach": lambda v: v.detach().data,
}


def lent() -> tuple[list[Value], Any, Loan]:
    values = [Value(1.0, label="a"), Value(2.0), Value(3.0)]
    array = np.zeros(3)
    loan = Loan(values, array)
    loan.take()
    array[:] = [7.0, 8.0, 9.0]
    loan.glimpses = 100  # as if many had been read since the last step
    return values, array, loan


@pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
def test_any_look_brings_all_numbers_back(look: Callable[[Value], Any]) -> None:
    values, _, loan = lent()
    found = look(values[0])
    assert not loan.open
    assert found == look(Value(7.0, label="a"))
    assert [type(v) for v in values] == [Value] * 3
    assert [v.data for v in values] == [7.0, 8.0, 9.0]
    assert values[0].label == "a"


def test_ctrl_c_just_when_all_is_lent_leaves_it_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: Python measures no coverage where it is pressed at any moment, as in the next test."""
    values, array = [Value(1.0), Value(2.0)], np.zeros(2)
    loan, write = Loan(values, array), lending._write

    def pressed(*columns: Any) -> None:
        write(*columns)
        raise KeyboardInterrupt

    monkeypatch.setattr(lending, "_write", pressed)
    with pytest.raises(KeyboardInterrupt):
        loan.take()
    monkeypatch.undo()
    assert loan.open
    array[:] = [7.0, 8.0]
    assert [v.data for v in values] == [7.0, 8.0]


def test_ctrl_c_leaves_all_lent_or_none() -> None:
    """Pressed just when all was lent, it left Values that nobody brought up to date any more."""
    moments = interrupted(lambda: lent()[2].take(), 0)
    for moment in range(1, moments + 1):
        values, array = [Value(1.0), Value(2.0)], np.zeros(2)
        loan = Loan(values, array, lambda before: before)
        interrupted(loan.take, moment)
        if loan.open:
            array[:] = [7.0, 8.0]
        assert [v.data for v in values] == ([7.0, 8.0] if array[0] == 7.0 else [1.0, 2.0])
        values[0].data = 5.0
        loan.take()
        assert array[0] == 5.0


def test_what_another_thread_lends_is_shown_as_before() -> None:
    w = Value(2.0)
    loan = Loan([w], np.zeros(1))
    with showing([w], [-3.0]):
        thread = threading.Thread(target=loan.take)
        thread.start()
        thread.join()
        assert ((w * w).data, w.data) == (9.0, -3.0)
        assert loan.open
    assert (w * w).data == 4.0


def test_few_numbers_are_read_where_they_are_and_many_brought_back() -> None:
    values = [Value(0.0) for _ in range(100)]
    loan = Loan(values, np.zeros(100))
    loan.take()
    for step in range(20):
        loan.glimpses, loan.array[:] = 0, range(step, 100 + step)  # as a step of training does
        assert [values[3].data, values[70] + 0.0, float(values[5])] == [3.0 + step, 70.0 + step, 5.0 + step]
        assert loan.open
    assert [v.data for v in values] == [19.0 + k for k in range(100)]
    assert not loan.open
    assert {*map(type, values)} == {Value}


def test_a_write_comes_after_the_return_and_before_the_next_loan() -> None:
    values, array, loan = lent()
    values[1].data = -1.0
    assert [v.data for v in values] == [7.0, -1.0, 9.0]
    loan.take()
    assert array.tolist() == [7.0, -1.0, 9.0]
    values[0].grad = 3.0  # gradients are not lent
    assert loan.open
    assert values[0].grad == 3.0


def test_what_is_not_lent_stays_as_it_is() -> None:
    values, array, loan = lent()
    loan.give_back()
    array[:] = 0.0
    loan.give_back()
    assert [v.data for v in values] == [7.0, 8.0, 9.0]


def test_a_second_loan_ends_the_first() -> None:
    values, _, first = lent()
    other = np.zeros(3)
    second = Loan(values, other)
    second.take()
    assert not first.open
    assert other.tolist() == [7.0, 8.0, 9.0]
    other[:] = 5.0
    assert [v.data for v in values] == [5.0, 5.0, 5.0]
    assert type(values[2]) is Value


def test_an_interrupted_loan_can_be_given_back() -> None:
    class Stubborn(Value):
        """Its class cannot be changed."""

        @property
        def __class__(self) -> Any:
            return Stubborn

    values = [Value(1.0), Stubborn(2.0)]
    loan = Loan(values, np.zeros(2))
    with pytest.raises(AttributeError):
        loan.take()
    assert values[0].data == 1.0
    assert type(values[0]) is Value
    assert values[1].data == 2.0


def test_leaves_are_read_where_they_live() -> None:
    values, array, loan = lent()
    leaves = Leaves([values[2], values[0]])
    assert list(leaves.numbers()) == [9.0, 7.0]
    assert loan.open
    array[:] = [1.5, 2.5, 3.5]  # a step of the program that has them
    assert list(leaves.numbers()) == [3.5, 1.5]
    assert Leaves(values).numbers() is array
    values[0].data = -1.0
    assert list(leaves.numbers()) == [3.5, -1.0]


def test_leaves_of_nobody_are_lent_once_nobody_looks() -> None:
    values = [Value(1.0), Value(2.0)]
    leaves = Leaves(values)
    first = leaves.numbers()
    assert list(first) == [1.0, 2.0]
    assert leaves.numbers() is first  # no walk over the values
    values[1].data = 5.0
    for _ in range(10):
        assert list(leaves.numbers()) == [1.0, 5.0]
    assert type(values[0]) is not Value
    assert values[0].data == 1.0


def test_taking_turns_does_not_lend_every_time() -> None:
    values = [Value(float(k)) for k in range(5)]
    leaves = Leaves(values)
    lendings = 0
    for k in range(200):
        found = leaves.numbers()
        lendings += type(values[0]) is not Value
        assert list(found) == [v.data for v in values]
        values[k % 5].data += 1.0
    assert lendings <= 8


def test_two_readers_of_some_of_the_same_values() -> None:
    values = [Value(float(k)) for k in range(4)]
    one, other = Leaves(values[:3]), Leaves(values[1:])
    for _ in range(5):
        assert list(one.numbers()) == [0.0, 1.0, 2.0]
        assert list(other.numbers()) == [1.0, 2.0, 3.0]
    assert Leaves([]).numbers() == []


def test_a_loan_in_single_precision_is_read_but_never_made_by_a_reader() -> None:
    value = Value(0.1)
    leaves = Leaves([value])
    assert leaves.numbers()[0] == 0.1
    assert value.data == 0.1


def test_what_another_thread_lends_again_meanwhile() -> None:
    """A number is found wherever it went, and who wants all of them waits until nobody has one."""
    values = [Value(float(k)) for k in range(3)]
    first, second = (Loan(values, np.zeros(3)) for _ in range(2))
    first.take()
    first.glimpses = 99
    give_back, times = first.give_back, [0]

    def give_back_and_lend_again() -> None:
        give_back()
        times[0] += 1
        if times[0] < 3:
            second.take()

    first.give_back = give_back_and_lend_again
    assert values[2].data == 2.0
    assert (first.open, second.open) == (False, True)
    first.take()
    assert (first.open, second.open) == (True, False)
    second.take()
    assert [value.data for value in values] == [0.0, 1.0, 2.0]


def test_what_is_lent_already_is_not_taken_again() -> None:
    """The Values' own numbers are old by then: they would replace those in the array."""
    _, array, loan = lent()
    loan.take()
    assert loan.open
    assert list(array) == [7.0, 8.0, 9.0]


def test_another_thread_may_give_the_numbers_back_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries to lend them: there is nothing to have back then."""
    values, array, tries = [Value(1.0), Value(2.0)], np.zeros(2), iter([False])
    lend = Loan._lend_if_free
    monkeypatch.setattr(Loan, "_lend_if_free", lambda loan: next(tries, True) and lend(loan))
    loan = Loan(values, array)
    loan.take()
    assert loan.open
    assert list(array) == [1.0, 2.0]
    loan.give_back()


def test_a_number_beyond_float32_is_not_lent_to_it() -> None:
    """It came back as inf."""
    values = [Value(0.1), Value(-1e300), Value(float("inf"))]
    with pytest.raises(OverflowError, match=r"Value\(data=-1e\+300.* beyond the numbers of float32: .*'float64'"):
        Loan(values, np.zeros(3, np.float32)).take()
    assert [v.data for v in values] == [0.1, -1e300, float("inf")]
    values[1].data = 2.0
    loan = Loan(values, np.zeros(3, np.float32))
    loan.take()
    assert loan.array.tolist() == [np.float32(0.1), 2.0, float("inf")]
