"""Types of programs that users write: a type checker refuses nothing that works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.needs import needs

ROOT = Path(__file__).parents[1]

PROGRAM = """
from __future__ import annotations

from typing import Any

import nn
from engine import Value


class Net(nn.Module):
    def __init__(self) -> None:
        self.hidden = nn.Layer(2, 8, "tanh", seed=1)
        self.head = nn.Layer(8, 2, "identity", seed=2)

    def __call__(self, x: list[float]) -> list[Value]:
        return self.head(self.hidden(x))


def good_enough(model: Net, history: nn.History, epoch: int) -> bool:
    return history.losses[-1] < 0.1 and len(model.hidden.neurons) > epoch


def make(seed: int) -> tuple[nn.Module, Any, nn.Optimizer]:
    model = Net()
    return model, nn.cross_entropy, nn.Adam(model.parameters())


def train(model: nn.Module, X: list[list[float]], y: list[int]) -> float:
    nn.fit(model, X, y, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), class_weight={0: 1, 1: 2})
    return nn.accuracy(model, X, y)


X, y = [[0.0, 1.0], [1.0, 0.0]], [0, 1]
net = Net()
history = nn.fit(net, X, y, nn.cross_entropy, nn.Adam(net.parameters()), callbacks=[good_enough])
print(train(net, X, y), history["loss"], nn.fit_many(make, [{"seed": 1}], X, y)[0]["loss"])
"""


def test_what_works_is_well_typed(tmp_path: Path) -> None:
    """A callback that names the class of its model was refused, and so was a model of which only nn.Module is known."""
    needs("mypy")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    checked = ["-m", "mypy", "--strict", "--follow-imports=silent", str(program)]  # CI checks the packages themselves
    for command in (checked, [str(program)]):
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stdout + done.stderr
