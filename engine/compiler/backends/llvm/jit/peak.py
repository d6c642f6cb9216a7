"""What this core can do: multiply-adds in registers, as fast as they go."""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Callable

from ..ir.builder import Code, module
from .cpu import vector_bytes
from .machine_code import Library

_CHAINS = 12  # independent sums, more than the latency times the units of any core


@functools.cache
def multiply_adds(dtype: str) -> tuple[Callable[[], None], int]:
    """A loop of multiply-adds, and how many floating-point operations a call of it makes.

    To find the share of the peak that something reaches, run both in turns: a core's clock may change from one second
    to the next.
    """
    bits = 64 if dtype == "float64" else 32
    width = vector_bytes() * 8 // bits
    code = Code("peak", bits, width, ["ptr %x", "i64 %n"])
    sums = [code.variable(code.load("%x", str(k * width))) for k in range(_CHAINS)]
    a, b = code.load("%x", "0"), code.load("%x", str(width))
    with code.loop(0, "%n"):
        for name in sums:
            code.write(name, code.read(name) * a + b)
    for k, name in enumerate(sums):
        code.store(code.read(name), "%x", str(k * width))
    code.ret()
    library = Library(module(code))
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
    memory, count = (ctypes.c_double * (_CHAINS * 8))(), 400_000

    def run() -> None:
        function(library.address("peak"))(memory, count)

    return run, 2 * _CHAINS * width * count


def peak_flops(dtype: str) -> float:
    """Floating-point operations per second of CPU time, of one core, as it is just now."""
    run, operations = multiply_adds(dtype)
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        run()
        best = min(best, time.process_time() - started)
    return operations / best
