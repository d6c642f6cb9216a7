"""One job in several parts, made by the caller's thread and by helpers: offering, claiming and waiting, natively.

Each helper has a line of memory of its own, which holds where it stands and what it is offered:

    idle -> offered      by the caller, at the start of a job
    offered -> claimed   by the helper, which then makes its part
    offered -> idle      by the caller, who has finished its own part meanwhile and makes this one too
    claimed -> done      by the helper
    done -> idle         by the caller, who has waited for it
    idle -> asleep       by the helper, when nothing has come for a while; only Python wakes it, see helpers.py

So a caller never waits for a helper that has not begun: it may be asleep, or the machine busy. And whoever makes a
part, the parts and the order in which they are put together are the same, and so are the results.
"""

from __future__ import annotations

from .jit import binding

IDLE, OFFERED, CLAIMED, DONE, ASLEEP = range(5)

LINE = ("standing", "job", "frame", "step", "part", "engaged", "give_way")
"""The fields of a helper's line: what the states above are, the offered job and what it is called with, the part that
is this helper's, whether a caller has it in use, and the address of the system's function that lets others run."""

FIELDS = 16
"""Fields from one line to the next, of 64 bits each: no two helpers write to one cache line, nor to a pair of them."""

SPINS = 2000
"""How often a caller looks whether a helper has finished before it lets other threads have the processor."""

_SHARE = """
; Make all parts of a job. A job is void(frame, step, part, seat); part 0 and seat 0 are the caller's.
define internal void @share(ptr %frame, i64 %step, ptr %job, i64 %parts, ptr %lines) nounwind {{
entry:
  %alone = icmp eq ptr %lines, null
  br i1 %alone, label %own, label %offers
offers:
  %k = phi i64 [ 1, %entry ], [ %k.next, %offer ]
  %more = icmp slt i64 %k, %parts
  br i1 %more, label %offer, label %own
offer:
  %line = call ptr @line(ptr %lines, i64 %k)
  %job.place = getelementptr i64, ptr %line, i64 {job}
  %frame.place = getelementptr i64, ptr %line, i64 {frame}
  %step.place = getelementptr i64, ptr %line, i64 {step}
  store ptr %job, ptr %job.place
  store ptr %frame, ptr %frame.place
  store i64 %step, ptr %step.place
  %offered = cmpxchg ptr %line, i64 {IDLE}, i64 {OFFERED} acq_rel monotonic
  %k.next = add i64 %k, 1
  br label %offers

own:
  call void %job(ptr %frame, i64 %step, i64 0, i64 0)
  br label %others
others:
  %j = phi i64 [ 1, %own ], [ %j.next, %next ]
  %left = icmp slt i64 %j, %parts
  br i1 %left, label %other, label %end
other:
  br i1 %alone, label %make, label %withdraw
withdraw:
  %theirs = call ptr @line(ptr %lines, i64 %j)
  %answer = cmpxchg ptr %theirs, i64 {OFFERED}, i64 {IDLE} acq_rel acquire
  %standing = extractvalue {{ i64, i1 }} %answer, 0
  %claimed = icmp eq i64 %standing, {CLAIMED}
  %finished = icmp eq i64 %standing, {DONE}
  %begun = or i1 %claimed, %finished
  br i1 %begun, label %wait, label %make
make:
  call void %job(ptr %frame, i64 %step, i64 %j, i64 0)
  br label %next
wait:
  %spins = phi i64 [ 0, %withdraw ], [ %spins.next, %again ]
  %now = load atomic i64, ptr %theirs acquire, align 8
  %ready = icmp eq i64 %now, {DONE}
  br i1 %ready, label %collect, label %rest
rest:
  {pause}
  %spins.next = add i64 %spins, 1
  %long = icmp sgt i64 %spins, {SPINS}
  br i1 %long, label %yield, label %again
yield:
  call void @give_way(ptr %theirs)
  br label %again
again:
  br label %wait
collect:
  store atomic i64 {IDLE}, ptr %theirs release, align 8
  br label %next
next:
  %j.next = add i64 %j, 1
  br label %others
end:
  ret void
}}
"""

_HELP = """
; Be a helper, until nothing has come for a while.
define void @help(ptr %line, i64 %patience) nounwind {{
entry:
  %engaged.place = getelementptr i64, ptr %line, i64 {engaged}
  br label %watch
watch:
  %idle = phi i64 [ 0, %entry ], [ 0, %work ], [ %idle.next, %rest ], [ 0, %sleep ], [ %idle.next, %yield ]
  %standing = load atomic i64, ptr %line acquire, align 8
  %offered = icmp eq i64 %standing, {OFFERED}
  br i1 %offered, label %claim, label %rest
claim:
  %answer = cmpxchg ptr %line, i64 {OFFERED}, i64 {CLAIMED} acq_rel monotonic
  %mine = extractvalue {{ i64, i1 }} %answer, 1
  br i1 %mine, label %work, label %rest
work:
  %job.place = getelementptr i64, ptr %line, i64 {job}
  %frame.place = getelementptr i64, ptr %line, i64 {frame}
  %step.place = getelementptr i64, ptr %line, i64 {step}
  %part.place = getelementptr i64, ptr %line, i64 {part}
  %job = load ptr, ptr %job.place
  %frame = load ptr, ptr %frame.place
  %step = load i64, ptr %step.place
  %part = load i64, ptr %part.place
  call void %job(ptr %frame, i64 %step, i64 %part, i64 %part)
  store atomic i64 {DONE}, ptr %line release, align 8
  br label %watch
rest:
  {pause}
  %nothing = icmp eq i64 %standing, {IDLE}
  %idle.more = add i64 %idle, 1
  %idle.next = select i1 %nothing, i64 %idle.more, i64 0
  %tired = icmp sgt i64 %idle.next, %patience
  br i1 %tired, label %consider, label %watch
consider:
  %engaged = load atomic i64, ptr %engaged.place acquire, align 8
  %needed = icmp ne i64 %engaged, 0
  br i1 %needed, label %yield, label %sleep
yield:
  call void @give_way(ptr %line)
  br label %watch
sleep:
  %slept = cmpxchg ptr %line, i64 {IDLE}, i64 {ASLEEP} acq_rel monotonic
  %asleep = extractvalue {{ i64, i1 }} %slept, 1
  br i1 %asleep, label %end, label %watch
end:
  ret void
}}
"""

_COMMON = """
define internal ptr @line(ptr %lines, i64 %part) nounwind {{
  %k = sub i64 %part, 1
  %field = mul i64 %k, {FIELDS}
  %line = getelementptr i64, ptr %lines, i64 %field
  ret ptr %line
}}

define internal void @give_way(ptr %line) nounwind {{
  %place = getelementptr i64, ptr %line, i64 {give_way}
  %function = load ptr, ptr %place
  %ignored = call i32 %function()
  ret void
}}
"""


def share_text() -> str:
    """LLVM IR of ``share(frame, step, job, parts, lines)``, which makes a job; lines are null where nobody helps."""
    return _filled(_SHARE + _COMMON)


def help_text() -> str:
    """LLVM IR of ``help(line, patience)``, which a helper runs."""
    return _filled(_HELP + _COMMON)


def _filled(text: str) -> str:
    fields = {name: k for k, name in enumerate(LINE)}
    states = {"IDLE": IDLE, "OFFERED": OFFERED, "CLAIMED": CLAIMED, "DONE": DONE, "ASLEEP": ASLEEP}
    declaration, pause = _pause()
    return declaration + text.format(**fields, **states, FIELDS=FIELDS, SPINS=SPINS, pause=pause)


def _pause() -> tuple[str, str]:
    """What tells the core that it is waiting: a declaration, and the call."""
    family = binding().get_default_triple().split("-")[0]
    if family in ("x86_64", "i686", "i386"):
        return "declare void @llvm.x86.sse2.pause()\n", "call void @llvm.x86.sse2.pause()"
    if family in ("aarch64", "arm64"):
        return "declare void @llvm.aarch64.hint(i32)\n", "call void @llvm.aarch64.hint(i32 1)"
    return "", ""
