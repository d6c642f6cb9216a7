"""Lists that grow with every call: a trial finds out whether anything depends on their length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_LONGER = 2520  # entries; all small numbers divide it: what counts every third one finds the third one in the third run


@contextmanager
def prolonged(lists: Sequence[list[Any]]) -> Iterator[None]:
    """A context in which lists are far longer, by entries of their own: what depends on their length differs."""
    ends = [one[-1] for one in lists]
    for one, end in zip(lists, ends):
        one[:0] = _LONGER * [end]
    try:
        yield
    finally:
        for one, end in zip(lists, ends):
            if len(one) >= _LONGER and one[_LONGER - 1] is end:  # otherwise it has been cleared
                del one[:_LONGER]
