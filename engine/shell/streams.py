"""A program in a shell, whose streams may be closed, full or limited to ASCII, or whose reader may have left."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable


def in_a_shell(main: Callable[[], object]) -> int:
    """Run a program, and give its exit status: its own if that is a number, 1 if its output has nowhere to go.

    Args:
        main: the program.
    """
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115  # to the end of the process
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  # as above
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where what is still buffered goes
        if not isinstance(error, BrokenPipeError):
            print(f"error: {error}", file=sys.stderr)
        return 1
    return status if isinstance(status, int) else 0
