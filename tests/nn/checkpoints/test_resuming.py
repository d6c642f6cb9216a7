"""Checkpoints with optimiser and history: training goes on bit for bit, as JSON and as tensors."""

import json
import os
import sys

import pytest

import nn
from engine import Value
from tests.interrupting import interrupted
from tests.needs import INSTALLED, needs

np = needs("numpy")

X = np.random.default_rng(0).normal(size=(30, 2))
Y = (X[:, 0] > 0).astype(int)
WAITING = {"best": 0.5, "waited": 1, "numbers": [1.0], "steps": 2, "memories": [[]]}
KINDS = pytest.mark.parametrize("kind", ["json", "safetensors"])


def made(seed=None):
    """A model whose dropout draws from a seed of its own, and an optimiser."""
    model = nn.Sequential(nn.Layer(2, 4, "tanh", seed=seed), nn.Dropout(0.3), nn.Layer(4, 2, "identity", seed=seed))
    return model, nn.Adam(model.parameters(), lr=0.1)


def fit(model, optimizer, epochs, backend, **more):
    return nn.fit(model, X, Y, nn.cross_entropy, optimizer, epochs, 8, seed=3, validation=0.2, backend=backend, **more)


def numbers(model):
    return [p.data for p in model.parameters()]


@KINDS
@pytest.mark.parametrize("backend", ["eager", *INSTALLED])
def test_going_on_from_a_file(tmp_path, backend, kind):
    if kind == "safetensors":
        needs("safetensors")
    path = tmp_path / f"model.{kind}"
    model, optimizer = made(seed=1)
    history = fit(model, optimizer, 5, backend)
    nn.save(model, path, optimizer=optimizer, history=history)
    expected = fit(model, optimizer, 10, backend, resume=history)

    other, its_optimizer = made()
    checkpoint = nn.load(other, path, optimizer=its_optimizer)
    assert checkpoint.history == history
    assert checkpoint.loss == "cross_entropy"
    assert checkpoint.has_optimizer
    assert repr(checkpoint).endswith("5 epochs, trained with cross_entropy, with its optimiser)")
    found = fit(other, its_optimizer, 10, backend, resume=checkpoint)
    assert numbers(other) == numbers(model)
    assert found.batch_losses == expected.batch_losses
    assert its_optimizer.steps == optimizer.steps
    assert nn.accuracy(other, X, Y) == nn.accuracy(model, X, Y)


@pytest.mark.parametrize(
    "make",
    [
        lambda params: nn.SGD(params, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda params: nn.AdamW(params, 0.01, betas=(0.5, 0.9)),
        lambda params: nn.SGD(params, 0.1),
    ],
)
def test_any_optimiser(tmp_path, make):
    model = nn.MLP(2, [2], seed=1)
    optimizer = make(model.parameters())
    nn.fit(model, X, Y, nn.cross_entropy, optimizer, 2, seed=1)
    nn.save(model, tmp_path / "m.json", optimizer=optimizer)
    other = nn.MLP(2, [2], seed=2)
    backwards = type(optimizer)(other.parameters()[::-1], lr=5.0)
    nn.load(other, tmp_path / "m.json", optimizer=backwards)
    assert dict(backwards.settings) == dict(optimizer.settings)
    for name in optimizer.memories:
        assert getattr(backwards, name) == getattr(optimizer, name)[::-1]
    assert repr(backwards) == repr(optimizer)


def test_names_of_classes_come_along(tmp_path):
    model = nn.MLP(2, [2], seed=1)
    nn.fit(model, X, np.array(["a", "b"])[Y], nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), 1)
    nn.save(model, tmp_path / "m.json")
    other = nn.MLP(2, [2])
    assert nn.load(other, tmp_path / "m.json").classes == ["a", "b"]
    assert list(nn.classify(other, X)) == list(nn.classify(model, X))


@pytest.mark.parametrize("name", ["m.json", "m.safetensors"])
def test_what_outputs_mean_is_what_the_file_says(tmp_path, name):
    if name.endswith("safetensors"):
        needs("safetensors")
    nn.save(nn.MLP(2, [1], seed=1), tmp_path / name)
    model = nn.MLP(2, [1], seed=1)
    nn.fit(model, X, np.array(["a", "b"])[Y], nn.bce_with_logits, nn.SGD(model.parameters(), lr=0.1), 1)
    nn.load(model, tmp_path / name)
    with pytest.raises(ValueError, match=r"the threshold .* is not known"):
        nn.classify(model, X)
    assert set(nn.classify(model, X, threshold=0.0)) == {0, 1}


def test_files_of_before_load(tmp_path):
    path = tmp_path / "old.json"
    path.write_text('{"format": "stepgrad parameters 1", "parameters": {"w.0": 1.5, "w.1": 2.5, "b": "nan"}}')
    neuron = nn.Neuron(2)
    checkpoint = nn.load(neuron, path)
    assert [w.data for w in neuron.w] == [1.5, 2.5]
    assert checkpoint.history is None
    assert repr(checkpoint) == f"Checkpoint({path})"


def changed(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("optimizer"), "there is no optimiser in it"),
        (lambda c: c["optimizer"].update({"class": "SGD"}), "its optimiser is SGD, not Adam"),
        (lambda c: c["optimizer"]["parameters"].pop(), "and not the same ones"),
        (lambda c: c["optimizer"]["memories"].update(mean=[]), "only some of its memories are empty: mean, "),
        (lambda c: c["history"]["losses"].pop(), r"its history has \d+ loss(es)?, and rows of the epochs \[1"),
        (lambda c: c["history"]["rows"][0].update(epoch=7), r"and rows of the epochs \[7"),
        (lambda c: c.update(classes=["a", "a"]), r"two classes have the same name: list \['a', 'a'\]"),
        (lambda c: c["optimizer"]["memories"]["mean"].pop(), "memory mean has 21 numbers for 22"),
        (lambda c: c["optimizer"]["memories"].update(mean=["x"]), "memory mean is not a number"),
        (lambda c: c["optimizer"].update(steps=-1), "steps must be at least 0"),
        (lambda c: c["optimizer"]["settings"].update(lr=-1.0), "lr must be"),
        (lambda c: c["optimizer"]["settings"].update(speed=1.0), "no setting 'speed'"),
        (lambda c: c["history"].update(losses=["x"]), "a loss is not a number"),
        (lambda c: c["history"].update(random_state=[3, [1, 2], None]), "state vector"),
        (lambda c: c["history"].update(waiting={**WAITING, "best_is_back": 3}), "this digest: int 3"),
        (lambda c: c["history"].update(waiting={**WAITING, "memories": [[1.0, 2.0]]}), "memories of another number"),
        (lambda c: c["history"].update(waiting={**WAITING, "waited": -1}), "waited must be at least 0"),
        (lambda c: c["history"].pop("rows"), "holds what nn.save does not write: KeyError: 'rows'"),
        (lambda c: c["history"].update(rows="x"), "holds what nn.save does not write: AttributeError"),
        (lambda c: c["history"].update(waiting="x"), "holds what nn.save does not write: AttributeError"),
        (lambda c: c["history"].update(random_state="x"), "this state of a random source: str 'x'"),
        (lambda c: c["optimizer"].update(settings=None), "holds what nn.save does not write: AttributeError"),
        (lambda c: c["optimizer"].update(memories=None), "holds what nn.save does not write: TypeError"),
        (lambda c: c["history"].update(backend=3), "a back end or an end that is not text"),
        (lambda c: c["history"].update(stopped=3), "a back end or an end that is not text"),
        (lambda c: c["history"].update(parts={"loss": 3}), "these parts of a training: dict {'loss': 3}"),
        (lambda c: c["history"].update(numbers=["x"]), "a parameter is not a number"),
        (lambda c: c.update(history=[1]), "its history is list"),
        (lambda c: c.update(loss=1), "not text"),
        (lambda c: c.update(several="no"), "several must be True or False"),
        (lambda c: c["history"].update(seed="x"), "its history has the seed str 'x'"),
        (lambda c: c["history"].update(samples={"samples": "x"}), "these digests of samples: dict {'samples': 'x'}"),
        (lambda c: c["history"].update(ahead=-1), "ahead must be at least 0"),
        (lambda c: c["history"].update(random_state=[3, [1]]), "this state of a random source: list"),
        (lambda c: c["history"].update(waiting={**WAITING, "steps": -1}), "steps must be at least 0"),
        (lambda c: c["history"]["rows"].reverse(), r"and rows of the epochs \[2, 1\]"),
        (lambda c: c["history"]["rows"][0].update(epoch=True), "epoch must be a whole number, not bool True"),
        (lambda c: c.update(dropouts=[[1, -1]]), "a seed or count of Dropout must be at least 0"),
        (lambda c: c.update(dropouts=[]) or c.update(dropouts=[[1, 2], [3, 4]]), "it has 2 Dropouts, the model 1"),
    ],
)
def test_a_wrong_file_changes_nothing(tmp_path, change, message):
    path = tmp_path / "m.json"
    model, optimizer = made(seed=1)
    nn.save(model, path, optimizer=optimizer, history=fit(model, optimizer, 2, "eager"))
    changed(path, change)
    other, its_optimizer = made(seed=2)
    before = numbers(other), other.layers[1].seed, repr(its_optimizer), dict(vars(other))
    with pytest.raises(ValueError, match=message) as caught:
        nn.load(other, path, optimizer=its_optimizer)
    assert str(path) in str(caught.value)
    assert (numbers(other), other.layers[1].seed, repr(its_optimizer), dict(vars(other))) == before


def test_a_history_without_a_random_state_goes_on(tmp_path):
    """As one of before the state was kept has none."""
    path = tmp_path / "m.json"
    model, optimizer = made(seed=1)
    nn.save(model, path, optimizer=optimizer, history=fit(model, optimizer, 2, "eager"))
    changed(path, lambda c: c["history"].pop("random_state"))
    other, its_optimizer = made(seed=2)
    history = nn.load(other, path, optimizer=its_optimizer).history
    assert history.random_state is None
    assert len(fit(other, its_optimizer, 3, "eager", resume=history).losses) == 3


def test_load_takes_an_optimiser_and_nothing_else(tmp_path):
    path = tmp_path / "m.json"
    model, optimizer = made()
    nn.save(model, path, optimizer=optimizer)
    with pytest.raises(TypeError, match=r"optimizer must be an Optimizer, such as SGD.*, not float 0\.1"):
        nn.load(model, path, optimizer=0.1)


@pytest.mark.unmeasured
def test_interrupted_anywhere_load_changes_all_or_nothing(tmp_path):
    def stepped(seed):
        model = nn.Sequential(nn.Layer(1, 1, seed=seed), nn.Dropout(0.3))
        optimizer = nn.Adam(model.parameters(), lr=0.1)
        for p in model.parameters():
            p.grad = 1.0
        optimizer.step()
        return model, optimizer

    def state(model, optimizer):
        (dropout,) = (module for module in model.modules() if isinstance(module, nn.Dropout))
        return numbers(model), dropout.seed, getattr(model, "classes", None), optimizer.state, optimizer.settings

    path = tmp_path / "model.json"
    model, optimizer = stepped(1)
    optimizer.lr, model.classes = 0.5, ["a", "b"]
    nn.save(model, path, optimizer=optimizer)
    after = state(model, optimizer)
    model, optimizer = stepped(2)
    before, found = state(model, optimizer), []
    moments = interrupted(lambda: nn.load(*stepped(3)[:1], path), 0)
    for moment in range(2 * moments):
        interrupted(lambda: nn.load(model, path, optimizer=optimizer), moment + 1)
        now = state(model, optimizer)
        assert now in (before, after), moment
        found.append(now)
        if now == after:
            break
    assert found[0] == before
    assert found[-1] == after


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_what_may_never_end_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "pipe.json", os.devnull):
        with pytest.raises(OSError, match="only a regular file is read"):
            nn.load(nn.MLP(1, [1]), path)
    with pytest.raises(TypeError, match="bytes"):
        nn.save(nn.MLP(1, [1]), b"bytes.json")


def test_what_save_refuses(tmp_path):
    model, optimizer = made()
    with pytest.raises(TypeError, match=r"optimizer must be an Optimizer, such as SGD.*, not int 3"):
        nn.save(model, tmp_path / "m.json", optimizer=3)
    with pytest.raises(TypeError, match="history must be a History"):
        nn.save(model, tmp_path / "m.json", history=[])
    with pytest.raises(ValueError, match="not one of the model's"):
        nn.save(nn.MLP(2, [1]), tmp_path / "m.json", optimizer=optimizer)


@KINDS
def test_numbers_that_a_callback_notes_in_rows_are_saved_and_texts_refused(tmp_path, kind):
    """A file with a text in a row was written, and refused by nn.load, the model with it."""
    path = tmp_path / f"m.{kind}"
    model, optimizer = made(seed=1)
    history = fit(model, optimizer, 2, "eager")
    history.rows[-1].update(hits=np.int64(7), norm=np.float32(0.5), ratio=np.float16(np.inf))
    nn.save(model, path, history=history)
    assert nn.load(model, path).history.to_dict()["ratio"][-1] == np.inf
    assert nn.load(model, path).history.rows == history.rows
    history.rows[-1]["phase"] = "head only"
    with pytest.raises(ValueError, match=r"phase in a row of the history is not a number but str 'head only'"):
        nn.save(model, path, history=history)


# ---- tensors ----


def test_tensors_have_the_names_of_torch(tmp_path):
    library = needs("safetensors.numpy")

    class Mixed(nn.Module):
        def __init__(self):
            self.tokens = nn.Embedding(5, 4, seed=1)
            self.layers = [nn.Layer(4, 3, seed=1), nn.Layer(3, 2, bias=False, seed=2)]
            self.norm = nn.LayerNorm(2)
            self.attention = nn.SelfAttention(2, seed=3)
            self.scale = Value(2.0)
            self.ragged = [[Value(1.0)], [Value(2.0), Value(3.0)]]
            self.tail = (nn.Neuron(1, seed=4),)
            self.ring = [Value(4.0)]
            self.ring.append(self.ring)

        def __call__(self, x):
            return x

    model = Mixed()
    nn.save(model, tmp_path / "m.safetensors")
    found = library.load_file(tmp_path / "m.safetensors")
    assert {name: tensor.shape for name, tensor in found.items()} == {
        "tokens.weight": (5, 4),
        "layers.0.weight": (3, 4),
        "layers.0.bias": (3,),
        "layers.1.weight": (2, 3),
        "norm.weight": (2,),
        "norm.bias": (2,),
        **{f"attention.{part}.weight": (2, 2) for part in ("query", "key", "value", "output")},
        **{f"attention.{part}.bias": (2,) for part in ("query", "key", "value", "output")},
        "scale": (),
        "ragged.0": (1,),
        "ragged.1": (2,),
        "tail.0.weight": (1,),
        "tail.0.bias": (),
        "ring.0": (),
    }
    other = Mixed()
    for parameter in other.parameters():
        parameter.data = 0.0
    nn.load(other, tmp_path / "m.safetensors")
    assert numbers(other) == numbers(model)


def test_tensors_of_torch_load(tmp_path):
    torch = needs("torch")
    library = needs("safetensors.torch")

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList([torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)])

        def forward(self, x):
            return self.layers[1](torch.tanh(self.layers[0](x)))

    theirs = Theirs()
    library.save_file(theirs.state_dict(), tmp_path / "m.safetensors")
    model = nn.MLP(3, [4, 2], activation="tanh")
    nn.load(model, tmp_path / "m.safetensors")
    x = [[0.5, -1.0, 2.0]]
    np.testing.assert_allclose(nn.predict(model, x), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-5)


def test_tensors_from_elsewhere_leave_what_outputs_mean(tmp_path):
    library = needs("safetensors.numpy")
    library.save_file({"weight": np.ones((2, 3)), "bias": np.zeros(2, int)}, tmp_path / "m.SafeTensors")
    model = nn.Layer(3, 2, "identity", seed=1)
    model.classes = ["no", "yes"]
    nn.load(model, tmp_path / "m.SafeTensors")
    assert (model.classes, numbers(model)) == (["no", "yes"], [1.0, 1.0, 1.0, 0.0] * 2)


def test_wrong_tensors_change_nothing(tmp_path):
    library = needs("safetensors.numpy")
    path = tmp_path / "m.safetensors"
    model = nn.MLP(2, [1], seed=1)
    before = numbers(model)
    for tensors, message in (
        ({"layers.0.weight": np.zeros((1, 2))}, r"missing \['layers.0.bias'\]"),
        (
            {"layers.0.weight": np.zeros((1, 2)), "layers.0.bias": np.zeros(1), "head": np.zeros(1)},
            r"missing \[\], unknown \['head'\]",
        ),
        ({"layers.0.weight": np.zeros((2, 1)), "layers.0.bias": np.zeros(1)}, r"the shape \(2, 1\), the model's has"),
        (
            {"layers.0.weight": np.zeros((1, 2), bool), "layers.0.bias": np.zeros(1)},
            "holds bool, and a model holds numbers",
        ),
    ):
        library.save_file(tensors, path)
        with pytest.raises(ValueError, match=message):
            nn.load(model, path)
    path.write_bytes(b"no tensors")
    with pytest.raises(ValueError, match=r"not a \.safetensors file that can be read"):
        nn.load(model, path)
    with pytest.raises(FileNotFoundError):
        nn.load(model, tmp_path / "none.safetensors")
    assert numbers(model) == before


@pytest.mark.skipif("ml_dtypes" in sys.modules, reason="JAX has taught NumPy that type")
def test_numbers_that_numpy_lacks_are_refused_with_a_remedy(tmp_path):
    """As checkpoints of large models have them."""
    needs("safetensors")
    head = json.dumps({"w": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(2))
    with pytest.raises(ValueError, match=r"save its tensors as float32, in PyTorch by \.float\(\)"):
        nn.load(nn.MLP(2, [1]), path)


def test_tensors_of_a_single_neuron(tmp_path):
    library = needs("safetensors.numpy")
    path = tmp_path / "m.safetensors"
    for bias in (True, False):
        model, other = (nn.Neuron(3, bias=bias, seed=seed) for seed in (1, 2))
        nn.save(model, path)
        assert {name: tensor.shape for name, tensor in library.load_file(path).items()} == {
            "weight": (3,),
            **({"bias": ()} if bias else {}),
        }
        nn.load(other, path)
        assert numbers(other) == numbers(model)


def test_tensors_without_the_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    path = tmp_path / "m.safetensors"
    with pytest.raises(ImportError, match="files need safetensors: pip install safetensors numpy"):
        nn.save(nn.MLP(2, [1]), path)
    assert not path.exists()


def test_parameters_that_no_tensor_holds_are_refused(tmp_path):
    """They were left out, and came back as they were before."""
    needs("safetensors")

    class Scaled(nn.Layer):
        def __init__(self):
            super().__init__(2, 1)
            self.scale = Value(2.0)

    class InArray(nn.Module):
        def __init__(self):
            self.weights = np.array([Value(1.0)], dtype=object)

    for model, path in ((Scaled(), "scale"), (InArray(), r"weights\.0")):
        with pytest.raises(ValueError, match=f"the parameter {path} has no place in a file of tensors: save the"):
            nn.save(model, tmp_path / "m.safetensors")
        assert not (tmp_path / "m.safetensors").exists()
