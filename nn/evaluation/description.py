"""A model as a table of its layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import engine

from ..arguments import counted
from ..elsewhere import explained
from ..layers.activations import activation_name
from ..layers.module import Module
from ..layers.sequential import Sequential
from ..modes import evaluating
from ..rows import as_lists
from .columns import flat, shape_of
from .programs import Model
from .rules import called


@dataclass(frozen=True)
class Summary:
    """A model in numbers; as text it is a table.

    Attributes:
        layers: the path of each layer, its repr, and its number of parameters.
        parameters: the number of parameters of the whole model.
        nodes: the number of nodes in the graph of one sample, parameters and constants included.
        operations: the floating-point operations of the compiled program for one sample; None if it does not compile.
        shape: the shape of that sample.
    """

    layers: list[tuple[str, str, int]]
    parameters: int
    nodes: int
    operations: int | None
    shape: tuple[int, ...] = ()

    def __repr__(self) -> str:
        heading = [("path", "layer", "parameters")] if self.layers else []
        rows = [*heading, *((path, text, f"{n:,}") for path, text, n in self.layers)]
        widths = [max(map(engine.display_width, column)) for column in zip(*rows)]
        gaps = [[" " * (width - engine.display_width(cell)) for cell, width in zip(row, widths)] for row in rows]
        lines = [f"{a}{x}  {b}{y}  {z}{c}".rstrip() for (a, b, c), (x, y, z) in zip(rows, gaps)]
        size, nodes = counted(self.parameters, "parameter"), counted(self.nodes, "node")
        rows_too = f" of {' x '.join(map(str, self.shape))}" if len(self.shape) > 1 else ""  # a batch, by mistake
        lines.append(f"{size}; {nodes} in the graph of one sample{rows_too}")
        if self.operations is not None:
            lines.append(f"compiled: {counted(self.operations, 'floating-point operation')} a sample")
        return "\n".join(lines)


@engine.always_recorded()
@explained
def summary(model: Model, sample: Any) -> Summary:
    """The layers of a model, their parameters, the graph of one sample, and what it costs when it is compiled.

    Args:
        model: a module, or a function from one sample to its outputs.
        sample: one sample.

    Raises:
        TypeError, ValueError: if the sample is not what the model takes.

    >>> from nn import MLP
    >>> summary(MLP(2, [4, 1], seed=1), [0.5, -1.0])
    path      layer                  parameters
    layers.0  Layer(2, 4, relu)              12
    layers.1  Layer(4, 1, identity)           5
    17 parameters; 28 nodes in the graph of one sample
    compiled: 28 floating-point operations a sample
    """
    nodes: dict[engine.Value, None] = {}
    outputs = called("model", model)(sample)
    for output in flat([*outputs.values()] if isinstance(outputs, dict) else outputs):
        if isinstance(output, engine.Value):
            nodes.update(dict.fromkeys(engine.topological_order(output)))
    layers: list[tuple[str, str, int]] = list(_layers("", model, set())) if isinstance(model, Module) else []
    parameters = sum(count for _, _, count in layers)
    return Summary(layers, parameters, len(nodes), _operations(model, sample), shape_of(sample))


def _layers(
    path: str, module: Module, seen: set[int], inside: frozenset[int] = frozenset()
) -> Iterator[tuple[str, str, int]]:
    """The innermost modules that one line describes, with the parameters that no module before has.

    Modules whose ids are in `inside` contain this one: they are not among its parts, though it may refer to them.
    """
    text, inside = repr(module), inside | {id(module)}
    stages = module._stages() if isinstance(module, Sequential) else {}
    parts: dict[str, Any] = {**stages, **dict(module.children())} if "\n" in text else {}
    inner = {name: part for name, part in parts.items() if id(part) not in inside}
    for name, child in inner.items():
        below = f"{path}.{name}" if path else name
        if isinstance(child, Module):
            yield from _layers(below, child, seen, inside)
        else:
            yield below, activation_name(child), 0
    own = {id(parameter) for parameter in module.parameters()} - seen
    seen |= own
    if own or not inner:
        yield path or "(model)", text if not inner else type(module).__name__, len(own)


def _operations(model: Model, sample: Any) -> int | None:
    with evaluating():
        try:
            compiled = engine.compile(model)
            compiled([as_lists(sample)])  # a Series, too
        except Exception:  # not reported here: training and prediction do
            return None
        return compiled.flops
