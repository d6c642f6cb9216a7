from __future__ import annotations

import re

import pytest

import nn
from demos import stepping


def test_what_is_printed_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    stepping.main(["--seed", "3", "--paths", "2"])
    text = capsys.readouterr().out
    assert "dL/da = -8 = -12 [a -> c -> (c + a) -> L] + 4 [a -> (c + a) -> L]" in text
    assert "stopped: the gradient of a changes" in text
    assert "sqrt gave x*x the gradient inf in the backward pass" in text
    assert "distance = (x * x).sqrt()" in text
    assert text.index(">>> L.zero_grad()") < text.index(">>> s = L.stepper()")  # without it gradients would add up
    model = nn.MLP(2, [4, 4, 1], activation="tanh", seed=3)
    loss = nn.mse(model([1.0, -0.5]), [1.0])
    loss.backward()
    name, weight = next(iter(model.named_parameters()))
    [(shown, gradient)] = re.findall(r"dloss/d\((\S+)\) = (\S+),", text)
    assert shown == name
    assert float(gradient) == pytest.approx(weight.grad, rel=1e-3)


def test_a_wrong_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        stepping.main(["--paths", "0"])
    assert "not a whole number of 1 or more" in capsys.readouterr().err
