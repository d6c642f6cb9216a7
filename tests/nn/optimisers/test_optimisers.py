"""The package's optimisers: PyTorch's trajectories over 50 steps, updates by hand, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Constant, Value
from nn import MLP, SGD, Adam, AdamW, Optimizer
from tests.needs import needs
from tests.nn.optimisers.examples import START, rosenbrock, trajectory

SETTINGS = [
    (SGD, {"lr": 0.01}),
    (SGD, {"lr": 0.01, "weight_decay": 0.1}),
    (SGD, {"lr": 0.005, "momentum": 0.9}),
    (SGD, {"lr": 0.005, "momentum": 0.9, "dampening": 0.3}),
    (SGD, {"lr": 0.005, "momentum": 0.9, "weight_decay": 0.05}),
    (SGD, {"lr": 0.003, "momentum": 0.8, "nesterov": True}),
    (SGD, {"lr": 0.003, "momentum": 0.8, "nesterov": True, "weight_decay": 0.05}),
    (SGD, {"lr": 0.0}),
    (Adam, {}),
    (Adam, {"lr": 0.1}),
    (Adam, {"lr": 0.05, "betas": (0.7, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    (Adam, {"lr": 0.05, "betas": (0.4, 0.3)}),
    (AdamW, {}),
    (AdamW, {"lr": 0.05, "weight_decay": 0.3}),
]


@pytest.mark.parametrize(("kind", "options"), SETTINGS)
def test_trajectories_against_torch(kind, options):
    torch = needs("torch")
    theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    expected = list(trajectory(lambda params: getattr(torch.optim, kind.__name__)(params, **options), theirs))
    ours = list(trajectory(lambda params: kind(params, **options), [Value(x) for x in START]))
    np.testing.assert_allclose(ours, expected, rtol=1e-13, atol=1e-13)


def sgd_by_the_book(p, gradients, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    """As PyTorch documents it, in plain floats."""
    velocity = None
    for g in gradients:
        g = g + weight_decay * p
        if momentum:
            velocity = g if velocity is None else momentum * velocity + (1 - dampening) * g
            g = g + momentum * velocity if nesterov else velocity
        p -= lr * g
        yield p


def adam_by_the_book(p, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    """Algorithm 1 of Kingma and Ba, and algorithm 2 of Loshchilov and Hutter, in plain floats."""
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        if decoupled:
            p -= lr * weight_decay * p
        else:
            g = g + weight_decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        p -= lr * (m / (1 - betas[0] ** t)) / (math.sqrt(v / (1 - betas[1] ** t)) + eps)
        yield p


@pytest.mark.parametrize(("kind", "options"), SETTINGS)
def test_trajectories_by_the_book(kind, options):
    """The same settings without PyTorch, which is not everywhere."""
    gradients = [math.cos(3.0 * k) * (1 + k / 5) for k in range(12)]
    p = Value(1.5)
    optimizer, found = kind([p], **options), []
    for p.grad in gradients:
        optimizer.step()
        found.append(p.data)
    if kind is AdamW:
        options = {"weight_decay": 1e-2, "decoupled": True, **options}
    book = sgd_by_the_book if kind is SGD else adam_by_the_book
    assert found == pytest.approx(list(book(1.5, gradients, **options)), rel=1e-13)


def test_a_learning_rate_that_changes_against_torch():
    torch = needs("torch")

    def run(optimizer, parameters, set_lr):
        for step in range(50):
            set_lr(optimizer, 0.01 / (1 + step))
            optimizer.zero_grad()
            rosenbrock(*parameters).backward()
            optimizer.step()
        return [float(p.data) for p in parameters]

    theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    ours = [Value(x) for x in START]
    expected = run(torch.optim.SGD(theirs, lr=1.0, momentum=0.9), theirs, lambda o, lr: o.param_groups[0].update(lr=lr))
    actual = run(SGD(ours, lr=1.0, momentum=0.9), ours, lambda o, lr: setattr(o, "lr", lr))
    np.testing.assert_allclose(actual, expected, rtol=1e-13)


def test_momentum_by_hand():
    p = Value(0.0)
    optimizer = SGD([p], lr=1.0, momentum=0.5)
    places = []
    for _ in range(3):
        p.grad = 1.0
        optimizer.step()
        places.append(p.data)
    assert places == [-1.0, -2.5, -4.25]
    assert optimizer.velocity == [1.75]


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 1))
def test_momentum_zero_means_none(x, gradient, lr):
    p = Value(x)
    optimizer = SGD([p], lr, momentum=0)
    for step in range(1, 3):
        before, p.grad = p.data, gradient * step or 1.0
        optimizer.step()
        assert p.data == before - lr * p.grad
    assert optimizer.velocity == []


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 0.5))
def test_the_first_step_of_adam_has_the_length_lr(gradient, lr):
    p = Value(1.0)
    optimizer = Adam([p], lr, eps=0.0)
    p.grad = gradient
    optimizer.step()
    assert p.data == pytest.approx(1.0 - lr, rel=1e-14)


def test_only_the_given_parameters_change():
    a, b = Value(1.0), Value(1.0)
    optimizer = SGD([a], lr=0.5)
    (a * b).backward()
    optimizer.step()
    assert (a.data, b.data) == (0.5, 1.0)
    optimizer.zero_grad()
    assert (a.grad, b.grad) == (0.0, 1.0)


def test_a_generator_and_numpy_numbers_are_taken():
    model = MLP(2, [1])
    optimizer = SGD((p for p in model.parameters()), lr=np.float32(0.5), momentum=np.int64(0))
    assert len(optimizer.params) == 3
    assert optimizer.lr == 0.5


def test_numbers_whose_sum_is_beyond_all_floats_are_finite_still():
    a, b = Value(1.5e308), Value(1.5e308)
    optimizer = SGD([a, b], lr=1.0)
    a.grad = 1e307
    optimizer.step()
    assert [a.data, b.data] == [1.4e308, 1.5e308]


p = Value(1.0)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([], ValueError, r"no parameters to optimise: the list is empty"),
        ([p, Value(1.0), p], ValueError, "parameter 2 is parameter 0 again: give each one once"),
        ([{"params": [p]}], TypeError, r"parameter 0 is not a Value but dict .*: make an optimiser of each group$"),
        ([p, 3.0], TypeError, r"parameter 1 is not a Value but float 3.0: pass model.parameters\(\)"),
        ([p, None], TypeError, "parameter 1 is not a Value but NoneType None"),
        ([("w", p)], TypeError, "parameter 0 is not a Value but tuple"),
        ([p * 2], ValueError, "parameter 0 is not a leaf that can be changed"),
        ([Constant(1.0)], ValueError, "parameter 0 is not a leaf that can be changed"),
        (p, TypeError, "takes a list of Values, not Value"),
        (None, TypeError, "takes a list of Values, not NoneType None"),
        (MLP(1, [1]), TypeError, r"takes Values, not the module MLP itself: pass model.parameters\(\)"),
    ],
)
@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_parameters_refused(kind, params, error, message):
    with pytest.raises(error, match=message):
        kind(params, lr=0.1)


def test_the_rate_under_its_name_elsewhere_gets_the_remedy():
    with pytest.raises(TypeError, match=r"Adam\(\) has no argument 'learning_rate': here it is lr"):
        Adam([p], learning_rate=0.1)

    class Own(SGD):
        def __init__(self, params, learning_rate):
            super().__init__(params, learning_rate)

    assert Own([p], learning_rate=0.5).lr == 0.5


@pytest.mark.parametrize("name", ["lr", "momentum", "weight_decay"])
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (-0.1, ValueError),
        (math.nan, ValueError),
        (math.inf, ValueError),
        ("0.1", TypeError),
        (None, TypeError),
    ],
)
def test_sgd_refuses(name, value, error):
    with pytest.raises(error, match=f"{name} must be a "):
        SGD([Value(1.0)], **{"lr": 0.1, name: value})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"betas": (0.9, 1.0)}, ValueError, r"betas must be below 1, not \(0.9, 1.0\)"),
        ({"betas": (0.9, -0.1)}, ValueError, r"betas\[1\]"),
        ({"betas": (0.9,)}, ValueError, "betas must be two numbers, such as .0.9, 0.999., not tuple"),
        ({"betas": 0.9}, TypeError, "betas must be two numbers, such as .0.9, 0.999., not float 0.9"),
        ({"eps": -1e-8}, ValueError, "eps must be"),
        ({"weight_decay": -1}, ValueError, "weight_decay must be"),
        ({"lr": math.nan}, ValueError, "lr must be"),
    ],
)
@pytest.mark.parametrize("kind", [Adam, AdamW])
def test_adam_refuses(kind, options, error, message):
    with pytest.raises(error, match=message):
        kind([Value(1.0)], **options)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9, "dampening": 0.1}, {"momentum": 0.9, "dampening": -0.1}])
def test_nesterov_needs_momentum_and_no_dampening(options):
    with pytest.raises(ValueError, match="nesterov needs momentum above 0 and dampening 0, not momentum="):
        SGD([Value(1.0)], lr=0.1, nesterov=True, **options)


def test_dampening_without_a_velocity_is_refused():
    """It changed nothing."""
    with pytest.raises(ValueError, match=r"dampening=0\.5 acts on the velocity, and with momentum=0 there is none"):
        SGD([Value(1.0)], lr=0.1, dampening=0.5)


def test_the_learning_rate_is_checked_when_it_changes():
    optimizer = SGD([Value(1.0)], lr=0.1)
    with pytest.raises(ValueError, match="lr must be a finite number of at least 0, not -1"):
        optimizer.lr = -1
    assert optimizer.lr == 0.1


def test_the_base_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        Optimizer([Value(1.0)], 0.1)
