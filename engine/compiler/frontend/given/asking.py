"""Whether the code that asks an object for its class is part of this project."""

from __future__ import annotations

import os
import sys
from typing import Any

from ....text.callers import is_ours

RUNS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "runs.py")
"""The file that calls the user's function: frames beyond it are those of callers of the compiled function."""

_METHODS = os.path.join("numpy", "_core", "_methods.py"), os.path.join("numpy", "core", "_methods.py")
"""NumPy's means and variances, which ask for the class of a sum and compute the same for all numbers."""
_ABSTRACT = frozenset({"<frozen abc>", "<frozen _collections_abc>"})
"""Files of code that asks on behalf of its caller."""


def asked_by_project() -> bool:
    """Whether the caller's caller is part of this project."""
    frame: Any = sys._getframe(2)
    while frame.f_code.co_filename in _ABSTRACT:
        frame = frame.f_back
    return is_ours(frame.f_code.co_filename) or frame.f_code.co_filename.endswith(_METHODS)
