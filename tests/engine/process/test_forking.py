"""Locks that give way: whoever wants to fork gets them between two steps."""

from __future__ import annotations

import threading

import pytest

from engine.process import forking


def test_between_two_steps_a_lock_is_let_go_of_if_somebody_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, had = forking.new_lock(awaited=True), threading.Event()

    def fork() -> None:
        with lock:
            had.set()

    with lock:
        thread = threading.Thread(target=fork)
        thread.start()
        forking.give_way(lock)  # nobody forks
        assert not had.is_set()
        monkeypatch.setattr(forking, "_forks", 1)
        while not had.is_set():
            forking.give_way(lock)
    thread.join()


def test_a_fork_waits_for_a_step_and_leaves_the_child_free_locks() -> None:
    """What is registered with the system, by hand; nobody else computes meanwhile."""
    lock = forking.new_lock(awaited=True)

    def is_free() -> bool:
        found: list[bool] = []

        def ask() -> None:
            found.append(lock.acquire(blocking=False))
            if found[0]:
                lock.release()

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        return found[0]

    forking._before()
    assert not is_free()
    forking._after_in_parent()
    assert is_free()
    forking._before()
    forking._after_in_child()
    assert is_free()
    assert (forking._forks, forking._taken) == (0, [])
