"""What surrounds the loop: validation, patience, schedules, weights, callbacks, dropout, resuming, failures."""

import functools
import math
import pickle
import random
import re
import signal
import sys
import threading
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
import nn
from engine import TraceError, Value
from engine.compiler.frontend.reads import surroundings
from nn import Checkpoint
from nn.evaluation import means
from nn.evaluation.metrics import Accuracy
from nn.evaluation.programs import Options
from nn.training import validation
from tests.needs import INSTALLED, NATIVE, needs

np = needs("numpy")

BACKENDS = pytest.mark.parametrize("backend", ["eager", *INSTALLED])
RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 2))
Y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)


def network(outputs=2, seed=1):
    return nn.MLP(2, [4, outputs], activation="tanh", seed=seed)


pytestmark = pytest.mark.filterwarnings("ignore:training goes on after")  # `trained` makes an optimiser every time


def trained(backend="eager", *, model=None, samples=X, y=Y, loss=nn.cross_entropy, lr=0.05, epochs=4, **options):
    model = model or network()
    options = {"batch_size": 8, "seed": 3, **options}
    history = nn.fit(model, samples, y, loss, nn.Adam(model.parameters(), lr=lr), epochs, backend=backend, **options)
    return model, history


def numbers(model):
    return [p.data for p in model.parameters()]


# ---- validation and metrics ----


@BACKENDS
def test_validation_is_taken_after_each_epoch_in_eval_mode(backend):
    held = X[:10], Y[:10]
    model, history = trained(backend, validation=held)
    assert [list(row) for row in history.rows] == [
        ["epoch", "loss", "validation_loss", "validation_accuracy", "lr", "seconds"]
    ] * 4
    assert [row["epoch"] for row in history.rows] == [1, 2, 3, 4]
    assert [row["loss"] for row in history.rows] == history.losses
    last = history.rows[-1]
    assert last["validation_loss"] == pytest.approx(nn.score(model, *held, nn.cross_entropy), rel=1e-12)
    assert last["validation_accuracy"] == nn.accuracy(model, *held)
    assert last["lr"] == 0.05
    same, _ = trained(backend)
    assert numbers(same) == numbers(model)  # looking changes nothing


@BACKENDS
@pytest.mark.parametrize("kind", [list, np.array])
def test_each_epoch_is_validated_with_the_parameters_of_that_epoch(backend, kind):
    """Samples and labels are made ready once, parameters are read every time."""
    held = kind(X[:10].tolist()), kind(Y[:10].tolist())
    seen = []
    _, history = trained(backend, validation=held, metrics=["accuracy", "top1"])
    trained(backend, callbacks=lambda model, *_: seen.append(nn.evaluate(model, *held, nn.cross_entropy)))
    for row, expected in zip(history.rows, seen):
        assert row["validation_loss"] == pytest.approx(expected["loss"], rel=1e-12)
        assert row["validation_accuracy"] == row["validation_top1"] == expected["accuracy"]


@BACKENDS
def test_a_loss_that_per_sample_made_is_validated_in_compiled_code(backend):
    """Of no other loss of the user's is it known that it is the mean over the samples."""
    calls = []

    def squared(output, label):
        if not engine.is_traced(output[0]):  # traces come as often as looks are due, by the clock
            calls.append(1)
        return (output[0] - label) ** 2

    def count(epochs, loss):
        calls.clear()
        _, history = trained(backend, model=network(1), loss=loss, validation=(X[:10], Y[:10]), epochs=epochs)
        return len(calls), [row["validation_loss"] for row in history.rows]

    loss = nn.per_sample(squared)
    (few, _), (many, found) = count(2, loss), count(6, loss)
    assert (many - few < 4 * 10) is (backend != "eager")
    assert found == pytest.approx(count(6, nn.mse)[1], rel=1e-9)
    assert found == pytest.approx(count(6, lambda outputs, labels: loss(outputs, labels))[1], rel=1e-9)


@pytest.mark.parametrize("who", ["schedule", "progress"])
@pytest.mark.parametrize("form", [list, np.array])
def test_samples_changed_between_batches_count_from_the_next_epoch_on(form, who):
    """In every back end alike."""

    def losses(backend):
        samples, labels = form(X.tolist()), form(Y.tolist())

        def meddle(_):
            samples[0][0] += 1.0
            labels[1] = 1 - labels[1]
            return 0.1

        return trained(backend, model=network(), y=labels, epochs=3, samples=samples, **{who: meddle})[1].batch_losses

    expected = losses("eager")
    for backend in INSTALLED:
        assert losses(backend) == pytest.approx(expected, rel=1e-9)
    assert expected[:4] == pytest.approx(trained("eager", lr=0.1 if who == "schedule" else 0.05)[1].batch_losses[:4])


@BACKENDS
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_loss_and_accuracy_by_one_program_are_those_of_the_outputs(backend, dtype):
    """Of equal outputs the first is the class; nan is no class."""
    held, options = (X[:10], Y[:10]), {} if backend == "eager" else {"dtype": dtype}
    top, tied = network(outputs=3), nn.MLP(2, [3], init="zeros")
    for model, lr in ((top, 0.05), (tied, 0.0)):
        _, history = trained(backend, model=model, lr=lr, validation=held, **options)
        expected = nn.evaluate(model, *held, nn.cross_entropy)
        assert history.rows[-1]["validation_accuracy"] == expected["accuracy"]
        assert history.rows[-1]["validation_loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert history.rows[-1]["validation_accuracy"] == 1.0 - Y[:10].mean()
    large = 1e30 if options.get("dtype") == "float32" else 1e300
    for weight, number in zip(tied.layers[0].neurons[0].w, (large, -large)):
        weight.data = number  # infinity less infinity, of finite samples
    _, history = trained(backend, model=tied, lr=0.0, validation=([[1e20, 1e20], [0.0, 0.0]], [0, 0]), **options)
    assert math.isnan(history.rows[-1]["validation_loss"])
    assert math.isnan(history.rows[-1]["validation_accuracy"])


@BACKENDS
@pytest.mark.parametrize("form", [list, np.array])
def test_validation_of_samples_whose_loss_is_nan_is_refused_before_training(backend, form):
    """It would be nan in every epoch, and `patience` would take the first one for the best."""
    model = network(outputs=2)
    before, gone = numbers(model), X.copy()
    gone[4, 1] = math.nan
    told = r"validation: X\[4\]\[1\] is nan, and so is the loss of that sample"
    for data in ({"validation": (form(gone.tolist()), Y)}, {"samples": form(gone.tolist()), "validation": 0.9}):
        with pytest.raises(ValueError, match=told):
            trained(backend, model=model, **data, patience=2)
    labels = Y.astype(float)
    labels[3] = math.nan
    with pytest.raises(ValueError, match=r"validation: y\[3\] holds nan"):
        trained(backend, model=model, validation=(X, form(labels.tolist())))
    assert numbers(model) == before


@BACKENDS
def test_a_label_that_is_no_number_is_told_by_its_row(backend):
    labels = Y.astype(float)
    labels[[3, 9]] = math.nan, math.inf
    told = r"must be a finite number, not (nan|inf)\ny\[3\] holds nan, y\[9\] holds inf\Z"
    with pytest.raises(ValueError, match=told):
        trained(backend, y=labels)
    with pytest.raises(ValueError, match=r"must be whole, from 0 to 1, not 0.5\Z"):  # about something else
        trained(backend, y=[1, 0.5, math.nan] * 10, shuffle=False)


def test_weights_are_of_losses_that_are_means_over_the_samples():
    """Others became the mean of their samples' losses without a word."""
    summed = functools.partial(nn.mse, reduction="sum")
    for loss in (summed, lambda o, y: nn.mse(o, y) * 3.0 + engine.sum([p[0] for p in o])):
        for weights in ({"sample_weight": [1.0] * 30}, {"class_weight": "balanced"}):
            with pytest.raises(ValueError, match="need a loss that is the mean over the samples: of 5 of them it is"):
                trained(model=network(1), loss=loss, **weights)
    for loss in (nn.mse, nn.per_sample(lambda o, y: (o[0] - y) ** 2), lambda o, y: nn.mse(o, y)):
        trained(model=network(1), loss=loss, sample_weight=[1.0] * 30)


@BACKENDS
def test_a_model_that_knows_what_to_do_with_a_gap_is_validated_on_some(backend):
    gone = X.tolist()
    gone[4][1] = math.nan

    class Filled(nn.Module):
        def __init__(self):
            self.net = network(outputs=2)

        def __call__(self, x):
            return self.net([engine.where(number == number, number, 0.0) for number in x])

    model = Filled()
    _, history = trained(backend, model=model, samples=gone, validation=(gone, Y), epochs=2)
    gone[4][1] = 0.0
    assert history.rows[-1]["validation_loss"] == pytest.approx(nn.score(model, gone, Y, nn.cross_entropy), rel=1e-9)


def test_gaps_are_looked_for_in_whatever_holds_samples():
    nested = [[[0.5, 1.0], [2.0, 3.0]], [[0.5, math.nan], [2.0, 3.0]], [[math.inf, 0.0], [1.0, 10**400]]]
    assert validation._lost_places(nested) == [1, 2]
    assert validation._lost_places(np.array([[1.0], [math.inf], [math.nan]], np.float32)) == [1, 2]
    assert validation._lost_places(np.arange(3)) == validation._lost_places(["a", {}, None, 10**400]) == []
    assert validation._lost_places([1e308, -1e308, math.nan]) == [2]
    assert validation._lost_places([[1e308, 1e308], 0, [math.nan]]) == [2]


def mine(outputs, labels):
    return sum(nn.cross_entropy(*each) for each in zip(outputs, labels)) / len(outputs)


def summed(outputs, labels):
    return engine.sum([nn.cross_entropy(*each) for each in zip(outputs, labels)])


def last_first(outputs, labels):
    """Mixes samples: those of a batch are told apart."""
    return nn.cross_entropy(outputs[0], labels[0]) + 0.5 * nn.cross_entropy(outputs[-1], labels[-1])


@pytest.mark.parametrize("metrics", [(), "accuracy", ("accuracy", "top1")])
@pytest.mark.parametrize("name", ["mean", "sum", "with a penalty", "sum with a penalty", "mixed", "blind"])
def test_a_loss_of_ones_own_is_validated_as_eager_code_does(name, metrics, monkeypatch):
    """In compiled code from some epoch on, where it is a mean or sum over samples."""
    monkeypatch.setattr(validation, "PATIENT", 2)
    model = network(outputs=3)
    weights = model.parameters()

    def penalised(outputs, labels):
        return mine(outputs, labels) + 0.01 * engine.dot(weights, weights)

    def summed_and_penalised(outputs, labels):
        """So that the penalty counts once, and not for each sample."""
        return summed(outputs, labels) + 0.01 * engine.dot(weights, weights)

    def blind(outputs, labels):
        """It does not look at what tells the class."""
        return nn.mse([row[0] for row in outputs], labels)

    penalties = {"with a penalty": penalised, "sum with a penalty": summed_and_penalised}
    loss = {"mean": mine, "sum": summed, "mixed": last_first, "blind": blind, **penalties}[name]
    start, held = numbers(model), (X[:10], Y[:10])
    found = []
    for more in ({}, {"callbacks": lambda *_: None}):  # with a callback the samples may change
        for weight, number in zip(weights, start):
            weight.data = number
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, history = trained("auto", model=model, loss=loss, lr=0.01, validation=held, metrics=metrics, **more)
        found.append(history.to_dict())
    for column in found[0].keys() - {"seconds"}:
        assert found[0][column] == pytest.approx(found[1][column], rel=1e-9)


def test_where_outputs_are_infinite_the_class_is_told_as_ever(monkeypatch):
    monkeypatch.setattr(validation, "PATIENT", 1)
    model = network(outputs=3)
    for neuron in model.layers[0].neurons:
        neuron.b.data = 50.0
    for neuron in model.layers[1].neurons:
        for weight in neuron.w:
            weight.data = 1e308

    def blind(outputs, labels):
        return nn.mse([0.0 * label for label in labels], labels)

    held, metric = (X[:3], [0, 1, 2]), Accuracy(model, None)
    assert np.isinf(nn.predict(model, held[0])).all()
    checked = validation.Validation(model, *held, blind, {"accuracy": metric}, Options("auto"), fixed=True)
    assert checked.scores(1, watched=True) == {"validation_loss": 5 / 3, "validation_accuracy": 1 / 3}


def test_what_a_trainer_finds_changed_is_looked_at_by_other_programs_too():
    """Validation leaves it to the trainer to look at what is far away."""
    table, weight = {"rows": [[2.0]]}, Value(1.0)

    def model(x):
        return weight * x * table["rows"][0][0]

    compiled = engine.compile(model)
    batch = compiled.batch([1.0, 3.0])
    trainer = nn.Trainer(model, nn.mse, nn.SGD([weight], lr=0.0))
    trainer.prepare([1.0], [0.0])
    assert compiled(batch=batch).ravel().tolist() == [2.0, 6.0]
    again = compiled.repetition(batch)
    if again is None:
        pytest.skip("only native code has a shorter way")
    assert again().ravel().tolist() == again().ravel().tolist() == [2.0, 6.0]
    weight.data = 2.0
    assert again().ravel().tolist() == [4.0, 12.0]
    table["rows"][0][0] = 4.0
    trainer.prepare([1.0], [0.0])
    assert again() is None
    assert compiled(batch=batch).ravel().tolist() == [8.0, 24.0]


@BACKENDS
def test_a_callback_may_change_the_validation(backend):
    held = X[:10].copy(), Y[:10].copy()

    def turn(*_):
        held[1][:] = 1 - held[1]

    _, history = trained(backend, validation=held, lr=0.0, callbacks=turn)
    first, second = (row["validation_accuracy"] for row in history.rows[:2])
    assert first + second == 1.0


@BACKENDS
@pytest.mark.parametrize("form", [list, np.array])
def test_a_metric_may_change_the_outputs_that_it_is_given(backend, form):
    """Those after it have the model's all the same."""

    def spoil(labels, outputs):
        for row in outputs:
            row[0], row[1] = row[1], row[0]
        return 0.0

    held = form(X[:10].tolist()), form(Y[:10].tolist())
    _, history = trained(backend, validation=held, metrics=[spoil, "accuracy"])
    _, alone = trained(backend, validation=held, metrics="accuracy")
    column = "validation_accuracy"
    assert [row[column] for row in history.rows] == [row[column] for row in alone.rows]


def test_validation_in_the_precision_of_the_training():
    """As everywhere else: loss and outputs of a float32 training are float32's."""
    dtypes = set()

    def look(labels, outputs):
        dtypes.add(outputs.dtype.name)
        return 0.0

    _, history = trained("auto", dtype="float32", validation=0.3, metrics=look)
    _, exact = trained("auto", validation=0.3)
    assert dtypes == {"float32"}
    assert history.rows[-1]["validation_loss"] == pytest.approx(exact.rows[-1]["validation_loss"], rel=1e-4)


@BACKENDS
def test_a_share_is_held_out_of_each_class(backend):
    seen = set()

    def record(labels, outputs):
        seen.add(tuple(labels))
        return 0.0

    trained(backend, validation=0.2, metrics=record, seed=5)
    trained(backend, validation=0.2, metrics=record, seed=5)
    assert len(seen) == 1
    (labels,) = seen
    assert len(labels) == 6
    assert abs(sum(labels) - Y.mean() * 6) < 1.0


def same(labels, outputs):
    return 1.0


@pytest.mark.parametrize(
    ("metrics", "error", "message"),
    [
        ([same, lambda *_: 1.0, same], ValueError, "there is a column 'same' already: give the metric, a function"),
        (["accuracy", "accuracy"], ValueError, "there is a column 'accuracy' already"),
        (lambda labels, outputs: outputs, TypeError, "the metric <lambda> must give one number, not ndarray"),
        (3, TypeError, "a metric is a name or a function of labels and outputs, not int 3"),
    ],
)
def test_metrics_refused(metrics, error, message):
    with pytest.raises(error, match=message):
        trained("auto", validation=0.3, metrics=metrics)


def test_no_metric_takes_the_place_of_the_loss():
    def loss(labels, outputs):
        return 0.0

    with pytest.raises(ValueError, match="there is a column 'loss' already"):
        trained(validation=0.3, metrics=loss)


@BACKENDS
def test_functions_get_outputs_in_the_form_of_the_samples(backend):
    forms = []

    def look(labels, outputs):
        forms.append(type(outputs))
        return 0.0

    trained(backend, validation=(X, Y), epochs=1, metrics=look)
    trained(backend, validation=(X.tolist(), Y), epochs=1, metrics=look)
    nn.evaluate(network(), X[:2], Y[:2], nn.cross_entropy, look, backend=backend)
    assert forms == [np.ndarray, list, np.ndarray]


@BACKENDS
def test_what_a_metric_changes_counts_from_the_next_epoch_on(backend):
    scale = {"logits": 1.0}

    class Scaled(nn.Module):
        def __init__(self):
            self.layer = nn.Layer(2, 2, "identity", seed=1)

        def __call__(self, x):
            return [scale["logits"] * z for z in self.layer(x)]

    def shrink(labels, outputs):
        scale["logits"] *= 0.9
        return 0.0

    _, history = trained(backend, model=Scaled(), validation=(X, Y), metrics=shrink)
    scale["logits"] = 1.0
    _, expected = trained("eager", model=Scaled(), validation=(X, Y), metrics=shrink)
    assert history.losses == pytest.approx(expected.losses, rel=1e-12)


@pytest.mark.parametrize("labels", [np.eye(2)[Y], np.eye(2, dtype=int)[Y].tolist(), Y.reshape(-1, 1)])
def test_one_hot_labels_and_a_column_are_classes_too(labels):
    """Of each class the same share is held out as of indices: the very same samples."""
    kept = []
    for y, loss in ((Y, "cross_entropy"), (labels, "cross_entropy" if len(labels[0]) > 1 else "bce_with_logits")):
        model = network(2 if loss == "cross_entropy" else 1)
        trained(
            model=model, y=y, loss=getattr(nn, loss), validation=0.3, epochs=1, metrics=lambda y, _: kept.append(y) or 0
        )
    first, second = ([int(np.argmax(row)) if np.size(row) > 1 else int(np.ravel(row)[0]) for row in y] for y in kept)
    assert first == second


def test_metrics():
    _, history = trained(validation=0.3, metrics=["accuracy", lambda labels, outputs: len(labels)])
    assert list(history.rows[0])[2:5] == ["validation_loss", "validation_accuracy", "validation_<lambda>"]
    assert history.rows[0]["validation_<lambda>"] == 9.0
    _, history = trained(model=network(1), y=X[:, 0], loss=nn.mse, validation=0.3)
    assert "validation_r2" in history.rows[0]
    with pytest.raises(ValueError, match="metrics are taken on validation data"):
        trained(metrics="accuracy")


@BACKENDS
def test_patience_gives_the_best_epoch_back(backend):
    noise = np.random.default_rng(5).integers(0, 2, 30)
    states = {}

    def keep(model, history, epoch):
        states[epoch] = numbers(model)

    model = network()
    optimizer = nn.Adam(model.parameters(), lr=0.3)
    history = nn.fit(
        model,
        X,
        noise,
        nn.cross_entropy,
        optimizer,
        60,
        8,
        validation=0.4,
        patience=3,
        callbacks=keep,
        seed=1,
        backend=backend,
    )
    assert history.stopped == "patience"
    best = history.best_epoch
    assert len(history.rows) == best + 3
    assert numbers(model) == states[best]
    assert optimizer.steps == best * 3  # of 18 samples
    losses = [row["validation_loss"] for row in history.rows]
    assert losses[best - 1] == min(losses)


def test_min_delta():
    _, few = trained(epochs=30, validation=0.3, patience=2, min_delta=10.0)
    assert len(few.rows) == 3  # the first one, and two that were not better by so much


@BACKENDS
@pytest.mark.parametrize("resumed", [None, "history", "json"])
def test_what_is_given_back_is_the_best_epoch_be_it_better_by_less_than_min_delta(backend, resumed, tmp_path):
    """It was the last one that was better by `min_delta`, and the history told another one."""
    held = {"validation": (X[:12], Y[:12]), "patience": 6, "min_delta": 10.0}
    model = network()
    optimizer = nn.Adam(model.parameters(), lr=0.02)

    def fit(epochs, **more):
        return nn.fit(model, X, Y, nn.cross_entropy, optimizer, epochs, seed=3, backend=backend, **held, **more)

    if resumed:
        before = fit(3)
        nn.save(model, tmp_path / "m.json", optimizer=optimizer, history=before)
        history = fit(30, resume=before if resumed == "history" else nn.load(model, tmp_path / "m.json"))
    else:
        history = fit(30)
    best = history.rows[history.best_epoch - 1]["validation_loss"]
    assert (history.stopped, len(history.losses)) == ("patience", 7)  # and none better than the first by so much
    assert history.best_epoch == 7
    assert nn.score(model, X[:12], Y[:12], nn.cross_entropy) == pytest.approx(best, rel=1e-12)


# ---- rates, clipping, weights ----


@BACKENDS
def test_schedules_set_absolute_rates(backend):
    rates = nn.schedules.linear(0.1, steps=16, warmup=4)
    _, history = trained(backend, schedule=rates, lr=7.0)
    assert [row["lr"] for row in history.rows] == [rates(k) for k in (3, 7, 11, 15)]
    slow, _ = trained(backend, schedule=lambda k: 0.0)
    assert numbers(slow) == numbers(network())


@pytest.mark.parametrize("backend", ["auto", "eager"])
def test_a_schedule_that_ends_too_early_is_warned_of_once(backend):
    model = nn.MLP(1, [1], seed=1)
    data, optimizer = ([[0.0], [1.0], [2.0]], [1.0, 2.0, 3.0]), nn.SGD(model.parameters(), lr=0.1)
    options = {"epochs": 4, "batch_size": 1, "schedule": nn.schedules.cosine(0.1, 3), "backend": backend}
    with pytest.warns(UserWarning, match=r"epoch 2 changed nothing: .*cosine\(lr=0.1, steps=3.*3 in an epoch") as told:
        nn.fit(model, *data, nn.mse, optimizer, **options)
    assert len(told) == 1


@pytest.mark.parametrize("backend", ["auto", "eager"])
def test_a_loss_that_stays_is_warned_of(backend):
    model = nn.MLP(2, [3, 1], seed=0)
    for parameter in model.layers[0].parameters():
        parameter.data = -1.0  # so that all relus are 0
    for neuron in model.layers[1].neurons:
        neuron.b.data = 2.0
    frozen = nn.SGD(model.layers[0].parameters(), lr=0.1)
    with pytest.warns(UserWarning, match="the loss stays at 1: no gradient reaches the parameters") as told:
        nn.fit(model, [[0.0, 1.0], [1.0, 2.0], [1.0, 1.0]], [1.0, 1.0, 1.0], nn.mse, frozen, 4, 2, backend=backend)
    assert len(told) == 1


def test_a_loss_of_zero_may_stay(recwarn):
    model = nn.MLP(1, [1], init="zeros")
    nn.fit(model, [[0.0], [1.0]], [0.0, 0.0], nn.mse, nn.SGD(model.parameters(), lr=0.1), epochs=3, backend="eager")
    assert not recwarn.list


@pytest.mark.parametrize("rate", [nn.schedules.cosine(0.1, 12), nn.schedules.linear(0.1, 12, warmup=3), lambda k: 0.0])
def test_a_schedule_that_lasts_or_is_meant_so_is_not(rate, recwarn):
    model = nn.MLP(1, [1], seed=1)
    data, optimizer = ([[0.0], [1.0], [2.0]], [1.0, 2.0, 3.0]), nn.SGD(model.parameters(), lr=0.1)
    nn.fit(model, *data, nn.mse, optimizer, epochs=4, batch_size=1, schedule=rate, backend="eager")
    assert not recwarn.list


@given(st.integers(2, 50), st.integers(0, 9), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_schedules_stay_between_their_ends(steps, warmup, lr, final):
    warmup = min(warmup, steps - 1)
    for make in (nn.schedules.cosine, nn.schedules.linear):
        rate = make(lr, steps, warmup=warmup, final=final)
        found = [rate(k) for k in range(steps + 5)]
        assert all(-1e-15 <= x <= max(lr, final) + 1e-15 for x in found)
        assert found[-1] == pytest.approx(final)
        if warmup:
            assert found[warmup - 1] == lr


@pytest.mark.parametrize(
    "make", [nn.schedules.cosine, nn.schedules.linear, lambda lr, n: nn.schedules.step(lr, n, 0.5)]
)
def test_schedules_are_asked_for_steps(make):
    """Of step -1 a cosine divided by 0, and a step was twice the first rate."""
    rate = make(0.1, 3)
    assert rate(np.int64(2)) == rate(2)
    with pytest.raises(ValueError, match="a step must be at least 0, not -1"):
        rate(-1)
    for wrong in (1.5, math.nan, True, "3", None, np.array([1])):
        with pytest.raises(TypeError, match="a step must be a whole number, not"):
            rate(wrong)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"steps": 3, "warmup": 3}, {"steps": 5, "final": -1.0}])
def test_schedules_refuse(wrong):
    with pytest.raises(ValueError, match=r"steps|final"):
        nn.schedules.cosine(0.1, **wrong)


@pytest.mark.parametrize(
    "rate",
    [
        nn.schedules.step(0.1, every=1, factor=0.5),
        nn.schedules.linear(0.1, 9, warmup=3),
        nn.schedules.cosine(0.1, 9, 3, final=0.01),
    ],
)
def test_a_schedule_says_what_it_is_and_pickles(rate):
    assert eval(repr(rate), vars(nn.schedules)) == rate == pickle.loads(pickle.dumps(rate))
    model = network()
    optimizer = nn.SGD(model.parameters(), lr=1.0)
    trainer = nn.Trainer(model, nn.cross_entropy, optimizer, schedule=rate, backend="python")
    trainer.step(X[:4], Y[:4])
    twin = pickle.loads(pickle.dumps(trainer))
    assert twin.schedule == rate
    twin.step(X[:4], Y[:4])
    assert twin.optimizer.lr == rate(1) != rate(0)


def test_schedules_of_another_kind_or_number_are_not_equal():
    assert nn.schedules.linear(0.1, 9) != nn.schedules.cosine(0.1, 9) != nn.schedules.cosine(0.1, 8)


@BACKENDS
@pytest.mark.parametrize("clip", [{"clip_norm": 0.05}, {"clip_value": 0.01}])
def test_clipping_is_the_same_everywhere(backend, clip):
    def made(choice, **options):
        model = network()
        nn.fit(
            model, X, Y, nn.cross_entropy, nn.SGD(model.parameters(), lr=1.0), 2, 8, seed=1, backend=choice, **options
        )
        return numbers(model)

    np.testing.assert_allclose(made(backend, **clip), made("eager", **clip), rtol=1e-9)
    assert made(backend, **clip) != made(backend)


@BACKENDS
def test_a_weight_of_two_is_a_sample_twice(backend):
    """With the whole data set in a batch, up to the mean's size."""
    weights = [2.0 if k < 10 else 1.0 for k in range(30)]
    weighted, history = trained(backend, sample_weight=weights, batch_size=None, epochs=3)

    def by_hand(outputs, labels):
        losses = nn.cross_entropy(outputs, labels, reduction="none")
        return sum((w * loss for w, loss in zip(weights, losses)), Value(0.0)) / 30

    same, expected = trained(loss=by_hand, batch_size=None, epochs=3, shuffle=False)
    np.testing.assert_allclose(numbers(weighted), numbers(same), rtol=1e-8)
    np.testing.assert_allclose(history.losses, expected.losses, rtol=1e-10)
    zero, _ = trained(backend, sample_weight=np.array(weights) * 0.0 + (np.arange(30) == 3), epochs=1, batch_size=1)
    assert numbers(zero) != numbers(network())


@BACKENDS
def test_class_weights_are_sample_weights(backend):
    by_class, _ = trained(backend, class_weight={0: 3.0, 1: 0.5})
    by_sample, _ = trained(backend, sample_weight=np.where(Y == 0, 3.0, 0.5))
    assert numbers(by_class) == numbers(by_sample)
    count = Y.sum()
    balanced, _ = trained(backend, class_weight="balanced")
    by_hand, _ = trained(backend, class_weight={0: 30 / (2 * (30 - count)), 1: 30 / (2 * count)})
    assert numbers(balanced) == numbers(by_hand)
    some, _ = trained(backend, class_weight={1: 0.5})  # the others weigh 1, as in scikit-learn
    by_hand, _ = trained(backend, class_weight={0: 1.0, 1: 0.5, 7: 3.0})
    assert numbers(some) == numbers(by_hand)


def test_class_weights_are_of_classes():
    with pytest.raises(ValueError, match=r"not numbers as 0\.5: give sample_weight"):
        trained(y=[0.5] * 30, loss=nn.mse, model=network(1), class_weight="balanced")


def test_three_names_are_too_many_for_a_loss_of_two_classes():
    with pytest.raises(ValueError, match="bce_with_logits tells two classes apart, and the labels name 3: a, b, c"):
        trained(y=["a", "b", "c"] * 10, loss=nn.bce_with_logits, model=network(1))


@pytest.mark.parametrize("kind", ["Float64", "object", "mixed"])
def test_a_table_of_several_types_of_numbers_compiles(kind):
    pandas = needs("pandas")
    table = pandas.DataFrame(X)
    given = table.assign(**{"more": X[:, 0] > 0}) if kind == "mixed" else table.astype(kind)
    wide = nn.MLP(given.shape[1], [3, 2], activation="tanh", seed=1)
    same = nn.MLP(given.shape[1], [3, 2], activation="tanh", seed=1)
    _, history = trained("auto", model=wide, samples=given)
    assert not history.backend.startswith("eager")
    assert history.losses == trained("auto", model=same, samples=given.astype(float).to_numpy())[1].losses


def test_weights_of_rows_of_targets():
    two = np.stack([X[:, 0], X[:, 1]], 1)
    for backend in ("eager", *INSTALLED):
        model, _ = trained(backend, y=two, loss=nn.mse, sample_weight=[1.0] * 30)
        same, _ = trained(backend, y=two, loss=nn.mse)
        np.testing.assert_allclose(numbers(model), numbers(same), rtol=1e-9)


# ---- labels that are texts ----


@BACKENDS
def test_texts_are_classes(backend):
    names = np.array(["no", "yes"])[Y]
    model, history = trained(backend, y=names, validation=0.2, class_weight={"no": 1.0, "yes": 2.0})
    assert model.classes == ["no", "yes"]
    given = trained(backend, y=names, validation=(X[:9], list(names[:9])))[1].rows[-1]
    assert given["validation_loss"] == trained(backend, validation=(X[:9], Y[:9]))[1].rows[-1]["validation_loss"]
    assert set(nn.classify(model, X)) <= {"no", "yes"}
    assert nn.accuracy(model, X, names) == nn.accuracy(model, X, Y)
    assert nn.evaluate(model, X, names, nn.cross_entropy)["accuracy"] == nn.accuracy(model, X, list(names))
    assert nn.confusion_matrix(model, X, names).sum() == 30
    assert "validation_accuracy" in history.rows[0]
    with pytest.raises(ValueError, match="no class is named 'maybe': the model was trained to tell no, yes apart"):
        nn.fit(model, X, ["maybe"] * 30, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
    with pytest.raises(ValueError, match="mse of labels that are texts"):
        trained(y=names, loss=nn.mse)
    with pytest.raises(TypeError, match=r"need an nn\.Module"):
        nn.fit(lambda x: model(x), X, names, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))


@BACKENDS
def test_hinge_takes_texts_as_signs(backend):
    names, signs = np.array(["no", "yes"])[Y], 2 * Y - 1
    model, history = trained(backend, y=names, loss=nn.hinge, model=network(1), validation=(X[:9], names[:9]))
    same, expected = trained(backend, y=signs, loss=nn.hinge, model=network(1), validation=(X[:9], signs[:9]))
    assert numbers(model) == numbers(same)
    assert [row["validation_loss"] for row in history.rows] == [row["validation_loss"] for row in expected.rows]
    assert nn.evaluate(model, X, names, nn.hinge) == nn.evaluate(same, X, signs, nn.hinge)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.array([b"no", b"yes"])[Y], TypeError, r"not bytes such as .*b'(no|yes)'.*: write y.astype\(str\)"),
        ([b"no"] * 30, TypeError, "not bytes such as b'no'"),
        (np.array(["no", "yes"])[Y][:, None], ValueError, r"one text, not a row of them .*: y.ravel\(\) of a column"),
        ([["no"]] * 30, ValueError, r"one text, not a row of them such as list \['no'\]"),
    ],
)
def test_texts_that_would_be_other_names(labels, error, message):
    with pytest.raises(error, match=message):
        trained(y=labels)


@BACKENDS
@pytest.mark.parametrize(
    "refused",
    [
        {"y": np.array(["a", "b"])[Y], "batch_size": 0},
        {"y": np.array(["a", "b"])[Y], "sample_weight": [1.0]},
        {"loss": nn.bce},  # of scores
        {"loss": nn.bce, "validation": 2.0},
        {"loss": nn.hinge},  # of labels that are 0
    ],
)
def test_a_training_that_never_began_leaves_what_outputs_mean(backend, refused):
    model, _ = trained(backend, loss=nn.bce_with_logits, model=network(1), epochs=20)
    found = nn.classify(model, X)
    with pytest.raises(ValueError, match=r"must be|against 1 sample weight|a hinge label"):
        trained(backend, model=model, **{"loss": nn.bce_with_logits, **refused})
    assert list(nn.classify(model, X)) == list(found)
    with pytest.raises(FloatingPointError):  # after steps, in the second epoch: it counts
        trained(backend, model=model, loss=nn.mse, schedule=lambda step: 0.0 if step < 4 else 1e308)
    with pytest.raises(ValueError, match="nothing tells the threshold"):
        nn.classify(model, X)


# ---- callbacks, interruption, failures ----


def test_callbacks_see_and_stop():
    seen = []

    def stop(model, history, epoch):
        seen.append((type(model), len(history.rows), epoch))
        return epoch == 2

    _, history = trained(epochs=9, callbacks=[stop, lambda *_: "no stop"])
    assert seen == [(nn.MLP, 1, 1), (nn.MLP, 2, 2)]
    assert history.stopped == "callback"
    assert repr(history).splitlines()[0].endswith("stopped by callback")
    _, history = trained(epochs=9, callbacks=lambda _, history, __: np.mean(history.losses) > 0.0)  # NumPy's True
    assert history.stopped == "callback"
    with pytest.raises(TypeError, match="a callback is called with model, history and epoch, and int 3"):
        trained(callbacks=[3])


@BACKENDS
def test_ctrl_c_gives_the_history(backend):
    def interrupt(model, history, epoch):
        if epoch == 2:
            raise KeyboardInterrupt

    model, history = trained(backend, epochs=9, callbacks=interrupt)
    assert history.stopped == "interrupted"
    assert len(history.rows) == 2
    assert model.training
    again, longer = trained(backend, model=model, epochs=4, resume=history)
    assert [row["epoch"] for row in longer.rows] == [1, 2, 3, 4]
    assert longer.stopped is None
    assert again is model


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals reach the main thread")
def test_a_signal_in_an_epoch_gives_the_history():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a shell it is ignored

    def poke(state):
        if (state.epoch, state.batch) == (2, 1):
            signal.raise_signal(signal.SIGINT)

    try:
        _, history = trained(epochs=9, progress=poke)
    finally:
        signal.signal(signal.SIGINT, before)
    assert history.stopped == "interrupted"
    assert len(history.rows) == 1


@BACKENDS
def test_a_gradient_that_is_infinite_is_reported_with_the_operation(backend):
    """The loss itself is finite; and where a rate alone is too large, there is no operation to blame."""

    def rooted(outputs, labels):
        return sum(engine.sqrt(out[0]) for out in outputs) / len(outputs)

    model = nn.MLP(2, [1], init="zeros")
    with pytest.raises(FloatingPointError, match=r"sqrt gave \w+ the gradient inf in the backward pass") as caught:
        nn.fit(model, X, Y, rooted, nn.SGD(model.parameters(), lr=0.1), 1, backend=backend)
    assert caught.value.history.stopped == "nan"
    model = nn.MLP(2, [1], seed=1)
    with pytest.raises(FloatingPointError) as caught:
        nn.fit(model, 1e10 * X, Y, nn.mse, nn.SGD(model.parameters(), lr=1e308), 1, backend=backend)
    assert "pass" not in str(caught.value)


def test_ctrl_c_in_the_first_epoch_leaves_what_it_made():
    """There is no best epoch to go back to."""

    def loss(outputs, labels):
        if labels == [1] * 8:
            raise KeyboardInterrupt
        return nn.cross_entropy(outputs, labels)

    model = network()
    optimizer, before = nn.SGD(model.parameters(), lr=0.1), numbers(model)
    options = {"validation": (X, Y), "patience": 2, "shuffle": False, "backend": "eager"}
    history = nn.fit(model, X[:16], [0] * 8 + [1] * 8, loss, optimizer, 3, 8, **options)
    assert (history.stopped, len(history.batch_losses), history.rows) == ("interrupted", 1, [])
    assert numbers(model) != before


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_model_that_cannot_be_compiled_any_more_in_the_middle_of_an_epoch(backend):
    """The batches of the rest of that epoch are drawn already: the change is refused, and not half an epoch eager."""
    model = nn.Sequential(nn.Layer(2, 3, "tanh", seed=1), nn.Layer(3, 2, "identity", seed=2))

    def insert(state):
        if (state.epoch, state.batch) == (2, 1):
            model.layers.insert(1, Choosing())

    class Choosing(nn.Module):
        def __call__(self, x):
            return x if x[0] > 0.0 else [2.0 * each for each in x]

    for choice in ("auto", backend):
        model.layers = [layer for layer in model.layers if not isinstance(layer, Choosing)]
        with pytest.raises(TraceError, match="branch"):
            trained(choice, model=model, progress=insert)


class Rooted(nn.Module):
    """Takes the root of what may be negative."""

    def __init__(self):
        self.w = Value(1.0)

    def __call__(self, x):
        return (self.w * x).sqrt()


@BACKENDS
def test_a_nan_tells_where_it_came_from_and_what_was_before(backend):
    model = Rooted()
    samples, labels = [4.0, 1.0, 9.0, -1.0, 2.0], [1.0] * 5
    with pytest.raises(FloatingPointError, match=r"the loss became nan") as caught:
        nn.fit(model, samples, labels, nn.mse, nn.SGD([model.w], lr=0.001), 3, 1, shuffle=False, backend=backend)
    assert "sqrt" in str(caught.value)
    assert "return (self.w * x).sqrt()" in str(caught.value)
    history = caught.value.history
    assert history.stopped == "nan"
    assert len(history.batch_losses) == 3
    assert math.isfinite(model.w.data)
    assert model.w.data != 1.0


@BACKENDS
@pytest.mark.parametrize("more", [{}, {"validation": 0.25}, {"sample_weight": [1.0] * 40}, {"batch_size": 3}])
def test_numbers_of_the_data_that_are_not_finite_are_named_as_the_user_indexes_them(backend, more):
    """Not by their place in a batch, nor among the samples that no validation holds out."""
    samples, labels = np.ones((40, 2)), np.ones(40)
    bad = {3: math.inf, 12: -math.inf, 37: math.nan}
    for row, number in bad.items():
        samples[row, 1] = number
    model = nn.MLP(2, [1], seed=1)
    options = {"batch_size": 8, "seed": 2, "backend": backend, **more}
    with pytest.raises(FloatingPointError, match=r"layers\.0\.neurons\.0\.w\.1") as caught:
        nn.fit(model, samples, labels, nn.mse, nn.SGD(model.parameters(), lr=0.01), 1, **options)
    named = re.findall(r"X\[(\d+)\]\[1\] is (-?\w+)", str(caught.value))
    assert named
    assert all(str(bad[int(row)]) == number for row, number in named)


@BACKENDS
def test_labels_that_are_not_finite_are_named_where_a_loss_takes_them(backend):
    def loss(outputs, labels):
        return engine.mean([(output[0] - label) ** 2 for output, label in zip(outputs, labels)])

    labels = np.ones(40)
    labels[7] = math.nan
    with pytest.raises(FloatingPointError, match=r"\ny\[7\] holds nan\n"):
        trained(backend, model=nn.MLP(2, [1], seed=1), samples=np.ones((40, 2)), y=labels, loss=loss)


def test_of_many_such_numbers_three_are_named():
    samples = np.full((5, 2), math.nan)
    with pytest.raises(
        FloatingPointError, match=r"X\[0\]\[0\] is nan, X\[0\]\[1\] is nan, X\[1\]\[0\] is nan, and 7 more"
    ):
        trained(model=nn.MLP(2, [1], seed=1), samples=samples, y=[0.0] * 5, loss=nn.mse, shuffle=False)


def test_a_custom_step_is_eager_without_a_warning():
    def step(model, loss, optimizer):
        return nn.EagerStep(model, loss, optimizer)

    model, history = trained("auto", step=step)
    assert history.backend == "eager"
    assert numbers(model) == numbers(trained()[0])
    with pytest.raises(ValueError, match="runs eagerly and clips itself"):
        trained("auto", step=step, clip_norm=1.0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"patience": 3}, ValueError, "patience watches the validation loss"),
        ({"patience": 0, "validation": 0.2}, ValueError, "patience must be at least 1"),
        ({"validation": 1.5}, ValueError, "validation must be a finite number"),
        ({"validation": "some"}, TypeError, "validation must be a number"),
        ({"validation": (X, Y, Y)}, TypeError, r"validation is \(X, y\)"),
        ({"validation": (X, Y[:3])}, ValueError, "30 samples against 3 labels"),
        ({"min_delta": -1.0, "patience": 1, "validation": 0.2}, ValueError, "min_delta"),
        ({"shuffle": "no"}, TypeError, "shuffle must be True or False"),
        ({"resume": 3}, TypeError, "resume takes a checkpoint"),
        (
            {"resume": Checkpoint("m.json")},
            TypeError,
            r"Checkpoint\(m.json\) has no history to go on after",
        ),
        ({"step": 3}, TypeError, "step makes a step from .* int 3 cannot be called"),
        ({"sample_weight": [1.0]}, ValueError, "30 samples against 1 sample weight"),
        ({"sample_weight": [-1.0] * 30}, ValueError, "a sample weight must be a finite number of at least 0"),
        ({"sample_weight": [0.0] * 30}, ValueError, "nothing would be learned"),
        (
            {"class_weight": {0: 2.0, "1": 3.0}},
            ValueError,
            "class_weight names '1', which is no label, and leaves out 1",
        ),
        ({"class_weight": "even"}, TypeError, "class_weight is a dict"),
        ({"class_weight": "balanced", "y": nn.one_hot(Y, 2)}, TypeError, "labels that are classes, not rows such as"),
        ({"clip_norm": 1.0, "clip_value": 1.0}, ValueError, "two ways to clip"),
        ({"loss": "mse"}, TypeError, "loss must be a callable, not str 'mse': give nn.mse"),
        ({"dtype": "float16", "backend": "auto"}, ValueError, "dtype must be 'float64' or 'float32', not 'float16'"),
        ({"dtype": "float32"}, ValueError, "eager steps run on one thread in float64"),
    ],
)
def test_fit_refuses(change, error, message):
    with pytest.raises(error, match=message):
        trained(**change)


# ---- going on ----


@BACKENDS
def test_four_and_four_are_eight_bit_for_bit(backend):
    options = {"validation": 0.2, "schedule": nn.schedules.cosine(0.1, 30)}

    def model_and_optimizer():
        model = nn.Sequential(nn.Layer(2, 4, seed=1), nn.Dropout(0.3, seed=1), nn.Layer(4, 2, "identity", seed=2))
        return model, nn.Adam(model.parameters(), lr=0.1)

    def fit(model, optimizer, epochs, **more):
        return nn.fit(model, X, Y, nn.cross_entropy, optimizer, epochs, 8, seed=3, backend=backend, **options, **more)

    whole, optimizer = model_and_optimizer()
    expected = fit(whole, optimizer, 8)
    model, optimizer = model_and_optimizer()
    history = fit(model, optimizer, 8, resume=fit(model, optimizer, 4))
    assert numbers(model) == numbers(whole)
    assert history.batch_losses == expected.batch_losses
    for row, other in zip(history.rows, expected.rows):
        assert {**row, "seconds": 0} == {**other, "seconds": 0}
    with pytest.raises(ValueError, match="done already: 8 epochs; epochs=8 counts those too"):
        fit(model, optimizer, 8, resume=history)


@BACKENDS
@pytest.mark.parametrize("ending", ["json", "safetensors", None])
@pytest.mark.parametrize("kind", [nn.SGD, nn.Adam])
def test_ten_and_ten_are_twenty_with_patience_too(backend, ending, kind, tmp_path):
    """The best epoch is put back at the end, and training goes on from the last one."""
    needs("safetensors")

    def fit(model, optimizer, epochs, **more):
        options = {"validation": (X[:9], 1 - Y[:9]), "patience": 15, "seed": 3, "backend": backend, **more}
        return nn.fit(model, X, Y, nn.cross_entropy, optimizer, epochs, 8, **options)

    def model_and_optimizer():
        model = network()
        return model, kind(model.parameters(), lr=0.1)

    whole, optimizer = model_and_optimizer()
    expected = fit(whole, optimizer, 20)
    assert expected.best_epoch < 10
    model, first = model_and_optimizer()
    half = fit(model, first, 10)
    assert numbers(model) == numbers(whole)  # both have the best epoch's
    if ending:
        nn.save(model, tmp_path / f"half.{ending}", optimizer=first, history=half)
        model, first = model_and_optimizer()
        half = nn.load(model, tmp_path / f"half.{ending}", optimizer=first)
    history = fit(model, first, 20, resume=half)
    assert history.batch_losses == expected.batch_losses
    assert history.stopped == expected.stopped
    assert numbers(model) == numbers(whole)
    assert first.state == optimizer.state


@BACKENDS
def test_what_patience_has_ended_is_at_its_end_when_resumed(backend):
    """Else it would take one epoch more at every call."""
    held = {"validation": (X[:9], 1 - Y[:9]), "patience": 3}
    model, history = trained(backend, epochs=30, **held)
    before = numbers(model)
    assert history.stopped == "patience"
    _, again = trained(backend, model=model, epochs=30, resume=history, **held)
    assert again == history
    assert numbers(model) == before
    assert again.waiting == history.waiting
    _, longer = trained(backend, model=model, epochs=30, resume=history, **{**held, "patience": 5})
    assert len(longer.losses) == len(history.losses) + 2


def test_a_checkpoint_of_a_callback_goes_on_with_its_patience(tmp_path):
    held = {"validation": (X[:9], 1 - Y[:9]), "patience": 6, "epochs": 20}
    model = network()
    optimizer = nn.Adam(model.parameters(), lr=0.1)

    def save(model, history, epoch):
        if epoch == 4:
            nn.save(model, tmp_path / "four.json", optimizer=optimizer, history=history)

    options = {"batch_size": 8, "seed": 3, **held}
    expected = nn.fit(model, X, Y, nn.cross_entropy, optimizer, callbacks=save, **options)
    again = network(seed=7)
    other = nn.Adam(again.parameters(), lr=0.1)
    checkpoint = nn.load(again, tmp_path / "four.json", optimizer=other)
    history = nn.fit(again, X, Y, nn.cross_entropy, other, resume=checkpoint, **options)
    assert expected.stopped == history.stopped == "patience"
    assert history.losses == pytest.approx(expected.losses, rel=1e-12)
    assert numbers(again) == pytest.approx(numbers(model), rel=1e-12)


def test_parameters_set_since_are_where_patience_goes_on():
    held = {"validation": (X[:9], 1 - Y[:9]), "patience": 9}
    model, history = trained(epochs=5, **held)
    assert history.waiting["best_is_back"]
    for p in model.parameters():
        p.data = 0.25
    with pytest.warns(UserWarning, match="from other parameters than it ended with"):
        _, longer = trained(model=model, epochs=6, lr=0.0, resume=history, **held)
    assert len(longer.rows) == 6
    assert numbers(model) == [0.25] * 22
    history.parts = history.numbers = None  # as of a file of before
    with pytest.raises(ValueError, match="the history is one of 22 parameters, the optimiser has 35"):
        trained(model=nn.MLP(2, [6, 2, 1], seed=1), loss=nn.mse, epochs=9, resume=history, **held)


# ---- dropout ----


def with_dropout():
    return nn.Sequential(
        nn.Layer(2, 6, "tanh", seed=1),
        nn.Dropout(0.5, seed=4),
        nn.Layer(6, 2, "identity", seed=2),
        nn.Dropout(0.1, seed=5),
    )


@BACKENDS
@pytest.mark.parametrize("each", [False, True])
def test_masks_are_the_same_in_every_back_end(backend, each):
    progress = {"progress": lambda state: None} if each else {}
    model, history = trained(backend, model=with_dropout(), **progress)
    same, expected = trained(model=with_dropout())
    assert history.backend == backend
    np.testing.assert_allclose(history.batch_losses, expected.batch_losses, rtol=1e-9)
    np.testing.assert_allclose(numbers(model), numbers(same), rtol=1e-8)
    other, _ = trained(backend)
    assert numbers(other) != numbers(model)


@BACKENDS
def test_masks_of_steps_that_an_optimiser_makes_itself(backend):
    """Its gradients are those of the batch with the masks of that step."""

    class Halved(nn.Optimizer):
        def step(self):
            for p in self.params:
                p.data -= 0.5 * p.grad

    def course(choice):
        model = with_dropout()
        return nn.fit(model, X, Y, nn.cross_entropy, Halved(model.parameters(), lr=0.1), 3, 8, seed=1, backend=choice)

    np.testing.assert_allclose(course(backend).batch_losses, course("eager").batch_losses, rtol=1e-9)


@NATIVE
def test_masks_are_the_same_for_every_thread_count():
    _, expected = trained("llvm", model=with_dropout())
    _, history = trained("llvm", model=with_dropout(), threads=2)
    np.testing.assert_allclose(history.batch_losses, expected.batch_losses, rtol=1e-12)


def test_a_history_goes_on_with_other_columns():
    _, history = trained(epochs=2)
    _, history = trained(epochs=4, resume=history, validation=(X[:10], Y[:10]))
    columns = history.to_dict()
    assert list(map(math.isnan, columns["validation_loss"])) == [True, True, False, False]
    assert history.best_epoch in (3, 4)
    assert "validation_accuracy" in repr(history)
    _, history = trained(epochs=5, resume=history)
    assert len(history.to_dict()["validation_accuracy"]) == 5
    assert history._repr_png_()


@NATIVE
def test_looking_at_what_a_model_hangs_on_does_not_enter_the_programs_it_keeps(monkeypatch):
    monkeypatch.setattr(surroundings, "PATIENCE", 0.0)  # look at all every time
    model, _ = trained("llvm", validation=(X[:10], Y[:10]), epochs=3)
    nn.accuracy(model, X, Y, backend="llvm")
    trained("llvm", model=model, validation=(X[:10], Y[:10]), epochs=3)


@BACKENDS
def test_trained_in_train_mode_and_validated_in_eval_mode(backend):
    model = with_dropout()
    model.layers[3].eval()
    held = X[:8], Y[:8]
    _, history = trained(backend, model=model, validation=held)
    model.eval()
    outputs = [model(x) for x in held[0]]
    assert history.rows[-1]["validation_loss"] == pytest.approx(nn.cross_entropy(outputs, list(held[1])).data)


# ---- one warning ----


def test_ragged_samples_and_lookups_by_number_run_eagerly_with_one_warning():
    table = nn.Embedding(3, 1, seed=1)

    class Lookup(nn.Module):
        def __init__(self):
            self.table = table

        def __call__(self, x):
            return self.table.weight[int(x[0])][0] * sum(x[1:], 0.0)

    for samples in ([[0, 1.0], [1, 2.0, 3.0]], [[0, 1.0], [1, 2.0]], np.array([[0, 1.0], [2, 1.0]], object)):
        model = Lookup()
        with pytest.warns(nn.EagerWarning, match="fit trains in eager steps") as caught:
            history = nn.fit(model, samples, [1.0, 2.0], nn.mse, nn.SGD(model.parameters(), lr=0.1), 2, backend="auto")
        assert len(caught) == 1
        assert caught[0].filename == __file__
        assert history.backend.startswith("eager: ")
    mapping = [{"a": 1.0}, {"a": 2.0}]
    w = Value(0.0)
    with pytest.warns(nn.EagerWarning):
        nn.fit(lambda x: w * x["a"], mapping, [1.0, 2.0], nn.mse, nn.SGD([w], lr=0.1), 2, backend="auto")
    assert w.data > 0.0


# ---- the history ----


def test_the_history_as_text_columns_and_curve(tmp_path):
    _, history = trained(epochs=12, validation=0.2)
    lines = repr(history).splitlines()
    assert lines[0].startswith("History of 12 epochs, loss ")
    assert lines[1].split() == ["epoch", "loss", "validation_loss", "validation_accuracy", "lr", "seconds"]
    assert [line.split()[0] for line in lines[2:]] == ["1", "3", "4", "6", "7", "9", "10", "12"] or len(lines) == 10
    columns = history.to_dict()
    assert columns["loss"] == history.losses
    needs("matplotlib")
    history.plot(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert history._repr_png_().startswith(b"\x89PNG")
    assert nn.History([1.0, -1.0], rows=[{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": -1.0}])._repr_png_()
    one = nn.History([1.0], rows=[{"epoch": 1, "loss": 1.0}])._figure()
    assert {tick for axes in one.axes for tick in axes.get_xticks()} <= {0.0, 1.0, 2.0}  # no fractions of an epoch
    assert nn.History()._repr_png_() is None
    assert nn.History().best_epoch is None
    with pytest.raises(ValueError, match="no epoch to draw"):
        nn.History().plot(tmp_path / "none.png")


def test_without_matplotlib_a_notebook_has_the_text(monkeypatch, tmp_path):
    history = nn.History([1.0], rows=[{"epoch": 1, "loss": 1.0}])
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert history._repr_png_() is None
    with pytest.raises(ImportError, match="curves need matplotlib: pip install matplotlib"):
        history.plot(tmp_path / "curve.png")


def test_pandas_takes_the_columns():
    pandas = needs("pandas")
    _, history = trained(validation=0.2)
    frame = pandas.DataFrame(history.to_dict())
    assert list(frame["epoch"]) == [1, 2, 3, 4]


@BACKENDS
def test_progress_shows_each_epoch_with_its_own_scores_and_rate(backend, capsys):
    _, history = trained(backend, validation=0.2, progress=True, schedule=nn.schedules.linear(0.1, 20))
    assert capsys.readouterr().out.splitlines() == [
        f"epoch {row['epoch']}/4  lr {row['lr']:.4g}  loss {row['loss']:.4g}"
        f"  validation loss {row['validation_loss']:.4g}, accuracy {row['validation_accuracy']:.4g}"
        for row in history.rows
    ]


def test_a_callable_is_told_the_rate_of_each_batch():
    rates, told = nn.schedules.linear(0.1, 20), []
    trained(schedule=rates, progress=told.append)
    assert [state.lr for state in told] == [rates(k) for k in range(len(told))]


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9), st.integers(1, 12), st.booleans(), st.integers(0, 5), st.sampled_from(INSTALLED))
def test_any_loop_is_the_eager_one(count, size, shuffle, seed, backend):
    source = random.Random(seed)
    samples = [[source.gauss(0, 1), source.gauss(0, 1)] for _ in range(count)]
    labels = [source.randrange(2) for _ in range(count)]

    def made(choice):
        model = with_dropout()
        history = nn.fit(
            model,
            samples,
            labels,
            nn.cross_entropy,
            nn.SGD(model.parameters(), lr=0.1, momentum=0.9),
            2,
            size,
            shuffle=shuffle,
            seed=seed,
            backend=choice,
        )
        return [*history.batch_losses, *numbers(model)]

    np.testing.assert_allclose(made(backend), made("eager"), rtol=1e-8, atol=1e-10)


def test_a_share_is_not_held_out_anew(tmp_path):
    """Going on, it would be of other samples: some that were learned from."""
    model, history = trained(epochs=1, validation=(X, Y))
    for seed in (None, random.Random(3)):
        with pytest.raises(ValueError, match=r"a share would hold out other samples than before: give validation=\(X"):
            trained(model=model, epochs=2, resume=history, validation=0.2, seed=seed)


def test_an_eager_step_shows_itself():
    model = network()
    step = nn.EagerStep(model, nn.mse, nn.SGD(model.parameters(), lr=0.1))
    assert repr(step) == "<EagerStep of MLP with mse and SGD>"


def test_a_nan_that_cannot_be_found_again_is_reported_as_it_is():
    """A loss that fails on the second look is no reason to hide the first."""
    calls = []

    def loss(outputs, labels):
        calls.append(1)
        if len(calls) > 1:
            raise ZeroDivisionError
        return nn.mse(outputs, labels) * math.nan

    with pytest.raises(FloatingPointError, match="the loss became nan") as caught:
        trained(model=network(1), y=X[:, 0], loss=loss, epochs=1)
    assert len(calls) > 1
    assert "ZeroDivisionError" not in str(caught.value)


# ---- dropout that comes, goes or moves -----------------------------------------------------------------------------


def shrunk(model):
    """With some of the parameters that there were."""
    first, last = nn.Layer(2, 3, "tanh"), nn.Layer(3, 2, "identity")
    first.neurons[:] = model.layers[0].neurons[:3]
    for neuron, before in zip(last.neurons, model.layers[-1].neurons):
        neuron.w[:], neuron.b = before.w[:3], before.b
    model.layers[0], model.layers[-1] = first, last


MOVES = {
    "comes": (False, lambda model: model.layers.insert(1, nn.Dropout(0.5, seed=3))),
    "another comes": (True, lambda model: model.layers.insert(0, nn.Dropout(0.2, seed=5))),
    "goes": (True, lambda model: model.layers.pop(1)),
    "is replaced by one of other masks": (True, lambda model: model.layers.__setitem__(1, nn.Dropout(0.1, seed=9))),
    "moves": (True, lambda model: model.layers.insert(0, model.layers.pop(1))),
    "is set to eval mode": (True, lambda model: model.layers[1].eval()),
    "has a smaller layer": (True, shrunk),
    "has another probability": (True, lambda model: setattr(model.layers[1], "p", 0.2)),
}


@pytest.mark.parametrize("backend", [*INSTALLED, "auto"])
@pytest.mark.parametrize("name", MOVES)
def test_a_dropout_that_a_callback_changes_counts_from_the_next_epoch_on(backend, name):
    """In compiled code, as eager steps take it: masks are laid out anew."""
    there, change = MOVES[name]

    def course(choice):
        dropout = [nn.Dropout(0.5, seed=3)] * there
        model = nn.Sequential(nn.Layer(2, 5, "tanh", seed=1), *dropout, nn.Layer(5, 2, "identity", seed=2))
        _, history = trained(choice, model=model, epochs=5, callbacks=lambda m, h, epoch: epoch == 2 and change(m))
        return history

    found = course(backend)
    assert not found.backend.startswith("eager")
    np.testing.assert_allclose(found.batch_losses, course("eager").batch_losses, rtol=1e-8)


# ---- losses that no parameter is in ----


@pytest.mark.parametrize("backend", ["eager", "auto", *INSTALLED])
@pytest.mark.parametrize(
    "loss",
    [
        lambda outputs, labels: Value(1.0),
        lambda outputs, labels: engine.mean([(output[0].detach() - y) ** 2 for output, y in zip(outputs, labels)]),
        lambda outputs, labels: engine.mean([Value(2.0) * y for y in labels]),
    ],
    ids=["constant", "detached", "labels"],
)
def test_a_loss_without_parameters_is_refused(backend, loss):
    model = nn.MLP(1, [1], seed=1)
    optimizer = nn.SGD(model.parameters(), lr=0.1, weight_decay=0.5)
    before = [p.data for p in model.parameters()]
    with pytest.raises(ValueError, match=r"<lambda> depends on none of the optimiser's parameters: .*detach\(\)"):
        nn.fit(model, [[0.0], [1.0]], [1.0, 2.0], loss, optimizer, 2, backend=backend)
    assert [p.data for p in model.parameters()] == before


@pytest.mark.parametrize("backend", ["eager", "auto", *INSTALLED])
def test_a_flat_loss_and_an_optimiser_that_needs_no_gradient_are_not(backend):
    class Still(nn.SGD):
        def step(self):
            self.params[0].data += 1.0

    model = nn.MLP(1, [1], init="zeros")
    nn.fit(model, [[0.0], [1.0]], [0.0, 0.0], nn.mse, nn.SGD(model.parameters(), lr=0.1), 1, backend=backend)
    optimizer = Still(model.parameters(), lr=0.1)
    nn.fit(model, [[0.0], [1.0]], [0.0, 0.0], lambda outputs, labels: Value(1.0), optimizer, 2, backend=backend)
    assert model.parameters()[0].data == 2.0


@pytest.mark.parametrize(
    ("end", "targets", "told"),
    [
        ("relu", [1.0, -0.5], "ends with relu, as an nn.Layer by default, which never gives the target -0.5: give the"),
        ("tanh", [[1.0], [3.0]], "ends with tanh, which never gives the target 3: .*, or scale the targets"),
        ("sigmoid", np.array([2.0, 0.0]), "ends with sigmoid, which never gives the target 2"),
    ],
)
@pytest.mark.parametrize("loss", [nn.mse, nn.mae])
def test_targets_that_the_last_activation_never_gives_are_told(loss, end, targets, told):
    """`Sequential(Layer(2, 8), Layer(8, 1))` ends with a relu: of negative targets it learned nothing, silently."""
    model = nn.Sequential(nn.Layer(2, 3, seed=0), nn.Layer(3, 1, end, seed=1))
    with pytest.warns(UserWarning, match=told):
        nn.fit(model, [[0.0, 1.0], [1.0, 0.0]], targets, loss, nn.SGD(model.parameters(), lr=0.1), epochs=1)


@pytest.mark.parametrize(("end", "targets"), [("relu", [1.0, 0.0]), ("tanh", [-1.0, 1.0]), ("identity", [-9.0, 9.0])])
def test_of_those_that_it_gives_nothing_is_told(end, targets):
    model = nn.Sequential(nn.Layer(2, 3, "tanh", seed=0), nn.Layer(3, 1, end, seed=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.fit(model, [[0.0, 1.0], [1.0, 0.0]], targets, nn.mse, nn.SGD(model.parameters(), lr=0.1), epochs=1)


# ---- what a check of `fit` leaves to training ----


def test_a_loss_that_raises_at_a_sample_that_is_no_number_is_told_of_by_training():
    """The check of held-out samples would have said its own error, or that the sample has no loss."""

    def loss(outputs, labels):
        if len(outputs) == 1:
            raise ZeroDivisionError("of one sample there is no loss")
        return nn.mse(outputs, labels)

    held_out = X[:2] + 0.0
    held_out[1, 0] = math.nan
    with pytest.raises(ZeroDivisionError, match="of one sample there is no loss"):
        trained(loss=loss, model=network(1), batch_size=1, validation=(held_out, Y[:2]))


def test_a_loss_that_raises_where_weights_look_at_it_is_told_of_by_training():
    def loss(outputs, labels):
        raise ZeroDivisionError("there is no such loss")

    with pytest.raises(ZeroDivisionError, match="there is no such loss"):
        trained(loss=loss, model=network(1), sample_weight=[1.0] * 30)


def test_texts_that_are_none_of_the_classes_are_named_in_scores():
    names = np.array(["no", "yes"])[Y]
    model, _ = trained(y=names)
    with pytest.raises(ValueError, match="no class is named 'maybe': the model knows no, yes"):
        nn.accuracy(model, X, ["maybe"] * 30)


@BACKENDS
def test_a_penalty_counts_in_validation_once(backend):
    """It is added to the mean, and not to each sample."""
    model = network(1)

    def loss(outputs, labels):
        return nn.mse(outputs, labels) + 0.1 * sum(p * p for p in model.parameters())

    _, history = trained(backend, model=model, loss=loss, validation=(X[:9], Y[:9]), epochs=2)
    with engine.no_grad():
        expected = loss([model(x) for x in X[:9]], list(Y[:9])).data
    assert history.rows[-1]["validation_loss"] == pytest.approx(expected, rel=1e-12)


def test_a_loss_of_too_many_samples_to_look_at_is_validated_eagerly(monkeypatch):
    """A graph of all of them would take seconds; without the limit nothing would show but the time."""
    model = network(1)

    def loss(outputs, labels):
        return nn.mse(outputs, labels) * 2.0

    looked, batch_loss = [], engine.batch_loss
    monkeypatch.setattr(engine, "batch_loss", lambda *args, **options: looked.append(1) or batch_loss(*args, **options))
    monkeypatch.setattr(validation, "PATIENT", 1)
    for room, looks in ((5, False), (means.ROOM, True)):
        monkeypatch.setattr(means, "ROOM", room)
        _, history = trained("auto", model=model, loss=loss, validation=(X[:9], Y[:9]), epochs=2)
        with engine.no_grad():
            expected = loss([model(x) for x in X[:9]], list(Y[:9])).data
        assert history.rows[-1]["validation_loss"] == pytest.approx(expected, rel=1e-12)
        assert bool(looked) is looks
