"""Draws the masks of dropout into the packed samples of a block, as `samples.masks` does for one sample."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ....samples.masks import MIXING, STEP, Masks
from ..ir.builder import Code
from ..ir.words import Layout, entry
from ..jit.machine_code import Library
from .packing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROW: Layout = {
    "seed": "i64",
    "first": "i64", "entries": "i64",  # the number of the first entry, and how many there are
    "column": "i64",  # where the first one goes
    "least": "i64",  # hash that is kept
    "factor": "double",  # of what is kept
}  # fmt: skip  # in groups
"""A row of the table of what is drawn."""


def table(masks: Masks) -> NDArray[Any]:
    """What is drawn, as `draw` reads it."""
    import numpy as np

    rows, column = [], masks.column
    for drop in masks.drops:
        factor = int(np.array(drop.kept).view(np.uint64))
        rows.append([drop.seed % 2**64, drop.first, drop.entries, column, drop.least, factor])
        column += drop.entries
    return np.array(rows, np.uint64)


@functools.cache
def drawing(bits: int, width: int) -> tuple[Library, int]:
    """The compiled function and its address; see `text`."""
    library = Library.of_engine(f"masks {bits} {width}", functools.partial(text, bits, width))
    return library, library.address("draw")


def text(bits: int, width: int) -> str:
    """LLVM IR of ``draw``: masks of the samples of one block, in a step.

    Lanes without a sample get the mask of the first one, which they repeat.

    The function's arguments:
        draws, count: the table of what is drawn, and how many rows it has.
        X, stride: the packed block, and how many lanes apart its slots are.
        step, first: the numbers of the step, and of the block's first sample in the batch.
        samples, lanes: which sample each lane has (-1: none), and how many lanes.
    """
    arguments = ["ptr noalias %draws", "i64 %count", "ptr noalias %X", "i64 %stride", "i64 %step", "i64 %first"]
    code = Code("draw", bits, width, [*arguments, "ptr noalias %samples", "i64 %lanes"])
    vector = code.type("w")

    def each(number: int, kind: str) -> str:
        return str(number) if kind == "i64" else code.constants("i64", [number] * width)

    def hashed(seeds: str, number: str, kind: str) -> str:
        """As `samples.masks.hashed`, of a number that is counted in steps already."""
        mixed = code.value(f"add {kind} {seeds}, {number}")
        for shift, factor in MIXING:
            shifted = code.value(f"lshr {kind} {mixed}, {each(shift, kind)}")
            mixed = code.value(f"xor {kind} {mixed}, {shifted}")
            mixed = code.value(f"mul {kind} {mixed}, {each(factor, kind)}") if factor > 1 else mixed
        return mixed

    with code.loop(0, "%count") as d:
        kinds = enumerate(_ROW.values())
        row = dict(zip(_ROW, [entry(code, "%draws", code.index((d, len(_ROW)), k), kind) for k, kind in kinds]))
        factor = row["factor"] if bits == 64 else code.value(f"fptrunc double {row['factor']} to float")
        factors, leasts = code.broadcast(factor), code.spread(row["least"], "i64")
        of_step = code.spread(hashed(row["seed"], _counted(code, "%step"), "i64"), "i64")
        target = code.pointer("%X", code.value(f"mul i64 {row['column']}, %stride"))
        ahead = code.constants("i64", [k * STEP % 2**64 for k in range(width)])
        with code.loop(0, "%lanes", width) as lane:
            first, own = (code.spread(_counted(code, place), "i64") for place in ("%first", code.index("%first", lane)))
            own = code.value(f"add {vector} {own}, {ahead}") if width > 1 else own
            missing = is_missing(code, lane)
            place = code.value(f"select {code.type('m')} {missing.name}, {vector} {first}, {vector} {own}")
            rows = hashed(of_step, place, vector)
            with code.loop(0, row["entries"]) as u:
                number = code.spread(_counted(code, code.index(row["first"], u)), "i64")
                drawn = hashed(rows, number, vector)
                is_kept = code.emit(f"icmp uge {vector} {drawn}, {leasts}", "m")
                at = code.index(code.value(f"mul i64 {u}, %stride"), lane)
                code.store(code.select(is_kept, factors, 0.0), target, at)
    code.ret()
    return code.text()


def _counted(code: Code, number: str) -> str:
    """What `samples.masks.hashed` adds for a number."""
    return code.value(f"mul i64 {code.value(f'add i64 {number}, 1')}, {STEP}")
