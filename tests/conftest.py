"""Settings of the whole suite: no clock for Hypothesis (machines differ), the same examples every time on CI."""

import atexit
import os
import tempfile

from hypothesis import HealthCheck, settings

# Tests neither use nor fill the user's cache of compiled programs.
_cache = tempfile.TemporaryDirectory(prefix="stepgrad-")
atexit.register(_cache.cleanup)
os.environ["STEPGRAD_CACHE"] = _cache.name

# Every pass of the compiler and every plan is verified, also in the processes that tests start.
os.environ["STEPGRAD_VERIFY"] = "1"

# Benchmarks are programs, and need contenders that the tests do not.
collect_ignore_glob = ["benchmarks/[!t]*.py"]

_unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", _unhurried)
settings.register_profile("ci", _unhurried, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
