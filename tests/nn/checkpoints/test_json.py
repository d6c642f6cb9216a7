"""Checkpoints: exact round trips, atomic writes, and a load that checks all before it changes anything."""

import json
import math
import os
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import Value
from nn import MLP, Module, Neuron, load, micrograd, save
from nn.checkpoints import changes
from tests.garbage import collections_in


class Row(Module):
    def __init__(self, numbers):
        self.w = [Value(x) for x in numbers]


def numbers_of(module):
    return [p.data for p in module.parameters()]


def content(**parameters):
    return json.dumps({"format": "stepgrad parameters 1", "parameters": parameters})


def test_a_round_trip_through_a_new_model(tmp_path):
    path = tmp_path / "model.json"
    model, other = MLP(3, [4, 2], seed=1), MLP(3, [4, 2], seed=2)
    save(model, path)
    load(other, str(path))
    assert numbers_of(other) == numbers_of(model)
    assert other([1.0, 2.0, 3.0])[0].data == model([1.0, 2.0, 3.0])[0].data


def test_the_file_is_plain_json_by_path(tmp_path):
    path = tmp_path / "model.json"
    save(MLP(1, [1], init=lambda rng, nin, nout: 0.1), path)
    assert json.loads(path.read_text()) == {
        "format": "stepgrad parameters 1",
        "parameters": {"layers.0.neurons.0.w.0": 0.1, "layers.0.neurons.0.b": 0.0},
        "layers": {"layers.0": "Layer(1, 1, identity)"},
    }


def test_a_number_has_a_line_of_its_own(tmp_path):
    save(MLP(2, [1], seed=1), tmp_path / "model.json")
    lines = (tmp_path / "model.json").read_text().splitlines()
    assert [line.split('"')[-2].rpartition("neurons.0.")[2] for line in lines[1:4]] == ["w.0", "w.1", "b"]


def test_large_models_are_written_and_read_without_collections_of_garbage(tmp_path):
    """For a million parameters these took a quarter of the time."""
    model = MLP(30, [30], seed=1)
    assert collections_in(lambda: save(model, tmp_path / "model.json")) <= 2  # of some twenty
    assert collections_in(lambda: load(model, tmp_path / "model.json")) <= 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(), min_size=1, max_size=6))
def test_every_float_comes_back_bit_by_bit(tmp_path, numbers):
    path = tmp_path / "row.json"
    save(Row(numbers), path)
    row = Row([0.0] * len(numbers))
    load(row, path)
    for actual, expected in zip(numbers_of(row), numbers, strict=True):
        assert struct.pack("d", actual) == struct.pack("d", expected) or (math.isnan(actual) and math.isnan(expected))


def test_non_finite_numbers_stay_valid_json(tmp_path):
    path = tmp_path / "row.json"
    save(Row([math.nan, math.inf, -math.inf, -0.0]), path)
    stored = json.loads(path.read_text(), parse_constant=pytest.fail)["parameters"]
    assert list(stored.values())[:3] == ["nan", "inf", "-inf"]
    row = Row([1.0] * 4)
    load(row, path)
    assert str(numbers_of(row)) == "[nan, inf, -inf, -0.0]"


def test_micrograds_network_too(tmp_path):
    path = tmp_path / "model.json"
    model, other = micrograd.MLP(2, [3, 1]), micrograd.MLP(2, [3, 1])
    save(model, path)
    load(other, path)
    assert numbers_of(other) == numbers_of(model)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "model.json"
    save(Row([1.0]), path)

    def failing(*arguments):
        raise KeyboardInterrupt

    for broken in ("replace", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, broken, failing)
            with pytest.raises(KeyboardInterrupt):
                save(Row([2.0]), path)
        row = Row([0.0])
        load(row, path)
        assert numbers_of(row) == [1.0]
        assert os.listdir(tmp_path) == ["model.json"]


def test_a_link_is_followed(tmp_path):
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    save(Row([1.0]), target)
    link.symlink_to(target)
    save(Row([2.0]), link)
    row = Row([0.0])
    load(row, target)
    assert numbers_of(row) == [2.0]
    assert link.is_symlink()


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        save(Row([1.0]), tmp_path / "missing" / "model.json")
    with pytest.raises(FileNotFoundError, match=r"model\.json"):
        load(Row([1.0]), tmp_path / "model.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a JSON file that nn.save wrote"),
        ("{'w.0': 1}", "is not a JSON file that nn.save wrote"),
        ("[" * 100_000, "is not a JSON file that nn.save wrote"),
        ("[1, 2]", "is not a checkpoint: its 'format' must be 'stepgrad parameters 1'"),
        ('{"w.0": 1, "w.1": 2}', "is not a checkpoint"),
        ('{"format": "stepgrad parameters 2", "parameters": {"w.0": 1, "w.1": 2}}', "is not a checkpoint"),
        ('{"format": "stepgrad parameters 1", "parameters": [1, 2]}', "is not a checkpoint"),
        (content(**{"w.0": 1.0}), r"fits another model: of its parameters 1 are missing \(w.1\), and 0 are unknown"),
        (content(**{"w.0": 1, "w.1": 2, "b": 3}), r"of its parameters 0 are missing, and 1 are unknown \(b\)"),
        (content(**{"w.0": 1, "w.1": "2"}), "parameter w.1 is not a number but str '2'"),
        (content(**{"w.0": 1, "w.1": None}), "parameter w.1 is not a number but NoneType None"),
        (content(**{"w.0": 1, "w.1": True}), "parameter w.1 is not a number but bool True"),
        (content(**{"w.0": 1, "w.1": [2.0]}), "parameter w.1 is not a number but list"),
        (content(**{"w.0": 1, "w.1": math.nan}), "NaN is not JSON"),
        (content(**{"w.0": 1, "w.1": 10**400}), "parameter w.1 is a number beyond the range of floats"),
        (content(**{"w.0": 1, "w.1": 2}).replace("2}", "1e999}"), "parameter w.1 is a number beyond"),
    ],
)
def test_a_wrong_file_changes_nothing(tmp_path, text, message):
    path = tmp_path / "wrong.json"
    path.write_text(text)
    row = Row([5.0, 6.0])
    with pytest.raises(ValueError, match=message):
        load(row, path)
    assert numbers_of(row) == [5.0, 6.0]


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "wrong.json"
    path.write_bytes(b"\x80\x04\x95\xff")
    with pytest.raises(ValueError, match="is not a JSON file"):
        load(Row([1.0]), path)


def test_another_architecture(tmp_path):
    path = tmp_path / "model.json"
    save(MLP(2, [3, 1]), path)
    with pytest.raises(
        ValueError,
        match=r"parameters 4 are missing \(layers.0.neurons.3.b, .*, ...\), and 0 are unknown; .*sizes it was saved",
    ):
        load(MLP(2, [4, 1]), path)


@pytest.mark.parametrize(
    ("ending", "owner"), [(".pt", "PyTorch"), (".PTH", "PyTorch"), (".keras", "Keras"), (".npz", "NumPy")]
)
def test_a_name_of_another_format_is_refused(tmp_path, ending, owner):
    """The file would be JSON, which whoever goes by its name cannot read."""
    with pytest.raises(ValueError, match=f"is named as a file of {owner}, .* end it in .json, or in .safetensors"):
        save(MLP(2, [1]), tmp_path / f"model{ending}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("function", [save, load])
def test_models_refused(tmp_path, function):
    with pytest.raises(ValueError, match="Module has no parameters"):
        function(Module(), tmp_path / "a.json")
    with pytest.raises(TypeError, match=r"only an nn.Module has parameters with paths, not list"):
        function([Value(1.0)], tmp_path / "a.json")
    with pytest.raises(TypeError, match=rf"then the path: write nn.{function.__name__}\(model, 'a.json'\)"):
        function("a.json", MLP(2, [1]))
    with pytest.raises(TypeError, match="the path of a file is text or a path, not NoneType"):
        function(MLP(2, [1]), None)
    ambiguous = Module()
    ambiguous.table = {"0": Value(1.0), 0: Value(2.0)}
    with pytest.raises(ValueError, match=r"two parameters have the same path \(table.0\)"):
        function(ambiguous, tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format": "stepgrad parameters 1", "parameters": {"w": 1, "w": 2}}', "it has the key 'w' twice"),
        ('{"format": "x", "format": "stepgrad parameters 1", "parameters": {}}', "it has the key 'format' twice"),
        (
            '{"format": "stepgrad parameters 1", "parameters": {"w.0": "one", "b": 0}}',
            r"odd.json: parameter w.0 is not a number",
        ),
    ],
)
def test_keys_that_come_twice_and_odd_numbers_name_the_file(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        load(Neuron(1), path)
    assert str(path) in str(caught.value)


class Point:
    x = 1.0


def test_changes_of_many_objects_are_made_all_or_none():
    a, b = Point(), Point()
    a.x = 2.0
    made = [(a, "x", 3.0), (a, "y", 4.0), (None, "x", 5.0), (b, "z", 6.0)]
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'x'"):
        changes.make_all(made)
    assert (vars(a), hasattr(b, "z")) == ({"x": 2.0}, False)
    changes.make_all([change for change in made if change[0] is not None])
    assert (a.x, a.y, b.z) == (3.0, 4.0, 6.0)
