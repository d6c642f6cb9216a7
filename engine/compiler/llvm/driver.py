"""The driver: steps -> batches -> parts -> blocks -> kernels -> update, in one native call.

It knows no program: what to call and where the numbers are it reads from a frame, an array of 64-bit fields. So one
driver per size of numbers serves all programs, and it is compiled once per machine.

The samples of a step are one job, in one part or in several for as many threads (see sharing.py). Each part has
gradients and a loss of its own. Adding them, in the order of the parts, and updating the leaves is a second job, each
part of which takes some leaves. Each thread, called a seat, has room of its own for a block's results.
"""

from __future__ import annotations

import functools

from .ir import Code
from .jit import Library
from .kernels import BUFFERS
from .packing import text as packing
from .sharing import share_text

FRAME = (
    *BUFFERS,  # addresses; X and S of the first block, G of the first part
    "inputs",  # numbers of a sample, the weight not counted
    "outputs",  # numbers of a sample that are stored
    "lanes",  # in a block
    "block",  # how many numbers a packed block takes
    "rows",  # where in it is noted where the samples' rows are
    "row_source",  # in which array; -1 if nobody reads rows
    "sources",  # how many arrays the inputs come from
    "source_table",  # their addresses and columns: [address, columns] each
    "prologue", "prologue_count",  # calls: [kernel, offsets] each
    "body", "body_count",
    "epilogue", "epilogue_count",
    "output_table",  # per output: [address of its buffer, IN_X or IN_S; offset; 1 per lane or 0 uniform]
    "results",  # where per-sample outputs go, row by row; or 0
    "scratch",  # how many numbers S has: those of the next seat follow
    "gradients",  # how many numbers G has, the last one for the loss: those of the next part follow
    "cleared",  # how many of these are set to zero at the start of a step: all, or none if the kernels see to it
    "steps", "batch",  # batch: samples in a step
    "parts", "span",  # into how many parts the samples of a step are cut, and how many samples a part has
    "time",  # that a part takes, as sharing.py counts it
    "weight",  # of a sample in the mean; the driver writes it at every step
    "repeated",  # 1: the steps share one batch, whose blocks stay packed side by side in X; 0: one block for each seat
    "order",  # sample numbers, `batch` for each step, -1 for none; or 0: samples 0 to batch - 1, in every step
    "losses",  # one per step
    "update",  # the optimiser's function; or 0
    "whole",  # 1: the update of a leaf may depend on all gradients
    "state",  # what the optimiser is given: see optimisers.py
)  # fmt: skip
POSITION = {name: k for k, name in enumerate(FRAME)}
IN_X, IN_S = 0, 1

LINE = 16
"""Numbers that two threads had better not share: 128 bytes of them, or half as many."""

MANY = 1024
"""Gradients that helpers help to add; fewer are added sooner by one."""


_NUMBERS = ["inputs", "outputs", "lanes", "block", "rows", "row_source", "sources", "scratch", "gradients", "cleared"]
_NUMBERS += ["steps", "batch", "parts", "span", "time", "repeated", "whole"]
_NUMBERS += [f"{part}_count" for part in ("prologue", "body", "epilogue")]


@functools.cache
def driver(bits: int, width: int) -> Library:
    """The compiled driver, with ``double drive(frame)``, and ``double drive_with(frame, lines)`` for helpers."""
    return Library(text(bits, width))


def text(bits: int, width: int) -> str:
    """LLVM IR of the driver."""
    jobs = _calls() + _samples(bits, width) + _leaves(bits, width)
    return packing(bits, width) + jobs + share_text() + _steps(bits, width) + _ENTRIES


def _field(code: Code, name: str, kind: str = "i64") -> str:
    return code.value(f"load {kind}, ptr {code.pointer('%frame', str(POSITION[name]), 'i64')}")


def _entry(code: Code, table: str, index: str, kind: str = "i64") -> str:
    return code.value(f"load {kind}, ptr {code.pointer(table, index, 'i64')}")


def _calls() -> str:
    """``calls``: run a list of kernels on one block."""
    pointers = ", ".join(f"ptr %{buffer}" for buffer in BUFFERS)
    code = Code("calls", 64, 1, ["ptr %list", "i64 %count", *pointers.split(", "), "i64 %lanes", "i1 %first"])
    code.linkage = "internal "
    with code.loop(0, "%count") as c:
        at = code.index((c, 2))
        kernel = _entry(code, "%list", at, "ptr")
        offsets = _entry(code, "%list", code.index(at, 1), "ptr")
        code.lines.append(f"call void {kernel}({pointers}, i64 %lanes, i1 %first, ptr {offsets})")
    code.ret()
    return code.text()


_ENTRIES = """
define double @drive(ptr %frame) nounwind {
  %loss = call double @steps(ptr %frame, ptr null)
  ret double %loss
}

define double @drive_with(ptr %frame, ptr %lines) nounwind {
  %loss = call double @steps(ptr %frame, ptr %lines)
  ret double %loss
}
"""


def _fields(code: Code) -> tuple[dict[str, str], dict[str, str]]:
    """The numbers and the addresses of the frame."""
    f = {name: _field(code, name) for name in _NUMBERS}
    return f, {name: _field(code, name, "ptr") for name in FRAME if name not in (*f, "weight")}


def _samples(bits: int, width: int) -> str:
    """``samples``: the gradients and the loss of one part of a step, a job for `share`."""
    code = Code("samples", bits, width, ["ptr %frame", "i64 %step", "i64 %part", "i64 %seat"])
    code.linkage = "internal "
    f, a = _fields(code)
    scalar = code.scalar
    weight = _field(code, "weight", scalar)
    a["S"] = code.pointer(a["S"], code.value(f"mul i64 %seat, {f['scratch']}"))
    a["G"] = code.pointer(a["G"], code.value(f"mul i64 %part, {f['gradients']}"))
    with code.loop(0, f["cleared"]) as g:
        code.lines.append(f"store {scalar} 0.0, ptr {code.pointer(a['G'], g)}, align {code.align}")
    loss = code.variable(code.lift(0.0))
    start = code.value(f"mul i64 %part, {f['span']}")
    left = code.value(f"sub i64 {f['batch']}, {start}")
    all_of_it = code.value(f"icmp sgt i64 {left}, {f['span']}")
    count = code.value(f"select i1 {all_of_it}, i64 {f['span']}, i64 {left}")
    blocks, most = (_blocks(code, number, f["lanes"]) for number in (count, f["span"]))
    # Where the blocks of this part, or the one of this seat, are packed.
    kept = code.value(f"icmp ne i64 {f['repeated']}, 0")
    place = code.value(f"mul i64 %part, {most}")
    place = code.value(f"select i1 {kept}, i64 {place}, i64 %seat")
    room = code.pointer(a["X"], code.value(f"mul i64 {place}, {f['block']}"))
    block_size = code.value(f"mul i64 {f['block']}, {f['repeated']}")
    later = code.value("icmp sgt i64 %step, 0")
    packed = code.value(f"and i1 {later}, {kept}")
    needed = code.value(f"xor i1 {packed}, true")
    rows = code.value(f"alloca i64, i64 {f['lanes']}, align 64")
    ordered = code.value(f"icmp ne ptr {a['order']}, null")
    mine = code.pointer(a["order"], code.value(f"mul i64 %step, {f['batch']}"), "i64")
    with code.loop(0, blocks) as block:
        done = code.value(f"mul i64 {block}, {f['lanes']}")
        first = code.value(f"add i64 {start}, {done}")
        left = code.value(f"sub i64 {count}, {done}")
        short = code.value(f"icmp slt i64 {left}, {f['lanes']}")
        samples = code.value(f"select i1 {short}, i64 {left}, i64 {f['lanes']}")
        padded = code.value(f"add i64 {samples}, {width - 1}")
        lanes = code.value(f"and i64 {padded}, {-width}")
        x = code.pointer(room, code.value(f"mul i64 {block}, {block_size}"))
        with code.when(needed):
            with code.loop(0, lanes) as lane:
                here = code.index(first, lane)
                inside = code.value(f"icmp slt i64 {lane}, {samples}")
                code.lines.append(f"store i64 -1, ptr {code.pointer(rows, lane, 'i64')}")
                with code.when(inside):
                    code.lines.append(f"store i64 {here}, ptr {code.pointer(rows, lane, 'i64')}")
                    with code.when(ordered):
                        number = _entry(code, mine, here)
                        code.lines.append(f"store i64 {number}, ptr {code.pointer(rows, lane, 'i64')}")
            code.lines.append(
                f"call void @pack(i64 {f['sources']}, ptr {a['source_table']}, ptr {x}, i64 {f['lanes']}, "
                f"ptr {rows}, i64 {lanes}, {scalar} {weight}, ptr {code.pointer(x, f['rows'])}, i64 {f['row_source']})"
            )
        _run(code, "body", f, a, f"ptr {x}, ptr {a['S']}", lanes, code.value(f"icmp eq i64 {block}, 0"))
        _add_loss(code, a, f, loss, x, lanes)
        wanted = code.value(f"icmp ne ptr {a['results']}, null")
        with code.when(wanted):
            _store_outputs(code, a, f, x, first, samples)
    total = code.horizontal_sum(code.read(loss))
    last = code.value(f"sub i64 {f['gradients']}, 1")
    code.lines.append(f"store {scalar} {total}, ptr {code.pointer(a['G'], last)}, align {code.align}")
    code.ret()
    return code.text()


def _blocks(code: Code, samples: str, lanes: str) -> str:
    up = code.value(f"add i64 {samples}, {lanes}")
    return code.value(f"sdiv i64 {code.value(f'sub i64 {up}, 1')}, {lanes}")


def _run(code: Code, part: str, f: dict[str, str], a: dict[str, str], block: str, lanes: str, first: str) -> None:
    """Run the kernels of one part of the program."""
    shared = f"ptr {a['P']}, ptr {a['C']}, ptr {a['U']}, ptr {a['G']}"
    code.lines.append(
        f"call void @calls(ptr {a[part]}, i64 {f[f'{part}_count']}, {shared}, {block}, i64 {lanes}, i1 {first})"
    )


def _leaves(bits: int, width: int) -> str:
    """``leaves``: the sums of gradients over the parts of a step, and the update, of some leaves: a job for `share`."""
    code = Code("leaves", bits, width, ["ptr %frame", "i64 %step", "i64 %part", "i64 %seat"])
    code.linkage = "internal "
    f, a = _fields(code)
    lines = code.value(f"sdiv i64 {f['gradients']}, {LINE}")
    share = code.value(f"sdiv i64 {lines}, {f['parts']}")  # the last part takes what is left over as well
    each = code.value(f"mul i64 {share}, {LINE}")
    start = code.value(f"mul i64 %part, {each}")
    next_part = code.value("add i64 %part, 1")
    last = code.value(f"icmp eq i64 {next_part}, {f['parts']}")
    stop = code.value(f"select i1 {last}, i64 {f['gradients']}, i64 {code.value(f'mul i64 {next_part}, {each}')}")
    with code.loop(1, f["parts"]) as part:
        others = code.pointer(a["G"], code.value(f"mul i64 {part}, {f['gradients']}"))
        with code.loop(start, stop, width) as g:
            code.store(code.load(a["G"], g) + code.load(others, g), a["G"], g)
    with code.when(_updating(code, f, a, whole=0)):
        _update(code, a, "%step", start, stop)
    code.ret()
    return code.text()


def _updating(code: Code, f: dict[str, str], a: dict[str, str], whole: int) -> str:
    """Whether there is an update, and it is one of this sort."""
    some = code.value(f"icmp ne ptr {a['update']}, null")
    sort = code.value(f"icmp eq i64 {f['whole']}, {whole}")
    return code.value(f"and i1 {some}, {sort}")


def _update(code: Code, a: dict[str, str], step: str, start: str, stop: str) -> None:
    what = f"ptr {a['P']}, ptr {a['G']}, ptr {a['state']}, i64 {step}, i64 {start}, i64 {stop}"
    code.lines.append(f"call void {a['update']}({what})")


def _steps(bits: int, width: int) -> str:
    """``steps``: all steps of a call; the loss of the last one, as a caller of one step can read it at once."""
    code = Code("steps", bits, width, ["ptr %frame", "ptr %lines"], "double")
    code.linkage = "internal "
    code.slots.append("%loss = alloca double")
    f, a = _fields(code)
    scalar = code.scalar
    nowhere = f"ptr {a['X']}, ptr {a['S']}"  # kernels that are no sample's do not read these
    ordered = code.value(f"icmp ne ptr {a['order']}, null")
    many = code.value(f"icmp sgt i64 {f['gradients']}, {MANY}")
    helped = code.value(f"select i1 {many}, ptr %lines, ptr null")
    with code.loop(0, f["steps"]) as step:
        _run(code, "prologue", f, a, nowhere, "1", "true")
        mine = code.pointer(a["order"], code.value(f"mul i64 {step}, {f['batch']}"), "i64")
        real = _count(code, ordered, mine, f["batch"])
        weight = code.value(f"fdiv {scalar} 1.0, {code.value(f'sitofp i64 {real} to {scalar}')}")
        code.lines.append(f"store {scalar} {weight}, ptr {code.pointer('%frame', str(POSITION['weight']), 'i64')}")
        how = f"i64 {f['parts']}, i64 {f['time']}"
        code.lines.append(f"call void @share(ptr %frame, i64 {step}, ptr @samples, {how}, ptr %lines)")
        total = _loss(code, f, a)
        code.lines.append(f"store {scalar} {total}, ptr {code.pointer(a['losses'], step)}, align {code.align}")
        code.lines.append(f"store double {_as_double(code, total)}, ptr %loss")
        with code.when(code.value(f"icmp ne ptr {a['update']}, null")):
            lost = code.value(f"fsub {scalar} {total}, {total}")  # 0 unless the loss is nan or infinite
            lost = code.value(f"fcmp une {scalar} {lost}, 0.0")
            code.lines += [f"br i1 {lost}, label %end, label %sound", "sound:"]
        code.lines.append(f"call void @share(ptr %frame, i64 {step}, ptr @leaves, {how}, ptr {helped})")
        _run(code, "epilogue", f, a, nowhere, "1", "true")
        with code.when(_updating(code, f, a, whole=1)):
            _update(code, a, step, "0", f["gradients"])
    code.label("end")
    code.lines.append(f"ret double {code.value('load double, ptr %loss')}")
    return code.text()


def _as_double(code: Code, number: str) -> str:
    return number if code.bits == 64 else code.value(f"fpext float {number} to double")


def _loss(code: Code, f: dict[str, str], a: dict[str, str]) -> str:
    """The sum of the parts' losses."""
    total = code.variable(code.lift(0.0))
    with code.loop(0, f["parts"]) as part:
        place = code.index(code.value(f"mul i64 {code.index(part, 1)}, {f['gradients']}"), -1)
        code.write(total, code.read(total) + code.load_broadcast(a["G"], place))
    if code.width == 1:
        return code.read(total).name
    return code.value(f"extractelement {code.type()} {code.read(total).name}, i32 0")


def _count(code: Code, ordered: str, mine: str, batch: str) -> str:
    """How many samples a step has: the entries of its order that are not -1."""
    code._count += 1
    name = f"%real{code._count}"
    code.slots.append(f"{name} = alloca i64")
    code.lines.append(f"store i64 {batch}, ptr {name}")
    with code.when(ordered), code.loop(0, batch) as k:
        number = _entry(code, mine, k)
        sign = code.value(f"ashr i64 {number}, 63")
        old = code.value(f"load i64, ptr {name}")
        code.lines.append(f"store i64 {code.value(f'add i64 {old}, {sign}')}, ptr {name}")
    return code.value(f"load i64, ptr {name}")


def _address(code: Code, a: dict[str, str], output: str, x: str) -> tuple[str, str]:
    """Where an output is in the current block, and its stride from lane to lane. X and S are not the same for all."""
    at = code.index((output, 3))
    base = _entry(code, a["output_table"], at, "ptr")
    for mark, own in ((IN_X, x), (IN_S, a["S"])):
        there = code.value(f"icmp eq ptr {base}, inttoptr (i64 {mark} to ptr)")
        base = code.value(f"select i1 {there}, ptr {own}, ptr {base}")
    place = code.pointer(base, _entry(code, a["output_table"], code.index(at, 1)))
    return place, _entry(code, a["output_table"], code.index(at, 2))


def _add_loss(code: Code, a: dict[str, str], f: dict[str, str], loss: str, x: str, lanes: str) -> None:
    """Loss += weight * outputs[0], lane by lane; a lane without a sample is left out, whatever it holds."""
    place, stride = _address(code, a, "0", x)
    weights = code.pointer(x, code.value(f"mul i64 {f['inputs']}, {f['lanes']}"))
    same = code.value(f"icmp eq i64 {stride}, 0")
    with code.loop(0, lanes, code.width) as lane:
        weight = code.load(weights, lane)
        holder = code.variable(code.lift(0.0))
        code.lines.append(f"br i1 {same}, label %uniform, label %varied")
        code.lines.append("uniform:")
        code.write(holder, code.load_broadcast(place, "0"))
        code.lines += ["br label %loaded", "varied:"]
        code.write(holder, code.load(place, lane))
        code.label("loaded")
        term = code.select(weight.equals(0.0), 0.0, weight * code.read(holder))
        code.write(loss, code.read(loss) + term)


def _store_outputs(code: Code, a: dict[str, str], f: dict[str, str], x: str, first: str, samples: str) -> None:
    """Copy the outputs of the block's samples to the results, one row per sample."""
    row = code.pointer(a["results"], code.value(f"mul i64 {first}, {f['outputs']}"))
    with code.loop(0, f["outputs"]) as output:
        place, stride = _address(code, a, output, x)
        with code.loop(0, samples) as lane:
            value = code.load_scalar(place, code.value(f"mul i64 {lane}, {stride}"))
            spot = code.index(code.value(f"mul i64 {lane}, {f['outputs']}"), output)
            code.lines.append(f"store {code.scalar} {value}, ptr {code.pointer(row, spot)}, align {code.align}")
