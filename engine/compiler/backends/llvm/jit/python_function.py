"""Native code as a Python function: called in a third of the time that ctypes takes, with its arguments unconverted.

Such a function is `ptr f(ptr owner, ptr arguments, i64 count)`. It holds the GIL, and may call the functions of
Python's stable interface that are named here.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

DECLARED = """
declare double @PyFloat_AsDouble(ptr)
declare ptr @PyFloat_FromDouble(double)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare ptr @PyList_GetItem(ptr, i64)
declare i64 @PyDict_Size(ptr)
declare i32 @PyDict_Next(ptr, ptr, ptr, ptr)
declare ptr @PyObject_GenericGetDict(ptr, ptr)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyObject_CallNoArgs(ptr)
declare ptr @PyObject_CallFunctionObjArgs(ptr, ...)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare i32 @PyGC_Disable()
declare i32 @PyGC_Enable()
"""
_FASTCALL = 0x80


class _Definition(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def address_of(name: str) -> int:
    """Where a function is in this process: one of Python's, or of the libraries that it has loaded for all.

    Raises:
        AttributeError: it has none of that name.
    """
    return ctypes.cast(ctypes.pythonapi[name], ctypes.c_void_p).value or 0


def add_symbols(llvm: ModuleType) -> None:
    """Let native code find Python's functions, wherever they are in this process."""
    for line in DECLARED.split():
        if line.startswith("@"):
            name = line[1 : line.index("(")]
            llvm.add_symbol(name, address_of(name))


@functools.cache
def _definition(name: str, address: int) -> _Definition:
    """The definition that such functions point to as long as they live; it is never freed."""
    definition = _Definition(name.encode(), address, _FASTCALL, None)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(definition))
    return definition


def python_function(name: str, address: int, owner: Any) -> Callable[..., Any]:
    """A function of Python's.

    Args:
        name: as `repr` shows it.
        address: of the native code, which lives as long as the process.
        owner: what it gets ahead of its arguments, and keeps alive.
    """
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
    found: Callable[..., Any] = make(ctypes.addressof(_definition(name, address)), owner, None)
    return found
