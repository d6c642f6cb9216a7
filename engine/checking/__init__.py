"""Checking gradients: of Values and of anybody's functions, by differences whose error is bounded.

- gradients: check_gradients, the door; subject: what is to be checked, as one kind of function
- whitebox: functions of Values, primitive by primitive; blackbox: any other function
- differences: slopes with an error bound; rounding: what rounding adds; kinks: where there is no one slope
- faults: which primitive is to blame; report: what comes out
- oracle, selftest: the table against 50 digits
"""

from .gradients import check_gradients as check_gradients
from .report import Report as Report
