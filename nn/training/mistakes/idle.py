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
            f"this one is called epoch: divide it by {steps}, or name it otherwise",
            UserWarning,
        )


def warn_if_idle(history: History, schedule: Callable[[int], float] | None, steps: int) -> bool:
    """Warn if all rates of the last epoch were 0, or the first two epochs have equal losses; return whether it did.

    Args:
        history: the history after the epoch.
        schedule: the rate of each step by its number; only a schedule of `nn.schedules` is called again.
        steps: how many steps the epoch had.
    """
    row, done = history.rows[-1], len(history.batch_losses)
    if row["lr"] == 0.0:  # without a schedule it is meant to be
        if schedule is not None and type(schedule) in FIXED and not any(map(schedule, range(done - steps, done))):
            warn_user(
                f"epoch {row['epoch']} changed nothing: {schedule} gives 0 for all of its steps, which are batches, "
                f"{steps} in an epoch",
                UserWarning,
            )
            return True
    elif row["epoch"] == 2 and row["loss"] and math.isclose(*history.losses, rel_tol=1e-12):
        warn_user(
            f"the loss stays at {row['loss']:g}: no gradient reaches the parameters, as where relus are 0 for all "
            f"samples, or lr={row['lr']:g} is too small to change them",
            UserWarning,
        )
        return True
    return False
