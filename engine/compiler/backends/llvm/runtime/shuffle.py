"""Shuffling in native code, with the very result of `random.Random.shuffle`.

An epoch of a small network takes less time than Python needs to shuffle its samples. The random bits come from
Python's generator, many at a time; what Python does with them is left to native code.
"""

from __future__ import annotations

import ctypes
import functools
import random
from typing import TYPE_CHECKING, Any

from ..ir.builder import Code
from ..jit.machine_code import Library
from .memory import address

if TYPE_CHECKING:
    from numpy.typing import NDArray


def shuffled(count: int, source: random.Random) -> NDArray[Any]:
    """The numbers below `count` in the order in which ``source.shuffle`` puts them; `source` moves on as if it had.

    >>> numbers = list(range(10))
    >>> random.Random(1).shuffle(numbers)
    >>> shuffled(10, random.Random(1)).tolist() == numbers
    True
    """
    import numpy as np

    order = np.arange(count, dtype=np.int64)
    if type(source) is not random.Random:  # another generator: nothing is known about its state
        source.shuffle(order)  # type: ignore[arg-type]  # an array is a mutable sequence in all but name
        return order
    exchange, place, left = _native()[1], address(order), count
    while left > 1:
        # Each place but the first takes one draw at least, so none is drawn in vain. Some take more: hence the loop.
        drawn = left - 1
        left = exchange(place, left, source.getrandbits(32 * drawn).to_bytes(4 * drawn, "little"), drawn)
    return order


@functools.cache
def _native() -> tuple[Library, Any]:
    library = Library(_text())
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_char_p, ctypes.c_int64)
    return library, kind(library.address("exchange"))


def _text() -> str:
    """``exchange``: put places in random order from the last one down, as far as the numbers last; how many are left.

    An index below n comes from as many high bits as n has, drawn again until they are below n. To draw again is to
    exchange a place with itself and to stay there: a branch would be mispredicted every few numbers.
    """
    code = Code("exchange", 64, 1, ["ptr noalias %order", "i64 %count", "ptr noalias %numbers", "i64 %drawn"], "i64")
    code.declared.add("declare i64 @llvm.ctlz.i64(i64, i1)")
    code.slots.append("%left = alloca i64")
    code.lines.append("store i64 %count, ptr %left")
    with code.loop(0, "%drawn") as k:
        number = code.value(f"load i32, ptr {code.pointer('%numbers', k, 'i32')}, align 1")
        number = code.value(f"zext i32 {number} to i64")
        n = code.value("load i64, ptr %left")
        zeros = code.value(f"call i64 @llvm.ctlz.i64(i64 {n}, i1 false)")
        index = code.value(f"lshr i64 {number}, {code.value(f'sub i64 {zeros}, 32')}")  # the numbers have 32 bits
        below = code.value(f"icmp ult i64 {index}, {n}")
        last = code.value(f"sub i64 {n}, 1")
        index = code.value(f"select i1 {below}, i64 {index}, i64 {last}")
        places = [code.pointer("%order", i, "i64") for i in (index, last)]
        values = [code.value(f"load i64, ptr {place}") for place in places]
        code.lines += [f"store i64 {value}, ptr {place}" for value, place in zip(values, reversed(places))]
        code.lines.append(f"store i64 {code.value(f'select i1 {below}, i64 {last}, i64 {n}')}, ptr %left")
    code.lines.append(f"ret i64 {code.value('load i64, ptr %left')}")
    return "\n".join([*sorted(code.declared), code.text()])
