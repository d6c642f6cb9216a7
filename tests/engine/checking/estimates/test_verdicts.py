"""A verdict needs agreement, or a confirmed disagreement; otherwise a claim is left open."""

from __future__ import annotations

import math

import pytest

from engine.checking.estimates.differences import Estimate
from engine.checking.estimates.verdicts import judge


def estimate(derivative: float, bound: float) -> Estimate:
    return Estimate(derivative, bound, 0.0, 0.1)


@pytest.mark.parametrize(
    ("claimed", "estimates", "status"),
    [
        (1.0, [estimate(1.0, 1e-9)], "agrees"),
        (1.0, [None, estimate(0.5, 0.1), estimate(1.0, 1e-9)], "agrees"),
        (1.0, [estimate(1.001, 1e-9), estimate(1.001, 1e-8)], "differs"),
        (1.0, [estimate(1.001, 1e-9)], "unresolved"),  # not confirmed
        (1.0, [estimate(1.001, 1e-9), estimate(0.7, 1e-8)], "unresolved"),  # they contradict each other
        (1.0, [estimate(1.001, 0.1)], "unresolved"),  # too blunt
        (1e-20, [estimate(0.0, 1e-15)], "unresolved"),
        (0.0, [Estimate(0.0, 0.0, 1e-12, 0.1)], "agrees"),
        (1.0, [None, None], "unresolved"),
        (math.nan, [estimate(1.0, 1e-9), estimate(1.0, 1e-8)], "differs"),
        (math.inf, [estimate(1.0, 1e-9), estimate(1.0, 1e-8)], "differs"),
    ],
)
def test_verdicts(claimed: float, estimates: list[Estimate | None], status: str) -> None:
    assert judge(claimed, 0.0, iter(estimates)).status == status
