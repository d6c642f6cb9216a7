"""Losses against PyTorch's: values and gradients."""

import numpy as np
import pytest

from engine import Value
from nn import bce, bce_with_logits, cross_entropy, hinge, mae, mse, nll
from tests.needs import needs
from tests.nn.losses.kinds import PLACE_BY_PLACE, ROW_BY_ROW


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("loss", PLACE_BY_PLACE)
def test_place_by_place_against_torch(loss, reduction):
    torch = needs("torch")
    functional = torch.nn.functional
    scores = [[-2.5, 0.3, 0.0], [1.7, -0.4, 30.0]]
    targets = [[1.0, 0.25, 0.0], [0.0, 1.0, 1.0]]
    if loss is bce:
        scores = [[0.1, 0.3, 1e-9], [0.7, 0.99, 1.0 - 1e-9]]
    if loss is hinge:
        targets = [[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]]
    reference = {
        mse: functional.mse_loss,
        mae: functional.l1_loss,
        bce: functional.binary_cross_entropy,
        bce_with_logits: functional.binary_cross_entropy_with_logits,
        hinge: lambda s, y, reduction: {"mean": torch.mean, "sum": torch.sum, "none": lambda x: x}[reduction](
            torch.relu(1 - y * s)
        ),
    }[loss]
    theirs = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
    expected = reference(theirs, torch.tensor(targets, dtype=torch.float64), reduction=reduction)
    expected.sum().backward()

    ours = [[Value(x) for x in row] for row in scores]
    result = loss(ours, targets, reduction=reduction)
    if reduction == "none":
        assert [[v.data for v in row] for row in result] == pytest.approx(np.array(expected.tolist()), rel=1e-13)
        result = sum(sum(row) for row in result)
    else:
        assert result.data == pytest.approx(expected.item(), rel=1e-13)
    result.backward()
    gradients = [[v.grad for v in row] for row in ours]
    np.testing.assert_allclose(gradients, theirs.grad.tolist(), rtol=1e-11, atol=1e-16)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("target", [[2, 0], [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]]])
@pytest.mark.parametrize("scores", [[[0.1, -2.0, 3.0], [5.0, 5.0, -1.0]], [[1e4, 0.0, -1e4], [3.0, 1e5, 1e5]]])
@pytest.mark.parametrize("loss", ROW_BY_ROW)
def test_row_by_row_against_torch(loss, scores, target, reduction):
    torch = needs("torch")
    probabilities = isinstance(target[0], list)
    if loss is nll:
        scores = [[min(x, 0.0) for x in row] for row in scores]
    theirs = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
    goal = torch.tensor(target, dtype=torch.float64 if probabilities else torch.int64)
    if loss is cross_entropy:
        expected = torch.nn.functional.cross_entropy(theirs, goal, reduction=reduction)
    elif probabilities:
        expected = -(goal * theirs).sum(1)
        expected = {"mean": expected.mean(), "sum": expected.sum(), "none": expected}[reduction]
    else:
        expected = torch.nn.functional.nll_loss(theirs, goal, reduction=reduction)
    expected.sum().backward()

    ours = [[Value(x) for x in row] for row in scores]
    result = loss(ours, target, reduction=reduction)
    if reduction == "none":
        assert [v.data for v in result] == pytest.approx(expected.tolist(), rel=1e-13, abs=1e-15)
        result = sum(result)
    else:
        assert result.data == pytest.approx(expected.item(), rel=1e-13)
    result.backward()
    gradients = [[v.grad for v in row] for row in ours]
    np.testing.assert_allclose(gradients, theirs.grad.tolist(), rtol=1e-11, atol=1e-15)
