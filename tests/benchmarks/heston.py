"""A scalar program that is no network: a call option by Monte Carlo in Heston's model, with all its sensitivities.

    taskset -c 1 python -m tests.benchmarks.heston [--paths 10000] [--steps 12]

The value and its eight derivatives (spot, variance, speed, long-run variance, volatility of the variance, correlation,
rate, and strike) from one compiled function, against the value alone in Numba, and value and derivatives in JAX,
unrolled and as a scan. All contenders read the same normal numbers; they take turns, and the median CPU time counts.

Scheme: Euler with full truncation, after Lord, Koekkoek and van Dijk, "A comparison of biased simulation schemes for
stochastic volatility models", Quantitative Finance 10 (2010).
"""

from __future__ import annotations

import argparse
import importlib.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np

import engine
from engine import Value

from .machine import print_machine

NAMES = ("spot", "variance", "speed", "long run", "vol of vol", "correlation", "rate", "strike")
MARKET = (100.0, 0.04, 1.5, 0.04, 0.3, -0.7, 0.02, 100.0)
YEARS = 1.0


def payoff(market: Any, zs: Any, sqrt: Any, exp: Any, relu: Any) -> Any:
    """The discounted payoff of one path, which has two normal numbers for each step.

    Args:
        market: the numbers of `NAMES`.
        zs: the normal numbers.
        sqrt, exp, relu: functions of one number.
    """
    spot, variance, speed, mean, wild, correlation, rate, strike = market
    steps = len(zs) // 2
    dt = YEARS / steps
    log_spot, v = 0.0, variance
    other = sqrt(1.0 - correlation * correlation)
    for k in range(steps):
        positive = relu(v)
        root = sqrt(positive * dt + 1e-300)  # the root of 0 has no derivative
        z = correlation * zs[2 * k] + other * zs[2 * k + 1]
        log_spot = log_spot + (rate - 0.5 * positive) * dt + root * z
        v = v + speed * (mean - positive) * dt + wild * root * zs[2 * k]
    return exp(-rate * YEARS) * relu(spot * exp(log_spot) - strike)


def normals(paths: int, steps: int) -> Any:
    """Paths x twice the steps."""
    return np.random.default_rng(0).normal(size=(paths, 2 * steps))


def ours(Z: Any) -> Callable[[], tuple[float, Any]]:
    """The value and its derivatives."""
    market = [Value(number) for number in MARKET]
    price = engine.compile(lambda zs: payoff(market, zs, engine.sqrt, engine.exp, engine.relu), backend="llvm")

    def call() -> tuple[float, Any]:
        value, gradient = price.value_and_grad(Z)
        return float(value), gradient

    call()
    place = {id(leaf): k for k, leaf in enumerate(price.parameters)}  # in the order in which they are read
    order = [place[id(number)] for number in market]
    return lambda: (lambda found: (found[0], np.asarray(found[1])[order]))(call())


def numba_value(Z: Any) -> Callable[[], float]:
    """The value alone, in loops that Numba compiles with fast mathematics."""
    import numba

    spot, variance, speed, mean, wild, correlation, rate, strike = MARKET

    @numba.njit(fastmath=True)
    def total(Z: Any) -> float:
        paths, steps = Z.shape[0], Z.shape[1] // 2
        dt, other, found = YEARS / steps, math.sqrt(1.0 - correlation * correlation), 0.0
        for p in range(paths):
            log_spot, v = 0.0, variance
            for k in range(steps):
                positive = max(v, 0.0)
                root = math.sqrt(positive * dt)
                z = correlation * Z[p, 2 * k] + other * Z[p, 2 * k + 1]
                log_spot += (rate - 0.5 * positive) * dt + root * z
                v += speed * (mean - positive) * dt + wild * root * Z[p, 2 * k]
            found += max(spot * math.exp(log_spot) - strike, 0.0)
        return found * math.exp(-rate * YEARS) / paths

    return lambda: float(total(Z))


def jax_gradient(Z: Any, scan: bool) -> Callable[[], tuple[float, Any]]:
    """The value and its derivatives in JAX: the steps written out, or as a scan."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def value(market: Any, Z: Any) -> Any:
        if not scan:
            return payoff(market, list(Z.T), jnp.sqrt, jnp.exp, jax.nn.relu).mean()
        spot, variance, speed, mean, wild, correlation, rate, strike = market
        dt, other = YEARS / (Z.shape[1] // 2), jnp.sqrt(1.0 - correlation * correlation)

        def step(state: Any, z: Any) -> Any:
            log_spot, v = state
            positive = jax.nn.relu(v)
            root = jnp.sqrt(positive * dt + 1e-300)
            log_spot = log_spot + (rate - 0.5 * positive) * dt + root * (correlation * z[0] + other * z[1])
            return (log_spot, v + speed * (mean - positive) * dt + wild * root * z[0]), None

        start = jnp.zeros(len(Z)), jnp.full(len(Z), variance)
        (log_spot, _), _ = jax.lax.scan(step, start, Z.T.reshape(-1, 2, len(Z)))
        return (jnp.exp(-rate * YEARS) * jax.nn.relu(spot * jnp.exp(log_spot) - strike)).mean()

    compiled, numbers, market = jax.jit(jax.value_and_grad(value)), jnp.asarray(Z), jnp.asarray(MARKET)

    def call() -> tuple[float, Any]:
        found, gradient = compiled(market, numbers)
        return float(found), gradient

    return call


def main() -> None:
    """Print the value, its derivatives, and the times."""
    from .compiled import measure

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paths", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=12)
    arguments = parser.parse_args()
    print_machine(("float64",))
    Z = normals(arguments.paths, arguments.steps)
    steps: dict[str, tuple[Callable[[], Any], int]] = {"stepgrad, value and 8 derivatives": (ours(Z), 1)}
    if importlib.util.find_spec("numba"):
        steps["Numba, the value alone"] = numba_value(Z), 1
    if importlib.util.find_spec("jax"):
        steps["JAX, unrolled"] = jax_gradient(Z, scan=False), 1
        steps["JAX, scan"] = jax_gradient(Z, scan=True), 1
    medians = measure(steps, 9)
    first, *_ = medians.values()
    value, gradient = ours(Z)()
    print(f"value {value:.6f}; " + ", ".join(f"{name} {slope:.5f}" for name, slope in zip(NAMES, gradient)))
    for name, median in medians.items():
        print(f"  {name:36} {median * 1e3:8.3f} ms  x{median / first:.2f}")


if __name__ == "__main__":
    main()
