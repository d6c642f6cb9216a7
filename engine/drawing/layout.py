"""Placing boxes without Graphviz: in layers, with few crossings, without overlaps of boxes or edges through them.

The method of Sugiyama, Tagawa and Toda (1981) in four steps: a layer for each box; a point on every layer that an edge
passes, shared by all edges from the same box; an order in each layer that crosses few edges; and the places that keep
edges short and straight, by least squares. An edge bends only between layers, so that it cannot meet a box.
"""

from __future__ import annotations

import math
import random
from bisect import bisect, insort
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

Point = tuple[float, float]
Edge = tuple[int, int]

NODE_GAP, EDGE_GAP = 12.0, 7.0  # across the flow, in points: between boxes, and beside an edge that passes
LAYER_GAP = 26.0  # along the flow, at least
PORT_GAP = 12.0  # between edges that enter a box, without labels
OPEN = 0.75  # the part of a side of a box where edges enter
_SWEEPS = 8
_TRIES = 12  # shuffled orders, of a small graph


@dataclass(frozen=True)
class Placement:
    """Where everything is, in points from the top left corner.

    Attributes:
        width: the width of the whole.
        height: the height of the whole.
        centres: the centres of the boxes.
        curves: one for each edge, from tail to head: the start, and three points for each cubic Bézier curve.
    """

    width: float
    height: float
    centres: list[Point]
    curves: list[list[Point]]


def place(
    sizes: Sequence[Point],
    edges: Sequence[Edge],
    rankdir: str = "LR",
    labels: Sequence[Point] | None = None,
    ordered: Collection[int] = (),
) -> Placement:
    """Place boxes so that edges run in one direction.

    Args:
        sizes: width and height of each box.
        edges: (tail, head), as indices of boxes; where they form a cycle, some run backwards.
        rankdir: ``"LR"`` from left to right, ``"TB"`` from top to bottom, or ``"RL"``, ``"BT"``.
        labels: the room that each edge's label takes along and across the flow; it stands beside the edge's head.
        ordered: boxes that edges enter in the order of `edges`, even where that makes them cross.

    >>> place([(40, 20), (40, 20), (50, 30)], [(0, 2), (1, 2)]).centres
    [(20.0, 10.0), (20.0, 42.0), (93.4, 26.0)]
    """
    upright = rankdir in ("TB", "BT")
    along = [h if upright else w for w, h in sizes]
    across = [w if upright else h for w, h in sizes]
    position = positions(len(sizes), edges)
    forward = [position[tail] < position[head] for tail, head in edges]
    graph = _Layers(
        along,
        across,
        [edge if ahead else edge[::-1] for edge, ahead in zip(edges, forward)],
        labels or [(0.0, 0.0)] * len(edges),
        position,
        ordered,
    )
    graph.arrange()
    length, breadth, centres, curves = graph.drawn()
    curves = [curve if ahead else curve[::-1] for ahead, curve in zip(forward, curves)]

    def at(point: Point) -> Point:
        u, v = point
        u = length - u if rankdir in ("RL", "BT") else u
        return (v, u) if upright else (u, v)

    width, height = (breadth, length) if upright else (length, breadth)
    return Placement(width, height, [at(c) for c in centres], [[at(p) for p in curve] for curve in curves])


class _Layers:
    """Boxes, and the points where edges pass a layer; both are numbered from 0, boxes first."""

    def __init__(
        self,
        along: Sequence[float],
        across: Sequence[float],
        edges: Sequence[Edge],
        labels: Sequence[Point],
        position: Sequence[int],
        ordered: Collection[int],
    ) -> None:
        self.along, self.across, self.edges, self.labels = list(along), list(across), edges, labels
        self.boxes = len(along)
        self.ordered = ordered
        self.order = sorted(range(self.boxes), key=position.__getitem__)
        self.rank = _ranks(self.order, edges)
        self.chains: list[list[int]] = []  # of each edge: tail, points, head
        self.point: dict[tuple[int, int], int] = {}  # by tail and rank
        for tail, head in edges:
            points = [self._passing(tail, rank) for rank in range(self.rank[tail] + 1, self.rank[head])]
            self.chains.append([tail, *points, head])
        count = len(self.rank)
        self.before: list[list[int]] = [[] for _ in range(count)]  # neighbours in the layer before, and after
        self.after: list[list[int]] = [[] for _ in range(count)]
        for a, b in dict.fromkeys((a, b) for chain in self.chains for a, b in pairwise(chain)):
            self.after[a].append(b)
            self.before[b].append(a)
        last: dict[int, list[int]] = {}  # where the edges of an ordered box come from
        for *_, before, head in self.chains:
            if head in ordered:
                last.setdefault(head, []).append(before)
        self.wanted = Counter((a, b) for several in last.values() for a, b in combinations(several, 2) if a != b)
        self.layers = self._in_reading_order()
        self.place = [0] * count  # in the order of its layer
        self.v = [0.0] * count

    def _passing(self, tail: int, rank: int) -> int:
        key = (tail, rank)
        if key not in self.point:
            self.point[key] = len(self.rank)
            self.rank.append(rank)
            self.along.append(0.0)
            self.across.append(0.0)
        return self.point[key]

    def _in_reading_order(self) -> list[list[int]]:
        """The layers in reading order: operands in their order, from the result down."""
        layers: list[list[int]] = [[] for _ in range(max(self.rank, default=-1) + 1)]
        seen: set[int] = set()
        for root in reversed(self.order):
            stack = [root]
            while stack:
                node = stack.pop()
                if node not in seen:
                    seen.add(node)
                    layers[self.rank[node]].append(node)
                    stack += reversed(self.before[node])
        return layers

    # ---- the order in each layer ----

    def arrange(self) -> None:
        """Find an order with few crossings, and the places across the flow.

        The reading order is improved first; shuffled ones replace it only if fewer edges cross.
        """
        self._number()
        self.best, self.fewest = [layer[:] for layer in self.layers], self.crossings()
        tries = 1 + min(_TRIES, 1500 // len(self.rank))
        for attempt in range(tries):
            if not self.fewest:
                break
            if attempt:
                shuffle = random.Random(attempt)
                for layer in self.layers:
                    shuffle.shuffle(layer)
                self._number()
            for sweep in range(_SWEEPS):
                self._improve(forth=(sweep + attempt) % 2 == 0)
        self.layers = self.best
        self._number()
        self._settle()

    def _improve(self, forth: bool) -> None:
        """Order each layer by the mean places of its neighbours in the next one, and keep the best order so far."""
        beside = self.before if forth else self.after
        for layer in self.layers if forth else reversed(self.layers):
            layer.sort(key=lambda node: self._mean(beside[node], self.place[node]))
            self._number([layer])
        self._swap_neighbours()
        found = self.crossings()
        if found < self.fewest:
            self.best, self.fewest = [layer[:] for layer in self.layers], found

    def _number(self, layers: Sequence[list[int]] | None = None) -> None:
        for layer in self.layers if layers is None else layers:
            for k, node in enumerate(layer):
                self.place[node] = k

    def _mean(self, nodes: list[int], otherwise: float) -> float:
        return sum(self.place[n] for n in nodes) / len(nodes) if nodes else otherwise

    def crossings(self) -> int:
        """How many pairs of edges cross between layers, or enter an ordered box in the wrong order."""
        count = sum(times for (a, b), times in self.wanted.items() if self.place[a] > self.place[b])
        for layer in self.layers:
            seen: list[int] = []
            for node in layer:
                ends = sorted(self.place[n] for n in self.after[node])
                count += sum(len(seen) - bisect(seen, end) for end in ends)
                for end in ends:
                    insort(seen, end)
        return count

    def _swap_neighbours(self) -> None:
        """Swap two neighbours in a layer wherever fewer edges then cross."""
        for layer in self.layers:
            for _ in range(4):
                improved = False
                for k in range(len(layer) - 1):
                    a, b = layer[k], layer[k + 1]
                    if self._pairs(b, a) < self._pairs(a, b):
                        layer[k], layer[k + 1] = b, a
                        self.place[a], self.place[b] = k + 1, k
                        improved = True
                if not improved:
                    break

    def _pairs(self, first: int, second: int) -> int:
        """How many edges of the two cross if one stands before the other."""
        count = self.wanted[second, first]
        for beside in (self.before, self.after):
            above = sorted(self.place[n] for n in beside[first])
            count += sum(len(above) - bisect(above, self.place[n]) for n in beside[second])
        return count

    # ---- places across the flow ----

    def _settle(self) -> None:
        """Move each layer to where its edges are shortest, in turn: the sum of squares only gets smaller."""
        for layer in self.layers:
            for a, b in pairwise(layer):
                self.v[b] = self.v[a] + self._apart(a, b)
        both = [[*b, *a] for b, a in zip(self.before, self.after)]
        for neighbours, forth in [(self.before, True), (self.after, False), *[(both, True), (both, False)] * _SWEEPS]:
            for layer in self.layers if forth else reversed(self.layers):
                self._move(layer, neighbours)
        lowest = min((self.v[n] - self.across[n] / 2 for n in range(len(self.v))), default=0.0)
        self.v = [v - lowest for v in self.v]

    def _apart(self, a: int, b: int) -> float:
        gap = NODE_GAP if a < self.boxes and b < self.boxes else EDGE_GAP
        return (self.across[a] + self.across[b]) / 2 + gap

    def _move(self, layer: list[int], neighbours: list[list[int]]) -> None:
        """The places nearest to the means of the neighbours that keep the order and the gaps (isotonic regression)."""
        offsets = [0.0]
        for a, b in pairwise(layer):
            offsets.append(offsets[-1] + self._apart(a, b))
        blocks: list[list[float]] = []  # weight, weighted sum, how many
        for node, offset in zip(layer, offsets):
            near = neighbours[node]
            heavy = 8.0 if node >= self.boxes else 2.0  # of the points on long edges, which are to be straight
            weights = [heavy if n >= self.boxes else 1.0 for n in near]
            weight = sum(weights) or 0.01
            wanted = math.fsum(w * self.v[n] for w, n in zip(weights, near)) / weight if near else self.v[node]
            blocks.append([weight, weight * (wanted - offset), 1])
            while len(blocks) > 1 and blocks[-2][1] / blocks[-2][0] > blocks[-1][1] / blocks[-1][0]:
                last = blocks.pop()
                blocks[-1] = [x + y for x, y in zip(blocks[-1], last)]
        places = [total / weight for weight, total, count in blocks for _ in range(int(count))]
        for node, offset, place_ in zip(layer, offsets, places):
            self.v[node] = place_ + offset

    # ---- along the flow ----

    def drawn(self) -> tuple[float, float, list[Point], list[list[Point]]]:
        """Length, breadth, centres and curves, as if the flow went from left to right."""
        breadths = [max(self.along[n] for n in layer) for layer in self.layers]
        starts, u = [], 0.0
        for k, breadth in enumerate(breadths):
            u += self._gap(k) if k else 0.0
            starts.append(u)
            u += breadth
        ends = [start + breadth for start, breadth in zip(starts, breadths)]
        centres = [(starts[r] + breadths[r] / 2, v) for r, v in zip(self.rank, self.v)]
        lowest = max((self.v[n] + self.across[n] / 2 for n in range(len(self.v))), default=0.0)
        curves = []
        for chain, port in zip(self.chains, self._ports()):
            gaps = [(ends[self.rank[a]], starts[self.rank[b]]) for a, b in pairwise(chain)]
            curves.append(self._curve(chain, port, gaps, centres))
        return u, lowest, centres[: self.boxes], curves

    def _curve(self, chain: list[int], port: float, gaps: list[Point], centres: list[Point]) -> list[Point]:
        """An edge from its tail to its port at the head: straight beside boxes, and bent in the gaps between layers."""
        tail, head = chain[0], chain[-1]
        curve = [(centres[tail][0] + self.along[tail] / 2, self.v[tail])]
        for node, (left, right) in zip(chain[1:], gaps):
            v, middle = port if node == head else self.v[node], (left + right) / 2
            _line(curve, (left, curve[-1][1]))
            curve += [(middle, curve[-1][1]), (middle, v), (right, v)]
        _line(curve, (centres[head][0] - self.along[head] / 2, port))
        return curve

    def _gap(self, rank: int) -> float:
        """The gap before a layer: wider where edges are steep, and for the labels that stand there."""
        steep = max((abs(self.v[a] - self.v[b]) for b in self.layers[rank] for a in self.before[b]), default=0.0)
        labels = max((room for (_, h), (room, _) in zip(self.edges, self.labels) if self.rank[h] == rank), default=0.0)
        return LAYER_GAP + min(0.15 * steep, 110.0) + labels

    def _ports(self) -> list[float]:
        """Where across the flow each edge meets its head: side by side, in the order of operands or of tails."""
        coming: dict[int, list[int]] = {}
        for k, (_, head) in enumerate(self.edges):
            coming.setdefault(head, []).append(k)
        ports = [0.0] * len(self.edges)
        for head, several in coming.items():
            if head not in self.ordered:
                several.sort(key=lambda k: self.v[self.chains[k][-2]])
            room = max(PORT_GAP, *(self.labels[k][1] for k in several))
            step = min(room, OPEN * self.across[head] / len(several))
            for place_, k in enumerate(several):
                ports[k] = self.v[head] + (place_ - (len(several) - 1) / 2) * step
        return ports


def apart(p: Point, q: Point) -> bool:
    """Whether two points are more than rounding from each other: only then a line between them has a direction."""
    return math.dist(p, q) > 0.01


def _line(curve: list[Point], to: Point) -> None:
    """Add a straight piece to a curve."""
    if apart(curve[-1], to):
        curve += [curve[-1], to, to]


def positions(boxes: int, edges: Sequence[Edge]) -> list[int]:
    """The place of each box in an order of operands before results; edges that close cycles are ignored."""
    operands: list[list[int]] = [[] for _ in range(boxes)]
    used = [False] * boxes
    for tail, head in edges:
        operands[head].append(tail)
        used[tail] = True
    position = [-1] * boxes
    seen = [False] * boxes
    count = 0
    for root in sorted(range(boxes), key=lambda box: used[box]):  # from the results down
        stack = [(root, False)]
        while stack:
            box, done = stack.pop()
            if done:
                position[box] = count
                count += 1
            elif not seen[box]:
                seen[box] = True
                stack.append((box, True))
                stack += [(tail, False) for tail in reversed(operands[box])]
    return position


def _ranks(order: Sequence[int], edges: Sequence[Edge]) -> list[int]:
    """The layer of each box: one further than its operands, or nearer to its users where that shortens edges.

    Args:
        order: the boxes, operands before results.
        edges: (tail, head).
    """
    before: list[set[int]] = [set() for _ in order]
    after: list[set[int]] = [set() for _ in order]
    for tail, head in edges:
        before[head].add(tail)
        after[tail].add(head)
    rank = [0] * len(order)
    for box in order:
        rank[box] = max((rank[tail] + 1 for tail in before[box]), default=0)
    for box in reversed(order):
        held = sum(bool(before[tail]) or len(after[tail]) > 1 for tail in before[box])  # not a leaf used only here
        if len(after[box]) >= held:
            rank[box] = min((rank[head] - 1 for head in after[box]), default=rank[box])
    return rank
