"""Machine code of several modules at the same time: the same as one after the other, and all errors are seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.compiler.backends.llvm.jit import emission
from engine.compiler.backends.llvm.jit.emission import emit
from engine.compiler.backends.llvm.jit.machine_code import binding, machine, optimised
from engine.compiler.backends.llvm.jit.side_by_side import Job, Result, SideBySide


def side_by_side(*functions: Callable[[], Result]) -> list[Result]:
    """What they give."""
    with SideBySide() as together:
        jobs = [together.begin(function) for function in functions]
    return [job.result() for job in jobs]


def text(rounds: int) -> str:
    """A function of its own for each number."""
    lines = [f"%x{k + 1} = fadd double %x{k}, %x0" for k in range(rounds)]
    return "\n".join(["define double @f(double %x0) nounwind {", *lines, f"ret double %x{rounds}", "}"])


def test_the_code_is_what_llvmlite_gives() -> None:
    assert emit(machine(), optimised(text(5))) == machine().emit_object(optimised(text(5)))


def test_many_at_the_same_time_give_the_same() -> None:
    sizes = [20 * k for k in range(1, 9)]

    def made(size: int) -> bytes:
        return emit(machine(), optimised(text(size), text(size).replace("@f", "@g")))

    alone = [made(size) for size in sizes]
    for _ in range(5):
        assert side_by_side(*[lambda size=size: made(size) for size in sizes]) == alone


def test_llvmlites_lock_is_left_alone() -> None:
    module, target, taken = optimised(text(5)), machine(), list[str]()

    def take() -> None:
        taken.append(threading.current_thread().name)

    def release() -> None:
        pass

    ffi = binding().ffi
    function = emission._without_lock()
    with ffi.OutputString() as message:
        ffi.register_lock_callback(take, release)
        try:
            buffer = function(target, module, 1, message)
            assert not taken
            ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)
            assert taken
        finally:
            ffi.unregister_lock_callback(take, release)


@pytest.fixture
def anew() -> Any:
    """The function is looked for again, in this test and after it."""
    emission._without_lock.cache_clear()
    yield
    emission._without_lock.cache_clear()


class _Others:
    """A library whose function takes something else."""

    argtypes = (int,)
    restype = None


@pytest.mark.parametrize("other", [None, _Others, object()])
def test_another_llvmlite_does_it_under_its_lock(anew: None, monkeypatch: pytest.MonkeyPatch, other: Any) -> None:
    lib = binding().ffi.lib
    known = lib._fntab
    kept = known.pop(emission._NAME, None) or getattr(lib, emission._NAME)
    expected = emit(machine(), optimised(text(5)))
    emission._without_lock.cache_clear()
    known[emission._NAME] = other
    try:
        assert emission._without_lock() is None
    finally:
        known[emission._NAME] = kept
    assert emit(machine(), optimised(text(5))) == expected


def test_what_llvm_refuses_is_left_to_llvmlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which has the words for it."""
    expected = emit(machine(), optimised(text(5)))
    monkeypatch.setattr(emission, "_without_lock", lambda: lambda *_: None)
    assert emit(machine(), optimised(text(5))) == expected


# ---- side by side
def test_all_are_called_at_the_same_time_and_answer_in_order() -> None:
    together = threading.Barrier(3, timeout=60)

    def answer(number: int) -> Callable[[], int]:
        return lambda: together.wait() * 0 + number

    assert side_by_side(*map(answer, (7, 8, 9))) == [7, 8, 9]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_is_raised_when_all_have_ended(failing: int) -> None:
    ended: list[int] = []

    def job(number: int) -> Callable[[], None]:
        def run() -> None:
            if number == failing:
                raise MemoryError(f"number {number}")
            ended.append(number)

        return run

    with pytest.raises(MemoryError, match=f"number {failing}"):
        side_by_side(*map(job, range(3)))
    assert sorted(ended) == [number for number in range(3) if number != failing]


def test_where_no_thread_can_be_started_it_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert side_by_side(*[threading.get_ident] * 3) == [threading.get_ident()] * 3


def test_an_error_in_between_waits_for_those_that_run() -> None:
    ended: list[str] = []

    def failing() -> None:
        with SideBySide() as together:
            together.begin(lambda: (time.sleep(0.05), ended.append("slow")))
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert ended == ["slow"]


def test_ctrl_c_in_between_waits_for_nobody() -> None:
    go = threading.Event()

    def pressed() -> None:
        with SideBySide() as together:
            jobs.append(together.begin(go.wait))
            raise KeyboardInterrupt

    jobs: list[Job[bool]] = []
    with pytest.raises(KeyboardInterrupt):
        pressed()
    assert jobs[0].is_alive()
    go.set()
    jobs[0].end()
    assert jobs[0].result()
