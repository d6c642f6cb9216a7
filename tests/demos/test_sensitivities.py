from __future__ import annotations

import pytest

from demos import sensitivities


@pytest.mark.parametrize("seed", range(3))
def test_monte_carlo_meets_the_formula(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    priced = sensitivities.main(["--quick", "--seed", str(seed)])
    assert abs(priced.sampled["price"] - priced.exact["price"]) < 5 * priced.error
    for name in ("delta", "vega", "rho", "theta"):
        assert priced.sampled[name] == pytest.approx(priced.exact[name], rel=0.05)
    text = capsys.readouterr().out
    for name, number in priced.exact.items():
        assert f"{number:8.4f}" in next(line for line in text.splitlines() if line.startswith(name))


def test_the_formula_is_that_of_the_books() -> None:
    exact = sensitivities.formula(100.0, 105.0, 0.2, 0.03, 1.0)
    step = 1e-4
    for position, name, sign in ((0, "delta", 1.0), (2, "vega", 1.0), (3, "rho", 1.0), (4, "theta", -1.0)):
        at = [100.0, 105.0, 0.2, 0.03, 1.0]
        up, down = list(at), list(at)
        up[position] += step
        down[position] -= step
        slope = (sensitivities.formula(*up)["price"] - sensitivities.formula(*down)["price"]) / (2 * step)
        assert exact[name] == pytest.approx(sign * slope, rel=1e-5)
