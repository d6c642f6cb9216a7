"""The structure of a loss: what is a mean, a sum or neither, told from the graph and in a message with the line."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import TraceError, Value, batch_loss
from engine.compiler.samples.arguments import as_batch

W = [Value(0.3), Value(-0.7)]
TEMPERATURE = Value(2.0)


def squares(outputs: Any, labels: Any) -> list[Any]:
    return [engine.square(o - y) for o, y in zip(outputs, labels)]


def penalty() -> Any:
    return engine.sum([w * w for w in W])


def gradient_penalty(loss: Any) -> Any:
    """The outputs of a model depend on its parameters, and so do their gradients, which are no part of this graph."""
    return loss + engine.square(engine.grad(loss, W[0], create_graph=True))


def running_mean(outputs: Any, labels: Any) -> Any:
    found = 0.0
    for k, term in enumerate(squares(outputs, labels)):
        found = found + (term - found) / (k + 1)
    return found


def after_the_batch_is_sorted(outputs: Any, labels: Any) -> Any:
    return engine.mean([*reversed(squares(outputs, labels))])


SEPARABLE: dict[str, tuple[Callable[[Any, Any], Any], float, float]] = {  # loss, scale for 8 samples, extra
    "mean": (lambda o, y: engine.mean(squares(o, y)), 1, 0),
    "sum": (lambda o, y: engine.sum(squares(o, y)), 8, 0),
    "sum / 32": (lambda o, y: engine.sum(squares(o, y)) / 32, 8, 0),
    "3 * mean": (lambda o, y: 3 * engine.mean(squares(o, y)), 1, 0),
    "-mean": (lambda o, y: -engine.mean(squares(o, y)), 1, 0),
    "dot": (lambda o, y: engine.dot([1 / len(o)] * len(o), squares(o, y)), 1, 0),
    "dot with a bias": (lambda o, y: engine.dot([0.5] * len(o), squares(o, y), bias=penalty()), 8, -7),
    "running mean": (running_mean, 1, 0),
    "python's sum": (lambda o, y: sum(squares(o, y)) / len(o), 1, 0),
    "mean + penalty": (lambda o, y: engine.mean(squares(o, y)) + 0.1 * penalty(), 1, 0),
    "mean - 1": (lambda o, y: engine.mean(squares(o, y)) - 1.0, 1, 0),
    "sum + penalty": (lambda o, y: engine.sum(squares(o, y)) + 0.1 * penalty(), 8, -7),
    "a penalty over a parameter": (lambda o, y: engine.sum(squares(o, y)) + penalty() / TEMPERATURE, 8, -7),
    "a penalty by a number of each": (lambda o, y: engine.sum(squares(o, y)) + TEMPERATURE * (W[0] - W[1]), 8, -7),
    "a penalty in each": (lambda o, y: engine.sum([s + penalty() for s in squares(o, y)]), 8, 0),
    "a learned factor": (lambda o, y: TEMPERATURE * engine.mean(squares(o, y)) / W[0] + engine.log(TEMPERATURE), 1, 0),
    "two means": (lambda o, y: engine.mean(squares(o, y)) + 0.1 * engine.mean([engine.abs(x) for x in o]), 1, 0),
    "reversed": (after_the_batch_is_sorted, 1, 0),
    "outputs themselves": (lambda o, y: engine.mean(o) - engine.sum(y) / len(y), 1, 0),
    "products": (lambda o, y: engine.dot(o, y) / len(o), 1, 0),
    "a branch in each": (lambda o, y: engine.mean([engine.where(b > 0, a, -a) for a, b in zip(o, y)]), 1, 0),
    "a penalty for each": (lambda o, y: engine.sum(squares(o, y)) + 0.1 * len(o) * penalty(), 8, 0),
    "the gradient of each": (lambda o, y: engine.mean([gradient_penalty(s) for s in squares(o, y)]), 1, 0),
    "the gradient of a penalty": (lambda o, y: engine.mean(squares(o, y)) + gradient_penalty(penalty()), 1, 0),
    "no sample": (lambda o, y: penalty(), 1, 0),
    "nothing": (lambda o, y: 0.0, 1, 0),
}

MIXED: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "root": (lambda o, y: engine.sqrt(engine.mean(squares(o, y))), r"sqrt\(\) is computed from several .*engine.sqrt"),
    "largest": (lambda o, y: engine.maximum(squares(o, y)), r"maximum\(\) is computed from several"),
    "first four": (lambda o, y: engine.mean(squares(o, y)[:4]), "sample 4 does not count at all"),
    "first": (lambda o, y: engine.square(o[0] - y[0]), "sample 1 does not count"),
    "weights": (lambda o, y: engine.sum([s / (k + 1) for k, s in enumerate(squares(o, y))]), "the weight 0.5"),
    "another formula": (lambda o, y: engine.mean([engine.abs(o[0]), *squares(o, y)[1:]]), "another formula"),
    "weights over their sum": (lambda o, y: engine.dot(y, squares(o, y)) / engine.sum(y), r"div\(\) is computed from"),
    "softmax of the batch": (lambda o, y: engine.logsumexp(o), r"logsumexp\(\)"),
    "bias": (lambda o, y: engine.square(engine.mean(o) - engine.mean(y)), r"square\(\)"),
    "variance": (lambda o, y: engine.mean([engine.square(x - engine.mean(o)) for x in o]), r"square\(\)"),
    "pairs": (lambda o, y: engine.sum([a * b for a, b in zip(o, o[1:] + o[:1])]), r"mul\(\)"),
    "detached": (lambda o, y: engine.mean(o) * engine.mean(squares(o, y)).detach(), "computed from several"),
    "two scales": (lambda o, y: engine.mean(o) + engine.sum(squares(o, y)), "do not have the weights"),
    "other terms for one": (lambda o, y: engine.mean(o) if len(o) > 1 else engine.mean(squares(o, y)), "are not those"),
    "weight 0": (lambda o, y: (len(o) - 1) * engine.mean(o), "weight 0"),
    "two penalties": (lambda o, y: engine.mean(o) + W[0] + len(o) * W[1], "do not have the weights"),
    "the gradient of the mean": (
        lambda o, y: gradient_penalty(engine.mean(squares(o, y))),
        r"square\(\)",
    ),
    "with neighbours": (
        lambda o, y: engine.mean([x - 0.5 * engine.square(o[k - 1]) * x for k, x in enumerate(o)]),
        "mul",
    ),
}


@pytest.mark.parametrize("name", SEPARABLE)
def test_the_loss_of_a_batch_is_made_of_those_of_its_samples(name: str) -> None:
    loss, scale, extra = SEPARABLE[name]
    found = batch_loss(loss, Value(0.0), (), 8)
    assert (found.scale, found.extra) == pytest.approx((scale, extra))
    outputs, labels = [0.1 * k - 0.3 for k in range(8)], [1.5, -2.0, 0.25, 3.0, -1.0, 0.5, 2.0, -0.75]
    mean = sum(float(loss([Value(o)], [y])) for o, y in zip(outputs, labels)) / 8
    whole = loss([Value(o) for o in outputs], labels)
    assert float(whole) == pytest.approx(found.scale * mean + found.extra * float(found.penalty()), rel=1e-12)


@pytest.mark.parametrize("name", MIXED)
def test_a_loss_that_mixes_samples_is_refused(name: str) -> None:
    loss, why = MIXED[name]
    with pytest.raises(TraceError, match=f"(?s)mixes the 8 samples: .*{why}.*one term for each sample"):
        batch_loss(loss, Value(0.0), (), 8)


def test_the_message_names_the_users_line() -> None:
    def rmse(outputs: Any, labels: Any) -> Any:
        error = engine.mean(squares(outputs, labels))
        return engine.sqrt(error)

    with pytest.raises(TraceError) as caught:
        batch_loss(rmse, Value(0.0), (), 4)
    line = rmse.__code__.co_firstlineno + 2
    assert f"{__file__}:{line}: return engine.sqrt(error)" in str(caught.value)


@pytest.mark.parametrize(
    ("output", "label", "loss"),
    [
        ([Value(0.0)] * 3, (3,), lambda o, y: engine.mean([engine.dot(a, b) for a, b in zip(o, y)])),
        (
            {"m": Value(0.0), "s": (Value(1.0),)},
            (),
            lambda o, y: engine.mean([a["m"] * b + a["s"][0] for a, b in zip(o, y)]),
        ),
        ([[Value(0.0)] * 2] * 2, (2, 2), lambda o, y: engine.mean([a[0][1] * b[1][0] for a, b in zip(o, y)])),
    ],
)
def test_outputs_and_labels_of_any_shape(output: Any, label: tuple[int, ...], loss: Any) -> None:
    assert batch_loss(loss, output, label, 5).scale == 1.0


def test_a_list_of_losses_is_refused() -> None:
    with pytest.raises(TraceError, match="returned a list"):
        batch_loss(squares, Value(0.0), (), 5)


def test_a_refusal_of_the_trace_names_the_loss() -> None:
    def nothing(outputs: Any, labels: Any) -> None:
        pass

    with pytest.raises(TraceError, match=r"nothing \(.*test_loss_structure.*\) returned None"):
        batch_loss(nothing, Value(0.0), (), 5)


TERMS = [
    lambda o, y: engine.square(o - y),
    lambda o, y: engine.relu(1 - o * y),
    lambda o, y: engine.abs(o),
    lambda o, y: y * engine.tanh(o * W[0]),
]


@given(
    st.lists(st.integers(0, len(TERMS) - 1), min_size=1, max_size=3),
    st.sampled_from(["mean", "sum"]),
    st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3),
    st.integers(1, 12),
    st.integers(0, 2**12 - 1),
)
def test_random_sums_are_told_from_sums_that_leave_samples_out(
    terms: list[int], reduction: str, factor: float, size: int, counted: int
) -> None:
    """A mask on the samples is a loss like any other; only without gaps, and with all of them, it is no mixture."""
    chosen = [k for k in range(size) if counted >> k & 1]

    def loss(outputs: Any, labels: Any) -> Any:
        rows = [k for k in chosen if k < len(outputs)] if len(outputs) > 1 else [0]
        found = [sum((TERMS[t](outputs[k], labels[k]) for t in terms), 0.0) for k in rows] or [0.0]
        return factor * (engine.mean(found) if reduction == "mean" else functools.reduce(lambda a, b: a + b, found))

    if len(chosen) == size or size == 1:
        assert batch_loss(loss, Value(0.0), (), size).scale == pytest.approx(size if reduction == "sum" else 1.0)
    else:
        with pytest.raises(TraceError):
            batch_loss(loss, Value(0.0), (), size)


def test_what_a_loss_is_refused_for_with_one_sample_is_said_as_it_is() -> None:
    def listed_for_one(outputs: Any, labels: Any) -> Any:
        terms = squares(outputs, labels)
        return engine.mean(terms) if len(terms) > 1 else [*terms, *terms]

    with pytest.raises(TraceError, match=r"listed_for_one \(.*\) returned a list: the loss of a batch is one Value"):
        batch_loss(listed_for_one, Value(0.0), (), 5)


def test_a_loss_must_not_change_labels() -> None:
    def loss(outputs: Any, labels: Any) -> Any:
        for label in labels:
            label[0] = label[0] * 2
        return engine.sum([(o - y[0]) ** 2 for o, y in zip(outputs, labels)])

    with pytest.raises(TraceError, match="changes a list that it is given"):
        batch_loss(loss, Value(0.0), (1,), 3)


def test_outputs_are_values_and_labels_plain_numbers() -> None:
    """In place of an output eager code has a Value, which is a key by identity and divides by 0 without an error."""

    def by_output(outputs: Any, labels: Any) -> Any:
        return engine.mean([*dict(zip(outputs, squares(outputs, labels))).values()])

    def by_label(outputs: Any, labels: Any) -> Any:
        return engine.mean([*dict(zip(labels, squares(outputs, labels))).values()])

    def inverse(numbers: Any, others: Any) -> Any:
        try:
            return engine.mean([other / number for number, other in zip(numbers, others)])
        except ZeroDivisionError:
            return engine.mean(others)

    batch = as_batch([[[1.0]] * 4, [1, 2, 3, 4]], None)
    for accepted in (by_output, inverse):
        assert batch_loss(accepted, Value(0.0), (), 4, batch).scale == 1.0
    for refused, why in (
        (by_label, "looked up as a key"),
        (lambda outputs, labels: inverse(labels, [y * y for y in labels]) * outputs[0], "where an error is caught"),
    ):
        with pytest.raises(TraceError, match=why):
            batch_loss(refused, Value(0.0), (), 4, batch)
