"""Calls as other libraries have them: the error says what to write here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

import engine
import engine.strategies
import engine.testing
from engine import Value, tanh
from engine.text import phrasebook
from engine.text.elsewhere import _BY_CLASS, _BY_NAME


def f(x: Any, y: Any) -> Any:
    return tanh(x * y) + x


def y() -> Value:
    return f(Value(0.5, "w"), Value(2.0, "x"))


def explained(thing: Any) -> bool:
    return getattr(thing, "__code__", None) is not None and thing.__code__.co_filename == phrasebook.__file__


PUBLIC = [getattr(engine, name) for name in engine.__all__]
PUBLIC += [getattr(engine.strategies, name) for name in engine.strategies.__all__]
PUBLIC += [engine.testing.assert_gradients, Value.backward, Value.zero_grad, Value.stepper, Value.why, Value.explain]
PUBLIC += [*vars(type(y().stepper())).values()]
EXPLAINED = {thing.__name__: thing for thing in PUBLIC if explained(thing)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: engine.check_gradients(f, [1.0, 2.0], eps=1e-6),
            r"^check_gradients\(\) .* the steps are chosen",
        ),
        (lambda: engine.check_gradients(f, [1.0, 2.0], rtol=1e-3, atol=1e-5), "'rtol': .* noise= is how far f itself"),
        (lambda: engine.check_gradients(f, (1.0, 2.0), order=2, modes=["rev"]), "'modes': give grad= for reverse mode"),
        (lambda: engine.check_gradients(f, [1.0, 2.0], raise_exception=True), "assert_gradients of engine.testing"),
        (lambda: engine.check_gradients(f, inputs=[1.0, 2.0]), "'inputs': here it is point$"),
        (lambda: engine.check_gradients(f, [1.0, 2.0], jac=f), "'jac': here it is grad$"),
        (lambda: engine.check_gradients(f, [1.0, 2.0], fast_mode=True), "'fast_mode': write directions=20"),
        (
            lambda: engine.check_gradients(f, [1.0, 2.0], 1, f),
            r"takes 3 by position .*, not 4: by name it takes grad,",
        ),
        (lambda: engine.check_gradients(f, [1.0, 2.0], ordre=2), r"did you mean order\?"),
        (
            lambda: engine.testing.assert_gradients(f, [1.0, 2.0], tol=1e-3),
            r"^assert_gradients\(\) .*: the error",
        ),
        (lambda: engine.compile(f, fullgraph=True), r"^compile\(\) .* 'fullgraph': .* all is compiled, or refused$"),
        (lambda: engine.compile(f, mode="max-autotune"), "all programs are optimised alike"),
        (lambda: engine.compile(f, donate_argnums=0), "no argument is overwritten"),
        (lambda: engine.compile(f, static_argnums=1), r"compile\(lambda x: f\(x, 3\)\)"),
        (lambda: engine.compile(f, dynamic=True), "any number of samples"),
        (lambda: engine.compile(f, parallel=True), "write threads=2"),
        (
            lambda: engine.compile(f, "llvm"),
            r"1 by position \(function\), not 2: by name it takes dtype",
        ),
        (lambda: engine.grad(f, argnums=0), r"^grad\(\) .* 'argnums': .* write gradient\(f\)\(\*numbers\)$"),
        (lambda: engine.grad(y(), [], grad_outputs=1.0), r"write grad\(weight \* y, x\)"),
        (lambda: engine.grad(y(), [], None, True), r"by position \(output, .*\), not 4: write grad\(weight \* y, x\)"),
        (lambda: engine.grad(y(), [], retain_graph=True), "leave it out, since a graph stays"),
        (lambda: engine.grad(y(), [], allow_unused=True), "has 0.0"),
        (lambda: engine.grad(outputs=y(), inputs=[]), "here it is output"),
        (lambda: engine.gradient(f, argnums=0), r"to hold others write lambda x: f\(x, 2.0\)"),
        (lambda: engine.gradient(f, [1.0, 2.0]), r"not 2: write gradient\(f\)\(\*numbers\)$"),
        (lambda: engine.hessian(f, inputs=[1.0, 2.0]), r"write hessian\(f\)\(\*numbers\)$"),
        (lambda: engine.jacobian(f, [1.0, 2.0]), r"write jacobian\(f\)\(\*numbers\)$"),
        (lambda: engine.jvp(f, v=[1.0]), r"^jvp\(\) needs xs: write jvp\(f, xs, v\)$"),
        (lambda: y().why(k=2), r"^why\(\) needs target: write why\(target\)$"),
        (
            lambda: Value(1.0, requires_grad=True),
            r"^write Value\(number, label\), as every Value has a gradient .*requires_",
        ),
        (lambda: Value(3.0, (), "+"), r"^write Value\(number, label\), .* operands: .* positional arguments"),
        (lambda: engine.value_and_grad(f, has_aux=True), "f gives what is differentiated"),
        (lambda: engine.value_and_grad(f, 0), r"write value_and_grad\(f\)\(\*numbers\)$"),
        (lambda: engine.jvp(f, primals=[1.0, 2.0], tangents=[1.0, 0.0]), "'primals': here it is xs"),
        (lambda: engine.hvp(f, [1.0, 2.0], tangents=[1.0, 0.0]), "'tangents': here it is v"),
        (lambda: engine.declare("sq", forward=f, backward=f), r"'backward': write local_derivatives=\[lambda z, x"),
        (lambda: engine.declare("sq", fn=f), "'fn': here it is forward"),
        (lambda: engine.draw(y(), format="png"), r"^draw\(\) .* 'format': the ending of path says it"),
        (lambda: y().draw("g.svg", view=True), r"^draw\(\) .* 'view': leave path out"),
        (lambda: engine.draw(y(), filename="g.svg"), "'filename': here it is path$"),
        (lambda: y().draw("g.svg", dark=True), 'write theme="dark"'),
        (
            lambda: engine.draw(y(), "g.svg", "LR"),
            r"takes 2 by position .*, not 3: by name it takes .*, timeout$",
        ),
        (lambda: engine.draw_dot(y(), filename="g"), r"\.render\(filename\)"),
        (lambda: engine.to_dot(y(), format="svg"), r"it gives DOT as text; draw\(\)"),
        (
            lambda: y().stepper(True),
            r"^stepper\(\) takes no arguments by position, not 1: .* forward, names$",
        ),
        (lambda: y().stepper(breakpoints=["w"]), r"call break_at\(\)"),
        (lambda: y().stepper().next(n=2), "'n': here it is count"),
        (lambda: y().stepper().run("w"), r"^run\(\) takes no arguments, not 1: write to\(\"w\"\)"),
        (lambda: y().why("w", top=3), "'top': here it is k"),
        (lambda: y().explain(max_rows=3), "here it is rows"),
        (lambda: y().zero_grad(set_to_none=True), "a gradient is a number, which becomes 0"),
        (lambda: engine.detect_anomaly(check_nan=True), r"write `with detect_anomaly\(\):`"),
        (lambda: engine.find_anomaly(y(), name=1), r"did you mean names\?"),
        (lambda: engine.adopt(y(), name="y"), r"did you mean names\?"),
        (lambda: engine.no_grad(mode=False), "no_grad takes no arguments"),
        (lambda: ExitStack().enter_context(engine.no_grad), r"write `with no_grad\(\):`"),
        (lambda: ExitStack().enter_context(engine.detect_anomaly), r"write `with detect_anomaly\(\):`"),
        (lambda: engine.strategies.numbers(min_value=0.0), r"write domain=engine.Interval\(low, high\)"),
        (lambda: engine.strategies.datasets(n_features=3), "here it is features"),
    ],
)
def test_a_call_as_elsewhere_gets_the_remedy(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(
    ("thing", "name", "message"),
    [
        (engine.compile(f), "jvp", r"write engine\.jvp\(f, numbers, direction\)$"),
        (engine.compile(f), "vmap", "call the function itself$"),
        (Value(1.0), "shape", "it is one number$"),
        (Value(1.0), "is_leaf", r"write not v\.operands$"),
        (Value(1.0), "notes", r"write engine\.notes\(v\)$"),
        (Value(1.0), "_children", r"write v\.operands$"),
    ],
)
def test_an_attribute_as_elsewhere_gets_the_remedy(thing: Any, name: str, message: str) -> None:
    assert not hasattr(thing, name)
    with pytest.raises(AttributeError, match=message):
        getattr(thing, name)


@pytest.mark.parametrize("name", sorted(EXPLAINED))
def test_every_explained_function_takes_what_it_took(name: str) -> None:
    """Its name, documentation and arguments are the function's own, and an unknown argument is told of by that name."""
    function = EXPLAINED[name]
    assert (function.__name__, function.__doc__) == (name, function.__wrapped__.__doc__)
    assert function.__annotations__ == function.__wrapped__.__annotations__
    own = [each.replace(annotation=each.empty) for each in inspect.signature(function.__wrapped__).parameters.values()]
    assert inspect.signature(function) == inspect.Signature(own)  # as help() shows it: types are told in words
    if name != "draw":  # whose options are told of once there is a graph
        with pytest.raises(TypeError, match=rf"^{name}\(\) has no argument 'q{name}': (it takes|did you mean)"):
            function(y(), **{f"q{name}": 1})


def test_what_to_write_are_arguments_that_there_are() -> None:
    """An entry under a name that no function has would never be shown."""
    names = {name for thing in EXPLAINED.values() for name in inspect.signature(thing).parameters}
    functions = {f"{name}()" for name in (*EXPLAINED, "detect_anomaly")}  # a class, and its __init__ is explained
    assert _BY_NAME.keys() <= names | functions
    assert _BY_CLASS.keys() == {"Value", "Compiled", "Stepper"}


@pytest.mark.parametrize(
    ("thing", "name", "remedy"),
    [
        (lambda: y().stepper(), "step", r"^'Stepper' object has no attribute 'step': write next\(\)$"),
        (lambda: y().stepper(), "watch", r": write break_at\(node, changes=True\)$"),
        (y, "mean", r"^'Value' .* it is one number; engine\.mean\(vs\) and engine\.sum\(vs\) take a list$"),
        (y, "max", r": write engine\.maximum\(v, w\)$"),
        (lambda: engine, "why", r"^module 'engine' has no attribute 'why': write the method why\(\) of a Value$"),
        (lambda: engine.compile(f), "jacobian", r"^'Compiled' .* write engine\.hessian\(f\)"),
        (lambda: engine.compile(f), "stepper", r": f\.function\(Value\(2\.0\), \.\.\.\) gives the graph of one sample"),
        (lambda: engine.compile(f), "unknown", "^'Compiled' object has no attribute 'unknown'$"),
        (lambda: engine.compile(f), "parameters", None),
    ],
)
def test_attributes_as_elsewhere_get_the_remedy(thing: Callable[[], Any], name: str, remedy: str | None) -> None:
    with pytest.raises(AttributeError if remedy else RuntimeError, match=remedy or "call it once"):
        getattr(thing(), name)


def test_numbers_by_name_are_refused_where_derivatives_are_taken_by_position() -> None:
    for derivative in (engine.gradient, engine.value_and_grad, engine.hessian, engine.jacobian):
        with pytest.raises(TypeError, match=r"position, .* got 'y' by name: .*\(lambda x: f\(x, y=2.0\)\)"):
            derivative(f)(1.0, y=2.0)
    assert engine.gradient(lambda x: f(x, y=2.0))(3.0) == pytest.approx([engine.gradient(f)(3.0, 2.0)[0]], abs=1e-15)


def test_a_step_width_in_the_place_of_the_order_is_no_second_input() -> None:
    with pytest.raises(ValueError, match=r"got 1e-06$"):
        engine.check_gradients(f, [1.0, 2.0], 1e-6)
    with pytest.raises(ValueError, match=r"got 2\.0: put the inputs in a list"):
        engine.check_gradients(f, 1.0, 2.0)


@pytest.mark.parametrize("forward", ["yes", "no", None, 2, "w"])
def test_forward_is_true_or_false(forward: Any) -> None:
    with pytest.raises(TypeError, match="forward is True to begin with the forward pass, else False, got "):
        y().stepper(forward=forward)
    assert len(y().stepper(forward=True)) > len(y().stepper(forward=False))


def test_names_that_are_none_are_told_of_before_there_is_an_anomaly() -> None:
    with pytest.raises(TypeError, match="names= takes a module"), engine.detect_anomaly(True):
        pass
    w = Value(0.0)
    with pytest.raises(engine.AnomalyError, match="gave the_weight"), engine.detect_anomaly(iter([("the_weight", w)])):
        w.sqrt().backward()
