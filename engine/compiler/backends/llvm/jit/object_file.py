"""Loads object files without LLVM, whose library takes longer to load than all of our code.

What LLVM makes of our texts is simple: an ELF file with sections of code and constants, and relocations by whole
addresses, of these sections or of functions that the process has. Only that is understood here. Anything else, from
variables to truncated files, is refused before anything runs, and is left to LLVM.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .executable_memory import IS_SUPPORTED, PAGE, ExecutableMemory

_HEADER, _SECTION = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQIIQQ")
_SYMBOL, _RELOCATION, _ADDRESS = struct.Struct("<IBBHQQ"), struct.Struct("<QIIQ"), struct.Struct("<Q")

# The names and numbers are those of elf.h.
_ELF64_LITTLE_ENDIAN, _ET_REL, _EM_X86_64, _R_X86_64_64 = b"\x7fELF\x02\x01\x01", 1, 62, 1
_NULL, _PROGBITS, _SYMTAB, _STRTAB, _RELA = range(5)
_ALLOC, _EXECUTE = 2, 4
_FLAGS = _ALLOC | _EXECUTE | 0x10 | 0x20 | 0x10000000  # that a section may be merged, or is large, changes nothing
_GLOBAL_FUNCTION, _PLAIN_KINDS = 0x12, range(4)  # of symbols: nothing, an object, a function, a section


class UnfamiliarError(Exception):
    """An object file, or a system, that this loader does not know."""


class ObjectFile:
    """The functions of an object file; they live as long as this object does.

    Args:
        stored: the file.
        symbols: gives the address of one of the process's own functions; raises AttributeError where there is none.

    Raises:
        UnfamiliarError: something in it is not understood here, or it calls a function that is not there.
        OSError: the system gives no memory, or none that may be executed.
    """

    def __init__(self, stored: bytes, symbols: Callable[[str], int]):
        if not IS_SUPPORTED:
            raise UnfamiliarError("this system")
        try:
            file = _File(memoryview(stored))
            self._memory = ExecutableMemory(file.size)
            self._addresses = file.functions(self._memory.address)
            self._memory.fill(file.image(self._memory.address, symbols), file.code)
        except (struct.error, IndexError, ValueError, AttributeError) as error:
            raise UnfamiliarError(f"not a whole object file: {error}") from error

    def address(self, name: str) -> int:
        """Where the function of that name begins; 0 if there is none."""
        return self._addresses.get(name, 0)


class _Section(NamedTuple):
    kind: int
    flags: int
    content: memoryview
    link: int
    info: int
    align: int


class _Symbol(NamedTuple):
    name: int
    info: int
    other: int
    section: int
    value: int
    size: int


class _File:
    """The content of a file and where in memory it goes: code first, and from the next page on what is only read.

    Attributes:
        code: bytes of the pages for code.
        size: bytes of all pages.
    """

    def __init__(self, stored: memoryview):
        self._sections = list(_sections(stored))
        self._offsets: dict[int, int] = {}  # in memory, of the sections that go there
        self.code = self._place(_ALLOC | _EXECUTE, 0)
        self.size = self._place(_ALLOC, self.code)
        if not 0 < self.size < len(stored) + PAGE * (2 + len(self._sections)):
            raise UnfamiliarError("sections that are nothing, or each other")
        (table,) = (section for section in self._sections if section.kind == _SYMTAB)
        self._symbols = [_Symbol(*fields) for fields in _SYMBOL.iter_unpack(table.content)]
        self._names = bytes(self._sections[table.link].content)

    def _place(self, kept: int, size: int) -> int:
        """Place the sections with these flags after the others; return the size so far, to the end of a page."""
        for k, section in enumerate(self._sections):
            if section.flags & (_ALLOC | _EXECUTE) == kept:
                size += -size % max(1, section.align)
                self._offsets[k] = size
                size += len(section.content)
        return size + -size % PAGE

    def functions(self, base: int) -> dict[str, int]:
        """The addresses of the functions that others may call."""
        return {
            self._name(symbol): base + self._offset(symbol)
            for symbol in self._symbols
            if symbol.info == _GLOBAL_FUNCTION and symbol.section in self._offsets
        }

    def image(self, base: int, symbols: Callable[[str], int]) -> bytearray:
        """What to write to memory, given its address there."""
        made = bytearray(self.size)
        for k, start in self._offsets.items():
            content = self._sections[k].content
            made[start : start + len(content)] = content
        for section in self._sections:
            if section.kind == _RELA:
                self._relocate(section, made, base, symbols)
        return made

    def _relocate(self, section: _Section, made: bytearray, base: int, symbols: Callable[[str], int]) -> None:
        """Write the addresses that a section of relocations asks for."""
        start, length = self._offsets.get(section.info, 0), len(self._sections[section.info].content)
        for place, kind, number, addend in _RELOCATION.iter_unpack(section.content):
            if kind != _R_X86_64_64 or section.info not in self._offsets or place + _ADDRESS.size > length:
                raise UnfamiliarError(f"a relocation of kind {kind} at {place} of section {section.info}")
            symbol = self._symbols[number]
            target = symbols(self._name(symbol)) if symbol.section == _NULL else base + self._offset(symbol)
            _ADDRESS.pack_into(made, start + place, (target + addend) % 2**64)

    def _offset(self, symbol: _Symbol) -> int:
        """Where in memory one of the file's own symbols is."""
        if symbol.info & 15 not in _PLAIN_KINDS or symbol.section not in self._offsets:
            raise UnfamiliarError(f"a symbol of kind {symbol.info} in section {symbol.section}")
        if symbol.value > len(self._sections[symbol.section].content):
            raise UnfamiliarError("a symbol outside of its section")
        return self._offsets[symbol.section] + symbol.value

    def _name(self, symbol: _Symbol) -> str:
        return self._names[symbol.name : self._names.index(b"\0", symbol.name)].decode("ascii")


def _sections(stored: memoryview) -> Iterator[_Section]:
    """All sections of a file, if all are of known kinds."""
    identity, sort, machine, _, _, _, start, *_, size, count, _ = _HEADER.unpack(stored[: _HEADER.size])
    if (identity[:7], sort, machine, size) != (_ELF64_LITTLE_ENDIAN, _ET_REL, _EM_X86_64, _SECTION.size):
        raise UnfamiliarError("no object file for this machine")
    for header in range(start, start + count * _SECTION.size, _SECTION.size):
        entry = _SECTION.unpack(stored[header : header + _SECTION.size])
        _, kind, flags, _, offset, length, link, info, align, _ = entry
        content = stored[offset : offset + length]
        known = kind == _PROGBITS and not flags & ~_FLAGS if flags & _ALLOC else kind <= _RELA
        if not known or len(content) != length or align & (align - 1) or align > PAGE:
            raise UnfamiliarError(f"a section of kind {kind}, flags {flags:#x}, {length} bytes aligned to {align}")
        yield _Section(kind, flags, content, link, info, align)
