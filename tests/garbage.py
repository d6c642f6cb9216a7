"""How often the cyclic garbage collector runs in a call."""

import gc
from collections.abc import Callable


def collections_in(call: Callable[[], object]) -> int:
    """How many collections begin while it is made, if each comes after a hundred new objects."""
    phases: list[str] = []
    thresholds = gc.get_threshold()
    gc.collect()
    gc.callbacks.append(lambda phase, info: phases.append(phase))
    gc.set_threshold(100)
    try:
        call()
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.pop()
    assert gc.isenabled()
    return phases.count("start")
