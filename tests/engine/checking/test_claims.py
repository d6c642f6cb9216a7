"""The verdict on every claim of the table: no wrong one passes, no right one fails."""

from __future__ import annotations

import pytest

from engine import check_gradients
from tests.engine.checking.claims import ALL, Claim
from tests.engine.checking.hard_claims import HARD


@pytest.mark.parametrize("claim", [claim for claims in [*ALL.values(), *HARD.values()] for claim in claims], ids=str)
def test_claims(claim: Claim) -> None:
    report = check_gradients(claim.f, claim.point, grad=claim.grad)
    assert report.ok == claim.right, f"{claim} is {'right' if claim.right else 'wrong'}\n{report}"
