"""The main job: every demo that trains or prices, in turn, without downloads: real data comes with scikit-learn."""

from __future__ import annotations

import importlib
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence

from demos.options import add_output, whole
from engine.shell.streams import in_a_shell

DEMOS = {
    "digits": ("seed",),
    "diabetes": ("seed",),
    "moons": ("seed", "output"),
    "xor": ("seed",),
    "gpt": ("seed",),
    "spirals": ("seed", "output"),
    "physics": ("seed",),
    "sensitivities": ("seed",),
    "sweep": ("seed",),
    "stepping": ("seed",),
    "gallery": ("output",),
    "adopt": (),
}
"""Every demo, and which of the options below it has besides --quick."""

MAIN_JOB = ("digits", "diabetes", "moons", "xor", "gpt", "spirals", "physics", "sweep", "sensitivities")


def options() -> ArgumentParser:
    """The options on the command line."""
    summaries = [f"  {name:15}{summary(name)}" for name in DEMOS]
    parser = ArgumentParser(
        "python -m demos",
        description=__doc__,
        epilog="\n".join(["demos:", *summaries, "", "Each has options of its own: python -m demos.NAME --help"]),
        formatter_class=RawDescriptionHelpFormatter,
    )
    names = ", ".join(MAIN_JOB)
    parser.add_argument("names", nargs="*", default=MAIN_JOB, metavar="NAME", help=f"demos to run, instead of {names}")
    parser.add_argument("--quick", action="store_true", help="train only briefly")
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N", help="the same number gives the same run")
    add_output(parser)
    return parser


def summary(name: str) -> str:
    """The first line of a demo's description."""
    return (importlib.import_module(f"demos.{name}").__doc__ or "").partition("\n")[0]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the demos one after the other."""
    parser = options()
    chosen = parser.parse_args(argv)
    unknown = set(chosen.names) - set(DEMOS)
    if unknown:
        parser.error(f"no demo is named {', '.join(sorted(unknown))}: choose from {', '.join(DEMOS)}")
    quick = ["--quick"] if chosen.quick else []
    given = {
        "seed": ["--seed", str(chosen.seed)],
        "output": ["--output", str(chosen.output)],
    }
    for number, name in enumerate(chosen.names, start=1):
        print(f"{'' if number == 1 else chr(10)}== {number}/{len(chosen.names)}  {name}", flush=True)
        own = [text for option in DEMOS[name] for text in given[option]]
        importlib.import_module(f"demos.{name}").main(quick + own)


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
