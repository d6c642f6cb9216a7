"""Rules of optimisers that describe themselves: what they compute is on disk, so that later processes need no trace."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from ..frontend.conditions import OWN
from ..frontend.fingerprint import ENGINE
from ..frontend.graph import Graph
from ..frontend.reads.surroundings import Surroundings
from ..frontend.symbol import Symbol
from ..passes.differentiate import derivatives
from ..update import Form, Update, Watched, trace_rule
from .description import Description
from .records import recall, remember

_BY_NAME = {primitive.name: primitive for primitive in OWN}
_SAYS: dict[Callable[..., Any], Callable[[], Description | None]] = {}


def let_rule_describe_itself(rule: Callable[..., Any], says: Callable[[], Description | None]) -> None:
    """Have `says` called for the description of a rule; it returns None once the rule is no longer what it was.

    This is not an attribute of the rule, which would be one more thing to watch at every step.
    """
    _SAYS[rule] = says


def rule_of(rule: Callable[..., Any], memories: int, form: Form, clip: str) -> Update:
    """A rule, traced unless an earlier process has noted what it computes; the arguments are those of `traced`.

    Raises:
        TraceError: the rule cannot be traced.
    """
    says = _SAYS.get(rule)
    description = says() if says and ENGINE else None
    if description is None:
        return trace_rule(rule, memories, form, clip)
    key = "rule", description.text, memories, form, clip
    found = _from_record(recall(*key), memories, _Later(rule, description.holds))
    if found is None:
        found = trace_rule(rule, memories, form, clip)
        if found.fingerprint:
            remember(_record(found), *key)
    return found


class _Later:
    """What a described rule reads: watched only from the second question on, which comes after the first steps."""

    def __init__(self, rule: Callable[..., Any], holds: Callable[[], bool]) -> None:
        self._rule, self._holds = rule, holds
        self._is_asked = False
        self._surroundings: Surroundings | None = None

    def changed(self) -> bool:
        """Whether something has changed."""
        if self._surroundings is not None:
            return self._surroundings.changed()
        if self._is_asked:
            self._surroundings = Surroundings(self._rule)
        self._is_asked = True
        return not self._holds()

    def holds_outside(self, inside: Container[int]) -> bool:
        """Whether nothing has changed, apart from the lists and dicts of these ids."""
        return not self.changed() if self._surroundings is None else self._surroundings.holds_outside(inside)


def _record(update: Update) -> dict[str, Any]:
    """An update as JSON: its steps are constants, and operations by name with the places of their operands.

    A place counts the arguments first, then the steps.
    """
    places = {symbol: k for k, symbol in enumerate(update.inputs)}
    steps: list[Any] = []

    def place(symbol: Symbol) -> int:
        if symbol not in places:
            places[symbol] = len(places)
            steps.append(symbol.value)  # a constant, since operands come first
        return places[symbol]

    for symbol in update.operations:
        assert symbol.primitive is not None
        step = [symbol.primitive.name, *map(place, symbol.operands)]
        places[symbol] = len(places)
        steps.append(step)
    results = [place(symbol) for symbol in update.results]
    return {"arguments": len(update.inputs), "steps": steps, "results": results, "fingerprint": update.fingerprint}


def _from_record(found: Any, memories: int, around: Watched) -> Update | None:
    """The update of a record; None if there is no such record."""
    graph = Graph(lambda *_: None, derivatives)  # the operations are as simple as they get
    try:
        symbols = [graph.source("input", k) for k in range(found["arguments"])]
        inputs = symbols[:]
        for step in found["steps"]:
            if isinstance(step, list):
                name, *operands = step
                symbols.append(graph.make(_BY_NAME[name], tuple([symbols[k] for k in operands])))
            else:
                symbols.append(graph.constant(float(step)))
        results = tuple([symbols[k] for k in found["results"]])
        return Update.of(inputs, memories, results, around, str(found["fingerprint"]))
    except (TypeError, KeyError, IndexError, ValueError):
        return None
    finally:
        graph.open = False
