"""What a function asks the world outside Python: files, the clock, the system, other processes, settings of Python.

A program would keep the answers it got while it was traced, and nothing tells when they change: so such calls are
refused. Python's profiling hook shows them, in whatever code they are, in the second of the two runs: what a cache or
an import has kept from the first, the eager function does not ask for again either. Environment variables can be
watched, so those that are read are noted.
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
from ..given.asking import RUNS
from ..given.identity_tests import is_identity_tested
from ..given.truth_tests import is_truth_tested
from ..given.type_calls import types_refused

environment: Mapping[Any, Any] = vars(os.environ)["_data"]
"""Environment variables by their system names: a dict that is read in a tenth of the time of `os.environ`."""

variables: dict[CodeType, dict[Any, None]] = {}
"""The variables that each code of the user's has read in a trace: keys of `environment`, or `WHOLE` for all."""

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
_FIX_IDENTITY = (
    "That depends on how samples are held and results are made: write where(x == y, a, b), compare their positions, or "
    "ask outside of the function."
)
_FIX_TEXT = (
    "While a function is compiled its inputs and parameters have no numbers yet. Choose by where(condition, a, b) or "
    "take(index, values). To see what stands for them, give them to print or logging as they are: print('x is', x)."
)
_QUIET = {
    *("fspath", "strerror", "register_at_fork", "write", "writev", "close", "fsync", "mkdir", "rmdir", "remove"),
    *("unlink", "rename", "replace", "putenv", "unsetenv"),
}  # of the system, but giving nothing that a function could compute with
_FILE = ("reads a file", lambda name: name.startswith(("open", "read", "peek")))
_SYSTEM = ("asks the operating system", lambda name: name not in _QUIET and not name.startswith("_path_"))
_NETWORK = ("asks the network", lambda name: True)
_PROCESS = ("asks another process", lambda name: True)
_FRAMES = frozenset({"_getframe", "_current_frames"})
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
    "_locale": ("reads a setting of the system", lambda name: True),
    "_signal": ("reads a setting of Python", {"getsignal", "getitimer", "alarm", "sigpending"}.__contains__),
    "_queue": ("asks a queue", {"empty", "qsize", "get", "get_nowait"}.__contains__),
    "_thread": ("asks for other threads", {"locked", "_count"}.__contains__),
    "_socket": _NETWORK,
    "_ssl": _NETWORK,
    "select": _NETWORK,
    "_posixsubprocess": _PROCESS,
    "_winapi": _PROCESS,
    "builtins": ("asks for what no code names", {"__import__", "eval", "exec", "globals", "input"}.__contains__),
    "_pickle": ("asks for what no code names", {"load", "loads"}.__contains__),
    "sys": (
        "reads a setting of Python",
        (_SETTINGS | _FRAMES).__contains__,
    ),
    "gc": ("reads a setting of Python", {"isenabled", "get_count", "get_stats", "get_threshold"}.__contains__),
}
"""For modules written in C, and classes in them: what a call does, and which of their functions do it."""

_REPORTING = (
    "<frozen importlib",
    *(
        os.path.join(os.path.dirname(os.__file__), name)
        for name in (os.path.join("logging", ""), "warnings.py", "linecache.py", "traceback.py", "tokenize.py")
    ),
)
_WATCHING = os.path.join(os.path.dirname(os.path.dirname(__file__)), "watching.py")
_OF_ANNOTATIONS = frozenset({"typing", "inspect"})
"""Modules that evaluate annotations, which are strings there: no code names what these name."""
_TEXTS = frozenset({"__repr__", "__str__", "__format__"})
_WRITING = frozenset({"write", "writelines", "flush"})
_OF_OS = vars(os)
_IMPORTS = frozenset(id(each.__code__) for each in (importlib.import_module, importlib.__import__, importlib.reload))
"""Of the code that imports a module by a name that is computed; the imports of statements are watched."""


@contextmanager
def refused(tests_truth: bool = False, tests_identity: bool = False) -> Iterator[None]:
    """Refuse, in this thread, calls that ask the world outside, or a symbol's type; note environment variables.

    Imports may look for files, and messages may tell the time: what `logging`, `warnings` and a `write` ask for is
    their own business. Another profiler continues with what runs here, or, if it is `cProfile` before Python 3.12,
    after it.

    Args:
        tests_truth: whether some code may compare by `is` with True or False, which is refused for symbols.
        tests_identity: whether some may compare two things by `is` or `id`, which is refused for symbols, too.

    Raises:
        TraceError: at the line of the call.
    """
    before, go_on = _profiler()
    # What others do during a garbage collection is not the function's.
    with collector_at_rest(), types_refused(_refuse_type) as ask_there:
        try:
            sys.setprofile(_hook(before, tests_truth, tests_identity, ask_there))
            yield
        finally:
            go_on()


def _hook(
    before: Callable[..., Any] | None,
    tests_truth: bool,
    tests_identity: bool,
    ask_there: Callable[[dict[str, Any]], None],
) -> Callable[[FrameType, Any, Any], None]:
    """The hook for a trace: a single function, since it is called at every event.

    It also calls the hook of the profiler that ran `before`; `ask_there` has calls of `type` refused in code with some
    globals. For the others see `refused`.
    """
    printing = False
    harmless: dict[int, CodeType] = {}  # by id: comparing code, or hashing it, takes longer than examining it
    kinds: dict[type, tuple[str, Callable[[str], bool]] | None] = {}

    def examined(owner: Any) -> tuple[str, Callable[[str], bool]] | None:
        """What the methods of a class, or of an object, ask; for objects it is remembered by class."""
        if isinstance(owner, type):
            return _asking(owner)
        found = kinds[type(owner)] = _asking(type(owner))
        return found

    def called(frame: FrameType, code: CodeType) -> None:
        """See a call of Python code that is not known to be harmless: each question is asked of all code."""
        imports, makes_text = id(code) in _IMPORTS, code.co_name in _TEXTS
        asks_type = "type" in code.co_names and is_users(code.co_filename)
        if imports and _is_for_the_user(frame.f_back):
            raise refusal(f"the function {_ASKING['builtins'][0]} ({code.co_name})", _FIX)
        if makes_text and not printing and not _is_harmless(frame, None):
            _refuse_text(frame)
        if asks_type:
            ask_there(frame.f_globals)
        if not (imports or makes_text or asks_type):
            harmless[id(code)] = code

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
            else:
                asking = kinds[kind] if kind in kinds else examined(owner)
            if asking is not None and asking[1](function.__name__) and not _is_harmless(frame, function):
                error = refusal(f"the function {asking[0]} ({function.__name__})", _FIX)
                if before is None:  # an error from here would confuse another profiler; it is raised at the end
                    raise error
        elif event == "call":
            if frame.f_globals is _OF_OS:
                _note(frame)
            elif id(frame.f_code) not in harmless:
                called(frame, frame.f_code)
        elif tests_truth and event == "return" and is_truth_tested(frame, function):
            raise refusal("the function compares a condition by `is` with True or False, or in a pattern", _FIX_TRUTH)
        elif tests_identity and event == "return" and is_identity_tested(frame):
            raise refusal(
                "the function asks by `is` or `id` whether two numbers, or rows of them, are one", _FIX_IDENTITY
            )
        elif function is print:  # it has returned, or raised
            printing = False

    return see


def _refuse_text(frame: Any) -> None:
    """Refuse to let the user's code turn into text what has no number yet, to compute with the text."""
    watch, written, asking = tracer.get(), frame.f_locals.get("self"), frame
    if watch is None or not watch.is_bound(written):
        return
    while asking.f_code.co_name in _TEXTS or asking.f_code.co_filename == _WATCHING:
        asking = asking.f_back
    if not is_ours(asking.f_code.co_filename):
        raise refusal("the function makes a text of a number that it has not got yet (str, repr, format)", _FIX_TEXT)


def _refuse_type() -> NoReturn:
    raise refusal("the function asks for the type of a number", FIX_TYPE)


def _profiler() -> tuple[Callable[..., Any] | None, Callable[[], Any]]:
    """The running profiler, if it is written in Python; and a function that lets any profiler continue."""
    running: Any = sys.getprofile()
    if running is None or callable(running):
        return running, lambda: sys.setprofile(running)
    return None, running.enable  # cProfile's: it is kept beside what it has begun to measure


def _asking(kind: type) -> tuple[str, Callable[[str], bool]] | None:
    """What methods of a class ask, if it or a base is written in C; files in memory are Python's own."""
    if issubclass(kind, (io.StringIO, io.BytesIO)):
        return None
    found = (_ASKING.get(base.__module__) for base in kind.__mro__ if base is not object)
    return next((asking for asking in found if asking is not None), None)


def _is_harmless(frame: FrameType | None, function: Any) -> bool:
    """Whether Python's own code evaluates a string, or this is part of an import or of writing a message."""
    if frame is not None and not is_users(frame.f_code.co_filename):
        evaluates = function in (eval, exec) and frame.f_globals.get("__name__") not in _OF_ANNOTATIONS
        if evaluates or getattr(function, "__name__", "") in _FRAMES:
            return True
    if function is __import__ and not _is_for_the_user(frame):
        return True
    while frame is not None and frame.f_code.co_filename != RUNS:  # from where the function is called
        if frame.f_code.co_filename.startswith(_REPORTING) or _is_of_a_stream(frame):
            return True
        frame = frame.f_back
    return False


def _is_for_the_user(frame: FrameType | None) -> bool:
    """Whether a module is imported by a name from the user's code, and not by a library that loads one of its own.

    Libraries do so at the top of a module, or when an attribute is read for the first time.
    """
    while frame is not None and not is_users(frame.f_code.co_filename):
        if frame.f_code.co_name in ("<module>", "__getattr__") or frame.f_code.co_filename == RUNS:
            return False
        frame = frame.f_back
    return frame is not None


def _is_of_a_stream(frame: FrameType) -> bool:
    """Whether this is the `write` of a stream; a layer may have a method of that name too."""
    stream = type(frame.f_locals.get("self"))
    return frame.f_code.co_name in _WRITING and hasattr(stream, "write") and hasattr(stream, "flush")


def _note(frame: FrameType) -> None:
    """Note the environment variable that is read here, if this is a method of the environment."""
    arguments, method = frame.f_locals, frame.f_code.co_name
    if not isinstance(arguments.get("self"), type(os.environ)) or method in ("__setitem__", "__delitem__"):
        return
    name = WHOLE
    if method == "__getitem__":
        try:
            name = arguments["self"].encodekey(arguments["key"])
        except TypeError:  # not the name of a variable, as the user is about to be told
            return
    reader: FrameType | None = frame
    while reader is not None and reader.f_code.co_filename != RUNS:
        if is_users(reader.f_code.co_filename):
            variables.setdefault(reader.f_code, {})[name] = None
        reader = reader.f_back


def count_of_variables() -> int:
    """How many variables have been noted so far."""
    return sum(map(len, variables.values()))
