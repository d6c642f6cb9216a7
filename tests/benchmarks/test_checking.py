"""The benchmark of checkers runs, and its faults are faults."""

from __future__ import annotations

import random

from tests.needs import needs

needs("torch")
needs("jax")

from tests.benchmarks import checking


def test_we_catch_what_is_planted_and_raise_no_alarm() -> None:
    assert checking.caught(checking.Ours(), 60) == 60
    assert checking.alarms(checking.Ours(), 150) == 0


def test_the_other_checkers_see_the_same_faults() -> None:
    assert checking.caught(checking.PyTorch(), 30) >= 15
    assert checking.caught(checking.Jax(), 5) >= 3


def test_faults_are_visible_and_right_gradients_are_not() -> None:
    random_ = random.Random(0)
    right = [1.0, 2.0, 3.0, 4.0]
    for change in checking.faults(random_).values():
        assert checking.visible(right, change(right))
    assert not checking.visible(right, checking.same(right))
