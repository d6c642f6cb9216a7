"""Arrays as samples may come: not aligned, read-only."""

from __future__ import annotations

from typing import Any

from tests.needs import needs

np = needs("numpy")


def unaligned(given: Any) -> Any:
    raw = np.zeros(given.nbytes + 1, np.uint8)
    raw[1:] = np.ascontiguousarray(given).view(np.uint8).ravel()
    return raw[1:].view(given.dtype).reshape(given.shape)


def fixed(given: Any) -> Any:
    given = given.copy()
    given.flags.writeable = False
    return given
