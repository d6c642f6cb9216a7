"""The world outside: files, clocks, the environment, the context of decimals, logs, errors."""

from __future__ import annotations

import contextlib
import copy
import datetime
import decimal
import functools
import gc
import inspect
import io
import itertools
import locale
import logging
import operator
import os
import queue
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import types
import typing
import uuid
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

import engine
import nn
from engine import Value
from tests.needs import needs

from .cases import Case, equal, refused

np = needs("numpy")


@pytest.fixture(autouse=True)
def decimals() -> Iterator[None]:
    """The context of `decimal` is each test's own."""
    with decimal.localcontext():
        yield


FILE = Path(__file__)
_nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # a log stays open


def _bytes_of_a_file() -> bytes:
    with FILE.open("rb") as file:
        return file.read(1)


_scale = 3.0
ASKING: dict[str, Callable[[], Any]] = {
    "open": _bytes_of_a_file,
    "Path.read_text": lambda: FILE.read_text(encoding="utf-8"),
    "np.loadtxt": lambda: np.loadtxt(FILE, dtype=str, max_rows=1, delimiter="|", usecols=0),
    "os.path.exists": lambda: os.path.exists(FILE),  # as users write it
    "os.listdir": lambda: os.listdir(FILE.parent),
    "os.getcwd": lambda: os.getcwd(),
    "os.getpid": lambda: os.getpid(),
    "time.time": lambda: time.time(),
    "time.perf_counter": lambda: time.perf_counter(),
    "datetime.now": lambda: datetime.datetime.now().year,
    "date.today": lambda: datetime.date.today().year,
    "NumPy's clock": lambda: np.datetime64("today") > np.datetime64("2000-01-01"),
    "the clock of pandas": lambda: needs("pandas").Timestamp.now().year,
    "the clock of pandas by a text": lambda: needs("pandas").to_datetime("today").year,
    "getrecursionlimit": lambda: sys.getrecursionlimit(),
    "uuid": lambda: uuid.uuid4().version,
    "uuid of the time": lambda: uuid.uuid1().version,
    "objects": lambda: len(gc.get_objects()) > 0,
    "what a collection finds": lambda: gc.collect(),
    "who refers to a thing": lambda: len(gc.get_referrers(FILE)),
    "weak references": lambda: weakref.getweakrefcount(Case),
    "what a cache has met": lambda: _read_once.cache_info().hits,
    "how many threads": lambda: threading.active_count(),
    "threads": lambda: len(threading.enumerate()),
    "traced memory": lambda: tracemalloc.get_traced_memory(),
    "secrets": lambda: secrets.randbelow(1),
    "SystemRandom": lambda: random.SystemRandom().randrange(1),
    "a generator of Python's": lambda: random.Random().randrange(1),
    "a new generator": lambda: np.random.default_rng().integers(1),
    "subprocess": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
    "socket": lambda: socket.gethostname(),
    "eval": lambda: eval("_scale"),  # as users write it
    "frame": lambda: inspect.currentframe(),
    "globals": lambda: globals()["_sc" + "ale"],
}


@equal
def test_a_day_of_numpys_that_is_written_down() -> Case:
    w, days = Value(2.0), [np.datetime64("2000-01-01")]
    return Case(
        lambda x: w * x * (np.datetime64("2000-01-05") - days[0]).astype(int),
        lambda: days.__setitem__(0, np.datetime64("2000-01-03")),
    )


@refused
@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_a_question(ask: Callable[[], Any]) -> Case:
    """What may be another thing at the next call; the answer itself is rounded to nothing."""
    return Case(lambda x: x + 0.0 * len(str(ask())))


@equal
def test_a_generator_with_a_seed() -> Case:
    w, seeds = Value(2.0), [1]
    return Case(lambda x: w * x * random.Random(seeds[0]).random(), lambda: seeds.append(seeds.pop() + 1))


@refused
def test_the_clock_far_inside_a_swallowed_error() -> Case:
    def helper() -> float:
        try:
            return time.monotonic()
        except Exception:
            return 1.0

    return Case(lambda x: x + 0.0 * helper())


@refused
def test_the_next_entry_of_an_iterator() -> Case:
    """Whose first ones are alike."""
    rates = itertools.chain(itertools.repeat(1.0, 100), itertools.repeat(0.1))
    return Case(lambda x: x * next(rates), lambda: [next(rates) for _ in range(100)])


ITERATORS: dict[str, Callable[[list[Any]], Any]] = {
    "a copy": lambda held: next(copy.copy(held[0])),
    "what is left": lambda held: operator.length_hint(held[0]),
    "inside a generator": lambda held: held[1].gi_frame.f_locals["k"],
}


@refused
@pytest.mark.parametrize("of", ITERATORS.values(), ids=ITERATORS)
def test_an_iterator_in_a_list_that_is_not_moved(of: Callable[[list[Any]], Any]) -> Case:
    def counting() -> Iterator[int]:
        k = 0
        while True:
            yield k
            k += 1

    w, held = Value(2.0), [iter([1.0, 2.0, 3.0]), counting()]
    next(held[1])
    return Case(lambda x: w * x * of(held), lambda: [*map(next, held)])


class Held:
    """Has what goes on in an attribute."""

    def __init__(self, content: Any) -> None:
        self.w, self.rates = Value(2.0), content

    def __call__(self, x: Any) -> Any:
        return self.w * x * next(self.rates)


class HeldInSlots(Held):
    __slots__ = ("rates",)


class SlotsAlone:
    """Has nothing but slots."""

    __slots__ = ("rates", "w")
    __init__, __call__ = Held.__init__, Held.__call__


class HeldByModule(nn.Module):
    """One whose attributes are all looked at."""

    __init__, __call__ = Held.__init__, Held.__call__


@refused
@pytest.mark.parametrize("kind", [Held, HeldInSlots, SlotsAlone, HeldByModule])
def test_an_iterator_in_an_attribute(kind: type[Any]) -> Case:
    """It gives the same as long as the function is traced, and something else later."""
    model = kind(iter([1.0] * 100 + [0.1] * 100))
    return Case(model, lambda: [next(model.rates) for _ in range(80)])


def _set_in_a_thread(rates: Iterator[float]) -> Callable[[], float]:
    local = threading.local()
    local.rates = rates
    return lambda: next(local.rates)


def _set_in_a_context(rates: Iterator[float]) -> Callable[[], float]:
    variable = ContextVar[Iterator[float]]("rates", default=rates)
    return lambda: next(variable.get())


BEHIND: dict[str, Callable[[Iterator[float]], Callable[[], float]]] = {
    "its method": lambda rates: rates.__next__,
    "a partial": lambda rates: functools.partial(rates.__next__),
    "a function bound to it": lambda rates: types.MethodType(lambda self: next(self), rates),
    "a cache": lambda rates: functools.lru_cache(maxsize=0)(rates.__next__),
    "a slice": lambda rates: (lambda part: lambda: next(part.stop))(slice(rates)),
    "what a thread has": _set_in_a_thread,
    "a context variable": _set_in_a_context,
}


@refused
@pytest.mark.parametrize("of", BEHIND.values(), ids=BEHIND)
def test_an_iterator_behind_something_else(of: Callable[[Iterator[float]], Callable[[], float]]) -> Case:
    """It gives the same as long as the function is traced, and something else later."""
    w, rates = Value(2.0), iter([1.0] * 100 + [0.1] * 100)
    read = of(rates)
    return Case(lambda x: w * x * read(), lambda: [next(rates) for _ in range(80)])


class _InSlots:
    __slots__ = ("batches", "kind", "scale")


class _InModule(nn.Module):
    pass


@equal
@pytest.mark.parametrize("make", [types.SimpleNamespace, _InSlots, _InModule])
def test_an_iterator_and_type_in_attributes_that_no_code_names(make: Callable[[], Any]) -> Case:
    w, options = Value(2.0), make()
    options.scale, options.batches, options.kind = 3.0, iter([1.0]), type
    return Case(lambda x: w * x * options.scale, lambda: setattr(options, "scale", 7.0))


@refused
@pytest.mark.parametrize(
    "of",
    [
        lambda: locale.setlocale(locale.LC_NUMERIC),
        lambda: locale.localeconv()["decimal_point"],
        lambda: _lock.locked(),
        lambda: _queue.qsize(),
        lambda: typing.get_type_hints(_annotated),
        lambda: signal.getsignal(signal.SIGINT),
        lambda: sys.gettrace() is None,
    ],
    ids=["locale", "its conventions", "lock", "queue", "annotations", "signal", "trace"],
)
def test_what_no_name_of_the_users_holds(of: Callable[[], Any]) -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x if of() else w * w * x)


@equal
def test_a_file_that_is_closed() -> Case:
    """Nothing more is read of it."""
    w, file = Value(2.0), io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"1.0\n")))
    file.close()
    return Case(lambda x: w * x * (3.0 if file.closed else 1.0))


@refused
def test_the_next_line_of_an_open_file() -> Case:
    file = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"1.0\n" * 100)))
    return Case(lambda x: x * sum(float(line) for line in itertools.islice(file, 1)))


@functools.lru_cache
def _annotated(of: Case) -> None:
    pass


_lock, _queue = threading.Lock(), queue.SimpleQueue[int]()


def _known_forever() -> str:
    return os.environ["STEPGRAD_TEST"]


VARIABLES: dict[str, Callable[[], Any]] = {
    "os.environ": lambda: os.environ["STEPGRAD_TEST"],
    "os.getenv": lambda: os.getenv("STEPGRAD_TEST"),
    "environ.get": lambda: os.environ.get("STEPGRAD_" + "TEST", "1"),
    "a copy": lambda: dict(os.environ)["STEPGRAD_TEST"],
    "one that a cache keeps": lambda: _known_forever(),
}


@equal
@pytest.mark.parametrize("read", VARIABLES.values(), ids=VARIABLES)
def test_a_variable_of_the_environment(read: Callable[[], Any]) -> Case:
    os.environ["STEPGRAD_TEST"] = "3"
    w = Value(2.0)
    return Case(lambda x: w * x * float(read()), lambda: os.environ.update(STEPGRAD_TEST="7"))


@equal
def test_a_variable_of_the_environment_that_is_new() -> Case:
    os.environ.pop("STEPGRAD_TEST", None)
    return Case(lambda x: x * ("STEPGRAD_TEST" in os.environ), lambda: os.environ.update(STEPGRAD_TEST="7"))


@equal
def test_how_many_variables_the_environment_has() -> Case:
    os.environ.pop("STEPGRAD_TEST", None)
    return Case(lambda x: x * len(os.environ), lambda: os.environ.update(STEPGRAD_TEST="7"))


@refused
def test_a_variable_of_the_environment_that_the_function_sets() -> Case:
    os.environ["STEPGRAD_TEST"] = "1"

    def function(x: Any) -> Any:
        os.environ["STEPGRAD_TEST"] += "1"
        return x * len(os.environ["STEPGRAD_TEST"])

    return Case(function)


@equal
def test_the_context_of_decimal() -> Case:
    w, third = Value(2.0), decimal.Decimal(3)
    decimal.getcontext().prec = 28
    return Case(lambda x: w * x * float(1 / third), lambda: setattr(decimal.getcontext(), "prec", 3))


@equal
def test_the_context_of_decimal_that_the_code_names() -> Case:
    w = Value(2.0)
    decimal.getcontext().prec = 28
    return Case(lambda x: w * x * float(1 / decimal.Decimal(3)), lambda: setattr(decimal.getcontext(), "prec", 3))


_Exact, _exact = decimal.Decimal, {"of": decimal.Decimal}


@equal
def test_the_context_of_decimal_by_another_name() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x * float(_Exact(1) / 3), lambda: setattr(decimal.getcontext(), "prec", 3), far=True)


@equal
def test_the_context_of_decimal_by_a_class_in_a_dict() -> Case:
    w = Value(2.0)
    change = functools.partial(setattr, decimal.getcontext(), "prec", 3)
    return Case(lambda x: w * x * float(_exact["of"](1) / 3), change, far=True)


_get_context = decimal.getcontext


@equal
def test_the_context_of_decimal_by_another_name_of_what_gives_it() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x * _get_context().prec, lambda: setattr(decimal.getcontext(), "prec", 3), far=True)


@equal
def test_a_context_variable() -> Case:
    scale = ContextVar("scale", default=3.0)
    w = Value(2.0)
    return Case(lambda x: w * x * scale.get(), lambda: scale.set(7.0))


@equal
def test_a_context_variable_without_a_value() -> Case:
    scale: ContextVar[float] = ContextVar("scale")
    w = Value(2.0)
    return Case(lambda x: w * x * scale.get(3.0), lambda: scale.set(7.0))


@refused
def test_how_numpy_takes_errors() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x if np.geterr()["divide"] == "warn" else w * w * x)


@refused
def test_an_array_read_from_a_file() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x * float(np.fromfile(__file__, np.uint8, 1)[0]))


@refused
def test_a_log_whose_length_decides() -> Case:
    w, log = Value(2.0), list[float]()

    def function(x: Any) -> Any:
        log.append(1.0)
        return w * x * (0.1 if len(log) > 1000 else 1.0)

    return Case(function)


@refused
def test_every_third_call() -> Case:
    w, log = Value(2.0), list[Any]()

    def function(x: Any) -> Any:
        log.append(x)
        return w * x * (0.0 if len(log) % 3 == 0 else 1.0)

    return Case(function)


@refused
def test_a_log_that_the_function_does_not_read() -> Case:
    """It would have the entries of the trace, and no others."""
    w, log = Value(2.0), list[Any]()

    def function(x: Any) -> Any:
        log.append(w * x)
        return w * x

    return Case(function)


@equal
def test_a_table_that_is_filled_once() -> Case:
    w, table = Value(2.0), list[float]()

    def function(x: Any) -> Any:
        if not table:
            table.extend([2.0, 3.0])
        return w * engine.sum([factor * x for factor in table])

    return Case(function)


@refused
def test_a_function_that_counts_its_calls() -> Case:
    w, calls = Value(2.0), 0

    def function(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return w * x * (1.0 if calls < 50 else 2.0)

    return Case(function)


@refused
def test_a_log_of_calls() -> Case:
    calls: list[int] = []
    w = Value(0.5)
    return Case(lambda x: calls.append(1) or w * x)


@equal
def test_arguments_of_the_command_line() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x * len(sys.argv), lambda: setattr(sys, "argv", [*sys.argv, "--more"]), far=True)


@equal
def test_the_signature_of_a_function() -> Case:
    def scaled(x: Any, scale: float = 2.0) -> Any:
        return x * scale

    w = Value(2.0)
    return Case(
        lambda x: (
            w * scaled(x, *inspect.signature(scaled).bind(x, 3.0).args[1:]) * len(inspect.signature(scaled).parameters)
        ),
        lambda: setattr(scaled, "__defaults__", (5.0,)),
    )


@equal
def test_which_modules_are_loaded() -> Case:
    w = Value(2.0)
    sys.modules.pop("a_module_of_a_test", None)
    load = functools.partial(sys.modules.__setitem__, "a_module_of_a_test", types.ModuleType("a_module_of_a_test"))
    return Case(lambda x: w * x * (any("of_a_test" in name for name in sys.modules) or 2.0), load, far=True)


@equal
def test_one_that_reports() -> Case:
    """To the screen, a log, a file; it imports what it needs, and what is not there."""
    w, log = Value(2.0), _nowhere

    def function(x: Any) -> Any:
        import colorsys  # noqa: F401  # to import it is the point

        with contextlib.suppress(ImportError):
            import not_there  # noqa: F401  # it is not there
        print("called", end="")
        print("called", file=log)
        logging.getLogger("stepgrad test").error("called")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.warn("called", stacklevel=1)
        return w * x * float(io.StringIO("3.0").read())

    return Case(function)


@functools.lru_cache
def _read_once() -> float:
    return float(len(_bytes_of_a_file()))


@equal
def test_a_file_read_once_by_a_cache() -> Case:
    return Case(lambda x: x * _read_once())
