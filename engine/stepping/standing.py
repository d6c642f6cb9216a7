"""Where a stepper stands, as a table: each node with its value, its gradient and whether its step is done."""

from __future__ import annotations

import re
from collections import Counter

from ..text.remarks import about_numbers
from ..text.sheet import Sheet, short
from ..value import Constant, Value
from .backward_pass import BackwardPass
from .steps import ForwardSteps, progress

_ROWS = 20  # nodes shown of a large graph
_BRIEFLY = {"waits": "waiting", "no": "without a gradient"}  # for the first words of states


def standing(run: BackwardPass, forward: ForwardSteps, forward_done: int, stopped_at: str) -> Sheet:
    """The table of the pass that is under way.

    Args:
        run: the backward pass.
        forward: the steps of the forward pass; none if it is not stepped through.
        forward_done: how many of them are done.
        stopped_at: which breakpoints were met; "" for none.
    """
    is_forward = forward_done < len(forward)
    done, total = (forward_done, len(forward)) if is_forward else (run.position, len(run))
    title = f"{'forward' if is_forward else 'backward'} pass of {run.names(run.root)}: {done} of {total} steps done"
    if run.stopped:
        title += "; closed"
    if stopped_at:
        title += f"; stopped: {stopped_at}"
    nodes = [node for node in run.order if not isinstance(node, Constant)]
    states = _forward_states(run, forward, forward_done) if is_forward else _backward_states(run)
    if not is_forward:
        nodes.reverse()
    chosen, notes = _window(nodes, states)
    notes += [*about_numbers(run.names), *([] if is_forward else run.remarks())]
    heads = ("node", "value", "state") if is_forward else ("node", "value", "gradient", "state")
    rows = []
    for node in chosen:
        value = "?" if is_forward and states[node] in ("next", "waits") else short(node._z)
        middle = () if is_forward else (short(node._grad),)
        rows.append((run.names(node), value, *middle, states[node]))
    return Sheet(title, heads, rows, notes, heads=True)


def _forward_states(run: BackwardPass, forward: ForwardSteps, done: int) -> dict[Value, str]:
    states = dict.fromkeys(run.order, "given")
    for k, node in enumerate(forward.nodes):
        states[node] = "done" if k < done else "next" if k == done else "waits"
    return states


def _backward_states(run: BackwardPass) -> dict[Value, str]:
    states = {}
    for node in run.order:
        k, n = run.state(node)
        states[node] = progress(k, n) if n else "no gradient: not selected"
    for k, node in enumerate(run.nodes):
        if k < run.position:
            states[node] = "done"
        elif k == run.position:
            states[node] = "next"
    return states


def _window(nodes: list[Value], states: dict[Value, str]) -> tuple[list[Value], list[str]]:
    """All nodes of a small graph; of a large one those around the next step, and a count of the rest."""
    if len(nodes) <= _ROWS:
        return nodes, []
    place = next((k for k, node in enumerate(nodes) if states[node] == "next"), len(nodes))
    start = min(max(place - _ROWS // 4, 0), len(nodes) - _ROWS)
    chosen = nodes[start : start + _ROWS]
    rest = Counter(re.split("[, ]", states[node])[0] for node in (*nodes[:start], *nodes[start + _ROWS :]))
    counts = ", ".join(f"{count:,} {_BRIEFLY.get(state, state)}" for state, count in rest.items())
    return chosen, [f"... and {len(nodes) - _ROWS:,} more nodes: {counts}"]
