"""Plain numbers that change as a model is trained, such as running means: they are no parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...arguments import listed, warn_user
from ...layers.module import Module
from ...layers.structure import numbers_of


def running_numbers(model: Any) -> dict[str, str]:
    """The plain numbers that methods of a user's module read, as text; none of a function."""
    return numbers_of(model) if isinstance(model, Module) else {}


def warn_of_running(model: Any, before: Mapping[str, str]) -> None:
    """Warn if such numbers have changed in the training, while the parameters are those of an earlier epoch.

    Args:
        model: what was trained.
        before: what `running_numbers` gave before the training.
    """
    changed = [path for path, text in running_numbers(model).items() if before.get(path, text) != text]
    if changed:
        warn_user(
            f"parameters and optimiser are those of the best epoch again, and plain numbers that changed in the "
            f"training{listed(changed)} are those of the last one: keep them for each epoch in a callback, and set "
            "those of history.best_epoch",
            UserWarning,
        )
