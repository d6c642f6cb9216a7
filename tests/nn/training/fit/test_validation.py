"""Validation: of which samples, by which loss, and how what changes meanwhile counts."""

import math
import random

import pytest

import engine
import nn
from engine import Value
from engine.compiler.frontend.reads.surroundings import Surroundings
from nn.training import validation
from tests.needs import INSTALLED, NATIVE, needs

from .fitting import BACKENDS, X, Y, network, numbers, trained, with_dropout

np = needs("numpy")


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
def test_trained_in_train_mode_and_validated_in_eval_mode(backend):
    model = with_dropout()
    model.layers[3].eval()
    held = X[:8], Y[:8]
    _, history = trained(backend, model=model, validation=held)
    model.eval()
    outputs = [model(x) for x in held[0]]
    assert history.rows[-1]["validation_loss"] == pytest.approx(nn.cross_entropy(outputs, list(held[1])).data)


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
    if backend != "eager" and "llvm" not in INSTALLED:
        return  # NumPy's products may round sum and product at once, which makes infinity of what is nan in two steps
    large = 1e30 if options.get("dtype") == "float32" else 1e300
    for weight, number in zip(tied.layers[0].neurons[0].w, (large, -large)):
        weight.data = number  # infinity less infinity, of finite samples
    _, history = trained(backend, model=tied, lr=0.0, validation=([[1e20, 1e20], [0.0, 0.0]], [0, 0]), **options)
    assert math.isnan(history.rows[-1]["validation_loss"])
    assert math.isnan(history.rows[-1]["validation_accuracy"])


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


def test_a_share_is_not_held_out_anew(tmp_path):
    """Going on, it would be of other samples: some that were learned from."""
    model, history = trained(epochs=1, validation=(X, Y))
    for seed in (None, random.Random(3)):
        with pytest.raises(ValueError, match=r"a share would hold out other samples than before: give validation=\(X"):
            trained(model=model, epochs=2, resume=history, validation=0.2, seed=seed)


@BACKENDS
@pytest.mark.parametrize("form", [list, np.array])
def test_validation_of_samples_whose_loss_is_nan_is_refused_before_training(backend, form):
    """It would be nan in every epoch, and `patience` would take the first one for the best."""
    model = network(outputs=2)
    before, gone = numbers(model), X.copy()
    gone[4, 1] = math.nan
    told = r"validation: X\[4\]\[1\] is nan, which makes the loss of that sample nan"
    for data in ({"validation": (form(gone.tolist()), Y)}, {"samples": form(gone.tolist()), "validation": 0.9}):
        with pytest.raises(ValueError, match=told):
            trained(backend, model=model, **data, patience=2)
    labels = Y.astype(float)
    labels[3] = math.nan
    with pytest.raises(ValueError, match=r"validation: y\[3\] holds nan"):
        trained(backend, model=model, validation=(X, form(labels.tolist())))
    assert numbers(model) == before


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
def test_a_callback_may_change_the_validation(backend):
    held = X[:10].copy(), Y[:10].copy()

    def turn(*_):
        held[1][:] = 1 - held[1]

    _, history = trained(backend, validation=held, lr=0.0, callbacks=turn)
    first, second = (row["validation_accuracy"] for row in history.rows[:2])
    assert first + second == 1.0


class Centred(nn.Module):
    """Subtracts a running mean, which only eager steps can move."""

    def __init__(self):
        self.layer, self.means = nn.Layer(2, 2, "identity", seed=0), [[0.0, 0.0]]

    def __call__(self, x):
        if self.training:
            self.means[0] = [0.9 * mean + 0.1 * float(each) for mean, each in zip(self.means[0], x)]
        return self.layer([each - mean for each, mean in zip(x, self.means[0])])


@pytest.mark.parametrize("loss", [nn.cross_entropy, lambda outputs, labels: 1.0 * nn.cross_entropy(outputs, labels)])
def test_a_model_that_changes_in_training_is_validated_as_it_is_by_then(loss):
    """In compiled code, though it trains in eager steps; a loss of one's own from some epoch on."""
    model, held = Centred(), (X[:9], Y[:9])
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    with pytest.warns(nn.EagerWarning):
        history = nn.fit(model, X, Y, loss, optimizer, 24, None, validation=held)
    expected = nn.score(model, *held, loss, backend="eager")
    assert history.rows[-1]["validation_loss"] == pytest.approx(expected, rel=1e-12)


@NATIVE
def test_what_a_trainer_finds_changed_is_looked_at_by_other_programs_too():
    """Validation leaves it to the trainer to look at what is far away."""
    table, weight = {"rows": [[2.0]]}, Value(1.0)

    def model(x):
        return weight * x * table["rows"][0][0]

    compiled = engine.compile(model)
    batch = compiled.batch([1.0, 3.0])
    trainer = nn.Trainer(model, nn.mse, nn.SGD([weight], lr=0.0))
    trainer._made_ready([1.0], [0.0])
    assert compiled(batch=batch).ravel().tolist() == [2.0, 6.0]
    again = engine.traces_of(compiled).again_on(batch)
    assert again().ravel().tolist() == again().ravel().tolist() == [2.0, 6.0]
    weight.data = 2.0
    assert again().ravel().tolist() == [4.0, 12.0]
    table["rows"][0][0] = 4.0
    trainer._made_ready([1.0], [0.0])
    assert again() is None
    assert compiled(batch=batch).ravel().tolist() == [8.0, 24.0]


@NATIVE
def test_looking_at_what_a_model_hangs_on_does_not_enter_the_programs_it_keeps(monkeypatch):
    monkeypatch.setattr(Surroundings, "next_look", lambda *times: 0.0)  # look at all every time
    model, _ = trained("llvm", validation=(X[:10], Y[:10]), epochs=3)
    nn.accuracy(model, X, Y, backend="llvm")
    trained("llvm", model=model, validation=(X[:10], Y[:10]), epochs=3)
