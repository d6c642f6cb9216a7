"""Shuffling in native code, with the very result of `random.Random.shuffle`.

An epoch of a small network takes less time than Python needs to shuffle its samples. The random bits come from
Python's generator, all at once; drawing the indices from them, as Python does, is left to native code.
"""

from __future__ import annotations

import ctypes
import functools
import random
from typing import TYPE_CHECKING, Any

from .ir import Code
from .jit import Library
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
    state = source.getstate()
    drawn, used = 2 * count + 64, -1
    while used < 0:  # an index takes less than two draws on average; should these not do, more will
        source.setstate(state)
        numbers = np.frombuffer(source.getrandbits(32 * drawn).to_bytes(4 * drawn, "little"), np.uint32)
        order[:] = np.arange(count)
        used = _native()[1](address(order), count, address(numbers), drawn)
        drawn *= 2
    source.setstate(state)
    if used:
        source.getrandbits(32 * used)
    return order


@functools.cache
def _native() -> tuple[Library, Any]:
    library = Library(_text())
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)
    return library, kind(library.address("shuffle"))


def _text() -> str:
    """``shuffle``: exchange places from the last to the second; how many random numbers it took, -1 if too few.

    An index below n comes from as many high bits as n has, drawn again until they are below n.
    """
    arguments = ["ptr noalias %order", "i64 %count", "ptr noalias %numbers", "i64 %available"]
    code = Code("shuffle", 64, 1, arguments, "i64")
    code.declared.add("declare i64 @llvm.ctlz.i64(i64, i1)")
    code.slots.append("%used = alloca i64")
    code.lines.append("store i64 0, ptr %used")
    with code.loop(1, "%count") as step:
        n = code.value(f"add i64 {code.value(f'sub i64 %count, {step}')}, 1")
        zeros = code.value(f"call i64 @llvm.ctlz.i64(i64 {n}, i1 false)")
        shift = code.value(f"sub i64 {zeros}, 32")  # the generator's numbers have 32 bits
        code.label("draw")
        used = code.value("load i64, ptr %used")
        enough = code.value(f"icmp slt i64 {used}, %available")
        code.lines += [f"br i1 {enough}, label %next, label %short", "short:", "ret i64 -1", "next:"]
        number = code.value(f"load i32, ptr {code.pointer('%numbers', used, 'i32')}")
        number = code.value(f"zext i32 {number} to i64")
        code.lines.append(f"store i64 {code.value(f'add i64 {used}, 1')}, ptr %used")
        index = code.value(f"lshr i64 {number}, {shift}")
        below = code.value(f"icmp slt i64 {index}, {n}")
        code.lines += [f"br i1 {below}, label %swap, label %draw", "swap:"]
        places = [code.pointer("%order", i, "i64") for i in (index, code.value(f"sub i64 {n}, 1"))]
        values = [code.value(f"load i64, ptr {place}") for place in places]
        code.lines += [f"store i64 {value}, ptr {place}" for value, place in zip(values, reversed(places))]
    code.lines.append(f"ret i64 {code.value('load i64, ptr %used')}")
    return "\n".join([*sorted(code.declared), code.text()])
