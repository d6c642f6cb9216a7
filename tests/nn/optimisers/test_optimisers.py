"""Optimisers: PyTorch's trajectories over 50 steps, updates by hand, refusals."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Constant, Value, sqrt
from nn import MLP, SGD, Adam, AdamW, Memory, Optimizer, Setting
from nn.optimisers.base import has_rule
from tests.interrupting import interrupted
from tests.needs import needs

START = [1.5, -0.7, 0.3]


def rosenbrock(x, y, z):
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2 + (x * z - 0.5) ** 2


def trajectory(make, parameters, steps=50):
    optimizer = make(parameters)
    for _ in range(steps):
        optimizer.zero_grad()
        rosenbrock(*parameters).backward()
        optimizer.step()
        yield [float(p.data) for p in parameters]


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
        before, p.grad = p.data, gradient * step
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


def test_the_learning_rate_is_checked_when_it_changes():
    optimizer = SGD([Value(1.0)], lr=0.1)
    with pytest.raises(ValueError, match="lr must be a finite number of at least 0, not -1"):
        optimizer.lr = -1
    assert optimizer.lr == 0.1


def test_the_base_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        Optimizer([Value(1.0)], 0.1)


# ---- optimisers of one's own ----


class RMSprop(Optimizer):
    """As PyTorch's."""

    alpha = Setting(0.99, least=0.0, below=1.0)
    eps = Setting(1e-8, least=0.0)
    momentum = Setting(0.0, least=0.0)
    mean_square, velocity = Memory(), Memory()

    @staticmethod
    def rule(p, g, mean_square, velocity, s):
        mean_square = s.alpha * mean_square + (1 - s.alpha) * g * g
        step = g / (sqrt(mean_square) + s.eps)
        if not s.momentum:
            return p - s.lr * step, mean_square, velocity
        velocity = s.momentum * velocity + step
        return p - s.lr * velocity, mean_square, velocity


@pytest.mark.parametrize("options", [{}, {"alpha": 0.9, "eps": 1e-3}, {"momentum": 0.9}])
def test_a_rule_of_ones_own_against_torch(options):
    torch = needs("torch")
    theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    expected = list(trajectory(lambda params: torch.optim.RMSprop(params, lr=0.01, **options), theirs))
    ours = list(trajectory(lambda params: RMSprop(params, 0.01, **options), [Value(x) for x in START]))
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12)


def test_what_a_rule_has_no_use_for_is_not_remembered():
    optimizer = RMSprop([Value(1.0)], 0.1)
    optimizer.step()
    assert optimizer.state == (1, ([0.0], []))
    optimizer.momentum = 0.5
    optimizer.step()
    assert optimizer.state == (2, ([0.0], [0.0]))


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
        (_unknown, AttributeError, "the rule reads the setting 'rate', and there are step, lr, decay: declare it"),
        (_too_many, TypeError, "_too_many returned 2 results: a rule returns the new number"),
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
    assert optimizer.own_state == (0, ([3.0, 4.0], [1.0, 2.0]))
    assert (optimizer.velocity, optimizer.mean_square) == ([1.0, 2.0], [3.0, 4.0])


def test_a_setting_that_is_not_declared():
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


# ---- all or nothing ----


@pytest.mark.parametrize("gradient", [math.nan, math.inf, 1e308])
def test_an_update_that_is_not_finite_changes_nothing(gradient):
    params = [Value(1.0), Value(2.0, label="bias"), Value(3.0)]
    optimizer = SGD(params, lr=100.0, momentum=0.9)
    for p in params:
        p.grad = 1.0
    optimizer.step()
    before = [p.data for p in params], optimizer.state
    params[1].grad = gradient
    with pytest.raises(FloatingPointError, match=r"the update of parameter 1 \(bias\), which is -98 and has the grad"):
        optimizer.step()
    assert ([p.data for p in params], optimizer.state) == before


def test_adam_without_eps_and_gradient_is_refused():
    params = [Value(1.0), Value(2.0)]
    optimizer = Adam(params, eps=0.0)
    params[0].grad = 1.0
    with pytest.raises(FloatingPointError, match="parameter 1, which is 2 and has the gradient 0, gives nan"):
        optimizer.step()
    assert ([p.data for p in params], optimizer.state) == ([1.0, 2.0], (0, ([], [])))


def test_whose_steps_are_those_of_their_rule():
    class Own(SGD):
        def step(self):
            pass

    p = Value(1.0)
    exchanged = SGD([p], 0.1)
    exchanged.step = lambda: None
    assert [has_rule(optimizer) for optimizer in (SGD([p], 0.1), Own([p], 0.1), exchanged)] == [True, False, False]


def test_an_interrupted_step_is_whole_or_not_made():
    def run(moment):
        params = [Value(float(k)) for k in range(5)]
        optimizer = Adam(params, lr=0.1)
        for p in params:
            p.grad = 1.0
        optimizer.step()
        before = [p.data for p in params], optimizer.state
        moments = interrupted(optimizer.step, moment)
        after = [p.data for p in params], optimizer.state
        made = optimizer.steps - 1
        assert after == before if not made else all(x != y for x, y in zip(after[0], before[0]))
        return made, moments

    made, count = run(0)
    assert made == 1
    # Looks at what a rule reads come due by the clock, and put moments off: so twice, and beyond the first count.
    found = [(moment, run(moment)) for moment in [*range(1, 2 * count)] * 2]
    assert {made for moment, (made, moments) in found if moments == moment} == {0, 1}


def test_parameters_may_be_changed_and_memory_follows_them():
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    optimizer = SGD([a, b], lr=0.1, momentum=0.5)
    a.grad, b.grad = 1.0, 2.0
    optimizer.step()
    optimizer.params = [b, c]
    assert (optimizer.params, optimizer.velocity) == ((b, c), [2.0, 0.0])
    with pytest.raises(ValueError, match="parameter 1 is parameter 0 again"):
        optimizer.params = [b, b]
    optimizer.velocity = [1.0]
    with pytest.raises(ValueError, match="a memory of the optimiser has 1 numbers for 2 parameters"):
        optimizer.step()


# ---- who has the state ----


def lent(memory=(1.0, 2.0)):
    """An optimiser whose state something else has, such as a compiled program, until it gives it back."""
    a, b = Value(1.0), Value(2.0)
    optimizer = SGD([a, b], lr=0.1, momentum=0.5)
    asked = []

    def give_back(to):
        assert to is optimizer
        asked.append(True)
        optimizer.own_state = 7, ([*memory],)

    optimizer.keeper = give_back
    return optimizer, (a, b), asked


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda optimizer, c: setattr(optimizer, "state", (3, ([5.0, 6.0],))), (3, ([5.0, 6.0],))),
        (lambda optimizer, c: setattr(optimizer, "steps", 3), (3, ([1.0, 2.0],))),
        (lambda optimizer, c: setattr(optimizer, "velocity", [5.0, 6.0]), (7, ([5.0, 6.0],))),
        (lambda optimizer, c: setattr(optimizer, "params", [optimizer.params[1], c]), (7, ([2.0, 0.0],))),
    ],
    ids=["state", "steps", "velocity", "params"],
)
def test_what_is_assigned_stays_though_somebody_else_had_the_state(change, expected):
    """Asked for afterwards only, it would bring back what was there before, over what was assigned."""
    optimizer, _, asked = lent()
    change(optimizer, Value(3.0))
    assert asked == [True]
    assert optimizer.keeper is None
    assert optimizer.own_state == expected
    assert optimizer.state == expected
    assert asked == [True], "once"


@pytest.mark.parametrize(
    "look",
    [
        lambda optimizer: optimizer.state == (7, ([1.0, 2.0],)),
        lambda optimizer: optimizer.steps == 7,
        lambda optimizer: optimizer.velocity == [1.0, 2.0],
        lambda optimizer: "after 7 steps" in repr(optimizer),
        lambda optimizer: optimizer.__getstate__()["own_state"] == (7, ([1.0, 2.0],)),
    ],
    ids=["state", "steps", "velocity", "repr", "copy"],
)
def test_who_looks_sees_the_state_that_somebody_else_had(look):
    optimizer, _, asked = lent()
    assert look(optimizer)
    assert asked == [True]


def test_an_interrupted_return_of_the_state_is_made_up_for():
    optimizer, _, asked = lent()
    complete = optimizer.keeper

    def interrupted(to):
        raise KeyboardInterrupt

    optimizer.keeper = interrupted
    with pytest.raises(KeyboardInterrupt):
        optimizer.steps = 3
    assert optimizer.keeper is interrupted
    optimizer.keeper = complete
    assert (optimizer.steps, asked) == (7, [True])


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


def test_half_of_a_backward_pass_is_no_gradient():
    """It was taken for one: parameters that the pass had not come to stayed where they were."""
    w, b = Value(2.0), Value(1.0)
    optimizer = SGD([w, b], lr=0.5)
    stepper = (w.tanh() * b).stepper()
    stepper.next()
    with pytest.raises(RuntimeError, match=r"gradients are partial: go to its end by run\(\)"):
        optimizer.step()
    assert (w.data, b.data) == (2.0, 1.0)
    stepper.run()
    optimizer.step()
    assert b.data == 1.0 - 0.5 * math.tanh(2.0)
    SGD([Value(1.0)], lr=0.5).step()
