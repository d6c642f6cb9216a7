"""A compiled function is the function that was written, or a refusal with the user's line: a test per way to go wrong.

`cases` has the judge; the other modules have what may go wrong, a kind each.
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.cases")
