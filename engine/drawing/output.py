"""A graph as DOT text, as a file, and as a page to step through.

What these need is imported when something is drawn.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..process.files import writable, write_file
from ..text.elsewhere import BOOK, explained
from ..value import Value
from .graphviz.renderers import TIMEOUT
from .picture import LIMIT, take

if TYPE_CHECKING:
    from pathlib import Path

    from graphviz import Digraph

    from .graphviz.renderers import Renderer


@explained
def to_dot(
    root: Value,
    *,
    names: Any = None,
    collapse: str | int | None = "auto",
    expand: Iterable[str] = (),
    path_to: Value | str | None = None,
    around: Value | str | None = None,
    radius: int | None = None,
    limit: int | None = LIMIT,
    local_derivatives: bool = False,
    theme: str = "light",
    rankdir: str = "LR",
    title: str = "",
) -> str:
    """The graph of `root` as DOT text; this needs no Graphviz.

    One box per Value: its label or operation, its number and, once a backward pass has run, its gradient, whose size
    colours the box. Leaves have square corners, parameters blue borders, constants none; the root has the heaviest.
    A gradient of exactly 0 has a dashed border, one that is nan or infinite stands out in magenta. Operands
    enter a box from top to bottom, except where their order does not matter, as in a sum. Below the graph, or
    where it has a title between the two, stand its `engine.notes`.

    Args:
        root: the result whose graph it is.
        names: a module, or anything with `named_parameters()`: its parameters are shown under their paths.
        collapse: draw one box for each module of `names`: ``"layer"``, ``"neuron"``, any other word in the
            parameters' paths, or a depth; or ``"alike"``, without names, one box for nodes of the same form, except
            the root. A box shows how many parameters it holds, the norm of their gradient, how often it repeats, and
            the root's number if that lies inside. The default, ``"auto"``, does that above 150 boxes where it leaves
            far fewer, and a line says so; None draws every node.
        expand: paths of modules to open: each shows the modules inside it, or its nodes.
        path_to: draw only the paths from the root to this Value (or the one of this label or path).
        around: draw only the neighbourhood of this Value (or the one of this label or path);
            a dotted border says that neighbours are left out.
        radius: how many edges the neighbourhood reaches; 2 by default.
        limit: the most boxes to draw; None for any number.
        local_derivatives: write on each edge the derivative of the result with respect to that operand.
        theme: ``"light"`` or ``"dark"``.
        rankdir: ``"LR"`` from left to right, ``"TB"`` from top to bottom, or ``"RL"``, ``"BT"``.
        title: a line above the picture.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: there would be more than `limit` boxes, the message says what to do; or a node, module,
            theme or direction that does not exist.

    >>> a = Value(3.0, "a")
    >>> print(to_dot(a * a))
    digraph {
    ...
    label=<...no backward pass yet, or the gradient here is 0: gradients are not shown...>
    n0 [label=<<b>a</b><br/>3> style="filled" color="#3f4a57"]
    n1 [label=<<table border="0"...><b>*</b><br/>9</td>...</table>> margin=0 ...]
    n0 -> n1:i1:w
    n0 -> n1:i2:w
    }
    """
    from .images import Style, image

    picture = take(
        root,
        names=names,
        collapse=collapse,
        expand=expand,
        path_to=path_to,
        around=around,
        radius=radius,
        limit=limit,
        local_derivatives=local_derivatives,
    )
    return image(picture, "dot", Style(theme, rankdir, title)).decode()


@explained
def draw(
    root: Value,
    path: str | os.PathLike[str] | None = None,
    *,
    theme: str = "light",
    rankdir: str = "LR",
    title: str = "",
    dpi: float | None = None,
    scale: float = 1.0,
    renderer: Renderer | None = None,
    timeout: float = TIMEOUT,
    **options: Any,
) -> Path | None:
    """Draw the graph of `root` to a file: SVG, PNG, PDF or DOT, by its suffix; without a path, show it.

    An SVG needs nothing else. PNG and PDF need Graphviz: the program `dot` if it is on PATH, else the one inside
    pygraphviz (``pip install pygraphviz``); where there is one, it also places SVGs of more than 60 boxes, unless it
    fails there. A file is written whole or not at all.

    Args:
        root: the result whose graph it is.
        path: a name ending in ``.svg``, ``.png``, ``.pdf`` or ``.dot``. Without one, a notebook shows the picture,
            and elsewhere it opens in the browser.
        theme: ``"light"`` or ``"dark"``.
        rankdir: ``"LR"`` from left to right, ``"TB"`` from top to bottom, or ``"RL"``, ``"BT"``.
        title: a line above the picture.
        dpi: pixels per inch, for a PNG; 144 by default.
        scale: a factor on the size.
        renderer: a function of DOT text and format that returns the image as bytes, to use instead.
        timeout: seconds that Graphviz may take.
        options: what to draw: those of `to_dot`.

    Returns:
        The path of the file; None where a notebook shows the picture.

    Raises:
        ImportError: there is no Graphviz for a PNG or PDF; the message says how to get one.
        OSError: the file cannot be written.
        RuntimeError, TimeoutError: Graphviz fails, or takes longer than `timeout`, for a PNG or PDF, or for an SVG of
            more boxes than the default of `limit`.
        TypeError, ValueError: as `to_dot`; the name ends differently; a PNG would have too many pixels.

    >>> import tempfile
    >>> a, b = Value(2.0, "a"), Value(3.0, "b")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     draw(a * b, folder + "/g.svg", title="A product").name
    'g.svg'
    """
    from .images import FORMATS, Style, image
    from .notebook import show_picture

    known = [*inspect.signature(draw).parameters][1:-1] + [*inspect.signature(take).parameters][1:]
    for name in options:
        if name not in known:
            raise BOOK.no_argument("draw()", name, known)
    if path is None:
        target, kind = None, "svg"
    else:
        target = writable(path)
        kind = os.path.splitext(path)[1][1:].lower()  # of the name that was given, not of what a link leads to
        if kind not in FORMATS:
            remedy = "; save_steps() saves a page to step through" if kind in ("html", "htm") else ""
            names = f".{', .'.join(FORMATS)}"
            raise ValueError(f"a picture is drawn to a name that ends in {names}, got {str(path)!r}{remedy}")
    drawn = image(take(root, **options), kind, Style(theme, rankdir, title, dpi, scale), renderer, timeout)
    return show_picture(drawn) if target is None else write_file(target, drawn)


@explained
def draw_dot(root: Value, format: str = "svg", rankdir: str = "LR") -> Digraph:  # noqa: A002  # micrograd's name
    """The graph as a `graphviz.Digraph`, as from micrograd's function of the same name.

    Its `render`, `pipe` and display in notebooks work with pygraphviz alone, too, without the program `dot`.

    Args:
        root: the result whose graph it is.
        format: what `render` makes, by Graphviz's name: ``"svg"``, ``"png"``, ...
        rankdir: ``"LR"`` from left to right, or ``"TB"`` from top to bottom.

    >>> a = Value(3.0, "a")
    >>> draw_dot(a * a).source.splitlines()[-3:]
    ['n0 -> n1:i1:w', 'n0 -> n1:i2:w', '}']
    """
    from .graphviz.digraph import digraph
    from .graphviz.dot_text import statements

    return digraph(list(statements(take(root), rankdir=rankdir)), format)


@explained
def save_steps(
    root: Value,
    path: str | os.PathLike[str],
    *,
    names: Any = None,
    limit: int | None = LIMIT,
    renderer: Renderer | None = None,
    timeout: float = TIMEOUT,
) -> Path:
    """Save a page that steps through the forward and the backward pass of `root` in a browser.

    One file that needs no network. It shows the pass from zero gradients, and does not change those of the graph.

    Args:
        root: the result to differentiate.
        path: a file name ending in ``.html``.
        names: a module, or anything with `named_parameters()`: its parameters are shown under their paths.
        limit: the most boxes; None for any number.
        renderer: a function of DOT text and the format ``"json0"`` that returns bytes, to place the boxes instead
            of Graphviz.
        timeout: seconds that Graphviz may take.

    Returns:
        The path.

    Raises:
        OSError, RuntimeError, TimeoutError, TypeError, ValueError: as `draw`, here as of an SVG.
    """
    from . import page
    from .placing import layout_by

    target = writable(path)
    if os.path.splitext(path)[1].lower() not in (".html", ".htm"):
        raise ValueError(f"the page is saved to a name that ends in .html, got {str(path)!r}")

    content = page.page_of(root, names=names, limit=limit, place=layout_by(renderer, timeout))
    return write_file(target, content.encode())
