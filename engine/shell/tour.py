"""A guided minute: each line is shown as at Python's prompt, run, and its result printed below it."""

from __future__ import annotations

import builtins
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

SCENES: list[tuple[str, list[str]]] = [
    (
        "A neuron. Every number is a Value that remembers how it was computed.",
        [
            "import engine",
            "from engine import Value, tanh",
            'w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-0.4, "b")',
            "p = w * x",
            "y = tanh(p + b)",
            "engine.label(p=p, y=y)",
            "y",
        ],
    ),
    (
        "Backprop, one step of the chain rule at a time.",
        ["s = y.stepper()", "s.next()", "s.next()", "s.next()"],
    ),
    (
        "Why is that the gradient? A sum over paths, each the product of its local derivatives.",
        ['(y + p).why("w")'],
    ),
    (
        "A picture, and a page to step through in a browser.",
        ['y.draw(folder + "/neuron.svg")', 'y.save_steps(folder + "/steps.html")'],
    ),
    (
        "Proved: the same gradient by finite differences, with an error bound.",
        ["engine.check_gradients(lambda w, x, b: tanh(w * x + b), [0.5, 2.0, -0.4])"],
    ),
]
COMPILED: tuple[str, list[str]] = (
    "Compiled: the same function on ten thousand samples, in native code.",
    [
        "import time",
        "neuron = engine.compile(lambda x: tanh(w * x + b))",
        "xs = [k / 10_000 for k in range(10_000)]",
        "first = neuron(xs)  # compiles",
        "start = time.perf_counter(); values = [tanh(w * x + b) for x in xs]; eager = time.perf_counter() - start",
        "start = time.perf_counter(); values = neuron(xs); native = time.perf_counter() - start",
        'print(f"eager {1e3 * eager:.1f} ms, compiled {1e3 * native:.2f} ms: {eager / native:.0f} times faster")',
    ],
)
NOT_COMPILED = "To see it compiled to native code as well: pip install -U llvmlite numpy"
CLOSING = """\
That was it. To go on:
  help(engine)                                             everything on one screen
  python -m engine "tanh(w*x + b)" w=0.5 x=2 b=1 --step    step by hand
  python -m demos                                          networks: digits, moons, a tiny GPT (from a clone)
  demos/guide/                                             the guide"""


def lacking() -> str:
    """What the compiled scene lacks here; empty if nothing."""
    try:
        from ..compiler.backends.choice import is_native  # only CPython has it, see `compiler.frontend.reads.layout`
    except ImportError as error:
        return str(error)
    return "" if is_native("auto") else NOT_COMPILED


def scenes() -> Iterator[tuple[str, Sequence[str]]]:
    """What is shown on this machine."""
    yield from SCENES
    if not lacking():
        yield COMPILED


def tour() -> int:
    """Show the scenes; on a terminal Enter goes on to the next one. Gives the exit status."""
    names: dict[str, Any] = {"folder": tempfile.mkdtemp(prefix="stepgrad-")}
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    for number, (about, lines) in enumerate(scenes(), start=1):
        print(f"{'' if number == 1 else chr(10)}{number}. {about}\n")
        for line in lines:
            _run(line, names)
        if interactive:
            try:
                input("\n(Enter goes on, Ctrl-C ends) ")
            except (EOFError, KeyboardInterrupt):
                print()
                return 0
    if reason := lacking():
        print(f"\n{reason}")
    print(f"\n{CLOSING}")
    return 0


def _run(line: str, names: dict[str, Any]) -> None:
    """One line, as at a prompt: shown, run, and what it gives printed."""
    print(f">>> {line}")
    shown, sys.displayhook = sys.displayhook, sys.__displayhook__
    before = getattr(builtins, "_", None)
    try:
        exec(compile(line, "<tour>", "single"), names)  # a line of the lists above
    finally:
        sys.displayhook = shown
        vars(builtins)["_"] = before  # where the display hook leaves its last result
