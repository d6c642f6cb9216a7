"""Reports on a compiled function: passes, groups and costs as text, and the groups as a picture."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ..text.sheet import counted
from .frontend.graph import operations
from .pipeline import stages, verified_stages
from .plan.plan import Group, Plan, Run
from .plan.text import computation_text, plan_text
from .specialisation import Specialisation


def explain(specialisation: Specialisation, title: str) -> str:
    """A report, under a title, on the program that ran last for samples of one shape."""
    shapes = ", ".join(map(str, specialisation.shapes)) or "of no arguments"
    of_program, of_plan = _of_program(specialisation), _of_plan(specialisation.plan())
    rows = [f"{name:<12}{text}" for name, text in (*of_program, *of_plan, *_of_native_code(specialisation))]
    return "\n".join([f"{title}, one sample of the shapes {shapes}", *rows])


def _of_program(specialisation: Specialisation) -> Iterator[tuple[str, str]]:
    program, seconds = specialisation.program(), specialisation.live_trace.seconds
    yield "back end", program.name
    for reason in specialisation.reasons:
        yield "", f"not {reason}"
    yield "threads", program.shared_by(specialisation.threads)
    yield "passes", f"{', '.join(_sizes(specialisation))} operations"
    planning = specialisation.lazy_plan().seconds
    seconds = {**seconds, "build": specialisation.build_seconds, "plan": planning}
    yield "seconds", ", ".join(f"{name} {took:.3f}" for name, took in seconds.items())


def _of_plan(plan: Plan) -> Iterator[tuple[str, str]]:
    groups = list(plan.groups)
    yield "groups", f"{len(groups)} of {sum(group.rows for group in groups)} operations"
    products = [group for group in groups if group.is_product and group.rows > 1]
    sizes = ": " + ", ".join(f"{g.rows}x{g.columns}" for g in products) if products else ""
    yield "products", counted(len(products), "matrix product") + sizes
    kinds = Counter(group.primitive.name for group in groups if group not in products)
    yield "others", ", ".join(f"{count} {name}" for name, count in kinds.most_common())
    if plan.reductions:
        sizes = ", ".join(f"{r.rows}x{r.columns}" for r in plan.reductions)
        yield "gradient", f"{counted(len(plan.reductions), 'sum')} over the samples: {sizes}"
    if plan.scatters:
        sizes = ", ".join(f"{s.rows} of {s.target.count}" for s in plan.scatters)
        yield "lookups", f"{len(plan.scatters)} that add to what an index names: {sizes}"
    memory = {"leaves": plan.leaves, "constants": len(plan.constants), "inputs": plan.inputs}
    memory |= {"per sample": plan.sizes["S"], "uniform": plan.sizes["U"]}
    yield "numbers", ", ".join(f"{count} {name}" for name, count in memory.items())
    yield "work", f"{plan.flops()} floating-point operations per sample"


def _of_native_code(specialisation: Specialisation) -> Iterator[tuple[str, str]]:
    if stats := specialisation.program().stats():
        yield "speed", _speed(specialisation)
        yield "native", ", ".join(f"{name} {_show(value)}" for name, value in stats.items())


def _sizes(specialisation: Specialisation) -> Iterator[str]:
    """The number of operations after each pass."""
    for name, result in stages(specialisation.computation()):
        if not isinstance(result, Plan):
            yield f"{name} {len(operations(result.roots))}"


def stage_text(specialisation: Specialisation, stage: str) -> str:
    """The result of a stage of the compiler as text, verified on the way.

    Args:
        specialisation: a function traced for one shape of samples.
        stage: its name: see `pipeline.stages`, and `backends.llvm.schedule.stages` for the native ones.

    Raises:
        ValueError: there is no such stage, or not in the back end that ran.
        PlanError: a pass has made a mistake.
    """
    known: list[str] = []
    for name, text in _stages(specialisation):
        known.append(name)
        if name == stage:
            return text()
    raise ValueError(f"stage must be one of {', '.join(map(repr, known))}, got {stage!r}")


def _stages(specialisation: Specialisation) -> Iterator[tuple[str, Callable[[], str]]]:
    """The names of all stages, in order, and the functions that give their texts."""
    plan = None
    for name, result in verified_stages(specialisation.computation()):
        if isinstance(result, Plan):
            plan = result
            yield name, partial(plan_text, result)
        else:
            yield name, partial(computation_text, result)
    assert plan is not None
    yield from specialisation.program().stages(plan)


def _speed(specialisation: Specialisation) -> str:
    """The speed of the native code on samples of zeros, and the peak of the core, measured in turns."""
    import numpy as np

    from .backends.llvm.jit.peak import multiply_adds

    samples = 512
    program, plan, dtype = specialisation.program(), specialisation.plan(), specialisation.dtype
    leaves = np.array([leaf.data for leaf in specialisation.signature.leaves], dtype)
    arrays = (np.zeros((samples, plan.inputs), dtype),)
    ours: tuple[Callable[[], Any], int] = partial(program.run, leaves, arrays, samples), plan.flops() * samples
    contenders, rates = (ours, multiply_adds(dtype)), [0.0, 0.0]
    for _ in range(5):
        for k, (run, made) in enumerate(contenders):
            started = time.perf_counter()
            run()
            rates[k] = max(rates[k], made / (time.perf_counter() - started))
    rate, peak = rates
    share = f"{rate / peak:.0%} of {'the' if specialisation.threads == 1 else 'one'} core's peak"
    return f"{rate / 1e9:.3g} GFLOP/s on {samples} samples, {share}"


def _show(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def draw(plan: Plan) -> str:
    r"""The groups and what they read, as DOT text.

    >>> from engine import Value
    >>> from engine.compiler import compile
    >>> double = compile(lambda x: x + x, backend="python")
    >>> double([3.0])
    [6.0]
    >>> print(double.draw())
    digraph plan {
      rankdir=LR; node [shape=box, fontname="monospace"];
      X [label="inputs\n1", shape=ellipse];
      g0 [label="+\n1"];
      X -> g0;
      g0 -> output;
    }
    """
    groups = list(plan.groups)
    owner = {place: f"g{k}" for k, group in enumerate(groups) for place in group.places}
    names = {"X": ("inputs", plan.inputs), "P": ("leaves", plan.leaves), "G": ("gradients", plan.sizes["G"])}

    def sources(run: Run, rows: int) -> list[str]:
        if run.buffer in names:
            return [run.buffer]
        return [owner[run.buffer, slot] for row in run.slots(rows) for slot in row if run.buffer != "C"]

    reads = [(run, group.rows, f"g{k}") for k, group in enumerate(groups) for runs in group.operands for run in runs]
    for reduction in plan.reductions:
        reads.append((reduction.left, reduction.rows, "G"))
        if reduction.right is not None:
            reads.append((reduction.right, 1, "G"))
    reads += [(run, scatter.rows, "G") for scatter in plan.scatters for run in (scatter.index, scatter.source)]
    reads += [(copy.source, copy.rows, "G") for copy in plan.finish if copy.source.buffer != "G"]
    reads += [(run, 1, "output") for run in plan.outputs]
    pairs = dict.fromkeys((source, reader) for run, rows, reader in reads for source in sources(run, rows))
    ends = {name for pair in pairs for name in pair}
    boxes = [f'  {b} [label="{text}\\n{n}", shape=ellipse];' for b, (text, n) in names.items() if b in ends]
    boxes += [f'  g{k} [label="{_title(group)}"];' for k, group in enumerate(groups)]
    edges = [f"  {source} -> {reader};" for source, reader in pairs]
    return "\n".join(["digraph plan {", '  rankdir=LR; node [shape=box, fontname="monospace"];', *boxes, *edges, "}"])


def _title(group: Group) -> str:
    if group.is_product:
        return f"matrix product\\n{group.rows} x {group.columns}"
    return f"{group.primitive.symbol}\\n{group.rows}"
