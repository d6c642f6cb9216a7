"""Why a gradient is what it is: the sum over all paths of the products of their local derivatives."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from ..backprop import grad
from ..graph import topological_order
from ..ieee import total
from ..pullbacks import flowing_derivatives
from ..text.names import Names
from ..text.remarks import about_numbers
from ..text.sheet import Sheet, Shown, short
from ..value import Value
from .steps import factor

_WIDTH = 100  # characters of a sum that is written on one line
_ENDS = 4  # factors shown at each end of a long product

# Where a path can go on: the product from here that ranks first, the operand, the local derivative.
Edge = tuple[float, Value, float]
Rank = tuple[bool, float]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Path(Shown):
    """One way that a change travels from a node up to the result.

    Attributes:
        nodes: from the node to the result.
        locals: the local derivatives along it, one fewer than the nodes.
        product: their product: what the path contributes to the gradient.
    """

    nodes: tuple[Value, ...]
    locals: tuple[float, ...]
    product: float
    names: Names

    @property
    def route(self) -> str:
        """The names along the path; the middle of a long one is left out, with a count."""
        return self.names.route(self.nodes)

    @property
    def factors(self) -> str:
        """The product written out, from the node to the result."""
        texts = [factor(d) for d in self.locals]
        if len(texts) > 2 * _ENDS:
            texts[_ENDS:-_ENDS] = ["..."]
        return " * ".join(texts) or "1"

    def _sheet(self) -> Sheet:
        """What is shown of it."""
        return Sheet(f"{short(self.product)} = {self.factors}  [{self.route}]")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Why(Shown):
    """A gradient as a sum over paths.

    Attributes:
        output: what is differentiated.
        target: with respect to what.
        gradient: the derivative, as backprop finds it.
        paths: those with the largest products, in order of size.
        count: the exact number of paths there are.
        share: how much of the total size of all products the shown ones have, from 0 to 1; nan if that is not finite.
    """

    output: Value
    target: Value
    gradient: float
    paths: tuple[Path, ...]
    count: int
    share: float
    names: Names

    def _sheet(self) -> Sheet:
        """What is shown of it."""
        names = self.names
        whole = f"d{names.bracketed(self.output)}/d{names.bracketed(self.target)} = {short(self.gradient)}"
        if not self.count:
            return Sheet(f"{whole}: no path leads there", notes=about_numbers(names))
        on_one_line = f"{whole} = {self._sum()}"
        number = "1 path" if self.count == 1 else f"{_count(self.count)} paths"
        short_enough = len(self.paths) == self.count and len(on_one_line) <= _WIDTH
        title = on_one_line if short_enough else f"{whole}, the sum over {number}"
        rows = [(short(path.product), f"= {path.factors}", path.route) for path in self.paths]
        notes = about_numbers(names)
        largest = self.paths[0]
        if not math.isfinite(largest.product):
            notes.append(f"{short(largest.product)} on the first path: {self._first_not_finite(largest)}")
        together = {1: "the path", 2: "both paths"}.get(self.count, f"all {number}")
        if math.isnan(self.share):
            notes.append(f"... the total size of {together} is not a finite number, so these have no share of it")
        elif len(self.paths) < self.count and not largest.product:
            notes.append(f"... {together} are 0")
        elif len(self.paths) < self.count:
            these = f"these {len(self.paths)} have" if len(self.paths) > 1 else "this one has"
            notes.append(f"... {these} {100 * self.share:.3g} % of the total size of {together}")
        return Sheet(title, ("contribution", "local derivatives", "path"), rows, notes)

    def _first_not_finite(self, path: Path) -> str:
        """Where the product of a path stops being finite."""
        for below, above, d in zip(path.nodes, path.nodes[1:], path.locals):
            if not math.isfinite(d):
                result, operand = self.names.bracketed(above), self.names.bracketed(below)
                return f"the local derivative of {result} by {operand} is {short(d)}"
        return "its factors are finite, and their product is too large for a float"

    def _sum(self) -> str:
        text = ""
        for path in self.paths:
            product = short(path.product)
            if text:
                text += " - " if product[0] == "-" else " + "
                product = product.removeprefix("-")
            text += f"{product} [{path.route}]"
        return text


def why(output: Value, target: Value | str, k: int = 5, names: Any = None) -> Why:
    """The derivative of `output` with respect to `target` as a sum over the paths between them, the largest first.

    Args:
        output: the result.
        target: a node below it, or its name.
        k: how many paths to show; their number can grow exponentially, the time taken does not.
        names: a mapping from names to Values or a module, for what is printed.

    Raises:
        TypeError: `output` is not a Value, or `target` neither a Value nor a name.
        ValueError: `target` is not in the graph, or `k` is less than 1.

    >>> a, b, f = Value(2.0, "a"), Value(-3.0, "b"), Value(4.0, "f")
    >>> c = a * b + a
    >>> L = c * f
    >>> why(L, a, names={"c": c, "L": L})
    dL/da = -8 = -12 [a -> a*b -> c -> L] + 4 [a -> c -> L]
      -12  = (-3) * 1 * 4  a -> a*b -> c -> L
      4    = 1 * 4         a -> c -> L
    """
    if not isinstance(k, Integral) or k < 1:
        raise ValueError(f"k, the number of paths to show, must be 1 or more, got {k!r}")
    order = topological_order(output)
    called = Names(order, names)
    target = called.find(target)
    edges, count, size = _below(order, target)
    number = count.get(output, 0)
    paths = [Path(*path, names=called) for path in _largest(output, target, edges, k)] if number else []
    paths.sort(key=lambda path: _rank(path.product))
    share = 1.0 if len(paths) == number else _share(paths, size[output])
    return Why(output, target, grad(output, target), tuple(paths), number, share, called)


def _share(paths: list[Path], size: float) -> float:
    """How much of the total size of all products these paths have; nan if that is not finite."""
    if math.isinf(size):
        return math.nan
    return total(*(abs(path.product) for path in paths)) / size if size else 0.0


def _below(order: list[Value], target: Value) -> tuple[dict[Value, list[Edge]], dict[Value, int], dict[Value, float]]:
    """For every node above `target`: its edges on the way there, best first; how many paths; their total size."""
    edges: dict[Value, list[Edge]] = {}
    count = {target: 1}
    size = {target: 1.0}
    first = {target: 1.0}
    for node in order:
        if not any(operand in count for operand in node.operands):
            continue
        found = [
            (d * first[operand], operand, d)
            for operand, d in zip(node.operands, flowing_derivatives(node))
            if d is not None and operand in count
        ]
        if found:
            found.sort(key=lambda edge: _rank(edge[0]))
            edges[node] = found
            first[node] = found[0][0]
            count[node] = sum(count[operand] for _, operand, _ in found)
            size[node] = sum(abs(d) * size[operand] for _, operand, d in found)
    return edges, count, size


def _largest(
    output: Value, target: Value, edges: dict[Value, list[Edge]], k: int
) -> list[tuple[tuple[Value, ...], tuple[float, ...], float]]:
    """The `k` paths with the largest products, best first.

    Every path but the best follows an earlier one down to some node, takes the next best edge there, and then the
    best edges to the end. So each path that is found adds its deviations to the queue, but no more
    of them than can still be needed.
    """
    found: list[tuple[tuple[Value, ...], tuple[float, ...], float]] = []
    queue: list[tuple[Rank, int, list[tuple[Value, int]], Value, int]] = []
    ticket = 0  # equal products come in the order found; also keeps Values from being compared
    heapq.heappush(queue, (_rank(math.nan), ticket, [], output, 0))
    while queue and len(found) < k:
        _, _, taken, node, rank = heapq.heappop(queue)
        path = list(taken)  # (node, which of its edges), from the output down
        deviations = []
        product = math.prod(edges[above][chosen][2] for above, chosen in path)
        while node is not target:
            options = edges[node]
            if rank + 1 < len(options):
                deviations.append((_rank(product * options[rank + 1][0]), len(path), node, rank + 1))
            path.append((node, rank))
            product *= options[rank][2]
            node, rank = options[rank][1], 0
        steps = [edges[above][chosen] for above, chosen in reversed(path)]
        derivatives = tuple(edge[2] for edge in steps)
        nodes = (target, *(above for above, _ in reversed(path)))
        found.append((nodes, derivatives, math.prod(reversed(derivatives))))
        for place, length, above, next_rank in heapq.nsmallest(k - len(found), deviations, key=lambda entry: entry[0]):
            ticket += 1
            heapq.heappush(queue, (place, ticket, path[:length], above, next_rank))
    return found


def _rank(product: float) -> Rank:
    """The key by which products are sorted: nan comes first, since it is what one looks for, then the largest."""
    return product == product, 0.0 if product != product else -abs(product)


def _count(number: int) -> str:
    """Exact up to a billion billions, beyond that as a power of ten (`Why.count` is exact)."""
    return f"{number:,}" if number < 10**18 else f"about 10^{int(number.bit_length() * math.log10(2))}"
