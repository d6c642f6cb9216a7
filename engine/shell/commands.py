"""The commands that take an expression: its value and gradients, a walk through its passes, a check of it."""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from collections.abc import Sequence
from unicodedata import normalize

from ..checking.gradients import check_gradients
from ..stepping.console import walk
from ..text.expressions import CONSTANTS, names_in, parse
from ..text.sheet import Sheet, short, visible
from ..value import Value

MISTAKE = 2  # the exit status of a command that was not understood


def evaluate(argv: Sequence[str]) -> int:
    """Value, gradients and their check by finite differences; with ``--step``, a walk through both passes."""
    parser = argparse.ArgumentParser(
        prog="python -m engine",
        description="Value and gradients of an expression, checked by finite differences.",
        epilog="Other commands, each with its own --help: adopt, check, selftest.",
    )
    parser.add_argument(
        "expression", help='such as "tanh(w*x + b)": Python\'s operators and the functions of the table'
    )
    parser.add_argument("values", nargs="*", metavar="name=number", help="such as w=0.5, or x=pi/4")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--step", action="store_true", help="walk through the forward and the backward pass")
    instead.add_argument(
        "--draw", metavar="FILE", help="draw the graph: .svg, .png, .pdf, .dot, or .html for a page to step through"
    )
    arguments = parser.parse_intermixed_args(_without_dashes(argv))
    try:
        root, values = _built(arguments.expression, _read_point(arguments.values))
    except ValueError as error:
        return _mistake(error)
    if arguments.step:
        try:
            return walk(root)
        except ValueError as error:  # there is nothing to walk through
            return _mistake(error)
    status = _report(arguments.expression, values, root)
    if arguments.draw is not None:
        try:
            _draw(root, arguments.draw)
        except (ImportError, OSError, ValueError, RuntimeError) as error:
            return _mistake(error)
    return status


def _without_dashes(argv: Sequence[str]) -> list[str]:
    """The words, with a space before an expression such as ``-x**2``: the parser would look for an option -x."""
    return [word if re.fullmatch(r"-h|--[a-z]+(=.*)?|[^-].*|", word, re.DOTALL) else f" {word}" for word in argv]


def _mistake(error: Exception) -> int:
    print("error: " + "\n".join(map(visible, str(error).split("\n"))), file=sys.stderr)
    return MISTAKE


def _draw(root: Value, path: str) -> None:
    """Draw the graph with its gradients, as the file name says."""
    page = path.lower().endswith((".html", ".htm"))
    print(f"drawn to {root.stepper().save(path) if page else root.draw(path)}")


def _read_point(assignments: Sequence[str]) -> dict[str, float]:
    """The number of each name, from words such as ``x=1.3`` and ``x=pi/4``.

    Raises:
        ExpressionError: a number cannot be read.
        ValueError: a name is given twice or without a number.
    """
    point: dict[str, float] = {}
    for assignment in assignments:
        name, equals, number = assignment.partition("=")
        name = normalize("NFKC", name.strip())  # as Python reads names: the micro sign is the letter mu
        if not equals or not name.isidentifier() or keyword.iskeyword(name):
            word = assignment.strip()
            remedy = "--help lists the options" if word.startswith("-") else "write name=number, such as x=1.3"
            raise ValueError(f"{word!r} gives no value: {remedy}")
        if name in CONSTANTS:
            raise ValueError(f"{name} is {CONSTANTS[name]!r} here: choose another name")
        if name in point:
            raise ValueError(f"{name} is given twice")
        if not number.strip() or names_in(number):
            raise ValueError(f"{assignment!r} gives no number: write one, such as {name}=1.3 or {name}=pi/4")
        point[name] = parse(number, {})  # without names it is a float
    return point


def _built(expression: str, point: dict[str, float]) -> tuple[Value, dict[str, Value]]:
    """The graph of an expression, and the Values of its names.

    Raises:
        ExpressionError: it cannot be read.
        ValueError: a name is not in it, or it gives a plain number, as a comparison does.
    """
    values = {name: Value(number, label=name) for name, number in point.items()}
    root = parse(expression, values)
    unused = [name for name in point if name not in names_in(expression)]
    if unused:
        raise ValueError(f"{', '.join(unused)}: given, but not in the expression {expression!r}")
    if not isinstance(root, Value):
        raise ValueError(f"{expression!r} gives a plain number: there is nothing to differentiate")
    return root, values


def _report(expression: str, values: dict[str, Value], root: Value) -> int:
    root.backward()
    columns = ["name", "value", "gradient"]
    rows = [[name, short(x.data), short(x.grad)] for name, x in values.items()]
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
            slopes = dict.fromkeys(map(short, derivative.slopes or (derivative.expected,)))  # at a kink there are two
            row += [" to ".join(slopes), derivative.status]
            notes += [f"{derivative.name}: {derivative.kink}"] if derivative.kink else []
        notes += [f"{beyond.name}: {beyond.finding}" for beyond in report.derivatives[len(rows) :]]
        notes += [fault.what for fault in report.faults] + list(report.notes)
        ok = report.ok
    print(Sheet(f"{' '.join(expression.split())} = {short(root.data)}", columns, rows, notes, heads=True))
    return 0 if ok else 1


def check(argv: Sequence[str]) -> int:
    """Check the derivatives of an expression; the exit status is 0 if none is wrong.

    >>> check(["x**y * sin(x)", "x=1.3", "y=2"])
    x**y * sin(x) at x = 1.3, y = 2.0: 2 derivatives, none wrong
      agrees     by x: 2.957..., differences give 2.957... +- ...
      agrees     by y: 0.427..., differences give 0.427... +- ...
      second opinion, without a step: Taylor's remainder shrinks like t**2...
    0
    """
    parser = argparse.ArgumentParser(
        prog="python -m engine check", description="Check derivatives by finite differences."
    )
    parser.add_argument("expression", help='such as "x**y * sin(x)"')
    parser.add_argument("values", nargs="*", metavar="name=number", help="such as x=1.3, or x=pi/4")
    parser.add_argument("--order", type=int, default=1, help="the highest order of derivatives; 1 is the gradient")
    arguments = parser.parse_intermixed_args(_without_dashes(argv))
    try:
        point = _read_point(arguments.values)
        _built(arguments.expression, point)  # mistakes come first

        def f(**values: Value) -> Value:
            return parse(arguments.expression, values)

        f.__name__ = " ".join(arguments.expression.split())
        report = check_gradients(f, point, arguments.order)
    except (TypeError, ValueError) as error:
        return _mistake(error)
    print(report)
    return 0 if report else 1
