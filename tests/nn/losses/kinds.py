"""The losses by what they compare: numbers one by one, or a row of scores with a class."""

from nn import bce, bce_with_logits, cross_entropy, hinge, mae, mse, nll

PLACE_BY_PLACE = [mse, mae, hinge, bce, bce_with_logits]
ROW_BY_ROW = [cross_entropy, nll]
