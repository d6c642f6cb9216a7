"""The native code that reads the samples and labels of a direct step in place, and checks them.

The step calls ``brought`` for the numbers of an argument, and ``known`` for labels.
"""

from __future__ import annotations

from contextlib import nullcontext

from ..ir.builder import Code
from ..ir.control import Cell, leave, unless
from ..ir.words import entry, field
from .objects import CLASS, DATA, DIMENSIONS, ENTRIES, FLAGS, IN_ORDER, INT_SIZE, INTS, LENGTH, RANK, REAL, TYPE
from .record import FORM, NUMBERS, RECORD
from .refusing import inside, internal_function, refusal, refuse_unless

_WHOLE = 1 << 53
"""Up to this bound a double holds every integer."""

_AT_ONCE = 8
"""How many labels are compared with a valid one at a time."""


def text(bits: int) -> str:
    """LLVM IR of both."""
    parts = [part(bits) for part in (_list, _array, _brought, _known)]
    return "".join([*parts, _known_part(bits, _AT_ONCE), _known_part(bits, 1)])


def _is(code: Code, thing: str, name: str) -> str:
    """Whether an object is of exactly the class of that name."""
    return code.value(f"icmp eq ptr {inside(code, thing, CLASS)}, {field(code, '%record', RECORD, name)}")


def _store(code: Code, number: str, index: str) -> None:
    """Store a double as a number of the program's type; refused if that changes it."""
    if code.bits == 32:
        short = code.value(f"fptrunc double {number} to float")
        refuse_unless(code, code.value(f"fcmp oeq double {code.value(f'fpext float {short} to double')}, {number}"))
        number = short
    code.lines.append(f"store {code.scalar} {number}, ptr {code.pointer('%own', index)}, align {code.align}")


def _whole(code: Code, number: str) -> str:
    """An integer as a double; refused if that may change it."""
    shifted = code.value(f"add i64 {number}, {_WHOLE}")
    refuse_unless(code, code.value(f"icmp ule i64 {shifted}, {2 * _WHOLE}"))
    return code.value(f"sitofp i64 {number} to double")


def _list(bits: int) -> str:
    """``list``: copy a list of a given number of plain floats and ints."""
    code = internal_function("list", bits, ["ptr %record", "ptr %given", "i64 %count", "ptr noalias %own"], "i1")
    code.attributes += " alwaysinline"  # labels are ints more often than samples: each branch learns what it sees
    code.slots.append("%beyond = alloca i32")
    refuse_unless(code, _is(code, "%given", "list"))
    refuse_unless(code, code.value(f"icmp eq i64 {inside(code, '%given', LENGTH, 'i64')}, %count"))
    entries, kind = inside(code, "%given", ENTRIES), field(code, "%record", RECORD, "float")
    ints, side_by_side = (field(code, "%record", RECORD, name) for name in ("ints", "int_count"))
    with code.loop(0, "%count") as k:
        item = code.value(f"load ptr, ptr {code.pointer(entries, k, 'ptr')}")
        number, real = Cell(code, "0.0", "double"), code.value(f"icmp eq ptr {inside(code, item, CLASS)}, {kind}")
        with code.when(real):
            number.write(inside(code, item, REAL, "double"))
        with unless(code, real):
            refuse_unless(code, _is(code, item, "int"))
            behind = code.value(f"sub i64 {code.value(f'ptrtoint ptr {item} to i64')}, {ints}")
            place = code.value(f"udiv i64 {behind}, {INT_SIZE}")
            small = code.value(f"icmp ult i64 {place}, {side_by_side}")
            with code.when(small):
                number.write(code.value(f"sitofp i64 {code.value(f'add i64 {place}, {INTS[0]}')} to double"))
            with unless(code, small):
                whole = code.value(f"call i64 @PyLong_AsLongLongAndOverflow(ptr {item}, ptr %beyond)")  # -1 if beyond
                refuse_unless(code, code.value(f"icmp eq i32 {code.value('load i32, ptr %beyond')}, 0"))
                number.write(_whole(code, whole))
        _store(code, number.read(), k)
    code.lines.append("ret i1 true")
    return refusal(code, "i1 false")


def _array(bits: int) -> str:
    """``array``: the address of an array's numbers, or of their copy; null unless they are as they should be."""
    code = internal_function("array", bits, ["ptr %record", "ptr %form", "ptr %given", "ptr %own"], "ptr")
    rank = field(code, "%form", FORM, "rank", "i32")
    refuse_unless(code, code.value(f"icmp eq i32 {inside(code, '%given', RANK, 'i32')}, {rank}"))
    flags = code.value(f"and i32 {inside(code, '%given', FLAGS, 'i32')}, {IN_ORDER}")
    refuse_unless(code, code.value(f"icmp eq i32 {flags}, {IN_ORDER}"))
    given, expected = inside(code, "%given", DIMENSIONS), field(code, "%form", FORM, "dimensions")
    with code.loop(0, code.value(f"sext i32 {rank} to i64")) as k:
        lengths = [entry(code, base, k) for base in (given, expected)]
        refuse_unless(code, code.value(f"icmp eq i64 {lengths[0]}, {lengths[1]}"))
    data, kind = inside(code, "%given", DATA), inside(code, "%given", TYPE)
    own_kind = f"float{bits}"
    same = code.value(f"icmp eq ptr {kind}, {field(code, '%record', RECORD, own_kind)}")
    with code.when(same):
        code.lines.append(f"ret ptr {data}")
    leave(code, code.value("icmp eq ptr %own, null"), "refused")
    count = code.value(f"mul i64 {field(code, '%form', FORM, 'samples')}, {field(code, '%form', FORM, 'columns')}")
    for name in [name for name in NUMBERS if name != own_kind]:
        with code.when(code.value(f"icmp eq ptr {kind}, {field(code, '%record', RECORD, name)}")):
            _copy(code, data, count, NUMBERS[name])
            code.lines.append("ret ptr %own")
    return refusal(code, "ptr null")


def _copy(code: Code, data: str, count: str, kind: str) -> None:
    """Copy an array's numbers, of LLVM's type `kind`; refused if that changes one."""
    with code.loop(0, count) as k:
        found = code.value(f"load {kind}, ptr {code.pointer(data, k, kind)}")
        if kind == "float":
            found = code.value(f"fpext float {found} to double")
        _store(code, _whole(code, found) if kind == "i64" else found, k)


def _brought(bits: int) -> str:
    """``brought``: the address of an argument's numbers; null unless they are as they should be."""
    code = internal_function("brought", bits, ["ptr %record", "ptr %form", "ptr %given"], "ptr")
    own = field(code, "%form", FORM, "own")
    with code.when(_is(code, "%given", "ndarray")):
        found = code.value(f"call ptr @array(ptr %record, ptr %form, ptr %given, ptr {own})")
        code.lines.append(f"ret ptr {found}")
    leave(code, code.value(f"icmp eq ptr {own}, null"), "refused")
    refuse_unless(code, _is(code, "%given", "list"))
    rank, samples, columns = (field(code, "%form", FORM, name) for name in ("rank", "samples", "columns"))
    with code.when(code.value(f"icmp eq i64 {rank}, 1")):
        all_of_it = code.value(f"call i1 @list(ptr %record, ptr %given, i64 {samples}, ptr {own})")
        code.lines.append(f"ret ptr {code.value(f'select i1 {all_of_it}, ptr {own}, ptr null')}")
    refuse_unless(code, code.value(f"icmp eq i64 {rank}, 2"))
    refuse_unless(code, code.value(f"icmp eq i64 {inside(code, '%given', LENGTH, 'i64')}, {samples}"))
    rows = inside(code, "%given", ENTRIES)
    with code.loop(0, samples) as k:
        row = code.value(f"load ptr, ptr {code.pointer(rows, k, 'ptr')}")
        place = code.pointer(own, code.value(f"mul i64 {k}, {columns}"))
        refuse_unless(code, code.value(f"call i1 @list(ptr %record, ptr {row}, i64 {columns}, ptr {place})"))
    code.lines.append(f"ret ptr {own}")
    return refusal(code, "ptr null")


def _known(bits: int) -> str:
    """``known``: whether all samples or labels are known to be valid."""
    code = internal_function("known", bits, ["ptr %form", "ptr %labels"], "i1")
    samples, columns = (field(code, "%form", FORM, name) for name in ("samples", "columns"))
    single = code.value(f"icmp eq i64 {columns}, 1")
    several = code.value(f"select i1 {single}, i64 {code.value(f'and i64 {samples}, {-_AT_ONCE}')}, i64 0")
    for width, start, stop in ((_AT_ONCE, "0", several), (1, several, samples)):
        part = f"ptr %form, ptr %labels, i64 {start}, i64 {stop}"
        refuse_unless(code, code.value(f"call i1 @known.{width}({part})"))
    code.lines.append("ret i1 true")
    return refusal(code, "i1 false")


def _known_part(bits: int, width: int) -> str:
    """``known.width``: the same for labels from `start` to `stop`, `width` at a time, by columns of labels.

    A label is valid if all its numbers are between two bounds, and whole where that is asked, or are those of a known
    row.
    """
    arguments = ["ptr %form", "ptr %labels", "i64 %start", "i64 %stop"]
    code = Code(f"known.{width}", bits, width, arguments, "i1", internal=True)
    columns, known = (field(code, "%form", FORM, name) for name in ("columns", "known"))
    rows, masks, numbers = field(code, "%form", FORM, "rows"), code.type("m"), code.type()
    doubles = numbers.replace("float", "double")
    least, most, only_whole = (
        code.spread(field(code, "%form", FORM, name), "double") for name in ("least", "most", "whole")
    )
    integers = doubles.replace("double", "i64")

    def hold(condition: str) -> None:
        right.write(code.value(f"and {masks} {right.read()}, {condition}"))

    with code.loop("%start", "%stop", width) as n:
        label = code.pointer("%labels", code.value(f"mul i64 {n}, {columns}"))
        right, row = Cell(code, code.lift(1, "m").name, masks), Cell(code, 0)
        with nullcontext("0") if width > 1 else code.loop(0, columns) as c:
            number = code.load(label, c).name
            if bits == 32:
                number = code.value(f"fpext {numbers} {number} to {doubles}")
            hold(code.value(f"fcmp oge {doubles} {number}, {least}"))
            hold(code.value(f"fcmp ole {doubles} {number}, {most}"))
            chosen = code.value(f"select {masks} {right.read()}, {doubles} {number}, {doubles} zeroinitializer")
            index = code.value(f"fmul {doubles} {chosen}, {only_whole}")  # 0 if any number will do
            integer = code.value(f"fptosi {doubles} {index} to {integers}")
            hold(code.value(f"fcmp oeq {doubles} {code.value(f'sitofp {integers} {integer} to {doubles}')}, {index}"))
        found = Cell(code, right.read(), masks)
        code.label(f"next.{n[1:]}")
        leave(code, _all(code, found.read()), f"found.{n[1:]}")
        refuse_unless(code, code.value(f"icmp slt i64 {row.read()}, {known}"))
        place = code.pointer(rows, code.value(f"mul i64 {row.read()}, {columns}"))
        right.write(code.lift(1, "m").name)
        with nullcontext("0") if width > 1 else code.loop(0, columns) as c:
            expected = code.load_broadcast(place, c)
            hold(code.value(f"fcmp oeq {numbers} {code.load(label, c).name}, {expected.name}"))
        found.write(code.value(f"or {masks} {found.read()}, {right.read()}"))
        row.write(code.value(f"add i64 {row.read()}, 1"))
        code.lines += [f"br label %next.{n[1:]}", f"found.{n[1:]}:"]
    code.lines.append("ret i1 true")
    return "\n".join([*sorted(code.declared), refusal(code, "i1 false")])


def _all(code: Code, mask: str) -> str:
    """Whether a mask holds in all lanes."""
    if code.width == 1:
        return mask
    bits, masks = f"i{code.width}", code.type("m")
    return code.value(f"icmp eq {bits} {code.value(f'bitcast {masks} {mask} to {bits}')}, -1")
