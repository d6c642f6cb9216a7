"""What a function asks the world outside of Python: files, the clock, the system, other processes, settings of Python.

A program would keep the answers that were given while it was traced, and nothing tells when they become others: so the
calls are refused. Python's profiling shows them, in whatever code they stand, in the second of the two runs: what a
cache or an import has kept from the first one the eager function does not ask for again either. Variables of the
environment can be watched: those that are read are noted.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FrameType, ModuleType
from typing import Any, NoReturn

from ....collector import collector_at_rest
from ....modes import tracer
from ....text.callers import is_ours, is_users
from ...errors import refusal
from ..given.asking import TRACE
from ..given.truth_tests import is_truth_tested
from ..given.type_calls import types_refused

environment: Mapping[Any, Any] = vars(os.environ)["_data"]
"""The variables as the system names them: a dict that is read in a tenth of the time that `os.environ` takes."""

variables: dict[CodeType, dict[Any, None]] = {}
"""Those that traced functions have read, by the user's code that did: their keys in `environment`, `WHOLE` for all."""

WHOLE = object()

_FIX = (
    "A compiled function would keep the answer that it got while it was traced: ask outside of the function, and pass "
    "what you get as an argument, or set a variable or attribute that the function reads, which is watched."
)
FIX_TYPE = (
    "While a function is compiled its inputs and parameters are no numbers yet: write isinstance(x, int), which is "
    "answered as for the numbers that are given, or ask outside of the function."
)
_FIX_TRUTH = (
    "While a function is compiled a condition is neither True nor False: write where(condition, a, b) for a choice, "
    "where a number that is given as a bool is a condition as it is."
)
_FIX_TEXT = (
    "While a function is compiled its inputs and parameters have no numbers yet. Choose by where(condition, a, b) or "
    "take(index, values). To see what stands for them, give them to print or logging as they are: print('x is', x)."
)
_QUIET = {
    *("fspath", "strerror", "register_at_fork", "write", "writev", "close", "fsync", "mkdir", "rmdir", "remove"),
    *("unlink", "rename", "replace", "putenv", "unsetenv"),
}  # of the system: they tell nothing that a function could compute with
_FILE = ("reads a file", lambda name: name.startswith(("open", "read", "peek")))
_SYSTEM = ("asks the operating system", lambda name: name not in _QUIET and not name.startswith("_path_"))
_NETWORK = ("asks the network", lambda name: True)
_PROCESS = ("asks another process", lambda name: True)
_FRAMES = frozenset({"_getframe", "_current_frames"})
_ASKING: dict[str, tuple[str, Callable[[str], bool]]] = {
    "time": ("reads the clock", lambda name: name not in ("sleep", "mktime")),
    "datetime": ("reads the clock", {"now", "today", "utcnow"}.__contains__),
    "posix": _SYSTEM,
    "nt": _SYSTEM,
    "resource": _SYSTEM,
    "pwd": _SYSTEM,
    "io": _FILE,
    "_io": _FILE,
    "numpy._core._multiarray_umath": (
        "reads a file, or a setting of NumPy",
        {"fromfile", "_get_extobj_dict"}.__contains__,
    ),
    "numpy.core._multiarray_umath": ("reads a file", {"fromfile"}.__contains__),  # before NumPy 2
    "_sqlite3": ("reads a file", lambda name: True),
    "sqlite3": ("reads a file", lambda name: True),
    "_socket": _NETWORK,
    "_ssl": _NETWORK,
    "select": _NETWORK,
    "_posixsubprocess": _PROCESS,
    "_winapi": _PROCESS,
    "builtins": ("asks for what no code names", {"__import__", "eval", "exec", "globals", "input"}.__contains__),
    "sys": (
        "reads a setting of Python",
        {"getrecursionlimit", "getswitchinterval", "getrefcount", "getallocatedblocks", *_FRAMES}.__contains__,
    ),
    "gc": ("reads a setting of Python", {"isenabled", "get_count", "get_stats", "get_threshold"}.__contains__),
}
"""Of modules written in C, and of the classes in them: what a call of their functions does, and which of them do."""

_REPORTING = (
    "<frozen importlib",
    *(
        os.path.join(os.path.dirname(os.__file__), name)
        for name in (os.path.join("logging", ""), "warnings.py", "linecache.py", "traceback.py", "tokenize.py")
    ),
)
_WATCHING = os.path.join(os.path.dirname(os.path.dirname(__file__)), "watching.py")
_TEXTS = frozenset({"__repr__", "__str__", "__format__"})
_WRITING = frozenset({"write", "writelines", "flush"})
_OF_OS = vars(os)
_IMPORT = importlib.import_module.__code__  # the imports of statements are watched


@contextmanager
def refused(tests_truth: bool = False) -> Iterator[None]:
    """Refuse, in this thread, calls that ask the world outside, or a symbol's type; note the variables that are read.

    Imports may look for files, and messages may tell the time: what `logging`, `warnings` and a `write` ask for is
    theirs. Another profiler goes on with what runs here, or, if it is `cProfile` before Python 3.12, after it.

    Args:
        tests_truth: whether some code may compare by `is` with True or False, where that is refused for symbols.

    Raises:
        TraceError: where the call stands.
    """
    before, go_on = _profiler()
    printing = False
    harmless: dict[int, CodeType] = {}  # by id: to compare code, or find its hash, takes longer than to look at it
    kinds: dict[type, tuple[str, Callable[[str], bool]] | None] = {}

    def see(frame: FrameType, event: Any, function: Any) -> None:
        nonlocal printing
        if before is not None:
            before(frame, event, function)
        if event == "c_call":
            if function is print:
                printing = True
            owner = function.__self__
            kind = type(owner)
            if kind is ModuleType:
                asking = _ASKING.get(owner.__name__)
            elif kind in kinds:
                asking = kinds[kind]
            else:
                asking = _asking(owner if isinstance(owner, type) else kind)
                if not isinstance(owner, type):
                    kinds[kind] = asking
            if asking is not None and asking[1](function.__name__) and not _is_harmless(frame, function):
                error = refusal(f"the function {asking[0]} ({function.__name__})", _FIX)
                if before is None:  # an error from here would confuse another profiler; it is raised in the end
                    raise error
        elif event == "call":
            code = frame.f_code
            if frame.f_globals is _OF_OS:
                _note(frame)
            elif id(code) in harmless:
                return
            elif code is _IMPORT:
                if frame.f_back and is_users(frame.f_back.f_code.co_filename):
                    raise refusal(f"the function {_ASKING['builtins'][0]} ({_IMPORT.co_name})", _FIX)
            elif code.co_name in _TEXTS:
                if not printing:
                    _refuse_text(frame)
            elif "type" in code.co_names and is_users(code.co_filename):
                ask_there(frame.f_globals)
            else:
                harmless[id(code)] = code
        elif tests_truth and event == "return" and is_truth_tested(frame, function):
            raise refusal("the function compares a condition by `is` with True or False, or in a pattern", _FIX_TRUTH)
        elif function is print:  # it has returned, or raised
            printing = False

    # What others do when the collector comes by is not the function's.
    with collector_at_rest(), types_refused(_refuse_type) as ask_there:
        try:
            sys.setprofile(see)
            yield
        finally:
            go_on()


def _refuse_text(frame: Any) -> None:
    """Refuse that the user's code writes what has no number yet, to compute with the text."""
    watch, written, asking = tracer.get(), frame.f_locals.get("self"), frame
    if watch is None or not watch.is_bound(written) or _is_harmless(frame, None):
        return
    while asking.f_code.co_name in _TEXTS or asking.f_code.co_filename == _WATCHING:
        asking = asking.f_back
    if not is_ours(asking.f_code.co_filename):
        raise refusal("the function makes a text of a number that it has not got yet (str, repr, format)", _FIX_TEXT)


def _refuse_type() -> NoReturn:
    raise refusal("the function asks for the type of a number", FIX_TYPE)


def _profiler() -> tuple[Callable[..., Any] | None, Callable[[], Any]]:
    """The profiler in Python that runs at present, if one does; and what lets any profiler go on after another one."""
    running: Any = sys.getprofile()
    if running is None or callable(running):
        return running, lambda: sys.setprofile(running)
    return None, running.enable  # of cProfile: it stands beside what it has begun to measure


def _asking(kind: type) -> tuple[str, Callable[[str], bool]] | None:
    """What methods of a class do, if it or a base is written in C and asks; files in memory are Python's own."""
    if issubclass(kind, (io.StringIO, io.BytesIO)):
        return None
    found = (_ASKING.get(base.__module__) for base in kind.__mro__ if base is not object)
    return next((asking for asking in found if asking is not None), None)


def _is_harmless(frame: FrameType | None, function: Any) -> bool:
    """Whether Python's own code evaluates a text, or somebody imports or writes a message, here or further out."""
    of_library = frame is not None and not is_users(frame.f_code.co_filename)
    if of_library and (function in (eval, exec, __import__) or getattr(function, "__name__", "") in _FRAMES):
        return True
    while frame is not None and frame.f_code.co_filename != TRACE:  # from where the function is called
        if frame.f_code.co_filename.startswith(_REPORTING) or _is_of_a_stream(frame):
            return True
        frame = frame.f_back
    return False


def _is_of_a_stream(frame: FrameType) -> bool:
    """Whether this is a method that writes, of what can be printed to; a layer may have one of that name."""
    stream = type(frame.f_locals.get("self"))
    return frame.f_code.co_name in _WRITING and hasattr(stream, "write") and hasattr(stream, "flush")


def _note(frame: FrameType) -> None:
    """Note which variable of the environment is read here, if this is a method of it."""
    arguments, method = frame.f_locals, frame.f_code.co_name
    if not isinstance(arguments.get("self"), type(os.environ)) or method in ("__setitem__", "__delitem__"):
        return
    name = WHOLE
    if method == "__getitem__":
        try:
            name = arguments["self"].encodekey(arguments["key"])
        except TypeError:  # no name of a variable, as the user is about to be told
            return
    reader: FrameType | None = frame
    while reader is not None and reader.f_code.co_filename != TRACE:
        if is_users(reader.f_code.co_filename):
            variables.setdefault(reader.f_code, {})[name] = None
        reader = reader.f_back


def count_of_variables() -> int:
    """How many were noted so far."""
    return sum(map(len, variables.values()))
