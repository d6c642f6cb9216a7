"""Shuffling in native code, with exactly the result of `random.Random.shuffle`.

An epoch of a small network takes less time than Python needs to shuffle its samples. The random bits come from
Python's generator, many at a time; native code does with them what Python would.
"""

from __future__ import annotations

import ctypes
import functools
import random
from typing import TYPE_CHECKING, Any

from ....samples.arrays import address
from ..ir.builder import Code
from ..ir.control import Cell
from ..jit.machine_code import Library

if TYPE_CHECKING:
    from numpy.typing import NDArray


AT_ONCE = 1 << 16
"""How many numbers are drawn at a time."""


def shuffled(count: int, source: random.Random, times: int = 1) -> NDArray[Any]:
    """The integers below `count`, `times` times over, each time in the order of ``source.shuffle``.

    `source` advances as if it had shuffled.

    >>> numbers = list(range(10))
    >>> random.Random(1).shuffle(numbers)
    >>> shuffled(10, random.Random(1)).tolist() == [numbers]
    True
    """
    import numpy as np

    orders = np.empty((times, count), np.int64)
    orders[:] = np.arange(count)
    if type(source) is not random.Random:  # nothing is known about the state of another generator
        for order in orders:
            source.shuffle(order)  # type: ignore[arg-type]  # an array is a mutable sequence in all but name
        return orders
    exchange, place, done, all_of_them = _native()[1], address(orders), 0, times * (count - 1)
    while done < all_of_them:
        # Each place but the first takes at least one draw, so none is wasted. Some take more: hence the loop.
        drawn = min(all_of_them - done, AT_ONCE)
        numbers = source.getrandbits(32 * drawn).to_bytes(4 * drawn, "little")
        done = exchange(place, count, done, numbers, drawn)
    return orders


@functools.cache
def _native() -> tuple[Library, Any]:
    library = Library.of_engine("shuffle", _text, "text")
    number, place = ctypes.c_int64, ctypes.c_void_p
    kind = ctypes.CFUNCTYPE(number, place, number, number, ctypes.c_char_p, number)
    return library, kind(library.address("exchange"))


def _text() -> str:
    """``exchange``: put places in random order from the last one down, row by row, as far as the numbers last.

    `done` is how many places have got theirs, those of all rows together; it gives how many have by then. An index
    below n comes from as many high bits as n has, drawn again until they are below n. To draw again is to exchange a
    place with itself and to stay there: a branch would be mispredicted every few numbers.
    """
    arguments = ["ptr noalias %orders", "i64 %count", "i64 %done", "ptr noalias %numbers", "i64 %drawn"]
    code = Code("exchange", 64, 1, arguments, "i64")
    code.declared.add("declare i64 @llvm.ctlz.i64(i64, i1)")
    row = code.value("sub i64 %count, 1")
    first = code.value(f"mul i64 {code.value(f'sdiv i64 %done, {row}')}, %count")
    start = Cell(code, code.pointer("%orders", first, "i64"), "ptr")
    left = Cell(code, code.value(f"sub i64 %count, {code.value(f'srem i64 %done, {row}')}"))
    done = Cell(code, "%done")
    with code.loop(0, "%drawn") as k:
        number = code.value(f"load i32, ptr {code.pointer('%numbers', k, 'i32')}, align 1")
        number = code.value(f"zext i32 {number} to i64")
        n, order = left.read(), start.read()
        zeros = code.value(f"call i64 @llvm.ctlz.i64(i64 {n}, i1 false)")
        index = code.value(f"lshr i64 {number}, {code.value(f'sub i64 {zeros}, 32')}")  # the numbers have 32 bits
        below = code.value(f"icmp ult i64 {index}, {n}")
        last = code.value(f"sub i64 {n}, 1")
        index = code.value(f"select i1 {below}, i64 {index}, i64 {last}")
        places = [code.pointer(order, i, "i64") for i in (index, last)]
        values = [code.value(f"load i64, ptr {place}") for place in places]
        code.lines += [f"store i64 {value}, ptr {place}" for value, place in zip(values, reversed(places))]
        n = code.value(f"select i1 {below}, i64 {last}, i64 {n}")
        over = code.value(f"icmp eq i64 {n}, 1")
        left.write(code.value(f"select i1 {over}, i64 %count, i64 {n}"))
        start.write(code.value(f"select i1 {over}, ptr {code.pointer(order, '%count', 'i64')}, ptr {order}"))
        done.write(code.value(f"add i64 {done.read()}, {code.value(f'zext i1 {below} to i64')}"))
    code.lines.append(f"ret i64 {done.read()}")
    return "\n".join([*sorted(code.declared), code.text()])
