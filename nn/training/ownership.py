"""Whose parameters an optimiser holds, all of the model's or some; and whether it remembers what it should."""

from __future__ import annotations

from operator import is_

from engine import Value, topological_order

from ..arguments import counted, warn_user
from ..evaluation.programs import LossFunction, Model
from ..evaluation.rules import name_of_loss
from ..layers.module import Module, of_result, results_in
from ..optimisers.base import Optimizer


def check_ownership(model: Model, loss: LossFunction, optimizer: Optimizer) -> None:
    """See that an optimiser trains the model; what it does not hold is frozen.

    One that lacks some of the model's parameters and holds others instead is a mistake, as when a layer was replaced
    after the optimiser was made, unless a loss of the user's own has parameters: then it is warned of.

    Raises:
        ValueError: if it holds none of a module's parameters, or others than those.
    """
    if not isinstance(model, Module):
        return
    held, own = optimizer.params, model.parameters()
    if len(held) == len(own) and all(map(is_, held, own)):
        return
    foreign, frozen = {*held}.difference(own), {*own}.difference(held)
    if len(frozen) == len(own):
        raise ValueError("the optimiser holds none of this model's parameters: give it model.parameters()")
    if not (foreign and frozen):
        return
    text = (
        f"{len(foreign)} of the optimiser's parameters are none of this model's, and {len(frozen)} of the model's are "
        "not among them and stay as they are: a part that was replaced needs a new optimiser, of model.parameters()"
    )
    if name_of_loss(loss):
        raise ValueError(f"{text}; parameters that the model uses besides belong in an attribute of it")
    warn_user(text, UserWarning)


def warn_if_forgotten(optimizer: Optimizer, steps: int) -> None:
    """Warn of an optimiser that has made no step where training goes on after some: with a memory it would begin anew.

    Args:
        optimizer: what goes on.
        steps: how many were made before.
    """
    remembers = optimizer.memories and optimizer.settings.get("momentum", 1.0) != 0.0
    if steps and remembers and not optimizer.steps:
        warn_user(
            f"training goes on after {counted(steps, 'step')}, and this {type(optimizer).__name__} has made none: what "
            "it remembered is gone. Give the one that made them, or nn.load(model, path, optimizer=optimizer)",
            UserWarning,
        )


def results_of(model: Model) -> list[tuple[str, Value]]:
    """What a module holds that operations have computed, before it is called: its own caches are replaced then."""
    return [(path, value) for path, value, _ in results_in(model)] if isinstance(model, Module) else []


def refuse_results(results: list[tuple[str, Value]], loss: Value) -> None:
    """See that a loss depends on no result that was there before: it would keep its number, and nothing train it.

    Raises:
        ValueError: it does.
    """
    nodes = {*topological_order(loss)} if results else ()
    for path, value in results:
        if value in nodes:
            raise ValueError(of_result(path, value))
