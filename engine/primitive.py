"""A primitive: everything the engine knows about one operation, in one record.

Evaluation, backprop, forward mode, drawing, gradient checking and the tests read these records and
nothing else, so that an operation is added in one place: by one call of `declare`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from .declarations import check_columns, check_count, check_names, check_operator, check_rule
from .interval import REALS, Interval
from .numbers import as_float, shortened
from .template import parse
from .text.elsewhere import explained

Rule = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Primitive:
    """One entry of the table: an operation on scalars and all that is known about it.

    Calling a primitive applies it: to numbers it gives a float, to Values a Value.

    Attributes:
        name: what it is called, e.g. ``"tanh"``.
        symbol: what pictures show, e.g. ``"+"``; the name unless said otherwise.
        arity: how many operands it takes; ``None`` for any number of them (n-ary).
        forward: the operands' floats to the result's float; IEEE 754, so it never raises for a float.
        local_derivatives: the derivative of the result with respect to each operand. Fixed arity: one rule per operand,
            called as ``rule(z, x, ...)`` with the output first. N-ary: one rule that returns a list.
            ``None`` in place of a number is a structural zero: that operand was not selected.
        operands: the operands' names; n-ary: one name, standing for the list of them.
        formula: the mathematics as a Python expression in the operands' names, over mpmath's functions.
        domain: where each operand may come from; n-ary: the last one holds for all further operands.
        kink: ``kink(z, x, ...)`` is zero just where no derivative exists; its size grows with the distance, and its
            sign tells the sides apart (unless structural zeros of the local derivatives do).
        convention: which derivative is taken at the kinks, in words.
        defaults: values of the last operands when they are left out.
        aliases: other names, such as NumPy's.
        arrange: turns the arguments of a call into the flat tuple of operands (n-ary only).
        arguments: the other way: the arguments of a call, lists among them, from the flat operands.
        method: whether Values have it as a method.
        dunder: Python's operator for it, as ``"add"`` for ``__add__`` and ``__radd__``; "" if there is none.
        precedence: how tightly that operator binds when it is written between its operands, as in Python: 1 for
            sums, 2 for products, 3 for a sign, 4 for powers; 0 for what is written as a call.
        native: what the compiler makes of it: a template (see engine.template; n-ary: a fold), or a function that
            composes it of other primitives. Without one the compiler traces `forward`.
    """

    name: str
    symbol: str
    arity: int | None
    forward: Callable[..., float]
    local_derivatives: Sequence[Rule] | Rule
    operands: tuple[str, ...]
    formula: str
    domain: tuple[Interval, ...]
    kink: Rule | None = None
    convention: str = ""
    defaults: tuple[float, ...] = ()
    aliases: tuple[str, ...] = ()
    arrange: Callable[..., tuple[Any, ...]] | None = None
    method: bool = True
    native: str | Callable[..., Any] | None = None
    dunder: str = ""
    precedence: int = 0
    arguments: Callable[[Sequence[Any]], list[Any]] | None = None
    rules: tuple[Rule, ...] = field(init=False)  # as a tuple whatever the arity, for the sweeps

    def __post_init__(self) -> None:
        rules = (self.local_derivatives,) if callable(self.local_derivatives) else tuple(self.local_derivatives)
        object.__setattr__(self, "rules", rules)
        object.__setattr__(self, "__name__", self.name)  # as functions have it, for what names a callable
        object.__setattr__(self, "__doc__", self._describe())

    def _describe(self) -> str:
        lines = [f"{self.signature} = {self.formula}" if self.formula else self.signature]
        lines.append(f"Domain: {', '.join(map(str, self.domain))}.")
        if self.convention:
            lines.append(f"Convention: {self.convention}.")
        return "\n".join(lines)

    @property
    def signature(self) -> str:
        """How a call is written.

        >>> import engine
        >>> engine.hypot.signature, engine.maximum.signature
        ('hypot(x, y)', 'maximum(*xs)')
        """
        if self.arrange is not None:
            bare = [p.replace(annotation=p.empty) for p in inspect.signature(self.arrange).parameters.values()]
            return f"{self.name}{inspect.Signature(bare)}"
        return f"{self.name}({', '.join(self.operands)})"

    @property
    def names(self) -> tuple[str, ...]:
        """Its own name, and the others."""
        return (self.name, *self.aliases)

    @property
    def methods(self) -> tuple[str, ...]:
        """The names under which Values have it as a method.

        >>> import engine
        >>> engine.acos.methods, engine.where.methods
        (('acos', 'arccos'), ())
        """
        return self.names if self.method else ()

    def __repr__(self) -> str:
        return f"<primitive {self.signature}>"

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        return lookup, (self.name,)

    def domains(self, count: int) -> Iterator[Interval]:
        """The domain of each of `count` operands, in order.

        >>> import engine
        >>> [domain.low for domain in engine.log.domains(1)]
        [0]
        """
        for position in range(count):
            yield self.domain[min(position, len(self.domain) - 1)]

    # Applying it: the protocol is that a class of operands brings __apply_primitive__(primitive, operands).
    @overload
    def __call__(self, *operands: float) -> float: ...
    @overload
    def __call__(self, *operands: Any, **named: Any) -> Any: ...
    def __call__(self, *operands: Any, **named: Any) -> Any:
        """Apply the primitive."""
        if self.arrange is not None:
            operands = self.arrange(*operands, **named)
        elif len(operands) != self.arity or named:
            operands = self._complete(operands, named)
        for operand in operands:
            if type(operand) is not float:
                apply = getattr(type(operand), "__apply_primitive__", None)
                if apply is not None:
                    return apply(self, operands)
        return self.number(*[x if x.__class__ is float else as_float(x, f"{self.name}()") for x in operands])

    def number(self, *inputs: float) -> float:
        """The result for floats, as a float, whatever kind of number the forward function makes; see `result`."""
        z = self.forward(*inputs)
        return z if z.__class__ is float else self.result(z)

    def result(self, z: Any) -> float:
        """What the forward function made, as a float.

        Raises:
            TypeError: it is not a real number; a Value, for example, comes from another one that is no operand.
        """
        if hasattr(type(z), "__apply_primitive__"):
            raise TypeError(
                f"the forward function of {self.name} gave {z!r}: it is called with floats, so it computes with a "
                "Value that is no operand, and no gradient flows to that: make it an operand, or use its .data"
            )
        return as_float(z, f"a Value made by the forward function of {self.name}")

    def _complete(self, operands: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """Fill in named and default operands, or say what the call should look like."""
        expected = self.operands
        by_name = dict(zip(reversed(expected), reversed(self.defaults)))
        by_name.update(zip(expected, operands))
        unknown = [name for name in named if name not in expected[len(operands) :]]
        by_name.update(named)
        if len(operands) > len(expected) or unknown or len(by_name) != len(expected):
            given = ", ".join([*map(shortened, operands), *(f"{name}={shortened(named[name])}" for name in named)])
            raise TypeError(f"{self.name}({given}): expected {self.signature}")
        return tuple(by_name[name] for name in expected)


PRIMITIVES: dict[str, Primitive] = {}
"""The table, by name, in the order of declaration. Aliases are not listed."""

_on_declare: list[Callable[[Primitive], None]] = []


def watch(announce: Callable[[Primitive], None]) -> None:
    """Call `announce` for every primitive there is, and for each that is declared later."""
    for primitive in PRIMITIVES.values():
        announce(primitive)
    _on_declare.append(announce)


def lookup(name: str) -> Primitive:
    """The primitive of that name.

    Args:
        name: its own name, not an alias.

    Raises:
        LookupError: there is none; one that a user declared must be declared before it is looked up.

    >>> lookup("tanh")
    <primitive tanh(x)>
    """
    try:
        return PRIMITIVES[name]
    except KeyError:
        raise LookupError(f"no primitive is named {name!r}; declare it before a graph that uses it is loaded") from None


@explained
def declare(
    name: str,
    forward: Callable[..., float],
    local_derivatives: Sequence[Rule] | Rule,
    *,
    symbol: str | None = None,
    operands: tuple[str, ...] | None = None,
    formula: str = "",
    domain: Interval | tuple[Interval, ...] = REALS,
    kink: Rule | None = None,
    convention: str = "",
    defaults: tuple[float, ...] = (),
    aliases: tuple[str, ...] = (),
    arrange: Callable[..., tuple[Any, ...]] | None = None,
    method: bool = True,
    native: str | Callable[..., Any] | None = None,
    dunder: str = "",
    precedence: int = 0,
    arguments: Callable[[Sequence[Any]], list[Any]] | None = None,
) -> Primitive:
    """Add a primitive to the table; from then on it is first-class everywhere.

    Args:
        name: a Python identifier that no primitive has as its name yet.
        forward: the operands' floats to the result's float. What it raises reaches the caller. Other Values that it
            computes with get no gradient, and are refused: make them operands.
        local_derivatives: a list with one rule per operand, each called as ``rule(z, x, ...)``: the output
            first, then the operands. A bare callable makes the primitive n-ary: it is called as
            ``rule(z, *xs)`` and returns a list. Write rules with the engine's own functions, not
            ``math``'s, and derivatives of every order follow from them.
        symbol: what pictures show; the name by default.
        operands: the operands' names; ``x``, ``y``, ... by default.
        formula: the mathematics as an expression over mpmath's functions; tests use it as their oracle.
        domain: where operands may come from: one interval for all or one for each.
        kink: a function that is zero just where there is no derivative.
        convention: which derivative is taken there, in words.
        defaults: values of the last operands when they are left out.
        aliases: other names for the method.
        arrange: for n-ary primitives, turns a call's arguments into the flat tuple of operands.
        method: whether Values get it as a method (never for n-ary ones).
        native: what the compiler makes of it: a template of engine.template, such as ``"x / (1 + fabs(x))"``, in the
            operands' names (n-ary: a fold over `z`, the result so far, and `x`), or a function of the operands that
            returns the same from other primitives.
        dunder: the name of Python's operator for it, as in `Primitive`; one that no other primitive has.
        precedence: how tightly that operator binds in Python, if it is to be written between its operands, by its
            `symbol`.
        arguments: for n-ary primitives with an `arrange`, its inverse, so that graphs are written as they are called:
            without it, all operands in a row.

    Returns:
        The primitive, to be called with Values or numbers.

    Raises:
        TypeError: `forward`, a rule or the kink cannot be called, or takes another number of arguments; another column
            is of the wrong kind.
        ValueError: a name or an operator is taken or cannot be one; there is no local derivative; domain or defaults
            do not fit the operands; the formula is not an expression; `native` is not a template.

    >>> import engine
    >>> slope = lambda z, x: 1 / engine.square(1 + abs(x))  # z is the result
    >>> softsign = engine.declare("softsign", lambda x: x / (1 + abs(x)), [slope])
    >>> x = engine.Value(1.0)
    >>> engine.grad(softsign(x), x), x.softsign().data
    (0.25, 0.5)
    """
    check_names(name, aliases, operands, {n for known in PRIMITIVES.values() for n in known.names})
    if not callable(forward):
        raise TypeError(f"{name}: forward must be callable, got {forward!r}")
    if not callable(local_derivatives) and not isinstance(local_derivatives, (list, tuple)):
        raise TypeError(f"{name}: give a list with one local derivative per operand, or one function of all of them")
    arity = None if callable(local_derivatives) else len(local_derivatives)
    check_count(name, operands, arity)
    check_operator(name, arity, symbol, dunder, precedence, {known.dunder for known in PRIMITIVES.values()})
    operands = operands or (("xs",) if arity is None else ("x", "y", *(f"x{k}" for k in range(3, arity + 1)))[:arity])
    if not callable(local_derivatives):
        check_rule(f"{name}: forward", forward, operands, "forward")
        for rule in local_derivatives:
            check_rule(f"{name}: a local derivative", rule, ("z", *operands))
    as_given: dict[str, Any] = {
        "formula": formula,
        "kink": kink,
        "convention": convention,
        "defaults": defaults,
        "arguments": arguments,
        "native": native,
    }
    check_columns(name, operands, arity, domain=domain, arrange=arrange, method=method, **as_given)
    if isinstance(native, str):
        parse(native, operands if arity is not None else ("z", "x"))
    primitive = Primitive(
        name=name,
        symbol=symbol or name,
        arity=arity,
        forward=forward,
        local_derivatives=local_derivatives,
        operands=operands,
        domain=(domain,) if isinstance(domain, Interval) else domain,
        aliases=aliases,
        arrange=(arrange or flatten(name)) if arity is None else None,
        method=method and arity is not None,
        dunder=dunder,
        precedence=precedence,
        **as_given,
    )
    for announce in _on_declare:
        announce(primitive)
    PRIMITIVES[name] = primitive
    return primitive


def flatten(name: str) -> Callable[..., tuple[Any, ...]]:
    """Let an n-ary primitive be called as ``f(a, b)`` and as ``f([a, b])``; refuse no operands at all."""

    def arrange(*xs: Any) -> tuple[Any, ...]:
        if len(xs) == 1 and hasattr(type(xs[0]), "__iter__"):
            xs = tuple(xs[0])
        if not xs:
            raise ValueError(f"{name}() of no operands: give at least one")
        return xs

    return arrange
