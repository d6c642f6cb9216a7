"""Before the workloads of the benchmark are timed: their gradients are PyTorch's, and the benchmark runs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from tests.benchmarks.more_workloads import gpt, physics
from tests.benchmarks.workloads import Workload, digits, moons
from tests.needs import needs

torch = needs("torch")
needs("jax")
needs("sklearn")
needs("llvmlite")


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "W1": moons,
    "W1 tanh": lambda: moons("tanh"),
    "W2": lambda: digits(50),
    "W3": lambda: gpt(3),
    "W4": physics,
}


@pytest.mark.parametrize("builder", WORKLOADS.values(), ids=list(WORKLOADS))
def test_gradients_are_those_of_pytorch(builder: Callable[[], Workload]) -> None:
    from engine.compiler.backends.llvm import build

    workload = builder()
    loss, arrays = workload.oracle
    parameters = [torch.tensor(p, requires_grad=True) for p in workload.parameters]
    expected = loss(parameters, *map(torch.tensor, arrays))
    expected.backward(inputs=parameters)
    exact = np.concatenate([p.grad.numpy().ravel() for p in parameters])

    traced = trace(workload.loss, [array.shape[1:] for array in workload.arrays])
    plan = make_plan(Computation.of(traced, gradients=True))
    leaves = np.array([leaf.data for leaf in traced.graph.leaves])
    outputs, gradient = build(plan, "float64").run(leaves, tuple(map(np.ascontiguousarray, workload.arrays)))
    assert gradient is not None
    place = {id(leaf): k for k, leaf in enumerate(traced.graph.leaves)}
    found = np.array([gradient[place[id(value)]] if id(value) in place else 0.0 for value in workload.values])
    assert outputs.mean() == pytest.approx(float(expected.detach()), rel=1e-12)
    assert np.abs(found - exact).max() <= 1e-12 * np.abs(exact).max()


def test_the_benchmark_prints_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    from tests.benchmarks.compiled import measure, ours, report

    workload = moons()
    workload.contenders = {"NumPy by hand": workload.contenders["NumPy by hand"]}
    report(workload, "float64")
    printed = capsys.readouterr().out
    assert "NumPy by hand" in printed
    assert "% of the core's peak" in printed
    steps, _, _ = ours(workload, "float32")
    assert set(measure(steps, rounds=1, target=0.001)) == set(steps)


def test_the_benchmark_of_compile_time_finds_programs_again(capsys: pytest.CaptureFixture[str]) -> None:
    from tests.benchmarks.compile_time import main

    main(["W1 moons", "first step of digits 64-32-10"], repeats=1)
    for line in capsys.readouterr().out.splitlines()[-2:]:
        _, *times, _, _, _ = line.rsplit(maxsplit=7)
        assert min(map(float, times)) > 0.0


def test_the_benchmark_of_fits_makes_two_in_a_process(capsys: pytest.CaptureFixture[str]) -> None:
    from tests.benchmarks.fit_start import main

    main(["digits, validated"], repeats=1)
    *_, compiling, first, second, epoch = capsys.readouterr().out.split()
    assert min(map(float, (compiling, first, second, epoch))) > 0.0


def test_the_benchmark_of_threads_compares_two_programs() -> None:
    from tests.benchmarks.threads import compare, epochs

    single, loop = compare(moons(), "float64", rounds=2)
    assert all(len(times) == 2 and min(times) > 0.0 for times in (single, loop, epochs("float32", 256, rounds=4)))
