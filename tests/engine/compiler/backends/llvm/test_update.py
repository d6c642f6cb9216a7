"""The native update of the parameters: when its text is written, what it changes, and what a refused one leaves."""

from __future__ import annotations

import ctypes
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from engine import Value
from engine.compiler.backends.llvm import training as native_training
from engine.compiler.backends.llvm.ir.words import Record
from engine.compiler.backends.llvm.jit.cpu import vector_bytes
from engine.compiler.backends.llvm.runtime import update as native_update
from engine.compiler.backends.llvm.runtime.update import STATE, text, update
from engine.compiler.training.optimizer import configured
from engine.compiler.update import ConfiguredUpdate
from tests.engine.compiler.backends.llvm.test_training import SGD, mlp, program_of, samples, update_of


def test_the_text_of_a_known_rule_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known by what it computes, which other settings change; what nothing determines is written each time."""
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))
    written: list[Any] = []

    def noted(rule: Any, *what: Any) -> str:
        written.append(what)
        return text(rule, *what)

    def in_a_new_process(configured: ConfiguredUpdate, *what: Any) -> None:
        update.cache_clear()
        update(configured.rule, *what)

    monkeypatch.setattr(native_update, "text", noted)
    for _ in range(2):
        in_a_new_process(SGD, False, 64, 4)
    assert written == [(False, 64, 4, False)]
    in_a_new_process(SGD, True, 64, 4)
    in_a_new_process(update_of("SGD", 0.05), False, 64, 4)
    in_a_new_process(update_of("SGD", 0.05, momentum=0.9, nesterov=True), False, 64, 4)
    assert len(written) == 4
    assert len({update_of("SGD", 0.05, momentum=m).rule.fingerprint for m in (0.0, 0.5, 0.9)}) == 2
    unknown = replace(SGD, rule=replace(SGD.rule, fingerprint=""))
    for _ in range(2):
        in_a_new_process(unknown, False, 64, 4)
    assert len(written) == 6
    update.cache_clear()


def test_the_update_of_a_rule_is_compiled_beside_the_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is the one that the steps make: no other is compiled then."""
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))
    program, _ = program_of(mlp(), [(3,), (1,)])
    update.cache_clear()
    training = program.training(1, (), SGD.rule)
    assert update.cache_info().misses == 0
    program.fitting(50)
    assert update.cache_info().misses == 1
    training(samples(50), SGD)
    assert update.cache_info().misses == 1


@pytest.mark.parametrize("only", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(("start", "stop"), [(0, 16), (0, 48), (16, 48), (32, 48), (48, 64)])
def test_an_update_leaves_alone_what_is_not_between_its_bounds(start: int, stop: int, frozen: bool, only: bool) -> None:
    """Of 21 parameters: also where a thread's share begins behind the last one, since there are more gradients.

    The old numbers are kept, unless the only step of a call has looked before: then a refused one changes nothing.
    """
    P, G, old, sums, trainable = (np.zeros(64) for _ in range(5))
    P[:21], G[:], trainable[:21] = np.arange(21.0), 1.0, 1.0
    numbers, rates, state = np.array([0.0]), np.array([0.5]), Record(STATE)
    arrays = {"numbers": numbers, "rates": rates, "memory": old, "old": old, "trainable": trainable, "sums": sums}
    state.set(count=21, stride=64, **{name: array.ctypes.data for name, array in arrays.items()})
    library, place = update(update_of("SGD", 0.5).rule, frozen, 64, vector_bytes() // 8)
    kinds = [*[ctypes.c_void_p] * 3, *[ctypes.c_int64] * 3, ctypes.c_bool]
    function = ctypes.CFUNCTYPE(None, *kinds)(place)
    function(P.ctypes.data, G.ctypes.data, state.address, 0, start, stop, only)
    moved = np.flatnonzero(np.pad(np.arange(21.0), (0, 43)) != P)
    looks, inside = only and not frozen, range(start, min(stop, 21))
    assert library
    assert moved.tolist() == [*inside]
    assert old.tolist() == [float(k) if k in inside and not looks else 0.0 for k in range(64)]
    assert not state["refused"]
    if looks and inside:
        now, G[inside[-1]] = P.copy(), math.inf
        function(P.ctypes.data, G.ctypes.data, state.address, 0, start, stop, only)
        assert state["refused"]
        assert np.array_equal(P, now)


@pytest.mark.parametrize("frozen", [False, True])
def test_old_numbers_of_large_nets_go_past_the_caches(frozen: bool) -> None:
    """And other threads see them after the update."""
    rule, width = update_of("Adam", 0.1).rule, vector_bytes() // 8
    past, plain = (text(rule, frozen, 64, width, streamed) for streamed in (True, False))
    assert "!nontemporal" in past
    assert past.index("fence seq_cst") > past.rindex("!nontemporal !0")
    assert "!nontemporal" not in plain
    assert "fence" not in plain


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("frozen", [(), (2,)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("refused", [0, 1, 5, 11])
@pytest.mark.parametrize("rule", [partial(nn.SGD, momentum=0.9), nn.Adam])
def test_a_refused_step_within_a_call_leaves_what_single_steps_leave(
    rule: Any, refused: int, dtype: str, frozen: Any, streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old numbers are kept before a call only: with a later step all are undone, and made again up to that one.

    Those of large nets, as if caches were tiny, are kept past the caches. A brief rule looks first where the step is
    alone, and keeps none.
    """
    if streamed:
        monkeypatch.setattr(native_training, "cache_sizes", lambda: (8, 8))
    program, leaves = program_of(mlp(), [(3,), (1,)], dtype)
    arrays = tuple(np.ascontiguousarray(array, dtype) for array in samples(23))
    rates = [0.01 * (k + 1) for k in range(12)]
    rates[refused] = math.inf
    made = []
    for together in (True, False):
        training = program.training(2, frozen)
        training.parameters[:] = leaves
        losses: list[float] = []
        for rate in [rates] if together else [[rate] for rate in rates[: refused + 1]]:
            losses += training(arrays, configured(rule([Value(0.0)], 0.1), rates=rate), steps=len(rate))
        made.append((training.made, losses, training.parameters.copy(), training.memory.copy(), training.sums.copy()))
        made[-1] = (*made[-1], training.gradient.copy())
    assert made[0][0] == made[1][0] == refused
    assert len(made[0][1]) == len(made[1][1]) == refused + 1
    assert made[0][1][:refused] == made[1][1][:refused]
    for one, other in zip(made[0][2:], made[1][2:]):
        assert np.array_equal(one, other)
