"""Hypothesis strategies for everything that has a gradient: Values, points, expressions, networks, data sets.

Nothing is filtered: operands are chosen by their numbers, so that every expression stays inside each primitive's
domain, clear of its kinks, with results of moderate size. A failure shrinks to a few nodes, and prints as Python to
paste. Needs ``pip install hypothesis``.

- scalars: numbers, Values and points
- graphs: expressions
- nets: networks and data sets
"""

try:
    import hypothesis as _hypothesis  # noqa: F401  # only whether it is there
except ImportError:
    raise ImportError("engine.strategies needs Hypothesis: pip install hypothesis") from None

from .graphs import Expression as Expression
from .graphs import expressions as expressions
from .nets import Network as Network
from .nets import datasets as datasets
from .nets import networks as networks
from .scalars import numbers as numbers
from .scalars import points as points
from .scalars import values as values

__all__ = ["Expression", "Network", "datasets", "expressions", "networks", "numbers", "points", "values"]
