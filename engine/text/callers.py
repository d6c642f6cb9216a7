"""Whose line it is: the innermost frame that is neither the engine's nor the network package's."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys

_PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
# Folders, so that nn_train.py is the user's; and contextlib, whose frames stand between ours.
_OURS = (*[os.path.join(_PROJECT, package, "") for package in ("engine", "nn")], contextlib.__file__)

Source = tuple[str, int]
"""File and line."""


def users_line() -> Source:
    """Where the caller's caller was called from, outside of this project; the outermost frame if there is no other."""
    frame = outermost = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_OURS):
        if frame.f_back is None:
            frame = outermost
            break
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def written(source: Source) -> str:
    """A line as it is shown: ``file:line: what stands there``."""
    name, line = source
    return f"{name}:{line}: {linecache.getline(name, line).strip()}"
