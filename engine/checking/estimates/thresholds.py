"""The thresholds of all verdicts, in one table: how much evidence each needs.

None of them is the tolerance of a claim, which is computed: the bound of an estimate and the claim's own rounding.
"""

from __future__ import annotations

SAFETY = 10.0
"""Factor on an error that is estimated, not proven."""

ENOUGH = 3
"""How many estimates must be against a claim before the search for one that supports it ends, or agree on a slope
before a second look believes it."""

PERCENT = 1e-2
"""A claim that is off by more than the bound and this part is excluded, even if too few estimates confirm that; slopes
beside a kink count if they are known to this part."""

TELLS = 0.1
"""An estimate tells two slopes apart if its bound is below this part of their distance."""

CLEAR = 2e-2
"""Wide steps see one slope if both sides know it to this part."""

PERMILLE = 1e-3
"""Slopes at a kink that are known to this part decide."""

APART = 1e-4
"""Slopes on both sides that differ by less than this part may be one."""

TOUCH = 1e-6
"""A claim that is beyond the slopes of a kink by less than this part is at their end."""

EXPLAINED = 8.0
"""Noise explains third differences of up to this many times its size."""

ROUGH = 1 / 2
"""Values are rough if their third differences are larger than this part of their first; those of a smooth function are
smaller."""

EQUAL_RATES = 0.15
"""Taylor's remainder shrinks like that of a wrong gradient if its power is this close to 1."""

RIGHT_RATE = 1.5
"""It shrinks like that of a right gradient if its power is above this."""


def resolution(epsilon: float) -> float:
    """The part of a derivative that an estimate's bound must be below to decide; `epsilon` is the spacing of numbers.

    >>> f"{resolution(2.0**-52):.1e}, in single precision {resolution(2.0**-23):.1e}"
    '2.7e-07, in single precision 8.5e-04'
    """
    return float(epsilon**0.4 / 2)
