"""No network: the price of an option by Monte Carlo, with all its sensitivities from one compiled backward pass.

A European call (Black and Scholes, 1973) is valued on the ends of random paths. With its price come the derivatives
with respect to spot, volatility, rate and time ("delta", "vega", "rho", "theta"), beside those of the closed formula.
"""

from __future__ import annotations

import math
import random
import sys
from argparse import SUPPRESS, ArgumentDefaultsHelpFormatter, ArgumentParser
from collections.abc import Sequence
from typing import Any, NamedTuple

import engine
from demos.options import whole
from engine import Value
from engine.shell.streams import in_a_shell


class Priced(NamedTuple):
    """Price and sensitivities, by Monte Carlo and by the formula, and the standard error of the price."""

    sampled: dict[str, float]
    exact: dict[str, float]
    error: float


def options() -> ArgumentParser:
    """The options on the command line."""
    parser = ArgumentParser(
        "python -m demos.sensitivities", description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--paths", type=whole(2), default=200_000, metavar="N", help="how many random paths")
    parser.add_argument(
        "--quick", dest="paths", action="store_const", const=20_000, default=SUPPRESS, help="20,000 paths"
    )
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N", help="the same number gives the same run")
    return parser


def main(argv: Sequence[str] | None = None) -> Priced:
    """Value the option and print the table."""
    chosen = options().parse_args(argv)
    spot, volatility, rate, time = Value(100.0), Value(0.2), Value(0.03), Value(1.0)
    strike = 105.0

    @engine.compile
    def payoff(z: Any) -> Any:
        """The discounted payoff of one path; z is its normal random number."""
        drift = (rate - 0.5 * volatility**2) * time
        end = spot * engine.exp(drift + volatility * engine.sqrt(time) * z)
        return engine.exp(-rate * time) * engine.relu(end - strike)

    source = random.Random(chosen.seed)
    draws = [source.gauss(0.0, 1.0) for _ in range(chosen.paths // 2)]
    draws += [-z for z in draws]  # each path with its mirror image: less noise
    price = payoff.backward(draws)
    sampled = {"price": price, "delta": spot.grad, "vega": volatility.grad, "rho": rate.grad, "theta": -time.grad}
    values = payoff(draws)
    error = math.sqrt(sum((v - price) ** 2 for v in map(float, values))) / len(draws)
    exact = formula(spot.data, strike, volatility.data, rate.data, time.data)

    print(f"a call at {strike:g} on a share at {spot.data:g}: {len(draws):,} paths, {payoff.used.split(';')[0]}")
    print("         Monte Carlo   formula")
    for name, number in sampled.items():
        print(f"{name:7}  {number:11.4f}  {exact[name]:8.4f}")
    print(f"standard error of the price at most {error:.4f}")
    return Priced(sampled, exact, error)


def formula(spot: float, strike: float, volatility: float, rate: float, time: float) -> dict[str, float]:
    """The closed formula of the price, written in Values, and its derivatives.

    >>> round(formula(100.0, 100.0, 0.2, 0.0, 1.0)["price"], 4)
    7.9656
    """
    s, v, r, t = (Value(x) for x in (spot, volatility, rate, time))
    root = v * engine.sqrt(t)
    d = (engine.log(s / strike) + (r + 0.5 * v**2) * t) / root
    price = s * engine.normal_cdf(d) - strike * engine.exp(-r * t) * engine.normal_cdf(d - root)
    price.backward()
    return {"price": price.data, "delta": s.grad, "vega": v.grad, "rho": r.grad, "theta": -t.grad}


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
