"""Random numbers: a function that draws some while it is traced is refused, and the generators get their states back.

What was drawn would be a constant of the program, where the eager function draws a new number at every call. A function
that restores the state itself, or only reads it, is caught by a second run, which starts from another state. While
other threads run, no state is given back: one of them may have drawn, and would get the same numbers again.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any

from ...process.threads import others_run
from ...text.callers import Source, is_users
from ..errors import TraceError, refusal


class Drawn(Exception):
    """Random numbers were drawn during a run.

    Args:
        generators: all that were watched.
        names: the names of those that were drawn from.
    """

    def __init__(self, generators: Generators, names: Sequence[str]) -> None:
        self.generators, self.names = generators, names


class Generators:
    """`random`, `numpy.random` and other generators, with their states as they were.

    Args:
        others: generators that a function may reach.
    """

    def __init__(self, others: Sequence[Any]) -> None:
        self._sources = [_Source("random", random.getstate, random.setstate, random.random)]
        numpy = sys.modules.get("numpy.random")
        if numpy is not None:
            self._sources.append(_Source("numpy.random", numpy.get_state, numpy.set_state, numpy.random_sample))
        self._sources += map(_source_of, others)

    def drawn(self) -> list[str]:
        """The names of the generators that numbers were drawn from."""
        return [source.name for source in self._sources if source.drawn()]

    def give_back(self) -> None:
        """Restore the states of those that were drawn from, unless other threads may have done that."""
        for source in self._sources:
            if not others_run() and source.drawn():
                source.give_back()

    @contextmanager
    def advanced(self) -> Iterator[None]:
        """A context in which each generator is one number ahead; its state is restored unless it was drawn from."""
        states = [(source, source.advance()) for source in self._sources if not source.drawn()]
        try:
            yield
        finally:
            for source, state in states:
                if source.is_in(state):
                    source.give_back()

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """A context in which no numbers may be drawn; the states are restored in any case.

        Raises:
            Drawn: they were.
        """
        try:
            yield
        finally:
            drawn = self.drawn()
            self.give_back()
        if drawn:
            raise Drawn(self, drawn)

    def refusal(self, drawn: Sequence[str], run: Callable[[], Any]) -> TraceError:
        """The error for a function that drew from some generators.

        Args:
            drawn: their names.
            run: runs the function once more, to find the line.
        """
        source = self._line_of(run)
        self.give_back()
        fix = f"{_FIX} {_ANOTHER_THREAD}" if others_run() else _FIX
        return refusal(f"the function drew random numbers from {' and '.join(drawn)}", fix, source=source)

    def _line_of(self, run: Callable[[], Any]) -> Source | None:
        """The first line of the user's code that changed a state: it is looked for after every line, which is slow."""
        found: list[Source] = []

        def watch(frame: FrameType, event: str, _: Any) -> Any:  # pragma: no cover  # it is the trace function then
            if event == "call":
                return watch if is_users(frame.f_code.co_filename) else None
            line = lines.get(frame)
            if not found and line is not None and self.drawn():
                found.append((frame.f_code.co_filename, line))
            lines[frame] = frame.f_lineno
            return watch

        for source in self._sources:
            source.note()
        lines: dict[FrameType, int] = {}
        before = sys.gettrace()
        sys.settrace(watch)
        try:
            with suppress(Exception):  # whatever it does now, it has been refused
                run()
        finally:
            sys.settrace(before)
        return found[0] if found else None


_FIX = (
    "A compiled function would keep the numbers drawn while it was traced: draw them outside, and pass them as an "
    "argument."
)
_ANOTHER_THREAD = (
    "Or another thread drew them meanwhile, which looks the same: try again, or give that thread a generator of its "
    "own, such as random.Random(seed) or numpy.random.default_rng(seed)."
)


class _Source:
    """A source of random numbers, and its state as it was."""

    def __init__(self, name: str, get: Callable[[], Any], put: Callable[[Any], None], draw: Callable[[], Any]) -> None:
        self.name, self._get, self._put, self._draw = name, get, put, draw
        self.note()

    def note(self) -> None:
        """From now on compare with the present state."""
        self._before = self._get()

    def is_in(self, state: Any) -> bool:
        """Whether this is its state."""
        return bool(_comparable(self._get()) == _comparable(state))

    def drawn(self) -> bool:
        """Whether the state has changed."""
        return not self.is_in(self._before)

    def advance(self) -> Any:
        """Draw a number; give the state after it."""
        self._draw()
        return self._get()

    def give_back(self) -> None:
        """Restore the state."""
        self._put(self._before)


def _source_of(generator: Any) -> _Source:
    kind = type(generator).__name__
    if isinstance(generator, random.Random):
        return _Source(f"a {kind}", generator.getstate, generator.setstate, partial(random.Random.random, generator))
    if hasattr(generator, "get_state"):
        return _Source(f"a {kind}", generator.get_state, generator.set_state, generator.random_sample)
    bits = getattr(generator, "bit_generator", generator)
    return _Source(f"a {kind}", lambda: bits.state, lambda state: setattr(bits, "state", state), bits.random_raw)


def _comparable(state: Any) -> Any:
    """A state in a form that == can compare: arrays as bytes."""
    if isinstance(state, dict):
        return {name: _comparable(part) for name, part in state.items()}
    if isinstance(state, tuple):
        return tuple(map(_comparable, state)) if len(state) < 100 else state
    return state.tobytes() if hasattr(state, "tobytes") else state
