"""What a function reads from outside: closure cells, globals and what they lead to, watched for changes.

The walk starts at the function, and follows closures, the globals that its code names, defaults, attributes, lists,
dicts and the user's modules. Code of installed packages is not entered. What it finds is compared by identity.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any

from .... import modes
from ....value import Value
from ..world import variables
from .found import Found, Holder, Read, are_as_they_were
from .methods import METHODS, OF_TABLE
from .ranks import Rank
from .read_guard import BUDGET, NAMED, NAMES, ReadGuard
from .walk import Walk
from .word_guard import WordGuard

MOST = 2**14
"""How many entries of far lists and dicts words watch at most."""


class Surroundings:
    """What a function reads from outside, as it is now.

    Args:
        function: one function, or a tuple of several.
        like: the surroundings of functions that read some of the same things, to save time.

    Attributes:
        found: all that is read, with what it holds as long as nothing has changed.
        changed: says whether something has changed; what is far away is compared only from time to time.
        differs: says whether something near has changed, and from its second call on looks at nothing else.
        near: compares what is near.
        late: in words, what the last look at everything found changed, if earlier calls may have used what was there
            before; otherwise "".
    """

    PATIENCE = 50
    """A look at everything is due when this many times its own duration has passed since the last: 2 % of the time."""

    changed: Callable[[], bool]
    differs: Callable[[], bool]
    near: ReadGuard

    def __init__(
        self, function: Callable[..., Any] | tuple[Callable[..., Any], ...], like: Surroundings | None = None
    ) -> None:
        self._function = function
        self._unseen = deque[bool](maxlen=1)  # not empty once a call has looked only at what is near
        self.found: Found = like.found if like else Found()
        self.renew()

    def renew(self) -> None:
        """Walk again, and from now on expect what is found."""
        started, count = time.perf_counter(), modes.changes[0]
        self.found, self._count = self._walked(), count
        self._due = started  # so that the first call finds out how long a look at everything takes
        self._variables = variables.count()
        self._outside: Callable[[], bool] | None = None  # see `holds_outside`
        self._unseen.clear()
        self.late = ""
        self._look()

    def _walked(self) -> Found:
        return Walk(self.found.leaf_lists).of(self._function)

    def settle(self) -> None:
        """Expect what there is now: what the function has changed in its own runs is no reason to trace it again."""
        if self._variables != variables.count() or self.changed_at_all():
            self.renew()

    def as_now(self) -> Found:
        """What the function reads now: what was found, if that is still the same, otherwise a new walk finds it."""
        return self.found if self.found.is_same() else self._walked()

    @property
    def passed(self) -> bool:
        """Whether, since the last look at everything, another has compared only what is near."""
        return bool(self._unseen)

    @property
    def change_announced(self) -> bool:
        """Whether a change, here or elsewhere, has been announced since the last look."""
        return self._count != modes.changes[0]

    def _look(self) -> None:
        """Make `changed` and `differs`, which compare what is near first."""
        found, look = self.found, ReadGuard(BUDGET)
        self._far: list[Read] = []  # for which there is no time at every call
        of_rank: list[list[Read]] = [[] for _ in Rank]
        for read in found.reads:
            of_rank[found.rank_of(read)].append(read)

        def add(*ranks: Rank) -> None:
            for rank in ranks:
                self._far += [read for read in of_rank[rank] if not look.takes(read)]

        with look.prolonged(NAMES):
            add(Rank.NUMBER)
            with look.prolonged(NAMED):
                add(Rank.NAMED_CONTAINER)
            add(Rank.FUNCTION, Rank.OBJECT)
        add(Rank.CONTAINER, Rank.CLASS, Rank.SETTING, Rank.RARE)
        self._far += (*of_rank[Rank.FAR], *of_rank[Rank.ANNOUNCED])
        unseen = self._unseen
        look.add("unseen$.append(True)", 0, lambda words: True, unseen=unseen)  # this gives None: no difference
        announced = "changes[0] != me._count"
        self.near = look
        self.differs = self._written_later("differs", announced)
        self.changed = self._written_later("changed", f"{announced} or clock() > me._due")

    def _written_later(self, name: str, condition: str) -> Callable[[], bool]:
        """A look that is written at its second call, as many have only one; the first call compares everything."""
        calls = iter([self.changed_at_all])

        def look() -> bool:
            now = next(calls, None)
            if now is None:
                things = {"changes": modes.changes, "me": self, "clock": time.perf_counter}
                now = self.near.function(condition, self.changed_at_all, **things)
                setattr(self, name, now)
            return now()

        return look

    def far(self, more: Sequence[Any]) -> WordGuard | None:
        """A guard of what `differs` leaves out, and of more lists and dicts; None if words cannot watch all of it."""
        words = WordGuard()
        return words if all(self._watched_by(words, more)) else None

    def _watched_by(self, words: WordGuard, more: Sequence[Any]) -> Iterator[bool]:
        """Let words watch all of that, and say of one thing after the other whether they can."""
        containers = {id(container): container for container in more}
        for name in self.found.names:
            rank = self.found.rank_of(name)
            if rank is Rank.FAR:
                yield words.add_entry(*name)
            elif rank is Rank.ANNOUNCED:
                containers[id(name.names)] = name.names
        for read in self.found.holders:
            if read.holder is METHODS:
                yield from (words.add_name(vars(Value), name) for name in OF_TABLE)
            elif self.found.rank_of(read) is Rank.FAR:
                containers[id(read.holder)] = read.holder
        yield all(isinstance(container, (list, dict)) for container in containers.values())
        yield sum(map(len, containers.values())) <= MOST
        for container in containers.values():
            yield words.add_list(container) or words.add_version(container)
        for as_words in self.near.left_out:
            yield as_words is not None and as_words(words)

    def changed_at_all(self) -> bool:
        """Whether anything has changed, near or far."""
        started, computed = time.perf_counter(), time.thread_time()
        count, passed = modes.changes[0], self.passed
        self._unseen.clear()
        if not self.found.is_same():
            if passed and self._count == count:  # else `late` stays as the first look at this change left it
                self.late = self._changed_far()
                self._unseen.clear()
            return True
        self._count, self.late = count, ""
        self._due = self.next_look(started, computed)
        return False

    def _changed_far(self) -> str:
        """What has changed far away, in words; "" if nothing has."""
        changed = [read for read in self._far if not are_as_they_were([read])]
        near_differs = self.near.function("False", lambda: True)
        if not changed and near_differs():
            return ""
        holders = [read.holder for read in changed if isinstance(read, Holder)]
        kind = f"the content of some {type(holders[0]).__name__}" if holders else "an attribute"
        return self.found.changed_number() or kind

    @classmethod
    def next_look(cls, started: float, computed: float) -> float:
        """When the next look at everything is due, at the end of one that began at these times.

        Args:
            started: when that was, by `time.perf_counter`.
            computed: the processor time of this thread at that moment.
        """
        ended, computed = time.perf_counter(), time.thread_time() - computed
        # Processor time, if its clock is fine enough: another process may have run meanwhile.
        return ended + cls.PATIENCE * min(computed or math.inf, ended - started)

    def look_again(self) -> None:
        """At the next call of `changed`, compare what is far away, too."""
        self._due = -math.inf

    def holds_outside(self, inside: Container[int]) -> bool:
        """Whether nothing has changed, near or far, outside of what is private.

        Args:
            inside: the ids of private dicts and lists, which nobody else can change; the same at every call.
        """
        if self._outside is None:
            names = [read for read in self.found.names if id(read.names) not in inside]
            holders = [read for read in self.found.holders if id(read.holder) not in inside]
            by_name: list[Read] = [*self.found.parts, *names]
            look = ReadGuard(math.inf)
            for read in by_name:
                look.takes(read)
            differs = look.function("False", lambda: not are_as_they_were(by_name))
            self._outside = lambda: not differs() and are_as_they_were(holders)
        same = self._outside()
        if same:
            self._count = modes.changes[0]
        return same
