"""The workloads of the benchmark, written once as a function of Values, and by hand for the other contenders.

W1  two moons: MLP 2-16-16-1, hinge loss, batch 100
W2  digits: MLP 64-32-10, softmax cross-entropy, batch 32 or all 1797
W3  a tiny GPT: one layer, 16 wide, 4 heads, 8 tokens of 27, after Karpathy's microgpt
W4  a physics-informed loss: (u'' + u)**2 of u = MLP 1-16-16-1 with tanh, 100 points
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

import engine
import nn
from engine import Value

Array = Any
RATE, MOMENTUM = 0.05, 0.9


@dataclass
class Workload:
    """One training problem.

    Attributes:
        name: what the table shows.
        loss: of one sample, lists of Values in.
        parameters: arrays; `values` has the same numbers in the same order, flat.
        values: the Values that `loss` reads.
        arrays: the samples, one array per argument of `loss`.
        rate: of gradient descent with momentum.
        oracle: the loss of the batch in PyTorch, as a function of the parameters and its other arguments.
        trainer: for the networks of `nn`, builds model and loss; None for other losses.
        contenders: by name, builders that take the dtype and give a step and how many training steps it makes.
    """

    name: str
    loss: Callable[..., Any]
    parameters: list[Array]
    values: list[Value]
    arrays: list[Array]
    rate: float
    contenders: dict[str, Callable[[str], tuple[Callable[[], Any], int]]]
    oracle: tuple[Callable[..., Any], list[Array]]
    trainer: Callable[[], tuple[Any, Any]] | None = None


def values_of(parameters: list[Array]) -> tuple[list[Any], list[Value]]:
    """The arrays as (nested) lists of Values, and all these Values in a row."""
    flat: list[Value] = []

    def convert(array: Array) -> Any:
        if array.ndim:
            return [convert(row) for row in array]
        flat.append(Value(float(array)))
        return flat[-1]

    return [convert(p) for p in parameters], flat


def dense(sizes: list[int], seed: int = 0) -> list[Array]:
    """Weights and biases of an MLP, alternating."""
    random = np.random.default_rng(seed)
    parameters = []
    for inputs, outputs in pairwise(sizes):
        parameters += [random.uniform(-1, 1, (outputs, inputs)) / inputs**0.5, random.uniform(-0.1, 0.1, outputs)]
    return parameters


def network(layers: list[Any], activation: str) -> Callable[[Any], Any]:
    """An MLP of nested lists of Values."""

    def forward(x: Any) -> Any:
        for k in range(0, len(layers), 2):
            x = [engine.dot(w, x, b) for w, b in zip(layers[k], layers[k + 1])]
            if k + 2 < len(layers):
                x = [getattr(z, activation)() for z in x]
        return x

    return forward


def moons(activation: str = "relu") -> Workload:
    """W1."""
    from sklearn.datasets import make_moons

    X, y = make_moons(100, noise=0.1, random_state=1)
    Y = (2.0 * y - 1.0)[:, None]
    parameters = dense([2, 16, 16, 1])
    layers, values = values_of(parameters)
    net = network(layers, activation)
    contenders = mlp_contenders(parameters, X, Y, activation, "hinge")
    if activation == "relu":
        contenders["micrograd"] = lambda dtype: micrograd_step(X, Y)
    return Workload(
        f"W1 moons {activation}",
        lambda x, y: (1 - y[0] * net(x)[0]).relu(),
        parameters,
        values,
        [X, Y],
        RATE,
        contenders,
        (mlp_torch_loss(activation, "hinge"), [X, Y]),
        lambda: (nn.MLP(2, [16, 16, 1], activation=activation), nn.hinge),
    )


def digits(batch: int) -> Workload:
    """W2."""
    X, y = digits_data()
    X, y = X[:batch], y[:batch]
    parameters = dense([64, 32, 10])
    layers, values = values_of(parameters)
    net = network(layers, "relu")

    def loss(x: Any, label: Any) -> Any:
        z = net(x)
        return engine.logsumexp(z) - engine.take(label[0], z)

    contenders = mlp_contenders(parameters, X, np.eye(10)[y], "relu", "cross entropy")
    labels = y[:, None].astype(float)
    return Workload(
        f"W2 digits batch {batch}",
        loss,
        parameters,
        values,
        [X, labels],
        RATE,
        contenders,
        (mlp_torch_loss("relu", "cross entropy"), [X, y]),
        lambda: (nn.MLP(64, [32, 10]), nn.cross_entropy),
    )


def digits_data() -> tuple[Array, Array]:
    """All 1797 digits, pixels in [0, 1], and their labels."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X / 16.0, y


# ---- the contenders of W1 and W2
def mlp_contenders(
    parameters: list[Array], X: Array, Y: Array, activation: str, kind: str, scan: int = 100
) -> dict[str, Any]:
    """NumPy, PyTorch, and JAX with scans of `scan` steps; Y is +-1 for the hinge loss, one-hot for cross-entropy."""
    jax_loss = mlp_jax_loss(activation, kind)
    torch_loss = mlp_torch_loss(activation, kind)
    torch_target = Y if kind == "hinge" else Y.argmax(1)
    return {
        "NumPy by hand": lambda dtype: numpy_step(parameters, X, Y, activation, kind, dtype),
        "PyTorch eager": lambda dtype: torch_step(parameters, torch_loss, [X, torch_target], dtype, fused=False),
        "PyTorch fused SGD": lambda dtype: torch_step(parameters, torch_loss, [X, torch_target], dtype, fused=True),
        "JAX jit": lambda dtype: jax_step(parameters, jax_loss, [X, Y], dtype),
        "JAX scan": lambda dtype: jax_step(parameters, jax_loss, [X, Y], dtype, scan),
    }


def mlp_jax_loss(activation: str, kind: str) -> Callable[..., Any]:
    """The loss of a batch in JAX; for cross-entropy the targets are one-hot."""

    def jax_loss(P: Any, X: Any, Y: Any) -> Any:
        import jax
        import jax.numpy as jnp

        h = X
        for k in range(0, len(P), 2):
            z = h @ P[k].T + P[k + 1]
            h = jax.nn.relu(z) if activation == "relu" else jnp.tanh(z)
        if kind == "hinge":
            return jnp.maximum(1 - Y * z, 0).mean()
        return -(jax.nn.log_softmax(z) * Y).sum(1).mean()

    return jax_loss


def mlp_torch_loss(activation: str, kind: str) -> Callable[..., Any]:
    """The loss of a batch in PyTorch; for cross-entropy the targets are class numbers."""

    def torch_loss(P: Any, X: Any, Y: Any) -> Any:
        import torch
        import torch.nn.functional as F  # noqa: N812  # as everybody calls it

        h = X
        for k in range(0, len(P), 2):
            z = F.linear(h, P[k], P[k + 1])
            h = F.relu(z) if activation == "relu" else torch.tanh(z)
        return F.relu(1 - Y * z).mean() if kind == "hinge" else F.cross_entropy(z, Y)

    return torch_loss


def numpy_step(parameters: list[Array], X: Array, Y: Array, activation: str, kind: str, dtype: str) -> Any:
    """Forward, backward and update, with few and plain array operations."""
    P = [p.astype(dtype) for p in parameters]
    V = [np.zeros_like(p) for p in P]
    X, Y = X.astype(dtype), Y.astype(dtype)
    share = np.dtype(dtype).type(1 / len(X))

    def step() -> float:
        hidden, h = [X], X
        for k in range(0, len(P), 2):
            z = h @ P[k].T
            z += P[k + 1]
            if k + 2 < len(P):
                h = np.maximum(z, 0, out=z) if activation == "relu" else np.tanh(z, out=z)
                hidden.append(h)
        if kind == "hinge":
            margin = 1 - Y * z
            loss, g = np.maximum(margin, 0).mean(), np.where(margin > 0, -Y, 0) * share
        else:
            z -= z.max(1, keepdims=True)
            e = np.exp(z)
            s = e.sum(1, keepdims=True)
            loss, g = (np.log(s[:, 0]) - (z * Y).sum(1)).mean(), (e / s - Y) * share
        gradients = [None] * len(P)
        for k in range(len(P) - 2, -1, -2):
            h = hidden[k // 2]
            gradients[k], gradients[k + 1] = g.T @ h, g.sum(0)
            if k:
                g = g @ P[k]
                g = g * (h > 0) if activation == "relu" else g * (1 - h * h)
        for p, v, d in zip(P, V, gradients):
            v *= MOMENTUM
            v += d
            p -= RATE * v
        return float(loss)

    return step, 1


# ---- contenders of any workload
def torch_step(
    parameters: list[Array], loss: Any, arrays: list[Array], dtype: str, fused: bool, rate: float = RATE
) -> Any:
    """PyTorch eager with its SGD, the default one or the fused one."""
    import torch

    torch.set_num_threads(1)
    kind = getattr(torch, dtype)
    P = [torch.tensor(p, dtype=kind, requires_grad=True) for p in parameters]
    data = [torch.tensor(a, dtype=kind if a.dtype.kind == "f" else torch.int64) for a in arrays]
    optimizer = torch.optim.SGD(P, lr=rate, momentum=MOMENTUM, fused=fused or None)

    def step() -> Any:
        optimizer.zero_grad()
        total = loss(P, *data)
        total.backward(inputs=P)
        optimizer.step()
        return total

    return step, 1


def jax_step(
    parameters: list[Array], loss: Any, arrays: list[Array], dtype: str, scan: int = 0, rate: float = RATE
) -> Any:
    """JAX: one jitted step, or a scan of `scan` of them."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    data = [jnp.asarray(a, dtype if a.dtype.kind == "f" else "int64") for a in arrays]
    P = [jnp.asarray(p, dtype) for p in parameters]

    def one(P: Any, V: Any, data: Any) -> Any:
        value, G = jax.value_and_grad(loss)(P, *data)
        V = [MOMENTUM * v + g for v, g in zip(V, G)]
        return [p - rate * v for p, v in zip(P, V)], V, value

    def many(P: Any, V: Any, data: Any) -> Any:
        def body(carry: Any, _: Any) -> Any:
            P, V, value = one(*carry, data)
            return (P, V), value

        (P, V), values = jax.lax.scan(body, (P, V), None, length=scan)
        return P, V, values[-1]

    compiled = jax.jit(many if scan else one, donate_argnums=(0, 1))
    state = [P, [jnp.zeros_like(p) for p in P]]

    def step() -> None:
        state[0], state[1], value = compiled(state[0], state[1], data)
        value.block_until_ready()

    return step, scan or 1


def micrograd_step(X: Array, Y: Array) -> Any:
    """Karpathy's micrograd on W1."""
    import sys

    from micrograd.engine import Value as Micro
    from micrograd.nn import MLP

    sys.setrecursionlimit(10**6)
    model = MLP(2, [16, 16, 1])
    parameters = model.parameters()
    velocity = [0.0] * len(parameters)

    def step() -> None:
        scores = [model(list(map(Micro, row))) for row in X]
        losses = [(1 + -float(y[0]) * s).relu() for y, s in zip(Y, scores)]
        total = sum(losses) * (1.0 / len(losses))
        model.zero_grad()
        total.backward()
        for i, p in enumerate(parameters):
            velocity[i] = MOMENTUM * velocity[i] + p.grad
            p.data -= RATE * velocity[i]

    return step, 1
