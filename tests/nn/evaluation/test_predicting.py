"""Outputs: compiled and eager alike, arrays and lists, in eval mode, refusals."""

import copy
import io
import math
import pickle
import subprocess
import sys
import warnings
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from engine import TraceError, Value
from nn.evaluation import programs
from nn.evaluation.means import Means
from nn.evaluation.metrics import is_largest
from tests.needs import INSTALLED, needs
from tests.nn.evaluation.networks import BACKENDS, X, network

np = needs("numpy")

pytestmark = pytest.mark.usefixtures("compile_at_once")


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
def test_prediction_is_in_eval_mode_and_leaves_train_mode_on(backend):
    model = nn.Sequential(nn.Layer(3, 4, seed=1), nn.Dropout(0.9, seed=1), nn.Layer(4, 2, "identity", seed=2))
    still = nn.Sequential(model.layers[0], model.layers[2])
    np.testing.assert_array_equal(nn.predict(model, X, backend=backend), nn.predict(still, X, backend=backend))
    assert all(module.training for module in model.modules())
    assert model.layers[1].calls == 0


def test_training_and_evaluation_need_no_numpy():
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


def test_a_data_frame_gives_what_its_array_gives():
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
def test_a_matrix_gives_what_its_array_gives(backend):
    model = network(2)
    found = nn.predict(model, np.matrix(X), backend=backend)
    np.testing.assert_array_equal(found, nn.predict(model, X, backend=backend))


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: nn.predict(network(2), X[0]), TypeError, r"for a single sample give \[x\]"),
        (lambda: nn.predict(network(2), np.ma.masked_greater(X, 0.0)), TypeError, "masked array with gaps: fill them"),
        (lambda: nn.predict(network(2), Sparse()), TypeError, r"X is a sparse matrix: give X.toarray\(\)"),
        (lambda: nn.accuracy(network(3), X, np.zeros((40, 1))), ValueError, r"give class indices, y.squeeze\(1\)"),
        (
            lambda: nn.score(network(3), X, np.zeros((40, 1)), nn.cross_entropy),
            ValueError,
            r"y.squeeze\(1\) of a column",
        ),
        (
            lambda: nn.score(network(1), X, X[:, 0] > 0, nn.bce_with_logits),
            TypeError,
            r"write (0|1), or .astype\(int\)",
        ),
        (lambda: nn.score(network(2), X, X[:, 0] > 0, nn.cross_entropy), TypeError, r"or y.astype\(int\) of an array"),
    ],
)
def test_mistaken_samples_and_labels_are_refused_with_the_remedy(ask, error, message):
    with pytest.raises(error, match=message):
        ask()


def test_outputs_that_are_no_probabilities_are_refused():
    with pytest.raises(ValueError, match=r"an output is 1.5, which is not a probability"):
        nn.predict_proba(lambda x: x, [0.5, 1.5], loss=nn.bce)
    with pytest.raises(ValueError, match=r"sum to 3.*end the model with nn.log_softmax"):
        nn.predict_proba(lambda x: [x, x, x], [0.0], loss=nn.nll)
    assert nn.predict_proba(lambda x: [x, x], [math.log(0.5)], loss=nn.nll) == [[0.5, 0.5]]


def test_a_memory_map_gives_what_its_array_gives(tmp_path):
    mapped = np.memmap(tmp_path / "X", np.float64, "w+", shape=X.shape)
    mapped[:] = X
    np.testing.assert_array_equal(nn.predict(network(2), mapped), nn.predict(network(2), X))


@BACKENDS
def test_sequences_are_predicted_classified_and_scored_position_by_position(backend):
    model = nn.Sequential(nn.Embedding(5, 3, seed=1), nn.SelfAttention(3, seed=1), nn.Layer(3, 5, "identity", seed=2))
    tokens = [[0, 1, 2], [4, 4, 1]]
    expected = [[[y.data for y in row] for row in model(x)] for x in tokens]
    np.testing.assert_allclose(nn.predict(model, tokens, backend=backend), expected, rtol=1e-11)
    classes = np.argmax(expected, -1)
    assert nn.classify(model, tokens, backend=backend) == classes.tolist()
    labels = [[0, 1, 2], [3, 4, 0]]
    assert nn.accuracy(model, np.array(tokens), np.array(labels), backend=backend) == np.mean(classes == labels)
    assert nn.accuracy(model, tokens, labels, backend=backend) == np.mean(classes == labels)


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


@pytest.mark.parametrize("validation", [None, 0.25])
@pytest.mark.parametrize("samples", [[[1.0, 2.0], [3.0]] * 8, [{"a": float(k)} for k in range(16)]])
def test_one_warning_tells_that_a_call_runs_eagerly(samples, validation):
    """Validation warned of its own, once for its loss and once for its outputs, in every epoch."""

    class OfAny(nn.Module):
        def __init__(self):
            self.layer = nn.Layer(1, 2, "identity", seed=1)

        def __call__(self, x):
            return self.layer([sum(x.values() if isinstance(x, dict) else x)])

    model, y = OfAny(), [0, 1] * 8
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    for _ in range(2):  # the next training tells of it again
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            nn.fit(model, samples, y, nn.cross_entropy, optimizer, 3, 4, validation=validation, seed=1)
        (told,) = [each.message for each in caught]
        assert isinstance(told, nn.EagerWarning)
    programs.programs_of(model).hurry()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nn.evaluate(model, samples, y, nn.cross_entropy)
    assert [each.category for each in caught] == [nn.EagerWarning]


@pytest.mark.filterwarnings("ignore::nn.EagerWarning")  # they are not compiled
@pytest.mark.parametrize("backend", ["auto", "eager"])
def test_outputs_may_have_names(backend):
    """They were trained, and validation failed, unless `per_sample` had made the loss."""

    class Named(nn.Module):
        def __init__(self):
            self.layer = nn.Layer(3, 2, "identity", seed=0)

        def __call__(self, x):
            return dict(zip("ab", self.layer(x)))

    def of_a(outputs, labels):
        return nn.mse([output["a"] for output in outputs], labels)

    def largest_b(labels, outputs):
        return max(output["b"] for output in outputs)

    model, samples = Named(), X[:5].tolist()
    labels = [x[0] for x in samples]
    optimizer, validation = nn.SGD(model.parameters(), lr=0.1), (X[:5], labels)
    history = nn.fit(
        model, samples, labels, of_a, optimizer, epochs=2, validation=validation, metrics=largest_b, backend=backend
    )
    rows = nn.predict(model.layer, samples, backend="eager")
    assert nn.predict(model, samples, backend=backend) == [dict(zip("ab", row)) for row in rows]
    found = nn.evaluate(model, samples, labels, of_a, largest_b, backend=backend)
    assert found["loss"] == pytest.approx(sum((a - y) ** 2 for (a, _), y in zip(rows, labels)) / 5)
    assert found["largest_b"] == max(b for _, b in rows)
    assert history.rows[-1]["validation_loss"] == pytest.approx(found["loss"])
    assert history.rows[-1]["validation_largest_b"] == pytest.approx(found["largest_b"])
    assert nn.summary(model, samples[0]).nodes == nn.summary(model.layer, samples[0]).nodes


@pytest.mark.parametrize("output", ["12", (x for x in ()), object()])
def test_what_is_no_number_is_no_output(output):
    """A text of digits was taken for its number."""
    with pytest.raises(TypeError, match="an output of the model is not a number but"):
        nn.predict(lambda x: output, [[1.0]])


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
    calls = io.StringIO()

    class Counting(nn.MLP):
        def __call__(self, x):
            print(file=calls)
            return super().__call__(x)

    model = Counting(3, [2], seed=1)
    nn.predict(model, X)
    traced = calls.tell()
    for _ in range(5):
        nn.predict(model, X[:30])
        nn.classify(model, X[10:])
    assert calls.tell() <= traced + 2  # the first small batch is compared too


def test_a_few_samples_are_not_worth_a_compiler(monkeypatch):
    monkeypatch.setattr(programs, "SOON", 1000)
    model = network(2)
    nn.predict(model, X[:3])
    assert not vars(model)["_programs"]._compiled
    nn.predict(model, np.repeat(X, 3, 0))
    assert vars(model)["_programs"]._compiled


class Centred(nn.Module):
    def __init__(self):
        self.layer = network(2)

    def __call__(self, x):
        return self.layer((np.asarray(x) - 128) / 64)


@pytest.mark.parametrize(
    "form", [np.array, list, lambda rows: [list(row) for row in rows]], ids=["array", "rows", "lists"]
)
@pytest.mark.parametrize(
    ("kind", "warns"),
    [("uint8", True), ("int16", True), ("uint64", True), ("float16", True), ("int64", False), ("float32", False)],
)
def test_a_few_samples_of_few_bits_are_warned_of(monkeypatch, form, kind, warns):
    """NumPy's differences of them overflow without a word: 3 - 128 is 131 in uint8."""
    monkeypatch.setattr(programs, "SOON", 10**6)
    samples = form(np.array([[3, 7, 9]], dtype=kind))
    with warnings.catch_warnings():
        warnings.simplefilter("error", nn.EagerWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        nn.predict(network(2), samples)  # layers compute in floats
        if warns:
            overflows = kind.startswith("u")
            with pytest.raises(ValueError if overflows else nn.EagerWarning, match="few bits"):
                nn.predict(Centred(), samples)
        else:
            nn.predict(Centred(), samples)


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=8), st.integers(1, 4))
def test_whatever_the_samples_outputs_are_the_eager_ones(rows, outputs):
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


def test_models_that_equal_each_other_are_not_taken_for_each_other():
    """As frozen dataclasses with equal fields, of which the second one got the outputs of the first."""

    @dataclass(frozen=True)
    class Line:
        name: str
        slope: Value = field(compare=False)

        def __call__(self, x):
            return self.slope * x

    lines = [Line("line", Value(slope)) for slope in (2.0, 3.0)]
    assert [nn.predict(line, [1.0]) for line in lines] == [[2.0], [3.0]]


def test_without_numpy_everything_is_lists(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert nn.accuracy(lambda x: x, [[0.0, 1.0], [1.0, 0.0]], [1, 1], backend="eager") == 0.5


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
