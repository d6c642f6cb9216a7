"""Metrics by hand and beside scikit-learn; evaluate and score; the summary."""

import json
import math
import pickle
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from engine import Value, no_grad
from nn.evaluation import metrics, programs
from nn.evaluation.metrics import mean_absolute_error, r2, top_k
from nn.evaluation.named import metrics_for
from tests.needs import INSTALLED, needs

np = needs("numpy")

NUMBERS = st.floats(-100.0, 100.0)
BACKENDS = pytest.mark.parametrize("backend", ["eager", "auto", *INSTALLED])


def same(x):
    return x


def test_scores_are_a_dict_that_is_not_unpacked_as_in_keras():
    """The names "loss" and "accuracy" came, without a word."""
    scores = nn.evaluate(same, [[0.0, 1.0]], [1], nn.cross_entropy)
    told = r"evaluate\(\) gives a dict, .*: write evaluate\(\.\.\.\)\['accuracy'\], or \.values\(\) for all"
    for _ in range(20):  # so often that CPython makes other instructions of these
        with pytest.raises(TypeError, match=told):
            loss, accuracy = scores
        with pytest.raises(TypeError, match=told):
            loss, *_ = nn.evaluate(same, [[0.0, 1.0]], [1], nn.cross_entropy)
    loss, accuracy = scores.values()
    assert (loss, accuracy) == (pytest.approx(math.log1p(math.exp(-1.0))), 1.0)
    assert [*scores] == list(scores) == ["loss", "accuracy"]
    assert {**scores} == dict(scores) == scores == json.loads(json.dumps(scores)) == pickle.loads(pickle.dumps(scores))
    with pytest.raises(KeyError, match="there is no 1, but 'loss', 'accuracy'"):
        scores[1]


@pytest.mark.parametrize("function", [nn.accuracy, nn.mae])
def test_functions_of_nn_that_are_metrics_by_name(function):
    with pytest.raises(TypeError, match=rf"write metrics=\['{function.__name__}'\]$"):
        nn.evaluate(same, [[0.5]], [1.0], nn.mse, metrics=[function])


def test_confusion_matrix_by_hand():
    rows = [[0.1, 0.9, 0.0], [3.0, 2.0, 1.0], [0.0, 0.0, 5.0], [1.0, 0.0, 0.0]]
    assert nn.confusion_matrix(same, rows, [1, 0, 2, 1]) == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    found = nn.confusion_matrix(same, np.array(rows), np.array([1, 0, 2, 1]))
    assert isinstance(found, np.ndarray)
    assert nn.confusion_matrix(same, [2.0, -1.0, 3.0], [1, -1, -1], loss=nn.hinge) == [[1, 1], [0, 1]]


@pytest.mark.parametrize("form", [list, np.array])
def test_three_labels_beside_one_output_are_refused(form):
    """Negative, neutral, positive: 0 and -1 were one class without a word."""
    with pytest.raises(ValueError, match="1 against 0, or 1 against -1, and these are 1, 0 and -1"):
        nn.accuracy(same, form([2.0, -1.0, 3.0]), form([1, -1, 0]), loss=nn.hinge)


@given(st.lists(st.tuples(st.integers(0, 3), st.lists(NUMBERS, min_size=4, max_size=4)), min_size=1, max_size=30))
def test_beside_scikit_learn(samples):
    theirs = needs("sklearn.metrics")
    y, rows = map(list, zip(*samples))
    found = [row.index(max(row)) for row in rows]
    assert nn.accuracy(same, rows, y) == theirs.accuracy_score(y, found)
    expected = theirs.confusion_matrix(y, found, labels=range(4))
    assert nn.confusion_matrix(same, rows, y) == expected.tolist()
    if all(len(set(row)) == 4 for row in rows):
        assert top_k(y, rows, 2) == theirs.top_k_accuracy_score(y, rows, k=2, labels=range(4))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=30))
def test_regression_beside_scikit_learn(pairs):
    theirs = needs("sklearn.metrics")
    y, found = map(list, zip(*pairs))
    assert mean_absolute_error(y, found) == pytest.approx(theirs.mean_absolute_error(y, found))
    if max(y) - min(y) > 1e-3:
        assert r2(y, found) == pytest.approx(theirs.r2_score(y, found), rel=1e-6, abs=1e-9)


class Heads(nn.Module):
    def __init__(self, *sizes, names=None):
        self.heads = [nn.Layer(2, size, "identity", seed=size) for size in sizes]
        self.names = names

    def __call__(self, x):
        found = [head(x) for head in self.heads]
        return found if self.names is None else dict(zip(self.names, found))


JUDGES = [nn.accuracy, nn.confusion_matrix, lambda model, X, y: nn.classify(model, X)]
JUDGES += [lambda model, X, y: nn.evaluate(model, X, y, lambda outputs, labels: Value(0.0), "top1")]


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("sizes", [(3, 1), (2, 3)])
def test_heads_of_several_widths_are_no_sequence(judge, sizes):
    """A head of one output had the class 0 for every sample, as the largest of its one."""
    X, model = [[0.5, 1.0], [1.0, -1.0]], Heads(*sizes)
    with pytest.raises(
        ValueError, match=r"rows of \d and 3 numbers, .* such as the first with lambda x: model\(x\)\[0\]"
    ):
        judge(model, X, [[1, 0], [0, 1]])
    assert nn.accuracy(lambda x: model(x)[0], X, nn.classify(lambda x: model(x)[0], X)) == 1.0


@pytest.mark.parametrize("judge", [*JUDGES, lambda model, X, y: nn.predict_proba(model, X, loss=nn.cross_entropy)])
def test_dicts_are_judged_by_part(judge):
    with pytest.raises(TypeError, match=r"dicts \('kind', 'size'\), .* lambda x: model\(x\)\['kind'\]"):
        judge(Heads(3, 3, names=["kind", "size"]), [[0.5, 1.0]], [{"kind": 0, "size": 1}])


def test_edges():
    for same in ([1.0] * 2, [0.1] * 3, [1e-5] * 49):  # the mean of three 0.1 is another number
        assert math.isnan(r2(same, [*same[1:], 2.0]))
    for unit in (1e300, 1e-300):  # whose squares no float holds
        assert r2([0.0, 2 * unit], [unit, unit]) == 0.0
    assert r2([0.0, 2.0], [1e300, 1.0]) == -math.inf
    assert math.isnan(r2([0.0, 2.0], [math.inf, math.nan]))
    with pytest.raises(ValueError, match="top3 of 3 outputs is always right"):
        top_k([0], [[1.0, 2.0, 3.0]], 3)
    with pytest.raises(ValueError, match=r"the output of sample 1 is nan .*, which is not a class"):
        top_k([0, 1], [[1.0, 2.0, 3.0], [1.0, math.nan, 3.0]], 1)
    with pytest.raises(ValueError, match="sample 1 has 1 label against 2 outputs"):
        r2([[1.0, 2.0], [1.0]], [[1.0, 2.0], [1.0, 2.0]])


def test_samples_of_several_lengths():
    """Only as many numbers of each sample were compared as the shortest has."""
    truth, found = [[1.0, 2.0, 9.0], [1.0, 4.0]], [[0.0, 0.0, 0.0], [0.0, 0.0]]
    assert mean_absolute_error(truth, found) == 17 / 5
    with pytest.raises(ValueError, match=r"samples differ in how many outputs they have, .* give metrics='mae'"):
        r2(truth, found)


def test_metrics_by_name():
    model = nn.MLP(2, [3], seed=1)
    assert list(metrics_for(None, model, nn.cross_entropy, [])) == ["accuracy"]
    assert list(metrics_for(None, model, nn.mae, [])) == ["r2"]
    assert list(metrics_for(None, model, lambda outputs, labels: outputs[0], [])) == []
    assert list(metrics_for(["accuracy", "top2", "mae", max], model, nn.mse, [])) == ["accuracy", "top2", "mae", "max"]
    assert list(metrics_for("r2", model, nn.mse, [])) == ["r2"]
    assert list(metrics_for("mae", model, nn.bce, [])) == ["mae"]
    for loss in (nn.cross_entropy, nn.nll, nn.hinge, partial(nn.bce_with_logits, reduction="sum")):
        with pytest.raises(ValueError, match=r"mae compares outputs with labels as numbers, .* are scores: give"):
            metrics_for("mae", model, loss, [])
    with pytest.raises(ValueError, match="no metric is named 'acc'"):
        metrics_for("acc", model, nn.mse, [])
    with pytest.raises(TypeError, match="a metric is a name or a function of labels and outputs, not int 3"):
        metrics_for([3], model, nn.mse, [])


@pytest.mark.parametrize("bad", [[2, 7], [0.5, 0.5], [1, 1], [-1, 1], [0, 0], [math.nan, 1]])
def test_a_one_hot_row_is_zeros_and_a_single_one(bad):
    with pytest.raises(ValueError, match=r"one-hot|finite"):
        nn.accuracy(same, [[1.0, 2.0]], [bad])
    with pytest.raises(ValueError, match=r"one-hot|finite"):
        nn.accuracy(same, np.array([[1.0, 2.0]]), np.array([bad]))


def test_labels_out_of_range_name_themselves():
    for labels in ([0, 5], np.array([0, 5]), np.array([0.0, 5.0]), [0, np.int64(5)]):
        with pytest.raises(IndexError, match=r"class 5(.0)? is out of range: with 2 classes"):
            nn.accuracy(same, [[1.0, 2.0]] * 2, labels)
    with pytest.raises(IndexError, match="class -1 is out of range"):
        nn.accuracy(same, [[1.0, 2.0]] * 2, np.array([0, -1]))
    with pytest.raises(ValueError, match="labels are texts, and the model knows no names"):
        nn.accuracy(same, [[1.0, 2.0]] * 2, ["a", "b"])
    with pytest.raises(
        TypeError, match="some labels are texts and others are not, such as int 1: make all of them texts"
    ):
        nn.accuracy(same, [[1.0, 2.0]] * 2, ["a", 1])


@BACKENDS
@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.mse, lambda outputs, labels: nn.mse(outputs, labels) ** 0.5])
def test_scores_are_the_losses_of_the_eager_engine(backend, loss, monkeypatch):
    monkeypatch.setattr(programs, "SOON", 0)
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30, 2))
    y = rng.integers(0, 3, 30) if loss is nn.cross_entropy else rng.normal(size=(30, 3))
    model = nn.MLP(2, [4, 3], activation="tanh", seed=1)
    expected = loss([model(x) for x in X], list(y)).data
    assert nn.score(model, X, y, loss, backend=backend) == pytest.approx(expected, rel=1e-12)
    assert nn.score(model, X.tolist(), y.tolist(), loss, backend=backend) == pytest.approx(expected, rel=1e-12)
    found = nn.evaluate(model, X, y, loss, ["mae"] if y.ndim == 2 else None, backend=backend)
    assert found["loss"] == pytest.approx(expected, rel=1e-12)
    if loss is nn.cross_entropy:
        assert found["accuracy"] == nn.accuracy(model, X, y)
    else:
        assert found["mae"] == pytest.approx(np.abs(nn.predict(model, X) - y).mean())


def test_callable_metrics_get_labels_and_outputs():
    model = nn.MLP(2, [3], seed=1)
    seen = []

    def share(labels, outputs):
        seen.append((len(labels), len(outputs), len(outputs[0])))
        return 0.25

    found = nn.evaluate(model, [[1.0, 2.0]] * 4, [0, 1, 2, 0], nn.cross_entropy, ["accuracy", share])
    assert list(found) == ["loss", "accuracy", "share"]
    assert seen == [(4, 4, 3)]


def test_summary():
    shared = nn.Layer(2, 2, seed=1)

    class Own(nn.Module):
        def __init__(self):
            self.first, self.again, self.scale = shared, shared, nn.Layer(2, 1).neurons[0].b

        def __call__(self, x):
            return [y * self.scale for y in self.again(self.first(x))]

    found = nn.summary(Own(), [1.0, 2.0])
    assert found.layers == [("first", "Layer(2, 2, relu)", 6), ("again", "Layer(2, 2, relu)", 0), ("(model)", "Own", 1)]
    assert found.parameters == 7
    assert "7 parameters" in repr(found)
    assert repr(found).endswith(f"\ncompiled: {found.operations} floating-point operations a sample")


def test_a_row_of_a_table_has_a_summary_like_a_list():
    """Without the line of the compiled program it seemed that the model could not be compiled."""
    pandas = needs("pandas")
    model = nn.MLP(2, [1], seed=1)
    assert nn.summary(model, pandas.DataFrame([[1.0, 2.0]]).iloc[0]) == nn.summary(model, [1.0, 2.0])


def test_functions_among_layers_are_shown():
    inner = nn.Sequential(nn.Layer(2, 2, seed=1), nn.log_softmax)
    model = nn.Sequential(nn.Layer(2, 2, seed=1), nn.softmax, inner, lambda row: row)
    lines = repr(model).split("\n")
    assert lines[0] == "Sequential of 12 parameters"
    assert sorted(lines[1:]) == [
        "    layers.0: Layer(2, 2, relu)",
        "    layers.1: log_softmax",
        "  layers.0: Layer(2, 2, relu)",
        "  layers.1: softmax",
        "  layers.2: Sequential of 6 parameters",
        "  layers.3: <lambda>",
    ]
    rows = [(path, what) for path, what, _ in nn.summary(model, [0.5, 1.0]).layers]
    assert rows == [
        ("layers.0", "Layer(2, 2, relu)"),
        ("layers.1", "softmax"),
        ("layers.2.layers.0", "Layer(2, 2, relu)"),
        ("layers.2.layers.1", "log_softmax"),
        ("layers.3", "<lambda>"),
    ]


def test_the_summary_of_a_batch_says_that_it_took_it_for_one_sample():
    model = nn.MLP(3, [2], seed=1)
    assert "in the graph of one sample\n" in repr(nn.summary(model, [1.0, 2.0, 3.0]))
    found = nn.summary(model, [[1.0, 2.0, 3.0]] * 4)
    assert found.shape == (4, 3)
    assert f"{found.nodes} nodes in the graph of one sample of 4 x 3\n" in repr(found)
    assert len(nn.summary(nn.MLP(2, [3, 1]), [1.0, 2.0]).layers) == 2  # and none for what holds only layers
    assert nn.summary(lambda x: x * 2.0, 3.0).layers == []
    with no_grad():
        assert nn.summary(nn.MLP(2, [4, 1]), [0.5, -1.0]).nodes == 28
    branching = nn.summary(lambda x: x[0] if x[0] > 0 else x[1], [1.0, 2.0])
    assert branching.operations is None
    assert "compiled" not in repr(branching)
    assert metrics.accuracy is nn.accuracy


def test_an_output_more_than_there_are_names_is_told():
    model = nn.MLP(2, [3], seed=1)
    nn.fit(model, [[0.0, 1.0], [1.0, 0.0]], ["cat", "dog"], nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), 1)
    model.layers[0].neurons[2].b.data = 9.0
    for samples in ([[0.0, 0.0]], np.zeros((1, 2))):
        with pytest.raises(ValueError, match="is number 2, and the labels that the model learned from name 2"):
            nn.classify(model, samples)
    model.layers[0].neurons[2].b.data = -9.0
    assert nn.classify(model, [[0.0, 0.0]])[0] in ("cat", "dog")
    model.classes = ["cat"]
    with pytest.raises(ValueError, match="name 1 class only: cat; build"):
        nn.classify(model, [[0.0, 0.0]])


def test_texts_to_validate_with_beside_indices_to_learn_from_are_refused():
    model = nn.MLP(2, [2], seed=1)
    data = [[0.0, 1.0], [1.0, 0.0]], [0, 1]
    with pytest.raises(ValueError, match="the model knows no names"):
        nn.fit(
            model, *data, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), 1, validation=(data[0], ["cat", "dog"])
        )


class Doubled(nn.Module):
    """Of a sequence of any length."""

    def __init__(self):
        self.factor = Value(2.0)

    def __call__(self, x):
        return [self.factor * entry for entry in x]


@pytest.mark.parametrize("kind", ["array", "list"])
def test_outputs_of_samples_of_two_lengths_in_turns(kind):
    """The outputs of the first ones got the shape of the others."""
    model = Doubled()
    for length in (3, 4, 3):
        X = np.arange(6.0 * length).reshape(6, length)
        given = X if kind == "array" else X.tolist()
        found = nn.evaluate(model, given, given, nn.mse, "mae", backend="python" if kind == "list" else "numpy")
        assert found == pytest.approx({"loss": np.mean(X**2), "mae": np.mean(X)})
