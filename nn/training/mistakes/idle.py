"""Epochs that change nothing: a warning says why, as far as that can be seen."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...arguments import first_parameters, warn_user
from ...schedules import FIXED
from ..history import History


def warn_of_epochs(schedule: Callable[[int], float] | None, steps: int) -> None:
    """Warn of a schedule that takes, as in Keras, the number of the epoch, by the name of its parameter.

    Args:
        schedule: the rate of each step by its number.
        steps: how many steps an epoch has.
    """
    if schedule is not None and steps > 1 and first_parameters(schedule)[:1] == ["epoch"]:
        warn_user(
            f"a schedule is called with the number of the step, of which an epoch has {steps}, and the parameter of "
            f"this one is called epoch: divide it by {steps}, or rename it",
            UserWarning,
        )


def warn_of_zeros(schedule: Callable[[int], float] | None, epoch: int, first: int, steps: int) -> bool:
    """Warn if a schedule of `nn.schedules` gives 0 for all steps of an epoch; return whether it did.

    Args:
        schedule: the rate of each step by its number; no other is called, since it may change things.
        epoch: the number of the epoch.
        first: the number of its first step.
        steps: how many it has.
    """
    if schedule is None or type(schedule) not in FIXED or any(map(schedule, range(first, first + steps))):
        return False
    warn_user(
        f"epoch {epoch} changed nothing: {schedule} gives 0 for all of its steps, which are batches, {steps} in an "
        "epoch",
        UserWarning,
    )
    return True


def warn_if_idle(history: History, schedule: Callable[[int], float] | None, steps: int) -> bool:
    """Warn if all rates of the last epoch were 0, or the first two epochs have equal losses; return whether it did.

    Args:
        history: the history after the epoch.
        schedule: the rate of each step by its number.
        steps: how many steps the epoch had.
    """
    first, row = history.rows[0], history.rows[-1]
    if row["lr"] == 0.0:  # without a schedule it is meant to be
        return warn_of_zeros(schedule, len(history.losses), len(history.batch_losses) - steps, steps)
    has_moved = first["lr"] != 0.0  # as far as the rate goes, which in a warm-up may begin with 0
    if row["epoch"] == 2 and has_moved and row["loss"] and math.isclose(*history.losses, rel_tol=1e-12):
        warn_user(
            f"the loss stays at {row['loss']:g}: no gradient reaches the parameters, as when relus are 0 for all "
            f"samples, or lr={row['lr']:g} is too small to change them",
            UserWarning,
        )
        return True
    return False
