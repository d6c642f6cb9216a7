"""A picture as an image: SVG by our own layout where that suffices; large ones, PNG and PDF by Graphviz."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from ..numbers import as_float
from . import placing
from .graphviz import renderers
from .graphviz.dot_text import dot_source
from .picture import LIMIT, Picture
from .svg import svg_source

FORMATS = ("svg", "png", "pdf", "dot")


class Style(NamedTuple):
    """How a picture is to look: see `engine.draw`."""

    theme: str = "light"
    rankdir: str = "LR"
    title: str = ""
    dpi: float | None = None
    scale: float = 1.0

    def check(self, kind: str) -> None:
        """Check the style for one kind of file.

        Raises:
            TypeError: a size is not a number, or the title is not text.
            ValueError: a size is not positive, or far too large; `dpi` for a format without pixels, `scale` for text.
        """
        if not isinstance(self.title, str):
            raise TypeError(f"title= is text, got {self.title!r} of type {type(self.title).__name__}")
        for name, size in (("scale", self.scale), ("dpi", self.dpi)):
            if size is not None and not 0 < as_float(size, f"{name}=") < 1e5:
                raise ValueError(f"{name}= is a positive number below 100,000, got {size!r}")
        if self.scale != 1.0 and kind == "dot":
            raise ValueError("scale= is for pictures, and a .dot is text: give it to the program that draws it")
        if self.dpi is not None and kind != "png":
            raise ValueError(f"dpi= is for PNG: a .{kind} has no pixels, and scale= makes it larger")


def image(
    picture: Picture,
    kind: str,
    style: Style,
    renderer: renderers.Renderer | None = None,
    timeout: float = renderers.TIMEOUT,
) -> bytes:
    """The bytes of a file of that kind: svg, png, pdf or dot.

    Where Graphviz fails on an SVG, or is too slow, our own layout places the boxes, if they are not very many.

    Raises:
        ImportError, TimeoutError, TypeError, ValueError: as `engine.draw`.
    """
    style.check(kind)
    if kind == "svg" and renderer is None and placing.suits(len(picture.boxes)):
        return _own(picture, style)
    dot = dot_source(picture, style.theme, style.rankdir, style.title)
    if kind == "dot":
        return dot.encode()
    if renderer is not None:
        return renderers.custom(renderer, dot, kind)
    if kind == "pdf" and style.scale != 1.0:
        dot = dot.replace("graph [", f"graph [dpi={72 * style.scale:g} ", 1)
    dpi = (style.dpi or renderers.PNG_DPI) * style.scale
    try:
        drawn = renderers.render(dot, kind, timeout=timeout, dpi=dpi)
    except renderers.FAILED:
        if kind != "svg" or len(picture.boxes) > LIMIT:
            raise
        return _own(replace(picture, notes=[*picture.notes, "placed without Graphviz, which failed here"]), style)
    return _scaled(drawn, style.scale) if kind == "svg" and style.scale != 1.0 else drawn


def _own(picture: Picture, style: Style) -> bytes:
    """An SVG by our own layout."""
    return svg_source(picture, style.theme, style.rankdir, style.title, style.scale).encode()


def _scaled(svg: bytes, scale: float) -> bytes:
    """The same SVG in another size: its coordinates stay."""

    def size(found: re.Match[bytes]) -> bytes:
        return b'%s="%dpt"' % (found.group(1), round(float(found.group(2)) * scale))

    head, rest = svg[:2000], svg[2000:]
    return re.sub(rb'(?<=\s)(width|height)="([\d.]+)pt"', size, head, count=2) + rest
