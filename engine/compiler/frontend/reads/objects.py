"""The content of an object, whatever its class does: users' classes raise errors, lie and stand in for others."""

from __future__ import annotations

import gc
import random
import sys
import threading
import weakref
from abc import get_cache_token
from array import array
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import Context, ContextVar
from functools import cache, partial
from io import BytesIO, IOBase, StringIO
from operator import is_
from types import FrameType, MappingProxyType
from typing import Any, NamedTuple

from ....numbers import same_number

ABSENT = object()
"""Stands for what is absent."""
CONTAINERS = (list, tuple, dict, set, frozenset, deque, array, bytearray, MappingProxyType, Context)
PLAIN = frozenset({int, float, bool, str, bytes, complex, type(None)})
OF_FUNCTIONS = ("__code__", "__defaults__", "__kwdefaults__")
PARTS: dict[type, tuple[str, ...]] = {
    partial: ("func", "args", "keywords"),
    defaultdict: ("default_factory",),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
}
"""What objects of the standard library hold outside of entries and their `__dict__`."""
DESCRIBING = frozenset({"__name__", "__qualname__", "__doc__", "__module__", "__annotations__"})
"""What functions, and partly classes, have besides their attributes: examined only if code names it."""
_OF_COLLECTOR = frozenset(
    {"functools._lru_cache_wrapper", "xml.etree.ElementTree.Element", "pandas._libs.indexing.NDFrameIndexerBase"}
)
_IS_COLLECTED = 1 << 14  # Py_TPFLAGS_HAVE_GC
_FILES = frozenset({"mmap.mmap"})
_MEMORY = _FILES | {"_ctypes._CData"}
_MOST_KEPT = 2**16  # bytes of an array; of a larger one, a hash is kept
_PROXIES = frozenset(weakref.ProxyTypes)


class LeafList(NamedTuple):
    """The content of a list of leaves, such as the weights of a neuron, and the types in it."""

    inside: tuple[Any, ...]
    kinds: set[type]


class ComputedEntries:
    """What is read of something other than a container: entries that are computed, and compared like a container's.

    Args:
        read: gives the entries.
        are_near: whether they are compared at every call, if there is time.
    """

    def __init__(self, read: Callable[[], Iterable[Any]], are_near: bool = True) -> None:
        self._read, self.are_near = read, are_near

    def __iter__(self) -> Iterator[Any]:
        yield from self._read()


def decimals(own: Any = None) -> ComputedEntries:
    """The settings of a `decimal` context that the function has, or of this thread's current one."""

    def read() -> Iterator[Any]:
        import decimal

        context = own or decimal.getcontext()
        yield from (context.prec, context.rounding, context.Emin, context.Emax, context.clamp, context.capitals)
        yield from context.traps.values()
        yield from own.flags.values() if own else ()

    return ComputedEntries(read)


def names_in(space: Any) -> ComputedEntries:
    """The names that a class or module has now: a new one may hide another."""
    return ComputedEntries(lambda: vars(space), are_near=False)


def subclasses_of(kind: type) -> ComputedEntries:
    """The classes derived from this one so far."""
    return ComputedEntries(lambda: type.__subclasses__(kind))


DECIMALS = decimals()
LOADED = ComputedEntries(lambda: sys.modules, are_near=False)
"""The names of the modules that have been loaded so far."""
REGISTRATIONS = ComputedEntries(lambda: [get_cache_token()], are_near=False)
"""How many classes have been registered with abstract ones so far, to count as derived from them."""


def is_generator(thing: Any) -> bool:
    """Whether this is a source of random numbers that shows its state."""
    if is_a(thing, random.Random):
        return not is_a(thing, random.SystemRandom)
    numpy = sys.modules.get("numpy.random")
    return numpy is not None and is_a(thing, (numpy.Generator, numpy.RandomState, numpy.BitGenerator))


def goes_on(thing: Any) -> bool:
    """Whether this gives something else at every read: an iterator, or a file."""
    has_next = hasattr(class_of(thing), "__next__")  # as files have, too: few things are asked any further
    return has_next and not (is_a(thing, IOBase) and (thing.closed or thing.writable()))


def is_array(thing: Any) -> bool:
    """Whether this is an array by its class: an object with a `__getattr__` may have any attribute."""
    return hasattr(type(thing), "dtype") and hasattr(type(thing), "tobytes")


def reads_as_array(thing: Any) -> bool:
    """Whether NumPy can make an array of it, as of pandas' tables and series."""
    return hasattr(type(thing), "__array__") and "numpy" in sys.modules and not is_array(thing)


@cache
def is_memory(kind: type) -> bool:
    """Whether instances are memory whose bytes Python shows: a `memoryview`, or of `mmap` or `ctypes`."""
    return kind is memoryview or _is_derived(kind, _MEMORY)


@cache
def shows_to_collector(kind: type) -> bool:
    """Whether only the garbage collector can tell all that an instance holds.

    So it is with a cache, an element of XML, and anything else that is written in C and has no attributes of its own: a
    slice, a cell, a method of a list.
    """
    has_own = kind.__dictoffset__ != 0 or any("__slots__" in vars(base) for base in kind.__mro__)
    shows_itself = has_own or is_memory(kind) or issubclass(kind, CONTAINERS)
    return _is_derived(kind, _OF_COLLECTOR) or (not shows_itself and bool(kind.__flags__ & _IS_COLLECTED))


def _is_derived(kind: type, names: Container[str]) -> bool:
    return any(f"{base.__module__}.{base.__name__}" in names for base in kind.__mro__)


def class_of(thing: Any) -> type:
    """The class of a thing, whatever its `__class__` says; for a weak proxy, of what it stands for."""
    kind = type(thing)
    if kind not in _PROXIES:
        return kind
    found = attribute_of(thing, "__class__")
    return kind if found is ABSENT else found


def is_a(thing: Any, kinds: Any) -> bool:
    """Like `isinstance`, but without asking for `__class__`, where the user's code may raise an error."""
    return issubclass(class_of(thing), kinds)


def functions_of(method: Any) -> list[Any]:
    """The functions that a method or property of a class runs; of anything else, itself."""
    parts = [getattr(method, part) for kind, names in PARTS.items() if is_a(method, kind) for part in names]
    return parts or [method]


def attributes_of(thing: Any) -> Any:
    """The `__dict__` of an object, even if its class reads attributes in its own way; `ABSENT` if it has none."""
    try:
        return object.__getattribute__(thing, "__dict__")
    except AttributeError:  # it may be a proxy
        return attribute_of(thing, "__dict__")


def attribute_of(owner: Any, name: str) -> Any:
    """An attribute, or the content of a closure cell; `ABSENT` if there is none, or reading it raises an error."""
    try:
        return getattr(owner, name, ABSENT)
    except Exception:  # a ValueError from an empty cell, or a KeyError from a `__getattr__`
        return ABSENT


def held(holder: Any) -> tuple[Any, ...]:
    """The content of a container or context variable; of other memory, or a large array, a hash of its bytes."""
    if isinstance(holder, ContextVar):
        return (holder.get(ABSENT), *gc.get_referents(holder))  # its default, too
    if is_a(holder, threading.local):  # what this thread has
        holder = vars(holder)
    if isinstance(holder, (Mapping, Context)):
        return (*holder, *holder.values())
    if is_array(holder):
        if holder.dtype.hasobject:
            return tuple(holder.ravel().tolist())
        flags = getattr(holder, "flags", None)  # other libraries' arrays may have none
        columns = holder.dtype.str, getattr(holder.dtype, "names", None)
        numbers = holder.tobytes()
        kept = numbers if len(numbers) <= _MOST_KEPT else hash(numbers)
        return (holder.shape, columns, getattr(flags, "num", 0), kept)
    if reads_as_array(holder):  # PyTorch's tensors must be detached
        numbers = sys.modules["numpy"].asarray(holder.detach() if hasattr(holder, "detach") else holder)
        return (*held(numbers), *_labels(holder))
    if isinstance(holder, (StringIO, BytesIO)):
        return (holder.getvalue(), holder.tell())
    kind = class_of(holder)
    if kind is FrameType:  # a generator's, in Python 3.10; its module, which it also shows, leads to everything
        return tuple(holder.f_locals.values())
    if shows_to_collector(kind):
        return tuple(gc.get_referents(holder))
    if is_memory(kind):
        view, place = memoryview(holder), holder.tell() if _is_derived(kind, _FILES) else 0
        return (view.format, view.shape, hash(view.tobytes()), place)
    return tuple(holder)


def _labels(table: Any) -> Iterator[Any]:
    """The labels of the rows and columns of a table or series of pandas, its own name, and its notes."""
    if isinstance(getattr(type(table), "axes", None), property):
        for axis in table.axes:
            yield from (*axis.names, *held(axis))
        yield from (table.name if hasattr(type(table), "name") else None, table.attrs)


def held_now(holder: Any) -> Sequence[Any]:
    """As `held`, to be compared at once: a list is returned itself."""
    return holder if type(holder) is list else held(holder)


def refill(holder: Any, inside: tuple[Any, ...]) -> None:
    """Put back what `held` has returned, if that can be done, whatever methods the class of a container defines."""
    if isinstance(holder, threading.local):
        holder = vars(holder)
    if isinstance(holder, list):
        list.__setitem__(holder, slice(None), inside)
    elif isinstance(holder, dict):
        kind = OrderedDict if isinstance(holder, OrderedDict) else dict  # the first keeps a list of its keys
        kind.clear(holder)
        for key, content in zip(inside[: len(inside) // 2], inside[len(inside) // 2 :]):
            kind.__setitem__(holder, key, content)
    elif isinstance(holder, set):
        holder.clear()
        holder.update(inside)
    elif isinstance(holder, deque):
        holder.clear()
        holder.extend(inside)
    elif isinstance(holder, bytearray):
        holder[:] = bytes(inside)
    elif isinstance(holder, array):
        holder[:] = array(holder.typecode, inside)
    elif isinstance(holder, ContextVar) and inside[0] is not ABSENT:
        holder.set(inside[0])
    elif is_array(holder) and not holder.dtype.hasobject and holder.flags.writeable:
        shape, *_, numbers = inside
        with suppress(ValueError):  # of one with a mask, or a view of another size
            holder.resize(shape, refcheck=False)
        if isinstance(numbers, bytes) and shape == holder.shape:
            holder[...] = sys.modules["numpy"].frombuffer(numbers, holder.dtype).reshape(shape)


def same(now: Any, before: Any) -> bool:
    """Whether two things are the same object, or plain numbers or strings that no code can tell apart.

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
    """Whether the entries of two sequences are the same, one by one."""
    if now is before:
        return True
    return len(now) == len(before) and (all(map(is_, now, before)) or all(map(same, now, before)))


def plain_entries(holder: Any) -> Any:
    """The entries of a list or dict, if all are plain numbers or strings; else None."""
    entries = holder.values() if isinstance(holder, dict) else holder
    return tuple(entries) if PLAIN.issuperset(map(type, entries)) else None
