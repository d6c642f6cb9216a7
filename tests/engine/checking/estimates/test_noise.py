"""The noise of a function's values, and the grid that they lie on."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checking.estimates.differences import steps
from engine.checking.estimates.noise import _last_digit, _roughness, grain, measured_noise, noise_among_floats
from tests.engine.checking.estimates.test_differences import Scripted


@given(st.floats(1e-14, 1e-3))
def test_noise_is_measured(size: float) -> None:
    def noisy(x: float) -> float:
        return math.sin(x) + size * ((x * 1e15) % 1.0)  # jagged on the scale of the spacing of floats

    assert 0.1 * size < measured_noise(noisy, 1.0) < 20 * size
    assert measured_noise(math.sin, 1.0) < 1e-14
    assert measured_noise(math.floor, 2.0) == 0.0, "a jump at the point is no noise"
    assert measured_noise(lambda x: x**3 - 8, 2.0) > 1e-16, "though not among the nearest floats: 12 is a whole number"


def bump(height: float) -> list[float]:
    """The values on a grid of 8, of which one in the middle is not 0: the largest third difference is 3 * height."""
    return [0.0, 0.0, 0.0, height, 0.0, 0.0, 0.0, 0.0]


def test_third_differences_by_hand() -> None:
    for place, largest in enumerate([1.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 1.0]):
        for height in (2.0, -2.0):
            f = Scripted(*(height * (k == place) for k in range(8)))
            assert _roughness(f, 5.0, -0.25) == 2.0 * largest
    assert f.asked == [5.0 - 0.25 * k for k in range(1, 9)]
    assert _roughness(lambda x: 3 * x * x - x + 7, 1.0, 0.5) == 0.0
    assert _roughness(lambda x: x**3, 1.0, 0.5) == 6 * 0.5**3


@pytest.mark.parametrize("heights", [(4.0, 1.0, 3.0, 2.0), (1.0, 2.0, 3.0, 4.0), (3.0, 4.0, 2.0, 1.0)])
def test_the_second_smoothest_of_four_grids_counts(heights: Sequence[float]) -> None:
    values = [value for height in heights for value in bump(height)]
    assert measured_noise(Scripted(*values), 1.0) == 6.0, "equal values among neighbours: stairs"
    assert measured_noise(Scripted(*values, 1.0, 1.0, 1.0), 1.0) == 6.0
    for neighbours in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0)):
        for among in (0.5, 1.0, 3.0):  # what is smooth among neighbours is smooth
            f = Scripted(*values, *neighbours, *bump(0.25), *bump(among), *bump(0.0))
            assert measured_noise(f, 1.0) == min(6.0, 3 * among)
    gone = [math.inf if value == 2.0 else value for value in values]
    assert measured_noise(Scripted(*gone), 1.0) == 9.0, "of three the middle one"
    assert measured_noise(lambda x: math.nan, 1.0) == 0.0
    jump = Scripted(*[0.0] * 32, 1.0)
    assert measured_noise(jump, 1.0) == 0.0
    assert len(jump.asked) == 32, "no noise needs no second look"


@pytest.mark.parametrize(("x", "scale"), [(1.0, 1.0), (-6.0, 4.0), (0.0, 2.0**-10), (2.0**-20, 2.0**-20)])
@pytest.mark.parametrize("epsilon", [2.0**-52, 2.0**-24])
def test_where_noise_is_looked_for(x: float, scale: float, epsilon: float) -> None:
    f = Scripted(*(value for _ in range(4) for value in bump(1.0)), 1.0)
    measured_noise(f, x, epsilon)
    unit, away = scale * epsilon**0.625, scale * {2.0**-52: 2.0**-11, 2.0**-24: 2.0**-5}[epsilon]
    grids = [f.asked[8 * k : 8 * k + 8] for k in range(4)]
    for grid, start, width in zip(grids, (x, x, x - away, x + away), (-1.37, 1.43, -1.61, 1.79)):
        assert [at - start for at in grid] == pytest.approx([k * width * unit for k in range(1, 9)], rel=1e-4)
    near = 61 * epsilon * scale
    assert f.asked[32:34] == [x + near, x - near]
    stairs = Scripted(*(value for _ in range(4) for value in bump(1.0)), 1.0, 1.0, 1.0)
    measured_noise(stairs, x, epsilon)
    assert stairs.asked[32:] == [x + near, x - near, x + 8 * near]
    after = f.asked[34:] if len(f.asked) == 66 else f.asked[35:]
    for k, width in enumerate((61, -53, 37, -101)):
        assert after[8 * k : 8 * k + 8] == [x + j * (width * epsilon * scale) for j in range(1, 9)]


def test_noise_among_floats_is_that_of_the_roughest_grid_with_values() -> None:
    assert noise_among_floats(Scripted(*bump(1.0), *bump(3.0), *bump(2.0), *bump(0.0)), 1.0) == 9.0
    assert noise_among_floats(Scripted(*bump(1.0), *bump(math.inf), *bump(2.0), *bump(0.0)), 1.0) == 6.0
    assert noise_among_floats(lambda x: math.nan, 1.0) == 0.0
    assert measured_noise(lambda x: (x * 1e15) % 1.0 if abs(x - 1) < 1e-11 else math.nan, 1.0) == 0.0
    least = Scripted()
    noise_among_floats(least, 5e-324)
    assert least.asked[::8] == [count * 5e-324 for count in (62, -52, 38, -100)], "floats beside the least"


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0, 3.0])
def test_no_whole_frequency_looks_flat(shift: float) -> None:
    """All of them from 1 to 2**20: at the first steps, which would settle a claim of 0, values differ."""
    omega = 2 * np.pi * np.arange(1.0, 2**20 + 1)
    differences = [
        np.abs(np.sin(omega * (shift + step)) - np.sin(omega * (shift - step)))
        for step in (steps(shift)[0] / 4, steps(shift)[0] / 8)
    ]
    assert np.maximum(*differences).min() > 1e-6


def test_the_grid_of_coarse_values() -> None:
    def single(x: float) -> float:
        return struct.unpack("f", struct.pack("f", 100 + x / 1000))[0]

    assert [grain(single, x) for x in (2.0, -5.0, 700.0)] == [2.0**-17] * 3
    for exact in (lambda x: 3.0, abs, math.floor, math.sin, lambda x: max(x - 1, 0), lambda x: round(100 * x) / 100):
        assert grain(exact, 0.503) == 0.0


@pytest.mark.parametrize(("rounded", "found"), [(8, False), (9, True), (10, True), (49, True), (50, False)])
def test_a_grid_is_finer_than_half_precision_and_coarser_than_floats(rounded: int, found: bool) -> None:
    """In parts of values just above 1: coarser ones may be steps that are meant."""

    def f(x: float) -> float:
        return math.ldexp(round(math.ldexp(1.0 + abs(x) * 0.49, rounded)) | 1, -rounded)

    assert grain(f, 0.503) == (2.0**-rounded if found else 0.0)


@pytest.mark.parametrize(
    ("x", "scales"), [(1.0, [1.0]), (-6.0, [4.0]), (0.0, [2.0**-10]), (2.0**-20, [2.0**-20, 2.0**-10])]
)
def test_where_a_grid_is_looked_for(x: float, scales: list[float]) -> None:
    f = Scripted()
    grain(f, x)
    parts = [sign * part for part in (1, 0.31, 0.093) for sign in (1, -1)]
    assert f.asked == [x, *(x + scale / math.sqrt(2) * part for scale in scales for part in parts)]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.0, *[3 + 2.0**-20] * 5], 2.0**-20),  # a 0 has no last digit
        ([3 + 2.0**-20] * 2 + [math.nan] * 4, 0.0),
        ([3 + 2.0**-20] * 3 + [math.nan] * 3, 2.0**-20),
        ([1.0] * 5 + [1 - 2.0**-50], 0.0),  # as fine as rounding
        ([0.875 + 2.0**-50] * 6, 2.0**-50),
        ([1.0] * 5 + [1 - 2.0**-9], 2.0**-9),  # just fine enough
        ([4.0] * 5 + [4 - 2.0**-8], 2.0**-8),
    ],
)
def test_the_grid_of_chosen_values(values: Sequence[float], found: float) -> None:
    assert grain(Scripted(7.0, *values), 0.503) == found


def test_of_too_few_values_no_grid_is_told() -> None:
    assert grain(lambda x: 0.0 if x > 0.5 else math.nan if x < 0.4 else 1.0, 0.503) == 0.0
    assert grain(lambda x: math.inf, 0.503) == 0.0
    sides = {True: 3.0 + 2.0**-20, False: 5.0 + 2.0**-20}
    assert grain(lambda x: 0.0 if x == 0.503 else sides[x > 0.503], 0.503) == 2.0**-20


def test_the_last_digit() -> None:
    numbers = [1.0, -6.0, 0.75, 1 + 2.0**-52, 2.0**80, 5e-324, 3 * 2.0**-1074]
    assert [*map(_last_digit, numbers)] == [1.0, 2.0, 0.25, 2.0**-52, 2.0**80, 5e-324, 2.0**-1074]
