"""What tests of evaluation share."""

import pytest

from nn.evaluation import programs


@pytest.fixture
def compile_at_once(monkeypatch):
    """At the first call, not only where that pays."""
    monkeypatch.setattr(programs, "SOON", 0)
