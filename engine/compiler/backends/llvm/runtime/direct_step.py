"""One more step of a training, on arrays or lists that are read as they are: functions of Python's in native code.

They tell by a look at each argument whether it is what the program was prepared for: an array of the same shape, in
order, whose numbers are read where they are; or an array of another type or nested lists, whose numbers are copied, if
the program's type holds each of them exactly. Then they compare the labels with those that are known to be right. Of
anything else they say so, having done nothing, and the checks in Python have their turn, with their errors.

``step`` is one of the looks and checks of a step in Python. ``quick`` does without any Python: it keeps the GIL, so
that no other thread does anything between its looks and the end of its step, and needs no lock as long as nobody else
has it.
"""

from __future__ import annotations

import ctypes
import functools
import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from ....batch import Right, Shape
from ....frontend.reads.words import Words
from ....update import Step
from ..ir.builder import Code
from ..ir.control import Cell, leave
from ..jit.machine_code import Library
from ..jit.python_function import DECLARED, python_function
from .memory import Frame, address, aligned

HEAD = object.__basicsize__
"""Bytes of an object ahead of what is its own; the last eight say of which class it is."""

_DATA, _RANK, _DIMENSIONS, _TYPE, _FLAGS = (HEAD + k for k in (0, 8, 16, 40, 48))
"""Where an array has its fields, in NumPy's binary interface; see `arrays_are_as_expected`."""

_IN_ORDER = 0x101  # the flags of C-contiguous and of aligned memory

_NUMBERS = {"float64": "double", "float32": "float", "int64": "i64"}

_QUICK = ("ready", "own", "until", "clock", "slow", "failed")
_RECORD = (*_QUICK, "frame", "words", "drive", "nothing", "no", "yes", "ndarray", "list", "float", "int", *_NUMBERS)
_WORDS = ("words", "count")
_FORM = ("rank", "dimensions", "samples", "columns", "own", "place", "rows", "known", "least", "most")
"""Of an argument: how many dimensions it has, and where they are; memory for a copy, or 0; where its address is told.
Where rows of labels are that are right, and how many, -1 for any; numbers from `least` to `most` are right as well."""

_CLOCK = time.perf_counter  # kept, since native code calls it: a user's test may put another one in its place

MOST = 1 << 19
"""Bytes of an argument that are copied; more are not worth it."""

_WHOLE = 1 << 53
"""Up to here a double holds every whole number."""


_FUNCTIONS = ("run", "step")
"""With one argument, and with two."""


@functools.cache
def _native(bits: int) -> Library:
    """The compiled ``run``, ``step`` and ``quick``."""
    return Library(quick=text(bits))


def text(bits: int) -> str:
    """LLVM IR of ``run``, ``step`` and ``quick``."""
    parts = "".join([part(bits) for part in (_list, _array, _brought, _known, _unchanged)])
    steps = "".join([_prepared(bits, *f) + _step(bits, f[1]) for f in enumerate(_FUNCTIONS, start=1)])
    return DECLARED + parts + steps + _quick(bits)


def _function(name: str, bits: int, arguments: Sequence[str], result: str) -> Code:
    code = Code(name, bits, 1, arguments, result)
    code.linkage = "internal "
    return code


def _field(code: Code, base: str, names: Sequence[str], name: str, kind: str = "i64") -> str:
    return code.value(f"load {kind}, ptr {code.pointer(base, str(names.index(name)), 'i64')}")


def _inside(code: Code, thing: str, offset: int, kind: str = "ptr") -> str:
    """A field of an object."""
    return code.value(f"load {kind}, ptr {code.pointer(thing, str(offset), 'i8')}")


def _is(code: Code, thing: str, name: str) -> str:
    """Whether an object has just the class of that name."""
    return code.value(f"icmp eq ptr {_inside(code, thing, HEAD - 8)}, {_field(code, '%record', _RECORD, name, 'ptr')}")


def _refuse_unless(code: Code, condition: str) -> None:
    leave(code, code.value(f"xor i1 {condition}, true"), "refused")


def _refusal(code: Code, result: str) -> str:
    code.label("refused")
    code.lines.append(f"ret {result}")
    return code.text()


def _store(code: Code, number: str, index: str) -> None:
    """Store a double as a number of the program's, refused if that is another one."""
    if code.bits == 32:
        short = code.value(f"fptrunc double {number} to float")
        _refuse_unless(code, code.value(f"fcmp oeq double {code.value(f'fpext float {short} to double')}, {number}"))
        number = short
    code.lines.append(f"store {code.scalar} {number}, ptr {code.pointer('%own', index)}, align {code.align}")


def _whole(code: Code, number: str) -> str:
    """An integer as a double, refused where that may be another number."""
    shifted = code.value(f"add i64 {number}, {_WHOLE}")
    _refuse_unless(code, code.value(f"icmp ule i64 {shifted}, {2 * _WHOLE}"))
    return code.value(f"sitofp i64 {number} to double")


def _list(bits: int) -> str:
    """``list``: copy a list of so many plain floats and ints."""
    code = _function("list", bits, ["ptr %record", "ptr %given", "i64 %count", "ptr %own"], "i1")
    code.slots.append("%beyond = alloca i32")
    _refuse_unless(code, _is(code, "%given", "list"))
    size = code.value("call i64 @PyList_Size(ptr %given)")
    _refuse_unless(code, code.value(f"icmp eq i64 {size}, %count"))
    with code.loop(0, "%count") as k:
        item = code.value(f"call ptr @PyList_GetItem(ptr %given, i64 {k})")
        number, real = Cell(code, "0.0", "double"), _is(code, item, "float")
        with code.when(real):
            number.write(code.value(f"call double @PyFloat_AsDouble(ptr {item})"))
        with code.when(code.value(f"xor i1 {real}, true")):
            _refuse_unless(code, _is(code, item, "int"))
            whole = code.value(f"call i64 @PyLong_AsLongLongAndOverflow(ptr {item}, ptr %beyond)")  # -1 if beyond
            _refuse_unless(code, code.value(f"icmp eq i32 {code.value('load i32, ptr %beyond')}, 0"))
            number.write(_whole(code, whole))
        _store(code, number.read(), k)
    code.lines.append("ret i1 true")
    return _refusal(code, "i1 false")


def _array(bits: int) -> str:
    """``array``: where the numbers of an array are, or their copy; null unless they are what they should be."""
    code = _function("array", bits, ["ptr %record", "ptr %form", "ptr %given", "ptr %own"], "ptr")
    rank = _field(code, "%form", _FORM, "rank", "i32")
    _refuse_unless(code, code.value(f"icmp eq i32 {_inside(code, '%given', _RANK, 'i32')}, {rank}"))
    flags = code.value(f"and i32 {_inside(code, '%given', _FLAGS, 'i32')}, {_IN_ORDER}")
    _refuse_unless(code, code.value(f"icmp eq i32 {flags}, {_IN_ORDER}"))
    given, expected = _inside(code, "%given", _DIMENSIONS), _field(code, "%form", _FORM, "dimensions", "ptr")
    with code.loop(0, code.value(f"sext i32 {rank} to i64")) as k:
        lengths = [code.value(f"load i64, ptr {code.pointer(base, k, 'i64')}") for base in (given, expected)]
        _refuse_unless(code, code.value(f"icmp eq i64 {lengths[0]}, {lengths[1]}"))
    data, kind = _inside(code, "%given", _DATA), _inside(code, "%given", _TYPE)
    own_kind = f"float{bits}"
    same = code.value(f"icmp eq ptr {kind}, {_field(code, '%record', _RECORD, own_kind, 'ptr')}")
    with code.when(same):
        code.lines.append(f"ret ptr {data}")
    leave(code, code.value("icmp eq ptr %own, null"), "refused")
    count = code.value(f"mul i64 {_field(code, '%form', _FORM, 'samples')}, {_field(code, '%form', _FORM, 'columns')}")
    for name, number in _NUMBERS.items():
        if name != own_kind:
            with code.when(code.value(f"icmp eq ptr {kind}, {_field(code, '%record', _RECORD, name, 'ptr')}")):
                with code.loop(0, count) as k:
                    found = code.value(f"load {number}, ptr {code.pointer(data, k, number)}")
                    if number == "float":
                        found = code.value(f"fpext float {found} to double")
                    _store(code, _whole(code, found) if number == "i64" else found, k)
                code.lines.append("ret ptr %own")
    return _refusal(code, "ptr null")


def _brought(bits: int) -> str:
    """``brought``: where the numbers of an argument are, null unless they are what they should be."""
    code = _function("brought", bits, ["ptr %record", "ptr %form", "ptr %given"], "ptr")
    own = _field(code, "%form", _FORM, "own", "ptr")
    with code.when(_is(code, "%given", "ndarray")):
        found = code.value(f"call ptr @array(ptr %record, ptr %form, ptr %given, ptr {own})")
        code.lines.append(f"ret ptr {found}")
    leave(code, code.value(f"icmp eq ptr {own}, null"), "refused")
    _refuse_unless(code, _is(code, "%given", "list"))
    rank, samples, columns = (_field(code, "%form", _FORM, name) for name in ("rank", "samples", "columns"))
    with code.when(code.value(f"icmp eq i64 {rank}, 1")):
        all_of_it = code.value(f"call i1 @list(ptr %record, ptr %given, i64 {samples}, ptr {own})")
        code.lines.append(f"ret ptr {code.value(f'select i1 {all_of_it}, ptr {own}, ptr null')}")
    _refuse_unless(code, code.value(f"icmp eq i64 {rank}, 2"))
    size = code.value("call i64 @PyList_Size(ptr %given)")
    _refuse_unless(code, code.value(f"icmp eq i64 {size}, {samples}"))
    with code.loop(0, samples) as k:
        row = code.value(f"call ptr @PyList_GetItem(ptr %given, i64 {k})")
        place = code.pointer(own, code.value(f"mul i64 {k}, {columns}"))
        _refuse_unless(code, code.value(f"call i1 @list(ptr %record, ptr {row}, i64 {columns}, ptr {place})"))
    code.lines.append(f"ret ptr {own}")
    return _refusal(code, "ptr null")


def _known(bits: int) -> str:
    """``known``: whether all labels are right."""
    code = _function("known", bits, ["ptr %form", "ptr %labels"], "i1")
    samples, columns, known = (_field(code, "%form", _FORM, name) for name in ("samples", "columns", "known"))
    rows = _field(code, "%form", _FORM, "rows", "ptr")
    least, most = (_field(code, "%form", _FORM, name, "double") for name in ("least", "most"))
    with code.loop(0, samples) as n:
        label = code.pointer("%labels", code.value(f"mul i64 {n}, {columns}"))
        right = Cell(code, "true", "i1")
        with code.loop(0, columns) as c:
            number = code.load_scalar(label, c)
            if bits == 32:
                number = code.value(f"fpext float {number} to double")
            for relation, bound in (("oge", least), ("ole", most)):
                fits = code.value(f"fcmp {relation} double {number}, {bound}")
                right.write(code.value(f"and i1 {right.read()}, {fits}"))
        row = Cell(code, 0)
        code.label(f"next.{label[1:]}")
        leave(code, right.read(), f"done.{label[1:]}")
        leave(code, code.value(f"icmp sge i64 {row.read()}, {known}"), "refused")
        place = code.pointer(rows, code.value(f"mul i64 {row.read()}, {columns}"))
        right.write("true")
        with code.loop(0, columns) as c:
            same = code.value(f"fcmp oeq {code.scalar} {code.load_scalar(label, c)}, {code.load_scalar(place, c)}")
            right.write(code.value(f"and i1 {right.read()}, {same}"))
        row.write(code.value(f"add i64 {row.read()}, 1"))
        code.lines += [f"br label %next.{label[1:]}", f"done.{label[1:]}:"]
    code.lines.append("ret i1 true")
    return _refusal(code, "i1 false")


def _unchanged(bits: int) -> str:
    """``unchanged``: whether all words that are watched are what they were."""
    code = _function("unchanged", bits, ["ptr %head"], "i1")
    words, count = _field(code, "%head", _WORDS, "words", "ptr"), _field(code, "%head", _WORDS, "count")
    _refuse_unless(code, code.value(f"icmp sge i64 {count}, 0"))
    with code.loop(0, count) as k:
        pair = code.index((k, 2))
        place, expected = (code.pointer(words, index, "i64") for index in (pair, code.index(pair, 1)))
        word = code.value(f"load i64, ptr {code.value(f'load ptr, ptr {place}')}")
        _refuse_unless(code, code.value(f"icmp eq i64 {word}, {code.value(f'load i64, ptr {expected}')}"))
    code.lines.append("ret i1 true")
    return _refusal(code, "i1 false")


def _prepared(bits: int, arguments: int, name: str) -> str:
    """``prepared.run`` and ``prepared.step``: tell the frame where samples and labels are, if they are right."""
    code = _function(f"prepared.{name}", bits, ["ptr %record", "ptr %arguments", "i1 %unchecked"], "i1")
    places = []
    for k in range(arguments):
        form = code.pointer("%record", str(len(_RECORD) + k * len(_FORM)), "i64")
        given = code.value(f"load ptr, ptr {code.pointer('%arguments', str(k), 'i64')}")
        found = code.value(f"call ptr @brought(ptr %record, ptr {form}, ptr {given})")
        _refuse_unless(code, code.value(f"icmp ne ptr {found}, null"))
        places.append((form, found))
    for form, labels in places[1:]:
        checked = code.value(f"icmp sgt i64 {_field(code, form, _FORM, 'known')}, -1")
        with code.when(code.value(f"and i1 {checked}, %unchecked")):
            _refuse_unless(code, code.value(f"call i1 @known(ptr {form}, ptr {labels})"))
    for form, found in places:
        code.lines.append(f"store ptr {found}, ptr {_field(code, form, _FORM, 'place', 'ptr')}")
    code.lines.append("ret i1 true")
    return _refusal(code, "i1 false")


def _python_function(name: str, bits: int) -> Code:
    """The head of what Python calls; its owner is a list that begins with the memory of the record."""
    code = Code(name, bits, 1, ["ptr %owner", "ptr %arguments", "i64 %count"], "ptr")
    memory = code.value("call ptr @PyList_GetItem(ptr %owner, i64 0)")
    code.lines.append(f"%record = getelementptr i8, ptr {_inside(code, memory, _DATA)}, i64 0")
    return code


def _go_unless(code: Code, condition: str, label: str) -> None:
    leave(code, code.value(f"xor i1 {condition}, true"), label)


def _are_unchanged(code: Code, words: str) -> str:
    return code.value(f"call i1 @unchanged(ptr {_field(code, '%record', _RECORD, words, 'ptr')})")


def _step(bits: int, name: str) -> str:
    """``run(X)``, or ``step(X, y)``, which Python calls as ``step(X, y, True)`` where the labels were checked."""
    code = _python_function(name, bits)
    _go_unless(code, _are_unchanged(code, "words"), "changed")
    unchecked = code.value("icmp eq i64 %count, 2")
    prepared = code.value(f"call i1 @prepared.{name}(ptr %record, ptr %arguments, i1 {unchecked})")
    _go_unless(code, prepared, "refused")
    loss = Cell(code, "0.0", "double")
    frame, drive = (_field(code, "%record", _RECORD, name, "ptr") for name in ("frame", "drive"))
    with code.when(code.value(f"icmp ne ptr {drive}, null")):
        thread = code.value("call ptr @PyEval_SaveThread()")
        loss.write(code.value(f"call double {drive}(ptr {frame})"))
        code.lines.append(f"call void @PyEval_RestoreThread(ptr {thread})")
    code.lines.append(f"ret ptr {code.value(f'call ptr @PyFloat_FromDouble(double {loss.read()})')}")
    for label, name in (("refused", "nothing"), ("changed", "no")):
        code.label(label)
        answer = _field(code, "%record", _RECORD, name, "ptr")
        code.lines += [f"call void @Py_IncRef(ptr {answer})", f"ret ptr {answer}"]
    return code.text()


def _quick(bits: int) -> str:
    """``quick``: make a step, or call ``slow(X, y, changed)``, where the last tells whether a word was another."""
    code = _python_function("quick", bits)
    fields = {name: _field(code, "%record", _RECORD, name, "ptr") for name in (*_QUICK, "frame", "drive", "no", "yes")}
    code.slots.append("%changed = alloca ptr")
    code.lines.append(f"store ptr {fields['yes']}, ptr %changed")
    leave(code, code.value(f"icmp eq ptr {fields['ready']}, null"), "slow")
    time = code.value(f"call ptr @PyObject_CallNoArgs(ptr {fields['clock']})")
    leave(code, code.value(f"icmp eq ptr {time}, null"), "raised")
    now = code.value(f"call double @PyFloat_AsDouble(ptr {time})")
    code.lines.append(f"call void @Py_DecRef(ptr {time})")
    for words in ("own", "words"):
        _go_unless(code, _are_unchanged(code, words), "slow")
    code.lines.append(f"store ptr {fields['no']}, ptr %changed")
    until = code.value(f"load double, ptr {fields['until']}")
    _go_unless(code, code.value(f"fcmp ole double {now}, {until}"), "slow")
    _go_unless(code, code.value("call i1 @prepared.step(ptr %record, ptr %arguments, i1 true)"), "slow")
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
    given = [code.value(f"load ptr, ptr {code.pointer('%arguments', str(k), 'i64')}") for k in (0, 1)]
    given.append(code.value("load ptr, ptr %changed"))
    others = ", ".join([f"ptr {argument}" for argument in (*given, "null")])
    code.lines.append(f"call void @Py_IncRef(ptr {fields['slow']})")
    answer = code.value(f"call ptr (ptr, ...) @PyObject_CallFunctionObjArgs(ptr {fields['slow']}, {others})")
    code.lines += [f"call void @Py_DecRef(ptr {fields['slow']})", f"ret ptr {answer}"]
    return code.text()


# ---- from Python


class DirectStep:
    """What makes steps on samples and labels of one shape.

    Args:
        drive: the address of the driver's function of that name.
        dtype: of the program.
        shapes: those of all samples, and of all labels, if the program reads any.
        right: which labels are known to be right.

    Attributes:
        step: a function of samples, and of labels, that makes a step, the lock being held, and gives its loss. Having
            done nothing it gives False if a word that is watched has changed, and None if samples and labels are not
            of that shape, or a label is not known to be right; with True as a third argument labels are not looked at.
    """

    def __init__(self, drive: int, dtype: Any, shapes: Sequence[Shape], right: Right) -> None:
        import numpy as np

        copies = [math.prod(shape) for shape in shapes]
        copies = [count if count * dtype.itemsize <= MOST else 0 for count in copies]
        rows = [row for row in right.rows or () if np.array_equal(np.array(row, dtype), row)]
        arrays = [np.array(shape, np.int64) for shape in shapes]
        arrays += [np.zeros(count, dtype) for count in (*copies, 0)]
        arrays[-1] = np.array(rows, dtype).reshape(-1)
        # All of it in one array, which the function keeps alive: the record, and what it points to.
        places = [8 * (len(_RECORD) + 2 * len(_FORM))]
        for array in arrays:
            places.append(places[-1] + -(-array.nbytes // 8) * 8)
        memory = aligned(places.pop() // 8, np.int64)
        for place, array in zip(places, arrays):
            memory.view(np.uint8)[place : place + array.nbytes] = array.view(np.uint8)
        kinds = [id(kind) for kind in (np.ndarray, list, float, int)]
        constants = [id(None), id(False), id(True), *kinds, *[id(np.dtype(name)) for name in _NUMBERS]]
        record = [*[0] * (len(_RECORD) - len(constants)), *constants]
        start = address(memory)
        for k, shape in enumerate(shapes):
            known = len(rows) if k and right.rows is not None else -1
            own = start + places[len(shapes) + k] if copies[k] else 0
            form = [len(shape), start + places[k], shape[0], math.prod(shape[1:]), own, 0, start + places[-1], known]
            record += [*form, *np.array([right.least, right.most]).view(np.int64)]
        memory[: len(record)] = record
        self._drive, self._memory, self._bits = drive, memory, 8 * dtype.itemsize
        self._name = _FUNCTIONS[len(shapes) - 1]
        self._owner: list[Any] = [memory, None, None]  # all that the functions keep alive, since they point to it

    @functools.cached_property
    def step(self) -> Step:
        """Compiled when it is asked for: a training of one step, or of whole epochs, does without."""
        return python_function(self._name, _native(self._bits).address(self._name), self._owner)

    def quick(
        self, own: Words, until: Any, slow: Callable[..., float | None], failed: Callable[[], float]
    ) -> Callable[[Any, Any], float | None]:
        """A function of samples and labels that makes the step that is attached, as long as nothing has changed.

        Args:
            own: further words to be watched, which tell that nobody holds the lock.
            until: an array of the time after which to call `slow`, as `time.perf_counter` counts.
            slow: called with samples and labels, and whether a word has changed, in all other cases.
            failed: called where the loss is nan, and raises an error.
        """
        self._owner[2] = own, until, slow, failed
        heads = own.head.buffer_info()[0], until.buffer_info()[0]
        self._memory[: len(_QUICK)] = 1, *heads, id(_CLOCK), id(slow), id(failed)
        return python_function("quick", _native(self._bits).address("quick"), self._owner)

    def detach(self) -> None:
        """Let `quick` make no more steps."""
        self._memory[_RECORD.index("ready")] = 0

    def attach(self, frame: Frame, words: Words, alone: bool) -> None:
        """Make the step that a frame describes, on other samples.

        Args:
            frame: of the last step.
            words: what is to be watched.
            alone: whether it is made by the calling thread alone; else the function does all but the step itself, and
                gives 0.0.
        """
        self._owner[1] = frame, words
        sources, place = address(frame.open_sources()), _RECORD.index("frame")
        self.detach()
        self._memory[place : place + 3] = frame.address, words.head.buffer_info()[0], self._drive * alone
        for k in range(_FUNCTIONS.index(self._name) + 1):
            self._memory[len(_RECORD) + k * len(_FORM) + _FORM.index("place")] = sources + 16 * k


def has_gil() -> bool:
    """Whether one thread at a time runs Python."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


@functools.cache
def arrays_are_as_expected() -> bool:
    """Whether objects are in memory as they are with the CPython and NumPy that native code has been written for."""
    import numpy as np

    def word(place: int, kind: type = ctypes.c_int64) -> int:
        number: int = kind.from_address(place).value  # type: ignore[attr-defined]  # of ctypes
        return number

    for array in (np.zeros((2, 3)), np.zeros((3, 4), np.int64)[:, :2]):
        place, kind = id(array), id(array.dtype)
        if np.ndarray.__basicsize__ < _FLAGS + 4 or word(place + HEAD - 8) != id(np.ndarray):
            return False
        if (word(place + _DATA), word(place + _TYPE)) != (address(array), kind):
            return False
        ints = [word(place + offset, ctypes.c_int32) for offset in (_RANK, _FLAGS)]
        if ints != [2, array.flags.num] or array.flags.c_contiguous is not (ints[1] & _IN_ORDER == _IN_ORDER):
            return False
        dimensions = word(place + _DIMENSIONS)
        if (word(dimensions), word(dimensions + 8)) != array.shape:
            return False
    return True
