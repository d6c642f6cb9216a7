"""Each test of `fit_many` begins without the programs of others."""

from __future__ import annotations

import pytest

from nn.many import workbench


@pytest.fixture(autouse=True)
def no_programs_of_other_tests() -> None:
    workbench._left.clear()
