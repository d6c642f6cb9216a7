"""The loop: what it learns, its history, its hooks; predictions and scores; refusals."""

import functools
import math
import random
from contextlib import nullcontext
from itertools import chain

import numpy as np
import pytest

from engine import Value, no_grad
from nn import (
    MLP,
    SGD,
    Adam,
    EagerStep,
    History,
    Module,
    Trainer,
    accuracy,
    batches,
    bce_with_logits,
    classify,
    cross_entropy,
    fit,
    hinge,
    mse,
    one_hot,
    predict,
    score,
)
from tests.needs import needs

XOR_X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
XOR_Y = [0, 1, 1, 0]


def line(seed=1):
    model = MLP(1, [1], seed=seed)
    return model, SGD(model.parameters(), lr=0.1)


# ---- what it learns ----


def test_gradient_descent_on_the_whole_dataset_finds_a_line():
    model, optimizer = line()
    X = np.linspace(-1, 1, 9)[:, None]
    history = fit(model, X, 3 * X[:, 0] - 1, mse, optimizer, epochs=300, batch_size=None)
    assert [p.data for p in model.parameters()] == pytest.approx([3.0, -1.0], abs=1e-6)
    assert len(history.batch_losses) == 300
    assert history.losses == pytest.approx(history.batch_losses, rel=1e-14)
    assert all(after <= before for before, after in zip(history.losses, history.losses[1:]))


@pytest.mark.parametrize(
    ("outputs", "loss", "labels"),
    [
        (2, cross_entropy, XOR_Y),
        (2, cross_entropy, one_hot(XOR_Y, 2)),
        (1, bce_with_logits, XOR_Y),
        (1, hinge, [2 * y - 1 for y in XOR_Y]),
    ],
)
def test_xor(outputs, loss, labels):
    model = MLP(2, [8, outputs], activation="tanh", seed=1)
    optimizer = SGD(model.parameters(), lr=0.5, momentum=0.9)
    history = fit(model, XOR_X, labels, loss, optimizer, epochs=60, batch_size=4, seed=1)
    assert accuracy(model, XOR_X, labels) == 1.0
    assert history.losses[-1] < history.losses[0] / 10
    assert classify(model, XOR_X) == XOR_Y


def test_a_function_can_be_trained_too():
    slope = Value(0.0)
    fit(lambda x: slope * x, [1.0, 2.0], [3.0, 6.0], mse, SGD([slope], lr=0.1), epochs=100)
    assert slope.data == pytest.approx(3.0, abs=1e-6)


def test_a_step_against_torch():
    torch = needs("torch")
    model = MLP(3, [4, 3], activation="tanh", seed=3)
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3)).double()
    with torch.no_grad():
        for ours, linear in zip(model.layers, (theirs[0], theirs[2]), strict=True):
            linear.weight.copy_(torch.tensor([[w.data for w in n.w] for n in ours.neurons], dtype=torch.float64))
            linear.bias.copy_(torch.tensor([n.b.data for n in ours.neurons], dtype=torch.float64))
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.integers(0, 3, 20)
    history = fit(
        model,
        X,
        y,
        cross_entropy,
        SGD(model.parameters(), 0.3, momentum=0.9),
        epochs=5,
        batch_size=6,
        shuffle=False,
    )

    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.3, momentum=0.9)
    expected = []
    for _ in range(5):
        for start in range(0, 20, 6):
            part = slice(start, start + 6)
            loss = torch.nn.functional.cross_entropy(theirs(torch.tensor(X[part])), torch.tensor(y[part]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            expected.append(loss.item())
    np.testing.assert_allclose(history.batch_losses, expected, rtol=1e-12)
    np.testing.assert_allclose(predict(model, X), theirs(torch.tensor(X)).tolist(), rtol=1e-11)


# ---- the loop ----


def test_the_history_weighs_batches_by_their_size():
    model, _ = line()
    X, y = [[1.0], [2.0], [3.0]], [0.0, 1.0, 5.0]
    history = fit(model, X, y, mse, SGD(model.parameters(), lr=0.0), epochs=2, batch_size=2)
    assert len(history.batch_losses) == 4
    assert history.losses == pytest.approx([score(model, X, y, mse)] * 2, rel=1e-14)


def test_a_seed_gives_the_same_training_and_epochs_differ():
    seen, results = [], []
    for _ in range(2):
        model, optimizer = line()
        orders = []

        def recording(outputs, labels, orders=orders):
            orders.append(list(labels))
            return mse(outputs, labels)

        history = fit(
            model, [[i / 9] for i in range(9)], list(range(9)), recording, optimizer, 3, 4, seed=5, backend="eager"
        )
        seen.append(orders)
        results.append(history.batch_losses)
    assert seen[0] == seen[1]
    assert results[0] == results[1]
    first, second = [*chain(*seen[0][:3])], [*chain(*seen[0][3:6])]
    assert sorted(first) == sorted(second) == list(range(9))
    assert first != second


def test_progress_sees_every_batch():
    model, optimizer = line()
    seen = []
    history = fit(
        model,
        [[1.0], [2.0], [3.0]],
        [1.0, 2.0, 3.0],
        mse,
        optimizer,
        2,
        2,
        shuffle=False,
        progress=seen.append,
    )
    assert [(s.epoch, s.epochs, s.batch, s.batches) for s in seen] == [
        (1, 2, 1, 2),
        (1, 2, 2, 2),
        (2, 2, 1, 2),
        (2, 2, 2, 2),
    ]
    assert seen[0].loss == history.batch_losses[0]
    assert [seen[1].loss, seen[3].loss] == history.losses


def test_the_step_can_be_replaced():
    made, calls = [], []

    def backend(model, loss, optimizer):
        made.append((model, loss, optimizer))
        return lambda X, y: calls.append((X, y)) or 7.0

    model, optimizer = line()
    history = fit(model, [[1.0], [2.0]], [1.0, 2.0], mse, optimizer, 2, 1, shuffle=False, step=backend)
    assert made == [(model, mse, optimizer)]
    assert calls == [([[1.0]], [1.0]), ([[2.0]], [2.0])] * 2
    assert history == History(losses=[7.0, 7.0], batch_losses=[7.0] * 4)


@pytest.mark.parametrize(
    ("loss", "error", "told"),
    [
        (math.nan, FloatingPointError, "the step returned the loss nan, and may have changed the parameters"),
        (np.float64("inf"), FloatingPointError, "the step returned the loss inf"),
        (Value(1.0), TypeError, r"a step returns the loss as a number, not Value .*: end it with return loss\.data$"),
        (None, TypeError, "the loss that a step returns must be a number, not NoneType None"),
    ],
)
def test_a_step_of_ones_own_gives_a_finite_number(loss, error, told):
    """A nan went into the history, and training went on."""
    model, optimizer = line()
    losses = iter([1.0, loss, 1.0])
    with pytest.raises(error, match=told) as failed:
        fit(model, [[1.0]], [1.0], mse, optimizer, epochs=3, step=lambda *parts: lambda X, y: next(losses))
    if error is FloatingPointError:
        assert failed.value.history.stopped == "nan"
        assert failed.value.history.losses == [1.0]


def test_the_step_in_the_open_is_the_loop_one_would_write():
    ours, theirs = line()[0], line()[0]
    X, y = [[1.0], [2.0], [-1.0]], [0.5, 1.5, 3.0]
    fit(ours, X, y, mse, Adam(ours.parameters()), epochs=3, batch_size=2, seed=3)
    step = EagerStep(theirs, mse, Adam(theirs.parameters()))
    rng = random.Random(3)
    for _ in range(3):
        for batch in batches(X, y, 2, seed=rng):
            step(*batch)
    assert [p.data for p in ours.parameters()] == [p.data for p in theirs.parameters()]


def test_history_shows_its_course():
    assert repr(History([2.0, 0.5], [2.0, 0.5])) == "History of 2 epochs, loss 2 -> 0.5"
    assert repr(History([2.0], [2.0])) == "History of 1 epoch, loss 2 -> 2"
    assert repr(History()) == "History of 0 epochs"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_divergence_stops_the_training_before_the_update(bad):
    model, optimizer = line()
    before = [p.data for p in model.parameters()]
    with pytest.raises(FloatingPointError, match=rf"the loss became {bad}.*lower lr \(now 0.1\)"):
        fit(model, [[1.0]], [1.0], lambda outputs, labels: mse(outputs, labels) * bad, optimizer)
    assert [p.data for p in model.parameters()] == before


# ---- questions to a model ----


def test_predictions_are_floats_and_leave_no_graph():
    model = MLP(2, [3, 2], seed=1)
    X = np.array([[0.5, 1.0], [2.0, -1.0]])
    found = predict(model, X)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == predict(model, X.tolist()) == [[v.data for v in model(x)] for x in X]
    assert predict(lambda x: Value(x) * 2, [1.0, 2.0]) == [2.0, 4.0]
    assert predict(lambda x: x, [1.0, [2.0, 3]]) == [1.0, [2.0, 3.0]]


@pytest.mark.parametrize("make", [EagerStep, Trainer])
def test_steps_record_for_themselves(make):
    """Without a gradient momentum or weight decay alone would move the parameters."""
    losses = []
    for mode in (nullcontext(), no_grad()):
        model, _ = line()
        step = make(model, mse, SGD(model.parameters(), 0.1, momentum=0.5))
        losses.append([step([[1.0], [2.0]], [2.0, 1.0])])
        with mode:
            losses[-1] += [step([[1.0], [2.0]], [2.0, 1.0]) for _ in range(3)]
    assert losses[0] == losses[1]


def test_predict_keeps_the_mode_of_the_caller():
    model, _ = line()
    predict(model, [[1.0]])
    assert model([1.0])[0]._prev
    with no_grad():
        predict(model, [[1.0]])
        assert not model([1.0])[0]._prev


def test_accuracy():
    def same(x):
        return x

    rows = [[0.1, 0.9, 0.0], [3.0, 2.0, 1.0], [0.0, 0.0, 5.0], [1.0, 0.0, 0.0]]
    assert classify(same, rows) == [1, 0, 2, 0]
    assert accuracy(same, rows, [1, 0, 2, 1]) == 0.75
    assert accuracy(same, rows, np.array([1.0, 0.0, 2.0, 0.0])) == 1.0
    assert accuracy(same, rows, one_hot([1, 1, 1, 1], 3)) == 0.25
    assert accuracy(same, np.array(rows), np.array(one_hot([1, 0, 2, 0], 3))) == 1.0
    assert classify(same, [0.5, [-0.5], 0.0], threshold=0.0) == [1, 0, 0]
    assert accuracy(same, [0.5, [-0.5], 0.0], [1, -1, [-1]], loss=hinge) == 1.0


def test_score_is_the_loss_of_the_data_set():
    assert score(lambda x: x, [1.0, 2.0], [1.0, 4.0], mse) == 2.0
    model = MLP(2, [3], seed=1)
    X, y = [[0.5, 1.0], [2.0, -1.0]], [0, 2]
    assert score(model, X, y, cross_entropy) == cross_entropy([model(x) for x in X], y).data


# ---- refusals ----


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"X": []}, ValueError, "X is empty"),
        ({"y": [1.0]}, ValueError, "2 samples against 1 label"),
        ({"X": 3.0}, TypeError, "X must be a list, tuple or array"),
        ({"X": [[1.0], [1.0, 2.0]], "shuffle": False}, ValueError, "takes 1 input, got 2"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1, not 0"),
        ({"epochs": 1.5}, TypeError, "epochs must be a whole number, not float 1.5"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, not 0"),
        ({"batch_size": 0.5}, TypeError, "batch_size must be a whole number"),
        ({"loss": "mse"}, TypeError, "loss must be a callable, not str 'mse'"),
        ({"loss": functools.partial(mse, reduction="none")}, TypeError, "must be one Value, not list"),
        ({"loss": lambda outputs, labels: 1.0}, TypeError, "must be one Value, not float 1.0"),
        (
            {"loss": lambda outputs, labels: None},
            TypeError,
            "must be one Value, not NoneType None: the function returns nothing",
        ),
        ({"model": 3}, TypeError, "model must be a callable, not int 3"),
        ({"model": [[1.0], [2.0]]}, TypeError, "model must be a callable, not list .*: a model goes before X and y"),
        ({"X": line()[0]}, TypeError, "X must be a list, tuple or array, not .*: a model goes before X and y"),
        ({"loss": line()[1], "optimizer": mse}, TypeError, "not SGD SGD of .*: the optimiser comes after the loss"),
        ({"X": [1.0, 2.0], "y": [[1.0, 2.0], [3.0, 4.0]]}, TypeError, "if X and y are swapped, X comes first"),
        ({"schedule": 0.1}, TypeError, "float 0.1 cannot be called: a constant rate is the optimiser's lr"),
        ({"callbacks": 3}, TypeError, "int 3 cannot be called"),
        ({"callbacks": [print, 3]}, TypeError, "int 3 cannot be called"),
        ({"min_delta": -1.0}, ValueError, "min_delta must be a finite number of at least 0"),
        ({"optimizer": 0.1}, TypeError, "optimizer must be an Optimizer, such as SGD.*not float 0.1"),
        ({"progress": "yes"}, TypeError, "progress is True, False or a callable"),
        ({"seed": 0.5}, TypeError, "seed must be a whole number"),
    ],
)
def test_fit_refuses(change, error, message):
    model, optimizer = line()
    arguments = {"model": model, "X": [[1.0], [2.0]], "y": [1.0, 2.0], "loss": mse, "optimizer": optimizer}
    with pytest.raises(error, match=message):
        fit(**(arguments | change))


def test_part_of_a_model_may_be_trained():
    class Shifted(Module):
        def __init__(self):
            self.shift, self.frozen = Value(0.0), Value(5.0)

        def __call__(self, x):
            return x + self.shift + self.frozen

    model = Shifted()
    fit(model, [1.0], [8.0], mse, SGD([model.shift], lr=0.5), epochs=2)
    assert (model.shift.data, model.frozen.data) == (2.0, 5.0)


@pytest.mark.parametrize(
    ("outputs", "labels", "error", "message"),
    [
        ([[1.0, 2.0]], [2], IndexError, "class 2 is out of range: with 2 classes"),
        ([[1.0, 2.0]], [0.5], ValueError, "must be whole"),
        ([[1.0, 2.0]], [True], TypeError, "bool True"),
        ([[1.0, 2.0]], [[1.0]], ValueError, "a row of one number is not a label for 2 outputs"),
        ([[1.0]], [2], ValueError, "with one output a label is 1 against 0 or -1, not 2"),
        ([1.0], ["1"], ValueError, "labels are texts, and the model knows no names"),
        ([1.0, 2.0], [1], ValueError, "2 samples against 1 label"),
        ([], [], ValueError, "X is empty"),
    ],
)
def test_accuracy_refuses(outputs, labels, error, message):
    with pytest.raises(error, match=message):
        accuracy(lambda x: x, outputs, labels, loss=hinge)


def test_a_step_in_the_open_takes_tables_and_refuses_what_is_no_batch():
    pandas = needs("pandas")
    table, labels = pandas.DataFrame({"a": [1.0, 2.0, -1.0]}), pandas.Series([0.5, 1.5, 3.0])
    ours, theirs = line()[0], line()[0]
    steps = [EagerStep(model, mse, SGD(model.parameters(), lr=0.1)) for model in (ours, theirs)]
    assert steps[0](table, labels) == steps[1]([[1.0], [2.0], [-1.0]], [0.5, 1.5, 3.0])
    for X, y, error, message in [
        ([], [], ValueError, "X is empty"),
        (table, labels[:2], ValueError, "3 samples against 2 labels"),
        (
            [1.0, 2.0],
            [1.0, 2.0],
            TypeError,
            r"a row of 1 number or Value, not float 1.0: give \[x\]\n.* for a column \[\[x\] for x in X\]",
        ),
        (table, labels[::-1], ValueError, "which rows belong together"),
    ]:
        with pytest.raises(error, match=message):
            steps[0](X, y)
    assert ours.parameters()[0].data == theirs.parameters()[0].data
