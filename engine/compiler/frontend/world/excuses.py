"""The code that may ask the world outside: imports, messages, and Python's own code when it evaluates a string."""

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
        start  # either, depending on the version
        for name in ("warnings", "_py_warnings", "linecache", "traceback", "tokenize")
        for start in (os.path.join(_LIBRARY, f"{name}.py"), f"<frozen {name}>")
    ),
)
"""How the names of the files begin whose code imports or writes messages."""
_OF_ANNOTATIONS = frozenset({"typing", "inspect", "annotationlib"})
"""Modules that evaluate annotations written as strings: what these name, no code names."""
_WRITING = frozenset({"write", "writelines", "flush"})


def is_excused(frame: FrameType | None, function: Any) -> bool:
    """Whether a question to the world outside may be asked.

    Imports may ask, Python's own code when it evaluates a string, and whatever runs while a message is written. A file
    in memory may be read, unless something that has no number yet was printed into it.

    Args:
        frame: of the code that asks.
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
    while frame is not None and frame.f_code.co_filename != RUNS:  # where the user's function is called
        if frame.f_code.co_filename.startswith(_REPORTING) or _is_of_a_stream(frame):
            return True
        frame = frame.f_back
    return False


def is_for_the_user(frame: FrameType | None) -> bool:
    """Whether Python's own code asks on behalf of the user's, and not of a library that loads its own modules.

    Libraries do that at the top of a module, or when an attribute is read for the first time.
    """
    while frame is not None and not is_users(frame.f_code.co_filename):
        if frame.f_code.co_name in ("<module>", "__getattr__") or frame.f_code.co_filename == RUNS:
            return False
        frame = frame.f_back
    return frame is not None


def _is_of_a_stream(frame: FrameType) -> bool:
    """Whether this is a method such as `write` of a stream: a layer may have one of that name, too."""
    stream = type(frame.f_locals.get("self"))
    return frame.f_code.co_name in _WRITING and hasattr(stream, "write") and hasattr(stream, "flush")
