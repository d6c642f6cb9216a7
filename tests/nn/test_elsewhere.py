"""Arguments by the names that other libraries give them: the error says what to write here."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import pytest

import nn
from nn.elsewhere import _BY_CLASS, _BY_NAME, explained
from nn.losses.named import LOSSES

X, Y = [[0.0], [1.0]], [0, 1]


def parts() -> tuple[Any, ...]:
    model = nn.MLP(1, [2], seed=1)
    return model, X, Y, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1)


def trainer() -> nn.Trainer:
    model, _, _, loss, optimizer = parts()
    return nn.Trainer(model, loss, optimizer, "python")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.fit(*parts(), verbose=1), r"fit\(\) has no argument 'verbose': write progress=True"),
        (lambda: nn.fit(*parts(), validation_split=0.2), r"write validation=0\.2"),
        (lambda: nn.fit(*parts(), validation_data=(X, Y)), r"write validation=\(X, y\)"),
        (lambda: nn.fit(*parts(), lr=0.1), "the optimiser has it"),
        (lambda: nn.fit(*parts(), epoch=3), r"did you mean epochs\?"),
        (lambda: nn.MLP(2, hidden_layer_sizes=(3,)), r"MLP\(\) has no argument .*: write nouts="),
        (lambda: nn.Layer(2, units=3), r"Layer\(\) has no argument 'units': here it is nout"),
        (lambda: nn.Dropout(rate=0.5), "here it is p"),
        (lambda: nn.Adam([], learning_rate=0.1), r"Adam\(\) has no argument 'learning_rate': here it is lr"),
        (lambda: nn.predict(parts()[0], X, verbose=0), "'verbose': leave it out$"),
        (lambda: nn.evaluate(parts()[0], X, Y, nn.cross_entropy, batch_size=8), "'batch_size': leave it out$"),
        (lambda: nn.predict(parts()[0], X, axis=0), "it takes model, X, backend$"),
        (lambda: nn.Layer(2, 3, input_shape=(2,)), r"Layer\(\) has no argument 'input_shape': nin says"),
        (lambda: nn.Layer(2, 3, kernel_regularizer="l2"), "write weight_decay= of the optimiser$"),
        (lambda: nn.fit(*parts(), steps_per_epoch=4), "takes each sample once"),
        (lambda: trainer().run(X, Y, epochs=2), r"^run\(\) has no argument 'epochs': write steps="),
        (lambda: trainer().epoch(X, Y, epochs=2), r"^epoch\(\) has no argument 'epochs': call it once for each"),
        (
            lambda: nn.cross_entropy([0.0], 0, weight=[2.0]),
            r"cross_entropy\(\) has no argument 'weight': .*class_weight=",
        ),
        (lambda: nn.cross_entropy([0.0], 0, label_smoothing=0.1), "rows of probabilities as labels"),
        (lambda: nn.cross_entropy([0.0], 0, ignore_index=-100), "leave out those samples"),
        (lambda: nn.nll([0.0], 0, size_average=True), "reduction='mean'"),
        (lambda: nn.mae([0.0], [0.0], sample_weight=[1.0]), "sample_weight="),
        (lambda: nn.bce(0.5, 1, from_logits=True), "bce_with_logits take raw outputs"),
        (lambda: nn.bce_with_logits(0.5, 1, pos_weight=2.0), "class_weight="),
        (lambda: nn.hinge(0.5, 1, reductoin="sum"), r"did you mean reduction\?"),
        (lambda: functools.partial(nn.cross_entropy, dim=1)([0.0], 0), "a row is a sample"),
        (lambda: nn.SelfAttention(4, dropout=0.1), r"SelfAttention\(\) .*: it takes size, heads, causal, bias, seed$"),
        (lambda: nn.mse(y_true=[1.0], y_pred=[1.0]), r"^mse\(\) has no argument 'y_true': here it is target$"),
        (lambda: nn.bce(input=0.5, target=1), "here it is probability"),
        (lambda: nn.cross_entropy([0.0], 0, None, -100), r"takes 3 by position \(logits, target, reduction\), not 4$"),
        (lambda: nn.fit(*parts()[:1], x=X, y=Y), "here it is X"),
        (lambda: nn.accuracy(y_true=Y, y_pred=Y), "here it is y"),
        (lambda: parts()[4].step(lambda: None), r"^step\(\) takes no arguments, not 1: compute the loss"),
        (lambda: parts()[4].step(closure=None), "compute the loss and call its backward"),
        (lambda: parts()[4].zero_grad(True), r"^zero_grad\(\) takes no arguments, not 1: a gradient is a number"),
        (lambda: parts()[0].zero_grad(set_to_none=True), "a gradient is a number"),
        (lambda: nn.save(parts()[0], "m.json", parts()[4]), "not 3: by name it takes optimizer, history$"),
        (lambda: nn.softmax([0.0], dim=-1), r"^softmax\(\) has no argument 'dim': a row is a sample"),
        (
            lambda: nn.softmax(2.0, 1.0),
            r"^softmax\(\) takes 1 .*: the logits are one list, as in softmax\(\[",
        ),
        (lambda: nn.log_softmax([0.0], axis=0), r"^log_softmax\(\) .* 'axis': a row is a sample"),
        (lambda: nn.one_hot([0], num_classes=2), "'num_classes': here it is classes$"),
        (lambda: nn.fit(*parts(), device="cuda"), "'device': leave it out, since training runs on the CPU$"),
        (lambda: nn.train_test_split(X, Y, train_size=0.5), "'train_size': write test_size="),
        (lambda: nn.Layer(8, activation="relu"), r"^Layer\(\) needs nout: write Layer\(nin, nout\)$"),
        (
            lambda: nn.cross_entropy(),
            r"^cross_entropy\(\) needs logits and target: write cross_entropy\(logits, target\)$",
        ),
        (lambda: nn.accuracy(Y, y=Y), r"^accuracy\(\) needs X: write accuracy\(model, X, y\)$"),
        (
            lambda: parts()[0]([0.0], training=True),
            r"^write model\(x\), and model.train\(\) .*MLP.__call__\(\).*'training'",
        ),
        (lambda: nn.Embedding(3, 2)(0, 1), r"^write model\(x\), .*__call__\(\) takes 2 positional"),
        (lambda: trainer().step(X, Y, epochs=3), r"^write step\(X, y\), or epoch\(X, y\) .*'epochs'"),
        (lambda: trainer().step((X, Y)), r"^write step\(X, y\), .* missing 1 required"),
        (lambda: nn.EagerStep(*parts()[:1], *parts()[3:])((X, Y)), r"^write step\(X, y\) with one batch: .* missing"),
        (lambda: nn.Dropout(0.5, 1, 2), r"^Dropout\(\) takes 2 by position \(p, seed\), not 3$"),
    ],
)
def test_an_argument_of_another_library_gets_the_remedy(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(
    ("made", "name", "message"),
    [
        (nn.Trainer, "fit", r"^'Trainer' object has no attribute 'fit': write nn\.fit\(model, X, y, loss, optimizer\)"),
        (nn.Trainer, "train_on_batch", r"'train_on_batch': write step\(X, y\), with a batch$"),
        (nn.Trainer, "evaluate", r"write nn\.evaluate\(model, X, y, loss\)$"),
        (nn.Trainer, "zero_grad", "a step does all of that by itself$"),
        (nn.Trainer, "unknown", "^'Trainer' object has no attribute 'unknown'$"),
        (nn.EagerStep, "step", r"call it with a batch, as in step\(X, y\)$"),
        (nn.EagerStep, "predict", r"write nn\.predict\(model, X\)$"),
    ],
)
def test_what_other_trainers_have_gets_the_remedy(made: Any, name: str, message: str) -> None:
    step = made(*parts()[:1], nn.cross_entropy, parts()[4])
    assert not hasattr(step, name)
    with pytest.raises(AttributeError, match=message):
        getattr(step, name)


def test_a_users_step_may_have_what_others_have() -> None:
    class Own(nn.EagerStep):
        def fit(self) -> str:
            self.train = "set"
            return self.train

    assert Own(*parts()[:1], nn.cross_entropy, parts()[4]).fit() == "set"


def test_losses_of_any_number_of_arguments_are_taken() -> None:
    model, x, y, _, optimizer = parts()
    for loss in (
        lambda *both: nn.cross_entropy(*both),
        lambda out, labels, scale=2.0: scale * nn.cross_entropy(out, labels),
    ):
        assert nn.Trainer(model, loss, optimizer).step(x, y) > 0.0


def test_a_users_class_is_named_by_its_own_name_and_may_have_such_arguments() -> None:
    class Dense(nn.Layer):
        def __init__(self, units: int) -> None:
            super().__init__(2, units, "tanh")

    class Same(nn.Dropout):
        pass

    assert len(Dense(units=3).neurons) == 3
    with pytest.raises(TypeError, match=r"^Same\(\) has no argument 'rate': here it is p$"):
        Same(rate=0.1)


def test_what_to_write_are_arguments_that_there_are() -> None:
    """An entry under a name that no function has would never be shown."""
    things = [getattr(nn, name) for name in nn.__all__ if callable(getattr(nn, name))]
    things += [nn.schedules.step, nn.schedules.cosine]
    explained_ones = [t for t in things if hasattr(t.__init__ if isinstance(t, type) else t, "__wrapped__")]
    explained_ones += [nn.Optimizer.step, nn.Optimizer.zero_grad, nn.Trainer.run, nn.Trainer.epoch]
    names = {name for thing in explained_ones for name in inspect.signature(thing).parameters}
    assert _BY_NAME.keys() <= names | {f"{thing.__name__}()" for thing in explained_ones}


def test_what_to_write_is_told_of_classes_that_there_are() -> None:
    kinds = (nn.MLP, nn.Adam, nn.History, nn.Trainer, nn.EagerStep)
    assert _BY_CLASS.keys() - {"_Network"} <= {base.__name__ for kind in kinds for base in kind.__mro__}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=list(LOSSES))
def test_a_loss_says_which_arguments_it_takes(loss: Any) -> None:
    known = inspect.signature(loss).parameters
    with pytest.raises(TypeError, match=f"it takes {', '.join(known)}$"):
        loss(1.0, 1.0, q=1)


def test_arguments_and_documentation_stay_and_help_shows_no_quoted_types() -> None:
    def plain(x: int, *, depth: int = 3) -> int:
        """The depth."""
        return x + depth

    found = explained(plain)
    assert str(inspect.signature(found)) == "(x, *, depth=3)"
    assert found.__annotations__ == plain.__annotations__
    assert (found.__doc__, found.__module__, found(1, depth=2)) == (plain.__doc__, __name__, 3)
