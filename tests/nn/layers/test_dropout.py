"""Dropout: the mask is a function of where it is drawn; train and eval mode."""

import statistics
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import TraceError, Value, check_gradients, compile
from nn import MLP, Dropout, Layer, Module, Sequential
from nn.layers import dropout
from nn.layers.dropout import Layout, Place, drawing
from nn.modes import evaluating
from tests.interrupting import Pressed

WHOLE = st.integers(0, 2**64 - 1)


def test_entries_are_dropped_or_scaled():
    dropout = Dropout(0.25, seed=3)
    found = [dropout([1.0] * 50) for _ in range(200)]
    entries = [x for row in found for x in row]
    assert set(entries) == {0.0, 4 / 3}
    assert entries.count(0.0) / len(entries) == pytest.approx(0.25, abs=0.015)
    assert statistics.fmean(entries) == pytest.approx(1.0, abs=0.02)
    assert len({tuple(row) for row in found}) == len(found)  # every call draws its own


def test_nested_rows_and_single_values():
    dropout = Dropout(0.5, seed=1)
    flat = Dropout(0.5, seed=1)([1.0] * 4)
    assert dropout([[1.0, 1.0], [1.0, 1.0]]) == [flat[:2], flat[2:]]
    assert Dropout(0.5, seed=1)(1.0) == flat[0]


def test_gradients_pass_where_the_mask_lets_them():
    x = [Value(1.0) for _ in range(6)]
    y = Dropout(0.5, seed=4)(x)
    assert engine.grad(engine.sum(y), x) == [v.data for v in y]


def test_the_same_place_gives_the_same_mask():
    """Whoever asks, in whatever order, and however often before."""
    dropout = Dropout(0.5, seed=7)
    place = lambda step, sample: Place(step, sample).factors(dropout, 20)
    first = {(s, k): place(s, k) for s in range(3) for k in range(3)}
    again = {(s, k): place(s, k) for k in (2, 0, 1) for s in (1, 2, 0)}
    assert first == again
    assert len({tuple(row) for row in first.values()}) == 9
    assert Place(0, 0).factors(Dropout(0.5, seed=8), 20) != first[0, 0]
    pair = Place(0, 0)
    assert [*pair.factors(dropout, 5), *pair.factors(dropout, 15)] == first[0, 0]


@given(WHOLE, st.integers(0, 2**40), st.integers(1, 5))
def test_masks_of_a_layout_are_those_of_the_places(seed, step, samples):
    one, other = Dropout(0.3), Dropout(0.9)
    one.seed, other.seed = seed, seed ^ 12345
    layout = Layout()
    layout.factors(one, 3), layout.factors(other, 2), layout.factors(one, 1)
    expected = []
    for sample in range(samples):
        place = Place(step, sample)
        expected.append([7.0, *place.factors(one, 3), *place.factors(other, 2), *place.factors(one, 1), 8.0])
    rows = [[7.0, *[1.0] * 6, 8.0]] * samples
    assert layout.masks(1).drawn(rows, later=step) == expected


def test_train_and_eval_mode():
    model = Sequential(Layer(2, 4, seed=1), Dropout(0.5, seed=1), MLP(4, [2], seed=1))
    assert all(module.training for module in model.modules())
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    expected = [y.data for y in model([1.0, 2.0])]
    assert [y.data for y in model([1.0, 2.0])] == expected
    model.train()
    outputs = {tuple(y.data for y in model([1.0, 2.0])) for _ in range(9)}
    assert len(outputs) > 1
    with evaluating():
        assert [y.data for y in model([1.0, 2.0])] == expected
        assert not model.training
    assert model.training
    with pytest.raises(TypeError, match="the mode is True for training"):
        model.train("yes")


def test_a_mode_that_a_module_is_in_already_is_no_change_to_look_at():
    model = Sequential(Layer(2, 4, seed=1), Dropout(0.5, seed=1))
    for set_mode, changed in ((model.train, 0), (model.eval, 3), (model.eval, 0), (model.train, 3)):
        before = engine.changes[0]
        set_mode()
        assert engine.changes[0] - before >= changed
        assert changed or engine.changes[0] == before
    model.layers[1].eval()
    assert all(module.training for module in model.train().modules())
    with evaluating():  # where all look as if they were in eval mode
        model.eval()
    assert not any(module.training for module in model.modules())


def test_eval_mode_of_a_thread_is_its_own():
    model = Dropout(0.5)
    seen = []
    with evaluating():
        thread = threading.Thread(target=lambda: seen.append(model.training))
        thread.start()
        thread.join()
        assert not model.training
    assert seen == [True]


def test_check_gradients_holds_the_mask():
    model = Sequential(Layer(2, 8, "tanh", seed=1), Dropout(0.5, seed=1), Layer(8, 1, "identity", seed=2))
    before = model.layers[1].calls
    assert check_gradients(model, [0.5, -1.0]).ok
    assert model.layers[1].calls == before


def test_a_trace_cannot_draw():
    """Not even where both runs of a trace would happen to draw the same mask."""
    model = Sequential(Layer(1, 1, seed=1), Dropout(0.5, seed=1))
    compiled = compile(model, backend="python")
    with pytest.raises(TraceError, match=r"call model.eval\(\) first, or train with nn.fit"):
        compiled([[1.0]])
    model.eval()
    assert list(compiled([[1.0]])[0]) == [model([1.0])[0].data]


def test_masks_as_inputs_of_a_compiled_function():
    dropout = Dropout(0.5, seed=3)

    class Twice(Module):
        def __call__(self, x):
            return dropout([a + b for a, b in zip(dropout(x), x)])

    model = Twice()
    layout = Layout()
    with drawing(layout):
        model([1.0, 2.0, 3.0])
    assert layout.units == [dropout] * 6

    def of_sample(x, factors):
        with drawing(Layout(factors)):
            return model(x)

    compiled = compile(of_sample, backend="python")
    masks = [Place(4, k).factors(dropout, 6) for k in range(2)]
    for k, found in enumerate(compiled([[1.0, 2.0, 3.0]] * 2, masks)):
        with drawing(Place(4, k)):
            assert found == model([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("p", "error", "message"),
    [(1.0, ValueError, "p must be below 1"), (-0.1, ValueError, "of at least 0"), ("half", TypeError, "str 'half'")],
)
def test_what_is_refused(p, error, message):
    with pytest.raises(error, match=message):
        Dropout(p)
    dropout = Dropout(0.25)
    with pytest.raises(error, match=message):
        dropout.p = p
    assert dropout.p == 0.25


def test_repr_and_zero():
    assert repr(Dropout(0.25)) == "Dropout(0.25)"
    assert Dropout(0.0)([1.0, -2.0]) == [1.0, -2.0]


def test_ctrl_c_while_masks_get_a_source_leaves_none_behind(monkeypatch):
    before = dropout._source.get()
    monkeypatch.setattr(dropout, "_source", Pressed(dropout._source))
    with pytest.raises(KeyboardInterrupt), drawing(Place(0, 0)):
        pass
    assert dropout._source.get() is before
