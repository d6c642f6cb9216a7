"""Sequential, Residual, Embedding, norms and attention: by hand, beside PyTorch, compiled."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
import nn
from engine import Value, check_gradients, compile
from nn import Activation, Embedding, Layer, LayerNorm, Module, Residual, RMSNorm, SelfAttention, Sequential
from tests.needs import INSTALLED, needs

NUMBERS = st.floats(-5.0, 5.0)


def floats(nested):
    return [floats(item) for item in nested] if isinstance(nested, list) else float(nested)


class Small(Module):
    """A transformer of one block, for three tokens."""

    def __init__(self, seed=1):
        self.tokens = Embedding(5, 4, seed=seed)
        self.block = Sequential(
            Residual(Sequential(RMSNorm(4), SelfAttention(4, heads=2, causal=True, seed=seed))),
            Residual(Sequential(LayerNorm(4), Layer(4, 8, bias=False, seed=seed), Layer(8, 4, "identity", seed=seed))),
            Activation("tanh"),
            Layer(4, 5, "identity", seed=seed),
        )

    def __call__(self, tokens):
        return self.block(self.tokens(tokens))


def test_by_hand():
    x = [Value(3.0), Value(4.0)]
    assert floats(RMSNorm(2, eps=1e-30)(x)) == pytest.approx([3 / math.sqrt(12.5), 4 / math.sqrt(12.5)])
    assert floats(LayerNorm(2, eps=1e-30)([3.0, 5.0])) == pytest.approx([-1.0, 1.0])
    assert floats(Residual(Activation("relu"))([[Value(-1.0)], [Value(2.0)]])) == [[-1.0], [4.0]]
    table = Embedding(3, 2, seed=1)
    assert floats(table([2, 0])) == [floats(table.weight[2]), floats(table.weight[0])]
    assert floats(table(Value(1.0))) == floats(table.weight[1])
    assert floats(table([True, False])) == floats(table([1, 0])) == nn.predict(table, [True, False], backend="python")
    alone = SelfAttention(2, seed=1)  # of one position: the value itself, through the last layer
    row = [0.5, -1.0]
    assert floats(alone([row])[0]) == pytest.approx(floats(alone.output(alone.value(row))))
    assert floats(alone([[row], [row]])) == [floats(alone([row]))] * 2


def test_a_causal_position_sees_nothing_that_comes_later():
    attention = SelfAttention(4, heads=2, causal=True, seed=3)
    rows = [[Value(math.sin(i + 4 * t)) for i in range(4)] for t in range(3)]
    answers = attention(rows)
    gradients = [engine.grad(sum(answer, Value(0.0)), rows[2]) for answer in answers]
    assert [any(g) for g in gradients] == [False, False, True]
    assert floats(answers[:2]) == floats(attention(rows[:2]))


@given(st.lists(NUMBERS, min_size=3, max_size=3), st.floats(-3.0, 3.0), st.floats(0.1, 4.0))
def test_layer_norm_ignores_shift_and_nearly_scale(x, shift, scale):
    norm = LayerNorm(3, eps=1e-12)
    if max(x) - min(x) < 1e-2:
        return
    moved = [scale * entry + shift for entry in x]
    assert floats(norm(moved)) == pytest.approx(floats(norm(x)), abs=1e-5)


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_block_compiles_to_what_it_is_eagerly(backend):
    np = needs("numpy")
    model = Small()
    X = [[0, 1, 2], [4, 4, 0], [3, 2, 1]]
    expected = [floats(model(x)) for x in X]
    compiled = compile(model, backend=backend)
    np.testing.assert_allclose(np.array(compiled(X)), expected, rtol=1e-10, atol=1e-12)
    loss = compile(lambda x: sum((y[k] for k, y in enumerate(model(x))), Value(0.0)), backend=backend)
    loss.backward(X)
    found = [p.grad for p in model.parameters()]
    total = sum((sum((y[k] for k, y in enumerate(model(x))), Value(0.0)) for x in X), Value(0.0)) / 3
    np.testing.assert_allclose(found, engine.grad(total, model.parameters()), rtol=1e-9, atol=1e-12)


def test_gradients_are_proved():
    attention = Sequential(LayerNorm(2), SelfAttention(2, causal=True, seed=2), RMSNorm(2))

    def of_six(a, b, c, d):
        return sum((y for row in attention([[a, b], [c, d]]) for y in row), Value(0.0))

    assert check_gradients(of_six, [0.3, -0.5, 1.0, 0.7]).ok


def test_beside_torch():
    torch = needs("torch")
    torch.set_default_dtype(torch.float64)
    try:
        rows = [[math.sin(1.0 + i + 4 * t) for i in range(4)] for t in range(3)]
        x = torch.tensor(rows)
        for mine, theirs in ((LayerNorm(4), torch.nn.LayerNorm(4)), (RMSNorm(4), torch.nn.RMSNorm(4, eps=1e-5))):
            assert torch.allclose(torch.tensor(floats(mine(rows))), theirs(x), rtol=1e-12)
        for causal in (False, True):
            mine = SelfAttention(4, heads=2, causal=causal, seed=5)
            theirs = torch.nn.MultiheadAttention(4, 2)
            parts = [mine.query, mine.key, mine.value]
            weights = [[floats(neuron.w) for neuron in part.neurons] for part in parts]
            with torch.no_grad():
                theirs.in_proj_weight.copy_(torch.tensor(weights).reshape(12, 4))
                theirs.in_proj_bias.zero_()
                theirs.out_proj.weight.copy_(torch.tensor([floats(neuron.w) for neuron in mine.output.neurons]))
                theirs.out_proj.bias.zero_()
            mask = torch.triu(torch.ones(3, 3, dtype=torch.bool), 1) if causal else None
            expected, _ = theirs(x, x, x, attn_mask=mask, need_weights=False)
            assert torch.allclose(torch.tensor(floats(mine(rows))), expected, rtol=1e-12)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (Sequential, ValueError, "of no layers"),
        (
            lambda: Sequential(Layer(2, 2), "relu"),
            TypeError,
            r"not a module .* str 'relu': write Activation\(\"relu\"\)$",
        ),
        (lambda: Sequential(Layer(2, 2), 3), TypeError, "layer 1 of Sequential is not a module or function but int 3"),
        (
            lambda: Sequential([Layer(2, 2)]),
            TypeError,
            r"not a module or function but list .*: write Sequential\(\*layers\)",
        ),
        (
            lambda: Sequential(LayerNorm),
            TypeError,
            r"layer 0 of Sequential is the class LayerNorm: make one, LayerNorm\(",
        ),
        *(
            (
                lambda tanh=tanh: Sequential(Layer(2, 2), tanh, Layer(2, 1))([1.0, 2.0]),
                TypeError,
                r'^Sequential calls tanh with a row, and it takes one number: write Activation\("tanh"\)$',
            )
            for tanh in (math.tanh, engine.tanh, Value.tanh)
        ),
        (lambda: Residual(3), TypeError, "Residual takes a module or function, not int 3"),
        (lambda: Residual(Layer(2, 3))([1.0, 2.0]), ValueError, "2 Residual inputs against 3 module outputs"),
        (lambda: Residual(lambda x: x[0])([1.0, 2.0]), ValueError, "their shapes must be the same"),
        (lambda: Embedding(0, 2), ValueError, "count must be at least 1"),
        (lambda: Embedding(3, 2)(3), IndexError, r"token 3 is out of range: Embedding\(3, 2\) has those from 0 to 2"),
        (lambda: Embedding(3, 2)(0.5), ValueError, "a token must be a whole number, not 0.5"),
        (lambda: Embedding(3, 2)("a"), TypeError, "not str 'a'"),
        (lambda: LayerNorm(2)([1.0, 2.0, 3.0]), ValueError, "takes 2 inputs, got 3"),
        (lambda: LayerNorm(2, eps=0.0), ValueError, "eps must be above 0"),
        (lambda: RMSNorm(2)(1.0), TypeError, "takes a row of 2"),
        (lambda: SelfAttention(5, heads=2), ValueError, "5 numbers cannot be shared by 2 heads"),
        (lambda: SelfAttention(4, causal="yes"), TypeError, "causal must be True or False"),
        (lambda: SelfAttention(4)([1.0] * 4), TypeError, "takes a row of vectors"),
        (lambda: Activation("rleu"), ValueError, "no activation is named 'rleu'"),
    ],
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_reprs():
    assert repr(Small().block).splitlines()[0] == "Sequential of 185 parameters"
    assert repr(Residual(RMSNorm(4))) == "Residual of 4 parameters\n  inner: RMSNorm(4)"
    assert repr(Embedding(5, 4)) == "Embedding(5, 4)"
    assert repr(Activation("tanh")) == "Activation(tanh)"
    assert repr(LayerNorm(3)) == "LayerNorm(3)"


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("heads", 3, ValueError, "4 numbers cannot be shared by 3 heads: choose a multiple"),
        ("heads", True, TypeError, "heads must be a whole number, not bool True"),
        ("causal", "no", TypeError, "causal must be True or False, not str 'no'"),
    ],
)
def test_attention_that_is_changed_later_is_checked_as_well(name, value, error, message):
    """Of 3 heads for 4 numbers it made 4, and took any text for True."""
    attention = SelfAttention(4, heads=2, seed=3)
    sequence = [[1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 0.0, 1.0]]
    setattr(attention, name, value)
    with pytest.raises(error, match=message):
        attention(sequence)
    attention.heads, attention.causal = 4, True
    assert floats(attention(sequence)) == floats(SelfAttention(4, heads=4, causal=True, seed=3)(sequence))


@pytest.mark.parametrize("norm", [LayerNorm(2), RMSNorm(2)])
def test_a_norm_whose_eps_is_set_later_is_checked_as_well(norm):
    norm.eps = -1.0
    with pytest.raises(ValueError, match="eps must be a finite number of at least 0, not -1"):
        norm([1.0, 2.0])
