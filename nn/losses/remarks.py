"""A note for readers of a graph: a cross-entropy of probabilities, where it takes logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from engine import Constant, Value, register_note


@register_note
def cross_entropy_of_a_softmax(order: Sequence[Value], name: Callable[[Value], str]) -> Iterator[str]:
    """The commonest mistake of classifiers: softmax twice. It trains, slowly, and its loss never comes near 0.

    >>> import engine, nn
    >>> x = [engine.Value(1.0), engine.Value(2.0)]
    >>> engine.notes(nn.cross_entropy(nn.softmax(x), 1))[0]
    'cross_entropy of a softmax: pass the logits'
    >>> engine.notes(nn.cross_entropy(x, 1))
    ['no backward pass yet: gradients are not shown']
    """
    found = sum(_takes_probabilities(node) for node in order if _is(node, "logsumexp"))
    if found:
        yield "cross_entropy of a softmax: pass the logits" + (f" ({found:,} samples)" if found > 1 else "")


def _takes_probabilities(node: Value) -> bool:
    """Whether all terms of a logsumexp are probabilities of one softmax, or their differences."""
    scores = [score for operand in node.operands for score in _scores(operand) if not isinstance(score, Constant)]
    return bool(scores) and all(map(_is_probability, scores))


def _scores(term: Value) -> Iterator[Value]:
    """What a term of a logsumexp is made of: a difference, to a score that a label picks and that has its own term."""
    if _is(term, "sub"):
        for operand in term.operands:
            yield from _scores(operand)
    elif not _is(term, "take"):
        yield term


def _is_probability(node: Value) -> bool:
    """Whether it is one exponential out of the sum of several, as `softmax` computes it."""
    if not _is(node, "div"):
        return False
    share, total = node.operands
    return _is(share, "exp") and _is(total, "sum") and any(share is term for term in total.operands)


def _is(node: Value, primitive: str) -> bool:
    return node.primitive is not None and node.primitive.name == primitive
