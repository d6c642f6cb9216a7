"""Writing LLVM IR as text: vectors of numbers with Python's operators, loops as `with` blocks.

A `Code` is one function in the making. Its `Vector`s are names of values in that function; an operator on them
appends a line and gives the name of the result. So a formula is written once, as on paper:

>>> code = Code("f", 64, 4, ["ptr %x"])
>>> x = code.load("%x", "0")
>>> code.store(x * x + 1.0, "%x", "0")
>>> print(code.text())  # doctest: +ELLIPSIS
define void @f(ptr %x) ... {
...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ....samples.memory import CACHE_LINE
from .vector import Vector, literal


class Code:
    """One LLVM function in the making.

    Attributes:
        bits: 64 or 32, the size of a number.
        width: numbers in a vector; 1 for plain scalars.
        internal: whether only functions of the same module call it.
        declared: declarations of the intrinsics and library functions that are called.
        masks: by the names of vectors that are 1.0 where a mask holds and else 0.0, that mask.
    """

    def __init__(
        self,
        name: str,
        bits: int,
        width: int,
        arguments: Sequence[str],
        result: str = "void",
        internal: bool = False,
    ):
        self.name, self.bits, self.width, self.arguments, self.result = name, bits, width, list(arguments), result
        self.scalar = "double" if bits == 64 else "float"
        elements = {"f": self.scalar, "i": f"i{bits}", "m": "i1", "w": "i64"}
        self._types = {kind: f"<{width} x {element}>" if width > 1 else element for kind, element in elements.items()}
        self.align = bits // 8
        self.lines: list[str] = []
        self.slots: list[str] = []  # stack slots of loop counters and accumulators; LLVM turns them into registers
        self.declared: set[str] = set()
        self.masks: dict[str, Vector] = {}
        self.attributes = "nounwind"
        self.linkage = "internal " if internal else ""
        # Loops keep their index in a vector of one, which LLVM's loop strength reduction leaves alone: it would take a
        # fifth of the time to compile, and steps are as fast without it. Not on arm64, whose vectors have 128 bits:
        # there such a vector is in other registers than an index.
        self._kept = "<1 x i64>" if bits * width > 128 else "i64"
        self._count = 0

    # ---- types and constants
    def type(self, kind: str = "f") -> str:
        """The IR type of a vector of that kind, see `Vector`; or of 64-bit words, "w"."""
        return self._types[kind]

    @property
    def suffix(self) -> str:
        """How the names of intrinsics on vectors end."""
        return f"v{self.width}f{self.bits}" if self.width > 1 else f"f{self.bits}"

    def lift(self, number: Any, kind: str = "f") -> Vector:
        """A vector with that constant in all lanes; a vector stays what it is."""
        if isinstance(number, Vector):
            return number
        if kind == "f":
            text, element = literal(float(number), self.bits), self.scalar
        elif kind == "m":
            text, element = "true" if number else "false", "i1"
        else:
            text, element = str(int(number)), f"i{self.bits}"
        return Vector(self, self.constants(element, [text] * self.width), kind)

    def constants(self, element: str, numbers: Sequence[str | int]) -> str:
        """The text of a vector of these constants, one for each lane."""
        if self.width == 1:
            return str(numbers[0])
        return f"<{', '.join(f'{element} {number}' for number in numbers)}>"

    # ---- instructions
    def fresh(self) -> str:
        """A name that no value has yet."""
        self._count += 1
        return f"%v{self._count}"

    def value(self, instruction: str) -> str:
        """Append an instruction with a result; the result's name."""
        name = self.fresh()
        self.lines.append(f"{name} = {instruction}")
        return name

    def emit(self, instruction: str, kind: str = "f") -> Vector:
        """Append an instruction whose result is a vector."""
        return Vector(self, self.value(instruction), kind)

    def select(self, mask: Vector, yes: Any, no: Any) -> Vector:
        """Lane by lane one or the other."""
        kind = yes.kind if isinstance(yes, Vector) else no.kind if isinstance(no, Vector) else "f"
        yes, no = self.lift(yes, kind), self.lift(no, kind)
        t = self.type(kind)
        found = self.emit(f"select {self.type('m')} {mask.name}, {t} {yes.name}, {t} {no.name}", kind)
        if (yes.name, no.name) == (self.lift(1.0).name, self.lift(0.0).name):
            self.masks[found.name] = mask
        return found

    def as_number(self, mask: Vector) -> Vector:
        """1.0 where the mask holds, else 0.0."""
        return self.select(mask, 1.0, 0.0)

    def intrinsic(self, name: str, *operands: Any) -> Vector:
        """Call ``llvm.name`` on vectors, such as fma, sqrt, fabs, floor, copysign."""
        t, full = self.type(), f"@llvm.{name}.{self.suffix}"
        self.declared.add(f"declare {t} {full}({', '.join([t] * len(operands))})")
        given = ", ".join(f"{t} {self.lift(x).name}" for x in operands)
        return self.emit(f"call {t} {full}({given})")

    def fma(self, a: Any, b: Any, c: Any) -> Vector:
        """``a * b + c``, rounded once."""
        return self.intrinsic("fma", a, b, c)

    def call(self, name: str, *operands: Any) -> Vector:
        """Call a function of this module that takes and gives vectors."""
        t = self.type()
        return self.emit(f"call {t} @{name}({', '.join(f'{t} {self.lift(x).name}' for x in operands)})")

    def libm(self, name: str, *operands: Any) -> Vector:
        """Call a function of C's math library lane by lane, in double precision."""
        self.declared.add(f"declare double @{name}({', '.join(['double'] * len(operands))}) nounwind memory(none)")
        results = []
        for numbers in zip(*[self.elements(self.lift(operand)) for operand in operands]):
            z = self.value(f"call double @{name}({', '.join(f'double {self.as_double(x)}' for x in numbers)})")
            results.append(self.value(f"fptrunc double {z} to float") if self.bits == 32 else z)
        return self.vector_of(results)

    # ---- memory; an index is text: a number or the name of an i64
    def index(self, *terms: str | int | tuple[str | None, int] | None) -> str:
        """The sum of constants, names, and (name, factor) pairs, as an i64; None in place of a name adds nothing."""
        constant, names = 0, list[str]()
        for term in terms:
            if isinstance(term, int):
                constant += term
                continue
            name, factor = term if isinstance(term, tuple) else (term, 1)
            if name and factor:
                names.append(name if factor == 1 else self.value(f"mul nsw i64 {name}, {factor}"))
        if constant or not names:
            names.append(str(constant))
        total = names[0]
        for name in names[1:]:
            total = self.value(f"add nsw i64 {total}, {name}")
        return total

    def least(self, a: str, b: int | str) -> str:
        """The smaller one of two i64."""
        smaller = self.value(f"icmp slt i64 {a}, {b}")
        return self.value(f"select i1 {smaller}, i64 {a}, i64 {b}")

    def pointer(self, base: str, index: str, element: str | None = None) -> str:
        """The address of an element."""
        return self.value(f"getelementptr inbounds {element or self.scalar}, ptr {base}, i64 {index}")

    def load(self, base: str, index: str) -> Vector:
        """Consecutive numbers as a vector."""
        return self.emit(f"load {self.type()}, ptr {self.pointer(base, index)}, align {self.align}")

    def store(self, vector: Vector, base: str, index: str) -> None:
        """Store a vector to consecutive numbers."""
        address = self.pointer(base, index)
        self.lines.append(f"store {self.type()} {vector.name}, ptr {address}, align {self.align}")

    def stream(self, vector: Vector, base: str, index: str) -> None:
        """Store a vector past the caches, to where whole vectors lie; other threads see it after a fence."""
        self.declared.add("!0 = !{i32 1}")
        address, align = self.pointer(base, index), self.align * self.width
        self.lines.append(f"store {self.type()} {vector.name}, ptr {address}, align {align}, !nontemporal !0")

    def load_first(self, base: str, index: str, count: int) -> Vector:
        """Consecutive numbers as the first lanes of a vector; what comes after them is not touched."""
        if count == self.width:
            return self.load(base, index)
        t, masks = self.type(), self.type("m")
        name = f"@llvm.masked.load.{self.suffix}.p0"
        self.declared.add(f"declare {t} {name}(ptr, i32, {masks}, {t})")
        place = f"ptr {self.pointer(base, index)}, i32 {self.align}"
        return self.emit(f"call {t} {name}({place}, {masks} {self._first(count)}, {t} zeroinitializer)")

    def store_first(self, vector: Vector, base: str, index: str, count: int) -> None:
        """Store the first lanes of a vector to as many consecutive numbers."""
        if count == self.width:
            self.store(vector, base, index)
            return
        t, masks = self.type(), self.type("m")
        name = f"@llvm.masked.store.{self.suffix}.p0"
        self.declared.add(f"declare void {name}({t}, ptr, i32, {masks})")
        place = f"ptr {self.pointer(base, index)}, i32 {self.align}"
        self.lines.append(f"call void {name}({t} {vector.name}, {place}, {masks} {self._first(count)})")

    def _first(self, count: int) -> str:
        return self.constants("i1", [str(lane < count).lower() for lane in range(self.width)])

    def load_scalar(self, base: str, index: str) -> str:
        """One number."""
        return self.value(f"load {self.scalar}, ptr {self.pointer(base, index)}, align {self.align}")

    def as_double(self, scalar: str) -> str:
        """One number, in double precision."""
        return scalar if self.bits == 64 else self.value(f"fpext float {scalar} to double")

    def broadcast(self, scalar: str) -> Vector:
        """One number in all lanes."""
        return Vector(self, self.spread(scalar, self.scalar))

    def spread(self, scalar: str, element: str) -> str:
        """A scalar of any type in all lanes."""
        if self.width == 1:
            return scalar
        t = f"<{self.width} x {element}>"
        one = self.value(f"insertelement {t} poison, {element} {scalar}, i32 0")
        return self.value(f"shufflevector {t} {one}, {t} poison, <{self.width} x i32> zeroinitializer")

    def elements(self, vector: Vector) -> list[str]:
        """The numbers of a vector, one by one."""
        if self.width == 1:
            return [vector.name]
        t = self.type(vector.kind)
        return [self.value(f"extractelement {t} {vector.name}, i32 {k}") for k in range(self.width)]

    def vector_of(self, numbers: Sequence[str]) -> Vector:
        """A vector of these numbers."""
        if self.width == 1:
            return Vector(self, numbers[0])
        name, t = "poison", self.type()
        for k, number in enumerate(numbers):
            name = self.value(f"insertelement {t} {name}, {self.scalar} {number}, i32 {k}")
        return Vector(self, name)

    def load_broadcast(self, base: str, index: str) -> Vector:
        """One number from memory in all lanes."""
        return self.broadcast(self.load_scalar(base, index))

    def shuffle(self, a: str, b: str, lanes: Sequence[int], width: int) -> str:
        """Pick lanes of two vectors of `width` numbers, numbered through."""
        t = f"<{width} x {self.scalar}>"
        mask = ", ".join(f"i32 {lane}" for lane in lanes)
        return self.value(f"shufflevector {t} {a}, {t} {b}, <{len(lanes)} x i32> <{mask}>")

    # ---- control
    def variable(self, initial: Vector) -> str:
        """A variable that holds a vector; read with `read`, write with `write`."""
        name = self.fresh()
        self.slots.append(f"{name} = alloca {self.type(initial.kind)}")
        self.lines.append(f"store {self.type(initial.kind)} {initial.name}, ptr {name}")
        return name

    def read(self, variable: str) -> Vector:
        """The vector that a variable holds."""
        return self.emit(f"load {self.type()}, ptr {variable}")

    def write(self, variable: str, vector: Vector) -> None:
        """Let a variable hold another vector."""
        self.lines.append(f"store {self.type()} {vector.name}, ptr {variable}")

    def array(self, count: int) -> str:
        """Room for `count` numbers, for `load` and `store`."""
        name = self.fresh()
        self.slots.append(f"{name} = alloca [{count} x {self.scalar}], align {CACHE_LINE}")
        return name

    def label(self, name: str) -> None:
        """Begin the block of that name, falling into it unless the block before has ended otherwise."""
        ended = bool(self.lines) and self.lines[-1].startswith(("ret ", "br "))
        self.lines += [f"{name}:"] if ended else [f"br label %{name}", f"{name}:"]

    @contextmanager
    def loop(self, start: int | str, stop: int | str, step: int = 1) -> Iterator[str]:
        """For index in range(start, stop, step); gives the name of the index."""
        self._count += 1
        k = self._count
        self.slots.append(f"%c{k} = alloca {self._kept}")
        self._keep(k, start)
        self.label(f"head{k}")
        self.lines += [
            f"%v{k} = load {self._kept}, ptr %c{k}",
            f"%i{k} = bitcast {self._kept} %v{k} to i64",
            f"%go{k} = icmp slt i64 %i{k}, {stop}",
            f"br i1 %go{k}, label %body{k}, label %done{k}",
            f"body{k}:",
        ]
        yield f"%i{k}"
        self._keep(k, self.value(f"add nsw i64 %i{k}, {step}"))
        self.lines += [f"br label %head{k}", f"done{k}:"]

    def _keep(self, k: int, index: int | str) -> None:
        kept = self.value(f"bitcast i64 {index} to {self._kept}")
        self.lines.append(f"store {self._kept} {kept}, ptr %c{k}")

    @contextmanager
    def when(self, condition: str, rare: bool = False) -> Iterator[None]:
        """Do the block if the i1 of that name holds; `rare` says that this is not expected."""
        self._count += 1
        k = self._count
        weights = ', !prof !{!"branch_weights", i32 1, i32 2000}' if rare else ""
        self.lines += [f"br i1 {condition}, label %then{k}, label %else{k}{weights}", f"then{k}:"]
        yield
        self.label(f"else{k}")

    def any(self, mask: Vector) -> str:
        """Whether the mask holds in any lane, as a condition for `when`."""
        if self.width == 1:
            return mask.name
        full = f"@llvm.vector.reduce.or.v{self.width}i1"
        self.declared.add(f"declare i1 {full}({self.type('m')})")
        return self.value(f"call i1 {full}({self.type('m')} {mask.name})")

    def ret(self, value: Vector | None = None) -> None:
        """Return, with a vector or nothing."""
        self.lines.append("ret void" if value is None else f"ret {self.type()} {value.name}")

    def body(self) -> str:
        """The text between the braces; equal for functions that differ only in their name."""
        return "\n".join(["entry:", *self.slots, *self.lines])

    def text(self) -> str:
        """The whole definition."""
        head = f"define {self.linkage}{self.result} @{self.name}({', '.join(self.arguments)}) {self.attributes}"
        return f"{head} {{\n{self.body()}\n}}\n"


def module(*codes: Code) -> str:
    """The text of functions, after what they declare."""
    return "\n".join([*sorted({line for code in codes for line in code.declared}), *[code.text() for code in codes]])
