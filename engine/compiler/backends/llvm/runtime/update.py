"""The update of the parameters: an optimiser's traced rule as one native pass over them.

What the rule computes from the settings alone is computed once for each call, in double precision. The other operations
run on vectors of parameters.

The old numbers are kept until the driver knows that all new ones are finite: only those before the first step of a
call, since keeping them takes as long as the update itself. If a later step is refused, all steps of the call are
undone, and made again by the same code with the numbers kept at every step. In a call of a single step a brief rule
keeps nothing: the same code runs twice, first to look at the new numbers, and only then to store them.

It is a separate pass over whole rows, even where the last kernel that adds to a gradient could update as it goes. On
two CPUs that would take 0.97 to 1.10 times as long for 784-128-10 by tiles, whose parts of rows are far apart in
memory, and 1.0 to 1.1 by bands of rows: the pass spends its time on moving parameters and memories, and hardly any on
the gradients.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from ....frontend.symbol import Symbol
from ....update import ALWAYS, Update
from ..ir.builder import Code
from ..ir.control import unless
from ..ir.functions import called, definitions
from ..ir.shuffles import horizontal_sum
from ..ir.templates import expand
from ..ir.vector import Vector, literal
from ..ir.words import Layout, field, field_place
from ..jit.machine_code import Library

STATE: Layout = {
    "made": "i64",  # how many steps were made
    "refused": "i64",  # 1: the present update is not finite; after the call: how many steps were undone with it
    "keeping": "i64",  # 1: the old numbers are kept at every step, as they must be where sums are
    "numbers": "ptr",  # the settings that are not 0, as `update.values_of` gives them after a limit
    "rates": "ptr", "next_rate": "i64",  # the learning rates; from one step's rate to the next
    "memory": "ptr",
    "old": "ptr",  # the old numbers of the parameters and memories
    "trainable": "ptr",  # 1.0 for each parameter that is updated, 0.0 for others
    "sums": "ptr",  # of the others' gradients
    "count": "i64",  # of the parameters
    "stride": "i64",  # from one row of numbers to the next
    "gradient": "ptr",  # of the last step
}  # fmt: skip  # addresses beside their counts
"""What an update is given."""

BRIEF = {"add", "sub", "mul"}
"""Operations so quick that a rule of only these runs twice in less time than it takes to keep the old numbers."""


@functools.cache
def update(rule: Update, frozen: bool, bits: int, width: int, streamed: bool = False) -> tuple[Library, int]:
    """The compiled update and its address, of type ``void(P, G, state, step, start, stop, only)``; see `text`."""
    what = frozen, bits, width, streamed
    if rule.fingerprint:
        name = f"update {rule.fingerprint} {what}"
        library = Library.of_engine(name, functools.partial(text, rule, *what), "quick")
    else:
        library = Library(quick=text(rule, *what))
    return library, library.address("update")


def text(rule: Update, frozen: bool, bits: int, width: int, streamed: bool) -> str:
    """LLVM IR of the update, of the leaves from `start` to `stop`, whole vectors; where G is null, of its undoing.

    Args:
        rule: the optimiser's rule.
        frozen: whether some parameters stay as they are.
        bits: bits of a number.
        width: numbers in a vector.
        streamed: whether the old numbers, which are hardly ever read, bypass the caches: then no line of memory is
            fetched just to be overwritten. They must be aligned to whole vectors.

    The function's argument `only` says that the step is the only one of its call, with all leaves in one piece.
    """
    arguments = ["ptr noalias %P", "ptr noalias %G", "ptr noalias %state", "i64 %step", "i64 %start", "i64 %stop"]
    code = Code("update", bits, width, [*arguments, "i1 %only"])
    fixed = [name for name in STATE if name not in ("made", "refused", "gradient")]
    f = {name: field(code, "%state", STATE, name) for name in fixed}
    stop = code.least("%stop", f["count"])
    brief = {symbol.primitive.name for symbol in rule.each if symbol.primitive} <= BRIEF
    looking = "%only" if brief and not (frozen or streamed) else "false"
    first = code.value("icmp eq i64 %step, 0")
    always = code.value(f"icmp ne i64 {f['keeping']}, 0")
    keeping = code.value(f"select i1 {looking}, i1 false, i1 {code.value(f'or i1 {first}, {always}')}")
    with code.when(code.value("icmp eq ptr %G, null")):
        with unless(code, looking), code.loop("%start", stop, width) as i:
            for base, place, old in _rows(code, rule, f, i):
                code.store(code.load(f["old"], old), base, place)
        code.ret()
    each = _Each(code, rule, f, frozen, streamed)
    with code.loop(code.value(f"select i1 {looking}, i64 0, i64 1"), 2) as turn:
        each.write_if(code.value(f"icmp eq i64 {turn}, 1"))
        each.emit(stop, keeping)
        if streamed:
            code.lines.append("fence seq_cst")  # another thread may undo it
        with code.when(code.any(each.lost().differs(0.0)), rare=True):
            code.lines.append(f"store i64 1, ptr {field_place(code, '%state', STATE, 'refused')}")
            code.ret()
    code.ret()
    texts, declared = list[str](), set[str]()
    for part in (_once(rule), code):
        own = part.text()
        functions, more = definitions(called(own, part.width), part.bits, part.width)
        texts += [*functions, own]
        declared |= more | part.declared
    return "\n".join([*sorted(declared), *texts])


class _Each:
    """The update of each parameter."""

    def __init__(self, code: Code, rule: Update, f: dict[str, str], frozen: bool, streamed: bool):
        self._code, self._rule, self._f, self._frozen = code, rule, f, frozen
        self._keep = code.stream if streamed else code.store
        self._uniform = _uniform(code, rule, f)
        self._lost = [code.variable(code.lift(0.0)) for _ in _remembered(rule)]  # a chain of sums for each result
        self._targets: dict[str, str] = {}

    def write_if(self, condition: str) -> None:
        """Store new numbers in their places if the i1 of that name holds, else where nobody reads them."""
        code, self._mask = self._code, self._code.value(f"sext i1 {condition} to i64")
        nowhere = code.array(code.width)
        for base in ("%P", self._f["memory"]):
            self._targets[base] = code.value(f"select i1 {condition}, ptr {base}, ptr {nowhere}")

    def emit(self, stop: str, keeping: str) -> None:
        """Update the parameters from `%start` to `stop`; `keeping`, an i1, says whether their old numbers are kept."""
        code, width = self._code, self._code.width
        if self._frozen:
            with code.loop("%start", stop, width) as i:
                self._vector(i, code.load(self._f["trainable"], i).differs(0.0), keeping)
            return
        whole = code.value(f"sub i64 {stop}, {width - 1}")
        with code.when(keeping), code.loop("%start", whole, width) as i:
            self._vector(i, None, "true")
        with unless(code, keeping), code.loop("%start", whole, width) as i:
            self._vector(i, None, "false")
        code.declared.add("declare i64 @llvm.smax.i64(i64, i64)")
        done = code.value(f"call i64 @llvm.smax.i64(i64 %start, i64 {code.value(f'and i64 {stop}, {-width}')})")
        with code.loop(done, stop, width) as i:  # what does not fill a vector
            self._vector(i, _inside(code, i, self._f["count"]), keeping)

    def _vector(self, i: str, used: Vector | None, keeping: str) -> None:
        """Update the parameters from i on, as many as a vector has.

        Args:
            i: the index of the first; whole vectors come before it.
            used: which of them are updated; None for all.
            keeping: an i1, whether their old numbers are kept.
        """
        code, rule, f = self._code, self._rule, self._f
        rows = list(_rows(code, rule, f, i))
        values = {**self._uniform, rule.gradient: code.load("%G", i)}
        values.update(zip(_remembered(rule), [code.load(base, place) for base, place, _ in rows]))
        for symbol in rule.each:
            values[symbol] = _operation(code, symbol, values)
        if self._frozen:
            code.store(code.load(f["sums"], i) + values[rule.gradient], f["sums"], i)
        with code.when(keeping):
            for symbol, (_, _, old) in zip(_remembered(rule), rows, strict=True):
                self._keep(values[symbol], f["old"], old)
        result, *others = rule.results
        results = (result, *[others[k] for k in rule.kept])
        for symbol, result, (base, place, _), lost in zip(_remembered(rule), results, rows, self._lost, strict=True):
            new = _value(code, result, values)
            target, at = self._targets[base], code.value(f"and i64 {place}, {self._mask}")
            code.store(new if used is None else code.select(used, new, values[symbol]), target, at)
            checked = new if used is None else code.select(used, new, 0.0)
            code.write(lost, (checked - checked) + code.read(lost))

    def lost(self) -> Vector:
        """0 unless a new number is nan or infinite."""
        return functools.reduce(Vector.__add__, map(self._code.read, self._lost))


def _inside(code: Code, i: str, count: str) -> Vector:
    """Which lanes from i on have a parameter."""
    left = code.value(f"sitofp i64 {code.value(f'sub i64 {count}, {i}')} to {code.scalar}")
    places = code.constants(code.scalar, [literal(float(k), code.bits) for k in range(code.width)])
    return Vector(code, places) < code.broadcast(left)


def _remembered(rule: Update) -> tuple[Symbol, ...]:
    """What a step reads and writes for a parameter: its number and the memories that are kept."""
    return (rule.number, *[rule.memories[k] for k in rule.kept])


def _rows(code: Code, rule: Update, f: dict[str, str], i: str) -> Iterator[tuple[str, str, str]]:
    """For the parameters and each kept memory: base and place, and the place among the old numbers."""
    yield "%P", i, i
    for k in rule.kept:
        yield f["memory"], code.index(i, (f["stride"], k)), code.index(i, (f["stride"], k + 1))


def _uniform(code: Code, rule: Update, f: dict[str, str]) -> dict[Symbol, Vector]:
    """What is the same for all parameters, in every lane."""
    norm = _norm(code, f) if rule.reads_norm else "0.0"
    made = field(code, "%state", STATE, "made")
    step = code.value(f"sitofp i64 {code.value(f'add i64 {made}, 1')} to double")
    place = code.pointer(f["rates"], code.value(f"mul i64 %step, {f['next_rate']}"), "double")
    rate = code.value(f"load double, ptr {place}")
    room = code.fresh()
    code.slots.append(f"{room} = alloca [{len(rule.uniform) + 1} x double]")
    what = f"ptr {f['numbers']}, double {step}, double {rate}, double {norm}, ptr {room}"
    code.lines.append(f"call void @once({what})")
    found = {}
    for k, symbol in enumerate(rule.uniform):
        number = code.value(f"load double, ptr {code.pointer(room, str(k), 'double')}")
        found[symbol] = code.broadcast(number if code.bits == 64 else code.value(f"fptrunc double {number} to float"))
    return found


def _once(rule: Update) -> Code:
    """The function that computes what is the same for all parameters, in double precision."""
    arguments = ["ptr noalias %numbers", "double %step", "double %rate", "double %norm", "ptr noalias %out"]
    code = Code("once", 64, 1, arguments, internal=True)
    code.attributes = "alwaysinline nounwind"
    given = {"step": Vector(code, "%step"), "lr": Vector(code, "%rate"), "norm": Vector(code, "%norm")}
    values = {}
    for k, symbol in enumerate(rule.numbers):
        name = ALWAYS[k] if k < len(ALWAYS) else ""
        values[symbol] = given[name] if name in given else code.load("%numbers", str(max(0, k - len(ALWAYS) + 1)))
    for symbol in rule.once:
        values[symbol] = _operation(code, symbol, values)
    for k, symbol in enumerate(rule.uniform):
        code.store(values[symbol], "%out", str(k))
    code.ret()
    return code


def _operation(code: Code, symbol: Symbol, values: dict[Symbol, Vector]) -> Vector:
    primitive = symbol.primitive
    assert primitive is not None
    operands = [_value(code, operand, values) for operand in symbol.operands]
    if primitive.arity is not None:
        return expand(code, primitive, dict(zip(primitive.operands, operands)))
    return functools.reduce(lambda z, x: expand(code, primitive, {"z": z, "x": x}), operands)


def _value(code: Code, symbol: Symbol, values: dict[Symbol, Vector]) -> Vector:
    return code.lift(symbol.value) if symbol.kind == "constant" else values[symbol]


def _norm(code: Code, f: dict[str, str]) -> str:
    """The norm of the gradients that are used, as a double."""
    total = code.variable(code.lift(0.0))
    with code.loop(0, f["count"], code.width) as i:
        g = code.select(code.load(f["trainable"], i).differs(0.0), code.load("%G", i), 0.0)
        code.write(total, code.read(total) + g * g)
    norm = code.as_double(horizontal_sum(code, code.read(total)))
    code.declared.add("declare double @llvm.sqrt.f64(double)")
    return code.value(f"call double @llvm.sqrt.f64(double {norm})")
