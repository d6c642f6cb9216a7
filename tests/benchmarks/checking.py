"""Gradient checkers beside one another: planted faults caught, false alarms, and time.

    python -m tests.benchmarks.checking [--faults 1000] [--points 10000]

First come functions of PyTorch and JAX, in double precision, with gradients made wrong in known ways; then the table of
claims at kinks, jumps and ends of domains, and in noise; then many parameters. Checkers run with their defaults. Needs
torch and jax.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

try:
    import jax
    import jax.numpy as jnp
    import torch
    from jax.test_util import check_grads
except ModuleNotFoundError:
    raise SystemExit("this benchmark compares with PyTorch and JAX: pip install torch jax") from None

from engine import check_gradients
from tests.benchmarks.machine import print_machine
from tests.engine.checking.claims import ALL, Claim

jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)

# One formula for both libraries: xp is torch or jax.numpy.
FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "tanh * gaussian": lambda xp, x: (xp.tanh(x) * xp.exp(-x * x)).sum(),
    "log-sum-exp": lambda xp, x: xp.log(xp.exp(x).sum()),
    "norm": lambda xp, x: xp.sqrt((x * x).sum()),
    "product": lambda xp, x: (x + 2).prod(),
    "rational": lambda xp, x: (x / (1 + x * x)).sum(),
    "cubic": lambda xp, x: (x**3 - x).sum(),
    "fast sine": lambda xp, x: xp.sin(20 * x).sum(),
    "small": lambda xp, x: 1e-6 * xp.tanh(x).sum(),
    "large": lambda xp, x: 1e6 * xp.cos(x).sum(),
    "relu": lambda xp, x: (xp.where(x > 0, x, 0 * x) * xp.sin(x + 1)).sum(),
    "abs": lambda xp, x: xp.abs(x).sum() + (x * x).sum(),
    "offset": lambda xp, x: 1e4 + xp.sin(x).sum(),
}

Gradient = list[float]
Formula = Callable[[Any, Any], Any]
Change = Callable[[Gradient], Gradient]


def faults(random_: random.Random) -> dict[str, Callable[[Gradient], Gradient]]:
    """Ways to make a gradient wrong."""
    k, other = random_.sample(range(4), 2)

    def at(place: int, change: Callable[[float], float]) -> Callable[[Gradient], Gradient]:
        return lambda g: [change(d) if i == place else d for i, d in enumerate(g)]

    def swap(g: Gradient) -> Gradient:
        swapped = list(g)
        swapped[k], swapped[other] = g[other], g[k]
        return swapped

    return {
        "sign": lambda g: [-d for d in g],
        "factor 2": lambda g: [2 * d for d in g],
        "one sign": at(k, lambda d: -d),
        "one missing": at(k, lambda d: 0.0),
        "off by 1 %": at(k, lambda d: 1.01 * d),
        "off by 0.1 %": at(k, lambda d: 1.001 * d),
        "swapped": swap,
    }


def visible(right: Gradient, wrong: Gradient) -> bool:
    """Whether a fault counts: it changes a derivative by at least a thousandth, and not one that is nearly 0."""
    size = max(map(abs, right))
    return any(abs(r - w) > 0.9e-3 * abs(r) and abs(r - w) > 1e-6 * size for r, w in zip(right, wrong))


def point(random_: random.Random) -> Gradient:
    """Four numbers, now and then small ones, or one of them next to a kink."""
    scale = random_.choice([1.0, 1.0, 0.1, 3.0])
    xs = [random_.gauss(0, scale) for _ in range(4)]
    if random_.random() < 0.1:
        xs[random_.randrange(4)] = random_.choice([-1, 1]) * 10.0 ** random_.uniform(-8, -5)
    return xs


def same(g: Gradient) -> Gradient:
    return g


class Ours:
    name = "check_gradients"

    def prepare(
        self, f: Callable[[Any, Any], Any], change: Callable[[Gradient], Gradient]
    ) -> Callable[[Gradient], bool]:
        def value(x: Any) -> Any:
            return f(torch, x)

        def grad(x: Any) -> Any:
            x = x.detach().requires_grad_()
            (found,) = torch.autograd.grad(f(torch, x), x)
            return found if change is same else change(found.tolist())

        return lambda xs: bool(check_gradients(value, torch.tensor(xs, dtype=torch.float64), grad=grad))

    def passes(self, claim: Claim) -> bool:
        return check_gradients(claim.f, claim.point, grad=claim.grad).ok


class PyTorch:
    name = "torch gradcheck"

    def prepare(
        self, f: Callable[[Any, Any], Any], change: Callable[[Gradient], Gradient]
    ) -> Callable[[Gradient], bool]:
        class Faulty(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return f(torch, x)

            @staticmethod
            def backward(ctx: Any, upstream: Any) -> Any:
                (x,) = ctx.saved_tensors
                with torch.enable_grad():
                    x = x.detach().requires_grad_()
                    (found,) = torch.autograd.grad(f(torch, x), x)
                return upstream * torch.tensor(change(found.tolist()), dtype=torch.float64)

        call = (lambda x: f(torch, x)) if change is same else Faulty.apply

        def check(xs: Gradient) -> bool:
            x = torch.tensor(xs, dtype=torch.float64, requires_grad=True)
            return bool(torch.autograd.gradcheck(call, (x,), raise_exception=False))

        return check

    def passes(self, claim: Claim) -> bool:
        class Claimed(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return torch.tensor(_value(claim, x.tolist()), dtype=torch.float64)

            @staticmethod
            def backward(ctx: Any, upstream: Any) -> Any:
                return upstream * torch.tensor(claim.gradient, dtype=torch.float64)

        x = torch.tensor(claim.point, dtype=torch.float64, requires_grad=True)
        return bool(torch.autograd.gradcheck(Claimed.apply, (x,), raise_exception=False))


class Jax:
    name = "jax check_grads"

    def prepare(
        self, f: Callable[[Any, Any], Any], change: Callable[[Gradient], Gradient]
    ) -> Callable[[Gradient], bool]:
        def value(x: Any) -> Any:
            return f(jnp, x)

        if change is same:
            call = value
        else:
            call = jax.custom_vjp(value)

            def backward(x: Any, upstream: Any) -> Any:
                found = jax.grad(value)(x)
                return (upstream * jnp.stack(change(list(found))),)

            call.defvjp(lambda x: (value(x), x), backward)

        def check(xs: Gradient) -> bool:
            try:
                check_grads(call, (jnp.asarray(xs),), order=1, modes=["rev"])
            except AssertionError:
                return False
            return True

        return check

    def passes(self, claim: Claim) -> bool:
        number = jax.ShapeDtypeStruct((), jnp.float64)

        @jax.custom_vjp
        def call(x: Any) -> Any:
            return jax.pure_callback(lambda x: jnp.float64(_value(claim, x.tolist())), number, x)

        call.defvjp(lambda x: (call(x), None), lambda _, upstream: (upstream * jnp.asarray(claim.gradient),))
        try:
            check_grads(call, (jnp.asarray(claim.point),), order=1, modes=["rev"])
        except AssertionError:
            return False
        return True


def _value(claim: Claim, xs: Gradient) -> float:
    try:
        return float(claim.f(xs))
    except (ArithmeticError, ValueError):  # outside the domain
        return float("nan")


def table(checkers: list[Any]) -> None:
    """How many of the wrong claims of the table each checker passes, and how many of the right ones it fails."""
    print(f"\n{'claims: wrong ones passed, right ones failed':48}" + "".join(f"{c.name:>18}" for c in checkers))
    for kind, claims in ALL.items():
        wrong, right = [c for c in claims if not c.right], [c for c in claims if c.right]
        row = [
            f"{sum(map(checker.passes, wrong))}, {sum(not checker.passes(claim) for claim in right)}"
            for checker in checkers
        ]
        print(f"{kind + f': {len(wrong)} wrong, {len(right)} right':48}" + "".join(f"{cell:>18}" for cell in row))


def many(count: int = 2000, parameters: int = 100_000) -> None:
    """CPU time with many coordinates, and along random directions."""

    def loss(x: Any) -> Any:
        return (torch.tanh(x) * x.cos()).sum()

    def grad(x: Any) -> Any:
        x = x.detach().requires_grad_()
        return torch.autograd.grad(loss(x), x)

    def timed(run: Callable[[], Any]) -> float:
        start = time.process_time()
        assert run()
        return time.process_time() - start

    x = torch.randn(count, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    wide = torch.randn(parameters, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ours = timed(lambda: check_gradients(loss, x, grad=grad))
    theirs = timed(lambda: torch.autograd.gradcheck(loss, (x.requires_grad_(),)))
    along = timed(lambda: check_gradients(loss, wide, grad=grad, directions=3))
    print(f"\n{count} coordinates: {ours:.2f} s of CPU, torch gradcheck {theirs:.2f} s")
    print(f"{parameters} parameters along 3 directions: {along:.2f} s of CPU")


def right_gradient(f: Callable[[Any, Any], Any], xs: Gradient) -> Gradient:
    x = torch.tensor(xs, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(f(torch, x), x)
    return list(found.tolist())


def caught(checker: Any, count: int) -> int:
    random_ = random.Random(1)
    found = planted = 0
    while planted < count:
        f, xs = random_.choice(list(FUNCTIONS.values())), point(random_)
        change = random_.choice(list(faults(random_).values()))
        right = right_gradient(f, xs)
        if visible(right, change(right)):
            planted += 1
            found += not checker.prepare(f, change)(xs)
    return found


def alarms(checker: Any, count: int) -> int:
    random_ = random.Random(2)
    checks = [checker.prepare(f, same) for f in FUNCTIONS.values()]
    return sum(not random_.choice(checks)(point(random_)) for _ in range(count))


def times(checkers: list[Any], repeats: int = 30) -> list[float]:
    """The median time of a check that passes, over interleaved functions and repeats."""
    random_ = random.Random(3)
    taken: list[list[float]] = [[] for _ in checkers]
    for f in FUNCTIONS.values():
        checks = [checker.prepare(f, same) for checker in checkers]
        for repeat in range(repeats + 2):
            xs = [random_.uniform(0.5, 2) for _ in range(4)]
            for check, found in zip(checks, taken):
                start = time.perf_counter()
                check(xs)
                if repeat > 1:
                    found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in taken]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--points", type=int, default=10000)
    parser.add_argument("--jax", type=int, default=300, help="the number of each for JAX, which is slow")
    arguments = parser.parse_args()
    print_machine()
    checkers = [Ours(), PyTorch(), Jax()]
    medians = times(checkers)
    print(f"{'':18}{'faults caught':>18}{'false alarms':>18}{'time':>8}")
    for checker, median in zip(checkers, medians):
        planted, points = arguments.faults, arguments.points
        if isinstance(checker, Jax):
            planted, points = min(planted, arguments.jax), min(points, arguments.jax)
        found, false = caught(checker, planted), alarms(checker, points)
        ratio = f"{median / medians[1]:.2f}x"
        print(f"{checker.name:18}{f'{found} of {planted}':>18}{f'{false} of {points}':>18}{ratio:>8}")
    table(checkers)
    many()


if __name__ == "__main__":
    main()
