"""A call like the last one takes a shorter way, and gives what a first call gives."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import engine
import nn
from engine import Value
from tests.needs import needs
from tests.nn.evaluation.networks import X, network

np = needs("numpy")

pytestmark = pytest.mark.usefixtures("compile_at_once")


SAMPLES = {
    "array": lambda rows: rows,
    "lists": lambda rows: rows.tolist(),
    "whole numbers": lambda rows: np.rint(rows).astype(int),
    "float32": lambda rows: rows.astype(np.float32),
    "Fortran order": np.asfortranarray,
    "strided": lambda rows: np.repeat(rows, 2, axis=1)[:, ::2],
    "byte-swapped": lambda rows: rows.astype(rows.dtype.newbyteorder()),
    "bools": lambda rows: rows > 0.0,
    "tuples": lambda rows: [tuple(row) for row in rows.tolist()],
    "read only": lambda rows: np.broadcast_to(rows[:1], rows.shape),
}


@pytest.mark.parametrize("size", [1, 3, 30])
@pytest.mark.parametrize("form", SAMPLES)
def test_samples_in_any_form_after_many_of_one(form, size):
    """Those which native code does not read where they are go the long way, and then it is the turn of the former."""
    model = network(2)
    for turn in range(6):
        first = X[turn : turn + size]
        for rows in [first] * 3 + [SAMPLES[form](first)] * 4 + [first]:
            expected = [[y.data for y in model(x)] for x in np.array(rows, float)]
            np.testing.assert_allclose(nn.predict(model, rows), expected, rtol=1e-12, atol=1e-14)


def test_each_call_gives_an_array_of_its_own():
    model = network(2)
    found = [nn.predict(model, X[k : k + 1]) for k in range(8)]
    np.testing.assert_allclose(np.concatenate(found), nn.predict(model, X[:8]), rtol=1e-12)


def test_what_a_direct_call_refuses_is_refused_as_ever():
    model = network(2)
    for _ in range(5):
        nn.predict(model, X[:1])
    with pytest.raises(ValueError, match="takes 3 inputs, got 2"):
        nn.predict(model, X[:1, :2])
    with pytest.raises(TypeError, match="X holds samples, one in each row"):
        nn.predict(model, X[0])
    with pytest.raises(TypeError, match="'a'"):
        nn.predict(model, [["a", 0.0, 0.0]])
    np.testing.assert_allclose(nn.predict(model, X[:1]), [[y.data for y in model(X[0])]], rtol=1e-12)


def test_changes_between_direct_calls_count():
    factor = 2.0
    weight = Value(3.0)

    def model(x):
        return [weight * x[0] * factor, x[1]]

    def check():
        for _ in range(4):
            assert nn.predict(model, [[1.5, 7.0]]) == [[1.5 * weight.data * factor, 7.0]]

    check()
    weight.data = -1.0
    check()
    factor = 5.0
    check()
    with engine.no_grad():
        check()


def test_a_compiled_function_of_single_numbers_is_called_directly_too():
    weight = Value(2.0)
    compiled = engine.compile(lambda x: weight * x)
    for number in (1.0, 2.0, 3.0, 4.0, 5.0):
        assert compiled([number]).tolist() == [2.0 * number]
        weight.data += 0.0
    assert compiled([1.0, 2.0]).tolist() == [2.0, 4.0]
    assert compiled([]).tolist() == []
    chosen = engine.compile(lambda place: engine.take(place, [weight, weight]))
    for place in (0, 1, 0, 1):
        chosen([place])
    with pytest.raises(IndexError):
        chosen([2])


def test_threads_predict_side_by_side():
    model, single = network(2), network(3)
    expected = [nn.predict(model, X[k : k + 1], backend="eager") for k in range(40)]

    def work(k):
        for turn in range(200):
            place = (k + turn) % 40
            np.testing.assert_allclose(nn.predict(model, X[place : place + 1]), expected[place], rtol=1e-12, atol=1e-14)
            nn.predict(single, X[: 1 + turn % 2])
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
