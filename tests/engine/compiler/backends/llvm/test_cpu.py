"""Which CPU this is: asked directly and through LLVM, which must agree."""

from __future__ import annotations

import os
from typing import Any

import pytest

from engine.compiler.backends.llvm.jit import cpu, executable_memory

ASKED = pytest.mark.skipif(not executable_memory.IS_SUPPORTED, reason="here LLVM asks the CPU")
AVX, AVX512 = {(1, 0): (0, 0, 1 << 28, 0)}, {(1, 0): (0, 0, 1 << 28, 0), (7, 0): (0, 1 << 16, 0, 0)}


@pytest.fixture(autouse=True)
def this_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEPGRAD_VECTOR_BITS", raising=False)


@ASKED
def test_both_know_the_same_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = cpu.vector_bytes.__wrapped__()
    monkeypatch.setattr(cpu, "host", cpu.host.__wrapped__)
    monkeypatch.setattr(cpu, "cpuid", lambda: None)
    assert cpu.vector_bytes.__wrapped__() == asked


@ASKED
def test_both_know_the_same_features() -> None:
    """Bits of the leaves, as Intel's and AMD's manuals have them, against LLVM's names."""
    import llvmlite.binding as llvm

    found, features = cpu.cpuid(), llvm.get_host_cpu_features()
    assert found is not None
    for name, place, register, bit in (
        ("sse3", (1, 0), 2, 0),
        ("fma", (1, 0), 2, 12),
        ("sse4.2", (1, 0), 2, 20),
        ("bmi", (7, 0), 1, 3),
        ("bmi2", (7, 0), 1, 8),
        ("sha", (7, 0), 1, 29),
        ("rdpid", (7, 0), 2, 22),
        ("avx512bf16", (7, 1), 0, 5),
        ("xsaveopt", (13, 1), 0, 0),
        ("sse4a", (2**31 + 1, 0), 2, 6),
        ("clzero", (2**31 + 8, 0), 1, 0),
    ):
        assert features[name] == bool(found.get(place, (0, 0, 0, 0))[register] >> bit & 1), name


@ASKED
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs to choose a core")
def test_every_core_gives_the_same_account() -> None:
    before = os.sched_getaffinity(0)
    try:
        answers = []
        for core in sorted(before):
            os.sched_setaffinity(0, {core})
            answers += [cpu.cpuid.__wrapped__(), cpu.cpuid.__wrapped__()]
    finally:
        os.sched_setaffinity(0, before)
    assert all(cpuid == answers[0] for cpuid in answers)


@pytest.mark.parametrize(
    ("found", "kept", "size"),
    [
        (AVX512, 0xE7, 64),
        (AVX512, 0x67, 32),  # a system that keeps not all of the registers
        (AVX512, 0x03, 16),
        (AVX512, 0x00, 16),
        (AVX, 0xE7, 32),
        ({(1, 0): (0, 0, 0, 0)}, 0xE7, 16),
        ({**AVX512, (1, 0): (0, 0, 0, 0)}, 0xE7, 16),
    ],
)
def test_the_width_of_vectors(found: cpu.Account, kept: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "cpuid", lambda: {**found, (-1, 0): (kept, 0, 0, 0)})
    assert cpu.vector_bytes.__wrapped__() == size
    monkeypatch.setenv("STEPGRAD_VECTOR_BITS", "128")
    assert cpu.vector_bytes.__wrapped__() == 16


@pytest.mark.parametrize(("features", "size"), [("+avx512f,+avx", 64), ("+sse,+avx", 32), ("+neon", 16), ("", 16)])
def test_the_width_of_vectors_as_llvm_tells_it(features: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "cpuid", lambda: None)
    monkeypatch.setattr(cpu, "host", lambda: ("some", features))
    assert cpu.vector_bytes.__wrapped__() == size


def test_where_nobody_asks_llvm_does(monkeypatch: pytest.MonkeyPatch) -> None:
    import llvmlite.binding as llvm

    def refuse(*_: Any) -> None:
        raise PermissionError("no executable memory")

    theirs = (llvm.get_default_triple(), *cpu.host.__wrapped__())
    family = cpu.family()
    monkeypatch.setattr(cpu, "IS_SUPPORTED", False)
    assert cpu.family() == family
    assert cpu.cpuid.__wrapped__() is None
    monkeypatch.setattr(cpu, "IS_SUPPORTED", True)
    monkeypatch.setattr(cpu, "ExecutableMemory", refuse)
    assert cpu.cpuid.__wrapped__() is None
    monkeypatch.setattr(cpu, "cpuid", lambda: None)
    monkeypatch.setattr(cpu, "host", cpu.host.__wrapped__)
    assert cpu.identity.__wrapped__() == theirs


@pytest.mark.parametrize(
    ("last", "parts", "asked"),
    [
        (1, 0, {(0, 0), (1, 0)}),
        (7, 0, {(0, 0), (1, 0), (7, 0)}),
        (13, 2, {(0, 0), (1, 0), (7, 0), (7, 1), (13, 1)}),
    ],
)
def test_leaves_that_are_not_there_are_not_asked_for(last: int, parts: int, asked: set[tuple[int, int]]) -> None:
    """Intel's CPUs would give the last leaf instead, which may be one that tells of a core."""

    def ask(leaf: int, part: int) -> cpu.Registers:
        return {0: last, 7: parts, 2**31: 2**31 + 1}.get(leaf, 5), 6, 7, 8

    found = cpu._answers(ask)
    assert set(found) == {*asked, (2**31, 0), (2**31 + 1, 0)}
    assert (found[1, 0], found[2**31 + 1, 0]) == ((5, 0, 7, 8), (5, 6, 7, 8))


@ASKED
def test_another_answer_is_another_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    cpuid = cpu.cpuid()
    assert cpuid is not None
    identities = {cpu.identity.__wrapped__()}
    for place in cpuid:
        for register in range(4):
            changed = list(cpuid[place])
            changed[register] ^= 1 << 9
            other = {**cpuid, place: tuple(changed)}
            monkeypatch.setattr(cpu, "cpuid", lambda other=other: other)
            identities.add(cpu.identity.__wrapped__())
    assert len(identities) == 1 + 4 * len(cpuid)
    monkeypatch.setenv("STEPGRAD_VECTOR_BITS", "128")
    assert cpu.identity.__wrapped__()[-1] == "any"


def test_the_host_and_one_that_llvm_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    import llvmlite.binding as llvm

    def unknown() -> Any:
        raise RuntimeError("no features")

    name, _ = cpu.host.__wrapped__()
    monkeypatch.setattr(llvm, "get_host_cpu_features", unknown)
    assert cpu.host.__wrapped__() == (name, "")
    monkeypatch.setenv("STEPGRAD_VECTOR_BITS", "128")
    monkeypatch.setattr(cpu, "host", cpu.host.__wrapped__)
    assert cpu.host()[1] == ""
