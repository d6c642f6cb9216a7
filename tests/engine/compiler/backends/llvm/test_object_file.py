"""Machine code loaded without LLVM: the same code at work, what is refused, and files that are damaged."""

from __future__ import annotations

import ctypes
import gc
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.compiler.backends.llvm.jit import executable_memory, machine_code, object_file
from engine.compiler.backends.llvm.jit.emission import emit
from engine.compiler.backends.llvm.jit.executable_memory import IS_SUPPORTED, PAGE, ExecutableMemory
from engine.compiler.backends.llvm.jit.machine_code import Library, optimised
from engine.compiler.backends.llvm.jit.object_file import ObjectFile, UnfamiliarError
from engine.compiler.backends.llvm.jit.python_function import address_of

pytestmark = pytest.mark.skipif(not IS_SUPPORTED, reason="here LLVM loads all code")

TEXT = """
declare double @sin(double) nounwind
declare double @PyFloat_AsDouble(ptr) nounwind
@table = internal constant [4 x double] [double 1.5, double 2.5, double 3.5, double 4.5]

define double @sine(double %x) nounwind {
  %y = call double @sin(double %x)
  ret double %y
}

define double @entry(i64 %k) nounwind {
  %place = getelementptr double, ptr @table, i64 %k
  %y = load double, ptr %place
  ret double %y
}

define double @number(ptr %x) nounwind {
  %y = call double @PyFloat_AsDouble(ptr %x)
  %z = fmul double %y, 0.1
  ret double %z
}

define double @both(double %x) nounwind noinline {
  %y = call double @sine(double %x)
  %z = call double @entry(i64 3)
  %w = fadd double %y, %z
  ret double %w
}

define internal i64 @hidden(i64 %x) nounwind noinline {
  %y = mul i64 %x, 3
  ret i64 %y
}

define i64 @choose(i64 %k) nounwind {
  switch i64 %k, label %other [ i64 0, label %a i64 1, label %b i64 2, label %c i64 3, label %d i64 4, label %e ]
a:
  %ya = call i64 @hidden(i64 11)
  ret i64 %ya
b:
  %yb = call i64 @hidden(i64 %k)
  ret i64 %yb
c:
  ret i64 77
d:
  %yd = add i64 %k, 1000
  ret i64 %yd
e:
  %ye = sdiv i64 999, %k
  ret i64 %ye
other:
  ret i64 -1
}

define ptr @where() nounwind {
  ret ptr @sin
}
"""


def compiled(text: str) -> bytes:
    """An object file."""
    return emit(machine_code.machine(), optimised(text))


@pytest.fixture(scope="module")
def stored() -> bytes:
    return compiled(TEXT)


def loaded(stored: bytes) -> ObjectFile:
    return ObjectFile(stored, address_of)


def test_the_same_answers_as_what_llvm_loads(stored: bytes) -> None:
    ours, theirs = loaded(stored), machine_code._Engine(stored)

    def both(name: str, result: type, *kinds: type) -> tuple[Callable[..., object], Callable[..., object]]:
        make = ctypes.PYFUNCTYPE(result, *kinds)
        return make(ours.address(name)), make(theirs.address(name))

    for name, result, kind, arguments in (
        ("sine", ctypes.c_double, ctypes.c_double, [0.0, 1.0, -3e5]),
        ("both", ctypes.c_double, ctypes.c_double, [0.5, 2.0]),
        ("entry", ctypes.c_double, ctypes.c_int64, range(4)),
        ("number", ctypes.c_double, ctypes.py_object, [3.25, 7]),
        ("choose", ctypes.c_int64, ctypes.c_int64, range(-1, 7)),
    ):
        mine, llvms = both(name, result, kind)
        assert [mine(x) for x in arguments] == [llvms(x) for x in arguments], name
    mine, llvms = both("where", ctypes.c_void_p)
    assert mine() == llvms() == address_of("sin")


def test_addresses_are_those_of_the_text() -> None:
    """With what is added to them, and where the text wants them to be."""
    places = ["@small", "@wide", "getelementptr (i8, ptr @wide, i64 24)", "getelementptr (i8, ptr @wide, i64 -8)"]
    functions = [f"define ptr @f{k}() nounwind {{\n  ret ptr {place}\n}}" for k, place in enumerate(places)]
    tenth = "define double @tenth(double %x) nounwind {\n  %y = fmul double %x, 0.1\n  ret double %y\n}"
    text = [
        tenth,
        "@small = constant i8 7",
        "@wide = constant [4 x i64] [i64 1, i64 2, i64 3, i64 4], align 64",
        *functions,
    ]
    file = loaded(compiled("\n".join(text)))
    small, wide, *others = [ctypes.CFUNCTYPE(ctypes.c_void_p)(file.address(f"f{k}"))() for k in range(len(places))]
    assert wide % 64 == 0
    assert others == [wide + 24, wide - 8]
    assert (ctypes.c_int8.from_address(small).value, ctypes.c_int64.from_address(wide + 24).value) == (7, 4)


def test_only_functions_for_others_have_addresses(stored: bytes) -> None:
    assert loaded(stored).address("choose")
    assert [loaded(stored).address(name) for name in ("hidden", "table", "sin", "")] == [0, 0, 0, 0]


def _rights(address: int) -> str:
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, *_ = line.split()
        start, stop = (int(part, 16) for part in span.split("-"))
        if start <= address < stop:
            return rights
    return ""


def test_code_cannot_be_written_nor_constants_run(stored: bytes) -> None:
    file = loaded(stored)
    assert _rights(file.address("choose")) == "r-xp"
    assert _rights(file._memory.address + file._memory._size - 1) == "r--p"


def test_all_memory_is_given_back(stored: bytes) -> None:
    def mappings() -> int:
        gc.collect()
        return len(Path("/proc/self/maps").read_text().splitlines())

    loaded(stored)
    before = mappings()
    for _ in range(1000):
        loaded(stored)
    assert mappings() <= before + 10


# ---- what is left to LLVM

ANSWER = "define i64 @answer() nounwind {\n  %y = load i64, ptr @number\n  ret i64 %y\n}\n"


@pytest.mark.parametrize(
    ("number", "refused"),
    [
        ("@number = constant i64 42", False),
        ("@number = global i64 42", True),
        ("@number = constant i64 42\ndefine void @unwinding() uwtable {\n  ret void\n}", True),
        ('@number = constant i64 42, section ".strange,"', False),
        ("@number = constant i64 42, align 8192", True),
    ],
)
def test_what_is_not_known_is_loaded_by_llvm(number: str, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{number}\n{ANSWER}"
    if refused:
        with pytest.raises(UnfamiliarError):
            loaded(compiled(text))
    monkeypatch.setenv("STEPGRAD_CACHE", "off")
    library = Library(text)
    assert isinstance(library._functions, machine_code._Engine if refused else ObjectFile)
    assert ctypes.CFUNCTYPE(ctypes.c_int64)(library.address("answer"))() == 42


@pytest.mark.parametrize(
    "text",
    [
        "@x = thread_local global i64 1\ndefine ptr @f() nounwind {\n  ret ptr @x\n}",
        "@x = common global i64 0\ndefine ptr @f() nounwind {\n  ret ptr @x\n}",
        "@x = external global i64\ndefine ptr @f() nounwind {\n  ret ptr @x\n}",
        "declare void @nobody_has_this()\ndefine void @f() nounwind {\n  call void @nobody_has_this()\n  ret void\n}",
        "",
    ],
)
def test_what_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(UnfamiliarError):
        loaded(compiled(text))


def test_another_system_is_left_to_llvm(monkeypatch: pytest.MonkeyPatch, stored: bytes) -> None:
    monkeypatch.setattr(object_file, "IS_SUPPORTED", False)
    monkeypatch.setenv("STEPGRAD_CACHE", "off")
    with pytest.raises(UnfamiliarError, match="this system"):
        loaded(stored)
    library = Library(TEXT)
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address("choose"))(2) == 77


@pytest.mark.parametrize("refusing", ["mmap", "mprotect"])
def test_a_system_that_refuses(monkeypatch: pytest.MonkeyPatch, refusing: str) -> None:
    """As SELinux does, where it lets nobody run what was written."""
    system, failed = executable_memory._system(), {"mmap": ctypes.c_void_p(-1).value, "mprotect": -1}[refusing]
    names = {name: getattr(system, name) for name in ("mmap", "mprotect", "munmap")}
    monkeypatch.setattr(executable_memory, "_system", lambda: SimpleNamespace(**{**names, refusing: lambda *_: failed}))
    with pytest.raises(OSError, match=r"\[Errno"):
        ExecutableMemory(PAGE).fill(b"", PAGE)
    monkeypatch.setenv("STEPGRAD_CACHE", "off")
    library = Library(TEXT)
    assert isinstance(library._functions, machine_code._Engine)
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address("choose"))(2) == 77


# ---- damaged files: nothing of them is run here


def loads(stored: bytes) -> bool:
    """Whether it is loaded; if so, then into memory of its own."""
    try:
        file = loaded(stored)
    except UnfamiliarError:
        return False
    base, size = file._memory.address, file._memory._size
    assert all(base <= address <= base + size for address in file._addresses.values())
    return True


def test_a_file_that_is_cut_off_is_refused(stored: bytes) -> None:
    """The table of sections is at its end."""
    assert loads(stored)
    assert not any(loads(stored[:length]) for length in range(0, len(stored), 7))


BIG = "@big = constant [100000 x i8] zeroinitializer\ndefine ptr @at() nounwind {\n  ret ptr @big\n}\n"


def _headers(stored: bytes) -> dict[int, dict[str, int]]:
    """The header of each section, by where it is."""
    (start,), (count,) = struct.unpack_from("<Q", stored, 40), struct.unpack_from("<H", stored, 60)
    places = range(start, start + HEADER.size * count, HEADER.size)
    return {place: dict(zip(FIELDS, HEADER.unpack_from(stored, place))) for place in places}


HEADER = struct.Struct("<IIQQQQIIQQ")
FIELDS = ("name", "kind", "flags", "address", "offset", "length", "link", "info", "align", "entry")
CODE, CONSTANTS, OTHER, RELOCATIONS, SYMBOLS = (1, 6), (1, 2), (1, 0), (4, 0x40), (2, 0)


def _changed(stored: bytes, sort: tuple[int, int], **fields: int) -> bytes:
    """The file with other fields in the headers of all sections of a sort, which are not empty."""
    made, found = bytearray(stored), 0
    for place, header in _headers(stored).items():
        if (header["kind"], header["flags"] & 0xFF & ~0x10) == sort and (header["length"] or sort == OTHER):
            HEADER.pack_into(made, place, *{**header, **fields}.values())
            found += 1
    assert found
    return bytes(made)


@pytest.mark.parametrize(
    ("sort", "fields"),
    [
        (CODE, {"length": 2**40}),
        (CONSTANTS, {"length": 2**63}),
        (CONSTANTS, {"align": 3}),
        (CONSTANTS, {"align": 2 * PAGE}),
        (CONSTANTS, {"kind": 8}),
        (CONSTANTS, {"flags": 3}),
        (CONSTANTS, {"flags": 0}),
        (OTHER, {"kind": 9}),
        (RELOCATIONS, {"info": 0}),
        (RELOCATIONS, {"info": 1000}),
        (SYMBOLS, {"kind": 3}),
    ],
)
def test_a_section_that_is_not_as_it_should_be_is_refused(
    stored: bytes, sort: tuple[int, int], fields: dict[str, int]
) -> None:
    assert loads(_changed(stored, sort))
    assert not loads(_changed(stored, sort, **fields))


def test_sections_that_are_each_other_take_no_memory() -> None:
    """A table of a thousand of them, each of which is the file, would take all there is."""
    stored = compiled(BIG)
    whole = {"offset": 0, "length": len(stored)}
    assert not loads(_changed(_changed(stored, CONSTANTS, **whole), CODE, **whole))


@pytest.mark.parametrize(
    ("place", "kind", "number"),
    [
        (0, "<Q", None),  # seven bytes ahead of its section's end
        (8, "<I", 2),  # relative to the place
        (12, "<I", 10**6),  # of a symbol that is not there
    ],
)
def test_a_relocation_that_is_not_as_it_should_be_is_refused(
    stored: bytes, place: int, kind: str, number: int | None
) -> None:
    made, headers = bytearray(stored), list(_headers(stored).values())
    for table in headers:
        if table["kind"] == 4:
            given = headers[table["info"]]["length"] - 7 if number is None else number
            struct.pack_into(kind, made, table["offset"] + place, given)
    assert not loads(bytes(made))


def test_relocations_of_what_is_not_in_memory_are_refused(stored: bytes) -> None:
    headers = list(_headers(stored).values())
    (symbols,) = (k for k, header in enumerate(headers) if header["kind"] == 2)  # long enough for each of them
    assert not loads(_changed(stored, RELOCATIONS, info=symbols))


def test_a_symbol_outside_of_its_section_is_refused(stored: bytes) -> None:
    made = bytearray(stored)
    (table,) = (header for header in _headers(stored).values() if header["kind"] == 2)
    for place in range(table["offset"] + 24, table["offset"] + table["length"], 24):
        struct.pack_into("<Q", made, place + 8, 5000)
    assert not loads(bytes(made))


@pytest.mark.parametrize("sort", [5, 6, 10])  # common, of a thread, or found by a function
def test_a_symbol_of_another_sort_is_refused(stored: bytes, sort: int) -> None:
    made = bytearray(stored)
    (table,) = (header for header in _headers(stored).values() if header["kind"] == 2)
    for place in range(table["offset"] + 24, table["offset"] + table["length"], 24):
        made[place + 4] = made[place + 4] & 0xF0 | sort
    assert not loads(bytes(made))


@given(st.data())
def test_a_file_with_other_bytes_is_refused_or_loaded(stored: bytes, data: st.DataObject) -> None:
    made = bytearray(stored)
    for _ in range(data.draw(st.integers(1, 4))):
        width = data.draw(st.sampled_from([1, 2, 4, 8]))
        place = data.draw(st.integers(0, len(made) - width))
        made[place : place + width] = data.draw(st.binary(min_size=width, max_size=width))
    loads(bytes(made))


@given(st.data())
def test_a_table_with_other_numbers_is_refused_or_loaded(stored: bytes, data: st.DataObject) -> None:
    """Where each byte counts: the headers, the symbols and the relocations."""
    made, extremes = bytearray(stored), [0, 1, 2, 7, 63, len(stored), 2**31, 2**32 - 1, 2**63, 2**64 - 1]
    headers = _headers(stored)
    tables = [(0, 64), (min(headers), HEADER.size * len(headers))]
    tables += [(header["offset"], header["length"]) for header in headers.values() if header["kind"] in (2, 4)]
    table, length = data.draw(st.sampled_from(tables))
    place = table + 4 * data.draw(st.integers(0, max(0, length // 4 - 2)))
    number = data.draw(st.sampled_from(extremes))
    struct.pack_into(*data.draw(st.sampled_from([("<Q", made, place, number), ("<I", made, place, number % 2**32)])))
    loads(bytes(made))
