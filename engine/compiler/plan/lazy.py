"""How to come by a plan, which need not be made where a back end knows what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from ...collector import collector_at_rest
from ..forking import new_lock
from .plan import Plan


class LazyPlan:
    """A plan that is made when it is asked for.

    Args:
        make: gives it.
        leaves: how many it binds.
        fingerprint: what determines the plan; empty if nothing does but the plan itself.
        gradients: whether it has those by the leaves, to make steps with.
        lock: held meanwhile, for plans that are made of one graph.

    Attributes:
        seconds: that it took, once it is made.
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
        """A lazy plan of one that is there."""
        return cls(lambda: plan, plan.leaves, gradients=plan.weight is not None)

    def let_go(self) -> None:
        """Hold the plan no longer: it is made again when somebody asks."""
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
