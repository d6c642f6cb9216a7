"""The command line: ``python -m engine "tanh(w*x + b)" w=0.5 x=2 b=1``; without arguments, a guided minute."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Sequence

from .shell import adopting
from .shell.commands import check, evaluate
from .shell.selftest import selftest
from .shell.streams import in_a_shell
from .shell.tour import tour

COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"adopt": adopting.run, "check": check, "selftest": selftest}
"""Commands by their first word: each takes the words after it and returns the exit status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first word names; any other first word is an expression."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        return tour()
    if words[0] in COMMANDS:
        return COMMANDS[words[0]](words[1:])
    status = evaluate(words)
    if status and (near := difflib.get_close_matches(words[0], COMMANDS, n=1)):
        print(f"or did you mean the command {near[0]}?", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
