"""A step is made whole or not at all, whoever has the optimiser's state."""

import math

import pytest

from engine import Value
from nn import SGD, Adam
from nn.optimisers.base import has_rule
from tests.interrupting import interrupted
from tests.needs import needs

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


def test_an_optimiser_whose_step_is_its_own_is_not_known_by_its_rule():
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
    with pytest.raises(ValueError, match="a memory of the optimiser has 1 number for 2 parameters"):
        optimizer.step()


@pytest.mark.parametrize("make", [Adam, lambda params: SGD(params, 0.1, momentum=0.9, dampening=0.5)])
def test_a_parameter_that_comes_late_to_a_rule_that_counts_steps_is_refused(make):
    """Adam would correct the means of a new parameter as if they had seen as many steps as the others."""
    a, b = Value(1.0), Value(2.0)
    optimizer, a.grad, b.grad = make([a]), 1.0, 1.0
    optimizer.params = [b, a]  # before the first step anything goes
    optimizer.params = [a]
    for _ in range(3):
        optimizer.step()
    before = optimizer.params, optimizer.state
    with pytest.raises(
        ValueError, match=r"parameter 1 is new, and (Adam|SGD) would treat its first step as number 4: "
    ):
        optimizer.params = [a, b]
    assert (optimizer.params, optimizer.state) == before
    for memory in optimizer.memories:
        setattr(optimizer, memory, [])
    optimizer.params = [a, b]
    twin, twin.grad = Value(2.0), 1.0
    optimizer.step()
    make([twin]).step()
    assert (b.data, optimizer.steps) == (twin.data, 1)


# ---- who has the state ----


def lent(memory=(1.0, 2.0)):
    """An optimiser whose state something else has, such as a compiled program, until it gives it back."""
    a, b = Value(1.0), Value(2.0)
    optimizer = SGD([a, b], lr=0.1, momentum=0.5)
    asked = []

    def give_back(to):
        assert to is optimizer
        asked.append(True)
        optimizer._own_state, optimizer._keeper = (7, ([*memory],)), None

    optimizer._keeper = give_back
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
def test_what_is_assigned_counts_though_something_else_had_the_state(change, expected):
    """Asked for afterwards only, it would bring back what was there before, over what was assigned."""
    optimizer, _, asked = lent()
    change(optimizer, Value(3.0))
    assert asked == [True]
    assert optimizer._keeper is None
    assert optimizer._own_state == expected
    assert optimizer.state == expected
    assert asked == [True], "once"


@pytest.mark.parametrize(
    "look",
    [
        lambda optimizer: optimizer.state == (7, ([1.0, 2.0],)),
        lambda optimizer: optimizer.steps == 7,
        lambda optimizer: optimizer.velocity == [1.0, 2.0],
        lambda optimizer: "after 7 steps" in repr(optimizer),
        lambda optimizer: optimizer.__getstate__()["_own_state"] == (7, ([1.0, 2.0],)),
    ],
    ids=["state", "steps", "velocity", "repr", "copy"],
)
def test_reading_the_state_takes_it_back_from_who_has_it(look):
    optimizer, _, asked = lent()
    assert look(optimizer)
    assert asked == [True]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("velocity", ["a", 1.0], r"velocity\[0\] must be a number, not str 'a'"),
        ("velocity", [True, 1.0], r"velocity\[0\] must be a number, not bool True"),
        ("velocity", 0.0, r"velocity is a list of a number for each parameter, or \[\] to start anew, not float 0\.0"),
        ("state", 5, r"a list for each of 1 memories \(velocity\), such as \(0, \(\[\],\)\), not int 5"),
        ("state", (3, ([], [])), r"a list for each of 1 memories \(velocity\)"),
        ("state", (3.5, ([],)), "steps must be a whole number"),
        ("state", (3, (None,)), "velocity is a list of a number for each parameter"),
    ],
)
def test_what_is_no_memory_is_refused_when_it_is_assigned(name, value, message):
    """The next step ended in Python's own words."""
    optimizer, _, _ = lent()
    with pytest.raises(TypeError, match=message):
        setattr(optimizer, name, value)
    assert optimizer.state == (7, ([1.0, 2.0],))


def test_a_memory_may_be_an_array():
    """Arrays had no truth value at the next step."""
    np = needs("numpy")
    optimizer, (a, b), _ = lent()
    optimizer.velocity = np.zeros(2, np.float32)
    a.grad = b.grad = 1.0
    optimizer.step()
    assert (a.data, b.data) == (0.9, 1.9)
    assert optimizer.state == (8, ([1.0, 1.0],))


def test_an_interrupted_return_of_the_state_is_made_up_for():
    optimizer, _, asked = lent()
    complete = optimizer._keeper

    def interrupted(to):
        raise KeyboardInterrupt

    optimizer._keeper = interrupted
    with pytest.raises(KeyboardInterrupt):
        optimizer.steps = 3
    assert optimizer._keeper is interrupted
    optimizer._keeper = complete
    assert (optimizer.steps, asked) == (7, [True])


def test_half_of_a_backward_pass_is_no_gradient():
    """It was taken for one: parameters that the pass had not come to stayed where they were."""
    w, b = Value(2.0), Value(1.0)
    optimizer = SGD([w, b], lr=0.5)
    stepper = (w.tanh() * b).stepper()
    stepper.next()
    with pytest.raises(RuntimeError, match=r"gradients are partial: go to its end by run\(\)"):
        optimizer.step()
    with pytest.raises(RuntimeError, match="gradients are partial"):  # before a warning that all of them are 0
        SGD([w], lr=0.5).step()
    assert (w.data, b.data) == (2.0, 1.0)
    stepper.run()
    optimizer.step()
    assert b.data == 1.0 - 0.5 * math.tanh(2.0)
    SGD([w], lr=0.5).step()  # and other optimisers go on
