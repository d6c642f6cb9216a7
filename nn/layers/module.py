"""Module: an object that holds parameters, directly or in the modules it is made of."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

from engine import Sheet, Value, announce_change

from ..arguments import RENAME_FORWARD, counted, show
from ..attributes import Explained
from ..elsewhere import explained, no_attribute, with_remedy
from ..modes import is_evaluating
from ..threads import refuse_elsewhere
from .contents import PLAIN, Holder, are_parameters, contents, is_parameter, modules_in, named_values, values_of
from .misplaced import check_replaced, warn_of_class_attributes, warn_of_repeated, warn_of_results

_FREEZING = frozenset({"requires_grad", "trainable"})
_OF_NEURONS = frozenset({"weight", "weights", "kernel", "bias", "biases"})
_TAKES_INPUT = with_remedy("write model(x), and model.train() or model.eval() to set its mode")
_METHODS = frozenset({"parameters", "named_parameters", "children", "modules", "train", "eval", "zero_grad"})


class Module(Holder, Explained):
    """Base of everything that has parameters.

    A parameter is a leaf Value held by an attribute: directly, in lists, tuples, dicts and arrays nested to any
    depth, or in another module. Constants, results of operations and what `detach` or `no_grad` returned are not
    parameters: one of these in a layer of `nn` causes a warning, as does a parameter in the body of a class, and
    training refuses a result that the loss depends on. Values held by a plain object, a set, a closure or a global are
    not parameters either: training warns if the model computes with one. Nothing has to be registered:

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
        warn_of_class_attributes(cls)
        if cls.__module__.startswith("nn.") and "__call__" in vars(cls):
            _TAKES_INPUT(vars(cls)["__call__"])
        if hasattr(cls, "forward"):
            calls = [vars(base)["__call__"] for base in cls.__mro__ if "__call__" in vars(base)]
            own = next((call for call in calls if call is not refuse_call), refuse_call)
            if calls[:1] != [own]:  # there is none, or a base without one hides that of another base
                cls.__call__ = own  # type: ignore[method-assign]  # it has none of its own

    if TYPE_CHECKING:  # each class has one of its own
        __call__: Callable[..., Any]

    def __setattr__(self, name: str, value: Any) -> None:
        """As for any object; compiled functions will look again.

        Raises:
            AttributeError: other libraries freeze or hold parameters by this name, which has no effect here; or it
                would hide a method of every module, such as `modules` or `children`.
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
        if before is not None and type(before) not in PLAIN:
            check_replaced(self, name, before, value)
        announce_change()
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        announce_change()
        super().__delattr__(name)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """For copies and pickles.

        Raises:
            RuntimeError: another thread trains its parameters.
        """
        refuse_elsewhere("a copy", self.parameters)
        return super().__reduce_ex__(protocol)

    def __getitem__(self, place: object) -> NoReturn:
        """Refuse indexing, and loops with it: in PyTorch a Sequential is a list of its layers."""
        raise TypeError(
            f"{type(self).__name__} has no items: its parts are attributes, as in model.layers[0] and "
            "len(model.layers) of an MLP or a Sequential"
        )

    def parameters(self) -> list[Value]:
        """All parameters in the order of their attributes; one that is shared appears once."""
        values = values_of(self)
        found = dict.fromkeys(values)
        if len(found) < len(values):
            warn_of_repeated(self)
        if are_parameters(found):
            return list(found)
        warn_of_results(self)
        return list(filter(is_parameter, found))

    def named_parameters(self) -> list[tuple[str, Value]]:
        """All parameters with their paths, such as `layers.0.neurons.3.w.2`.

        >>> from nn import MLP
        >>> MLP(2, [3, 1]).named_parameters()[2][0]
        'layers.0.neurons.0.b'
        """
        found = named_values(self)
        certain = are_parameters([value for _, value, _ in found])  # quicker than asking each
        return [(path, value) for path, value, _ in found if certain or is_parameter(value)]

    def children(self) -> Iterator[tuple[str, Module]]:
        """The modules that this one holds directly, with their paths."""
        return ((path, item) for path, item in contents(vars(self)) if isinstance(item, Module))

    def modules(self) -> Iterator[Module]:
        """This module and all that it holds, each once, in the order of their attributes.

        >>> from nn import MLP
        >>> [type(module).__name__ for module in MLP(2, [1]).modules()]
        ['MLP', 'Layer', 'Neuron']
        """
        return modules_in(self)

    @property
    def training(self) -> bool:
        """Whether the module is in train mode, as a fresh one is; in eval mode `Dropout` lets everything pass.

        >>> from nn import Dropout
        >>> Dropout(0.5).training, Dropout(0.5).eval().training
        (True, False)
        """
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
            if is_evaluating() or module.training is not mode:  # setting an attribute makes programs look again
                module.training = mode
        return self

    def eval(self) -> Module:
        """Put this module and all that it holds into eval mode; return it."""
        return self.train(False)

    @explained
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
        """Lines of the repr for functions among its layers, which are not modules; see `Sequential`."""
        return []

    def _repr_html_(self) -> str:
        """In a notebook a table: each part, what it is, and how many parameters it holds."""
        modules, own = _parts(self)
        rows = [(path, repr(module).split("\n")[0], f"{len(module.parameters()):,}") for path, module in modules]
        rows += [(name, "parameters of its own", f"{count:,}") for name, count in own.items()]
        return Sheet(_title(self), ("part", "what", "parameters"), rows).html()


def refuse_call(module: Module, *inputs: Any, **named: Any) -> NoReturn:
    """The `__call__` of a class with PyTorch's `forward` in its place: it raises a TypeError."""
    raise TypeError(f"{type(module).__name__} is not callable: {RENAME_FORWARD}")


def _title(module: Module) -> str:
    return f"{type(module).__name__} of {counted(len(module.parameters()), 'parameter')}"


def _parts(module: Module) -> tuple[list[tuple[str, Module]], Counter[str]]:
    """The modules that one holds directly, and how many other parameters each of its attributes holds."""
    modules, own = [], Counter[str]()
    for path, item in contents(vars(module)):
        if isinstance(item, Module):
            modules.append((path, item))
        elif is_parameter(item):
            own[path.split(".")[0]] += 1
    return modules, own
