"""A training goes on as the one that began: with other parts, another seed or other parameters it is told of."""

import copy
import functools
import random
import warnings

import pytest

import engine
import nn
from tests.needs import needs
from tests.nn.checkpoints.test_resuming import X, Y, changed, numbers

np = needs("numpy")


def two_epochs(model=None, optimizer=None, loss=nn.cross_entropy, X=X, y=Y, epochs=2, batch_size=8, **more):
    model = model or nn.MLP(2, [3, 2], seed=1)
    optimizer = optimizer or nn.SGD(model.parameters(), lr=0.1, momentum=0.5)
    return model, optimizer, nn.fit(model, X, y, loss, optimizer, epochs, batch_size, **more)


def own_loss(outputs, labels):
    return nn.cross_entropy(outputs, labels)


@pytest.mark.parametrize("kind", [None, "json", "safetensors"])
@pytest.mark.parametrize(
    ("change", "was", "found"),
    [
        ({"batch_size": 16}, "batch_size: 8", "16"),
        ({"batch_size": None}, "batch_size: 8", "30"),
        ({"shuffle": False}, "shuffle: True", "False"),
        ({"loss": own_loss}, "loss: cross_entropy", "own_loss"),
        ({"loss": functools.partial(nn.cross_entropy, reduction="sum")}, "loss: cross", r"cross.*reduction='sum'\)"),
        ({"X": X[:20], "y": Y[:20]}, r"X: 30 samples to train with, of shape \(2,\)", r"20 samples .*shape \(2,\)"),
        ({"validation": 0.2, "seed": 3}, "X: 30 samples to train with", "24 samples to train with"),
        ({"model": nn.MLP(2, [3, 2], "tanh")}, r"model.layers.0: Layer\(2, 3, relu\)", r"Layer\(2, 3, tanh\)"),
        ({"model": nn.MLP(2, [2])}, r"model.layers.0: Layer\(2, 3, relu\)", r"Layer\(2, 2, identity\)"),
        ({"model": nn.MLP(2, [3, 2, 2])}, r"model.layers.1: Layer\(3, 2, identity\)", r"Layer\(3, 2, relu\)"),
        ({"model": lambda x: x}, r"model.layers.0: Layer\(2, 3, relu\)", "none"),
    ],
)
def test_what_another_training_is_made_of_is_refused(tmp_path, change, was, found, kind):
    if kind == "safetensors":
        needs("safetensors")
    model, optimizer, resume = two_epochs(seed=3)
    if kind:
        nn.save(model, tmp_path / f"m.{kind}", optimizer=optimizer, history=resume)
        resume = nn.load(model, tmp_path / f"m.{kind}", optimizer=optimizer)
    trains = change.get("model", model)
    if trains is not model:
        optimizer = nn.SGD(trains.parameters() if isinstance(trains, nn.Module) else model.parameters(), 0.1, 0.5)
    before = numbers(model), optimizer.state
    message = f"resume= goes on with a training of 2 epochs with {was}.*; here it is {found}.* leave out resume="
    with pytest.raises(ValueError, match=message):
        two_epochs(**{"model": trains, "optimizer": optimizer, "resume": resume, "epochs": 4, **change})
    assert (numbers(model), optimizer.state) == before


def test_another_optimiser_is_refused_but_for_its_rate():
    model, optimizer, history = two_epochs(seed=3)
    for other in (
        nn.SGD(model.parameters(), 0.1),
        nn.Adam(model.parameters()),
        nn.SGD(model.parameters()[2:], 0.1, 0.5),
        nn.SGD(model.parameters(), 0.1, 0.5, dampening=0.25),
    ):
        with pytest.raises(ValueError, match=r"with optimizer: SGD of 17 parameters, momentum=0.5, .* it is"):
            two_epochs(model, other, epochs=4, resume=history)
    optimizer.lr = 0.05
    _, _, history = two_epochs(model, optimizer, epochs=4, resume=history)
    assert history.rows[-1]["lr"] == 0.05

    def change(model, history, epoch):
        optimizer.momentum = 0.1 * epoch

    for epochs in (6, 8):  # settings that a callback has changed are those to go on with
        _, _, history = two_epochs(model, optimizer, epochs=epochs, resume=history, callbacks=change)


def test_other_parameters_than_those_of_the_end_are_told_of(tmp_path):
    def keep(model, history, epoch):
        nn.save(model, tmp_path / "m.json", optimizer=optimizer, history=history)

    model, optimizer, history = two_epochs(seed=3)
    for p in model.parameters()[1:]:  # as after restoring the file of an earlier epoch
        p.data += 1.0
    message = "goes on after 8 steps, from other parameters than those it ended with: unless"
    with pytest.warns(UserWarning, match=message):
        two_epochs(model, optimizer, epochs=4, resume=history, callbacks=keep)
    resume, fresh = nn.load(model, tmp_path / "m.json", optimizer=optimizer), nn.MLP(2, [3, 2], seed=2)
    other = nn.SGD(fresh.parameters(), 0.1, 0.5)
    other.steps = optimizer.steps
    with pytest.warns(UserWarning, match="after 16 steps, from other parameters"):
        two_epochs(fresh, other, epochs=5, resume=resume)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        two_epochs(model, optimizer, epochs=5, resume=resume)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ""),
        ({"X": np.array(X), "y": np.array(Y, float)}, ""),
        ({"X": np.array(X, "f4"), "y": [float(label) for label in Y]}, ""),
        ({"X": np.array(X, "g"), "y": np.array(Y, "g")}, ""),
        ({"X": [[a or -0.0, b or -0.0] for a, b in X], "y": [label or -0.0 for label in Y]}, ""),
        ({"class_weight": "balanced"}, ""),  # weights may be new
        ({"X": X[::-1], "y": Y[::-1]}, "other samples than before: unless"),
        ({"X": [[2 * a, b] for a, b in X]}, "other samples than before"),
        ({"y": [1 - label for label in Y]}, "other samples than before"),
        ({"validation": (X[5:9], Y[5:9])}, "other validation samples than before"),
        ({"validation": None}, ""),
    ],
)
@pytest.mark.parametrize("kind", [None, "json", "safetensors"])
def test_other_samples_than_before_are_told_of(tmp_path, change, told, kind):
    """A test set that is split off anew has samples that were learned before, and looks too good."""
    if kind == "safetensors":
        needs("safetensors")
    held = {"validation": (X[:4], Y[:4]), "class_weight": {0: 2.0}}
    model, optimizer, resume = two_epochs(seed=3, **held)
    if kind:
        nn.save(model, tmp_path / f"m.{kind}", optimizer=optimizer, history=resume)
        resume = nn.load(model, tmp_path / f"m.{kind}", optimizer=optimizer)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        two_epochs(model, optimizer, epochs=3, resume=resume, **{**held, **change})
    assert [told in str(each.message) for each in found] == [True] * bool(told)


def test_samples_of_any_kind_have_a_digest():
    def of_texts(x):
        return [p * len(x["word"]) for p in parameters]

    parameters = [engine.Value(0.5), engine.Value(-0.5)]
    optimizer = nn.SGD(parameters, lr=0.01)
    words = [{"word": "ab", "counts": [1, 10**400]}, {"word": "abc", "counts": [None, 2]}]
    history = nn.fit(of_texts, words, [0, 1], nn.cross_entropy, optimizer, 1, backend="eager", seed=1)
    for change, count in (({}, 0), ({"word": "abcd"}, 1)):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            other = [words[0], {**words[1], **change}]
            nn.fit(of_texts, other, [0, 1], nn.cross_entropy, optimizer, 2, backend="eager", resume=history)
        history.numbers = None
        assert len(found) == count


def test_files_that_do_not_tell_the_parts_are_taken_at_their_word(tmp_path):
    """Those of before."""
    model, optimizer, history = two_epochs(seed=3)
    nn.save(model, tmp_path / "m.json", optimizer=optimizer, history=history)
    changed(tmp_path / "m.json", lambda c: [c["history"].pop(name) for name in ("parts", "numbers", "samples")])
    resume = nn.load(model, tmp_path / "m.json")
    assert len(two_epochs(model, optimizer, epochs=4, batch_size=16, resume=resume)[2].losses) == 4


def trained(epochs, **more):
    model = nn.MLP(2, [3, 2], seed=1)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    return model, optimizer, nn.fit(model, X, Y, nn.cross_entropy, optimizer, epochs, 8, **more)


@pytest.mark.parametrize(
    ("again", "validation"),
    [(None, None), (None, [X[:4], Y[:4]]), (3, None), (3, 0.25), (np.int64(3), np.float64(0.25))],
)
def test_going_on_with_the_same_seed_or_none_is_as_if_there_had_been_no_end(tmp_path, again, validation):
    whole, _, _ = trained(6, seed=3, validation=validation)
    model, optimizer, history = trained(3, seed=3, validation=validation)
    nn.save(model, tmp_path / "m.json", optimizer=optimizer, history=history)
    for resume in (history, nn.load(model, tmp_path / "m.json").history):
        other, its_optimizer = copy.deepcopy((model, optimizer))
        options = {"resume": resume, "seed": again, "validation": validation}
        on = nn.fit(other, X, Y, nn.cross_entropy, its_optimizer, 6, 8, **options)
        assert (numbers(other), on.seed) == (numbers(whole), 3)


@pytest.mark.parametrize(("first", "then"), [(3, 4), (None, 3), (random.Random(1), 3)])
def test_another_seed_is_refused(tmp_path, first, then):
    model, optimizer, history = trained(2, seed=first)
    nn.save(model, tmp_path / "m.json", history=history)
    before = numbers(model)
    for resume in (history, nn.load(model, tmp_path / "m.json")):
        with pytest.raises(ValueError, match=f"began with .* where seed={then} would change nothing: leave it out, or"):
            nn.fit(model, X, Y, nn.cross_entropy, optimizer, 4, 8, resume=resume, seed=then)
    assert numbers(model) == before
    on = nn.fit(model, X, Y, nn.cross_entropy, optimizer, 4, 8, resume=history, seed=random.Random(then))
    assert on.seed is None


def test_a_share_of_other_samples_is_refused():
    model, optimizer, history = trained(2, validation=0.25)
    for share in (0.25, np.float32(0.25)):
        with pytest.raises(ValueError, match="a share would hold out other samples than before"):
            nn.fit(model, X, Y, nn.cross_entropy, optimizer, 4, 8, resume=history, validation=share)


def test_a_file_that_does_not_tell_the_seed_is_taken_at_its_word(tmp_path):
    """Those of before."""
    model, optimizer, history = trained(2, seed=3)
    nn.save(model, tmp_path / "m.json", history=history)
    changed(tmp_path / "m.json", lambda c: c["history"].pop("seed"))
    for seed in (3, None):
        resume = nn.load(model, tmp_path / "m.json")
        assert len(nn.fit(model, X, Y, nn.cross_entropy, optimizer, 4, 8, resume=resume, seed=seed).losses) == 4
    changed(tmp_path / "m.json", lambda c: c["history"].update(seed=True))
    with pytest.raises(ValueError, match="has the seed bool True"):
        nn.load(model, tmp_path / "m.json")
