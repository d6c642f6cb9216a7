"""The main job: every training demo in turn, on real data that comes with scikit-learn; no download."""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence

from demos.options import add_output, whole

TRAININGS = ("digits", "diabetes", "moons", "xor")
DRAWING = {"moons"}
"""Those that take --output."""


def options() -> ArgumentParser:
    """The options on the command line."""
    summaries = [f"  {name:10}{summary(name)}" for name in TRAININGS]
    parser = ArgumentParser(
        "python -m demos",
        description=__doc__,
        epilog="\n".join(["demos:", *summaries, "", "Each has options of its own: python -m demos.NAME --help"]),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", default=TRAININGS, metavar="NAME", help="which demos to run; all by default"
    )
    parser.add_argument("--quick", action="store_const", const=["--quick"], default=[], help="train each only briefly")
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
    unknown = set(chosen.names) - set(TRAININGS)
    if unknown:
        parser.error(f"no demo is named {', '.join(sorted(unknown))}: choose from {', '.join(TRAININGS)}")
    for number, name in enumerate(chosen.names, start=1):
        print(f"{'' if number == 1 else chr(10)}== {number}/{len(chosen.names)}  {name}", flush=True)
        place = ["--output", str(chosen.output)] if name in DRAWING else []
        importlib.import_module(f"demos.{name}").main([*chosen.quick, "--seed", str(chosen.seed), *place])


if __name__ == "__main__":
    main()
