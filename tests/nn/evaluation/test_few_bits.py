"""Labels and samples of few bits, whose sums overflow without a word: refused in models and losses of yours."""

import pytest

import engine
import nn
from engine import Value
from nn.evaluation.few_bits import refuse_overflow, widened
from tests.needs import needs
from tests.nn.evaluation.networks import X, network

np = needs("numpy")

Y = (np.arange(len(X)) % 2).astype("u1")


def margin(outputs, labels):
    """Of 0 and 1 it makes -1 and 1, but of a 0 in uint8 255."""
    return (1 - (2 * np.asarray(labels) - 1) * np.array([row[0] for row in outputs])).mean()


def trained(backend, y):
    model = network(1)
    return nn.fit(model, X, y, margin, nn.SGD(model.parameters(), lr=0.1), epochs=1, seed=0, backend=backend).losses


USES = {
    "eager steps": lambda y: trained("eager", y),
    "fit": lambda y: trained("auto", y),
    "score": lambda y: nn.score(network(1), X, y, margin),
    "a metric": lambda y: nn.evaluate(network(1), X, y, nn.mse, lambda labels, outputs: margin(outputs, labels)),
}


@pytest.mark.filterwarnings("ignore::nn.EagerWarning")  # the function cannot be compiled for such labels
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_overflows_is_refused_with_both_numbers(use):
    with pytest.raises(ValueError, match=r"margin|loss|metric .* 64 bits: .* Give y\.astype\(float\)"):
        use(Y)
    use(Y.astype(int))
    use(Y.astype(float))


class Squares(nn.Module):
    """Of 20 in uint8 it makes 144."""

    def __init__(self):
        self.w = Value(0.5)

    def __call__(self, x):
        return [self.w * (np.asarray(x) ** 2).sum()]


def trained_on(backend, pixels):
    model = Squares()
    return nn.fit(model, pixels, [1.0, 2.0], nn.mse, nn.SGD(model.parameters(), 1e-6), epochs=1, backend=backend)


USES_OF_SAMPLES = {
    "fit in eager steps": lambda X: trained_on("eager", X),
    "fit": lambda X: trained_on("auto", X),
    "predict eagerly": lambda X: nn.predict(Squares(), X, backend="eager"),
    "predict": lambda X: nn.predict(Squares(), X),
    "score": lambda X: nn.score(Squares(), X, [1.0, 2.0], nn.mse, backend="eager"),
}


@pytest.mark.filterwarnings("ignore::nn.EagerWarning")  # the model cannot be compiled for such samples
@pytest.mark.parametrize("use", USES_OF_SAMPLES.values(), ids=USES_OF_SAMPLES)
@pytest.mark.parametrize("form", [np.array, list], ids=["array", "rows"])
def test_models_that_overflow_on_samples_are_refused_too(use, form):
    """Eager steps and predictions asked for by name computed with 144."""
    pixels = np.array([[1, 20], [2, 3]], np.uint8)
    with pytest.raises(ValueError, match=r"the model gives 72.5 for these samples, and 200.5 .* Give X\.astype\(float"):
        use(form(pixels))
    use(form(pixels.astype(float)))
    use(form(pixels // 2))


@pytest.mark.parametrize("first", [np.uint8, float])
def test_what_would_overflow_in_a_later_batch_is_computed_in_64_bits(first):
    """Eager steps look at the first batch alone, whatever it holds, and computed with 144 in others."""

    def squares(outputs, labels):
        return engine.mean([(row[0] - (np.asarray(label) ** 2).sum()) ** 2 for row, label in zip(outputs, labels)])

    pixels, labels = np.array([[2, 3], [1, 20]], np.uint8), np.array([3, 20], np.uint8)
    losses = []
    for kinds in ((first, np.uint8), (float, float)):
        step = nn.EagerStep(model := Squares(), squares, nn.SGD(model.parameters(), 1e-9))
        losses.append([step(pixels[[k]].astype(kind), labels[[k]].astype(kind)) for k, kind in enumerate(kinds)])
    assert losses[0] == losses[1]


def test_a_training_that_goes_on_computes_in_64_bits_too():
    """It took no look, and computed with 144 in its later batches."""
    pixels = np.array([[2, 3], [1, 20]], np.uint8)

    def losses(*epochs):
        model, history = Squares(), None
        optimizer = nn.SGD(model.parameters(), 1e-9)
        for count in epochs:
            options = {"shuffle": False, "seed": 1, "backend": "eager", "resume": history}
            history = nn.fit(model, pixels, [1.0, 2.0], nn.mse, optimizer, count, 1, **options)
        return history.batch_losses

    assert losses(1, 2) == losses(2)


@pytest.mark.parametrize("kind", ["u1", "f8"])
def test_a_model_that_is_made_for_a_type_is_given_it_in_every_step(kind):
    class Made(Squares):
        def __call__(self, x):
            return [self.w * {kind: 1.0}[np.asarray(x).dtype.str[1:]]]

    step = nn.EagerStep(model := Made(), nn.mse, nn.SGD(model.parameters(), 1e-6))
    assert all(step(np.array([[1, 2]], kind), [1.0]) for _ in range(3))


def test_numbers_beyond_those_of_64_bits_with_a_sign_stay_as_large():
    """They became negative, and the model was said to overflow."""
    large = np.array([[2**63 + 2**62, 1]], np.uint64)
    assert widened(large).tolist() == [[2.0**63 + 2.0**62, 1.0]]
    assert widened([*large // 2])[0].dtype == np.int64


COUNT = iter(range(100))

FINE = {
    "a difference from floats": (lambda o, y: float(np.mean(o - y)), Y),
    "a share": (lambda o, y: float(np.mean(o.round() == y)), Y),
    "labels in a list": (lambda o, y: float(sum(o - y)), [*Y]),
    "labels as indices": (lambda o, y: [0.5, 1.5][y[0]], Y),
    "made for the type": (lambda o, y: {"u1": 1.0}[y.dtype.str[1:]], Y),
    "another number at every call": (lambda o, y: float(next(COUNT)), Y),
    "nan": (lambda o, y: np.nan, Y),
}


@pytest.mark.parametrize(("score", "labels"), FINE.values(), ids=FINE)
def test_what_does_not_is_let_alone(score, labels):
    outputs = np.linspace(0.0, 1.0, len(Y))
    refuse_overflow("it", score, score(outputs, labels), outputs, labels)


@pytest.mark.parametrize("kind", ["i1", "u8", "f2"])
def test_other_kinds_overflow_too(kind):
    def score(outputs, labels):
        return float((np.asarray(labels) * 300 if kind == "f2" else np.asarray(labels) - 100 - 100).max())

    labels = np.array([0, 100] if kind != "f2" else [0, 300]).astype(kind)
    with np.errstate(all="ignore"):
        for given in (labels, [*labels]):
            with pytest.raises(ValueError, match="64 bits"):
                refuse_overflow("it", score, score(None, given), None, given)


@pytest.mark.parametrize("wide", [np.nan, 1e-9, 1.00001])
def test_numbers_that_differ_a_little_differ(wide):
    """A nan in place of a number, or of 0 what is a billionth of 1, is no rounding; nan and nan are the same."""
    y, narrow = np.ones(3, "u1"), 1.0 if wide > 1 else 0.0
    with pytest.raises(ValueError, match="64 bits"):
        refuse_overflow("f", lambda outputs, y: narrow if y.itemsize == 1 else wide, narrow, [], y)
    refuse_overflow("f", lambda outputs, y: np.nan, np.nan, [], y)
