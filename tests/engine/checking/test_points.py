"""Points of all shapes: nested dicts, lists, tuples and arrays, with paths as names; what is refused."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest

from engine import check_gradients
from engine.checking.foreign.points import Point, pasted
from engine.testing import assert_gradients
from tests.needs import needs

TREE = {
    "layers": [{"w": np.array([[0.5, -1.0]]), "b": np.array([0.25])}, {"w": np.array([[2.0]]), "b": None}],
    "s": 1.5,
}


def loss(p: Any) -> float:
    first, second = p["layers"]
    return float(p["s"] * np.tanh(first["w"] @ [1.0, 2.0] + first["b"]).sum() * (second["w"] ** 2).sum())


def gradient(p: Any) -> Any:
    first, second = p["layers"]
    t = np.tanh(first["w"] @ [1.0, 2.0] + first["b"])
    square = (second["w"] ** 2).sum()
    inner = p["s"] * square * (1 - t**2)
    return {
        "layers": [
            {"w": np.outer(inner, [1.0, 2.0]), "b": inner},
            {"w": 2 * p["s"] * t.sum() * second["w"], "b": None},
        ],
        "s": t.sum() * square,
    }


def test_a_tree_of_arrays_has_paths_as_names() -> None:
    report = assert_gradients(loss, TREE, grad=gradient, strict=True)
    assert [d.name for d in report.derivatives] == [
        "p['layers'][0]['w'][0, 0]",
        "p['layers'][0]['w'][0, 1]",
        "p['layers'][0]['b'][0]",
        "p['layers'][1]['w'][0, 0]",
        "p['s']",
    ]
    along = assert_gradients(loss, TREE, grad=gradient, directions=2)
    assert len(along.derivatives) == 2

    def wrong(p: Any) -> Any:
        found = gradient(p)
        found["layers"][0]["b"] = found["layers"][0]["b"] * 1.01
        return found

    report = check_gradients(loss, TREE, grad=wrong)
    assert [d.name for d in report.wrong] == ["p['layers'][0]['b'][0]"]
    assert not check_gradients(loss, TREE, grad=wrong, directions=2)


def test_the_containers_stay_what_they_are() -> None:
    class Pair(NamedTuple):
        a: Any
        b: Any

    seen: list[Any] = []

    def f(p: Any) -> Any:
        seen.append(p)
        return p["pair"].a * p["pair"].b[0] * (1 + p["count"])

    point = OrderedDict(pair=Pair(2.0, (3.0,)), count=np.array(4), name=True)
    report = assert_gradients(f, point, grad=lambda p: {"pair": (15.0, [10.0]), "count": None})
    assert [d.name for d in report.derivatives] == ["p['pair'][0]", "p['pair'][1][0]"]
    assert all(type(p) is OrderedDict and type(p["pair"]) is Pair and type(p["pair"].b) is tuple for p in seen)


@pytest.mark.filterwarnings("ignore:the matrix subclass")  # which some courses still teach
def test_a_matrix_stays_a_matrix() -> None:
    """It came as an array, whose * is another product: a right gradient was called wrong."""
    row: Any = np.matrix([[1.0, 2.0]])
    assert check_gradients(lambda w: (w * w.T).item(), row, grad=lambda w: 2 * w).ok
    assert not check_gradients(lambda w: (w * w.T).item(), row, grad=lambda w: 3 * w).ok


def test_a_series_of_pandas_is_refused_with_a_remedy() -> None:
    """It was taken to be an array of JAX, which was imported."""
    pandas = needs("pandas")
    with pytest.raises(TypeError, match=r"of type Series float64: write point.to_numpy\(\)"):
        check_gradients(lambda w: (w**2).sum(), pandas.Series([1.0, 2.0]), grad=lambda w: 2 * w)


def test_a_masked_array_with_gaps_is_refused_with_a_remedy() -> None:
    """Its gaps were numbers of None."""
    point = np.ma.masked_array([1.0, 2.0], [False, True])
    with pytest.raises(TypeError, match=r"got a masked array with gaps: write point.compressed\(\)"):
        check_gradients(lambda w: (w**2).sum(), point, grad=lambda w: 2 * w)
    assert check_gradients(lambda w: (w**2).sum(), point.compressed(), grad=lambda w: 2 * w).ok


def test_none_is_a_gradient_of_zeros() -> None:
    assert_gradients(lambda a, b: a * 2, (1.0, [3.0, 4.0]), grad=lambda a, b: (2.0, None), strict=True)
    assert not check_gradients(lambda a, b: a * b[0], (1.0, [3.0, 4.0]), grad=lambda a, b: (3.0, None))


@pytest.mark.parametrize(
    ("point", "grad", "error", "message"),
    [
        ({"w": [1.0]}, lambda p: {}, ValueError, r"grad gave nothing for p\['w'\]"),
        ({"w": [1.0]}, lambda p: [1.0], ValueError, "of type list for p: give a dict like it"),
        ([np.ones(2), np.ones(1)], lambda p: [np.ones(2)], ValueError, "for the 2 parts of p: give one for each"),
        ({"w": [1.0]}, lambda p: {"w": [1.0, 2.0]}, ValueError, r"grad gave 2 numbers for the 1 of p\['w'\]"),
        ({"w": np.ones(2, dtype=np.float16)}, lambda p: p, TypeError, "float16 has too few digits"),
        (np.ones(2, dtype=np.complex128), lambda p: p, TypeError, r"complex128: check a function of .* f\(re, im\)"),
        (1j, lambda p: p, TypeError, r"got complex: check a function of the real and the imaginary part"),
        ({"n": 3 * np.ones(2, dtype=int)}, lambda p: p, TypeError, "got none in"),
        ({"w": object()}, lambda p: p, TypeError, "of type object"),
    ],
)
def test_what_cannot_be_checked_is_named(point: Any, grad: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_gradients(lambda p: 1.0, point, grad=grad)


def test_what_grad_gives_for_several_arguments_is_as_many_parts() -> None:
    for claim in (3.0, (3.0,)):
        with pytest.raises(ValueError, match="for 2 arguments: give a tuple with one part for each"):
            check_gradients(lambda a, b: a * b, (1.0, 2.0), grad=lambda a, b, claim=claim: claim)


def test_results_by_name() -> None:
    report = check_gradients(lambda x: {"a": x, "b": [2 * x]}, 1.0, grad=lambda x: [1.0, 2.0])
    assert [(d.name, d.claimed, d.status) for d in report.derivatives] == [
        ("x of output 0", 1.0, "agrees"),
        ("x of output 1", 2.0, "agrees"),
    ]


def test_a_point_prints_as_python() -> None:
    point = {"w": np.array([[0.1, float("inf")]], dtype=np.float32), "rest": ([1.0, 2], (3.0,))}
    names: dict[str, Any] = {"numpy": np}
    again = eval(pasted(point), names)
    assert again["rest"] == point["rest"]
    assert again["w"].dtype == np.float32
    assert (again["w"] == point["w"]).all()
    report = check_gradients(lambda x: float((x**2).sum()), np.array([0.1, 0.3]), grad=lambda x: x)
    assert "point: numpy.array([0.1, 0.3], dtype='float64')" in str(report)


def test_numbers_and_back() -> None:
    point = Point(({"a": 1.0, "b": [2.0, [3.0]]}, np.array([4.0, 5.0])), ["p", "x"])
    assert point.numbers == [1.0, 2.0, 3.0, 4.0, 5.0]
    tree, array = point.placed([5.0, 4.0, 3.0, 2.0, 1.0])
    assert tree == {"a": 5.0, "b": [4.0, [3.0]]}
    assert array.tolist() == [2.0, 1.0]
    tree, array = point.line([1.0, 0.0, -1.0, 2.0, 0.0])(0.5)
    assert tree == {"a": 1.5, "b": [2.0, [2.5]]}
    assert array.tolist() == [5.0, 5.0]
    assert point.moved(3, 9.0)[1].tolist() == [9.0, 5.0]
    assert point.arguments[1].tolist() == [4.0, 5.0]


def test_a_state_dict_of_torch() -> None:
    torch = needs("torch")
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()
    point = {**net.state_dict(), "num_batches_tracked": torch.tensor(3)}
    x = torch.tensor([[0.5, -1.0], [2.0, 0.3]], dtype=torch.float64)

    def loss(state: Any) -> Any:
        weights = {name: each for name, each in state.items() if each.is_floating_point()}
        return torch.func.functional_call(net, weights, (x,)).square().sum()

    def grad(state: Any) -> Any:
        free = {k: v.detach().requires_grad_() if v.is_floating_point() else v for k, v in state.items()}
        wanted = {k: v for k, v in free.items() if v.requires_grad}
        found = torch.autograd.grad(loss(free), list(wanted.values()), allow_unused=True)
        return dict(zip(wanted, found))

    report = assert_gradients(loss, point, grad=grad)
    assert "state['0.weight'][0, 0]" in {d.name for d in report.derivatives}
    assert not any("num_batches_tracked" in d.name for d in report.derivatives)
    assert not check_gradients(loss, point, grad=lambda s: {**grad(s), "2.bias": torch.zeros(1)})


def test_a_sparse_gradient_of_torch() -> None:
    """It was refused in words of PyTorch's own."""
    torch = needs("torch")

    def f(table: Any) -> Any:
        return torch.nn.functional.embedding(torch.tensor([0, 2, 0]), table, sparse=True).tanh().sum()

    def gradient(table: Any) -> Any:
        table = table.detach().requires_grad_()
        return torch.autograd.grad(f(table), table)[0]

    table = torch.tensor([[0.5, -1.0], [2.0, 0.25], [1.5, 0.75]], dtype=torch.float64)
    assert gradient(table).is_sparse
    assert check_gradients(f, table, grad=gradient).ok
    assert not check_gradients(f, table, grad=lambda table: 2 * gradient(table)).ok


def test_a_pytree_of_jax() -> None:
    jax = needs("jax")
    tree = {"w": jax.numpy.ones((2, 2), dtype="float32"), "b": (jax.numpy.zeros(2, dtype="float32"),)}

    def loss(p: Any) -> Any:
        return jax.numpy.tanh(p["w"] @ jax.numpy.array([0.3, -0.2]) + p["b"][0]).sum()

    assert_gradients(loss, tree, grad=jax.grad(loss))
    assert not check_gradients(loss, tree, grad=lambda p: jax.tree.map(lambda g: 1.1 * g, jax.grad(loss)(p)))


@pytest.mark.parametrize(
    ("shape", "outputs", "given", "ok"),
    [
        ((3, 1), (), (3, 1), True),
        ((3, 1), (), (3,), False),  # w -= g gives nine numbers
        ((3, 1), (), (1, 3), False),
        ((3,), (), (3, 1), False),
        ((2, 3), (), (3, 2), False),
        ((2, 3), (), (6,), False),
        ((3,), (1,), (1, 3), True),
        ((2, 3), (4,), (4, 2, 3), True),
        ((2, 3), (2, 2), (2, 2, 2, 3), True),
        ((2, 3), (4,), (4, 6), True),
        ((3,), (2,), (3, 2), False),  # the Jacobian's transpose
        ((1, 1), (), (), True),
    ],
)
def test_equal_derivatives_in_another_shape_are_refused(
    shape: tuple[int, ...], outputs: tuple[int, ...], given: tuple[int, ...], ok: bool
) -> None:
    """No number tells them apart: they agreed."""

    def f(w: Any) -> Any:
        return np.full(outputs, w.sum())

    def check() -> Any:
        return check_gradients(f, np.ones(shape), grad=lambda w: np.ones(given))

    if ok:
        assert check()
    else:
        with pytest.raises(ValueError, match=r"for w of shape \(.*\): give it in that shape"):
            check()
