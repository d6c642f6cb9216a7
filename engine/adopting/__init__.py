"""A student's own engine, stepped here: its graph becomes Values, and a bug in its backward pass is named.

- adoption: adopt(), which puts it all together
- graph: their nodes, read by the attributes that such engines have
- meaning: which primitive an operation may be
- probes: each node's `_backward` alone
- replay: their `backward()` as a whole, every call recorded
- report: the result
"""

from .adoption import adopt as adopt
from .report import Adoption as Adoption
from .report import Finding as Finding
