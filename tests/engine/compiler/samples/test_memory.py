"""Memory for native code: where arrays begin, and in pages of which size."""

from __future__ import annotations

import mmap

import pytest

from engine.compiler.samples import memory as for_native_code
from engine.compiler.samples.memory import CACHE_LINE, LARGE, LARGE_PAGE, address, aligned
from tests.needs import needs

np = needs("numpy")

SIZES = (1, LARGE // 8 - 1, LARGE // 8, LARGE_PAGE // 8 + 1)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("refusing", [False, True])
def test_arrays_are_zero_and_begin_on_a_cache_line(count: int, refusing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no large pages, too."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError

    if refusing:
        monkeypatch.setattr(for_native_code.mmap, "mmap", refuse)
    array = aligned(count, "float64")
    assert array.shape == (count,)
    assert array.dtype == np.float64
    assert address(array) % CACHE_LINE == 0
    assert not array.any()
    array[:] = 1.0
    assert array.sum() == count


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="only Linux has large pages on request")
def test_arrays_of_many_bytes_lie_in_large_pages_of_their_own() -> None:
    """From the first byte to the last: a page at the edge of the memory would be small."""
    size = 3 * LARGE_PAGE // 2
    array = aligned(size, "uint8")
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    memory = np.frombuffer(base, "uint8")
    assert address(array) % LARGE_PAGE == 0
    assert address(array) + 2 * LARGE_PAGE <= address(memory) + len(memory)


def test_arrays_that_are_soon_gone_take_no_large_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(for_native_code.mmap, "mmap", None)  # calling it would be an error
    array = aligned(LARGE_PAGE, "uint8", kept=False)
    assert address(array) % CACHE_LINE == 0
