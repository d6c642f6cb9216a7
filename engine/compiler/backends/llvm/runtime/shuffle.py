"""Shuffling in native code, with exactly the result of `random.Random.shuffle`.

An epoch of a small network takes less time than Python needs to shuffle its samples; just drawing the random bits for
that takes Python a tenth of an epoch. So native code draws these, too, from the state that Python's generator keeps.
"""

from __future__ import annotations

import ctypes
import functools
import random
from typing import TYPE_CHECKING, Any

from ....frontend.reads.layout import HEAD
from ....samples.memory import address
from ..ir.builder import Code, module
from ..ir.control import Cell, leave, repeat
from ..jit.machine_code import Library

if TYPE_CHECKING:
    from numpy.typing import NDArray


WORDS, FAR = 624, 397
"""The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998): words of its state, and from one to its partner."""

ATTRIBUTES = vars(random.Random()).keys()
"""The attributes of a generator that has no methods of its own, which Python's `shuffle` would call."""


def shuffle(orders: NDArray[Any], source: random.Random) -> None:
    """Put each row of 64-bit integers, neighbours in memory, in the order of ``source.shuffle``.

    >>> import numpy as np
    >>> numbers, row = list(range(10)), np.arange(10)
    >>> random.Random(1).shuffle(numbers)
    >>> shuffle(row.reshape(1, 10), random.Random(1))
    >>> row.tolist() == numbers
    True
    """
    is_usual = type(source) is random.Random and vars(source).keys() == ATTRIBUTES
    if is_usual and generator_is_as_expected():
        rows, count = orders.shape
        _native()[1](address(orders), rows, count, orders.strides[0], id(source) + HEAD)
    else:  # nothing is known about another generator, or one with a method set on it
        for row in orders:
            source.shuffle(row)


@functools.cache
def generator_is_as_expected() -> bool:
    """Whether a generator keeps its state after its head: how many words are used up, and the words."""
    if random.Random.__basicsize__ < HEAD + 4 * (1 + WORDS):
        return False
    example = random.Random(1)
    example.random()
    used, *words = (ctypes.c_uint32 * (1 + WORDS)).from_address(id(example) + HEAD)
    return example.getstate()[1] == (*words, used)


@functools.cache
def _native() -> tuple[Library, Any]:
    library = Library.of_engine("shuffle", _text, "text")
    number, place = ctypes.c_int64, ctypes.c_void_p
    kind = ctypes.PYFUNCTYPE(None, place, number, number, number, place)  # with the GIL: nobody else draws meanwhile
    return library, kind(library.address("shuffle"))


def _text() -> str:
    """``shuffle``: put the places of each row in random order, from the last one down."""
    arguments = ["ptr noalias %orders", "i64 %rows", "i64 %count", "i64 %apart", "ptr noalias %generator"]
    code = Code("shuffle", 64, 1, arguments)
    code.declared.add("declare i64 @llvm.ctlz.i64(i64, i1)")
    words = code.pointer("%generator", "1", "i32")
    used = Cell(code, code.value(f"zext i32 {code.value('load i32, ptr %generator')} to i64"))
    with code.loop(0, "%rows") as row:
        order = code.pointer("%orders", code.value(f"mul i64 {row}, %apart"), "i8")
        left = Cell(code, "%count")
        with repeat(code) as over:
            n = left.read()
            leave(code, code.value(f"icmp sle i64 {n}, 1"), over)
            with code.when(code.value(f"icmp sge i64 {used.read()}, {WORDS}")):
                _renew(code, words)
                used.write(0)
            first = used.read()
            # Each place but the first takes a word or more: none of these words is left over.
            wanted = code.least(code.value(f"sub i64 {WORDS}, {first}"), code.value(f"sub i64 {n}, 1"))
            stop = code.value(f"add i64 {first}, {wanted}")
            with code.loop(first, stop) as k:
                _exchange(code, order, left, _tempered(code, _word(code, words, k)))
            used.write(stop)
    code.lines.append(f"store i32 {code.value(f'trunc i64 {used.read()} to i32')}, ptr %generator")
    code.ret()
    return module(code)


def _word(code: Code, words: str, index: str) -> str:
    return code.value(f"load i32, ptr {code.pointer(words, index, 'i32')}, align 4")


def _exchange(code: Code, order: str, left: Cell, number: str) -> None:
    """Put the last of the places that are left in order, by a random number.

    An index below n comes from as many high bits as n has, drawn again until they are below n. To draw again is to
    exchange a place with itself and to stay there: a branch would be mispredicted every few numbers.
    """
    n = left.read()
    zeros = code.value(f"call i64 @llvm.ctlz.i64(i64 {n}, i1 false)")
    number = code.value(f"zext i32 {number} to i64")
    index = code.value(f"lshr i64 {number}, {code.value(f'sub i64 {zeros}, 32')}")  # the numbers have 32 bits
    below = code.value(f"icmp ult i64 {index}, {n}")
    last = code.value(f"sub i64 {n}, 1")
    index = code.value(f"select i1 {below}, i64 {index}, i64 {last}")
    places = [code.pointer(order, i, "i64") for i in (index, last)]
    values = [code.value(f"load i64, ptr {place}") for place in places]
    code.lines += [f"store i64 {value}, ptr {place}" for value, place in zip(values, reversed(places))]
    left.write(code.value(f"select i1 {below}, i64 {last}, i64 {n}"))


def _tempered(code: Code, word: str) -> str:
    """The random number of a word."""
    for shift, by, mask in (("lshr", 11, -1), ("shl", 7, 0x9D2C5680), ("shl", 15, 0xEFC60000), ("lshr", 18, -1)):
        moved = code.value(f"and i32 {code.value(f'{shift} i32 {word}, {by}')}, {mask}")
        word = code.value(f"xor i32 {word}, {moved}")
    return word


def _renew(code: Code, words: str) -> None:
    """Replace all words by the next ones: each by its partner, and by its first bit and the others of the next word."""

    def renew(index: str, following: str, partner: str) -> None:
        high = code.value(f"and i32 {_word(code, words, index)}, {0x80000000}")
        low = code.value(f"and i32 {_word(code, words, following)}, {0x7FFFFFFF}")
        both = code.value(f"or i32 {high}, {low}")
        odd = code.value(f"trunc i32 {both} to i1")
        twist = code.value(f"select i1 {odd}, i32 {0x9908B0DF}, i32 0")
        twisted = code.value(f"xor i32 {code.value(f'lshr i32 {both}, 1')}, {twist}")
        new = code.value(f"xor i32 {_word(code, words, partner)}, {twisted}")
        code.lines.append(f"store i32 {new}, ptr {code.pointer(words, index, 'i32')}, align 4")

    for start, stop, partner in ((0, WORDS - FAR, FAR), (WORDS - FAR, WORDS - 1, FAR - WORDS)):
        with code.loop(start, stop) as k:
            renew(k, code.index(k, 1), code.index(k, partner))
    renew(str(WORDS - 1), "0", str(FAR - 1))
