"""An optimiser's rule, traced: the update of one parameter by its gradient, as operations that every back end can run.

The rule is a function of plain arithmetic, ``rule(p, g, *memories, s)``: the number of a parameter, its gradient, its
memories, and the settings; it returns the new number and the new memories. Each of these may be a float, an array or a
vector register: the rule is traced once, and eager steps, NumPy and native code are three readers of the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeAlias

from .. import ops
from ..text.sheet import counted
from .errors import TraceError
from .frontend.fingerprint import fingerprint
from .frontend.graph import operations
from .frontend.reads.word_guard import WordGuard
from .frontend.symbol import Symbol
from .labels import Valid
from .passes.computation import Computation
from .passes.lowering import lowered
from .pipeline import trace
from .samples.batch import Shape

Setting: TypeAlias = "float | bool | tuple[float, ...]"
Form: TypeAlias = "tuple[tuple[str, Any], ...]"
"""What of each setting determines the formula: a bool itself, 0.0 for a zero, None for any other number."""

ALWAYS = ("step", "lr", "limit", "norm")
"""The numbers of every step: its count, from 1; the learning rate; the bound of the gradient; the gradient's norm."""


class Watched(Protocol):
    """What a rule reads, as `Surroundings` watch it."""

    def changed(self) -> bool:
        """Whether something has changed."""

    def holds_outside(self, inside: Container[int]) -> bool:
        """Whether nothing has changed, apart from the lists and dicts of these ids."""


@dataclass(frozen=True, eq=False)
class Update:
    """A rule for settings of one form.

    Attributes:
        number, gradient: the symbols of a parameter's number and gradient.
        memories: the symbols of its memories.
        numbers: the symbols of `ALWAYS`, then of the settings that are not 0, as `values_of` gives them.
        once: the operations on these alone, operands first, which run once a step.
        each: the operations that run for every parameter.
        results: the new number, then the new memories.
        surroundings: what the rule reads besides its arguments, such as a number of its module.
        fingerprint: identifies all of the above except the surroundings, across processes; empty if nothing can.
    """

    number: Symbol
    gradient: Symbol
    memories: tuple[Symbol, ...]
    numbers: tuple[Symbol, ...]
    once: tuple[Symbol, ...]
    each: tuple[Symbol, ...]
    results: tuple[Symbol, ...]
    surroundings: Watched
    fingerprint: str

    @classmethod
    def of(
        cls, inputs: Sequence[Symbol], memories: int, results: tuple[Symbol, ...], around: Watched, fingerprint: str
    ) -> Update:
        """An update from the symbols that stand for a rule's arguments, in order, and those of its results."""
        number, gradient, *others = inputs
        varying = {number, gradient, *others[:memories]}
        once, each = [], []
        for symbol in operations(results):
            if varying.isdisjoint(symbol.operands):
                once.append(symbol)
            else:
                varying.add(symbol)
                each.append(symbol)
        remembered, given = tuple(others[:memories]), tuple(others[memories:])
        return cls(number, gradient, remembered, given, tuple(once), tuple(each), results, around, fingerprint)

    @property
    def inputs(self) -> tuple[Symbol, ...]:
        """The symbols that stand for the rule's arguments, in order."""
        return (self.number, self.gradient, *self.memories, *self.numbers)

    @cached_property
    def kept(self) -> tuple[int, ...]:
        """The memories that the rule uses, by their numbers; the others need no room."""
        read = self._read | {self.results[0]}
        pairs = enumerate(zip(self.memories, self.results[1:]))
        return tuple([k for k, (memory, new) in pairs if memory in read or new is not memory])

    @property
    def uniform(self) -> tuple[Symbol, ...]:
        """What is computed once a step, or given, and read for every parameter."""
        read = dict.fromkeys([o for symbol in self.each for o in symbol.operands] + list(self.results))
        known = {*self.numbers, *self.once}
        return tuple([symbol for symbol in read if symbol in known])

    @property
    def operations(self) -> tuple[Symbol, ...]:
        """All operations."""
        return (*self.once, *self.each)

    @cached_property
    def reads_norm(self) -> bool:
        """Whether the update depends on the norm of the whole gradient."""
        return self.numbers[ALWAYS.index("norm")] in self._read

    @cached_property
    def reads_step(self) -> bool:
        """Whether the update depends on how many steps were made before."""
        return self.numbers[ALWAYS.index("step")] in self._read

    @cached_property
    def bears_rounding(self) -> bool:
        """Whether numbers that are nearly 0 may as well be 0: not if the rule divides by them, or asks for their sign.

        Sums, products and roots bear it, and so do quotients whose divisor is a setting, or has a setting or a constant
        added. The gradient itself may also be compared and selected, as in clipping.
        """
        uniform = {*self.uniform}
        given = {self.gradient, *uniform}

        def is_added(x: Symbol) -> bool:
            return x in uniform or (x.kind == "constant" and abs(x.value) > 1e-30)

        for symbol in self.each:
            assert symbol.primitive is not None
            name, operands = symbol.primitive.name, symbol.operands
            if name in ("less", "where") and all(o in given or o.kind == "constant" for o in operands):
                given.add(symbol)
            elif name == "div":
                divisor = operands[1]
                is_sum = divisor.primitive is not None and divisor.primitive.name == "add"
                if not (divisor in uniform or (is_sum and any(map(is_added, divisor.operands)))):
                    return False
            elif name not in ("add", "sub", "mul", "sqrt"):
                return False
        return True

    @property
    def _read(self) -> set[Symbol]:
        return {operand for symbol in self.operations for operand in symbol.operands}


class Settings:
    """The settings that a rule is given: those that the optimiser declares, and `step`."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        vars(self).update(given)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"the rule reads the setting {name!r}, and the settings are {', '.join(vars(self))}: declare it in the "
            f"class of the optimiser, as {name} = nn.Setting(...)"
        )


def form_of(settings: Mapping[str, Setting]) -> Form:
    """The form of settings, on which the formula of an update depends.

    >>> form_of({"momentum": 0.9, "dampening": 0.0, "nesterov": True, "betas": (0.9, 0.0)})
    (('momentum', None), ('dampening', 0.0), ('nesterov', True), ('betas', (None, 0.0)))
    """
    return tuple([(name, _form(value)) for name, value in settings.items() if name != "lr"])


def values_of(settings: Mapping[str, Setting]) -> list[float]:
    """The settings that are not 0, with pairs taken apart, in the order in which they follow `ALWAYS`.

    >>> values_of({"momentum": 0.9, "dampening": 0.0, "nesterov": True, "betas": (0.9, 0.0)})
    [0.9, 0.9]
    """
    numbers = [x for name, v in settings.items() if name != "lr" for x in (v if isinstance(v, tuple) else (v,))]
    return [x for x in numbers if not isinstance(x, bool) and x]


def _form(value: Setting) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_form, value))
    return value if isinstance(value, bool) or value == 0.0 else None


_MOST = 256
_known: dict[tuple[Any, ...], Update] = {}


def traced(
    rule: Callable[..., Any], memories: int, form: Form, clip: str = "", make: Callable[..., Update] | None = None
) -> Update:
    """A rule, traced, and traced again once something that it reads has changed.

    Args:
        rule: called as ``rule(p, g, *memories, s)``.
        memories: how many numbers it remembers for each parameter.
        form: the form of the settings; see `form_of`.
        clip: "value" to clip each entry of the gradient first, "norm" to scale the whole, "" for neither.
        make: traces a rule that this process has not traced yet; `trace_rule` if it is left out.

    Raises:
        TraceError: the rule cannot be traced, depends on something else, or returns something else.
    """
    key = rule, memories, form, clip
    found = _known.get(key)
    if found is None or found.surroundings.changed():
        if len(_known) >= _MOST:
            _known.clear()
        found = _known[key] = (make or trace_rule)(*key)
    return found


def trace_rule(rule: Callable[..., Any], memories: int, form: Form, clip: str) -> Update:
    """A rule, traced now; see `traced`."""
    count = sum(shape is None for _, value in form for shape in (value if isinstance(value, tuple) else (value,)))

    def update(p: Symbol, g: Symbol, remembered: Sequence[Symbol], always: Sequence[Symbol], rest: Any) -> Any:
        for number in rest:
            number.graph.nonzero.add(number)
        _, _, limit, norm = always
        return rule(p, _clipped(g, clip, limit, norm), *remembered, _settings(form, always, rest))

    update.__qualname__ = getattr(rule, "__qualname__", "rule")
    found = trace(update, [(), (), (memories,), (len(ALWAYS),), (count,)])
    if len(found.outputs) != 1 + memories:
        raise TraceError(
            f"{update.__qualname__} returned {counted(len(found.outputs), 'result')}, not {1 + memories}: a "
            "rule returns the new number of the parameter, then those of its memories"
        )
    if found.graph.leaves:
        raise TraceError(
            f"{update.__qualname__} reads {found.graph.leaves[0]!r}: a rule reads its arguments only; declare a "
            "setting, name = nn.Setting(...), and read it as s.name"
        )
    with found.graph.opened():
        results = lowered(Computation.of(found)).outputs
    return Update.of(found.inputs, memories, results, found.surroundings, fingerprint(found))


def _settings(form: Form, always: Sequence[Symbol], rest: Sequence[Symbol]) -> Settings:
    numbers = iter(rest)

    def fill(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(fill, value))
        return next(numbers) if value is None else value

    step, lr, *_ = always
    return Settings({"step": step, "lr": lr, **{name: fill(value) for name, value in form}})


def _clipped(g: Any, clip: str, limit: Any, norm: Any) -> Any:
    """The gradient within its bounds; nan stays nan."""
    if clip == "value":
        return ops.where(g > limit, limit, ops.where(g < -limit, -limit, g))
    if clip == "norm":
        scale = limit / (norm + 1e-6)
        return g * ops.where(scale > 1.0, 1.0, scale)
    return g


@dataclass(eq=False)
class ConfiguredUpdate:
    """An update with the numbers of its settings, as the steps of a back end take it.

    It is immutable, except that a `PreparedStep` may change the learning rate.

    Attributes:
        rule: the traced rule.
        clip: as for `traced`.
        lr: the learning rate, or one for each of several steps.
        limit: the bound of the gradient; 0.0 without one.
        values: the settings that are not 0.
    """

    rule: Update
    clip: str
    lr: float | tuple[float, ...]
    limit: float
    values: list[float]

    def numbers(self, step: int, norm: float = 0.0, k: int = 0) -> list[float]:
        """What the rule reads at a step.

        Args:
            step: the count of this step for the memories, from 1.
            norm: the norm of the whole gradient.
            k: which of several learning rates to take.
        """
        lr = self.lr if isinstance(self.lr, float) else self.lr[k]
        return [float(step), lr, self.limit, norm, *self.values]

    @property
    def clipping(self) -> Update:
        """The update that only clips a gradient, which is its result."""
        return traced(_unchanged, 0, (), self.clip)


Step: TypeAlias = "Callable[..., float | bool | None]"


class PreparedStep(NamedTuple):
    """A step that can be made again, on other samples of the same shape.

    Attributes:
        on: takes the shapes of all samples and labels, those that are known to be right, and words to watch; returns a
            function that gives `step`, and one that makes a function for whole steps, see `DirectStep.quick`, or None.
        configured: the update.
        losses: the loss of the last such step, also if it was finite and the update was refused.
        rate: the learning rate, as native code reads it.

    ``step(X, y)`` makes the step with the lock held and returns its loss, or nan. It does nothing and returns False if
    one of the words has changed, None if the samples have other shapes, or labels are not known to be right;
    ``step(X, y, True)`` does not check labels.
    """

    on: Callable[[Sequence[Shape], tuple[Valid, ...], WordGuard], tuple[Callable[[], Step], Callable[..., Step] | None]]
    configured: ConfiguredUpdate
    losses: Any
    rate: Any

    def change_rate(self, rate: float) -> None:
        """Make further steps at another learning rate."""
        self.configured.lr = self.rate[0] = rate


def _unchanged(p: Any, g: Any, s: Settings) -> Any:
    return g
