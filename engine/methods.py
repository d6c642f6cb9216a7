"""What the upper floors add to Value, attached in this one place; their signatures stand in the class.

What only some users need, such as stepping and drawing, is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, NoReturn

from . import backprop
from .copying import deepcopy_graph, reduce_graph
from .graph import recorded_order
from .text.elsewhere import BOOK, explained, missing
from .text.phrasebook import Missing
from .value import Value

if TYPE_CHECKING:
    from pathlib import Path

    from .stepping.explanation import Explanation
    from .stepping.paths import Why
    from .stepping.stepper import Stepper
    from .stepping.steps import ForwardStep, Step


def backward(self: Value) -> None:
    """Add the derivative with respect to every leaf to its `grad`, and set that of results: see `engine.backward`."""
    backprop.backward(self)


def backward_steps(self: Value, names: Any = None) -> Iterator[Step]:
    """Run the backward pass lazily, one `Step` at a time: see `engine.backward_steps`.

    >>> x = Value(3.0, label="x")
    >>> for step in (x * x).backward_steps(): print(step)
    step 1 of 1: x*x = 9, upstream 1
      x  1 * 3 = 3  grad 0 -> 3  partial, path 1 of 2
      x  1 * 3 = 3  grad 3 -> 6  final, path 2 of 2
    """
    from .stepping.backward_pass import backward_steps

    return backward_steps(self, names)


def forward_steps(self: Value, names: Any = None) -> Iterator[ForwardStep]:
    """The operations of the forward pass from the leaves up: see `engine.forward_steps`.

    >>> for step in (Value(3.0, label="x") * 2).forward_steps(): print(step)
    forward 1 of 1: x*2 = 6
      x  = 3
    """
    from .stepping.steps import forward_steps

    return forward_steps(self, names)


def stepper(self: Value, *, forward: bool = False, names: Any = None) -> Stepper:
    """A debugger for the backward pass, and before it the forward pass: see `engine.stepping.Stepper`."""
    from .stepping.stepper import Stepper

    return Stepper(self, forward=forward, names=names)


def why(self: Value, target: Value | str, k: int = 5, names: Any = None) -> Why:
    """The derivative with respect to a node as a sum over the `k` largest paths: see `engine.stepping.why`.

    >>> a = Value(3.0, label="a")
    >>> L = a * a + a
    >>> L.why(a, names={"L": L})
    dL/da = 7 = 3 [a -> a*a -> L] + 3 [a -> a*a -> L] + 1 [a -> L]
      3  = 3 * 1  a -> a*a -> L
      3  = 3 * 1  a -> a*a -> L
      1  = 1      a -> L
    """
    from .stepping.paths import why

    return why(self, target, k, names)


def explain(self: Value, names: Any = None, rows: int = 30) -> Explanation:
    """The expression of this Value in labels, and a table of its graph: see `engine.stepping.explain`."""
    from .stepping.explanation import explain

    return explain(self, names, rows)


def zero_grad(self: Value) -> None:
    """Set the gradient of every Value in this graph to 0."""
    for node in recorded_order(self):
        node._grad = 0.0


def draw(self: Value, path: str | PathLike[str] | None = None, **options: Any) -> Path | None:
    """Draw the graph of this Value to an ``.svg``, ``.png``, ``.pdf`` or ``.dot`` file, or show it: see `engine.draw`.

    Without a path a notebook shows it, and elsewhere it opens in the browser.
    """
    from .drawing import draw

    return draw(self, path, **options)


def save_steps(self: Value, path: str | PathLike[str], **options: Any) -> Path:
    """Save both passes as a page to step through in a browser; see `engine.drawing.save_steps`."""
    from .drawing import save_steps as save

    return save(self, path, **options)


def steps_frame(self: Value, names: Any = None, at: int = 0) -> str | None:
    """The page of `save_steps` inside a notebook's cell, or None if it is too large for one."""
    from .drawing import steps_frame as frame

    return frame(self, names, at)


def mimebundle(self: Value, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """What a notebook shows: the picture, or the text where there is none."""
    from .drawing import mimebundle as bundle

    return bundle(self, include, exclude)


def reduce(self: Value, protocol: Any) -> Any:
    """What pickle stores: a leaf like any object, a result in flat form."""
    return reduce_graph(self, partial(object.__reduce_ex__, self))


def _without_brackets(*_: Any, **__: Any) -> NoReturn:
    raise AttributeError("this is the method stepper itself: write s = y.stepper(), with brackets, and then s.next()")


for _name in ("back", "break_at", "jump", "next", "reset", "run", "save", "to", "until"):
    setattr(stepper, _name, _without_brackets)  # explained() hands them on

for _name, _method in {
    **{
        method.__name__: explained(method)
        for method in (backward, zero_grad, backward_steps, forward_steps, stepper, why, explain, draw, save_steps)
    },
    "_backward": backprop.pass_on,
    "_steps_frame": steps_frame,
    "_repr_mimebundle_": mimebundle,
    "__deepcopy__": deepcopy_graph,
    "__reduce_ex__": reduce,
}.items():
    setattr(Value, _name, _method)

_TAKES = "write Value(number, label), as every Value has a gradient and operations record their operands"
BOOK.with_remedy(_TAKES)(Value.__init__)


class _Refused(Missing):
    """One that cannot be set either: `v.requires_grad = False` freezes nothing."""

    def __set__(self, thing: Value, new: object) -> NoReturn:
        self.__get__(thing, type(thing))


missing(Value, _Refused)
