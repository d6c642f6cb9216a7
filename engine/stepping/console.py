"""The stepper at the command line: one key per move."""

from __future__ import annotations

import sys

from ..value import Value
from .stepper import Stepper

_HELP = """\
  n, Enter  next step (n 3: three)   b       back one step
  j NAME    jump to a node           r       run to the end
  w NAME    why: paths to a node     s       where it stands
  h         this help                q       quit"""


def walk(root: Value) -> int:
    """Step through the forward and the backward pass of `root` by keys from standard input; gives the exit status."""
    stepper = Stepper(root, forward=True)
    print(f"{root.explain().expression}: {len(stepper)} steps, forward and then backward\n{_HELP}")
    while True:
        line = _ask("(step) ")
        if line is None or line in ("q", "quit"):
            return 0
        try:
            print(_obey(stepper, line))
        except (IndexError, ValueError) as error:
            print(f"  {error}")


def _ask(prompt: str) -> str | None:
    """A line of input, or None at its end; what comes through a pipe is shown as if it had been typed."""
    try:
        line = input(prompt).strip()
    except (EOFError, KeyboardInterrupt):
        print()
        return None
    if not sys.stdin.isatty():
        print(line)
    return line


def _obey(stepper: Stepper, line: str) -> object:
    key, _, name = line.partition(" ")
    name = name.strip()
    if key in ("", "n", "next"):
        return stepper.next(_count(name))
    if key in ("b", "back"):
        return stepper.back(_count(name))
    if key in ("r", "run"):
        return stepper.run()
    if key in ("s", "state"):
        return stepper
    if key in ("j", "jump", "w", "why"):
        if not name:
            raise ValueError(
                f"{key} needs the name of a node, such as: {key} {stepper.names(stepper.root.operands[0])}"
            )
        return stepper.to(name) if key in ("j", "jump") else stepper.root.why(stepper.names.find(name))
    if key in ("h", "help", "?"):
        return _HELP
    raise ValueError(f"{line!r} is no command; h shows them")


def _count(text: str) -> int:
    if text and not text.isdecimal():
        raise ValueError(f"{text!r} is no number of steps")
    return int(text or 1)
