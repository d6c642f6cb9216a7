"""What is in an object, whatever its class makes of being asked: users' classes raise, lie and stand for others."""

from __future__ import annotations

import random
import sys
import threading
import weakref
from abc import get_cache_token
from array import array
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from io import BytesIO, StringIO
from operator import is_
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, NamedTuple

from ....numbers import same_number

ABSENT = object()
"""In place of what is not there."""
CONTAINERS = (list, tuple, dict, set, frozenset, deque, array, bytearray, memoryview, MappingProxyType)
PLAIN = frozenset({int, float, bool, str, bytes, complex, type(None)})
SPACES = (ModuleType, FunctionType)
VIEWS: Any = (type({}.keys()), type({}.values()), type({}.items()))
OF_FUNCTIONS = ("__code__", "__defaults__", "__kwdefaults__")
OF_PARTIALS = ("func", "args")
DESCRIBING = frozenset({"__name__", "__qualname__", "__doc__", "__module__", "__annotations__"})
"""What functions, and partly classes, have besides their attributes, to be looked at where code names it."""
CACHE: type = type(cache(len))
_PROXIES = frozenset(weakref.ProxyTypes)


class LeafList(NamedTuple):
    """What is in a list of leaves, which may be the weights of a neuron, and of what types that is."""

    inside: tuple[Any, ...]
    kinds: set[type]


class Decimals:
    """The settings of the context that `decimal` has at present in this thread, as entries."""

    def __iter__(self) -> Iterator[Any]:
        import decimal

        context = decimal.getcontext()
        yield from (context.prec, context.rounding, context.Emin, context.Emax, context.clamp, context.capitals)
        yield from context.traps.values()


DECIMALS = Decimals()


class Subclasses:
    """The classes that are derived from one at present, as entries."""

    def __init__(self, of: type) -> None:
        self._of = of

    def __iter__(self) -> Iterator[Any]:
        yield from type.__subclasses__(self._of)


class Registrations:
    """How many classes were registered with abstract ones so far: these count as derived from then on."""

    def __iter__(self) -> Iterator[Any]:
        yield get_cache_token()


REGISTRATIONS = Registrations()


class Names:
    """The names that a class or module has at present, as entries: what gets a new one may hide another's."""

    def __init__(self, of: Any) -> None:
        self._of = of

    def __iter__(self) -> Iterator[Any]:
        yield from vars(self._of)


def is_generator(thing: Any) -> bool:
    """Whether this draws random numbers, and shows its state."""
    if is_a(thing, random.Random):
        return not is_a(thing, random.SystemRandom)
    numpy = sys.modules.get("numpy.random")
    return numpy is not None and is_a(thing, (numpy.Generator, numpy.RandomState, numpy.BitGenerator))


def is_array(thing: Any) -> bool:
    """Whether its class says so: an object with a `__getattr__` may have any attribute."""
    return hasattr(type(thing), "dtype") and hasattr(type(thing), "tobytes")


def reads_as_array(thing: Any) -> bool:
    """Whether NumPy can make an array of it, as of the tables and series of pandas."""
    return hasattr(type(thing), "__array__") and "numpy" in sys.modules and not is_array(thing)


@cache
def is_memory(kind: type) -> bool:
    """Whether instances are memory that Python shows: of `mmap`, or `ctypes`, where a pointer is an address."""
    return any(base.__module__ in ("_ctypes", "mmap") for base in kind.__mro__)


def class_of(thing: Any) -> type:
    """Its class, or that of what a weak proxy stands for, whatever it says of its `__class__` itself."""
    kind = type(thing)
    if kind not in _PROXIES:
        return kind
    found = attribute_of(thing, "__class__")
    return kind if found is ABSENT else found


def is_a(thing: Any, kinds: Any) -> bool:
    """As `isinstance`, which asks user's code for `__class__`, and lets its errors through."""
    return issubclass(class_of(thing), kinds)


def attributes_of(thing: Any) -> Any:
    """What an object has in its `__dict__`, whatever its class makes of reading attributes; `ABSENT` if it has none."""
    try:
        return object.__getattribute__(thing, "__dict__")
    except AttributeError:  # it may be a proxy
        return attribute_of(thing, "__dict__")


def attribute_of(owner: Any, name: str) -> Any:
    """An attribute, or the content of a closure cell; `ABSENT` if there is none, or reading it raises an error."""
    try:
        return getattr(owner, name, ABSENT)
    except Exception:  # a ValueError of an empty cell, or a KeyError of a `__getattr__`
        return ABSENT


def held(holder: Any) -> tuple[Any, ...]:
    """What is in a container or context variable; of an array or other memory a digest of its bytes."""
    if isinstance(holder, ContextVar):
        return (holder.get(ABSENT),)
    if is_a(holder, threading.local):  # of this thread
        holder = vars(holder)
    if isinstance(holder, Mapping):
        return (*holder, *holder.values())
    if is_array(holder):
        if holder.dtype == object:
            return tuple(holder.ravel().tolist())
        flags = getattr(holder, "flags", None)  # other libraries' arrays may have none
        return (holder.shape, holder.dtype.str, getattr(flags, "num", 0), hash(holder.tobytes()))
    if reads_as_array(holder):  # of PyTorch's tensors only detached ones
        return held(sys.modules["numpy"].asarray(holder.detach() if hasattr(holder, "detach") else holder))
    if isinstance(holder, (StringIO, BytesIO)):
        return (holder.getvalue(), holder.tell())
    kind: type = type(holder)
    if kind is CACHE:  # what it has kept is another once it was emptied, or asked for more
        return tuple(holder.cache_info()[1:])
    if is_memory(kind):
        return (hash(bytes(memoryview(holder))),)
    return tuple(holder)


def held_now(holder: Any) -> Sequence[Any]:
    """What `held` gives, to be looked at just now: of a list itself."""
    return holder if type(holder) is list else held(holder)


def refill(holder: Any, inside: tuple[Any, ...]) -> None:
    """Put into a list, dict, set or deque what `held` has given before, whatever its class makes of its methods."""
    if isinstance(holder, list):
        list.__setitem__(holder, slice(None), inside)
    elif isinstance(holder, dict):
        dict.clear(holder)
        dict.update(holder, zip(inside[: len(inside) // 2], inside[len(inside) // 2 :]))
    elif isinstance(holder, (set, deque)):
        holder.clear()
        holder.extend(inside) if isinstance(holder, deque) else holder.update(inside)


def same(now: Any, before: Any) -> bool:
    """Whether it is the very thing, or a plain number or text that nobody can tell from it.

    >>> same(1.0, 1.0), same(-0.0, 0.0), same(True, 1), same([], [])
    (True, False, False, False)
    >>> same(complex(0.0, 2.0), complex(0.0, 2.0)), same(complex(0.0, 2.0), complex(-0.0, 2.0))
    (True, False)
    """
    if now is before:
        return True
    if type(now) is not type(before) or type(now) not in PLAIN:
        return type(now) is tuple and type(before) is tuple and all_same(now, before)
    if isinstance(now, complex):
        return same_number(now.real, before.real) and same_number(now.imag, before.imag)
    return same_number(now, before) if isinstance(now, float) else bool(now == before)


def all_same(now: Sequence[Any], before: Sequence[Any]) -> bool:
    """Whether things are the same, one by one."""
    if now is before:
        return True
    return len(now) == len(before) and (all(map(is_, now, before)) or all(map(same, now, before)))


def plain_entries(holder: Any) -> Any:
    """The entries of a list or dict, if all are plain numbers or texts; else None."""
    entries = tuple(holder.values()) if isinstance(holder, dict) else tuple(holder)
    return entries if PLAIN.issuperset(map(type, entries)) else None
