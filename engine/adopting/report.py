"""The result of adopting a graph: findings, the first cause first, and the graph as Values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..text.sheet import Sheet, Shown
from ..value import Value

# In the order of causes: what stands further up explains what is found further down.
KINDS = {
    "forward": "a number is not what its operation gives",
    "mutates": "_backward changes data",
    "raises": "_backward or backward() raises",
    "missing": "an operand gets nothing, or is not listed",
    "overwrites": "= where += is meant",
    "upstream": "out.grad is left out of the product",
    "derivative": "a wrong local derivative",
    "seed": "the gradient of the root is not set to 1, or that of others is set",
    "twice": "a node passes its gradient on more than once",
    "order": "a node passes its gradient on before all of it has come in",
    "stale": "gradients of an earlier pass were still there",
}


@dataclass(frozen=True)
class Finding:
    """One bug.

    Attributes:
        kind: a key of `KINDS`.
        node: their object.
        line: where its `_backward` is written, as ``file:line``; "" if it cannot be told.
        sentence: what is wrong, with numbers.
    """

    kind: str
    node: Any
    line: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.sentence}" + (f"\n  {self.line}" if self.line else "")


class Adoption(Shown):
    """A report on a graph of another engine.

    Attributes:
        findings: the bugs, the first cause first.
        root: the same graph as Values, for `stepper()`, `draw()` and `why()`.
        notes: what could not be judged.
    """

    def __init__(self, title: str, findings: Sequence[Finding], root: Value, notes: Sequence[str]) -> None:
        kinds = list(KINDS)
        self.findings = sorted(findings, key=lambda finding: kinds.index(finding.kind))
        self.root, self.notes, self._title = root, tuple(notes), title

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __bool__(self) -> bool:
        return self.ok

    def _sheet(self) -> Sheet:
        """What is shown of it."""
        count = len(self.findings)
        verdict = "no bug found" if not count else "1 bug" if count == 1 else f"{count} bugs, the first cause first"
        lines = [line for finding in self.findings for line in str(finding).split("\n")]
        return Sheet(f"{self._title}: {verdict}", notes=[*lines, *self.notes])
