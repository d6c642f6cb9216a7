"""Warnings where what a function reads has changed: calls may have missed it, and each new number costs a program."""

from __future__ import annotations

from ...text.callers import warn_user

MANY = 10
"""How many programs are made for changed numbers of one function before it warns."""


def warn_of_late(function: str, what: str) -> None:
    """Warn, if `what` says that something has changed, that calls of a function may have used what was there before."""
    if what:
        warn_user(
            f"something that {function} reads has changed ({what}). It is large or far from the code, so that it is "
            "compared only from time to time: the last calls before this one may have used what was there before. Call "
            "engine.announce_change() right after such a change, or pass what changes as an argument",
            RuntimeWarning,
        )


class ChangingNumbers:
    """Counts the programs that were made because a number has changed.

    >>> import warnings
    >>> changing, told = ChangingNumbers(), []
    >>> for k in range(20):
    ...     with warnings.catch_warnings(record=True) as found:
    ...         warnings.simplefilter("always")
    ...         changing.count("loss", f"beta from {k} to {k + 1}")
    ...     told += [(k + 1, str(one.message)[:40]) for one in found]
    >>> told
    [(10, 'loss is compiled again for the 10th time')]
    """

    def __init__(self) -> None:
        self._count = 0

    def count(self, function: str, what: str) -> None:
        """Count one; after many of them, warn.

        Args:
            function: its name.
            what: the number, and what it was and is; "" if something else has changed.
        """
        self._count += bool(what)
        if what and self._count == MANY:
            warn_user(
                f"{function} is compiled again for the {MANY}th time, since a number that it reads has changed "
                f"({what}): keep it in a Value, and set its .data, which compiles nothing",
                UserWarning,
            )
