"""Data sets: random batches, and a part held out for testing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from ..arguments import Seed, counted, listed, plain, random_source, real_number, true_or_false, warn_user, whole_number
from ..elsewhere import explained
from ..rows import has_array, is_row
from .tables import paired, same_rows


class Batches:
    """Batches of a data set; each loop over them goes through all samples, in an order of its own.

    Args:
        samples: a list or array of them.
        labels: as many.
        size: samples in a batch; the last one may be smaller.
        source: what shuffles the order of each loop; None for that of the data.
    """

    def __init__(self, samples: Any, labels: Any, size: int, source: random.Random | None) -> None:
        self._samples, self._labels, self._size, self._source = samples, labels, size, source

    def __len__(self) -> int:
        """How many there are."""
        return -(-len(self._samples) // self._size)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Go through all samples once."""
        order = list(range(len(self._samples)))
        if self._source is not None:
            self._source.shuffle(order)
        for start in range(0, len(order), self._size):
            chunk = order[start : start + self._size]
            yield chosen(self._samples, chunk), chosen(self._labels, chunk)

    def __repr__(self) -> str:
        return f"<{counted(len(self), 'batch', 'batches')} of {counted(len(self._samples), 'sample')}>"


@explained
def batches(X: Any, y: Any, batch_size: int | None, shuffle: bool = True, seed: Seed = None) -> Batches:
    """Split a data set into batches for stochastic gradient descent; every sample is in exactly one.

    They may be made once and looped over in every epoch, like PyTorch's DataLoader: each loop draws a new order.

    Args:
        X: the samples, a list, array or DataFrame of rows.
        y: their labels, as many.
        batch_size: samples in a batch, the last one may be smaller; None for one batch of the whole data set.
        shuffle: whether the batches are random; otherwise they keep the order of the data.
        seed: an int for the same batches every time, or a `random.Random` to draw from.

    Returns:
        Pairs (rows of X, labels) to loop over, as often as you like: of arrays and tables arrays, else lists; `len`
        says how many there are.

    Raises:
        TypeError: if `batch_size` is not a whole number, `shuffle` not a bool, or X or y not a list or array.
        ValueError: if `batch_size` is below 1, there is no data, or X and y differ in length.

    >>> pairs = batches([10, 20, 30], [1, 2, 3], batch_size=2, shuffle=False)
    >>> list(pairs), len(pairs)
    ([([10, 20], [1, 2]), ([30], [3])], 2)
    """
    samples, labels = (data if hasattr(data, "dtype") else list(data) for data in paired(X, y))
    size = len(samples) if batch_size is None else whole_number("batch_size", batch_size, least=1)
    return Batches(samples, labels, size, random_source(seed) if true_or_false("shuffle", shuffle) else None)


@explained
def train_test_split(
    X: Any,
    y: Any,
    test: float | None = None,
    seed: Seed = None,
    *,
    test_size: float | int | None = None,
    random_state: Seed = None,
    stratify: Any = None,
    shuffle: bool = True,
) -> tuple[Any, Any, Any, Any]:
    """Hold out a random part of a data set for testing, or the last one.

    Args:
        X: the samples, a list, array or DataFrame of rows.
        y: their labels, as many.
        test: the share of samples to hold out, above 0 and below 1, by default 0.25; or, as an int, their number.
        seed: an int for the same split every time, or a `random.Random` to draw from.
        test_size: scikit-learn's name for `test`.
        random_state: scikit-learn's name for `seed`.
        stratify: labels, usually `y`: the same share of each class is held out.
        shuffle: whether to choose at random; otherwise the last samples are held out, as of a time series.

    Returns:
        X_train, X_test, y_train, y_test, in scikit-learn's order; arrays and DataFrames as such, else lists.

    Raises:
        TypeError: if `test` is not a number, or X or y not a list or array; if something is given under both its names,
            or more than X and y are to be split.
        ValueError: if `test` is out of range or leaves a part without samples, or X and y differ in length; if it is
            to stratify without shuffling.

    >>> X, y = [1, 2, 3, 4], [10, 20, 30, 40]
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, seed=1)
    >>> len(X_train), len(X_test), y_test[0] == 10 * X_test[0]
    (3, 1, True)
    >>> classes = [0, 1, 0, 1]
    >>> train_test_split(X, classes, test_size=2, random_state=0, stratify=classes)[3]
    [0, 1]
    >>> train_test_split(X, y, shuffle=False)
    ([1, 2, 3], [4], [10, 20, 30], [40])
    """
    if is_row(test):
        raise TypeError(
            "train_test_split takes X and y, and no third array: split their places, as in train, held, *_ = "
            "train_test_split(range(len(y)), y), and choose from each array by them"
        )
    size = _one_of("test", test, "test_size", test_size)
    rng = random_source(_one_of("seed", seed, "random_state", random_state))
    samples, _ = paired(X, y)
    in_order = not true_or_false("shuffle", shuffle)
    if stratify is not None:
        if in_order:
            raise ValueError("stratify chooses at random from each class: leave it out, or shuffle=False")
        _, classes = paired(X, stratify, "stratify")
        same_rows(y=y, stratify=stratify)
        stratify = [tuple(map(plain, label)) if is_row(label) else plain(label) for label in classes]
    name = "test" if test_size is None else "test_size"
    share = 0.25 if size is None else size
    first_rows, last_rows = split_rows(len(samples), share, None if in_order else rng, stratify, name)
    return chosen(X, first_rows), chosen(X, last_rows), chosen(y, first_rows), chosen(y, last_rows)


def _one_of(name: str, given: Any, other_name: str, other: Any) -> Any:
    if given is not None and other is not None:
        raise TypeError(f"{name} and {other_name} are two names for one thing: give one")
    return other if given is None else given


def split_rows(
    count: int, size: Any, rng: random.Random | None, stratify: list[Any] | None, name: str
) -> tuple[list[int], list[int]]:
    """The rows of two parts of a data set; the second one is held out.

    Args:
        count: how many rows there are.
        size: the share of the second part, or as an int its number of rows.
        rng: the source of random numbers that chooses them; None to hold out the last rows.
        stratify: a label for each row: the same share of each is held out, as nearly as whole rows allow; a warning
            tells of labels of which none is left.
        name: the name of `size`, for messages.

    Raises:
        TypeError: if the size is not a number.
        ValueError: if it leaves no row on one side.
    """
    if isinstance(plain(size), int) and not isinstance(size, bool):
        held_out = whole_number(name, size, least=0)
    else:
        held_out = round(count * real_number(name, size, least=0.0, most=1.0))
    if not 0 < held_out < count:
        raise ValueError(f"{name}={size:g} leaves one side of {counted(count, 'sample')} empty: choose another share")
    order = list(range(count))
    if rng is None:
        return order[:-held_out], order[-held_out:]
    rng.shuffle(order)
    if stratify is None:
        return order[held_out:], order[:held_out]
    members: dict[Any, list[int]] = {}
    for row in order:
        members.setdefault(stratify[row], []).append(row)
    last = _same_share_of_each(members, held_out, count)
    if lost := [f"{label!r}" for label, rows in members.items() if last.issuperset(rows)]:
        warn_user(
            f"{name} holds out all samples of {counted(len(lost), 'class', 'classes')}{listed(lost)}, so that "
            "nothing is learned of them: give more samples of each, or another share",
            UserWarning,
        )
    return [row for row in order if row not in last], [row for row in order if row in last]


def _same_share_of_each(members: dict[Any, list[int]], held_out: int, count: int) -> set[int]:
    """The first rows of each label, as many as its share of those to hold out.

    That is rarely a whole number. Rows still to be held out come one each from the labels with the largest remainders;
    labels of which none would then be left come last.
    """
    exact = {label: len(rows) * held_out / count for label, rows in members.items()}
    rest = {label: share % 1.0 for label, share in exact.items()}  # the remainder, a part of a sample
    leaves_some = {label: int(exact[label]) + 1 < len(rows) for label, rows in members.items()}
    by_rest = sorted(rest, key=lambda label: (rest[label] > 0.0 and leaves_some[label], rest[label]), reverse=True)
    more = set(by_rest[: held_out - sum(map(int, exact.values()))])
    return {row for label, rows in members.items() for row in rows[: int(exact[label]) + (label in more)]}


def chosen(data: Any, rows: list[int]) -> Any:
    """Some rows of a list, array or DataFrame, as the same kind.

    >>> chosen("abc", [2, 0])
    ['c', 'a']
    """
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    if hasattr(data, "to_pylist"):  # of PyArrow, where [...] takes one place
        return data.take(rows)
    return data[rows] if has_array(data) else [data[row] for row in rows]  # a row of a table may be a table
