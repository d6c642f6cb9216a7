"""A tiny GPT: it reads a list of words letter by letter, and then makes up new ones that sound alike.

One transformer block of 3,000 parameters, all of them scalars: embeddings, causal self-attention, residual connections
and RMS norms. It is trained in compiled code in a few seconds.
"""

from __future__ import annotations

import random
import sys
from argparse import SUPPRESS, ArgumentDefaultsHelpFormatter, ArgumentParser
from collections.abc import Sequence
from typing import Any, NamedTuple

import engine
import nn
from demos.options import size, whole
from demos.words import WORDS
from engine.shell.streams import in_a_shell

END = "."  # before and after each word
CONTEXT = 8  # letters that the network sees
WIDTH, HEADS = 16, 4


class Trained(NamedTuple):
    """What was learned, and what it makes up."""

    model: GPT
    history: nn.History
    words: list[str]
    new_words: list[str]


class GPT(nn.Module):
    """For each letter of a text, the scores of all letters to come next.

    Args:
        letters: the number of different letters.
        seed: of the weights.
    """

    def __init__(self, letters: int, seed: int) -> None:
        rng = random.Random(seed)

        def small(rng: random.Random, nin: int, nout: int) -> float:
            return rng.gauss(0.0, 0.1)

        self.tokens = nn.Embedding(letters, WIDTH, init=small, seed=rng)
        self.places = nn.Embedding(CONTEXT, WIDTH, init=small, seed=rng)
        attention = nn.SelfAttention(WIDTH, HEADS, causal=True, bias=False, seed=rng)
        up, down = nn.Layer(WIDTH, 2 * WIDTH, bias=False, seed=rng), nn.Layer(2 * WIDTH, WIDTH, "identity", seed=rng)
        self.block = nn.Sequential(
            nn.Residual(nn.Sequential(nn.RMSNorm(WIDTH), attention)),
            nn.Residual(nn.Sequential(nn.RMSNorm(WIDTH), up, down)),
            nn.RMSNorm(WIDTH),
            nn.Layer(WIDTH, letters, "identity", bias=False, seed=rng),
        )

    def __call__(self, text: Any) -> Any:
        """The scores after each of CONTEXT letters, which are given as numbers."""
        vectors = zip(self.tokens(text), self.places(range(len(text))))
        return self.block([[a + b for a, b in zip(token, place)] for token, place in vectors])


def options() -> ArgumentParser:
    """The options on the command line."""
    parser = ArgumentParser("python -m demos.gpt", description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--words", choices=sorted(WORDS), default="elements", help="the list to learn from")
    add("--epochs", type=whole(1), default=100, metavar="N", help="passes over the list")
    add("--quick", dest="epochs", action="store_const", const=20, default=SUPPRESS, help="train briefly")
    add("--batch-size", type=whole(1), default=32, metavar="N", help="texts per step")
    add("--lr", type=size, default=0.01, metavar="RATE", help="the largest learning rate")
    add("--count", type=whole(1), default=12, metavar="N", help="how many new words to make up")
    add("--temperature", type=size, default=0.8, metavar="T", help="below 1, likelier letters are favoured")
    add("--seed", type=whole(0), default=0, metavar="N", help="the same number gives the same run")
    return parser


def main(argv: Sequence[str] | None = None) -> Trained:
    """Train the network, and print words that are not in the list."""
    chosen = options().parse_args(argv)
    words = WORDS[chosen.words].split()
    letters = END + "".join(sorted({*"".join(words)}))
    X, y = texts(words, letters)
    model = GPT(len(letters), chosen.seed)
    print(f"GPT: {len(words)} names of {chosen.words}, for a transformer of {len(model.parameters())} parameters")
    steps = chosen.epochs * -(-len(X) // chosen.batch_size)
    schedule = nn.schedules.cosine(chosen.lr, steps, warmup=min(10, steps - 1))
    history = nn.fit(
        model,
        X,
        y,
        loss_of_texts,
        nn.Adam(model.parameters(), lr=chosen.lr),
        epochs=chosen.epochs,
        batch_size=chosen.batch_size,
        schedule=schedule,
        seed=chosen.seed,
        progress=True,
    )
    rng = random.Random(chosen.seed)
    new_words: list[str] = []
    for _ in range(20 * chosen.count):  # not for ever: at a low temperature the same words come again and again
        word = made_up(model, letters, chosen.temperature or 1e-3, rng)
        if word and word not in words and word not in new_words:
            new_words.append(word)
        if len(new_words) == chosen.count:
            break
    print("new words: " + " ".join(new_words))
    if len(new_words) < chosen.count:
        print(f"no more than {len(new_words)} of {chosen.count}: train longer, or raise the temperature")
    return Trained(model, history, words, new_words)


def texts(words: Sequence[str], letters: str) -> tuple[list[list[int]], list[list[int]]]:
    """Pieces of CONTEXT letters, as numbers, and for each the letters that come next.

    >>> texts(["tin"], ".int")
    ([[0, 3, 1, 2, 0, 0, 0, 0]], [[3, 1, 2, 0, 0, 0, 0, 0]])
    """
    X, y = [], []
    for word in words:
        numbers = [letters.index(letter) for letter in f"{END}{word}".ljust(CONTEXT + 1, END) + END]
        for start in range(len(numbers) - CONTEXT if len(word) >= CONTEXT else 1):
            X.append(numbers[start : start + CONTEXT])
            y.append(numbers[start + 1 : start + CONTEXT + 1])
    return X, y


def loss_of_texts(outputs: Sequence[Any], labels: Sequence[Any]) -> Any:
    """The mean cross-entropy of all next letters."""
    return engine.mean([nn.cross_entropy(scores, letters) for scores, letters in zip(outputs, labels)])


def made_up(model: GPT, letters: str, temperature: float, rng: random.Random, longest: int = 20) -> str:
    """A word, drawn letter by letter from what the network thinks likely."""
    word = END
    while len(word) <= longest:
        seen = word[-CONTEXT:]
        text = [letters.index(letter) for letter in seen.ljust(CONTEXT, END)]
        scores = nn.predict(model, [text])[0][len(seen) - 1]
        chances = nn.softmax([score / temperature for score in scores])
        letter = rng.choices(letters, chances)[0]
        if letter == END:
            break
        word += letter
    return word[1:]


if __name__ == "__main__":
    sys.exit(in_a_shell(main))
