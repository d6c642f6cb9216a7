"""Packing: the samples of a block, from the rows of the user's arrays into the order in which kernels read them.

Kernels read [slot][lane]: the numbers that neighbouring samples have in one slot are neighbours. Outer products may
also want the samples as they lie in the user's array: for these their addresses are noted.

Lanes without a sample repeat the first one of the block. If gradients are summed they share its weight, since a weight
of 0 would turn an infinite gradient into nan.
"""

from __future__ import annotations

from ..ir.builder import Code
from ..ir.control import Cell, unless
from ..ir.shuffles import transpose
from ..ir.vector import Vector
from ..ir.words import entry


def text(bits: int, width: int) -> str:
    """LLVM IR of ``pack``: the samples of one block and their weights.

    The function's arguments:
        count, sources: how many arrays, and the address and columns of each.
        X, stride: where the slots go, and how many lanes apart they are.
        samples, lanes: which sample each lane has (-1: none), and how many lanes.
        weight, shared: the weight of a sample, and whether lanes without a sample share it.
        places, wanted: where to put for each lane, if not null, the address at which the sample's slot 0 would be if
            array number `wanted` had all slots.
    """
    number = "double" if bits == 64 else "float"
    arguments = ["i64 %count", "ptr %sources", "ptr noalias %X", "i64 %stride", "ptr noalias %samples", "i64 %lanes"]
    arguments += [f"{number} %weight", "i1 %shared", "ptr noalias %places", "i64 %wanted"]
    code = Code("pack", bits, width, arguments, internal=True)
    spare = entry(code, "%samples", "0")
    nobody = code.value(f"icmp slt i64 {spare}, 0")  # a block of padding alone repeats sample 0
    spare = code.value(f"select i1 {nobody}, i64 0, i64 {spare}")
    slot = Cell(code, 0)
    with code.loop(0, "%count") as s:
        _pack_array(code, s, slot, spare)
    _weigh(code, code.pointer("%X", code.value(f"mul i64 {slot.read()}, %stride")), nobody)
    code.ret()
    return f"declare i{width} @llvm.ctpop.i{width}(i{width})\n{code.text()}"


def _pack_array(code: Code, s: str, slot: Cell, spare: str) -> None:
    """The samples of one array, to the slots from `slot` on; lanes without a sample take the one named `spare`."""
    width, at = code.width, code.index((s, 2))
    source, columns = entry(code, "%sources", at, "ptr"), entry(code, "%sources", code.index(at, 1))
    first = slot.read()
    target = code.pointer("%X", code.value(f"mul i64 {first}, %stride"))
    whole = code.value(f"and i64 {columns}, {-width}")
    noted = code.value(f"icmp eq i64 {s}, %wanted")
    back = code.value(f"sub i64 0, {first}")
    with code.loop(0, "%lanes", width) as lane:
        given = []
        for k in range(width):
            sample = entry(code, "%samples", code.index(lane, k))
            missing = code.value(f"icmp slt i64 {sample}, 0")
            sample = code.value(f"select i1 {missing}, i64 {spare}, i64 {sample}")
            given.append(code.pointer(source, code.value(f"mul i64 {sample}, {columns}")))
        with code.when(noted):
            for k, row in enumerate(given):
                start = code.value(f"getelementptr {code.scalar}, ptr {row}, i64 {back}")
                code.lines.append(f"store ptr {start}, ptr {code.pointer('%places', code.index(lane, k), 'ptr')}")
        with code.loop(0, whole, width) as c:
            square = [code.load(row, c).name for row in given]
            for k, vector in enumerate(transpose(code, square, width)):
                there = code.value(f"mul i64 {code.index(c, k)}, %stride")
                code.store(Vector(code, vector), target, code.index(there, lane))
        with code.loop(whole, columns) as c:
            there = code.index(code.value(f"mul i64 {c}, %stride"), lane)
            code.store(code.vector_of([code.load_scalar(row, c) for row in given]), target, there)
    slot.write(code.value(f"add i64 {first}, {columns}"))


def _weigh(code: Code, target: str, nobody: str) -> None:
    """The weights of all lanes: lanes without a sample share that of the first one, if weights are shared at all."""
    width, number = code.width, code.scalar
    sharing = Cell(code, 1)
    with code.loop(0, "%lanes", width) as lane:
        bits_set = code.value(f"bitcast {code.type('m')} {is_missing(code, lane).name} to i{width}")
        count = code.value(f"call i{width} @llvm.ctpop.i{width}(i{width} {bits_set})")
        count = code.value(f"zext i{width} {count} to i64")
        sharing.write(code.value(f"add i64 {sharing.read()}, {count}"))
    among = code.value(f"select i1 %shared, i64 {sharing.read()}, i64 1")
    share = code.value(f"fdiv {number} %weight, {code.value(f'sitofp i64 {among} to {number}')}")
    alone = code.value("xor i1 %shared, true")
    nothing = code.value(f"or i1 {nobody}, {alone}")
    unused = code.value(f"select i1 {nothing}, {number} 0.0, {number} {share}")
    others, weights = code.broadcast(unused), code.broadcast("%weight")
    with code.loop(0, "%lanes", width) as lane:
        code.store(code.select(is_missing(code, lane), others, weights), target, lane)
    with unless(code, nobody):
        code.lines.append(f"store {number} {share}, ptr {target}, align {code.align}")


def is_missing(code: Code, lane: str) -> Vector:
    """Which lanes of a vector have no sample."""
    samples = entry(code, "%samples", lane, code.type("w"))
    return code.emit(f"icmp slt {code.type('w')} {samples}, {'zeroinitializer' if code.width > 1 else 0}", "m")
