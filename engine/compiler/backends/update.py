"""An optimiser's update in Python: on lists of floats, in one loop, and on NumPy arrays.

Both are functions generated from the traced rule. What is the same for all parameters, such as Adam's corrections, is
computed once a step, by the primitives themselves; what differs from parameter to parameter is written with Python's
operators. On lists these may raise an error where IEEE 754 has an infinity or nan: then the primitives make that step.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from ... import ops
from ...primitive import Primitive
from ..frontend.symbol import Symbol
from ..update import Update
from .python import float_function

OnFloats = Callable[..., "list[list[float]]"]

_OPERATORS = {
    **{ops.add: "({} + {})", ops.sub: "({} - {})", ops.mul: "({} * {})", ops.div: "({} / {})", ops.neg: "(-{})"},
    **{ops.sqrt: "sqrt({})"},
}


@lru_cache(maxsize=256)
def on_floats(update: Update) -> OnFloats:
    """The update as a function of lists: ``f(numbers, P, G, *memories)`` gives the new P and memories, as lists.

    The numbers are those of `ALWAYS`, then `values_of` the settings; the memories are those that the rule keeps.
    """
    fast, exact = (_loop(update, operators) for operators in (_OPERATORS, {}))

    def run(*arguments: Any) -> list[list[float]]:
        try:
            return fast(*arguments)
        except (ArithmeticError, ValueError):
            return exact(*arguments)

    return run


@lru_cache(maxsize=256)
def on_arrays(update: Update) -> Callable[..., list[Any]]:
    """The update as a function of NumPy arrays: ``f(numbers, P, G, *memories)`` gives new arrays."""
    import numpy as np

    from .array_templates import apply

    writer = _Writer(update, _OPERATORS, apply)
    writer.names["sqrt"] = np.sqrt
    body, results = writer.each()
    return writer.function([*body, f"return [{', '.join(results)}]"])


def _loop(update: Update, operators: dict[Primitive, str]) -> OnFloats:
    """All parameters in one loop, whose body is the rule."""
    writer = _Writer(update, operators, float_function)
    writer.names["sqrt"] = math.sqrt
    body, results = writer.each()
    rows = range(len(results))
    loop = f"for {', '.join(writer.arguments)} in zip({', '.join(writer.arguments).upper()})"
    if len(results) == 1 and not body:
        return writer.function([f"return [[{results[0]} {loop}]]"], str.upper)
    code = [f"new{k} = []" for k in rows] + [f"append{k} = new{k}.append" for k in rows] + [f"{loop}:"]
    code += [f"    {line}" for line in (*body, *[f"append{k}({result})" for k, result in enumerate(results)])]
    return writer.function([*code, f"return [{', '.join(f'new{k}' for k in rows)}]"], str.upper)


class _Writer:
    """Writes the operations of an update as Python.

    Args:
        update: the traced rule.
        operators: how to write a primitive; others are called.
        callee: what is called for a primitive.
    """

    def __init__(
        self, update: Update, operators: dict[Primitive, str], callee: Callable[[Primitive], Callable[..., Any]]
    ) -> None:
        self._update, self._operators, self._callee = update, operators, callee
        self._text: dict[Symbol, str] = {update.number: "p", update.gradient: "g"}
        self._text.update((update.memories[k], f"memory{k}") for k in update.kept)
        self.arguments = list(self._text.values())
        self._text.update((symbol, f"number{k}") for k, symbol in enumerate(update.numbers))
        self.names: dict[str, Any] = {"inf": math.inf, "nan": math.nan}

    def each(self) -> tuple[list[str], list[str]]:
        """The lines for one parameter, and its results; what is read only once is written in place."""
        update = self._update
        reads = Counter([o for symbol in update.each for o in symbol.operands] + list(update.results))
        for k, symbol in enumerate(update.once):
            self._text[symbol] = f"once{k}"
        lines = []
        for k, symbol in enumerate(update.each):
            text = self._operation(symbol, self._operators, self._callee)
            if reads[symbol] > 1:
                lines.append(f"each{k} = {text}")
                text = f"each{k}"
            self._text[symbol] = text
        first, *others = update.results
        return lines, [self._read(result) for result in (first, *[others[k] for k in update.kept])]

    def function(self, body: Sequence[str], named: Callable[[str], str] = str) -> Callable[..., Any]:
        """A function of the numbers, the parameters, the gradients and the memories, under these names."""
        update = self._update
        head = [f"({', '.join(f'number{k}' for k in range(len(update.numbers)))}) = numbers"]
        for k, symbol in enumerate(update.once):
            head.append(f"once{k} = {self._operation(symbol, {}, float_function)}")
        source = f"def update(numbers, {', '.join(map(named, self.arguments))}):\n"
        source += "\n".join(f"    {line}" for line in (*head, *body))
        exec(compile(source, "<the update of an optimiser>", "exec"), self.names)
        function: Callable[..., Any] = self.names["update"]
        return function

    def _operation(
        self, symbol: Symbol, operators: dict[Primitive, str], callee: Callable[[Primitive], Callable[..., Any]]
    ) -> str:
        primitive = symbol.primitive
        assert primitive is not None
        operands = [self._read(operand) for operand in symbol.operands]
        if primitive in operators:
            return operators[primitive].format(*operands)
        name = f"call{len(self.names)}"
        self.names[name] = callee(primitive)
        return f"{name}({', '.join(operands)})"

    def _read(self, symbol: Symbol) -> str:
        return repr(symbol.value) if symbol.kind == "constant" else self._text[symbol]
