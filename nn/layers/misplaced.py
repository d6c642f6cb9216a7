"""What stands in a module where parameters are expected, and would not be trained as its user thinks."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import Any

from engine import Value

from ..arguments import warn_user
from ..rows import is_row
from .contents import Holder, contents, is_parameter, is_symbolic, modules_in, named_values, parameters_in


def warn_of_class_attributes(kind: type[Holder]) -> None:
    """Warn of parameters and modules in the body of a class, which are among no module's parameters."""
    for name, item in vars(kind).items():
        if any(isinstance(held, Holder) or is_parameter(held) for _, held in contents(item)):
            warn_user(
                f"{name} of {kind.__name__} belongs to the class, and is among no module's parameters(): nothing "
                f"trains it. Set self.{name} in __init__",
                UserWarning,
            )


def check_replaced(module: Holder, name: str, before: Any, value: Any) -> None:
    """Check an attribute's new value: numbers and results that replace parameters would not be trained.

    Raises:
        TypeError: plain numbers take the place of parameters.
    """
    first = _first(value)
    origin = origin_of(first) if isinstance(first, Value) else ""
    if not (origin or isinstance(first, Real)) or parameters_in(value) or not parameters_in(before):
        return
    what = f"{name} of {type(module).__name__} holds parameters"
    if not origin:
        raise TypeError(f"{what}, not numbers such as {first}, which nothing would train: set their .data, or del it")
    warn_user(
        f"{what}, and is set to {origin}, which nothing trains: change parameters by their .data, and keep results "
        "under another name",
        UserWarning,
    )


def _first(item: Any) -> Any:
    """The first entry of nested rows."""
    while is_row(item) and len(item):
        item = item[0]
    return item


def warn_of_results(module: Holder) -> None:
    """Warn of a result among the weights of a layer of this package; a user's module may keep what it has computed."""
    for path, value, owner in named_values(module):
        if type(owner).__module__.startswith("nn.") and (origin := origin_of(value)):
            warn_user(of_result(path, origin), UserWarning)
            return


def results_in(module: Holder) -> list[tuple[str, Value, Holder]]:
    """The results of operations that a module holds, which are not parameters: path, Value and owner of each."""
    return [found for found in named_values(module) if found[1].primitive is not None]


def origin_of(value: Value) -> str:
    """Where a Value that is no parameter comes from, in words; empty for other leaves."""
    if value.primitive is not None:
        return f"the result of {value.primitive.name}"
    return "what detach() or no_grad() gave" if not is_symbolic(type(value)) and value.is_detached else ""


def of_result(path: str, origin: str) -> str:
    """What to say of such a result."""
    return (
        f"{path} is not a parameter but {origin}: it keeps its number when what it was computed from changes. Write "
        "Value(x.data) for a parameter that starts with it, x.data for a constant, or compute it whenever the model is "
        "called"
    )


def warn_of_repeated(module: Holder) -> None:
    """Warn of a list that holds one Value several times, as ``[Value(0.0)] * 3`` does: its entries stay equal."""
    for owner in modules_in(module):
        for name, item in vars(owner).items():
            for row in _rows_in(item):
                if isinstance(row[0], Value) and all(entry is row[0] for entry in row):
                    warn_user(
                        f"{name} of {type(owner).__name__} holds one Value {len(row)} times, which stay equal: write "
                        f"[Value(...) for _ in range({len(row)})] for different ones, or keep it once",
                        UserWarning,
                    )
                    return


def _rows_in(item: Any) -> Iterator[list[Any]]:
    """The lists of two or more items among nested lists, the outer one included."""
    if isinstance(item, list) and item:
        if len(item) > 1:
            yield item
        if isinstance(item[0], list):
            for row in item:
                yield from _rows_in(row)
