"""The same work in several threads at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

Argument = TypeVar("Argument")


def in_threads(work: Callable[[Argument], object], arguments: Iterable[Argument]) -> None:
    """Call a function once for each argument, each call in a thread of its own, and wait for all."""
    threads = [threading.Thread(target=work, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
