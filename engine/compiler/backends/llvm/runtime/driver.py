"""The driver: steps -> batches -> parts -> blocks -> kernels -> update, in one native call.

It knows no program: it reads what to call, and where the numbers are, from a frame, an array of 64-bit fields. So one
driver for each size of numbers serves all programs, and is compiled once per machine. A second one, for threads, is
compiled only if threads are asked for.

With threads, the samples of a step are a job in as many parts (see fork_join.py). Each part has gradients and a loss of
its own. Adding them, in the order of the parts, and updating the leaves is a second job, each part of which takes some
leaves. Each thread, called a seat, has its own room for a block's results.
"""

from __future__ import annotations

import functools
import math

from ..ir.builder import Code
from ..ir.control import Cell, leave
from ..ir.vector import literal
from ..ir.words import entry, field_place
from ..jit.machine_code import Library
from .fork_join import share_text
from .frame import FRAME, Fields
from .packing import text as packing
from .samples import calls, is_finite, run, samples
from .underflow import DECLARED, rounded_to_zero
from .update import STATE

GRAIN = 16
"""Threads share the gradients out in units of this many numbers: no two should write to the same 128 bytes of doubles,
or 64 of floats."""

MANY = 1024
"""From this many gradients on, workers help to add them; one thread adds fewer sooner."""


@functools.cache
def driver(bits: int, width: int, shared: bool = False) -> Library:
    """The compiled driver: ``double drive(frame)``, of steps in one part, or ``double drive_shared(frame, lines)``."""
    name = f"{'shared driver' if shared else 'driver'} {bits} {width}"
    return Library.of_engine(name, functools.partial(text, bits, width, shared))


def text(bits: int, width: int, shared: bool) -> str:
    """LLVM IR of the driver.

    Args:
        bits: of a number.
        width: numbers in a vector.
        shared: whether steps are in several parts, which workers help to make.
    """
    jobs = packing(bits, width) + calls() + samples(bits, width) + DECLARED + _MEMSET
    jobs += _leaves(bits, width) + share_text() if shared else ""
    return jobs + _drive(bits, width, shared)


_MEMSET = """
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1 immarg)
"""


def _leaves(bits: int, width: int) -> str:
    """``leaves``: the sums of gradients over the parts of a step, and the update, of some leaves: a job for `share`."""
    code = Code("leaves", bits, width, ["ptr %frame", "i64 %step", "i64 %part", "i64 %seat"])
    f = Fields(code)
    grains = code.value(f"sdiv i64 {f['gradients']}, {GRAIN}")
    share = code.value(f"sdiv i64 {grains}, {f['parts']}")  # the last part takes what is left over as well
    each = code.value(f"mul i64 {share}, {GRAIN}")
    start = code.value(f"mul i64 %part, {each}")
    next_part = code.value("add i64 %part, 1")
    last = code.value(f"icmp eq i64 {next_part}, {f['parts']}")
    stop = code.value(f"select i1 {last}, i64 {f['gradients']}, i64 {code.value(f'mul i64 {next_part}, {each}')}")
    with code.loop(1, f["parts"]) as part:
        mine = f["G"]
        others = code.pointer(mine, code.value(f"mul i64 {part}, {f['gradients']}"))
        with code.loop(start, stop, width) as g:
            code.store(code.load(mine, g) + code.load(others, g), mine, g)
    with code.when(_updating(code, f, whole=0)):
        _update(code, f, f["G"], "%step", start, stop, "false")
    code.ret()
    return code.text()


def _updating(code: Code, f: Fields, whole: int) -> str:
    """Whether there is an update, and its field `whole` is this."""
    some = code.value(f"icmp ne ptr {f['update']}, null")
    sort = code.value(f"icmp eq i64 {f['whole']}, {whole}")
    return code.value(f"and i1 {some}, {sort}")


def _update(code: Code, f: Fields, gradients: str, step: str, start: str, stop: str, only: str) -> None:
    what = f"ptr {f['P']}, ptr {gradients}, ptr {f['state']}, i64 {step}, i64 {start}, i64 {stop}, i1 {only}"
    with rounded_to_zero(code, code.value(f"icmp ne i64 {f['rounded']}, 0")):
        code.lines.append(f"call void {f['update']}({what})")


def _last_gradients(code: Code, f: Fields) -> str:
    """Where the address of the last step's gradients is."""
    return field_place(code, f["state"], STATE, "gradient")


def _note_whether_loss_comes_first(code: Code, f: Fields) -> None:
    """Note if the loss is known before any gradient is written: one block holds all samples, and an update follows."""
    conditions = [f"icmp eq i64 {f['parts']}, 1", f"icmp sle i64 {f['batch']}, {f['lanes']}"]
    conditions += [f"icmp ne ptr {f['update']}, null"]
    conditions += [f"icmp sgt i64 {f['sums_count']}, 0"]  # else kernels of other stages write gradients too
    both = functools.reduce(lambda a, b: code.value(f"and i1 {a}, {b}"), map(code.value, conditions))
    known = code.value(f"zext i1 {both} to i64")
    code.lines.append(f"store i64 {known}, ptr {field_place(code, '%frame', FRAME, 'loss_first')}")


def _spare_gradients(code: Code, f: Fields) -> None:
    """Let a step that writes gradients before its loss is known leave those of the last step alone."""
    with code.when(code.value(f"icmp eq i64 {f['loss_first']}, 0")):
        here, spare = f["G"], f["spare"]
        last = code.value(f"load ptr, ptr {_last_gradients(code, f)}")
        with code.when(code.value(f"icmp eq ptr {here}, {last}")):
            for name, new in (("G", spare), ("spare", here)):
                code.lines.append(f"store ptr {new}, ptr {field_place(code, '%frame', FRAME, name)}")


def _counted(code: Code, f: Fields, step: str, only: str) -> None:
    """Count a step; one whose update is not finite is undone instead, and ends the call with a loss of nan.

    The steps before it are undone with it, unless the numbers before each step were kept.
    """
    names = ("made", "refused", "keeping")
    made, refused, keeping = (field_place(code, f["state"], STATE, name) for name in names)
    with code.when(code.value(f"icmp ne i64 {code.value(f'load i64, ptr {refused}')}, 0")):
        _update(code, f, "null", step, "0", f["gradients"], only)
        kept = code.value(f"icmp ne i64 {code.value(f'load i64, ptr {keeping}')}, 0")
        undone = code.value(f"select i1 {kept}, i64 0, i64 {step}")
        left = code.value(f"sub i64 {code.value(f'load i64, ptr {made}')}, {undone}")
        code.lines += [f"store i64 {left}, ptr {made}", f"store i64 {undone}, ptr {refused}"]
        code.lines += [f"store double {literal(math.nan, 64)}, ptr %loss", "br label %end"]
    count = code.value(f"add i64 {code.value(f'load i64, ptr {made}')}, 1")
    code.lines.append(f"store i64 {count}, ptr {made}")


def _drive(bits: int, width: int, shared: bool) -> str:
    """All steps of a call; returns the loss of the last one, for callers of a single step."""
    name, arguments = ("drive_shared", ["ptr %frame", "ptr %lines"]) if shared else ("drive", ["ptr %frame"])
    code = Code(name, bits, width, arguments, "double")
    code.slots.append("%loss = alloca double")
    f = Fields(code)
    scalar = code.scalar
    nowhere = f"ptr {f['X']}, ptr {f['S']}"  # not read by kernels outside the body
    ordered = code.value(f"icmp ne ptr {f['order']}, null")
    _note_whether_loss_comes_first(code, f)
    only = "false" if shared else code.value(f"icmp eq i64 {f['steps']}, 1")
    with code.loop(0, f["steps"]) as step:
        with code.when(code.value(f"icmp ne ptr {f['update']}, null")):
            _spare_gradients(code, f)
        run(code, "prologue", f, nowhere, "1", "true")
        mine = code.pointer(f["order"], code.value(f"mul i64 {step}, {f['batch']}"), "i64")
        real = _count(code, ordered, mine, f["batch"])
        weight = code.value(f"fdiv {scalar} 1.0, {code.value(f'sitofp i64 {real} to {scalar}')}")
        code.lines.append(f"store {scalar} {weight}, ptr {field_place(code, '%frame', FRAME, 'weight')}")
        if shared:
            _share(code, f, step, "samples", "%lines")
        else:
            code.lines.append(f"call void @samples(ptr %frame, i64 {step}, i64 0, i64 0)")
        total = _loss(code, f, shared)
        code.lines.append(f"store {scalar} {total}, ptr {code.pointer(f['losses'], step)}, align {code.align}")
        code.lines.append(f"store double {code.as_double(total)}, ptr %loss")
        with code.when(code.value(f"icmp ne ptr {f['update']}, null")):
            leave(code, code.value(f"xor i1 {is_finite(code, total)}, true"), "end")
        if shared:
            many = code.value(f"icmp sgt i64 {f['gradients']}, {MANY}")
            _share(code, f, step, "leaves", code.value(f"select i1 {many}, ptr %lines, ptr null"))
        else:
            with code.when(_updating(code, f, whole=0)):
                _update(code, f, f["G"], step, "0", f["gradients"], only)
        run(code, "epilogue", f, nowhere, "1", "true")
        with code.when(_updating(code, f, whole=1)):
            _update(code, f, f["G"], step, "0", f["gradients"], only)
        with code.when(code.value(f"icmp ne ptr {f['update']}, null")):
            code.lines.append(f"store ptr {f['G']}, ptr {_last_gradients(code, f)}")
            _counted(code, f, step, only)
    code.label("end")
    code.lines.append(f"ret double {code.value('load double, ptr %loss')}")
    return code.text()


def _share(code: Code, f: Fields, step: str, job: str, lines: str) -> None:
    """Make a job with the workers of these lines."""
    parts = f"i64 {f['parts']}, i64 {f['time']}"
    code.lines.append(f"call void @share(ptr %frame, i64 {step}, ptr @{job}, {parts}, ptr {lines})")


def _loss(code: Code, f: Fields, shared: bool) -> str:
    """The loss of the step: the sum of the parts' losses, each after the gradients of its part."""
    last = code.index(f["gradients"], -1)
    if not shared:  # never -0.0, as of several parts
        return code.value(f"fadd {code.scalar} {code.load_scalar(f['G'], last)}, 0.0")
    total = code.variable(code.lift(0.0))
    with code.loop(0, f["parts"]) as part:
        here = code.index(code.value(f"mul i64 {part}, {f['gradients']}"), last)
        code.write(total, code.read(total) + code.load_broadcast(f["G"], here))
    return code.value(f"extractelement {code.type()} {code.read(total).name}, i32 0")


def _count(code: Code, ordered: str, mine: str, batch: str) -> str:
    """How many samples a step has: the entries of its order that are not -1."""
    real = Cell(code, batch)
    with code.when(ordered), code.loop(0, batch) as k:
        number = entry(code, mine, k)
        sign = code.value(f"ashr i64 {number}, 63")
        real.write(code.value(f"add i64 {real.read()}, {sign}"))
    return real.read()
