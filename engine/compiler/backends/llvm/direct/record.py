"""The parameters of a direct step's native code: a record of words, followed by a form for each argument."""

from __future__ import annotations

from ..ir.words import Layout

NUMBERS = {"float64": "double", "float32": "float", "int64": "i64"}
"""The types of arrays that are read, with LLVM's types of their numbers."""

QUICK = ("ready", "own", "far", "due", "clock", "slow", "failed")
RECORD: Layout = {
    **dict.fromkeys(QUICK, "ptr"),  # what only `quick` reads
    "frame": "ptr", "words": "ptr", "drive": "ptr",  # the last step
    # Objects that are known by their addresses.
    **dict.fromkeys(("nothing", "no", "yes", "ndarray", "list", "float", "int", *NUMBERS), "ptr"),
    "ints": "i64", "int_count": "i64",  # where small ints lie
}  # fmt: skip  # in groups

FORM: Layout = {
    "rank": "i64", "dimensions": "ptr",  # how many dimensions the argument has, and where they are
    "samples": "i64", "columns": "i64",
    "own": "ptr",  # memory for a copy; or 0
    "place": "ptr",  # where to put its address
    "rows": "ptr", "known": "i64",  # where the valid rows are; how many, -1 for any
    "least": "double", "most": "double",  # numbers from the one to the other are valid as well
    "whole": "double",  # 1.0: only whole ones
}  # fmt: skip  # in groups

HEAD_OF_WORDS: Layout = {"words": "ptr", "blocks": "i64"}
"""See `WordGuard.head`."""
