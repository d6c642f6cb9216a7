"""The user's line: the innermost frame outside this project, Python's standard library and NumPy."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
import warnings
from functools import cache
from types import FrameType

_PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
# Folders, so that a user's nn_train.py is not ours; and contextlib, whose frames stand between ours.
_OURS = (*[os.path.join(_PROJECT, package, "") for package in ("engine", "nn")], contextlib.__file__)

_LIBRARY = (os.path.join(os.path.dirname(os.__file__), ""), "<frozen ", "<__array_function__ ")  # NumPy's before 1.25
INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
"""Folders for packages, which may be in the library's folder, but are not of it."""

_NUMPY = os.path.join("", "numpy", "")

Source = tuple[str, int]
"""File and line."""


@cache
def is_ours(file: str) -> bool:
    """Whether a file is the engine's or the network package's."""
    return file.startswith(_OURS)


def users_line() -> Source:
    """Where the caller's caller was called from, outside of this project; the outermost frame if there is no other."""
    frame = sys._getframe(1)
    while frame.f_back is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def warn_user(text: str, category: type[Warning]) -> None:
    """Warn at the line that called into this project."""
    frame = sys._getframe(1)
    while frame.f_back is not None and is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    warn_at(frame, text, category)


def warn_at(frame: FrameType, text: str, category: type[Warning]) -> None:
    """Warn at the line where a frame is."""
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    module = frame.f_globals.get("__name__") or "<unknown>"
    warnings.warn_explicit(text, category, frame.f_code.co_filename, frame.f_lineno, module, registry)


def raised_at(error: BaseException) -> Source:
    """The innermost line of the user's code that an error passed through."""
    found = "", 0
    step = error.__traceback__
    while step is not None:
        if not found[0] or is_users(step.tb_frame.f_code.co_filename):
            found = step.tb_frame.f_code.co_filename, step.tb_lineno
        step = step.tb_next
    return found


def is_users(name: str) -> bool:
    """Whether a file is the user's: not part of this project, of Python's standard library or of NumPy."""
    if name.startswith(_OURS):
        return False
    installed = any(folder in name for folder in INSTALLED)
    return not (_NUMPY in name and _is_numpys(name)) and (installed or not name.startswith(_LIBRARY))


def _is_numpys(file: str) -> bool:
    """Whether a file in a folder of that name is NumPy's, wherever that is installed."""
    main = getattr(sys.modules.get("numpy"), "__file__", None)
    return main is not None and file.startswith(os.path.join(os.path.dirname(main), ""))


def written(source: Source) -> str:
    """A line as it is shown: ``file:line: what stands there``."""
    name, line = source
    return f"{name}:{line}: {linecache.getline(name, line).strip()}".removesuffix(": ")
