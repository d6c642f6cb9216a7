"""A gallery of graphs: expressions, a network at three levels of collapse, one path, and the page of steps.

PNG and PDF need Graphviz, which `pip install pygraphviz` brings along.
"""

from __future__ import annotations

import html
import math
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import engine
import nn
from demos.options import add_output, whole
from engine import Value
from engine.shell.streams import in_a_shell


def options() -> ArgumentParser:
    """The options on the command line."""
    parser = ArgumentParser("python -m demos.gallery", description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--theme", choices=["light", "dark"], default="light", help="colours of the pictures")
    parser.add_argument("--samples", type=whole(1), default=100, metavar="N", help="samples in the network's loss")
    parser.add_argument("--quick", dest="samples", action="store_const", const=10, help="ten samples")
    parser.add_argument("--format", choices=["svg", "png", "pdf", "dot"], default="svg", help="format of the pictures")
    add_output(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Draw everything into the output folder, with an index.html that shows it all."""
    chosen = options().parse_args(argv)
    folder: Path = chosen.output / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    model = nn.MLP(2, [16, 16, 1], activation="tanh", seed=7)
    small = nn.MLP(2, [3, 1], activation="tanh", seed=7)
    deep = nn.MLP(2, [3, 3, 1], activation="tanh", seed=7)
    drawn = []

    def draw(name: str, about: str, root: Value, **look: Any) -> None:
        path = root.draw(folder / f"{name}.{chosen.format}", theme=chosen.theme, **look)
        drawn.append((path.name, about))
        print(f"{about}: {path}", flush=True)

    draw("neuron", "A neuron, with the local derivatives on its edges", neuron(), local_derivatives=True)
    draw("micrograd", "The expression of micrograd's README", micrograd())
    draw("cross_entropy", "Softmax and cross-entropy, from primitives", cross_entropy(), local_derivatives=True)
    one = hinge_loss(small, 1, penalty=0.0)
    draw("mlp_values", "A network 2-3-1 on one sample, Value by Value", one, names=small)
    many = hinge_loss(model, chosen.samples, penalty=1e-3)
    size = f"{len(engine.topological_order(many)):,} Values"
    about = f"A network 2-16-16-1 on {chosen.samples} samples ({size})"
    draw("mlp_layers", f"{about}, by layer", many, names=model, collapse="layer")
    free = hinge_loss(model, chosen.samples, penalty=0.0)
    draw("mlp_neurons", "The same without the penalty on weights, by neuron", free, names=model, collapse="neuron")
    opened = {"names": model, "collapse": "layer", "expand": ["layers.2", "layers.2.neurons.0"]}
    draw("mlp_opened", "By layer, the last one opened", free, **opened)
    weight = "layers.0.neurons.2.w.1"
    loss = hinge_loss(deep, 1, penalty=0.0)
    draw("path", f"Only the paths to {weight}", loss, names=deep, path_to=weight, local_derivatives=True)
    draw("neighbourhood", "What lies around one Value", one, names=small, around=one.operands[0], radius=3)

    steps = micrograd().stepper().save(folder / "steps.html")
    print(f"The page to step through backprop, for a browser: {steps}")
    error = nn.mse(small([0.5, -1.0]), [1.0])
    error.label = "loss"
    network = error.stepper(names=small).save(folder / "steps_network.html")
    print(f"The same for a network: {network}")
    index = folder / "index.html"
    index.write_text(page(drawn, [steps.name, network.name], chosen.theme), encoding="utf-8")
    print(f"All of it on one page: {index.resolve()}")


def neuron() -> Value:
    """tanh(w1*x1 + w2*x2 + b)."""
    x1, x2, w1, w2, b = Value(2.0), Value(0.0), Value(-3.0), Value(1.0), Value(6.88)
    n = x1 * w1 + x2 * w2 + b
    o = n.tanh()
    engine.label_locals()
    o.backward()
    return o


def micrograd() -> Value:
    """The expression that micrograd's README shows: its gradients are 138.83 and 645.58."""
    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c = c + (c + 1)
    c = c + (1 + c + (-a))
    d = d + (d * 2 + (b + a).relu())
    d = d + (3 * d + (b - a).relu())
    e = c - d
    f = e**2
    g = f / 2.0
    g = g + 10.0 / f
    engine.label_locals()
    g.backward()
    return g


def cross_entropy() -> Value:
    """-log(softmax(logits)[0]), written out."""
    logits = [Value(2.0), Value(1.0), Value(-1.0)]
    odds = [x.exp() for x in logits]
    total = engine.sum(odds)
    probability = odds[0] / total
    loss = -probability.log()
    engine.label_locals()
    loss.backward()
    return loss


def hinge_loss(model: nn.MLP, samples: int, penalty: float) -> Value:
    """The mean of relu(1 - y * score) over some points, and micrograd's penalty on the squares of the weights."""
    model.zero_grad()
    points = [([math.cos(t / 5), math.sin(t / 3)], 1.0 if t % 2 else -1.0) for t in range(1, samples + 1)]
    loss = engine.mean([(1 - y * model(x)[0]).relu() for x, y in points])
    if penalty:
        loss = loss + penalty * engine.sum([p * p for p in model.parameters()])
    loss.label = "loss"
    loss.backward()
    return loss


def page(drawn: Sequence[tuple[str, str]], steps: Sequence[str], theme: str) -> str:
    """One page of all pictures; those that a browser cannot show are links."""
    ink, paper = ("#1b1f24", "#ffffff") if theme == "light" else ("#e8ebef", "#14171c")
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Gallery</title>',
        f"<style>body{{font:16px/1.5 Helvetica,Arial,sans-serif;color:{ink};background:{paper};margin:2em}}",
        "img{max-width:100%;max-height:90vh} figure{margin:0 0 3em} a{color:inherit}</style>",
        "<h1>Computation graphs</h1>",
    ]
    for name, about in drawn:
        shown = f'<img src="{name}" alt="{html.escape(about)}">' if name.endswith((".svg", ".png")) else name
        parts.append(f'<figure><figcaption>{html.escape(about)}</figcaption><a href="{name}">{shown}</a></figure>')
    parts += [f'<p><a href="{name}">Step through backprop: {name}</a></p>' for name in steps]
    return "\n".join([*parts, "</html>", ""])


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
