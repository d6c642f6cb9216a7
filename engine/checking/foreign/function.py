"""What is checked: a function at a point of numbers, lists, arrays and trees of them, and the claims about it there."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

from ...ieee import inner
from ...numbers import shortened
from ...text.sheet import counted
from ..estimates.clarke import Neighbourhood
from ..estimates.differences import Line
from ..subject import name_of, require_the_same, weight
from .modes import Forward, Reverse, Rows
from .points import NO_VALUE, Point, numbers_in

__tracebackhide__ = True  # pytest then shows the user's own lines


class ForeignFunction:
    """A function at a point, and the claims about it there.

    Attributes:
        f: the function.
        by: the source of the claims.
        point: the point.
        values: the function's outputs there.
        noise: how far values may be off, besides rounding.
    """

    def __init__(self, f: Callable[..., Any], by: Reverse | Forward, arguments: tuple[Any, ...], noise: float):
        self.f, self.by, self.noise = f, by, noise
        self.point = Point(arguments, _argument_names(f, len(arguments)))
        for name, number in zip(self.point.names, self.point.numbers):
            if not math.isfinite(number):
                raise ValueError(f"a gradient is checked at finite numbers, got {number!r} for {name}")
        given = f"the point's {counted(len(arguments), 'argument')} (a tuple is several arguments)"
        _check_takes(name_of(f), f, arguments, given)
        if isinstance(by, Forward):
            _check_takes("jvp", by.function, arguments * 2, f"{given} and a direction for each")
        else:
            _check_takes("grad", by.function, arguments, given)
        self.values = _outputs(f, arguments, noise)
        self._jacobian: Rows | None = None

    @property
    def jacobian(self) -> Rows:  # cached_property would show in tracebacks of what `by` raises
        """The claims: for each output, one derivative for each number of the point."""
        if self._jacobian is None:
            self._jacobian = self.claims(self.point.placed(self.point.numbers))  # copies, as `by` may change them
        return self._jacobian

    def claims(self, arguments: tuple[Any, ...]) -> Rows:
        """The claims at other arguments."""
        return self.by.jacobian(self.point, arguments, len(self.values))

    def slopes(self, direction: Sequence[float]) -> list[float]:
        """The claimed slope of each output along a direction."""
        if isinstance(self.by, Forward):
            arguments = self.point.placed(self.point.numbers)
            return self.by.slopes(self.point, arguments, direction, len(self.values))
        return [inner(row, direction) for row in self.jacobian]

    def claims_again(self) -> list[float]:
        """All claims, by a new call; in forward mode, the slopes along one direction."""
        if isinstance(self.by, Forward):
            return self.slopes([weight(k) for k in range(len(self.point.numbers))])
        return [claim for row in self.claims(self.point.placed(self.point.numbers)) for claim in row]

    def at(self, arguments: tuple[Any, ...]) -> list[float]:
        """The outputs at other arguments; nan outside the domain, where a power may give complex numbers."""
        try:
            result = self.f(*arguments)
        except NO_VALUE:
            return [math.nan] * len(self.values)
        try:
            return numbers_in(result)
        except TypeError:
            return [math.nan] * len(self.values)

    def name(self, name: str, output: int) -> str:
        """The name of one derivative."""
        return (f"{name} of output {output}" if len(self.values) > 1 else name) + self.by.mode

    def line(self, output: int) -> Callable[[Sequence[float]], Line]:
        """One output along a direction."""

        def line(direction: Sequence[float]) -> Line:
            arguments = self.point.line(direction)
            return lambda t: self.at(arguments(t))[output]

        return line

    def neighbourhood(self, output: int) -> Neighbourhood:
        """One output as a function of all numbers."""
        epsilon = max(self.point.epsilons)
        noise = max(self.noise, 4 * epsilon * abs(self.values[output]))
        return Neighbourhood(
            lambda numbers: self.at(self.point.placed(numbers))[output], self.point.numbers, noise, epsilon
        )


def _check_takes(name: str, function: Callable[..., Any], arguments: tuple[Any, ...], given: str) -> None:
    """Refuse a function that cannot be called with these arguments; `given` names them in words.

    Raises:
        TypeError: it takes more or fewer.
    """
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        raise TypeError(f"{name}{inspect.signature(function)} cannot be called with {given}: {error}") from None
    except ValueError:  # written in C: no signature
        pass


def _outputs(f: Callable[..., Any], arguments: tuple[Any, ...], noise: float) -> list[float]:
    first, again = _first(f, arguments), numbers_in(f(*arguments))
    require_the_same(first, again, noise)
    for number in first:
        if not math.isfinite(number):
            raise ValueError(
                f"the function has no finite value at the point: it gives {number!r} at {shortened(arguments, 80)}"
            )
    return first


def _first(f: Callable[..., Any], arguments: tuple[Any, ...]) -> list[float]:
    """The outputs of a first call; the error explains itself if a function of numbers was called with a list."""
    try:
        return numbers_in(f(*arguments))
    except TypeError as error:
        point = arguments[0] if len(arguments) == 1 else None
        if not isinstance(point, list) or not _takes(f, point):
            raise
        raise TypeError(
            f"{name_of(f)} seems to take numbers, but was called with the list {shortened(point)}, since with grad= or "
            f"jvp= the point is passed as it is: a tuple is several arguments, here {shortened(tuple(point))}"
        ) from error


def _takes(f: Callable[..., Any], arguments: list[Any]) -> bool:
    """Whether a function gives numbers for these arguments."""
    try:
        return bool(numbers_in(f(*arguments)))
    except Exception:  # it is the user's code
        return False


def _argument_names(f: Callable[..., Any], count: int) -> list[str]:
    try:
        names = [p.name for p in inspect.signature(f).parameters.values() if p.kind is not p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        names = []
    return [names[k] if k < len(names) else f"x{k}" for k in range(count)]


def described(x: Any) -> str:
    """An argument for the title; an array by its shape, as printing it takes longer than checking it."""
    return f"{type(x).__name__} of shape {tuple(x.shape)}" if getattr(x, "shape", ()) else shortened(x, 80)
