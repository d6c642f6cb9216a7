"""Locks that Ctrl-C leaves free, as it finds them, on every Python.

Python 3.14 may raise it between taking a lock and the block that gives it back, see `CarefulLock`. And 3.13 and 3.14
leave a block of `with`, or of `try`, without its end if Ctrl-C comes as a loop in it jumps back from a condition: so
what must be given back surrounds a call of the function with the loop.
"""

from __future__ import annotations

import sys
import threading
from _thread import RLock


class CarefulLock(RLock):  # type: ignore[misc]  # final in typeshed, not in Python
    """A reentrant lock for Python 3.14: `with` it, Ctrl-C comes before it is taken or inside of the block.

    Other versions see to that themselves, so that it would only cost time there.

    >>> lock = CarefulLock()
    >>> with lock, lock:
    ...     lock._is_owned()
    True
    >>> lock._is_owned()
    False
    """

    __slots__ = ()

    def __enter__(self, blocking: bool = True, timeout: float = -1) -> bool:
        taken: list[bool] = []  # says whether it was, also if Ctrl-C comes just behind the call
        try:
            taken.extend(map(self.acquire, (blocking,), (timeout,)))
        except BaseException:
            if taken:
                self.release()
            raise
        return taken[0]


Lock: type[RLock] = CarefulLock if sys.version_info[:2] == (3, 14) else threading.RLock
"""The class of this project's locks."""
