"""Checking gradients, of Values and of any other code, by differences whose error is bounded.

From the function that users call down to single estimates:

- gradients: check_gradients, which calls one of two checks
- whitebox: functions of Values, with their graph: its kinks are found (kinks), what is wrong is traced to its cause
  (culprit), such as the rule of a primitive (faults), and what differences cannot decide is proven (proof), by the
  table's formulas to fifty digits (oracle). subject is the function that it checks, replay runs the graph in its place,
  rounding bounds the rounding of both
- foreign: any other function, known by its values alone
- directional: whole gradients, along directions that move several inputs
- claim: one claimed slope along a line, judged by estimates; all of the above end here
- estimates: derivatives from values alone, with error bounds, and what they say about a claim, at kinks too
- report: what was found, as text and as a table
"""

from .gradients import check_gradients as check_gradients
from .report import Report as Report
