"""Check the gradient of any code: functions of floats, lists and arrays, known only by their values.

Steps, bounds and report are those of the check of graphs. Without a graph, a kink shows as one-sided extrapolations
that disagree; the comparison is then made a little beside it, on both sides.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

from ..numbers import is_number
from .differences import EPSILON, Estimate, Line, Verdict, central, judge, limit, measured_noise, one_sided, steps
from .report import Derivative, Kink, Report
from .subject import name_of

_EPSILONS = {"float64": EPSILON, "float32": 2.0**-23}


class Argument(NamedTuple):
    """One argument as a flat list of numbers, and the way back."""

    numbers: list[float]
    indices: list[str]
    epsilon: float
    moved: Callable[[int, float], Any]  # a fresh copy with one number changed


def check_callable(f: Callable[..., Any], point: Any, grad: Callable[..., Any]) -> Report:
    """Compare ``grad(point)`` with finite differences of ``f(point)``; see `check_gradients`.

    Args:
        f: gives a number, or several in a list or array of any shape.
        point: what `f` is called with: a float, list or array; a tuple of them if `f` takes several arguments.
        grad: called as `f`; gives the derivatives in the shape of the point (of several arguments, a tuple). If `f`
            gives several numbers, the Jacobian: for each of them in turn its derivatives.

    Raises:
        TypeError: something is no real number or no array of floats.
        ValueError: `f` is not deterministic or not finite at the point; `grad` gives too few or too many numbers.

    >>> report = check_callable(lambda x: x[0] * x[1] ** 2, [2.0, 3.0], grad=lambda x: [x[1] ** 2, x[0] * x[1]])
    >>> [d.name for d in report.wrong]
    ['x[1]']
    """
    for code in (f, grad):
        if not callable(code):
            raise TypeError(f"check_gradients() takes functions, got {code!r} of type {type(code).__name__}")
    points = point if isinstance(point, tuple) else (point,)
    arguments = [unpack(each) for each in points]
    names = _argument_names(f, len(points))
    outputs = _outputs(f, points)
    jacobian = _derivatives(grad, points, arguments, len(outputs))
    found: list[Derivative] = []
    for number, argument in enumerate(arguments):
        for index in range(len(argument.numbers)):
            probe = _Probe(f, grad, points, arguments, number, index, len(outputs))
            for output, value in enumerate(outputs):
                name = names[number] + argument.indices[index]
                name += f" of output {output}" if len(outputs) > 1 else ""
                found.append(probe.check(name, output, value, jacobian[number][output][index]))
    return Report(f"{name_of(f)} at {', '.join(map(_described, points))}", tuple(found))


class _Probe:
    """One coordinate of one argument: the functions along it, each evaluated once at any place."""

    def __init__(
        self,
        f: Callable[..., Any],
        grad: Callable[..., Any],
        points: tuple[Any, ...],
        arguments: Sequence[Argument],
        number: int,
        index: int,
        outputs: int,
    ) -> None:
        self.f, self.grad, self.points, self.arguments = f, grad, points, arguments
        self.number, self.index, self.outputs = number, index, outputs
        self.argument = arguments[number]
        self.x = self.argument.numbers[index]
        self.known: dict[float, list[float]] = {}

    def at(self, u: float) -> tuple[Any, ...]:
        moved = self.argument.moved(self.index, u)
        return (*self.points[: self.number], moved, *self.points[self.number + 1 :])

    def line(self, output: int) -> Line:
        def value(u: float) -> float:
            if u not in self.known:
                try:
                    self.known[u] = numbers_in(self.f(*self.at(u)))
                except (ArithmeticError, ValueError):  # outside the domain
                    self.known[u] = [math.nan] * self.outputs
            return self.known[u][output]

        return value

    def check(self, name: str, output: int, value: float, claimed: float) -> Derivative:
        x, line, epsilon = self.x, self.line(output), self.argument.epsilon
        noise, slack = 4 * epsilon * abs(value), 8 * epsilon * abs(claimed)
        likely = steps(x, epsilon=epsilon)[0]
        quick = (central(line, x, likely, noise, levels) for levels in (2, 4))
        verdict = self._judge(claimed, slack, quick)
        if verdict.status == "agrees" and not _bent(line, x, value, likely, noise, claimed):
            return _derivative(name, x, claimed, verdict, None)
        noise = max(noise, measured_noise(line, x, epsilon))
        kink = self._kink(line, claimed, noise, likely)
        if kink is not None:
            return self._check_beside(name, output, noise, likely, kink)
        verdict = self._judge(claimed, slack, (central(line, x, h, noise) for h in steps(x, epsilon=epsilon)))
        return _derivative(name, x, claimed, verdict, None)

    def _judge(self, claimed: float, slack: float, candidates: Iterator[Estimate | None]) -> Verdict:
        return judge(claimed, slack, candidates, resolution=self.argument.epsilon**0.25 / 10)

    def _kink(self, line: Line, claimed: float, noise: float, likely: float) -> Kink | None:
        """Whether the derivatives, or the values, from both sides disagree."""
        x = self.x
        slopes = [
            min(found, key=lambda e: e.bound)
            for sign in (-1.0, 1.0)
            if (found := [e for k in range(4) if (e := one_sided(line, x, sign * likely / 8**k, noise))])
        ]
        if len(slopes) < 2:
            return None
        left, right = slopes
        jump = abs(limit(line, x, likely / 512) - limit(line, x, -likely / 512))
        slope = max(abs(left.derivative), abs(right.derivative))
        apart = abs(left.derivative - right.derivative) > left.bound + right.bound + 1e-4 * slope
        if not apart and jump <= 64 * noise + slope * likely / 64:
            return None
        why = "one-sided differences disagree" if apart else f"the value jumps by {jump:.9g}"
        return Kink(why, 0.0, claimed, left.derivative, right.derivative, (x - likely, x + likely))

    def _check_beside(self, name: str, output: int, noise: float, likely: float, kink: Kink) -> Derivative:
        found: list[Derivative] = []
        for beside in (self.x - likely / 2, self.x + likely / 2):
            jacobian = _derivatives(self.grad, self.at(beside), self.arguments, self.outputs)
            claimed, line = jacobian[self.number][output][self.index], self.line(output)
            epsilon = self.argument.epsilon
            candidates = (central(line, beside, h, noise) for h in steps(beside, likely / 2, epsilon))
            verdict = self._judge(claimed, 8 * epsilon * abs(claimed), candidates)
            found.append(_derivative(name, beside, claimed, verdict, kink))
        return min(found, key=lambda d: ("differs", "unresolved", "agrees").index(d.status))


def _bent(line: Line, x: float, value: float, step: float, noise: float, slope: float) -> bool:
    """Whether the second difference halves with the step, as at a kink, where that of a smooth function quarters."""
    wide, narrow = (abs(line(x + h) - 2 * value + line(x - h)) for h in (step, step / 2))
    return narrow > 0.4 * wide and narrow > max(16 * noise, 1e-6 * step * abs(slope))


def _derivative(name: str, at: float, claimed: float, verdict: Verdict, kink: Kink | None) -> Derivative:
    estimate = verdict.estimate or Estimate(math.nan, math.inf, 0.0, 0.0)
    return Derivative(name, 1, at, claimed, estimate.derivative, estimate.bound, verdict.status, kink)


# ---- numbers in and out ------------------------------------------------------------------------------------------


def unpack(x: Any) -> Argument:
    """An argument's numbers, the text of each one's index, and how to change one of them.

    Raises:
        TypeError: it is no real number, no list of such, and no array of float32 or float64.

    >>> unpack([1.0, [2.0, 3.0]]).indices
    ['[0]', '[1][0]', '[1][1]']
    """
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        return Argument([float(x)], [""], EPSILON, lambda _, number: number)
    if isinstance(x, list) and x:
        return _unpack_list(x)
    kind = str(getattr(x, "dtype", "")).rpartition(".")[2]
    if kind not in _EPSILONS:
        wanted = "a float, a list of floats or an array of float32 or float64"
        raise TypeError(f"a gradient is checked at {wanted}, got {_short(x)} of type {type(x).__name__} {kind}".strip())
    indices = [f"[{', '.join(map(str, index))}]" if index else "" for index in product(*map(range, x.shape))]
    return Argument(numbers_in(x), indices, _EPSILONS[kind], _mover(x))


def _unpack_list(x: list[Any]) -> Argument:
    parts = [unpack(item) for item in x]
    places = [(k, inner) for k, part in enumerate(parts) for inner in range(len(part.numbers))]

    def moved(index: int, number: float) -> list[Any]:
        outer, inner = places[index]
        return [*x[:outer], parts[outer].moved(inner, number), *x[outer + 1 :]]

    return Argument(
        [number for part in parts for number in part.numbers],
        [f"[{k}]{parts[k].indices[inner]}" for k, inner in places],
        max(part.epsilon for part in parts),
        moved,
    )


def _mover(x: Any) -> Callable[[int, float], Any]:
    """How an array is copied with one number changed."""
    if hasattr(x, "detach"):  # PyTorch

        def moved(index: int, number: float) -> Any:
            copy = x.detach().clone().contiguous()
            copy.view(-1)[index] = number
            return copy.requires_grad_(x.requires_grad)

    elif hasattr(x, "at"):  # JAX: its arrays do not change, NumPy's copy does

        def moved(index: int, number: float) -> Any:
            import jax
            import numpy

            copy = numpy.array(x)
            copy.flat[index] = number
            return jax.numpy.asarray(copy)

    else:

        def moved(index: int, number: float) -> Any:
            copy = x.copy()
            copy.flat[index] = number
            return copy

    return moved


def numbers_in(result: Any) -> list[float]:
    """All numbers of a result in order, whatever holds them.

    >>> numbers_in((1.0, [2, 3.5]))
    [1.0, 2.0, 3.5]
    """
    if isinstance(result, float):
        return [float(result)]
    if hasattr(result, "tolist"):
        result = result.tolist()
    if isinstance(result, (list, tuple)):
        return [number for item in result for number in numbers_in(item)]
    if not is_number(result):
        raise TypeError(f"a function to check gives real numbers, got {_short(result)} of type {type(result).__name__}")
    return [float(result)]


def _outputs(f: Callable[..., Any], points: tuple[Any, ...]) -> list[float]:
    try:
        inspect.signature(f).bind(*points)
    except TypeError as error:
        raise TypeError(
            f"{name_of(f)}{inspect.signature(f)} cannot be called with the point's {len(points)} arguments "
            f"(a tuple is several arguments): {error}"
        ) from None
    except ValueError:  # written in C: no signature
        pass
    first, again = numbers_in(f(*points)), numbers_in(f(*points))
    if first != again and not any(map(math.isnan, first)):
        raise ValueError(f"the function is not deterministic: it gave {_short(first)} and then {_short(again)}")
    for number in first:
        if not math.isfinite(number):
            raise ValueError(f"the point is outside the domain: the function gives {number!r} at {_short(points)}")
    return first


def _derivatives(
    grad: Callable[..., Any], points: tuple[Any, ...], arguments: Sequence[Argument], outputs: int
) -> list[list[list[float]]]:
    """The claimed derivatives, by argument, output and index."""
    found = grad(*points)
    parts = found if isinstance(found, (list, tuple)) and len(arguments) > 1 else (found,)
    counts = [len(argument.numbers) for argument in arguments]
    per_argument = [numbers_in(part) for part in parts]
    if [len(part) for part in per_argument] != [outputs * count for count in counts]:
        raise ValueError(
            f"grad gave {[len(part) for part in per_argument]} numbers for arguments of {counts} numbers"
            + (f" and {outputs} outputs" if outputs > 1 else "")
            + ": give one derivative for each"
        )
    return [
        [part[output * count : (output + 1) * count] for output in range(outputs)]
        for part, count in zip(per_argument, counts)
    ]


def _argument_names(f: Callable[..., Any], count: int) -> list[str]:
    try:
        names = [p.name for p in inspect.signature(f).parameters.values() if p.kind is not p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        names = []
    return [names[k] if k < len(names) else f"x{k}" for k in range(count)]


def _short(thing: object) -> str:
    text = " ".join(repr(thing).split())
    return text if len(text) <= 80 else text[:77] + "..."


def _described(x: Any) -> str:
    """An argument for the title: an array by its shape, as printing it takes longer than checking it."""
    return f"{type(x).__name__} of shape {tuple(x.shape)}" if getattr(x, "shape", ()) else _short(x)
