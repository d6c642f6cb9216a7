"""The history as text, columns and curve; what progress shows; a training that goes on."""

import math
import os
import random
import re
import sys

import pytest

import nn
from engine import display_width
from tests.needs import needs

from .fitting import BACKENDS, X, Y, numbers, trained


@BACKENDS
def test_four_and_four_are_eight_bit_for_bit(backend):
    options = {"validation": 0.2, "schedule": nn.schedules.cosine(0.1, 30)}

    def model_and_optimizer():
        model = nn.Sequential(nn.Layer(2, 4, seed=1), nn.Dropout(0.3, seed=1), nn.Layer(4, 2, "identity", seed=2))
        return model, nn.Adam(model.parameters(), lr=0.1)

    def fit(model, optimizer, epochs, **more):
        return nn.fit(model, X, Y, nn.cross_entropy, optimizer, epochs, 8, seed=3, backend=backend, **options, **more)

    whole, optimizer = model_and_optimizer()
    expected = fit(whole, optimizer, 8)
    model, optimizer = model_and_optimizer()
    history = fit(model, optimizer, 8, resume=fit(model, optimizer, 4))
    assert numbers(model) == numbers(whole)
    assert history.batch_losses == expected.batch_losses
    for row, other in zip(history.rows, expected.rows):
        assert {**row, "seconds": 0} == {**other, "seconds": 0}
    with pytest.raises(ValueError, match="done already: 8 epochs; epochs=8 counts those too"):
        fit(model, optimizer, 8, resume=history)


def test_what_goes_on_with_random_numbers_of_its_own_takes_their_order():
    """An int must be the one from before, whose order goes on."""

    def second_epoch(seed):
        model, first = trained(epochs=1)
        return trained(model=model, epochs=2, resume=first, seed=seed)[1].batch_losses[4:]

    assert second_epoch(random.Random(5)) == second_epoch(random.Random(5))
    assert second_epoch(random.Random(5)) != second_epoch(random.Random(6))
    assert second_epoch(random.Random(5)) != second_epoch(None)


def test_wide_letters_in_names_keep_tables_in_line():
    """A CJK letter takes two columns of a terminal."""

    class Net(nn.Module):
        def __init__(self):
            self.層 = nn.Layer(2, 3, seed=1)
            self.out = nn.Layer(3, 1, "identity", seed=1)

        def __call__(self, x):
            return self.out(self.層(x))

    history = nn.History([1.0], rows=[{"epoch": 1, "loss": 1.0, "validation_正解率": 0.5}])
    assert {display_width(line) for line in repr(history).splitlines()[1:]} == {2 + 5 + 2 + 4 + 2 + 17}
    lines = repr(nn.summary(Net(), [0.5, 1.0])).splitlines()
    assert lines[1:3] == ["層    Layer(2, 3, relu)               9", "out   Layer(3, 1, identity)           4"]


def test_a_history_goes_on_with_other_columns():
    needs("matplotlib")
    model, history = trained(epochs=2)
    _, history = trained(model=model, epochs=4, resume=history, validation=(X[:10], Y[:10]))
    columns = history.to_dict()
    assert list(map(math.isnan, columns["validation_loss"])) == [True, True, False, False]
    assert history.best_epoch in (3, 4)
    assert "validation_accuracy" in repr(history)
    _, history = trained(model=model, epochs=5, resume=history)
    assert len(history.to_dict()["validation_accuracy"]) == 5
    assert history._repr_png_()


def test_the_history_as_text_columns_and_curve(tmp_path):
    _, history = trained(epochs=12, validation=0.2)
    lines = repr(history).splitlines()
    assert lines[0].startswith("History of 12 epochs, loss ")
    assert lines[1].split() == ["epoch", "loss", "validation_loss", "validation_accuracy", "lr", "seconds"]
    assert [line.split()[0] for line in lines[2:]] == ["1", "3", "4", "6", "7", "9", "10", "12"] or len(lines) == 10
    columns = history.to_dict()
    assert columns["loss"] == history.losses
    needs("matplotlib")
    assert history.plot(tmp_path / "curve.png") == tmp_path / "curve.png"
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert history._repr_png_().startswith(b"\x89PNG")
    assert nn.History([1.0, -1.0], rows=[{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": -1.0}])._repr_png_()
    one = nn.History([1.0], rows=[{"epoch": 1, "loss": 1.0}])._figure()
    assert {tick for axes in one.axes for tick in axes.get_xticks()} <= {0.0, 1.0, 2.0}  # no fractions of an epoch
    assert [line.get_markevery() for line in one.axes[0].lines] == [[0]]
    assert nn.History()._repr_png_() is None
    assert nn.History().best_epoch is None
    with pytest.raises(ValueError, match="no epoch to draw"):
        nn.History().plot(tmp_path / "none.png")
    with pytest.raises(
        ValueError, match=r"curve' has none: write '.*curve\.png'$"
    ):  # matplotlib made a curve.png of it
        history.plot(tmp_path / "curve")


def test_a_picture_is_written_as_all_files_are(tmp_path):
    """Whole, over regular files only, which keep permissions and links: matplotlib waited for ever at a pipe."""
    needs("matplotlib")
    history = nn.History([1.0], rows=[{"epoch": 1, "loss": 1.0}])
    (tmp_path / "device.png").symlink_to(os.devnull)
    with pytest.raises(OSError, match=r"only a regular file is replaced, and this is a device.*device\.png"):
        history.plot(tmp_path / "device.png")
    old = tmp_path / "curve.png"
    old.write_bytes(b"")
    before = old.stat().st_ino
    assert history.plot(old).stat().st_ino != before  # a new file in its place, not parts of one in the old
    with pytest.raises(ValueError, match="Format 'txt' is not supported"):
        history.plot(tmp_path / "curve.txt")


def test_a_number_between_epochs_without_one_is_a_dot_in_the_picture():
    """As where training was resumed with validation for one epoch: a line of one point is not to be seen."""
    needs("matplotlib")
    losses, scores = [0.5, 0.25, math.nan, 0.125], [math.nan, 0.75, math.inf, math.nan]
    rows = [{"epoch": k + 1, "loss": loss, "validation_loss": scores[k]} for k, loss in enumerate(losses)]
    history = nn.History(losses, rows=rows)
    drawn = history._figure().axes[0].lines[:2]
    assert [(line.get_label(), line.get_markevery()) for line in drawn] == [("loss", [3]), ("validation loss", [1])]
    assert history._repr_png_()


def test_epochs_whose_loss_is_not_finite_are_marked():
    """A curve that ends in nan looked like a training that had ended there."""
    needs("matplotlib")
    rows = [{"epoch": k, "loss": loss} for k, loss in enumerate([1.0, 0.5, math.inf, math.nan], 1)]
    axes = nn.History([1.0], rows=rows)._figure().axes[0]
    assert list(axes.lines[-1].get_xdata()) == [3, 4]
    assert axes.get_xlim()[1] >= 4.0
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["loss", "nan or inf"]


def test_the_number_of_an_epoch_is_written_in_full():
    last = str(nn.History([1.0], rows=[{"epoch": 12345, "loss": 12345.678}])).splitlines()[-1]
    assert last.split() == ["12345", "1.235e+04"]


def test_texts_that_a_callback_notes_are_in_the_table_and_not_among_the_curves():
    rows = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "phase": "head", "hits": [3]}]
    history = nn.History([0.5, 0.25], rows=rows)
    assert [line.split() for line in repr(history).splitlines()[2:]] == [
        ["1", "0.5", "nan", "nan"],
        ["2", "0.25", "head", "[3]"],
    ]
    needs("matplotlib")
    assert len(history._figure().axes) == 1


def test_without_matplotlib_a_notebook_has_the_text(monkeypatch, tmp_path):
    history = nn.History([1.0], rows=[{"epoch": 1, "loss": 1.0}])
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert history._repr_png_() is None
    with pytest.raises(ImportError, match="curves need matplotlib: pip install matplotlib"):
        history.plot(tmp_path / "curve.png")


def test_pandas_takes_the_columns():
    pandas = needs("pandas")
    _, history = trained(validation=0.2)
    frame = pandas.DataFrame(history.to_dict())
    assert list(frame["epoch"]) == [1, 2, 3, 4]


@BACKENDS
def test_progress_shows_each_epoch_with_its_own_scores_and_rate(backend, capsys):
    _, history = trained(backend, validation=0.2, progress=True, schedule=nn.schedules.linear(0.1, 20))
    assert capsys.readouterr().out.splitlines() == [
        f"epoch {row['epoch']}/4  lr {row['lr']:.4g}  loss {row['loss']:.4g}"
        f"  validation loss {row['validation_loss']:.4g}, accuracy {row['validation_accuracy']:.4g}"
        for row in history.rows
    ]


def test_a_callable_is_told_the_rate_of_each_batch():
    rates, told = nn.schedules.linear(0.1, 20), []
    trained(schedule=rates, progress=told.append)
    assert [state.lr for state in told] == [rates(k) for k in range(len(told))]


def test_a_column_is_asked_for_by_its_name() -> None:
    history = nn.History(rows=[{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "validation_loss": 1.0}])
    assert (history["epoch"], history["loss"]) == ([1, 2], [0.5, 0.25])
    assert history["validation_loss"] == pytest.approx([math.nan, 1.0], nan_ok=True)
    with pytest.raises(KeyError, match="there is no 'val_loss', but 'epoch', 'loss', 'validation_loss'") as raised:
        history["val_loss"]
    assert raised.value.args[0].endswith(": write to_dict()['validation_loss']")
    with pytest.raises(KeyError, match=r"'validation_loss'\W$"):
        history["nothing"]
    with pytest.raises(KeyError, match="no epoch yet"):
        nn.History()["loss"]
    for use in (lambda: history[0], lambda: [*history]):
        with pytest.raises(TypeError, match=re.escape("history.rows[0] the row of the first epoch")):
            use()


def test_curves_are_saved_to_a_path():
    with pytest.raises(TypeError, match=r"saves the curves to a file, .*: write history\.plot\('curves\.png'\)"):
        nn.History(losses=[0.5], rows=[{"epoch": 1, "loss": 0.5}]).plot(3)


def test_curves_without_a_path_are_shown(monkeypatch):
    """The type of `plot` said that a path may be left out, and it was refused."""
    needs("matplotlib")
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    path = nn.History(losses=[0.5], rows=[{"epoch": 1, "loss": 0.5}]).plot()
    assert opened == [path.as_uri()]
    assert "<svg" in path.read_text(encoding="utf-8")
