"""The native code of `tree`: the text of the Python function ``read``."""

from __future__ import annotations

from collections.abc import Callable

from ..ir.builder import Code
from ..ir.words import Layout, entry, field, field_place
from ..jit.python_function import DECLARED
from .objects import CLASS, DATA, ENTRIES, ITEMS, LENGTH, REAL
from .refusing import inside, internal_function, refusal, refuse_unless

SLOTS = ("z", "primitive", "label")
CLASSES = ("Value", "float", "int", "list", "tuple", "dict")
RECORD: Layout = {
    "words": "ptr", "word_count": "i64", "place": "i64",  # that are expected; the number of the next one
    "found": "ptr", "value_count": "i64",  # the addresses of Values; how many were found
    "numbers": "ptr", "targets": "ptr",  # of Values; where each of them goes
    "order": "ptr", "param_count": "i64",  # which Value each parameter is
    "kinds": "ptr", "kind_count": "i64",  # classes whose objects have attributes
    "none": "i64", "true": "ptr", "false": "ptr",
    **dict.fromkeys(SLOTS, "i64"),  # where a Value has them
    **dict.fromkeys(CLASSES, "i64"),  # as words of objects are compared
}  # fmt: skip  # addresses beside their counts


def text() -> str:
    """LLVM IR of ``read``."""
    return DECLARED + _expect() + _entries() + _enter() + _alike() + _read()


def _field(code: Code, name: str) -> str:
    return field(code, "%record", RECORD, name)


def _place(code: Code, name: str) -> str:
    return field_place(code, "%record", RECORD, name)


def _word(code: Code, thing: str, offset: int | str) -> str:
    """A word of an object."""
    return inside(code, thing, offset, "i64")


def _sequence(code: Code, kind: str, thing: str) -> tuple[str, str]:
    """The length of a list or tuple, and the address of its items."""
    items = code.pointer(thing, str(ENTRIES if kind == "list" else ITEMS), "i8")
    return _word(code, thing, LENGTH), code.value(f"load ptr, ptr {items}") if kind == "list" else items


def _require(code: Code, kind: str, a: str, relation: str, b: str) -> None:
    """Refuse the tree unless the relation holds."""
    refuse_unless(code, code.value(f"icmp {relation} {kind} {a}, {b}"))


def _require_call(code: Code, call: str) -> None:
    refuse_unless(code, code.value(f"call i1 {call}"))


def _ended(code: Code) -> str:
    """The text of a function that returns whether nothing was refused."""
    code.lines.append("ret i1 true")
    return refusal(code, "i1 false")


def _expect() -> str:
    """``expect``: whether this is the next word."""
    code = internal_function("expect", 64, ["ptr %record", "i64 %word"], "i1")
    code.attributes += " alwaysinline"
    place = _field(code, "place")
    _require(code, "i64", place, "slt", _field(code, "word_count"))
    _require(code, "i64", entry(code, _field(code, "words"), place), "eq", "%word")
    code.lines.append(f"store i64 {code.value(f'add i64 {place}, 1')}, ptr {_place(code, 'place')}")
    return _ended(code)


def _entries() -> str:
    """``entries``: whether a dict is as expected."""
    code = internal_function("entries", 64, ["ptr %record", "ptr %dict"], "i1")
    code.slots += ["%at = alloca i64", "%key = alloca ptr", "%item = alloca ptr"]
    size = code.value("call i64 @PyDict_Size(ptr %dict)")
    _require_call(code, f"@expect(ptr %record, i64 {size})")
    code.lines.append("store i64 0, ptr %at")
    with code.loop(0, size):
        more = code.value("call i32 @PyDict_Next(ptr %dict, ptr %at, ptr %key, ptr %item)")
        _require(code, "i32", more, "ne", "0")
        _require_call(code, f"@expect(ptr %record, i64 {code.value('load i64, ptr %key')})")
        _require_call(code, f"@enter(ptr %record, ptr {code.value('load ptr, ptr %item')})")
    return _ended(code)


def _enter() -> str:
    """``enter``: whether a thing is as expected; stores the number of a Value."""
    code = internal_function("enter", 64, ["ptr %record", "ptr %thing"], "i1")
    code.slots += ["%beyond = alloca i32"]
    kind = _word(code, "%thing", CLASS)
    itself = code.value("ptrtoint ptr %thing to i64")
    _require_call(code, f"@expect(ptr %record, i64 {kind})")
    for name, body in _BY_CLASS.items():
        with code.when(code.value(f"icmp eq i64 {kind}, {_field(code, name)}")):
            body(code, name)
            code.lines.append("ret i1 true")
    kinds = _field(code, "kinds")
    with code.loop(0, _field(code, "kind_count")) as k:
        same = code.value(f"icmp eq i64 {kind}, {entry(code, kinds, k)}")
        with code.when(same):
            attributes = code.value("call ptr @PyObject_GenericGetDict(ptr %thing, ptr null)")
            same = code.value(f"call i1 @entries(ptr %record, ptr {attributes})")
            code.lines += [f"call void @Py_DecRef(ptr {attributes})", f"ret i1 {same}"]
    _require_call(code, f"@expect(ptr %record, i64 {itself})")
    return _ended(code)


def _enter_value(code: Code, _: str) -> None:
    """Store the number of a Value, which must be a leaf without a label, and its address."""
    for name in ("primitive", "label"):
        _require(code, "i64", _word(code, "%thing", _field(code, name)), "eq", _field(code, "none"))
    z = code.value(f"inttoptr i64 {_word(code, '%thing', _field(code, 'z'))} to ptr")
    _require(code, "i64", _word(code, z, CLASS), "eq", _field(code, "float"))
    number = code.value(f"load double, ptr {code.pointer(z, str(REAL), 'i8')}")
    count = _field(code, "value_count")
    target = entry(code, _field(code, "targets"), count)
    place = code.pointer(_field(code, "numbers"), target, "double")
    code.lines.append(f"store double {number}, ptr {place}")
    itself = code.value("ptrtoint ptr %thing to i64")
    code.lines.append(f"store i64 {itself}, ptr {code.pointer(_field(code, 'found'), count, 'i64')}")
    code.lines.append(f"store i64 {code.value(f'add i64 {count}, 1')}, ptr {_place(code, 'value_count')}")


def _enter_float(code: Code, _: str) -> None:
    number = code.value("call double @PyFloat_AsDouble(ptr %thing)")
    _require_call(code, f"@expect(ptr %record, i64 {code.value(f'bitcast double {number} to i64')})")


def _enter_int(code: Code, _: str) -> None:
    number = code.value("call i64 @PyLong_AsLongLongAndOverflow(ptr %thing, ptr %beyond)")
    _require(code, "i32", code.value("load i32, ptr %beyond"), "eq", "0")
    _require_call(code, f"@expect(ptr %record, i64 {number})")


def _enter_sequence(code: Code, kind: str) -> None:
    size, items = _sequence(code, kind, "%thing")
    _require_call(code, f"@expect(ptr %record, i64 {size})")
    with code.loop(0, size) as k:
        item = code.value(f"inttoptr i64 {entry(code, items, k)} to ptr")
        _require_call(code, f"@enter(ptr %record, ptr {item})")


def _enter_dict(code: Code, _: str) -> None:
    _require_call(code, "@entries(ptr %record, ptr %thing)")


_BY_CLASS: dict[str, Callable[[Code, str], None]] = {
    "Value": _enter_value,
    "float": _enter_float,
    "int": _enter_int,
    "list": _enter_sequence,
    "tuple": _enter_sequence,
    "dict": _enter_dict,
}
"""What is required of a thing of each class; the keys are those of CLASSES."""


def _alike() -> str:
    """``alike``: whether a tree is as expected, and its Values are in the expected order."""
    code = internal_function("alike", 64, ["ptr %record", "ptr %tree", "ptr %params"], "i1")
    code.lines += [f"store i64 0, ptr {_place(code, name)}" for name in ("place", "value_count")]
    _require_call(code, "@enter(ptr %record, ptr %tree)")
    _require(code, "i64", _field(code, "place"), "eq", _field(code, "word_count"))
    _require(code, "i64", _word(code, "%params", CLASS), "eq", _field(code, "tuple"))
    size, items = _sequence(code, "tuple", "%params")
    _require(code, "i64", size, "eq", _field(code, "param_count"))
    with code.loop(0, size) as k:
        value = entry(code, _field(code, "found"), entry(code, _field(code, "order"), k))
        _require(code, "i64", entry(code, items, k), "eq", value)
    return _ended(code)


def _read() -> str:
    """``read``, called from Python as ``read(tree, params)``: whether both are as expected.

    The garbage collector is off meanwhile, since it may call anyone's destructor.
    """
    code = Code("read", 64, 1, ["ptr %memory", "ptr %arguments", "i64 %count"], "ptr")
    code.lines.append(f"%record = inttoptr i64 {_word(code, '%memory', DATA)} to ptr")
    tree, params = (code.value(f"inttoptr i64 {entry(code, '%arguments', str(k))} to ptr") for k in (0, 1))
    enabled = code.value("call i32 @PyGC_Disable()")
    alike = code.value(f"call i1 @alike(ptr %record, ptr {tree}, ptr {params})")
    with code.when(code.value(f"icmp ne i32 {enabled}, 0")):
        code.value("call i32 @PyGC_Enable()")
    answer = code.value(f"select i1 {alike}, ptr {_field(code, 'true')}, ptr {_field(code, 'false')}")
    code.lines += [f"call void @Py_IncRef(ptr {answer})", f"ret ptr {answer}"]
    return code.text()
