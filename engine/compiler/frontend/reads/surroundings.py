"""What a function reads from outside: closure cells, globals and what is reached from them, watched for changes.

The walk starts at the function and follows closures, the globals that its code names, defaults, attributes, lists,
dicts and modules of the user's. Code of installed packages is not entered. What it finds is compared by identity.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Container, Mapping, Sequence
from itertools import chain
from types import BuiltinFunctionType, CodeType, FunctionType, MappingProxyType
from typing import Any, TypeAlias

from .... import modes
from ....value import Value
from ...places import same_objects
from . import outside
from .objects import (
    ABSENT,
    DESCRIBING,
    OF_FUNCTIONS,
    PARTS,
    PLAIN,
    LeafList,
    Names,
    Registrations,
    all_same,
    attribute_of,
    held,
    held_now,
    is_a,
    is_array,
    plain_entries,
    refill,
    same,
)
from .read_guard import BUDGET, NAMED, NAMES, ReadGuard, rank_of
from .walk import Walk
from .word_guard import WordGuard

PATIENCE = 50
"""A look at everything is due when this many times its own duration has passed since the last: 2 % of the time."""
MOST = 2**14
"""How many entries of far lists and dicts are watched by words."""
_LATE, _LAST = 4, 5
"""The rank of what hardly ever changes: see `rank_of`."""
_RARE = {*OF_FUNCTIONS, *chain(*PARTS.values()), *DESCRIBING, "__class__", "__dict__", "__bases__"}
_Part: TypeAlias = tuple[Any, str, Any]
_Name: TypeAlias = tuple[Mapping[str, Any], str, Any]
_Holder: TypeAlias = tuple[Any, tuple[Any, ...]]


class Surroundings:
    """What a function reads from outside, as it is now.

    Args:
        function: one function, or a tuple of several.
        like: the surroundings of functions that read some of the same things, which saves time.

    Attributes:
        generators: sources of random numbers.
        iterators: names of what gives a new entry whenever it is read, such as files, and the code that names them.
        aliases: other names of `type`, and the code that names them.
        matches: whether some code has patterns of sequences, which tell lists from arrays.
        tests_truth, tests_identity: whether some code may compare by `is` with True or False, or with another thing.
        minds_arrays: whether some code may write into an array, or ask for the type of its numbers.
        changed: says whether something has changed; what is far away is compared only from time to time.
        differs: says whether something near has changed, and looks at nothing else.
        near: compares what is near.
    """

    changed: Callable[[], bool]
    differs: Callable[[], bool]
    near: ReadGuard

    def __init__(
        self, function: Callable[..., Any] | tuple[Callable[..., Any], ...], like: Surroundings | None = None
    ) -> None:
        self._function = function
        self._leaf_lists: dict[int, LeafList] = like._leaf_lists if like else {}  # by id
        self.renew()

    def renew(self) -> None:
        """Walk again: what is found now is expected from now on."""
        started = time.perf_counter()
        self._count = modes.changes[0]
        self.generators: list[Any] = []
        self._parts: list[_Part] = []  # parts of functions: the content of a closure cell, code, defaults
        self._names: list[_Name] = []
        self._numbers: list[tuple[str, Callable[[], Any]]] = []  # names with what may be plain numbers
        self._holders: list[_Holder] = []
        self._outside: Callable[[], bool] | None = None  # whether what others have too is the same, if that was asked
        self._direct: set[int] = set()
        self._modules: set[int] = set()
        self._announced: set[int] = set()
        self._settings: set[int] = set()
        self._rare: set[tuple[int, str]] = set()
        self.iterators: list[tuple[str, CodeType | None]] = []
        self.aliases: list[tuple[str, CodeType | None]] = []
        self._far: set[tuple[int, str]] = set()
        self._leaf_lists, self._leaf_lists_before = {}, self._leaf_lists
        walk = Walk(self)
        self._keep = walk.of(self._function)
        self._leaf_lists_before = {}
        self.matches, self.minds_arrays = walk.matches, walk.minds_arrays
        self.tests_truth, self.tests_identity = walk.tests_truth, walk.tests_identity
        if "label" in walk.used:
            self._labels()
        self._variables = outside.count_of_variables()
        self._look()
        self._due = started  # so that the first call finds out how long a look at everything takes

    def settle(self) -> None:
        """Expect what there is now: what the function itself has changed in a run is no reason to trace it again."""
        if self._variables != outside.count_of_variables() or self.changed_at_all():
            self.renew()

    @property
    def are_announced_to_be_others(self) -> bool:
        """Whether a change, here or elsewhere, has been announced since the last look."""
        return self._count != modes.changes[0]

    def give_back(self) -> None:
        """Undo what the function has changed in its runs, which were for nothing if it is refused."""
        for part, attribute, content in self._parts:
            if attribute not in _RARE and attribute_of(part, attribute) is not content is not ABSENT:
                setattr(part, attribute, content)
        for names, name, content in self._names:
            if isinstance(names, dict) and names is not outside.environment and names.get(name, ABSENT) is not content:
                names.pop(name) if content is ABSENT else names.update({name: content})
        for holder, before in self._holders:
            if holder is not outside.environment and not all_same(held(holder), before):
                refill(holder, before)

    def found_part(self, owner: Any, attribute: str, content: Any) -> None:
        """A part of a function, such as its code."""
        self._parts.append((owner, attribute, content))

    def found_slot(self, owner: Any, attribute: str, name: str, content: Any) -> None:
        """The content of a closure cell, or of a slot of an object."""
        self.found_part(owner, attribute, content)
        self._numbers.append((name, lambda: attribute_of(owner, attribute)))

    def found_name(self, names: Mapping[str, Any], name: str, content: Any) -> None:
        """A global or an attribute."""
        self._names.append((names, name, content))
        self._numbers.append((name, lambda: names.get(name, ABSENT)))

    def found_setting(self, names: Mapping[str, Any], name: str, content: Any) -> None:
        """A name of an installed module, which hardly ever changes."""
        self._settings.add(id(names))
        self.found_name(names, name, content)

    def found_built_in(self, names: Mapping[str, Any], name: str, content: Any) -> None:
        """A builtin name, which hardly ever changes, or one that was added to the builtins."""
        if isinstance(content, (BuiltinFunctionType, type)):
            self._far.add((id(names), name))
        self.found_name(names, name, content)

    def found_rarely(self, names: Mapping[str, Any], name: str, content: Any) -> None:
        """A name that is compared last."""
        self._rare.add((id(names), name))
        self.found_name(names, name, content)

    def found_variable(self, name: Any) -> None:
        """An environment variable, or the whole environment."""
        if name is outside.WHOLE:
            self.found_holder(outside.environment)
        else:
            content = outside.environment.get(name, ABSENT)
            self._names.append((outside.environment, name, content))
            self._numbers.append((f"the variable {os.fsdecode(name)}", lambda: outside.environment.get(name, ABSENT)))

    def found_directly(self, *things: Any) -> None:
        """What a function itself names, or has as a default: if it is small it is compared every time."""
        self._direct.update(map(id, things))

    def found_announced(self, attributes: Mapping[str, Any]) -> None:
        """Attributes of an object that announces what is set; what it holds is usually large."""
        self._announced.add(id(attributes))
        self._modules.update(map(id, attributes.values()))

    def found_holder(self, holder: Any, inside: tuple[Any, ...] | None = None) -> None:
        """A list, dict, set, array or context variable, and its content as `held` gives it, if known."""
        self._holders.append((holder, held(holder) if inside is None else inside))
        if isinstance(holder, (list, dict)):
            self._numbers.append((f"an entry of a {type(holder).__name__}", lambda: plain_entries(holder)))

    def leaves_in(self, holder: Any) -> LeafList | None:
        """What was found before in a list of leaves, if it still holds these: there is nothing new in it."""
        before = self._leaf_lists_before.get(id(holder)) if type(holder) is list else None
        return before if before is not None and same_objects(before.inside, holder) else None

    def found_leaves(self, holder: list[Any], inside: tuple[Any, ...], kinds: set[type]) -> None:
        """A list with nothing to walk in it, and the types of its entries."""
        self._leaf_lists[id(holder)] = LeafList(inside, kinds)

    def kinds_in(self, holder: Any) -> set[type]:
        """The types of what was found in a list of leaves, or is in any other container now."""
        found = self._leaf_lists.get(id(holder)) if type(holder) is list else None
        return {*map(type, holder)} if found is None else found.kinds

    def sizes(self) -> list[int]:
        """The length of each plain list that is read."""
        return [len(holder) for holder, _ in self._holders if type(holder) is list]

    def growing(self, before: list[int]) -> list[list[Any]]:
        """The lists that had grown by the time of `before`, and have grown again."""
        lists = [(holder, first) for holder, first in self._holders if type(holder) is list]
        return [holder for (holder, first), then in zip(lists, before) if len(first) < then < len(holder)]

    def _labels(self) -> None:
        """The labels of all Values that were found, for code that reads labels."""
        found = [content for *_, content in (*self._parts, *self._names)]
        found += [entry for _, inside in self._holders for entry in inside]
        for value in {id(value): value for value in found if is_a(value, Value)}.values():
            self.found_part(value, "label", value.label)

    def numbers(self) -> list[Any]:
        """All plain numbers and strings that are read, as they are now."""
        return [read() for _, read in self._numbers]

    def written(self, before: list[Any]) -> str:
        """The first of them that has changed, and what it is now; "" if there is none."""
        for (name, _), was, now in zip(self._numbers, before, self.numbers()):
            if type(now) is not type(was) or same(now, was):
                continue
            if type(was) in PLAIN:
                return f"{name} from {was!r} to {now!r}"
            if type(was) is tuple and len(now) == len(was):
                return name
        return ""

    def _look(self) -> None:
        """Make `changed` and `differs`; what is near comes first."""
        look = ReadGuard(BUDGET)
        near = [
            (names, name, content)
            for names, name, content in self._names
            if id(names) not in self._announced and (id(names), name) not in self._far
        ]
        names = [(self._order(*name), *name) for name in near]
        parts = [(_LATE if part[1] in _RARE else rank_of(part[2]), *part) for part in self._parts]
        holders = [found for found in self._holders if self._is_near(found[0])]

        def of_rank(rank: int) -> None:
            for of, *attribute in parts:
                if of == rank:
                    look.add_attribute(*attribute)
            for of, *name in names:
                if of == rank:
                    look.add_name(*name)

        with look.prolonged(NAMES):
            of_rank(0)
            with look.prolonged(NAMED):
                for holder, inside in holders:
                    if id(holder) in self._direct:
                        look.add_holder(holder, inside)
            of_rank(1)
            of_rank(2)
        for holder, inside in holders:
            if id(holder) not in self._direct:
                look.add_holder(holder, inside)
        for rank in range(3, _LAST + 1):
            of_rank(rank)
        announced = "changes[0] != me._count"
        self.near = look
        self.differs = self._written_later("differs", announced)
        self.changed = self._written_later("changed", f"{announced} or clock() > me._due", self.changed_at_all)

    def _written_later(self, name: str, condition: str, first: Callable[[], bool] | None = None) -> Callable[[], bool]:
        """A look whose code is written when it is called, from the second call on if there is another for the first."""
        calls = iter([first] if first else [])

        def look() -> bool:
            now = next(calls, None)
            if now is None:
                things = {"changes": modes.changes, "me": self, "clock": time.perf_counter}
                now = self.near.function(condition, self.changed_at_all, **things)
                setattr(self, name, now)
            return now()

        return look

    def far(self, more: Sequence[Any]) -> WordGuard | None:
        """A guard of more lists and dicts, and what `differs` leaves out; None if words cannot watch all of it."""
        words = WordGuard()
        announced = [names for names, *_ in self._names if id(names) in self._announced]
        holders = [holder for holder, _ in self._holders if not self._is_near(holder)]
        names = [found for found in self._names if (id(found[0]), found[1]) in self._far]
        containers = {id(container): container for container in (*more, *announced, *holders)}.values()
        seen = (
            all(isinstance(container, (list, dict)) for container in containers)
            and sum(map(len, containers)) <= MOST
            and all(words.add_list(container) or words.add_version(container) for container in containers)
            and all(words.add_entry(*name) for name in names)
            and all(left is not None and left(words) for left in self.near.left)
        )
        return words if seen else None

    def _is_near(self, holder: Any) -> bool:
        if isinstance(holder, (Names, Registrations)):
            return False
        return id(holder) not in self._modules or is_array(holder)

    def _order(self, names: Mapping[Any, Any], name: Any, content: Any) -> int:
        """The rank of a name: see `rank_of`."""
        if (id(names), name) in self._rare:
            return _LAST
        if id(names) in self._settings:
            return _LATE
        if isinstance(names, MappingProxyType) and isinstance(content, FunctionType):  # a method, perhaps never called
            return 3
        return rank_of(content)

    def changed_at_all(self) -> bool:
        """Whether anything has changed, near or far."""
        started, computed = time.perf_counter(), time.thread_time()
        if self._count != modes.changes[0]:  # there may be something new as well
            now = Surroundings(self._function, like=self)
            if not self._equals(now):
                return True
            self.__dict__.update(now.__dict__)
            self._look()
        elif not self._are_as_they_were(self._parts, self._names, self._holders):
            return True
        ended, computed = time.perf_counter(), time.thread_time() - computed
        # Processor time, where its clock is fine enough: another process may have had its turn meanwhile.
        self._due = ended + PATIENCE * min(computed or math.inf, ended - started)
        return False

    @property
    def holders(self) -> Sequence[_Holder]:
        """The lists, dicts, sets, arrays and context variables, and what is expected in each."""
        return self._holders

    def look_again(self) -> None:
        """Compare what is far away, too, at the next call of `changed`."""
        self._due = -math.inf

    def holds_outside(self, inside: Container[int]) -> bool:
        """Whether nothing has changed, near or far, leaving out what is private.

        Args:
            inside: the ids of private dicts and lists, which nothing else can change; the same at every call.
        """
        if self._outside is None:
            names = [found for found in self._names if id(found[0]) not in inside]
            holders = [found for found in self._holders if id(found[0]) not in inside]
            look = ReadGuard(math.inf)
            for part in self._parts:
                look.add_attribute(*part)
            for name in names:
                look.add_name(*name)
            differs = look.function("False", lambda: not self._are_as_they_were(self._parts, names, ()))
            self._outside = lambda: not differs() and (not holders or self._are_as_they_were((), (), holders))
        same = self._outside()
        if same:
            self._count = modes.changes[0]
        return same

    def _are_as_they_were(self, parts: Sequence[_Part], names: Sequence[_Name], holders: Sequence[_Holder]) -> bool:
        try:
            return (
                all(same(attribute_of(part, attribute), content) for part, attribute, content in parts)
                and all(same(names.get(name, ABSENT), content) for names, name, content in names)
                and all(all_same(held_now(holder), before) for holder, before in holders)
            )
        except Exception:  # from a file in memory that is now closed, or the user's code, such as an `__iter__`
            return False

    def _equals(self, other: Surroundings) -> bool:
        return (
            all_same([c for *_, c in self._parts], [c for *_, c in other._parts])
            and all_same([c for *_, c in self._names], [c for *_, c in other._names])
            and [name for _, name, _ in self._names] == [name for _, name, _ in other._names]
            and len(self._holders) == len(other._holders)
            and all(all_same(a, b) for (_, a), (_, b) in zip(self._holders, other._holders))
        )
