"""The benchmarks of wide layers, of growth and of a scalar program run, and their contenders do the same work."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from tests.benchmarks import __main__, evaluation, flat, growth, heston
from tests.benchmarks.machine import PEERS, cpu_name, print_machine
from tests.benchmarks.turns import in_turns
from tests.needs import needs

needs("llvmlite")


def test_the_machine_has_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    print_machine(("float64",))
    out = capsys.readouterr().out
    first, *_, last = out.splitlines()
    assert first.startswith(cpu_name())
    assert "Python 3." in first
    assert "GFLOP/s in float64" in last
    absent = [package for package in PEERS if importlib.util.find_spec(package) is None]
    assert ("not compared with" in out) == bool(absent)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_c_with_openblas_learns_as_we_do(dtype: str) -> None:
    from tests.benchmarks.openblas import openblas_step
    from tests.benchmarks.wide import RATE, our_step, problem
    from tests.benchmarks.workloads import MOMENTUM

    parameters, X, y = problem([7, 9, 6, 5], 11)
    in_c = openblas_step(parameters, X, y, dtype, RATE, MOMENTUM, 4)
    if in_c is None:
        pytest.skip("no C compiler, or a NumPy without OpenBLAS")
    ours, _, found = our_step(parameters, X, y, dtype, 4)
    ours()
    in_c[0]()
    assert np.abs(found() - in_c[2]).max() <= (1e-12 if dtype == "float64" else 1e-5) * np.abs(in_c[2]).max()


def test_a_wide_network_has_its_line_beside_torch_and_jax(capsys: pytest.CaptureFixture[str]) -> None:
    needs("torch")
    needs("jax")
    from tests.benchmarks import wide

    wide.report("5-6-3@8", "float64")
    assert "of the peak  JAX scan x" in capsys.readouterr().out


def test_hestons_derivatives_are_those_of_finite_differences() -> None:
    """Against a second source, for the value alone."""
    Z = heston.normals(40, 3)
    value, gradient = heston.ours(Z)()

    def plain(market: list[float]) -> float:
        paths = [heston.payoff(market, z, np.sqrt, np.exp, lambda x: max(x, 0.0)) for z in Z]
        return float(np.mean(paths))

    assert value == pytest.approx(plain(list(heston.MARKET)), rel=1e-12)
    for k, number in enumerate(heston.MARKET):
        h = 1e-6 * max(1.0, abs(number))
        up, down = ([*heston.MARKET[:k], number + s, *heston.MARKET[k + 1 :]] for s in (h, -h))
        assert gradient[k] == pytest.approx((plain(up) - plain(down)) / (2 * h), rel=1e-5, abs=1e-7)


def test_growth_prints_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    growth.steps(100, 8)
    growth.chain(100)
    printed = capsys.readouterr().out
    assert "of the peak" in printed
    assert "100 nodes" in printed


def test_evaluation_prints_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    needs("sklearn")
    evaluation.main(rounds=2, target=0.0, count=10)
    assert evaluation.start(validated=True, hidden=[4]) > 0.0
    printed = capsys.readouterr().out
    assert "accuracy of one sample" in printed
    assert "% more" in printed
    assert "dropout of a half" in printed


def test_flat_blocks_are_counted_before_and_after_training() -> None:
    first, later = flat.measure(32, rounds=1)
    assert first[2] < later[2]


def test_each_command_names_a_module() -> None:
    for command in __main__.COMMANDS.values():
        words = command.split()
        module = words[words.index("-m") + 1].rpartition(".")[2]
        assert (__import__("pathlib").Path(__main__.__file__).parent / f"{module}.py").exists()


def test_turns_are_rounds_of_all_in_random_order() -> None:
    """Each contender comes once in a round, and over some rounds none keeps its place."""
    taken = list(in_turns("abc", 50))
    rounds = ["".join(taken[k : k + 3]) for k in range(0, 150, 3)]
    assert len(rounds) == 50
    assert {*rounds} == {"abc", "acb", "bac", "bca", "cab", "cba"}
