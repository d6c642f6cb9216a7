"""Losses: values and gradients by hand and in 50 digits, extremes included; rows, batches, Values as targets."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
import nn
from engine import Value
from nn import MLP, bce, bce_with_logits, cross_entropy, hinge, log_softmax, mae, mse, nll, one_hot, softmax
from tests.nn.losses.kinds import PLACE_BY_PLACE, ROW_BY_ROW

logits_rows = st.lists(st.floats(-30, 30), min_size=2, max_size=6)


def evaluated(loss, numbers, target, **options):
    """The value of a loss of a flat row of numbers, and its gradient."""
    values = [Value(x) for x in numbers]
    result = loss(values, target, **options)
    result.backward()
    return result.data, [v.grad for v in values]


def exact_cross_entropy(xs, weights):
    """Loss and gradient in 50 digits, rounded once."""
    with mpmath.workdps(50):
        xs, weights = [mpmath.mpf(x) for x in xs], [mpmath.mpf(w) for w in weights]
        top = max(xs)
        total = mpmath.fsum(mpmath.exp(x - top) for x in xs)
        log_total = top + mpmath.log(total)
        loss = mpmath.fsum(w * (log_total - x) for w, x in zip(weights, xs, strict=True))
        mass = mpmath.fsum(weights)
        others = [mpmath.exp(x - log_total) for x in xs]
        gradient = [mass * p - w for p, w in zip(others, weights, strict=True)]
        return float(loss), [float(g) for g in gradient]


# ---- by hand ----


def test_mse_by_hand():
    assert evaluated(mse, [1.0, 4.0], [3.0, 4.0]) == (2.0, [-2.0, 0.0])
    v = Value(1.0)
    loss = mse(v, 3.0)
    loss.backward()
    assert (loss.data, v.grad) == (4.0, -4.0)


def test_mae_by_hand():
    assert evaluated(mae, [1.0, 4.0, 6.0, 8.0], [3.0, 4.0, 5.0, 7.0]) == (1.0, [-0.25, 0.0, 0.25, 0.25])


def test_hinge_by_hand():
    assert evaluated(hinge, [0.5, -3.0, 2.0, 0.25], [1, -1, -1, 1]) == (1.0625, [-0.25, 0.0, 0.25, -0.25])


def test_bce_by_hand():
    loss, gradient = evaluated(bce, [0.25, 0.5], [1, 0])
    assert loss == pytest.approx((math.log(4) + math.log(2)) / 2, rel=1e-15)
    assert gradient == [-2.0, 1.0]


@pytest.mark.parametrize("target", [0.0, 1.0, Value(0.0), Value(1.0)], ids=repr)
@pytest.mark.parametrize("probability", [-0.5, 1.5])
def test_bce_is_of_probabilities_whatever_the_target(probability, target):
    with pytest.raises(ValueError, match=r"a probability is from 0 to 1, not .*: for raw scores use bce_with_logits"):
        nn.bce(Value(probability), target)


def test_bce_leaves_out_terms_of_weight_zero():
    assert evaluated(bce, [0.0, 1.0], [0, 1], reduction="sum") == (0.0, [1.0, -1.0])
    assert bce(Value(0.0), 1).data == math.inf
    assert bce(Value(1.0), 0).data == math.inf


def test_cross_entropy_by_hand():
    loss, gradient = evaluated(cross_entropy, [0.0, math.log(3.0)], 0)
    assert loss == pytest.approx(math.log(4.0), rel=1e-15)
    assert gradient == pytest.approx([-0.75, 0.75], rel=1e-15)


def test_nll_by_hand():
    assert evaluated(nll, [-3.0, -0.5], 1) == (0.5, [0.0, -1.0])
    assert evaluated(nll, [-3.0, -0.5], [0.25, 0.75]) == (1.125, [-0.25, -0.75])


@pytest.mark.parametrize("target", [1, [0.25, 0.75], Value(1.0)], ids=repr)
def test_nll_is_of_logarithms_whatever_the_target(target):
    """Raw outputs would be pushed up for ever, and the loss below zero."""
    for outputs in ([0.5, -3.0], [-3.0, Value(0.002)]):
        with pytest.raises(
            ValueError,
            match=r"nll takes logarithms of probabilities, and 0.\d+ is above 0: end the model with nn.log_softmax, "
            "not with a softmax, or train raw outputs with cross_entropy",
        ):
            nll(outputs, target)
    assert nll([1e-4, -3.0], 0) == -1e-4  # as rounding makes it
    assert nll([math.inf, -3.0], 0) == -math.inf  # of a model that diverged: it is told where
    assert math.isnan(nll([math.nan, -3.0], 0))


# ---- properties ----


@given(logits_rows, st.data())
def test_cross_entropy_is_minus_log_softmax_of_the_target(xs, data):
    target = data.draw(st.integers(0, len(xs) - 1))
    loss = cross_entropy(xs, target)
    assert loss == pytest.approx(-log_softmax(xs)[target], rel=1e-12, abs=1e-13)
    assert loss == pytest.approx(nll(log_softmax(xs), target), rel=1e-12, abs=1e-13)


@given(logits_rows, st.data())
def test_a_one_hot_target_is_its_class_index(xs, data):
    target = data.draw(st.integers(0, len(xs) - 1))
    row = one_hot(target, len(xs))
    assert evaluated(cross_entropy, xs, row) == evaluated(cross_entropy, xs, target)
    logs = [min(x, 0.0) for x in xs]
    assert evaluated(nll, logs, row) == evaluated(nll, logs, target)
    assert evaluated(cross_entropy, xs, [bool(w) for w in row]) == evaluated(cross_entropy, xs, target)


def test_of_a_one_hot_target_the_graph_is_that_of_its_class_index():
    logits = [Value(1.0), Value(-2.0), Value(0.5)]
    for target in (1, [0.0, 1.0, 0.0]):
        loss = cross_entropy(logits, target)
        assert loss.primitive is engine.logsumexp
        assert sorted(operand.data for operand in loss.operands) == [0.0, 2.5, 3.0]
    two = cross_entropy(logits, [0.25, 0.75, 0.0])
    assert two.primitive is engine.dot
    assert [operand.data for operand in two.operands[:2]] == [1.0, -0.25], "what has no weight has no term"
    assert len(two.operands) == 4


@given(logits_rows, st.data())
def test_cross_entropy_against_exact_results(xs, data):
    target = data.draw(st.integers(0, len(xs) - 1))
    loss, gradient = evaluated(cross_entropy, xs, target)
    expected, expected_gradient = exact_cross_entropy(xs, one_hot(target, len(xs)))
    assert loss == pytest.approx(expected, rel=1e-13)
    assert gradient == pytest.approx(expected_gradient, rel=1e-12)  # relative, so in the tails too


@given(logits_rows, st.data())
def test_cross_entropy_of_probabilities_against_exact_results(xs, data):
    raw = data.draw(st.lists(st.integers(0, 9), min_size=len(xs), max_size=len(xs)).filter(any))
    weights = [w / sum(raw) for w in raw]
    loss, gradient = evaluated(cross_entropy, xs, weights)
    expected, expected_gradient = exact_cross_entropy(xs, weights)
    assert loss == pytest.approx(expected, rel=1e-13, abs=1e-13)
    assert gradient == pytest.approx(expected_gradient, rel=1e-12, abs=1e-14)


@given(st.floats(-1e5, 1e5), st.sampled_from([0.0, 1.0, 0.5, 0.3]))
def test_bce_with_logits_has_the_gradient_sigmoid_minus_target(x, y):
    loss, (gradient,) = evaluated(bce_with_logits, [x], [y])
    with mpmath.workdps(50):
        exact = mpmath.mpf(x)
        expected = y * mpmath.log1p(mpmath.exp(-exact)) + (1 - mpmath.mpf(y)) * mpmath.log1p(mpmath.exp(exact))
        slope = (1 - mpmath.mpf(y)) / (1 + mpmath.exp(-exact)) - y / (1 + mpmath.exp(exact))
    assert loss == pytest.approx(float(expected), rel=1e-14, abs=1e-320)
    assert gradient == pytest.approx(float(slope), rel=1e-14, abs=2e-16 if 0 < y < 1 else 1e-320)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=5), st.data())
def test_losses_are_never_negative_and_zero_at_the_target(xs, data):
    targets = data.draw(st.lists(st.floats(-5, 5), min_size=len(xs), max_size=len(xs)))
    for loss in (mse, mae):
        assert loss(xs, targets) >= 0.0
        assert loss(xs, xs) == 0.0


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=5))
def test_mean_is_sum_divided_by_the_number_of_places(xs):
    none, total, average = (mse(xs, [0.5] * len(xs), reduction=r) for r in ("none", "sum", "mean"))
    assert total == pytest.approx(math.fsum(none), rel=1e-14)
    assert average == pytest.approx(math.fsum(none) / len(xs), rel=1e-14)


# ---- extremes ----


@pytest.mark.parametrize(
    ("xs", "target"),
    [
        ([1e4, 0.0], 0),
        ([1e4, 0.0], 1),
        ([1e4, 9990.0, -1e4], 0),
        ([1e4, 1e4, 1e4], 2),
        ([40.0, 0.0], 0),
        ([-1e4, -1e4 - 3.0], 1),
        ([1e300, -1e300], 1),
        ([700.0, 0.0, -700.0], 0),
    ],
)
def test_cross_entropy_at_extreme_logits(xs, target):
    expected, expected_gradient = exact_cross_entropy(xs, one_hot(target, len(xs)))
    loss, gradient = evaluated(cross_entropy, xs, target)
    assert loss == pytest.approx(expected, rel=1e-14)
    assert gradient == pytest.approx(expected_gradient, rel=1e-13)


def test_cross_entropy_at_infinite_logits():
    assert evaluated(cross_entropy, [0.0, -math.inf], 0) == (0.0, [0.0, 0.0])
    assert cross_entropy([Value(0.0), Value(-math.inf)], 1).data == math.inf
    assert cross_entropy([Value(math.inf), Value(0.0)], 1).data == math.inf


@pytest.mark.parametrize("x", [0.0, 1e-9, 40.0, -40.0, 745.0, 1e4, -1e4, 1e308])
@pytest.mark.parametrize("y", [0, 1])
def test_bce_with_logits_at_extreme_logits(x, y):
    loss, (gradient,) = evaluated(bce_with_logits, [x], [y])
    with mpmath.workdps(50):
        signed = mpmath.mpf(-x if y else x)
        expected = mpmath.log1p(mpmath.exp(signed)) if signed < 1e4 else signed
        slope = 1 / (1 + mpmath.exp(-signed))
    assert loss == pytest.approx(float(expected), rel=1e-15)
    assert gradient == pytest.approx(float(-slope if y else slope), rel=1e-15)


def test_bce_with_logits_is_flat_where_it_should_be():
    assert evaluated(bce_with_logits, [0.0], [0.5])[1] == [0.0]


def test_gradient_of_huge_logits_keeps_its_digits():
    """The logarithm of the sum has lost all digits that tell the logits apart."""
    logits = [Value(1e300), Value(1e300), Value(0.0)]
    cross_entropy(logits, 2).backward()
    assert [x.grad for x in logits] == [0.5, 0.5, -1.0]


# ---- nesting ----


def test_a_list_of_one_output_pairs_with_a_number():
    outputs = [[Value(1.0)], [Value(5.0)]]
    assert mse(outputs, [3.0, 4.0]).data == 2.5
    assert mse(outputs, np.array([3.0, 4.0])).data == 2.5
    assert mse(outputs, [[3.0], [4.0]]).data == 2.5
    assert mse([Value(1.0), Value(5.0)], [[3.0], [4.0]]).data == 2.5
    assert hinge([Value(0.5)], 1).data == 0.5


def test_one_sample_and_a_batch_of_one():
    row = [0.5, -0.25, 2.0]
    assert cross_entropy(row, 1) == cross_entropy([row], [1]) == cross_entropy(np.array([row]), np.array([1]))
    assert cross_entropy([row], [1], reduction="none") == [cross_entropy(row, 1)]
    assert cross_entropy(row, 1, reduction="none") == cross_entropy(row, 1)
    assert mse(2.0, 3.0, reduction="none") == 1.0
    assert mse([[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]], reduction="none") == [
        [1.0, 4.0],
        [9.0, 16.0],
    ]


def test_numpy_labels_of_every_kind():
    row = [0.5, -0.25, 2.0]
    expected = cross_entropy(row, 2)
    for label in (np.int64(2), 2.0, np.float32(2.0), np.array([0, 0, 1]), np.array([0.0, 0.0, 1.0])):
        assert cross_entropy(row, label) == expected


def test_numbers_give_a_float_and_values_a_value():
    for loss in PLACE_BY_PLACE:
        assert isinstance(loss([0.5], [1.0]), float)
        assert isinstance(loss([Value(0.5)], [1.0]), Value)
    for loss in ROW_BY_ROW:
        assert isinstance(loss([-0.5, -1.0], 1), float)
        assert isinstance(loss([Value(-0.5), Value(-1.0)], 1), Value)


def test_few_nodes_for_one_sample():
    logits = [Value(0.1 * i) for i in range(10)]
    loss = cross_entropy(logits, 3)
    nodes, stack = set(), [loss]
    while stack:
        node = stack.pop()
        if node._prev and node not in nodes:
            nodes.add(node)
            stack.extend(node._prev)
    assert len(nodes) == 10


# ---- Values as targets ----


@given(logits_rows, st.data())
def test_a_value_as_class_index(xs, data):
    target = data.draw(st.integers(0, len(xs) - 1))
    for loss, scores in ((cross_entropy, xs), (nll, [min(x, 0.0) for x in xs])):
        value, gradient = evaluated(loss, scores, Value(float(target)))
        expected, expected_gradient = evaluated(loss, scores, target)
        assert value == pytest.approx(expected, rel=1e-12, abs=1e-15)
        assert gradient == pytest.approx(expected_gradient, rel=1e-12, abs=1e-14)


def test_gradients_flow_into_targets_that_are_values():
    y = [Value(1.0), Value(2.0)]
    mse([Value(3.0), Value(2.5)], y).backward()
    assert [v.grad for v in y] == [-2.0, -0.5]
    for loss in (bce, bce_with_logits):
        number, y = loss(0.3, 0.25), Value(0.25)
        loss(Value(0.3), y).backward()
        assert loss(Value(0.3), y).data == pytest.approx(number, rel=1e-15)
        step = 1e-6
        assert y.grad == pytest.approx((loss(0.3, 0.25 + step) - loss(0.3, 0.25 - step)) / (2 * step), rel=1e-8)


def test_probabilities_that_are_values():
    xs, teacher = [0.5, -1.0, 2.0], [0.2, 0.3, 0.5]
    weights = [Value(w) for w in teacher]
    loss = cross_entropy([Value(x) for x in xs], weights)
    loss.backward()
    assert loss.data == pytest.approx(cross_entropy(xs, teacher), rel=1e-14)
    assert [w.grad for w in weights] == pytest.approx([-z for z in log_softmax(xs)], rel=1e-14)
    logs = log_softmax(xs)
    assert nll(logs, [Value(w) for w in teacher]).data == pytest.approx(nll(logs, teacher), rel=1e-14)


@pytest.mark.parametrize("loss", [*PLACE_BY_PLACE, *ROW_BY_ROW])
def test_with_values_as_targets_nothing_branches_on_a_number(loss, monkeypatch):
    """So that a recorded graph is that of every input, as a compiler needs it."""

    def refuse(*arguments):
        raise AssertionError("a number was looked at")

    model = MLP(2, [3, 2], activation="tanh", output="sigmoid" if loss is bce else "identity", seed=1)
    x, row, label = [Value(0.5), Value(-1.0)], [Value(0.25), Value(0.75)], Value(1.0)
    for name in ("__bool__", "__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__int__", "data"):
        monkeypatch.setattr(Value, name, property(refuse) if name == "data" else refuse)
    end = log_softmax if loss is nll else list
    results = [loss(end(model(x)), row), loss([end(model(x))], [row])]
    if loss in ROW_BY_ROW:
        results += [loss(end(model(x)), label), loss([end(model(x))], [label])]
    results += [*softmax(model(x)), *log_softmax(model(x))]
    monkeypatch.undo()
    assert all(isinstance(result, Value) and math.isfinite(result.data) for result in results)


def test_softmax_of_another_network_as_target():
    loss, gradient = evaluated(cross_entropy, [0.5, -1.0], softmax([0.5, -1.0]))
    assert loss > 0.0
    assert gradient == pytest.approx([0.0, 0.0], abs=1e-16)
