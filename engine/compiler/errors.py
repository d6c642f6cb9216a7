"""What is raised while a function is traced, with the user's line."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path

_INSIDE = (str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "nn"))


class TraceError(TypeError):
    """A function that cannot be compiled: it does with a traced value what only a number can do."""


class MissingNumberError(TraceError, AttributeError):
    """A traced value has no number to read; an AttributeError too, so that a primitive looks for another way."""


class Unsupported(NotImplementedError):  # noqa: N818  # it is the back end that lacks something, no error of the user's
    """A primitive that a back end has no code for; another back end, or the eager engine, does."""


def users_line() -> str:
    """Where the user's code is, as ``file:line: source``: the innermost frame outside of engine and nn."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame = frame.f_back
    name, line = frame.f_code.co_filename, frame.f_lineno
    return f"{name}:{line}: {linecache.getline(name, line).strip()}"


def refusal(what: str, fix: str) -> TraceError:
    """The error for something that a traced value cannot do."""
    return TraceError(f"{what}, at {users_line()}\n{fix}")
