"""What a function reads directly: its cells and defaults, and the globals and modules that its code names."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ....text.callers import is_users
from ..given.identity_tests import may_test_identity
from ..given.truth_tests import may_test_truth
from ..world import variables
from .code import (
    COMPUTING,
    DECIDING,
    has_patterns,
    minds_arrays,
    modules_imported_by,
    names_of,
    reading_name,
    reads_clock,
    texts_of,
)
from .found import MetSoFar
from .objects import ABSENT, DECIMALS, DESCRIBING, OF_FUNCTIONS, attribute_of, attributes_of, is_a
from .ranks import Rank


class Functions:
    """Examines functions.

    Args:
        met: what the walk has met so far.
    """

    def __init__(self, met: MetSoFar) -> None:
        self._met, self._found, self._used = met, met.found, met.used

    def of(self, function: FunctionType) -> Iterator[Any]:
        """What a function refers to by its own attributes, and by the names in its code."""
        for name in DESCRIBING & self._used:
            self._met.part(function, name, getattr(function, name))
            yield getattr(function, name)
        if "__globals__" in self._used:
            self._met.once(function.__globals__, "", function.__globals__)
        if not self._met.is_new(function, ""):
            return
        code = function.__code__
        for variable in variables.read_by.get(code, ()):
            if self._met.is_new(variables.read_by, variable):
                self._found.variable(variable)
        for attribute in OF_FUNCTIONS:
            self._found.part(function, attribute, getattr(function, attribute))
        if function.__kwdefaults__:
            self._found.holder(function.__kwdefaults__)
        defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        cells = [attribute_of(cell, "cell_contents") for cell in function.__closure__ or ()]  # some may still be empty
        names = names_of(code)
        named = {*names, *map(reading_name, (*cells, *defaults, *map(function.__globals__.get, names)))}
        computing = not COMPUTING.isdisjoint(named)
        for name, cell, content in zip(code.co_freevars, function.__closure__ or (), cells):
            self._found.slot(cell, "cell_contents", name, content)
            self._named(content, name, code, computing)
            yield content
        for content in defaults:
            self._named(content, "a default", code, computing)
        yield from defaults
        if is_users(code.co_filename):
            yield from self._names_in(function, computing)

    def _names_in(self, function: FunctionType, computing: bool) -> Iterator[Any]:
        """What the names in a user's function mean: globals, builtins and modules.

        Args:
            function: the function.
            computing: whether its code reads attributes that it does not name.
        """
        found, code, space = self._found, function.__code__, function.__globals__
        names = names_of(code)
        self._used.update(names, filter(str.isidentifier, texts_of(code)) if computing else ())
        found.matches = found.matches or has_patterns(code)
        found.tests_truth = found.tests_truth or may_test_truth(code)
        found.tests_identity = found.tests_identity or may_test_identity(code)
        found.minds_arrays = found.minds_arrays or minds_arrays(code)
        if reads_clock(code):
            found.iterators.append(("the clock", code))
        if not DECIDING.isdisjoint(names):
            yield DECIMALS
        if type(space) is not dict:  # as `exec` may be given: its class may find names in its own way
            yield from (type(space), attributes_of(space))
        if "modules" in names:
            yield from self._modules(texts_of(code), computing, Rank.RARE)
            own = sys.modules.get(str(space.get("__name__")))
            if "__name__" in names and own is not None:
                self._named(own, "__name__", code, computing)
                yield own
        for name in names:
            content = space.get(name, ABSENT)
            if content is not ABSENT:
                self._found.name(space, name, content)
                self._named(content, name, code, computing)
                yield content
            elif self._met.is_new(space, name):  # a builtin, or an attribute
                asks = "NameError" in names  # whether there is a global of this name
                self._found.name(space, name, ABSENT, None if asks else Rank.RARE)
                yield from self._built_in(function, name)
        yield from self._modules(modules_imported_by(function), computing)

    def _named(self, content: Any, name: str, code: CodeType, computing: bool) -> None:
        """Note what some code has under a name."""
        self._found.directly(content)
        self._met.iterator(content, name, code)
        if computing:
            self._search(content)

    def _search(self, content: Any) -> None:
        """Have everything in a module examined, for code that reads from it what it does not name."""
        if is_a(content, ModuleType) and id(content) not in self._met.searched:
            self._met.searched.add(id(content))
            self._met.seen.pop(id(content), None)

    def _built_in(self, function: FunctionType, name: str) -> Iterator[Any]:
        """What a name that is not a global means: a builtin, or what was added to the builtins."""
        names = attribute_of(function, "__builtins__")  # as not every typeshed knows it
        content = names.get(name, ABSENT)
        if content is not ABSENT and self._met.is_new(names, name):
            self._found.name(names, name, content, Rank.FAR if isinstance(content, type) else None)
            yield content

    def _modules(self, names: Iterable[str], computing: bool, rank: Rank | None = None) -> Iterator[Any]:
        """The modules of these names, which code imports or may look up in `sys.modules`, loaded or not."""
        for name in names:
            content = sys.modules.get(name, ABSENT)
            if self._met.is_new(sys.modules, name):
                self._found.name(sys.modules, name, content, rank)
            if computing:
                self._search(content)
            yield content
