"""Locks that give way: whoever wants to fork gets them between two steps."""

from __future__ import annotations

import threading

import pytest

from engine.compiler import forking


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
