"""The tiny GPT: it learns, for several seeds, and what it makes up is new."""

from __future__ import annotations

import math

import pytest

from tests.needs import needs

needs("numpy")

from demos import gpt
from demos.words import WORDS


@pytest.mark.parametrize("seed", [0, 1])
def test_it_learns_and_makes_up_new_words(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    trained = gpt.main(["--seed", str(seed), "--epochs", "40"])
    text = capsys.readouterr().out
    losses = trained.history.losses
    assert losses[0] < 1.2 * math.log(24)  # it begins at about chance
    assert losses[-1] < 1.4  # letters at random give 3.2
    assert len(set(trained.new_words)) == 12
    assert not set(trained.new_words) & set(trained.words)
    assert all(word.isalpha() for word in trained.new_words)
    assert "new words: " + " ".join(trained.new_words) in text


def test_the_same_seed_gives_the_same_words() -> None:
    runs = [gpt.main(["--epochs", "3", "--seed", "4", "--count", "3"]) for _ in range(2)]
    assert runs[0].new_words == runs[1].new_words
    assert runs[0].history.losses == runs[1].history.losses


def test_what_says_the_same_again_and_again_comes_to_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Without chance there is one word, and the search for the second one went on for ever."""
    trained = gpt.main(["--epochs", "1", "--count", "2", "--temperature", "0"])
    assert len(trained.new_words) == 1
    assert "no more than 1 of 2" in capsys.readouterr().out


def test_texts_cover_every_letter() -> None:
    words = ["tin", "praseodymium"]
    letters = ".adeimnoprstuy"
    X, y = gpt.texts(words, letters)
    assert all(len(x) == len(after) == gpt.CONTEXT for x, after in zip(X, y))
    assert all(x[1:] == after[:-1] for x, after in zip(X, y))
    whole = ".praseodymium."
    pieces = {"".join(letters[k] for k in [*x, after[-1]]) for x, after in zip(X, y)}
    assert {whole[k : k + 9] for k in range(len(whole) - 8)} <= pieces


@pytest.mark.parametrize("name", WORDS)
def test_lists_hold_words(name: str) -> None:
    words = WORDS[name].split()
    assert len(set(words)) == len(words) > 80
    assert all(word.isalpha() and word.islower() and word.isascii() for word in words)
