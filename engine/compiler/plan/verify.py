"""The verifier of plans: what must be true of every plan, and that its slots hold what the symbols say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

from ... import ops
from ..errors import PlanError
from ..frontend.operands import LeafRow, parts
from ..frontend.symbol import Symbol
from ..passes.computation import Computation
from .plan import Group, Plan, Run

_READS = {"prologue": "PCU", "body": "PCUXS", "epilogue": "PCUG"}
_COMMUTATIVE = frozenset({ops.add, ops.mul})


def verify(plan: Plan, computation: Computation | None = None) -> None:
    """Check a plan.

    Args:
        plan: to check.
        computation: what it is a plan of; if given, its sums and outputs are compared with those of the plan.

    Raises:
        PlanError: a slot is read before it is written, written twice or never, or out of range; a group does not have
            as many operands as its primitive takes, or reads a slot that holds something other than its nodes say; one
            job adds to a number twice; something is missing. The message names the place and the slot.
    """
    slots = _Slots(plan)
    for stage in ("prologue", "body"):
        slots.run(stage, getattr(plan, stage))
    _outputs(plan, slots, computation)
    _additions(plan, slots, computation)
    slots.run("epilogue", plan.epilogue)
    _finish(plan, slots, computation)
    for buffer in "US":
        for number in set(range(plan.sizes[buffer])) - slots.written[buffer]:
            raise PlanError(f"{buffer}[{number}] is never written, though {buffer} has {plan.sizes[buffer]} slots")


class _Slots:
    """What every slot holds while the plan runs.

    Attributes:
        written: the slots of each buffer that hold something.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        inputs = plan.inputs + (plan.weight is not None)
        self.sizes = {"P": plan.leaves, "C": len(plan.constants), "X": inputs, **plan.sizes}
        self.written = {"P": set(range(plan.leaves)), "C": set(range(len(plan.constants)))}
        self.written |= {"X": set(range(inputs)), "U": set(), "S": set(), "G": set()}
        self._nodes: dict[tuple[str, int], Hashable] = {}
        self._places: dict[Hashable, tuple[str, int]] = {}
        if plan.weight not in (None, plan.inputs):
            raise PlanError(f"the weight is in X[{plan.weight}], not after the {plan.inputs} inputs")

    def run(self, stage: str, groups: tuple[Group, ...]) -> None:
        """Let the groups of a stage run, one after the other."""
        for k, group in enumerate(groups):
            where = f"{stage} group {k} ({group.primitive.name}, {group.rows} rows)"
            rows = [[self.read(run, group.rows, where, _READS[stage]) for run in runs] for runs in group.operands]
            _check_operands(group, where)
            for r, node in enumerate(group.nodes):
                operands = [[content for run in runs for content in run[r]] for runs in rows]
                if not _agrees(group, node, operands):
                    raise PlanError(f"{where}: the operands of row {r} are not those of {node!r}, which it computes")
            self._write(group, where, "S" if stage == "body" else "U")

    def read(self, run: Run, rows: int, where: str, buffers: str) -> list[list[Hashable]]:
        """What the slots of a run hold, by rows."""
        if run.buffer not in buffers:
            raise PlanError(f"{where} reads {run.buffer}, where only {', '.join(buffers)} can be read")
        if run.table is not None and len(run.table) != rows * run.count:
            raise PlanError(f"{where}: a table of {len(run.table)} slots for {rows} rows of {run.count}")
        found = run.slots(rows)
        for slot in {slot for row in found for slot in row} - self.written[run.buffer]:
            kind = "does not exist" if not 0 <= slot < self.sizes[run.buffer] else "holds nothing yet"
            raise PlanError(f"{where} reads {run.buffer}[{slot}], which {kind}")
        return [[self.content(run.buffer, slot) for slot in row] for row in found]

    def content(self, buffer: str, slot: int) -> Hashable:
        """What a slot holds, as `_key` names it."""
        if buffer == "C":
            return buffer, float(self.plan.constants[slot]).hex()
        return self._nodes.get((buffer, slot), (buffer, slot))

    def name(self, content: Any) -> str:
        """Where something is held, for messages."""
        buffer, place = self._places.get(content, content)
        return f"{float.fromhex(place):g}" if buffer == "C" else f"{buffer}[{place}]"

    def _write(self, group: Group, where: str, buffer: str) -> None:
        result = group.result
        if (result.buffer, result.row, result.count, result.table) != (buffer, 1, 1, None):
            raise PlanError(f"{where} writes {result}: its rows belong side by side in {buffer}")
        for slot in range(result.base, result.base + group.rows):
            if not 0 <= slot < self.sizes[buffer]:
                raise PlanError(f"{where} writes {buffer}[{slot}], which does not exist")
            if slot in self.written[buffer]:
                raise PlanError(f"{where} writes {buffer}[{slot}], which has been written before")
            self.written[buffer].add(slot)
        for slot, node in enumerate(group.nodes, start=result.base):
            self._nodes[buffer, slot] = _key(node)
            self._places[_key(node)] = buffer, slot


def _check_operands(group: Group, where: str) -> None:
    """Check that there are as many operands as the primitive takes, of the shapes that it takes."""
    primitive, operands = group.primitive, group.operands
    counts = [[run.count for run in runs] for runs in operands]
    if primitive is ops.dot:
        right = len(counts) in (2, 3) and counts[0] == counts[1] and all(c == [1] for c in counts[2:])
    elif primitive is ops.take:
        right = len(counts) == 2 and counts[0] == [1] and sum(counts[1]) > 0
    elif primitive.arity is None:
        right = len(counts) == 1 and sum(counts[0]) > 0
    else:
        right = counts == [[1]] * primitive.arity
    if not right or (group.nodes and len(group.nodes) != group.rows):
        raise PlanError(f"{where}: operands of {counts} columns and {len(group.nodes)} nodes do not fit")


def _agrees(group: Group, node: Symbol, found: list[list[Hashable]]) -> bool:
    """Whether a row reads what its node is computed from, in any order that gives the same result."""
    if node.primitive is not group.primitive:
        return False
    if group.primitive is ops.dot:
        left, right, bias = map(_keys, parts(node.operands))
        same = Counter(map(frozenset, zip(found[0], found[1]))) == Counter(map(frozenset, zip(left, right)))
        return same and [content for (content,) in found[2:]] == bias
    wanted = [*map(_key, node.operands)]
    flat = [content for operand in found for content in operand]
    if group.primitive is ops.sum or group.primitive in _COMMUTATIVE:
        return Counter(flat) == Counter(wanted)
    return flat == wanted


def _key(symbol: Symbol) -> Hashable:
    """What names a symbol: its kind and place, the number of a constant, or which result it is.

    Not the symbol itself, since a comparison of two symbols is a third one.
    """
    if symbol.kind == "constant":
        return "C", float(symbol.value).hex()
    if symbol.kind in ("input", "accumulator"):
        return "X" if symbol.kind == "input" else "G", symbol.value
    return ("P" if symbol.kind == "leaf" else "result"), symbol.number


def _keys(symbols: LeafRow | Sequence[Symbol]) -> list[Hashable]:
    return [("P", number) for number in symbols.numbers] if type(symbols) is LeafRow else [*map(_key, symbols)]


def _outputs(plan: Plan, slots: _Slots, computation: Computation | None) -> None:
    found = []
    for k, run in enumerate(plan.outputs):
        if run.count != 1 or run.table is not None:
            raise PlanError(f"output {k} is {run}, not a single slot")
        found += slots.read(run, 1, f"output {k}", "PCUXS")[0]
    if computation is not None and found != list(map(_key, computation.outputs)):
        raise PlanError(f"the {len(found)} outputs are not the {len(computation.outputs)} that are wanted")


def _additions(plan: Plan, slots: _Slots, computation: Computation | None) -> None:
    """Reductions and scatters: what is added to G."""
    found: Counter[Any] = Counter()
    for k, job in enumerate(plan.reductions):
        where = f"reduction {k}"
        columns = 1 if job.right is None else job.right.count
        if job.left.count != 1 or job.target.count != columns:
            raise PlanError(f"{where}: {job.left.count} x {columns} products for {job.target.count} columns of targets")
        left = slots.read(job.left, job.rows, where, "PCUXS")
        right = [None] if job.right is None else slots.read(job.right, 1, where, "PCUXS")[0]
        targets = _targets(job.target, job.rows, slots, where)
        _once([target for row in targets for target in row], where)
        found.update(
            (target, factor, upstream) for row, (upstream,) in zip(targets, left) for target, factor in zip(row, right)
        )
    for k, pick in enumerate(plan.scatters):
        where = f"scatter {k}"
        index, source = (slots.read(run, pick.rows, where, "PCUXS") for run in (pick.index, pick.source))
        for row, (number,), (upstream,) in zip(_targets(pick.target, pick.rows, slots, where), index, source):
            _once(row, where)
            found[tuple(row), number, upstream] += 1
    if computation is None:
        return
    wanted: Counter[Any] = Counter()
    for each in computation.sums:
        factors: Any = list(map(_key, each.coefficients)) or [None]
        wanted.update((target, factor, _key(each.upstream)) for target, factor in zip(each.targets, factors))
    wanted.update((tuple(each.targets), _key(each.selector), _key(each.upstream)) for each in computation.lookups)
    for what, some in (("is missing", wanted - found), ("is added, and should not be", found - wanted)):
        for target, factor, upstream in some:
            coefficient = "" if factor is None else f" by {slots.name(factor)}"
            raise PlanError(f"to G[{target}]: {slots.name(upstream)}{coefficient} {what}")


def _finish(plan: Plan, slots: _Slots, computation: Computation | None) -> None:
    """The copies into G: no two write the same number, and none reads what another one writes."""
    found: dict[int, Hashable] = {}
    sources: set[int] = set()
    for k, job in enumerate(plan.finish):
        where = f"copy {k}"
        read = slots.read(job.source, job.rows, where, "PCUG")
        sources |= {slot for row in job.source.slots(job.rows) for slot in row if job.source.buffer == "G"}
        for row, (content,) in zip(_targets(job.target, job.rows, slots, where), read):
            _once([*found, *row], where)
            found[row[0]] = content
    for slot in sources & found.keys():
        raise PlanError(f"G[{slot}] is read by a copy, and replaced by another one")
    if computation is not None and found != {leaf: _key(total) for leaf, total in computation.totals.items()}:
        raise PlanError(f"the copies give whole gradients of {sorted(found)}, not those that are wanted")


def _targets(run: Run, rows: int, slots: _Slots, where: str) -> list[list[int]]:
    """The numbers of G that a job changes."""
    if run.buffer != "G" or (run.table is not None and len(run.table) != rows * run.count):
        raise PlanError(f"{where} writes {run}: its targets belong to G, {rows} rows of {run.count}")
    found = run.slots(rows)
    for slot in (slot for row in found for slot in row):
        if not 0 <= slot < slots.sizes["G"]:
            raise PlanError(f"{where} writes G[{slot}], which does not exist")
        slots.written["G"].add(slot)
    return found


def _once(targets: list[int], where: str) -> None:
    for target, times in Counter(targets).items():
        if times > 1:
            raise PlanError(f"{where} writes G[{target}] {times} times")
