"""What is raised while a function is traced, with the user's line."""

from __future__ import annotations

from ..modes import tracer
from ..text.callers import Source, users_line, written

FIX_KEY = (
    "While a function is compiled its inputs have no numbers yet, and Values are keys by identity. "
    "Use take(index, values), with the values in a list, or where(x == a, ..., ...)."
)


class TraceError(TypeError):
    """A function that cannot be compiled: it does with a traced value what only a number can do."""


class MissingNumberError(TraceError, AttributeError):
    """A traced value has no number to read; an AttributeError too, so that a primitive looks for another way."""


class Unsupported(NotImplementedError):  # noqa: N818  # it is the back end that lacks something, no error of the user's
    """A primitive that a back end has no code for; another back end, or the eager engine, does."""


def refusal(what: str, fix: str, kind: type[TraceError] = TraceError, source: Source | None = None) -> TraceError:
    """The error for something that a traced value cannot do; tracing ends with it even if somebody catches it.

    Args:
        what: was done.
        fix: what to do instead.
        kind: of error.
        source: where; None for the line that runs.
    """
    error = kind(f"{what}, at {written(source or users_line())}\n{fix}")
    tracing = tracer.get()
    if tracing is not None:
        tracing.refusals.append(error)
    return error


class PlanError(AssertionError):
    """A verifier has found a mistake of the compiler itself: please report it, with the function that you compiled."""
