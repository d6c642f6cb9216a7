"""Which models and losses are this package's own code, unchanged since import; and a description of what they do.

These are known, and tested, to do at every call what they do while they are traced: no label is a key, no branch
depends on a number. So a start need not search for samples where that fails, nor trace again what it knows. Whatever a
user has written, subclassed, replaced or changed is not among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter, is_
from pathlib import Path
from types import FunctionType
from typing import Any

from engine import TABLE, Description, Imported, Primitive, Value, classes_of, digest_of, let_rule_describe_itself

from .layers.activations import activation_name
from .layers.dropout import Dropout
from .layers.embedding import Token
from .layers.ending import last_activation
from .layers.module import Module
from .losses.activated import TAKES
from .losses.labels import ClassIndex, Distribution, Number
from .losses.named import LOSSES
from .losses.weighted import WEIGHTED
from .optimisers.base import Optimizer

PARTS = [
    "nn.arguments",
    "nn.rows",
    "nn.layers",
    "nn.losses",
    "nn.evaluation.columns",
    "nn.evaluation.metrics",
    "nn.evaluation.means",
    "nn.evaluation.programs",
    "nn.training.batch_loss",
]
"""The modules that compiled models, losses and metrics consist of, and those that call them."""

_CODE = Imported()
_RULES = Imported()
"""Those of the optimisers, which are nothing that a model or a loss would read."""
_primitive = attrgetter("_primitive")
_PLAIN = frozenset({int, float, bool, str, type(None)})
_REQUIREMENTS = {kind.__name__: kind for kind in (ClassIndex, Distribution, Number, Token)}


def note_code() -> None:
    """Note the code as imported, before anything can have changed it, and let optimisers' rules describe themselves."""
    global _CODE, _RULES
    _CODE, _RULES = Imported(*PARTS), Imported("nn.optimisers")
    for kind in _kinds_of(Optimizer):
        let_rule_describe_itself(kind.rule, partial(_described_rule, kind.rule))


def _kinds_of(base: type[Optimizer]) -> Iterator[type[Optimizer]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds_of(kind)


def _described_rule(rule: Callable[..., Any]) -> Description | None:
    """The description of a rule of this package; None once something has changed."""
    holds = _RULES.is_unchanged() and TABLE.is_unchanged() and _RULES.defines(rule)
    return Description(f"{_SOURCE} {rule.__qualname__}", (), {}, _RULES.is_unchanged) if _SOURCE and holds else None


def own_loss(loss: Callable[..., Any] | None) -> str:
    """A text that determines a loss of this package, if unchanged; empty for all others.

    >>> from nn import mse
    >>> own_loss(mse) != "", own_loss(lambda outputs, labels: mse(outputs, labels))
    (True, '')
    """
    known = [*LOSSES.items(), *[(f"weighted {name}", own) for name, _, own in WEIGHTED]]
    name = next((name for name, own in known if loss is own and _CODE.defines(own)), None)
    return _own_text(name) if name else ""


def _own_text(name: str) -> str:
    """A text that determines what this package has under a name; empty if anything has changed."""
    return f"{_SOURCE} {name}" if _SOURCE and _is_unchanged() else ""


def _is_unchanged() -> bool:
    return _CODE.is_unchanged() and TABLE.is_unchanged()


def own_code(
    model: Any, loss: Callable[..., Any] | None, *more: Value, known: Sequence[Value] = ()
) -> Description | None:
    """The description of a model and a loss that consist of layers and losses of this package, all unchanged.

    Args:
        model: a module, or another function.
        loss: of a batch; None for the model alone.
        more: other Values that are read.
        known: distinct parameters, such as those of an earlier description or of an optimiser: if they are the model's,
            they need not be checked one by one.

    Returns:
        None for all others, for models with dropout, whose masks depend on more, and for those with a last activation
        that the loss warns of when it is called: with a known program it would not be called.

    >>> from nn import MLP, Sequential, mse
    >>> first, second, third = (own_code(MLP(2, [3, 1], name), mse) for name in ("tanh", "tanh", "relu"))
    >>> first.text == second.text, first.text == third.text, len(first.values)
    (True, False, 13)
    >>> own_code(MLP(2, [3, 1], activation=lambda z: z * z), mse), own_code(Sequential(MLP(2, [3]), sum), mse)
    (None, None)
    """
    of_loss = _own_text("outputs") if loss is None else own_loss(loss)
    endings = TAKES.get(getattr(getattr(loss, "weighs", loss), "__name__", ""))
    if not of_loss or (endings and activation_name(last_activation(model)) in endings):
        return None
    walk = _Walk()
    try:
        walk.describe(model, frozenset())
    except _Foreign:
        return None
    words, found = walk.words, [*walk.found, *more]
    values: Sequence[Value] = found
    if len(known) == len(found) and all(map(is_, found, known)):
        values = known
    elif any(map(_primitive, found)):  # a result, which is not a parameter
        return None
    elif len({*found}) < len(found):
        values = [*dict.fromkeys(found)]
        place = {value: k for k, value in enumerate(values)}
        words.append(f"where the Values are {[place[value] for value in found]}")
    return Description(f"{of_loss} {' '.join(words)}", values, _REQUIREMENTS, _CODE.is_unchanged)


def describe(
    function: Callable[..., Any],
    what: str,
    model: Any,
    loss: Callable[..., Any] | None = None,
    judges: Sequence[Callable[..., Any]] = (),
) -> None:
    """Give a function to be compiled a name, and a description that holds as long as it is this package's own code.

    It also tells whether labels go into such code only, which uses labels as numbers, never as objects.

    Args:
        function: what it does with a sample follows from the other arguments.
        what: what it gives, in words.
        model: what it calls.
        loss: what it calls with the outputs; None for nothing.
        judges: metrics that it calls with them as well.
    """
    last = _Last()
    function.__qualname__ = f"{what} of {getattr(model, '__qualname__', type(model).__name__)}"

    def described() -> Description | None:
        found = own_code(model, loss, known=last.values) if all(map(_CODE.defines, judges)) else None
        if found is None:
            return None
        last.values = found.values
        return replace(found, text=f"{what}: {found.text}")

    function.described = described  # type: ignore[attr-defined]  # the compiler asks for it
    function.labels_are_numbers = lambda: own_loss(loss) != "" and all(map(_CODE.defines, judges))  # type: ignore[attr-defined]  # it asks for that too


class _Last:
    """The parameters of the last description: in an object of `nn`, since changes of these are not watched."""

    values: Sequence[Value] = ()


class _Foreign(Exception):  # it ends a walk
    """Something that is not this package's own."""


class _Walk:
    """A walk through a model.

    Attributes:
        words: its description, in which Values are only counted.
        found: its Values, in the order of the words.
    """

    def __init__(self) -> None:
        self.words, self.found = list[str](), list[Value]()
        self._kinds = classes_of(Value)

    def describe(self, thing: Any, inside: frozenset[int]) -> None:
        """Describe a model, or a part of one that is inside of the things with these ids.

        Raises:
            _Foreign: it is, or holds, something that is not this package's own.
        """
        kind = type(thing)
        if kind in self._kinds:
            self.found.append(thing)
            self.words.append("Value")
        elif kind in _PLAIN:
            self.words.append(f"{kind.__name__} {thing!r}")
        elif kind is Primitive and TABLE.defines(thing):
            self.words.append(thing.name)
        elif kind is FunctionType and _CODE.defines(thing):
            self.words.append(f"{thing.__module__}.{thing.__qualname__}")
        elif id(thing) in inside or kind is Dropout:
            raise _Foreign
        elif kind is list:
            self._row(thing, inside | {id(thing)})
        elif issubclass(kind, Module) and _CODE.defines(kind):
            self._module(thing, inside | {id(thing)})
        else:
            raise _Foreign

    def _row(self, row: list[Any], inside: frozenset[int]) -> None:
        self.words.append(f"list of {len(row)} [")
        if row and self._kinds.issuperset(map(type, row)):
            self.found += row
            self.words.append("Values")
        else:
            for part in row:
                self.describe(part, inside)
        self.words.append("]")

    def _module(self, module: Module, inside: frozenset[int]) -> None:
        self.words.append(f"{type(module).__module__}.{type(module).__qualname__} [")
        for name, part in [*vars(module).items()]:  # another thread may add the programs of a first prediction
            if name != "_programs":  # which no layer reads
                self.words.append(repr(name))
                self.describe(part, inside)
        self.words.append("]")


_FOLDER = Path(__file__).parent
_SOURCE = digest_of(_FOLDER, _FOLDER.rglob("*.py"))
"""Made at import, when the sources are those that run; empty where they cannot be read."""
