"""DOT text to images: the `dot` program if there is one, else the Graphviz inside pygraphviz.

Either runs in a process of its own, which a timeout ends: a graph of 10,000 boxes would take dot hours.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ...numbers import as_float
from ..picture import LIMIT

TIMEOUT = 60.0  # seconds for Graphviz
MOST_PIXELS = 40_000_000
PNG_DPI = 144  # two pixels to a point, for sharp text; SVG and PDF have no pixels

FAILED = (OSError, RuntimeError)  # Graphviz is broken, crashes, or is too slow
_INSTEAD = f"an SVG of up to {LIMIT:,} boxes does without it"

Renderer = Callable[[str, str], bytes]
"""From DOT text and a format to the image."""


def render(
    dot: str, kind: str, *, timeout: float = TIMEOUT, most_pixels: int = MOST_PIXELS, dpi: float = PNG_DPI
) -> bytes:
    """An image of DOT text, made by the Graphviz at hand.

    Args:
        dot: DOT text.
        kind: what Graphviz calls the format: ``"svg"``, ``"png"``, ``"pdf"``, ...
        timeout: seconds after which to give up.
        most_pixels: for PNG, the largest size of the image.
        dpi: for PNG, pixels per inch of 72 points.

    Raises:
        ImportError: there is no Graphviz at all; the message names both ways to get one.
        TimeoutError: the layout takes longer than `timeout`.
        ValueError: a PNG would have more than `most_pixels`.
        RuntimeError: Graphviz fails; the message is its own.
    """
    run = find_graphviz()
    if kind != "png":
        return run(dot, kind, "dot", None, timeout)
    positioned = run(dot, "dot", "dot", dpi, timeout)  # the size is known before anything is painted
    width, height = _size(positioned.decode("utf-8", "replace"), dpi)
    if width * height > most_pixels:
        raise ValueError(
            f"a PNG of this graph would have {width:,} x {height:,} pixels, more than {most_pixels:,}: draw an SVG or "
            "PDF, which have no pixels, ask for a smaller dpi=, or draw less of the graph with collapse=, path_to= or "
            "around="
        )
    try:
        return run(positioned.decode(), "png", "nop2", dpi, timeout)
    except RuntimeError:  # a Graphviz without this layout, which newer Debians have in a package apart
        return run(dot, "png", "dot", dpi, timeout)


def custom(renderer: Renderer, dot: str, kind: str) -> bytes:
    """The image that a user's renderer makes of DOT text.

    Raises:
        TypeError: it cannot be called, or does not return bytes.
    """
    if not callable(renderer):
        raise TypeError(f"renderer takes a function of DOT text and format, got {renderer!r}")
    image = renderer(dot, kind)
    if not isinstance(image, (bytes, bytearray)):
        raise TypeError(f"the renderer must return bytes, got {type(image).__name__}")
    return bytes(image)


Run = Callable[[str, str, str, "float | None", float], bytes]


def find_graphviz() -> Run:
    """The Graphviz of this machine, as a function of DOT text, format, layout, resolution and timeout.

    Raises:
        ImportError: there is none.
    """
    program = shutil.which("dot")
    if program is not None:
        return lambda dot, kind, layout, dpi, timeout: _run_program(program, dot, kind, layout, dpi, timeout)
    if _has_bundled():
        return _run_bundled
    raise ImportError(
        "images need Graphviz: pip install pygraphviz brings one along, or install the system package graphviz "
        "(apt, brew, choco), whose program dot must be on PATH; without either, draw to a .svg or .dot file, "
        "or give a renderer="
    )


def has_graphviz() -> bool:
    """Whether there is a Graphviz on this machine."""
    return shutil.which("dot") is not None or _has_bundled()


def _has_bundled() -> bool:
    """Whether pygraphviz is a version that has Graphviz inside: before 2.0 it needed the program."""
    try:
        return int(importlib.metadata.version("pygraphviz").split(".")[0]) >= 2
    except importlib.metadata.PackageNotFoundError:
        return False


def _run_program(program: str, dot: str, kind: str, layout: str, dpi: float | None, timeout: float) -> bytes:
    engine = ["-Kneato", "-n2"] if layout == "nop2" else ["-Kdot"]
    resolution = [] if dpi is None else [f"-Gdpi={dpi:g}"]
    return _run([program, *engine, *resolution, f"-T{kind}"], dot, timeout)


def _run_bundled(dot: str, kind: str, layout: str, dpi: float | None, timeout: float) -> bytes:
    script = str(Path(__file__).with_name("bundled.py"))
    path = json.dumps([entry or "." for entry in sys.path])
    return _run([sys.executable, "-I", script, kind, layout, f"{dpi:g}" if dpi else "", path], dot, timeout)


def _run(command: Sequence[str], dot: str, timeout: float) -> bytes:
    """The standard output of a program that is fed DOT text."""
    if not as_float(timeout, "timeout=") < 1e9:  # of more, Python would convert a timestamp
        raise ValueError(f"timeout= is a number of seconds below 1e9, got {timeout!r}")
    try:
        done = subprocess.run(command, input=dot.encode(), capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise TimeoutError(
            f"Graphviz has not placed the graph after {timeout:g} s: draw less of it with collapse=, path_to= or "
            f"around=, or allow more with timeout=; {_INSTEAD}"
        ) from None
    if done.returncode != 0 or not done.stdout:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        if done.returncode < 0:
            raise RuntimeError(
                f"Graphviz crashed (signal {-done.returncode}), as it does on long chains whose leaves are used all "
                f"along: draw a part, by around= or path_to=; {_INSTEAD}"
            )
        said = " / ".join(lines[-3:]) or "no message"
        raise RuntimeError(f"Graphviz failed (exit code {done.returncode}): {said}; {_INSTEAD}")
    return done.stdout


def _size(positioned: str, dpi: float) -> tuple[int, int]:
    """The pixels of a graph with positions, from the bounding box that its first lines give in points."""
    box = re.search(r'\bbb="([^"]+)"', positioned)
    if box is None:
        raise RuntimeError("Graphviz gave a layout without a bounding box")
    left, bottom, right, top = map(float, box.group(1).split(","))
    scale = dpi / 72
    return math.ceil((right - left) * scale), math.ceil((top - bottom) * scale)
