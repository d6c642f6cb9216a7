"""W3 and W4 of the benchmark: a tiny GPT, and a loss with derivatives inside."""

from __future__ import annotations

from typing import Any

import numpy as np

import engine
from tests.benchmarks.workloads import Array, Workload, dense, jax_step, network, torch_step, values_of

VOCABULARY, WIDTH, HEADS, TOKENS = 27, 16, 4, 8
HEAD = WIDTH // HEADS
SHAPES = [
    (VOCABULARY, WIDTH),
    (TOKENS, WIDTH),
    (WIDTH, WIDTH),
    (WIDTH, WIDTH),
    (WIDTH, WIDTH),
    (WIDTH, WIDTH),
    (4 * WIDTH, WIDTH),
    (WIDTH, 4 * WIDTH),
    (VOCABULARY, WIDTH),
]


def gpt(batch: int) -> Workload:
    """W3."""
    random = np.random.default_rng(0)
    parameters = [random.normal(0, 0.16, shape) for shape in SHAPES]
    tokens = np.random.default_rng(0).integers(0, VOCABULARY, (batch, TOKENS + 1))
    (wte, wpe, wq, wk, wv, wo, w1, w2, head), values = values_of(parameters)
    columns = list(zip(*wte))

    def rms(x: Any) -> Any:
        scale = (engine.dot(x, x) * (1 / WIDTH) + 1e-5) ** -0.5
        return [a * scale for a in x]

    def linear(w: Any, x: Any) -> Any:
        return [engine.dot(row, x) for row in w]

    def loss(token: Any) -> Any:
        keys: list[Any] = []
        rows: list[Any] = []
        losses = []
        for t in range(TOKENS):
            x = rms([engine.take(token[t], column) + p for column, p in zip(columns, wpe[t])])
            residual, x = x, rms(x)
            q, k, v = linear(wq, x), linear(wk, x), linear(wv, x)
            keys.append(k)
            rows.append(v)
            out = []
            for h in range(0, WIDTH, HEAD):
                scores = [engine.dot(q[h : h + HEAD], key[h : h + HEAD]) * HEAD**-0.5 for key in keys]
                top = engine.maximum(scores)
                e = [(s - top).exp() for s in scores]
                total = engine.sum(e)
                weights = [a / total for a in e]
                out += [engine.dot(weights, [row[h + j] for row in rows]) for j in range(HEAD)]
            residual = x = [a + b for a, b in zip(linear(wo, out), residual)]
            hidden = [z.relu() for z in linear(w1, rms(x))]
            x = [a + b for a, b in zip(linear(w2, hidden), residual)]
            logits = linear(head, x)
            losses.append(engine.logsumexp(logits) - engine.take(token[t + 1], logits))
        return engine.sum(losses) * (1 / TOKENS)

    contenders = {
        "PyTorch eager": lambda dtype: torch_step(parameters, _torch_gpt, [tokens], dtype, False, 0.01),
        "PyTorch fused SGD": lambda dtype: torch_step(parameters, _torch_gpt, [tokens], dtype, True, 0.01),
        "JAX jit": lambda dtype: jax_step(parameters, _jax_gpt, [tokens], dtype, 0, 0.01),
        "JAX scan": lambda dtype: jax_step(parameters, _jax_gpt, [tokens], dtype, 20, 0.01),
    }
    arrays = [tokens.astype(float)]
    return Workload(
        f"W3 tiny GPT batch {batch}", loss, parameters, values, arrays, 0.01, contenders, (_torch_gpt, [tokens])
    )


def _torch_gpt(P: Any, tokens: Any) -> Any:
    import torch
    import torch.nn.functional as F  # noqa: N812  # as everybody calls it

    wte, wpe, wq, wk, wv, wo, w1, w2, head = P
    count = len(tokens)

    def rms(x: Any) -> Any:
        return x * (x.pow(2).mean(-1, keepdim=True) + 1e-5).rsqrt()

    x = rms(F.embedding(tokens[:, :-1], wte) + wpe)
    residual, x = x, rms(x)
    q, k, v = [(x @ w.T).view(count, TOKENS, HEADS, HEAD).transpose(1, 2) for w in (wq, wk, wv)]
    a = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(count, TOKENS, WIDTH)
    x = a @ wo.T + residual
    x = torch.relu(rms(x) @ w1.T) @ w2.T + x
    return F.cross_entropy((x @ head.T).view(-1, VOCABULARY), tokens[:, 1:].reshape(-1))


def _jax_gpt(P: Any, tokens: Any) -> Any:
    import jax
    import jax.numpy as jnp

    wte, wpe, wq, wk, wv, wo, w1, w2, head = P
    count = len(tokens)
    mask = np.tril(np.ones((TOKENS, TOKENS), bool))

    def rms(x: Any) -> Any:
        return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5)

    x = rms(wte[tokens[:, :-1]] + wpe)
    residual, x = x, rms(x)
    q, k, v = [(x @ w.T).reshape(count, TOKENS, HEADS, -1).transpose(0, 2, 1, 3) for w in (wq, wk, wv)]
    scores = jnp.where(mask, q @ k.transpose(0, 1, 3, 2) * HEAD**-0.5, -jnp.inf)
    x = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(count, TOKENS, WIDTH) @ wo.T + residual
    x = jax.nn.relu(rms(x) @ w1.T) @ w2.T + x
    logs = jax.nn.log_softmax(x @ head.T)
    return -jnp.take_along_axis(logs, tokens[:, 1:, None], -1).mean()


def physics() -> Workload:
    """W4."""
    parameters = dense([1, 16, 16, 1])
    X = np.linspace(-2, 2, 100)[:, None]
    layers, values = values_of(parameters)
    net = network(layers, "tanh")

    def loss(x: Any) -> Any:
        u = net(x)[0]
        slope = engine.grad(u, x[0], create_graph=True)
        bend = engine.grad(slope, x[0], create_graph=True)
        return (bend + u) ** 2

    contenders = {
        "PyTorch eager": lambda dtype: torch_step(parameters, _torch_physics, [X], dtype, False, 1e-4),
        "PyTorch fused SGD": lambda dtype: torch_step(parameters, _torch_physics, [X], dtype, True, 1e-4),
        "JAX jit": lambda dtype: jax_step(parameters, _jax_physics, [X], dtype, 0, 1e-4),
    }
    return Workload("W4 physics-informed", loss, parameters, values, [X], 1e-4, contenders, (_torch_physics, [X]))


def _torch_physics(P: Any, X: Any) -> Any:
    import torch

    X = X.detach().requires_grad_()
    h = X
    for k in range(0, len(P), 2):
        h = h @ P[k].T + P[k + 1]
        if k + 2 < len(P):
            h = torch.tanh(h)
    (slope,) = torch.autograd.grad(h.sum(), X, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), X, create_graph=True)
    return ((bend + h) ** 2).mean()


def _jax_physics(P: Any, X: Any) -> Any:
    import jax
    import jax.numpy as jnp

    def u(x: Array) -> Any:
        h = x[None]
        for k in range(0, len(P), 2):
            h = P[k] @ h + P[k + 1]
            if k + 2 < len(P):
                h = jnp.tanh(h)
        return h[0]

    bend = jax.grad(jax.grad(u))
    return (jax.vmap(lambda x: bend(x) + u(x))(X[:, 0]) ** 2).mean()
