"""Outputs, probabilities and classes: compiled and eager alike, arrays and lists, in eval mode, refusals."""

import copy
import math
import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
import nn
from engine import TraceError, Value, sigmoid
from nn.evaluation import programs
from nn.evaluation.means import Means
from nn.evaluation.metrics import is_largest
from nn.layers.ending import last_activation
from tests.needs import INSTALLED, needs

np = needs("numpy")

BACKENDS = pytest.mark.parametrize("backend", ["eager", "auto", *INSTALLED])
X = np.random.default_rng(0).normal(size=(40, 3))


def network(*outputs, seed=1, **named):
    return nn.MLP(3, [5, *outputs], activation="tanh", seed=seed, **named)


@pytest.fixture(autouse=True)
def _compile_at_once(monkeypatch):
    monkeypatch.setattr(programs, "SOON", 0)


@BACKENDS
@pytest.mark.parametrize("outputs", [1, 4])
def test_compiled_outputs_are_the_eager_ones(backend, outputs):
    model = network(outputs)
    expected = [[y.data for y in model(x)] for x in X]
    found = nn.predict(model, X, backend=backend)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    listed = nn.predict(model, X.tolist(), backend=backend)
    assert isinstance(listed, list)
    np.testing.assert_allclose(listed, expected, rtol=1e-12, atol=1e-14)


@BACKENDS
def test_parameters_are_read_as_they_are_at_the_call(backend):
    model = network(2)
    for _ in range(4):
        model.parameters()[3].data += 0.5
        expected = [[y.data for y in model(x)] for x in X[:4]]
        for _ in range(3):
            np.testing.assert_allclose(nn.predict(model, X[:4], backend=backend), expected, rtol=1e-12, atol=1e-14)


@BACKENDS
def test_a_parameter_that_is_replaced_counts_at_once(backend):
    """Of a large network too, whose lists of weights are looked at from time to time only."""
    model = nn.MLP(3, [40, 2], activation="tanh", seed=1)
    nn.predict(model, X, backend=backend)
    for number in (9.0, -3.0):
        model.layers[1].neurons[0].w[2] = Value(number)
        expected = [[y.data for y in model(x)] for x in X[:4]]
        np.testing.assert_allclose(nn.predict(model, X[:4], backend=backend), expected, rtol=1e-12, atol=1e-14)


@BACKENDS
def test_eval_mode_for_the_while(backend):
    model = nn.Sequential(nn.Layer(3, 4, seed=1), nn.Dropout(0.9, seed=1), nn.Layer(4, 2, "identity", seed=2))
    still = nn.Sequential(model.layers[0], model.layers[2])
    np.testing.assert_array_equal(nn.predict(model, X, backend=backend), nn.predict(still, X, backend=backend))
    assert all(module.training for module in model.modules())
    assert model.layers[1].calls == 0


def test_without_numpy():
    """Neither training nor evaluation needs it."""
    code = """
import sys
sys.modules["numpy"] = sys.modules["llvmlite"] = None
import nn
X, y = [[0.1 * k, 1.0] for k in range(20)], [k // 10 for k in range(20)]
model = nn.MLP(2, [2], seed=1)
history = nn.fit(model, X, y, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), epochs=2, validation=(X, y))
print(history.rows[-1]["validation_loss"] == nn.score(model, X, y, nn.cross_entropy), history.backend[:6])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "True python\n"


def test_data_frames():
    pandas = needs("pandas")
    model = network(2)
    frame, labels = pandas.DataFrame(X, columns=list("abc")), pandas.Series([0, 1] * 20)
    np.testing.assert_array_equal(nn.predict(model, frame), nn.predict(model, X))
    assert nn.accuracy(model, frame, labels) == nn.accuracy(model, X, labels.tolist())


class Sparse:
    """As scipy's, without scipy."""

    dtype, shape = X.dtype, X.shape
    toarray = X.copy

    def __len__(self):
        raise TypeError("sparse array length is ambiguous; use getnnz() or shape[0]")


@BACKENDS
@pytest.mark.filterwarnings("ignore:the matrix subclass")  # NumPy's own, of a class that is still met
def test_a_matrix_has_rows_as_an_array_has(backend):
    model = network(2)
    found = nn.predict(model, np.matrix(X), backend=backend)
    np.testing.assert_array_equal(found, nn.predict(model, X, backend=backend))


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: nn.predict(network(2), X[0]), TypeError, r"for a single sample give \[x\]"),
        (lambda: nn.predict(network(2), np.ma.masked_greater(X, 0.0)), TypeError, "masked array with gaps: fill them"),
        (lambda: nn.predict(network(2), Sparse()), TypeError, r"X is a sparse matrix: give X.toarray\(\)"),
        (lambda: nn.accuracy(network(3), X, np.zeros((40, 1))), ValueError, r"give class indices, y.ravel\(\)"),
        (lambda: nn.score(network(3), X, np.zeros((40, 1)), nn.cross_entropy), ValueError, r"y.ravel\(\) of a column"),
        (
            lambda: nn.score(network(1), X, X[:, 0] > 0, nn.bce_with_logits),
            TypeError,
            r"write (0|1), or .astype\(int\)",
        ),
        (lambda: nn.score(network(2), X, X[:, 0] > 0, nn.cross_entropy), TypeError, r"or y.astype\(int\) of an array"),
    ],
)
def test_what_people_give_by_mistake(ask, error, message):
    with pytest.raises(error, match=message):
        ask()


def test_outputs_that_are_no_probabilities_are_not_shown_as_such():
    with pytest.raises(ValueError, match=r"an output is 1.5, which is not a probability"):
        nn.predict_proba(lambda x: x, [0.5, 1.5], loss=nn.bce)
    with pytest.raises(ValueError, match=r"sum to 3.*end the model with nn.log_softmax"):
        nn.predict_proba(lambda x: [x, x, x], [0.0], loss=nn.nll)
    assert nn.predict_proba(lambda x: [x, x], [math.log(0.5)], loss=nn.nll) == [[0.5, 0.5]]


def test_memory_maps(tmp_path):
    mapped = np.memmap(tmp_path / "X", np.float64, "w+", shape=X.shape)
    mapped[:] = X
    np.testing.assert_array_equal(nn.predict(network(2), mapped), nn.predict(network(2), X))


@BACKENDS
def test_sequences(backend):
    model = nn.Sequential(nn.Embedding(5, 3, seed=1), nn.SelfAttention(3, seed=1), nn.Layer(3, 5, "identity", seed=2))
    tokens = [[0, 1, 2], [4, 4, 1]]
    expected = [[[y.data for y in row] for row in model(x)] for x in tokens]
    np.testing.assert_allclose(nn.predict(model, tokens, backend=backend), expected, rtol=1e-11)
    classes = np.argmax(expected, -1)
    assert nn.classify(model, tokens, backend=backend) == classes.tolist()
    labels = [[0, 1, 2], [3, 4, 0]]
    assert nn.accuracy(model, np.array(tokens), np.array(labels), backend=backend) == np.mean(classes == labels)
    assert nn.accuracy(model, tokens, labels, backend=backend) == np.mean(classes == labels)


# ---- what outputs mean ----


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


def test_a_sigmoid_at_the_end_parts_at_a_half():
    y = [1.0 if x[0] > 0 else 0.0 for x in X]
    model = network(1, output="sigmoid")
    for loss in (nn.bce, nn.mse):
        nn.fit(model, X, y, loss, nn.Adam(model.parameters(), lr=0.05), epochs=30, seed=1)
        expected = [int(p > 0.5) for [p] in nn.predict(model, X.tolist())]
        assert nn.classify(model, X.tolist()) == expected
        assert nn.accuracy(model, X, y) > 0.9
    np.testing.assert_allclose(nn.predict_proba(model, X).sum(1), 1.0)


def test_nothing_is_guessed():
    model = network(1)
    for call in (lambda: nn.classify(model, X), lambda: nn.accuracy(model, X, [0] * 40)):
        with pytest.raises(ValueError, match=r"give threshold= \(0.5 for a probability"):
            call()
    with pytest.raises(ValueError, match=r"loss=nn\.cross_entropy"):
        nn.predict_proba(network(3), X)
    with pytest.raises(ValueError, match=r"trained with hinge give no probabilities: nn.predict gives them"):
        nn.predict_proba(model, X, loss=nn.hinge)
    with pytest.raises(ValueError, match=r"nothing tells whether the outputs are probabilities or logits: .*loss=nn\."):
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


def test_probabilities():
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
    for loss, remedy in (("mse", ": give nn.mse"), ("huber", ""), (None, "")):
        with pytest.raises(TypeError, match=rf"loss must be a callable, not \w+ '?{loss}'?{remedy}\Z"):
            use(model, loss)


# ---- compiled where possible ----


def test_what_cannot_be_compiled_runs_eagerly_with_one_warning():
    class Branching(nn.Module):
        def __init__(self):
            self.w = Value(2.0)

        def __call__(self, x):
            return x[0] * self.w if x[0] > 0 else x[1]

    model = Branching()
    expected = [2.0 * x[0] if x[0] > 0 else x[1] for x in X]
    with pytest.warns(nn.EagerWarning, match="Branching runs eagerly, which is slow: .*branch"):
        np.testing.assert_allclose(nn.predict(model, X), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(nn.predict(model, X), expected)
    with pytest.raises(TraceError):
        nn.predict(model, X, backend="llvm" if "llvm" in INSTALLED else "python")


def test_ragged_and_dictionary_samples_run_eagerly():
    for samples in ([[1.0, 2.0], [3.0]], [{"a": 1.0}, {"a": 2.0}]):
        with pytest.warns(nn.EagerWarning):
            found = nn.predict(lambda x: Value(2.0) * sum(x.values() if isinstance(x, dict) else x), samples)
        assert found == [2.0 * sum(x.values() if isinstance(x, dict) else x) for x in samples]


def test_wrong_samples_give_the_models_own_error():
    with pytest.raises(ValueError, match="takes 3 inputs, got 2"):
        nn.predict(network(2), [[1.0, 2.0]])
    with pytest.raises(ValueError, match="X is empty"):
        nn.predict(network(2), [])
    with pytest.raises(TypeError, match="X must be a list, tuple or array"):
        nn.predict(network(2), 3.0)
    with pytest.raises(TypeError, match="model must be a callable, not int 3"):
        nn.predict(3, X)


def test_models_with_programs_can_be_copied_and_pickled():
    model = network(2)
    expected = nn.predict(model, X)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(nn.predict(other, X), expected)
        other.parameters()[0].data += 1.0
        assert (nn.predict(other, X) != expected).any()
    np.testing.assert_array_equal(nn.predict(model, X), expected)


def test_one_trace_serves_all_calls():
    calls = []

    class Counting(nn.MLP):
        def __call__(self, x):
            calls.append(1)
            return super().__call__(x)

    model = Counting(3, [2], seed=1)
    nn.predict(model, X)
    traced = len(calls)
    for _ in range(5):
        nn.predict(model, X[:30])
        nn.classify(model, X[10:])
    assert len(calls) <= traced + 2  # the first small batch is compared too


def test_a_few_samples_are_not_worth_a_compiler(monkeypatch):
    monkeypatch.setattr(programs, "SOON", 1000)
    model = network(2)
    nn.predict(model, X[:3])
    assert not vars(model)["_programs"]._compiled
    nn.predict(model, np.repeat(X, 3, 0))
    assert vars(model)["_programs"]._compiled


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=8), st.integers(1, 4))
def test_any_samples(rows, outputs):
    model = network(outputs, seed=outputs)
    expected = [[y.data for y in model(x)] for x in rows]
    np.testing.assert_allclose(nn.predict(model, rows, backend="python"), expected, rtol=1e-9, atol=1e-9)


def test_a_callable_without_a_hash_is_a_model_too():
    class Doubling:
        def __eq__(self, other):
            return self is other

        def __call__(self, x):
            return 2.0 * x[0]

    assert nn.predict(Doubling(), [[1.0], [2.0]]) == [2.0, 4.0]


def test_outputs_of_several_lengths_stay_lists():
    with pytest.warns(nn.EagerWarning):
        found = nn.predict(lambda x: [float(y) for y in x if y > 0], np.array([[1.0, 2.0], [3.0, -1.0]]))
    assert found == [[1.0, 2.0], [3.0]]


def test_classes_with_names_come_as_an_array_for_an_array():
    model = network(2)
    names = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
    nn.fit(model, X, names, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), epochs=1)
    found, listed = nn.classify(model, X), nn.classify(model, X.tolist())
    assert isinstance(found, np.ndarray)
    assert listed == found.tolist() == [["no", "yes"][k] for k in nn.predict(model, X).argmax(1)]


def test_probabilities_of_sequences_in_lists():
    logits = [[[0.0, 1.0], [2.0, 0.0]], [[0.5, 0.5], [-1.0, 1.0]]]
    found = nn.predict_proba(lambda x: x, logits, loss=nn.cross_entropy, backend="eager")
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_without_numpy_everything_is_lists(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert nn.accuracy(lambda x: x, [[0.0, 1.0], [1.0, 0.0]], [1, 1], backend="eager") == 0.5


@pytest.mark.parametrize("outputs", [True, [True, False], np.array([True, False]), [[np.bool_(True)]]], ids=repr)
def test_a_bool_is_a_decision_and_no_output(outputs: object) -> None:
    """Of [True, False] the largest would be the first."""
    with pytest.raises(TypeError, match="is the bool True: give the score"):
        nn.predict(lambda x: outputs, [[1.0]])
    with pytest.raises(TypeError, match="is the bool True: give the score"):
        nn.accuracy(lambda x: outputs, [[1.0]], [1], threshold=0.5)


def test_what_no_single_program_scores_and_judges_is_left_to_two():
    """Outputs that are no row, a model that does not compile: who asks again is told in two steps what is wrong."""
    X, y, options = [[0.5, 1.0], [2.0, -1.0]], [1, 0], programs.Options("auto")

    mean = nn.per_sample(lambda out, label: out[0][0] if isinstance(out[0], list) else out[0])

    class Nested(nn.Module):
        def __init__(self):
            self.layer = nn.Layer(2, 2, seed=1)

        def __call__(self, x):
            return [self.layer(x)]

    class Branching(Nested):
        def __call__(self, x):
            return self.layer(x) if x[0] > 1.0 else self.layer(x[::-1])

    class Plain(Nested):
        def __call__(self, x):
            return self.layer(x)

    for model, is_one in ((Nested(), False), (Branching(), False), (Plain(), True)):
        means = Means(model, mean, [is_largest], X, y, options)
        for watched in (False, True, True, False):
            found = means(watched)
            assert (found is not None) == is_one
    outputs = [[out.data for out in Plain().layer(x)] for x in X]
    assert found == pytest.approx((mean(outputs, y), nn.accuracy(Plain(), X, y)), rel=1e-12)
    assert Means(lambda x: x, mean, [], X, y, options)(True) is None


def test_means_follow_parameters_and_layers():
    """Taken where the parameters are, from samples that are packed but once."""
    model, labels = network(4), [k % 4 for k in range(len(X))]
    means = Means(model, nn.cross_entropy, [is_largest], X, labels, programs.Options("auto"))
    for change in (0.0, 0.0, 0.5, -1.0, None, 0.25):
        if change is None:
            model.layers[1].neurons[2] = nn.Neuron(5, "identity", seed=9)
        else:
            model.parameters()[7].data += change
        outputs = [[y.data for y in model(x)] for x in X]
        right = np.mean([label == row.index(max(row)) for label, row in zip(labels, outputs)])
        assert means(True) == pytest.approx([nn.cross_entropy(outputs, labels), right], rel=1e-12)


# ---- calls like the last one ------------------------------------------------------------------------------------


SAMPLES = {
    "array": lambda rows: rows,
    "lists": lambda rows: rows.tolist(),
    "whole numbers": lambda rows: np.rint(rows).astype(int),
    "float32": lambda rows: rows.astype(np.float32),
    "Fortran order": np.asfortranarray,
    "strided": lambda rows: np.repeat(rows, 2, axis=1)[:, ::2],
    "byte-swapped": lambda rows: rows.astype(rows.dtype.newbyteorder()),
    "bools": lambda rows: rows > 0.0,
    "tuples": lambda rows: [tuple(row) for row in rows.tolist()],
    "read only": lambda rows: np.broadcast_to(rows[:1], rows.shape),
}


@pytest.mark.parametrize("size", [1, 3, 30])
@pytest.mark.parametrize("form", SAMPLES)
def test_samples_in_any_form_after_many_of_one(form, size):
    """Those which native code does not read where they are go the long way, and then it is the turn of the former."""
    model = network(2)
    for turn in range(6):
        first = X[turn : turn + size]
        for rows in [first] * 3 + [SAMPLES[form](first)] * 4 + [first]:
            expected = [[y.data for y in model(x)] for x in np.array(rows, float)]
            np.testing.assert_allclose(nn.predict(model, rows), expected, rtol=1e-12, atol=1e-14)


def test_each_call_gives_an_array_of_its_own():
    model = network(2)
    found = [nn.predict(model, X[k : k + 1]) for k in range(8)]
    np.testing.assert_allclose(np.concatenate(found), nn.predict(model, X[:8]), rtol=1e-12)


def test_what_a_direct_call_refuses_is_refused_as_ever():
    model = network(2)
    for _ in range(5):
        nn.predict(model, X[:1])
    with pytest.raises(ValueError, match="takes 3 inputs, got 2"):
        nn.predict(model, X[:1, :2])
    with pytest.raises(TypeError, match="X holds samples, one in each row"):
        nn.predict(model, X[0])
    with pytest.raises(TypeError, match="'a'"):
        nn.predict(model, [["a", 0.0, 0.0]])
    np.testing.assert_allclose(nn.predict(model, X[:1]), [[y.data for y in model(X[0])]], rtol=1e-12)


def test_changes_between_direct_calls_count():
    factor = 2.0
    weight = Value(3.0)

    def model(x):
        return [weight * x[0] * factor, x[1]]

    def check():
        for _ in range(4):
            assert nn.predict(model, [[1.5, 7.0]]) == [[1.5 * weight.data * factor, 7.0]]

    check()
    weight.data = -1.0
    check()
    factor = 5.0
    check()
    with engine.no_grad():
        check()


def test_a_compiled_function_of_single_numbers_is_called_directly_too():
    weight = Value(2.0)
    compiled = engine.compile(lambda x: weight * x)
    for number in (1.0, 2.0, 3.0, 4.0, 5.0):
        assert compiled([number]).tolist() == [2.0 * number]
        weight.data += 0.0
    assert compiled([1.0, 2.0]).tolist() == [2.0, 4.0]
    assert compiled([]).tolist() == []
    chosen = engine.compile(lambda place: engine.take(place, [weight, weight]))
    for place in (0, 1, 0, 1):
        chosen([place])
    with pytest.raises(IndexError):
        chosen([2])


def test_threads_predict_side_by_side():
    model, single = network(2), network(3)
    expected = [nn.predict(model, X[k : k + 1], backend="eager") for k in range(40)]

    def work(k):
        for turn in range(200):
            place = (k + turn) % 40
            np.testing.assert_allclose(nn.predict(model, X[place : place + 1]), expected[place], rtol=1e-12, atol=1e-14)
            nn.predict(single, X[: 1 + turn % 2])
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


@pytest.mark.parametrize("form", [list, np.array])
@pytest.mark.parametrize(("loss", "output"), [(nn.bce, "sigmoid"), (nn.bce_with_logits, "identity")])
def test_labels_that_name_several_classes_give_no_one_class(tmp_path, form, loss, output):
    """The largest output was told, of a sample that has both classes, or none; from a file too."""

    def fit(labels):
        optimizer = nn.SGD(model.parameters(), lr=0.1)
        return nn.fit(model, X, form(labels), loss, optimizer, epochs=1, validation=(X, labels))

    X = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    model = nn.MLP(2, [2], output=output, seed=0)
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
