"""What is judged: two calls of a compiled function beside the eager engine, on every back end.

To add a test: ``@equal`` or ``@refused``, and a function that sets up everything anew and gives a `Case`: what is
compiled, its samples, and what happens between the first call and the second. Both calls must agree with the eager
engine, to rounding, in results and all gradients, or be refused with the user's line: of the test's file, or the call.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from unittest import mock

import pytest

import engine
from engine import TraceError, Value
from engine.compiler.frontend.reads.surroundings import Surroundings
from tests.engine.compiler.everywhere import close
from tests.needs import INSTALLED


class Case(NamedTuple):
    """What a test tries.

    Attributes:
        function: of one sample; one result.
        between: what happens between the two calls.
        samples: for each argument one entry per sample.
        far: whether the change is one of those that are seen when it is time to look at all, not at once: then a
            warning says whether calls before that look may have been wrong.
    """

    function: Callable[..., Any]
    between: Callable[[], Any] = lambda: None
    samples: Sequence[Any] = ([1.5, -0.5, 3.0],)
    far: bool = False


def equal(make: Callable[..., Case]) -> Callable[..., None]:
    """A test that both calls compile, and are equal to the eager ones."""
    return _judged(make, "equal")


def refused(make: Callable[..., Case]) -> Callable[..., None]:
    """A test that a call is refused, with the user's line."""
    return _judged(make, "refused")


def _judged(make: Callable[..., Case], expected: str) -> Callable[..., None]:
    @pytest.mark.parametrize("backend", INSTALLED)
    @functools.wraps(make)
    def test(backend: str, **arguments: Any) -> None:
        case = make(**arguments)
        assert _outcome(case, engine.compile(case.function, backend=backend), make.__code__.co_filename) == expected
        if case.far and expected == "equal":
            _warns_if_late(make(**arguments), backend)

    signature = inspect.signature(make)
    backend = inspect.Parameter("backend", inspect.Parameter.KEYWORD_ONLY)
    test.__signature__ = signature.replace(parameters=[*signature.parameters.values(), backend], return_annotation=None)
    return test


def _outcome(case: Case, compiled: Any, file: str) -> str:
    """Of both calls: equal or refused, with a line of the test's file, or that of the call."""
    try:
        with looking_at_all() if case.far else contextlib.nullcontext():
            judge(case, compiled)
            case.between()
            judge(case, compiled)
    except TraceError as error:
        line = re.search(rf"({re.escape(file)}|{re.escape(__file__)}):\d+: \S.*\n", str(error))
        return "refused" if line else f"refused without a line of the user's and a remedy: {error}"
    return "equal"


def looking_at_all() -> Any:
    """As if it were always time to look at what is not near."""
    return mock.patch.object(Surroundings, "next_look", return_value=0.0)


def _warns_if_late(case: Case, backend: str) -> None:
    """Between two looks at everything a call may be wrong, but not silently: the next look says so."""
    compiled = engine.compile(case.function, backend=backend)
    with mock.patch.object(Surroundings, "next_look", return_value=math.inf):
        for _ in range(3):  # the first looks at everything, those after it do not
            judge(case, compiled)
        case.between()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                judge(case, compiled)
            except AssertionError:
                told.clear()
                engine.traces_of(compiled).look_again()
                judge(case, compiled)
                assert "the last calls before this one may have used what was there before" in str(told[0].message)


def judge(case: Case, compiled: Any) -> None:
    """Compare a call with the eager engine.

    Raises:
        TraceError: it is refused.
        AssertionError: they differ.
    """
    results = compiled(*case.samples)
    loss, gradients = compiled.value_and_grad(*case.samples)
    expected, again = _eager(case), _eager(case)
    scale = max([1.0, *[abs(float(e)) for e in expected]])
    assert all(close(float(e), float(r), scale, 1e-9) for e, r in zip(expected, results)), (expected, results)
    total = engine.mean(expected)
    assert close(float(total), loss, scale, 1e-9)
    found = dict(zip(compiled.parameters, map(float, gradients)))
    # The parameters are the leaves that two runs share: others are made inside.
    shared = {leaf for leaf in engine.leaves(total) if leaf in set(engine.leaves(engine.mean(again)))}
    leaves = list(shared | found.keys())
    for leaf, derivative in zip(leaves, engine.grad(total, leaves)):
        assert close(derivative, found.get(leaf, 0.0), max(1.0, abs(derivative)), 1e-9), leaf


def _eager(case: Case) -> list[Any]:
    """What the eager engine gives for each sample."""
    results = [case.function(*map(_values, sample)) for sample in zip(*case.samples)]
    return [result if isinstance(result, Value) else Value(result) for result in results]


def _values(numbers: Any) -> Any:
    return [Value(float(x)) for x in numbers] if isinstance(numbers, list) else Value(float(numbers))
