"""A job: one configuration, split into what `make` takes and what `fit` takes."""

from __future__ import annotations

from typing import Any, NamedTuple


class Job(NamedTuple):
    """One configuration: the part for `make`, and the part for `fit`."""

    arguments: dict[str, Any]
    seed: int
    epochs: int
    batch_size: int | None
