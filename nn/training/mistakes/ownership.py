"""What an optimiser trains: which parameters it holds, and whether the loss depends on them as they are now."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine import Value, all_same, leaves_made, topological_order

from ...arguments import counted, listed, warn_user
from ...evaluation.programs import LossFunction, Model
from ...evaluation.rules import name_of_loss
from ...layers.contents import values_of
from ...layers.dense import MLP, Neuron
from ...layers.held import losses_in
from ...layers.initializers import weights_made
from ...layers.misplaced import of_result, origin_of, results_in
from ...layers.module import Module
from ...optimisers.base import Optimizer


def check_ownership(model: Model, loss: LossFunction, optimizer: Optimizer) -> None:
    """Check that an optimiser trains the model; what it does not hold is frozen.

    An optimiser that lacks some of the model's parameters and holds foreign ones instead is a mistake, for example
    when a layer was replaced after the optimiser was made. If the loss is the user's own it may have parameters, so
    that is only warned of.

    Raises:
        ValueError: if it holds none of a module's parameters, or foreign ones in their place.
    """
    if not isinstance(model, Module):
        return
    held, own = optimizer.params, model.parameters()
    if all_same(held, own):
        return
    foreign, frozen = {*held}.difference(own), {*own}.difference(held)
    if len(frozen) == len(own):
        raise ValueError("the optimiser holds none of this model's parameters: give it model.parameters()")
    if foreign and frozen and not name_of_loss(loss):
        foreign.difference_update(*[part.parameters() for part in losses_in(loss)])
    if not (foreign and frozen):
        _warn_of_equals(model, frozen)
        return
    text = (
        f"{len(foreign)} of the optimiser's parameters do not belong to this model, and {len(frozen)} of the model's "
        "are not in the optimiser and stay as they are: after replacing a part, make a new optimiser of "
        "model.parameters()"
    )
    if name_of_loss(loss):
        raise ValueError(f"{text}; other parameters that the model uses belong in an attribute of it")
    warn_user(text, UserWarning)


def _warn_of_equals(model: Module, frozen: set[Value]) -> None:
    """Warn of frozen biases whose weights are trained, if another frozen parameter has the same number.

    That is what ``[p for p in parameters if p not in frozen]`` does with a list: `in` asks for an equal number, and new
    biases are all 0.
    """
    neurons = [part for part in model.modules() if isinstance(part, Neuron)]
    biases = {neuron.b for neuron in neurons if neuron.b in frozen and frozen.isdisjoint(neuron.w)}
    others = {p.data for p in frozen.difference(biases)}
    left = [path for path, p in model.named_parameters() if p in biases and p.data in others]
    if left:
        warn_user(
            f"the optimiser has all weights of {counted(len(left), 'neuron')} and not the bias, such as {left[0]}, "
            "which has the number of another parameter that it leaves out. Were they chosen by `in` from a list? That "
            "compares numbers: take a set, {*layer.parameters()}",
            UserWarning,
        )


def results_of(model: Model) -> list[tuple[str, Value]]:
    """Results of operations that a module holds before it is called: its own caches are replaced in the call."""
    return [(path, value) for path, value, _ in results_in(model)] if isinstance(model, Module) else []


def refuse_results(results: list[tuple[str, Value]], loss: Value) -> None:
    """Refuse a loss that depends on a result computed earlier: that would keep its number, and never be trained.

    Raises:
        ValueError: the loss depends on one.
    """
    nodes = {*topological_order(loss)} if results else ()
    for path, value in results:
        if value in nodes:
            raise ValueError(of_result(path, origin_of(value)))


def refuse_outdated(parameters: Sequence[Value], loss: Value) -> None:
    """Refuse a loss that reads results computed from parameters before these changed, and kept since.

    A node holds the numbers that its operands had. So once the parameter has another number, a result is found whatever
    has kept it: an attribute, a function's cache, a closure.

    Args:
        parameters: the optimiser's.
        loss: of this step, before its update.

    Raises:
        ValueError: a parameter has another number than a node of the loss was computed with.
    """
    trained = {*parameters}
    for node in topological_order(loss):
        for operand, number in zip(node.operands, node.inputs):
            if operand in trained and number != operand.data and not math.isnan(operand.data):  # nan is found elsewhere
                assert node.primitive is not None
                raise ValueError(
                    f"the loss uses the result of {node.primitive.name} of a parameter that was {number!r} and is "
                    f"{operand.data!r} now: it was kept since then, by functools.cache, an attribute or a variable "
                    "outside of the model, or the model changes its parameters when it is called. Compute it whenever "
                    "the model is called, from the parameters themselves, or keep its detach() if it is a constant"
                )


class FirstCall:
    """What a model makes when it is first called, which no optimiser holds; to be made before that call."""

    def __init__(self, model: Model) -> None:
        self._layers, self._leaves = weights_made.count, leaves_made[0]
        # An MLP makes none, and a look at a million parameters takes long.
        self._module = model if isinstance(model, Module) and type(model) is not MLP else None
        self._before = list[Value]() if self._module is None else values_of(self._module)

    def warn(self, optimizer: Optimizer) -> None:
        """Warn if the model has made layers, as it would at every call, or parameters that the optimiser lacks."""
        if weights_made.count != self._layers:
            warn_user(
                "the model makes layers when it is called, and nothing trains their parameters: make them once, in "
                "__init__, before the optimiser",
                UserWarning,
            )
        elif leaves_made[0] != self._leaves and self._module is not None:
            known = {*self._before, *optimizer.params}
            new = [path for path, value in self._module.named_parameters() if value not in known]
            if new:
                warn_user(
                    f"the model makes {counted(len(new), 'parameter')}{listed(new)} when it is called, which "
                    "nothing trains: make parameters in __init__, before the optimiser, and keep plain numbers "
                    "for everything else",
                    UserWarning,
                )
