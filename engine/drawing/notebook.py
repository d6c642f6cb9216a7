"""What a notebook shows of a graph: a picture, or the page to step through it."""

from __future__ import annotations

import sys
from html import escape
from typing import TYPE_CHECKING, Any

from ..graph import topological_order
from ..value import Value
from .picture import BUDGET, take

if TYPE_CHECKING:
    from pathlib import Path

_AT_A_GLANCE = 15_000  # Values, up to which a picture is made quickly enough for a cell
_CELL = 200_000  # bytes that a cell may take
_RADII = (8, 5, 3, 2, 1)  # how far from the result to show, tried in turn: a leaf that all use brings in all within 3
_SECONDS = 20.0  # how long a cell waits for Graphviz


def mimebundle(root: Value, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """What a notebook shows of a Value: its text, and its graph as SVG, or why there is none.

    A large graph is shown with alike nodes in one box. Nothing is raised: there is always the text.
    """
    wanted = {"text/plain", "image/svg+xml"} if include is None else set(include)
    wanted -= set(exclude or ())
    bundle = {"text/plain": repr(root)} if "text/plain" in wanted else {}
    if "image/svg+xml" in wanted and _shows_images():
        shown = _glance(root)
        if isinstance(shown, bytes):
            bundle["image/svg+xml"] = shown.decode()
        elif bundle:
            bundle["text/plain"] += f"\n({shown})"
    return bundle


def _glance(root: Value) -> bytes | str:
    """The graph as SVG, if it fits a cell; else a text that says why not.

    If there are too many boxes even after collapsing, only those near the result are shown.
    """
    from .images import Style, image

    nodes = len(topological_order(root))
    if nodes > _AT_A_GLANCE:
        return f"its graph of {nodes:,} nodes is too large for a cell: draw(path, around=...) shows a part of it"
    picture = take(root, limit=None)
    if len(picture.boxes) > BUDGET:
        what = f"of {len(picture.boxes):,} boxes those next to the result: draw(path, limit=None) draws them all"
        parts = (take(root, around=root, radius=radius, limit=None) for radius in _RADII)
        part = next((part for part in parts if len(part.boxes) <= BUDGET), None)
        if part is None:
            return f"its graph of {nodes:,} nodes is too large for a cell: draw(path, limit=None) draws it"
        picture = part
        picture.notes[0:0] = [what]
    content = image(picture, "svg", Style(), timeout=_SECONDS)
    if len(content) > _CELL:
        return f"its picture of {len(picture.boxes):,} boxes is too large for a cell: draw(path) draws it"
    return content


def steps_frame(root: Value, names: Any = None, at: int = 0) -> str | None:
    """The page of `save_steps` inside a notebook's cell, where it works as it does in a browser.

    None if it is too large.

    Args:
        root: the result to differentiate.
        names: a module, or anything with `named_parameters()`.
        at: where it begins, as for `page.page_of`.
    """
    from .page import page_of
    from .placing import layout_by

    if len(topological_order(root)) > BUDGET:
        return None
    content = escape(page_of(root, names=names, limit=None, place=layout_by(None, _SECONDS), at=at))
    if len(content) > _CELL:
        return None
    return (
        '<iframe sandbox="allow-scripts" style="width: 100%; height: 600px; border: 1px solid #9aa4b0; '
        f'border-radius: 6px" title="Step through" srcdoc="{content}"></iframe>'
    )


def show_picture(svg: bytes) -> Path | None:
    """Show a picture, of a graph or of `nn`: in the notebook that runs this, else in the browser, from a file."""
    import tempfile
    import webbrowser
    from pathlib import Path

    if _ipython() is not None and _shows_images():
        sys.modules["IPython"].display.display({"image/svg+xml": svg.decode(), "text/plain": "a picture"}, raw=True)
        return None
    target = Path(tempfile.mkdtemp(prefix="stepgrad-"), "picture.svg")
    target.write_bytes(svg)
    webbrowser.open(target.as_uri())
    return target


def _shows_images() -> bool:
    """Whether pictures are shown: IPython in a terminal would make the user wait for one, and drop it."""
    shell = _ipython()
    return shell is None or "image/svg+xml" in shell.display_formatter.active_types


def _ipython() -> Any:
    """The shell of IPython that runs this; None elsewhere."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
