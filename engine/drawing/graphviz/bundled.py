"""The Graphviz that pygraphviz brings along, run as a program: DOT text from stdin, the rendered bytes to stdout.

Run by path with the format, the layout engine, the resolution and the parent's `sys.path` as arguments; it is a process
of its own because a layout cannot be interrupted.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Render as the arguments say."""
    kind, layout, dpi, path = sys.argv[1:]
    sys.path[:] = json.loads(path)  # as in the parent; and this file's own directory shadows nothing
    from pygraphviz import AGraph

    graph = AGraph(string=sys.stdin.buffer.read().decode())
    if dpi:
        graph.graph_attr["dpi"] = dpi
    sys.stdout.buffer.write(graph.draw(format=kind, prog=layout))


if __name__ == "__main__":
    main()
