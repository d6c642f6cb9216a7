"""Python's profiling hook, which refuses what a function asks the world outside, or symbols for their types and texts.

A program would keep the answers that it got while it was traced, and nothing tells when they change: so such calls are
refused. The hook sees them in any code. It runs only in the second of the two runs: what a cache or an import has kept
from the first one, the eager function does not ask for again either.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, ModuleType
from typing import Any, NoReturn, TypeAlias

from ....modes import tracer
from ....process.collector import collector_at_rest
from ....text.callers import is_ours, is_users
from ...errors import refusal
from ..given.identity_tests import is_identity_tested
from ..given.truth_tests import is_truth_tested
from ..given.type_calls import has_symbols, types_refused
from . import variables
from .excuses import is_excused, is_for_the_user
from .questions import IN_PYTHON, QUESTIONS, Question, asks_in_python, question_of

_FIX = (
    "A compiled function would keep the answer that it got while it was traced: ask outside of the function, and pass "
    "what you get as an argument, or set a variable or attribute that the function reads, which is watched."
)
FIX_TYPE = (
    "While a function is compiled its inputs and parameters are not numbers yet: write isinstance(x, int), which is "
    "answered as for the numbers that are given, or ask outside of the function."
)
_FIX_TRUTH = (
    "While a function is compiled a condition is neither True nor False: write where(condition, a, b) for a choice; "
    "a number that is given as a bool is such a condition."
)
_FIX_IDENTITY = (
    "That depends on how samples are held and results are made: write where(x == y, a, b), compare their positions, or "
    "ask outside of the function."
)
_FIX_TEXT = (
    "While a function is compiled its inputs and parameters have no numbers yet. Choose by where(condition, a, b) or "
    "take(index, values). To see what stands for them, give them to print or logging as they are: print('x is', x)."
)
_FIX_FLOATS = (
    "NumPy looks for nan and inf only in floats, and leaves what has no number yet as it is: write where(x != x, 0.0, "
    "x), or do that outside of the function."
)
_TEXTS = frozenset({"__repr__", "__str__", "__format__"})
_OF_FLOATS = frozenset({"nan_to_num", "asarray_chkfinite"})
"""NumPy's functions that do something to arrays of floats, and nothing to those of objects such as symbols."""
_WATCHING = os.path.join(os.path.dirname(os.path.dirname(__file__)), "watching.py")
_OF_OS = vars(os)

_Rule: TypeAlias = Callable[[FrameType], None]
"""Looks at a call of Python code."""


@contextmanager
def refused(tests_truth: bool = False, tests_identity: bool = False) -> Iterator[None]:
    """Refuse, in this thread, calls that ask the world outside, or a symbol's type; note environment variables.

    Imports may look for files, and messages may tell the time: what `logging`, `warnings` and a `write` ask for is
    their own business. Another profiler also sees what runs here; `cProfile` before Python 3.12 goes on only after it.

    Args:
        tests_truth: whether some code may compare by `is` with True or False, which is refused for symbols.
        tests_identity: whether some code may compare two things by `is` or `id`, which is refused for symbols too.

    Raises:
        TraceError: at the line of the call.
    """
    before, go_on = _profiler()
    # What runs in a garbage collection is not the function's doing.
    with collector_at_rest(), types_refused(_refuse_type) as ask_there:
        try:
            sys.setprofile(_Hook(before, tests_truth, tests_identity, ask_there).see)
            yield
        finally:
            go_on()


class _Hook:
    """The hook for a trace: its method `see` is called at every event.

    Args:
        before: the hook of the profiler that ran before, which is called too.
        tests_truth, tests_identity: see `refused`.
        ask_there: makes `type` refuse symbols in the code of some globals.
    """

    def __init__(
        self,
        before: Callable[..., Any] | None,
        tests_truth: bool,
        tests_identity: bool,
        ask_there: Callable[[dict[str, Any]], None],
    ) -> None:
        self._before, self._ask_there = before, ask_there
        self._tests_truth, self._tests_identity = tests_truth, tests_identity
        self._printing = False
        self._rules: dict[int, tuple[CodeType, list[_Rule]]] = {}  # by id, since hashing and comparing code take longer
        self._kinds: dict[type, Question | None] = {}  # by class, what methods of its objects ask

    def see(self, frame: FrameType, event: str, subject: Any) -> None:
        """Look at an event; `subject` is the function written in C that is called or left, or what code returns."""
        if self._before is not None:
            self._before(frame, event, subject)
        if event == "call":
            self._enter(frame)
        elif event == "c_call":
            self._call(frame, subject)
        elif event == "return":
            if self._tests_truth and is_truth_tested(frame, subject):
                raise refusal(
                    "the function compares a condition by `is` with True or False, or in a pattern", _FIX_TRUTH
                )
        elif subject is print:  # it has returned, or raised
            self._printing = False
        if self._tests_identity and event in ("call", "return") and is_identity_tested(frame, subject):
            raise refusal(
                "the function asks by `is` or `id` whether two numbers, or rows of them, are one object", _FIX_IDENTITY
            )

    def _call(self, frame: FrameType, function: Any) -> None:
        """Look at a call of a function written in C."""
        if function is print:
            self._printing = True
        question = self._question_of(function.__self__)
        if question is not None and question.is_asked_by(function.__name__) and not is_excused(frame, function):
            error = refusal(f"the function {question.does} ({function.__name__})", _FIX)
            if self._before is None:  # an error from here would confuse another profiler; it is raised at the end
                raise error

    def _question_of(self, owner: Any) -> Question | None:
        """What functions of a module, or methods of a class or an object, ask."""
        kind = type(owner)
        if kind is ModuleType:
            return QUESTIONS.get(owner.__name__)
        if issubclass(kind, type):
            return question_of(owner)
        if kind not in self._kinds:
            self._kinds[kind] = question_of(kind)
        return self._kinds[kind]

    def _enter(self, frame: FrameType) -> None:
        """Look at a call of Python code."""
        if frame.f_globals is _OF_OS:
            variables.note(frame)
        code = frame.f_code
        if id(code) not in self._rules:
            self._rules[id(code)] = code, [*self._rules_for(code)]
        for rule in self._rules[id(code)][1]:
            rule(frame)

    def _rules_for(self, code: CodeType) -> Iterator[_Rule]:
        """The rules for calls of some code: nearly always none."""
        if id(code) in IN_PYTHON:
            yield _refuse_question
        if code.co_name in _TEXTS:
            yield self._refuse_text
        if "type" in code.co_names and is_users(code.co_filename):
            yield lambda frame: self._ask_there(frame.f_globals)
        if code.co_name in _OF_FLOATS and "numpy" in code.co_filename:
            yield _refuse_symbols

    def _refuse_text(self, frame: Any) -> None:
        """Refuse to turn what has no number yet into text for the user's code, which might compute with it."""
        watch, written, asking = tracer.get(), frame.f_locals.get("self"), frame
        if self._printing or watch is None or not watch.is_bound(written) or is_excused(frame, None):
            return
        while asking.f_code.co_name in _TEXTS or asking.f_code.co_filename == _WATCHING:
            asking = asking.f_back
        if not is_ours(asking.f_code.co_filename):
            raise refusal("the function turns a number that is not known yet into text (str, repr, format)", _FIX_TEXT)


def _refuse_question(frame: FrameType) -> None:
    """Refuse what Python's own code asks on behalf of the user's."""
    code = frame.f_code
    if asks_in_python(frame) and is_for_the_user(frame.f_back):
        raise refusal(f"the function {IN_PYTHON[id(code)]} ({code.co_name})", _FIX)


def _refuse_symbols(frame: FrameType) -> None:
    """Refuse to give symbols to a function of NumPy's that would leave them as they are."""
    if any(map(_gives_symbols, frame.f_locals.values())):
        taker = frame.f_code.co_name
        raise refusal(f"the function gives numbers that are not known yet to np.{taker}", _FIX_FLOATS)


def _gives_symbols(argument: Any) -> bool:
    """Whether an argument of a NumPy function is a symbol, or holds some."""
    return has_symbols(argument.ravel().tolist() if hasattr(type(argument), "ravel") else argument)


def _refuse_type() -> NoReturn:
    raise refusal("the function asks for the type of a number", FIX_TYPE)


def _profiler() -> tuple[Callable[..., Any] | None, Callable[[], Any]]:
    """The running profiler, if it is written in Python, and a function that lets any running profiler continue."""
    running: Any = sys.getprofile()
    if running is None or callable(running):
        return running, lambda: sys.setprofile(running)
    return None, running.enable  # cProfile's, which sys.setprofile does not take
