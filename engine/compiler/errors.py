"""Errors raised while a function is traced, with the user's line."""

from __future__ import annotations

from ..modes import tracer
from ..text.callers import Source, users_line, written

FIX_KEY = (
    "While a function is compiled its inputs have no numbers yet, and Values are keys by identity. "
    "Use take(index, values), with the values in a list, or where(x == a, ..., ...)."
)


class TraceError(TypeError):
    """A function cannot be compiled: it does something with a traced value that only a number can do."""


class LeafReadError(TraceError):
    """A function reads the number of a Value that it finds outside, such as a parameter: that leaves the graph."""


class MissingNumberError(TraceError, AttributeError):
    """A traced value has no number to read; also an AttributeError, so that a primitive looks for another way."""


class Unsupported(NotImplementedError):  # the back end lacks something: not an error of the user's
    """A back end has no code for a primitive; another back end, or the eager engine, has."""


def refusal(what: str, fix: str, kind: type[TraceError] = TraceError, source: Source | None = None) -> TraceError:
    """The error for something that a traced value cannot do; it ends the trace even if somebody catches it.

    Args:
        what: what was done.
        fix: what to do instead.
        kind: the class of the error.
        source: the line where; None for the line that is running.
    """
    error = kind(f"{what}, at {written(source or users_line())}\n{fix}")
    tracing = tracer.get()
    if tracing is not None:
        tracing.refusals.append(error)
    return error


class PlanError(AssertionError):
    """A verifier has found a bug in the compiler itself: please report it, with the function that you compiled."""
