from __future__ import annotations

import pytest

import engine
import nn
from engine import Value

SAID = "cross_entropy of a softmax: pass the logits"
warned = pytest.mark.filterwarnings("ignore:cross_entropy takes logits:UserWarning")  # for which see test_activated.py


@warned
def test_softmax_twice() -> None:
    logits = [Value(0.3, "a"), Value(-1.2, "b"), Value(2.0, "c")]
    once = nn.softmax(logits)
    for target in (1, [0.2, 0.3, 0.5], [1.0, 0.0, 0.0], Value(1.0)):
        loss = nn.cross_entropy(once, target)
        assert engine.notes(loss)[0] == SAID
        assert SAID in str(loss.explain())
        assert SAID in str(loss.why("a"))
        assert SAID not in str(engine.notes(nn.cross_entropy(logits, target)))


@warned
def test_of_a_batch_in_one_line() -> None:
    model = nn.MLP(2, [3, 2])
    X = [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]]
    loss = nn.cross_entropy(nn.softmax([model(x) for x in X]), [0, 1, 0])
    assert [note for note in engine.notes(loss) if SAID in note] == [f"{SAID} (3 samples)"]
    two = nn.cross_entropy([*map(nn.softmax, map(model, X[:2]))], [0, 1])
    assert [note for note in engine.notes(two) if SAID in note] == [f"{SAID} (2 samples)"]
    half = nn.cross_entropy([nn.softmax(model(X[0])), model(X[1])], [0, 1])
    assert [note for note in engine.notes(half) if SAID in note] == [SAID]


def test_attention_and_log_probabilities_are_no_mistake() -> None:
    logits = [Value(0.3), Value(-1.2)]
    weighted = engine.dot(nn.softmax(logits), [Value(1.0), Value(2.0)])
    others = engine.sum([x.exp() for x in logits])  # equal numbers, but not the terms themselves
    shares = [x.exp() / others for x in logits]
    sums = [x / engine.sum(logits) for x in logits], [x.exp() * 0.5 for x in logits]  # no exponentials, no shares
    for root in (
        nn.nll(nn.log_softmax(logits), 0),
        nn.cross_entropy([weighted, 0.5], 1),
        nn.cross_entropy(shares, 1),
        *(nn.cross_entropy(scores, 1) for scores in sums),
    ):
        assert SAID not in str(engine.notes(root))


@pytest.mark.filterwarnings("ignore:bce_with_logits takes:UserWarning")  # for which see test_activated.py
def test_sigmoid_twice() -> None:
    said = "bce_with_logits of a sigmoid: pass the logit"
    x = Value(0.3, "x")
    for target in (0, 1, 0.3, Value(1.0)):
        assert said in "\n".join(engine.notes(nn.bce_with_logits(x.sigmoid(), target)))
        assert said not in "\n".join(engine.notes(nn.bce_with_logits(x, target)))
    both = nn.bce_with_logits([x.sigmoid(), (2 * x).sigmoid()], [0, 1])
    assert f"{said} (2 samples)" in engine.notes(both)
    assert said not in str(engine.notes(nn.bce(x.sigmoid(), 1)))
