"""Graphs that share leaves, differentiated by several threads at once."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import warnings

import pytest

from engine import Value, collector_at_rest
from engine.backprop import passes_under_way
from engine.process import collector
from tests.needs import FORK


def test_no_contribution_is_lost() -> None:
    leaves = [Value(float(k)) for k in range(50)]
    rounds, threads = 60, 8

    def work() -> None:
        for _ in range(rounds):
            sum(leaves, Value(0.0)).backward()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    assert {leaf.grad for leaf in leaves} == {float(rounds * threads)}


def test_a_stepper_may_begin_while_another_thread_looks_for_those_under_way() -> None:
    """A WeakSet raised "Set changed size during iteration", from backward() too."""
    first, second = ((x * x * x).stepper() for x in (Value(2.0), Value(3.0)))
    first.next()
    under_way = iter(passes_under_way)
    second.next()
    assert [running.root for running in under_way] == [first.root]
    assert {running.root for running in passes_under_way} == {first.root, second.root}
    first.close()
    del second
    assert not passes_under_way


@pytest.mark.unmeasured
@FORK
def test_a_child_forked_while_another_thread_commits_can_go_on() -> None:
    leaf, stop = Value(2.0), threading.Event()

    def work() -> None:
        while not stop.is_set():
            (leaf * leaf).backward()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of any thread
            for _ in range(20):
                child = os.fork()
                if child == 0:
                    x = Value(3.0)
                    (x * x).backward()
                    os._exit(0 if x.grad == 6.0 else 1)
                assert os.waitpid(child, 0) == (child, 0)
    finally:
        stop.set()
        worker.join()


def test_the_collector_wakes_when_the_last_context_ends() -> None:
    with collector_at_rest():
        with collector_at_rest():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with collector_at_rest():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_ctrl_c_before_the_collector_rests_leaves_it_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed() -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(gc, "isenabled", pressed)
    with pytest.raises(KeyboardInterrupt), collector_at_rest():
        pass
    monkeypatch.undo()
    assert gc.isenabled()
    assert not collector._resting


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("own", [True, False])
def test_of_what_rests_at_a_fork_the_child_keeps_what_its_thread_has_begun(
    own: bool, enabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, mine = threading.get_ident(), object()
    contexts = {object(): me - 1, **({mine: me} if own else {}), object(): me + 1}
    monkeypatch.setattr(collector, "_resting", contexts)
    monkeypatch.setattr(collector, "_enabled", enabled)
    gc.disable()
    try:
        collector._lock.acquire()
        collector._in_child()
        assert [*contexts] == [mine] * own
        assert gc.isenabled() == (enabled and not own)
    finally:
        gc.enable()


@pytest.mark.parametrize("enabled", [True, False])
def test_where_nothing_rests_a_fork_leaves_the_collector_as_it_is(enabled: bool) -> None:
    try:
        if not enabled:
            gc.disable()
        collector._lock.acquire()
        collector._in_child()
        assert gc.isenabled() == enabled
    finally:
        gc.enable()


@pytest.mark.unmeasured
@FORK
@pytest.mark.parametrize("resting", [False, True], ids=["awake", "at rest"])
def test_a_child_is_forked_while_another_thread_has_the_collector_at_rest(resting: bool) -> None:
    """It found the lock held for ever, or its own collector at rest for ever: of the threads it has only its own."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            with collector_at_rest():
                pass

    interval, worker = sys.getswitchinterval(), threading.Thread(target=work)
    sys.setswitchinterval(1e-6)
    worker.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads is what is tested
            for _ in range(100):
                with collector_at_rest() if resting else contextlib.nullcontext():
                    child = os.fork()
                    if not child:
                        with collector_at_rest():
                            inside = gc.isenabled()
                        os._exit(int(inside or gc.isenabled() is resting))
                    assert os.waitpid(child, 0) == (child, 0)
    finally:
        stop.set()
        worker.join()
        sys.setswitchinterval(interval)
    assert gc.isenabled()
