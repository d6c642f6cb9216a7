"""A verdict needs agreement, or a confirmed disagreement; otherwise a claim is left open."""

from __future__ import annotations

import math

import pytest

from engine import check_gradients
from engine.checking.estimates.differences import Estimate
from engine.checking.estimates.verdicts import confirming, judge

FLAT = Estimate(0.0, 0.0, 1e-12, 0.1)  # by equal values


def estimate(derivative: float, bound: float, step: float = 0.1, scale: float = 0.0) -> Estimate:
    return Estimate(derivative, bound / 2, bound / 2, step, scale)


AGAINST = [estimate(1.4, 1e-9) for _ in range(3)]


@pytest.mark.parametrize(
    ("claimed", "slack", "estimates", "status"),
    [
        (1.0, 0.0, [estimate(1.0, 1e-9)], "agrees"),
        (1.0, 0.0, [None, estimate(0.5, 0.1), estimate(1.0, 1e-9)], "agrees"),
        (1.0, 0.0, [estimate(1.001, 1e-9), estimate(1.001, 1e-8)], "differs"),
        (1.0, 1e-2, [estimate(1.001, 1e-9), estimate(1.001, 1e-8)], "unresolved"),  # by its own rounding
        (1.0, 0.0, [estimate(1.001, 1e-9)], "unresolved"),  # not confirmed
        (1.0, 0.0, [estimate(1.001, 1e-9), estimate(0.7, 1e-8)], "unresolved"),  # they contradict each other
        (1.0, 0.0, [estimate(1.4, 0.01), estimate(1.2, 0.3, 0.2)], "unresolved"),  # the second agrees with both
        (1.0, 0.0, [estimate(1.001, 0.1)], "unresolved"),  # too blunt
        (1e-20, 0.0, [estimate(0.0, 1e-15)], "unresolved"),
        (1e-20, 0.0, [estimate(0.0, 1e-15, scale=1.0)], "agrees"),  # beside the spread of the values
        (0.0, 0.0, [FLAT], "agrees"),
        (0.0, 0.0, [estimate(1e-3, 1e-2, 0.1, 1.0), FLAT._replace(step=0.4)], "unresolved"),  # flat as a whole
        (0.0, 0.0, [estimate(1e-3, 1e-2, 0.4), FLAT], "unresolved"),  # not at the likeliest step
        (0.0, 0.0, [estimate(1e-3, 1e-2, 0.4, 1.0), FLAT], "agrees"),  # but closer to the point
        (1.0, 0.0, [None, None], "unresolved"),
        (math.nan, 0.0, [estimate(1.0, 1e-9)], "differs"),
        (math.inf, 0.0, [estimate(1.0, 1e-9), estimate(1.0, 1e-8)], "differs"),
        (math.inf, 0.0, [estimate(1.0, math.inf)], "differs"),  # from one that knows nothing, too
        (1.0, 0.0, [estimate(1.0, 0.0)], "agrees"),  # an exact one
        # three sharp ones end the search, unless a blunt one speaks for the claim
        (1.0, 0.0, [*AGAINST, estimate(1.0, 1e-9)], "differs"),
        (0.0, 0.0, [*AGAINST, estimate(0.0, 1e-9)], "differs"),  # sharp beside themselves
        (0.0, 0.0, [*(each._replace(derivative=-1.4) for each in AGAINST), estimate(0.0, 1e-9)], "differs"),
        (1.0, 0.0, [*AGAINST[:2], estimate(1.0, 1e-9)], "agrees"),
        (1.0, 0.0, [estimate(1.3, 0.5, 0.4), *AGAINST, estimate(1.0, 1e-9)], "agrees"),
        # a wide one does not settle what finer steps have met structure in
        (2.0, 0.0, [Estimate(1.9, 0.01, 1e-9, 0.1), estimate(2.0, 1e-9, 0.4)], "unresolved"),
        (2.0, 0.0, [Estimate(1.9, 0.01, 1e-3, 0.1), estimate(2.0, 1e-9, 0.4)], "agrees"),  # by rounding
        (2.0, 0.0, [Estimate(1.9, 0.01, 1e-9, 0.4), estimate(2.0, 1e-9, 0.1), estimate(2.5, 1e-9, 0.05)], "agrees"),
        (2.0, 0.0, [Estimate(2.0, 1e-9, 1e-12, 0.1), Estimate(1.9, 0.01, 1e-9, 0.05)], "unresolved"),  # nor its own
        (2.0, 0.0, [Estimate(2.0, 1e-9, 1e-12, 0.1), estimate(2.0, 1e-9, 0.05)], "agrees"),
        # a finer one that contradicts a coarser one is truer, however blunt
        (3.0, 0.0, [estimate(1.0, 1e-9, 0.4), estimate(2.0, 1e-3, 0.1), estimate(2.0, 1e-2, 0.05)], "differs"),
    ],
)
def test_verdicts(claimed: float, slack: float, estimates: list[Estimate | None], status: str) -> None:
    assert judge(claimed, slack, iter(estimates)).status == status


def test_beside_a_claim_that_is_not_finite_stands_a_sharp_estimate() -> None:
    blunt, sharp = [estimate(1.4, 0.1, step) for step in (0.8, 0.4, 0.2)], estimate(1.4, 1e-9)
    assert judge(math.inf, 0.0, iter([*blunt, sharp])).estimate == sharp


@pytest.mark.parametrize(
    ("slack", "estimates", "excluded"),
    [
        (0.0, [estimate(1.5, 1e-3)], True),
        (0.0, [estimate(1.009, 1e-3)], False),  # within 1 %
        (0.1, [estimate(1.205, 0.1)], False),  # of what both may be off
        (0.0, [estimate(1.004, 5e-3, 0.2), estimate(1.5, 1e-3)], False),  # the first speaks for it
        (0.0, [estimate(1.0, 0.3, 0.2), estimate(1.5, 1e-3)], True),  # and here it is too blunt
        (0.0, [estimate(1.001, 0.1)], False),
    ],
)
def test_what_a_claim_of_1_is_excluded_by(slack: float, estimates: list[Estimate | None], excluded: bool) -> None:
    verdict = judge(1.0, slack, iter(estimates))
    assert (verdict.status, verdict.excluded) == ("unresolved", excluded)


@pytest.mark.parametrize(
    ("claimed", "derivative", "excluded"),
    [
        (1e-3, 1.5e-3, True),
        (1.0, 0.99005, False),
        (1.0, 1.01005, False),
        (-1.0, -0.99005, False),
        (-1.0, -1.01005, False),
    ],
)
def test_a_claim_is_excluded_beyond_1_percent_of_the_larger(claimed: float, derivative: float, excluded: bool) -> None:
    verdict = judge(claimed, 0.0, iter([estimate(derivative, 1e-9)]))
    assert (verdict.status, verdict.excluded) == ("unresolved", excluded)


@pytest.mark.parametrize(
    ("claimed", "slack", "estimates", "place"),
    [
        (1.0, 0.0, [None, estimate(1.0, 0.1), estimate(1.0, 1e-9)], 2),
        (1.0, 0.0, [estimate(1.001, 1e-9)], None),
        (1.0, 1e-3, [estimate(1.0, 1e-9)], None),
        (0.0, 0.0, [estimate(0.0, 1e-9, scale=1.0), FLAT], 1),
        (1e-20, 0.0, [FLAT], None),
        (1.0, 0.0, [Estimate(1.0, 1e-9, 1e-12, 0.1), estimate(1.0, 1e-9)], 0),  # where the second meets no structure
        (1.0, 0.0, [Estimate(1.0, 1e-9, 1e-12, 0.1)] * 2, None),
    ],
)
def test_the_first_estimate_that_confirms(
    claimed: float, slack: float, estimates: list[Estimate | None], place: int | None
) -> None:
    assert confirming(claimed, slack, estimates) is (None if place is None else estimates[place])


@pytest.mark.parametrize(
    ("size", "waves"), [(1e-9, 1e4), (1e-10, 1e6), (1e-10, 1e7), (1e-10, 1e9), (1e-11, 1e6), (1e-12, 1e9)]
)
def test_wide_steps_do_not_confirm_a_slope_that_finer_ones_see_otherwise(size: float, waves: float) -> None:
    """Steps longer than the waves saw a parabola, and its slope, off by up to 5 %, agreed."""

    def f(x: float) -> float:
        return x * x + size * math.sin(waves * x)

    trend = check_gradients(f, 1.0005, grad=lambda x: 2 * x)
    assert [found.status for found in trend.derivatives] == ["unresolved"]
    assert check_gradients(f, 1.0005, grad=lambda x: 2 * x + size * waves * math.cos(waves * x))
