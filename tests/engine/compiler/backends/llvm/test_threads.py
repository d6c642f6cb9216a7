"""Several threads for one call: the same numbers in every run, whoever makes which part, and an orderly end."""

from __future__ import annotations

import ctypes
import gc
import math
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import engine
from engine import Value
from engine.compiler.backends.llvm import Variants, build
from engine.compiler.backends.llvm.runtime import cost_model, fork_join
from engine.compiler.backends.llvm.runtime import threads as pools
from engine.compiler.backends.llvm.runtime.fork_join import ASLEEP, IDLE, WORKER
from engine.compiler.backends.llvm.runtime.threads import ThreadPool
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from tests.engine.compiler.backends.llvm.test_training import SGD, mlp, program_of, samples, update_of
from tests.in_threads import in_threads
from tests.needs import FORK

ROOT = Path(__file__).parents[5]
STILL = update_of("SGD", 0.0)
ADAM = update_of("Adam", 0.01, clip_norm=0.5)
PROCESSORS = pools.processors.__wrapped__  # as long as nobody has changed it


@pytest.fixture(autouse=True)
def three_processors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """However many there are; and every step is shared, however short."""
    pools._end()
    monkeypatch.setattr(pools, "processors", lambda: 3)
    monkeypatch.setattr("engine.compiler.backends.llvm.program.processors", lambda: 3)
    monkeypatch.setattr(pools, "_pool", None)
    monkeypatch.setattr(cost_model, "MARGIN", 0.0)
    yield
    pools._end()


def programs(threads: int, dtype: str = "float64") -> tuple[Variants, Variants, Any]:
    """One program on one thread and on several, and its leaves."""
    one, leaves = program_of(mlp(), [(3,), (1,)], dtype)
    return one, build(one.plan, dtype, threads), leaves.astype(dtype)


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("count", [1, 7, 8, 9, 127, 128, 129, 130, 257, 1000])
def test_parts_are_the_whole(threads: int, count: int) -> None:
    """Around the limits of vectors and blocks: a sample left out or counted twice would show."""
    one, several, leaves = programs(threads)
    arrays = samples(count)
    outputs, gradient = several.run(leaves, arrays)
    expected, exact = one.run(leaves, arrays)
    vectors = -(-count // one.width)
    largest = -(-vectors // min(3, threads))  # of all parts, and the last one may be smaller
    assert several.fitting(count).cost_model.split(count).parts == -(-vectors // largest)
    assert np.array_equal(outputs, expected)
    assert gradient is not None
    assert exact is not None
    assert np.abs(gradient - exact).max() <= 1e-12 * np.abs(exact).max()


@pytest.mark.parametrize("count", [9, 100, 300])
@pytest.mark.parametrize("form", [SGD, ADAM], ids=["sgd", "adam"])
def test_training_is_that_of_one_thread_and_the_same_every_time(form: Any, count: int) -> None:
    one, several, leaves = programs(2)
    found = []
    for program in (one, *[several] * 20):
        training = program.training(2)
        training.parameters[:] = leaves
        losses = [
            *training(samples(count), form, 30),
            *[training(samples(count), form)[0] for k in range(9)],
        ]
        found.append(np.array([*losses, *training.parameters, *training.memory.ravel()]))
    assert np.allclose(found[0], found[1], rtol=1e-10, atol=1e-13)
    assert all(np.array_equal(other, found[1]) for other in found[2:])


def test_an_epoch_with_a_ragged_last_batch() -> None:
    one, several, leaves = programs(2)
    order = np.full(20 * 24, -1)
    order[:461] = np.random.default_rng(0).permutation(461)
    arrays, found = samples(461), []
    for program in (one, several):
        training = program.training(1)
        training.parameters[:] = leaves
        losses = [training(arrays, SGD, order=order.reshape(20, 24)) for k in range(3)]
        found.append(np.array([*np.ravel(losses), *training.parameters]))
    assert np.allclose(found[0], found[1], rtol=1e-11, atol=1e-14)


def test_single_precision() -> None:
    one, several, leaves = programs(2, "float32")
    X, Y = (array.astype("float32") for array in samples(500))
    for expected, found in zip(one.run(leaves, (X, Y)), several.run(leaves, (X, Y))):
        assert expected is not None
        assert found is not None
        assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_numbers_computed_once_are_read_by_all_parts() -> None:
    a, b = Value(0.5), Value(-1.5)
    one, leaves = program_of(lambda x: engine.exp(a * b) * x[0] + (a * a).tanh(), [(1,)])
    X = np.random.default_rng(0).normal(size=(200, 1))
    found, gradient = build(one.plan, "float64", 2).run(leaves, (X,))
    expected, exact = one.run(leaves, (X,))
    assert np.array_equal(found, expected)
    assert gradient == pytest.approx(exact, rel=1e-12)


def test_a_program_without_gradients() -> None:
    traced = trace(lambda x: [x[0].exp(), x[0] * x[1]], [(2,)])
    plan = make_plan(Computation.of(traced))
    X = np.random.default_rng(0).normal(size=(333, 2))
    outputs, gradient = build(plan, "float64", 2).run(np.zeros(0), (X,))
    assert gradient is None
    assert np.allclose(outputs, np.c_[np.exp(X[:, 0]), X[:, 0] * X[:, 1]], rtol=1e-14)


def test_a_loss_that_is_no_number_ends_the_call_for_all() -> None:
    one, several, leaves = programs(2)
    X, Y = samples(400)
    X[333] = math.nan
    found = []
    for program in (one, several):
        training = program.training(1)
        training.parameters[:] = leaves
        losses = training((X, Y), SGD, order=np.arange(400).reshape(10, 40))
        assert np.isfinite(losses).tolist() == [True] * 8 + [False]
        found.append(training.parameters.copy())
    assert np.allclose(found[0], found[1], rtol=1e-12)
    several.run(leaves, samples(100))  # and the next call works


def test_an_error_leaves_everything_usable() -> None:
    _, several, leaves = programs(2)
    expected, _ = several.run(leaves, samples(300))
    with pytest.raises(ValueError, match="columns"):
        several.run(leaves, (np.zeros((300, 3)),))
    assert np.array_equal(several.run(leaves, samples(300))[0], expected)


def test_many_python_threads() -> None:
    """One program and several, at once, with too few processors for all."""
    shared = programs(3)[1]
    own = [programs(2)[1] for _ in range(3)]
    leaves = programs(2)[2]
    arrays = samples(700)

    def train(program: Variants) -> list[float]:
        training = program.training(1)
        training.parameters[:] = leaves
        return [*training(arrays, SGD, 20), *[float(training(arrays, SGD)[0]) for k in range(20)]]

    work = [shared, *own, shared, *own]
    expected = [train(program) for program in work]
    found: list[Any] = [None] * len(work)

    def make(k: int) -> None:
        found[k] = train(work[k])

    for _ in range(5):
        in_threads(make, range(len(work)))
        assert found == expected


@pytest.fixture
def few_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are cut into as few pieces on a busy machine as on an idle one: for all but the first a worker is woken."""
    monkeypatch.setattr("engine.compiler.backends.llvm.training.CHUNK", 1e6)


@pytest.mark.usefixtures("few_pieces")
def test_helpers_sleep_and_are_woken() -> None:
    _, several, leaves = programs(2)
    training = several.training(1)
    training.parameters[:] = leaves
    training(samples(1000), SGD, 300)
    (worker, _) = pools.thread_pool()._workers
    deadline = time.monotonic() + 300.0
    while worker.line[0] != ASLEEP and time.monotonic() < deadline:
        time.sleep(0.001)
    assert worker.line[0] == ASLEEP
    assert sum(thread.name.startswith("stepgrad worker") for thread in threading.enumerate()) == 1
    assert np.isfinite(training(samples(1000), SGD, 300)).all()
    assert sum(thread.name.startswith("stepgrad worker") for thread in threading.enumerate()) == 1


@pytest.mark.usefixtures("few_pieces")
def test_a_helper_that_never_comes_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller makes its part, and before long offers it nothing; the numbers are the same."""
    _, several, leaves = programs(2)
    training = several.training(0)
    training.parameters[:] = leaves
    expected = training(samples(1000), STILL, 2)
    pools._end()
    monkeypatch.setattr(pools, "_pool", None)
    pool = pools.thread_pool()
    monkeypatch.setattr(pools.Worker, "wake", lambda self: self._set(state=IDLE))
    training = several.training(0)
    training.parameters[:] = leaves
    assert np.array_equal(training(samples(1000), STILL, 2), expected)
    line = pool._workers[0].line
    assert line[[*WORKER].index("resting")] == 0
    training(samples(1000), STILL, 2000)
    assert line[[*WORKER].index("resting")] > 0
    assert line[[*WORKER].index("state")] == IDLE


def test_how_many_processors_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python 3.13 tells, as Linux tells, and as any system does."""
    monkeypatch.setattr(os, "process_cpu_count", lambda: 3, raising=False)
    assert PROCESSORS() == 3
    monkeypatch.delattr(os, "process_cpu_count")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2}, raising=False)
    assert PROCESSORS() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert PROCESSORS() == 1


def test_a_system_that_refuses_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    _, several, leaves = programs(2)
    expected, _ = several.run(leaves, samples(300))
    pools._end()
    monkeypatch.setattr(pools, "_pool", None)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert np.array_equal(several.run(leaves, samples(300))[0], expected)
        assert np.array_equal(several.run(leaves, samples(300))[0], expected)


def test_a_child_of_a_process_without_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_pool", None)
    monkeypatch.setattr(pools, "_lock", None)
    pools._begin()
    assert pools._pool is None
    assert pools._lock is not None


def test_a_child_has_new_helpers() -> None:
    _, several, leaves = programs(2)
    expected, _ = several.run(leaves, samples(300))
    pool = pools.thread_pool()
    before = list(pool._workers)
    pools._end()
    pools._begin()
    assert not {*map(id, before)} & {*map(id, pool._workers)}
    assert np.array_equal(several.run(leaves, samples(300))[0], expected)


def test_the_functions_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    posix = pools._system.__wrapped__()
    system = ctypes.CDLL(None)
    kernel = SimpleNamespace(SwitchToThread=system.sched_yield, Sleep=system.usleep)
    monkeypatch.setattr(pools, "os", SimpleNamespace(name="nt"))
    monkeypatch.setattr(pools.ctypes, "CDLL", {"kernel32": kernel}.__getitem__)
    assert pools._system.__wrapped__() == (*posix[:2], 1)


@pytest.mark.parametrize(
    ("family", "written"),
    [("x86_64", "@llvm.x86.sse2.pause()"), ("arm64", "@llvm.aarch64.hint(i32 1)"), ("riscv64", "")],
)
def test_a_core_is_told_that_it_waits_where_it_can_be(
    monkeypatch: pytest.MonkeyPatch, family: str, written: str
) -> None:
    monkeypatch.setattr(fork_join, "family", lambda: family)
    text = fork_join.worker_text()
    assert written in text
    assert bool(written) == ("pause" in text or "hint" in text)


def test_a_program_tells_why_it_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.compiler.backends.llvm.variants.processors", lambda: 2)
    one, several, _ = programs(2)
    assert one.shared_by(1) == "1"
    assert "else 1" in several.shared_by(2)
    monkeypatch.setattr("engine.compiler.backends.llvm.variants.processors", lambda: 1)
    assert build(one.plan, "float64", 2).shared_by(2) == "1, not 2: there is one processor"


def test_a_pool_of_too_few_workers_leaves_all_parts_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offers to others would be written behind the workers' lines."""
    pool, given = ThreadPool(), list[int | None]()
    enough = len(pool._workers) + 1

    def drive(frame: int, lines: int | None) -> float:
        given.append(lines)
        return 1.0

    for parts in (1, enough, enough + 1, enough + 2):
        assert pool.call(drive, parts, False, 0) == 1.0
    pool.end()
    assert given == [pool._place, pool._place, None, None]


def test_a_program_may_go_while_helpers_watch() -> None:
    one, _, leaves = programs(2)
    for _ in range(20):
        several = build(one.plan, "float64", 2)
        several.run(leaves, samples(300))
        gone = weakref.ref(several)
        del several
        assert gone() is None
        gc.collect()


def test_after_the_end_of_the_helpers_the_caller_makes_all_parts() -> None:
    _, several, leaves = programs(2)
    expected, _ = several.run(leaves, samples(300))
    pools._end()
    assert np.array_equal(several.run(leaves, samples(300))[0], expected)


SCRIPT = """
import os, threading, time, warnings
from engine.compiler.backends.llvm import build
from engine.compiler.backends.llvm.runtime import cost_model, threads as pools
pools.processors = lambda: 2
import engine.compiler.backends.llvm.program as module
module.processors, cost_model.MARGIN = pools.processors, 0.0
from tests.engine.compiler.backends.llvm.test_training import SGD, mlp, program_of, samples, update_of
one, leaves = program_of(mlp(), [(3,), (1,)])
program = build(one.plan, "float64", 2)
training = program.training(1)
training.parameters[:] = leaves
"""


def run_alone(rest: str) -> None:
    """In a process of its own, where there is no other package's thread: without a hang, a crash or a word."""
    done = subprocess.run([sys.executable, "-c", SCRIPT + rest], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.unmeasured
@FORK
def test_a_forked_process_has_its_own_workers() -> None:
    run_alone("""
still, arrays = update_of("SGD", 0.0), samples(3000)
expected = [training(arrays, still)[0] for k in range(3)]
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of any thread
child = os.fork()
if child == 0:
    os._exit(int([training(arrays, still)[0] for k in range(1, 200)] != [expected[0]] * 199))
assert os.waitpid(child, 0) == (child, 0)
""")


@pytest.mark.parametrize(
    ("steps", "rest"),
    [
        (100, "work()"),
        (100, "work(); time.sleep(0.2)"),
        (10**5, "threading.Thread(target=work, daemon=True).start(); time.sleep(0.2)"),
    ],
    ids=["at once", "while asleep", "in the middle"],
)
def test_the_interpreter_ends(steps: int, rest: str) -> None:
    run_alone(f"""
def work():
    training(samples(500), SGD, {steps})
{rest}
""")


def test_a_part_left_out_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above is worth something only if it fails for a wrong split."""
    one, several, leaves = programs(2)
    found = [program.run(leaves, samples(300))[1] for program in (one, several)]
    assert np.allclose(*found, rtol=1e-11)
    right = cost_model.CostModel.split
    monkeypatch.setattr(cost_model.CostModel, "split", lambda *given: right(*given)._replace(parts=1))
    found = [program.run(leaves, samples(300))[1] for program in (one, several)]
    assert not np.allclose(*found, rtol=1e-3)
