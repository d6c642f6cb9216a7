"""Somebody else's engine, stepped here: their graph becomes Values, and a bug in their backward pass gets its name.

- graph: their nodes, read by the attributes that such engines have; meaning: what an operation may be, by the table
- probes: each node's `_backward` alone; replay: their `backward()` as a whole, every call recorded
- adoption: adopt(), which puts it together; report: what comes out
"""

from .adoption import adopt as adopt
from .report import Adoption as Adoption
from .report import Finding as Finding
