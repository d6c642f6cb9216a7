"""How outputs become classes: by the loss that a model was trained with, or else by its last activation."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import engine

from ..arguments import MODEL_FIRST, RENAME_FORWARD, check_takes, first_parameters, name_of, real_number, show
from ..elsewhere import remark
from ..layers import activations
from ..layers.ending import last_activation
from ..layers.module import Module, refuse_call
from ..losses.named import LOSSES
from ..losses.reduction import is_per_sample, of_one_sample
from ..rows import is_row

Function = TypeVar("Function")

Row = list[Any]


class Rule(NamedTuple):
    """What an output means.

    Attributes:
        threshold: a single output above it means the class 1; None if it does not mean a class.
        formula: from a row of outputs to probabilities; None if there are none.
        check: called with a row of outputs and what the formula gives for it, refuses what cannot be. If it refuses
            any row, it refuses one of those with the largest or the least output, or sum of probabilities.
    """

    threshold: float | None
    formula: Callable[[Row], Row] | None
    check: Callable[[Row, Row], None] = lambda row, found: None


def _pair(row: Row) -> Row:
    """Probabilities as they are; a single one comes after that of the other class."""
    return [1.0 - row[0], row[0]] if len(row) == 1 else row


def _check_range(row: Row, found: Row) -> None:
    for x in row:
        if not 0.0 <= x <= 1.0:
            raise ValueError(f"an output is {x:.15g}, which is not a probability: give the loss= it was trained with")


def _check_number(row: Row, found: Row) -> None:
    if len(row) == 1:
        raise ValueError("a single output is not a logit beside others: give loss=nn.bce_with_logits, or nn.bce")


def _check_sum(row: Row, found: Row) -> None:
    if abs(sum(found) - 1.0) > 1e-3:
        raise ValueError(
            f"outputs trained with nll are logarithms of probabilities, and these sum to {sum(found):g} and not to 1: "
            "end the model with nn.log_softmax, or train its logits with cross_entropy"
        )


RULES: dict[str, Rule] = {
    "cross_entropy": Rule(None, activations.softmax, _check_number),
    "nll": Rule(None, lambda row: [engine.exp(x) for x in row], _check_sum),
    "bce": Rule(0.5, _pair, _check_range),
    "bce_with_logits": Rule(0.0, lambda row: _pair([engine.sigmoid(x) for x in row])),
    "hinge": Rule(0.0, None),
}
"""The rules, by the name of the loss; outputs that have gone through a sigmoid mean what `bce` takes."""


def name_of_loss(loss: Any) -> str:
    """The name of one of `nn`'s own losses, also inside of a `functools.partial`; "" for any other.

    >>> name_of_loss(LOSSES["mse"]), name_of_loss(functools.partial(LOSSES["bce"], reduction="sum")), name_of_loss(max)
    ('mse', 'bce', '')
    """
    while isinstance(loss, functools.partial):
        loss = loss.func
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise ValueError(f"no loss is named {loss!r}: give the loss itself, such as nn.bce_with_logits")
        return loss
    name = getattr(loss, "__name__", "")
    return name if LOSSES.get(name) is loss else ""


def name_of_sample_loss(loss: Any) -> str:
    """The name of the loss of `nn` that scores each sample, also inside of `per_sample`; "" for any other.

    It tells what outputs and labels mean; a name by `name_of_loss` tells that all of the function is known, too.

    >>> from nn import mse, per_sample
    >>> name_of_sample_loss(mse), name_of_sample_loss(per_sample(mse)), name_of_loss(per_sample(mse))
    ('mse', 'mse', '')
    """
    while (inner := loss.func if isinstance(loss, functools.partial) else of_one_sample(loss)) is not None:
        loss = inner
    return name_of_loss(loss)


_USUAL = {
    "labels": {"y_true", "truth", "label", "labels", "target", "targets"},
    "outputs": {"y_pred", "y_hat", "pred", "preds", "prediction", "predictions", "output", "outputs", "logits"},
}
"""What losses and metrics usually call their parameters."""


def called(name: str, function: Function) -> Function:
    """A model or a loss, checked to be callable.

    Raises:
        TypeError: it cannot be called, as `check_callable` says; it is a class, or another library's function, which
            takes arrays; or a loss does not take just outputs and labels, or by its parameters' names takes the labels
            first, as in Keras.
    """
    check_callable(name, function)
    _refuse_of_arrays(name, function)
    if isinstance(function, type):
        raise TypeError(f"{name} is the class {function.__name__}: make one, {function.__name__}(...)")
    if name == "loss":
        if not name_of_loss(function):
            check_takes("a loss", function, "outputs", "labels")
        check_order("a loss", function, "outputs", "labels")
    return function


def check_callable(name: str, function: Any) -> None:
    """Check that a model or a loss can be called.

    Raises:
        TypeError: it cannot; with a remedy for the name of a loss, for an estimator, and for a class with PyTorch's
            `forward`.
    """
    kind = type(function)
    if callable(function) and getattr(kind, "__call__", None) is not refuse_call:  # noqa: B004  # which one it is
        return
    instead = ""
    if isinstance(function, str):
        instead = f": give nn.{function}" if function in LOSSES else remark(function)
    if isinstance(function, (float, engine.Value)):
        instead = ": give the function itself, such as nn.mse, not what it gives"
    if name == "loss" and hasattr(function, "params"):
        instead = ": the optimiser comes after the loss"
    if name == "model" and is_row(function):
        instead = f": {MODEL_FIRST}"
    if hasattr(function, "get_params"):
        instead = ": once it is fitted give its model_, or use its own predict and score"
    if hasattr(kind, "forward"):
        instead = f": {RENAME_FORWARD}"
    raise TypeError(f"{name} must be a callable, not {show(function)}{instead}")


_OF_ARRAYS = {"flax", "jax", "keras", "optax", "sklearn", "tensorflow", "torch"}
"""Libraries whose models and losses take arrays of numbers, which are no Values."""


def _refuse_of_arrays(what: str, function: Any) -> None:
    """Refuse another library's model or loss, and name the one here: called with Values, it might raise any error.

    Raises:
        TypeError: it is one.
    """
    homes = [getattr(function, "__module__", None), *[kind.__module__ for kind in type(function).__mro__]]
    home = next((top for home in homes if (top := str(home).partition(".")[0]) in _OF_ARRAYS), None)
    if home is not None:
        name = name_of(function)
        instead = f": write {name}" if name in LOSSES else remark(name)
        raise TypeError(
            f"{what} is {name} of {home}, which takes arrays, where here every number is a Value"
            f"{instead or ': write it with the functions and layers of engine and nn'}"
        )


def check_order(what: str, function: Any, first: str, second: str) -> None:
    """Check that a function's parameters are not named as if it took outputs and labels the other way round.

    Args:
        what: what it is, for the message.
        function: a loss or a metric.
        first: what it is called with first, "outputs" or "labels".
        second: the other of them.

    Raises:
        TypeError: they are.
    """
    names = first_parameters(function)
    if len(names) == 2 and names[0] in _USUAL[second] and names[1] in _USUAL[first]:
        raise TypeError(
            f"{what} is called with {first} and {second}, in this order, and {getattr(function, '__name__', 'it')} "
            f"takes ({', '.join(names)}): put its parameters in that order"
        )


def is_mean(loss: Any) -> bool:
    """Whether a loss is known to be the mean of the losses of its samples.

    >>> is_mean(LOSSES["mse"]), is_mean(functools.partial(LOSSES["mse"], reduction="sum")), is_mean(max)
    (True, False, False)
    """
    if is_per_sample(loss):
        return True
    if not name_of_loss(loss):
        return False
    if isinstance(loss, functools.partial):
        given = loss.keywords.get("reduction")
        return not loss.args and bool(given == "mean" if given is not None else is_mean(loss.func))
    return bool(inspect.unwrap(loss).__defaults__[-1] == "mean")  # the default reduction, which may have been changed


def noted_loss(model: Any) -> str:
    """The name of the loss that `fit` trained a module with; "" if there is none."""
    return str(vars(model).get("_loss", "")) if isinstance(model, Module) else ""


def note_other_loss(model: Any, loss: Any) -> None:
    """Have a module that was trained with a loss by `fit` note that it is trained with another now."""
    if noted_loss(model):
        vars(model)["_loss"] = name_of_sample_loss(loss)


def _rule_of(model: Any, loss: Any) -> tuple[Rule | None, str]:
    """The meaning of a model's outputs, None if nothing tells it; and the name of the loss, given or noted."""
    name = name_of_sample_loss(loss) if loss is not None else noted_loss(model)
    if name in RULES:
        return RULES[name], name
    return RULES["bce"] if last_activation(model) is engine.sigmoid else None, name


def threshold_of(model: Any, loss: Any, threshold: Any, ends: Row) -> float:
    """The threshold between the classes of a single output.

    Args:
        model: the model.
        loss: the loss that it was trained with; None for the one that it has noted.
        threshold: what the user gave; None for what the loss tells.
        ends: the least and the largest of all outputs.

    Raises:
        TypeError: if `threshold` is not a number.
        ValueError: if it is not finite, or None and nothing tells it, or outputs are not what the loss takes.
    """
    if threshold is not None:
        return real_number("threshold", threshold)
    rule, _ = _rule_of(model, loss)
    if rule is None or rule.threshold is None:
        raise ValueError(
            "the threshold for the class of a single output is not known: the model was not trained by nn.fit with a "
            "loss for classes, and its last activation is not a sigmoid; give threshold= (0.5 for a probability, 0 for "
            "a logit or score) or loss="
        )
    rule.check(ends, ends)
    return rule.threshold


def probabilities_of(model: Any, loss: Any) -> Rule:
    """The rule that gives probabilities.

    Raises:
        ValueError: if nothing tells it.
    """
    rule, name = _rule_of(model, loss)
    if rule is None or rule.formula is None:
        if name:
            raise ValueError(f"outputs trained with {name} give no probabilities: nn.predict gives them as they are")
        raise ValueError(
            "it is not known whether the outputs are probabilities or logits: give the loss that they were trained "
            "with, such as loss=nn.cross_entropy for logits, or loss=nn.bce for probabilities"
            f"{'' if loss is None else f'; not {show(loss)}'}"
        )
    return rule
