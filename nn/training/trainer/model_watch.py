"""What a model, a loss and an optimiser's rule are made of, and whether any of it has changed.

That is the model's attributes, the content of its lists and dicts, and what the code of all three reads from elsewhere.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from engine import Due, Guards, Surroundings, Value, all_same, changes, leaves_made

from ...layers.contents import children_of
from ...layers.module import Module
from ...optimisers.base import Optimizer, has_rule

PAUSE = 2e-7
"""Seconds from one comparison of a far word, which takes about 1 ns, to the next: at most 0.5 % of the time."""

FEW = 400
"""How many parameters in lists and dicts are compared at every step, those in short ones first."""


class ModelWatch:
    """A model, a loss and the rule of an optimiser, as they were.

    Compared at every step are the counter that modules raise when an attribute is set; lists and dicts that hold
    anything but parameters, such as layers or numbers; what the functions name; and the counter of leaves, since a
    parameter is usually replaced by a new one. All attributes, and the parameters in lists and dicts, are compared by
    identity when a counter has moved, and from time to time.

    Args:
        model: a module, or another function.
        loss: a function.
        optimizer: an optimiser whose steps may be those of its rule.
        made: says how many steps were made.
        like: what a function made of these reads, if that was examined just now.

    Attributes:
        due: an array with the entries of `Due`, which native code reads: when everything is to be compared again.
        late: what the last look at everything found changed, in words, if steps before that look may still have used
            what was there before; otherwise "".
    """

    def __init__(
        self, model: Any, loss: Any, optimizer: Optimizer, made: Callable[[], int], like: Surroundings | None = None
    ) -> None:
        self._optimizer, self._rule = optimizer, optimizer.rule if has_rule(optimizer) else None
        functions = (model, loss) if self._rule is None else (model, loss, self._rule)
        self._surroundings = Surroundings(functions, like)
        self._changes, self._leaves = changes[0], leaves_made[0]
        self._near: list[tuple[Any, Sequence[Any]]] = []  # lists and dicts, and what was in each
        self._far: list[tuple[Any, Sequence[Any]]] = []  # those that hold parameters, and attributes
        held = {id(holder): inside for holder, inside in self._surroundings.found.holders}  # the same, at hand
        containers = [*_containers(model, set(), self._surroundings.found.kinds_in)]
        self._inside = {id(found) for found, *_ in containers}
        left = FEW
        for found, are_attributes, values in sorted(containers, key=itemgetter(2)):
            part = found, held.get(id(found)) or tuple(_items(found))
            if are_attributes or values:
                self._far.append(part)
            if not are_attributes and (values <= left or values < len(found)):
                self._near.append(part)
                left -= values
        self.due, self._until = array("d", [0.0] * len(Due)), math.inf
        self._guards: Guards | None = None
        self.late, self._made = "", made
        self._right = math.inf  # as many steps, made by native code, are known to have used what was there

    def holds(self, now: float) -> bool:
        """Whether nothing has changed, as far as one looks at the time `now`, of `time.perf_counter`: inf for all."""
        started, computed, passed = time.perf_counter(), time.thread_time(), self._surroundings.passed
        if not self._near_is_same() or not self._rule_is_same() or self._surroundings.differs():
            return False
        same = self._changes == changes[0] and self._leaves == leaves_made[0]
        if same and now < self.due[Due.LOOK]:
            return True
        found = self._looks_again(started, computed, now == math.inf)
        if found and not self._surroundings.passed:
            self._right = math.inf  # all steps of this call
        elif not found and same and (passed or self._made() > self._right):
            self.late = self._surroundings.late or "the content of some list or dict of the model"
        return found

    def guards(self, until: float) -> Guards:
        """A check, of a tenth of a microsecond, that says whether something has changed, or a time has passed.

        It also says so once the steps of the optimiser are no longer those of its rule.
        """
        self._until = until
        self._look_at(self.due[Due.LOOK])
        self._right = self._made()
        if self._guards is None:
            self._guards = self._all()
        return self._guards

    def _rule_is_same(self) -> bool:
        optimizer, rule = self._optimizer, self._rule
        return rule is None or (has_rule(optimizer) and bool(optimizer.rule == rule))

    def _all(self) -> Guards:
        def confirmed() -> bool:
            now = time.perf_counter()
            if now > self._until or not self.holds(now):
                return True
            if not self._surroundings.passed:
                self._right = self._made() + 1  # with the one that is next
            return False

        far = self._surroundings.far([container for container, _ in self._far])
        return self._surroundings.near.guards(
            "not ruled()",
            "not same() or leaves[0] != me._leaves or changes[0] != me._changes",
            [*[container for container, _ in self._near], leaves_made, changes], self.due,
            confirmed, far, me=self, ruled=self._rule_is_same,
            same=self._near_is_same, leaves=leaves_made, changes=changes,
        )  # fmt: skip  # in groups

    def holds_entirely(self) -> bool:
        """Whether nothing has changed, near or far."""
        return self.holds(math.inf)

    def holds_outside(self) -> bool:
        """Whether nothing that is read from elsewhere has changed, for a model that nobody else has."""
        counts = changes[0], leaves_made[0]
        if not self._rule_is_same() or not self._surroundings.holds_outside(self._inside):
            return False
        self._changes, self._leaves = counts
        return True

    def _near_is_same(self) -> bool:
        return _are_the_same(self._near)

    def _looks_again(self, started: float, computed: float, entirely: bool) -> bool:
        """Whether none of the parts has changed, nor what is far, if it is time to look there.

        Args:
            started: when the whole look began.
            computed: the processor time of this thread at that moment.
            entirely: whether to look at what is far in any case.
        """
        counts, far = (changes[0], leaves_made[0]), self._guards and self._guards.far
        if far and (self.due[Due.LOOK] == -math.inf or not far.expected):  # else what they expect is still right
            far.note()  # before the look, which sees what has changed up to then
        outside = self._surroundings.changed_at_all if far or entirely else self._surroundings.changed
        if not _are_the_same(self._far) or outside():
            return False
        self._changes, self._leaves = counts
        self._look_at(self._surroundings.next_look(started, computed))
        if far and far.expect():
            pause = PAUSE * far.count
            self.due[Due.SLOW], self.due[Due.PAUSE] = self._until, pause
            self.due[Due.FAR] = min(time.perf_counter() + pause, self._until)
        return True

    def _look_at(self, moment: float) -> None:
        """Compare everything again at that moment, with or without native code."""
        self.due[Due.LOOK] = self.due[Due.SLOW] = self.due[Due.FAR] = min(moment, self._until)


def _items(container: dict[Any, Any] | list[Any]) -> Sequence[Any]:
    """The content of a list or dict, keys included."""
    return (*container, *container.values()) if isinstance(container, dict) else container


def _are_the_same(parts: list[tuple[Any, Sequence[Any]]]) -> bool:
    """Whether lists and dicts hold the very same things, or numbers that nobody can tell from them."""
    return all(all_same(_items(container), before) for container, before in parts)


def _containers(item: Any, seen: set[int], kinds_in: Callable[[Any], set[type]]) -> Iterator[tuple[Any, bool, int]]:
    """The lists and dicts in a module and its parts; whether they are attributes; how many Values they hold."""
    if id(item) in seen:
        return
    seen.add(id(item))
    are_attributes = isinstance(item, Module)
    container = vars(item) if are_attributes else item
    if not isinstance(container, (list, dict, tuple)):
        return
    children = children_of(container)
    kinds = kinds_in(children)
    weights = kinds != set() and all(issubclass(kind, Value) for kind in kinds)  # as most lists hold in a network
    values = len(children) if weights else sum(issubclass(type(child), Value) for child in children)
    if not isinstance(container, tuple):
        yield container, are_attributes, values
    if weights:
        return
    for child in children:
        if not isinstance(child, Value):
            yield from _containers(child, seen, kinds_in)
