"""XOR: the smallest network that learns something, with every line of its training in the open."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import NamedTuple

import nn
from demos.options import training_options
from engine.shell.streams import in_a_shell

INPUTS = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
LABELS = [0.0, 1.0, 1.0, 0.0]


class Trained(NamedTuple):
    """What was learned."""

    model: nn.MLP
    losses: list[float]


def options() -> ArgumentParser:
    """The options on the command line."""
    return training_options("xor", __doc__, quick_epochs=50, epochs=100, lr=0.5, hidden=[8])


def main(argv: Sequence[str] | None = None) -> Trained:
    """Train the network and print its truth table."""
    chosen = options().parse_args(argv)
    model = nn.MLP(2, [*chosen.hidden, 1], activation="tanh", seed=chosen.seed)
    optimizer = nn.SGD(model.parameters(), chosen.lr, chosen.momentum)
    print(f"XOR, learned by an {model!r}")

    losses = []
    for epoch in range(1, chosen.epochs + 1):
        scores = [model(x) for x in INPUTS]
        loss = nn.bce_with_logits(scores, LABELS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
        if epoch == 1 or epoch == chosen.epochs or epoch % 20 == 0:
            print(f"epoch {epoch}/{chosen.epochs}  loss {loss.data:.4g}")

    print("a  b  probability of 1  answer")
    for (a, b), [score] in zip(INPUTS, map(model, INPUTS)):
        print(f"{a:.0f}  {b:.0f}  {score.sigmoid().data:16.4f}  {int(score > 0):6d}")
    print(f"right answers: {nn.accuracy(model, INPUTS, LABELS, loss=nn.bce_with_logits):.0%}")
    return Trained(model, losses)


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
