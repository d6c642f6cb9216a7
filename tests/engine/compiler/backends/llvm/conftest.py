"""Settings for the tests of the native back end: they are skipped without llvmlite."""

from tests.needs import needs

needs("numpy")
needs("llvmlite")
