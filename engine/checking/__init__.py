"""Checking gradients, of Values and of any other code, by differences whose error is bounded.

From the function that users call down to single estimates:

- gradients: check_gradients, which calls one of two checks
- whitebox: functions of Values, with their graph: kinks are known (kinks), and what is wrong is traced to its cause
  (culprit), such as the rule of a primitive (faults); what differences cannot decide is proven (proof, by the table to
  fifty digits: oracle). subject is what it checks, replay a graph in place of the function, rounding what rounding adds
  to both
- foreign: any other function, known by its values alone
- directional: a whole gradient along directions that move several inputs
- claim: one claimed slope along a line, from estimates to its verdict: all of the above end here
- estimates: derivatives from values alone, with an error bound, and what they say about a claim, at kinks too
- report: what was found, as text and as a table
"""

from .gradients import check_gradients as check_gradients
from .report import Report as Report
