"""Labels that are texts, rows or no numbers; weights of samples and classes."""

import collections
import enum
import functools
import math
import random
import re

import pytest

import engine
import nn
from engine import Value
from nn.losses.labels import ClassIndex
from nn.training.validation import held_out
from tests.needs import INSTALLED, NATIVE, needs

from .fitting import BACKENDS, X, Y, network, numbers, trained

np = needs("numpy")


@BACKENDS
def test_a_label_that_is_no_number_is_told_by_its_row(backend):
    labels = Y.astype(float)
    labels[[3, 9]] = math.nan, math.inf
    told = r"must be a finite number, not (nan|inf)\ny\[3\] holds nan, y\[9\] holds inf\Z"
    with pytest.raises(ValueError, match=told):
        trained(backend, y=labels)
    with pytest.raises(ValueError, match=r"must be whole, from 0 to 1, not 0.5\Z"):  # about something else
        trained(backend, y=[1, 0.5, math.nan] * 10, shuffle=False)


@BACKENDS
def test_a_label_is_told_by_its_place_with_weights_too(backend):
    one_hot = np.eye(2)[Y].tolist()
    one_hot[3][1] = None
    for labels, place in (([*Y[:3], None, *Y[4:]], r"y\[3\]"), (one_hot, r"y\[3\]\[1\]")):
        for weights in ({}, {"sample_weight": [1.0] * 30}):
            with pytest.raises(TypeError, match=rf"\A{place} is not a number but NoneType None"):
                trained(backend, y=labels, **weights)


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
    with pytest.raises(
        ValueError, match=r"mse of labels that are texts, such as str '(no|yes)': make numbers of them by float"
    ):
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
        (
            np.array(["no", "yes"])[Y][:, None],
            ValueError,
            r"one text, not a row of them .*: y.squeeze\(1\) of a column",
        ),
        ([["no"]] * 30, ValueError, r"one text, not a row of them such as list \['no'\]"),
    ],
)
def test_texts_that_would_be_other_names(labels, error, message):
    with pytest.raises(error, match=message):
        trained(y=labels)


@BACKENDS
def test_a_label_that_was_a_text_is_not_compared_with_texts(backend):
    """The loss is given numbers of classes, none of which equals a text: it trained with all labels as wrong."""
    names = np.array(["no", "yes"])[Y]
    loss = nn.per_sample(lambda output, label: (output[0] - (label == "yes")) ** 2)
    told = r"compared with the text 'yes', .* here \d, and model\.classes\.index\('yes'\) is that of a name"
    with pytest.raises(TypeError, match=told):
        trained("auto" if backend != "eager" else backend, y=names, loss=loss)
    by_number = nn.per_sample(lambda output, label: (output[0] - (label == 1)) ** 2 + 0.0 * (label != 0))
    numbered, named = (trained(backend, y=labels, loss=by_number)[1] for labels in (Y, names))
    assert named.losses == numbered.losses
    with pytest.raises(TypeError, match="compared with the text 'no'"):
        trained(backend, y=names, validation=0.2, metrics=[lambda labels, outputs: sum(y != "no" for y in labels)])


@BACKENDS
@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.bce_with_logits, nn.hinge])
@pytest.mark.parametrize("names", [["1", "2"], ["10", "9"], ["0", "1"], ["no", "7"]])
def test_names_that_read_as_numbers_are_texts_like_others(backend, loss, names):
    """Accuracy beside a single output took their numbers for indices that are none of the texts, and refused them."""
    wide, first = 2 if loss is nn.cross_entropy else 1, -1 if loss is nn.hinge else 0
    given = np.array(sorted(names))[Y]
    model, history = trained(backend, model=network(wide), y=given, loss=loss, validation=0.3)
    _, expected = trained(backend, model=network(wide), y=np.where(Y, 1, first), loss=loss, validation=0.3)
    assert history == expected
    assert history.to_dict()["validation_accuracy"] == expected.to_dict()["validation_accuracy"]
    right = np.mean(np.array(nn.classify(model, X)) == given)
    assert nn.evaluate(model, X, given, loss)["accuracy"] == nn.accuracy(model, X, given) == right


class Answer(str, enum.Enum):
    NO = "no"
    YES = "yes"


def test_an_enum_of_texts_is_its_texts():
    """Classes were called Answer.NO and Answer.YES, and a comparison with the labels found none right."""
    answers = [Answer.YES if label else Answer.NO for label in Y]
    model, history = trained(y=answers, class_weight={Answer.YES: 2.0}, validation=0.2)
    same, expected = trained(y=[*map(str.__str__, answers)], class_weight={"yes": 2.0}, validation=0.2)
    assert (model.classes, history.losses) == (["no", "yes"], expected.losses) == (same.classes, expected.losses)
    found = nn.classify(model, X)
    assert sum(a == b for a, b in zip(found, answers)) / len(Y) == nn.accuracy(model, X, answers)


class Bits(enum.IntFlag):
    NONE = 0
    ONE = 1


@BACKENDS
def test_flags_that_are_ints_are_ints(backend):
    """They were taken for rows, since they have a length."""
    weights = {Bits.ONE: 2.0, Bits.NONE: 1.0}
    flags, _ = trained(backend, y=[*map(Bits, Y.tolist())], class_weight=weights, validation=0.2)
    ints, _ = trained(backend, y=Y.tolist(), class_weight={1: 2.0, 0: 1.0}, validation=0.2)
    assert numbers(flags) == numbers(ints)


def test_texts_that_are_none_of_the_classes_are_named_in_scores():
    names = np.array(["no", "yes"])[Y]
    model, _ = trained(y=names)
    with pytest.raises(ValueError, match="no class is named 'maybe': the model knows no, yes; correct the label"):
        nn.accuracy(model, X, ["maybe"] * 30)


def test_a_training_goes_on_with_some_of_the_classes():
    model, _ = trained(y=np.array(["no", "yes"])[Y])
    trained(model=model, y=["yes"] * 30, lr=0.5)
    assert (model.classes, {*nn.classify(model, X)}) == (["no", "yes"], {"yes"})


@pytest.mark.parametrize("loss", [nn.bce, nn.bce_with_logits, nn.hinge])
def test_three_names_are_too_many_for_a_loss_of_two_classes(loss):
    with pytest.raises(ValueError, match=f"^{loss.__name__} tells two classes apart, and the labels name 3: a, b, c"):
        trained(y=["a", "b", "c"] * 10, loss=loss, model=network(1))


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
    with pytest.raises(ValueError, match=r"must be|from 0 to 1|against 1 sample weight|a hinge label"):
        trained(backend, model=model, **{"loss": nn.bce_with_logits, **refused})
    assert list(nn.classify(model, X)) == list(found)
    with pytest.raises(FloatingPointError):  # after steps, in the second epoch: it counts
        trained(backend, model=model, loss=nn.mse, schedule=lambda step: 0.0 if step < 4 else 1e308)
    with pytest.raises(ValueError, match=r"the threshold .* is not known"):
        nn.classify(model, X)


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


def test_weights_are_of_losses_that_are_means_over_the_samples():
    """Others became the mean of their samples' losses without a word."""
    summed = functools.partial(nn.mse, reduction="sum")
    for loss in (summed, lambda o, y: nn.mse(o, y) * 3.0 + engine.sum([p[0] for p in o])):
        for weights in ({"sample_weight": [1.0] * 30}, {"class_weight": "balanced"}):
            with pytest.raises(ValueError, match="need a loss that is the mean over the samples: for 5 of them it is"):
                trained(model=network(1), loss=loss, **weights)
    for loss in (nn.mse, nn.per_sample(lambda o, y: (o[0] - y) ** 2), lambda o, y: nn.mse(o, y)):
        trained(model=network(1), loss=loss, sample_weight=[1.0] * 30)


def test_a_loss_that_raises_where_weights_look_at_it_is_told_of_by_training():
    def loss(outputs, labels):
        raise ZeroDivisionError("there is no such loss")

    with pytest.raises(ZeroDivisionError, match="there is no such loss"):
        trained(loss=loss, model=network(1), sample_weight=[1.0] * 30)


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
def test_weights_stay_with_their_samples_where_a_share_is_held_out(backend):
    weights = np.linspace(0.0, 2.0, 30)
    first, last = held_out(30, 0.3, random.Random(3), [*Y])
    model, history = trained(backend, sample_weight=weights, validation=0.3, seed=3)
    parts = {"samples": X[first], "y": Y[first], "sample_weight": weights[first], "validation": (X[last], Y[last])}
    same, expected = trained(backend, seed=3, **parts)
    assert (numbers(model), history.losses) == (numbers(same), expected.losses)


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
    with pytest.raises(ValueError, match=r"not numbers such as 0\.5: give sample_weight"):
        trained(y=[0.5] * 30, loss=nn.mse, model=network(1), class_weight="balanced")


@pytest.mark.parametrize("weights", [collections.defaultdict(lambda: 2.0, {1: 3.0}), collections.Counter({1: 3})])
def test_class_weights_that_have_a_number_for_others(weights):
    """The class left out had the weight 1."""
    with pytest.raises(TypeError, match=r"leaves out 0, for which a \w+ has its own number: give dict\(class_weight\)"):
        trained(class_weight=weights)
    some = trained(class_weight={1: 3.0})[0]
    for without in (collections.defaultdict(None, {1: 3.0}), collections.ChainMap({1: 3.0})):
        assert numbers(trained(class_weight=without)[0]) == numbers(some)
    weights[0] = 2.0
    assert numbers(trained(class_weight=weights)[0]) == numbers(trained(class_weight={**weights})[0])


@pytest.mark.parametrize(
    ("y", "remedy"),
    [(Y.reshape(-1, 1), ": give y.squeeze(1)"), (np.eye(2)[Y], "; sample_weight can weigh such samples")],
)
def test_rows_are_no_classes(y, remedy):
    for labels in (y, y.tolist()):
        with pytest.raises(TypeError, match=re.escape("classes, not rows such as ") + ".*" + re.escape(remedy)):
            trained(y=labels, class_weight="balanced")


def test_weights_of_rows_of_targets():
    two = np.stack([X[:, 0], X[:, 1]], 1)
    for backend in ("eager", *INSTALLED):
        model, _ = trained(backend, y=two, loss=nn.mse, sample_weight=[1.0] * 30)
        same, _ = trained(backend, y=two, loss=nn.mse)
        np.testing.assert_allclose(numbers(model), numbers(same), rtol=1e-9)


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize("form", [np.array, np.ndarray.tolist, list, lambda y: [[*label] for label in y]])
@pytest.mark.parametrize("one_hot", [False, True])
def test_weighted_losses_get_the_labels_as_they_are(one_hot, form, length):
    """A row of one label lost its row, so that the loss below took 0 of the label [[0, 1]] for a class."""

    @nn.per_sample
    def of_the_last(output, label):
        return nn.cross_entropy(output, label[-1])

    labels = np.stack([Y, 1 - Y], 1)[:, :length]
    for backend in ("eager", *INSTALLED):
        (model, _), (same, _) = (
            trained(backend, y=form(np.eye(2)[labels] if one_hot else labels), loss=of_the_last, epochs=2, **weights)
            for weights in ({}, {"sample_weight": [1.0] * 30})
        )
        np.testing.assert_allclose(numbers(model), numbers(same), rtol=1e-9)


@NATIVE
def test_labels_are_checked_once(monkeypatch):
    """As they were given, and not again in each epoch: with weights that took 27 times as long as the steps."""
    checked = []
    check = ClassIndex.check
    monkeypatch.setattr(ClassIndex, "check", lambda self, *numbers: checked.append(numbers) or check(self, *numbers))
    found = []
    for epochs in (2, 7):
        checked.clear()
        trained("llvm", y=list(Y), epochs=epochs, sample_weight=[1.0 + k for k in range(30)])
        found.append(len(checked))
    assert found[0] >= 2  # of each label one
    assert found[1] - found[0] < 2 * 30  # those of samples that are compared, as many as there is time for
    model, weights = network(), {"sample_weight": [1.0 + k for k in range(30)]}
    for _ in range(2):  # also by a program that is known
        trained("llvm", model=model, **weights)
        for wrong, told in ((7, "class 7 is out of range"), (True, "True")):
            with pytest.raises((IndexError, TypeError), match=told):
                trained("llvm", model=model, y=[*Y[:-1], wrong], **weights)


def test_the_remedy_for_a_column_is_one_for_tables_too():
    pandas = needs("pandas")
    for column in (Y[:, None], pandas.DataFrame({"label": Y})):
        with pytest.raises(ValueError, match=r"y\.squeeze\(1\) of a column"):
            trained(y=column)
        assert numbers(trained(y=column.squeeze(1))[0]) == numbers(trained(y=Y)[0])


@pytest.mark.parametrize("backend", ["auto", "eager"])
def test_more_names_than_outputs_are_told_by_name(backend):
    """It said to number labels that `fit` had numbered."""
    names = ["a", "b", "c", "a"]
    model = nn.MLP(1, [2], seed=1)
    with pytest.raises(IndexError, match=r"^the labels name 3 classes \(a, b, c\): give the model an output for each$"):
        nn.fit(model, [[0.0]] * 4, names, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), 1, backend=backend)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ([], "targets is empty"),
        ([None, 1], r"y\[0\]\[0\] is not a number but NoneType None: fill it in"),
    ],
)
def test_rows_of_labels_with_gaps_are_refused_by_name(label, message):
    """Python's own errors told of a list's index, and of `<`."""
    with pytest.raises((TypeError, ValueError), match=message):
        trained(y=[label, [0, 1]] * 10, samples=X[:20], loss=nn.bce_with_logits)
