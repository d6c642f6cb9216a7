"""Optimisers of one's own: a rule for one parameter, with the memories and settings that it declares."""

import inspect
import math

import numpy as np
import pytest

import engine
import nn
from engine import Value
from nn import SGD, Adam, AdamW, Memory, Optimizer, Setting
from tests.needs import NATIVE, needs
from tests.nn.optimisers.examples import START, RMSprop, trajectory


@pytest.mark.parametrize("options", [{}, {"alpha": 0.9, "eps": 1e-3}, {"momentum": 0.9}])
def test_a_rule_of_ones_own_against_torch(options):
    torch = needs("torch")
    theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    expected = list(trajectory(lambda params: torch.optim.RMSprop(params, lr=0.01, **options), theirs))
    ours = list(trajectory(lambda params: RMSprop(params, 0.01, **options), [Value(x) for x in START]))
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12)


def test_what_a_rule_has_no_use_for_is_not_remembered():
    p = Value(1.0)
    optimizer = RMSprop([p], 0.1)
    p.grad = 1.0
    optimizer.step()
    assert [*map(len, optimizer.state[1])] == [1, 0]
    optimizer.momentum = 0.5
    optimizer.step()
    assert [*map(len, optimizer.state[1])] == [1, 1]


def _branch(p, g, s):
    return p - s.lr * (g if g > 0 else 0.0)


def _on_the_step(p, g, s):
    return p - g if s.step == 1 else p


def _unknown(p, g, s):
    return p - s.rate * g


def _too_many(p, g, s):
    return p, g


captured = Value(3.0)


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (_branch, TypeError, r"(?s)if g > 0.*where"),
        (_on_the_step, TypeError, r"(?s)s.step == 1.*where"),
        (_unknown, AttributeError, "the rule reads the setting 'rate', and the settings are step, lr, decay: declare"),
        (_too_many, TypeError, "_too_many returned 2 results, not 1: a rule returns the new number"),
        (lambda p, g, s: p - captured * g, TypeError, r"reads Value\(data=3.0.*: a rule reads its arguments only"),
        (lambda p, g, s: p - math.sqrt(g), TypeError, r"(?s)used as a plain number.*math"),
    ],
)
def test_rules_refused(rule, error, message):
    kind = type("Wrong", (Optimizer,), {"rule": staticmethod(rule), "decay": Setting(0.0)})
    p = Value(1.0)
    p.grad = 2.0
    with pytest.raises(error, match=message):
        kind([p], 0.1).step()
    assert p.data == 1.0


def test_a_rule_that_forgets_its_memory_is_refused():
    kind = type("Wrong", (Optimizer,), {"rule": staticmethod(lambda p, g, mean, s: p - g), "mean": Memory()})
    p = Value(1.0)
    p.grad = 2.0
    with pytest.raises(TypeError, match="returned 1 result, not 2: a rule returns the new number"):
        kind([p], 0.1).step()


@pytest.mark.parametrize(
    "rule", [lambda p, g, momentum, s: (p - s.lr * g, momentum), staticmethod(lambda p, g, s: p - s.lr * g), 3]
)
def test_a_rule_of_other_arguments_is_refused_when_the_optimiser_is_made(rule):
    """One without @staticmethod, which would get the optimiser as p; one without its memory; and no function."""
    kind = type("Wrong", (Optimizer,), {"rule": rule, "momentum": Memory()})
    with pytest.raises(TypeError, match=r"Wrong\.rule is called as rule\(p, g, momentum, s\): make it a @staticmethod"):
        kind([Value(1.0)], 0.1)
    method = type("Fine", (Optimizer,), {"rule": lambda self, p, g, s: p - s.lr * g})
    optimizer = method([p := Value(1.0)], 0.5)
    p.grad = 1.0
    optimizer.step()
    assert p.data == 0.5


# ---- settings ----


@pytest.mark.parametrize(
    ("make", "name", "value", "error"),
    [
        (SGD, "momentum", -1, ValueError),
        (SGD, "momentum", math.nan, ValueError),
        (SGD, "nesterov", "False", TypeError),
        (SGD, "nesterov", True, ValueError),  # without momentum
        (SGD, "weight_decay", True, TypeError),
        (Adam, "betas", (2, 2), ValueError),
        (Adam, "betas", (0.9, math.nan), ValueError),
        (Adam, "eps", -1, ValueError),
        (AdamW, "lr", "0.1", TypeError),
    ],
)
def test_settings_are_checked_where_they_are_set(make, name, value, error):
    optimizer = make([Value(1.0)], lr=0.1)
    before = getattr(optimizer, name)
    with pytest.raises(error, match=name):
        setattr(optimizer, name, value)
    assert getattr(optimizer, name) == before


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (1.0, ValueError, "alpha must be below 1, not 1.0"),
        (2.0, ValueError, "alpha must be below 1, not 2.0"),
        (-0.1, ValueError, "alpha must be a finite number of at least 0, not -0.1"),
        ((0.5, 0.5), TypeError, "alpha"),
    ],
)
def test_a_number_is_below_its_bound(value, error, message):
    optimizer = RMSprop([Value(1.0)], 0.1, alpha=0.0)
    with pytest.raises(error, match=message):
        optimizer.alpha = value
    optimizer.alpha = math.nextafter(1.0, 0.0)
    assert optimizer.alpha < 1.0


def test_a_pair_is_made_of_two_numbers_within_the_bounds():
    optimizer = Adam([Value(1.0)])
    for wrong in [(0.9, 0.99, 0.999), (1.0, 0.9), (-0.1, 0.9), (), "ab"]:
        with pytest.raises((TypeError, ValueError), match="betas"):
            optimizer.betas = wrong
    optimizer.betas = [0, np.float64(0.5)]
    assert optimizer.betas == (0.0, 0.5)
    assert [type(beta) for beta in optimizer.betas] == [float, float]
    with pytest.raises(TypeError):
        Setting(0.5, 0.0)  # bounds by name only


def test_the_number_of_steps_can_be_set_to_no_less_than_none():
    optimizer = SGD([Value(1.0)], lr=0.1)
    optimizer.steps = 3
    optimizer.steps = 0
    assert optimizer.steps == 0
    with pytest.raises(ValueError, match="steps must be"):
        optimizer.steps = -1


def test_declarations_are_seen_on_the_class():
    assert RMSprop.alpha.default == 0.99
    assert isinstance(RMSprop.mean_square, Memory)
    assert RMSprop.memories == ("mean_square", "velocity")
    optimizer = RMSprop([Value(1.0), Value(2.0)], 0.1, momentum=0.5)
    optimizer.velocity = [1.0, 2.0]
    optimizer.mean_square = [3.0, 4.0]
    assert optimizer._own_state == (0, ([3.0, 4.0], [1.0, 2.0]))
    assert (optimizer.velocity, optimizer.mean_square) == ([1.0, 2.0], [3.0, 4.0])


def test_a_setting_that_is_not_declared_is_refused():
    with pytest.raises(TypeError, match="RMSprop has no setting 'beta': it has lr, alpha, eps, momentum"):
        RMSprop([Value(1.0)], 0.1, beta=0.5)


def test_defaults_are_those_of_torch():
    assert dict(SGD([Value(1.0)], 0.1).settings) == {
        "lr": 0.1,
        "momentum": 0.0,
        "dampening": 0.0,
        "weight_decay": 0.0,
        "nesterov": False,
    }
    assert dict(Adam([Value(1.0)]).settings) == {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
    assert dict(AdamW([Value(1.0)]).settings) == {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2}


def test_settings_have_the_defaults_of_the_signatures():
    """Two places name them: a class that inherits the settings, and a call without them, get the same."""
    for kind in (SGD, Adam, AdamW):
        signature = inspect.signature(kind).parameters
        for name in kind([Value(1.0)], lr=0.1).settings:
            if name == "lr":
                continue
            assert getattr(kind, name).default == signature[name].default, (kind, name)
    assert [inspect.signature(kind).parameters["lr"].default for kind in (Adam, AdamW)] == [1e-3, 1e-3]
    assert inspect.signature(SGD).parameters["lr"].default is inspect.Parameter.empty


# ---- native code ----


@NATIVE
def test_functions_of_the_gradient_and_of_the_settings_in_native_code() -> None:
    """Those that are polynomials of our own were not defined: LLVM's error came out instead of a step."""

    class Bounded(Optimizer):
        slow = Memory()

        @staticmethod
        def rule(p, g, slow, s):
            return p - s.lr * engine.exp(-0.1 * s.step) * engine.tanh(g), 0.5 * slow + engine.sin(g)

    def trained(make):
        model = nn.MLP(2, [3, 1], seed=1)
        optimizer = Bounded(model.parameters(), 0.1)
        step = make(model, nn.mse, optimizer)
        for _ in range(3):
            step([[0.1, 0.2], [-0.3, 0.4]], [1.0, -1.0])
        return [p.data for p in model.parameters()] + optimizer.state[1][0]

    expected = trained(nn.EagerStep)
    np.testing.assert_allclose(trained(lambda *what: nn.Trainer(*what, backend="llvm").step), expected, rtol=1e-12)


def test_an_optimiser_that_does_not_begin_as_the_base_does_is_told() -> None:
    class Signs(Optimizer):
        def __init__(self, params: list[Value]) -> None:
            self.params = params

    with pytest.raises(AttributeError, match=r"'_params': begin its __init__ with super\(\)\.__init__\(params, lr\)$"):
        Signs([Value(1.0)])
