from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from demos import gallery
from engine.modes import reads
from tests.engine.drawing.test_renderers import needs_some

PICTURES = Path(__file__).parents[2] / "demos" / "pictures"


def words_of_dot(text: str) -> list[str]:
    """What stands in the boxes, and between the cells of the legend."""
    labels = re.findall(r"label=<(.*?)>(?: \w+=|\]|$)", text, re.M)
    return [word for label in labels for part in re.split(r"<[^>]*>", label) for word in html.unescape(part).split()]


def words_of_svg(text: str) -> list[str]:
    found = (text for text in ElementTree.fromstring(text).iter() if text.tag.endswith("}text"))
    return [word for text in found for word in "".join(text.itertext()).split()]


@needs_some
def test_the_gallery_and_the_pictures_of_the_readme(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reads.clear()  # by other tests: a sine among the samples may be that of a number which they took
    gallery.main(["--output", str(tmp_path), "--format", "dot"])
    made = {path.name for path in (tmp_path / "gallery").iterdir()}
    assert len(made) == 12
    assert {"steps.html", "steps_network.html", "index.html"} < made
    assert all(
        name in (tmp_path / "gallery" / "index.html").read_text(encoding="utf-8") for name in made - {"index.html"}
    )
    assert "(7,879 Values), by layer" in capsys.readouterr().out
    for picture in sorted(PICTURES.iterdir()):
        dot = (tmp_path / "gallery" / f"{picture.stem}.dot").read_text(encoding="utf-8")
        without_edges = re.sub(r"^n\d+ -> n\d+.*$", "", dot, flags=re.M)
        drawn = words_of_svg(picture.read_text(encoding="utf-8"))
        assert set(words_of_dot(without_edges)) <= set(drawn)
        assert picture.stat().st_size < 30_000


def test_micrograds_gradients() -> None:
    g = gallery.micrograd()
    leaves = {leaf.label: leaf for leaf in gallery.engine.leaves(g)}
    assert f"{g.data:.4f}" == "24.7041"
    assert f"{leaves['a'].grad:.4f}, {leaves['b'].grad:.4f}" == "138.8338, 645.5773"


def test_a_wrong_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        gallery.main(["--theme", "neon"])
    assert "neon" in capsys.readouterr().err
