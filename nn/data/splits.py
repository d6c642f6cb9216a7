"""Data sets: random batches, and a part held out for testing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..arguments import Seed, as_row, random_source, real_number, same_length, whole_number


def batches(
    X: Any, y: Any, batch_size: int | None, shuffle: bool = True, seed: Seed = None
) -> Iterator[tuple[list[Any], list[Any]]]:
    """Split a data set into batches for stochastic gradient descent; every sample is in exactly one.

    Args:
        X: the samples, a list or array of rows.
        y: as many labels.
        batch_size: samples in a batch, the last one may be smaller; None for one batch of the whole data set.
        shuffle: whether the batches are random; otherwise they keep the order of the data.
        seed: an int for the same batches every time, or a `random.Random` to draw from.

    Returns:
        An iterator over pairs of lists (rows of X, labels).

    Raises:
        TypeError: if `batch_size` is no whole number, or X or y no list or array.
        ValueError: if `batch_size` is below 1, there is no data, or X and y differ in length.

    >>> list(batches([10, 20, 30], [1, 2, 3], batch_size=2, shuffle=False))
    [([10, 20], [1, 2]), ([30], [3])]
    """
    samples, labels = _paired(X, y)
    size = len(samples) if batch_size is None else whole_number("batch_size", batch_size, least=1)
    order = list(range(len(samples)))
    if shuffle:
        random_source(seed).shuffle(order)
    chunks = (order[start : start + size] for start in range(0, len(order), size))
    return (([samples[i] for i in chunk], [labels[i] for i in chunk]) for chunk in chunks)


def train_test_split(
    X: Any, y: Any, test: float = 0.25, seed: Seed = None
) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Hold out a random part of a data set for testing.

    Args:
        X: the samples, a list or array of rows.
        y: as many labels.
        test: the share of samples to hold out, above 0 and below 1; at least one goes to each part.
        seed: an int for the same split every time, or a `random.Random` to draw from.

    Returns:
        X_train, X_test, y_train, y_test, in scikit-learn's order.

    Raises:
        TypeError: if `test` is no number, or X or y no list or array.
        ValueError: if `test` is out of range, X and y differ in length or have fewer than two samples.

    >>> X_train, X_test, y_train, y_test = train_test_split([1, 2, 3, 4], [10, 20, 30, 40], seed=1)
    >>> len(X_train), len(X_test), y_test[0] == 10 * X_test[0]
    (3, 1, True)
    """
    samples, labels = _paired(X, y)
    share = real_number("test", test, least=0.0, most=1.0)
    held_out = round(len(samples) * share)
    if not 0 < held_out < len(samples):
        raise ValueError(f"test={share:g} leaves no sample on one side of {len(samples)}: choose another share")
    order = list(range(len(samples)))
    random_source(seed).shuffle(order)
    first, last = order[held_out:], order[:held_out]
    return (
        [samples[i] for i in first],
        [samples[i] for i in last],
        [labels[i] for i in first],
        [labels[i] for i in last],
    )


def _paired(X: Any, y: Any) -> tuple[list[Any], list[Any]]:
    samples, labels = as_row("X", X), as_row("y", y)
    same_length("samples", samples, "labels", labels)
    return samples, labels
