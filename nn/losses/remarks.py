"""Notes for readers of a graph: losses of probabilities, where they take logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from engine import Constant, Value, register_note

from .activated import is_probability, is_result


@register_note
def cross_entropy_of_a_softmax(order: Sequence[Value], name: Callable[[Value], str]) -> Iterator[str]:
    """The commonest mistake of classifiers: softmax twice. It trains, slowly, and its loss never comes near 0.

    >>> import engine, nn, warnings
    >>> x = [engine.Value(1.0), engine.Value(2.0)]
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     loss = nn.cross_entropy(nn.softmax(x), 1)
    >>> engine.notes(loss)[0]
    'cross_entropy of a softmax: pass the logits'
    >>> engine.notes(nn.cross_entropy(x, 1))
    ['no backward pass yet, or the gradient here is 0: gradients are not shown']
    """
    found = sum(_takes_probabilities(node) for node in order if is_result(node, "logsumexp"))
    if found:
        yield "cross_entropy of a softmax: pass the logits" + (f" ({found:,} samples)" if found > 1 else "")


@register_note
def bce_of_a_sigmoid(order: Sequence[Value], name: Callable[[Value], str]) -> Iterator[str]:
    """The same with two classes: a sigmoid twice.

    >>> import engine, nn, warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     loss = nn.bce_with_logits(engine.Value(1.0).sigmoid(), 1)
    >>> engine.notes(loss)[0]
    'bce_with_logits of a sigmoid: pass the logit'
    """
    terms = [operand for node in order if is_result(node, "softplus") for operand in node.operands]
    found = sum(is_result(term.operands[0] if is_result(term, "neg") else term, "sigmoid") for term in terms)
    if found:
        yield "bce_with_logits of a sigmoid: pass the logit" + (f" ({found:,} samples)" if found > 1 else "")


def _takes_probabilities(node: Value) -> bool:
    """Whether all terms of a logsumexp are probabilities of one softmax, or their differences."""
    scores = [score for operand in node.operands for score in _scores(operand) if not isinstance(score, Constant)]
    return bool(scores) and all(map(is_probability, scores))


def _scores(term: Value) -> Iterator[Value]:
    """The scores in a term of a logsumexp: both of a difference, but not one that a label picks, with its own term."""
    if is_result(term, "sub"):
        for operand in term.operands:
            yield from _scores(operand)
    elif not is_result(term, "take"):
        yield term
