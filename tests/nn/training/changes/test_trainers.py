"""A Trainer as an object: copies, pickles, bounds, outputs by name."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import nn
from nn import SGD, Adam, Trainer
from nn.training.trainer.ways import Way

from .reference import ALL, Eager, X, Y, data, model


@ALL
def test_a_trainer_pickles_and_copies_with_its_model_and_optimiser(backend: str) -> None:
    """And the copy goes on as it would."""
    m = model()
    trainer = Trainer(m, nn.cross_entropy, Adam(m.parameters(), 0.05), backend=backend, clip_value=0.5)
    trainer.run(X, Y, 3)
    twins = [copy.deepcopy(trainer), pickle.loads(pickle.dumps(trainer))]
    expected = trainer.run(X, Y, 3)
    for other in twins:
        assert (other.steps, other.optimizer.steps, other.clip_value) == (3, 3, 0.5)
        assert other.run(X, Y, 3) == pytest.approx(expected)
    assert repr(trainer) == f"<Trainer of MLP with cross_entropy and Adam after 6 steps ({trainer.backend})>"


def test_a_trainer_of_what_has_no_name_says_so() -> None:
    m = model()
    with pytest.raises(pickle.PicklingError, match=r"a Trainer pickles with its loss, which is .*<lambda>"):
        pickle.dumps(Trainer(m, lambda o, y: nn.cross_entropy(o, y), Adam(m.parameters(), 0.05)))
    with pytest.raises(pickle.PicklingError, match=r"is made by per_sample, .*: call that in a function defined"):
        pickle.dumps(Trainer(m, nn.per_sample(nn.cross_entropy), Adam(m.parameters(), 0.05)))
    with pytest.raises(TypeError, match=r"use an nn\.Module"):
        copy.deepcopy(Trainer(lambda x: m(x), nn.cross_entropy, Adam(m.parameters(), 0.05)))


def test_a_way_that_makes_no_steps_says_so() -> None:
    class Standing(Way):
        pass

    m = model()
    with pytest.raises(NotImplementedError, match="Standing must say how it makes steps"):
        Standing((), SGD(m.parameters(), 0.1))(None, 1, None, (None, None), [])


class Named(nn.Module):
    """A model whose outputs have names."""

    def __init__(self) -> None:
        self.net = model()

    def __call__(self, x: Any) -> Any:
        first, *others = self.net(x)
        return {"size": first, "logits": others}


def _of_both(outputs: Any, labels: Any) -> Any:
    size = nn.mse([output["size"] for output in outputs], labels)
    return size + nn.cross_entropy([output["logits"] for output in outputs], [0] * len(labels))


@ALL
def test_outputs_by_name(backend: str) -> None:
    found = []
    for make in (Eager, lambda *parts: Trainer(*parts, backend=backend)):
        m = Named()
        trainer = make(m, _of_both, SGD(m.parameters(), 0.1))
        found.append([*[trainer.step(X, Y) for _ in range(4)], *data(m)])
    assert found[1] == pytest.approx(found[0], rel=1e-10)


def test_the_bounds_of_clipping_are_read_and_set() -> None:
    m = model()
    trainer = Trainer(m, nn.cross_entropy, SGD(m.parameters(), 0.1), backend="python", clip_value=0.5)
    assert (trainer.clip_norm, trainer.clip_value) == (None, 0.5)
    with pytest.raises(ValueError, match="two ways to clip"):
        trainer.clip_norm = 1.0
    with pytest.raises(ValueError, match="clip_value must be"):
        trainer.clip_value = -1.0
    assert (trainer.clip_norm, trainer.clip_value) == (None, 0.5)
    trainer.clip_value = None
    trainer.clip_norm = 1.0
    assert (trainer.clip_norm, trainer.clip_value) == (1.0, None)
