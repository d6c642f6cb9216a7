"""What functions read by themselves: their cells and defaults, and the globals and modules that their code names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from io import IOBase
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from ....text.callers import is_users
from ..given.truth_tests import may_test_truth
from . import outside
from .code import COMPUTING, DECIDING, has_patterns, modules_imported_by, names_of, reading_name, texts_of
from .objects import ABSENT, DECIMALS, DESCRIBING, OF_FUNCTIONS, attribute_of, class_of, is_a

if TYPE_CHECKING:
    from .surroundings import Surroundings


class Functions:
    """Examines each function once.

    Args:
        found: is told what is found.

    Attributes:
        used: the names in the code.
        matches: whether some code has patterns of sequences, which tell lists from arrays.
        tests_truth: whether some code may compare by `is` with True or False.
    """

    def __init__(self, found: Surroundings) -> None:
        self._found = found
        self.used: set[str] = set()
        self.matches = self.tests_truth = False
        self._seen: dict[int, Any] = {}
        self._attributes: set[tuple[Any, Any]] = set()
        self._searched: set[int] = set()  # modules from which code may read what it does not name

    def _once(self, owner: Any, what: str, found: Any) -> None:
        """Tell what is in an object, once."""
        if (id(owner), what) not in self._attributes:
            self._attributes.add((id(owner), what))
            self._found.found_holder(found)

    def _part(self, owner: Any, attribute: str, content: Any) -> None:
        if (id(owner), attribute) not in self._attributes:
            self._attributes.add((id(owner), attribute))
            self._found.found_part(owner, attribute, content)

    def _function(self, function: FunctionType) -> Iterator[Any]:
        for name in DESCRIBING & self.used:
            self._part(function, name, getattr(function, name))
            yield getattr(function, name)
        if (id(function), "") in self._attributes:
            return
        self._attributes.add((id(function), ""))
        where = function.__code__
        for variable in outside.variables.get(where, ()):
            if ("", variable) not in self._attributes:
                self._attributes.add(("", variable))
                self._found.found_variable(variable)
        for attribute in OF_FUNCTIONS:
            self._found.found_part(function, attribute, getattr(function, attribute))
        if function.__kwdefaults__:
            self._found.found_holder(function.__kwdefaults__)
        defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        cells = [attribute_of(cell, "cell_contents") for cell in function.__closure__ or ()]  # some may still be empty
        names = names_of(where)
        named = {*names, *map(reading_name, (*cells, *defaults, *map(function.__globals__.get, names)))}
        computing = not COMPUTING.isdisjoint(named)
        for name, cell, content in zip(where.co_freevars, function.__closure__ or (), cells):
            self._found.found_slot(cell, "cell_contents", name, content)
            self._named(content, name, where, computing)
            yield content
        self._found.found_directly(*defaults)
        for content in defaults:
            self._iterator(content, "a default", where)
        yield from defaults
        if not is_users(function.__code__.co_filename):
            return
        self.used.update(names, filter(str.isidentifier, texts_of(where)) if computing else ())
        self.matches = self.matches or has_patterns(where)
        self.tests_truth = self.tests_truth or may_test_truth(where)
        if not DECIDING.isdisjoint(names):
            yield DECIMALS
        if "__globals__" in names:
            self._found.found_holder(function.__globals__)
        if "modules" in names:
            yield from self._modules(texts_of(function.__code__), self._found.found_rarely)
            own = sys.modules.get(str(function.__globals__.get("__name__")))
            if "__name__" in names and own is not None:
                self._named(own, "__name__", where, computing)
                yield own
        for name in names:
            content = function.__globals__.get(name, ABSENT)
            if content is not ABSENT:
                self._found.found_name(function.__globals__, name, content)
                self._named(content, name, where, computing)
                yield content
            elif (id(function.__globals__), name) not in self._attributes:  # a builtin, or an attribute
                self._attributes.add((id(function.__globals__), name))
                if "NameError" in names:  # it may matter whether it exists
                    self._found.found_name(function.__globals__, name, ABSENT)
                else:
                    self._found.found_nothing(function.__globals__, name)
                yield from self._built_in(function, name)
        yield from self._modules(modules_imported_by(function), self._found.found_name)

    def _named(self, content: Any, name: str, code: CodeType, computing: bool) -> None:
        """What some code has under a name; from a module it may read anything, if it reads what it does not name."""
        self._found.found_directly(content)
        self._iterator(content, name, code)
        if computing and is_a(content, ModuleType) and id(content) not in self._searched:
            self._searched.add(id(content))
            self._seen.pop(id(content), None)

    def _built_in(self, function: FunctionType, name: str) -> Iterator[Any]:
        """What a name that is not a global means: a builtin, or what somebody has put among the builtins."""
        names = attribute_of(function, "__builtins__")  # not every typeshed knows it
        content = names.get(name, ABSENT)
        if content is not ABSENT and (id(names), name) not in self._attributes:
            self._attributes.add((id(names), name))
            self._found.found_built_in(names, name, content)
            yield content

    def _modules(self, names: Iterable[str], found: Callable[[Any, str, Any], None]) -> Iterator[Any]:
        """The modules that some code imports or may look up in `sys.modules`, including those not loaded yet."""
        for name in names:
            content = sys.modules.get(name, ABSENT)
            if (id(sys.modules), name) not in self._attributes:
                self._attributes.add((id(sys.modules), name))
                found(sys.modules, name, content)
                yield content

    def _iterator(self, content: Any, name: str, code: CodeType | None = None) -> None:
        """Tell of anything that gives a new entry at every read, such as a file; and of another name for `type`."""
        if content is type:
            self._found.aliases.append((name, code))
        goes_on = hasattr(class_of(content), "__next__")
        if is_a(content, IOBase):
            goes_on = not content.closed and content.readable() and not content.writable()
        if goes_on:
            self._found.found_iterator(name, code)
