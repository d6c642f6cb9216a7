"""Mutants: cosmic-ray changes one thing in a module, and the tests beside it have to notice.

    python -m tests.mutants                       every module of `table.py`, a sample of each
    python -m tests.mutants engine/graph.py --every 1

It works on a copy of the repository, needs a POSIX system (each mutant is a fork of a process that has imported the
libraries already), and limits CPU time rather than time, so that a busy machine does not change what is found.
Mutants that no test could notice are in `equivalent.txt`, each with its reason. Left out altogether are operators
that give no program of the same types: bits of floats, and the ``|`` of annotations.
"""

from __future__ import annotations

import difflib
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .table import SLOW, TESTS

ROOT = Path(__file__).parents[2]
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
LEFT_OUT = re.compile(r"BinaryOperator_BitOr_|_(BitAnd|BitOr|BitXor|LShift|RShift|Is|IsNot)$")
KEPT = re.compile(r"_Is_IsNot$|_IsNot_Is$")


class Mutant(NamedTuple):
    """A module with one change, told by the lines that it concerns."""

    source: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.was}  ->  {self.now}"


def mutants(module: Path) -> Iterator[Mutant]:
    """All that cosmic-ray makes of a module."""
    import cosmic_ray.ast
    import cosmic_ray.plugins
    from cosmic_ray.mutating import mutate_code

    source = module.read_text(encoding="utf-8")
    tree = list(cosmic_ray.ast.ast_nodes(cosmic_ray.ast.get_ast(source)))
    for name in sorted(cosmic_ray.plugins.operator_names()):
        kind = cosmic_ray.plugins.get_operator(name)
        if kind.arguments() or (LEFT_OUT.search(name) and not KEPT.search(name)):
            continue
        places = sum(1 for node in tree for _ in kind().mutation_positions(node))
        for place in range(places):
            changed = mutate_code(source, kind(), place)
            lines = difflib.ndiff(source.splitlines(), changed.splitlines())
            told = [line for line in lines if line[:2] in ("- ", "+ ")]
            was, now = (" / ".join(line[2:].strip() for line in told if line[0] == sign) for sign in "-+")
            yield Mutant(changed, was, now)


def equivalents(module: str) -> Callable[[Mutant], bool]:
    """Whether a mutant of this module is listed: lines of "modules: pattern", after a comment that says why."""
    patterns = []
    for line in Path(__file__).with_name("equivalent.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            where, pattern = line.split(": ", 1)
            if re.fullmatch(where, module):
                patterns.append(re.compile(pattern))
    return lambda mutant: any(pattern.search(str(mutant)) for pattern in patterns)


def run(tests: list[str], seconds: float) -> tuple[bool, float]:
    """Whether the tests pass in a fork, and the CPU time that it took."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
        os.setpgid(0, 0)
        signal.alarm(int(20 * seconds) + 300)  # for what waits without end
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        import pytest

        os._exit(int(pytest.main([*OPTIONS, "-k", SLOW, *tests])))
    _, status, usage = os.wait4(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it may have left
    return status == 0, usage.ru_utime + usage.ru_stime


def write(path: Path, source: str) -> None:
    """Change a module, and drop what is compiled of it: Python compares sizes and seconds."""
    path.write_text(source, encoding="utf-8")
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
        compiled.unlink()


def examine(module: str, every: int, first: int) -> tuple[int, int]:
    """How many of the mutants are found, and of how many."""
    path, equivalent = Path(module), equivalents(module)
    every_one = [mutant for mutant in mutants(path) if not equivalent(mutant)]
    chosen = every_one[first::every]
    passed, seconds = run(TESTS[module], 600)
    if not passed:
        raise SystemExit(f"the tests of {module} fail without any change: python -m pytest {' '.join(TESTS[module])}")
    before, found = path.read_text(encoding="utf-8"), 0
    for mutant in chosen:
        write(path, mutant.source)
        survived, _ = run(TESTS[module], 4 * seconds + 4)
        found += not survived
        if survived:
            print(f"  survives in {module}: {mutant}", flush=True)
    write(path, before)
    share = 100 * found / max(len(chosen), 1)
    print(f"{module}: {found} of {len(chosen)} found, {share:.1f} % (of {len(every_one)} mutants)", flush=True)
    return found, len(chosen)


def main() -> None:
    """Mutate, count, and tell who survives."""
    parser = ArgumentParser("python -m tests.mutants", description="Which mutants do the tests not notice?")
    parser.add_argument("modules", nargs="*", default=list(TESTS), help="of the table; all if none is named")
    parser.add_argument("--every", type=int, default=10, help="examine each n-th mutant (10)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (0)")
    chosen = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="mutants-")
    try:
        for part in ("engine", "nn", "tests"):
            shutil.copytree(ROOT / part, Path(scratch, part), ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", scratch)
        os.chdir(scratch)
        os.mkdir("tmp")
        tempfile.tempdir = os.environ["TMPDIR"] = str(Path(scratch, "tmp"))
        sys.path[0] = os.environ["PYTHONPATH"] = scratch
        os.environ["CI"] = "1"  # Hypothesis draws the same examples for all
        for library in ("hypothesis.strategies", "mpmath", "numpy", "pytest"):
            __import__(library)
        for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
            del sys.modules[name]  # the copy's are imported in the forks
        totals = [examine(module, chosen.every, chosen.first) for module in chosen.modules]
        found, count = map(sum, zip(*totals))
        print(f"together: {found} of {count} found, {100 * found / max(count, 1):.1f} %")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
