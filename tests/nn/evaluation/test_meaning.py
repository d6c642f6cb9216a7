"""What outputs mean: probabilities and classes, of one output and of several; nothing is guessed."""

import functools
import itertools
import math
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
import nn
from engine import sigmoid
from nn.layers.ending import last_activation
from tests.needs import needs
from tests.nn.evaluation.networks import BACKENDS, X, network

np = needs("numpy")

pytestmark = pytest.mark.usefixtures("compile_at_once")


def logits(p):
    return math.log(p / (1 - p))


def test_the_loss_that_fit_noted_tells_the_class():
    """Of a single output between 0 and 0.5 a logit says 1, a probability says 0."""
    y = [1.0 if x[0] > 0 else 0.0 for x in X]
    model = network(1)
    nn.fit(model, X, y, nn.bce_with_logits, nn.Adam(model.parameters(), lr=0.05), epochs=40, seed=1)
    assert nn.accuracy(model, X, y) > 0.95
    raw = [z for [z] in nn.predict(model, X.tolist())]
    assert nn.classify(model, X.tolist()) == [int(z > 0) for z in raw]
    np.testing.assert_allclose(nn.predict_proba(model, X)[:, 1], [sigmoid(z) for z in raw])


@pytest.mark.parametrize("step", [nn.Trainer, nn.EagerStep])
@pytest.mark.parametrize("loss", [nn.hinge, nn.per_sample(nn.hinge)])
def test_a_loop_with_another_loss_changes_the_meaning(step, loss):
    """Scores trained by hinge after a fit with bce_with_logits had probabilities."""
    model = network(1)
    nn.fit(model, X, [1.0] * 40, nn.bce_with_logits, nn.SGD(model.parameters(), lr=0.1), epochs=1)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    step(model, nn.bce_with_logits, optimizer)(X, [1.0] * 40)
    assert nn.predict_proba(model, X).shape == (40, 2)
    step(model, loss, optimizer)(X, [1.0] * 40)
    with pytest.raises(ValueError, match="outputs trained with hinge give no probabilities"):
        nn.predict_proba(model, X)
    vars(model).pop("_loss")  # as of one that no fit has trained
    step(model, nn.bce_with_logits, optimizer)(X, [1.0] * 40)
    with pytest.raises(ValueError, match="not known whether the outputs are probabilities or logits"):
        nn.predict_proba(model, X)


OUTPUTS = [(nn.cross_entropy, 2), (nn.bce_with_logits, 1), (nn.hinge, 1), (nn.mse, 1), (nn.mae, 1)]


@pytest.mark.parametrize("form", [np.array, list], ids=["array", "list"])
@pytest.mark.parametrize(("loss", "outputs"), OUTPUTS)
def test_outputs_mean_what_they_mean_to_the_loss_of_one_sample(loss, outputs, form):
    """per_sample(cross_entropy) had no accuracy in fit, no probabilities; per_sample(hinge) took no class names."""
    y = form([2 * int(x[0] > 0) - 1 if loss is nn.hinge else int(x[0] > 0) for x in X])
    names = [y, form(["abc"[k] for k in y])] if loss not in (nn.mse, nn.mae) else [y]

    def judged(given, loss, labels):
        model = network(outputs)
        optimizer = nn.SGD(model.parameters(), lr=0.1)
        history = nn.fit(model, X, labels, loss, optimizer, epochs=3, validation=0.25, seed=1)
        rows = {name: column for name, column in history.to_dict().items() if name != "seconds"}
        found = {"rows": rows, "scores": nn.evaluate(model, X, labels, loss)}
        for use, keywords in itertools.product((nn.classify, nn.predict_proba), ({}, {"loss": given})):
            found[(use.__name__, *keywords)] = _found_or_error(
                lambda use=use, keywords=keywords: use(model, X, **keywords)
            )
        return found

    for labels in names:
        expected = judged(loss, loss, labels)
        of_batch = nn.per_sample(loss)
        for found in (judged(of_batch, of_batch, labels), judged(functools.partial(of_batch), loss, labels)):
            np.testing.assert_equal(_rounded(found), _rounded(expected))


def _found_or_error(call):
    try:
        return np.asarray(call()).tolist()
    except ValueError as error:
        return str(error)


def _rounded(found):
    if isinstance(found, dict):
        return {name: _rounded(part) for name, part in found.items()}
    if isinstance(found, list):
        return [*map(_rounded, found)]
    return float(f"{found:.9g}") if isinstance(found, float) else found


@pytest.mark.parametrize("form", [np.array, list], ids=["array", "list"])
def test_sequences_with_a_class_for_each_position_have_an_accuracy(form):
    """There was none by default; labels that are shares have none still."""

    def model(x):
        return [[v, 1.0 - v] for v in x]

    samples, labels = form([[0.9, 0.2, 0.8], [0.1, 0.9, 0.3]]), form([[0, 1, 0], [1, 0, 0]])
    loss = nn.per_sample(nn.cross_entropy)
    assert nn.evaluate(model, samples, labels, loss)["accuracy"] == 5 / 6
    shares = form([[[0.3, 0.7]] * 3, [[0.0, 1.0]] * 3])
    assert [*nn.evaluate(model, samples, shares, loss)] == ["loss"]
    layer = nn.Layer(1, 3, "identity", seed=1)

    class Each(nn.Module):
        def __init__(self):
            self.layer = layer

        def __call__(self, x):
            return [self.layer([v]) for v in x]

    each = Each()
    optimizer = nn.SGD(each.parameters(), lr=0.1)
    history = nn.fit(each, samples, form([[0, 2, 0], [1, 0, 0]]), loss, optimizer, epochs=1, validation=0.5)
    assert "validation_accuracy" in history.rows[0]
    np.testing.assert_allclose(np.sum(nn.predict_proba(each, samples), axis=-1), 1.0)


def test_a_sigmoid_at_the_end_parts_at_a_half():
    y = [1.0 if x[0] > 0 else 0.0 for x in X]
    model = network(1, output="sigmoid")
    for loss in (nn.bce, nn.mse):
        nn.fit(model, X, y, loss, nn.Adam(model.parameters(), lr=0.05), epochs=30, seed=1)
        expected = [int(p > 0.5) for [p] in nn.predict(model, X.tolist())]
        assert nn.classify(model, X.tolist()) == expected
        assert nn.accuracy(model, X, y) > 0.9
    np.testing.assert_allclose(nn.predict_proba(model, X).sum(1), 1.0)


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist])
def test_a_softmax_of_probabilities_is_warned_of(form):
    """As of an ensemble: the probabilities of the mean of several softmaxes were those of its softmax."""
    nets = [network(3), network(3)]

    def mean(x):
        return [(a + b) / 2 for a, b in zip(*[nn.softmax(net(x)) for net in nets])]

    with pytest.warns(UserWarning, match="all outputs are probabilities already, .* give loss=nn.bce") as found:
        nn.predict_proba(mean, form(X), loss=nn.cross_entropy)
    assert [warning.filename for warning in found] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(nn.predict_proba(mean, form(X), loss=nn.bce), nn.predict(mean, form(X)))
        nn.predict_proba(nets[0], form(X), loss=nn.cross_entropy)


def test_a_class_or_probability_that_nothing_tells_is_refused():
    model = network(1)
    for call in (lambda: nn.classify(model, X), lambda: nn.accuracy(model, X, [0] * 40)):
        with pytest.raises(ValueError, match=r"give threshold= \(0.5 for a probability"):
            call()
    with pytest.raises(ValueError, match=r"loss=nn\.cross_entropy"):
        nn.predict_proba(network(3), X)
    with pytest.raises(ValueError, match=r"trained with hinge give no probabilities: nn.predict gives them"):
        nn.predict_proba(model, X, loss=nn.hinge)
    with pytest.raises(
        ValueError, match=r"it is not known whether the outputs are probabilities or logits: .*loss=nn\."
    ):
        nn.predict_proba(lambda x: [x, x], [1.0])
    with pytest.raises(ValueError, match="a single output is not a logit beside others"):
        nn.predict_proba(model, X, loss=nn.cross_entropy)
    with pytest.raises(ValueError, match="a threshold is for a single output: of 3"):
        nn.classify(network(3), X, threshold=0.5)
    with pytest.raises(ValueError, match="no loss is named 'bcee'"):
        nn.classify(model, X, loss="bcee")
    vars(model)["_loss"] = "mse"
    with pytest.raises(ValueError, match="threshold="):
        nn.classify(model, X)
    assert nn.classify(model, X, threshold=-1e9).tolist() == [1] * 40


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist])
@pytest.mark.parametrize("beyond", [-0.5, 1.5])
def test_scores_are_not_judged_as_probabilities(form, beyond):
    """Half of 1 is no threshold of logits: whoever named the wrong loss was given the classes of another one."""
    samples = form(np.array([[0.25], [beyond], [0.75]]))
    judges = [functools.partial(judge, y=[0, 1, 1]) for judge in (nn.accuracy, nn.confusion_matrix)]
    for call in (nn.classify, *judges):
        with pytest.raises(ValueError, match=f"an output is {beyond}, which is not a probability: give the loss= it"):
            call(lambda x: x[0], samples, loss=nn.bce)
        call(lambda x: x[0], samples, threshold=0.5)
        call(lambda x: x[0], samples, loss=nn.hinge)
    assert list(nn.classify(lambda x: x[0], [[0.0], [1.0]], loss="bce")) == [0, 1]


def test_probabilities_are_the_softmax_of_what_the_loss_calls_scores():
    model = network(3)
    found = nn.predict_proba(model, X, loss=nn.cross_entropy)
    raw = nn.predict(model, X)
    np.testing.assert_allclose(found, np.exp(raw) / np.exp(raw).sum(1, keepdims=True))
    logs = nn.predict_proba(lambda x: nn.log_softmax(x), raw, loss="nll")
    np.testing.assert_allclose(logs, found)
    assert nn.predict_proba(lambda x: x, [0.25], loss="bce") == [[0.75, 0.25]]


def test_the_last_activation_is_read_where_the_code_is_known():
    assert last_activation(nn.MLP(2, [2, 1], output="sigmoid")) is sigmoid
    assert last_activation(nn.Sequential(nn.Layer(2, 1, "sigmoid"), nn.Dropout(0.5))) is sigmoid
    assert last_activation(nn.Sequential(nn.Layer(2, 1), nn.Activation("sigmoid"))) is sigmoid
    assert last_activation(nn.Neuron(2, "sigmoid")) is sigmoid
    assert last_activation(lambda x: x) is None
    layer = nn.Layer(2, 3, "sigmoid")
    assert last_activation(layer) is sigmoid
    layer.neurons[2].activation = engine.tanh  # one of several, so that there is none
    assert last_activation(layer) is None

    class Negated(nn.MLP):
        def __call__(self, x):
            return [-y for y in super().__call__(x)]

    assert last_activation(Negated(2, [1], output="sigmoid")) is None


@BACKENDS
@pytest.mark.parametrize("outputs", [1, 3])
def test_an_output_of_nan_is_no_class(backend, outputs):
    model = network(outputs)
    bad = X.copy()
    bad[7, 1] = math.nan
    loss = nn.bce_with_logits if outputs == 1 else nn.cross_entropy
    for call in (
        lambda: nn.classify(model, bad, loss=loss, backend=backend),
        lambda: nn.accuracy(model, bad, [0] * 40, loss=loss, backend=backend),
        lambda: nn.confusion_matrix(model, bad.tolist(), [0] * 40, loss=loss, backend=backend),
        lambda: nn.predict_proba(model, bad, loss=loss, backend=backend),
    ):
        with pytest.raises(ValueError, match="the output of sample 7 is nan"):
            call()


@pytest.mark.parametrize(
    "use",
    [
        lambda model, loss: nn.evaluate(model, [[1.0]], [1.0], loss),
        lambda model, loss: nn.score(model, [[1.0]], [1.0], loss),
        lambda model, loss: nn.Trainer(model, loss, nn.SGD(model.parameters(), lr=0.1)),
        lambda model, loss: nn.EagerStep(model, loss, nn.SGD(model.parameters(), lr=0.1)),
        lambda model, loss: nn.fit(model, [[1.0]], [1.0], loss, nn.SGD(model.parameters(), lr=0.1)),
    ],
)
def test_a_loss_is_called_and_not_named(use):
    model = nn.MLP(1, [1], seed=1)
    for loss, remedy in (
        ("mse", ": give nn.mse"),
        ("huber", ""),
        ("binary_crossentropy", ": write bce, or bce_with_logits of raw outputs"),
        (None, ""),
    ):
        with pytest.raises(TypeError, match=rf"loss must be a callable, not \w+ '?{loss}'?{remedy}\Z"):
            use(model, loss)


def test_classes_with_names_come_as_an_array_for_an_array():
    model = network(2)
    names = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
    nn.fit(model, X, names, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), epochs=1)
    found, listed = nn.classify(model, X), nn.classify(model, X.tolist())
    assert isinstance(found, np.ndarray)
    assert listed == found.tolist() == [["no", "yes"][k] for k in nn.predict(model, X).argmax(1)]


def test_numbers_are_no_labels_where_the_names_of_classes_are_other_numbers():
    """They were taken for indices: of ["1", "2", "3"] the label 1 was the class "2", and an accuracy of 1 was 0."""
    names, fit = np.array(["1", "2", "3"]), {"loss": nn.cross_entropy, "epochs": 1}
    labels = np.digitize(X[:, 0], [-0.5, 0.5])
    model = network(3)
    optimizer = nn.Adam(model.parameters())
    nn.fit(model, X, names[labels], optimizer=optimizer, **fit)
    for numbers in (labels, (labels + 0.0).tolist()):
        for call in (
            lambda y: nn.accuracy(model, X, y),
            lambda y: nn.score(model, X, y, nn.cross_entropy),
            lambda y: nn.fit(model, X, y, optimizer=optimizer, **fit),
            lambda y: nn.fit(model, X, names[labels], optimizer=optimizer, validation=(X, y), **fit),
        ):
            with pytest.raises(ValueError, match=r"classes are texts, such as '1': give texts, by y.astype\(str\)"):
                call(numbers)
    rows = [nn.one_hot(label, 3) for label in labels]
    assert nn.accuracy(model, X, rows) == nn.accuracy(model, X, names[labels])
    model.classes = ["0", "1", "2"]
    assert nn.accuracy(model, X, labels) == nn.accuracy(model, X, rows)


def test_probabilities_of_sequences_in_lists():
    logits = [[[0.0, 1.0], [2.0, 0.0]], [[0.5, 0.5], [-1.0, 1.0]]]
    found = nn.predict_proba(lambda x: x, logits, loss=nn.cross_entropy, backend="eager")
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("labels", [[[0, 1], [1, 0, 1]], [[0, 1, 0], [1, 0, 1, 1]], [[0], [1]], [[0, 1], [1, 0]]])
def test_sequences_need_a_label_for_each_position(labels):
    """With one less in the first sample, all behind it were compared with their neighbours."""

    def model(x):
        return [[v, 1.0 - v] for v in x]

    samples = [[0.9, 0.2, 0.8], [0.1, 0.9, 0.3]]
    assert nn.accuracy(model, samples, [[0, 1, 0], [1, 0, 1]]) == 1.0
    ragged = [[0.9, 0.2], [0.1, 0.9, 0.3]]
    assert nn.accuracy(model, ragged, [[0, 1], [1, 0, 1]], backend="eager") == 1.0
    forms = [labels, np.array(labels)] if len({*map(len, labels)}) == 1 else [labels]
    told = r"sample [01] has [124] labels? against 3 positions: give one for each"
    for y in forms:
        for call in (nn.accuracy, nn.confusion_matrix):
            with pytest.raises(ValueError, match=told):
                call(model, samples, y)


@pytest.mark.filterwarnings("ignore:all outputs are probabilities already")  # as chance may have it
@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([nn.cross_entropy, nn.nll, nn.bce, nn.bce_with_logits]),
    st.integers(1, 3).flatmap(
        lambda width: st.lists(
            st.lists(st.floats(-800.0, 800.0) | st.floats(0.0, 1.0), min_size=width, max_size=width),
            min_size=1,
            max_size=5,
        )
    ),
)
def test_probabilities_of_arrays_are_those_of_each_row(loss: Any, outputs: list[list[float]]) -> None:
    """And where a row is refused, so is an array that holds it, with the same words."""

    def told(backend: str) -> Any:
        try:
            return nn.predict_proba(lambda row: [x + 0.0 for x in row], np.array(outputs), loss=loss, backend=backend)
        except ValueError as error:
            return str(error).split("is ")[0].split("sum to")[0]

    at_once, one_by_one = told("numpy"), told("eager")
    assert type(at_once) is type(one_by_one)
    if isinstance(at_once, str):
        assert at_once == one_by_one
    else:
        np.testing.assert_allclose(at_once, one_by_one, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("outputs", [True, [True, False], np.array([True, False]), [[np.bool_(True)]]], ids=repr)
def test_a_bool_is_a_decision_and_no_output(outputs: object) -> None:
    """Of [True, False] the largest would be the first."""
    with pytest.raises(TypeError, match="is the bool True: give the score"):
        nn.predict(lambda x: outputs, [[1.0]])
    with pytest.raises(TypeError, match="is the bool True: give the score"):
        nn.accuracy(lambda x: outputs, [[1.0]], [1], threshold=0.5)


@pytest.mark.parametrize("backend", ["auto", "numpy", "eager"])
def test_a_decision_of_a_module_is_none_either(backend: str) -> None:
    """Compiled it was a number: the layer's output is 2.0, and predict gave 0.0."""

    class Decided(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Layer(1, 1, "identity", init="zeros")

        def __call__(self, x: Any) -> Any:
            return not self.layer(x)

    X = [[1.0]] * 10_000
    with pytest.raises(TypeError, match="is the bool False: give the score"):
        nn.predict(Decided(), X, backend=backend)
    with pytest.raises(TypeError, match="is the bool False: give the score"):
        nn.evaluate(Decided(), X, [1.0] * 10_000, lambda outputs, labels: outputs[0] + 0.0, backend=backend)


@pytest.mark.parametrize("form", [list, np.array])
@pytest.mark.parametrize(("loss", "output"), [(nn.bce, "sigmoid"), (nn.bce_with_logits, "identity")])
def test_labels_that_name_several_classes_give_no_one_class(tmp_path, form, loss, output):
    """The largest output was told, of a sample that has both classes, or none; from a file too."""

    def fit(labels, held=None):
        optimizer = nn.SGD(model.parameters(), lr=0.1)
        return nn.fit(model, X, form(labels), loss, optimizer, epochs=1, validation=(X, held or labels))

    X = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    model = nn.MLP(2, [2], output=output, seed=0)
    assert "validation_accuracy" not in fit([[1, 1], [0, 1], [0, 0]], held=[[1, 0], [0, 1], [0, 1]]).rows[0]
    assert "validation_accuracy" not in fit([[1, 1], [0, 1], [0, 0]]).rows[0]
    assert [*nn.evaluate(model, X, [[1, 1], [0, 1], [0, 0]], loss)] == ["loss"]  # there is no accuracy of these
    nn.save(model, tmp_path / "model.json")
    again = nn.MLP(2, [2], output=output)
    nn.load(again, tmp_path / "model.json")
    for trained in (model, again):
        with pytest.raises(ValueError, match=r"name several of 2 classes at once, or none.*predict_proba\(model"):
            nn.classify(trained, X)
        assert len(nn.predict_proba(trained, X)[0]) == 2
    assert "validation_accuracy" in fit([[1, 0], [0, 1], [0, 1]]).rows[0]  # one class each: the largest output tells it
    assert {*nn.classify(model, X)} <= {0, 1}
