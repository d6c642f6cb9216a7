"""Clipped gradients: by hand, as properties, and PyTorch's; limits that are refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Value
from nn.optimisers.clipping import clip_gradients, clip_limits
from tests.needs import needs

GRADIENTS = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6)


def clipped(gradients, clip_norm=None, clip_value=None):
    params = [Value(0.0) for _ in gradients]
    for p, gradient in zip(params, gradients):
        p.grad = gradient
    clip_gradients(params, clip_limits(clip_norm, clip_value))
    return [p.grad for p in params]


def test_by_hand():
    assert clipped([3.0, -4.0]) == [3.0, -4.0]
    assert clipped([3.0, -4.0], clip_value=3.5) == [3.0, -3.5]
    assert clipped([3.0, -4.0], clip_value=4.0) == [3.0, -4.0]
    assert clipped([3.0, -4.0], clip_norm=6.0) == [3.0, -4.0]
    assert clipped([3.0, -4.0], clip_norm=1.0) == pytest.approx([0.6, -0.8], rel=1e-6)
    assert clipped([0.0, 0.0], clip_norm=1.0) == [0.0, 0.0]
    assert clipped([3e-6, 4e-6], clip_norm=3e-6) == pytest.approx([1.5e-6, 2e-6]), "1e-6 is added to the norm"


@pytest.mark.parametrize("way", ["clip_norm", "clip_value"])
def test_nan_is_not_clipped_to_a_number(way):
    """It became the lower limit, and the step was made; compiled steps refuse it."""
    assert math.isnan(clipped([math.nan, 2.0], **{way: 1.0})[0])


@given(GRADIENTS, st.floats(1e-3, 1e3))
def test_the_direction_stays_and_the_norm_is_no_longer_than_said(gradients, limit):
    found, norm = clipped(gradients, clip_norm=limit), math.hypot(*gradients)
    assert math.hypot(*found) <= min(limit, norm) * (1 + 1e-12)
    if norm + 1e-6 <= limit:
        assert found == gradients
    else:
        assert found == pytest.approx([g * limit / (norm + 1e-6) for g in gradients], rel=1e-12, abs=1e-300)


@given(GRADIENTS, st.floats(1e-3, 1e3))
def test_entries_are_clipped_one_by_one(gradients, limit):
    assert clipped(gradients, clip_value=limit) == [
        g if abs(g) <= limit else math.copysign(limit, g) for g in gradients
    ]


@pytest.mark.parametrize("way", ["clip_norm", "clip_value"])
def test_against_torch(way):
    torch = needs("torch")
    gradients = [3.0, -4.0, 0.5]
    for limit in (0.1, 2.0, 4.0, 100.0):
        params = [torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in gradients]
        for p, gradient in zip(params, gradients):
            p.grad = torch.tensor(gradient, dtype=torch.float64)
        getattr(torch.nn.utils, way.replace("clip", "clip_grad") + "_")(params, limit)
        assert clipped(gradients, **{way: limit}) == pytest.approx([p.grad.item() for p in params], rel=1e-12)


@pytest.mark.parametrize(
    ("norm", "value", "error", "message"),
    [
        (1.0, 1.0, ValueError, "two ways to clip: choose one"),
        (0.0, None, ValueError, "clip_norm must be above 0, not 0"),
        (None, 0.0, ValueError, "clip_value must be above 0, not 0"),
        (-1.0, None, ValueError, "clip_norm must be above 0, not -1"),
        (None, math.nan, ValueError, "clip_value"),
        ("1", None, TypeError, "clip_norm"),
        (None, True, TypeError, "clip_value"),
    ],
)
def test_limits_refused(norm, value, error, message):
    with pytest.raises(error, match=message):
        clip_limits(norm, value)


def test_limits_are_floats():
    assert clip_limits(None, None) == (None, None)
    assert [type(limit) for limit in (clip_limits(2, None)[0], clip_limits(None, 2)[1])] == [float, float]
    assert clip_limits(5e-324, None) == (5e-324, None)
