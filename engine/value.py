"""Value: one scalar in the computation graph, with the primitive and the operands that made it.

A node holds its operands, and the numbers that they had when it was recorded, in slots of its own. Its operators and
the methods of the table's names come from `operators`; what the upper floors add (backward, stepping, drawing, copies)
from `methods`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .modes import arguments, inside_rule, observer, open_modes, places_of_calls, reads, recording, tracer
from .numbers import as_float, comparable
from .primitive import Primitive
from .text.takers import refuse_numpys, warn_of_taker

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from .stepping.explanation import Explanation
    from .stepping.paths import Why
    from .stepping.stepper import Stepper
    from .stepping.steps import ForwardStep, Step

_new = object.__new__
MANY: Any = "n-ary"  # in the slot of the second operand: the first one holds the tuple of them all


def new_node(primitive: Primitive, z: float, a: Any, b: Any, x: Any, y: Any) -> Value:
    """A node made slot by slot: half the time of a constructor."""
    node = _new(Value)
    node._z = z
    node._grad = 0.0
    node._label = None
    node._primitive = primitive
    node._a = a
    node._b = b
    node._x = x
    node._y = y
    return node


def detached(number: float) -> Value:
    """A leaf with a graph's number; a module that holds it has it as a constant, not as a parameter."""
    leaf = Value(number)
    leaf._x = True
    return leaf


def _number(number: Any, what: str = "Value()") -> float:
    """What a Value can hold, as a float."""
    if hasattr(type(number), "__symbolic__"):
        return float(number)  # refuses, and tells what to do while a function is traced
    if isinstance(number, Value):
        raise TypeError(f"{what} takes a number, got {number!r}: give its .data")
    return as_float(number, what)


def _comparable(x: float, other: object) -> Any:
    """What x is compared with in place of `other`, so that a Value compares as its float does."""
    return other._z if isinstance(other, Value) else comparable(x, other)


def _nearest(node: Value) -> tuple[tuple[int, float], ...]:
    """A node and its nearest operands, by id and number, which do not keep the graph alive."""
    found = [node]
    for each in (node, *_first_operands(node)):
        found += _first_operands(each)
    return tuple([(id(near), near._z) for near in found])


def _first_operands(node: Value) -> list[Value]:
    operands = node._a[:4] if node._b is MANY else (node._a, node._b)
    return [operand for operand in operands if isinstance(operand, Value)]


def _cut(label: str, most: int = 100) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


# ---- the node ----------------------------------------------------------------------------------------------


leaves_made = [0]
"""How many leaves were made so far: a program that trains looks for new ones in its model when this moves."""


class Value:
    """A float that remembers how it was computed, and holds the gradient of a result with respect to it.

    Args:
        data: one real number: int, float, bool, NumPy scalar or 0-d array, Fraction, Decimal.
        label: a name to show in place of the number.

    Raises:
        TypeError: `data` is not a real number, or a Value already (use its `detach()`); `label` is not text.
        OverflowError: `data` is an integer beyond the range of floats.

    Comparison, ordering and truth go by value, as in PyTorch; the hash, and so sets and dicts, by identity.
    ``float(v)`` gives the number. ``math.exp(v)`` takes it, too, as do arrays of floats in ``z[0] = v``: a warning says
    that no gradient flows through it. Write ``engine.exp(v)`` or ``v.exp()``.

    >>> a, b = Value(2.0), Value(-3.0)
    >>> c = a * b + 10
    >>> c.backward()
    >>> c, a.grad, b.grad
    (Value(data=4.0, grad=1.0), -3.0, 2.0)
    """

    # z is the primitive of x and y, the numbers that the operands a and b had; n-ary: the tuple, MANY, the tuple of
    # numbers, and for a dot whether the operands of its second half are constants. A leaf has True as x if it is
    # detached, as y if it was made to be the argument of a function that is differentiated. No slot is called `_data`:
    # NumPy's masked arrays would take the number from it.
    __slots__ = ("_a", "_b", "_grad", "_label", "_primitive", "_x", "_y", "_z")

    _a: Any
    _b: Any
    _z: float
    _grad: float
    _label: str | None
    _primitive: Primitive | None
    _x: Any
    _y: Any

    def __init__(self, data: Any, label: str | None = None) -> None:
        self._z = data if data.__class__ is float else _number(data)
        self._grad = 0.0
        leaves_made[0] += 1
        if label is None:
            self._label = None
        else:
            self.label = label
        self._primitive = self._a = self._b = self._x = self._y = None

    # ---- what it holds ----

    @property
    def data(self) -> float:
        """The number. It can be assigned on a leaf; graphs recorded before keep the number they were made with.

        It is a plain float: no gradient flows through what is computed from it. Printing it, or branching on it,
        changes nothing, but ``x * math.exp(x.data)`` has the derivative of x times a constant, also in `gradient` and
        the like: a float does not tell where it goes, and to find out, the function would have to run, and print,
        again. `check_gradients` finds such a mistake.

        Raises:
            AttributeError: on assignment to the result of an operation.
        """
        return self._z

    @data.setter
    def data(self, number: Any) -> None:
        if self._primitive is not None:
            raise AttributeError(
                f"the data of a result, here of {self._primitive.name}, follows from its operands: "
                "assign to a leaf and evaluate again, or use detach()"
            )
        self._z = _number(number, "data")

    @property
    def grad(self) -> float:
        """The derivative, with respect to this Value, of the last result that `backward` was called on.

        On a leaf contributions of several calls add up until `zero_grad`; on a result it is the adjoint of the
        last call.
        """
        return self._grad

    @grad.setter
    def grad(self, number: Any) -> None:
        self._grad = _number(number, "grad")

    @property
    def label(self) -> str | None:
        """A name for people to read."""
        return self._label

    @label.setter
    def label(self, label: str | None) -> None:
        if label is not None and not isinstance(label, str):
            raise TypeError(f"a label is text, got {label!r} of type {type(label).__name__}")
        self._label = label

    @property
    def primitive(self) -> Primitive | None:
        """The operation that made this Value; None for a leaf."""
        return self._primitive

    @property
    def is_detached(self) -> bool:
        """Whether it is a leaf made by `detach` or `no_grad`, which modules hold as a constant, not as a parameter.

        >>> w = Value(3.0)
        >>> w.is_detached, w.detach().is_detached
        (False, True)
        """
        return self._x is True

    @property
    def operands(self) -> tuple[Value, ...]:
        """The Values it was computed from, in order; a number among them is a `Constant`.

        >>> (Value(3.0) ** 2).operands
        (Value(data=3.0, grad=0.0), Constant(2.0))
        """
        a, b = self._a, self._b
        if b is MANY:
            return a
        if a.__class__ is float:  # numbers become nodes when they are looked at
            a = self._a = Constant(a)
        if b.__class__ is float:
            b = self._b = Constant(b)
        return () if a is None else (a,) if b is None else (a, b)

    @property
    def inputs(self) -> tuple[float, ...]:
        """The operands' numbers as they were when this Value was computed.

        >>> (Value(2.0) * 3.0).inputs
        (2.0, 3.0)
        """
        if self._b is MANY:
            return self._x
        return () if self._a is None else (self._x,) if self._b is None else (self._x, self._y)

    @property
    def _prev(self) -> tuple[Value, ...]:
        return self.operands

    @property
    def _op(self) -> str:
        return "" if self._primitive is None else self._primitive.symbol

    def __repr__(self) -> str:
        label = "" if self._label is None else f", label={_cut(self._label)!r}"
        return f"{type(self).__name__}(data={self._z!r}, grad={self._grad!r}{label})"

    def detach(self) -> Value:
        """A new leaf with this number, outside the graph: a constant to modules, see `is_detached`."""
        return detached(self._z)

    # ---- as a number: by value, the hash by identity ----

    __hash__ = object.__hash__

    def __float__(self) -> float:
        name = inside_rule.get()
        if name:
            raise TypeError(
                f"the local derivative of {name} took float() of a Value, which drops the graph: "
                "write it with the engine's functions, not math's, to differentiate it again"
            )
        caller = sys._getframe(1)
        refuse_numpys(caller)
        reads.append((_nearest(self), caller.f_code, caller.f_lasti))  # the line is looked up on demand
        if arguments and (self._primitive is not None or self in arguments):
            for places in places_of_calls:
                places[caller.f_code, caller.f_lasti] = None
        elif self._x is not True and recording.get():
            warn_of_taker(caller)
        return self._z

    def __int__(self) -> int:
        return int(self._z)

    def __bool__(self) -> bool:
        return self._z != 0.0

    def __format__(self, spec: str) -> str:
        return format(self._z, spec) if spec else repr(self)

    def __eq__(self, other: object) -> bool:
        y = _comparable(self._z, other)
        return NotImplemented if y is None else self._z == y

    def __ne__(self, other: object) -> bool:
        y = _comparable(self._z, other)
        return NotImplemented if y is None else self._z != y

    def __lt__(self, other: Any) -> bool:
        y = _comparable(self._z, other)
        return NotImplemented if y is None else self._z < y

    def __le__(self, other: Any) -> bool:
        y = _comparable(self._z, other)
        return NotImplemented if y is None else self._z <= y

    def __gt__(self, other: Any) -> bool:
        y = _comparable(self._z, other)
        return NotImplemented if y is None else self._z > y

    def __ge__(self, other: Any) -> bool:
        y = _comparable(self._z, other)
        return NotImplemented if y is None else self._z >= y

    @staticmethod
    def __apply_primitive__(primitive: Primitive, operands: tuple[Any, ...]) -> Value:
        """Record one node: what a primitive does when an operand is a Value."""
        if open_modes:
            tracing = tracer.get()
            if tracing is not None:
                return tracing.apply(primitive, operands)
        elif primitive.arity == 1:  # activations of networks: the most frequent call
            (operand,) = operands
            x = operand._z
            z = primitive.forward(x)
            if z.__class__ is float:
                return new_node(primitive, z, operand, None, x, None)
        try:
            inputs = [operand._z for operand in operands]
        except AttributeError:  # a number among them, or an operand of a class with a protocol of its own
            for operand in operands:
                if hasattr(type(operand), "__symbolic__"):
                    return type(operand).__apply_primitive__(primitive, operands)
            operands = tuple(o if isinstance(o, Value) else Constant(o) for o in operands)
            inputs = [operand._z for operand in operands]
        z = primitive.forward(*inputs)
        if z.__class__ is not float:
            z = primitive.result(z)
        watching, recorded = (observer(), recording.get()) if open_modes else (None, True)
        if watching is None and not recorded:
            return detached(z)
        if primitive.arity == 1:
            node = new_node(primitive, z, operands[0], None, inputs[0], None)
        elif primitive.arity == 2:
            node = new_node(primitive, z, *operands, *inputs)
        else:
            node = new_node(primitive, z, operands, MANY, tuple(inputs), None)
        if watching is not None:
            watching.made(node)
        return node if recorded else detached(z)

    if TYPE_CHECKING:
        # From the table (`operators`): the operators, and a method for each primitive.
        def __getattr__(self, name: str) -> Callable[..., Value]: ...
        def __add__(self, other: Any) -> Value: ...
        def __radd__(self, other: Any) -> Value: ...
        def __sub__(self, other: Any) -> Value: ...
        def __rsub__(self, other: Any) -> Value: ...
        def __mul__(self, other: Any) -> Value: ...
        def __rmul__(self, other: Any) -> Value: ...
        def __truediv__(self, other: Any) -> Value: ...
        def __rtruediv__(self, other: Any) -> Value: ...
        def __floordiv__(self, other: Any) -> Value: ...
        def __rfloordiv__(self, other: Any) -> Value: ...
        def __mod__(self, other: Any) -> Value: ...
        def __rmod__(self, other: Any) -> Value: ...
        def __pow__(self, other: Any) -> Value: ...
        def __rpow__(self, other: Any) -> Value: ...
        def __divmod__(self, other: Any) -> tuple[Value, Value]: ...
        def __rdivmod__(self, other: Any) -> tuple[Value, Value]: ...
        def __neg__(self) -> Value: ...
        def __pos__(self) -> Value: ...
        def __abs__(self) -> Value: ...
        def __floor__(self) -> Value: ...
        def __ceil__(self) -> Value: ...
        def __round__(self, digits: int | None = None) -> Value: ...

        # From the upper floors (`methods`).
        def backward(self) -> None: ...
        def _backward(self) -> None: ...
        def zero_grad(self) -> None: ...
        def backward_steps(self, names: Any = None) -> Iterator[Step]: ...
        def forward_steps(self, names: Any = None) -> Iterator[ForwardStep]: ...
        def stepper(self, *, forward: bool = False, names: Any = None) -> Stepper: ...
        def why(self, target: Value | str, k: int = 5, names: Any = None) -> Why: ...
        def explain(self, names: Any = None, rows: int = 30) -> Explanation: ...
        def draw(self, path: str | PathLike[str] | None = None, **options: Any) -> Path | None: ...
        def _steps_frame(self, names: Any = None, at: int = 0) -> str | None: ...
        def save_steps(self, path: str | PathLike[str], **options: Any) -> Path: ...


class Constant(Value):
    """A number that was written in an expression: a leaf that gets no gradient and cannot be assigned.

    >>> Constant(3)
    Constant(3.0)
    """

    __slots__ = ()

    @property
    def data(self) -> float:
        """The number, for good."""
        return self._z

    @data.setter
    def data(self, number: Any) -> None:
        raise AttributeError(f"{self!r} is a number written in an expression: use a Value for what changes")

    def __repr__(self) -> str:
        return f"Constant({self._z!r})"
