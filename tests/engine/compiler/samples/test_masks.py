"""The masks of dropout: a counter-based generator, and the columns of a batch that it draws."""

from __future__ import annotations

from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Drop, Masks
from engine.compiler.samples.masks import STEP, hashed
from tests.needs import needs

WHOLE = st.integers(0, 2**64 - 1)
SHARES = st.floats(0.0, 1.0, exclude_max=True)


@given(WHOLE, st.integers(0, 2**30))
def test_hashes_of_neighbours_share_no_bits(seed: int, number: int) -> None:
    """About half of the 64 bits differ."""
    assert 8 < (hashed(seed, number) ^ hashed(seed, number + 1)).bit_count() < 56


@pytest.mark.parametrize(("p", "least"), [(0.0, 0), (0.5, 1 << 63), (2.0**-60, 1 << 11), (1 - 2.0**-53, 2**64 - 2**11)])
def test_from_which_hash_on_an_entry_is_kept(p: float, least: int) -> None:
    """The hash of 53 bits is a number from 0 to below 1, and kept if it is at least p."""
    assert Drop(0, 0, 1, p).least == least


def test_the_share_of_what_is_dropped() -> None:
    factors = Drop(3, 0, 10_000, 0.25).factors(0, 0)
    assert {*factors} == {0.0, 4 / 3}
    assert fmean(factors) == pytest.approx(1.0, abs=0.02)


@given(WHOLE, SHARES, SHARES, st.integers(0, 2**40), st.integers(0, 9))
def test_arrays_are_drawn_as_lists_are(seed: int, p: float, q: float, step: int, later: int) -> None:
    np = needs("numpy")
    masks = Masks((Drop(seed, 0, 3, p), Drop(seed ^ 12345, 3, 2, q)), 1, step)
    rows = [[float(k), *[1.0] * 5, -1.0] for k in range(4)]
    expected = [
        [k, *Drop(seed, 0, 3, p).factors(step + later, k), *Drop(seed ^ 12345, 3, 2, q).factors(step + later, k), -1.0]
        for k in range(4)
    ]
    assert masks.drawn(rows, later) == expected
    assert masks.drawn(np.array(rows), later).tolist() == expected
    assert rows[2] == [2.0, *[1.0] * 5, -1.0]


def test_which_columns_they_are() -> None:
    masks = Masks((Drop(0, 0, 3, 0.5), Drop(1, 3, 2, 0.5)), 4, 0)
    assert masks.end == 9
    assert not any(masks.meets(*columns) for columns in ((0, 3), (0, 4), (9, 20)))
    assert all(masks.meets(*columns) for columns in ((0, 5), (4, 5), (8, 20)))


def test_nothing_is_dropped_with_probability_0() -> None:
    """Not even the entry whose hash is 0, the least that there is."""
    np = needs("numpy")
    key = hashed(hashed(7, 0), 0)
    entry = (-key * pow(STEP, -1, 1 << 64) - 1) % (1 << 64)
    assert hashed(key, entry) == 0
    masks = Masks((Drop(7, entry, 1, 0.0),), 0, 0)
    assert masks.drawn([[5.0]]) == masks.drawn(np.array([[5.0]])).tolist() == [[1.0]]
