"""Dropout: the same masks in every back end, whatever comes, goes or moves."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from engine import TraceError
from tests.needs import INSTALLED, NATIVE, needs

from .fitting import BACKENDS, X, Y, numbers, trained, with_dropout

np = needs("numpy")


@BACKENDS
@pytest.mark.parametrize("each", [False, True])
def test_masks_are_the_same_in_every_back_end(backend, each):
    progress = {"progress": lambda state: None} if each else {}
    model, history = trained(backend, model=with_dropout(), **progress)
    same, expected = trained(model=with_dropout())
    assert history.backend == backend
    np.testing.assert_allclose(history.batch_losses, expected.batch_losses, rtol=1e-9)
    np.testing.assert_allclose(numbers(model), numbers(same), rtol=1e-8)
    other, _ = trained(backend)
    assert numbers(other) != numbers(model)


@BACKENDS
def test_masks_of_steps_that_an_optimiser_makes_itself(backend):
    """Its gradients are those of the batch with the masks of that step."""

    class Halved(nn.Optimizer):
        def step(self):
            for p in self.params:
                p.data -= 0.5 * p.grad

    def course(choice):
        model = with_dropout()
        return nn.fit(model, X, Y, nn.cross_entropy, Halved(model.parameters(), lr=0.1), 3, 8, seed=1, backend=choice)

    np.testing.assert_allclose(course(backend).batch_losses, course("eager").batch_losses, rtol=1e-9)


@NATIVE
def test_masks_are_the_same_for_every_thread_count():
    _, expected = trained("llvm", model=with_dropout())
    _, history = trained("llvm", model=with_dropout(), threads=2)
    np.testing.assert_allclose(history.batch_losses, expected.batch_losses, rtol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9), st.integers(1, 12), st.booleans(), st.integers(0, 5), st.sampled_from(INSTALLED))
def test_any_loop_is_the_eager_one(count, size, shuffle, seed, backend):
    source = random.Random(seed)
    samples = [[source.gauss(0, 1), source.gauss(0, 1)] for _ in range(count)]
    labels = [source.randrange(2) for _ in range(count)]

    def made(choice):
        model = with_dropout()
        history = nn.fit(
            model,
            samples,
            labels,
            nn.cross_entropy,
            nn.SGD(model.parameters(), lr=0.1, momentum=0.9),
            2,
            size,
            shuffle=shuffle,
            seed=seed,
            backend=choice,
        )
        return [*history.batch_losses, *numbers(model)]

    np.testing.assert_allclose(made(backend), made("eager"), rtol=1e-8, atol=1e-10)


def shrunk(model):
    """With some of the parameters that there were."""
    first, last = nn.Layer(2, 3, "tanh"), nn.Layer(3, 2, "identity")
    first.neurons[:] = model.layers[0].neurons[:3]
    for neuron, before in zip(last.neurons, model.layers[-1].neurons):
        neuron.w[:], neuron.b = before.w[:3], before.b
    model.layers[0], model.layers[-1] = first, last


MOVES = {
    "comes": (False, lambda model: model.layers.insert(1, nn.Dropout(0.5, seed=3))),
    "another comes": (True, lambda model: model.layers.insert(0, nn.Dropout(0.2, seed=5))),
    "goes": (True, lambda model: model.layers.pop(1)),
    "is replaced by one of other masks": (True, lambda model: model.layers.__setitem__(1, nn.Dropout(0.1, seed=9))),
    "moves": (True, lambda model: model.layers.insert(0, model.layers.pop(1))),
    "is set to eval mode": (True, lambda model: model.layers[1].eval()),
    "has a smaller layer": (True, shrunk),
    "has another probability": (True, lambda model: setattr(model.layers[1], "p", 0.2)),
}


@pytest.mark.parametrize("backend", [*INSTALLED, "auto"])
@pytest.mark.parametrize("name", MOVES)
def test_a_dropout_that_a_callback_changes_counts_from_the_next_epoch_on(backend, name):
    """In compiled code, as eager steps take it: masks are laid out anew."""
    there, change = MOVES[name]

    def course(choice):
        dropout = [nn.Dropout(0.5, seed=3)] * there
        model = nn.Sequential(nn.Layer(2, 5, "tanh", seed=1), *dropout, nn.Layer(5, 2, "identity", seed=2))
        _, history = trained(choice, model=model, epochs=5, callbacks=lambda m, h, epoch: epoch == 2 and change(m))
        return history

    found = course(backend)
    assert not found.backend.startswith("eager")
    np.testing.assert_allclose(found.batch_losses, course("eager").batch_losses, rtol=1e-8)


@BACKENDS
def test_a_layer_that_a_callback_replaces_and_the_optimiser_lacks_is_refused(backend):
    """As without dropout. In compiled code training went on with the old layer's parameters, and not a word."""

    def replace(model, history, epoch):
        model.layers[0] = nn.Layer(2, 5, "tanh", seed=8)

    with pytest.raises(ValueError, match="optimiser's parameters do not belong to this model"):
        trained(backend, model=with_dropout(), epochs=3, callbacks=replace)


def test_eval_mode_within_an_epoch_is_refused_with_the_remedy():
    """The error spoke of a Dropout that was added, removed or moved."""
    model = with_dropout()

    def look(state):
        if state.epoch == 2:
            model.eval()

    with pytest.raises(TraceError, match=r'set to eval mode: do that in a callback, .* or give backend="eager"'):
        trained(model=model, backend="numpy", progress=look)


@BACKENDS
def test_a_second_training_draws_further_masks(backend):
    """The optimiser counts the steps: two trainings of an epoch are one of two; a new optimiser begins again."""
    model = with_dropout()

    def losses(optimizer, epochs):
        made = nn.fit(model, X, Y, nn.cross_entropy, optimizer, epochs, 8, shuffle=False, backend=backend)
        return made.batch_losses

    one, other = nn.SGD(model.parameters(), lr=0.0), nn.SGD(model.parameters(), lr=0.0)
    first = losses(one, 1)
    second = losses(one, 1)
    assert first + second == losses(other, 2)
    assert first != second


class Mine(nn.EagerStep):
    """A step of one's own, which counted from 0 after resume=."""


@pytest.mark.parametrize("how", [*({"backend": name} for name in ("eager", *INSTALLED)), {"step": Mine}])
def test_a_training_that_goes_on_with_a_new_optimiser_draws_the_masks_that_are_next(how):
    """As plain steps need none of its memory, so that a checkpoint without it is enough."""
    model = with_dropout()

    def fit(epochs, **more):
        still = nn.SGD(model.parameters(), lr=0.0)
        return nn.fit(model, X, Y, nn.cross_entropy, still, epochs, 8, shuffle=False, **how, **more)

    together, first = fit(2), fit(1)
    assert fit(2, resume=first).batch_losses == together.batch_losses


@pytest.mark.parametrize("new", [False, True])
@pytest.mark.parametrize("held", [None, (X, 1 - Y)])
@BACKENDS
def test_a_training_with_a_used_optimiser_goes_on_as_if_it_had_never_stopped(backend, held, new):
    """Though patience gave back the first epoch, with the optimiser's count, or a new optimiser has counted none."""
    patience = {"validation": held, "patience": 9} if held else {}

    def losses(*epochs):
        model, history = with_dropout(), None
        optimizer = nn.SGD(model.parameters(), lr=0.1)
        optimizer.steps = 7
        for count in epochs:
            more = {"backend": backend, "resume": history, **patience}
            history = nn.fit(model, X, Y, nn.cross_entropy, optimizer, count, 8, seed=1, **more)
            optimizer = nn.SGD(model.parameters(), lr=0.1) if new else optimizer
        assert not held or history.best_epoch == 1
        return history.batch_losses

    np.testing.assert_allclose(losses(3, 4), losses(4), rtol=1e-9)


@pytest.mark.parametrize("schedule", [None, lambda step: 0.0, lambda step: random.random() * 0.0])
@pytest.mark.parametrize("size", [5, 8])
@BACKENDS
def test_masks_of_a_used_optimiser_are_those_of_eager_steps(backend, size, schedule):
    """In one call for an epoch, in a call for each rate, and with a smaller last batch."""

    def losses(choice):
        model = with_dropout()
        optimizer = nn.SGD(model.parameters(), lr=0.0)
        optimizer.steps = 7
        made = nn.fit(
            model, X, Y, nn.cross_entropy, optimizer, 2, size, shuffle=False, backend=choice, schedule=schedule
        )
        return made.batch_losses

    np.testing.assert_allclose(losses(backend), losses("eager"), rtol=1e-9)


def test_steps_of_ones_own_go_on_where_the_optimiser_is():
    """A new EagerStep for each epoch draws further masks, and one that was told its number no later ones."""

    def losses(numbers):
        model = with_dropout()
        optimizer = nn.SGD(model.parameters(), lr=0.0)
        step, found = nn.EagerStep(model, nn.cross_entropy, optimizer), []
        for number in numbers:
            if number is not None:
                step = nn.EagerStep(model, nn.cross_entropy, optimizer)
                step.steps = number
            found.append(step(X, Y))
        return found

    assert losses([None, 0, 0]) == losses([None, None, None]) == losses([None, 1, 2])
