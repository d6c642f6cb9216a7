"""Operations on the outputs of many samples: on arrays at once, on nested lists one by one."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from ..rows import as_lists, is_row, only

Form: TypeAlias = "tuple[int, ...] | list[Any]"
"""How an output is nested: its shape; where rows differ in length, a list of the forms of its parts."""


def shape_of(output: Any) -> tuple[int, ...]:
    """The shape of a model's output for one sample, judged by its first entries.

    >>> shape_of(0.5), shape_of([0.5, 1.0]), shape_of([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]), shape_of([])
    ((), (2,), (2, 3), (0,))
    """
    return (len(output), *(shape_of(output[0]) if len(output) else ())) if is_row(output) else ()


def shape_of_each(outputs: Any) -> tuple[int, ...]:
    """The shape of a model's output for each sample.

    >>> shape_of_each([[0.5, 1.0], [0.0, 0.0]])
    (2,)
    """
    return tuple(outputs.shape[1:]) if hasattr(outputs, "dtype") else shape_of(outputs[0])


def width_of(shape: tuple[int, ...]) -> int:
    """How many numbers an innermost row of outputs of that shape has; 1 for a number that is in no row.

    >>> width_of(()), width_of((2,)), width_of((5, 3))
    (1, 2, 3)
    """
    return shape[-1] if shape else 1


def width_of_each(outputs: Any) -> int:
    """How many numbers each innermost row of outputs has, as `width_of` counts them.

    Raises:
        ValueError: rows differ in length.

    >>> width_of_each([[0.5, 1.0], [0.0, 0.0]])
    2
    """
    widths = {width_of(shape_of_each(outputs))} if hasattr(outputs, "dtype") else _widths(outputs)
    if len(widths) > 1:
        raise ValueError(
            f"outputs are rows of {' and '.join(map(str, sorted(widths)))} numbers, as from a model with several "
            "heads: judge each by itself, such as the first with lambda x: model(x)[0]"
        )
    return widths.pop()


def _widths(rows: Any) -> set[int]:
    found = set[int]().union(*[_widths(row) if any(map(is_row, row)) else {len(row)} for row in rows if is_row(row)])
    return found if all(map(is_row, rows)) else found | {1}


def nan_at(outputs: Any) -> int | None:
    """The place of the first sample with an output of nan; None if there is none.

    >>> nan_at([[1.0], [math.nan]]), nan_at([1.0])
    (1, None)
    """
    if hasattr(outputs, "dtype"):
        import numpy as np

        bad = outputs != outputs
        return int(bad.reshape(len(bad), -1).any(1).argmax()) if np.count_nonzero(bad) else None
    return next((place for place, output in enumerate(outputs) if _has_nan(output)), None)


def largest(outputs: Any) -> Any:
    """The place of the largest number in each innermost row; the first of equal ones.

    >>> largest([[1.0, 3.0], [2.0, 2.0]])
    [1, 0]
    """
    if hasattr(outputs, "dtype"):
        return outputs.argmax(-1)
    return [row.index(max(row)) if not is_row(row[0]) else largest(row) for row in outputs]


def are_shares(outputs: Any) -> bool:
    """Whether the numbers of each innermost row are from 0 to 1 and sum to 1, as probabilities of classes do.

    >>> are_shares([[0.25, 0.75], [1.0, 0.0]]), are_shares([[0.25, 0.5]]), are_shares([[2.0, -1.0]])
    (True, False, False)
    """
    if hasattr(outputs, "dtype"):
        return bool(outputs.min() >= 0.0 and outputs.ndim > 1 and (abs(outputs.sum(-1) - 1.0) < 1e-6).all())
    rows = innermost(outputs) if all(map(is_row, outputs)) else [outputs]
    return all(min(row) >= 0.0 and abs(math.fsum(row) - 1.0) < 1e-6 for row in rows)


def places_taken(outputs: Any, chosen: Any) -> list[int]:
    """How many numbers of each innermost row are larger than the one chosen in it, or equal and before it.

    >>> places_taken([[1.0, 3.0, 2.0], [2.0, 2.0, 2.0]], [0, 1])
    [2, 1]
    """
    if hasattr(outputs, "dtype"):
        import numpy as np

        rows, column = outputs.reshape(-1, outputs.shape[-1]), np.reshape(chosen, (-1, 1))
        numbers = np.take_along_axis(rows, column, 1)
        before = (rows > numbers) | ((rows == numbers) & (np.arange(rows.shape[1]) < column))
        return flat(np.count_nonzero(before, 1))
    return [
        sum(x > row[place] or (x == row[place] and k < place) for k, x in enumerate(row))
        for row, place in zip(innermost(outputs), flat(chosen))
    ]


def above(outputs: Any, threshold: float) -> Any:
    """1 for each number above the threshold, else 0; a row of one number is that number.

    >>> above([[1.0], [-1.0]], 0.0)
    [1, 0]
    """
    if hasattr(outputs, "dtype"):
        numbers = outputs[..., 0] if outputs.ndim > 1 and outputs.shape[-1] == 1 else outputs
        return (numbers > threshold).astype(int)
    return [above(o, threshold) if is_row(o) and len(o) > 1 else int(only(o) > threshold) for o in outputs]


def ends_of(outputs: Any) -> list[float]:
    """The least and the largest number.

    >>> ends_of([[1.0], [-1.0], [0.5]])
    [-1.0, 1.0]
    """
    if hasattr(outputs, "dtype"):
        return [float(outputs.min()), float(outputs.max())]
    numbers = flat(outputs)
    return [min(numbers), max(numbers)]


def mapped(function: Any, outputs: Any) -> Any:
    """`function` of every innermost row."""
    if is_row(outputs[0]):
        return [mapped(function, row) for row in outputs]
    return function(list(outputs))


def flat(nested: Any) -> list[Any]:
    """The items of nested rows, in order.

    >>> flat([[1, 2], [[3]], 4])
    [1, 2, 3, 4]
    """
    if hasattr(type(nested), "dtype"):  # not of what stands for an array while a model is compiled
        return list(nested.ravel().tolist())
    if isinstance(nested, list) and all(issubclass(kind, (int, float, str)) for kind in {*map(type, nested)}):
        return [*nested]  # at once, as most are
    return [item for row in nested for item in flat(row)] if is_row(nested) else [nested]


def innermost(outputs: Any) -> list[Any]:
    """The innermost rows, in order."""
    return [inner for row in outputs for inner in (innermost(row) if is_row(row[0]) else [row])]


def form_of(output: Any) -> Form:
    """The form of a model's output for one sample.

    >>> form_of(0.5), form_of([[1.0, 2.0], [0.0, 0.0]]), form_of([[1.0, 2.0], [0.5], 0.0])
    ((), (2, 2), [(2,), (1,), ()])
    """
    if not is_row(output):
        return ()
    parts = [*map(form_of, output)]
    first = parts[0] if parts else ()
    alike = isinstance(first, tuple) and all(part == first for part in parts)
    return (len(parts), *first) if alike else parts


def nested(numbers: list[Any], form: Form) -> Any:
    """The reverse of `flat`: numbers in order as nested rows of a form.

    >>> nested([1, 2, 3, 4], (2, 2)), nested([5], ()), nested([1, 2, 3, 4], [(2,), (1,), ()])
    ([[1, 2], [3, 4]], 5, [[1, 2], [3], 4])
    """
    if not form:
        return numbers[0]
    parts: list[Any] = form if isinstance(form, list) else [form[1:]] * form[0]
    found, start = [], 0
    for part, size in zip(parts, map(size_of, parts)):
        found.append(nested(numbers[start : start + size], part))
        start += size
    return found


def size_of(form: Form) -> int:
    """How many numbers an output of a form has.

    >>> size_of(()), size_of((2, 3)), size_of([(2,), (1,), ()])
    (1, 6, 4)
    """
    return sum(map(size_of, form)) if isinstance(form, list) else math.prod(form)


def with_form(output: Any) -> list[Any]:
    """An output as one row that begins with its form, in numbers: for programs, which give rows of one length.

    >>> with_form([[0.5, 1.0], [2.0, 3.0]]), with_form([[0.5, 1.0], 2.0])
    ([2, 2, 2, 0.5, 1.0, 2.0, 3.0], [-2, 1, 2, 0, 0.5, 1.0, 2.0])
    """
    return [*_written(form_of(output)), *flat(output)]


def outputs_of_rows(rows: Any) -> Any:
    """The outputs of samples of one form, from a row of `with_form` for each: an array if the rows are and it can be.

    >>> outputs_of_rows([[-2, 1, 2, 0, 0.5, 1.0, 2.0], [-2, 1, 2, 0, 3.0, 4.0, 5.0]])
    [[[0.5, 1.0], 2.0], [[3.0, 4.0], 5.0]]
    """
    form, start = _read(rows[0], 0)
    if isinstance(rows, list) or isinstance(form, list):
        return [nested(row[start:], form) for row in as_lists(rows)]
    return rows[:, start:].copy().reshape(len(rows), *form)  # metrics read it several times: faster when contiguous


def _written(form: Form) -> list[int]:
    """A form in numbers: how many dimensions, and each of them; or minus how many parts, and the form of each."""
    if isinstance(form, list):
        return [-len(form), *[number for part in form for number in _written(part)]]
    return [len(form), *form]


def _read(row: Any, start: int) -> tuple[Form, int]:
    """The form that is written in a row from a place on, and the place after it."""
    count, start = int(row[start]), start + 1
    if count >= 0:
        return tuple(map(int, row[start : start + count])), start + count
    parts = []
    for _ in range(-count):
        part, start = _read(row, start)
        parts.append(part)
    return parts, start


def _has_nan(output: Any) -> bool:
    if isinstance(output, dict):
        return any(map(_has_nan, output.values()))
    return any(map(_has_nan, output)) if is_row(output) else math.isnan(output)
