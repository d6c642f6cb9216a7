"""Steps on samples and labels in any form a user may have them: those of eager training, or none.

Each row is given to a compiled and an eager training that are equal so far, and is one more step of both, or of none.
The compiled one makes its steps in native code that reads objects of Python and NumPy where they are.
"""

from __future__ import annotations

import array
import decimal
import fractions
import functools
import math
import threading
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import Any

import pytest

import nn
from engine import Value
from engine.compiler.samples import arguments, batch
from nn import MLP, SGD, EagerStep, Trainer
from tests.needs import needs
from tests.nn.training.arrays import fixed, unaligned

np = needs("numpy")
needs("llvmlite")

COUNT = 12
RNG = np.random.default_rng(5)
X, CLASSES = RNG.integers(-8, 8, (COUNT, 4)) / 4.0, RNG.integers(0, 3, COUNT)
TARGETS, ONE_HOT = RNG.integers(-8, 8, COUNT) / 4.0, np.eye(3)[CLASSES]
LOSSES = {
    "classes": (nn.cross_entropy, 3, CLASSES),
    "rows": (nn.cross_entropy, 3, ONE_HOT),
    "targets": (nn.mse, 1, TARGETS),
}
RIGHT = [2, 1, 0] * 4


class Listed(list[Any]):
    """A list of a class of one's own, which shows what it holds."""

    def __getitem__(self, place: Any) -> Any:
        return super().__getitem__(place)


class Iterates(list[Any]):
    """Shows others to who goes through it."""

    def __iter__(self) -> Any:
        return iter(RIGHT[: len(self)])


class Indexes(list[Any]):
    """Shows others to who asks for one."""

    def __getitem__(self, place: Any) -> Any:
        return RIGHT[place]


class Pair(tuple[Any, ...]):
    """The same as a tuple."""

    __slots__ = ()

    def __iter__(self) -> Any:
        return iter(RIGHT[: len(self)])


class Shown(np.ndarray[Any, Any]):
    """An array that shows others."""

    def tolist(self) -> Any:
        return RIGHT

    def __getitem__(self, place: Any) -> Any:
        return RIGHT[place]

    def __iter__(self) -> Any:
        return iter(RIGHT)


class Plain(np.ndarray[Any, Any]):
    """An array of a class of one's own."""


class OtherFloat(float):
    """Becomes another float."""

    def __float__(self) -> float:
        return 2.0


class OtherInt(int):
    """The same of an int; NumPy takes the int."""

    def __float__(self) -> float:
        return 2.0


class HasFloat:
    """A number of a class of one's own."""

    def __float__(self) -> float:
        return 1.0


def _with(number: Any) -> Callable[[Any], Any]:
    """One number of a list is that."""

    def form(given: Any) -> Any:
        rows = given.tolist()
        if isinstance(rows[0], list):
            rows[1][2] = number
        else:
            rows[1] = number
        return rows

    return form


def _in_array(number: Any, kind: str = "f8") -> Callable[[Any], Any]:
    """One number of an array is that."""

    def form(given: Any) -> Any:
        other = np.array(given, kind)
        other.reshape(-1)[5] = number
        return other

    return form


def _row(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """One row, or label, is made into something else."""
    return lambda given: [make(part) if k == 3 else part for k, part in enumerate(given.tolist())]


def _masked(given: Any, masked: int = 5) -> Any:
    return np.ma.array(given, mask=np.arange(given.size).reshape(given.shape) == masked)


def _steps_over(given: Any) -> Any:
    return np.repeat(given, 2, axis=-1)[..., ::2]


FORMS: dict[str, Callable[[Any], Any]] = {
    "the same": lambda a: a,
    "a copy": lambda a: a.copy(),
    "read-only": fixed,
    "a slice": _steps_over,
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "columns backwards": lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    "one for all": lambda a: np.broadcast_to(a[0], a.shape),
    "by columns": np.asfortranarray,
    "between words": unaligned,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "float16": lambda a: a.astype("f2"),
    "float32": lambda a: a.astype("f4"),
    "long double": lambda a: a.astype(np.longdouble),
    "int64": lambda a: a.astype("i8"),
    "int32": lambda a: a.astype("i4"),
    "uint8": lambda a: np.abs(a).astype("u1"),
    "uint64 beyond int64": lambda a: np.abs(a).astype("u8") + np.uint64(2**63),
    "bools": lambda a: a > 0,
    "objects": lambda a: a.astype(object),
    "texts": lambda a: a.astype(str),
    "bytes": lambda a: a.astype("S8"),
    "complex": lambda a: a + 0j,
    "times": lambda a: a.astype("i8").astype("M8[s]"),
    "durations": lambda a: a.astype("i8").astype("m8[s]"),
    "fields": lambda a: np.zeros(len(a), "f8,f8"),
    "a class of one's own": lambda a: a.view(Plain),
    "an array that shows others": lambda a: a.view(Shown),
    "masked, nothing": lambda a: _masked(a, -1),
    "masked": _masked,
    "a single number": lambda a: np.array(1.0),
    "one more dimension": lambda a: a[..., None],
    "one dimension less": lambda a: a.ravel(),
    "transposed": lambda a: a.T,
    "nothing": lambda a: a[:0],
    "fewer": lambda a: a[1:],
    "more": lambda a: np.concatenate([a, a[:1]]),
    "lists": lambda a: a.tolist(),
    "tuples": lambda a: tuple([tuple(r) if isinstance(r, list) else r for r in a.tolist()]),
    "a list of arrays": list,
    "a list of lists of one's own": lambda a: Listed([Listed(r) if isinstance(r, list) else r for r in a.tolist()]),
    "iterates otherwise": lambda a: Iterates(a.tolist()),
    "indexes otherwise": lambda a: Indexes(a.tolist()),
    "a tuple that iterates otherwise": lambda a: Pair(a.tolist()),
    "a row that iterates otherwise": _row(lambda r: Iterates(r if isinstance(r, list) else [r])),
    "a row that indexes otherwise": _row(lambda r: Indexes(r if isinstance(r, list) else [r])),
    "a row that shows others": _row(lambda r: np.array(r).view(Shown)),
    "a masked row": _row(lambda r: _masked(np.array(r), 0)),
    "a row as a tuple": _row(lambda r: tuple(r) if isinstance(r, list) else r),
    "a row as an array": _row(np.array),
    "a row as array.array": _row(lambda r: array.array("d", r) if isinstance(r, list) else r),
    "a row is None": _row(lambda r: None),
    "a row is text": _row(lambda r: "1234"),
    "a shorter row": _row(lambda r: r[:-1] if isinstance(r, list) else []),
    "a longer row": _row(lambda r: [*r, 1.0] if isinstance(r, list) else [r, r]),
    "the same row": lambda a: [a.tolist()[0]] * len(a),
    "a dict": lambda a: dict(enumerate(a.tolist())),
    "a set": lambda a: {*range(len(a))},
    "a range": lambda a: range(len(a)),
    "None": lambda a: None,
    "one number": lambda a: 1.0,
    "a text": lambda a: "abcdabcdabcd",
    "nan in an array": _in_array(math.nan),
    "inf in an array": _in_array(math.inf),
    "-0.0 in an array": _in_array(-0.0),
    "0.1 in an array": _in_array(0.1),
    "0.1 in a float32 array": _in_array(0.1, "f4"),
    "nan in a float32 array": _in_array(math.nan, "f4"),
    "5e-324 in an array": _in_array(5e-324),
    "3 in an int array": _in_array(3, "i8"),
    "-1 in an int array": _in_array(-1, "i8"),
    "2**53 + 1 in an int array": _in_array(2**53 + 1, "i8"),
    "the least int64": _in_array(-(2**63), "i8"),
    **{f"{number!r} in a list": _with(number) for number in (
        0, 1, 2, 3, -1, -5, -6, 256, 257, 0.5, 0.1, -0.0, 1 + 2**-52, 5e-324, math.nan, math.inf, -math.inf,
        2**53, 2**53 + 1, -(2**53) - 1, 2**62, 2**63 - 1, 2**63, -(2**63), 2**64, 10**400,
        True, False, None, "1", b"1", 1j, [1.0],
        np.float64(1), np.float32(1), np.int64(1), np.bool_(True), np.array(1.0), np.array([1.0]),
        fractions.Fraction(1, 2), decimal.Decimal("0.5"),
    )},
    "another float in a list": _with(OtherFloat(1.0)),
    "another int in a list": _with(OtherInt(1)),
    "what has a float in a list": _with(HasFloat()),
    "a Value in a list": _with(Value(1.0)),
    "a masked number in a list": _with(np.ma.masked),
}  # fmt: skip  # numbers of a kind in a line


class Both:
    """A compiled and an eager training of equal networks, after equal steps."""

    def __init__(self, name: str, dtype: str) -> None:
        loss, outputs, self.labels = LOSSES[name]
        models = [MLP(4, [2, outputs], activation="tanh", seed=7) for _ in range(2)]
        optimizers = [SGD(m.parameters(), 0.01, momentum=0.5) for m in models]
        self.compiled: Any = Trainer(models[0], loss, optimizers[0], "llvm", dtype)
        self.eager = EagerStep(models[1], loss, optimizers[1])
        self.tolerance = 1e-9 if dtype == "float64" else 1e-3
        self.models = models
        self._numbers = [p.data for p in models[0].parameters()]

    def begin_anew(self) -> None:
        """Both models as they were made: samples of one row would lead the loss of the others anywhere."""
        for model in self.models:
            for parameter, number in zip(model.parameters(), self._numbers):
                parameter.data = number
        for step in (self.compiled, self.eager):
            step.optimizer._take_back()
            step.optimizer._own_state = (0, tuple([] for _ in step.optimizer._own_state[1]))

    def until_quick(self) -> None:
        """The next step is made in native code; in time of a look it is not, so there may have to be some."""
        for _ in range(1000):
            again = self.compiled._again
            if again is not None and isinstance(again.step, BuiltinFunctionType):
                return
            self.step(X, self.labels)
        raise AssertionError("native code never makes a step by itself")

    def step(self, x: Any, y: Any) -> list[Any]:
        """The losses of both, or their errors."""

        def tried(step: Callable[[Any, Any], float]) -> Any:
            try:
                return step(x, y)
            except Exception as error:
                return error

        return [*map(tried, (self.compiled.step, self.eager))]

    def hold_the_same(self) -> None:
        """Whatever was made, both have made it."""
        compiled, eager = ([p.data for p in m.parameters()] for m in self.models)
        assert compiled == pytest.approx(eager, rel=self.tolerance, abs=self.tolerance)


@functools.cache
def both(name: str, dtype: str) -> Both:
    """One pair for all rows, which take turns on it."""
    return Both(name, dtype)


@pytest.mark.filterwarnings("ignore")  # NumPy's, of numbers that it makes of odd ones
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("which", ["samples", "labels"])
def test_a_step_on_any_form_is_the_eager_one_or_none(which: str, form: str, loss: str, dtype: str) -> None:
    pair, make = both(loss, dtype), FORMS[form]
    pair.begin_anew()
    pair.until_quick()
    x, y = (make(X), pair.labels) if which == "samples" else (X, make(pair.labels))
    before = [p.data for p in pair.models[0].parameters()]
    compiled, eager = pair.step(x, y)
    if isinstance(compiled, Exception):
        assert str(compiled)
        assert [p.data for p in pair.models[0].parameters()] == before
        if not isinstance(eager, Exception):  # a refusal of what eager steps take: both go on from there
            for p, number in zip(pair.models[0].parameters(), [p.data for p in pair.models[1].parameters()]):
                p.data = number
            pair.compiled.optimizer._take_back()
            pair.eager.optimizer._take_back()
            pair.compiled.optimizer._own_state = pair.eager.optimizer._own_state
    else:
        assert compiled == pytest.approx(eager, rel=pair.tolerance, abs=pair.tolerance)
    pair.hold_the_same()


def test_batches_of_all_sizes_in_turns_and_in_all_forms() -> None:
    pair, forms = (
        Both("classes", "float64"),
        ["the same", "lists", "float32", "by columns", "backwards", "a list of arrays"],
    )
    for k in range(60):
        count = (1, 12, 5, 8, 12, 600)[k * k % 6]
        rows = RNG.integers(0, COUNT, count)
        x, y = (FORMS[forms[(k + part) % 6]](given[rows]) for part, given in ((0, X), (1, CLASSES)))
        for _ in range(1 + k % 4):
            compiled, eager = pair.step(x, y)
            assert compiled == pytest.approx(eager, rel=1e-9)
    pair.hold_the_same()


def test_lists_that_another_thread_changes_meanwhile_are_read_before_or_after() -> None:
    model = MLP(4, [5, 3], activation="tanh", seed=7)
    trainer = Trainer(model, nn.cross_entropy, SGD(model.parameters(), 1e-300), "llvm")
    contents = [(X.tolist(), CLASSES.tolist()), (X[::-1].tolist(), ((CLASSES + 1) % 3).tolist())]
    known = {trainer.step(x, y) for x, _ in contents for _, y in contents}
    x, y = (part.copy() for part in contents[0])
    over = threading.Event()

    def change() -> None:
        k = 0
        while not over.is_set():
            k += 1
            x[:], y[:] = contents[k % 2]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        found = {trainer.step(x, y) for _ in range(3000)}
    finally:
        over.set()
        thread.join()
    assert found <= known


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize(
    ("loss", "outputs", "right", "wrong"),
    [
        (nn.cross_entropy, 3, CLASSES, 7),
        (nn.cross_entropy, 3, ONE_HOT, [0, 0, 7]),
        (nn.hinge, 1, CLASSES % 2 * 2 - 1, 7),
    ],
)
def test_labels_that_change_while_they_are_read_are_checked_as_they_were_read(
    loss: Any, outputs: int, right: Any, wrong: Any, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of hinge was trained on unchecked; a class that there is not made the loss nan."""
    model = MLP(4, [5, outputs], activation="tanh", seed=7)
    trainer = Trainer(model, loss, SGD(model.parameters(), 0.1), "llvm")
    for _ in range(steps):
        trainer.step(X, right)
    labels, read = right.tolist(), batch.plain_array
    labels[0] = wrong

    def and_changed(argument: Any, position: int) -> Any:
        found = read(argument, position)
        if position == 2:
            labels[0] = right[0]
        return found

    for module in (arguments, batch):
        monkeypatch.setattr(module, "plain_array", and_changed)
    with pytest.raises((IndexError, ValueError), match=r"class 7 is out of range|, not 7"):
        trainer.step(X, labels)
    assert trainer.steps == steps
