"""Breakpoints: conditions on a step at which a stepper stops."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..numbers import as_float, equal_numbers, true_or_false
from ..primitive import Primitive
from ..text.names import Names
from ..text.sheet import short
from ..value import Value
from .steps import AnyStep, Step


@dataclass(frozen=True, eq=False, repr=False)
class Breakpoint:
    """A condition to stop at, after the step that meets it.

    Attributes:
        description: the condition in words.
        condition: a function from a step to whether to stop.
        node: whose step or gradient it waits for, if it waits for one.
    """

    description: str
    condition: Callable[[AnyStep], Any]
    node: Value | None = None

    def __repr__(self) -> str:
        return f"<breakpoint: {self.description}>"


def breakpoint_at(
    target: Value | str | Primitive | Callable[[AnyStep], Any],
    names: Names,
    *,
    changes: bool,
    nan: bool,
    exceeds: float | None,
) -> Breakpoint:
    """The breakpoint that is meant: see `Stepper.break_at`, whose arguments these are.

    Args:
        target: where to stop.
        names: the nodes of the graph, and what they are called.
        changes: whether to stop when the gradient of the node changes.
        nan: whether to stop when it turns nan.
        exceeds: the size beyond which to stop.

    Raises:
        TypeError: `target` is none of these, or a flag neither True nor False.
        ValueError: no node or primitive of the graph has that name, or several nodes; more than one condition, or one
            for something else than a node; `exceeds` is negative or nan.
    """
    true_or_false("changes=", changes)
    true_or_false("nan=", nan)
    conditions = changes + nan + (exceeds is not None)
    if conditions > 1:
        raise ValueError("one breakpoint has one condition: give changes, nan or exceeds")
    if conditions:
        if not isinstance(target, (Value, str)):
            raise ValueError(
                f"changes, nan and exceeds ask for the gradient of a node; for {target!r} give none of them"
            )
        node = names.find(target)
        return _at_gradient(node, f"the gradient of {names(node)}", changes, nan, exceeds)
    if isinstance(target, str) and not names.labelled(target):
        target = _primitive(target, names.order) or target
    if isinstance(target, Primitive):
        if all(node.primitive is not target for node in names.order):
            raise ValueError(f"there is no {target.name} in the graph of {names(names.order[-1])}")
        return _at_primitive(target)
    if isinstance(target, (Value, str)):
        node = names.find(target)
        return _at_result(node, names) if node.primitive is not None else _at_leaf(node, names)
    if callable(target):
        return Breakpoint(f"{getattr(target, '__name__', target)} holds", target)
    raise TypeError(f"break_at() takes a node, a name, a primitive or a function of a step, got {target!r}")


def _primitive(name: str, order: Iterable[Value]) -> Primitive | None:
    """The primitive of that name or symbol, if the graph has it."""
    there = {node.primitive for node in order if node.primitive is not None}
    return next((p for p in there if name in (p.symbol, *p.names)), None)


# ---- the kinds of conditions -------------------------------------------------------------------------------------


def _at_primitive(primitive: Primitive) -> Breakpoint:
    return Breakpoint(f"a step of {primitive.name}", lambda step: step.primitive is primitive)


def _at_result(node: Value, names: Names) -> Breakpoint:
    return Breakpoint(f"the step of {names(node)}", lambda step: step.node is node, node)


def _at_leaf(leaf: Value, names: Names) -> Breakpoint:
    def completes(step: AnyStep) -> bool:
        return isinstance(step, Step) and any(
            operand is leaf and final and d is not None
            for operand, final, d in zip(step.operands, step.final, step.locals)
        )

    return Breakpoint(f"the gradient of {names(leaf)} is final", completes, leaf)


def _at_gradient(node: Value, gradient: str, changes: bool, nan: bool, exceeds: float | None) -> Breakpoint:
    """Stop at one of three events of a node's gradient, which is called `gradient`."""
    if changes:
        return _at_event(node, f"{gradient} changes", lambda before, after: not equal_numbers(before, after))
    if nan:
        return _at_event(node, f"{gradient} turns nan", lambda before, after: before == before and after != after)
    limit = as_float(exceeds, "exceeds=")
    if not limit >= 0.0:
        raise ValueError(f"exceeds= is the size of a gradient, 0 or more, got {exceeds!r}")
    return _at_event(
        node, f"{gradient} exceeds {short(limit)}", lambda before, after: abs(after) > limit and not abs(before) > limit
    )


def _at_event(node: Value, description: str, event: Callable[[float, float], bool]) -> Breakpoint:
    """Stop when ``event(before, after)`` holds for the node's gradient before and after a step."""

    def condition(step: AnyStep) -> bool:
        places = [k for k, operand in enumerate(step.operands) if operand is node]
        return bool(places) and isinstance(step, Step) and event(step.before[places[0]], step.after[places[-1]])

    return Breakpoint(description, condition, node)
