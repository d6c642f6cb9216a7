from __future__ import annotations

import re

import pytest

from demos import xor

TRUTH = {("0", "0"): "0", ("0", "1"): "1", ("1", "0"): "1", ("1", "1"): "0"}


@pytest.mark.parametrize("seed", range(3))
def test_it_learns_the_truth_table(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    trained = xor.main(["--seed", str(seed)])
    text = capsys.readouterr().out
    rows = re.findall(r"^([01])  ([01]) +([\d.]+) +([01])$", text, flags=re.MULTILINE)
    assert {(a, b): answer for a, b, _, answer in rows} == TRUTH
    assert all((float(probability) > 0.5) == (answer == "1") for *_, probability, answer in rows)
    assert "right answers: 100%" in text
    assert trained.losses[-1] < 0.1 < trained.losses[0]


def test_what_is_printed_is_true_of_a_network_that_has_learned_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    xor.main(["--epochs", "1", "--lr", "0"])
    text = capsys.readouterr().out
    rows = re.findall(r"^([01])  ([01]) +[\d.]+ +([01])$", text, flags=re.MULTILINE)
    right = sum(TRUTH[a, b] == answer for a, b, answer in rows)
    assert right < 4
    assert f"right answers: {right / 4:.0%}" in text


def test_no_hidden_layer_cannot_learn_it() -> None:
    trained = xor.main(["--hidden", "--epochs", "200"])
    assert trained.losses[-1] > 0.69  # no better than a coin, ln 2
