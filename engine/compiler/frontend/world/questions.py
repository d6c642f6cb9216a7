"""The calls that ask the world outside Python: of functions written in C, which Python's own library calls too."""

from __future__ import annotations

import importlib
import inspect
import io
import random
import threading
from collections.abc import Callable
from types import FrameType
from typing import NamedTuple


class Question(NamedTuple):
    """What the functions of a module ask, or the methods of a class.

    Attributes:
        does: in words, what a function does that asks it.
        is_asked_by: whether the function of a name asks it.
    """

    does: str
    is_asked_by: Callable[[str], bool]


def _everything(name: str) -> bool:
    return True


FRAMES = frozenset({"_getframe", "_current_frames"})
OF_LIBRARY = FRAMES | {"getrecursionlimit"}
"""What Python's own code asks for itself, as `inspect.signature` asks how far functions may wrap others."""
_SETTINGS = frozenset(
    {
        "getrecursionlimit",
        "getswitchinterval",
        "getrefcount",
        "getallocatedblocks",
        "gettrace",
        "get_int_max_str_digits",
    }
)
_OF_THE_COLLECTOR = frozenset(
    {"isenabled", "get_count", "get_stats", "get_threshold", "get_debug", "get_freeze_count", "get_objects"}
    | {"collect", "get_referrers"}
)
_QUIET = frozenset(
    {
        *("fspath", "strerror", "register_at_fork", "write", "writev", "close", "fsync", "mkdir", "rmdir", "remove"),
        *("unlink", "rename", "replace", "putenv", "unsetenv"),
    }
)
"""Functions of the system whose results are of no use to a computation."""

_FILE = Question("reads a file", lambda name: name.startswith(("open", "read", "peek")))
_DATABASE = Question("reads a file", _everything)
_PRINTED = Question(
    "reads back what it printed of numbers that are not known yet",
    {"getvalue", "read", "readline", "readlines"}.__contains__,
)
_SYSTEM = Question("asks the operating system", lambda name: name not in _QUIET and not name.startswith("_path_"))
_NETWORK = Question("asks the network", _everything)
_PROCESS = Question("asks another process", _everything)
THREADS = "asks for other threads"
UNNAMED = "asks for something that its code does not name"

QUESTIONS = {
    "time": Question("reads the clock", lambda name: name not in ("sleep", "mktime")),
    "datetime": Question("reads the clock", {"now", "today", "utcnow"}.__contains__),
    "_uuid": Question("reads the clock", _everything),
    "posix": _SYSTEM,
    "nt": _SYSTEM,
    "resource": _SYSTEM,
    "pwd": _SYSTEM,
    "grp": _SYSTEM,
    "fcntl": _SYSTEM,
    "termios": _SYSTEM,
    "winreg": _SYSTEM,
    "io": _FILE,
    "_io": _FILE,
    "numpy._core._multiarray_umath": Question(
        "reads a file, or a setting of NumPy", {"fromfile", "_get_extobj_dict"}.__contains__
    ),
    "numpy.core._multiarray_umath": Question("reads a file", {"fromfile"}.__contains__),  # before NumPy 2
    "_sqlite3": _DATABASE,
    "sqlite3": _DATABASE,
    "_locale": Question("reads a setting of the system", _everything),
    "_signal": Question("reads a setting of Python", {"getsignal", "getitimer", "alarm", "sigpending"}.__contains__),
    "_queue": Question("asks a queue", {"empty", "qsize", "get", "get_nowait"}.__contains__),
    "_thread": Question(THREADS, {"locked", "_count"}.__contains__),
    "_weakref": Question("counts weak references", {"getweakrefcount", "getweakrefs"}.__contains__),
    "functools": Question("asks a cache what it has kept", {"cache_info"}.__contains__),
    "_socket": _NETWORK,
    "_ssl": _NETWORK,
    "select": _NETWORK,
    "_posixsubprocess": _PROCESS,
    "_winapi": _PROCESS,
    "builtins": Question(UNNAMED, {"__import__", "eval", "exec", "globals", "input"}.__contains__),
    "_pickle": Question(UNNAMED, {"load", "loads"}.__contains__),
    "sys": Question("reads a setting of Python", (_SETTINGS | FRAMES).__contains__),
    "gc": Question("asks the garbage collector", _OF_THE_COLLECTOR.__contains__),
    "_tracemalloc": Question("reads a setting of Python", lambda name: name.startswith(("get_", "is"))),
}
"""By the `__name__` of a module written in C, which is the `__module__` of classes in it."""

IN_PYTHON: dict[int, str] = {
    **{id(each.__code__): UNNAMED for each in (importlib.import_module, importlib.__import__, importlib.reload)},
    id(inspect.currentframe.__code__): UNNAMED,
    **{id(each.__code__): THREADS for each in (threading.active_count, threading.enumerate)},
    id(random.Random.seed.__code__): "asks the operating system",
}
"""By the id of Python's own code that asks, what it does: imports by a computed name (others are watched), ..."""


def asks_in_python(frame: FrameType) -> bool:
    """Whether a call of such code asks: that of `seed` does only where none is given, as in ``Random()``."""
    return frame.f_code is not random.Random.seed.__code__ or frame.f_locals["a"] is None


def question_of(kind: type) -> Question | None:
    """What methods of a class ask, if it or a base is in `QUESTIONS`; of files in memory, only those of texts ask."""
    if issubclass(kind, (io.StringIO, io.BytesIO)):
        return _PRINTED if issubclass(kind, io.StringIO) else None
    found = (QUESTIONS.get(base.__module__) for base in kind.__mro__ if base is not object)
    return next((question for question in found if question is not None), None)
