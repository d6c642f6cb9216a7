"""Makes machine code of several modules at the same time.

llvmlite calls LLVM under a lock, since most of its users share one context. LLVM itself asks for no lock where contexts
and target machines are not shared; so the longest call, in which modules become machine code, is made without it.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

_NAME = "LLVMPY_TargetMachineEmitToMemory"
_OBJECT = 1  # what is wanted: 0 would be assembler


def emit(machine: Any, module: Any) -> bytes:
    """The object code of a module.

    Args:
        machine: of llvmlite's; no other module has it at the same time.
        module: in a context that no other module has.
    """
    from llvmlite.binding import ffi

    function = _without_lock()
    if function is not None:
        with ffi.OutputString() as message:
            buffer = function(machine, module, _OBJECT, message)
        if buffer:
            try:
                return ctypes.string_at(ffi.lib.LLVMPY_GetBufferStart(buffer), ffi.lib.LLVMPY_GetBufferSize(buffer))
            finally:
                ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)
    code: bytes = machine.emit_object(module)  # where LLVM refuses, this says why
    return code


@functools.cache
def _without_lock() -> Any:
    """The function of llvmlite's library that emits code; None where it is not as it is known here."""
    from llvmlite.binding import ffi

    try:
        locked = getattr(ffi.lib, _NAME)
        function = ctypes.CDLL(ffi.lib._name, handle=ffi.lib._handle)[_NAME]  # the public names of a library
        kinds = list(locked.argtypes), locked.restype
    except (AttributeError, TypeError):
        return None
    text = ctypes.POINTER(ctypes.c_char_p)
    known = [ffi.LLVMTargetMachineRef, ffi.LLVMModuleRef, ctypes.c_int, text], ffi.LLVMMemoryBufferRef
    if kinds != known:
        return None
    function.argtypes, function.restype = kinds
    return function
