"""Value: one scalar in the computation graph, with the primitive and the operands that made it.

The operators are generated from the table of primitives, specialised by arity because they run once per node:
a node holds its operands, and the numbers that they had when it was recorded, in slots of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from . import ops
from .primitive import Primitive, as_float, is_number, watch

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from .explanation import Explanation
    from .paths import Why
    from .stepper import Stepper
    from .stepping import ForwardStep, Step

_new = object.__new__
MANY: Any = "n-ary"  # in the slot of the second operand: the first one holds the tuple of them all


inside_rule: ContextVar[str] = ContextVar("inside_rule", default="")
"""The primitive whose local derivative is being recorded: there ``float(v)`` would silently give a wrong result."""


# ---- recording ---------------------------------------------------------------------------------------------

_recording: ContextVar[bool] = ContextVar("recording", default=True)
_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)
_modes = 0  # how many contexts that change these are open in all threads: while none is, nodes need not ask
_lock = threading.Lock()


class Observer(Protocol):
    """Who is told of all that happens, such as a detector of anomalies."""

    def made(self, node: Value) -> None:
        """A node has been computed."""

    def swept(self, root: Value, adjoints: dict[Value, float]) -> None:
        """The adjoints of a graph have been computed and are about to be used."""


def observer() -> Observer | None:
    """Who watches this thread."""
    return _observer.get() if _modes else None


@contextmanager
def observed_by(watching: Observer | None) -> Iterator[None]:
    """Tell `watching` of all that happens inside, in this thread; None: nobody."""
    with _mode(_observer, watching):
        yield


@contextmanager
def no_grad() -> Iterator[None]:
    """Results computed inside, in this thread, are leaves: nothing is recorded.

    >>> x = Value(2.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.operands
    ()
    """
    with _mode(_recording, False):
        yield


@contextmanager
def _mode(variable: ContextVar[Any], setting: Any) -> Iterator[None]:
    global _modes
    token = variable.set(setting)
    with _lock:
        _modes += 1
    try:
        yield
    finally:
        with _lock:
            _modes -= 1
        variable.reset(token)


def _in_mode(node: Value) -> Value:
    """What an operator gives while a context is open."""
    watching = _observer.get()
    if watching is not None:
        watching.made(node)
    return node if _recording.get() else Value(node._data)


def is_recording() -> bool:
    """Whether results computed in this thread are recorded, that is, no `no_grad` is open."""
    return not _modes or _recording.get()


def new_node(primitive: Primitive, z: float, a: Any, b: Any, x: Any, y: Any) -> Value:
    """A node made slot by slot: half the time of a constructor."""
    node = _new(Value)
    node._data = z
    node._grad = 0.0
    node._label = None
    node._primitive = primitive
    node._a = a
    node._b = b
    node._x = x
    node._y = y
    return node


def _number(number: Any, what: str = "Value()") -> float:
    """What a Value can hold, as a float."""
    if hasattr(type(number), "__symbolic__"):
        return float(number)  # refuses, and tells what to do while a function is traced
    if isinstance(number, Value):
        raise TypeError(f"{what} takes a number, got {number!r}: use its detach() for a copy outside the graph")
    return as_float(number, what)


def _operand(other: Any) -> float | None:
    """The float of a number on either side of an operator; None for what is no number."""
    return as_float(other, "an operator of Value") if is_number(other) else None


def _comparable(other: object) -> float | int | None:
    """What a Value is compared with: integers of any size stay exact."""
    if isinstance(other, Value):
        return other._data
    return other if isinstance(other, (int, float)) else _operand(other)


def _unary(primitive: Primitive) -> Callable[[Value], Value]:
    forward = primitive.forward

    def method(self: Value) -> Value:
        x = self._data
        z = forward(x)
        if z.__class__ is not float or _modes:
            return Value.__apply_primitive__(primitive, (self,))
        return new_node(primitive, z, self, None, x, None)

    return method


def _binary(primitive: Primitive) -> Callable[[Value, Any], Value]:
    forward = primitive.forward

    def method(self: Value, other: Any) -> Value:
        x = self._data
        if isinstance(other, Value):
            y = other._data
        else:
            number = other if other.__class__ is float else _operand(other)
            if number is None:
                return NotImplemented  # type: ignore[no-any-return]  # Python's answer to an unknown operand
            other = y = number
        if _modes:
            return Value.__apply_primitive__(primitive, (self, other))
        return new_node(primitive, forward(x, y), self, other, x, y)

    return method


def _reflected(primitive: Primitive) -> Callable[[Value, Any], Value]:
    forward = primitive.forward

    def method(self: Value, other: Any) -> Value:
        number = other if other.__class__ is float else _operand(other)
        if number is None:
            return NotImplemented  # type: ignore[no-any-return]  # as above
        if _modes:
            return Value.__apply_primitive__(primitive, (number, self))
        y = self._data
        return new_node(primitive, forward(number, y), number, self, number, y)

    return method


# ---- the node ----------------------------------------------------------------------------------------------


class Value:
    """A float that remembers how it was computed, and holds the gradient of a result with respect to it.

    Args:
        data: one real number: int, float, bool, NumPy scalar or 0-d array, Fraction, Decimal.
        label: a name to show in place of the number.

    Raises:
        TypeError: `data` is no real number, or a Value already (use its `detach()`); `label` is no text.
        OverflowError: `data` is an integer beyond the range of floats.

    Comparison, ordering and truth go by value, as in PyTorch; the hash, and so sets and dicts, by identity.
    ``float(v)`` gives the number; note that ``math.exp(v)`` takes it too and so drops the graph: use
    ``engine.exp(v)`` or ``v.exp()``.

    >>> a, b = Value(2.0), Value(-3.0)
    >>> c = a * b + 10
    >>> c.backward()
    >>> c, a.grad, b.grad
    (Value(data=4.0, grad=1.0), -3.0, 2.0)
    """

    # The two operands and their recorded numbers; n-ary: the tuple, MANY, the list of numbers, None.
    __slots__ = ("_a", "_b", "_data", "_grad", "_label", "_primitive", "_x", "_y")

    _a: Any
    _b: Any
    _data: float
    _grad: float
    _label: str | None
    _primitive: Primitive | None
    _x: Any
    _y: Any

    def __init__(self, data: Any, label: str | None = None) -> None:
        self._data = _number(data)
        self._grad = 0.0
        self.label = label
        self._primitive = self._a = self._b = self._x = self._y = None

    # ---- what it holds ----

    @property
    def data(self) -> float:
        """The number. It can be assigned on a leaf; graphs recorded before keep the number they were made with.

        Raises:
            AttributeError: on assignment to the result of an operation.
        """
        return self._data

    @data.setter
    def data(self, number: Any) -> None:
        if self._primitive is not None:
            raise AttributeError(
                f"the data of a {self._primitive.name} node follows from its operands: "
                "assign to a leaf and evaluate again, or use detach()"
            )
        self._data = _number(number)

    @property
    def grad(self) -> float:
        """The derivative of the last result that `backward` was called on by this Value.

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
    def operands(self) -> tuple[Value, ...]:
        """The Values it was computed from, in order; a number among them is a `Constant`.

        >>> (Value(3.0) ** 2).operands
        (Value(data=3.0, grad=0.0), Constant(2.0))
        """
        a, b = self._a, self._b
        if b is MANY:
            return a  # type: ignore[no-any-return]  # the slot serves every arity
        if a.__class__ is float:  # numbers become nodes when somebody looks
            a = self._a = Constant(a)
        if b.__class__ is float:
            b = self._b = Constant(b)
        return () if a is None else (a,) if b is None else (a, b)

    @property
    def inputs(self) -> tuple[float, ...]:
        """The operands' numbers as they were when this Value was computed."""
        if self._b is MANY:
            return tuple(self._x)
        return () if self._a is None else (self._x,) if self._b is None else (self._x, self._y)

    @property
    def _prev(self) -> tuple[Value, ...]:
        return self.operands

    @property
    def _op(self) -> str:
        return "" if self._primitive is None else self._primitive.symbol

    def __repr__(self) -> str:
        label = "" if self._label is None else f", label={self._label!r}"
        return f"{type(self).__name__}(data={self._data!r}, grad={self._grad!r}{label})"

    # ---- gradients (one floor up) ----

    def backward(self) -> None:
        """Add the derivative of this Value by every leaf to the leaf's `grad`; set that of every result.

        It may be repeated. An error or Ctrl-C in the middle leaves all gradients as they were.

        >>> x = Value(3.0)
        >>> y = (x * x) * (x * x)
        >>> y.backward(); y.backward()
        >>> x.grad
        216.0
        """
        from .backprop import backward

        backward(self)

    def backward_steps(self, names: Any = None) -> Iterator[Step]:
        """Run the backward pass lazily, one `Step` at a time: see `engine.stepping.backward_steps`.

        >>> x = Value(3.0, label="x")
        >>> for step in (x * x).backward_steps(): print(step)
        step 1 of 1: x*x = 9, upstream 1
          x  1 * 3 = 3  grad 0 -> 3  partial, path 1 of 2
          x  1 * 3 = 3  grad 3 -> 6  final, path 2 of 2
        """
        from .stepping import backward_steps

        return backward_steps(self, names)

    def forward_steps(self, names: Any = None) -> Iterator[ForwardStep]:
        """The operations of the forward pass from the leaves up: see `engine.stepping.forward_steps`.

        >>> for step in (Value(3.0, label="x") * 2).forward_steps(): print(step)
        forward 1 of 1: x*2 = 6
          x  = 3
        """
        from .stepping import forward_steps

        return forward_steps(self, names)

    def stepper(self, *, forward: bool = False, names: Any = None) -> Stepper:
        """A debugger for the backward pass, and before it the forward pass: see `engine.stepper.Stepper`."""
        from .stepper import Stepper

        return Stepper(self, forward=forward, names=names)

    def why(self, target: Value | str, k: int = 5, names: Any = None) -> Why:
        """The derivative by a node as a sum over the `k` largest paths: see `engine.paths.why`.

        >>> a = Value(3.0, label="a")
        >>> L = a * a + a
        >>> L.why(a, names={"L": L})
        dL/da = 7 = 3 [a -> a*a -> L] + 3 [a -> a*a -> L] + 1 [a -> L]
          3  = 3 * 1  a -> a*a -> L
          3  = 3 * 1  a -> a*a -> L
          1  = 1      a -> L
        """
        from .paths import why

        return why(self, target, k, names)

    def explain(self, names: Any = None, rows: int = 30) -> Explanation:
        """The expression of this Value in labels, and a table of its graph: see `engine.explanation.explain`."""
        from .explanation import explain

        return explain(self, names, rows)

    def zero_grad(self) -> None:
        """Set the gradient of every Value in this graph to 0."""
        from .graph import topological_order

        for node in topological_order(self):
            node._grad = 0.0

    def draw(self, path: str | PathLike[str], **options: Any) -> Path:
        """Draw the graph of this Value to an ``.svg``, ``.png``, ``.pdf`` or ``.dot`` file; see `engine.draw`."""
        from .drawing import draw

        return draw(self, path, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from .drawing import mimebundle

        return mimebundle(self, include, exclude)

    def detach(self) -> Value:
        """A new leaf with this number, outside the graph."""
        return Value(self._data)

    # ---- as a number: by value, the hash by identity ----

    __hash__ = object.__hash__

    def __float__(self) -> float:
        name = inside_rule.get()
        if name:
            raise TypeError(
                f"the local derivative of {name} took float() of a Value, which drops the graph: "
                "write it with the engine's functions, not math's, to differentiate it again"
            )
        return self._data

    def __int__(self) -> int:
        return int(self._data)

    def __bool__(self) -> bool:
        return self._data != 0.0

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    def __eq__(self, other: object) -> bool:
        y = _comparable(other)
        return NotImplemented if y is None else self._data == y

    def __lt__(self, other: Any) -> bool:
        y = _comparable(other)
        return NotImplemented if y is None else self._data < y

    def __le__(self, other: Any) -> bool:
        y = _comparable(other)
        return NotImplemented if y is None else self._data <= y

    def __gt__(self, other: Any) -> bool:
        y = _comparable(other)
        return NotImplemented if y is None else self._data > y

    def __ge__(self, other: Any) -> bool:
        y = _comparable(other)
        return NotImplemented if y is None else self._data >= y

    # ---- copies: in flat form, since a chain of nodes is as deep as it is long ----

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        from .copying import deepcopy_graph

        return deepcopy_graph(self, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        from .copying import reduce_graph

        return reduce_graph(self, super().__reduce_ex__)

    # ---- operators; everything else that the table has is installed as a method below the class ----

    __add__ = _binary(ops.add)
    __radd__ = _reflected(ops.add)
    __sub__ = _binary(ops.sub)
    __rsub__ = _reflected(ops.sub)
    __mul__ = _binary(ops.mul)
    __rmul__ = _reflected(ops.mul)
    __truediv__ = _binary(ops.div)
    __rtruediv__ = _reflected(ops.div)
    __floordiv__ = _binary(ops.floordiv)
    __rfloordiv__ = _reflected(ops.floordiv)
    __mod__ = _binary(ops.mod)
    __rmod__ = _reflected(ops.mod)
    __pow__ = _binary(ops.pow)
    __rpow__ = _reflected(ops.pow)
    __neg__ = _unary(ops.neg)
    __abs__ = _unary(ops.abs)
    __floor__ = _unary(ops.floor)
    __ceil__ = _unary(ops.ceil)

    def __pos__(self) -> Value:
        return self

    def __round__(self, digits: int | None = None) -> Value:
        if digits is not None:
            raise TypeError(f"round() of a Value takes no digits: write round(v * 10**{digits}) / 10**{digits}")
        return ops.round(self)  # type: ignore[no-any-return]  # of a Value it is one

    def __divmod__(self, other: Any) -> tuple[Value, Value]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Value, Value]:
        return other // self, other % self

    @staticmethod
    def __apply_primitive__(primitive: Primitive, operands: tuple[Any, ...]) -> Value:
        """Record one node: what a primitive does when an operand is a Value."""
        if primitive.arity == 1 and not _modes:  # activations of networks: the most frequent call
            (operand,) = operands
            x = operand._data
            z = primitive.forward(x)
            if z.__class__ is float:
                return new_node(primitive, z, operand, None, x, None)
        try:
            inputs = [operand._data for operand in operands]
        except AttributeError:  # a number among them, or an operand of a class with a protocol of its own
            for operand in operands:
                if hasattr(type(operand), "__symbolic__"):
                    return type(operand).__apply_primitive__(primitive, operands)  # type: ignore[no-any-return]  # a Symbol in place of it
            operands = tuple(o if isinstance(o, Value) else Constant(o) for o in operands)
            inputs = [operand._data for operand in operands]
        z = primitive.forward(*inputs)
        if z.__class__ is not float:
            z = as_float(z, f"a Value holds a float, which the forward function of {primitive.name}")
        if _modes and not _recording.get() and _observer.get() is None:
            return Value(z)
        if primitive.arity == 1:
            node = new_node(primitive, z, operands[0], None, inputs[0], None)
        elif primitive.arity == 2:
            node = new_node(primitive, z, *operands, *inputs)
        else:
            node = new_node(primitive, z, operands, MANY, inputs, None)
        return _in_mode(node) if _modes else node

    if TYPE_CHECKING:  # installed below from the table

        def __getattr__(self, name: str) -> Callable[..., Value]: ...


class Constant(Value):
    """A number that was written in an expression: a leaf that gets no gradient and cannot be assigned.

    >>> Constant(3)
    Constant(3.0)
    """

    __slots__ = ()

    @property
    def data(self) -> float:
        """The number, for good."""
        return self._data

    @data.setter
    def data(self, number: Any) -> None:
        raise AttributeError(f"{self!r} is a number written in an expression: use a Value for what changes")

    def __repr__(self) -> str:
        return f"Constant({self._data!r})"


# ---- methods -----------------------------------------------------------------------------------------------


def _general(primitive: Primitive) -> Callable[..., Value]:
    def method(self: Value, *others: Any, **named: Any) -> Value:
        return primitive(self, *others, **named)  # type: ignore[no-any-return]  # of a Value it is one

    return method


def _install(primitive: Primitive) -> None:
    """Give Value a method of the primitive's name and aliases."""
    if not primitive.method:
        return
    method = _unary(primitive) if primitive.arity == 1 else _general(primitive)
    for name in (primitive.name, *primitive.aliases):
        if hasattr(Value, name):
            raise ValueError(f"a Value already has an attribute {name!r}: choose another, or method=False")
    method.__name__, method.__doc__ = primitive.name, primitive.__doc__
    for name in (primitive.name, *primitive.aliases):
        setattr(Value, name, method)


watch(_install)
