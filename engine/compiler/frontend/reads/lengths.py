"""Lists that grow with every call: whether anything hangs on how long they are, which is tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_LONGER = 2520  # entries; all small numbers divide it: what counts every third one finds the third one in the third run


@contextmanager
def prolonged(lists: Sequence[list[Any]]) -> Iterator[None]:
    """Lists are far longer inside, by entries that they have: what hangs on their length is another."""
    ends = [one[-1] for one in lists]
    for one, end in zip(lists, ends):
        one[:0] = _LONGER * [end]
    try:
        yield
    finally:
        for one, end in zip(lists, ends):
            if len(one) >= _LONGER and one[_LONGER - 1] is end:  # else it has been cleared
                del one[:_LONGER]
