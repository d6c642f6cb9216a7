"""The checks of input: what they take, what they refuse, and that a refusal names value and remedy."""

import random
from array import array
from fractions import Fraction

import numpy as np
import pytest

import nn
from engine import Constant, Value
from nn import arguments as checks
from nn import rows


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ([1], True),
        ((), True),
        (np.zeros(3), True),
        (range(3), True),
        (np.float64(1.0), False),
        (np.array(1.0), False),
        (Value(1.0), False),
        ("text", False),
        ({"a": 1}, False),
        ({1, 2}, False),
        (3.0, False),
        (None, False),
        ((i for i in range(3)), False),
    ],
)
def test_is_row(item, expected):
    assert rows.is_row(item) is expected


class Tensor:
    """What a tensor of PyTorch is to whoever does not know it."""

    def __init__(self, numbers):
        self.numbers, self.dtype, self.ndim = np.array(numbers), "torch.float64", np.ndim(numbers)

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, place):
        return Tensor(self.numbers[place])

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")

    def detach(self):
        return self.numbers


@pytest.mark.parametrize("whole", [True, False])
def test_tensors_of_other_libraries_are_arrays(whole):
    rows, labels = [[0.0, 1.0], [1.0, 0.5], [0.5, 0.0], [1.0, 1.0]], [0, 1, 0, 1]
    X, y = (Tensor(data) if whole else [Tensor(item) for item in data] for data in (rows, labels))
    losses = []
    for samples, classes in ((X, y), (rows, labels)):
        model = nn.MLP(2, [2], seed=0)
        optimizer = nn.SGD(model.parameters(), lr=0.1)
        losses.append(nn.fit(model, samples, classes, nn.cross_entropy, optimizer, 3, seed=0, validation=0.5).losses)
        assert 0.0 <= nn.accuracy(model, samples, classes) <= 1.0
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)


def _fit(X):
    model = nn.MLP(2, [2], seed=1)
    nn.fit(model, X, [0, 1], nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))


@pytest.mark.parametrize(
    "use",
    [_fit, lambda X: nn.predict(nn.MLP(2, [2]), X), lambda X: nn.accuracy(nn.MLP(2, [2]), X, [0, 1])],
    ids=["fit", "predict", "accuracy"],
)
@pytest.mark.parametrize("error", [TypeError("Got unsupported ScalarType BFloat16"), RuntimeError("on cuda:0")])
def test_a_tensor_that_numpy_cannot_read_gets_the_remedy(use, error):
    class Tensor:
        dtype = "bfloat16"

        def __array__(self, *_, **__):
            raise error

    with pytest.raises(TypeError, match=rf"cannot read a Tensor of bfloat16: {error}; .*X\.float\(\)\.cpu\(\)"):
        use(Tensor())


@pytest.mark.parametrize("given", ["jax", "", None, ["llvm"]])
def test_a_backend_is_one_of_the_compilers_or_eager(given):
    assert [checks.known_backend(name) for name in checks.BACKENDS] == [*checks.BACKENDS]
    model = nn.MLP(1, [1], seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    for use in (
        lambda: nn.fit(model, [[1.0]], [1.0], nn.mse, optimizer, backend=given),
        lambda: nn.predict(model, [[1.0]], backend=given),
        lambda: nn.evaluate(model, [[1.0]], [1.0], nn.mse, backend=given),
    ):
        with pytest.raises(ValueError, match="backend must be one of auto, llvm, numpy, python, eager, not "):
            use()


@pytest.mark.parametrize("label", [2, 2.0, np.int64(2), np.uint8(2), np.float32(2.0), np.array(2), Fraction(2)])
def test_class_index_takes_every_whole_number(label):
    index = checks.class_index(label, 3)
    assert index == 2
    assert type(index) is int


@pytest.mark.parametrize(
    ("label", "error", "message"),
    [
        (3, IndexError, "class 3 is out of range: with 3 classes labels go from 0 to 2"),
        (-1, IndexError, "class -1 is out of range"),
        (np.int8(-1), IndexError, "class -1"),
        (1.5, ValueError, "must be whole, from 0 to 2, not 1.5"),
        (float("nan"), ValueError, "not nan"),
        (float("inf"), ValueError, "not inf"),
        (True, TypeError, r"bool True: write int\(label\)"),
        (np.bool_(False), TypeError, "bool False"),
        ("1", TypeError, "a class index from 0 to 2 must be a number, not str '1'"),
        (None, TypeError, "not NoneType None"),
        (1j, TypeError, "not complex 1j"),
        (np.ma.array([2, 1], mask=[True, False])[0], TypeError, "not MaskedConstant masked"),  # it was class 0
        (np.ma.array(1, mask=True), TypeError, "not MaskedArray"),  # and this 1
    ],
)
def test_class_index_refuses(label, error, message):
    with pytest.raises(error, match=message):
        checks.class_index(label, 3)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0, ValueError, "batch_size must be at least 1, not 0"),
        (-3, ValueError, "at least 1, not -3"),
        (2.5, TypeError, "batch_size must be a whole number, not float 2.5: give an int of at least 1"),
        (True, TypeError, "not bool True"),
        ("8", TypeError, "not str '8'"),
        (None, TypeError, "not NoneType None"),
    ],
)
def test_whole_number_refuses(value, error, message):
    with pytest.raises(error, match=message):
        checks.whole_number("batch_size", value, least=1)


def test_whole_number_takes_numpy_integers():
    assert checks.whole_number("nin", np.int32(4), least=1) == 4


@pytest.mark.parametrize("value", [0.25, np.float32(0.25), np.array(0.25), np.ma.array(0.25), Fraction(1, 4)])
def test_real_number_takes_every_real(value):
    number = checks.real_number("lr", value, least=0.0)
    assert number == 0.25
    assert type(number) is float


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (-0.1, ValueError, "lr must be a finite number of at least 0, not -0.1"),
        (float("nan"), ValueError, "not nan"),
        (float("inf"), ValueError, "not inf"),
        (10**400, ValueError, "not inf"),
        ("0.1", TypeError, "lr must be a number, not str '0.1'"),
        (None, TypeError, "not NoneType None"),
        (True, TypeError, "not bool True"),
        (Value(0.1), TypeError, "not Value"),
        (np.ma.masked, TypeError, "not MaskedConstant masked"),
    ],
)
def test_real_number_refuses(value, error, message):
    with pytest.raises(error, match=message):
        checks.real_number("lr", value, least=0.0)


def test_as_inputs_keeps_values_and_makes_numbers_constants():
    v = Value(2.0)
    first, second, third = rows.as_inputs("model", (v, 3, np.float64(0.5)), 3)
    assert first is v
    assert isinstance(second, Constant)
    assert second.data == 3.0
    assert third.data == 0.5


def test_random_source():
    rng = random.Random(1)
    assert checks.random_source(rng) is rng
    assert checks.random_source(7).random() == random.Random(7).random()
    assert checks.random_source(np.int64(7)).random() == random.Random(7).random()


def test_without_a_seed_the_module_random_decides():
    random.seed(3)
    first = checks.random_source(None).random()
    second = checks.random_source(None).random()
    random.seed(3)
    assert checks.random_source(None).random() == first
    assert first != second


@pytest.mark.parametrize(("seed", "error"), [(1.5, TypeError), ("1", TypeError), (True, TypeError), (-1, ValueError)])
def test_random_source_refuses(seed, error):
    with pytest.raises(error, match="seed must be"):
        checks.random_source(seed)


def test_messages_stay_short():
    with pytest.raises(TypeError) as caught:
        checks.real_number("lr", list(range(100_000)))
    assert len(str(caught.value)) < 120


class Table:
    """Rows as a DataFrame has them, for which iteration gives columns."""

    def __init__(self, rows):
        self.rows = rows

    def to_numpy(self):
        return np.array(self.rows)


def test_samples_of_a_table_are_its_rows():
    found = rows.as_samples("X", Table([[1.0, 2.0], [3.0, 4.0]]))
    assert found.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(ValueError, match="X is empty: give at least one item"):
        rows.as_samples("X", Table([]))
    with pytest.raises(TypeError, match="X must be a list, tuple or array, not float64"):
        rows.as_samples("X", np.float64(1.0))


@pytest.mark.parametrize("backend", ["python", "eager"])
def test_a_view_of_several_dimensions_is_read_by_rows(backend: str) -> None:
    """Python cannot go through its rows: it raises NotImplementedError."""
    numbers = array("d", [0.0, 1.0, 2.0, 3.0])
    table, model = memoryview(numbers).cast("B").cast("d", (2, 2)), nn.MLP(2, [1], seed=1)
    assert nn.predict(model, table, backend=backend) == nn.predict(model, [[0.0, 1.0], [2.0, 3.0]], backend=backend)
