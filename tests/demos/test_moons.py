from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demos import moons
from tests.demos.recompute import outputs, printed
from tests.needs import needs

needs("sklearn")
needs("matplotlib")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("moons") / "made" / "by the demo"


@pytest.fixture(scope="module")
def trained(folder: Path) -> moons.Trained:
    return moons.main(
        [
            "--epochs",
            "6",
            "--lr",
            "0.05",
            "--hidden",
            "8",
            "--samples",
            "80",
            "--resolution",
            "20",
            "--output",
            str(folder),
        ]
    )


def test_what_is_printed_is_true(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained = moons.main(["--epochs", "2", "--samples", "60", "--resolution", "8", "--output", str(tmp_path)])
    text = capsys.readouterr().out
    X_train, X_test, y_train, y_test = trained.data
    for name, X, y in (("train", X_train, y_train), ("test", X_test, y_test)):
        hits = (outputs(trained.model, X)[:, 0] > 0) == np.array(y)
        assert printed(rf"{name} accuracy +([\d.]+)%", text) == [f"{100 * hits.mean():.1f}"]
    for path in trained.pictures:
        assert f"picture: {path}\n" in text


def test_it_learns(trained: moons.Trained) -> None:
    assert len(trained.history.losses) == 6
    assert trained.history.losses[-1] < 0.75 * trained.history.losses[0]
    assert trained.test_accuracy > 0.7


def test_the_pictures_are_drawn_into_a_folder_that_is_made(trained: moons.Trained, folder: Path) -> None:
    from matplotlib.image import imread

    assert sorted(folder.iterdir()) == sorted(trained.pictures)
    for path in trained.pictures:
        assert path.read_bytes().startswith(b"\x89PNG\r\n")
        height, width, _ = imread(path).shape
        assert 600 < height < 1200 < 1.3 * width < 2000


def test_the_boundary_shows_the_model(trained: moons.Trained, folder: Path) -> None:
    """Another model on the same data gives another picture; the same one the same."""
    pictures = []
    for scale in (1.0, 1.0, -1.0):
        for parameter in trained.model.layers[-1].parameters():
            parameter.data *= scale
        path = folder.parent / "boundary.png"
        moons.draw_boundary(trained.model, trained.data, path, resolution=10)
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


def test_a_picture_that_cannot_be_drawn_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure, _ = moons.canvas("title")
    moons.save(figure, tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()

    def half(to: Any, **options: Any) -> None:
        with open(to, "wb") if isinstance(to, Path) else nullcontext(to) as file:
            file.write(before[:100])
        raise OSError("the disk is full")

    monkeypatch.setattr(figure, "savefig", half)
    with pytest.raises(OSError, match="full"):
        moons.save(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == before
