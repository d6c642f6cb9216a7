"""Vector mathematics against mpmath, within 2.5 units in the last place, and IEEE 754 at the edges."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import mpmath
import numpy as np
import pytest

from engine.compiler.llvm import vectormath
from engine.compiler.llvm.ir import Code, Vector, literal
from engine.compiler.llvm.jit import Library, vector_bytes

inf, nan = math.inf, math.nan
FUNCTIONS: dict[str, tuple[Any, Any, tuple[float, float]]] = {
    "exp": (vectormath.exp, mpmath.exp, (-745.0, 709.0)),
    "expm1": (vectormath.expm1, mpmath.expm1, (-40.0, 709.0)),
    "tanh": (vectormath.tanh, mpmath.tanh, (-22.0, 22.0)),
    "sinh": (vectormath.sinh, mpmath.sinh, (-710.0, 710.0)),
    "cosh": (vectormath.cosh, mpmath.cosh, (-710.0, 710.0)),
    "log": (vectormath.log, mpmath.log, (1e-9, 1e9)),
    "log1p": (vectormath.log1p, mpmath.log1p, (-0.999, 1e6)),
}
SPECIAL = [0.0, -0.0, inf, -inf, nan, 5e-324]
EXPECTED = {
    "exp": [1.0, 1.0, inf, 0.0, nan, 1.0],
    "expm1": [0.0, -0.0, inf, -1.0, nan, 5e-324],
    "tanh": [0.0, -0.0, 1.0, -1.0, nan, None],
    "sinh": [0.0, -0.0, inf, -inf, nan, None],
    "cosh": [1.0, 1.0, inf, inf, nan, 1.0],
    "log": [-inf, -inf, inf, nan, nan, math.log(5e-324)],
    "log1p": [0.0, -0.0, inf, nan, nan, 5e-324],
}


def compiled(formula: Any, bits: int, width: int) -> Any:
    """The formula as a function from array to array."""
    code = Code("apply", bits, width, ["ptr %x", "ptr %y", "i64 %n"])
    with code.loop(0, "%n", width) as i:
        code.store(formula(code, code.load("%x", i)), "%y", i)
    code.ret()
    functions, declared = vectormath.definitions(set(vectormath.called(code.text(), width)), bits, width)
    library = Library("\n".join([*sorted(declared | code.declared), *functions, code.text()]))
    native = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(library.address("apply"))

    def apply(x: Any) -> Any:
        padded = np.zeros(-(-len(x) // width) * width, np.float64 if bits == 64 else np.float32)
        padded[: len(x)] = x
        y = np.empty_like(padded)
        native(padded.ctypes.data, y.ctypes.data, len(padded))
        assert library is not None
        return y[: len(x)]

    return apply


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy(name: str, bits: int) -> None:
    formula, exact, (low, high) = FUNCTIONS[name]
    dtype = np.float64 if bits == 64 else np.float32
    if bits == 32:
        low, high = max(low, -87.0), min(high, 88.0)
    random = np.random.default_rng(0)
    x = np.concatenate([
        random.uniform(low, high, 300), random.uniform(max(low, -1.0), 1.0, 300),
        np.clip(random.normal(0, 3, 200) * 10.0 ** random.uniform(-8, 1, 200), low, high),
    ]).astype(dtype)  # fmt: skip
    y = compiled(formula, bits, vector_bytes() * 8 // bits)(x)
    with mpmath.workprec(200):
        for a, z in zip(x, y):
            true = exact(mpmath.mpf(float(a)))
            unit = float(np.spacing(dtype(abs(float(true)))))
            assert abs(mpmath.mpf(float(z)) - true) <= 2.5 * unit, f"{name}({float(a)!r}) gave {float(z)!r}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_values(name: str) -> None:
    y = compiled(FUNCTIONS[name][0], 64, vector_bytes() // 8)(np.array(SPECIAL))
    for x, z, expected in zip(SPECIAL, y, EXPECTED[name]):
        if expected is None:  # a subnormal result may be off by one subnormal
            assert abs(z - x) <= 1e-323
        elif expected != expected:
            assert math.isnan(z)
        else:
            assert z == expected, f"{name}({x})"
            assert math.copysign(1, z) == math.copysign(1, expected), f"{name}({x})"


def test_scalars_are_vectors_of_one() -> None:
    x = np.array([-1.5, 0.25])
    assert np.allclose(compiled(vectormath.exp, 64, 1)(x), np.exp(x), rtol=1e-15)


def test_a_library_function_lane_by_lane() -> None:
    x = np.linspace(-3, 3, 16)
    y = compiled(lambda code, x: code.libm("erf", x), 64, vector_bytes() // 8)(x)
    assert y.tolist() == [math.erf(a) for a in x]


def test_literals_are_rounded_to_their_size() -> None:
    assert literal(1.0, 64) == "0x3FF0000000000000"
    assert literal(0.1, 32) == f"0x{np.array(np.float32(0.1), np.float64).view(np.uint64)[()]:016X}"
    assert literal(1e300, 32) == literal(inf, 64)


def test_a_vector_in_the_making_has_no_truth() -> None:
    code = Code("f", 64, 4, [])
    with pytest.raises(TypeError, match="select"):
        bool(Vector(code, "%x") > 0.0)
