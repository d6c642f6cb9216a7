"""The command line: ``python -m engine "tanh(w*x + b)" w=0.5 x=2 b=1``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from . import checkup
from .check import check_gradients
from .display import Sheet, short
from .expressions import ExpressionError, names_in, parse
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
    parser.add_argument(
        "--draw", metavar="FILE", help="draw the graph: .svg, .png, .pdf, .dot, or .html for a page to step through"
    )
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
    status = _report(arguments.expression, values, root)
    if arguments.draw:
        try:
            _draw(root, arguments.draw)
        except (ImportError, OSError, ValueError, RuntimeError) as error:
            print(f"error: {error}", file=sys.stderr)
            return MISTAKE
    return status


def _draw(root: Value, path: str) -> None:
    """Draw the graph with its gradients, as the file name says."""
    page = path.lower().endswith((".html", ".htm"))
    print(f"drawn to {root.stepper().save(path) if page else root.draw(path)}")


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
        raise argparse.ArgumentTypeError(f"{expression!r} depends on no value: there is nothing to differentiate by")


def _report(expression: str, values: dict[str, Value], root: Value) -> int:
    root.backward()
    columns, rows = ["name", "value", "gradient"], [[name, short(x.data), short(x.grad)] for name, x in values.items()]
    notes: list[str] = []
    ok = True
    try:
        report = check_gradients(
            lambda **shifted: parse(expression, shifted), {name: value.data for name, value in values.items()}
        )
    except ValueError as error:  # nothing to compare, as outside the domain
        notes.append(f"not checked: {error}")
    else:
        columns += ["finite difference", ""]
        for row, derivative in zip(rows, report.derivatives):
            row += [short(derivative.expected), derivative.status]
            notes += [f"{derivative.name}: {derivative.kink}"] if derivative.kink else []
        notes += [fault.what for fault in report.faults] + list(report.notes)
        ok = report.ok
    print(Sheet(f"{' '.join(expression.split())} = {short(root.data)}", columns, rows, notes, heads=True))
    return 0 if ok else 1


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"check": checkup.check, "selftest": checkup.selftest}
"""Commands by their first word: each takes the words after it and returns the exit status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first word names; any other first word is an expression."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]](words[1:])
    return evaluate(words)


if __name__ == "__main__":
    sys.exit(main())
