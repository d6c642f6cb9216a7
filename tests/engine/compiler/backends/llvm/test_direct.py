"""The native code of a direct step: what it tells of words that are watched."""

from __future__ import annotations

import ctypes
import functools
from array import array
from typing import Any

import pytest

from engine.compiler.backends.llvm.direct.step_code import text
from engine.compiler.backends.llvm.jit.machine_code import Library
from engine.compiler.frontend.reads.word_guard import WordGuard

PROBE = """
define i64 @probe(ptr %head) {
  %same = call i1 @unchanged(ptr %head)
  %number = zext i1 %same to i64
  ret i64 %number
}
"""


@functools.cache
def _probe() -> tuple[Library, Any]:
    library = Library(quick=text(64) + PROBE)
    return library, ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(library.address("probe"))


def differ(head: array[int]) -> bool:
    return not _probe()[1](head.buffer_info()[0])


@pytest.mark.parametrize("sizes", [[1], [2, 1], [7, 8, 9], [1, 16, 3, 24, 31], []])
def test_each_word_of_each_block_counts(sizes: list[int]) -> None:
    words = [array("q", range(100 * size, 101 * size)) for size in sizes]
    table = array("q", [number for block in words for number in block.buffer_info()])
    for block in words:
        table += block
    head = array("q", [table.buffer_info()[0], len(sizes)])
    assert not differ(head)
    for block in words:
        for k in range(len(block)):
            for bit in (0, 31, 63):
                block[k] ^= 1 << bit if bit < 63 else -(1 << 63)
                assert differ(head)
                block[k] ^= 1 << bit if bit < 63 else -(1 << 63)
    assert not differ(head)
    head[1] = -1
    assert differ(head)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 40])
def test_each_entry_of_a_list_counts(size: int) -> None:
    entries: list[Any] = [object() for _ in range(size)]
    words = WordGuard()
    assert words.add_list(entries)
    assert words.add_list([entries])
    assert differ(words.head)  # nothing is expected yet
    words.note()
    words.expect()
    assert not differ(words.head)
    for k, entry in enumerate(entries):
        entries[k] = object()
        assert differ(words.head)
        entries[k] = entry
        assert not differ(words.head)
    entries.append(0)
    assert differ(words.head)
