"""Checking gradients, of Values and of any other code, by differences whose error is bounded.

- gradients: check_gradients, the entry point; subject: what is checked, in one form
- whitebox: functions of Values, primitive by primitive; foreign: any other function
- directional: many inputs along random directions; replay: a graph in place of the function, on other numbers
- estimates: derivatives from values alone, with an error bound, and what they say about a claim, at kinks too
- rounding: what rounding adds; kinks: where a graph leaves a smooth piece
- faults: which primitive is to blame; entries: lines of a report; report: the result
- oracle: derivatives of the table to 50 digits; proof: what these settle where differences cannot
"""

from .gradients import check_gradients as check_gradients
from .report import Report as Report
