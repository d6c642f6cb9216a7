"""What a function reads from outside, looked at as a whole: that of every call is in the table of `test_faithful`."""

from __future__ import annotations

from typing import Any

import pytest

from engine.compiler import Surroundings

np = pytest.importorskip("numpy")


def test_tables_and_series_of_pandas_are_looked_at() -> None:
    pd = pytest.importorskip("pandas")
    series, table, texts = pd.Series([1.0, 2.0]), pd.DataFrame({"weight": [3.0]}), pd.Series(["1.0"])

    def scaled(x: Any) -> Any:
        return x * series[0] * table.loc[0, "weight"] * float(texts[0])

    for holder, number in ((series, 5.0), (table, 5.0), (texts, "5.0")):
        around = Surroundings(scaled)
        assert not around.changed_at_all()
        holder.loc[0] = number
        assert around.changed_at_all()


class Tensor:
    """As PyTorch's: it becomes an array without its gradient only."""

    def __init__(self, numbers: list[float]) -> None:
        self.numbers = numbers

    def detach(self) -> Detached:
        return Detached(self.numbers)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("use tensor.detach().numpy()")


class Detached:
    def __init__(self, numbers: list[float]) -> None:
        self.numbers = numbers

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.array(self.numbers)


def test_tensors_that_want_a_gradient_are_looked_at() -> None:
    tensor = Tensor([1.0])
    around = Surroundings(lambda x: x * tensor.numbers[0])
    assert not around.changed_at_all()
    tensor.numbers = [2.0]
    assert around.changed_at_all()
