"""Labels, and the class that each names: texts name classes, sorted; ints are indices."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from numbers import Real
from typing import Any

from ..arguments import class_index, plain, real_number, show
from ..layers.module import Module
from ..rows import as_lists, as_row, is_row, only, same_length
from .columns import above, flat, width_of
from .rules import RULES, name_of_sample_loss

_PLAIN = {bool, int, float}

plain_text = str.__str__
"""The characters of a text, where `str` gives ``Colour.RED`` for a member of an Enum of texts."""


def classes_of(model: Any) -> list[Any] | None:
    """The names of a model's classes, which `fit` found in labels that are texts; None if classes are indices."""
    classes = vars(model).get("classes") if isinstance(model, Module) else None
    named = isinstance(classes, list) and bool(classes) and all(isinstance(name, str) for name in classes)
    return classes if named else None


def names_several(model: Any) -> bool:
    """Whether `fit` found labels that name several classes of a sample, or none: each output is a yes or no."""
    return isinstance(model, Module) and bool(vars(model).get("_several"))


def are_texts(labels: Any) -> bool:
    """Whether labels are names of classes.

    Raises:
        TypeError: if only some are, or they are bytes.
        ValueError: if they are in rows.
    """
    kind = getattr(getattr(labels, "dtype", None), "kind", "O")
    if kind not in "USO":
        return False
    first = labels[0]
    if isinstance(first, bytes):
        raise TypeError(f"labels are texts or numbers, not bytes such as {first!r}: write y.astype(str) of an array")
    if is_row(first) and len(first) and isinstance(first[0], (str, bytes)):
        several = "number those of positions by np.unique(y, return_inverse=True)[1].reshape(np.shape(y))"
        remedy = several if len(first) > 1 else "y.squeeze(1) of a column"
        raise ValueError(f"a label is one text, not a row of them such as {show(first)}: {remedy}")
    if kind == "U":
        return True
    texts = [isinstance(label, str) for label in labels]
    if any(texts) and not all(texts):
        other = show(labels[texts.index(False)])
        raise TypeError(
            f"some labels are texts and others are not, such as {other}: make all of them texts, or leave those "
            "samples out"
        )
    return texts[0]


def are_names(labels: Any, classes: list[Any] | None) -> bool:
    """Whether labels are names of a model's classes; otherwise they are indices, or rows.

    Raises:
        TypeError, ValueError: as `are_texts`.
        ValueError: labels and names are numbers, but the names are not the indices: 1 may be the class "1" or the
            second one.

    >>> are_names(["2", "1"], ["1", "2"]), are_names([1, 0], ["no", "yes"]), are_names([1, 0], ["0", "1"])
    (True, False, False)
    """
    if are_texts(labels):
        return True
    if (
        not classes
        or is_row(labels[0])
        or isinstance(labels[0], LabelFromText)
        or classes == [str(index) for index in range(len(classes))]
    ):
        return False
    if numeric := [name for name in classes if _reads_as_number(name)]:
        raise ValueError(
            f"labels are numbers, as {show(labels[0])}, and the model's classes are texts, such as {numeric[0]!r}: "
            "give texts, by y.astype(str) of an array, or set the model's classes to None, to give indices"
        )
    return False


def _reads_as_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def strata(y: Any, loss: Any) -> list[Any] | None:
    """The class of each sample, to be compared with others; None if labels name no classes, see `name_classes`.

    >>> from nn import cross_entropy, mse
    >>> strata([1, 0], cross_entropy), strata([[0, 1], [1, 0]], cross_entropy), strata([1, 0], mse)
    ([1, 0], [(0, 1), (1, 0)], None)
    """
    return list(_in_python(y)) if name_classes(y, loss) else None


def name_classes(y: Any, loss: Any) -> bool:
    """Whether labels are classes: texts, or, for a loss of classes, whole numbers or one-hot rows.

    >>> from nn import bce, cross_entropy, mse
    >>> name_classes(["cat"], mse), name_classes([1, 0], cross_entropy), name_classes([[1], [0]], cross_entropy)
    (True, True, True)
    >>> name_classes([1, 0], mse), name_classes([[0.3, 0.7], [1, 0]], cross_entropy), name_classes([0.3, 1.0], bce)
    (False, False, False)
    """
    if are_texts(y):
        return True
    if name_of_sample_loss(loss) not in RULES:
        return False
    if _are_numbers(y) and y.ndim == 2 and y.shape[1] > 1:  # all at once
        return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())
    labels = _in_python(y)
    if any(isinstance(label, Real) and not float(label).is_integer() for label in labels):
        return False
    rows = [label for label in labels if type(label) is tuple]
    if any(is_row(item) for row in rows for item in row):  # positions of sequences
        return False
    return all(len(row) == 1 or (row.count(0), row.count(1)) == (len(row) - 1, 1) for row in {*rows})


def name_positions(y: Any, loss: Any) -> bool:
    """Whether labels are rows of classes, one for each position of a sequence, for a loss of several classes.

    >>> from nn import cross_entropy, per_sample
    >>> of_sequence = per_sample(cross_entropy)
    >>> name_positions([[2, 0, 1], [1, 1]], of_sequence), name_positions([[0.3, 0.7], [1, 0]], of_sequence)
    (True, False)
    """
    if name_of_sample_loss(loss) not in ("cross_entropy", "nll") or not is_row(y[0]):
        return False
    if _are_numbers(y):
        return bool((y == y.round()).all())
    return all(isinstance(label, Real) and float(label).is_integer() for label in map(plain, flat(y)))


def _in_python(y: Any) -> Any:
    """Labels as numbers or texts of Python's, rows of them as tuples."""
    labels = y.tolist() if _are_numbers(y) else y
    if {*map(type, labels)} <= _PLAIN:
        return labels
    return [tuple(map(plain, label)) if is_row(label) else plain(label) for label in labels]


def _are_numbers(y: Any) -> bool:
    """Whether this is an array of real numbers."""
    kind = getattr(getattr(y, "dtype", None), "kind", "") if hasattr(y, "tobytes") else ""
    return kind != "" and kind in "biuf"


class LabelFromText(int):
    """The number of a class with a name, which losses and metrics are given in place of that name."""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            raise TypeError(
                f"a label is compared with the text {other!r}, which it never equals: losses and metrics are given the "
                f"numbers of classes, here {int(self)}, and model.classes.index({other!r}) is that of a name"
            )
        return int.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = int.__hash__


def as_targets(labels: Any, classes: list[Any], loss: str) -> list[int]:
    """Names of classes as a loss takes them: -1 and 1 for `hinge`, indices for all others.

    Args:
        labels: the names.
        classes: all names, in order.
        loss: the name of the loss.

    Raises:
        ValueError: if one is not among the classes, or there are no classes.

    >>> as_targets(["b", "a"], ["a", "b"], "hinge"), as_targets(["b", "a"], ["a", "b"], "bce")
    ([1, -1], [1, 0])
    """
    named = [LabelFromText(2 * index - 1 if loss == "hinge" else index) for index in range(len(classes))]
    return [named[index] for index in _as_indices(labels, classes)]


def _as_indices(labels: Any, classes: list[Any]) -> list[int]:
    """Names of classes as their indices.

    Raises:
        ValueError: if one is not among the classes, or there are no classes.
    """
    if not classes:
        raise ValueError("labels are texts, and the model knows no names: nn.fit with such labels sets model.classes")
    places = {name: place for place, name in enumerate(classes)}
    texts = [*map(plain_text, as_lists(labels))]
    unknown = sorted({*texts} - places.keys())
    if unknown:
        raise ValueError(
            f"no class is named {unknown[0]!r}: the model knows {', '.join(map(str, classes))}; correct the label, or "
            "train a model on samples of that class too"
        )
    return [places[text] for text in texts]


def label_indices(labels: Any, shape: tuple[int, ...], classes: list[Any] | None = None) -> Any:
    """The class that each label names: an array for arrays, and for lists of plain numbers or rows of them; else lists.

    Args:
        labels: for several outputs class indices or one-hot rows, for one output 1 against 0 or -1; or texts.
        shape: the shape of a sample's outputs: positions of a sequence, if any, and the number of classes.
        classes: the names of the classes.

    Raises:
        TypeError: if a label is not a number.
        ValueError: if it is fractional, not a one-hot row (zeros and a single 1), or not a class of the model.
        IndexError: if a class index is negative or too large.

    >>> label_indices([[0, 1], 0], (2,)), [*map(int, label_indices([-1, 1], ()))]
    ([1, 0], [0, 1])
    """
    if are_names(labels, classes):
        return _as_indices(labels, classes or [])
    numbers = _as_array(labels)
    found = None if numbers is None else _array_indices(numbers, shape)
    if found is not None:
        return found
    outputs = width_of(shape)
    if outputs > 1:  # one by one, which says what is wrong
        return [_at_positions(_index, label, outputs, len(shape) - 1) for label in labels]
    signs = [_at_positions(_sign, label, 1, len(shape) - 1) for label in labels]
    if {-1.0, 0.0} <= {*flat(signs)}:
        raise ValueError("with one output labels are 1 against 0, or 1 against -1, and these are 1, 0 and -1")
    return above(signs, 0.0)


def _array_indices(labels: Any, shape: tuple[int, ...]) -> Any:
    """The class that each label of an array names; None if one of them names none, or rows are not for the outputs."""
    import numpy as np

    outputs, depth = width_of(shape), len(shape)
    if outputs > 1 and labels.ndim == depth + 1 and labels.shape[-1] == outputs:
        ones, zeros = np.count_nonzero(labels == 1, -1), np.count_nonzero(labels == 0, -1)
        return labels.argmax(-1) if np.all((ones == 1) & (zeros == outputs - 1)) else None
    if labels.dtype.kind == "b":
        return None
    if outputs > 1 and labels.ndim == depth:
        right = (labels >= 0) & (labels < outputs) & (labels == np.floor(labels))
        return labels.astype(int) if right.all() else None
    form = (len(labels), *shape[:-1])
    if outputs == 1 and labels.shape in (form, (*form, 1)):
        right = any(np.all((labels == 1) | (labels == rest)) for rest in (0, -1))
        return (labels > 0).astype(int).reshape(form) if right else None
    return None


def _at_positions(read: Callable[[Any, int], float], label: Any, outputs: int, depth: int) -> Any:
    if depth <= 0:
        return read(label, outputs)
    return [_at_positions(read, item, outputs, depth - 1) for item in as_row("the labels of a sequence", label)]


def _as_array(labels: Any) -> Any:
    """Labels as an array of numbers or bools; None if they are none, or NumPy is not installed."""
    if not hasattr(labels, "dtype"):
        rows = {*map(type, labels)} == {list} and len({*map(len, labels)}) == 1
        others = {*map(type, chain.from_iterable(labels) if rows else labels)} - {int, float, LabelFromText}
        try:
            import numpy as np
        except ImportError:
            return None
        if not all(issubclass(kind, (np.integer, np.floating)) for kind in others):  # but no bools
            return None
        labels = np.array(labels)
    return labels if labels.dtype.kind in "iufb" else None


def _index(label: Any, outputs: int) -> int:
    if not is_row(label):
        return class_index(label, outputs)
    row = [int(x) if isinstance(x, bool) else x for x in map(plain, as_row("label", label))]
    if len(row) == 1:
        raise ValueError(
            f"a row of one number is not a label for {outputs} outputs: give class indices, y.squeeze(1) of a column"
        )
    same_length("one-hot number", row, "output", [None] * outputs)
    entries = [real_number("an entry of a one-hot label", x) for x in row]
    if sorted(entries) != [0.0] * (outputs - 1) + [1.0]:
        raise ValueError(
            f"a one-hot label is zeros and a single 1, not {show(row)}: where several may be 1, accuracy says nothing; "
            "give metrics of your own, or metrics=()"
        )
    return entries.index(1.0)


def _sign(label: Any, _: int) -> float:
    sign = real_number("a label", only(label))
    if sign not in (-1.0, 0.0, 1.0):
        raise ValueError(f"with one output a label is 1 against 0 or -1, not {sign:.15g}")
    return sign
