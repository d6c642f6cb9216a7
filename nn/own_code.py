"""Which models and losses are this package's own code, as it was imported; and all that determines what they do.

Of these it is known, and tested, that they do at every call what they do while they are traced: no label is a key, no
branch hangs on a number. So a start need not search for samples where it is otherwise, nor trace what it knows. What a
user has written, subclassed, replaced or changed is not among them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import attrgetter, is_
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from engine import TABLE, Imported, Primitive, Value

from .layers.activations import activation_name
from .layers.dropout import Dropout
from .layers.ending import last_activation
from .layers.module import Module
from .losses.activated import WARNED
from .losses.labels import ClassIndex, Distribution, Number
from .losses.named import LOSSES

if TYPE_CHECKING:
    from engine import Description

PARTS = [
    "nn.arguments",
    "nn.layers",
    "nn.losses",
    "nn.evaluation.columns",
    "nn.evaluation.metrics",
    "nn.evaluation.means",
    "nn.evaluation.programs",
    "nn.training.steps",
]
"""What compiled models, losses and judges consist of, and what calls them."""

_CODE = Imported()
_primitive = attrgetter("_primitive")
_PLAIN = frozenset({int, float, bool, str, type(None)})
_REQUIREMENTS = {kind.__name__: kind for kind in (ClassIndex, Distribution, Number)}


def note_code() -> None:
    """Note what the code is, once all of it has been imported and nobody has changed it yet."""
    global _CODE
    _CODE = Imported(*PARTS)


def own_loss(loss: Callable[..., Any]) -> str:
    """All that determines a loss of this package that is unchanged; empty for all others.

    >>> from nn import mse
    >>> own_loss(mse) != "", own_loss(lambda outputs, labels: mse(outputs, labels))
    (True, '')
    """
    name = next((name for name, own in LOSSES.items() if loss is own and _CODE.defines(own)), None)
    return own_text(name) if name else ""


def own_text(name: str) -> str:
    """All that determines what this package has under a name; empty if anything has been changed."""
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
        more: Values that are read besides.
        known: different parameters, as those of an earlier description or of an optimiser: if they are those of the
            model, they need not be looked at one by one.

    Returns:
        None for all others, for models with dropout, whose masks depend on more, and for those with an ending that the
        loss warns of when it is called: if the program were known, it would not be.

    >>> from nn import MLP, Sequential, mse
    >>> first, second, third = (own_code(MLP(2, [3, 1], name), mse) for name in ("tanh", "tanh", "relu"))
    >>> first.text == second.text, first.text == third.text, len(first.values)
    (True, False, 13)
    >>> own_code(MLP(2, [3, 1], activation=lambda z: z * z), mse), own_code(Sequential(MLP(2, [3]), sum), mse)
    (None, None)
    """
    of_loss = own_text("outputs") if loss is None else own_loss(loss)
    endings = WARNED.get(getattr(loss, "__name__", ""))
    if not of_loss or (endings and activation_name(last_activation(model)) in endings):
        return None
    from engine import Description, classes_of

    words, found = list[str](), list[Value]()
    try:
        _describe(model, words, found, classes_of(Value), frozenset())
    except _Foreign:
        return None
    found += more
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
    """Let a function that is to be compiled say all that determines it, as long as that is this package's own code.

    It says also whether labels go into such code only, which uses none as an object.

    Args:
        function: what it makes of a sample follows from the rest.
        what: its name, in this package.
        model: what it calls.
        loss: what it calls with the outputs; None for nothing.
        judges: what else it calls with them.
    """
    last = _Last()

    def described() -> Description | None:
        found = own_code(model, loss, known=last.values) if all(map(_CODE.defines, judges)) else None
        if found is None:
            return None
        last.values = found.values
        return replace(found, text=f"{what}: {found.text}")

    function.described = described  # type: ignore[attr-defined]  # the compiler asks for it
    function.labels_are_numbers = lambda: loss is not None and own_loss(loss) != "" and all(map(_CODE.defines, judges))  # type: ignore[attr-defined]  # it asks for that too


class _Last:
    """The parameters of the last description: in an attribute of an object of `nn`, which nobody watches."""

    values: Sequence[Value] = ()


class _Foreign(Exception):  # noqa: N818  # what ends a walk
    """Something that is not this package's own."""


def _describe(
    thing: Any, words: list[str], found: list[Value], values: set[type[Value]], inside: frozenset[int]
) -> None:
    """Add a thing in words, with a mere count of its Values, which are added to those that were found.

    Args:
        thing: a model, or a part of one.
        words: what was described so far.
        found: Values, in the order of the words.
        values: the classes that these may have.
        inside: ids of what the thing is a part of.

    Raises:
        _Foreign: it is, or holds, what is not this package's own.
    """
    kind = type(thing)
    if kind in values:
        found.append(thing)
        words.append("Value")
    elif kind in _PLAIN:
        words.append(f"{kind.__name__} {thing!r}")
    elif kind is Primitive and TABLE.defines(thing):
        words.append(thing.name)
    elif kind is FunctionType and _CODE.defines(thing):
        words.append(f"{thing.__module__}.{thing.__qualname__}")
    elif id(thing) in inside or kind is Dropout:
        raise _Foreign
    elif kind is list or kind is tuple:
        words.append(f"{kind.__name__} of {len(thing)} [")
        if thing and values.issuperset(map(type, thing)):
            found += thing
            words.append("Values")
        else:
            inside |= {id(thing)}
            for part in thing:
                _describe(part, words, found, values, inside)
        words.append("]")
    elif issubclass(kind, Module) and _CODE.defines(kind):
        words.append(f"{kind.__module__}.{kind.__qualname__} [")
        inside |= {id(thing)}
        for name, part in [*vars(thing).items()]:  # another thread may add the programs of a first prediction
            if name != "_programs":  # which no layer reads
                words.append(repr(name))
                _describe(part, words, found, values, inside)
        words.append("]")
    else:
        raise _Foreign


def _digest() -> str:
    """A digest of the sources of this package; empty where they are no files to read."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    try:
        for file in sorted(root.rglob("*.py")):
            digest.update(f"{file.relative_to(root)}\n".encode())
            digest.update(file.read_bytes())
    except OSError:
        return ""
    return digest.hexdigest()


_SOURCE = _digest()
"""Made at import, when the sources are those that run."""
