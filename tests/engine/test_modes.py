"""Contexts of this thread: how many are open is counted, whatever ends them, since nodes ask only if there is one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from traceback import walk_tb
from typing import Any

import pytest

import engine
from engine import Value, modes, no_grad
from engine.modes import (
    always_recorded,
    called_at,
    called_for,
    observed_by,
    open_modes,
    places_of_calls,
    recording,
    traced_by,
)
from tests.interrupting import interrupted


class Watching:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.made_nodes: list[Value] = []
        self.swept_roots: list[Value] = []

    def made(self, node: Value) -> None:
        self.made_nodes.append(node)

    def swept(self, root: Value, adjoints: object) -> None:
        self.swept_roots.append(root)


@pytest.mark.parametrize("context", [always_recorded, lambda: observed_by(None), lambda: traced_by(None)])
def test_a_context_that_changes_nothing_costs_nodes_nothing(context) -> None:
    with context():
        assert open_modes == []
    with no_grad(), context():
        assert len(open_modes) == 1 + (context is always_recorded)
        assert modes.recording.get() is (context is always_recorded)
    with observed_by(watching := Watching()):
        with observed_by(None):
            assert (modes.observer(), len(open_modes)) == (None, 2)
        assert modes.observer() is watching


@pytest.mark.parametrize("context", [no_grad, lambda: observed_by(Watching())])
def test_every_context_counts_itself_once(context) -> None:
    assert open_modes == []
    with context():
        assert len(open_modes) == 1
        with context():
            assert len(open_modes) == 2
        assert len(open_modes) == 1
    assert open_modes == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize("context", [no_grad, always_recorded, lambda: observed_by(None), lambda: traced_by(None)])
def test_an_error_inside_ends_it_too(context, error) -> None:
    x = Value(2.0)
    with pytest.raises(error), context():
        raise error
    assert open_modes == []
    assert modes.recording.get()
    assert modes.observer() is None
    assert (x * x).operands == (x, x)


def test_one_no_grad_may_be_entered_again_while_it_is_open() -> None:
    x, quiet = Value(2.0), no_grad()
    with quiet:
        with quiet:
            assert (x * x).operands == ()
        assert (x * x).operands == ()
        assert not modes.recording.get()
    assert (x * x).operands == (x, x)
    assert modes.recording.get()


def quiet_steps() -> Iterator[int]:
    with no_grad():
        yield from range(3)


def operands_in_a_later_mode() -> int:
    """What a mode that ended wrongly leaves behind shows once any other one is open."""
    x = Value(2.0)
    with observed_by(Watching()):
        return len((x * x).operands)


def test_modes_may_end_in_another_order_than_they_began() -> None:
    """The setting from before was put back: nothing was recorded later, and all was while one was still open."""
    x, first, second = Value(2.0), quiet_steps(), quiet_steps()
    next(first)
    next(second)
    first.close()
    assert (x * x).operands == ()
    second.close()
    assert (x * x).operands == (x, x)
    assert operands_in_a_later_mode() == 2


def test_a_mode_that_another_thread_ends_is_over_here_and_ends_none_there() -> None:
    x, steps, seen = Value(2.0), quiet_steps(), list[int]()
    next(steps)

    def work() -> None:
        with no_grad():
            steps.close()
            seen.append(len((x * x).operands))
        seen.append(operands_in_a_later_mode())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert (seen, operands_in_a_later_mode(), open_modes) == ([0, 2], 2, [])


@pytest.mark.parametrize("another", [False, True])
def test_a_task_that_outlives_the_mode_it_was_made_in_is_recorded(another: bool) -> None:
    """It was recorded only while no other thread or task was inside a mode of any kind."""

    async def late() -> int:
        await asyncio.sleep(0)
        return operands_in_a_later_mode() if another else len((x * x).operands)

    async def main() -> int:
        with no_grad():
            task = asyncio.create_task(late())
        return await task

    x = Value(2.0)
    assert asyncio.run(main()) == 2


def test_one_no_grad_may_be_shared_by_tasks() -> None:
    """Whoever left first ended the mode of whoever came last."""
    x, quiet, seen = Value(2.0), no_grad(), dict[str, list[int]]()

    async def work(name: str, entered: asyncio.Event, leave: asyncio.Event) -> None:
        with quiet:
            entered.set()
            await leave.wait()
            seen[name] = [len((x * x).operands)]
        seen[name].append(operands_in_a_later_mode())

    async def main() -> None:
        in_a, in_b, out_a, out_b = (asyncio.Event() for _ in range(4))
        a = asyncio.create_task(work("a", in_a, out_a))
        await in_a.wait()
        b = asyncio.create_task(work("b", in_b, out_b))
        await in_b.wait()
        out_a.set()
        await a
        out_b.set()
        await b

    asyncio.run(main())
    assert seen == {"a": [0, 2], "b": [0, 2]}


def test_the_innermost_context_holds() -> None:
    x = Value(2.0)
    with no_grad():
        with always_recorded():
            assert modes.recording.get()
            assert (x * x).operands == (x, x)
        assert not modes.recording.get()
        assert (x * x).operands == ()


def test_a_context_of_another_thread_is_counted_and_changes_nothing_here() -> None:
    x, entered, leave = Value(2.0), threading.Event(), threading.Event()

    def work() -> None:
        with no_grad(), observed_by(Watching()):
            entered.set()
            leave.wait()

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait()
    try:
        assert len(open_modes) == 2
        assert modes.recording.get()
        assert modes.observer() is None
        for node in (x * x, x * 2.0, 2.0 * x):
            assert len(node.operands) == 2
        assert x.exp().operands == (x,)
    finally:
        leave.set()
        thread.join()
    assert open_modes == []


def test_who_watches_is_told_of_every_node_and_sweep_until_the_end() -> None:
    x, watching = Value(2.0), Watching()
    with observed_by(watching):
        made = [x * x, x + 1.0, 1.0 - x, -x, x.exp(), x.hypot(1.0)]
        with observed_by(None):
            x * 5.0
        made[0].backward()
    (x * 3.0).backward()
    assert [*map(id, watching.made_nodes)] == [*map(id, made)]
    assert [*map(id, watching.swept_roots)] == [id(made[0])]
    with no_grad(), observed_by(watching):
        unrecorded = x * 7.0
    assert unrecorded.operands == ()
    assert watching.made_nodes[-1].data == 14.0, "a watcher is told of what is not recorded, too"


def test_nodes_that_are_recorded_while_a_context_is_open_are_those_made_without_one() -> None:
    x, y = Value(2.0), Value(3.0)

    def made() -> list[Value]:
        return [x.exp(), engine.exp(x), engine.softplus(x), x * y, engine.hypot(x, y), engine.sum([x, y, x])]

    def slots(node: Value) -> list[object]:
        return [node._z, node._primitive, node._a, node._b, node._x, node._y]

    plain = made()
    with observed_by(Watching()):
        observed = made()
    assert [*map(slots, observed)] == [*map(slots, plain)]


def test_the_purpose_is_the_innermost_one_and_no_mode() -> None:
    assert modes.purpose() == ""
    with called_for("check"):
        assert open_modes == []
        with called_for("trace"):
            assert modes.purpose() == "trace"
        assert modes.purpose() == "check"
    with pytest.raises(ValueError), called_for("check"):  # noqa: PT011  # it is raised here
        raise ValueError
    assert modes.purpose() == ""


def test_changes_are_counted() -> None:
    before = modes.changes[0]
    modes.announce_change()
    modes.announce_change()
    assert modes.changes[0] == before + 2


class PressedList(list[Any]):
    """A list to which nothing is added without a Ctrl-C, just before or just after."""

    def __init__(self, late: bool) -> None:
        self._late = late

    def append(self, entry: Any) -> None:
        if self._late:
            super().append(entry)
        raise KeyboardInterrupt


@pytest.mark.parametrize("late", [False, True])
def test_ctrl_c_while_a_mode_is_being_opened_leaves_none_open(late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = PressedList(late)
    monkeypatch.setattr(modes, "open_modes", entries)
    with pytest.raises(KeyboardInterrupt), no_grad():
        pass
    assert entries == []
    assert modes.recording.get()


@pytest.mark.unmeasured
@pytest.mark.parametrize("decorated", [False, True])
def test_interrupted_anywhere_no_grad_is_over(decorated: bool) -> None:
    """At once, even while the error is kept with all its frames; at the entrance of its exit once that is gone."""
    x, kept = Value(2.0), list[KeyboardInterrupt]()
    quietly = no_grad()(lambda: x * x)

    def act() -> None:
        try:
            if decorated:
                quietly()
            else:
                with no_grad():
                    x * x
        except KeyboardInterrupt as error:
            kept.append(error)
            raise

    for moment in range(1, interrupted(act, 0) + 1):
        interrupted(act, moment)
        (error,) = kept
        frames = [frame.f_code.co_name for frame, _ in walk_tb(error.__traceback__)]
        assert recording.get() or "__exit__" in frames, frames
        del error
        kept.clear()
        assert recording.get()
        assert not open_modes


def test_the_line_of_an_instruction_is_that_of_the_table_of_lines() -> None:
    """At the first instruction of a line and at its last one, and none beyond the code."""
    source = "a = 1\nb = (\n    a +\n    2\n)\nc = b\n"
    code = compile(source, "lines.py", "exec")
    for start, end, line in code.co_lines():
        for at in range(start, end, 2):
            assert modes.line_of(code, at) == (line or 0)
    assert modes.line_of(code, len(code.co_code)) == 0


def test_results_are_unobserved_only_where_they_are_neither_recorded_nor_traced_nor_watched() -> None:
    class Nobody:
        def made(self, node: Any) -> None: ...

    assert not modes.unobserved()
    with no_grad():
        assert modes.unobserved()
        with observed_by(Nobody()):
            assert not modes.unobserved()
    with observed_by(Nobody()):
        assert not modes.unobserved()


def test_a_call_inside_another_ends_alone() -> None:
    """What is noted for each is a dict of its own: as long as nothing is noted, all of them are equal."""
    outer, inner = Value(1.0), Value(2.0)
    with called_at([outer]) as noted:
        with called_at([inner]):
            assert len(places_of_calls) == 2
        float(outer)
        assert len(noted) == 1, "it is noted as before"
    assert not places_of_calls
