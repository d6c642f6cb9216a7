"""The native code of `direct_step`: the text of ``run``, ``step`` and ``quick``, functions of Python's."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.builder import Code
from ..ir.control import Cell, leave
from ..jit.python_function import DECLARED

HEAD = object.__basicsize__
"""Bytes of an object ahead of what is its own; the last eight say of which class it is."""

DATA, RANK, DIMENSIONS, TYPE, FLAGS = (HEAD + k for k in (0, 8, 16, 40, 48))
"""Where an array has its fields, in NumPy's binary interface; see `arrays_are_as_expected`."""

IN_ORDER = 0x101  # the flags of C-contiguous and of aligned memory

NUMBERS = {"float64": "double", "float32": "float", "int64": "i64"}

QUICK = ("ready", "own", "until", "clock", "slow", "failed")
RECORD = (*QUICK, "frame", "words", "drive", "nothing", "no", "yes", "ndarray", "list", "float", "int", *NUMBERS)
_WORDS = ("words", "count")
FORM = ("rank", "dimensions", "samples", "columns", "own", "place", "rows", "known", "least", "most")
"""Of an argument: how many dimensions it has, and where they are; memory for a copy, or 0; where its address is told.
Where rows of labels are that are right, and how many, -1 for any; numbers from `least` to `most` are right as well."""

_WHOLE = 1 << 53
"""Up to here a double holds every whole number."""


FUNCTIONS = ("run", "step")
"""With one argument, and with two."""


def text(bits: int) -> str:
    """LLVM IR of ``run``, ``step`` and ``quick``."""
    parts = "".join([part(bits) for part in (_list, _array, _brought, _known, _unchanged)])
    steps = "".join([_prepared(bits, *f) + _step(bits, f[1]) for f in enumerate(FUNCTIONS, start=1)])
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
    return code.value(f"icmp eq ptr {_inside(code, thing, HEAD - 8)}, {_field(code, '%record', RECORD, name, 'ptr')}")


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
    rank = _field(code, "%form", FORM, "rank", "i32")
    _refuse_unless(code, code.value(f"icmp eq i32 {_inside(code, '%given', RANK, 'i32')}, {rank}"))
    flags = code.value(f"and i32 {_inside(code, '%given', FLAGS, 'i32')}, {IN_ORDER}")
    _refuse_unless(code, code.value(f"icmp eq i32 {flags}, {IN_ORDER}"))
    given, expected = _inside(code, "%given", DIMENSIONS), _field(code, "%form", FORM, "dimensions", "ptr")
    with code.loop(0, code.value(f"sext i32 {rank} to i64")) as k:
        lengths = [code.value(f"load i64, ptr {code.pointer(base, k, 'i64')}") for base in (given, expected)]
        _refuse_unless(code, code.value(f"icmp eq i64 {lengths[0]}, {lengths[1]}"))
    data, kind = _inside(code, "%given", DATA), _inside(code, "%given", TYPE)
    own_kind = f"float{bits}"
    same = code.value(f"icmp eq ptr {kind}, {_field(code, '%record', RECORD, own_kind, 'ptr')}")
    with code.when(same):
        code.lines.append(f"ret ptr {data}")
    leave(code, code.value("icmp eq ptr %own, null"), "refused")
    count = code.value(f"mul i64 {_field(code, '%form', FORM, 'samples')}, {_field(code, '%form', FORM, 'columns')}")
    for name, number in NUMBERS.items():
        if name != own_kind:
            with code.when(code.value(f"icmp eq ptr {kind}, {_field(code, '%record', RECORD, name, 'ptr')}")):
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
    own = _field(code, "%form", FORM, "own", "ptr")
    with code.when(_is(code, "%given", "ndarray")):
        found = code.value(f"call ptr @array(ptr %record, ptr %form, ptr %given, ptr {own})")
        code.lines.append(f"ret ptr {found}")
    leave(code, code.value(f"icmp eq ptr {own}, null"), "refused")
    _refuse_unless(code, _is(code, "%given", "list"))
    rank, samples, columns = (_field(code, "%form", FORM, name) for name in ("rank", "samples", "columns"))
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
    samples, columns, known = (_field(code, "%form", FORM, name) for name in ("samples", "columns", "known"))
    rows = _field(code, "%form", FORM, "rows", "ptr")
    least, most = (_field(code, "%form", FORM, name, "double") for name in ("least", "most"))
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
        form = code.pointer("%record", str(len(RECORD) + k * len(FORM)), "i64")
        given = code.value(f"load ptr, ptr {code.pointer('%arguments', str(k), 'i64')}")
        found = code.value(f"call ptr @brought(ptr %record, ptr {form}, ptr {given})")
        _refuse_unless(code, code.value(f"icmp ne ptr {found}, null"))
        places.append((form, found))
    for form, labels in places[1:]:
        checked = code.value(f"icmp sgt i64 {_field(code, form, FORM, 'known')}, -1")
        with code.when(code.value(f"and i1 {checked}, %unchecked")):
            _refuse_unless(code, code.value(f"call i1 @known(ptr {form}, ptr {labels})"))
    for form, found in places:
        code.lines.append(f"store ptr {found}, ptr {_field(code, form, FORM, 'place', 'ptr')}")
    code.lines.append("ret i1 true")
    return _refusal(code, "i1 false")


def _python_function(name: str, bits: int) -> Code:
    """The head of what Python calls; its owner is a list that begins with the memory of the record."""
    code = Code(name, bits, 1, ["ptr %owner", "ptr %arguments", "i64 %count"], "ptr")
    memory = code.value("call ptr @PyList_GetItem(ptr %owner, i64 0)")
    code.lines.append(f"%record = getelementptr i8, ptr {_inside(code, memory, DATA)}, i64 0")
    return code


def _go_unless(code: Code, condition: str, label: str) -> None:
    leave(code, code.value(f"xor i1 {condition}, true"), label)


def _are_unchanged(code: Code, words: str) -> str:
    return code.value(f"call i1 @unchanged(ptr {_field(code, '%record', RECORD, words, 'ptr')})")


def _step(bits: int, name: str) -> str:
    """``run(X)``, or ``step(X, y)``, which Python calls as ``step(X, y, True)`` where the labels were checked."""
    code = _python_function(name, bits)
    _go_unless(code, _are_unchanged(code, "words"), "changed")
    unchecked = code.value("icmp eq i64 %count, 2")
    prepared = code.value(f"call i1 @prepared.{name}(ptr %record, ptr %arguments, i1 {unchecked})")
    _go_unless(code, prepared, "refused")
    loss = Cell(code, "0.0", "double")
    frame, drive = (_field(code, "%record", RECORD, name, "ptr") for name in ("frame", "drive"))
    with code.when(code.value(f"icmp ne ptr {drive}, null")):
        thread = code.value("call ptr @PyEval_SaveThread()")
        loss.write(code.value(f"call double {drive}(ptr {frame})"))
        code.lines.append(f"call void @PyEval_RestoreThread(ptr {thread})")
    code.lines.append(f"ret ptr {code.value(f'call ptr @PyFloat_FromDouble(double {loss.read()})')}")
    for label, name in (("refused", "nothing"), ("changed", "no")):
        code.label(label)
        answer = _field(code, "%record", RECORD, name, "ptr")
        code.lines += [f"call void @Py_IncRef(ptr {answer})", f"ret ptr {answer}"]
    return code.text()


def _quick(bits: int) -> str:
    """``quick``: make a step, or call ``slow(X, y, changed)``, where the last tells whether a word was another."""
    code = _python_function("quick", bits)
    fields = {name: _field(code, "%record", RECORD, name, "ptr") for name in (*QUICK, "frame", "drive", "no", "yes")}
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
