"""The update of the parameters, one native pass over them, as nn's optimisers write it.

Each combination of settings that changes the formula is its own little function; the numbers that may change from
step to step (the learning rate, Adam's corrections) come in a row of coefficients per step, or in one for all.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from ..ir.builder import Code
from ..ir.vector import Vector
from ..jit.library import Library

COEFFICIENTS = ("rate", "momentum", "kept", "decay", "beta1", "new1", "beta2", "new2", "root", "eps", "norm", "bound")
"""The columns of a step's row of coefficients."""

STATE = ("coefficients", "memory", "trainable", "row", "count", "stride")
"""The fields of the block of 64-bit numbers that an update is given: three addresses, then three numbers: from one
step's coefficients to the next (0 if all have the same), how many parameters there are, and from one row of the memory
to the next."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the formula of an update consists of."""

    adam: bool = False
    momentum: bool = False
    nesterov: bool = False
    decay: bool = False
    decoupled: bool = False
    clip_norm: bool = False
    clip_value: bool = False
    frozen: bool = False  # some parameters stay as they are


@functools.cache
def update(form: Form, bits: int, width: int) -> tuple[Library, int]:
    """The compiled update of that form and its address, of type ``void(P, G, state, step, start, stop)``."""
    library = Library(text(form, bits, width))
    return library, library.address("update")


def text(form: Form, bits: int, width: int) -> str:
    """LLVM IR of the update, of the leaves from `start` to `stop`, whole vectors."""
    arguments = ["ptr noalias %P", "ptr noalias %G", "ptr noalias %state", "i64 %step", "i64 %start", "i64 %stop"]
    code = Code("update", bits, width, arguments)
    fields = {}
    for k, name in enumerate(STATE):
        kind = "ptr" if k < 3 else "i64"
        fields[name] = code.value(f"load {kind}, ptr {code.pointer('%state', str(k), 'i64')}")
    row = code.value(f"mul i64 %step, {fields['row']}")
    c = {name: code.load_broadcast(fields["coefficients"], code.index(row, k)) for k, name in enumerate(COEFFICIENTS)}
    scale = _norm_scale(code, form, fields, c) if form.clip_norm else None
    beyond = code.value(f"icmp sgt i64 %stop, {fields['count']}")
    stop = code.value(f"select i1 {beyond}, i64 {fields['count']}, i64 %stop")
    with code.loop("%start", stop, width) as i:
        p, g = code.load("%P", i), code.load("%G", i)
        g = _clipped(code, form, c, g)
        if scale is not None:
            g = g * scale
        new = _adam(code, form, fields, c, i, p, g) if form.adam else _sgd(code, form, fields, c, i, p, g)
        if form.frozen:
            new = code.select(_is_trainable(code, fields, i), new, p)
        code.store(new, "%P", i)
    code.ret()
    return "\n".join(sorted(code.declared)) + "\n" + code.text()


def _is_trainable(code: Code, fields: dict[str, str], i: str) -> Vector:
    return code.load(fields["trainable"], i).differs(0.0)


def _clipped(code: Code, form: Form, c: dict[str, Vector], g: Vector) -> Vector:
    """A gradient within the bound for every entry, if there is one; nan stays nan."""
    if not form.clip_value:
        return g
    g = code.select(g > c["bound"], c["bound"], g)
    return code.select(g < -c["bound"], -c["bound"], g)


def _sgd(code: Code, form: Form, fields: dict[str, str], c: dict[str, Vector], i: str, p: Vector, g: Vector) -> Vector:
    if form.decay:
        g = g + c["decay"] * p
    if form.momentum:
        v = c["momentum"] * code.load(fields["memory"], i) + c["kept"] * g
        code.store(v, fields["memory"], i)
        g = g + c["momentum"] * v if form.nesterov else v
    return p - c["rate"] * g


def _adam(code: Code, form: Form, fields: dict[str, str], c: dict[str, Vector], i: str, p: Vector, g: Vector) -> Vector:
    if form.decay and form.decoupled:
        p = p * (1.0 - c["decay"])
    elif form.decay:
        g = g + c["decay"] * p
    second = code.index(i, fields["stride"])
    m, v = code.load(fields["memory"], i), code.load(fields["memory"], second)
    m = m + c["new1"] * (g - m)
    v = c["beta2"] * v + c["new2"] * g * g
    code.store(m, fields["memory"], i)
    code.store(v, fields["memory"], second)
    return p - c["rate"] * m / (code.intrinsic("sqrt", v) / c["root"] + c["eps"])


def _norm_scale(code: Code, form: Form, fields: dict[str, str], c: dict[str, Vector]) -> Vector:
    """The factor min(1, limit / (norm + 1e-6)), over the gradients that are used."""
    total = code.variable(code.lift(0.0))
    with code.loop(0, fields["count"], code.width) as i:
        g = _clipped(code, form, c, code.load("%G", i))
        used = code.select(_is_trainable(code, fields, i), g, 0.0)  # not what lies behind the last one, either
        code.write(total, code.read(total) + used * used)
    squares = code.broadcast(code.horizontal_sum(code.read(total)))
    scale = c["norm"] / (code.intrinsic("sqrt", squares) + 1e-6)
    return code.select(scale > 1.0, 1.0, scale)
