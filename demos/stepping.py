"""Backprop one step at a time: both passes, a breakpoint, the paths of a gradient, and where a nan came from."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

import engine
import nn
from demos.options import whole
from engine import Value
from engine.shell.streams import in_a_shell


def options() -> ArgumentParser:
    """The options on the command line."""
    parser = ArgumentParser("python -m demos.stepping", description=__doc__)
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N", help="seed of the network's weights")
    parser.add_argument("--paths", type=whole(1), default=3, metavar="K", help="how many paths of a weight to show")
    parser.add_argument("--quick", action="store_true", help="changes nothing: it is quick anyway")
    parser.epilog = 'To step by hand: python -m engine "tanh(w*x + b)" w=0.5 x=2 b=1 --step'
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Step through an expression, explain a weight of a network, find a nan."""
    chosen = options().parse_args(argv)
    both_passes()
    paths_of_a_weight(chosen.seed, chosen.paths)
    first_nan()


def both_passes() -> None:
    """An expression of three leaves, forward and then backward."""
    a, b, f = Value(2.0), Value(-3.0), Value(4.0)
    c = a * b
    L = (c + a) * f
    engine.label_locals()

    heading("The graph", "L.explain()")
    print(L.explain())
    heading("The forward pass, from the leaves up", "for step in L.forward_steps(): print(step)")
    for operation in L.forward_steps():
        print(operation)
    heading("The backward pass: upstream * local derivative", "for step in L.backward_steps(): print(step)")
    for step in L.backward_steps():
        print(step)

    heading("The gradients are 0 again", "L.zero_grad()")
    L.zero_grad()
    heading("Half-way: to where the gradient of a changes", 's = L.stepper(); s.break_at("a", changes=True); s.run()')
    with L.stepper() as s:
        s.break_at("a", changes=True)
        print(s.run())
        heading("Where it stands", "s")
        print(s)
        heading("One step back", "s.back()")
        print(s.back())
    heading("Why the gradient of a is what it is", 'L.why("a")')
    print(L.why("a"))


def paths_of_a_weight(seed: int, count: int) -> None:
    """All paths from one weight of a network to its loss, the largest first."""
    model = nn.MLP(2, [4, 4, 1], activation="tanh", seed=seed)
    loss = nn.mse(model([1.0, -0.5]), [1.0])
    loss.label = "loss"
    weight = next(name for name, _ in model.named_parameters())
    heading("A weight of the first layer of a network", f'loss.why("{weight}", names=model)')
    print(loss.why(weight, k=count, names=model))


def first_nan() -> None:
    """A nan in a gradient, and the line that it came from."""
    x = Value(0.0, label="x")
    heading("The gradient of x would be nan: where does that begin?", "with engine.detect_anomaly(): ...")
    try:
        with engine.detect_anomaly():
            distance = (x * x).sqrt()
            (distance * 2).backward()
    except engine.AnomalyError as error:
        print(error)


def heading(text: str, code: str) -> None:
    """What comes next, and how to get it."""
    print(f"\n== {text}\n>>> {code}")


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
