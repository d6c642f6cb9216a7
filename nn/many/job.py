"""What is to be trained: a configuration in two parts."""

from __future__ import annotations

from typing import Any, NamedTuple


class Job(NamedTuple):
    """A configuration: what `make` is given, and what `fit`."""

    arguments: dict[str, Any]
    seed: int
    epochs: int
    batch_size: int | None
