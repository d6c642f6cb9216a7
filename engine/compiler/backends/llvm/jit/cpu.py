"""Which CPU this is, and how long its vectors are: found by cpuid, without LLVM, where that can be run."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys
from collections.abc import Callable

from .executable_memory import IS_SUPPORTED, PAGE, ExecutableMemory

Registers = tuple[int, int, int, int]
Answers = dict[tuple[int, int], Registers]

_CPUID = bytes.fromhex("53 89f8 89f1 4989d0 0fa2 418900 41895804 41894808 4189500c 5b c3")
"""``void (unsigned leaf, unsigned part, unsigned registers[4])``: push rbx; mov eax, edi; mov ecx, esi; mov r8, rdx;
cpuid; mov [r8], eax; mov [r8 + 4], ebx; mov [r8 + 8], ecx; mov [r8 + 12], edx; pop rbx; ret."""

_XGETBV = bytes.fromhex("31c9 0f01d0 c3")
"""``unsigned ()``: xor ecx, ecx; xgetbv; ret."""

_BASIC, _EXTENDED = 0, 2**31
_LEAVES = {
    _BASIC: [(1, 0), (7, 0), (7, 1), (13, 1), (20, 0), (25, 0), (30, 1), (36, 0)],
    _EXTENDED: [(_EXTENDED + 1, 0), (_EXTENDED + 8, 0), (_EXTENDED + 33, 0)],
}
"""What LLVM reads, besides the two that tell how many there are: a CPU's name and features follow from nothing else."""

_KEPT = -1, 0
"""The entry for the registers that the system saves for each thread: the others cannot be used."""


@functools.cache
def cpuid() -> Answers | None:
    """What the instruction of that name answers: four registers for each leaf and part.

    None on other systems and processors, and where no memory can be made executable.
    """
    if not IS_SUPPORTED:
        return None
    try:
        memory = ExecutableMemory(PAGE)
        memory.fill(_CPUID + _XGETBV, PAGE)
    except OSError:
        return None
    cpuid = ctypes.CFUNCTYPE(None, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p)(memory.address)
    xgetbv = ctypes.CFUNCTYPE(ctypes.c_uint)(memory.address + len(_CPUID))
    registers = (ctypes.c_uint * 4)()

    def ask(leaf: int, part: int) -> Registers:
        cpuid(leaf, part, registers)
        a, b, c, d = registers
        return a, b, c, d

    found = _answers(ask)
    found[_KEPT] = xgetbv() if found[1, 0][2] >> 27 & 1 else 0, 0, 0, 0
    return found


def _answers(ask: Callable[[int, int], Registers]) -> Answers:
    """The answers to what LLVM reads, without those that tell the cores of a CPU apart."""
    found = {}
    for first, leaves in _LEAVES.items():
        found[first, 0] = ask(first, 0)
        for leaf, part in leaves:
            # Beyond the last leaf there is no answer, or another leaf's. Leaf 7 has parts; the first tells the last.
            if leaf <= found[first, 0][0] and ((leaf, part) != (7, 1) or found[7, 0][0] >= 1):
                found[leaf, part] = ask(leaf, part)
    a, _, c, d = found[1, 0]
    found[1, 0] = a, 0, c, d
    return found


@functools.cache
def identity() -> tuple[str, ...]:
    """Everything about this CPU that its code depends on. Where cpuid cannot be run, llvmlite is needed.

    LLVM tells CPUs and their features apart by cpuid alone: equal answers mean equal code, and CPUs that differ in any
    feature have different answers. What a virtual machine, or the system, hides is hidden from both.
    """
    answers = cpuid()
    if answers is None:
        import llvmlite.binding as llvm

        return llvm.get_default_triple(), *host()
    system = platform.machine(), getattr(sys.implementation, "_multiarch", "")  # such as x86_64-linux-gnu
    return *system, "any" if _is_any() else repr(answers)


def _is_any() -> bool:
    """Whether code is for any CPU of this family, with vectors of 128 bits: slower; tests run on it too."""
    return os.environ.get("STEPGRAD_VECTOR_BITS") == "128"


@functools.cache
def host() -> tuple[str, str]:
    """The name of the CPU that code is for and its features, as LLVM names them; no features where it cannot tell.

    With the environment variable STEPGRAD_VECTOR_BITS=128 it is any CPU of this kind.
    """
    import llvmlite.binding as llvm

    if _is_any():
        return {"x86_64": "x86-64", "AMD64": "x86-64"}.get(platform.machine(), "generic"), ""
    try:
        return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    except RuntimeError:
        return llvm.get_host_cpu_name(), ""


def family() -> str:
    """The kind of processor, as LLVM calls it."""
    if IS_SUPPORTED:
        return "x86_64"
    import llvmlite.binding as llvm

    return str(llvm.get_default_triple()).split("-")[0]


@functools.cache
def vector_bytes() -> int:
    """Bytes in one vector register of this CPU."""
    if _is_any():
        return 16
    found = cpuid()
    if found is None:
        features = host()[1].split(",")
        return 64 if "+avx512f" in features else 32 if "+avx" in features else 16
    # As LLVM decides: the CPU has them, and the system saves all of them for each thread.
    kept = found[_KEPT][0]
    if not (found[1, 0][2] >> 28 & 1 and kept & 0x06 == 0x06):
        return 16
    return 64 if found.get((7, 0), (0, 0))[1] >> 16 & 1 and kept & 0xE0 == 0xE0 else 32
