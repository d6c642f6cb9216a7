"""Memory for machine code: pages that are first written and then run, and never both at once."""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import platform
import sys
import weakref
from typing import Any

PAGE = mmap.PAGESIZE
IS_SUPPORTED = sys.platform == "linux" and platform.machine() == "x86_64" and sys.maxsize > 2**32
"""Whether this module, and what builds on it, knows the system and the processor: on all others LLVM is used."""

_READ, _WRITE, _EXECUTE = 1, 2, 4  # of sys/mman.h, as are the next two
_PRIVATE, _ANONYMOUS = 2, 32
_FAILED = ctypes.c_void_p(-1).value


class ExecutableMemory:
    """Pages of this process, which live as long as this object or the interpreter does.

    Args:
        size: bytes, at least 1.

    Attributes:
        address: of the first page.

    Raises:
        OSError: the system gives none.
    """

    def __init__(self, size: int):
        system = _system()
        address = system.mmap(None, size, _READ | _WRITE, _PRIVATE | _ANONYMOUS, -1, 0)
        if address == _FAILED:
            raise _error()
        self.address, self._size = address, size
        # Not when the interpreter ends: threads that still run the code do not end before it.
        weakref.finalize(self, system.munmap, address, size).atexit = False

    def fill(self, content: bytes | bytearray, code: int) -> None:
        """Write all of it, for good.

        Args:
            content: of the pages.
            code: how many bytes from the first are code, up to a page's end; the others can only be read.

        Raises:
            OSError: the system forbids running what was written, as SELinux may.
        """
        ctypes.memmove(self.address, bytes(content), len(content))
        for start, stop, rights in ((0, code, _READ | _EXECUTE), (code, self._size, _READ)):
            if start < stop and _system().mprotect(self.address + start, stop - start, rights):
                raise _error()


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


@functools.cache
def _system() -> Any:
    """The C library, with the types of what is called here."""
    library, pointer, size, number = ctypes.CDLL(None, use_errno=True), ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    library.mmap.restype, library.mmap.argtypes = pointer, (pointer, size, number, number, number, ctypes.c_long)
    library.mprotect.argtypes = (pointer, size, number)
    library.munmap.argtypes = (pointer, size)
    return library
