"""The protocol of optimisers, and their steps on Values, all or nothing."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, Protocol

from ...backprop import require_whole_gradients
from ...text.sheet import counted
from ...value import Value
from ..backends.update import on_floats
from ..described.rules import rule_of
from ..update import ConfiguredUpdate, Setting, form_of, traced, values_of

Rows = tuple[list[float], ...]
"""For each memory, a number for every parameter; an empty list before the first step."""


class Optimizer(Protocol):
    """An optimiser that states its update as a rule; see `nn.Optimizer`.

    Attributes:
        params: the Values that it changes.
        lr: the learning rate.
        settings: the other settings by name; a new mapping whenever one of them changes.
        rule: the update of one parameter; see `update`.
        _own_state: how many steps the memories have seen, and what they hold, unless a keeper has that; always set as a
            whole.
        _keeper: while something else has the state, a function that gives it back and makes this None.
    """

    params: tuple[Value, ...]
    lr: float
    settings: Mapping[str, Setting]
    rule: Callable[..., Any]
    _own_state: tuple[int, Rows]
    _keeper: Callable[[Any], None] | None

    def _take_back(self) -> None:
        """Get the state back from the keeper."""


def configured(
    optimizer: Optimizer, clip_norm: float | None = None, clip_value: float | None = None, rates: Sequence[float] = ()
) -> ConfiguredUpdate:
    """The update of an optimiser with its present settings.

    Args:
        optimizer: the optimiser, with its settings.
        clip_norm: the largest norm of the whole gradient.
        clip_value: the largest entry of the gradient, whatever its sign.
        rates: the learning rates of the next steps, if they are not all `optimizer.lr`.

    Raises:
        TraceError: its rule cannot be traced.
    """
    clip = "norm" if clip_norm is not None else "value" if clip_value is not None else ""
    rule = traced(optimizer.rule, len(optimizer._own_state[1]), form_of(optimizer.settings), clip, rule_of)
    lr = tuple(rates) if rates else optimizer.lr
    return ConfiguredUpdate(rule, clip, lr, clip_norm or clip_value or 0.0, values_of(optimizer.settings))


def started(optimizer: Optimizer, kept: Sequence[int]) -> tuple[int, Rows]:
    """The state before the next step: memories are empty before their first step; if all `kept` are, the count is 0.

    Raises:
        ValueError: a memory does not have as many entries as there are parameters.
    """
    optimizer._take_back()
    steps, rows = optimizer._own_state
    count = len(optimizer.params)
    for k in kept:
        if rows[k] and len(rows[k]) != count:
            raise ValueError(
                f"a memory of the optimiser has {counted(len(rows[k]), 'number')} for {count} parameters: "
                "give one for each, or an empty list to start anew"
            )
    if kept and max([len(rows[k]) for k in kept]) == 0:
        steps = 0
    return steps, rows


def counts_steps(optimizer: Optimizer) -> bool:
    """Whether an optimiser's rule, with its present settings, goes by the number of the step, as Adam's does.

    Raises:
        TraceError: the rule cannot be traced.
    """
    return configured(optimizer).rule.reads_step


def update_step(optimizer: Optimizer) -> None:
    """Change every parameter once by its gradient, or none of them if an error or Ctrl-C comes in between.

    Raises:
        FloatingPointError: a parameter or memory would not be finite; nothing has changed.
        RuntimeError: a stepper is half-way through a backward pass over the parameters.
        TraceError: the rule of the optimiser cannot be traced.
    """
    require_whole_gradients(optimizer.params)
    update = configured(optimizer)
    kept = update.rule.kept
    steps, rows = started(optimizer, kept)
    params = optimizer.params
    P, G = list(map(_z, params)), list(map(_grad, params))
    numbers = update.numbers(steps + 1)
    new, *memories = on_floats(update.rule)(numbers, P, G, *[rows[k] or [0.0] * len(params) for k in kept])
    for row in (new, *memories):
        if not math.isfinite(sum(row)):
            check_finite(params, P, G, (new, *memories))
    changed = dict(zip(kept, memories))
    state = steps + 1, tuple([changed.get(k, row) for k, row in enumerate(rows)])
    # One call that runs no Python code in between: not even Ctrl-C can leave some of them unwritten.
    last = map(object.__setattr__, [optimizer], ["_own_state"], [state])  # an optimiser's own __setattr__ is in Python
    deque(chain(map(setattr, params, repeat("_z"), new), last), maxlen=0)


_z, _grad = attrgetter("_z"), attrgetter("_grad")


def check_finite(
    params: Sequence[Value], P: Sequence[float], G: Sequence[float], new: Sequence[Sequence[float]]
) -> None:
    """Refuse an update that is not finite.

    Args:
        params: the parameters.
        P: their numbers.
        G: their gradients.
        new: their new numbers, then each new memory.

    Raises:
        FloatingPointError: a number is nan or infinite; the message names the parameter.
    """
    for k, numbers in enumerate(zip(*new)):
        if not all(map(math.isfinite, numbers)):
            bad = next(number for number in numbers if not math.isfinite(number))
            what = f"parameter {k}" + (f" ({params[k].label})" if params[k].label else "")
            raise FloatingPointError(
                f"the update of {what}, which is {P[k]:g} and has the gradient {G[k]:g}, gives {bad}; no parameter has "
                "changed: lower lr, clip the gradient, or choose eps above 0"
            )
