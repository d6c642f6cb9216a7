"""Patience: when training ends, which epoch is given back, and how it goes on when resumed."""

import math
import re

import pytest

import engine
import nn
from engine.compiler.values.lending import Loan
from nn.training.patience import Patience
from tests.needs import NATIVE, needs

from . import fitting
from .fitting import BACKENDS, X, Y, network, numbers, trained

np = needs("numpy")


class Counting(nn.Module):
    """Of its calls in train mode its outputs depend, as on the running means of a BatchNorm."""

    def __init__(self, counts):
        self.layer, self.calls, self.counts = nn.Layer(2, 2, "identity", seed=0), 0, counts

    def __call__(self, x):
        self.calls += self.counts and self.training
        return self.layer([each / (1.0 + self.calls) for each in x])


@pytest.mark.parametrize("counts", [True, False])
def test_running_numbers_are_not_put_back_and_told(counts, recwarn):
    model = Counting(counts)
    optimizer = nn.SGD(model.parameters(), lr=5.0)
    noise = np.random.default_rng(5).integers(0, 2, 30)
    history = nn.fit(
        model, X, noise, nn.cross_entropy, optimizer, 30, 8, validation=0.4, patience=2, seed=1, backend="eager"
    )
    assert history.best_epoch < len(history.losses)
    told = [
        warning
        for warning in recwarn
        if "numbers or layers that changed in the training (calls)" in f"{warning.message}"
    ]
    assert [warning.filename for warning in told] == [__file__] * counts


def of_other_layer(model):
    model.layers[0].activation = "sigmoid"


def of_other_row(model):
    model.layers.append(lambda outputs: [-each for each in outputs])


@pytest.mark.parametrize(("change", "told"), [(of_other_layer, "(layers.0)"), (of_other_row, "(layers)")])
def test_layers_that_a_callback_changes_are_not_put_back_and_told(change, told):
    """The parameters were those of another network than the model had become."""

    def callback(model, history, epoch):
        if epoch == 3:
            change(model)

    model = nn.Sequential(nn.Layer(2, 4, "tanh", seed=0), nn.Layer(4, 2, "identity", seed=1))
    optimizer = nn.SGD(model.parameters(), lr=0.5)
    with pytest.warns(
        UserWarning, match=re.escape(f"numbers or layers that changed in the training {told} are those of")
    ):
        history = nn.fit(
            model, X, Y, nn.cross_entropy, optimizer, 6, 8, validation=(X, Y), patience=2, seed=1, callbacks=[callback]
        )
    assert history.best_epoch == 3


def test_running_numbers_of_a_best_epoch_that_is_the_last_are_nothing_to_tell(recwarn):
    model = Counting(True)
    held = {"validation": (X, Y), "patience": 2, "backend": "eager"}
    nn.fit(model, X, Y, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), 1, 8, **held)
    assert not [*recwarn]


class Lazy(nn.Module):
    """It notes how many entries a sample has when it sees one."""

    def __init__(self):
        self.layer, self.entries = nn.Layer(2, 2, "identity", seed=0), None

    def __call__(self, x):
        if self.entries is None:
            self.entries = len(x)
        return self.layer([each / self.entries for each in x])


def test_a_number_that_is_set_at_the_first_call_is_nothing_to_tell(recwarn):
    """It was the same after the best epoch."""
    model, noise = Lazy(), np.random.default_rng(5).integers(0, 2, 30)
    held = {"validation": 0.4, "patience": 2, "backend": "eager"}
    history = nn.fit(model, X, noise, nn.cross_entropy, nn.SGD(model.parameters(), lr=5.0), 30, 8, seed=1, **held)
    assert history.best_epoch < len(history.losses)
    assert not [*recwarn]


def test_a_first_epoch_that_is_interrupted_is_no_best_one(recwarn):
    def interrupted(state):
        raise KeyboardInterrupt

    model = Counting(True)
    held = {"validation": (X, Y), "patience": 2, "backend": "eager", "progress": interrupted}
    history = nn.fit(model, X, Y, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), 9, 8, **held)
    assert history.stopped == "interrupted"
    assert not history.losses
    assert not [*recwarn]


def test_a_number_that_changed_as_training_went_on_is_told():
    model, noise = Counting(False), np.random.default_rng(5).integers(0, 2, 30)
    held = {"validation": (X, noise), "patience": 2, "seed": 1, "backend": "eager"}
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    first = nn.fit(model, X, noise, nn.cross_entropy, optimizer, 2, 8, **held)
    model.counts, optimizer.lr = True, 500.0
    with pytest.warns(UserWarning, match=r"that changed in the training \(calls\)"):
        history = nn.fit(model, X, noise, nn.cross_entropy, optimizer, 3, 8, resume=first, **held)
    assert history.best_epoch < 3


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


@pytest.mark.parametrize(
    ("least", "losses", "best"),
    [
        (0.0, [3.0, 2.0, 4.0, 4.0], 2),
        (0.0, [1.0, 1.0, 1.0], 1),  # as good is no better
        (0.0, [math.nan, 3.0, math.nan, 4.0], 2),  # any number is better than none
        (0.0, [math.nan, math.nan, math.nan], 1),
        (0.0, [math.inf, math.inf, 5.0, math.nan, 5.0], 3),
        (0.5, [3.0, 2.5, 2.4375, 2.75, 2.0], 5),  # by the least that counts, and by less
        (0.5, [3.0, 2.75, 2.625], 3),
    ],
)
def test_which_epoch_is_the_last_and_which_the_best(least, losses, best):
    """With two epochs of patience; the numbers of the best one are put back, whatever became of the first loss."""
    p = engine.Value(0.0)
    patient, over = Patience(2, least, nn.SGD([p], lr=0.1)), []
    for epoch, loss in enumerate(losses, start=1):
        p.data = float(epoch)
        over.append(patient.is_over(loss))
    patient.restore()
    assert p.data == best
    assert over == [False] * (len(losses) - 1) + [True]


@NATIVE
def test_the_program_goes_on_with_the_parameters_while_the_best_are_kept(monkeypatch):
    """To take all numbers back after each better epoch took several times as long as the epoch."""
    given_back, give_back = [], Loan.give_back

    def noted(loan):
        given_back.append(loan.open)
        give_back(loan)

    monkeypatch.setattr(Loan, "give_back", noted)
    held = {"backend": "llvm", "seed": 1, "validation": (X, Y)}
    model, history = trained(epochs=12, patience=12, **held)
    assert history.best_epoch == 12
    assert sum(given_back) <= 2
    expected, _ = trained(epochs=12, **held)
    assert numbers(model) == numbers(expected)


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
    with pytest.warns(UserWarning, match="from other parameters than those it ended with"):
        _, longer = trained(model=model, epochs=6, lr=0.0, resume=history, **held)
    assert len(longer.rows) == 6
    assert numbers(model) == [0.25] * 22
    history.parts = history.numbers = None  # as of a file of before
    with pytest.raises(ValueError, match="the history is one of 22 parameters, the optimiser has 35"):
        trained(model=nn.MLP(2, [6, 2, 1], seed=1), loss=nn.mse, epochs=9, resume=history, **held)


def last_layer(model):
    return model.layers[-1].parameters()


def reversed_ones(model):
    return model.parameters()[::-1]


@BACKENDS
@pytest.mark.parametrize("kind", [nn.SGD, nn.Adam])
@pytest.mark.parametrize(("others", "changed"), [(last_layer, 1), (reversed_ones, 1), (nn.Module.parameters, 0)])
def test_the_best_epoch_is_given_back_to_the_parameters_that_were_trained_then(kind, others, changed, backend, recwarn):
    """Its numbers went to whatever parameters stood in their places at the end, as after a callback froze some."""
    model, best = network(), {}
    optimizer = kind(model.parameters(), lr=0.05)

    def change(model, history, epoch):
        if epoch == 1:
            best.update(numbers=numbers(model), state=optimizer.state)
            optimizer.params = others(model)

    options = {"validation": (X, 1 - Y), "patience": 3, "seed": 3, "backend": backend}
    history = nn.fit(model, X, Y, nn.cross_entropy, optimizer, 20, 8, callbacks=change, **options)
    assert (history.best_epoch, len(history.rows)) == (1, 4)
    assert numbers(model) == best["numbers"]
    assert optimizer.state == best["state"]
    assert [*map(id, optimizer.params)] == [*map(id, model.parameters())]
    told = [each for each in recwarn if "was given other parameters after the best epoch" in f"{each.message}"]
    assert [each.filename for each in told] == [__file__] * changed
    options["patience"] = 5
    longer = nn.fit(model, X, Y, nn.cross_entropy, optimizer, 20, 8, resume=history, **options)
    assert (longer.best_epoch, len(longer.rows)) == (1, 6)
    assert numbers(model) == best["numbers"]


def test_parameters_that_join_after_the_best_epoch_stay_as_they_are_and_that_is_told():
    model, ends = network(), []
    optimizer = nn.SGD(last_layer(model), lr=0.05)

    def thaw(model, history, epoch):
        optimizer.params = model.parameters()
        ends.append(numbers(model))

    options = {"validation": (X, 1 - Y), "patience": 3, "seed": 3, "callbacks": thaw}
    with pytest.warns(UserWarning, match="what else was trained is as after the last epoch"):
        history = nn.fit(model, X, Y, nn.cross_entropy, optimizer, 20, 8, **options)
    assert history.best_epoch == 1
    assert numbers(model) == ends[-1][:12] + ends[0][12:]
    assert len(optimizer.params) == 10


@BACKENDS
def test_a_best_epoch_from_before_there_was_patience_is_told(backend, recwarn):
    """The history told it as the best one, and the parameters were those of another."""
    held = {"validation": (X[:9], 1 - Y[:9])}
    model, first = trained(backend, epochs=2, **held)
    _, history = trained(backend, model=model, epochs=20, patience=3, resume=first, **held)
    (warning,) = recwarn
    assert "the best epoch is 1, of which no parameters were kept" in str(warning.message)
    assert (history.best_epoch, len(history.rows), warning.filename) == (1, 6, fitting.__file__)
    restored = nn.score(model, *held["validation"], nn.cross_entropy)
    assert restored == pytest.approx(history.rows[2]["validation_loss"], rel=1e-12)
