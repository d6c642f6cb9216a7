"""Metrics of held-out samples after each epoch."""

from functools import partial

import pytest

import nn
from tests.needs import needs

from .fitting import BACKENDS, X, Y, network, trained

np = needs("numpy")


def test_metrics():
    _, history = trained(validation=0.3, metrics=["accuracy", lambda labels, outputs: len(labels)])
    assert list(history.rows[0])[2:5] == ["validation_loss", "validation_accuracy", "validation_<lambda>"]
    assert history.rows[0]["validation_<lambda>"] == 9.0
    _, history = trained(model=network(1), y=X[:, 0], loss=nn.mse, validation=0.3)
    assert "validation_r2" in history.rows[0]
    with pytest.raises(ValueError, match="metrics are taken on validation data"):
        trained(metrics="accuracy")


def same(labels, outputs):
    return 1.0


def share_within(labels, outputs, most):
    return float(np.mean(np.abs(outputs[:, 0] - labels) <= most))


def test_a_partial_is_called_after_its_function():
    """Its column was validation_partial, and two of them were refused."""
    metrics = [partial(share_within, most=0.5), partial(share_within, most=9.0)]
    _, history = trained(validation=0.3, metrics=metrics)
    assert {*history.rows[0]} > {"validation_share_within(most=0.5)", "validation_share_within(most=9.0)"}


@pytest.mark.parametrize(
    ("metrics", "error", "message"),
    [
        ([same, lambda *_: 1.0, same], ValueError, "there is a column 'same' already: give the metric's function"),
        (["accuracy", "accuracy"], ValueError, "there is a column 'accuracy' already"),
        (lambda labels, outputs: outputs, TypeError, "the metric <lambda> must give one number, not ndarray"),
        (3, TypeError, "a metric is a name or a function of labels and outputs, not int 3"),
    ],
)
def test_metrics_refused(metrics, error, message):
    with pytest.raises(error, match=message):
        trained("auto", validation=0.3, metrics=metrics)


@pytest.mark.parametrize("form", [list, np.array])
@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize(
    ("loss", "soft"),
    [(nn.cross_entropy, [0.25, 0.75]), (nn.bce_with_logits, 0.25), (nn.hinge, [1, -1])],
)
def test_labels_that_name_no_one_class_have_no_accuracy(loss, soft, form, share):
    """Soft labels, as of a teacher, were refused by accuracy, which nobody had asked for, after the first epoch."""
    y = [soft] * len(X)
    model = network(1 if soft == 0.25 else 2)
    _, history = trained(model=model, y=form(y), loss=loss, validation=0.3 if share else (X, form(y)))
    assert "validation_accuracy" not in history.rows[0]
    assert list(nn.evaluate(model, X, form(y), loss)) == ["loss"]
    with pytest.raises(ValueError, match=r"one-hot label is zeros|1 against 0 or -1"):
        trained(model=model, y=form(y), loss=loss, validation=0.3, metrics="accuracy")  # asked for


@BACKENDS
@pytest.mark.parametrize("form", [list, np.array])
def test_bools_are_no_class_indices_whatever_the_loss_makes_of_them(backend, form):
    """Eager validation refused them, and compiled validation took them for 0 and 1."""
    loss, y = (
        nn.per_sample(lambda outputs, label: (outputs[0] - label) ** 2 + outputs[1] ** 2),
        form([True, False] * 15),
    )
    trained(backend, y=y, loss=loss, validation=(X, y), epochs=1)
    with pytest.raises(TypeError, match=r"a class index must be an int, not the bool True: write int\(label\)"):
        trained(backend, y=y, loss=loss, validation=(X, y), epochs=1, metrics="accuracy")


def test_no_metric_takes_the_place_of_the_loss():
    def loss(labels, outputs):
        return 0.0

    with pytest.raises(ValueError, match="there is a column 'loss' already"):
        trained(validation=0.3, metrics=loss)


@BACKENDS
def test_functions_get_outputs_in_the_form_of_the_samples(backend):
    forms = []

    def look(labels, outputs):
        forms.append(type(outputs))
        return 0.0

    trained(backend, validation=(X, Y), epochs=1, metrics=look)
    trained(backend, validation=(X.tolist(), Y), epochs=1, metrics=look)
    nn.evaluate(network(), X[:2], Y[:2], nn.cross_entropy, look, backend=backend)
    assert forms == [np.ndarray, list, np.ndarray]


@BACKENDS
def test_what_a_metric_changes_counts_from_the_next_epoch_on(backend):
    scale = {"logits": 1.0}

    class Scaled(nn.Module):
        def __init__(self):
            self.layer = nn.Layer(2, 2, "identity", seed=1)

        def __call__(self, x):
            return [scale["logits"] * z for z in self.layer(x)]

    def shrink(labels, outputs):
        scale["logits"] *= 0.9
        return 0.0

    _, history = trained(backend, model=Scaled(), validation=(X, Y), metrics=shrink)
    scale["logits"] = 1.0
    _, expected = trained("eager", model=Scaled(), validation=(X, Y), metrics=shrink)
    assert history.losses == pytest.approx(expected.losses, rel=1e-12)


@BACKENDS
@pytest.mark.parametrize("form", [list, np.array])
def test_a_metric_may_change_the_outputs_and_labels_that_it_is_given(backend, form):
    """Those after it have the model's all the same, and the user's own labels stay."""

    def spoil(labels, outputs):
        for row in outputs:
            row[0], row[1] = row[1], row[0]
        labels[0] = 1 - labels[0]
        return 0.0

    held = form(X[:10].tolist()), form(Y[:10].tolist())
    _, history = trained(backend, validation=held, metrics=[spoil, "accuracy"])
    assert [*held[1]] == [*Y[:10]]
    _, alone = trained(backend, validation=held, metrics="accuracy")
    column = "validation_accuracy"
    assert [row[column] for row in history.rows] == [row[column] for row in alone.rows]
