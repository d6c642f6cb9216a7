"""The stepper at the command line: its moves by their names, or by their first letters."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

from ..text.sheet import Sheet, visible
from ..value import Value
from .stepper import Stepper

_HELP = Sheet(
    "words, or their first letters:",
    ("word", "what it does"),
    [
        ("n, next [3]", "next step, or 3; Enter"),
        ("b, back [3]", "back one step, or 3"),
        ("j, jump NAME", "just after a node's step"),
        ("r, run", "to a breakpoint, or end"),
        ("w, why NAME", "the paths to a node"),
        ("break NAME", "stop at node, primitive"),
        ("clear", "no more breakpoints"),
        ("reset", "back to the start"),
        ("s, state", "where it stands"),
        ("h, help", "this"),
        ("q, quit", "the end"),
    ],
)


def walk(root: Value) -> int:
    """Step through the forward and the backward pass of `root` by words from standard input; gives the exit status."""
    if sys.stdin.isatty():
        with contextlib.suppress(ImportError):  # not on every system
            import readline  # noqa: F401  # from now on input() knows the arrow keys
    stepper = Stepper(root, forward=True)
    stepper.names.hint = "s shows the nodes"
    print(f"{root.explain().expression}: {len(stepper)} steps, forward and then backward\n{_HELP}")
    while True:
        line = _ask()
        if line is None or line in ("q", "quit", "exit"):
            return 0
        try:
            print(_obey(stepper, line))
        except (IndexError, ValueError) as error:
            print(f"  {error}")


def _ask() -> str | None:
    """A line of input, or None at its end; what comes through a pipe is shown as if it had been typed."""
    try:
        line = input("(step) ").strip()
    except (EOFError, KeyboardInterrupt):
        print()
        return None
    if not sys.stdin.isatty():
        print(visible(line))
    return line if " " in line else line.removesuffix("()")  # back(), as in Python, and in the words of errors


def _clear(stepper: Stepper) -> str:
    stepper.clear()
    return "  no breakpoints"


_PLAIN: dict[str, Callable[[Stepper], object]] = {
    "run": Stepper.run,
    "reset": Stepper.reset,
    "state": lambda stepper: stepper,
    "clear": _clear,
    "help": lambda stepper: _HELP,
}
_COUNTED: dict[str, Callable[[Stepper, int], object]] = {"next": Stepper.next, "back": Stepper.back}
_NAMED: dict[str, Callable[[Stepper, str], object]] = {
    "jump": Stepper.jump,
    "to": Stepper.to,
    "why": lambda stepper, name: stepper.why(stepper.names.find(name)),
    "break": Stepper.break_at,
}
_LETTERS = {
    "": "next",
    "?": "help",
    **{word[0]: word for word in ("next", "back", "run", "state", "jump", "why", "help")},
}


def _obey(stepper: Stepper, line: str) -> object:
    word, _, rest = line.partition(" ")
    rest = rest.strip()
    move = _LETTERS.get(word, word)
    if move in _COUNTED:
        return _COUNTED[move](stepper, _count(rest))
    if move in _NAMED:
        if not rest:
            node = stepper.names(stepper.root.operands[0])
            raise ValueError(f"{word} needs the name of a node, such as: {word} {node}")
        return _NAMED[move](stepper, rest)
    if move in _PLAIN and not rest:
        return _PLAIN[move](stepper)
    raise ValueError(f"{line!r} is not a command; h shows them")


def _count(text: str) -> int:
    if text and not text.isdecimal():
        raise ValueError(f"{text!r} is not a number of steps")
    return int(text or 1)
