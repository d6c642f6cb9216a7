"""Which trainers pickle: those whose model, loss and schedule can be found again by their names."""

from __future__ import annotations

import pickle
from types import FunctionType
from typing import Any

from ...arguments import is_found_by_name
from ...losses.reduction import of_one_sample


def refuse_unnamed(**parts: Any) -> None:
    """Refuse functions that pickle, which stores their names alone, would not find again.

    Args:
        parts: what a trainer was made of.

    Raises:
        PicklingError: one of them is such a function.
    """
    for name, function in parts.items():
        if not isinstance(function, FunctionType) or is_found_by_name(function):
            continue
        which, remedy = function.__qualname__, "define it at the top level of a module"
        if of_one_sample(function) is not None:
            which, remedy = "made by per_sample", "call that in a function defined at the top level of a module"
        raise pickle.PicklingError(
            f"a Trainer pickles with its {name}, which is {which}, and pickle cannot find that by its name: {remedy}, "
            "or pickle (model, optimizer) and make it anew"
        )
