"""What losses refuse: shapes, types, and labels that are none of theirs."""

import math

import pytest

import nn
from engine import Value
from nn import bce, bce_with_logits, cross_entropy, hinge, nll
from tests.nn.losses.kinds import PLACE_BY_PLACE, ROW_BY_ROW


@pytest.mark.parametrize("loss", PLACE_BY_PLACE)
@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        ([0.5, 0.5], [1.0], "2 predictions against 1 target: give one for each, nothing is broadcast"),
        ([0.5], [1.0, 1.0, 1.0], "1 prediction against 3 targets"),
        (
            [0.5, 0.5],
            1.0,
            "a prediction of 2 values against a target of one number, .*: give the model one output, or a",
        ),
        (0.5, [1.0, 1.0], "a prediction of one number against a target of 2 values, .*: give the model an output for"),
        ([[0.5, 0.5]], [1.0], "a prediction of 2 values against a target of one number"),
        ([], 1.0, "a prediction of 0 values against a target of one number"),
        (0.5, [], "a prediction of one number against a target of 0 values"),
        ([], [], "predictions is empty"),
        ([], [1.0], "predictions is empty"),
        ([[]], [[]], "predictions is empty"),
        (0.5, float("nan"), "must be .*, not nan"),
        (0.5, math.inf, "must be .*, not inf"),
    ],
)
def test_place_by_place_refuses_values(loss, prediction, target, message):
    with pytest.raises(ValueError, match=message):
        loss(prediction, target)


@pytest.mark.parametrize("loss", PLACE_BY_PLACE)
@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        (None, 1.0, "a prediction must be a number, not NoneType None"),
        ("0.5", 1.0, "a prediction must be a number, not str '0.5'"),
        (0.5, "1", "must be a number, not str '1'"),
        ([0.5], [None], "must be a number, not NoneType None"),
        (0.5, True, "must be a number, not bool True"),
    ],
)
def test_place_by_place_refuses_types(loss, prediction, target, message):
    with pytest.raises(TypeError, match=message):
        loss(prediction, target)


@pytest.mark.parametrize(
    ("loss", "prediction", "target", "message"),
    [
        (hinge, 0.5, 0, r"a hinge label is -1 or 1, not 0: turn 0 and 1 into them with 2 \* label - 1"),
        (hinge, 0.5, 0.5, "not 0.5"),
        (bce, 0.5, 2, "a target is from 0 to 1, not 2: .*1 and 2 with label - 1; more classes take cross_entropy"),
        (bce, 1.5, 1, "a probability is from 0 to 1, not 1.5: for raw scores use bce_with_logits"),
        (bce, Value(-0.1), 0, "from 0 to 1, not -0.1"),
        (
            bce_with_logits,
            0.5,
            -1,
            r"a target is from 0 to 1, not -1: turn -1 and 1 into 0 and 1 with \(label \+ 1\) / 2",
        ),
    ],
)
def test_targets_out_of_range(loss, prediction, target, message):
    with pytest.raises(ValueError, match=message):
        loss(prediction, target)


@pytest.mark.parametrize("loss", ROW_BY_ROW)
@pytest.mark.parametrize(
    ("scores", "target", "error", "message"),
    [
        ([0.1, 0.2], 2, IndexError, "class 2 is out of range: with 2 classes labels go from 0 to 1"),
        ([0.1, 0.2], -1, IndexError, "class -1 is out of range"),
        ([0.1, 0.2], 0.5, ValueError, "must be whole, from 0 to 1, not 0.5"),
        ([0.1, 0.2], float("nan"), ValueError, "not nan"),
        ([0.1, 0.2], True, TypeError, "bool True"),
        ([0.1, 0.2], "1", TypeError, "not str '1'"),
        ([0.1, 0.2], None, TypeError, "not NoneType None"),
        ([0.1, 0.2], [1.0], ValueError, "a row of one number is not a label for 2 logits: give class indices"),
        ([0.1, 0.2], [0.0, 0.0, 1.0], ValueError, "3 probabilities against 2 logits"),
        ([0.1, 0.2], [0.5, 0.6], ValueError, "the probabilities of a target must sum to 1, not to 1.1: give shares"),
        ([0.1, 0.2], [1.5, -0.5], ValueError, "a probability must be"),
        ([0.1, 0.2], [0.5, float("nan")], ValueError, "not nan"),
        ([0.1, 0.2], [0.5, "0.5"], TypeError, "a probability must be a number, not str '0.5'"),
        ([], 0, ValueError, "logits is empty"),
        ([[]], [0], ValueError, "logits is empty"),
        (0.1, 0, TypeError, "logits must be a list, tuple or array, not float 0.1"),
        ([[0.1, 0.2]], 0, TypeError, "targets must be a list, tuple or array, not int 0"),
        ([[0.1, 0.2]], [0, 1], ValueError, "1 logit row against 2 targets"),
        ([[0.1, 0.2], [0.1, 0.2]], [0], ValueError, "2 logit rows against 1 target"),
        ([[-0.1, -0.2], 0.3], [0, 1], TypeError, "logits must be a list, tuple or array, not float 0.3"),
    ],
)
def test_row_by_row_refuses(loss, scores, target, error, message):
    with pytest.raises(error, match=message):
        loss(scores, target)


@pytest.mark.parametrize("loss", ROW_BY_ROW)
def test_labels_before_logits(loss):
    with pytest.raises(TypeError, match=rf"^{loss.__name__} takes the logits of samples, then .*: swap them$"):
        loss([0, 1], [[-1.0, -2.0], [-2.0, -1.0]])


def test_cross_entropy_of_one_output():
    with pytest.raises(
        ValueError, match="give the model an output for each, or for two classes one output and bce_with_logits"
    ):
        cross_entropy([[Value(0.5)], [Value(0.1)]], [0, 1])


@pytest.mark.parametrize("loss", [*PLACE_BY_PLACE, *ROW_BY_ROW])
@pytest.mark.parametrize("reduction", ["average", None, "Mean", True, [1.0, 2.0]])
def test_reductions_refused(loss, reduction):
    with pytest.raises(ValueError, match="reduction must be one of mean, sum or none, not"):
        loss([0.5, 0.5], 1, reduction=reduction)


@pytest.mark.parametrize("weights", [[1.0, 2.0], (2.0,)])
def test_weights_in_place_of_a_reduction_get_the_remedy(weights):
    with pytest.raises(ValueError, match=r": for weights write nn\.fit\(\.\.\., class_weight=\)"):
        cross_entropy([[0.5, 0.5]], [1], weights)


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.bce(True, 1),
        lambda: nn.hinge([False], [1]),
        lambda: nn.mse([[True]], [[1.0]]),
        lambda: nn.cross_entropy([True, False], 0),
        lambda: nn.nll([[0.0, True]], [0]),
    ],
)
def test_a_bool_is_no_prediction(call):
    with pytest.raises(TypeError, match="bool"):
        call()


@pytest.mark.parametrize("loss", [cross_entropy, nll])
def test_a_row_of_scores_for_each_position_is_told_from_one(loss):
    """A sequence that was not pooled said that lists cannot be compared with floats."""
    with pytest.raises(TypeError, match=r"several rows of scores, .*: pool them in the model, or, .*nn.per_sample"):
        loss([[[-1.0, -2.0], [-1.0, -2.0]]], [0])


@pytest.mark.parametrize(
    ("number", "call"),
    [
        ("4.9999999", lambda: nn.Embedding(6, 2)(4.9999999)),
        ("0.99999999", lambda: hinge([0.5], [0.99999999])),
        ("1.000002", lambda: cross_entropy([0.0, 1.0], [0.5, 0.500002])),
        ("1.0000001", lambda: nn.predict_proba(lambda x: [1.0000001], [[1.0]], loss=bce)),
        ("0.99999999", lambda: nn.accuracy(lambda x: [1.0], [[1.0]], [0.99999999], threshold=0.5)),
        ("2.00000001", lambda: nn.fit(*fitted(), class_weight="balanced")),
    ],
)
def test_a_number_near_a_right_one_is_told_with_its_digits(number, call):
    """A token of 4.9999999 "must be a whole number, not 5"."""
    with pytest.raises(ValueError, match=rf"\b{number}\b"):
        call()


def fitted():
    model = nn.MLP(1, [1], seed=0)
    return model, [[0.0], [1.0]], [1.0, 2.00000001], nn.mse, nn.SGD(model.parameters(), lr=0.1)


@pytest.mark.parametrize("loss", [hinge, bce, bce_with_logits])
def test_labels_before_scores_are_told_to_swap(loss):
    """bce_with_logits of the label 1 and the logit 2 was -0.69."""
    message = rf"^{loss.__name__} takes outputs, then labels: swap 1 and Value\(data=2"
    with pytest.raises(TypeError, match=message):
        loss([[1]], [[Value(2.0)]])
    label = Value(1.0)
    loss(Value(0.25), label).backward()
    assert label.grad
