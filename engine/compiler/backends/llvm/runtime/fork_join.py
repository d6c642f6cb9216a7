"""One job in several parts, made by the caller's thread and by workers: offers, claims and waits in native code.

Each worker has a line of memory of its own, which holds its state and what it is offered:

    idle -> offered      by the caller, at the start of a job
    offered -> claimed   by the worker, which then makes its part
    offered -> idle      by the caller, who has finished its own part meanwhile and makes this one too
    claimed -> done      by the worker
    done -> idle         by the caller, who has waited for it
    idle -> asleep       by the worker, when nothing has come for a while; only Python wakes it, see threads.py

So a caller never waits for a worker that has not begun, which may be asleep, or the machine busy. It does wait for one
that has begun. If that takes long, or a worker does not take its offers, the system has no processor for it: the worker
rests for many times as long, in which it is offered nothing, and naps instead of watching. Whoever makes a part, the
parts and the order in which they are combined are the same, and so are the results.
"""

from __future__ import annotations

from ..ir.builder import Code, module
from ..ir.control import Cell, leave, repeat, unless
from ..ir.words import Layout, field, field_place
from ..jit.cpu import family

IDLE, OFFERED, CLAIMED, DONE, ASLEEP = range(5)

WORKER: Layout = {
    "state": "i64",  # one of those above
    "job": "ptr", "frame": "ptr", "step": "i64",  # that is offered, and what it is called with
    "part": "i64",  # of a job, that is this worker's
    "engaged": "i64",  # 1: a caller has it in use
    "resting": "i64",  # for how many jobs it is to rest
    "missed": "i64",  # how long it has taken no offer
    "rest": "i64",  # how long its last rest for that reason was
    "give_way": "ptr",  # the system's function that lets other threads run
    "nap": "ptr", "moment": "i32",  # the one that sleeps, and for how long
}  # fmt: skip  # in groups
"""A worker's line."""

APART = 16
"""Words from one line to the next: no two workers write to one cache line, nor to a pair of them."""

SPINS = 2000
"""How often a caller looks whether a worker has finished, some 50 microseconds, before it now and then lets other
threads have the processor."""

RESTS = 20
"""For how many jobs a worker rests for each part's time that the caller has waited."""

MISSED = 8000
"""Looks after which a worker that takes no offer rests: some 200 microseconds."""

SHORT, LONGEST = 64_000, 4_000_000
"""Looks that such a rest takes at first; each further one in a row takes twice as many, up to the second number."""


class _Line:
    """A worker's line of memory, read and written by a function in the making, which takes it as ``%line``."""

    def __init__(self, code: Code) -> None:
        self._code = code

    def _place(self, name: str) -> str:
        return field_place(self._code, "%line", WORKER, name)

    def load(self, name: str) -> str:
        """A field that nobody else writes meanwhile."""
        return field(self._code, "%line", WORKER, name)

    def store(self, name: str, number: str | int) -> None:
        """Write a field that nobody else reads meanwhile."""
        self._code.lines.append(f"store {WORKER[name]} {number}, ptr {self._place(name)}")

    def look(self, name: str, order: str = "acquire") -> str:
        """A field that others write."""
        return self._code.value(f"load atomic i64, ptr {self._place(name)} {order}, align 8")

    def tell(self, name: str, number: str | int, order: str = "release") -> None:
        """Write a field that others read."""
        self._code.lines.append(f"store atomic i64 {number}, ptr {self._place(name)} {order}, align 8")

    def change(self, old: int, new: int, failure: str = "monotonic") -> tuple[str, str]:
        """Make the state `new` if it is `old`: what it was, and whether it has been changed."""
        code = self._code
        answer = code.value(f"cmpxchg ptr {self._place('state')}, i64 {old}, i64 {new} acq_rel {failure}")
        before, changed = (code.value(f"extractvalue {{ i64, i1 }} {answer}, {k}") for k in (0, 1))
        return before, changed


def _is(code: Code, number: str, other: int) -> str:
    return code.value(f"icmp eq i64 {number}, {other}")


def _share() -> Code:
    """Make all parts of a job.

    A job is void(frame, step, part, seat); part 0 and seat 0 are the caller's. `time` is how often one may look in the
    time that a part takes.
    """
    arguments = ["ptr %frame", "i64 %step", "ptr %job", "i64 %parts", "i64 %time", "ptr %lines"]
    code = Code("share", 64, 1, arguments)
    alone = code.value("icmp eq ptr %lines, null")

    def line(part: str) -> str:
        before = code.value(f"sub i64 {part}, 1")
        return code.value(f"getelementptr i64, ptr %lines, i64 {code.value(f'mul i64 {before}, {APART}')}")

    with unless(code, alone), code.loop(1, "%parts") as k:
        code.lines.append(f"call void @offer(ptr {line(k)}, ptr %frame, i64 %step, ptr %job)")
    code.lines.append("call void %job(ptr %frame, i64 %step, i64 0, i64 0)")
    with code.loop(1, "%parts") as j:
        begun = Cell(code, "false", "i1")
        with unless(code, alone):
            begun.write(code.value(f"call i1 @begun(ptr {line(j)}, i64 %time)"))
        with code.when(begun.read()):
            code.lines.append(f"call void @wait(ptr {line(j)}, i64 %time)")
        with unless(code, begun.read()):
            code.lines.append(f"call void %job(ptr %frame, i64 %step, i64 {j}, i64 0)")
    code.ret()
    return code


def _offer() -> Code:
    """Offer a part, unless the worker rests."""
    code = Code("offer", 64, 1, ["ptr %line", "ptr %frame", "i64 %step", "ptr %job"], internal=True)
    line = _Line(code)
    resting = line.load("resting")
    rests = code.value(f"icmp sgt i64 {resting}, 0")
    with code.when(rests):
        line.tell("resting", code.value(f"sub i64 {resting}, 1"), "monotonic")
    with unless(code, rests):
        line.store("job", "%job")
        line.store("frame", "%frame")
        line.store("step", "%step")
        line.change(IDLE, OFFERED)
    code.ret()
    return code


def _begun() -> Code:
    """Whether the worker has taken the offer; if not, it is withdrawn, and the worker rests if that is nothing new."""
    code = Code("begun", 64, 1, ["ptr %line", "i64 %time"], "i1", internal=True)
    line = _Line(code)
    state, _ = line.change(OFFERED, IDLE, failure="acquire")
    begun = code.value(f"or i1 {_is(code, state, CLAIMED)}, {_is(code, state, DONE)}")
    with code.when(_is(code, state, OFFERED)):
        missed = code.value(f"add i64 {line.load('missed')}, %time")
        line.store("missed", missed)
        with code.when(code.value(f"icmp sgt i64 {missed}, {MISSED}")):
            line.store("missed", 0)
            last = line.load("rest")
            twice = code.value(f"shl i64 {last}, 1")
            wanted = code.value(f"select i1 {_is(code, last, 0)}, i64 {SHORT}, i64 {twice}")
            too_long = code.value(f"icmp sgt i64 {wanted}, {LONGEST}")
            rest = code.value(f"select i1 {too_long}, i64 {LONGEST}, i64 {wanted}")
            line.store("rest", rest)
            line.tell("resting", code.value(f"udiv i64 {rest}, %time"), "monotonic")
    code.lines.append(f"ret i1 {begun}")
    return code


def _wait() -> Code:
    """Wait until the worker has made its part; it rests if that took long."""
    code = Code("wait", 64, 1, ["ptr %line", "i64 %time"], internal=True)
    line = _Line(code)
    give_way = line.load("give_way")
    looks = Cell(code, 0)
    with repeat(code) as done:
        leave(code, _is(code, line.look("state"), DONE), done)
        long = code.value(f"icmp sgt i64 {looks.read()}, {SPINS}")
        _pause(code)
        looks.write(code.value(f"add i64 {looks.read()}, 1"))
        now_and_then = _is(code, code.value(f"and i64 {looks.read()}, 15"), 0)
        with code.when(code.value(f"and i1 {long}, {now_and_then}")):
            code.value(f"call i32 {give_way}()")
    line.tell("state", IDLE)
    longer = code.value(f"icmp sgt i64 {looks.read()}, %time")
    slow = code.value(f"and i1 {longer}, {code.value(f'icmp sgt i64 {looks.read()}, {SPINS}')}")
    with code.when(slow):
        times = code.value(f"udiv i64 {looks.read()}, %time")
        line.tell("resting", code.value(f"mul i64 {times}, {RESTS}"), "monotonic")
    with unless(code, slow):
        line.store("missed", 0)
        line.store("rest", 0)
    code.ret()
    return code


def _work() -> Code:
    """Be a worker, until nothing has come for a while and no caller is there."""
    code = Code("work", 64, 1, ["ptr %line", "i64 %patience"])
    line = _Line(code)
    part, nap, moment = (line.load(name) for name in ("part", "nap", "moment"))
    looks, mine, asleep = Cell(code, 0), Cell(code, "false", "i1"), Cell(code, "false", "i1")
    with repeat(code) as ended:
        state = line.look("state")
        mine.write("false")
        with code.when(_is(code, state, OFFERED)):
            mine.write(line.change(OFFERED, CLAIMED)[1])
        with code.when(mine.read()):
            job, frame, step = (line.load(name) for name in ("job", "frame", "step"))
            code.lines.append(f"call void {job}(ptr {frame}, i64 {step}, i64 {part}, i64 {part})")
            line.tell("state", DONE)
            looks.write(0)
        with unless(code, mine.read()):
            _pause(code)
            looks.write(code.value(f"add i64 {looks.read()}, 1"))
            rests = code.value(f"icmp sgt i64 {line.look('resting', 'monotonic')}, 0")
            in_vain = code.value(f"or i1 {_is(code, state, DONE)}, {rests}")
            limit = code.value(f"select i1 {in_vain}, i64 {SPINS}, i64 %patience")
            with code.when(code.value(f"icmp sgt i64 {looks.read()}, {limit}")):
                unused = _is(code, line.look("engaged"), 0)
                may_sleep = code.value(f"and i1 {unused}, {_is(code, state, IDLE)}")
                with code.when(may_sleep):
                    asleep.write(line.change(IDLE, ASLEEP)[1])
                    looks.write(0)
                # The caller makes no progress, or offers nothing: it may need this very processor.
                with unless(code, may_sleep):
                    code.value(f"call i32 {nap}(i32 {moment})")
        leave(code, asleep.read(), ended)
    code.ret()
    return code


def share_text() -> str:
    """LLVM IR of ``share(frame, step, job, parts, time, lines)``, which makes a job; no lines: nobody helps."""
    return module(_offer(), _begun(), _wait(), _share())


def worker_text() -> str:
    """LLVM IR of ``work(line, patience)``, which a worker runs."""
    return module(_work())


def _pause(code: Code) -> None:
    """Tell the core that it is waiting, where there is an instruction for that."""
    if family() in ("x86_64", "i686", "i386"):
        name, kind, given = "llvm.x86.sse2.pause", "", ""
    elif family() in ("aarch64", "arm64"):
        name, kind, given = "llvm.aarch64.hint", "i32", "i32 1"
    else:
        return
    code.declared.add(f"declare void @{name}({kind})")
    code.lines.append(f"call void @{name}({given})")
