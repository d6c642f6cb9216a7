"""Threads of the engine's own, which run none of the user's code, and so draw no random numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable


class OwnThread(threading.Thread):
    """One of them: nobody waits for it, and it ends with the interpreter."""

    def __init__(self, target: Callable[[], object], name: str) -> None:
        super().__init__(target=target, name=name, daemon=True)


def others_run() -> bool:
    """Whether there are other threads that may run the user's code."""
    return sum(not isinstance(thread, OwnThread) for thread in threading.enumerate()) > 1
