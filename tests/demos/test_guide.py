"""The guide: every snippet runs, every picture and table is what its program makes, and the site builds by itself."""

from __future__ import annotations

import ast
import doctest
import html.parser
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pygments.lexers import PythonConsoleLexer
from pygments.token import STANDARD_TYPES

from demos.guide import tables
from demos.guide.pictures import FOLDER, shown
from demos.guide.snippets import GUIDE, ROOT, blocks, main, pages, run
from engine import Primitive, ops
from tests.demos.test_gallery import words_of_svg
from tests.engine.drawing.test_renderers import needs_some

PAGES = pages()
BOX = 90  # characters in a box of code, which Furo makes 46 em wide, of the widest of the fonts that it asks for
each_page = pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])


@needs_some
@each_page
def test_snippets_and_pictures(page: Path, tmp_path: Path) -> None:
    assert run(page, tmp_path) == ""
    for name in shown(page):
        made, kept = ((folder / name).read_text(encoding="utf-8") for folder in (tmp_path, FOLDER))
        if "matplotlib" not in kept:  # whose versions differ in the last digits
            assert made == kept, f"{name} is not what its code draws: python -m demos.guide.pictures"
        assert words_of_svg(made) == words_of_svg(kept), name


def test_every_picture_is_shown_and_small() -> None:
    assert sorted(name for page in PAGES for name in shown(page)) == sorted(path.name for path in FOLDER.iterdir())
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        assert len(text.encode()) < 40_000, path.name
        # A column of 736 pixels shrinks what is wider, here to nine pixels for letters of ten points.
        assert float(re.search(r'<svg[^>]* width="([\d.]+)pt"', text)[1]) <= 800, path.name


@each_page
def test_a_page_is_short_and_its_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    code = "\n".join(re.findall(r"^(?:>>>|\.\.\.|\$) .*$", text, flags=re.M))
    assert len(prose.split()) + len(code.split()) < 1200  # what it prints not counted
    assert text.startswith("# ")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[\w-]+)?\)", prose):
        assert re.match(r"https?://", target) or (page.parent / target).exists(), target


@each_page
def test_what_stands_at_the_prompt_can_be_typed_there(page: Path) -> None:
    """A blank line, as between two methods, ends a class at Python's prompt, and doctest does not mind."""
    for example in doctest.DocTestParser().get_examples(page.read_text(encoding="utf-8")):
        assert "\n\n" not in example.source


@each_page
def test_what_a_block_shows_is_shown_by_ipython_too(page: Path) -> None:
    """Python's prompt shows each result inside a `with` or `for`; IPython shows none of these."""
    for example in doctest.DocTestParser().get_examples(page.read_text(encoding="utf-8")):
        if example.want and not example.exc_msg:
            (statement,) = ast.parse(example.source).body
            assert "print(" in example.source or not isinstance(statement, (ast.With, ast.For))


@each_page
def test_what_is_copied_from_the_site_is_the_code_alone(page: Path) -> None:
    """Whoever pasted a block into IPython as it stands pasted what it prints, too: a SyntaxError."""
    style = (GUIDE / "static/guide.css").read_text(encoding="utf-8")
    rule = re.search(r":is\((.*?)\) \{[^}]*\buser-select: none", style)
    left_out = {name.strip(" .") for name in rule[1].split(",")}
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.text.startswith(">>>") and "\nTraceback " not in block.text:
            tokens = PythonConsoleLexer().get_tokens(block.text)
            copied = "".join(text for kind, text in tokens if STANDARD_TYPES[kind] not in left_out)
            typed = [line[4:] for line in block.text.splitlines() if re.match(r"(>>>|\.\.\.) ", line)]
            assert copied.split("\n")[:-1] == typed


@pytest.mark.parametrize("name", ["numbers", "mistakes"])
def test_the_tables_are_what_their_program_writes(name: str) -> None:
    made = getattr(tables, name)()
    assert made == (GUIDE / f"{name}.md").read_text(encoding="utf-8"), "python -m demos.guide.tables"


def test_the_table_of_numbers_has_every_primitive() -> None:
    text = tables.numbers()
    table = [thing for thing in vars(ops).values() if isinstance(thing, Primitive)]
    assert len(table) > 55
    assert all(f"| `{primitive.signature}`" in text for primitive in table)


def test_all_pages_are_in_the_table_of_contents() -> None:
    index = (GUIDE / "index.md").read_text(encoding="utf-8")
    trees = re.findall(r"^```\{toctree\}\n(.*?)^```$", index, re.M | re.S)
    listed = {line for tree in trees for line in tree.splitlines() if line[:1] not in ("", ":")}
    assert listed == {page.stem for page in PAGES} - {"index"}


def test_a_page_is_tried_by_its_name_in_a_folder_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["snippets", "see"])
    main()
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr("sys.argv", ["snippets", "seen"])
    with pytest.raises(SystemExit):
        main()
    assert "there is no page seen" in capsys.readouterr().err


def test_a_wrong_snippet_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = "# P\n\n```python\n>>> x = 1\n```\n\n```python\n>>> x\n2\n```\n\n```console\n$ echo a\nb\n$ echo c\nc\n```\n"
    page.write_text(text)
    told = run(page, tmp_path)
    assert f'"{page}", line 8' in told
    assert "Expected:\n    2\nGot:\n    1" in told
    assert "line 12: $ echo a\nExpected:\nb" in told
    assert "$ echo c" not in told


def test_a_wrong_gradient_in_the_test_of_the_page_on_proofs_is_told_without_an_explanation(tmp_path: Path) -> None:
    """Hypothesis looked for one half a minute long, by tracing hundreds of checks, and named lines of the engine."""
    (block,) = [b for b in blocks((GUIDE / "prove.md").read_text(encoding="utf-8")) if "# test_mine.py" in b.text]
    assert "exp(-w)" in block.text
    (tmp_path / "test_mine.py").write_text(block.text.replace("exp(-w)", "exp(w)"), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout
    assert "differs    by w[" in told
    assert "Explanation" not in told


def test_what_needs_a_package_that_is_not_there_does_not_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- needs: sys no_such_package -->\n```python\n>>> 1\n2\n```\n")
    (block,) = blocks(page.read_text())
    assert block.missing == ["no_such_package"]
    assert run(page, tmp_path) == ""


class _Reader(html.parser.HTMLParser):
    """What a page of the site makes a browser load, and the lines of its boxes of code that are too wide for them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.wide: list[str] = []
        self._depth = 0
        self._box: list[str] | None = None

    def handle_data(self, data: str) -> None:
        if self._box is not None:
            self._box.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre" and self._box is not None:
            room = BOX - 4 * self._depth
            self.wide += [line for line in "".join(self._box).splitlines() if len(line) > room]
            self._box = None
        self._depth -= tag == "dd"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._depth += tag == "dd"  # what a name stands for is indented by two rem, four characters of code
        if tag == "pre":
            self._box = []
        given = dict(attrs)
        if tag in ("img", "script", "iframe", "source") and given.get("src"):
            self.found.append(given["src"] or "")
        if tag == "link" and given.get("rel") not in ("index", "search", "next", "prev", "canonical"):
            self.found.append(given.get("href") or "")


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sphinx", "myst_parser", "furo")),
    reason="the site needs Sphinx: pip install '.[docs]'",
)
def test_the_site_builds_loads_nothing_from_elsewhere_and_no_code_is_wider_than_its_box(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(GUIDE), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for page in PAGES:
        reader = _Reader()
        reader.feed((tmp_path / f"{page.stem}.html").read_text(encoding="utf-8"))
        assert not reader.wide, f"{page.stem}: more than {BOX} characters, or 4 less for each level of a docstring"
        assert reader.found
        for source in reader.found:
            assert not re.match(r"(https?:)?//", source), f"{page.stem} loads {source}"
    for sheet in tmp_path.glob("_static/**/*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet.name
