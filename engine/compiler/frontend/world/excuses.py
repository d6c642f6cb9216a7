"""The code that may ask the world outside: imports, messages, and Python's own code where it evaluates a string."""

from __future__ import annotations

import os
from io import StringIO
from types import FrameType
from typing import Any

from ....text.callers import is_users
from ..given.asking import RUNS
from ..symbol import UNKNOWN
from .questions import OF_LIBRARY

_LIBRARY = os.path.dirname(os.__file__)
_REPORTING = (
    "<frozen importlib",
    os.path.join(_LIBRARY, "logging", ""),
    *(
        start  # from version to version
        for name in ("warnings", "_py_warnings", "linecache", "traceback", "tokenize")
        for start in (os.path.join(_LIBRARY, f"{name}.py"), f"<frozen {name}>")
    ),
)
"""How the names of files begin whose code imports, or writes messages."""
_OF_ANNOTATIONS = frozenset({"typing", "inspect", "annotationlib"})
"""Modules that evaluate annotations, which are strings there: no code names what these name."""
_WRITING = frozenset({"write", "writelines", "flush"})


def is_excused(frame: FrameType | None, function: Any) -> bool:
    """Whether a question to the world outside may be asked.

    It may be asked by Python's own code that evaluates a string, by imports, and while a message is written. A file in
    memory may be read unless a number was printed into it that has no value yet.

    Args:
        frame: that of the code that asks.
        function: the function written in C that it calls; None for code that makes a text.
    """
    file = getattr(function, "__self__", None)
    if isinstance(file, StringIO):
        return UNKNOWN not in file.getvalue()
    if frame is not None and not is_users(frame.f_code.co_filename):
        evaluates = function in (eval, exec) and frame.f_globals.get("__name__") not in _OF_ANNOTATIONS
        if evaluates or getattr(function, "__name__", "") in OF_LIBRARY:
            return True
    if function is __import__ and not is_for_the_user(frame):
        return True
    while frame is not None and frame.f_code.co_filename != RUNS:  # from where the function is called
        if frame.f_code.co_filename.startswith(_REPORTING) or _is_of_a_stream(frame):
            return True
        frame = frame.f_back
    return False


def is_for_the_user(frame: FrameType | None) -> bool:
    """Whether Python's own code asks on behalf of the user's, and not of a library that loads a module of its own.

    Libraries do so at the top of a module, or when an attribute is read for the first time.
    """
    while frame is not None and not is_users(frame.f_code.co_filename):
        if frame.f_code.co_name in ("<module>", "__getattr__") or frame.f_code.co_filename == RUNS:
            return False
        frame = frame.f_back
    return frame is not None


def _is_of_a_stream(frame: FrameType) -> bool:
    """Whether this is the `write` of a stream; a layer may have a method of that name too."""
    stream = type(frame.f_locals.get("self"))
    return frame.f_code.co_name in _WRITING and hasattr(stream, "write") and hasattr(stream, "flush")
