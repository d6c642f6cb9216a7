"""The samples of one part of a step, block by block: packing, kernels, loss and outputs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

from ....samples.memory import CACHE_LINE
from ..ir.builder import Code
from ..ir.control import Cell, unless
from ..ir.shuffles import horizontal_sum
from ..ir.vector import Vector
from ..ir.words import entry, field
from ..kernels.kernel import BUFFERS
from .frame import FRAME, IN_S, IN_X, Fields
from .underflow import rounded_to_zero


def calls() -> str:
    """``calls``: run a list of kernels on one block."""
    pointers = ", ".join(f"ptr %{buffer}" for buffer in BUFFERS)
    code = Code("calls", 64, 1, ["ptr %list", "i64 %count", *pointers.split(", "), "i64 %lanes", "i1 %first"])
    with code.loop(0, "%count") as c:
        at = code.index((c, 2))
        kernel = entry(code, "%list", at, "ptr")
        offsets = entry(code, "%list", code.index(at, 1), "ptr")
        code.lines.append(f"call void {kernel}({pointers}, i64 %lanes, i1 %first, ptr {offsets})")
    code.ret()
    return code.text()


def samples(bits: int, width: int) -> str:
    """``samples``: the gradients and the loss of one part of a step, a job for `share`."""
    code = Code("samples", bits, width, ["ptr %frame", "i64 %step", "i64 %part", "i64 %seat"])
    f = Fields(code)
    updating, rounded = code.value(f"icmp ne ptr {f['update']}, null"), code.value(f"icmp ne i64 {f['rounded']}, 0")
    with rounded_to_zero(code, code.value(f"and i1 {updating}, {rounded}")) if bits == 32 else nullcontext():
        _all_blocks(code, f)
    code.ret()
    return code.text()


def _all_blocks(code: Code, f: Fields) -> None:
    """Work through the blocks of the part, one after the other, and store its loss."""
    f["weight"] = field(code, "%frame", FRAME, "weight", code.scalar)
    f["S"] = code.pointer(f["S"], code.value(f"mul i64 %seat, {f['scratch']}"))
    f["G"] = code.pointer(f["G"], code.value(f"mul i64 %part, {f['gradients']}"))
    loss_first = code.value(f"icmp ne i64 {f['loss_first']}, 0")
    with unless(code, loss_first):
        _clear(code, f)
    loss = code.variable(code.lift(0.0))
    start = code.value(f"mul i64 %part, {f['span']}")
    count = code.least(code.value(f"sub i64 {f['batch']}, {start}"), f["span"])
    room, apart, packing = _room_of_blocks(code, f)
    numbers, used = code.value(f"alloca i64, i64 {f['lanes']}, align {CACHE_LINE}"), Cell(code, 0)
    with code.loop(0, _blocks(code, count, f["lanes"])) as block:
        done = code.value(f"mul i64 {block}, {f['lanes']}")
        first = code.value(f"add i64 {start}, {done}")
        samples = code.least(code.value(f"sub i64 {count}, {done}"), f["lanes"])
        used.write(samples)
        x = code.pointer(room, code.value(f"mul i64 {block}, {apart}"))
        with code.when(packing):
            _list_samples(code, f, numbers, used, first, samples)
            _pack(code, f, numbers, _whole_vectors(code, used.read()), first, x)
        lanes = _whole_vectors(code, used.read())
        begins = code.value(f"icmp eq i64 {block}, 0")  # the gradients anew, and so runs even without a sample
        real = code.value(f"icmp sgt i64 {lanes}, 0")
        with code.when(code.value(f"or i1 {begins}, {real}")):
            _run_kernels(code, f, x, lanes, begins, loss, loss_first)
        with code.when(code.value(f"icmp ne ptr {f['results']}, null")):
            summed = code.value(f"icmp ne i64 {f['summed']}, 0")
            with code.when(summed):
                _add_outputs(code, f, x, lanes, begins)
            with unless(code, summed):
                _store_outputs(code, f, x, first, samples)
    total = horizontal_sum(code, code.read(loss))
    last = code.value(f"sub i64 {f['gradients']}, 1")
    code.lines.append(f"store {code.scalar} {total}, ptr {code.pointer(f['G'], last)}, align {code.align}")


def _room_of_blocks(code: Code, f: Fields) -> tuple[str, str, str]:
    """Where the first block of this part is packed, how far apart the blocks are, and whether to pack them.

    Blocks that every step repeats are kept side by side, for all parts, and packed by the first step; else each seat
    has room for one block.
    """
    kept = code.value(f"icmp ne i64 {f['repeated']}, 0")
    place = code.value(f"mul i64 %part, {_blocks(code, f['span'], f['lanes'])}")
    place = code.value(f"select i1 {kept}, i64 {place}, i64 %seat")
    room = code.pointer(f["X"], code.value(f"mul i64 {place}, {f['block']}"))
    apart = code.value(f"mul i64 {f['block']}, {f['repeated']}")
    calls = code.value(f"add i64 %step, {f['packed']}")
    later = code.value(f"icmp sgt i64 {calls}, 0")
    packed = code.value(f"and i1 {later}, {kept}")
    return room, apart, code.value(f"xor i1 {packed}, true")


def _pack(code: Code, f: Fields, numbers: str, lanes: str, first: str, x: str) -> None:
    """Pack the samples of those numbers into a block, and draw its masks."""
    shared = code.value(f"icmp ne i64 {f['shared']}, 0")
    code.lines.append(
        f"call void @pack(i64 {f['sources']}, ptr {f['source_table']}, ptr {x}, i64 {f['stride']}, "
        f"ptr {numbers}, i64 {lanes}, {code.scalar} {f['weight']}, i1 {shared}, "
        f"ptr {code.pointer(x, f['sample_table'])}, i64 {f['sample_source']})"
    )
    with code.when(code.value(f"icmp ne ptr {f['draw']}, null")):
        step = code.index("%step", f["first_step"])
        code.lines.append(
            f"call void {f['draw']}(ptr {f['draws']}, i64 {f['draw_count']}, ptr {x}, i64 {f['stride']}, "
            f"i64 {step}, i64 {first}, ptr {numbers}, i64 {lanes})"
        )


def _run_kernels(code: Code, f: Fields, x: str, lanes: str, begins: str, loss: str, loss_first: str) -> None:
    """Run all kernels on one block; if the loss is known first, no gradient is written once it is not finite."""
    block = f"ptr {x}, ptr {f['S']}"
    run(code, "body", f, block, lanes, begins)
    _add_loss(code, f, loss, x, lanes)
    _run_guarded(code, f, block, lanes, begins)
    useful = is_finite(code, horizontal_sum(code, code.read(loss)))
    with code.when(code.value(f"or i1 {useful}, {code.value(f'xor i1 {loss_first}, true')}")):
        with code.when(loss_first):
            _clear(code, f)
        run(code, "sums", f, block, lanes, begins)


def is_finite(code: Code, number: str) -> str:
    """Whether a number is neither nan nor infinite."""
    difference = code.value(f"fsub {code.scalar} {number}, {number}")
    return code.value(f"fcmp oeq {code.scalar} {difference}, 0.0")


def _clear(code: Code, f: Fields) -> None:
    """Set the gradients to zero, unless the kernels start them afresh."""
    count = f["cleared"]
    with code.when(code.value(f"icmp sgt i64 {count}, 0")):
        size = code.value(f"mul i64 {count}, {code.align}")
        code.lines.append(f"call void @llvm.memset.p0.i64(ptr align {code.align} {f['G']}, i8 0, i64 {size}, i1 false)")


def _list_samples(code: Code, f: Fields, numbers: str, used: Cell, first: str, samples: str) -> None:
    """List the samples that the lanes of a block take, -1 for none: by the step's order, or consecutively.

    Lanes after the last sample are not used, like most of those in an epoch's last batch.
    """
    ordered = code.value(f"icmp ne ptr {f['order']}, null")
    with unless(code, ordered), code.loop(0, _whole_vectors(code, samples), code.width) as lane:
        kind, nobody = code.type("w"), code.constants("i64", [-1] * code.width)
        lanes = code.value(f"add {kind} {code.spread(lane, 'i64')}, {code.constants('i64', range(code.width))}")
        inside = code.value(f"icmp slt {kind} {lanes}, {code.spread(samples, 'i64')}")
        here = code.value(f"add {kind} {lanes}, {code.spread(first, 'i64')}")
        found = code.value(f"select {code.type('m')} {inside}, {kind} {here}, {kind} {nobody}")
        code.lines.append(f"store {kind} {found}, ptr {code.pointer(numbers, lane, 'i64')}, align 8")
    with code.when(ordered):
        mine = code.pointer(f["order"], code.value(f"mul i64 %step, {f['batch']}"), "i64")
        used.write(0)
        with code.loop(0, _whole_vectors(code, samples)) as lane:
            code.lines.append(f"store i64 -1, ptr {code.pointer(numbers, lane, 'i64')}")
            with code.when(code.value(f"icmp slt i64 {lane}, {samples}")):
                number = entry(code, mine, code.index(first, lane))
                code.lines.append(f"store i64 {number}, ptr {code.pointer(numbers, lane, 'i64')}")
                with code.when(code.value(f"icmp sge i64 {number}, 0")):
                    used.write(code.index(lane, 1))


def _whole_vectors(code: Code, lanes: str) -> str:
    """That many lanes, rounded up to whole vectors."""
    return code.value(f"and i64 {code.value(f'add i64 {lanes}, {code.width - 1}')}, {-code.width}")


def _blocks(code: Code, samples: str, lanes: str) -> str:
    up = code.value(f"add i64 {samples}, {lanes}")
    return code.value(f"sdiv i64 {code.value(f'sub i64 {up}, 1')}, {lanes}")


def run(code: Code, part: str, f: Fields, block: str, lanes: str, first: str) -> None:
    """Run the kernels of one part of the program."""
    shared = f"ptr {f['P']}, ptr {f['C']}, ptr {f['U']}, ptr {f['G']}"
    code.lines.append(
        f"call void @calls(ptr {f[part]}, i64 {f[f'{part}_count']}, {shared}, {block}, i64 {lanes}, i1 {first})"
    )


def _run_guarded(code: Code, f: Fields, block: str, lanes: str, first: str) -> None:
    """Run the kernels after a guard, unless it has found that they would only add zeros."""
    some = code.value(f"icmp sgt i64 {f['guarded_count']}, 0")
    with code.when(some):
        verdict = code.load_scalar(f["S"], f["verdict"])
        with code.when(code.value(f"fcmp oeq {code.scalar} {verdict}, 0.0")):
            run(code, "guarded", f, block, lanes, first)


def _address(code: Code, f: Fields, output: str, x: str) -> tuple[str, str]:
    """Where an output is in the current block, and its stride from lane to lane. X and S differ between threads."""
    at = code.index((output, 3))
    base = entry(code, f["output_table"], at, "ptr")
    for mark, own in ((IN_X, x), (IN_S, f["S"])):
        there = code.value(f"icmp eq ptr {base}, inttoptr (i64 {mark} to ptr)")
        base = code.value(f"select i1 {there}, ptr {own}, ptr {base}")
    place = code.pointer(base, entry(code, f["output_table"], code.index(at, 1)))
    return place, entry(code, f["output_table"], code.index(at, 2))


def _over_lanes(code: Code, f: Fields, output: str, x: str, lanes: str, add: Callable[[Vector, Vector], None]) -> None:
    """``add(weights, numbers)`` for an output, a vector at a time; a lane without a sample may have a weight of 0."""
    place, stride = _address(code, f, output, x)
    weights = code.pointer(x, code.value(f"mul i64 {f['inputs']}, {f['stride']}"))
    same = code.value(f"icmp eq i64 {stride}, 0")

    def add_all(load: Callable[[str], Vector]) -> None:
        with code.loop(0, lanes, code.width) as lane:
            add(code.load(weights, lane), load(lane))

    with code.when(same):
        add_all(lambda lane: code.load_broadcast(place, "0"))
    with unless(code, same):
        add_all(lambda lane: code.load(place, lane))


def _add_loss(code: Code, f: Fields, loss: str, x: str, lanes: str) -> None:
    """``loss += weight * outputs[0]``, lane by lane; a lane without a sample is left out, whatever it holds."""

    def add(weights: Vector, numbers: Vector) -> None:
        term = code.select(weights.equals(0.0), 0.0, weights * numbers)
        code.write(loss, code.read(loss) + term)

    _over_lanes(code, f, "0", x, lanes, add)


def _add_outputs(code: Code, f: Fields, x: str, lanes: str, begins: str) -> None:
    """Add the outputs of the block's samples to those of the part, in double precision, or start from 0."""
    row = code.pointer(f["results"], code.value(f"mul i64 %part, {f['outputs']}"), "double")
    with code.loop(0, f["outputs"]) as output:
        total = code.variable(code.lift(0.0))

        def add(weights: Vector, numbers: Vector, total: str = total) -> None:
            code.write(total, code.read(total) + code.select(weights.equals(0.0), 0.0, numbers))

        _over_lanes(code, f, output, x, lanes, add)
        spot = code.pointer(row, output, "double")
        before = code.value(f"select i1 {begins}, double 0.0, double {code.value(f'load double, ptr {spot}')}")
        here = code.as_double(horizontal_sum(code, code.read(total)))
        code.lines.append(f"store double {code.value(f'fadd double {before}, {here}')}, ptr {spot}")


def _store_outputs(code: Code, f: Fields, x: str, first: str, samples: str) -> None:
    """Copy the outputs of the block's samples to the results, one row per sample."""
    outputs = f["outputs"]
    row = code.pointer(f["results"], code.value(f"mul i64 {first}, {outputs}"))
    with code.loop(0, outputs) as output:
        place, stride = _address(code, f, output, x)
        with code.loop(0, samples) as lane:
            value = code.load_scalar(place, code.value(f"mul i64 {lane}, {stride}"))
            spot = code.index(code.value(f"mul i64 {lane}, {outputs}"), output)
            code.lines.append(f"store {code.scalar} {value}, ptr {code.pointer(row, spot)}, align {code.align}")
