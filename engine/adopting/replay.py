"""Their `backward()` as a whole, from gradients of 0, with every call of a `_backward` recorded."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from .graph import Node, TheirGraph
from .meaning import close
from .report import Finding

# How deep calls may nest: before Python 3.11 each takes some of C's stack, whose overflow ends the process.
_DEEPEST = 10**9 if sys.version_info >= (3, 11) else 15_000


class Call(NamedTuple):
    """One call of a `_backward`.

    Attributes:
        node: the node whose `_backward` it is.
        gradient: the node's gradient at that moment.
        left: the gradient that earlier calls have left there.
    """

    node: Node
    gradient: float
    left: float


class Replay:
    """One run of `backward()`, from gradients of 0, or of None where a node was given with that.

    Attributes:
        calls: the calls, in order.
        gradients: the gradient of every node afterwards, by identity.
        findings: bugs that show only in the whole run.
    """

    def __init__(self, graph: TheirGraph, given: Mapping[int, Any]) -> None:
        self._graph = graph
        self.calls: list[Call] = []
        self.gradients: dict[int, float] = {}
        self.findings: list[Finding] = []
        for node in graph.nodes:
            node.gradient = 0.0
            if given[id(node)] is None:
                node.theirs.grad = None
        self._given: Node | None = None  # a node other than the root with a gradient before the first call
        error = self._run()
        if error is not None:
            self._say("raises", graph.root, f"backward() raised {type(error).__name__}: {error}")
        elif self.calls:
            self._judge()

    def _run(self) -> Exception | None:
        left: dict[int, float] = {}

        def called(node: Node, original: Callable[[], Any]) -> None:
            if not self.calls:
                others = (each for each in self._graph.nodes if each is not self._graph.root)
                self._given = next((each for each in others if each.gradient), None)
            gradient = node.gradient
            self.calls.append(Call(node, gradient, left.get(id(node), 0.0)))
            original()
            for operand in node.operands:
                left[id(operand)] = operand.gradient

        limit = sys.getrecursionlimit()
        with _recorded(self._graph, called):
            sys.setrecursionlimit(max(limit, min(1000 + 20 * len(self._graph.nodes), _DEEPEST)))  # many engines recurse
            try:
                self._graph.root.theirs.backward()
                self.gradients = {id(node): node.gradient for node in self._graph.nodes}
            except Exception as error:  # whatever a student's code raises
                return error
            finally:
                sys.setrecursionlimit(limit)
        return None

    def _judge(self) -> None:
        first: dict[int, int] = {}
        for k, call in enumerate(self.calls):
            first.setdefault(id(call.node), k)
        inner = [node for node in reversed(self._graph.nodes) if node.operands]
        if self._begins_with_one(first) and self._visits_each_once(inner):
            self._goes_in_order(inner, first)

    def _begins_with_one(self, first: dict[int, int]) -> bool:
        """Whether no node but the root is given a gradient before the first call; the rest would follow from that."""
        graph, root = self._graph, self._graph.root
        start = self.calls[first[id(root)]].gradient if id(root) in first else 1.0
        if not close(start, 1.0):
            name = graph.name(root)
            self._say("seed", root, f"backward() starts with a gradient of {start:.6g} at the root {name}: set it to 1")
        if self._given is not None:
            self._say(
                "seed",
                self._given,
                f"backward() starts with a gradient at {graph.name(self._given)}: only the root starts with 1, "
                "all others with 0",
            )
            return False
        reset = next((c for c in self.calls if c.node is not root and not close(c.gradient, c.left)), None)
        if reset is not None:
            self._say(
                "seed",
                reset.node,
                f"backward() sets the gradient of {graph.name(reset.node)} to {reset.gradient:.6g}, "
                f"where {reset.left:.6g} had come in: only the root starts with 1",
            )
        return True

    def _visits_each_once(self, inner: list[Node]) -> bool:
        """Whether no node is called twice; the order would follow from that."""
        count = Counter(id(call.node) for call in self.calls)
        skipped = next((node for node in inner if not count[id(node)]), None)
        if skipped is not None:
            name = self._graph.name(skipped)
            self._say("missing", skipped, f"backward() never calls the _backward of {name}")
        twice = next((node for node in inner if count[id(node)] > 1), None)
        if twice is not None:
            name, times = self._graph.name(twice), count[id(twice)]
            self._say("twice", twice, f"backward() calls the _backward of {name} {times} times: visit each node once")
        return twice is None

    def _goes_in_order(self, inner: list[Node], first: dict[int, int]) -> None:
        for node in inner:
            early = next((o for o in node.operands if first.get(id(o), len(first)) < first.get(id(node), 0)), None)
            if early is not None and early.operands:
                self._say(
                    "order",
                    early,
                    f"{self._graph.name(early)} passes its gradient on before {self._graph.name(node)} has added to "
                    "it: go in reverse topological order",
                )
                return

    def _say(self, kind: str, node: Node, sentence: str) -> None:
        self.findings.append(Finding(kind, node.theirs, node.line, sentence))


@contextmanager
def _recorded(graph: TheirGraph, called: Callable[[Node, Callable[[], Any]], None]) -> Iterator[None]:
    """Inside, `called` stands in for every `_backward`: in the objects, or in their class if it is a method."""
    with ExitStack() as undo:
        _replace(graph, called, undo)  # no loop in here, see `process.locks`
        yield


def _replace(graph: TheirGraph, called: Callable[[Node, Callable[[], Any]], None], undo: ExitStack) -> None:
    nodes = {id(node.theirs): node for node in graph.nodes}
    for cls in {type(node.theirs) for node in graph.nodes}:
        method = getattr(cls, "_backward", None)
        if callable(method):  # for a slot the class has a descriptor, which is not callable
            own = vars(cls).get("_backward")
            undo.callback(*(delattr, cls, "_backward") if own is None else (setattr, cls, "_backward", own))
            setattr(cls, "_backward", _instead(method, nodes, called))  # noqa: B010  # a user's class
    for node in graph.nodes:
        own = node.theirs._backward
        if own is not None and (not hasattr(own, "__self__") or own.__self__ is not node.theirs):
            undo.callback(setattr, node.theirs, "_backward", own)
            node.theirs._backward = lambda node=node, own=own: called(node, own)


def _instead(
    method: Callable[[Any], Any], nodes: dict[int, Node], called: Callable[[Node, Callable[[], Any]], None]
) -> Callable[[Any], Any]:
    def _backward(self: Any) -> Any:
        node = nodes.get(id(self))
        return method(self) if node is None else called(node, lambda: method(self))

    return _backward
