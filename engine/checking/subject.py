"""What is checked: a scalar function of named coordinates, with the graph that it records at any values of these.

The coordinates are the function's inputs and then all other leaves that it reads, as found in the graph, such as a
module's parameters. Derivatives of a higher order are checked as the gradient of a function that is a derivative
itself, along a fixed direction in which every coordinate takes part.
"""

from __future__ import annotations

import inspect
import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .. import ops
from ..backprop import grad
from ..graph import depending_on, leaves, topological_order
from ..modes import no_grad
from ..numbers import as_float, equal_numbers, is_number, shortened
from ..primitive import Primitive
from ..text.sheet import counted
from ..value import Value
from .foreign.points import NO_VALUE
from .kinks import describe

__tracebackhide__ = True  # pytest then shows the user's own lines


_set_number = vars(Value)["_z"].__set__
_AGAIN = 12  # how many evaluations are compared: of coin tosses, all are the same once in thousands of times
_ORDER_OF_SUMS = 1e-4  # a part of the largest derivative: threads may add in another order each time, in float32 too
_LARGE, _FEW = 10_000, 3  # from so many coordinates on, only a few evaluations, as each takes long


class Recording(NamedTuple):
    """One evaluation: the result, the coordinates' Values, and all nodes that may have kinks."""

    output: Value
    coordinates: list[Value]
    nodes: list[Value]


def weight(position: int) -> float:
    """The weights of outputs and directions: 1, then numbers between 1 and 2 in no simple ratio.

    >>> weight(0), 1 < weight(1) < 2
    (1.0, True)
    """
    return 1.0 + position * 0.6180339887498949 % 1.0


@dataclass(frozen=True)
class Subject:
    """A function, its coordinates and the point.

    Attributes:
        call: takes the Values of the inputs, gives what the user's function returns.
        title: how a report names it.
        names: one for each coordinate.
        numbers: the point.
        parameters: the leaves besides the inputs, last among the coordinates.
        order: 1 to check the gradient; k for the gradient of the (k-1)-th derivative.
        unrecorded: whether values may be computed under no_grad.
        by_name: whether the point was given as a mapping.
        noise: how far a value may be off, besides rounding.
        recorded: an evaluation at the point, if there was one.
    """

    call: Callable[[list[Value]], Any]
    title: str
    names: tuple[str, ...]
    numbers: tuple[float, ...]
    parameters: tuple[Value, ...] = ()
    order: int = 1
    unrecorded: bool = False
    by_name: bool = False
    noise: float = 0.0
    recorded: Recording | None = None

    @property
    def here(self) -> Recording:
        """An evaluation at the point."""
        return self.record(self.numbers) if self.recorded is None else self.recorded

    def value(self, numbers: Sequence[float]) -> float:
        """The function at other values of the coordinates."""
        if not self.unrecorded or self.order > 1:
            return self.record(numbers).output.data
        with no_grad(), self._placed(numbers) as coordinates:
            return self._output(coordinates).data

    def value_or_nan(self, numbers: Sequence[float]) -> float:
        """The same as `value`; nan where there is none."""
        try:
            return self.value(numbers)
        except NO_VALUE:
            return math.nan

    def line(self, position: int) -> Callable[[float], float]:
        """The function of one coordinate alone."""
        return lambda x: self.value_or_nan(self.moved(position, x))

    def moved(self, position: int, x: float) -> list[float]:
        """The point with one coordinate changed."""
        numbers = list(self.numbers)
        numbers[position] = x
        return numbers

    def record(self, numbers: Sequence[float]) -> Recording:
        """Evaluate, with the graph."""
        with self._placed(numbers) as coordinates:
            output = self._output(coordinates)
            nodes = topological_order(output)
            for _ in range(self.order - 1):
                derivatives = grad(output, coordinates, create_graph=True)
                output = ops.dot(derivatives, [weight(k) for k in range(len(derivatives))])
                nodes += topological_order(output)
        return Recording(output, coordinates, list(dict.fromkeys(nodes)))

    @property
    def written(self) -> str:
        """The point as Python to paste, and the parameters' numbers by name."""
        pairs = list(zip(self.names, self.numbers))
        split = len(pairs) - len(self.parameters)
        point = repr(dict(pairs[:split]) if self.by_name else [x for _, x in pairs[:split]])
        return f"{point}, with the parameters {dict(pairs[split:])!r}" if self.parameters else point

    @contextmanager
    def _placed(self, numbers: Sequence[float]) -> Iterator[list[Value]]:
        """The coordinates' Values, holding `numbers` for as long as the context lasts."""
        split = len(numbers) - len(self.parameters)
        inputs = [Value(x, name) for x, name in zip(numbers[:split], self.names)]
        back = map(_set_number, self.parameters, [leaf.data for leaf in self.parameters])
        try:
            _assign(self.parameters, numbers[split:])
            yield [*inputs, *self.parameters]
        finally:
            deque(back, maxlen=0)  # one call, within which no Python code runs: Ctrl-C comes before or after it

    def _output(self, coordinates: list[Value]) -> Value:
        return _single(self.call(coordinates[: len(coordinates) - len(self.parameters)]))

    def of_order(self, order: int) -> Subject:
        """The subject of which the gradient is checked at this order: the (order - 1)-th derivative."""
        return replace(self, order=order, recorded=self.recorded if order == self.order else None)


def _assign(leaves: Sequence[Value], numbers: Sequence[float]) -> None:
    """Set leaves to floats, fast: there may be a hundred thousand of them, a thousand times."""
    for leaf, x in zip(leaves, numbers):
        if leaf.__class__ is Value:
            leaf._z = x
        else:
            leaf.data = x


def subject_of(f: Callable[..., Any], point: Sequence[Any] | Mapping[str, Any], noise: float) -> Subject:
    """A user's function as a `Subject`.

    Args:
        f: a function of Values, called as ``f(*values)`` or, if `point` is a mapping, ``f(**values)``; a module
            (it has ``parameters()``) is called with one list of them. It returns a Value or a list of them.
        point: one number per input.
        noise: how far a value may be off, besides rounding.

    Raises:
        TypeError: the number of arguments is wrong, or the result is not a Value.
        ValueError: the function is not deterministic, its value at the point is not finite, or it uses results that
            were computed before it is called.
    """
    if not callable(f):
        remedy = ": give what computes it, such as lambda x: x * x" if isinstance(f, Value) else ""
        raise TypeError(f"check_gradients() takes a function of Values, got {f!r} of type {type(f).__name__}{remedy}")
    call, names, numbers = _calling(f, point)
    shown = [f"{name} = {x!r}" for name, x in zip(names[:6], numbers)] + ["..."] * (len(names) > 6)
    title = f"{name_of(f)} at {', '.join(shown)}" if shown else name_of(f)
    subject = Subject(call, title, names, numbers, by_name=isinstance(point, Mapping), noise=noise)
    first, again = subject.record(numbers), subject.record(numbers)
    require_the_same([first.output.data], [again.output.data], noise)
    _require_finite(first)
    _require_computed_inside(first, again)
    read = set(leaves(again.output))  # a leaf that each evaluation makes anew is not a parameter
    bound = tuple(leaf for leaf in leaves(first.output) if leaf in read)
    if not numbers and not bound:
        raise ValueError(
            f"there is nothing to check: {name_of(f)} has no inputs, and reads no parameters that were made before "
            "the call: give a number for each input, check_gradients(f, [x, y])"
        )
    subject = replace(
        subject,
        names=_distinct((*names, *_parameter_names(f, bound))),
        numbers=numbers + tuple(leaf.data for leaf in bound),
        parameters=bound,
        recorded=again._replace(coordinates=[*again.coordinates, *bound]),
    )
    plain = replace(subject, unrecorded=True)
    same = abs(plain.value(subject.numbers) - first.output.data) <= 2 * noise
    return plain if same else subject  # the values differ: it differentiates inside


def require_the_same(first: Sequence[float], again: Sequence[float], noise: float, what: str = "the function") -> None:
    """Refuse a function that gave other numbers at the same point.

    Raises:
        ValueError: it did.
    """
    same = (equal_numbers(a, b) or abs(a - b) <= 2 * noise for a, b in zip(first, again))
    if len(first) != len(again) or not all(same):
        raise ValueError(
            f"{what} is not deterministic: it gave {_plain(first)} and then {_plain(again)} at the same point; "
            "fix its random numbers, and do not let it change what it reads; or say how far the function's values may "
            "be off, noise=..."
        )


def _plain(numbers: Sequence[float]) -> str:
    return shortened(numbers[0] if len(numbers) == 1 else numbers, 80)


def require_repeatable(values: Callable[[], Sequence[float]], coordinates: int, noise: float) -> None:
    """Refuse a function that gives other numbers at one point from time to time, which a check may have missed.

    Raises:
        ValueError: it does.
    """
    first = values()
    for _ in range(_AGAIN if coordinates < _LARGE else _FEW):
        require_the_same(first, values(), noise)


def require_same_gradient(first: Sequence[float], gradient: Callable[[], Sequence[float]], coordinates: int) -> None:
    """Refuse a gradient that differs from call to call by more than another order of its sums explains.

    Args:
        first: the gradient that was judged.
        gradient: computes it again.
        coordinates: how many there are.

    Raises:
        ValueError: it does.
    """
    room = _ORDER_OF_SUMS * max(map(abs, filter(math.isfinite, first)), default=0.0)
    for _ in range(_AGAIN if coordinates < _LARGE else _FEW):
        require_the_same(first, gradient(), room, "the gradient")


def _calling(
    f: Callable[..., Any], point: Sequence[Any] | Mapping[str, Any]
) -> tuple[Callable[[list[Value]], Any], tuple[str, ...], tuple[float, ...]]:
    """How `f` is called with the list of its inputs, and their names and numbers."""
    if isinstance(point, Mapping):
        names = tuple(map(str, point))
        numbers = tuple(as_float(x, f"the point's {name}") for name, x in point.items())
        _require_bind(f, point, (), dict.fromkeys(names))
        return lambda values: f(**dict(zip(names, values))), names, numbers
    if isinstance(point, (str, bytes)) or not hasattr(type(point), "__iter__"):
        remedy = f": write [{point!r}]" if is_number(point) else ""
        raise TypeError(f"the point must be a list of numbers, one per input, or a dict of them; got {point!r}{remedy}")
    numbers = tuple(as_float(x, f"the point's number {k}") for k, x in enumerate(point))
    is_property = isinstance(inspect.getattr_static(f, "parameters", None), property)  # as compiled functions have
    if not is_property and callable(getattr(f, "parameters", None)):
        return f, tuple(f"x[{k}]" for k in range(len(numbers))), numbers
    if isinstance(f, Primitive) and f.arity == len(numbers):
        return lambda values: f(*values), f.operands, numbers
    bound = _require_bind(f, point, numbers, {})
    return lambda values: f(*values), bound, numbers


def _require_bind(
    f: Callable[..., Any], point: Any, positional: tuple[float, ...], named: Mapping[str, Any]
) -> tuple[str, ...]:
    """The names of the inputs, from the signature of `f`; a wrong number of them is refused."""
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):  # written in C: it raises an error of its own
        return tuple(f"x{k}" for k in range(len(positional)))
    try:
        bound = signature.bind(*positional, **named)
    except TypeError as error:
        given = counted(len(positional), "number")
        remedy = (
            ". Each number is a separate argument, as in def f(*x); to check a function of the whole array, give its "
            "gradient as grad="
        )
        if named:
            given, remedy = f"the inputs {', '.join(named)}", ""
        raise TypeError(
            f"{name_of(f)}{signature} cannot be called with {given} of the point {point!r}: {error}{remedy}"
        ) from None
    names: list[str] = []
    for name, bound_to in bound.arguments.items():
        several = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
        names += [f"{name}[{k}]" for k in range(len(bound_to))] if several else [name]
    return tuple(names)


def _single(result: Any) -> Value:
    """The function's result as one Value: a sum with fixed weights if there are several."""
    if isinstance(result, Value):
        return result
    if isinstance(result, (list, tuple)) and result:
        total: Value = ops.dot(list(map(_single, result)), [weight(k) for k in range(len(result))])
        return total
    raise TypeError(
        f"the function must return a Value or a list of them, got {result!r} of type {type(result).__name__}: compute "
        "with the engine's functions, since math's and float() drop the graph (or give grad= to check other code)"
    )


def _require_finite(recording: Recording) -> None:
    """Refuse a point without a finite value; nodes that were not selected may have any."""
    for x in recording.coordinates:
        if not math.isfinite(x.data):
            raise ValueError(f"a gradient is checked at finite numbers, got {x.data!r} for {x.label or 'an input'}")
    if not math.isfinite(recording.output.data):
        node = next(node for node in recording.nodes if not math.isfinite(node.data))
        what, domain = "a leaf", ""
        if node.primitive is not None:
            what = f"{node.primitive.name}({', '.join(map(repr, node.inputs))})"
            if not all(x in allowed for x, allowed in zip(node.inputs, node.primitive.domains(len(node.inputs)))):
                domain = f"; its domain is {', '.join(map(str, node.primitive.domain))}"
        raise ValueError(f"the function has no finite value at the point: {what} is {node.data!r}{domain}")


def _require_computed_inside(first: Recording, again: Recording) -> None:
    """Refuse results computed before the call, since they stay the same when their operands change.

    Results of constants alone are allowed, as nothing changes these.
    """
    there, changing = set(first.nodes), depending_on(leaves(again.output), again.nodes)
    for number, node in enumerate(again.nodes, 1):
        if node.primitive is not None and node in there and node in changing:
            raise ValueError(
                f"the function uses {describe(node, number)}, which was computed before the call and stays the same "
                "when its operands change: compute it inside the function, or use its detach()"
            )


def _parameter_names(f: Any, parameters: Sequence[Value]) -> tuple[str, ...]:
    """The module's own names, else labels, else numbers."""
    named = {value: name for name, value in f.named_parameters()} if hasattr(f, "named_parameters") else {}
    return tuple(named.get(leaf) or leaf.label or f"parameter {k}" for k, leaf in enumerate(parameters))


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The same names, with a number added to those that came before, as coordinates are told apart by name.

    >>> _distinct(["w", "b", "w"])
    ('w', 'b', 'w (2)')
    """
    found: dict[str, None] = {}
    times = Counter[str]()
    for name in names:
        own = name
        while own in found:
            times[name] += 1
            own = f"{name} ({times[name] + 1})"
        found[own] = None
    return tuple(found)


def name_of(f: Any) -> str:
    """The name of a function in a report."""
    name = str(getattr(f, "__name__", type(f).__name__))
    return "f" if name == "<lambda>" else name
