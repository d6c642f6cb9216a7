from __future__ import annotations

import numpy as np
import pytest

from demos import diabetes
from tests.demos.recompute import outputs, printed
from tests.needs import needs

needs("sklearn")


def test_what_is_printed_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import r2_score

    trained = diabetes.main(["--epochs", "2", "--seed", "5"])
    text = capsys.readouterr().out
    X_train, X_test, y_train, y_test = map(np.array, trained.data)
    line = LinearRegression().fit(X_train, y_train)
    number = r"(-?\d\.\d{3})"
    for name, predict in {
        "this network": lambda X: outputs(trained.model, X)[:, 0],
        "ordinary least squares": line.predict,
        "the mean, always": lambda X: np.full(len(X), y_train.mean()),
    }.items():
        train, test = map(float, printed(rf"{name} +{number} +{number}\n", text))
        assert train == pytest.approx(r2_score(y_train, predict(X_train)), abs=6e-4)
        assert test == pytest.approx(r2_score(y_test, predict(X_test)), abs=6e-4)
    assert trained.scores["this network"][0] > 0.2  # better than the mean after two epochs


def test_training_without_hidden_layers_finds_the_least_squares_line() -> None:
    settings = ["--hidden", "--weight-decay", "0", "--batch-size", "400", "--lr", "0.05", "--epochs", "120"]
    scores = diabetes.main(settings).scores
    assert scores["this network"] == pytest.approx(scores["ordinary least squares"], abs=0.01)


def test_the_data_is_standardised_on_the_training_part() -> None:
    from sklearn.datasets import load_diabetes

    X_train, X_test, y_train, y_test = diabetes.load(seed=2)
    assert (len(X_train), len(X_test)) == (332, 110) == (len(y_train), len(y_test))
    np.testing.assert_allclose(np.mean(X_train, axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.std(X_train, axis=0), 1.0)
    assert abs(np.mean(X_test)) > 1e-3
    raw = load_diabetes(return_X_y=True, scaled=False)[1]
    scaled = np.array([*y_train, *y_test])
    np.testing.assert_allclose(
        np.sort((scaled - scaled.mean()) / scaled.std()), np.sort((raw - raw.mean()) / raw.std())
    )
