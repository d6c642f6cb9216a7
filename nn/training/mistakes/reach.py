"""What the first loss reads that nobody trains, and what is to be trained that it never reads.

Frozen parameters, which a module has and the optimiser has not, are no mistake. Of a model that is a plain function
nobody knows which parameters belong to it.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

from engine import (
    Batch,
    Compiled,
    LeafReadError,
    TraceError,
    Value,
    compile,
    leaves,
    no_grad,
    topological_order,
    traces_of,
)

from ...arguments import counted, listed, warn_user
from ...evaluation.programs import LossFunction, Model
from ...layers.dropout import Layout, Place, drawing, outputs_with_masks
from ...layers.held import losses_in, values_in, whole_parts
from ...layers.module import Module
from ...optimisers.base import Optimizer
from ...own_code import own_code
from ...rows import is_row

_SAMPLES = 8  # that tell whether outputs follow a number
_NUDGE = 1e-5  # of parameters, which moves the loss by far more than rounding does
_SAME = 1e-11  # of losses that differ by rounding


# ---- compiled: a program reads the same for all samples ----


def look_at_program(
    model: Model,
    function: LossFunction,
    optimizer: Optimizer,
    loss: Compiled,
    batch: Batch,
    traced: Model,
    weights: Collection[Value] = (),
) -> None:
    """Warn of parameters that model or loss read and nobody trains, and of parts of it that the loss never reads.

    Args:
        model: what is trained.
        function: the loss of a batch.
        optimizer: what trains the model.
        loss: of a sample and its label.
        batch: of samples and labels.
        traced: what the loss calls for the model.
        weights: other leaves of the loss.
    """
    if not isinstance(model, Module):
        return
    read = {*traces_of(loss).bound(batch)}
    _warn_of_idle(model, {*optimizer.params} - read)
    strays = read.difference(optimizer.params, weights)
    strays = strays and strays.difference(model.parameters())
    if strays:
        outputs, (sample, label) = compile(traced, backend="python"), batch.first_as_given()
        recorded = _leaves_of(function([traced(sample)], [label]))  # unlike the program none under no_grad()
        _warn_of_loss(function, strays & recorded)  # what a function has may be meant so
        _warn_of_strays(model, strays.intersection(traces_of(outputs).bound(traces_of(outputs).batch([sample]))))


# ---- eager: what a batch has recorded ----


def look_at_graph(
    model: Model,
    function: LossFunction,
    optimizer: Optimizer,
    samples: Sequence[Any],
    outputs: Sequence[Any],
    loss: Value,
    step: int,
) -> None:
    """The same, and warn of parameters on which the outputs depend by their plain numbers, outside of the graph.

    Parameters that only other samples read are not missed, and leaves that a call has made for itself are no strays: a
    trace tells what the model reads in every call, or, if it cannot be traced, what two samples have in common.

    Args:
        model: what is trained.
        function: the loss of a batch.
        optimizer: what trains the model.
        samples: of the batch.
        outputs: what the model gave for them.
        loss: of the batch.
        step: what masks are drawn for.
    """
    read = _leaves_of(loss)
    missed, strays = {*optimizer.params} - read, set[Value]()
    if isinstance(model, Module):
        strays = read.difference(optimizer.params, model.parameters())
        _warn_of_loss(function, strays)
    if not (missed or strays):
        return
    always: set[Value] = set()
    try:
        traced = compile(partial(_without_masks, model), backend="python")
        always.update(traces_of(traced).bound(traces_of(traced).batch(samples[:1])))
    except Exception as error:
        reason = f"{error}".splitlines()[0] if isinstance(error, TraceError) else ""
        _warn_of_cut(model, missed - _leaves_of(outputs), partial(_numbers, model, samples[:_SAMPLES], step), reason)
        always = _leaves_of(outputs[0]) & _leaves_of(outputs[1]) if len(outputs) > 1 else set()
    else:
        _warn_of_idle(model, missed - always)
    _warn_of_strays(model, strays & always)


def look_beside_graph(
    model: Model,
    function: LossFunction,
    optimizer: Optimizer,
    X: Any,
    y: Any,
    loss: Value,
    step: int,
) -> None:
    """Warn if a loss also follows the plain numbers of its parameters, which no gradient tells of.

    A trace of one sample tells whether numbers of parameters are read. If they are, the loss is computed again with
    parameters a little greater, then a little smaller, and so is its recorded graph: the two agree if the graph tells
    all. Not seen is what moves the loss by less than a millionth of the parameters' change, and what is read after the
    trace was refused for another reason, such as a branch on a number: code with side effects is not run again for it.

    Args:
        model: what is trained.
        function: the loss of a batch.
        optimizer: what trains the model.
        X: the samples of the batch.
        y: their labels.
        loss: of the batch.
        step: what masks are drawn for.
    """
    reason = _reading(model, function, X, y) if own_code(model, function) is None else ""
    if not reason:
        return

    def again() -> float:
        return float(function(outputs_with_masks(model, X, step), y))

    order = topological_order(loss)
    try:
        with no_grad(), _put_back(optimizer.params) as before:
            differ = again() == loss.data  # else it changes by itself, which would tell nothing
            for by in (_NUDGE, -_NUDGE):
                for p in before.keys() & {*order}:
                    p.data = before[p] + by * (before[p] + math.copysign(1.0, before[p]))
                differ = differ and not math.isclose(again(), _recomputed(order), rel_tol=_SAME)
    except Exception:  # with such numbers there is no loss
        return
    if differ:
        warn_user(
            "the loss also depends on the optimiser's parameters by their plain numbers, which give no gradient: "
            f".data, float() and the functions of math leave the graph ({reason}). Compute with the Values themselves "
            "and the functions of engine; where it is meant so, detach() says it",
            UserWarning,
        )


def _reading(model: Model, function: LossFunction, X: Any, y: Any) -> str:
    """How a trace of one sample says that the number of a parameter is read; "" if it does not."""

    def of_sample(x: Any, label: Any) -> NoReturn:
        function([_without_masks(model, x)], [label])
        raise TraceError  # after a trace that fails, all that the functions have changed is restored

    try:
        traced = compile(of_sample, backend="python")
        traces_of(traced).trace(traces_of(traced).batch(X[:1], y[:1]))
    except LeafReadError as error:
        return f"{error}".splitlines()[0]
    except Exception:  # whatever else cannot be compiled
        pass
    return ""


def _recomputed(order: Sequence[Value]) -> float:
    """The last of the results of a graph, with the numbers that its leaves have now."""
    numbers: dict[Value, float] = {}
    for node in order:
        operands = [numbers[operand] for operand in node.operands]
        numbers[node] = node.primitive.forward(*operands) if node.primitive else node.data
    return numbers[order[-1]]


def _without_masks(model: Model, x: Any) -> Any:
    with drawing(Layout()):
        return model(x)


def _leaves_of(output: Any) -> set[Value]:
    """The leaves of the graphs of outputs, but for numbers in expressions."""
    if isinstance(output, Value):
        return {*leaves(output)}
    return {leaf for part in _parts(output) for leaf in _leaves_of(part)}


def _parts(output: Any) -> Iterable[Any]:
    return output.values() if isinstance(output, dict) else output if is_row(output) else ()


def _numbers(model: Model, samples: Sequence[Any], step: int) -> list[float]:
    """All outputs."""

    def numbers(output: Any) -> Iterator[float]:
        if isinstance(output, (Value, float)):
            yield float(output)
        for part in _parts(output):
            yield from numbers(part)

    found = list[float]()
    for place, x in enumerate(samples):
        with no_grad(), drawing(Place(step, place)):
            found += numbers(model(x))  # at once: a model may give the same list every time
    return found


def _follow(numbers: Callable[[], list[float]], parameters: Collection[Value]) -> bool:
    """Whether outputs change with the numbers of parameters."""
    try:
        with _put_back(parameters) as before:
            usual = numbers()
            if numbers() != usual:  # they change by themselves
                return False
            for by in (0.5, -0.5):
                for p, number in before.items():
                    p.data = number + by
                if numbers() != usual:
                    return True
    except Exception:  # the model refuses such numbers
        pass
    return False


@contextmanager
def _put_back(parameters: Collection[Value]) -> Iterator[dict[Value, float]]:
    """A context in which parameters may have other numbers; it gives their own, and puts them back at the end."""
    before = {p: p.data for p in parameters}
    try:
        yield before
    finally:
        for p, number in before.items():
            p.data = number


# ---- what is said ----


def _warn_of_strays(model: Model, strays: Collection[Value]) -> None:
    if strays and isinstance(model, Module):
        found = (name for name, value in values_in(model, methods=True) if value in strays)
        remedy = "keep them in attributes of an nn.Module, or in lists and dicts there"
        if any(value.is_detached for value in strays):
            remedy = "Value(x.data) makes a parameter from what detach() or no_grad() gave"
        warn_user(
            f"{type(model).__name__} computes with {counted(len(strays), 'parameter')} that neither its parameters() "
            f"nor the optimiser has{listed(found)}, and nothing trains or saves them: {remedy}; what is to stay as "
            "it is may be a plain number",
            UserWarning,
        )


def _warn_of_loss(function: LossFunction, strays: Collection[Value]) -> None:
    """Warn of the parameters of a loss that is a module, but not of those that another optimiser has.

    Another one may train an opponent, such as a discriminator that gets a sample and its label.
    """
    found = dict[Value, str]()
    for part in losses_in(function) if strays else ():
        found |= {value: path for path, value in part.named_parameters() if value in strays}
    elsewhere = _all_optimised() if found else ()
    names = [path for value, path in found.items() if value not in elsewhere]
    if names:
        warn_user(
            f"the loss computes with {counted(len(names), 'parameter')} of its own{listed(names)} that no optimiser "
            "has, and nothing trains them: make them in its __init__, and have the model hold it, as by "
            "model.loss = loss, before the optimiser is made of model.parameters(); what is to stay as it is may be a "
            "plain number, or in a network, which is a module that is called with one argument",
            UserWarning,
        )


def _all_optimised() -> set[Value]:
    """The parameters of all optimisers that exist."""
    found = [item for item in gc.get_objects() if issubclass(type(item), Optimizer)]
    return {p for optimizer in found for p in vars(optimizer).get("_params", ())}


def _warn_of_idle(model: Model, missed: Collection[Value]) -> None:
    parts = whole_parts(model, missed)
    if parts:
        size = counted(len({p for part in parts.values() for p in part}), "parameter")
        warn_user(
            f"the loss does not depend on parts of {type(model).__name__}{listed(parts)}, {size} that the "
            "optimiser has: they stay as they are. Use them where the model is called, or leave them out of the "
            "optimiser",
            UserWarning,
        )


def _warn_of_cut(model: Model, missed: Collection[Value], numbers: Callable[[], list[float]], reason: str) -> None:
    if not missed or not _follow(numbers, missed):
        return
    parts = {name: part for name, part in whole_parts(model, missed).items() if _follow(numbers, part)}
    cut = {p for part in parts.values() for p in part} or missed
    where = f" ({reason})" if reason else ""
    warn_user(
        f"the outputs depend on {counted(len(cut), 'parameter')}{listed(parts)} by their plain numbers alone, and no "
        f"gradient reaches them: .data, float() and the functions of math leave the graph{where}. Compute with the "
        "Values themselves and the functions of engine; detach() says that it is meant so",
        UserWarning,
    )
