"""What is raised while a function is traced, with the user's line."""

from __future__ import annotations

from ..text.callers import users_line, written


class TraceError(TypeError):
    """A function that cannot be compiled: it does with a traced value what only a number can do."""


class MissingNumberError(TraceError, AttributeError):
    """A traced value has no number to read; an AttributeError too, so that a primitive looks for another way."""


class Unsupported(NotImplementedError):  # noqa: N818  # it is the back end that lacks something, no error of the user's
    """A primitive that a back end has no code for; another back end, or the eager engine, does."""


def refusal(what: str, fix: str) -> TraceError:
    """The error for something that a traced value cannot do."""
    return TraceError(f"{what}, at {written(users_line())}\n{fix}")
