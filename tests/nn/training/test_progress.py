"""Ways to show progress: silence, a callable, plain lines, a bar."""

import io
import sys

import pytest

import nn
from nn import Progress
from nn.training import progress
from nn.training.progress import reporting
from tests.needs import INSTALLED, needs


class Terminal(io.StringIO):
    def isatty(self):
        return True


def states(epochs, batches=2):
    for epoch in range(1, epochs + 1):
        for batch in range(1, batches + 1):
            yield Progress(epoch, epochs, batch, batches, loss=1.0 / epoch)


def tell(told, epochs):
    """As the loop does: the scores of an epoch are known after its last batch."""
    before = {}
    for state in states(epochs):
        if told.batch is not None:
            told.batch(state._replace(scores=before))
        if state.batch == state.batches and told.epoch is not None:
            before = {"validation_loss": 10.0 * state.epoch}
            told.epoch(state._replace(scores=before, lr=0.5))


def test_the_share_that_is_done():
    shares = [state.done for state in states(2)]
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_silence(capsys):
    with reporting(False) as told:
        assert told == (None, None)
    assert capsys.readouterr().out == ""


def test_a_callable_is_called_with_every_state():
    seen = []
    with reporting(seen.append) as told:
        tell(told, 3)
    assert seen == list(states(3))


def test_plain_lines_where_there_is_no_terminal(capsys):
    with reporting(True) as told:
        tell(told, 2)
    assert (
        capsys.readouterr().out
        == "epoch 1/2  lr 0.5  loss 1  validation loss 10\nepoch 2/2  lr 0.5  loss 0.5  validation loss 20\n"
    )


@pytest.mark.parametrize("backend", ["eager", *INSTALLED])
@pytest.mark.parametrize(("size", "batches"), [(1, 4), (2, 2), (3, 2), (4, 1), (None, 1)])
def test_batches_are_counted_from_1_to_as_many_as_an_epoch_has(backend, size, batches):
    model, states = nn.MLP(1, [1], seed=1), []
    X, y = [[1.0], [2.0], [3.0], [4.0]], [1.0, 2.0, 3.0, 4.0]
    optimizer = nn.SGD(model.parameters(), lr=0.01)
    nn.fit(model, X, y, nn.mse, optimizer, 2, size, progress=states.append, backend=backend)
    assert [(state.batch, state.batches) for state in states] == [*((k + 1, batches) for k in range(batches))] * 2


def test_a_long_training_prints_about_ten_lines(capsys):
    with reporting(True) as told:
        tell(told, 1005)
    lines = capsys.readouterr().out.splitlines()
    assert 10 <= len(lines) <= 12
    assert lines[-1].startswith("epoch 1005/1005")


def test_a_bar_on_a_terminal(monkeypatch):
    needs("rich")
    monkeypatch.setattr(sys, "stdout", Terminal())
    with reporting(True) as told:
        tell(told, 4)
    shown = sys.stdout.getvalue()
    assert "epoch 4/4  lr 0.5  loss 0.25" in shown
    assert "validation loss 40" in shown
    assert "100%" in shown


def test_a_bar_says_which_epoch_the_scores_are_of():
    state = Progress(4, 9, 1, 2, loss=0.25, scores={"validation_loss": 30.0, "validation_r2": 0.5}, lr=0.5)
    assert progress._under_way(state, "; ") == "epoch 4/9  lr 0.5  loss 0.25; epoch 3: validation loss 30, r2 0.5"
    assert progress._text(state) == "epoch 4/9  lr 0.5  loss 0.25  validation loss 30, r2 0.5"


def test_plain_lines_on_a_terminal_without_rich(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setattr(sys, "stdout", Terminal())
    with reporting(True) as told:
        tell(told, 1)
    assert sys.stdout.getvalue() == "epoch 1/1  lr 0.5  loss 1  validation loss 10\n"


def test_refusal():
    with pytest.raises(
        TypeError, match=r"progress is True, False or a callable that takes a Progress, not str 'bar': .* bar\.update"
    ):
        reporting("bar")
