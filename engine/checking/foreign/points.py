"""The point of a check as a flat list of numbers, whatever holds them, and the way back.

A point may be a number, a list of numbers, an array of NumPy, PyTorch or JAX, or dicts, lists and tuples of these,
nested as in a `state_dict` or a pytree. Each number has a path as its name, such as ``params['w'][0, 1]``.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, product
from typing import Any, NamedTuple, TypeAlias

from ...numbers import is_number, shortened
from ...text.sheet import counted
from ..estimates.differences import EPSILON

__tracebackhide__ = True  # pytest then shows the user's own lines

NO_VALUE = (ArithmeticError, ValueError)
"""The errors by which user's code says that it has no value, such as math.log at 0."""

_EPSILONS = {"float64": EPSILON, "float32": 2.0**-23}
_WANTED = "a float, a list of floats, an array of float32 or float64, or dicts, lists and tuples of these"


class Leaf(NamedTuple):
    """The numbers that one list or array holds.

    Attributes:
        numbers: its numbers, flat.
        indices: the index of each, as text.
        epsilon: their relative spacing.
        vector: turns as many numbers into a list, or a flat array of the same kind.
        shaped: turns that into a list or array like the original.
        shape: the shape of an array; None for a list.
    """

    numbers: list[float]
    indices: list[str]
    epsilon: float
    vector: Callable[[Sequence[float]], Any]
    shaped: Callable[[Any], Any]
    shape: tuple[int, ...] | None = None

    def placed(self, numbers: Sequence[float]) -> Any:
        """The list or array with other numbers."""
        return self.shaped(self.vector(numbers))

    def line(self, direction: Sequence[float]) -> Callable[[float], Any]:
        """The list or array moved by t along a direction, as a function of t."""
        start, along = self.vector(self.numbers), self.vector(direction)
        if isinstance(start, list):
            return lambda t: self.shaped([x + t * d for x, d in zip(start, along)])
        return lambda t: self.shaped(start + float(t) * along)


Rebuild = Callable[[Iterator[Any]], Any]


class Point:
    """The arguments of a function as numbers.

    Attributes:
        numbers: all numbers, in order.
        names: the path of each.
        epsilons: the relative spacing of each.

    >>> point = Point(({"w": [1.0, 2.0], "b": 3.0},), ["params"])
    >>> point.names
    ["params['w'][0]", "params['w'][1]", "params['b']"]
    >>> point.moved(1, 5.0)
    ({'w': [1.0, 5.0], 'b': 3.0},)
    """

    def __init__(self, arguments: tuple[Any, ...], names: Sequence[str]) -> None:
        self.arguments = arguments
        self.leaves: list[Leaf] = []
        self.names: list[str] = []
        self._rebuild = [self._flatten(argument, name, True) for argument, name in zip(arguments, names)]
        self.argument_names = list(names)
        self.numbers = [number for leaf in self.leaves for number in leaf.numbers]
        self.epsilons = [leaf.epsilon for leaf in self.leaves for _ in leaf.numbers]
        self._places = [(k, index) for k, leaf in enumerate(self.leaves) for index in range(len(leaf.numbers))]
        self._vectors = [leaf.vector(leaf.numbers) for leaf in self.leaves]
        self._originals = [leaf.placed(leaf.numbers) for leaf in self.leaves]
        if not self.numbers:
            raise TypeError(f"a gradient is checked at {_WANTED}, got none in {shortened(arguments)}")

    def _flatten(self, x: Any, path: str, outermost: bool = False) -> Rebuild:
        """Collect the leaves of one argument; returns a function that rebuilds it from other leaves."""
        parts = _parts(x)
        if parts is None:
            return self._add_leaf(x, path, outermost)
        inner = [(key, self._flatten(part, f"{path}[{key!r}]")) for key, part in parts.items()]

        def rebuild(leaves: Iterator[Any]) -> Any:
            return _with_parts(x, {key: build(leaves) for key, build in inner})

        return rebuild

    def _add_leaf(self, x: Any, path: str, outermost: bool) -> Rebuild:
        if not outermost and (x is None or _is_constant(x)):
            return lambda leaves: x
        leaf = _leaf_of(x)
        self.leaves.append(leaf)
        self.names += [path + index for index in leaf.indices]
        return next

    def _built(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        parts = iter(leaves)
        return tuple(rebuild(parts) for rebuild in self._rebuild)

    def moved(self, index: int, number: float) -> tuple[Any, ...]:
        """The arguments with one number changed."""
        place, inner = self._places[index]
        vector, leaves = self._vectors[place], list(self._originals)
        vector = vector[:] if isinstance(vector, list) else vector + 0.0
        vector[inner] = number
        leaves[place] = self.leaves[place].shaped(vector)
        return self._built(leaves)

    def placed(self, numbers: Sequence[float]) -> tuple[Any, ...]:
        """The arguments with other numbers."""
        return self._built([leaf.placed(part) for leaf, part in zip(self.leaves, self.split(numbers))])

    def line(self, direction: Sequence[float]) -> Callable[[float], tuple[Any, ...]]:
        """The arguments moved by t along a direction, as a function of t."""
        lines = [leaf.line(part) for leaf, part in zip(self.leaves, self.split(direction))]
        return lambda t: self._built([line(t) for line in lines])

    def split(self, numbers: Sequence[float]) -> list[Sequence[float]]:
        """The numbers of each leaf, from those of the whole point."""
        ends = [*accumulate(len(leaf.numbers) for leaf in self.leaves)]
        return [numbers[start:end] for start, end in zip([0, *ends], ends)]

    def claims(self, found: Any, outputs: int) -> list[list[float]]:
        """The derivatives that `grad` gave: for each output, one for each number.

        Raises:
            ValueError: its structure is not that of the point, or it has too few or too many numbers.
        """
        if found is None:  # in a tuple or dict it is PyTorch's zeros; here somebody forgot a `return`
            raise ValueError("grad gave None: it must return the derivatives")
        several = len(self.arguments) > 1
        parts = found if several else (found,)
        if not isinstance(parts, (list, tuple)) or len(parts) != len(self.arguments):
            raise ValueError(
                f"grad gave {shortened(found)} for {len(self.arguments)} arguments: give a tuple with one part for each"
            )
        leaves = iter(self.leaves)
        flat: list[list[float]] = []
        for argument, name, part in zip(self.arguments, self.argument_names, parts):
            flat += [_counted(part, leaf, path, outputs) for leaf, path, part in _matched(argument, part, name, leaves)]
        rows: list[list[float]] = [[] for _ in range(outputs)]
        for numbers, leaf in zip(flat, self.leaves):
            count = len(leaf.numbers)
            for output, row in enumerate(rows):
                row += numbers[output * count : (output + 1) * count]
        return rows


def _counted(found: Any, leaf: Leaf, path: str, outputs: int) -> list[float]:
    """The derivatives with respect to one leaf's numbers; None, PyTorch's word for an unused input, is zeros."""
    wanted = outputs * len(leaf.numbers)
    numbers = [0.0] * wanted if found is None else numbers_in(found)
    if len(numbers) != wanted:
        several, remedy = "", "one derivative for each"
        if outputs > 1:
            several, remedy = f" and {outputs} outputs", "a row of derivatives for each output"
        found_here = f"grad gave {counted(len(numbers), 'number')} for the {len(leaf.numbers)} of {path}{several}"
        raise ValueError(f"{found_here}: give {remedy}")
    _require_shape(found, leaf, path, outputs)
    return numbers


def _require_shape(found: Any, leaf: Leaf, path: str, outputs: int) -> None:
    """Refuse an array of derivatives whose order may not be the point's, or that an update would broadcast.

    Raises:
        ValueError: its shape is neither the point's, after that of the outputs, nor a Jacobian's.
    """
    got, shape = getattr(found, "shape", None), leaf.shape
    if got is None or shape is None or len(leaf.numbers) == 1:
        return
    if got[max(len(got) - len(shape), 0) :] != shape and (outputs == 1 or got != (outputs, len(leaf.numbers))):
        after = "" if outputs == 1 else ", after that of the outputs"
        raise ValueError(
            f"grad gave an array of shape {tuple(got)} for {path} of shape {shape}: give it in that shape{after}; "
            "an update of the point by an array of another shape may silently broadcast"
        )


def _matched(x: Any, found: Any, path: str, leaves: Iterator[Leaf]) -> Iterator[tuple[Leaf, str, Any]]:
    """The leaves of an argument, each with its path and the part of the gradient that belongs to it."""
    parts = _parts(x)
    if parts is None:
        yield next(leaves), path, found
        return
    if isinstance(x, Mapping):
        if not isinstance(found, Mapping):
            raise ValueError(
                f"grad gave {shortened(found)} of type {type(found).__name__} for {path}: give a dict like it"
            )
    elif not isinstance(found, (list, tuple)) or len(found) != len(x):
        raise ValueError(f"grad gave {shortened(found)} for the {len(x)} parts of {path}: give one for each")
    for key, part in parts.items():
        inner = f"{path}[{key!r}]"
        if part is None or _is_constant(part):
            continue
        if isinstance(found, Mapping) and key not in found:
            raise ValueError(f"grad gave nothing for {inner}: give its derivatives, or None for zeros")
        yield from _matched(part, found[key], inner, leaves)


def _parts(x: Any) -> dict[Any, Any] | None:
    """The parts of a dict, list or tuple, by key or place; None for a leaf or a constant."""
    if isinstance(x, Mapping):
        return dict(x)
    return dict(enumerate(x)) if isinstance(x, (list, tuple)) and x and not _only_numbers(x) else None


def _only_numbers(x: Any) -> bool:
    """Whether it is a list of numbers, or of lists of them: one leaf."""
    if isinstance(x, (list, tuple)):
        return bool(x) and type(x) in (list, tuple) and all(map(_only_numbers, x))
    return isinstance(x, (int, float)) and not isinstance(x, bool)


def _kind(x: Any) -> str:
    return str(getattr(x, "dtype", "")).rpartition(".")[2]


def _is_constant(x: Any) -> bool:
    """Whether it is a constant inside a larger point, such as a counter of batches."""
    return isinstance(x, (bool, str)) or _kind(x).startswith(("int", "uint", "bool"))


def _with_parts(x: Any, parts: dict[Any, Any]) -> Any:
    """A container like `x`, with other parts."""
    if isinstance(x, Mapping):
        if type(x) is dict:
            return parts
        fresh: Any = copy.copy(x)
        fresh.update(parts)
        return fresh
    values = list(parts.values())
    if hasattr(x, "_fields"):  # a named tuple
        return type(x)(*values)
    return type(x)(values)


# ---- leaves ------------------------------------------------------------------------------------------------------


def _leaf_of(x: Any) -> Leaf:
    """A number, a list of numbers or an array as a leaf.

    Raises:
        TypeError: it is none of these.

    >>> _leaf_of([1.0, [2.0, 3.0]]).indices
    ['[0]', '[1][0]', '[1][1]']
    """
    if _only_numbers(x):
        plain = isinstance(x, (list, tuple)) and not any(isinstance(item, (list, tuple)) for item in x)
        shaped = type(x) if plain else lambda numbers: _filled(x, iter(numbers))
        return Leaf(numbers_in(x), _indices(x), EPSILON, list, shaped)
    kind = _kind(x)
    if kind in ("float16", "bfloat16"):
        raise TypeError(f"{kind} has too few digits for differences: check the gradient in float32 or float64")
    if kind.startswith("complex") or isinstance(x, complex):
        raise TypeError(
            f"a gradient is checked at real numbers, got {kind or 'complex'}: check a function of the real and the "
            "imaginary part, f(re, im)"
        )
    if kind not in _EPSILONS or hasattr(x, "to_numpy"):
        remedy = ": write point.astype(float)" if kind.lstrip("u").startswith(("int", "bool")) else ""
        if hasattr(x, "to_numpy"):  # of pandas
            remedy = ": write point.to_numpy()"
        got = f"{shortened(x)} of type {type(x).__name__} {kind}".strip()
        raise TypeError(f"a gradient is checked at {_WANTED}, got {got}{remedy}")
    if hasattr(x, "filled") and x.mask.any():
        raise TypeError(f"a gradient is checked at {_WANTED}, got a masked array with gaps: write point.compressed()")
    indices = [f"[{', '.join(map(str, index))}]" if index else "" for index in product(*map(range, x.shape))]
    flat_and_back = _of_tensor(x) if hasattr(x, "detach") else _of_array(x)
    return Leaf(numbers_in(x), indices, _EPSILONS[kind], *flat_and_back, tuple(x.shape))


def _indices(x: Any, path: str = "") -> list[str]:
    """The index of each number in nested lists, as text."""
    if not isinstance(x, (list, tuple)):
        return [path]
    return [index for k, item in enumerate(x) for index in _indices(item, f"{path}[{k}]")]


def _filled(x: Any, numbers: Iterator[float]) -> Any:
    """Nested lists like `x` with other numbers."""
    return type(x)([_filled(item, numbers) for item in x]) if isinstance(x, (list, tuple)) else next(numbers)


FlatAndBack: TypeAlias = "tuple[Callable[[Sequence[float]], Any], Callable[[Any], Any]]"
"""A function that turns numbers into a flat array, and one that gives this the original's shape."""


def _of_tensor(x: Any) -> FlatAndBack:  # pragma: no cover  # PyTorch is not in the test extra; CI tests it later
    return x.detach().new_tensor, lambda flat: flat.reshape(x.shape).requires_grad_(x.requires_grad)


def _of_array(x: Any) -> FlatAndBack:
    import numpy

    kind = type(x) if isinstance(x, numpy.ndarray) else numpy.ndarray  # a matrix has another * than an array
    back: Callable[[Any], Any] = lambda array: array.view(kind)
    if hasattr(x, "at"):  # pragma: no cover  # JAX, likewise: its arrays do not change, NumPy's copy does
        import jax

        back = jax.numpy.asarray
    here = numpy.array(x)
    return partial(numpy.array, dtype=here.dtype), lambda flat: back(flat.reshape(here.shape))


def numbers_in(result: Any) -> list[float]:
    """All numbers of a result in order, whatever holds them.

    Raises:
        TypeError: something in it is not a real number.

    >>> numbers_in((1.0, [2, 3.5]))
    [1.0, 2.0, 3.5]
    """
    if isinstance(result, float):
        return [float(result)]
    if hasattr(result, "tolist"):
        dense = result.to_dense() if getattr(result, "is_sparse", False) else result  # as of an embedding of PyTorch
        result = dense.tolist()
        if isinstance(result, list) and result and type(result[0]) is float:
            return result
    if isinstance(result, Mapping):
        result = list(result.values())
    if isinstance(result, (list, tuple)):
        return [number for item in result for number in numbers_in(item)]
    if not is_number(result):
        raise TypeError(
            f"a function to check must give real numbers, got {shortened(result)} of type {type(result).__name__}"
        )
    return [float(result)]


# ---- as text -----------------------------------------------------------------------------------------------------


def pasted(x: Any) -> str:
    """An argument as Python to paste: all its numbers, with all their digits.

    >>> pasted({"w": (1.0, 0.1)})
    "{'w': (1.0, 0.1)}"
    """
    if isinstance(x, Mapping):
        return "{" + ", ".join(f"{key!r}: {pasted(part)}" for key, part in x.items()) + "}"
    if isinstance(x, (list, tuple)):
        inner = ", ".join(map(pasted, x))
        if isinstance(x, list):
            return f"[{inner}]"
        return f"({inner},)" if len(x) == 1 else f"({inner})"
    kind = _kind(x)
    if kind and hasattr(x, "tolist") and not isinstance(x, float):
        library = type(x).__module__.partition(".")[0]
        name = {"torch": "torch.tensor", "numpy": "numpy.array"}.get(library, "jax.numpy.array")
        dtype = f"torch.{kind}" if library == "torch" else repr(kind)
        return f"{name}({_literal(x.tolist())}, dtype={dtype})"
    return repr(float(x)) if isinstance(x, float) else repr(x)


def _literal(numbers: Any) -> str:
    """Nested lists of numbers, with `inf` and `nan` as Python reads them."""
    if isinstance(numbers, list):
        return f"[{', '.join(map(_literal, numbers))}]"
    if isinstance(numbers, float) and not math.isfinite(numbers):
        return f"float({str(numbers)!r})"
    return repr(numbers)
