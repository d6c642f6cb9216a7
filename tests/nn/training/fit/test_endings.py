"""What ends a training, or its compiled part: callbacks, Ctrl-C, numbers that are not finite."""

import math
import random
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import engine
import nn
from engine import TraceError, Value
from tests.needs import INSTALLED, needs

from .fitting import BACKENDS, X, Y, network, numbers, trained

np = needs("numpy")


def test_callbacks_see_and_stop():
    seen = []

    def stop(model, history, epoch):
        seen.append((type(model), len(history.rows), epoch))
        return epoch == 2

    with pytest.warns(UserWarning, match="returned str 'no stop', and training went on: only True stops it"):
        _, history = trained(epochs=9, callbacks=[stop, lambda *_: "no stop"])
    assert seen == [(nn.MLP, 1, 1), (nn.MLP, 2, 2)]
    assert history.stopped == "callback"
    assert repr(history).splitlines()[0].endswith("stopped by callback")
    _, history = trained(epochs=9, callbacks=lambda _, history, __: np.mean(history.losses) > 0.0)  # NumPy's True
    assert history.stopped == "callback"


def test_all_callbacks_are_called_in_the_epoch_that_one_of_them_makes_the_last():
    """One behind it may save what has been trained."""
    seen = []
    trained(epochs=3, callbacks=[lambda *_: True, lambda model, history, epoch: seen.append((epoch, history.stopped))])
    assert seen == [(1, "callback")]


@pytest.mark.parametrize(("answer", "shown"), [(1.0, r"float 1\.0"), (1, "int 1"), (np.float64(1.0), r"float 1\.0")])
def test_an_answer_that_equals_true_is_warned_of(answer, shown):
    with pytest.warns(UserWarning, match=f"a callback returned {shown}, and training went on: only True stops it"):
        _, history = trained(epochs=2, callbacks=lambda *_: answer)
    assert history.stopped is None


@pytest.mark.parametrize("answer", [None, False, 0, 0.0, 0.25, ""])
def test_other_answers_go_on(answer, recwarn):
    _, history = trained(epochs=2, callbacks=lambda *_: answer)
    assert (history.stopped, [*recwarn]) == (None, [])


def test_the_way_of_keras_to_stop_is_warned_of():
    def stop(model, history, epoch):
        model.stop_training = True
        return epoch == 2

    with pytest.warns(UserWarning, match=r"model\.stop_training is True, and .*: a callback that returns True") as told:
        _, history = trained(epochs=9, callbacks=stop)
    assert (len(told), history.stopped) == (1, "callback")


@BACKENDS
def test_ctrl_c_gives_the_history(backend):
    def interrupt(model, history, epoch):
        if epoch == 2:
            raise KeyboardInterrupt

    model, history = trained(backend, epochs=9, callbacks=interrupt)
    assert history.stopped == "interrupted"
    assert len(history.rows) == 2
    assert model.training
    again, longer = trained(backend, model=model, epochs=4, resume=history)
    assert [row["epoch"] for row in longer.rows] == [1, 2, 3, 4]
    assert longer.stopped is None
    assert again is model


@BACKENDS
def test_ctrl_c_among_the_scores_leaves_the_epoch_without_them(backend):
    """It is trained, and going on begins with the next one; patience too goes on."""
    calls = []

    def counted(y_true, outputs):
        calls.append(len(outputs))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return len(calls)

    options = {"validation": (X, Y), "patience": 9, "metrics": counted}
    model, history = trained(backend, epochs=9, **options)
    assert (history.stopped, len(history.losses), len(history.rows)) == ("interrupted", 2, 2)
    assert "validation_counted" not in history.rows[1]
    _, longer = trained(backend, model=model, epochs=3, resume=history, **options)
    assert [row["epoch"] for row in longer.rows] == [1, 2, 3]
    assert math.isnan(longer.to_dict()["validation_counted"][1])


@BACKENDS
def test_an_epoch_that_ctrl_c_cuts_short_is_made_again(backend):
    """From its steps, in the same order of batches: no batch is left out because it was among these steps."""

    def interrupt(state):
        if (state.epoch, state.batch) == (2, 1):
            raise KeyboardInterrupt

    model, history = trained(backend, epochs=2, progress=interrupt)
    assert (history.stopped, len(history.losses), len(history.batch_losses)) == ("interrupted", 1, 5)  # 4 an epoch
    other, before = trained(backend, epochs=1)
    assert numbers(other) != numbers(model)
    for p, number in zip(other.parameters(), numbers(model)):
        p.data = number
    trained(backend, model=model, epochs=2, resume=history)
    with pytest.warns(UserWarning, match="from other parameters than those it ended with"):
        trained(backend, model=other, epochs=2, resume=before)
    assert numbers(other) == numbers(model)


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals reach the main thread")
def test_a_signal_in_an_epoch_gives_the_history():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a shell it is ignored

    def poke(state):
        if (state.epoch, state.batch) == (2, 1):
            signal.raise_signal(signal.SIGINT)

    try:
        _, history = trained(epochs=9, progress=poke)
    finally:
        signal.signal(signal.SIGINT, before)
    assert history.stopped == "interrupted"
    assert len(history.rows) == 1


@BACKENDS
def test_a_gradient_that_is_infinite_is_reported_with_the_operation(backend):
    """The loss itself is finite; and where a rate alone is too large, there is no operation to blame."""

    def rooted(outputs, labels):
        return sum(engine.sqrt(out[0]) for out in outputs) / len(outputs)

    model = nn.MLP(2, [1], init="zeros")
    with pytest.raises(FloatingPointError, match=r"sqrt gave \w+ the gradient inf in the backward pass") as caught:
        nn.fit(model, X, Y, rooted, nn.SGD(model.parameters(), lr=0.1), 1, backend=backend)
    assert caught.value.history.stopped == "nan"
    model = nn.MLP(2, [1], seed=1)
    with pytest.raises(FloatingPointError) as caught:
        nn.fit(model, 1e10 * X, Y, nn.mse, nn.SGD(model.parameters(), lr=1e308), 1, backend=backend)
    assert "pass" not in str(caught.value)


def test_ctrl_c_in_the_first_epoch_leaves_what_it_made():
    """There is no best epoch to go back to."""

    def loss(outputs, labels):
        if labels == [1] * 8:
            raise KeyboardInterrupt
        return nn.cross_entropy(outputs, labels)

    model = network()
    optimizer, before = nn.SGD(model.parameters(), lr=0.1), numbers(model)
    options = {"validation": (X, Y), "patience": 2, "shuffle": False, "backend": "eager"}
    history = nn.fit(model, X[:16], [0] * 8 + [1] * 8, loss, optimizer, 3, 8, **options)
    assert (history.stopped, len(history.batch_losses), history.rows) == ("interrupted", 1, [])
    assert numbers(model) != before


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_model_that_cannot_be_compiled_any_more_in_the_middle_of_an_epoch(backend):
    """The batches of the rest of that epoch are drawn already: the change is refused, and not half an epoch eager."""
    model = nn.Sequential(nn.Layer(2, 3, "tanh", seed=1), nn.Layer(3, 2, "identity", seed=2))

    def insert(state):
        if (state.epoch, state.batch) == (2, 1):
            model.layers.insert(1, Choosing())

    class Choosing(nn.Module):
        def __call__(self, x):
            return x if x[0] > 0.0 else [2.0 * each for each in x]

    for choice in ("auto", backend):
        model.layers = [layer for layer in model.layers if not isinstance(layer, Choosing)]
        with pytest.raises(TraceError, match="branch"):
            trained(choice, model=model, progress=insert)


class Rooted(nn.Module):
    """Takes the root of what may be negative."""

    def __init__(self):
        self.w = Value(1.0)

    def __call__(self, x):
        return (self.w * x).sqrt()


@BACKENDS
def test_a_nan_tells_where_it_came_from_and_what_was_before(backend):
    model = Rooted()
    samples, labels = [4.0, 1.0, 9.0, -1.0, 2.0], [1.0] * 5
    with pytest.raises(FloatingPointError, match=r"the loss became nan") as caught:
        nn.fit(model, samples, labels, nn.mse, nn.SGD([model.w], lr=0.001), 3, 1, shuffle=False, backend=backend)
    assert "sqrt" in str(caught.value)
    assert "return (self.w * x).sqrt()" in str(caught.value)
    history = caught.value.history
    assert history.stopped == "nan"
    assert len(history.batch_losses) == 3
    assert math.isfinite(model.w.data)
    assert model.w.data != 1.0


@BACKENDS
@pytest.mark.parametrize("more", [{}, {"validation": 0.25}, {"sample_weight": [1.0] * 40}, {"batch_size": 3}])
def test_numbers_of_the_data_that_are_not_finite_are_named_as_the_user_indexes_them(backend, more):
    """Not by their place in a batch, nor among the samples that no validation holds out."""
    samples, labels = np.ones((40, 2)), np.ones(40)
    bad = {3: math.inf, 12: -math.inf, 37: math.nan}
    for row, number in bad.items():
        samples[row, 1] = number
    model = nn.MLP(2, [1], seed=1)
    options = {"batch_size": 8, "seed": 2, "backend": backend, **more}
    with pytest.raises(FloatingPointError, match=r"layers\.0\.neurons\.0\.w\.1") as caught:
        nn.fit(model, samples, labels, nn.mse, nn.SGD(model.parameters(), lr=0.01), 1, **options)
    named = re.findall(r"X\[(\d+)\]\[1\] is (-?\w+)", str(caught.value))
    assert named
    assert all(str(bad[int(row)]) == number for row, number in named)


@BACKENDS
def test_labels_that_are_not_finite_are_named_where_a_loss_takes_them(backend):
    def loss(outputs, labels):
        return engine.mean([(output[0] - label) ** 2 for output, label in zip(outputs, labels)])

    labels = np.ones(40)
    labels[7] = math.nan
    with pytest.raises(FloatingPointError, match=r"\ny\[7\] holds nan\n"):
        trained(backend, model=nn.MLP(2, [1], seed=1), samples=np.ones((40, 2)), y=labels, loss=loss)


def test_the_batch_of_a_nan_is_found_where_others_draw_from_the_same_numbers():
    rng, samples = random.Random(4), np.ones((40, 2))

    def meddle(model, history, epoch):
        rng.random()
        if epoch == 2:
            samples[7, 1] = math.inf

    with pytest.raises(FloatingPointError, match=r"X\[7\]\[1\] is inf"):
        trained(model=network(1), samples=samples, y=np.ones(40), loss=nn.mse, batch_size=4, seed=rng, callbacks=meddle)


@BACKENDS
def test_the_history_before_a_nan_goes_on_with_the_parameters_as_they_stayed(backend, recwarn):
    """It told the parameters of the last epoch, or of the training before, so that going on warned of others."""
    model, samples = network(), X.copy()
    optimizer = nn.SGD(model.parameters(), lr=0.1)

    def fit(epochs, **options):
        return nn.fit(model, samples, Y, nn.cross_entropy, optimizer, epochs, 8, backend=backend, **options)

    def spoil(model, history, epoch):
        samples[5, 0] = math.inf if epoch == 3 else X[5, 0]

    first = fit(2, seed=1)
    with pytest.raises(FloatingPointError) as caught:
        fit(9, resume=first, callbacks=spoil)
    samples[5, 0] = X[5, 0]
    assert len(fit(5, resume=caught.value.history).losses) == 5
    assert not [*recwarn]


def test_of_many_such_numbers_three_are_named():
    samples = np.full((5, 2), math.nan)
    with pytest.raises(
        FloatingPointError, match=r"X\[0\]\[0\] is nan, X\[0\]\[1\] is nan, X\[1\]\[0\] is nan, and 7 more"
    ):
        trained(model=nn.MLP(2, [1], seed=1), samples=samples, y=[0.0] * 5, loss=nn.mse, shuffle=False)


def test_a_nan_that_cannot_be_found_again_is_reported_as_it_is():
    """A loss that fails on the second look is no reason to hide the first."""
    calls = []

    def loss(outputs, labels):
        calls.append(1)
        if len(calls) > 1:
            raise ZeroDivisionError
        return nn.mse(outputs, labels) * math.nan

    with pytest.raises(FloatingPointError, match="the loss became nan") as caught:
        trained(model=network(1), y=X[:, 0], loss=loss, epochs=1)
    assert len(calls) > 1
    assert "ZeroDivisionError" not in str(caught.value)


def test_in_a_thread_no_line_of_the_library_made_a_node():
    """It was said to be made where threading.py starts a thread."""
    model = nn.MLP(1, [1], "identity", init="zeros")
    with ThreadPoolExecutor(1) as executor:
        step = executor.submit(nn.fit, model, [[math.inf]], [0.0], nn.mse, nn.SGD(model.parameters(), lr=0.1))
        with pytest.raises(FloatingPointError, match="gave nan in the forward pass") as caught:
            step.result()
    assert "made at" not in str(caught.value)
