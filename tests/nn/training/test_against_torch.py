"""What users write in their first week trains as the same program does in PyTorch, in eager and in compiled steps."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import engine
import nn
from tests.needs import INSTALLED, needs

np = needs("numpy")
torch = needs("torch")
F = torch.nn.functional

pytestmark = pytest.mark.parametrize("backend", ["eager", *INSTALLED])

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
CLASSES = (X[:, 0] + X[:, 1] > 0).astype(int)
TARGETS = X @ [1.0, -2.0, 0.5] + 0.3
T_X, T_CLASSES, T_TARGETS = torch.tensor(X), torch.tensor(CLASSES), torch.tensor(TARGETS)

Rows = list[int]


def net(outputs: int = 2) -> nn.MLP:
    return nn.MLP(3, [4, outputs], "tanh", seed=1)


def twin(*layers: Any) -> Any:
    """PyTorch's layers with the same numbers, and tanh between them."""
    made: list[Any] = []
    for layer in layers:
        linear = torch.nn.Linear(len(layer.neurons[0].w), len(layer.neurons)).double()
        with torch.no_grad():
            linear.weight[:] = torch.tensor(np.array([[w.data for w in neuron.w] for neuron in layer.neurons]))
            linear.bias[:] = torch.tensor(np.array([neuron.b.data for neuron in layer.neurons]))
        made += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*made[:-1])


def assert_same(model: nn.Module, other: Any) -> None:
    rows = [np.c_[each.weight.detach(), each.bias.detach()].ravel() for each in other if hasattr(each, "weight")]
    np.testing.assert_allclose([p.data for p in model.parameters()], np.concatenate(rows), rtol=1e-7, atol=1e-9)


def trained(
    other: Any,
    loss: Callable[[Any, Rows], Any],
    optimizer: Any,
    epochs: int = 3,
    rate: Callable[[int], float] | None = None,
    clip: Callable[[], Any] = lambda: None,
    after: Callable[[int], Any] = lambda epoch: None,
) -> None:
    """The loop of PyTorch's tutorials, with batches of 8 in the order that `fit` draws from the seed 3."""
    source, step = random.Random(3), 0
    for epoch in range(1, epochs + 1):
        order = list(range(len(X)))
        source.shuffle(order)
        for start in range(0, len(X), 8):
            rows = order[start : start + 8]
            for group in optimizer.param_groups if rate else ():
                group["lr"] = rate(step)
            optimizer.zero_grad()
            loss(other(T_X[rows]), rows).backward()
            clip()
            optimizer.step()
            step += 1
        after(epoch)


def fit(model: Any, y: Any, loss: Any, optimizer: Any, backend: str, epochs: int = 3, **more: Any) -> nn.History:
    return nn.fit(model, X, y, loss, optimizer, epochs, 8, seed=3, backend=backend, **more)


def entropy(outputs: Any, rows: Rows) -> Any:
    return F.cross_entropy(outputs, T_CLASSES[rows])


def squares(outputs: Any, rows: Rows) -> Any:
    return F.mse_loss(outputs[:, 0], T_TARGETS[rows])


# ---- optimisers, rates, clipping ----


def test_schedules(backend: str) -> None:
    model, rate = net(), nn.schedules.cosine(0.1, steps=14, warmup=3)
    other = twin(*model.layers)
    fit(model, CLASSES, nn.cross_entropy, nn.Adam(model.parameters()), backend, schedule=rate)
    trained(other, entropy, torch.optim.Adam(other.parameters()), rate=rate)
    assert_same(model, other)


def test_a_callback_that_changes_the_rate(backend: str) -> None:
    model = net()
    other, optimizer = twin(*model.layers), nn.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def halve(*_: Any) -> None:
        optimizer.lr *= 0.5

    fit(model, CLASSES, nn.cross_entropy, optimizer, backend, callbacks=halve)
    theirs = torch.optim.SGD(other.parameters(), 0.1, momentum=0.9)
    plateau = torch.optim.lr_scheduler.StepLR(theirs, 1, 0.5)
    trained(other, entropy, theirs, after=lambda epoch: plateau.step())
    assert_same(model, other)


def test_clipping_before_weight_decay(backend: str) -> None:
    model = net(1)
    other = twin(*model.layers)
    optimizer = nn.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    fit(model, TARGETS, nn.mse, optimizer, backend, clip_norm=0.5)
    theirs = torch.optim.SGD(other.parameters(), 0.1, momentum=0.9, weight_decay=0.1)
    trained(other, squares, theirs, clip=lambda: torch.nn.utils.clip_grad_norm_(other.parameters(), 0.5))
    assert_same(model, other)


def test_a_frozen_layer_and_one_that_a_callback_thaws(backend: str) -> None:
    model = net()
    other, optimizer = twin(*model.layers), nn.SGD(model.layers[1].parameters(), lr=0.1)

    def thaw(model: Any, history: nn.History, epoch: int) -> None:
        if epoch == 2:
            optimizer.params = model.parameters()

    fit(model, CLASSES, nn.cross_entropy, optimizer, backend, epochs=4, callbacks=thaw)
    theirs = torch.optim.SGD(other[2].parameters(), 0.1)
    added = {2: lambda: theirs.add_param_group({"params": other[0].parameters()})}
    trained(other, entropy, theirs, epochs=4, after=lambda epoch: added.get(epoch, int)())
    assert_same(model, other)


# ---- weights ----


def test_weights_of_samples_and_classes_together(backend: str) -> None:
    model, weights = net(), np.linspace(0.0, 2.0, 40)
    other = twin(*model.layers)
    more = {"sample_weight": weights, "class_weight": {"yes": 3.0}}
    fit(model, np.array(["no", "yes"])[CLASSES], nn.cross_entropy, nn.SGD(model.parameters(), 0.1), backend, **more)
    each = torch.tensor(weights * np.where(CLASSES, 3.0, 1.0))

    def loss(outputs: Any, rows: Rows) -> Any:
        return (F.cross_entropy(outputs, T_CLASSES[rows], reduction="none") * each[rows]).mean()

    trained(other, loss, torch.optim.SGD(other.parameters(), 0.1))
    assert_same(model, other)


# ---- losses of one's own ----


def penalised(model: nn.MLP, outputs: Any, labels: Any) -> Any:
    return nn.mse(outputs, labels) + 0.01 * sum(p**2 for p in model.parameters())


def over_a_constant(model: nn.MLP, outputs: Any, labels: Any) -> Any:
    return sum((o[0] - y) ** 2 for o, y in zip(outputs, labels)) / 12


def first_ones(model: nn.MLP, outputs: Any, labels: Any) -> Any:
    return sum((o[0] - y) ** 2 for o, y in zip(outputs[:5], labels)) / 5


def root(model: nn.MLP, outputs: Any, labels: Any) -> Any:
    return engine.sqrt(nn.mse(outputs, labels))


def detached(model: nn.MLP, outputs: Any, labels: Any) -> Any:
    return engine.mean([(o[0] - y) ** 2 * (1 + o[0].detach() ** 2) for o, y in zip(outputs, labels)])


LOSSES: dict[str, tuple[Any, Callable[[Any, Any, Rows], Any]]] = {
    "penalised": (
        penalised,
        lambda net, o, rows: squares(o, rows) + 0.01 * sum((p**2).sum() for p in net.parameters()),
    ),
    "over a constant": (over_a_constant, lambda net, o, rows: ((o[:, 0] - T_TARGETS[rows]) ** 2).sum() / 12),
    "first ones": (first_ones, lambda net, o, rows: squares(o[:5], rows[:5])),
    "root": (root, lambda net, o, rows: squares(o, rows).sqrt()),
    "detached": (
        detached,
        lambda net, o, rows: ((o[:, 0] - T_TARGETS[rows]) ** 2 * (1 + o[:, 0].detach() ** 2)).mean(),
    ),
}


@pytest.mark.filterwarnings("ignore:fit trains in eager steps")  # as losses that mix samples do
@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_ones_own(name: str, backend: str) -> None:
    ours, theirs = LOSSES[name]
    model = net(1)
    other = twin(*model.layers)

    def loss(outputs: Any, labels: Any) -> Any:
        return ours(model, outputs, labels)

    how = "auto" if name in ("first ones", "root") and backend != "eager" else backend
    fit(model, TARGETS, loss, nn.SGD(model.parameters(), lr=0.05), how)
    trained(other, lambda outputs, rows: theirs(other, outputs, rows), torch.optim.SGD(other.parameters(), 0.05))
    assert_same(model, other)


BETA = [0.0]


@pytest.fixture
def beta() -> Iterator[list[float]]:
    BETA[0] = 0.0
    yield BETA
    BETA[0] = 0.0


def test_a_penalty_that_a_callback_raises(backend: str, beta: list[float]) -> None:
    model = net(1)
    other = twin(*model.layers)

    def loss(outputs: Any, labels: Any) -> Any:
        return nn.mse(outputs, labels) + BETA[0] * sum(p**2 for p in model.parameters())

    def more(model: Any, history: nn.History, epoch: int) -> None:
        beta[0] = 0.01 * epoch

    fit(model, TARGETS, loss, nn.SGD(model.parameters(), lr=0.1), backend, callbacks=more)
    now = [0.0]

    def of_torch(outputs: Any, rows: Rows) -> Any:
        return squares(outputs, rows) + now[0] * sum((p**2).sum() for p in other.parameters())

    trained(
        other, of_torch, torch.optim.SGD(other.parameters(), 0.1), after=lambda epoch: now.__setitem__(0, 0.01 * epoch)
    )
    assert_same(model, other)


# ---- several models, several optimisers ----


def test_models_that_share_a_layer(backend: str) -> None:
    base, first, second = (
        nn.Layer(3, 4, "tanh", seed=1),
        nn.Layer(4, 2, "identity", seed=2),
        nn.Layer(4, 1, "identity", seed=3),
    )
    one, two = nn.Sequential(base, first), nn.Sequential(base, second)
    theirs, others = twin(base, first), twin(base, second)
    others[0] = theirs[0]
    for _ in range(2):
        fit(one, CLASSES, nn.cross_entropy, nn.SGD(one.parameters(), lr=0.1), backend)
        fit(two, TARGETS, nn.mse, nn.SGD(two.parameters(), lr=0.1), backend)
        trained(theirs, entropy, torch.optim.SGD(theirs.parameters(), 0.1))
        trained(others, squares, torch.optim.SGD(others.parameters(), 0.1))
    assert_same(one, theirs)
    assert_same(two, others)


def test_two_optimisers_in_turns(backend: str) -> None:
    model = net()
    other = twin(*model.layers)
    parts = [nn.SGD(model.layers[0].parameters(), lr=0.1, momentum=0.9), nn.Adam(model.layers[1].parameters(), lr=0.05)]
    theirs = [torch.optim.SGD(other[0].parameters(), 0.1, momentum=0.9), torch.optim.Adam(other[2].parameters(), 0.05)]
    for _ in range(2):
        for ours, of_torch in zip(parts, theirs):
            fit(model, CLASSES, nn.cross_entropy, ours, backend, epochs=1)
            trained(other, entropy, of_torch, epochs=1)
    assert_same(model, other)


@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_two_losses_in_turns_by_one_optimiser(kind: str, backend: str) -> None:
    """What a loss leaves out has the gradient 0, and goes on by its momentum."""
    base, first, second = (
        nn.Layer(3, 4, "tanh", seed=1),
        nn.Layer(4, 2, "identity", seed=2),
        nn.Layer(4, 2, "identity", seed=3),
    )
    both = nn.Sequential(base, first), nn.Sequential(base, second)
    theirs = twin(base, first), twin(base, second)
    theirs[1][0] = theirs[0][0]
    ours = getattr(nn, kind)([*both[0].parameters(), *second.parameters()], lr=0.05)
    of_torch = getattr(torch.optim, kind)([*theirs[0].parameters(), *theirs[1][2].parameters()], lr=0.05)
    for each in of_torch.param_groups[0]["params"]:
        each.grad = torch.zeros_like(each)
    steps = [
        nn.EagerStep(one, nn.cross_entropy, ours)
        if backend == "eager"
        else nn.Trainer(one, nn.cross_entropy, ours, backend=backend).step
        for one in both
    ]
    for turn in range(8):
        steps[turn % 2](X, CLASSES)
        of_torch.zero_grad(set_to_none=False)
        F.cross_entropy(theirs[turn % 2](T_X), T_CLASSES).backward()
        of_torch.step()
    for one, other in zip(both, theirs):
        assert_same(one, other)


def test_a_new_head_on_a_trained_model(backend: str) -> None:
    model = net()
    fit(model, CLASSES, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), backend)
    model.layers[-1] = nn.Layer(4, 1, "identity", seed=7)
    other = twin(*model.layers)
    fit(model, TARGETS, nn.mse, nn.SGD(model.layers[-1].parameters(), lr=0.1), backend)
    trained(other, squares, torch.optim.SGD(other[2].parameters(), 0.1))
    assert_same(model, other)
    np.testing.assert_allclose(nn.predict(model, X), other(T_X).detach(), rtol=1e-6)
