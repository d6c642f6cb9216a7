"""Write the reference pages of the guide: numbers.md from the table of primitives, mistakes.md by making the mistakes.

`python -m demos.guide.tables` writes both; a test compares them with what is committed.
"""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
import traceback
from collections.abc import Iterator

from demos.guide.mistakes import MISTAKES, Mistake
from demos.guide.snippets import GUIDE
from engine import Primitive, ops

_NUMBERS = """# Numbers and kinks

**The task:** look up what an operation is, where it is defined, and which derivative is taken at a kink.

`python -m demos.guide.tables` writes this page from the table of primitives, `engine/ops.py`; each primitive's
documentation says the same: `print(engine.relu.__doc__)`. Each is a function of `engine` on numbers and
Values. Those with a fixed number of operands, except `where`, are methods of `Value` too; names in brackets are
other names of the method.

**Numbers follow IEEE 754**, so no operation raises for a float (only `take` does, for an index that is no place in
its list): where there is no real number the result is nan, at a pole it is infinite.

```python
>>> import engine
>>> from engine import Value
>>> engine.log(0.0), engine.log(-1.0), engine.exp(1000.0), Value(1.0) / 0
(-inf, nan, inf, Value(data=inf, grad=0.0))
```

**At infinity** the derivative of a function of one operand is its limit if there is one, such as 1 for `gelu`, and
else nan, as for `sin`. With several operands it may be nan though there is a limit, as for `hypot`, `direction`,
`atan2` and `logsumexp`, which divide infinity by infinity there.

**Kinks** are points without a derivative. The engine takes one of the possible slopes, PyTorch's where it has one,
and `check_gradients` names the kink:

```python
>>> from engine import gradient
>>> gradient(engine.relu)(0.0), gradient(engine.abs)(0.0)
([0.0], [0.0])
>>> gradient(engine.maximum)(3.0, 3.0)
[0.5, 0.5]
>>> gradient(engine.sqrt)(0.0), gradient(engine.cbrt)(0.0)
([inf], [inf])
```

**What was not selected contributes nothing**, not even a nan:

```python
>>> gradient(lambda x: engine.where(x > 1, engine.log(x), x))(0.0)
[1.0]
```

**In the tails** derivatives keep their digits, where the textbook's formula loses them:

```python
>>> import math
>>> gradient(engine.tanh)(20.0), 1 - math.tanh(20.0) ** 2
([1.699341702116...e-17], 0.0)
```

## The table

Formulas are in Python, over the functions of mpmath; tests evaluate them to 60 digits and hold values and
derivatives to them. The tests draw operands from the domain: one entry for all of them, or one for each; "all
reals" is left out. Elsewhere a value is right if it exists: at the ends, and for `pow` of negative bases and whole
exponents.

| primitive | formula | domain | at kinks and poles |
|---|---|---|---|
"""

_MORE = """

## The result

You know what each operation does at its edges. One that is missing takes a call of `engine.declare`.
"""

_MISTAKES = """# Mistakes everybody makes

**The task:** something went wrong; find out what the engine says about it, and what to do.

To write this page, `python -m demos.guide.tables` makes each mistake, so each message is the real one. Those that
raise nothing are found by `engine.notes(result)`, whose lines also stand below pictures, tables and steps.

All snippets are one session, which begins with:

```python
>>> import math, random
>>> import engine, nn
>>> from engine import Value
```
"""

_WIDTH = 86
"""Characters of a line that fit into a block of the site."""

_END = """
## The result

Not here? `engine.notes(y)` says what would mislead a reader of `y`, `engine.find_anomaly(y)` where a nan came from,
`y.why(x)` why a gradient is what it is, and `engine.check_gradients(f, point)` whether it is right.
"""


def main() -> None:
    """Write both pages."""
    for name, text in (("numbers", numbers()), ("mistakes", mistakes())):
        path = GUIDE / f"{name}.md"
        path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {len(text.splitlines())} lines")


def numbers() -> str:
    """The page of the table of primitives."""
    rows = [_row(thing) for thing in vars(ops).values() if isinstance(thing, Primitive)]  # none that a user declared
    return _NUMBERS + "\n".join(rows) + _MORE


def _row(primitive: Primitive) -> str:
    name = f"`{primitive.signature}`"
    if primitive.aliases:
        name += f" ({', '.join(primitive.aliases)})"
    if primitive.defaults:
        given = zip(reversed(primitive.operands), reversed(primitive.defaults))
        name += ", " + ", ".join(f"{operand} = {default:g} by default" for operand, default in given)
    domains = [str(domain) for domain in primitive.domain]
    domain = "" if set(domains) == {"all reals"} else ", ".join(domains)
    convention = primitive.convention.replace("*", r"\*")
    return f"| {name} | `{primitive.formula}` | {domain} | {convention} |"


def mistakes() -> str:
    """The page of mistakes, with what the engine says to each."""
    session: dict[str, object] = {"__name__": "__main__"}
    exec("import math, random\nimport engine, nn\nfrom engine import Value", session)
    parts = [_MISTAKES]
    chapter = ""
    for mistake in MISTAKES:
        if mistake.chapter != chapter:
            chapter = mistake.chapter
            parts.append(f"\n## {chapter}")
        parts.append("\n".join(_told(mistake, session)))
    return "\n".join(parts) + "\n" + _END


def _told(mistake: Mistake, session: dict[str, object]) -> Iterator[str]:
    """A mistake as a doctest: what was written, and what the engine says."""
    yield f"\n**{mistake.title}** {mistake.remedy}\n"
    yield "```python"
    for statement in mistake.statements:
        yield from (f"{'...' if k else '>>>'} {line}".rstrip() for k, line in enumerate(statement.splitlines()))
        yield from _said(statement, session)
    yield "```"


def _said(statement: str, session: dict[str, object]) -> Iterator[str]:
    """What a prompt shows after a statement."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(statement + "\n", "<stdin>", "single"), session)
    except Exception as error:
        printed.write("Traceback (most recent call last):\n    ...\n")
        printed.write("".join(traceback.format_exception_only(error)))
    for line in re.sub(r"<stdin>:\d+", "...", printed.getvalue()).splitlines():  # where it is called differently
        yield from textwrap.wrap(line, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    main()
