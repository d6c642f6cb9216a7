"""Whole networks against PyTorch: losses and gradients to 1e-12 of the largest entry, on every back end."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest

import engine
import nn
from engine import Value, compile, dot, logsumexp, take
from tests.needs import INSTALLED, needs

np = needs("numpy")
BACKENDS = pytest.mark.parametrize("backend", INSTALLED)


def tensors_of(model: nn.MLP) -> list[Any]:
    """PyTorch's tensors of a network: the weights of each layer, and its biases."""
    torch = needs("torch")
    arrays = [
        ([[w.data for w in n.w] for n in layer.neurons], [n.b.data for n in layer.neurons]) for layer in model.layers
    ]
    return [torch.tensor(a, dtype=torch.float64, requires_grad=True) for pair in arrays for a in pair]


@BACKENDS
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu", "silu", "softplus"])
def test_a_classifier_against_torch(backend: str, activation: str) -> None:
    torch = needs("torch")
    rng = np.random.default_rng(1)
    model = nn.MLP(6, [7, 5, 3], activation=activation, seed=2)
    X, labels = rng.normal(size=(23, 6)), rng.integers(0, 3, 23)
    compiled = compile(lambda x, y: nn.cross_entropy(model(x), y), backend=backend)
    loss, gradients = compiled.value_and_grad(X, labels)

    x, tensors = torch.tensor(X), tensors_of(model)
    for k, (weights, bias) in enumerate(zip(tensors[::2], tensors[1::2])):
        x = x @ weights.T + bias
        if k < 2:
            x = getattr(torch.nn.functional, activation)(x)
    expected = torch.nn.functional.cross_entropy(x, torch.tensor(labels))
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-13)
    flat = [
        g
        for weights, bias in zip(tensors[::2], tensors[1::2])
        for row, b in zip(weights.grad, bias.grad)
        for g in (*row.tolist(), b.item())
    ]
    order = {id(p): k for k, p in enumerate(model.parameters())}
    found = np.empty(len(flat))
    for p, g in zip(compiled.parameters, gradients):
        found[order[id(p)]] = g
    assert np.abs(found - flat).max() <= 1e-12 * np.abs(flat).max()


@BACKENDS
def test_attention_over_tokens_against_torch(backend: str) -> None:
    torch = needs("torch")
    rng = np.random.default_rng(0)
    size, width, length = 5, 4, 3
    shapes = {"e": (size, width), "q": (width, width), "k": (width, width), "v": (width, width), "h": (size, width)}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    values = {name: [[Value(x) for x in row] for row in array.tolist()] for name, array in arrays.items()}

    def loss(tokens: Any) -> Any:
        def linear(name: str, x: Any) -> Any:
            return [dot(row, x) for row in values[name]]

        losses, keys, contents = [], [], []
        for t in range(length):
            x = [take(tokens[t], [row[k] for row in values["e"]]) for k in range(width)]
            query = linear("q", x)
            keys.append(linear("k", x))
            contents.append(linear("v", x))
            weights = nn.softmax([dot(query, key) * width**-0.5 for key in keys])
            y = [dot(weights, [c[k] for c in contents]) + x[k] for k in range(width)]
            scale = (dot(y, y) / width + 1e-5) ** -0.5
            logits = linear("h", [a * scale for a in y])
            losses.append(logsumexp(logits) - take(tokens[t + 1], logits))
        return engine.mean(losses)

    tokens = rng.integers(0, size, (9, length + 1))
    compiled = compile(loss, backend=backend)
    found_loss, gradients = compiled.value_and_grad(tokens)

    t = {name: torch.tensor(array, requires_grad=True) for name, array in arrays.items()}
    x = t["e"][torch.tensor(tokens[:, :-1])]
    q, k, v = (x @ t[name].T for name in "qkv")
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True) + x
    y = y * ((y * y).mean(-1, keepdim=True) + 1e-5) ** -0.5
    expected = torch.nn.functional.cross_entropy(
        (y @ t["h"].T).reshape(-1, size), torch.tensor(tokens[:, 1:]).reshape(-1)
    )
    expected.backward()
    assert found_loss == pytest.approx(expected.item(), rel=1e-13)
    by_value = dict(zip(map(id, compiled.parameters), gradients))
    for name, array in t.items():
        found = np.array([[by_value[id(x)] for x in row] for row in values[name]])
        assert np.abs(found - array.grad.numpy()).max() <= 1e-12 * np.abs(array.grad.numpy()).max()


@BACKENDS
def test_a_loss_with_derivatives_inside_against_torch(backend: str) -> None:
    torch = needs("torch")
    model = nn.MLP(1, [5, 5, 1], activation="tanh", seed=4)

    def residual(x: Any) -> Any:
        u = model(x)[0]
        ux = engine.grad(u, x[0], create_graph=True)
        return (engine.grad(ux, x[0], create_graph=True) + u) ** 2

    X = np.linspace(-2, 2, 13)[:, None]
    compiled = compile(residual, backend=backend)
    loss, gradients = compiled.value_and_grad(X)

    tensors = tensors_of(model)
    x = h = torch.tensor(X, requires_grad=True)
    for k, (weights, bias) in enumerate(zip(tensors[::2], tensors[1::2])):
        h = h @ weights.T + bias
        h = torch.tanh(h) if k < 2 else h
    (ux,) = torch.autograd.grad(h.sum(), x, create_graph=True)
    (uxx,) = torch.autograd.grad(ux.sum(), x, create_graph=True)
    expected = ((uxx + h) ** 2).mean()
    grads = torch.autograd.grad(expected, tensors, allow_unused=True)
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    by_value = dict(zip(map(id, compiled.parameters), gradients))
    for k, layer in enumerate(model.layers):
        found = np.array([[by_value[id(w)] for w in n.w] for n in layer.neurons])
        assert np.abs(found - grads[2 * k].numpy()).max() <= 1e-12 * grads[2 * k].abs().max().item()


@BACKENDS
def test_compiling_again_and_again_leaks_nothing(backend: str) -> None:
    w = [Value(0.5), Value(-1.0)]
    X, scales = [[1.0, 2.0], [0.5, 0.25]], iter(range(1, 10_000))

    def once() -> None:
        scale = float(next(scales))  # another program each time
        compile(lambda x: (dot(w, x) * scale).tanh(), backend=backend).value_and_grad(X)

    def growth(rounds: int) -> int:
        """Bytes that some more programs leave behind in memory of this package."""
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.take_snapshot()
        for _ in range(rounds):
            once()
        gc.collect()
        differences = tracemalloc.take_snapshot().compare_to(before, "filename")
        tracemalloc.stop()
        return sum(d.size_diff for d in differences if "/engine/" in d.traceback[0].filename)

    rounds = 10 if backend == "llvm" else 30
    for _ in range(rounds):
        once()
    # A program takes tens of thousands of bytes. A table of the process's that becomes larger does so once.
    assert any(growth(rounds) < 2_000 * rounds for _ in range(3))
