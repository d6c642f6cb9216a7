"""One job in several parts, made by the caller's thread and by workers: offering, claiming and waiting, natively.

Each worker has a line of memory of its own, which holds where it stands and what it is offered:

    idle -> offered      by the caller, at the start of a job
    offered -> claimed   by the worker, which then makes its part
    offered -> idle      by the caller, who has finished its own part meanwhile and makes this one too
    claimed -> done      by the worker
    done -> idle         by the caller, who has waited for it
    idle -> asleep       by the worker, when nothing has come for a while; only Python wakes it, see threads.py

So a caller never waits for a worker that has not begun: it may be asleep, or the machine busy. It does wait for one
that has begun. If that takes long, or its offers are not taken, then the system has no processor for the worker: it
rests for many times as long, which means that it is offered nothing and naps instead of watching. Whoever makes a part,
the parts and the order in which they are put together are the same, and so are the results.
"""

from __future__ import annotations

from ..jit.library import binding

IDLE, OFFERED, CLAIMED, DONE, ASLEEP = range(5)

LINE = ("standing", "job", "frame", "step", "part", "engaged", "resting", "missed", "rest", "give_way", "nap", "moment")
"""The fields of a worker's line: what the states above are, the offered job and what it is called with, the part that
is this worker's, whether a caller has it in use; for how many jobs it is to rest, how long it has taken no offer, and
how long its last rest for that reason was; and the addresses of the system's functions that let others run and that
sleep, with how long the latter is to."""

FIELDS = 16
"""Fields from one line to the next, of 64 bits each: no two workers write to one cache line, nor to a pair of them."""

SPINS = 2000
"""How often a caller looks whether a worker has finished, some 50 microseconds, before it now and then lets other
threads have the processor."""

RESTS = 20
"""For how many jobs a worker rests for each part's time that the caller has waited."""

MISSED = 8000
"""Looks after which a worker that takes no offer rests: some 200 microseconds."""

SHORT, LONGEST = 64_000, 4_000_000
"""Looks that such a rest takes at first; each further one in a row takes twice as many, up to the second number."""

_SHARE = """
; Make all parts of a job. A job is void(frame, step, part, seat); part 0 and seat 0 are the caller's. `time` is how
; often one may look in the time that a part takes.
define internal void @share(ptr %frame, i64 %step, ptr %job, i64 %parts, i64 %time, ptr %lines) nounwind {{
entry:
  %alone = icmp eq ptr %lines, null
  br i1 %alone, label %own, label %offers
offers:
  %k = phi i64 [ 1, %entry ], [ %k.next, %offer ]
  %more = icmp slt i64 %k, %parts
  br i1 %more, label %offer, label %own
offer:
  %line = call ptr @line(ptr %lines, i64 %k)
  call void @offer(ptr %line, ptr %frame, i64 %step, ptr %job)
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
  br i1 %alone, label %make, label %ask
ask:
  %theirs = call ptr @line(ptr %lines, i64 %j)
  %begun = call i1 @begun(ptr %theirs, i64 %time)
  br i1 %begun, label %wait, label %make
make:
  call void %job(ptr %frame, i64 %step, i64 %j, i64 0)
  br label %next
wait:
  call void @wait(ptr %theirs, i64 %time)
  br label %next
next:
  %j.next = add i64 %j, 1
  br label %others
end:
  ret void
}}

define internal ptr @line(ptr %lines, i64 %part) nounwind {{
  %k = sub i64 %part, 1
  %field = mul i64 %k, {FIELDS}
  %line = getelementptr i64, ptr %lines, i64 %field
  ret ptr %line
}}

; Offer a part, unless the worker rests.
define internal void @offer(ptr %line, ptr %frame, i64 %step, ptr %job) nounwind {{
  %job.place = getelementptr i64, ptr %line, i64 {job}
  %frame.place = getelementptr i64, ptr %line, i64 {frame}
  %step.place = getelementptr i64, ptr %line, i64 {step}
  %resting.place = getelementptr i64, ptr %line, i64 {resting}
  %resting = load i64, ptr %resting.place
  %rests = icmp sgt i64 %resting, 0
  br i1 %rests, label %not, label %do
not:
  %less = sub i64 %resting, 1
  store atomic i64 %less, ptr %resting.place monotonic, align 8
  ret void
do:
  store ptr %job, ptr %job.place
  store ptr %frame, ptr %frame.place
  store i64 %step, ptr %step.place
  %ignored = cmpxchg ptr %line, i64 {IDLE}, i64 {OFFERED} acq_rel monotonic
  ret void
}}

; Whether the worker has taken the offer; if not, it is withdrawn, and the worker rests if that is nothing new.
define internal i1 @begun(ptr %line, i64 %time) nounwind {{
  %answer = cmpxchg ptr %line, i64 {OFFERED}, i64 {IDLE} acq_rel acquire
  %standing = extractvalue {{ i64, i1 }} %answer, 0
  %claimed = icmp eq i64 %standing, {CLAIMED}
  %done = icmp eq i64 %standing, {DONE}
  %begun = or i1 %claimed, %done
  %refused = icmp eq i64 %standing, {OFFERED}
  br i1 %refused, label %miss, label %end
miss:
  %missed.place = getelementptr i64, ptr %line, i64 {missed}
  %before = load i64, ptr %missed.place
  %missed = add i64 %before, %time
  store i64 %missed, ptr %missed.place
  %often = icmp sgt i64 %missed, {MISSED}
  br i1 %often, label %rest, label %end
rest:
  store i64 0, ptr %missed.place
  %rest.place = getelementptr i64, ptr %line, i64 {rest}
  %last = load i64, ptr %rest.place
  %first = icmp eq i64 %last, 0
  %twice = shl i64 %last, 1
  %wanted = select i1 %first, i64 {SHORT}, i64 %twice
  %too.long = icmp sgt i64 %wanted, {LONGEST}
  %rest.now = select i1 %too.long, i64 {LONGEST}, i64 %wanted
  store i64 %rest.now, ptr %rest.place
  %jobs = udiv i64 %rest.now, %time
  %resting.place = getelementptr i64, ptr %line, i64 {resting}
  store atomic i64 %jobs, ptr %resting.place monotonic, align 8
  br label %end
end:
  ret i1 %begun
}}

; Wait until the worker has made its part; it rests if that took long.
define internal void @wait(ptr %line, i64 %time) nounwind {{
entry:
  %give_way.place = getelementptr i64, ptr %line, i64 {give_way}
  %give_way = load ptr, ptr %give_way.place
  br label %look
look:
  %looks = phi i64 [ 0, %entry ], [ %more, %pause ], [ %more, %yield ]
  %standing = load atomic i64, ptr %line acquire, align 8
  %done = icmp eq i64 %standing, {DONE}
  %long = icmp sgt i64 %looks, {SPINS}
  br i1 %done, label %collect, label %pause
pause:
  {pause}
  %more = add i64 %looks, 1
  %some = and i64 %looks, 15
  %now.and.then = icmp eq i64 %some, 0
  %due = and i1 %long, %now.and.then
  br i1 %due, label %yield, label %look
yield:
  %ignored = call i32 %give_way()
  br label %look
collect:
  store atomic i64 {IDLE}, ptr %line release, align 8
  %longer = icmp sgt i64 %looks, %time
  %slow = and i1 %longer, %long
  br i1 %slow, label %rest, label %well
rest:
  %times = udiv i64 %looks, %time
  %jobs = mul i64 %times, {RESTS}
  %resting.place = getelementptr i64, ptr %line, i64 {resting}
  store atomic i64 %jobs, ptr %resting.place monotonic, align 8
  ret void
well:
  %missed.place = getelementptr i64, ptr %line, i64 {missed}
  %rest.place = getelementptr i64, ptr %line, i64 {rest}
  store i64 0, ptr %missed.place
  store i64 0, ptr %rest.place
  ret void
}}
"""

_WORKER = """
; Be a worker, until nothing has come for a while and no caller is there.
define void @work(ptr %line, i64 %patience) nounwind {{
entry:
  %job.place = getelementptr i64, ptr %line, i64 {job}
  %frame.place = getelementptr i64, ptr %line, i64 {frame}
  %step.place = getelementptr i64, ptr %line, i64 {step}
  %part.place = getelementptr i64, ptr %line, i64 {part}
  %engaged.place = getelementptr i64, ptr %line, i64 {engaged}
  %resting.place = getelementptr i64, ptr %line, i64 {resting}
  %nap.place = getelementptr i64, ptr %line, i64 {nap}
  %moment.place = getelementptr i64, ptr %line, i64 {moment}
  %part = load i64, ptr %part.place
  %nap = load ptr, ptr %nap.place
  %moment = load i32, ptr %moment.place
  br label %look
look:
  %looks = phi i64 [ 0, %entry ], [ 0, %work ], [ %more, %pause ], [ %more, %nap.a.moment ], [ 0, %sleep ]
  %standing = load atomic i64, ptr %line acquire, align 8
  %offered = icmp eq i64 %standing, {OFFERED}
  br i1 %offered, label %claim, label %pause
claim:
  %answer = cmpxchg ptr %line, i64 {OFFERED}, i64 {CLAIMED} acq_rel monotonic
  %mine = extractvalue {{ i64, i1 }} %answer, 1
  br i1 %mine, label %work, label %pause
work:
  %job = load ptr, ptr %job.place
  %frame = load ptr, ptr %frame.place
  %step = load i64, ptr %step.place
  call void %job(ptr %frame, i64 %step, i64 %part, i64 %part)
  store atomic i64 {DONE}, ptr %line release, align 8
  br label %look
pause:
  {pause}
  %more = add i64 %looks, 1
  %done = icmp eq i64 %standing, {DONE}
  %resting = load atomic i64, ptr %resting.place monotonic, align 8
  %rests = icmp sgt i64 %resting, 0
  %in.vain = or i1 %done, %rests
  %limit = select i1 %in.vain, i64 {SPINS}, i64 %patience
  %tired = icmp sgt i64 %more, %limit
  br i1 %tired, label %consider, label %look
consider:
  %engaged = load atomic i64, ptr %engaged.place acquire, align 8
  %unused = icmp eq i64 %engaged, 0
  %idle = icmp eq i64 %standing, {IDLE}
  %may.sleep = and i1 %unused, %idle
  br i1 %may.sleep, label %sleep, label %nap.a.moment
nap.a.moment:  ; the caller does not get on, or offers nothing: it may need this very processor
  %ignored = call i32 %nap(i32 %moment)
  br label %look
sleep:
  %slept = cmpxchg ptr %line, i64 {IDLE}, i64 {ASLEEP} acq_rel monotonic
  %asleep = extractvalue {{ i64, i1 }} %slept, 1
  br i1 %asleep, label %end, label %look
end:
  ret void
}}
"""


def share_text() -> str:
    """LLVM IR of ``share(frame, step, job, parts, time, lines)``, which makes a job; no lines: nobody helps."""
    return _filled(_SHARE)


def worker_text() -> str:
    """LLVM IR of ``work(line, patience)``, which a worker runs."""
    return _filled(_WORKER)


def _filled(text: str) -> str:
    numbers = {name: k for k, name in enumerate(LINE)}
    names = ("IDLE", "OFFERED", "CLAIMED", "DONE", "ASLEEP", "FIELDS", "SPINS", "RESTS", "MISSED", "SHORT", "LONGEST")
    numbers |= {name: globals()[name] for name in names}
    declaration, pause = _pause()
    return declaration + text.format(pause=pause, **numbers)


def _pause() -> tuple[str, str]:
    """What tells the core that it is waiting: a declaration, and the call."""
    family = binding().get_default_triple().split("-")[0]
    if family in ("x86_64", "i686", "i386"):
        return "declare void @llvm.x86.sse2.pause()\n", "call void @llvm.x86.sse2.pause()"
    if family in ("aarch64", "arm64"):
        return "declare void @llvm.aarch64.hint(i32)\n", "call void @llvm.aarch64.hint(i32 1)"
    return "", ""
