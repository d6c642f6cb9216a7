"""Whose a class or module is: the user's, this project's, or that of an installed package, which is not searched."""

from __future__ import annotations

import builtins
import sys
from enum import Enum
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any

from ....text.callers import INSTALLED, is_users
from ....value import Value
from .objects import ABSENT, PLAIN, attribute_of

_COMPILER = __name__.partition(".frontend")[0]
_MAKERS = frozenset({"abc", "enum", "types"})
"""What classes give as their module if a call has made them, as of `types.new_class`, or of `type` for an ABC."""
_IS_MADE_AT_RUN_TIME, _IS_IMMUTABLE = 1 << 9, 1 << 8  # Py_TPFLAGS_HEAPTYPE, Py_TPFLAGS_IMMUTABLETYPE
_LEAVES = PLAIN | {CodeType, type(Ellipsis), Value}


def is_of_users(thing: Any) -> bool:
    """Whether a module or class is the user's, not part of an installed package or of Python."""
    module = thing if isinstance(thing, ModuleType) else sys.modules.get(thing.__module__)
    if module is builtins and thing is not module:
        return can_be_set(thing)  # of code run without a `__name__`, unlike the types of Python itself
    if not isinstance(thing, ModuleType) and thing.__module__ in _MAKERS:
        return attribute_of(module, thing.__name__) is not thing
    file = attribute_of(module, "__file__")
    if not isinstance(file, str):  # typed in, or built in
        spec = attribute_of(module, "__spec__")
        return spec is None or spec is ABSENT
    return is_users(file) and not _is_installed(str(attribute_of(module, "__name__")), file)


@cache
def _is_installed(name: str, file: str) -> bool:
    """Whether a module is in a folder for packages, or one in which pip recorded it, as by `pip install --target`.

    There the user's own modules may lie beside installed ones.
    """
    if any(folder in file for folder in INSTALLED):
        return True
    above = Path(file).parents
    level = name.count(".") + (Path(file).stem == "__init__")
    return level < len(above) and name.partition(".")[0] in _recorded(above[level])


@cache
def _recorded(folder: Path) -> frozenset[str]:
    """The modules and packages that pip has installed in a folder."""
    records = [record.read_text("utf-8", "replace") for record in folder.glob("*.dist-info/RECORD")]
    files = [line.partition(",")[0] for record in records for line in record.splitlines()]
    return frozenset([file.partition("/")[0].removesuffix(".py") for file in files])


def is_of_project(thing: type | ModuleType) -> bool:
    """Whether a module, or some base of a class, is this project's, which is not searched for names."""
    owners = [thing.__name__] if isinstance(thing, ModuleType) else [str(base.__module__) for base in thing.__mro__]
    return any(map(_is_projects, owners))


def _is_projects(module: str) -> bool:
    return module.partition(".")[0] in ("engine", "nn")


def wraps_own(function: FunctionType) -> bool:
    """Whether this is the project's wrapper of a function, which explains wrong arguments: nothing in it is watched."""
    is_own = "__wrapped__" in vars(function) and _is_projects(str(function.__module__))
    return is_own and not is_users(function.__code__.co_filename)


def is_of_compiler(kind: Any) -> bool:
    """Whether a class is the compiler's, or keeps its programs: of instances only a function counts that they run."""
    return str(kind.__module__).startswith(_COMPILER) or "__keeps_programs__" in vars(kind)


def announces(kind: Any) -> bool:
    """Whether instances announce what is set on them, as `nn.Module`s do."""
    return kind.__setattr__ is not object.__setattr__


def can_be_set(kind: type) -> bool:
    """Whether a class has attributes that Python code can set, unlike those written in C."""
    return bool(kind.__flags__ & _IS_MADE_AT_RUN_TIME) and not kind.__flags__ & _IS_IMMUTABLE


@cache
def slots_of(kind: type) -> tuple[str, ...]:
    """The slots of a class and its bases, except this project's, and those that errors have."""
    slotted = [base for base in kind.__mro__ if "__slots__" in vars(base) or issubclass(base, BaseException)]
    owners = [base for base in slotted if not _is_projects(base.__module__)]
    return tuple(name for base in owners for name, part in vars(base).items() if isinstance(part, MemberDescriptorType))


@cache
def inherits_from_library(kind: type) -> bool:
    """Whether methods of a class are a library's, and read attributes that the user's code does not name.

    Not of an enum, whose members count by their values.
    """
    if issubclass(kind, Enum):
        return False
    bases = [base for base in kind.__mro__ if not (is_of_users(base) or _is_projects(base.__module__))]
    return any(base.__dictoffset__ or slots_of(base) for base in bases)


def is_leaf(kind: type) -> bool:
    """Whether things of a class have nothing in them to walk, like Values, lent or not."""
    return kind in _LEAVES or (issubclass(kind, Value) and not is_of_users(kind))
