"""The base of the optimisers: a rule for one parameter, settings, and steps that are all or nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from engine import Value, counts_steps, require_whole_gradients, update_step

from ..arguments import counted, listed, show, warn_user, whole_number
from ..attributes import Explained, Known
from ..elsewhere import explained
from ..layers.contents import are_leaves
from ..layers.module import Module
from ..rows import is_row
from ..threads import refuse_elsewhere
from .declaration import Memory, Setting, as_memory, refuse_in_a_trace

_Kind = TypeVar("_Kind", bound="Optimizer")


class Optimizer(Known, Explained):
    """Base of the optimisers: a list of parameters, a learning rate, and `step()`.

    An optimiser is a class that declares its settings, what it remembers of each parameter, and a rule: a function
    of one parameter `p`, its gradient `g`, its memories in the order of their declaration, and the settings `s`, which
    returns the new number and the new memories. `s.lr` is the learning rate and `s.step` the number of the step, from
    1, counted since the memories were empty. The rule is plain arithmetic with the engine's functions; a branch on a
    setting (``if s.momentum:``) is allowed, one on anything else is written with `engine.where`. Eager steps and every
    back end of the compiler run that one rule:

    >>> from engine import sqrt
    >>> class RMSprop(Optimizer):
    ...     alpha = Setting(0.99, least=0.0, below=1.0)
    ...     eps = Setting(1e-8, least=0.0)
    ...     mean_square = Memory()
    ...
    ...     @staticmethod
    ...     def rule(p, g, mean_square, s):
    ...         mean_square = s.alpha * mean_square + (1 - s.alpha) * g * g
    ...         return p - s.lr * g / (sqrt(mean_square) + s.eps), mean_square
    >>> p = Value(1.0)
    >>> optimizer = RMSprop([p], lr=0.125, alpha=0.75, eps=0.0)
    >>> (3 * p).backward()
    >>> optimizer.step()
    >>> p.data, optimizer.mean_square
    (0.75, [2.25])

    The method `agree` may refuse settings that do not go together: it gets all of them whenever one is set. `change`
    sets several at once. Instead of a rule, a class may override `step`, or `zero_grad`, and do there what it likes:
    compiled training then hands it the gradients, and it may set attributes of its own. Elsewhere an attribute that
    nothing would read, such as `learning_rate` for `lr`, is refused with an AttributeError.

    Args:
        params: the Values to change, as `model.parameters()` gives them.
        lr: the learning rate, 0 or more; `optimizer.lr = ...` changes it between steps, like any setting.
        settings: those of the class, by name.

    Raises:
        TypeError: if an item of `params` is not a Value, a setting is of the wrong kind, or the class does not have it.
        ValueError: if there are no parameters, one is given twice or is the result of an operation, or a setting is
            out of range.

    Attributes:
        params: a tuple; assign another one to change it: parameters that stay keep their memories. New ones are
            refused once steps were made that the rule counts, as Adam's does.
        settings: all by name, read-only; a new mapping whenever one of them changes.
        memories: the names of what is remembered.
    """

    lr = Setting(1e-3, least=0.0)
    memories: ClassVar[tuple[str, ...]] = ()
    _keeper: Callable[[Any], None] | None = None
    """While a compiled program holds the state: a function that gives it back, and makes this None again."""

    _own_state: tuple[int, tuple[list[float], ...]]
    """The state, out of date while a compiled program holds it; read `state`."""
    settings: Mapping[str, Any]

    _params: tuple[Value, ...]
    _hooks = frozenset({"rule", "agree"})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        declared = {name: kind for base in reversed(cls.__mro__) for name, kind in vars(base).items()}
        cls.memories = tuple([name for name, kind in declared.items() if isinstance(kind, Memory)])
        cls._declared = {name: kind for name, kind in declared.items() if isinstance(kind, Setting)}

    _declared: ClassVar[dict[str, Setting[Any]]] = {"lr": lr}

    def __new__(cls: type[_Kind], *arguments: Any, **settings: Any) -> _Kind:
        """Make its dict share no keys with other instances': one word of it tells compiled steps of any change."""
        optimizer: _Kind = object.__new__(cls)
        optimizer.__dict__ = {}
        return optimizer

    def __init__(self, params: Iterable[Value], lr: float, **settings: Any) -> None:
        kind = type(self)
        if kind.rule is Optimizer.rule and kind.step is Optimizer.step:
            raise TypeError(f"{kind.__name__} is abstract: an optimiser declares a rule; see nn.Optimizer")
        if has_rule(self):
            _check_arguments(self.rule, kind)
        self._params = _leaves(params)
        self._own_state = 0, tuple([[] for _ in kind.memories])
        self.settings = MappingProxyType({name: setting.default for name, setting in kind._declared.items()})
        self.change({"lr": lr, **settings})

    rule: Callable[..., Any] = NotImplemented
    """The update of one parameter; a static method."""

    def agree(self, settings: Mapping[str, Any]) -> None:
        """Refuse settings that do not go together; for subclasses to override."""

    def change(self, settings: Mapping[str, Any]) -> None:
        """Set several settings at once, or, if one is refused, none.

        Args:
            settings: new values by name.

        Raises:
            TypeError: if there is no such setting, or a value is of the wrong kind.
            ValueError: if one is out of range, or they do not go together.
        """
        own = vars(self)
        while True:
            before = own["settings"]
            new = self._changed(settings)
            if own["settings"] is before:  # no other thread has set one meanwhile; nor can it now, as nothing is called
                own["settings"] = new
                return

    def _changed(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """The settings as they would be after `change`, which raises the same errors."""
        declared = type(self)._declared
        for name in settings:
            if name not in declared:
                raise TypeError(f"{type(self).__name__} has no setting {name!r}: it has {', '.join(declared)}")
        new = {**self.settings, **{name: declared[name]._checked(value) for name, value in settings.items()}}
        self.agree(new)
        return MappingProxyType(new)

    @property
    def params(self) -> tuple[Value, ...]:
        """The parameters."""
        return self._params

    @params.setter
    def params(self, params: Iterable[Value]) -> None:
        new = _leaves(params)
        self._take_back_for_good()
        place = {p: k for k, p in enumerate(self._params)}
        steps, rows = self._own_state
        kept = [place.get(p) for p in new]
        if None in kept and any(rows) and has_rule(self):
            self._refuse_late(kept.index(None))
        moved = [[0.0 if k is None else row[k] for k in kept] if row else [] for row in rows]
        self._own_state = steps, tuple(moved)
        self._params = new

    def _refuse_late(self, place: int) -> None:
        """Refuse a new parameter where the rule counts steps: its empty memories would count as those of many steps."""
        if counts_steps(self):
            raise ValueError(
                f"parameter {place} is new, and {type(self).__name__} would treat its first step as number "
                f"{self._own_state[0] + 1}: make a new optimiser for all, or, to start anew with this one, set its "
                f"{' and '.join(self.memories)} to [] first"
            )

    @property
    def state(self) -> tuple[int, tuple[list[float], ...]]:
        """How many steps were made since the memories were empty, and what they hold."""
        self._take_back()
        return self._own_state

    @state.setter
    def state(self, state: tuple[int, tuple[list[float], ...]]) -> None:
        if not (is_row(state) and len(state) == 2 and is_row(state[1]) and len(state[1]) == len(self.memories)):
            raise TypeError(
                f"the state is how many steps were made, and a list for each of {len(self.memories)} memories"
                f"{listed(self.memories)}, such as {(0, tuple([[] for _ in self.memories]))}, not {show(state)}"
            )
        steps = whole_number("steps", state[0], least=0)
        rows = tuple(map(as_memory, self.memories, state[1]))
        self._take_back_for_good()
        self._own_state = steps, rows

    @property
    def steps(self) -> int:
        """How many steps were made since the memories were empty."""
        self._take_back()
        return self._own_state[0]

    @steps.setter
    def steps(self, steps: int) -> None:
        self._take_back_for_good()
        self._own_state = whole_number("steps", steps, least=0), self._own_state[1]

    def _take_back(self) -> None:
        """Take the state back from the compiled program that holds it, if one does."""
        refuse_in_a_trace("what an optimiser remembers")
        keeper = self._keeper
        if keeper is not None:
            keeper(self)

    def _take_back_for_good(self) -> None:
        """As `_take_back`, before another state is assigned: a step in another thread would go by the old one.

        Raises:
            RuntimeError: another thread trains its parameters.
        """
        refuse_elsewhere("an assignment", lambda: self._params)
        self._take_back()

    def __getstate__(self) -> dict[str, Any]:
        """The attributes for a copy or pickle, with the state in it."""
        refuse_elsewhere("a copy", lambda: self._params)
        self._take_back()
        return {**vars(self), "settings": dict(self.settings)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, settings=MappingProxyType(state["settings"]))

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        size = counted(len(self._params), "parameter")
        return f"{type(self).__name__} of {size} after {counted(self.steps, 'step')} ({settings})"

    @explained
    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero, before the next backward pass adds to it."""
        for p in self._params:
            p.grad = 0.0

    @explained
    def step(self) -> None:
        """Change every parameter once, by the gradient that the last backward pass stored in it.

        All or nothing: after an error, or Ctrl-C, neither parameters nor memories have changed. A first step at which
        every gradient is 0 gives a warning.

        Raises:
            FloatingPointError: if a parameter, or what is remembered of it, would become nan or infinite.
            RuntimeError: if a stepper is half-way through a backward pass over them, so that gradients are partial.
        """
        if not self.steps and not any(p.grad for p in self._params):
            require_whole_gradients(self._params)
            warn_user(
                "every gradient is 0 at the first step: unless the loss is at its minimum, call backward() on it after "
                "zero_grad(), and compute it from these parameters, neither under no_grad() nor through float()",
                UserWarning,
            )
        _update(self)


def has_rule(optimizer: Optimizer) -> bool:
    """Whether its steps follow its rule: neither `step` nor `zero_grad` is overridden."""
    kind, own = type(optimizer), optimizer.__dict__
    shared = kind.step is Optimizer.step and kind.zero_grad is Optimizer.zero_grad
    return shared and "step" not in own and "zero_grad" not in own


def make_step(optimizer: Optimizer, holder: object, count: str) -> None:
    """Make a step, without the warning of gradients that are all 0: the caller knows what the loss depends on.

    Args:
        optimizer: what makes it.
        holder: what counts the steps: a step that was made is counted even if Ctrl-C comes right after it.
        count: the attribute in which it does.
    """
    before, one_more = optimizer.steps, getattr(holder, count) + 1
    try:
        if has_rule(optimizer):
            _update(optimizer)
        else:
            optimizer.step()
        setattr(holder, count, one_more)
    except BaseException:
        if optimizer._own_state[0] > before:
            setattr(holder, count, one_more)  # perhaps a second time, to the same number
        raise


def _update(optimizer: Optimizer) -> None:
    refuse_elsewhere("a step here", lambda: optimizer.params)
    update_step(optimizer)


def check_optimizer(optimizer: object) -> None:
    """Raise a TypeError for what is no optimiser."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer must be an Optimizer, such as SGD(model.parameters(), lr=0.1), not {show(optimizer)}"
        )


def _check_arguments(rule: Callable[..., Any], kind: type[Optimizer]) -> None:
    """Refuse a rule that cannot be called as it will be."""
    called = ("p", "g", *kind.memories, "s")
    try:
        inspect.signature(rule).bind(*called)
    except TypeError as error:
        raise TypeError(
            f"{kind.__name__}.rule is called as rule({', '.join(called)}): make it a @staticmethod of these arguments, "
            "and each memory an attribute of the class, as in momentum = nn.Memory()"
        ) from error


def _leaves(params: Iterable[Value]) -> tuple[Value, ...]:
    """The parameters, each checked to be a leaf that is given once."""
    if isinstance(params, Module):
        raise TypeError(
            f"an optimiser takes Values, not the module {type(params).__name__} itself: pass model.parameters()"
        )
    if isinstance(params, Value) or not isinstance(params, Iterable):
        raise TypeError(f"an optimiser takes a list of Values, not {show(params)}: pass model.parameters()")
    leaves = tuple(params)
    if not leaves:
        raise ValueError(
            "no parameters to optimise: the list is empty (a generator that was used up, or a module whose layers are "
            "not made in its __init__, or are in no attribute of it?)"
        )
    if not are_leaves(leaves):
        place, p = next((place, p) for place, p in enumerate(leaves) if not are_leaves([p]))
        if not isinstance(p, Value):
            remedy = "make an optimiser of each group" if isinstance(p, dict) else "pass model.parameters()"
            raise TypeError(f"parameter {place} is not a Value but {show(p)}: {remedy}")
        raise ValueError(f"parameter {place} is not a leaf that can be changed: {p!r}")
    if len({*leaves}) < len(leaves):
        first = {p: place for place, p in reversed([*enumerate(leaves)])}
        place = next(place for place, p in enumerate(leaves) if first[p] < place)
        raise ValueError(f"parameter {place} is parameter {first[leaves[place]]} again: give each one once")
    return leaves
