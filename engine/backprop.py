"""The sweep: the chain rule in reverse topological order, and the derivatives that are read off it.

A sweep sums the adjoints apart from the graph, so that a run which is interrupted leaves nothing behind.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, overload
from weakref import ref

from .graph import look_for_changed_leaves, recorded_order, topological_order
from .modes import always_recorded, arguments, inside_rule, observer
from .numbers import same_number
from .process.locks import Lock
from .pullbacks import UNREACHED, call_flowing, derivatives_as_numbers, flowing_derivatives, pullbacks
from .text.callers import warn_user
from .text.elsewhere import explained
from .value import Constant, Value, detached

Function = Callable[..., Any]

_commit = Lock()  # threads whose graphs share leaves add to their gradients one after the other
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_commit.acquire, after_in_parent=_commit.release, after_in_child=_commit.release)

_set_grad = vars(Value)["_grad"].__set__


class _Passes:
    """A set that holds passes weakly, like a WeakSet, and that threads may change while another one loops over it."""

    def __init__(self) -> None:
        self._held: dict[int, ref[Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._held)

    def __iter__(self) -> Iterator[Any]:
        alive = (held() for held in self._held.copy().values())
        return (running for running in alive if running is not None)

    def add(self, running: Any) -> None:
        key = id(running)
        self._held[key] = ref(running, lambda _: self._held.pop(key, None))

    def discard(self, running: Any) -> None:
        self._held.pop(id(running), None)


passes_under_way = _Passes()
"""Passes that are being stepped through, whose sums are half written; each has its `root` and can `stop`."""


def stop_passes(nodes: dict[Value, float]) -> None:
    """Stop the passes under way that share a node with these, which restores the gradients from before them."""
    for running in passes_under_way:
        if not nodes.keys().isdisjoint(running.order):
            running.stop()


def require_whole_gradients(leaves: Iterable[Value]) -> None:
    """Refuse to use gradients that a pass under way has written in part.

    Raises:
        RuntimeError: some of these are.
    """
    own = {*leaves} if passes_under_way else set()
    if any(not own.isdisjoint(running.order) for running in passes_under_way):
        raise RuntimeError(
            "a backward pass over these parameters is being stepped through, so that their gradients are partial: go "
            "to its end by run(), or close() the stepper"
        )


# ---- local derivatives -------------------------------------------------------------------------------------------


def local_derivatives(node: Value) -> list[float | None]:
    """The derivative of a result with respect to each of its operands, at the numbers it was recorded with.

    None is a structural zero: that operand was not selected. A leaf has no operands.

    Args:
        node: a result, or a leaf.

    Raises:
        TypeError: it is not a Value; or inside a function that is being differentiated, if it depends on an argument:
            see `grad`.

    >>> local_derivatives(Value(3.0) * Value(4.0))
    [4.0, 3.0]
    """
    if not isinstance(node, Value):
        raise TypeError(f"a Value has local derivatives, not {node!r} of type {type(node).__name__}")
    if arguments:
        refuse_numbers(topological_order(node))
    return derivatives_as_numbers(node)


# ---- the sweep ---------------------------------------------------------------------------------------------------


def sweep(root: Value) -> dict[Value, float]:
    """The adjoint of every node: d root / d node, in topological order, so that `root` comes last.

    Numbers written in expressions have none. Runs on floats; `_sweep_graph` is the same rule by rule on Values.
    """
    adjoint: dict[Value, float] = recorded_order(root, UNREACHED)
    adjoint[root] = 1.0
    for node, upstream in reversed(adjoint.items()):
        primitive = node._primitive
        if primitive is None or upstream is UNREACHED:
            continue
        try:
            pullbacks[primitive](adjoint, upstream, node)
        except ArithmeticError:  # raised by a rule, so before anything was added
            for operand, d in zip(node.operands, flowing_derivatives(node)):
                if d is not None:
                    adjoint[operand] += upstream * d
        except TypeError:  # a rule gave a list or a text, say
            _check_derivatives([node])
            raise
    if set(map(type, adjoint.values())) != {float}:
        _check_derivatives(adjoint)
        adjoint = {node: float(found) for node, found in adjoint.items()}
    watching = observer()
    if watching is not None:
        watching.swept(root, adjoint)
    return adjoint


def _check_derivatives(order: Iterable[Value]) -> None:
    """Raise an error that names the primitive whose rule gave something other than a real number."""
    for node in order:
        flowing_derivatives(node)


def refuse_numbers(order: Iterable[Value]) -> None:
    """Refuse a derivative as a plain number inside a function that is being differentiated, which would miss it.

    Raises:
        TypeError: an argument of a function that is being differentiated is among these nodes.
    """
    if arguments and not arguments.isdisjoint(order):
        raise TypeError(
            "inside a function that is being differentiated, a derivative of what depends on its argument would be a "
            "plain number, and missing from the outer derivative: write grad(y, x, create_graph=True), which gives "
            "Values, or compute with the argument's detach() where it counts as a constant"
        )


def sweep_for_numbers(output: Value) -> dict[Value, float]:
    """The adjoints of every node, where they may be plain numbers.

    Raises:
        TypeError: inside a function that is being differentiated, if the result depends on an argument: see `grad`.
        RuntimeError: a leaf was changed after a part of the graph was recorded.
    """
    adjoints = sweep(output)
    refuse_numbers(adjoints)
    look_for_changed_leaves(adjoints)
    return adjoints


def backward(root: Value) -> None:
    """Add d root / d leaf to the `grad` of every leaf, and set that of every result to its adjoint.

    All or nothing: the gradients are written at the end, by one call that runs no Python code in between, so that
    not even Ctrl-C finds some of them written. Threads may call it on graphs that share leaves.

    Args:
        root: the result to differentiate.

    Raises:
        TypeError: `root` is not a Value.
        RuntimeError: parts of the graph were recorded before a leaf was changed, and others after. If all of it was
            recorded before, the gradient is that of the recorded numbers, with a warning.

    >>> x = Value(2.0)
    >>> backward(x ** 3)
    >>> x.grad
    12.0
    """
    adjoints = sweep_for_numbers(root)
    if root._primitive is None and root.is_detached:
        warn_user(
            f"{root!r} has no graph, and backward() reaches nothing but itself, as in results of no_grad() and "
            "detach(), and in a derivative that is a number, as of w * 3 or with respect to what is not used. Compute "
            "it outside of no_grad()",
            UserWarning,
        )
    if passes_under_way:
        stop_passes(adjoints)
    add_gradients(adjoints)


def pass_on(node: Value) -> None:
    """Add what this node contributes to the `grad` of its operands: micrograd's ``node._backward()``.

    Called by hand on node after node, from the result down, as in Karpathy's lecture; `backward` does it all.

    >>> a, b = Value(2.0), Value(-3.0)
    >>> c = a * b
    >>> c.grad = 1.0
    >>> c._backward()
    >>> a.grad, b.grad
    (-3.0, 2.0)
    """
    for operand, d in zip(node.operands, flowing_derivatives(node)):
        if d is not None:
            operand._grad += node._grad * d


def add_gradients(adjoints: dict[Value, float]) -> None:
    """Add adjoints to the gradients of leaves, and set those of results, all at once: see `backward`."""
    with _commit:
        _add_gradients(adjoints)  # no loop in here, see `process.locks`


def _add_gradients(adjoints: dict[Value, float]) -> None:
    for node, adjoint in adjoints.items():
        if node._primitive is None:
            adjoints[node] = node._grad if node.__class__ is Constant else node._grad + adjoint
        elif not adjoint:
            adjoints[node] = 0.0  # not the -0.0 of a node that was not reached
    deque(map(_set_grad, adjoints, adjoints.values()), maxlen=0)


@always_recorded()
def _sweep_graph(root: Value) -> dict[Value, Any]:
    """The adjoints as Values, themselves recorded, so that they can be differentiated again."""
    adjoint: dict[Value, Any] = {root: 1.0}
    further_out = inside_rule.get()
    for node in reversed(topological_order(root)):
        primitive = node._primitive
        if primitive is None or node not in adjoint:
            continue
        upstream, operands = adjoint[node], node.operands
        _require_recorded_numbers(node, primitive.name)
        numbers = [operand._z if isinstance(operand, Constant) else operand for operand in operands]
        try:
            inside_rule.set(primitive.name)
            found = call_flowing(node, primitive, node, numbers)  # numbers alone are no nodes: x**3 gives 3 * x**2
        except ArithmeticError:  # where Python's arithmetic on floats raises, that on Values is IEEE 754
            found = call_flowing(node, primitive, node, operands)
        finally:
            inside_rule.set(further_out)
        for operand, d in zip(operands, found):
            if d is None:
                continue
            if isinstance(upstream, float) and upstream == 1.0:  # as that of the root; a factor of 1 needs no node
                contribution = d
            elif isinstance(d, float) and d == 1.0:
                contribution = upstream
            else:
                contribution = upstream * d
            adjoint[operand] = adjoint[operand] + contribution if operand in adjoint else contribution
    return adjoint


def _require_recorded_numbers(node: Value, name: str) -> None:
    """Refuse a node of the primitive of that name whose operands have other numbers than when it was computed."""
    for operand, recorded in zip(node.operands, node.inputs):
        if not same_number(operand._z, recorded):
            raise RuntimeError(
                f"{operand!r} was {recorded!r} when {name} was computed from it and has been changed "
                "since: a graph of the gradient needs the values of the forward pass; evaluate again"
            )


# ---- derivatives of results --------------------------------------------------------------------------------------


@overload
def grad(output: Value, inputs: Value, create_graph: Literal[False] = False) -> float: ...
@overload
def grad(output: Value, inputs: Sequence[Value], create_graph: Literal[False] = False) -> list[float]: ...
@overload
def grad(output: Value, inputs: Value, create_graph: bool) -> Any: ...
@overload
def grad(output: Value, inputs: Sequence[Value], create_graph: bool) -> list[Any]: ...
@explained
def grad(output: Value, inputs: Any = None, create_graph: bool = False) -> Any:
    """The derivatives of one Value with respect to others; every `grad` stays as it is. For a function see `gradient`.

    Args:
        output: what to differentiate.
        inputs: leaves or results; a list of them or a single one.
        create_graph: give Values that can be differentiated again, in place of floats.

    Returns:
        One derivative per input, in a list; of a single input just that one. An input that `output` does not
        depend on has 0.0.

    Raises:
        TypeError: something is not a Value.
        RuntimeError: a leaf was changed after a part of the graph was recorded; with `create_graph`, after all of it.

    >>> x, y = Value(2.0), Value(3.0)
    >>> grad(x * x * y, [x, y])
    [12.0, 4.0]
    >>> dx = grad(x ** 3, x, create_graph=True)
    >>> grad(dx, x)
    12.0
    """
    single = not hasattr(type(inputs), "__iter__")
    wanted = [inputs] if single else list(inputs)
    for kind in dict.fromkeys([type(output), *map(type, wanted)]):
        if hasattr(kind, "__differentiate__"):  # a function is being compiled
            symbols = kind.__differentiate__(output, wanted, create_graph)
            return symbols[0] if single else symbols
    _check_grad(output, inputs, wanted)
    found: list[Any]
    if create_graph:
        graphs = _sweep_graph(output)
        found = [graphs.get(x, 0.0) for x in wanted]
        found = [d if isinstance(d, Value) else detached(d) for d in found]
    else:
        adjoints = sweep_for_numbers(output)
        found = [d or 0.0 for d in map(adjoints.get, wanted)]  # an unreached one is -0.0
    return found[0] if single else found


def _check_grad(output: Any, inputs: Any, wanted: Sequence[Any]) -> None:
    """Refuse what `grad` cannot differentiate, or cannot differentiate with respect to."""
    if callable(output):  # JAX's grad takes a function, and nothing else
        raise TypeError(f"grad(y, x) differentiates a Value, got {output!r}: of a function write gradient(f)(*numbers)")
    if inputs is None:
        raise TypeError(
            "grad(y, x) needs x, the Values to differentiate with respect to, a list or a single one; y.backward() "
            "sets every grad"
        )
    if {*map(type, wanted)} != {Value}:
        for x in wanted:
            if not isinstance(x, Value):
                raise TypeError(f"grad() differentiates with respect to Values, got {x!r} of type {type(x).__name__}")
