"""What changes as a model is trained and is no parameter: plain numbers, such as running means, and its layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...arguments import listed, warn_user
from ...layers.module import Module
from ...layers.structure import layers_of, numbers_of, rows_of


def besides_parameters(model: Any) -> dict[str, str]:
    """The plain numbers that methods of a user's module read, and its layers, by path, as text; none of a function."""
    if not isinstance(model, Module):
        return {}
    rows = {f"{path}.layers".lstrip("."): text for path, text in rows_of(model).items()}
    return {**numbers_of(model), **layers_of(model), **rows}


def warn_of_changed(model: Any, before: Mapping[str, str]) -> None:
    """Warn if some of these have changed in the training, while the parameters are those of an earlier epoch.

    Args:
        model: what was trained.
        before: what `besides_parameters` gave in the first epoch that may be the best, or before it.
    """
    changed = [path for path, text in besides_parameters(model).items() if before.get(path) != text]
    if changed:
        warn_user(
            "parameters and optimiser are those of the best epoch again, and plain numbers or layers that changed in "
            f"the training{listed(changed)} are those of the last one: keep them for each epoch in a callback, and set "
            "those of history.best_epoch",
            UserWarning,
        )
