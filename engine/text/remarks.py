"""Notes: what a reader of a graph must know so as not to be misled by it, found here for everything that shows graphs.

A leaf that has changed since, gradients that are not this graph's own, a number that left the graph through float().
`nn` and users add their own by `register_note`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType
from typing import Any

from ..backprop import passes_under_way, sweep
from ..declarations import check_rule
from ..graph import topological_order
from ..modes import observed_by
from ..numbers import equal_numbers, same_number
from ..value import Constant, Value
from .elsewhere import explained
from .lost import left_graph
from .names import Names
from .sheet import counted, short

Rule = Callable[[Sequence[Value], Callable[[Value], str]], Iterable[str]]
"""From the nodes in topological order, and a function that names a node, to notes."""

NO_PASS = "no backward pass yet, or the gradient here is 0: gradients are not shown"

_STRANGERS = "nothing that names= names, such as {}, is in this graph: give what it was computed from, as names=model"
_FEW = 3  # notes of a kind that get a line each


@explained
def notes(root: Value, names: Any = None) -> list[str]:
    """What a reader of the graph of `root` must know: stale numbers, shared labels, gradients that are not its own.

    The same lines appear below `explain`, `why`, the stepper and pictures, as far as they concern what is shown.

    Args:
        root: the result.
        names: a mapping from names to Values or a module, for what is printed.

    Raises:
        TypeError: `root` is not a Value.

    >>> x = Value(1.0, "x")
    >>> y = x * x
    >>> notes(y)
    ['no backward pass yet, or the gradient here is 0: gradients are not shown']
    >>> y.backward()
    >>> y.backward()
    >>> x.data = 5
    >>> for note in notes(y):
    ...     print(note)
    x was 1 when this was computed (now 5): evaluate again
    x's gradient 4 is not this graph's own 2: it comes wholly or partly ...
    """
    called = Names(topological_order(root), names)
    return [*about_numbers(called), *about_gradients(called)]


def register_note(rule: Rule) -> Rule:
    """Add a rule that finds notes: called with the nodes and a function that names them, it gives the lines.

    It can be used as a decorator. A function that is defined again, as by a cell that runs again, replaces the earlier.

    Args:
        rule: from the nodes in topological order, and a function that names a node, to lines of text.

    Returns:
        The rule.

    Raises:
        TypeError: `rule` cannot be called with these two.

    >>> @register_note
    ... def huge(order, name):
    ...     return [f"{name(node)} is huge" for node in order if abs(node.data) > 1e300]
    >>> notes(Value(1e200, "x") * 1e150)[0]
    'x*1e+150 is huge'
    >>> _RULES.remove(huge)
    """
    check_rule("register_note(): a rule", rule, ("order", "name"))
    _RULES[:] = [old for old in _RULES if not _is_again(rule, old)]
    _RULES.append(rule)
    return rule


def _is_again(rule: Rule, old: Rule) -> bool:
    """Whether a module defines a function again; in a loop, that is in every round the same code, and another rule."""
    if not (isinstance(rule, FunctionType) and isinstance(old, FunctionType)) or rule.__code__ is old.__code__:
        return False
    if rule.__name__ in ("<lambda>", "_"):  # which name nothing: there may be several
        return False
    return (rule.__module__, rule.__qualname__) == (old.__module__, old.__qualname__)


def about_numbers(names: Names) -> list[str]:
    """The notes on what was computed."""
    found = [note for rule in _RULES for note in _found_by(rule, names)]
    if names.given and names.given.keys().isdisjoint(names.order):
        found.insert(0, _STRANGERS.format(next(iter(names.given.values()))))
    return [*about_names(names), *found]


def _found_by(rule: Rule, names: Names) -> Iterable[str]:
    found = rule(names.order, names)
    if isinstance(found, str) or not isinstance(found, Iterable):
        called = getattr(rule, "__name__", rule)
        raise TypeError(f"the note {called} gave {found!r}: yield each line, or return a list of them")
    return found


def about_names(names: Names, shown: Sequence[Value] | None = None) -> list[str]:
    """The notes on labels that mislead: ``w*w`` of two labels is no square, and ``w*2`` of another number no double.

    Args:
        names: what the nodes are called.
        shown: those whose labels a reader sees; None for all.
    """
    shown = names.order if shown is None else shown
    labelled = [(node, label) for node in shown if (label := names.label(node))]
    owners: dict[str, list[str]] = {names(node): [] for node, _ in labelled}
    for node in shown if names.shared.isdisjoint(owners) else names.order:
        if names.label(node) and names(node) in owners:
            owners[names(node)].append(short(node._z))
    shared = [(name, numbers) for name, numbers in owners.items() if len(numbers) > 1]
    several = _alike(
        [f"{len(numbers)} nodes are labelled {name!r} ({_listed(numbers)})" for name, numbers in shared],
        f"{len(shared):,} labels are of several nodes: {{0}}, for one",
        "label them apart",
    )
    misread = [
        f"a node is labelled {label!r} and is {short(node._z)}"
        for node, label in labelled
        if (number := _read_as_number(label)) is not None and short(number) != short(node._z)
    ]
    many = f"{len(misread):,} labels read as other numbers than their nodes have: {{0}}, for one"
    return several + _alike(misread, many, "label it otherwise")


def _read_as_number(label: str) -> float | None:
    """The number that a label looks like; None if it looks like none."""
    try:
        return float(label)
    except ValueError:
        return None


def about_gradients(names: Names) -> list[str]:
    """The notes on the gradients that the nodes hold."""
    order, root = names.order, names.order[-1]
    if root.primitive is None:
        return []
    if not has_gradients(root):
        return [NO_PASS]
    for running in passes_under_way:
        if root in {*running.order}:  # by identity, where `in` of a list compares numbers
            whose = "" if root is running.root else f" of {running.names(running.root)}"
            done = f"{running.position:,} of {counted(len(running), 'step')} done"
            return [f"a backward pass{whose} is under way, {done}: gradients are partial"]
    if root._grad != 1.0:
        return [f"these are the gradients of a larger result: by it {names(root)} has {short(root._grad)}, not 1"]
    with observed_by(None):
        own = sweep(root)
    foreign = [node for node in order if not isinstance(node, Constant) and not _close(node._grad, own[node])]
    empty = [node for node in foreign if node._grad == 0.0]
    kept = [node for node in foreign if node._grad != 0.0]
    return [
        *_foreign([(names(node), *_apart(node._grad, own[node] + 0.0)) for node in kept]),
        *_alike(
            [f"{names(node)} has no gradient, this graph's own is {short(own[node])}" for node in empty],
            f"{len(empty):,} nodes have no gradient, where this graph's own is not 0",
            "backward() has not come there, or zero_grad() since",
        ),
    ]


def _foreign(found: list[tuple[str, str, str]]) -> list[str]:
    """The notes on nodes whose gradients are not those of the graph: names, gradients, and what they would be."""
    another = "wholly or partly from another backward() (call zero_grad() first), or"
    if len(found) > _FEW:
        name, held, own = found[0]
        example = f"{name} has {held}, and the graph's own is {own}"
        return [
            f"{len(found):,} gradients are not this graph's own ({example}): they come {another} were changed since"
        ]
    return [
        f"{name}'s gradient {held} is not this graph's own {own}: it comes {another} was changed since"
        for name, held, own in found
    ]


def has_gradients(root: Value) -> bool:
    """Whether a backward pass has reached this result: its own gradient is 1, or another number in a larger graph."""
    return root._grad != 0.0


def changed_since(order: Iterable[Value], name: Callable[[Value], str]) -> list[str]:
    """Leaves that no longer hold the number that their results were computed from."""
    was: dict[Value, float] = {}
    for node in order:
        if node._primitive is not None:
            for operand, x in zip(node.operands, node.inputs):
                if operand._z is not x and operand._primitive is None and not same_number(operand._z, x):
                    was.setdefault(operand, x)
    found = [(name(leaf), *_apart(x, leaf._z)) for leaf, x in was.items()]
    if len(found) > _FEW:
        leaf, before, now = found[0]
        what = "parameters" if isinstance(name, Names) and was.keys() <= name.given.keys() else "leaves"
        many = f"{len(found):,} {what} changed since this was computed"
        return [f"{many} ({leaf} was {before}, now {now}): evaluate again"]
    return [f"{leaf} was {before} when this was computed (now {now}): evaluate again" for leaf, before, now in found]


_RULES: list[Rule] = [changed_since, left_graph]


# ---- lines and numbers -------------------------------------------------------------------------------------------


def _alike(lines: list[str], together: str, remedy: str) -> list[str]:
    """Each line with the remedy; many as one line, `together`, in which {0} is the first."""
    shown = lines if len(lines) <= _FEW else [together.format(lines[0])]
    return [f"{line}: {remedy}" for line in shown]


def _listed(numbers: list[str]) -> str:
    """A few numbers in words."""
    if len(numbers) > _FEW:
        return ", ".join([*numbers[:_FEW], "..."])
    return " and ".join([", ".join(numbers[:-1]), numbers[-1]])


def _close(x: float, y: float) -> bool:
    """Whether a gradient is that of a sweep, in whatever order its contributions were added."""
    return equal_numbers(x, y) or math.isclose(x, y, rel_tol=1e-9)


def _apart(before: float, now: float) -> tuple[str, str]:
    """Two numbers, with enough digits to tell them apart."""
    texts = short(before), short(now)
    return texts if texts[0] != texts[1] else (repr(before), repr(now))
