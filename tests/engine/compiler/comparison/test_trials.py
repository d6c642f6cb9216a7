"""The second net: programs of another function than the one that was written are caught on telling samples."""

from __future__ import annotations

import math
import operator
import threading
from random import Random
from typing import Any

import pytest

import engine
import nn
from engine import Interval, TraceError, Value
from engine.compiler.comparison import trials
from engine.compiler.comparison.templates import check_templates
from engine.compiler.samples.arguments import as_batch
from engine.compiler.values import showing
from engine.compiler.values.lending import Loan
from tests.needs import INSTALLED, NATIVE, needs

BACKENDS = pytest.mark.parametrize("backend", INSTALLED)
_are_one = operator.is_  # under a name by which the trace does not know it, so that only the comparison can tell


@pytest.fixture(autouse=True)
def _time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.compiler.comparison.single.LEAST", 60.0)


@BACKENDS
@pytest.mark.parametrize(
    "factor",
    [
        lambda y: {0: 1.0, 1: 5.0}.get(y, 1.0),
        lambda y: 5.0 if y in {1, 2} else 1.0,
        lambda y: 5.0 if isinstance(y, Value) else 1.0,
        lambda y: [1.0, 5.0][[0, 1].index(y)] if isinstance(y, int) else 1.0,
    ],
)
def test_a_label_that_is_used_as_an_object(factor: Any, backend: str) -> None:
    """A traced label is no key of a dict; the first samples all have the label that this does not matter for."""
    w = Value(0.5)
    compiled = engine.compile(lambda x, y: w * x * factor(y), backend=backend)
    with pytest.raises((TraceError, ValueError, KeyError)):
        compiled([1.0, 2.0, 3.0, 4.0, 5.0], [0, 0, 0, 1, 0])


@BACKENDS
def test_parameters_that_a_function_reads_in_a_roundabout_way(backend: str) -> None:
    """The number decides only where it is far from the present one; the second trace does not get there."""
    w = Value(0.1)
    compiled = engine.compile(lambda x: w * x if w._z > -0.05 else -x, backend=backend)
    with pytest.raises(TraceError, match="with other numbers in its parameters"):
        compiled.value_and_grad([1.0, 2.0])
    assert w.data == 0.1


@BACKENDS
def test_an_error_or_nan_at_other_parameters_is_no_verdict(backend: str) -> None:
    w = Value(0.5)

    def root(x: Any) -> Any:
        if engine.purpose() != "trace" and w._z < 0:
            raise ZeroDivisionError
        return engine.log(w) * x + engine.sqrt(w + 0.2)

    assert engine.compile(root, backend=backend)([1.0])[0] == pytest.approx(math.log(0.5) + math.sqrt(0.7))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([[0.1]], "0 0a 0b"),
        ([[0.1] * 6, [2, 2, 0, 1, 0, 2]], "0 0a 5 0b 2 5a 3 5b 0b 1 4"),
        ([[0.1] * 6, [3, 2, 0, 1, 4, 2]], "0 0a 5 0b 1 5a 2 5b 3 1a 4 1b 0b"),
        ([[0.1] * 3, [0, 1, 1], [1, 1, 1]], "0 0a 2 0b 0b 1"),
        ([[0.1] * 3, [1, 1, 1], [0, 1, 1]], "0 0a 2 0b 1 2a 0b"),
        ([[0.1 * k for k in range(8)]], "0 0a 7 0b 0b 2 4 6"),
    ],
)
def test_which_samples_are_compared(columns: Any, expected: str) -> None:
    """The first, the last, the first of each label, and some in between; with other parameters (a, b) half as many."""
    names = {None: "", trials.CHANGES[0]: "a", trials.CHANGES[1]: "b"}
    assert " ".join(f"{row}{names[change]}" for row, change in trials.trials(as_batch(columns, None))) == expected


def test_labels_are_looked_for_only_where_a_second_sample_is_compared() -> None:
    batch = as_batch([[0.1] * 3, [0, 1, 2]], None)
    labels = batch.arrays[1]
    object.__setattr__(batch, "arrays", (batch.arrays[0], None))  # of which nobody can tell labels
    found = trials.trials(batch)
    assert next(found) == (0, None)
    object.__setattr__(batch, "arrays", (batch.arrays[0], labels))
    assert {row for row, _ in found} == {0, 1, 2}


def test_numbers_that_are_shown_are_not_written() -> None:
    w, seen = Value(2.0), list[float]()
    with showing.showing([w], [-3.0]):
        assert (w.data, (w * w).data) == (-3.0, 9.0)
        thread = threading.Thread(target=lambda: seen.append(w.data))
        thread.start()
        thread.join()
        w.data = 4.0
        assert w.data == -3.0
        with pytest.raises(RuntimeError, match="cannot be lent"):
            engine.compiler.values.lending.Loan([w], [0.0]).take()
    assert (w.data, seen) == (4.0, [2.0])


def test_networks_find_the_numbers_that_are_shown() -> None:
    """In the order of their leaves, in any other, and where a row is read twice or in part; other threads their own."""
    model, x, random = nn.MLP(3, [4, 2], "tanh", seed=1), [0.3, -1.2, 0.7], Random(1)
    leaves = model.parameters()
    numbers, own, seen = [2.0 - 0.1 * k for k in range(len(leaves))], [z.data for z in model(x)], list[float]()
    other = nn.MLP(3, [4, 2], "tanh")
    for parameter, number in zip(other.parameters(), numbers):
        parameter.data = number
    expected = [z.data for z in other(x)]
    for shown in (leaves, random.sample(leaves, len(leaves)), [Value(5.0), *leaves[::-1], Value(6.0)]):
        place = dict(zip(leaves, numbers))
        with showing.showing(shown, [place.get(leaf, 0.0) for leaf in shown]):
            assert [z.data for z in model(x)] == expected == [z.data for z in model(x)]
            thread = threading.Thread(target=lambda: seen.extend(z.data for z in model(x)))
            thread.start()
            thread.join()
    assert [z.data for z in model(x)] == own
    assert seen == 3 * own


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_sample_as_it_was_given(dtype: str) -> None:
    np = needs("numpy")
    batch = as_batch([[[0.1, 2]], np.array([[3]]), np.array([True]), [7]], dtype)
    exact = 0.1 if dtype == "float64" else float(np.float32(0.1))
    assert batch.first_as_given() == [[exact, 2], [3], True, 7]
    assert type(batch.first_as_given()[3]) is (int if dtype == "float64" else float)


@BACKENDS
def test_a_label_that_comes_later_is_compared_too(backend: str) -> None:
    w = Value(0.5)
    compiled = engine.compile(lambda x, y: w * x * (5.0 if _are_one(y == 1, True) else 1.0), backend=backend)
    assert list(compiled([1.0, 2.0], [0, 0])) == [0.5, 1.0]
    assert list(compiled([1.0, 2.0], [0, 2])) == [0.5, 1.0]
    for _ in range(2):
        with pytest.raises(TraceError, match="uses a label as an object"):
            compiled([1.0, 2.0], [2, 1])


@NATIVE
@pytest.mark.parametrize("many", [False, True])
def test_code_of_this_package_is_compared_with_other_numbers_too(many: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is right at the numbers of the start alone; of many parameters, memory is given back meanwhile."""
    from engine.compiler.backends.llvm.program import NativeProgram

    model = nn.MLP(3, [4, 2], "tanh", seed=11)
    own, run = [parameter.data for parameter in model.parameters()], NativeProgram.run

    def wrong(self: Any, numbers: Any, *arguments: Any) -> Any:
        outputs, gradient = run(self, numbers, *arguments)
        return outputs + float(list(numbers) != own), gradient

    monkeypatch.setattr(NativeProgram, "run", wrong)
    monkeypatch.setattr("engine.compiler.comparison.heap._LARGE", 0 if many else 10**9)
    trainer = nn.Trainer(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
    with pytest.raises(TraceError, match="with other numbers in its parameters"):
        trainer.step([[0.3, -0.2, 0.5]] * 5, [0, 1, 0, 1, 1])
    assert [parameter.data for parameter in model.parameters()] == own


def test_numbers_in_an_array_are_those_in_a_list() -> None:
    needs("numpy")
    values = [Value(x) for x in (0.1, -0.0, 1e300, -7.3, 2.0 / 3.0)]
    for change in (None, *trials.CHANGES):
        numbers = trials.Numbers(values)
        array = numbers.of(change, in_list=False)
        wanted = [value.data if change is None else change(value.data) for value in values]
        assert array.tolist() == numbers.of(change) == trials.Numbers(values).of(change) == wanted
        with numbers.shown(change):
            assert [float(value) for value in values] == wanted


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values_that_a_program_has_stay_there_while_they_are_compared(dtype: str) -> None:
    """Eager code finds the numbers that the program has by now; of others than all of its Values it reads their own."""
    np = needs("numpy")
    values = [Value(float(k)) for k in range(40)]
    loan = Loan(values, np.zeros(40, dtype))
    loan.take()
    loan.array[:] = wanted = [k + 0.5 for k in range(40)]
    numbers = trials.Numbers([*values])
    for change in (None, *trials.CHANGES):
        changed = wanted if change is None else [*map(change, wanted)]
        with numbers.shown(change):
            assert [value.data for value in values] == changed
        assert numbers.of(change) == numbers.of(change, in_list=False).tolist() == changed
    assert loan.open
    loan.array[:] = 7.0
    assert trials.Numbers(values[:30]).of(None) == [7.0] * 30
    assert not loan.open
    assert values[-1].data == 7.0


@pytest.mark.parametrize(
    ("forward", "native"),
    [
        (lambda x: x * x * x, "x * x * x + (0.1 if x > 2 else 0)"),
        (lambda x: x * x * x, "x * x * x if x > -30 else 0"),
        (lambda x, y: x - y, "y - x"),
        (lambda x, y: x * y, "x * y if x != y else 0"),
        *[
            (lambda x, y: x * y, f"x * y + (x == {x}) * (y == {y})")
            for x, y in ((1e-3, 1.0), (-1e-3, -2.5), (7.3, -2.0))
        ],
        (lambda x: 1e-4 * x, "1.0001e-4 * x"),
        (lambda *xs: max(xs), "x if x > z or x < -10 else z"),
    ],
)
def test_a_template_that_is_another_function_than_the_forward_one(forward: Any, native: str) -> None:
    """Whatever samples are compared: it may be wrong for others alone."""
    needs("numpy")
    arity = forward.__code__.co_argcount
    rules: Any = [lambda z, *xs: 1.0] * arity or (lambda z, *xs: [1.0] * len(xs))
    if arity == 1:
        rules = [lambda z, x: 3 * x * x]
    elif arity == 2:
        rules = [lambda z, x, y: 1.0, lambda z, x, y: -1.0]
    wrong = engine.declare("wrong_template", forward, rules, native=native, method=False)
    try:
        called = (lambda x: wrong([x, 1.5, x])) if not arity else (lambda x: wrong(*[x, 1.5][:arity]))
        for backend in INSTALLED:
            with pytest.raises(TraceError, match=r"(?s)the native template of wrong_template.* leave native= out"):
                engine.compile(called, backend=backend)([1.0, 1.5])
    finally:
        del engine.PRIMITIVES["wrong_template"]


@pytest.mark.parametrize(
    ("forward", "native", "domain"),
    [
        (lambda x: math.exp(x) if x < 709.0 else math.inf, "exp(x)", None),
        (lambda x: math.exp(x) if x < 709.0 else math.inf, "exp(x / 3) * exp(x / 3) * exp(x / 3)", None),
        (lambda x, y: x + y, "x + fabs(y)", (Interval(), Interval(0.0, math.inf))),
    ],
)
def test_a_template_that_is_the_forward_function_is_taken(forward: Any, native: str, domain: Any) -> None:
    """Also where both are infinite, where they are rounded otherwise, and whatever it gives beyond the domain."""
    needs("numpy")
    count = forward.__code__.co_argcount
    settings = {"domain": domain} if domain else {}
    right = engine.declare(
        "right_template", forward, [lambda z, *xs: 1.0] * count, native=native, method=False, **settings
    )
    try:
        check_templates([None, right])
    finally:
        del engine.PRIMITIVES["right_template"]


def test_samples_in_the_midst_of_a_batch_are_compared_too() -> None:
    w = Value(2.0)
    compiled = engine.compile(lambda x: w * x * (2.0 if _are_one(x == 0.5, True) else 1.0), backend="python")
    with pytest.raises(TraceError, match="differs"):
        compiled([1.0, 2.0, 0.5, 3.0])
