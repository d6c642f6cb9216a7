"""What an optimiser's class declares: its settings, checked whenever they are set, and what it remembers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from engine import TraceError, purpose

from ..arguments import real_number, show, true_or_false
from ..rows import as_lists, is_row

if TYPE_CHECKING:
    from .base import Optimizer

T = TypeVar("T", float, bool, "tuple[float, float]")


def refuse_in_a_trace(what: str) -> None:
    """Refuse to be read by a function that is being compiled, as steps or schedules change what it would read."""
    if purpose() == "trace":
        raise TraceError(
            f"the function reads {what}, which a compiled step keeps to itself: let it read a variable or attribute "
            "of your own, which is watched, and change that from step to step"
        )


class Setting(Generic[T]):
    """A setting of an optimiser: a number, a pair of numbers, or a bool.

    Args:
        default: the default; its type is the setting's.
        least: the smallest number that is allowed.
        below: the number that it must be below.

    >>> from engine import Value
    >>> from nn import SGD
    >>> optimizer = SGD([Value(1.0)], lr=0.1)
    >>> optimizer.momentum = -1
    Traceback (most recent call last):
        ...
    ValueError: momentum must be a finite number of at least 0, not -1.0
    """

    def __init__(self, default: T, *, least: float = -math.inf, below: float = math.inf) -> None:
        self.default: T = default
        self._least, self._below = least, below
        self._name = "a setting"

    def __set_name__(self, owner: type[Optimizer], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, optimizer: None, owner: type[Optimizer]) -> Setting[T]: ...
    @overload
    def __get__(self, optimizer: Optimizer, owner: type[Optimizer]) -> T: ...
    def __get__(self, optimizer: Optimizer | None, owner: type[Optimizer]) -> Any:
        if optimizer is None:
            return self
        refuse_in_a_trace(f"{self._name} of an optimiser")
        return optimizer.settings[self._name]

    def __set__(self, optimizer: Optimizer, value: Any) -> None:
        optimizer.change({self._name: value})

    def _checked(self, value: Any) -> T:
        """A value, checked.

        Raises:
            TypeError: if it is of the wrong kind.
            ValueError: if it is out of range.
        """
        name, found = self._name, value
        if isinstance(self.default, bool):
            found = true_or_false(name, value)
        elif isinstance(self.default, tuple):
            message = f"{name} must be two numbers, such as {self.default}, not {show(value)}"
            if not isinstance(value, (tuple, list)):
                raise TypeError(message)
            if len(value) != 2:
                raise ValueError(message)
            found = tuple([real_number(f"{name}[{k}]", x, least=self._least) for k, x in enumerate(value)])
        else:
            found = real_number(name, value, least=self._least)
        if max(found if isinstance(found, tuple) else (found,)) >= self._below:
            raise ValueError(f"{name} must be below {self._below:g}, not {found}")
        return found


def as_memory(name: str, given: Any) -> list[float]:
    """What is remembered of each parameter, as a list of floats; a list of floats is returned as it is.

    Raises:
        TypeError: it is no row of numbers.

    >>> as_memory("velocity", (1, 0.5))
    [1.0, 0.5]
    """
    numbers = as_lists(given)
    if not is_row(numbers):
        raise TypeError(f"{name} is a list of a number for each parameter, or [] to start anew, not {show(given)}")
    if type(numbers) is list and {*map(type, numbers)} <= {float}:
        return numbers
    return [real_number(f"{name}[{k}]", number) for k, number in enumerate(numbers)]


class Memory:
    """What an optimiser remembers: a number for each parameter; an empty list before the first step that needs it.

    Between steps a compiled program may hold the numbers: reading them takes them back.
    """

    def __set_name__(self, owner: type[Optimizer], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, optimizer: None, owner: type[Optimizer]) -> Memory: ...
    @overload
    def __get__(self, optimizer: Optimizer, owner: type[Optimizer]) -> list[float]: ...
    def __get__(self, optimizer: Optimizer | None, owner: type[Optimizer]) -> Any:
        if optimizer is None:
            return self
        optimizer._take_back()
        return optimizer._own_state[1][optimizer.memories.index(self._name)]

    def __set__(self, optimizer: Optimizer, numbers: list[float]) -> None:
        numbers = as_memory(self._name, numbers)
        optimizer._take_back_for_good()
        steps, rows = optimizer._own_state
        place = optimizer.memories.index(self._name)
        optimizer._own_state = steps, (*rows[:place], numbers, *rows[place + 1 :])
