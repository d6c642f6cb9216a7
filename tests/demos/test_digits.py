from __future__ import annotations

import numpy as np
import pytest

from demos import digits
from tests.demos.recompute import outputs, printed
from tests.needs import needs

datasets = needs("sklearn.datasets")


def test_what_is_printed_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    trained = digits.main(["--epochs", "1", "--hidden", "8", "--seed", "3"])
    text = capsys.readouterr().out

    X, y = digits.load()
    assert len(X) == 1797
    assert len(trained.X_test) == 449
    held_out = set(map(tuple, trained.X_test))
    rest = [(row, label) for row, label in zip(X, y) if tuple(row) not in held_out]
    assert len(rest) == 1797 - 449
    train_hits = np.equal(outputs(trained.model, [row for row, _ in rest]).argmax(axis=1), [label for _, label in rest])
    assert printed(r"train accuracy +([\d.]+)%", text) == [f"{100 * train_hits.mean():.1f}"]

    answers = outputs(trained.model, trained.X_test).argmax(axis=1)
    hits = np.equal(answers, trained.y_test)
    assert printed(r"test accuracy +([\d.]+)%", text) == [f"{100 * hits.mean():.1f}"]
    assert hits.mean() > 0.6  # one epoch of eight hidden neurons learns something; guessing gives 0.1

    first = int(np.flatnonzero(~hits)[0])
    mistakes, digit, answer = printed(r"One of (\d+) mistakes: (\d) taken for (\d)", text)
    assert (int(mistakes), int(digit), int(answer)) == ((~hits).sum(), trained.y_test[first], answers[first])
    assert digits.draw(trained.X_test[first]) in text


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_network_learns_and_both_ways_agree(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    trained = digits.main(["--seed", str(seed)])
    text = capsys.readouterr().out
    assert trained.test_accuracy > 0.95
    assert len(trained.first_losses) == digits.STEPS
    for in_the_open, compiled in trained.first_losses:
        assert compiled == pytest.approx(in_the_open, rel=1e-9)
        assert text.count(f"{in_the_open:10.8f}") >= 1
    confusion = np.array(trained.confusion)
    assert confusion.sum() == 449
    assert confusion.trace() / 449 == trained.test_accuracy


def test_the_test_images_take_no_part_in_training() -> None:
    """A model that has seen other labels of the held-out images comes out the same."""
    X, y = digits.load()
    learn = ["--epochs", "1", "--hidden", "--seed", "1"]
    trained = digits.main(learn)
    held_out = set(map(tuple, trained.X_test))
    changed = [0 if tuple(row) in held_out else label for row, label in zip(X, y)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "load", lambda: (X, changed))
        again = digits.main(learn)
    assert [p.data for p in again.model.parameters()] == [p.data for p in trained.model.parameters()]
    assert again.y_test != trained.y_test


def test_the_images_are_scikit_learns() -> None:
    X, y = digits.load()
    pixels, labels = datasets.load_digits(return_X_y=True)
    np.testing.assert_array_equal((np.array(X) + 1.0) * 8.0, pixels)
    np.testing.assert_array_equal(y, labels)


def test_a_picture_in_characters() -> None:
    image = [-1.0] * 64
    image[9] = 1.0
    assert digits.draw(image).split("\n") == ["", "    @@", "", "", "", "", "", ""]
