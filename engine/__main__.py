"""The command line: ``python -m engine "tanh(w*x + b)" w=0.5 x=2 b=1``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from .display import Sheet, short
from .expressions import ExpressionError, names_in, parse
from .graph import leaves
from .value import Value
from .walking import walk

MISTAKE = 2  # the exit status of a command that was not understood


def evaluate(argv: Sequence[str]) -> int:
    """Value, gradients and their check by finite differences; with ``--step``, a walk through both passes."""
    parser = argparse.ArgumentParser(
        prog="python -m engine",
        description="Value and gradients of an expression, checked by finite differences.",
        epilog=f"Other commands, each with its own --help: {', '.join(COMMANDS)}." if COMMANDS else None,
    )
    parser.add_argument(
        "expression", help='such as "tanh(w*x + b)": Python\'s operators and the functions of the table'
    )
    parser.add_argument("values", nargs="*", metavar="name=number", help="such as w=0.5, or x=pi/4")
    parser.add_argument("--step", action="store_true", help="walk through the forward and the backward pass")
    arguments = parser.parse_intermixed_args(argv)
    try:
        values = _read_values(arguments.values)
        root = parse(arguments.expression, values)
        _check_names(arguments.expression, values, root)
    except (ExpressionError, argparse.ArgumentTypeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return MISTAKE
    if arguments.step:
        return walk(root)
    return _report(arguments.expression, values, root)


def _read_values(assignments: Sequence[str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for assignment in assignments:
        name, equals, number = assignment.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise argparse.ArgumentTypeError(f"{assignment!r} gives no value: write name=number, such as w=0.5")
        if name in values:
            raise argparse.ArgumentTypeError(f"{name} is given twice")
        found = parse(number, {})
        if not isinstance(found, float):
            raise argparse.ArgumentTypeError(f"{assignment!r}: a value is one number")
        values[name] = Value(found, label=name)
    return values


def _check_names(expression: str, values: dict[str, Value], root: object) -> None:
    unused = [name for name in values if name not in names_in(expression)]
    if unused:
        raise argparse.ArgumentTypeError(f"{', '.join(unused)}: given, but not in the expression {expression!r}")
    if not isinstance(root, Value):
        raise argparse.ArgumentTypeError(f"{expression!r} has no names: there is nothing to differentiate by")


def _report(expression: str, values: dict[str, Value], root: Value) -> int:
    root.backward()
    rows = []
    agree = True
    for leaf in leaves(root):
        estimate, error = _central_difference(expression, values, leaf)
        fits = abs(leaf.grad - estimate) <= error or leaf.grad == estimate
        agree = agree and fits
        rows.append(
            (str(leaf.label), short(leaf.data), short(leaf.grad), short(estimate), "agree" if fits else "DIFFER")
        )
    title = f"{' '.join(expression.split())} = {short(root.data)}"
    print(Sheet(title, ("name", "value", "gradient", "finite difference", ""), rows, heads=True))
    return 0 if agree else 1


def _central_difference(expression: str, values: dict[str, Value], leaf: Value) -> tuple[float, float]:
    """The slope between two points around the leaf's number, and how wrong it may be."""
    h = 6e-6 * max(1.0, abs(leaf.data))

    def at(x: float) -> float:
        shifted = {name: Value(x if value is leaf else value.data) for name, value in values.items()}
        return float(parse(expression, shifted))

    up, down = at(leaf.data + h), at(leaf.data - h)
    slope = (up - down) / (2 * h)
    return slope, 1e-6 * max(1.0, abs(slope), abs(up), abs(down))


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {}
"""Commands by their first word: each takes the words after it and returns the exit status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first word names; any other first word is an expression."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]](words[1:])
    return evaluate(words)


if __name__ == "__main__":
    sys.exit(main())
