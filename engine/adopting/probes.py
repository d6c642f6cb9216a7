"""Each node's `_backward` alone: what it adds to its operands, for two upstream gradients and two presets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from .. import ops
from .graph import Node, TheirGraph, give_gradient
from .meaning import Meaning, close, fits, likely, names_whole_number, of_unknown_number
from .report import Finding

# Derivatives that are usually written in terms of the output.
_BY_OUTPUT: dict[str, Callable[[float], float]] = {
    "tanh": lambda z: 1.0 - z * z,
    "sigmoid": lambda z: z * (1.0 - z),
    "exp": lambda z: z,
    "sqrt": lambda z: 0.5 / z if z else 0.0,
}
_STAIRS = (ops.round, ops.floor, ops.ceil, ops.sign)  # often trained with the slope 1, "straight-through"
_OTHER = -3.0  # the upstream gradient of the second probe: negative, as some rules test its sign
_PRESET = 7.25  # what an operand's gradient holds before a probe that must add to it


class Probed:
    """One node, probed.

    Args:
        graph: the graph of the node.
        node: the node to probe.
        candidates: what its operation may be.
        sure: whether it must be one of these, since it has their name, for example.

    Attributes:
        node: the node.
        candidates: what its operation may be.
        meaning: what its operation is; None if the table does not have it.
        slopes: what each operand gets for an upstream gradient of 1, by identity.
        findings: its bugs.
        old: whether its number is that of other operands: these were changed since, as by a step of training.
        only_wrong: whether a derivative is wrong, neither it nor the right one is 0, and no operand gets nothing.
    """

    def __init__(self, graph: TheirGraph, node: Node, candidates: Sequence[Meaning], sure: bool) -> None:
        self._graph, self.node, self.candidates = graph, node, candidates
        fitting = [meaning for meaning in candidates if fits(meaning, node)] or of_unknown_number(node)
        self._operands = list({id(operand): operand for operand in node.operands}.values())
        self.slopes: dict[int, float] = {}
        self.findings: list[Finding] = []
        self.only_wrong = self.old = False
        self.meaning = next(iter(fitting or candidates), None)
        try:
            once, other, preset = self._probe(1.0, 0.0), self._probe(_OTHER, 0.0), self._probe(1.0, _PRESET)
            unlisted = self._unlisted()
        except Exception as error:  # whatever a student's code raises
            self._say("raises", f"_backward of {self._name()} raised {type(error).__name__}: {error}")
            return
        self.slopes = once
        if unlisted is not None:
            which = f"{unlisted:.4g}, which is not in its list of operands"
            self._say("missing", f"{self._name()} gives a gradient to a node of data {which}")
            return
        if not candidates or fitting or self._may_be_another(candidates):
            self.meaning = self._meaning(fitting, sure)
            self._judge(once, other, preset)
            return
        again = next(filter(None, map(self._evaluated_again, candidates)), None)
        if again is None:
            self._wrong_number(candidates)
        else:
            self.old, self.meaning = True, None
            self.findings = Probed(graph, again, candidates, sure).findings
            again.gradient = 0.0  # an engine may keep it, as on a tape, and pass that on in a later pass

    def _probe(self, upstream: float, preset: float) -> dict[int, float]:
        """The gradients of the operands after `_backward`, if they held `preset` before."""
        node, operands = self.node, self._operands
        for operand in operands:
            operand.gradient = preset
        node.gradient = upstream
        before = [(each, each.theirs.data) for each in (node, *operands)]
        node.theirs._backward()
        for each, data in before:
            if each.theirs.data is not data and float(each.theirs.data) != float(data):
                if not any(finding.kind == "mutates" for finding in self.findings):
                    self._say(
                        "mutates",
                        f"_backward of {self._name()} changes the data of {self._graph.name(each)} "
                        f"from {float(data):.6g} to {float(each.theirs.data):.6g}",
                    )
                each.theirs.data = data
        return {id(operand): operand.gradient for operand in operands}

    def _unlisted(self) -> float | None:
        """The number of an unlisted node that gets a gradient, if there is one."""
        for other in self.node.unlisted:
            give_gradient(other, 0.0)
        self._probe(1.0, 0.0)
        return next((float(other.data) for other in self.node.unlisted if other.grad), None)

    def _may_be_another(self, candidates: Sequence[Meaning]) -> bool:
        """Whether the node's number may be right though no candidate gives it: other engines have versions of some.

        And where a binary operation lists one operand, the other may be a number that its closure does not hold.
        """
        of_a_number = self.node.closed and len(self.node.operands) == 1 and not names_whole_number(self.node.operation)
        return any(meaning.has_versions or (of_a_number and meaning.primitive.arity == 2) for meaning in candidates)

    def _meaning(self, fitting: Sequence[Meaning], sure: bool) -> Meaning | None:
        """What the operation is, of those that give the node's number: one that also gives its slopes, if there is."""
        known = [meaning for meaning in fitting if meaning.gives(self.slopes)]
        if known:
            return known[0] if self.node.operation else likely(known)
        return fitting[0] if fitting and sure and not self._is_straight_through(fitting[0]) else None

    def _judge(self, once: dict[int, float], other: dict[int, float], preset: dict[int, float]) -> None:
        meaning = self.meaning
        expected = None if meaning is None or meaning.at_a_kink() else meaning.slopes()
        wrong = False
        for operand in self._operands:
            key = id(operand)
            if operand.constant:
                continue
            got = once[key]
            d = None if expected is None else expected.get(key, 0.0)
            what = f"{self._name()} gives {self._graph.name(operand)}"
            if close(preset[key], got) and not close(preset[key], got + _PRESET):
                self._say("overwrites", f"{what} its gradient by =, which loses what was there: write +=")
            elif preset[key] == _PRESET and not close(preset[key], got + _PRESET):
                self._say("overwrites", f"{what} nothing where its gradient is not 0: write +=")
            elif not close(other[key], _OTHER * got):
                self._say(
                    "upstream",
                    f"{what} {got:.6g} for an upstream gradient of 1 and {other[key]:.6g} for {_OTHER:g}: "
                    "multiply by out.grad",
                )
            elif not close(preset[key] - _PRESET, got):
                self._say("upstream", f"{what} what depends on that operand's own gradient: multiply by out.grad")
            elif d is not None and not close(got, d):
                wrong |= got != 0.0 and d != 0.0
                if got == 0.0:
                    self._say("missing", f"{what} nothing, where the derivative is {d:.6g}")
                else:
                    self._say("derivative", f"{what} {got:.6g}, where the derivative is {d:.6g}{self._hint(got, key)}")

        self.only_wrong = wrong and all(finding.kind != "missing" for finding in self.findings)

    def _is_straight_through(self, meaning: Meaning) -> bool:
        return meaning.primitive in _STAIRS and list(self.slopes.values()) == [1.0]

    def _wrong_number(self, candidates: Sequence[Meaning]) -> None:
        node = self.node
        two = any(meaning.primitive.arity == 2 for meaning in candidates)
        if two and len(node.operands) == 1 and not names_whole_number(node.operation):
            self._say("missing", f"{self._name()} has one operand in its list, where {node.operation} takes two")
            return
        self._say(
            "forward",
            f"{self._name()} is {node.number:.6g}, and {node.operation} of its operands gives "
            f"{candidates[0].number:.6g}: a wrong formula, or a number that was changed since (evaluate again)",
        )

    def _evaluated_again(self, meaning: Meaning) -> Node | None:
        """What their operation gives if it is called once more; None unless that is the right number.

        Of an operand that is listed once for an operation of two, the other may be missing from the list.
        """
        if sum(isinstance(operand, Node) for operand in meaning.operands) > len(self.node.operands):
            return None
        first, *others = [operand.theirs if isinstance(operand, Node) else operand for operand in meaning.operands]
        name = f"__{meaning.primitive.dunder}__" if meaning.primitive.dunder else meaning.primitive.name
        try:
            again = self.node.again(getattr(first, name)(*others))
        except Exception:  # whatever a student's code raises
            return None
        return again if fits(meaning, again) else None

    def _hint(self, got: float, key: int) -> str:
        """What a wrong derivative happens to equal, in words."""
        assert self.meaning is not None
        return next((f": {what}" for what, number in _mistakes(self.meaning, key) if close(got, number)), "")

    def _name(self) -> str:
        return self._graph.name(self.node)

    def _say(self, kind: str, sentence: str) -> None:
        self.findings.append(Finding(kind, self.node.theirs, self.node.line, sentence))


def _mistakes(meaning: Meaning, key: int) -> Iterator[tuple[str, float]]:
    """Derivatives that people write by mistake, and what is wrong with them."""
    slopes, (z, xs) = meaning.slopes(), (meaning.number, meaning.inputs)
    d = slopes[key]
    yield "the sign is wrong", -d
    yield "it is counted twice", 2.0 * d
    primitive = meaning.primitive
    if primitive.name in _BY_OUTPUT:
        yield "computed from the input in place of the output", _BY_OUTPUT[primitive.name](xs[0])
    elif primitive.arity == 1:
        yield "computed from the output in place of the input", float(primitive.rules[0](z, z))
    if primitive.name == "pow":
        x, exponent = xs
        yield "the exponent is not lowered by 1", exponent * z
        if x:
            yield "the factor of the exponent is missing", z / x
            yield "the exponent is lowered by 2", exponent * z / x / x
    if len(slopes) == 2:
        other_slope = next(s for other, s in slopes.items() if other != key)
        yield "that is the derivative with respect to the other operand", other_slope
    yield "as if the derivative were 1", 1.0
