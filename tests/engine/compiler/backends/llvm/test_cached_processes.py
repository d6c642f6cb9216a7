"""Processes that find all code in the cache do without LLVM, and end as they should."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.compiler.backends.llvm.jit.executable_memory import IS_SUPPORTED

pytestmark = pytest.mark.skipif(not IS_SUPPORTED, reason="here LLVM loads all code")

TRAINING = """
import sys

import engine
import nn

X, y = [[0.1 * k, 0.2 * k - 1.0] for k in range(40)], [k % 2 for k in range(40)]
model = nn.MLP(2, [4, 1], "tanh", seed=1)
optimiser = nn.SGD(model.parameters(), lr=0.05, momentum=0.9)
trainer = nn.Trainer(model, nn.bce_with_logits, optimiser, backend="llvm", threads=2)
print([trainer.step(X, y) for _ in range(4)])
more = {"epochs": 2, "seed": 1, "backend": "llvm"}
history = nn.fit(model, X, y, nn.bce_with_logits, optimiser, validation=0.2, metrics="accuracy", **more)
print(history.losses, nn.predict(model, X[:3]), nn.accuracy(model, X, y))
factor = engine.Value(0.5)
square = engine.compile(lambda x: engine.sin(x) * x * factor, backend="llvm")
print(square([1.5, 2.0]))
print(square.value_and_grad([1.5, 2.0]))
"""


def run(program: str, cache: Path, *options: str) -> str:
    """What a new process prints, which is not to complain."""
    environment = {**os.environ, "STEPGRAD_CACHE": str(cache), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, *options, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_second_process_does_without_llvm(tmp_path: Path) -> None:
    """Loading it takes longer than all else that a known net needs."""
    program = TRAINING + 'print("llvmlite.binding" in sys.modules)\n'
    *first, compiling = run(program, tmp_path).splitlines()
    *second, cached = run(program, tmp_path).splitlines()
    assert (compiling, cached) == ("True", "False")
    assert first == second


def test_processes_end_as_they_should(tmp_path: Path) -> None:
    """Also one whose threads are in native code, and one that was forked."""
    program = (
        TRAINING
        + """
import os
import threading


def for_ever():
    while True:
        trainer.step(X, y)


threading.Thread(target=for_ever, daemon=True).start()
child = os.fork()
if not child:
    os._exit(int(square([1.5])[0] != square([1.5])[0]))
assert os.waitpid(child, 0)[1] == 0
"""
    )
    for _ in range(3):
        run(program, tmp_path, "-X", "dev", "-X", "faulthandler", "-W", "ignore::DeprecationWarning")
