from __future__ import annotations

import math
import re

import pytest

from demos import physics
from engine import Value


@pytest.mark.parametrize("seed", [0, 1])
def test_the_equation_is_learned(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    trained = physics.main(["--epochs", "1500", "--seed", str(seed)])
    text = capsys.readouterr().out
    assert trained.error < 0.02
    rows = re.findall(r"^ +([\d.]+) +(-?[\d.]+) +(-?[\d.]+)$", text, flags=re.MULTILINE)
    assert len(rows) == 7
    for t, network, sine in rows:
        assert float(sine) == pytest.approx(math.sin(float(t)), abs=1e-4)
        u = float(t) + float(t) ** 2 * trained.model([Value(float(t))])[0].data
        assert float(network) == pytest.approx(u, abs=1e-4)


def test_a_network_that_has_learned_nothing_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert physics.main(["--epochs", "1", "--lr", "0"]).error > 0.1
    assert "largest difference" in capsys.readouterr().out
