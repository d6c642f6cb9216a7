"""Tables of pandas: rows and columns belong together by their labels, or a refusal says which do not."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from tests.needs import needs

pd = needs("pandas")

LABELS = [0, 1, 1, 0, 1, 0, 0, 1]


def table(columns: str = "abc") -> Any:
    numbers = np.random.default_rng(0).normal(size=(8, 3))
    return pd.DataFrame(numbers, columns=list("abc"))[list(columns)]


def fitted(X: Any, y: Any = LABELS, **options: Any) -> nn.MLP:
    model = nn.MLP(3, [2], seed=0)
    nn.fit(model, X, y, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), epochs=1, seed=0, **options)
    return model


OF_MODEL: dict[str, Any] = {
    "predict": lambda model, X: nn.predict(model, X),
    "predict_proba": lambda model, X: nn.predict_proba(model, X),
    "classify": lambda model, X: nn.classify(model, X),
    "accuracy": lambda model, X: nn.accuracy(model, X, LABELS),
    "confusion_matrix": lambda model, X: nn.confusion_matrix(model, X, LABELS),
    "evaluate": lambda model, X: nn.evaluate(model, X, LABELS, nn.cross_entropy),
    "score": lambda model, X: nn.score(model, X, LABELS, nn.cross_entropy),
    "fit": lambda model, X: nn.fit(model, X, LABELS, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1)),
}


@pytest.mark.parametrize("use", OF_MODEL.values(), ids=OF_MODEL)
def test_columns_in_another_order_are_refused_and_the_remedy_works(use: Any) -> None:
    model = fitted(table())
    with pytest.raises(ValueError, match=r"X has 'c' for column 0, where the model was trained with 'a'.*X\[\['a'"):
        use(model, table("cba"))
    use(model, table("cba")[["a", "b", "c"]])
    use(model, table("cba").to_numpy())


def test_predictions_by_the_remedy_are_those_of_the_training_table() -> None:
    model = fitted(table())
    assert np.array_equal(nn.predict(model, table("bca")[["a", "b", "c"]]), nn.predict(model, table()))


@pytest.mark.parametrize("use", [OF_MODEL[name] for name in OF_MODEL if name != "fit"])
def test_other_columns_are_refused_by_name(use: Any) -> None:
    model = fitted(table())
    with pytest.raises(ValueError, match="no column 'b', which the model was trained with"):
        use(model, table().rename(columns={"b": "B"}))
    with pytest.raises(ValueError, match="a column 'd', which the model was not trained with"):
        use(model, table().assign(d=1.0))


def test_fit_learns_other_names_anew_and_arrays_have_none() -> None:
    model = fitted(table())
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    nn.fit(model, table().rename(columns={"b": "B"}), LABELS, nn.cross_entropy, optimizer, epochs=1)
    with pytest.raises(ValueError, match="no column 'B'"):
        nn.predict(model, table())
    nn.fit(model, table().to_numpy(), LABELS, nn.cross_entropy, optimizer, epochs=1)
    nn.predict(model, table("cba"))  # nothing is known of columns


def test_a_refused_fit_notes_no_columns() -> None:
    model = fitted(table())
    with pytest.raises(IndexError, match="class 7"):
        nn.fit(
            model,
            table().rename(columns={"b": "B"}),
            [7] * 8,
            nn.cross_entropy,
            nn.SGD(model.parameters(), lr=0.1),
        )
    nn.predict(model, table())


def test_the_remedy_for_names_that_two_columns_have_does_not_name_them() -> None:
    twice = table().set_axis(["a", "a", "b"], axis=1)
    with pytest.raises(
        ValueError, match=r"X has 'b' for column 0.*: give the columns in the order of training, or X\.to"
    ):
        nn.predict(fitted(twice), twice.iloc[:, [2, 0, 1]])


def test_columns_without_names_and_lists_say_nothing() -> None:
    model = fitted(pd.DataFrame(table().to_numpy()))
    nn.predict(model, table())
    nn.predict(model, table().values.tolist())
    nn.predict(fitted(table()), pd.DataFrame(table().to_numpy()))


NAMES: dict[str, list[Any]] = {"numbers": [0, 1, 2], "both": ["a", 1, "c"], "pairs": [("a", 1), ("a", 2), ("b", 1)]}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_names_that_are_no_texts_have_an_order_too(names: list[Any]) -> None:
    """They said nothing: a table the other way round was predicted by position."""
    X = table().set_axis(pd.MultiIndex.from_tuples(names) if isinstance(names[0], tuple) else names, axis=1)
    model = fitted(X)
    nn.predict(model, X)
    with pytest.raises(ValueError, match=r"for column 0, where .* give the columns in the order of training, or X\.to"):
        nn.predict(model, X.iloc[:, [2, 1, 0]])


def test_rows_of_a_table_have_an_order_too() -> None:
    model = fitted(table())
    rows = [row for _, row in table("cba").iterrows()]
    with pytest.raises(ValueError, match=r"X\[0\] has 'c' for column 0"):
        nn.predict(model, rows)
    assert nn.predict(model, [row[["a", "b", "c"]] for row in rows]) == nn.predict(model, table()).tolist()
    with pytest.raises(TypeError, match=r"a sample is a list or array, not Series .*: give row.to_numpy\(\)"):
        model(rows[0])
    with pytest.raises(TypeError, match=r"not DataFrame .*: give one row, X\.iloc\[0\]\.to"):
        nn.summary(model, table())
    series = table()["a"].set_axis(list("hgfedcba"))  # of numbers, each a sample: its labels are no columns
    of_numbers = nn.Sequential(lambda x: [x], nn.Layer(1, 2, "identity", seed=0))
    nn.fit(of_numbers, series, LABELS, nn.cross_entropy, nn.SGD(of_numbers.parameters(), lr=0.1), epochs=1)
    nn.predict(of_numbers, series[::-1])


def series_of(X: Any) -> list[Any]:
    return [row for _, row in X.iterrows()]


def tuples_of(X: Any) -> list[Any]:
    return list(X.itertuples(index=False))


@pytest.mark.parametrize("rows", [series_of, tuples_of])
def test_a_list_of_rows_of_a_table_has_columns_as_the_table_has(rows: Any) -> None:
    """Those of namedtuples were not looked at, and no model remembered any: they went by position."""
    X = table()
    for trained_with, judged in ((X, rows(table("cba"))), (rows(X), table("cba")), (rows(X), rows(table("cba")))):
        model = fitted(trained_with)
        with pytest.raises(
            ValueError, match=r"X(\[0\])? has 'c' for column 0, where the model was trained with 'a': give"
        ):
            nn.predict(model, judged)
    assert nn.predict(model, rows(X)) == nn.predict(model, X).tolist() == nn.predict(model, list(map(list, rows(X))))
    with pytest.raises(ValueError, match="X\\[0\\] has no column 'b', which the model was trained with"):
        nn.predict(model, rows(X.rename(columns={"b": "B"})))
    mixed = [*rows(X)[:-1], *rows(table("acb"))[-1:]]
    for use in (fitted, lambda mixed: nn.predict(nn.MLP(3, [2]), mixed)):
        with pytest.raises(ValueError, match=r"X\[7\] has 'c' for column 1, where X\[0\] has 'b': give"):
            use(mixed)


def test_the_remedies_for_rows_do_what_they_say() -> None:
    model, rows = fitted(table()), tuples_of(table("cba"))
    with pytest.raises(ValueError, match=r"give the entries in that order, or list\(X\[0\]\) to go by position"):
        nn.predict(model, rows)
    nn.predict(model, [list(row) for row in rows])


def test_what_is_not_called_like_columns_has_no_order() -> None:
    spaced = table().rename(columns={"a": "1 a", "b": "2 b"})  # of which itertuples makes _0 and _1
    model = fitted(spaced)
    nn.predict(model, tuples_of(spaced))
    numbers = pd.Series(np.arange(10.0), index=pd.date_range("2020", periods=10))
    windows = [numbers[k : k + 3] for k in range(8)]
    model = fitted(windows)
    nn.predict(model, windows[3:])
    frames = [pd.DataFrame([[k, 1.0, 2.0]], columns=list("abc")) for k in range(8)]  # samples of several rows
    model = nn.Sequential(lambda sample: sample[0], nn.Layer(3, 2, "identity", seed=0))
    nn.fit(model, frames, LABELS, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), epochs=1, backend="eager")


MAKE: dict[str, Any] = {
    "Trainer": lambda *what: nn.Trainer(*what, backend="numpy").step,
    "EagerStep": nn.EagerStep,
}


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_single_steps_note_columns_and_look_at_them(make: Any) -> None:
    """They took a table in any order, and so did predictions after them."""
    model = nn.MLP(3, [2], seed=0)
    step = make(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
    for _ in range(3):
        step(table(), LABELS)
    before = [p.data for p in model.parameters()]
    with pytest.raises(ValueError, match="X has 'c' for column 0"):
        step(table("cba"), LABELS)
    assert [p.data for p in model.parameters()] == before
    with pytest.raises(ValueError, match="X has 'c' for column 0"):
        nn.predict(model, table("cba"))
    step(table().to_numpy(), LABELS)
    step(table().rename(columns={"b": "B"}), LABELS)
    with pytest.raises(ValueError, match="no column 'B'"):
        nn.predict(model, table())


def of_labels(columns: str) -> Any:
    numbers = table()
    return pd.DataFrame({"u": numbers["a"] + numbers["b"], "v": numbers["c"]})[list(columns)]


def trained_on_two(tmp_path: Path) -> nn.MLP:
    model, loaded = nn.MLP(3, [2], seed=0), nn.MLP(3, [2], seed=1)
    nn.fit(model, table(), of_labels("uv"), nn.mse, nn.SGD(model.parameters(), lr=0.1), epochs=1)
    nn.save(model, tmp_path / "model.json")
    nn.load(loaded, tmp_path / "model.json")
    return loaded


def test_steps_on_tables_are_no_change_of_the_model() -> None:
    """An equal list in the place of the noted one was, and the model was looked at from scratch every few steps."""
    model = nn.MLP(3, [2], seed=0)
    trainer = nn.Trainer(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
    trainer.step(table(), LABELS)
    noted = vars(model)["_columns"]
    trainer.step(table(), LABELS)
    assert vars(model)["_columns"] is noted
    trainer.step(table().rename(columns={"a": "d"}), LABELS)
    assert vars(model)["_columns"] == ["d", "b", "c"]
    with pytest.raises(ValueError, match="column 0"):
        trainer.step(table().rename(columns={"a": "d"})[["b", "d", "c"]], LABELS)


def test_columns_of_labels_have_an_order_too(tmp_path: Path) -> None:
    """Each output was judged by the other one's column."""
    model, swapped = trained_on_two(tmp_path), of_labels("vu")
    wrong = r"has 'v' for column 0, where the model was trained with 'u': give {}\[\['u', 'v'\]\]"
    with pytest.raises(ValueError, match="y " + wrong.format("y")):
        nn.evaluate(model, table(), swapped, nn.mse)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="y " + wrong.format("y")):
        nn.fit(model, table(), swapped, nn.mse, optimizer, epochs=1)
    with pytest.raises(ValueError, match=r"validation\[1\] " + wrong.format(r"validation\[1\]")):
        nn.fit(model, table(), of_labels("uv"), nn.mse, optimizer, epochs=1, validation=(table(), swapped))
    nn.evaluate(model, table(), swapped[["u", "v"]], nn.mse)
    nn.evaluate(model, table(), swapped.rename(columns={"v": "first", "u": "second"}), nn.mse)


def test_validation_has_the_columns_of_the_samples() -> None:
    with pytest.raises(ValueError, match="validation has 'c' for column 0"):
        fitted(table(), validation=(table("cba"), LABELS))
    with pytest.raises(ValueError, match="validation has 'c' for column 0"):
        nn.fit_many(make, [{"seed": 1}], table(), LABELS, validation=(table("cba"), LABELS))
    fitted(table(), validation=(table(), LABELS))


def make() -> Any:
    model = nn.MLP(3, [2], seed=0)
    return model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_columns_are_saved_with_the_model(tmp_path: Path, name: str) -> None:
    if name.endswith("safetensors"):
        needs("safetensors")
    nn.save(fitted(table()), tmp_path / name)
    model = nn.MLP(3, [2], seed=1)
    nn.load(model, tmp_path / name)
    for loaded in (model, pickle.loads(pickle.dumps(model))):
        with pytest.raises(ValueError, match="X has 'c' for column 0"):
            nn.predict(loaded, table("cba"))


def test_columns_of_a_file_that_are_no_texts_are_refused(tmp_path: Path) -> None:
    nn.save(fitted(table()), tmp_path / "model.json")
    content = json.loads((tmp_path / "model.json").read_text())
    for name in ("columns", "columns_of_labels"):
        (tmp_path / "model.json").write_text(json.dumps({**content, name: [1, 2, 3]}))
        with pytest.raises(ValueError, match="columns are not texts"):
            nn.load(nn.MLP(3, [2], seed=1), tmp_path / "model.json")


SHUFFLED = [3, 1, 2, 0, 7, 6, 5, 4]

ROWS: dict[str, tuple[Any, Any, bool]] = {
    "the same numbers": (range(8), range(8), True),
    "the same texts": (list("abcdefgh"), list("abcdefgh"), True),
    "the same, repeated": ([0, 0, 1, 1, 2, 2, 3, 3], [0, 0, 1, 1, 2, 2, 3, 3], True),
    "labels shuffled": (range(8), SHUFFLED, False),
    "samples shuffled": (SHUFFLED, range(8), False),
    "texts shuffled": (list("abcdefgh"), list("hgfedcba"), False),
    "two selections": (range(0, 16, 2), range(1, 17, 2), False),
    "samples that were numbered anew": (range(8), range(100, 108), True),
    "labels that were numbered anew": (list("abcdefgh"), range(8), True),
}


@pytest.mark.parametrize(("rows", "others", "fits"), ROWS.values(), ids=ROWS)
def test_rows_belong_together_by_their_labels(rows: Any, others: Any, fits: bool) -> None:
    X, y = table().set_axis(list(rows)), pd.Series(LABELS, index=list(others))
    model = nn.MLP(3, [2], seed=0)
    uses: list[Any] = [
        lambda: fitted(X, y),
        lambda: fitted(X, LABELS, sample_weight=y + 1.0),
        lambda: fitted(table().to_numpy(), y, sample_weight=X["a"].abs()),
        lambda: fitted(table(), validation=(X, y)),
        lambda: nn.accuracy(model, X, y),
        lambda: nn.evaluate(model, X, y, nn.cross_entropy),
        lambda: nn.train_test_split(X, y, seed=0),
        lambda: nn.train_test_split(X, LABELS, seed=0, stratify=y),
        lambda: nn.train_test_split(LABELS, X, seed=0, stratify=y),
        lambda: list(nn.batches(X, y, 4)),
        lambda: nn.fit_many(make, [{"seed": 1}], X, y, epochs=1),
        lambda: nn.fit_many(make, [{"seed": 1}], X, LABELS, epochs=1, sample_weight=y + 1.0),
        lambda: nn.fit_many(make, [{"seed": 1}], table().to_numpy(), y, epochs=1, sample_weight=X["a"].abs()),
    ]
    for use in uses:
        if fits:
            use()
        else:
            with pytest.raises(ValueError, match=r"which rows belong together\? Row \d+ has the label"):
                use()


def test_the_remedies_do_what_they_say() -> None:
    X, y = table(), pd.Series(LABELS).sample(frac=1.0, random_state=1)
    with pytest.raises(
        ValueError, match=r"y\.loc\[X\.index\] goes by the labels, and y\.to_numpy\(\) goes by position"
    ):
        fitted(X, y)
    by_label, by_position = fitted(X, y.loc[X.index]), fitted(X, y.to_numpy())
    expected = [fitted(X.to_numpy(), LABELS), fitted(X.to_numpy(), y.tolist())]
    for model, other in zip([by_label, by_position], expected):
        assert [p.data for p in model.parameters()] == [p.data for p in other.parameters()]


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        (pd.array([1, None, 3], dtype="Int64"), r"row 1 of column 'c' is not a number but NAType <NA>: fill it in"),
        (pd.Categorical(["u", "v", "u"]), r"row 0 of column 'c' is .*'u': pandas.get_dummies\(X, columns=\['c'\]\)"),
        (["1.5", "2", "n/a"], r"row 0 of column 'c' is .*'1.5': pandas.to_numeric\(X\['c'\]\) makes numbers"),
        (pd.date_range("2020-01-01", periods=3), r"row 0 of column 'c' is not a number but Timestamp .*: make"),
    ],
    ids=["missing", "category", "numeral", "date"],
)
def test_a_column_that_holds_no_numbers_is_named(entries: Any, told: str) -> None:
    X, model = pd.DataFrame({"a": [1.0, 2.0, 3.0], "c": entries}), nn.MLP(2, [1], seed=0)
    with pytest.raises(TypeError, match=told):
        nn.fit(model, X, [0.0, 1.0, 2.0], nn.mse, nn.SGD(model.parameters(), lr=0.1), backend="eager")
    with pytest.raises(TypeError, match=told):
        nn.predict(model, X)


def test_an_error_about_something_else_stays_as_it_is() -> None:
    X, model = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), nn.MLP(2, [2], seed=0)
    with pytest.raises(TypeError, match=r"^a class index must be an int, not the bool True: write .* of an array$"):
        nn.fit(model, X, [True, False], nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
