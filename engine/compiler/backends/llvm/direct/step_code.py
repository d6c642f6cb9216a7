"""The native code of a direct step: the text of the Python functions ``run``, ``step`` and ``quick``."""

from __future__ import annotations

import math

from ....frontend.reads.word_guard import Due
from ..ir.builder import Code
from ..ir.control import Cell, leave, unless
from ..ir.vector import literal
from ..ir.words import entry, field
from ..jit.python_function import DECLARED
from . import samples_code
from .objects import DATA
from .record import FORM, HEAD_OF_WORDS, QUICK, RECORD
from .refusing import go_unless, inside, internal_function, refusal, refuse_unless

FUNCTIONS = ("run", "step")
"""With one argument, and with two."""

_AT_ONCE = 8
"""How many words are compared at a time."""


def text(bits: int) -> str:
    """LLVM IR of ``run``, ``step`` and ``quick``."""
    steps = "".join([_prepared(bits, *f) + _step(bits, f[1]) for f in enumerate(FUNCTIONS, start=1)])
    return DECLARED + samples_code.text(bits) + _unchanged() + steps + _quick(bits)


def _unchanged() -> str:
    """``unchanged``: whether all watched words are unchanged."""
    code = internal_function("unchanged", 64, ["ptr %head"], "i1")
    blocks = field(code, "%head", HEAD_OF_WORDS, "blocks")
    table = field(code, "%head", HEAD_OF_WORDS, "words")
    next_word = Cell(code, code.value(f"mul i64 {blocks}, 2"))
    refuse_unless(code, code.value(f"icmp sge i64 {blocks}, 0"))
    with code.loop(0, blocks) as block:
        head, first = code.index((block, 2)), next_word.read()
        start = entry(code, table, head, "ptr")
        count = entry(code, table, code.index(head, 1))
        next_word.write(code.index(first, count))
        expected = code.pointer(table, first, "i64")
        several, words = code.value(f"and i64 {count}, {-_AT_ONCE}"), f"<{_AT_ONCE} x i64>"
        with code.loop(0, several, _AT_ONCE) as k:
            now, then = (entry(code, base, k, words) for base in (start, expected))
            others = code.value(f"icmp ne {words} {now}, {then}")
            others = code.value(f"bitcast <{_AT_ONCE} x i1> {others} to i{_AT_ONCE}")
            refuse_unless(code, code.value(f"icmp eq i{_AT_ONCE} {others}, 0"))
        with code.loop(several, count) as k:
            now, then = (entry(code, base, k) for base in (start, expected))
            refuse_unless(code, code.value(f"icmp eq i64 {now}, {then}"))
    code.lines.append("ret i1 true")
    return refusal(code, "i1 false")


def _prepared(bits: int, arguments: int, name: str) -> str:
    """``prepared.run`` and ``prepared.step``: tell the frame where samples and labels are, if they are valid."""
    code = internal_function(f"prepared.{name}", bits, ["ptr %record", "ptr %arguments", "i1 %unchecked"], "i1")
    places = []
    for k in range(arguments):
        form = code.pointer("%record", str(len(RECORD) + k * len(FORM)), "i64")
        given = entry(code, "%arguments", str(k), "ptr")
        found = code.value(f"call ptr @brought(ptr %record, ptr {form}, ptr {given})")
        refuse_unless(code, code.value(f"icmp ne ptr {found}, null"))
        places.append((form, found))
    for form, found in places:
        checked = code.value(f"icmp sgt i64 {field(code, form, FORM, 'known')}, -1")
        with code.when(code.value(f"and i1 {checked}, %unchecked")):
            refuse_unless(code, code.value(f"call i1 @known(ptr {form}, ptr {found})"))
    for form, found in places:
        code.lines.append(f"store ptr {found}, ptr {field(code, form, FORM, 'place')}")
    code.lines.append("ret i1 true")
    return refusal(code, "i1 false")


def _python_function(name: str, bits: int) -> Code:
    """The head of a function that Python calls; its owner is a list that begins with the memory of the record."""
    code = Code(name, bits, 1, ["ptr %owner", "ptr %arguments", "i64 %count"], "ptr")
    memory = code.value("call ptr @PyList_GetItem(ptr %owner, i64 0)")
    code.lines.append(f"%record = getelementptr i8, ptr {inside(code, memory, DATA)}, i64 0")
    return code


def _are_unchanged(code: Code, words: str) -> str:
    return code.value(f"call i1 @unchanged(ptr {field(code, '%record', RECORD, words)})")


def _step(bits: int, name: str) -> str:
    """``run(X)``, or ``step(X, y)``, which Python calls as ``step(X, y, True)`` if it has checked the labels."""
    code = _python_function(name, bits)
    go_unless(code, _are_unchanged(code, "words"), "changed")
    unchecked = code.value("icmp eq i64 %count, 2")
    prepared = code.value(f"call i1 @prepared.{name}(ptr %record, ptr %arguments, i1 {unchecked})")
    go_unless(code, prepared, "refused")
    loss = Cell(code, "0.0", "double")
    frame, drive = (field(code, "%record", RECORD, name) for name in ("frame", "drive"))
    with code.when(code.value(f"icmp ne ptr {drive}, null")):
        thread = code.value("call ptr @PyEval_SaveThread()")
        loss.write(code.value(f"call double {drive}(ptr {frame})"))
        code.lines.append(f"call void @PyEval_RestoreThread(ptr {thread})")
    code.lines.append(f"ret ptr {code.value(f'call ptr @PyFloat_FromDouble(double {loss.read()})')}")
    for label, name in (("refused", "nothing"), ("changed", "no")):
        code.label(label)
        answer = field(code, "%record", RECORD, name)
        code.lines += [f"call void @Py_IncRef(ptr {answer})", f"ret ptr {answer}"]
    return code.text()


def _look_far(code: Code, fields: dict[str, str], now: str) -> None:
    """Compare the far words if it is time to; let `slow` look closely if they differ, or it is time for that."""
    place = {due: code.pointer(fields["due"], str(int(due)), "double") for due in Due}
    time = {due: code.value(f"load double, ptr {place[due]}") for due in (Due.SLOW, Due.FAR, Due.PAUSE)}
    with code.when(code.value(f"fcmp ogt double {now}, {time[Due.FAR]}"), rare=True):
        go_unless(code, code.value(f"fcmp ole double {now}, {time[Due.SLOW]}"), "slow")
        with unless(code, _are_unchanged(code, "far")):
            code.lines += [f"store double {literal(-math.inf, 64)}, ptr {place[Due.LOOK]}", "br label %slow"]
        later = code.value(f"fadd double {now}, {time[Due.PAUSE]}")
        code.lines.append(f"store double {later}, ptr {place[Due.FAR]}")


def _quick(bits: int) -> str:
    """``quick``: make a step, or call ``slow(X, y, changed)``, where `changed` says whether a word has changed."""
    code = _python_function("quick", bits)
    fields = {name: field(code, "%record", RECORD, name) for name in (*QUICK, "frame", "drive", "no", "yes")}
    code.slots.append("%changed = alloca ptr")
    code.lines.append(f"store ptr {fields['yes']}, ptr %changed")
    leave(code, code.value(f"icmp eq ptr {fields['ready']}, null"), "slow")
    time = code.value(f"call ptr @PyObject_CallNoArgs(ptr {fields['clock']})")
    leave(code, code.value(f"icmp eq ptr {time}, null"), "raised")
    now = code.value(f"call double @PyFloat_AsDouble(ptr {time})")
    code.lines.append(f"call void @Py_DecRef(ptr {time})")
    for words in ("own", "words"):
        go_unless(code, _are_unchanged(code, words), "slow")
    code.lines.append(f"store ptr {fields['no']}, ptr %changed")
    _look_far(code, fields, now)
    go_unless(code, code.value("call i1 @prepared.step(ptr %record, ptr %arguments, i1 true)"), "slow")
    loss = code.value(f"call double {fields['drive']}(ptr {fields['frame']})")
    lost = code.value(f"fsub double {loss}, {loss}")  # 0 unless it is nan or infinite
    leave(code, code.value(f"fcmp une double {lost}, 0.0"), "failed")
    code.lines.append(f"ret ptr {code.value(f'call ptr @PyFloat_FromDouble(double {loss})')}")
    code.label("failed")
    raised = code.value(f"call ptr @PyObject_CallNoArgs(ptr {fields['failed']})")
    code.lines.append(f"ret ptr {raised}")
    code.label("raised")
    code.lines.append("ret ptr null")
    code.label("slow")
    given = [entry(code, "%arguments", str(k), "ptr") for k in (0, 1)]
    given.append(code.value("load ptr, ptr %changed"))
    others = ", ".join([f"ptr {argument}" for argument in (*given, "null")])
    code.lines.append(f"call void @Py_IncRef(ptr {fields['slow']})")
    answer = code.value(f"call ptr (ptr, ...) @PyObject_CallFunctionObjArgs(ptr {fields['slow']}, {others})")
    code.lines += [f"call void @Py_DecRef(ptr {fields['slow']})", f"ret ptr {answer}"]
    return code.text()
