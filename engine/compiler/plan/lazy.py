"""A plan on demand: where a back end finds the compiled code in its cache, none is made."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from ...process.collector import collector_at_rest
from ...process.forking import new_lock
from .plan import Plan


class LazyPlan:
    """A plan that is made when it is first read.

    Args:
        make: makes it.
        leaves: how many leaves it binds.
        fingerprint: identifies the plan, in every process; empty if nothing but the plan itself does.
        gradients: whether it computes the gradient of the leaves, for training.
        lock: held while it is made; plans of one graph share it.

    Attributes:
        seconds: how long making it took.
    """

    def __init__(
        self,
        make: Callable[[], Plan],
        leaves: int,
        fingerprint: str = "",
        gradients: bool = False,
        lock: AbstractContextManager[object] | None = None,
    ) -> None:
        self._make, self._lock = make, lock or new_lock()
        self._plan: Plan | None = None
        self.leaves, self.fingerprint, self.gradients = leaves, fingerprint, gradients
        self.seconds = 0.0

    @classmethod
    def of(cls, plan: Plan) -> LazyPlan:
        """The lazy plan of one that is made already."""
        return cls(lambda: plan, plan.leaves, gradients=plan.weight is not None)

    def let_go(self) -> None:
        """Drop the plan: it is made again when it is read again."""
        with self._lock:
            self._plan = None

    @property
    def plan(self) -> Plan:
        """The plan."""
        with self._lock:
            if self._plan is None:
                started = time.perf_counter()
                with collector_at_rest():
                    self._plan = self._make()
                self.seconds = time.perf_counter() - started
            return self._plan
