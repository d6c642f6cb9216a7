"""What the demos share: their options on the command line, and a clear message when a package is missing."""

from __future__ import annotations

import math
from argparse import SUPPRESS, ArgumentDefaultsHelpFormatter, ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def training_options(
    name: str,
    about: str | None,
    quick_epochs: int,
    *,
    epochs: int,
    lr: float,
    hidden: list[int],
    momentum: float | None = 0.9,
    batch_size: int | None = None,
) -> ArgumentParser:
    """A parser with the options of every training demo; the arguments after `quick_epochs` are their defaults.

    Args:
        name: of the demo's module.
        about: what it does, for --help.
        quick_epochs: how long --quick trains.
        epochs: passes over the training data.
        lr: the learning rate.
        hidden: the sizes of the hidden layers.
        momentum: the factor of momentum; None leaves that option out.
        batch_size: samples per step; None leaves that option out.
    """
    parser = ArgumentParser(f"python -m demos.{name}", description=about, formatter_class=ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--epochs", type=whole(1), default=epochs, metavar="N", help="passes over the training data")
    add("--quick", dest="epochs", action="store_const", const=quick_epochs, default=SUPPRESS, help="train briefly")
    if batch_size is not None:
        add("--batch-size", type=whole(1), default=batch_size, metavar="N", help="samples per step")
    add("--lr", type=size, default=lr, metavar="RATE", help="learning rate")
    if momentum is not None:
        add("--momentum", type=size, default=momentum, metavar="FACTOR", help="momentum; 0 for none")
    add("--hidden", type=whole(1), default=hidden, nargs="*", metavar="N", help="sizes of the hidden layers, if any")
    add("--seed", type=whole(0), default=0, metavar="N", help="the same number gives the same run")
    return parser


def add_output(parser: ArgumentParser) -> None:
    """Add the option for the folder that pictures go to."""
    parser.add_argument("--output", type=folder, default=Path("output"), metavar="FOLDER", help="where pictures go")


def folder(text: str) -> Path:
    """A folder that exists or can be made."""
    if Path(text).exists() and not Path(text).is_dir():
        raise ArgumentTypeError(f"{text!r} is a file, not a folder")
    return Path(text)


def whole(least: int) -> Callable[[str], int]:
    """The type of an option that takes a whole number, `least` or more."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and int(text) >= least):
            raise ArgumentTypeError(f"{text!r} is not a whole number of {least} or more")
        return int(text)

    return number


def size(text: str) -> float:
    """A finite number, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 <= number < math.inf:
        raise ArgumentTypeError(f"{text!r} is not a finite number of 0 or more")
    return number


@contextmanager
def demo_packages() -> Iterator[None]:
    """A context for imports of packages that only the demos need: if one is missing, exit and say how to install it.

    Raises:
        SystemExit: a package is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise SystemExit(f'this demo needs {error.name}: pip install ".[demos]" in the clone') from None
