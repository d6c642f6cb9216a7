"""Threads of the function's own, and of others meanwhile."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import pytest

from engine import TraceError, Value, compile

from .cases import Case, equal, refused


@refused
def test_a_number_read_in_a_thread_of_the_function() -> Case:
    w = Value(2.0)

    def function(x: Any) -> Any:
        found: list[float] = []
        thread = threading.Thread(target=lambda: found.append(w.data))
        thread.start()
        thread.join()
        return found[0] * x

    return Case(function, lambda: setattr(w, "data", 7.0))


@equal
def test_what_a_thread_has_for_itself() -> Case:
    w, local = Value(2.0), threading.local()
    local.scale = 2.0
    return Case(lambda x: w * x * local.scale, lambda: setattr(local, "scale", 5.0))


def test_draws_of_another_thread_may_refuse_a_function_and_the_message_says_so() -> None:
    """And what it draws while nothing is refused, it does not get again."""
    stop, drawn, generator = threading.Event(), list[float](), random.Random(7)
    random.seed(7)

    def draws() -> None:
        while not stop.is_set():
            drawn.append(random.random())
            time.sleep(0.001)

    def waits(x: Any) -> Any:
        time.sleep(0.05)
        return x * 2.0

    thread = threading.Thread(target=draws)
    thread.start()
    try:
        with pytest.raises(
            TraceError, match=r"drew random numbers from random, .*\n.*another thread.*random\.Random\(seed\)"
        ):
            compile(waits, backend="python")([1.0])
    finally:
        stop.set()
        thread.join()
    assert drawn[0] == generator.random()


def test_other_threads_may_read_meanwhile() -> None:
    w, stop, wrong = Value(2.0), threading.Event(), []

    def reads() -> None:
        while not stop.is_set():
            if w.data != 2.0 or float(w) != 2.0 or not w > 1 or (w * w).data != 4.0:
                wrong.append(1)

    thread = threading.Thread(target=reads)
    thread.start()
    for k in range(20):
        compile(lambda x: w * x + k, backend="python")([1.0])  # noqa: B023  # it is called at once
    stop.set()
    thread.join()
    assert not wrong


class Local(threading.local):
    """One of the user's own."""


class LibraryLocal(threading.local):
    """One of a library, whose objects are not asked for another class or `__dict__`."""

    __module__ = "string"


@pytest.mark.parametrize("kind", [threading.local, Local, LibraryLocal])
def test_each_thread_has_its_own_numbers_of_a_thread_local(kind: type) -> None:
    w, local, found = Value(2.0), kind(), list[float]()
    local.scale = 2.0
    compiled = compile(lambda x: w * x * local.scale)

    def other() -> None:
        local.scale = 5.0
        found.extend(compiled([1.0]))

    for _ in range(2):
        assert list(compiled([1.0])) == [4.0]
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert found == [10.0, 10.0]
