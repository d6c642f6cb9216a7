"""The numbers of parameters, which steps change: computed with, they are followed; read, they are refused."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import Value, compile, where
from tests.needs import needs

from .cases import Case, equal, refused

np = needs("numpy")


@equal
def test_where_on_a_parameter() -> Case:
    w = Value(0.3)
    return Case(lambda x: where(w > 0, w * w, -w) * x, lambda: setattr(w, "data", -3.0))


@equal
def test_where_on_what_follows_from_parameters() -> Case:
    w, v = Value(0.3), Value(2.0)
    return Case(lambda x: where(w * v >= 0.5, w, v * v) * x, lambda: setattr(w, "data", 1.0))


@equal
def test_equality_of_parameters_as_a_condition() -> Case:
    w, v = Value(0.5), Value(0.5)
    return Case(lambda x: where(w == v, w * x, v * v * x), lambda: setattr(w, "data", 0.25))


@equal
def test_conditions_combined() -> Case:
    w = Value(0.5)
    return Case(lambda x: where((w > 0) & (x > 0) | (w < -1), w * x, x), lambda: setattr(w, "data", -2.0))


@equal
def test_largest_parameter() -> Case:
    w, v = Value(0.5), Value(0.7)
    return Case(lambda x: engine.maximum(w, v) * x, lambda: setattr(w, "data", 2.0))


@equal
def test_rounded_parameter() -> Case:
    w = Value(0.6)
    return Case(lambda x: (round(w) + math.floor(w) + abs(w)) * x, lambda: setattr(w, "data", -1.7))


@equal
def test_detached_parameter() -> Case:
    w = Value(0.6)
    return Case(lambda x: w.detach() * w * x, lambda: setattr(w, "data", -1.7))


@equal
def test_parameter_under_no_grad() -> Case:
    w = Value(0.6)

    def function(x: Any) -> Any:
        with engine.no_grad():
            scale = w * w + 1
        return scale * w * x

    return Case(function, lambda: setattr(w, "data", -1.7))


@equal
def test_take_from_parameters() -> Case:
    weights = [Value(0.5), Value(-1.0), Value(2.0)]
    return Case(lambda k: engine.take(k, weights) ** 2, lambda: setattr(weights[1], "data", 4.0), ([0, 1, 2],))


@equal
def test_take_by_a_parameter() -> Case:
    index = Value(1.0)
    return Case(lambda x: engine.take(index, [x, 2 * x, 3 * x]), lambda: setattr(index, "data", 2.0))


@equal
def test_derivative_by_parameters_only() -> Case:
    w = Value(0.6)
    return Case(lambda x: engine.grad(w * w * w, w, create_graph=True) * x, lambda: setattr(w, "data", -1.7))


@equal
def test_a_first_call_under_no_grad() -> Case:
    w = Value(0.6)
    return Case(lambda x: w * w * x)


@equal
def test_values_made_inside() -> Case:
    w = Value(0.6)

    def function(x: Any) -> Any:
        total, step = Value(0.0), Value(2.0) * Value(0.5)
        for _ in range(int(step.data) + 1):
            total = total + w * x * float(step)
        return total

    return Case(function, lambda: setattr(w, "data", 3.0))


@equal
def test_harmless_looks_at_a_parameter() -> Case:
    w = Value(0.6, label="w")

    def function(x: Any) -> Any:
        print(w, [w], x, end="")
        logging.getLogger("stepgrad test").error("%s of %s", w, x)
        assert w.label == "w"
        assert w is w
        assert len({w, w}) == 1
        return {w: w}[w] * x

    return Case(function, lambda: setattr(w, "data", 3.0))


READERS: dict[str, Callable[[Value, Any], Any]] = {
    "if w": lambda w, x: x if w else -x,
    "if w > 0": lambda w, x: x if w > 0 else -x,
    "if not w < 0": lambda w, x: x if not w < 0 else -x,
    "if w * w > 0.01": lambda w, x: x if w * w > 0.01 else -x,
    "w.data": lambda w, x: w.data * x,
    "abs(w.data)": lambda w, x: abs(w.data) * x,
    "round(w.data)": lambda w, x: round(w.data, 1) * x,
    "(w * w).data": lambda w, x: (w * w).data * x,
    "w.grad": lambda w, x: (1.0 + w.grad) * x,
    "getattr": lambda w, x: getattr(w, "da" + "ta") * x,
    "float": lambda w, x: float(w) * x,
    "int": lambda w, x: int(w) * x,
    "complex": lambda w, x: complex(w).real * x,
    "math.exp": lambda w, x: math.exp(w) * x,
    "math.fsum": lambda w, x: math.fsum([w, 1.0]) * x,
    "max": lambda w, x: max(w, Value(0.0)) * x,
    "max of numbers": lambda w, x: max(0.0, w) * x,
    "min by key": lambda w, x: min([w, Value(5.0)], key=lambda v: v.data) * x,
    "sorted": lambda w, x: sorted([w, Value(0.0)])[0] * x,
    "in": lambda w, x: x if w in [Value(9.0)] else -x,
    "list.index": lambda w, x: [Value(9.0), w].index(w) * x,
    "chained": lambda w, x: x if 0 < w < 1 else -x,
    "and": lambda w, x: (w and x) * 1.0,
    "format": lambda w, x: float(f"{w:.2f}") * x,
    "percent": lambda w, x: float("%.2f" % w) * x,  # noqa: UP031  # that it is seen is the point
    "text": lambda w, x: x if "-" in str(w) else -x,
    "text of a list": lambda w, x: x if "-" in repr([w]) else -x,
    "text in a text": lambda w, x: x if "-" in f"{w}" else -x,
    "text by percent": lambda w, x: x if "-" in "%s" % w else -x,  # noqa: UP031  # likewise
    "text of a result": lambda w, x: x if "-" in f"{w * x}" else -x,
    "str of w.data": lambda w, x: float(str(w.data)) * x,
    "np.float64": lambda w, x: np.float64(w) * x,
    "np.array of floats": lambda w, x: float(np.array([w], float)[0]) * x,
    "np.max": lambda w, x: np.max([w, Value(0.0)]) * x,
    "np.sign": lambda w, x: float(np.sign(float(w))) * x,
    "isclose": lambda w, x: x if math.isclose(w, 0.6) else -x,
    "divmod of an index": lambda w, x: [x, 2 * x][int(w // 1)],
    "range": lambda w, x: engine.sum([x for _ in range(int(w) + 1)]),
    "Value(w.data)": lambda w, x: Value(w.data) * x,
    "Value(float)": lambda w, x: Value(float(w)) * x,
    "copy.copy": lambda w, x: __import__("copy").copy(w) * x,
    "deepcopy": lambda w, x: __import__("copy").deepcopy(w) * x,
    "pickle": lambda w, x: __import__("pickle").loads(__import__("pickle").dumps(w)) * x,
    "gradient as a number": lambda w, x: engine.grad(w * w, w) * x,
    "backward": lambda w, x: (w * w).backward() or x,
    "zero_grad": lambda w, x: w.zero_grad() or w * x,
    "assigning data": lambda w, x: setattr(w, "data", 2.0) or w * x,
    "assigning grad": lambda w, x: setattr(w, "grad", 2.0) or w * x,
    "hash of the number": lambda w, x: x if hash(w.data) else -x,
    "decimal": lambda w, x: float(__import__("decimal").Decimal(float(w))) * x,
    "a compiled function inside": lambda w, x: float(compile(lambda y: w * y, backend="python")([1.0])[0]) * x,
}


@refused
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_reader(read: Callable[[Value, Any], Any]) -> Case:
    w = Value(0.6)
    return Case(lambda x: read(w, x), lambda: setattr(w, "data", -3.0))


@refused
def test_a_refusal_that_is_swallowed() -> Case:
    w = Value(0.6)

    def function(x: Any) -> Any:
        try:
            scale = float(w)
        except TypeError:
            scale = 1.0
        return scale * x

    return Case(function, lambda: setattr(w, "data", 3.0))


@refused
def test_a_refusal_that_is_swallowed_whole() -> Case:
    w = Value(0.6)

    def function(x: Any) -> Any:
        try:
            return x if w > 0 else -x
        except Exception:
            return x

    return Case(function, lambda: setattr(w, "data", -3.0))


@refused
def test_a_result_from_outside() -> Case:
    w = Value(0.6)
    q = w * w
    return Case(lambda x: q * x, lambda: setattr(w, "data", 3.0))


@refused
def test_a_condition_on_a_result_from_outside() -> Case:
    w = Value(0.6)
    q = w - 1
    return Case(lambda x: where(q > 0, x, -x), lambda: setattr(w, "data", 3.0))


@refused
def test_a_number_read_in_another_function() -> Case:
    w = Value(0.6)

    def helper() -> float:
        return w.data

    return Case(lambda x: helper() * x, lambda: setattr(w, "data", 3.0))


@refused
def test_a_number_read_in_a_comprehension_of_a_module() -> Case:
    model = nn.MLP(1, [2, 1], seed=1)
    return Case(
        lambda x: model([x])[0] + sum([p.data**2 for p in model.parameters()]),
        lambda: setattr(model.parameters()[0], "data", 3.0),
    )


@refused
def test_a_compiled_function_inside_that_is_known() -> Case:
    w = Value(2.0)
    inner = compile(lambda x: w * x, backend="python")
    inner([1.0])
    return Case(lambda x: float(inner([1.0])[0]) * x, lambda: setattr(w, "data", 7.0))


@refused
def test_a_reader_from_before() -> Case:
    w = Value(2.0)
    read = w.__float__
    return Case(lambda x: read() * x, lambda: setattr(w, "data", 7.0))


@equal
def test_a_captured_detached_result() -> Case:
    w = Value(0.5)
    q = (w * w).detach()
    return Case(lambda x: q.detach() * w * x)


@equal
def test_a_lazy_parameter() -> Case:
    cache: dict[str, Value] = {}
    return Case(lambda x: cache.setdefault("w", Value(0.5)) * x)


@equal
def test_weights_as_an_array_of_values() -> Case:
    weights = np.array([Value(0.5), Value(-1.0)])
    return Case(lambda x: np.sum(weights * np.array([x, x * x])))


@equal
def test_second_order() -> Case:
    w = Value(0.7)

    def residual(x: Any) -> Any:
        u = engine.tanh(w * x)
        slope = engine.grad(u, x, create_graph=True)
        return slope * slope + engine.grad(slope, x, create_graph=True)

    return Case(residual)
