"""What runs in a page of the guide: doctests in its Python blocks, and commands in its console blocks.

The blocks of a page are one session, in a folder of its own. A block below ``<!-- needs: torch -->`` runs where those
modules are installed. In a console block a line that starts with ``$`` is a command, and the rest is what it prints. A
Python block that begins with ``# file.py`` is that file, there for the blocks that follow. To try a page, such as
`compile`: `python -m demos.guide.snippets PAGE`; it prints what differs from the page.
"""

from __future__ import annotations

import argparse
import doctest
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

GUIDE = Path(__file__).parent
ROOT = GUIDE.parents[1]
_BLOCK = re.compile(r"(?:^<!-- needs: (?P<needs>[\w ]+) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
_FILE = re.compile(r"# ([\w]+\.py)\n")
_LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE  # as pytest runs the doctests of the repository


class Block(NamedTuple):
    """A fenced block: the language it is in, its text, its line in the page, and the modules it needs."""

    kind: str
    text: str
    line: int
    needs: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """The modules that it needs but are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


def pages() -> list[Path]:
    """All pages, in alphabetical order."""
    return sorted(GUIDE.glob("*.md"))


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page."""
    for found in _BLOCK.finditer(page):
        line = page.count("\n", 0, found.start("kind")) + 1
        yield Block(found["kind"], found["text"], line, tuple((found["needs"] or "").split()))


def run(page: Path, folder: Path) -> str:
    """Run a page inside a folder, in a Python of its own, and return what differs from the page, as text."""
    command = [sys.executable, "-W", "error", "-c", f"from demos.guide import snippets; snippets.check({str(page)!r})"]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True)
    return done.stdout + done.stderr


def check(name: str) -> None:
    """Run a page in the current folder, where it may leave files, and print what differs from the page."""
    page, session = Path(name), {"__name__": "__main__"}
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.missing:
            continue
        if block.kind == "python" and (named := _FILE.match(block.text)):
            Path(named[1]).write_text(block.text, encoding="utf-8")
        elif block.kind == "python":
            _run_python(block, page, session)
        elif block.kind == "console":
            _run_console(block, page)


def _run_python(block: Block, page: Path, session: dict[str, Any]) -> None:
    test = doctest.DocTestParser().get_doctest(block.text, session, page.name, str(page), block.line)
    test.globs = session  # of which get_doctest() takes a copy
    doctest.DocTestRunner(optionflags=_LOOSE, verbose=False).run(test, clear_globs=False)


def _run_console(block: Block, page: Path) -> None:
    for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.M):
        done = subprocess.run(command, shell=True, env=_environment(), capture_output=True, text=True)
        printed = done.stdout + done.stderr
        if not doctest.OutputChecker().check_output(expected, printed, _LOOSE):
            print(f'File "{page}", line {block.line}: $ {command}\nExpected:\n{expected}\nGot:\n{printed}')


def _environment() -> dict[str, str]:
    """The environment, with this Python as `python`, and the packages of this clone."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}


def main() -> None:
    """Run the page that is named on the command line, in a folder of its own."""
    parser = argparse.ArgumentParser(description="Run the snippets of a page, and print what differs from it.")
    parser.add_argument("page", help="one of " + ", ".join(page.stem for page in pages()))
    page = GUIDE / f"{parser.parse_args().page.removesuffix('.md')}.md"
    if not page.is_file():
        parser.error(f"there is no page {page.stem}")
    with tempfile.TemporaryDirectory() as folder:
        print(run(page, Path(folder)), end="")


if __name__ == "__main__":
    main()
