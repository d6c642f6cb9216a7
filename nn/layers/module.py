"""Module: an object that holds parameters, directly or in the modules it is made of."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from operator import attrgetter
from typing import Any

from engine import Constant, Primitive, Sheet, Value, announce_change

from ..arguments import counted, show, warn_user
from ..attributes import Explained

_primitive = attrgetter("_primitive")
_evaluating: ContextVar[bool] = ContextVar("evaluating", default=False)


_FREEZING = frozenset({"requires_grad", "trainable"})


class Within:
    """Inside, in this thread, a variable has another value: a class enters and leaves in a fifth of a generator's time.

    Args:
        variable: of the context.
        value: what it is to be.
    """

    def __init__(self, variable: ContextVar[Any], value: Any) -> None:
        self._variable, self._value = variable, value

    def __enter__(self) -> None:
        self._before = self._variable.get()
        try:
            self._variable.set(self._value)
        except BaseException:  # Ctrl-C, before anybody could leave it
            self._variable.set(self._before)
            raise

    def __exit__(self, *_: object) -> None:
        self._variable.set(self._before)


def evaluating() -> Within:
    """Inside, in this thread, every module is in eval mode, whatever its own; nothing is changed to be restored."""
    return Within(_evaluating, True)


class Module(Explained):
    """Base of everything that has parameters.

    A parameter is a leaf Value held by an attribute: directly, in lists, tuples, dicts and arrays nested to any
    depth, or in another module. Constants and results of operations are none: a warning tells of a result in a layer of
    `nn`, and of what stands in the body of a class, and training refuses a result that the loss depends on. What a
    plain object, a set, a closure or a global holds is none either: training warns where the model computes with it.
    Nothing has to be registered:

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...
    ...     def __call__(self, x):
    ...         return self.slope * x + self.offset
    >>> Line().parameters()[0].data
    2.0
    >>> [name for name, value in Line().named_parameters()]
    ['slope', 'offset']
    >>> Line()
    Line of 2 parameters
      slope: 1
      offset: 1
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, item in vars(cls).items():
            if any(isinstance(held, Module) or _is_parameter(held) for _, held in _contents(name, item, set())):
                warn_user(
                    f"{name} of {cls.__name__} belongs to the class, and is among no module's parameters(): nothing "
                    f"trains it. Set self.{name} in __init__",
                    UserWarning,
                )

    def __setattr__(self, name: str, value: Any) -> None:
        """As for any object; what is compiled looks again.

        Raises:
            AttributeError: it is one by which other libraries freeze a part, and nothing would read it here.
        """
        if name in _FREEZING and type(self).__module__.startswith("nn."):
            from ..elsewhere import no_attribute

            no_attribute(self, name)
        announce_change()
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        announce_change()
        super().__delattr__(name)

    def parameters(self) -> list[Value]:
        """All parameters in the order of their attributes; one that is shared appears once."""
        values: list[Value] = []
        _collect([*vars(self).values()], values, {id(self)})
        found = dict.fromkeys(values)
        if are_parameters(found):
            return list(found)
        _warn_of_results(self)
        return list(filter(_is_parameter, found))

    def named_parameters(self) -> list[tuple[str, Value]]:
        """All parameters with their paths, such as `layers.0.neurons.3.w.2`.

        >>> from nn import MLP
        >>> MLP(2, [3, 1]).named_parameters()[2][0]
        'layers.0.neurons.0.b'
        """
        return [(path, value) for path, value, _ in _named_values("", self, set()) if _is_parameter(value)]

    def children(self) -> Iterator[tuple[str, Module]]:
        """The modules that this one holds itself, with their paths."""
        return ((path, item) for path, item in _contents("", vars(self), set()) if isinstance(item, Module))

    def modules(self) -> Iterator[Module]:
        """This module and all that it holds, each once, in the order of their attributes.

        >>> from nn import MLP
        >>> [type(module).__name__ for module in MLP(2, [1]).modules()]
        ['MLP', 'Layer', 'Neuron']
        """
        return _modules_in(self, set())

    @property
    def training(self) -> bool:
        """Whether the module is in train mode, as a fresh one is; in eval mode `Dropout` lets everything pass."""
        return not _evaluating.get() and vars(self).get("_training", True)

    @training.setter
    def training(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"the mode is True for training and False for evaluation, not {show(mode)}")
        vars(self)["_training"] = mode

    def train(self, mode: bool = True) -> Module:
        """Put this module and all that it holds into train mode, or with False into eval mode; give it back.

        Raises:
            TypeError: if `mode` is not a bool.

        >>> from nn import Dropout
        >>> Dropout(0.9).eval()([1.0, 2.0])
        [1.0, 2.0]
        """
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Put this module and all that it holds into eval mode; give it back."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero, before the next backward pass adds to it."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    @reprlib.recursive_repr()
    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} of {counted(len(self.parameters()), 'parameter')}"]
        own: Counter[str] = Counter()
        for path, item in _contents("", vars(self), set()):
            if isinstance(item, Module):
                lines.append(f"{path}: {item!r}".replace("\n", "\n  "))
            elif _is_parameter(item):
                own[path.split(".")[0]] += 1
        lines += [f"{name}: {count}" for name, count in own.items()]
        return "\n  ".join(lines + self._functions())

    def _functions(self) -> list[str]:
        """Lines on the functions that it calls beside its modules, for its text."""
        return []

    def _repr_html_(self) -> str:
        """In a notebook a table: each part, what it is, and how many parameters it holds."""
        contents = _contents("", vars(self), set())
        own = Counter(path.split(".")[0] for path, item in contents if _is_own_parameter(item))
        rows = [(name, repr(child).split("\n")[0], f"{len(child.parameters()):,}") for name, child in self.children()]
        rows += [(name, "parameters of its own", f"{count:,}") for name, count in own.items()]
        title = f"{type(self).__name__} of {counted(len(self.parameters()), 'parameter')}"
        return Sheet(title, ("part", "what", "parameters"), rows).html()


_PLAIN = frozenset({int, float, bool, str, type(None), Primitive})  # what is often in a module, and holds nothing


def _is_own_parameter(item: Any) -> bool:
    return not isinstance(item, Module) and _is_parameter(item)


def _is_parameter(value: Value) -> bool:
    return value.primitive is None and not isinstance(value, Constant)


def are_parameters(items: Collection[Any]) -> bool:
    """Whether all are Values that a parameter can be: told of many in the time of a few."""
    kinds = {*map(type, items)}
    are_values = kinds == {Value} or all(issubclass(kind, Value) and not issubclass(kind, Constant) for kind in kinds)
    return are_values and not any(map(_primitive, items))


def _collect(children: Collection[Any], values: list[Value], seen: set[int]) -> None:
    """Add the Values in nested containers and modules: `_named_values` without names, which take longer.

    Here and below attributes are read at once: another thread may give a module the programs of its first prediction.
    A container is among the ids while it is read, which would never end if it held itself; afterwards another one may
    have its id, such as what an array gives as a list.
    """
    for child in children:
        kind = type(child)
        if kind in _PLAIN:
            continue
        if kind is list and {*map(type, child)} == {Value}:  # the weights of a neuron
            values += child
        elif isinstance(child, Value):
            values.append(child)
        elif id(child) in seen:
            continue
        elif isinstance(child, Module):
            seen.add(id(child))
            _collect([*vars(child).values()], values, seen)
        elif children := _children(child):
            seen.add(id(child))
            _collect(children, values, seen)
            seen.discard(id(child))


def parameters_in(item: Any) -> list[Value]:
    """Those that a module holds, or nested containers."""
    values: list[Value] = []
    _collect([item], values, set())
    return list(filter(_is_parameter, dict.fromkeys(values)))


def results_in(module: Module) -> list[tuple[str, Value, Module]]:
    """What a module holds that operations have computed, and so no parameters: with its path, and who holds it."""
    return [found for found in _named_values("", module, set()) if found[1].primitive is not None]


def of_result(path: str, value: Value) -> str:
    """What to say of such a one."""
    return (
        f"{path} is no parameter but the result of {value.primitive}: it keeps its number while what it was computed "
        "of changes. Write Value(x.data) for a parameter that begins with it, x.detach() for a constant, or compute it "
        "whenever the model is called"
    )


def _warn_of_results(module: Module) -> None:
    """Warn of a result among the weights of a layer of this package; a user's module may keep what it has computed."""
    for path, value, owner in results_in(module):
        if type(owner).__module__.startswith("nn."):
            warn_user(of_result(path, value), UserWarning)
            return


def _named_values(prefix: str, module: Module, seen: set[int]) -> Iterator[tuple[str, Value, Module]]:
    """The Values that are not among the ids in `seen`, with their paths and who holds them."""
    for path, item in _contents(prefix, vars(module), set()):
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Module):
            yield from _named_values(path, item, seen)
        else:
            yield path, item, module


def _modules_in(item: Any, seen: set[int]) -> Iterator[Module]:
    """The modules in nested containers, and in each other, that are not among the ids in `seen`."""
    if id(item) in seen:
        return
    seen.add(id(item))
    is_module = isinstance(item, Module)
    if is_module:
        yield item
    for child in _children(vars(item) if is_module else item):
        if not isinstance(child, Value) and type(child) not in _PLAIN:
            yield from _modules_in(child, seen)
    if not is_module:
        seen.discard(id(item))


def _is_array_of_values(item: Any) -> bool:
    """Whether it is a NumPy array of objects; its class tells, since asked for a `dtype` a user's object may fail."""
    return hasattr(type(item), "dtype") and str(item.dtype) == "object"


def _children(item: Any) -> Collection[Any]:
    """What a container holds: a list, tuple, dict or array; nothing of what is none."""
    if type(item) is list or type(item) is tuple:
        return item
    if _is_array_of_values(item):
        item = item.tolist()
    if isinstance(item, dict):
        return [*item.values()]
    return item if isinstance(item, (list, tuple)) else ()


def _contents(path: str, item: Any, inside: set[int]) -> Iterator[tuple[str, Value | Module]]:
    """The Values and modules in nested containers, with their paths; modules are not entered.

    Nor is a container, by its id `inside`, that is being read: it holds itself.
    """
    if isinstance(item, (Value, Module)):
        yield path, item
        return
    if _is_array_of_values(item):
        item = item.tolist()
    if isinstance(item, dict):
        children = iter([*item.items()])
    elif isinstance(item, (list, tuple)):
        children = iter(enumerate(item))
    else:
        return
    if id(item) not in inside:
        inside.add(id(item))
        for name, child in children:
            yield from _contents(f"{path}.{name}" if path else str(name), child, inside)
        inside.discard(id(item))
