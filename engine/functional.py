"""Derivatives of Python functions at numbers: gradients, Jacobians, Hessians and their products.

Each records the function for itself, even inside a `no_grad`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .backprop import Function, grad, refuse_numbers, sweep_for_numbers
from .graph import recorded_order, topological_order
from .ieee import total
from .modes import Place, always_recorded, arguments, called_at, line_of
from .numbers import as_float, is_number, same_number, shortened
from .pullbacks import derivatives_as_numbers
from .text.callers import is_ours
from .text.elsewhere import explained
from .value import Value


@explained
def value_and_grad(f: Function) -> Callable[..., tuple[float, list[float]]]:
    """The function that gives ``f(*xs)`` and its partial derivatives at numbers `xs`.

    Args:
        f: a function of Values that returns one Value or number.

    Raises:
        TypeError: when it is called, as for `gradient`.

    >>> value_and_grad(lambda x, y: x * y)(2.0, 3.0)
    (6.0, [3.0, 2.0])
    """

    @always_recorded()
    def evaluate(*xs: Any, **named: Any) -> tuple[float, list[float]]:
        inputs, output = _call(f, xs, named)
        return output._z, _grad(output, inputs)

    return evaluate


@explained
def gradient(f: Function) -> Callable[..., list[float]]:
    """The function that gives the partial derivatives of ``f`` at numbers `xs`, in a list.

    Args:
        f: a function of Values that returns one Value or number.

    Raises:
        TypeError: when it is called, if an argument is not a number, if ``f`` returns neither a Value nor a number, or
            computes with a copy or the float() of its argument, as functions of `math` do, or with derivatives that
            are numbers where a graph of them is needed, as `grad` gives with `create_graph`. What is computed from the
            argument's `data` silently counts as a constant: see there.
        ValueError: when it is called, if ``f`` sets the number of its argument, or gives what it computed from that of
            an earlier call.

    >>> gradient(lambda x, y: x * y)(2.0, 3.0)
    [3.0, 2.0]
    """
    evaluate = value_and_grad(f)
    return lambda *xs, **named: evaluate(*xs, **named)[1]


@explained
def jacobian(f: Function) -> Callable[..., list[list[float]]]:
    """The function that gives the Jacobian of ``f`` at numbers `xs`: one row for each output.

    Args:
        f: a function of Values that returns a list of Values or numbers.

    Raises:
        TypeError: when it is called, as for `gradient`, or if ``f`` does not return a list.

    >>> jacobian(lambda x, y: [x * y, x + y])(2.0, 3.0)
    [[3.0, 2.0], [1.0, 1.0]]
    """

    @always_recorded()
    def evaluate(*xs: Any, **named: Any) -> list[list[float]]:
        inputs, results = _recorded(f, xs, named)
        return [_grad(output, inputs) for output in _outputs(results)]

    return evaluate


@explained
def hessian(f: Function) -> Callable[..., list[list[float]]]:
    """The function that gives the matrix of second derivatives of ``f`` at numbers `xs`.

    Args:
        f: a function of Values that returns one Value or number.

    Raises:
        TypeError: when it is called, as for `gradient`.

    >>> hessian(lambda x, y: x * x * y)(2.0, 3.0)
    [[6.0, 4.0], [4.0, 0.0]]
    """

    @always_recorded()
    def evaluate(*xs: Any, **named: Any) -> list[list[float]]:
        inputs, output = _call(f, xs, named)
        return [grad(first, inputs) for first in _graphs(output, inputs)]

    return evaluate


@explained
@always_recorded()
def hvp(f: Function, xs: Sequence[Any], v: Sequence[Any]) -> list[float]:
    """The product of the Hessian of ``f`` at `xs` with the vector `v`: the gradient's derivative along `v`.

    Args:
        f: a function of Values that returns one Value or number.
        xs: the point, a number for each argument.
        v: the vector, a number for each argument.

    Raises:
        TypeError: as for `gradient`.
        ValueError: `v` has a different length from `xs`.

    >>> hvp(lambda x, y: x * x * y, [2.0, 3.0], [1.0, 0.0])
    [6.0, 4.0]
    """
    direction = _direction(xs, v)
    inputs, output = _call(f, xs)
    tangents = dict(zip(inputs, direction))
    return [push_forward(first, tangents) for first in _graphs(output, inputs)]


@explained
@always_recorded()
def jvp(f: Function, xs: Sequence[Any], v: Sequence[Any]) -> tuple[Any, Any]:
    """The value of ``f`` at `xs` and its derivative along `v`, by forward mode.

    Tangents are pushed from the leaves to the result, over the same local derivatives as backprop's.

    Args:
        f: a function of Values that returns one Value or number, or a list of them.
        xs: the point, a number for each argument.
        v: the direction, a number for each argument.

    Returns:
        The value and the directional derivative, as floats, or lists of them if ``f`` returns a list.

    Raises:
        TypeError: as for `gradient`.
        ValueError: `v` has a different length from `xs`.

    >>> jvp(lambda x, y: x * y, [2.0, 3.0], [1.0, 10.0])
    (6.0, 23.0)
    """
    direction = _direction(xs, v)
    inputs, result = _recorded(f, xs)
    tangents = dict(zip(inputs, direction))
    if isinstance(result, (list, tuple)):
        outputs = _outputs(result)
        return [output._z for output in outputs], [_tangent(output, tangents) for output in outputs]
    output = _as_output(result)
    return output._z, _tangent(output, tangents)


def push_forward(root: Value, seeds: dict[Value, float]) -> float:
    """The tangent of `root` for the tangents `seeds` of some nodes: forward mode, the sweep in the other direction."""
    tangent, order = dict(seeds), topological_order(root)
    refuse_numbers(order)
    for node in order:
        if node in tangent:
            continue
        terms = [
            d * tangent[operand]
            for operand, d in zip(node.operands, derivatives_as_numbers(node))
            if d is not None and operand in tangent
        ]
        if terms:
            tangent[node] = total(*terms)  # rounded once, on every Python alike
    return tangent.get(root, 0.0)


def _inputs(xs: Sequence[Any]) -> list[Value]:
    """A leaf for each number.

    Raises:
        TypeError: one of them is not a number, such as a list of them, or a Value.
    """
    _refuse_values(xs, "derivatives are taken at")
    for x in xs:
        if not is_number(x) and hasattr(x, "__len__"):
            raise TypeError(
                f"derivatives are taken at numbers, one for each argument, got {shortened(x)} of type "
                f"{type(x).__name__}: for a function of a list write gradient(lambda *xs: f(xs))(*numbers)"
            )
    return [_argument(x) for x in xs]


def _argument(x: Any) -> Value:
    leaf = Value(x)
    leaf._y = True
    return leaf


def _refuse_values(xs: Sequence[Any], what: str) -> None:
    """Refuse Values in place of numbers: the results are numbers too, and their derivatives would be lost."""
    for x in xs:
        if isinstance(x, Value) and not hasattr(x, "__differentiate__"):  # a traced one has no number yet, and says so
            raise TypeError(
                f"{what} numbers, got {x!r}: its number is x.data, and for a derivative that is "
                "differentiated again write grad(y, x, create_graph=True)"
            )


def _recorded(f: Function, xs: Sequence[Any], named: Iterable[str] = ()) -> tuple[list[Value], Any]:
    """A leaf for each number, and what the function makes of them.

    Raises:
        TypeError: a number was given by name; or the function took float() of a Value, as `math` does, and plain
            numbers in the result follow the arguments: these are no constants, and would be missing from the
            derivative.
        ValueError: it changed the number of an argument.
    """
    for name in named:
        raise TypeError(
            f"derivatives are taken at numbers, given by position, one for each argument, got {name!r} by name: "
            f"what is to be held goes into the function, as in gradient(lambda x: f(x, {name}=2.0))(3.0)"
        )
    inputs = _inputs(xs)
    numbers = [x._z for x in inputs]
    result, places = _called(f, inputs)
    for x, number in zip(inputs, numbers):
        if not same_number(x._z, number):
            raise ValueError(
                f"a function to differentiate changed its argument from {number!r} to {x._z!r}, and has no "
                "derivative there: compute another number from it, as with minimum(x, 1)"
            )
    place = _users_place(places)
    plain = _plain_numbers(result, inputs) if place is not None else []
    if plain and all(_follow(f, inputs, plain, by) for by in (_NUDGE, -_NUDGE)):
        raise TypeError(
            f"a function to differentiate took float() of its argument{place}, and what became of it has no "
            "derivative: use the engine's functions, engine.exp in place of math.exp, compare Values "
            "themselves, and write detach() of what is to count as a constant"
        )
    return inputs, result


_NUDGE = 2.0**-20
"""The share of itself by which an argument is moved to see what follows it."""


def _called(f: Function, inputs: list[Value]) -> tuple[Any, Iterable[Place]]:
    """What a function gives, and where it took float() of what may depend on its arguments."""
    if not callable(f):
        remedy = ": of a result write grad(y, x)" if isinstance(f, Value) else ""
        raise TypeError(f"a function of Values is differentiated, got {f!r} of type {type(f).__name__}{remedy}")
    with called_at(inputs) as places:
        return f(*inputs), places


def _users_place(places: Iterable[Place]) -> str | None:
    """The first place outside our own code, in words for a message; None if there is none."""
    for code, at in places:
        if code.co_filename == __file__:  # as gradient(math.sin) does
            return ""
        if not is_ours(code.co_filename):
            return f", at {code.co_filename}:{line_of(code, at)}"
    return None


def _grad(output: Value, inputs: list[Value]) -> list[float]:
    """The derivatives of what a function gave with respect to its arguments."""
    if type(output) is not Value:  # of another class, such as a traced one, whose own error says what to write
        return grad(output, inputs)
    adjoints = sweep_for_numbers(output)
    _refuse_earlier(adjoints, inputs)
    return [adjoints.get(x) or 0.0 for x in inputs]  # an unreached one is -0.0


def _graphs(output: Value, inputs: list[Value]) -> list[Any]:
    """The same as Values, which can be differentiated again."""
    found = grad(output, inputs, create_graph=True)
    if type(output) is Value:
        _refuse_earlier(recorded_order(output), inputs)
    return found


def _tangent(output: Value, tangents: dict[Value, float]) -> float:
    """The same along a direction."""
    found = push_forward(output, tangents)
    _refuse_earlier(recorded_order(output), tangents)
    return found


def _refuse_earlier(order: Iterable[Value], inputs: Iterable[Value]) -> None:
    """Refuse a result of an earlier call, such as one from a dict that keeps results by the argument's number.

    Raises:
        ValueError: the argument of an earlier call is among the nodes.
    """
    for node in {node for node in order if node._y is True and node._primitive is None}.difference(inputs, arguments):
        raise ValueError(
            f"a function to differentiate gave what it computed in an earlier call from its argument then, {node!r}, "
            "which has no derivative with respect to the argument now: compute it anew instead of keeping it by "
            "x.data, or keep its detach() if it is a constant"
        )


def _follow(f: Function, inputs: list[Value], numbers: list[float], by: float) -> bool:
    """Whether these plain numbers in a function's result change a small step away from the point, or it has no result.

    Both sides are asked: a branch, or the number that `floor` gives, may change on only one of them.
    """
    moved = [
        _argument(x._z + by * (1.0 + k / len(inputs)) * (abs(x._z) or 1.0))  # no two by the same share
        for k, x in enumerate(inputs)
    ]
    try:
        there = _plain_numbers(_called(f, moved)[0], moved)
    except Exception:
        return True
    return len(there) != len(numbers) or not all(map(same_number, there, numbers))


def _plain_numbers(result: Any, inputs: list[Value]) -> list[float]:
    """The numbers that a function's results were computed from besides its arguments, and those without a graph.

    They were written in expressions, or are leaves, perhaps of a result kept from an earlier call. What `detach` gave
    is meant as a constant.
    """
    own = {*inputs}
    found = list[float]()
    for output in result if isinstance(result, (list, tuple)) else [result]:
        if isinstance(output, Value):
            leaves = (node for node in topological_order(output) if node._primitive is None and node not in own)
            found += [leaf._z for leaf in leaves if not leaf.is_detached]
        elif is_number(output):
            found.append(float(output))
    return found


def _call(f: Function, xs: Sequence[Any], named: Iterable[str] = ()) -> tuple[list[Value], Value]:
    inputs, result = _recorded(f, xs, named)
    return inputs, _as_output(result)


def _as_output(result: Any) -> Value:
    """What a differentiated function returned, as a Value: a number is a constant function."""
    if isinstance(result, Value):
        return result
    if is_number(result):
        return Value(result)
    remedy = ": of a list, jacobian() gives the derivatives of each" if isinstance(result, (list, tuple)) else ""
    raise TypeError(
        f"a function to differentiate gives one Value or number, got {shortened(result)} of type "
        f"{type(result).__name__}{remedy}"
    )


def _outputs(results: Any) -> list[Value]:
    if not isinstance(results, (list, tuple)):
        raise TypeError(f"jacobian() takes a function that returns a list of Values, got {results!r}")
    return [_as_output(result) for result in results]


def _direction(xs: Sequence[Any], v: Sequence[Any]) -> list[float]:
    if not (hasattr(xs, "__len__") and hasattr(v, "__len__")):
        raise TypeError(f"a point and a direction are lists of numbers, got {shortened(xs)} and {shortened(v)}")
    if len(xs) != len(v):
        raise ValueError(f"a direction of {len(v)} numbers for {len(xs)} inputs: give one for each")
    _refuse_values(v, "a direction is made of")
    return [as_float(number, "a direction") for number in v]
