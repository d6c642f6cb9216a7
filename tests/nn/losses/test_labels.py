"""Kinds of labels: which numbers each accepts, and which intervals of numbers for certain."""

import math

import pytest

import engine
import nn
from engine import Value
from nn.losses.labels import PROBABILITY, SIGN, TARGET, ClassIndex, Distribution, Number, checked, without_unused
from nn.losses.reduction import reduced


@pytest.mark.parametrize(
    ("kind", "least", "most", "accepted"),
    [
        (TARGET, -1e308, 1e308, True),
        (PROBABILITY, 0.0, 1.0, True),
        (PROBABILITY, 0.25, 0.5, True),
        (PROBABILITY, -1e-9, 0.5, False),
        (PROBABILITY, 0.5, 1.0 + 1e-9, False),
        (SIGN, -1.0, 1.0, False),  # 0 is between
        (Number(least=2.0), 2.0, 9.0, True),
        (Number(least=2.0), 1.0, 9.0, False),
        (ClassIndex(3), 0.0, 2.0, False),  # 0.5 is between
        (Distribution(2), 0.0, 1.0, False),
    ],
)
def test_whether_all_numbers_between_are_labels(kind, least, most, accepted):
    assert kind.accepts(least, most) is accepted


def test_probabilities_sum_to_1_within_rounding():
    kind = Distribution(2)
    assert kind.check(0.25, 0.75) == [0.25, 0.75]
    assert kind.check(True, False) == [1, 0]
    assert kind.check(0.5, 0.5 + 9e-7) == [0.5, 0.5 + 9e-7]
    assert kind.check(0.5, 0.5 - 9e-7) == [0.5, 0.5 - 9e-7]
    assert kind.check(1.0 + 9e-7, 0.0) == [1.0 + 9e-7, 0.0]
    for wrong in [(0.5, 0.5 + 2e-6), (0.5, 0.5 - 2e-6), (0.0, 0.0), (2.0, -1.0), (1.0 + 2e-6, 0.0), (math.nan, 1.0)]:
        with pytest.raises(ValueError, match="probabilit"):
            kind.check(*wrong)
    for beyond in [(1.0, 0.5, -0.5), (1.0 + 2e-6, 0.0, 0.0), (1.5, 0.0, 0.0)]:  # which is told, and not the sum
        with pytest.raises(ValueError, match=r"^a probability must be"):
            Distribution(3).check(*beyond)


def test_a_loss_of_samples_is_a_function():
    with pytest.raises(TypeError, match="per_sample\\(\\) takes a function of an output and a label, not int 3"):
        nn.per_sample(3)
    assert nn.per_sample(math.dist).__name__ == "dist"


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_loss_of_one_place_is_its_own_mean_and_sum(reduction):
    alone, other = Value(3.0), Value(4.0)
    assert reduced([[alone]], reduction) is alone
    assert reduced([alone, [other]], reduction).operands == (alone, other)


@pytest.mark.parametrize("kind", [SIGN, TARGET, PROBABILITY])
def test_a_label_that_is_a_value_joins_the_graph(kind):
    label = Value(0.3)
    assert checked(label, kind) is label
    assert type(checked(1, kind)) is float


def test_other_signs_are_named_with_the_remedy():
    assert (SIGN.check(-1), SIGN.check(True + 0)) == (-1.0, 1.0)
    with pytest.raises(
        ValueError, match=r"a hinge label is -1 or 1, not 0: turn 0 and 1 into them with 2 \* label - 1"
    ):
        SIGN.check(0)


@pytest.mark.parametrize("number", [3.0, math.inf, -math.inf, math.nan])
def test_a_term_of_weight_0_gets_no_gradient(number):
    weight, term = Value(0.0), Value(number)
    product = weight * without_unused(weight, term)
    assert product.data == 0.0
    by_weight, by_term = engine.grad(product, [weight, term])
    assert (by_weight, by_term) == (number if math.isfinite(number) else 0.0, 0.0)
    assert 0.0 * without_unused(0.0, number) == 0.0


def test_a_term_of_another_weight_is_the_product():
    weight, term = Value(0.5), Value(3.0)
    assert engine.grad(weight * without_unused(weight, term), [weight, term]) == [3.0, 0.5]
    assert (weight * without_unused(weight, Value(math.inf))).data == math.inf
