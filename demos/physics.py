"""A differential equation learned without data: u'' + u = 0, u(0) = 0, u'(0) = 1, whose solution is the sine.

The loss contains the second derivative of the network with respect to its input. So a training step differentiates
three times, always by the same table of rules.
"""

from __future__ import annotations

import math
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, NamedTuple

import engine
import nn
from demos.options import training_options, whole
from engine.shell.streams import in_a_shell

SPAN = 3.0  # the equation holds from 0 to here


class Trained(NamedTuple):
    """What was learned, and how far it is from the sine at worst."""

    model: nn.MLP
    history: nn.History
    error: float


def options() -> ArgumentParser:
    """The options on the command line."""
    parser = training_options(
        "physics", __doc__, quick_epochs=300, epochs=3000, lr=0.01, momentum=None, hidden=[12, 12]
    )
    parser.add_argument(
        "--points", type=whole(2), default=32, metavar="N", help="points at which the equation has to hold"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> Trained:
    """Train, and print the network beside the sine."""
    chosen = options().parse_args(argv)
    network = nn.MLP(1, [*chosen.hidden, 1], activation="tanh", seed=chosen.seed)

    def solution(t: Any) -> Any:
        """A function that starts at 0 with slope 1, whatever the network says: only the equation is left to learn."""
        return t + t * t * network([t])[0]

    def residual(row: Any) -> Any:
        t = row[0]
        u = solution(t)
        du = engine.grad(u, t, create_graph=True)
        return engine.grad(du, t, create_graph=True) + u

    points = [[SPAN * k / (chosen.points - 1)] for k in range(chosen.points)]
    nothing = [0.0] * chosen.points
    optimizer = nn.Adam(network.parameters(), chosen.lr)
    print(f"u'' + u = 0 at {chosen.points} points, for an {network!r}")
    trainer = nn.Trainer(residual, nn.mse, optimizer)
    losses = trainer.run(points, nothing, chosen.epochs)
    print(f"{trainer.backend}: mean square of u'' + u {losses[0]:.3g} -> {losses[-1]:.3g} in {chosen.epochs} steps")

    print("   t      network   sine")
    for k in range(7):
        t = SPAN * k / 6
        print(f"{t:6.2f}  {solution(engine.Value(t)).data:8.4f}  {math.sin(t):8.4f}")
    error = max(abs(solution(engine.Value(t)).data - math.sin(t)) for [t] in points)
    print(f"largest difference {error:.2g}")
    return Trained(network, nn.History(losses=losses, batch_losses=losses, backend=trainer.backend), error)


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
