from __future__ import annotations

from pathlib import Path

import pytest

from demos import spirals
from tests.needs import needs


@pytest.mark.parametrize("seed", [0, 1])
def test_the_arms_are_told_apart(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs("matplotlib")
    arguments = ["--epochs", "60", "--seed", str(seed), "--output", str(tmp_path), "--resolution", "20"]
    trained = spirals.main(arguments)
    text = capsys.readouterr().out
    assert trained.test_accuracy > 0.93
    assert f"test accuracy {trained.test_accuracy:.1%}" in text
    assert len(trained.gradient_norms) == 60
    assert all(len(row) == 3 and min(row) > 0.0 for row in trained.gradient_norms)
    for path in trained.pictures:
        assert path.read_bytes().startswith(b"\x89PNG")


def test_one_epoch_is_not_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs("matplotlib")
    trained = spirals.main(["--epochs", "1", "--lr", "0", "--output", str(tmp_path), "--resolution", "5"])
    assert trained.test_accuracy < 0.8
