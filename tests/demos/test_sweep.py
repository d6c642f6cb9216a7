from __future__ import annotations

import pytest

import nn
from demos import sweep
from tests.needs import needs

needs("sklearn.datasets")


def test_the_table_is_true_and_learning_rates_matter(capsys: pytest.CaptureFixture[str]) -> None:
    rows = sweep.main(["--nets", "20", "--epochs", "2", "--workers", "2", "--seed", "3"]).rows
    text = capsys.readouterr().out
    assert [(row["hidden"], row["lr"], row["seed"]) for row in rows] == [
        (hidden, lr, 3) for lr in sweep.RATES for hidden in sweep.WIDTHS
    ]
    assert all(row["error"] is None for row in rows)
    best = max(row["validation_accuracy"] for row in rows)
    assert best > 0.93
    assert f"validation accuracy {best:.1%}" in text
    assert rows[3]["validation_accuracy"] < best  # the smallest rate has not learned as much in two epochs
    assert text.count("neurons  ") == len(sweep.WIDTHS)

    # The same without processes, for one of them.
    X, y = sweep.load()
    again = nn.fit_many(sweep.make, [sweep.configurations(20, 3)[9]], X, y, epochs=2, validation=0.25, seed=3)
    assert {**again[0], "seconds": 0.0} == {**rows[9], "seconds": 0.0}


def test_on_a_dask_cluster() -> None:
    needs("distributed")
    swept = sweep.main(["--quick", "--workers", "1"])
    assert swept.dask_rows is not None
    assert [row["loss"] for row in swept.dask_rows] == [row["loss"] for row in swept.rows]
