from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import shutil
import sys
import xml.etree.ElementTree as ElementTree
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

import engine
from engine import Value, draw, draw_dot, to_dot
from engine.drawing import images, notebook, placing
from engine.drawing.graphviz import renderers
from engine.text.sheet import words
from tests.engine.drawing.networks import NASTY, Network, expression
from tests.needs import needs

SVG = "{http://www.w3.org/2000/svg}"
DOT = shutil.which("dot")
try:
    BUNDLED = importlib.metadata.version("pygraphviz") >= "2"
except importlib.metadata.PackageNotFoundError:
    BUNDLED = False
needs_dot = pytest.mark.skipif(DOT is None, reason="the program dot is not installed")
needs_bundled = pytest.mark.skipif(not BUNDLED, reason="pygraphviz 2 is not installed: pip install pygraphviz")
needs_some = pytest.mark.skipif(DOT is None and not BUNDLED, reason="there is no Graphviz: pip install pygraphviz")


@pytest.fixture(params=[pytest.param("dot", marks=needs_dot), pytest.param("bundled", marks=needs_bundled)])
def graphviz(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both renderers, one after the other."""
    if request.param == "bundled":
        monkeypatch.setattr(shutil, "which", lambda name: None)
    return str(request.param)


def texts(svg: bytes) -> list[str]:
    return ["".join(found.itertext()).strip() for found in ElementTree.fromstring(svg).iter(SVG + "text")]


def test_files_of_every_format(graphviz: str, tmp_path: Path) -> None:
    root, _, _ = expression()
    for suffix, start in (("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("dot", b"digraph {")):
        path = root.draw(tmp_path / f"graph.{suffix}")
        assert path == tmp_path / f"graph.{suffix}"
        assert path.read_bytes().startswith(start)
    assert texts((tmp_path / "graph.svg").read_bytes())[:3] == ["a", "2", "∇ -2"]
    assert texts(renderers.render(to_dot(root), "svg"))[4:7] == ["a", "2", "∇ -2"]
    assert (tmp_path / "graph.dot").read_text(encoding="utf-8") == to_dot(root)
    assert not list(tmp_path.glob(".stepgrad*"))


def test_the_name_that_is_given_says_the_format_and_not_the_file_that_a_link_leads_to(tmp_path: Path) -> None:
    root, _, _ = expression()
    (tmp_path / "graph.svg").symlink_to(tmp_path / "4f8a.png")
    root.draw(tmp_path / "graph.svg")
    assert (tmp_path / "4f8a.png").read_bytes().startswith(b"<svg")
    (tmp_path / "steps.html").symlink_to(tmp_path / "9c2b")
    assert root.save_steps(tmp_path / "steps.html").read_bytes().startswith(b"<!")


def test_nasty_labels_are_drawn_as_text(graphviz: str) -> None:
    root = Value(0.0, "start")
    for label in NASTY:
        root = root + Value(1.0, label)
    drawn = texts(renderers.render(to_dot(root), "svg"))
    for label in NASTY:
        if words(label).strip():
            assert " ".join(words(label).split()) in {" ".join(text.split()) for text in drawn}, label
    assert sum(text == "+" for text in drawn) == len(NASTY)


def test_a_png_that_would_be_huge_is_an_error_with_advice(graphviz: str) -> None:
    dot = to_dot(expression()[0])
    assert renderers.render(dot, "png").startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"a PNG of this graph would have \d+ x \d+ pixels.*SVG.*collapse="):
        renderers.render(dot, "png", most_pixels=10_000)


@needs_dot
def test_a_graphviz_that_only_has_the_layout_dot_makes_a_png_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    width, height = _pixels(renderers.render(to_dot(expression()[0]), "png"))
    lacking = tmp_path / "dot"
    lacking.write_text(f'#!/bin/sh\ncase "$*" in *neato*) exit 1 ;; esac\nexec {DOT} "$@"\n')
    lacking.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert shutil.which("dot") == str(lacking)
    found = _pixels(renderers.render(to_dot(expression()[0]), "png"))
    assert found == pytest.approx((width, height), rel=0.05)  # the margins differ


def _pixels(png: bytes) -> tuple[int, int]:
    """Width and height, from the header."""
    assert png.startswith(b"\x89PNG")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def test_a_layout_that_takes_too_long_is_ended(graphviz: str) -> None:
    with pytest.raises(TimeoutError, match=r"after 1e-09 s.*collapse=.*timeout="):
        renderers.render(to_dot(expression()[0]), "svg", timeout=1e-9)


@needs_some
@pytest.mark.parametrize(("timeout", "error"), [("60", TypeError), (float("inf"), ValueError), (1e20, ValueError)])
def test_a_timeout_is_a_number_of_seconds(tmp_path: Path, timeout: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^timeout= "):
        draw(expression()[0], tmp_path / "graph.png", timeout=timeout)


def test_what_graphviz_says_reaches_the_user(graphviz: str) -> None:
    with pytest.raises(RuntimeError, match="Graphviz failed"):
        renderers.render("digraph { this is no graph", "svg")


def test_without_graphviz_the_error_names_both_remedies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    root, _, _ = expression()
    with pytest.raises(ImportError, match=r"pip install pygraphviz.*system package graphviz"):
        root.draw(tmp_path / "g.png")
    assert not (tmp_path / "g.png").exists()
    assert root.draw(tmp_path / "g.dot").exists()
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.14")
    with pytest.raises(ImportError):
        root.draw(tmp_path / "g.pdf")


def test_without_graphviz_there_are_pictures_and_pages_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(placing, "has_graphviz", lambda: False)
    monkeypatch.setattr(renderers, "find_graphviz", lambda: pytest.fail("there is none"))
    root, _, _ = expression()
    assert "L *" in texts(root.draw(tmp_path / "g.svg").read_bytes())
    assert "L *" in texts(root._repr_mimebundle_()["image/svg+xml"].encode())
    assert "a*b" in root.stepper().save(tmp_path / "steps.html").read_text(encoding="utf-8")
    x = large = Value(0.5, "x")
    for _ in range(100):
        large = large * x
    assert len(texts(large.draw(tmp_path / "large.svg").read_bytes())) > 200


def test_a_renderer_of_the_user(tmp_path: Path) -> None:
    asked = []

    def renderer(dot: str, kind: str) -> bytes:
        asked.append((dot, kind))
        return b"image"

    root, _, _ = expression()
    assert draw(root, tmp_path / "g.png", renderer=renderer).read_bytes() == b"image"
    assert asked == [(to_dot(root), "png")]
    with pytest.raises(TypeError, match="the renderer must return bytes, got str"):
        draw(root, tmp_path / "g.png", renderer=lambda dot, kind: "text")
    with pytest.raises(TypeError, match="renderer takes a function"):
        draw(root, tmp_path / "g.png", renderer="dot")


def test_the_process_sees_the_modules_of_its_parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pygraphviz that only the parent's sys.path knows is found, and a json.py beside the script is not."""
    (tmp_path / "pygraphviz.py").write_text(
        "class AGraph:\n"
        "    def __init__(self, string): self.graph_attr = {}\n"
        "    def draw(self, format, prog): return b'found'\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert renderers._run_bundled("digraph {}", "svg", "dot", None, 60.0) == b"found"


# ---- paths -------------------------------------------------------------------------------------------------------


def no_image(dot: str, kind: str) -> bytes:
    raise AssertionError("nothing should be rendered for a path that cannot be written")


def test_paths_that_cannot_be_written_are_named_before_anything_is_drawn(tmp_path: Path) -> None:
    root, _, _ = expression()
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "file").write_text("")
    for name, error in (
        ("missing/g.svg", FileNotFoundError),
        ("folder.svg", IsADirectoryError),
        ("file/g.svg", OSError),
        ("nul\0.svg", OSError),
    ):
        with pytest.raises(error) as caught:
            draw(root, tmp_path / name, renderer=no_image)
        assert caught.value.filename == str(tmp_path / name)
    with pytest.raises(TypeError, match="a path is text or a Path, got 3"):
        draw(root, 3)
    for name in ("g", "g.gif", "g.svg.txt"):
        with pytest.raises(ValueError, match=r"ends in \.svg, \.png, \.pdf, \.dot, got"):
            draw(root, tmp_path / name, renderer=no_image)
    with pytest.raises(ValueError, match=r"g\.html'; save_steps\(\) saves a page to step through"):
        draw(root, tmp_path / "g.html")


def test_a_file_is_replaced_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "g.dot"
    path.write_text("old")
    path.chmod(0o640)

    def fail(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    root, _, _ = expression()
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        with pytest.raises(OSError, match="No space left") as caught:
            root.draw(path)
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["g.dot"]
    root.draw(path)
    assert path.read_text(encoding="utf-8") == to_dot(root)
    assert path.stat().st_mode & 0o777 == 0o640


# ---- micrograd's function and notebooks ---------------------------------------------------------------------------


def test_draw_dot_as_in_micrograd(graphviz: str, tmp_path: Path) -> None:
    from graphviz import Digraph

    root, _, _ = expression()
    dot = draw_dot(root, format="png", rankdir="TB")
    assert isinstance(dot, Digraph)
    assert dot.format == "png"
    assert "rankdir=TB" in dot.source
    assert dot.pipe().startswith(b"\x89PNG")
    assert dot.pipe(format="svg", encoding="utf-8").startswith("<?xml")
    assert dot._repr_mimebundle_()["image/svg+xml"].startswith("<?xml")
    made = dot.render(str(tmp_path / "graph"))
    assert Path(made).read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "graph").read_text(encoding="utf-8") == dot.source
    dot.render(str(tmp_path / "clean"), cleanup=True)
    assert not (tmp_path / "clean").exists()


def test_draw_dot_opens_the_image_if_asked_to(graphviz: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[str] = []
    monkeypatch.setattr("graphviz.view", opened.append)
    monkeypatch.setattr("graphviz.Digraph._view", lambda self, path, **_: opened.append(str(path)))
    made = draw_dot(expression()[0]).render(str(tmp_path / "graph"), view=True)
    assert opened == [made]


def test_a_graphviz_that_gives_no_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderers, "find_graphviz", lambda: lambda *_: b"digraph {}")
    with pytest.raises(RuntimeError, match="a layout without a bounding box"):
        renderers.render("digraph {}", "png")


def test_pictures_by_graphviz_are_scaled(graphviz: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(placing, "suits", lambda boxes: False)

    def width(scale: float) -> float:
        svg = (root.draw(tmp_path / "g.svg", scale=scale)).read_text(encoding="utf-8")
        found = re.search(r'<svg width="(\d+)pt"', svg)
        assert found is not None
        return float(found[1])

    def paper(scale: float) -> float:
        pdf = (root.draw(tmp_path / "g.pdf", scale=scale)).read_bytes()
        for part in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
            with contextlib.suppress(zlib.error):
                pdf += zlib.decompressobj().decompress(part)  # newer versions of cairo have the size in one of these
        found = re.search(rb"/MediaBox \[ ?0 0 (\d+)", pdf)
        assert found is not None
        return float(found[1])

    root, _, _ = expression()
    assert width(2.0) == pytest.approx(2.0 * width(1.0), abs=1)
    assert paper(2.0) > 1.5 * paper(1.0)


def test_draw_dot_refuses_what_micrograd_does() -> None:
    with pytest.raises(ValueError, match="rankdir"):
        draw_dot(Value(1.0), rankdir="XX")
    with pytest.raises(ValueError, match="format"):
        draw_dot(Value(1.0), format="nonsense")


def test_notebooks_show_text_and_a_picture() -> None:
    root, _, _ = expression()
    bundle = root._repr_mimebundle_()
    assert bundle["text/plain"] == repr(root)
    assert "L *" in texts(bundle["image/svg+xml"].encode())
    assert root._repr_mimebundle_(include=["text/plain"]).keys() == {"text/plain"}
    assert root._repr_mimebundle_(exclude=["text/plain"]).keys() == {"image/svg+xml"}


def test_notebooks_show_a_large_graph_with_what_is_alike_in_one_box() -> None:
    loss = Network(3, 16, 1).loss(40)
    shown = texts(loss._repr_mimebundle_()["image/svg+xml"].encode())
    assert "tanh ×640" in shown
    assert any(re.fullmatch(r"1,\d\d\d nodes in \d\d boxes, alike .*; collapse=None draws them all", s) for s in shown)
    chain = Value(1.0)
    for _ in range(1000):
        chain = chain.sin() * 2.0
    shown = texts(chain._repr_mimebundle_()["image/svg+xml"].encode())
    assert shown[-2] == "of 3,001 boxes those next to the result: draw(path, limit=None) draws them all"
    assert shown.count("sin") == 4


def test_notebooks_show_text_where_a_picture_would_be_too_large() -> None:
    x = chain = Value(1.0)
    for _ in range(8000):
        chain = chain * x + 1.0
    named = engine.sum([Value(1.0, f"{one}{other}") for one in "abcdefghijklmnop" for other in "abcdefghijklmnop"])
    for large in (chain, named):  # too many nodes, and too many boxes next to the result
        bundle = large._repr_mimebundle_()
        assert bundle.keys() == {"text/plain"}
        assert re.search(r"\n\(its graph of .* nodes is too large for a cell: draw\(path, ", bundle["text/plain"])


@pytest.mark.parametrize("length", [60, 100, 400])
def test_notebooks_show_the_end_of_a_long_chain_whose_leaf_is_used_all_along(length: int) -> None:
    x = chain = Value(0.5)
    for _ in range(length):
        chain = chain * x + 0.1
    shown = texts(chain._repr_mimebundle_()["image/svg+xml"].encode())
    assert any("boxes those next to the result" in line for line in shown)


def test_a_picture_that_has_too_many_bytes_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_CELL", 1000)
    root, _, _ = expression()
    bundle = root._repr_mimebundle_()
    assert bundle.keys() == {"text/plain"}
    assert "its picture of 6 boxes is too large for a cell: draw(path) draws it" in bundle["text/plain"]


def test_a_crash_of_graphviz_is_told_with_the_remedy(tmp_path: Path) -> None:
    crashing = tmp_path / "dot"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    with pytest.raises(
        RuntimeError, match=r"Graphviz crashed \(signal 11\).*around= or path_to=.*an SVG of up to 1,500"
    ):
        renderers._run([str(crashing)], "", 10.0)


def out_of_time(*arguments: object, **options: object) -> bytes:
    raise TimeoutError("Graphviz has not placed the graph")


def broken(*arguments: object, **options: object) -> bytes:
    raise RuntimeError("Graphviz crashed (signal 11)")


@pytest.mark.parametrize("fails", [out_of_time, broken])
def test_where_graphviz_fails_our_own_layout_makes_svgs_and_pages(
    fails: renderers.Renderer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A notebook showed no picture, without a word, and draw() raised."""
    monkeypatch.setattr(placing, "suits", lambda boxes: False)
    monkeypatch.setattr(renderers, "render", fails)
    root, _, _ = expression()
    for svg in (root._repr_mimebundle_()["image/svg+xml"].encode(), root.draw(tmp_path / "g.svg").read_bytes()):
        assert "L *" in texts(svg)
        assert texts(svg)[-1] == "placed without Graphviz, which failed here"
    assert "<iframe" in root.stepper()._repr_html_()
    assert root.save_steps(tmp_path / "g.html").exists()
    for kind in ("png", "pdf"):
        with pytest.raises((RuntimeError, TimeoutError), match="Graphviz"):
            root.draw(tmp_path / f"g.{kind}")
    for module in (images, placing):
        monkeypatch.setattr(module, "LIMIT", 5)  # more boxes may take our own layout minutes
    with pytest.raises((RuntimeError, TimeoutError), match="Graphviz"):
        root.draw(tmp_path / "g.svg")
    with pytest.raises((RuntimeError, TimeoutError), match="Graphviz"):
        root.save_steps(tmp_path / "g.html")


def test_what_a_renderer_of_the_user_raises_is_not_hidden(tmp_path: Path) -> None:
    for save in (Value.draw, Value.save_steps):
        with pytest.raises(RuntimeError, match="Graphviz crashed"):
            save(expression()[0], tmp_path / ("g.svg" if save is Value.draw else "g.html"), renderer=broken)


def test_a_cell_to_step_through_where_it_is_not_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_page(root: Value) -> bool:
        cell = root.stepper()._repr_html_()
        assert " steps done" in cell or "<iframe" in cell
        return "<iframe" in cell

    root, _, _ = expression()
    chain = Value(1.0)
    for _ in range(200):
        chain = chain.sin()
    assert is_page(root)
    assert not is_page(chain)
    monkeypatch.setattr(notebook, "_CELL", 1000)
    assert not is_page(root)


def test_ipython_in_a_terminal_is_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*arguments: object, **options: object) -> bytes:
        raise AssertionError("nobody sees this picture")

    class Shell:
        class display_formatter:  # noqa: N801  # IPython's name
            active_types: ClassVar = ["text/plain"]

    monkeypatch.setattr(renderers, "render", unwanted)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: Shell))
    root, _, _ = expression()
    assert root._repr_mimebundle_() == {"text/plain": repr(root)}


def test_ipython_displays_it() -> None:
    formatters = needs("IPython.core.formatters")
    data, _ = formatters.DisplayFormatter().format(expression()[0])
    assert data["image/svg+xml"].startswith("<svg")
