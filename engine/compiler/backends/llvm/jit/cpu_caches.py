"""The sizes of a core's caches, as the system tells them."""

from __future__ import annotations

import ctypes
import functools
import os
import sys

from ..kernels.shape import CACHES

_LINUX = "/sys/devices/system/cpu/cpu0/cache"


@functools.cache
def cache_sizes() -> tuple[int, int]:
    """Bytes of one core's first cache for data, and of its second cache."""
    first, second = _told()
    first = first or CACHES[0]
    return first, max(second or CACHES[1], first)


def _told() -> tuple[int, int]:
    """The same, 0 for what the system does not tell."""
    if sys.platform == "darwin":
        return _of_macos("hw.l1dcachesize"), _of_macos("hw.l2cachesize")
    return _of_linux(_LINUX)


def _of_linux(folder: str) -> tuple[int, int]:
    try:
        found = dict([_level_and_size(f"{folder}/{name}") for name in os.listdir(folder)])
    except OSError:
        return 0, 0
    return found.get("1", 0), found.get("2", 0)


def _level_and_size(folder: str) -> tuple[str, int]:
    """The level and size of one cache; nothing for one of code only, or where a file is missing or not as expected."""
    try:
        level, kind, size = [_text(f"{folder}/{name}") for name in ("level", "type", "size")]
        return ("", 0) if kind == "Instruction" else (level, int(size.rstrip("K")) * 1024)
    except (OSError, ValueError):
        return "", 0


def _text(path: str) -> str:
    with open(path, "rb", buffering=0) as file:  # a Path, or a text file, takes as long again
        return file.read().decode().strip()


def _of_macos(name: str) -> int:
    number, size = ctypes.c_int64(0), ctypes.c_size_t(8)
    try:
        ctypes.CDLL(None).sysctlbyname(name.encode(), ctypes.byref(number), ctypes.byref(size), None, 0)
    except (OSError, AttributeError):
        return 0
    return max(0, number.value)
