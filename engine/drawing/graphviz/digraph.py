"""A `graphviz.Digraph` that renders by the Graphviz inside pygraphviz where there is no program `dot`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import graphviz

from .renderers import render


def digraph(body: list[str], kind: str) -> graphviz.Digraph:
    """A Digraph of these statements.

    Raises:
        ValueError: Graphviz has no such format.
    """
    found = _Digraph(format=kind)
    found.body.extend(line + "\n" for line in body)
    return found


class _Digraph(graphviz.Digraph):  # type: ignore[misc]  # the package is not typed
    def pipe(self, format: Any = None, *, encoding: str | None = None, **options: Any) -> Any:  # noqa: A002  # its name
        """The image, as bytes, or as text of the `encoding`."""
        if shutil.which("dot") is not None:
            return super().pipe(format, encoding=encoding, **options)
        image = render(self.source, format or self.format)
        return image if encoding is None else image.decode(encoding)

    def render(
        self, filename: Any = None, *, directory: Any = None, view: bool = False, cleanup: bool = False, **options: Any
    ) -> str:
        """Save the DOT text and the image beside it; the name of the image."""
        if shutil.which("dot") is not None:
            return str(super().render(filename, directory=directory, view=view, cleanup=cleanup, **options))
        source = Path(self.save(filename, directory=directory))
        kind = options.get("format") or self.format
        image = Path(options.get("outfile") or f"{source}.{kind}")
        image.write_bytes(self.pipe(kind))
        if cleanup:
            source.unlink()
        if view:
            graphviz.view(str(image))
        return str(image)
