"""What `fit` refuses or warns of, and steps that are not compiled."""

import copy
import functools
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

import engine
import nn
from engine import Value
from nn import Checkpoint
from tests.needs import INSTALLED, needs

from .fitting import X, Y, network, numbers, trained

np = needs("numpy")


def yields(*given):
    yield True


async def awaits(*given):
    return True


class Keras:
    def __init__(self, *given):
        """A callback by methods."""

    def on_epoch_end(self, epoch, logs=None):
        """Called by nobody here."""


class CrossEntropyLoss:
    """As PyTorch's, which need not be installed."""

    __module__ = "torch.nn.modules.loss"

    def __call__(self, outputs, labels):
        raise TypeError("argument 'input' must be Tensor, not list")


class MyLoss(CrossEntropyLoss):
    """Derived from it."""


def binary_cross_entropy(outputs, labels):
    """As PyTorch's."""


binary_cross_entropy.__module__ = "torch.nn.functional"


class Bar:
    def update(self, n=1):
        self.n = n


class Yields:
    def __call__(self, *given):
        yield True


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"patience": 3}, ValueError, "patience watches the validation loss"),
        ({"patience": 0, "validation": 0.2}, ValueError, "patience must be at least 1"),
        ({"validation": 1.5}, ValueError, "validation must be a finite number"),
        (
            {"validation": "some"},
            TypeError,
            r"^validation is \(X, y\), or the share .* or None for none, not str 'some'",
        ),
        ({"validation": {"X": X}}, TypeError, r"^validation is \(X, y\), or the share .* not dict"),
        ({"validation": X}, TypeError, r"^validation is \(X, y\), or the share .* not ndarray"),
        ({"validation": True}, TypeError, r"hold out, such as 0\.2, or None for none, not bool True$"),
        ({"validation": np.bool_(False)}, TypeError, r"hold out, such as 0\.2, or None for none, not "),
        ({"validation": ([], [])}, ValueError, r"^validation=\(X, y\): X is empty"),
        ({"validation": (X, [])}, ValueError, r"^validation=\(X, y\): y is empty"),
        ({"validation": ({}, Y)}, TypeError, r"^validation=\(X, y\): X must be a list"),
        ({"validation": (X, Y, Y)}, TypeError, r"validation is \(X, y\)"),
        ({"validation": (X, Y[:3])}, ValueError, r"^validation=\(X, y\): 30 samples against 3 labels"),
        ({"min_delta": -1.0, "patience": 1, "validation": 0.2}, ValueError, "min_delta"),
        ({"min_delta": 0.1, "validation": 0.2}, ValueError, r"min_delta=0\.1 says .* give patience, such as 5, too"),
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
        ({"class_weight": "even"}, TypeError, "class_weight is a dict.* not str 'even'$"),
        (
            {"class_weight": np.array([0.5, 1.5])},  # as sklearn's compute_class_weight gives it
            TypeError,
            r"class_weight is a dict .*: give dict\(zip\(classes, weights\)\)",
        ),
        (
            {"class_weight": "balanced", "y": nn.one_hot(Y, 2)},
            TypeError,
            r"labels that are classes, not rows such as list \[0.0, 1.0\]; sample_weight can weigh such samples",
        ),
        (
            {"class_weight": {0: 2.0}, "y": Y.reshape(-1, 1)},
            TypeError,
            r"not rows such as ndarray array\(\[\d\]\): give y.squeeze\(1\)",
        ),
        ({"clip_norm": 1.0, "clip_value": 1.0}, ValueError, "two ways to clip"),
        ({"loss": "mse"}, TypeError, "loss must be a callable, not str 'mse': give nn.mse"),
        ({"loss": lambda outputs: outputs[0]}, TypeError, r"^a loss is called with outputs and labels, which <lambda>"),
        ({"loss": lambda outputs, labels, weight: outputs[0]}, TypeError, "weight.* does not take"),
        ({"loss": 0.25}, TypeError, r"not float 0\.25: give the function itself, such as nn\.mse, not what it gives"),
        (
            {"loss": CrossEntropyLoss()},
            TypeError,
            "^loss is CrossEntropyLoss of torch, .* arrays, .*: write cross_entropy$",
        ),
        (
            {"loss": MyLoss()},
            TypeError,
            "^loss is MyLoss of torch, which takes arrays, .*: write it with the functions",
        ),
        ({"loss": CrossEntropyLoss}, TypeError, "^loss is CrossEntropyLoss of torch, .*: write cross_entropy$"),
        ({"loss": binary_cross_entropy}, TypeError, "^loss is binary_cross_entropy of torch, .*: write bce$"),
        ({"loss": yields}, TypeError, "a loss is called, and calling yields runs nothing"),
        ({"dtype": "float16", "backend": "auto"}, ValueError, "dtype must be 'float64' or 'float32', not 'float16'"),
        ({"dtype": "float32"}, ValueError, "eager steps run on one thread in float64"),
        ({"threads": 2}, ValueError, "eager steps run on one thread .* leave out threads=2"),
        ({"schedule": 0.1}, TypeError, r"schedule gives the learning rate of each step .* float 0\.1 cannot be called"),
        (
            {"schedule": lambda: 0.1},
            TypeError,
            r"a schedule is called with the number of the step, which <lambda>\(\) do",
        ),
        ({"callbacks": [3]}, TypeError, "a callback is called with model, history and epoch, and int 3 cannot be"),
        ({"callbacks": Keras}, TypeError, "model, history and epoch, and Keras is a class: give a function"),
        ({"callbacks": Keras()}, TypeError, "Keras .* cannot be called: give a function of these"),
        ({"progress": Keras}, TypeError, "called with a Progress, and Keras is a class: give a function"),
        (
            {"callbacks": lambda epoch, history, model: None},
            TypeError,
            r"in this order, and <lambda> takes \(epoch, history, \.\.\.\): put its parameters in that order$",
        ),
        ({"callbacks": lambda epoch, logs, model: None}, TypeError, r"and <lambda> takes \(epoch, logs, \.\.\.\): put"),
        (
            {"callbacks": lambda model, epoch, history: None},
            TypeError,
            r"in this order, and <lambda> takes \(model, epoch, \.\.\.\): put its parameters in that order$",
        ),
        (
            {"schedule": nn.schedules.cosine},
            TypeError,
            r"step, which cosine\(lr, steps, warmup=0, final=0\.0\) does not take$",
        ),
        ({"callbacks": lambda model: None}, TypeError, r"history and epoch, which <lambda>\(model\) does not take"),
        (
            {"callbacks": yields},
            TypeError,
            "a callback is called, and calling yields runs nothing: write a function without",
        ),
        ({"callbacks": [awaits]}, TypeError, "a callback is called, and calling awaits runs nothing"),
        ({"callbacks": functools.partial(yields, 1)}, TypeError, "calling partial runs nothing"),
        ({"schedule": Yields()}, TypeError, "a schedule is called, and calling Yields runs nothing"),
        ({"metrics": [awaits], "validation": 0.3}, TypeError, "a metric is called, and calling awaits runs nothing"),
        ({"progress": yields}, TypeError, "progress is called, and calling yields runs nothing"),
        ({"progress": Bar().update}, TypeError, r"update\(n=1\) takes a number: .* progress=lambda state: bar\.update"),
        ({"progress": lambda epoch, loss: None}, TypeError, r"progress is called with a Progress, which <lambda>"),
    ],
)
def test_fit_refuses(change, error, message):
    with pytest.raises(error, match=message):
        trained(**change)


def test_another_librarys_model_is_told_what_it_is_here():
    class Linear(CrossEntropyLoss):
        __module__ = "torch.nn.modules.linear"

    told = r'^model is Linear of torch, which takes arrays, .*: write Layer\(inputs, outputs, "identity"\)$'
    for make in (nn.EagerStep, nn.Trainer, lambda *parts: nn.fit(parts[0], X, Y, *parts[1:])):
        with pytest.raises(TypeError, match=told):
            make(Linear(), nn.cross_entropy, nn.SGD(network().parameters(), lr=0.1))


def test_a_custom_step_is_eager_without_a_warning():
    def step(model, loss, optimizer):
        return nn.EagerStep(model, loss, optimizer)

    model, history = trained("auto", step=step)
    assert history.backend == "eager"
    assert numbers(model) == numbers(trained()[0])
    with pytest.raises(ValueError, match="runs eagerly and clips itself"):
        trained("auto", step=step, clip_norm=1.0)
    with pytest.raises(TypeError, match=r"^step\(model, loss, optimizer\) returns what makes a step, .*, not None"):
        trained("auto", step=lambda model, loss, optimizer: None)


class Caching(nn.Module):
    """Keeps a result of its first call, which a training never changes."""

    def __init__(self):
        self.w = Value(0.5)

    def __call__(self, x):
        if not hasattr(self, "twice"):
            self.twice = self.w * 2
        return [x[0] * self.twice]


def test_a_model_that_keeps_a_result_is_refused_and_can_be_used():
    """Compiling left a traced value in it, at which eager steps and all later calls failed."""
    model = Caching()
    told = pytest.raises(ValueError, match=r"^twice is not a parameter but the result of mul")
    with pytest.warns(nn.EagerWarning, match="outlived"), told:
        nn.fit(model, [[1.0], [2.0]], [1.0, 2.0], nn.mse, nn.SGD(model.parameters(), lr=0.1), epochs=2)
    assert nn.predict(model, [[1.0], [3.0]]) == [[1.0], [3.0]]


def test_an_eager_step_shows_itself():
    model = network()
    step = nn.EagerStep(model, nn.mse, nn.SGD(model.parameters(), lr=0.1))
    assert repr(step) == "<EagerStep of MLP with mse and SGD>"


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
    X, optimizer = [[0.0, 1.0], [1.0, 0.0]], nn.SGD(model.parameters(), lr=0.1)
    for train in (
        lambda: nn.fit(model, X, targets, loss, optimizer, epochs=1),
        lambda: nn.EagerStep(model, loss, optimizer)(X, targets),
        lambda: nn.Trainer(model, loss, optimizer).step(X, targets),
        lambda: nn.Trainer(model, loss, optimizer).run(X, targets, 2),
        lambda: nn.Trainer(model, loss, optimizer).epoch(X, targets, 1),
    ):
        with pytest.warns(UserWarning, match=told) as found:
            train()
        assert [warning.filename for warning in found] == [__file__]


@pytest.mark.parametrize(("end", "targets"), [("relu", [1.0, 0.0]), ("tanh", [-1.0, 1.0]), ("identity", [-9.0, 9.0])])
def test_of_those_that_it_gives_nothing_is_told(end, targets):
    model = nn.Sequential(nn.Layer(2, 3, "tanh", seed=0), nn.Layer(3, 1, end, seed=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.fit(model, [[0.0, 1.0], [1.0, 0.0]], targets, nn.mse, nn.SGD(model.parameters(), lr=0.1), epochs=1)


@pytest.mark.parametrize("backend", ["eager", *INSTALLED])
def test_two_threads_do_not_train_with_one_optimiser(backend):
    """A quarter of the steps was lost, and both histories told of all; a callback may train, as it is no other."""
    model = network()
    optimizer, inside = nn.Adam(model.parameters(), lr=0.05), []

    def train(*, callbacks=()):
        return nn.fit(model, X, Y, nn.cross_entropy, optimizer, epochs=1, seed=1, backend=backend, callbacks=callbacks)

    def in_a_thread(*_):
        with ThreadPoolExecutor(1) as thread, pytest.raises(RuntimeError, match="another thread is training param"):
            thread.submit(train).result()
        other = copy.deepcopy((model, optimizer))
        inside.append((train(), nn.fit(other[0], X, Y, nn.cross_entropy, other[1], epochs=1, seed=1)))
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        train(callbacks=in_a_thread)
    with ThreadPoolExecutor(1) as thread:  # after an error, too
        assert thread.submit(train).result().losses[0] < inside[0][0].losses[0]
    assert optimizer.steps == 3


@pytest.mark.parametrize("backend", ["eager", *INSTALLED])
def test_nor_with_two_of_the_same_parameters(backend):
    """Each step of the one was made from where the other had begun; those of other parameters have nothing to lose."""
    model = network()
    params = model.parameters()

    def train(trained, model=model, **options):
        optimizer = nn.SGD(trained, lr=0.05)
        return nn.fit(model, X, Y, nn.cross_entropy, optimizer, epochs=1, seed=1, backend=backend, **options)

    def in_a_thread(*_):
        with ThreadPoolExecutor(1) as thread:
            with pytest.raises(RuntimeError, match="another thread is training parameters of this optimizer"):
                thread.submit(train, params[-1:]).result()
            other = network()
            thread.submit(train, other.parameters(), other).result()
            thread.submit(train, params[:-4]).result()

    train(params[-3:], callbacks=in_a_thread)
