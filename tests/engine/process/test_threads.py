"""The engine's own threads draw no random numbers, so that nothing waits for them or minds them."""

from __future__ import annotations

import threading

from engine.process.threads import OwnThread, others_run


def test_only_threads_that_may_run_the_users_code_are_others() -> None:
    """Beside workers of native code, generators that a refused function had drawn from stayed further on."""
    ended, before = threading.Event(), others_run()
    own, other = OwnThread(ended.wait, "own"), threading.Thread(target=ended.wait)
    own.start()
    assert others_run() == before
    other.start()
    assert others_run()
    ended.set()
    own.join()
    other.join()
    assert others_run() == before
