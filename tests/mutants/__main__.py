"""Mutants: cosmic-ray changes one thing in a module, and the tests beside it have to notice.

    python -m tests.mutants                       every module of `table.py`, a sample of each
    python -m tests.mutants engine/graph.py --every 1
    python -m tests.mutants engine/graph.py --every 1 --of "in order"

It works on a copy of the repository, needs a POSIX system (each mutant is a fork of a process that has imported the
libraries already), and limits CPU time rather than time, so that a busy machine does not change what is found.
Mutants that no test could notice are in `equivalent.txt`, each with its reason. Left out altogether are operators
that give no program of the same types: bits of floats, and the ``|`` of annotations.
"""

from __future__ import annotations

import gc
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import Phase, settings

from .table import SLOW, TESTS

ROOT = Path(__file__).parents[2]
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
LEFT_OUT = re.compile(r"BinaryOperator_BitOr_|_(BitAnd|BitOr|BitXor|LShift|RShift|Is|IsNot)$")
SUBJECT = re.compile(r"^(?:def |class )?([A-Za-z_]\w*)", re.MULTILINE)
KEPT = re.compile(r"_Is_IsNot$|_IsNot_Is$")


class Mutant(NamedTuple):
    """A module with one change, told by the lines that it concerns."""

    line: int
    was: str
    now: str
    subject: str  # the name that the statement gives
    source: str

    def __str__(self) -> str:
        return f"{self.was}  ->  {self.now}"


def mutants(module: Path) -> Iterator[Mutant]:
    """All that cosmic-ray makes of a module: of one statement after the other, as it parses anew for each mutant."""
    import cosmic_ray.ast
    import cosmic_ray.plugins
    from cosmic_ray.mutating import mutate_code

    names = [name for name in cosmic_ray.plugins.operator_names() if not LEFT_OUT.search(name) or KEPT.search(name)]
    kinds = [kind for kind in map(cosmic_ray.plugins.get_operator, sorted(names)) if not kind.arguments()]
    source = module.read_text(encoding="utf-8")
    statements = [statement.get_code() for statement in cosmic_ray.ast.get_ast(source).children]
    for place, statement in enumerate(statements):
        above, below = "".join(statements[:place]), "".join(statements[place + 1 :])
        subject = "".join(SUBJECT.findall(statement)[:1])
        nodes = list(cosmic_ray.ast.ast_nodes(cosmic_ray.ast.get_ast(statement)))
        for kind in kinds:
            for k in range(sum(1 for node in nodes for _ in kind().mutation_positions(node))):
                changed = mutate_code(statement, kind(), k)
                line, was, now = _difference(statement.splitlines(), changed.splitlines())
                yield Mutant(above.count("\n") + line, was, now, subject, above + changed + below)


def _difference(before: list[str], after: list[str]) -> tuple[int, str, str]:
    """The number of the first line that differs, and the lines that do."""
    same = next((k for k, (a, b) in enumerate(zip(before, after)) if a != b), min(len(before), len(after)))
    rest = range(1, min(len(before), len(after)) - same + 1)
    tail = next((k - 1 for k in rest if before[-k] != after[-k]), len(rest))
    was, now = (" / ".join(map(str.strip, lines[same : len(lines) - tail])) for lines in (before, after))
    return same + 1, was, now


def equivalents(module: str) -> Callable[[Mutant], bool]:
    """Whether a mutant of this module is listed: lines of "modules: pattern", after a comment that says why."""
    patterns = []
    for line in Path(__file__).with_name("equivalent.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            where, pattern = line.split(": ", 1)
            if re.fullmatch(where, module):
                patterns.append(re.compile(pattern))
    return lambda mutant: any(pattern.search(str(mutant)) for pattern in patterns)


class Order:
    """A plugin of pytest that runs first what is likely to find a mutant: its fork reports who did.

    Mutants come line by line. So the tests that found the last ones come first; before them those with the name that is
    defined there as their parameter, such as all that concern one operation of the table, where those of the others are
    left out; Hypothesis' come last, and do not shrink what they find.
    """

    def __init__(self, subjects: Collection[str]) -> None:
        self.subject, self.others = "", frozenset(subjects)
        self.finders: list[str] = []
        self.report = Path("finder").absolute()

    def pytest_sessionstart(self) -> None:
        settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate])
        settings.load_profile("mutants")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        rank = {name: place for place, name in enumerate(self.finders)}
        parameters = {item: re.findall(r"\w+", item.nodeid.partition("[")[2]) for item in items}

        def place(item: pytest.Item) -> tuple[bool, int, bool]:
            elsewhere = self.subject not in parameters[item]
            return elsewhere, rank.get(item.nodeid, len(rank)), hasattr(getattr(item, "obj", None), "hypothesis")

        items.sort(key=place)
        if items and self.subject in parameters[items[0]]:
            items[:] = [item for item in items if self.others.isdisjoint({*parameters[item]} - {self.subject})]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.report.write_text(report.nodeid, encoding="utf-8")

    def learn(self) -> None:
        """Read the fork's report."""
        if self.report.exists():
            name = self.report.read_text(encoding="utf-8")
            self.finders = [name, *(other for other in self.finders if other != name)]
            self.report.unlink()


def run(tests: list[str], seconds: float, order: Order) -> tuple[bool, float]:
    """Whether the tests pass in a fork, and the CPU time that it took."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
        os.setpgid(0, 0)
        signal.alarm(int(20 * seconds) + 300)  # for what waits without end
        os._exit(silently([*OPTIONS, "-k", SLOW, *tests], [order]))
    _, status, usage = os.wait4(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it may have left
    order.learn()
    return status == 0, usage.ru_utime + usage.ru_stime


def silently(arguments: list[str], plugins: list[object]) -> int:
    """pytest's exit code."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    streams = [os.dup(stream) for stream in range(3)]
    for stream in range(3):
        os.dup2(nowhere, stream)
    code = int(pytest.main(arguments, plugins=plugins))
    for stream, before in enumerate(streams):
        os.dup2(before, stream)
    return code


def write(path: Path, source: str) -> None:
    """Change a module, and drop what is compiled of it: Python compares sizes and seconds."""
    path.write_text(source, encoding="utf-8")
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
        compiled.unlink()


def examine(module: str, pattern: str, every: int, first: int) -> tuple[int, int]:
    """How many of the mutants are found, and of how many."""
    path, equivalent = Path(module), equivalents(module)
    every_one = sorted(each for each in mutants(path) if not equivalent(each) and re.search(pattern, str(each)))
    order = Order({mutant.subject for mutant in every_one})
    chosen = every_one[first::every]
    passed, seconds = run(TESTS[module], 600, order)
    if not passed:
        raise SystemExit(f"the tests of {module} fail without any change: python -m pytest {' '.join(TESTS[module])}")
    before, found = path.read_text(encoding="utf-8"), 0
    for mutant in chosen:
        write(path, mutant.source)
        order.subject = mutant.subject
        survived, _ = run(TESTS[module], 3 * seconds + 2, order)
        found += not survived
        if survived:
            print(f"  survives in {module}:{mutant.line}: {mutant}", flush=True)
    write(path, before)
    share = 100 * found / max(len(chosen), 1)
    print(f"{module}: {found} of {len(chosen)} found, {share:.1f} % (of {len(every_one)} mutants)", flush=True)
    return found, len(chosen)


def main() -> None:
    """Mutate, count, and tell who survives."""
    parser = ArgumentParser("python -m tests.mutants", description="Which mutants do the tests not notice?")
    parser.add_argument("modules", nargs="*", default=list(TESTS), help="of the table; all if none is named")
    parser.add_argument(
        "--of", default="", metavar="PATTERN", help="only those with a match in 'the line  ->  the line'"
    )
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
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        sys.dont_write_bytecode = False  # so that a test is compiled once
        for library in ("mpmath", "numpy"):
            __import__(library)
        silently([*OPTIONS, "--collect-only", "tests/mutants/table.py"], [])  # loads pytest
        for name in [name for name in sys.modules if name.split(".")[0] in ("tests", "engine", "nn")]:
            del sys.modules[name]  # the copy's are imported in the forks
        gc.freeze()
        totals = [examine(module, chosen.of, chosen.every, chosen.first) for module in chosen.modules]
        found, count = map(sum, zip(*totals))
        print(f"together: {found} of {count} found, {100 * found / max(count, 1):.1f} %")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
