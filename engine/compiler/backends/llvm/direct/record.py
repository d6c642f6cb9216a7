"""The parameters of a direct step's native code: a record of words, followed by a form for each argument."""

from __future__ import annotations

NUMBERS = {"float64": "double", "float32": "float", "int64": "i64"}
"""The types of arrays that are read, with LLVM's types of their numbers."""

QUICK = ("ready", "own", "far", "until", "clock", "slow", "failed")
RECORD = (
    *QUICK, "frame", "words", "drive",
    "nothing", "no", "yes", "ndarray", "list", "float", "int", *NUMBERS, "ints", "int_count",
)  # fmt: skip  # names of fields
"""What only `quick` reads; the last step; objects that are known by their addresses, and where small ints lie."""

FORM = ("rank", "dimensions", "samples", "columns", "own", "place", "rows", "known", "least", "most", "whole")
"""Of an argument: how many dimensions it has, and where they are; memory for a copy, or 0; where to put its address.
Where the valid rows are, and how many, -1 for any; numbers from `least` to `most` are valid as well, if `whole` is 1.0
only whole ones."""

HEAD_OF_WORDS = ("words", "blocks")
"""See `WordGuard.head`."""
