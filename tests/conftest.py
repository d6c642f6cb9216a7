"""Settings of the whole suite: no clock for Hypothesis (machines differ), the same examples every time on CI."""

import atexit
import gc
import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# What tests, and the processes that they start, put into the folder for temporary files goes with them: pictures for a
# browser, compiled programs. They neither use nor fill the user's cache of these; pytest-xdist's workers have one
# cache, their parent's. `tmp_path` stays where it is.
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
_scratch = tempfile.TemporaryDirectory(prefix="stepgrad-tests-", ignore_cleanup_errors=True)
atexit.register(_scratch.cleanup)
os.environ["TMPDIR"] = tempfile.tempdir = _scratch.name
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["STEPGRAD_CACHE"] = os.path.join(_scratch.name, "cache")

# Every pass of the compiler and every plan is verified, also in the processes that tests start.
os.environ["STEPGRAD_VERIFY"] = "1"

# Benchmarks are programs, and need contenders that the tests do not.
collect_ignore_glob = ["benchmarks/[!t]*.py"]

_unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", _unhurried)
settings.register_profile("ci", _unhurried, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What comes to be stays to the end: a collection of garbage need not look for it there, now or in any test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()
