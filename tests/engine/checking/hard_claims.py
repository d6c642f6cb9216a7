"""More claims, of an attack on the verdict, most of them judged wrongly once.

Functions that turn between steps, ends of domains close by, single precision in one term, powers that settle slowly,
kinks that no coordinate shows, programs that iterate.
"""

from __future__ import annotations

import math

import numpy as np

from tests.engine.checking.claims import INF, NAN, Claim, F, relu, row, sign, step


def smooth(what: str, f: F, x: float, derivative: F, tiny: bool = False) -> list[Claim]:
    """A function of one number: claims are wrong that are 3 % off, twice as large, 0 or of the other sign."""
    right = derivative(x)
    wrong = [NAN, INF, -INF, 0.0, -right, 2 * right, 1.03 * right, 0.9 * right]
    wrong += [right * (1 + 1e-6), right * (1 - 1e-6)] if tiny else []
    return row(what, lambda x: f(x[0]), [x], lambda x: [derivative(x[0])], [right], wrong)


def _turning(x: float) -> float:
    return 2 * x * math.sin(1 / x) - math.cos(1 / x)


def _many_waves(x: float) -> float:
    return sum(0.5**k * math.cos(math.pi * 7**k * x) for k in range(12))


def _many_slopes(x: float) -> float:
    return -sum(0.5**k * math.pi * 7**k * math.sin(math.pi * 7**k * x) for k in range(12))


TURNING: list[Claim] = [
    claim
    for claims in (
        *(
            smooth("x^2 sin(1/x)", lambda x: x * x * math.sin(1 / x), x, _turning)
            for x in (1e-12, 2.3e-10, 1e-9, 1e-8, -1e-7, 3e-7, 1e-5, 1e-3)
        ),
        *(
            smooth("sin(1/x)", lambda x: math.sin(1 / x), x, lambda x: -math.cos(1 / x) / x / x)
            for x in (1e-9, 1e-6, 1e-3)
        ),
        *(
            smooth("sin(exp(x))", lambda x: math.sin(math.exp(x)), x, lambda x: math.exp(x) * math.cos(math.exp(x)))
            for x in (10.0, 20.0)
        ),
        *(smooth("sin(x^2)", lambda x: math.sin(x * x), x, lambda x: 2 * x * math.cos(x * x)) for x in (1e3, 1e5, 1e6)),
        *(
            smooth(f"sin({n:g} x)", lambda x, n=n: math.sin(n * x), 1.0, lambda x, n=n: n * math.cos(n * x))
            for n in (1e7, 1e9, 1e11)
        ),
        *(
            smooth(
                f"tanh((x - 1)/{a})",
                lambda x, a=a: math.tanh((x - 1) / a),
                1 + a / 2,
                lambda x, a=a: (1 - math.tanh((x - 1) / a) ** 2) / a,
            )
            for a in (1e-3, 1e-6, 1e-9)
        ),
        *(smooth("twelve waves", _many_waves, x, _many_slopes) for x in (0.1234, 0.3, 0.77)),
        smooth(
            "a narrow bump",
            lambda x: x + math.exp(-(((x - 1) / 1e-8) ** 2)),
            1 + 1e-8 / 3,
            lambda x: 1 - 2 * (x - 1) / 1e-16 * math.exp(-(((x - 1) / 1e-8) ** 2)),
        ),
    )
    for claim in claims
] + [
    # what the usual steps cannot see is not denied: of the wrong ones that of the usual steps, 1, would pass
    *row(
        "x + sin(1e9 x)/1e9",
        lambda x: x[0] + math.sin(1e9 * x[0]) / 1e9,
        [0.3],
        lambda x: [1 + math.cos(1e9 * x[0])],
        [1 + math.cos(3e8)],
        [0.0, -1.0, 4.0, NAN],
    ),
    # as steep as the function is between neighbouring floats: nobody can tell
    *row(
        "sin(exp(x))",
        lambda x: math.sin(math.exp(x[0])),
        [30.0],
        lambda x: [math.exp(x[0]) * math.cos(math.exp(x[0]))],
        [math.exp(30) * math.cos(math.exp(30))],
        [1e20, NAN],
    ),
    *row(
        "x^2 + sin(x^5)",
        lambda x: x[0] ** 2 + math.sin(x[0] ** 5),
        [950.0],
        lambda x: [2 * x[0] + 5 * x[0] ** 4 * math.cos(x[0] ** 5)],
        [1900 + 5 * 950.0**4 * math.cos(950.0**5)],
        [0.0, 1e5, NAN],
    ),
]

NEAR_ENDS: list[Claim] = [
    claim
    for claims in (
        *(smooth("log(x)", math.log, x, lambda x: 1 / x, tiny=True) for x in (1e-100, 1e-20, 1e20)),
        *(smooth("sqrt(x)", math.sqrt, x, lambda x: 0.5 / math.sqrt(x), tiny=True) for x in (1e-300, 1e-20, 1e300)),
        smooth("1/(x - 1)", lambda x: 1 / (x - 1), 1 + 1e-10, lambda x: -1 / (x - 1) ** 2),
        smooth("log(x - 1)", lambda x: math.log(x - 1), 1 + 1e-9, lambda x: 1 / (x - 1)),
        smooth("sqrt(x - 1)", lambda x: math.sqrt(x - 1), 1 + 1e-9, lambda x: 0.5 / math.sqrt(x - 1)),
        smooth("acos(x)", math.acos, 1 - 1e-9, lambda x: -1 / math.sqrt(1 - x * x)),
        smooth("tan(x)", math.tan, math.pi / 2 - 1e-10, lambda x: 1 / math.cos(x) ** 2),
        smooth("log(x), nearly beyond the largest slope", math.log, 6e-309, lambda x: 1 / x),
        smooth("sin(x/1e-30)", lambda x: math.sin(x / 1e-30), 1e-30, lambda x: math.cos(x / 1e-30) / 1e-30, tiny=True),
    )
    for claim in claims
] + [
    *row("log(x), beyond the largest slope", lambda x: math.log(x[0]), [1e-310], lambda x: [INF], [INF], [-INF, NAN]),
    # beside the kink, which is close, but a million times as far as the point, the claim overflows
    *row(
        "|x - 0.9e-300|",
        lambda x: abs(x[0] - 9e-301) * 1e300,
        [1e-300],
        lambda x: [math.copysign(1e300, x[0] - 9e-301) if abs(x[0]) < 1e-290 else NAN],
        [1e300],
        [-1e300, 0.0, 1.01e300],
    ),
]

SLOW: list[Claim] = [
    *row("x |x|^0.5", lambda x: x[0] * abs(x[0]) ** 0.5, [0.0], lambda x: [1.5 * abs(x[0]) ** 0.5], [0.0], [1.0, INF]),
    *row(
        "x^1.01",
        lambda x: x[0] ** 1.01 if x[0] >= 0 else NAN,
        [0.0],
        lambda x: [1.01 * x[0] ** 0.01],
        [0.0],
        [-1.0, NAN, INF],
    ),
    *row(
        "x^0.1", lambda x: x[0] ** 0.1 if x[0] >= 0 else NAN, [0.0], lambda x: [0.1 * x[0] ** -0.9], [INF], [0.0, 1.0]
    ),
    *row(
        "relu(x) + 1e9 x",
        lambda x: relu(x[0]) + 1e9 * x[0],
        [0.0],
        lambda x: [step(x[0]) + 1e9],
        [1e9, 1e9 + 1],
        [0.0, 1.001e9, NAN],
    ),
    *row(
        "|x| + [x > 0]",
        lambda x: abs(x[0]) + step(x[0]),
        [0.0],
        lambda x: [sign(x[0])],
        [0.0, 1.0, -1.0],
        [2.0, NAN],
    ),
]


def _single(x: float) -> float:
    return x * x + float(np.sin(np.float32(x)))


ROUNDED: list[Claim] = [
    claim
    for claims in (
        smooth("x^2 + single(sin(x))", _single, 0.7, lambda x: 2 * x + math.cos(x)),
        smooth("sin(x) in 7 digits", lambda x: round(math.sin(x), 7), 0.7, math.cos),
        smooth("(1 - cos(x))/x^2", lambda x: (1 - math.cos(x)) / x / x, 1e-4, lambda x: -x / 12 + x**3 / 180),
    )
    for claim in claims
    if claim.right or abs(claim.gradient[0]) > 1e-3
] + [
    claim  # 0 is the slope of the stair that cosh(x) makes of it
    for claim in smooth("log(cosh(x))", lambda x: math.log(math.cosh(x)), 1e-6, math.tanh)
    if claim.gradient != [0.0]
]


def _median(x: list[float]) -> float:
    return sorted(x)[len(x) // 2]


def _is_median(x: list[float]) -> list[float]:
    return [float(number == _median(x)) for number in x]


def _in_a_thin_cone(x: list[float]) -> list[float]:
    side, within = sign(x[0] - x[1]), (x[0] + x[1]) / 20 > abs(x[0] - x[1])
    return [within * (0.05 - side), within * (0.05 + side)]


def _at_a_corner(x: list[float]) -> list[float]:
    side, root = sign(x[0] - x[1]), 1.5 * (x[0] + x[1]) ** 0.5
    return [root + side, root - side]


def _damped(where: str, x: float, large: float) -> list[Claim]:
    """Claims on a damped wave beside a large number: the right slope, parts of it, and that of the wave alone."""
    wave = math.cos(x + large) * math.exp(-x)
    slope = wave - math.sin(x + large) * math.exp(-x)
    return row(
        f"sin(x + {large:g}) exp(-x) {where}",
        lambda x: math.sin(x[0] + large) * math.exp(-x[0]),
        [x],
        None,
        [slope],
        [1.02 * slope, 1.3 * slope, slope / 2, -slope, wave, 0.0],
    )


SEVERAL: list[Claim] = [
    *row(
        "1000 x^2 + x y^2",
        lambda x: 1000 * x[0] ** 2 + x[0] * x[1] ** 2,
        [0.0, 0.0],
        lambda x: [2000 * x[0] + x[1] ** 2, 2 * x[0] * x[1]],
        [[0.0, 0.0]],
        [[1e-12, 0.0], [1e-6, 0.0], [1.0, 0.0]],
    ),
    *row(
        "relu((x + y)/20 - |x - y|), flat but in a thin cone",
        lambda x: relu((x[0] + x[1]) / 20 - abs(x[0] - x[1])),
        [0.0, 0.0],
        _in_a_thin_cone,
        [[0.0, 0.0], [-0.95, 1.05], [1.05, -0.95], [0.05, 0.05]],
        [[5.0, 0.0], [-4.0, 4.0], [0.1, 2.0]],
    ),
    *row(
        "|x - y| + (x + y)^1.5, which ends at the corner",
        lambda x: abs(x[0] - x[1]) + (x[0] + x[1]) ** 1.5,
        [0.0, 0.0],
        _at_a_corner,
        [[1.0, -1.0], [0.0, 0.0], [-0.5, 0.5]],
        [[1.0, 1.0], [-1.0, -1.0], [2.0, 0.0]],
    ),
    *row(
        "|x| + |y| on the axes, with no values beside them",
        lambda x: abs(x[0]) + abs(x[1]) if x[0] * x[1] == 0 else NAN,
        [0.0, 0.0],
        lambda x: [sign(x[0]), sign(x[1])],
        [[0.0, 0.0], [1.0, -1.0]],
        [[2.0, 0.0], [1.0, -1.5]],
    ),
    *row(
        "relu(x + y) - relu(x - y) + eight others",
        lambda x: relu(x[0] + x[1]) - relu(x[0] - x[1]) + sum(x[2:]),
        [0.0] * 10,
        lambda x: [step(x[0] + x[1]) - step(x[0] - x[1]), step(x[0] + x[1]) + step(x[0] - x[1])] + [1.0] * 8,
        [[first, second] + [1.0] * 8 for first, second in ((0.0, 0.0), (1.0, 1.0), (-1.0, 1.0), (0.0, 2.0))],
        [[first, second] + [1.0] * 8 for first, second in ((5.0, 1.0), (0.0, -4.0), (1.0, 6.0))],
    ),
    *row(
        "a cusp, a root on one side only, + y",
        lambda x: (math.sqrt(-x[0]) if x[0] < 0 else 5 * x[0]) + x[1],
        [0.0, 1.0],
        lambda x: [-0.5 / math.sqrt(-x[0]) if x[0] < 0 else 5.0, 1.0],
        [[5.0, 1.0], [0.0, 1.0], [-1e9, 1.0]],
        [[7.0, 1.0], [1e3, 1.0], [INF, 1.0], [NAN, 1.0]],
    ),
    *row(
        "the median of three",
        _median,
        [1.0, 1.0, 1.0],
        _is_median,
        [[1.0, 0.0, 0.0], [1 / 3] * 3],
        [[0.0] * 3, [1.0] * 3],
    ),
    *row(
        "|x||y|",
        lambda x: abs(x[0]) * abs(x[1]),
        [0.0, 0.0],
        lambda x: [sign(x[0]) * abs(x[1]), sign(x[1]) * abs(x[0])],
        [[0.0, 0.0]],
        [[1.0, 0.0], [NAN, 0.0]],
    ),
    *row(
        "max(x, y) + min(x, y)",
        lambda x: max(x) + min(x),
        [1.0, 1.0],
        lambda x: [1.0, 1.0],
        [[1.0, 1.0]],
        [[0.0, 0.0], [2.0, 0.0], [0.5, 0.5]],
    ),
    *row(  # along some directions that move both, the claimed slope overflows
        "1.5e308 (|x| + |y|)",
        lambda x: 1.5e308 * abs(x[0]) + 1.5e308 * abs(x[1]),
        [0.0, 0.0],
        lambda x: [1.5e308 * sign(x[0]), 1.5e308 * sign(x[1])],
        [[1.5e308, 1.5e308], [0.0, -1.5e308]],
        [[1.7e308, 0.0], [NAN, 0.0]],
    ),
    *row(
        "1e8 x + 1e-8 y",
        lambda x: 1e8 * x[0] + 1e-8 * x[1],
        [1.0, 1.0],
        None,
        [[1e8, 1e-8]],
        [[1e8, 1e8], [0.0, 1e-8], [1.01e8, 1e-8]],
    ),
    # equal values next to x say nothing: added to so large a number, it moves the sum by stairs of 1e-8 and more
    *(
        claim
        for large in (1e8, 1e10, 1e12)
        for x in (0.0, 1e-3, 0.3, 3.0)
        for slope in [math.cos(x + large)]
        for claim in row(
            f"sin(x + {large:g}) at {x:g}, of x alone",
            lambda x, large=large: math.sin(x[0] + large),
            [x],
            lambda x, large=large: [math.cos(x[0] + large)],
            [slope],
            [1.02 * slope, -slope, 2 * slope, NAN, INF],
        )
    ),
    *(
        claim
        for large in (1e8, 1e10, 1e12)
        for x in (0.0, 0.2, 1.0)
        for claim in _damped(f"at {x:g}, of x alone", x, large)
    ),
    # next to the end of a tread, where a kink was seen that is none
    *(
        claim
        for large in (4e3, 1e4, 1e8)
        for part in (0.5, 0.501, 0.48)
        for x in [(round(0.3 / math.ulp(large)) + part) * math.ulp(large)]
        for claim in _damped(f"at {part:g} treads beyond 0.3", x, large)
    ),
    *(
        claim
        for x in (3.3e7, 2.2e8, 1e9)
        for claim in row(
            f"sin(x) y at {x:g}, whose waves are shorter than steps along both",
            lambda x: math.sin(x[0]) * x[1],
            [x, 1e6],
            None,
            [[math.cos(x) * 1e6, math.sin(x)]],
            [[1.01e6 * math.cos(x), math.sin(x)], [math.cos(x) * 1e6, 1.01 * math.sin(x)]],
        )
    ),
    # within some floats of a pole
    *row("tan", lambda x: math.tan(x[0]), [math.pi / 2], None, [1 / math.cos(math.pi / 2) ** 2], [1e16, -2.7e32, 0.0]),
    *(
        claim
        for floats in (1, 5, 30, 300)
        for slope in [-1 / (floats * 2.0**-52) ** 2]
        for claim in row(
            f"1/(x - 1) at {floats} floats from 1",
            lambda x: 1 / (x[0] - 1) if x[0] != 1 else NAN,
            [1 + floats * 2.0**-52],
            None,
            [slope],
            [-slope, 0.0, 1e-3 * slope, 1e3 * slope],
        )
    ),
    *row(
        "a wave beside a large number, with an angle",
        lambda x: math.cos(math.atan2(x[1] * x[0], x[1]) * (x[1] - x[0])),
        [-23192296.083598495, -0.2910067948097317],
        None,
        [[0.9806096817861158, -0.9806097087034811]],
        [[0.9, -0.9806097087034811], [0.9806096817861158, 0.9]],
    ),
    *row(
        "softplus(y / x), of numbers of very different scales",
        lambda x: max(x[1] / x[0], 0.0) + math.log1p(math.exp(-abs(x[1] / x[0]))),
        [-1.0299417459899385, -302324136.18231326],
        None,
        [[285001730.93804955, -0.970928699505077]],
        [[285001730.93804955, 0.970928699505077], [-285001730.93804955, -0.970928699505077]],
    ),
    *row("1e6 x % 1", lambda x: 1e6 * x[0] % 1, [0.3 + 3e-7], None, [1e6], [0.0, 1.0, -1e6]),
    *(
        claim
        for x in (0.0, 0.2, 1.0)
        for slopes in [[(math.cos(x + 1e8) - math.sin(x + 1e8)) * math.exp(-x), math.cos(x + 1e8) * math.exp(-x)]]
        for claim in row(
            f"sin(x + 1e8) exp(-x) at {x:g}",
            lambda x: math.sin(x[0] + x[1]) * math.exp(-x[0]),
            [x, 1e8],
            None,
            [slopes],
            [[1.1 * slopes[0], slopes[1]], [slopes[0], 0.9 * slopes[1]]],
        )
    ),
    *(
        claim
        for x, y in ((0.0, 1e8), (1e-3, 1e8), (0.5, 1e8), (1.0, 1e10))
        for slope in [math.cos(x + y)]
        for claim in row(
            f"sin(x + {y:g}) at {x:g}",
            lambda x: math.sin(x[0] + x[1]),
            [x, y],
            lambda x: [math.cos(x[0] + x[1])] * 2,
            [[slope, slope]],
            [[1.02 * slope, slope], [-slope, slope], [slope, 0.9 * slope], [INF, slope]],
        )
    ),
]


def _bisected(x: float) -> float:
    low, high = 0.0, 10.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if middle**3 + middle > x else (middle, high)
    return low


def _newton(x: float) -> float:
    root = 1.0
    while abs(root**3 + root - x) > 1e-12:
        root -= (root**3 + root - x) / (3 * root**2 + 1)
    return root


def _interpolated(x: float) -> float:
    knots = [0.0, 1.0, 4.0, 2.0]
    k = max(0, min(int(x), 2))
    return knots[k] * (k + 1 - x) + knots[k + 1] * (x - k)


def _logistic(x: float) -> float:
    for _ in range(30):
        x = 3.9 * x * (1 - x)
    return x


def _logistic_slope(x: float) -> float:
    slope = 1.0
    for _ in range(30):
        slope, x = slope * 3.9 * (1 - 2 * x), 3.9 * x * (1 - x)
    return slope


def _eigenvalue(x: list[float]) -> float:
    return (x[0] + 1) / 2 + math.hypot((x[0] - 1) / 2, x[1])


def _eigenvalue_slopes(x: list[float]) -> list[float]:
    return [0.5 + (x[0] - 1) / 4 / (_eigenvalue(x) - (x[0] + 1) / 2), x[1] / (_eigenvalue(x) - (x[0] + 1) / 2)]


def _until(x: float) -> float:
    return x**3 if x <= 1 + 1e-12 else NAN


def _planes(x: list[float]) -> float:
    return min(x[0] + x[1], 2 * x[0] - x[1], 5.0)


def _of_planes(x: list[float]) -> list[float]:
    return [1.0, 1.0] if x[0] + x[1] < 2 * x[0] - x[1] else [2.0, -1.0]


_ROOT = 1 / (3 * _newton(5.0) ** 2 + 1)

PROGRAMS: list[Claim] = [
    *row("a root by bisection, to 1e-6", lambda x: _bisected(x[0]), [5.0], None, [_ROOT], [-_ROOT, 2 * _ROOT]),
    *smooth("a root by Newton", _newton, 5.0, lambda x: 1 / (3 * _newton(x) ** 2 + 1)),
    *smooth("thirty steps of a chaotic map", _logistic, 0.345, _logistic_slope),
    *row("between knots", lambda x: _interpolated(x[0]), [1.3], lambda x: [3.0], [3.0], [1.0, 2.9, NAN]),
    *row(
        "at a knot",
        lambda x: _interpolated(x[0]),
        [2.0],
        lambda x: [3.0 if x[0] < 2 else -2.0],
        [3.0, -2.0, 0.0],
        [-2.1, 4.0, NAN],
    ),
    *row(
        "an eigenvalue that two share",
        _eigenvalue,
        [1.0, 0.0],
        _eigenvalue_slopes,
        [[0.5, 0.0], [1.0, 0.0], [0.5, 1.0], [0.0, 0.0]],
        [[1.5, 0.0], [0.5, 2.0], [1.0, 1.0]],
    ),
    *row(
        "the least of three planes",
        _planes,
        [2.0, 1.0],
        _of_planes,
        [[1.0, 1.0], [2.0, -1.0], [1.5, 0.0]],
        [[3.0, 0.0], [0.0, 0.0], [1.0, -1.0]],
    ),
    *row("x^3 with an end close by", lambda x: _until(x[0]), [1.0], lambda x: [3 * x[0] ** 2], [3.0], [2.9, 0.0, 3.1]),
    *row("x + 1e15", lambda x: x[0] + 1e15, [3.0], None, [1.0], [-1.0, 100.0]),
    *row(
        "stairs of 1e-4 on a slope",
        lambda x: math.floor(x[0] * 1e4) / 1e4 + x[0] / 7,
        [0.33333],
        lambda x: [1 / 7],
        [1 / 7],
        [0.2, 0.0, NAN],
    ),
    *row(
        "a curve that is steep close by",
        lambda x: 1e10 * (x[0] - 1) ** 2 + x[0],
        [1.0],
        lambda x: [2e10 * (x[0] - 1) + 1],
        [1.0],
        [0.0, 2.0, -1.0],
    ),
    *row(
        "log(exp + exp) with a softmax that does not add up",
        lambda x: math.log(math.exp(x[0]) + math.exp(x[1])),
        [0.0, math.log(3)],
        None,
        [[0.25, 0.75]],
        [[1.0, 3.0], [0.75, 0.25], [0.2525, 0.7575]],
    ),
]

HIDDEN: list[Claim] = [
    # a kink at the point that is small beside the value: the steps that see through rounding mix its slopes
    claim
    for value in (1e7, 1e8, 1e9, 1e10)
    for claim in (
        *row(
            f"{value:g} + 1.5 |x|",
            lambda x, value=value: value + 1.5 * abs(x[0]),
            [0.0],
            lambda x: [1.5 * sign(x[0])],
            [-1.5, 0.0, 0.7, 1.5],
            [-3.0, 3.0, NAN, INF],
        ),
        *row(
            f"{value:g} + 1.5 relu(x)",
            lambda x, value=value: value + 1.5 * relu(x[0]),
            [0.0],
            lambda x: [1.5 * (x[0] > 0)],
            [0.0, 0.7, 1.5],
            [-3.0, 3.0, NAN, INF],
        ),
        *row(
            f"{value:g} + relu(x) y",
            lambda x, value=value: value + relu(x[0]) * x[1],
            [0.0, 2.0],
            lambda x: [x[1] * (x[0] > 0), relu(x[0])],
            [[0.0, 0.0], [2.0, 0.0]],
            [[-4.0, 0.0], [5.0, 0.0], [NAN, 0.0]],
        ),
        *row(  # along both, the smooth part hides on what grid the other lies
            f"({value:g} + 2 relu(x)) - {value:g} + y",
            lambda x, value=value: (value + 2 * relu(x[0])) - value + x[1],
            [0.0, 1.0],
            lambda x: [2.0 * (x[0] > 0), 1.0],
            [[0.0, 1.0], [1.0, 1.0], [1.5, 1.0], [2.0, 1.0]],
            [[-3.0, 1.0], [5.0, 1.0], [1.0, 2.0], [NAN, 1.0]],
        ),
    )
] + [
    # nor is a claim excluded by a difference that knows its slope to a third, as wide as from one kink to the next;
    # nor, in the second function, by one that mixes slopes which only steps twice as wide tell apart
    claim
    for away in (-1e-2, -2e-3, -2e-4, -3.5e-5, -4e-8, -2e-12, 1e-6, 3.5e-5)
    for claim in (
        *row(
            "1e14 + |x - 1| x + x^2",
            lambda x: 1e14 + abs(x[0] - 1) * x[0] + x[0] ** 2,
            [1 + away],
            lambda x: [sign(x[0] - 1) * x[0] + abs(x[0] - 1) + 2 * x[0]],
            [sign(away) * (1 + away) + abs(away) + 2 * (1 + away)],
            [-50.0, 100.0, NAN],
        ),
        *row(
            "1e14 + 3 |x - 1| + 5 x^2",
            lambda x: 1e14 + 3 * abs(x[0] - 1) + 5 * x[0] ** 2,
            [1 + away],
            lambda x: [3 * sign(x[0] - 1) + 10 * x[0]],
            [3 * sign(away) + 10 * (1 + away)],
            [-50.0, 100.0, NAN],
        ),
    )
]

CURVED: list[Claim] = [
    # a slope of 0 where the curvature jumps: rounding of x + h puts the finest steps at other distances than meant
    claim
    for x in (1.0, 2.0, 0.3, 0.159, 100.0, -5.5, 1e-3)
    for claim in row(
        f"(x - {x:g}) |x - {x:g}|",
        lambda t, x=x: (t[0] - x) * abs(t[0] - x),
        [x],
        lambda t, x=x: [2 * abs(t[0] - x)],
        [0.0],
        [1.0, -0.01, NAN, INF],
    )
]

HARD = {
    "curved": CURVED,
    "hidden": HIDDEN,
    "turning": TURNING,
    "near ends": NEAR_ENDS,
    "slow": SLOW,
    "rounded": ROUNDED,
    "several": SEVERAL,
    "programs": PROGRAMS,
}
