"""Module: an object that holds parameters, directly or in the modules it is made of."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Collection, Iterator
from numbers import Real
from operator import attrgetter
from typing import Any

from engine import Constant, Primitive, Sheet, Value, announce_change

from ..arguments import counted, is_row, show, warn_user
from ..attributes import Explained
from ..elsewhere import no_attribute
from .modes import is_evaluating

_primitive = attrgetter("_primitive")


_FREEZING = frozenset({"requires_grad", "trainable"})
_OF_NEURONS = frozenset({"weight", "weights", "kernel", "bias", "biases"})
_METHODS = frozenset({"parameters", "named_parameters", "children", "modules", "train", "eval", "zero_grad"})


class Module(Explained):
    """Base of everything that has parameters.

    A parameter is a leaf Value held by an attribute: directly, in lists, tuples, dicts and arrays nested to any
    depth, or in another module. Constants and results of operations are not parameters: a result in a layer of
    `nn` and a parameter in the body of a class cause a warning, and training refuses a result that the loss depends on.
    Nor is what a plain object, a set, a closure or a global holds: training warns if the model computes with it.
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
        """As for any object; compiled functions are told to look again.

        Raises:
            AttributeError: it is one by which other libraries freeze or hold parameters, and which has no effect here;
                or it would hide a method of every module, such as `modules` or `children`.
            TypeError: plain numbers take the place of parameters.
        """
        if name in _METHODS and (isinstance(value, Module) or not callable(value)):
            raise AttributeError(
                f"{name} is a method of every Module, which an attribute of {type(self).__name__} would hide: choose "
                "another name"
            )
        home = type(self).__module__
        if (name in _FREEZING and home.startswith("nn.")) or (name in _OF_NEURONS and home == "nn.layers.dense"):
            no_attribute(self, name)
        before = vars(self).get(name)
        if before is not None and type(before) not in _PLAIN:
            _check_replaced(self, name, before, value)
        announce_change()
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        announce_change()
        super().__delattr__(name)

    def parameters(self) -> list[Value]:
        """All parameters in the order of their attributes; one that is shared appears once."""
        values: list[Value] = []
        _collect([*vars(self).values()], values, {id(self)}, self)
        found = dict.fromkeys(values)
        if len(found) < len(values):
            _warn_of_repeated(self)
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
        """The modules that this one holds directly, with their paths."""
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
        return not is_evaluating() and vars(self).get("_training", True)

    @training.setter
    def training(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"the mode is True for training and False for evaluation, not {show(mode)}")
        vars(self)["_training"] = mode

    def train(self, mode: bool = True) -> Module:
        """Put this module and all that it holds into train mode, or with False into eval mode; return it.

        Raises:
            TypeError: if `mode` is not a bool.

        >>> from nn import Dropout
        >>> Dropout(0.9).eval()([1.0, 2.0])
        [1.0, 2.0]
        """
        for module in self.modules():
            if is_evaluating() or module.training is not mode:  # an attribute that is set makes programs look again
                module.training = mode
        return self

    def eval(self) -> Module:
        """Put this module and all that it holds into eval mode; return it."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero, before the next backward pass adds to it."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    @reprlib.recursive_repr()
    def __repr__(self) -> str:
        modules, own = _parts(self)
        lines = [f"{path}: {module!r}".replace("\n", "\n  ") for path, module in modules]
        lines += [f"{name}: {count}" for name, count in own.items()]
        return "\n  ".join([_title(self), *lines, *self._functions()])

    def _functions(self) -> list[str]:
        """Lines of the repr on functions that it calls besides its modules."""
        return []

    def _repr_html_(self) -> str:
        """In a notebook a table: each part, what it is, and how many parameters it holds."""
        modules, own = _parts(self)
        rows = [(path, repr(module).split("\n")[0], f"{len(module.parameters()):,}") for path, module in modules]
        rows += [(name, "parameters of its own", f"{count:,}") for name, count in own.items()]
        return Sheet(_title(self), ("part", "what", "parameters"), rows).html()


_PLAIN = frozenset({int, float, bool, str, type(None), Primitive})  # often held by modules, and hold nothing themselves


def _title(module: Module) -> str:
    return f"{type(module).__name__} of {counted(len(module.parameters()), 'parameter')}"


def _parts(module: Module) -> tuple[list[tuple[str, Module]], Counter[str]]:
    """The modules that one holds directly, and how many other parameters each of its attributes holds."""
    modules, own = [], Counter[str]()
    for path, item in _contents("", vars(module), set()):
        if isinstance(item, Module):
            modules.append((path, item))
        elif _is_parameter(item):
            own[path.split(".")[0]] += 1
    return modules, own


def _is_parameter(value: Value) -> bool:
    return value.primitive is None and not isinstance(value, Constant)


def are_parameters(items: Collection[Any]) -> bool:
    """Whether all items are Values that can be parameters, by a check that is quick for many."""
    kinds = {*map(type, items)}
    are_values = kinds == {Value} or all(issubclass(kind, Value) and not issubclass(kind, Constant) for kind in kinds)
    return are_values and not any(map(_primitive, items))


def _collect(children: Collection[Any], values: list[Value], seen: set[int], owner: Module | None = None) -> None:
    """Add the Values in nested containers and modules: `_named_values` without the names, which are slow to make.

    Here and below attributes are read at once: another thread may give a module the programs of its first prediction.
    A container is among the ids while it is read, which would never end if it held itself; afterwards another one may
    have its id, such as what an array gives as a list.

    Args:
        children: where to look.
        values: gets the Values.
        seen: ids of what is being read.
        owner: the module whose attributes these are.
    """
    for child in children:
        kind = type(child)
        if kind in _PLAIN:
            continue
        kinds: Collection[type] = {*map(type, child)} if kind is list else ()
        if kinds == {Value}:  # the weights of a neuron
            values += child
        elif isinstance(child, Value):
            values.append(child)
        elif id(child) in seen:
            continue
        elif isinstance(child, Module):
            seen.add(id(child))
            _collect([*vars(child).values()], values, seen, child)
        elif children := _children(child):
            if Value in kinds and type(owner).__module__.startswith("nn."):
                _warn_of_numbers(children)
            seen.add(id(child))
            _collect(children, values, seen, owner)
            seen.discard(id(child))


def parameters_in(item: Any) -> list[Value]:
    """The parameters in a module or in nested containers, each once."""
    values: list[Value] = []
    _collect([item], values, set())
    return list(filter(_is_parameter, dict.fromkeys(values)))


def _check_replaced(module: Module, name: str, before: Any, value: Any) -> None:
    """Check an attribute's new value: numbers and results in the place of parameters would not be trained.

    Raises:
        TypeError: plain numbers take the place of parameters.
    """
    first = _first(value)
    primitive = first.primitive if isinstance(first, Value) else None
    if not (primitive or isinstance(first, Real)) or parameters_in(value) or not parameters_in(before):
        return
    what = f"{name} of {type(module).__name__} holds parameters"
    if not primitive:
        raise TypeError(f"{what}, not numbers such as {first}, which nothing would train: set their .data, or del it")
    warn_user(
        f"{what}, and is set to the result of {primitive.name}, which nothing trains: change parameters by their "
        ".data, and keep results under another name",
        UserWarning,
    )


def _first(item: Any) -> Any:
    """The first entry of nested rows."""
    while is_row(item) and len(item):
        item = item[0]
    return item


def results_in(module: Module) -> list[tuple[str, Value, Module]]:
    """The results of operations that a module holds, which are not parameters: path, Value and owner of each."""
    return [found for found in _named_values("", module, set()) if found[1].primitive is not None]


def of_result(path: str, value: Value) -> str:
    """What to say of such a result."""
    assert value.primitive is not None
    return (
        f"{path} is not a parameter but the result of {value.primitive.name}: it keeps its number when what it was "
        "computed from changes. Write Value(x.data) for a parameter that starts with it, x.detach() for a constant, or "
        "compute it whenever the model is called"
    )


def _warn_of_results(module: Module) -> None:
    """Warn of a result among the weights of a layer of this package; a user's module may keep what it has computed."""
    for path, value, owner in results_in(module):
        if type(owner).__module__.startswith("nn."):
            warn_user(of_result(path, value), UserWarning)
            return


def _warn_of_numbers(weights: Collection[Any]) -> None:
    """Warn of a plain number among a layer's weights, as ``neuron.w[0] = 0.5`` puts it there."""
    found = next((item for item in weights if isinstance(item, Real)), None)
    if found is not None:
        warn_user(
            f"the number {found} stands among the weights of a layer, where nothing trains it: set the .data of the "
            "Value in its place, as in neuron.w[0].data = 0.5",
            UserWarning,
        )


def _warn_of_repeated(module: Module) -> None:
    """Warn of a list of one Value several times over, as ``[Value(0.0)] * 3`` makes it: its entries stay equal."""
    for owner in module.modules():
        for name, item in vars(owner).items():
            for row in _rows_in(item):
                if isinstance(row[0], Value) and all(entry is row[0] for entry in row):
                    warn_user(
                        f"{name} of {type(owner).__name__} holds one Value {len(row)} times, which stay equal: write "
                        f"[Value(...) for _ in range({len(row)})] for different ones, or keep it once",
                        UserWarning,
                    )
                    return


def _rows_in(item: Any) -> Iterator[list[Any]]:
    """The lists of two or more items among nested lists, the outer one included."""
    if isinstance(item, list) and item:
        if len(item) > 1:
            yield item
        if isinstance(item[0], list):
            for row in item:
                yield from _rows_in(row)


def _named_values(prefix: str, module: Module, seen: set[int]) -> Iterator[tuple[str, Value, Module]]:
    """The Values that are not among the ids in `seen`, with their paths and the modules that hold them."""
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
    """Whether it is a NumPy array of objects; its class is asked, as a user's object may fail on `dtype`."""
    return hasattr(type(item), "dtype") and str(item.dtype) == "object"


def _children(item: Any) -> Collection[Any]:
    """What a list, tuple, dict or array holds; nothing for anything else."""
    if type(item) is list or type(item) is tuple:
        return item
    if _is_array_of_values(item):
        item = item.tolist()
    if isinstance(item, dict):
        return [*item.values()]
    return item if isinstance(item, (list, tuple)) else ()


def _contents(path: str, item: Any, inside: set[int]) -> Iterator[tuple[str, Value | Module]]:
    """The Values and modules in nested containers, with their paths; modules are not entered.

    A container whose id is in `inside` is not entered again: it holds itself.
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
