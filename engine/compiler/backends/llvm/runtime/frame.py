"""The frame: the parameters of a call's native code, an array of 64-bit fields, and how that code reads them."""

from __future__ import annotations

from ..ir.builder import Code
from ..ir.words import field
from ..kernels.kernel import BUFFERS

FRAME = (
    *BUFFERS,  # addresses; X and S of the first block, G of the first part
    "inputs",  # numbers of a sample, the weight not counted
    "outputs",  # numbers of a sample that are stored
    "lanes",  # in a block
    "stride",  # numbers from one of its slots to the next
    "block",  # how many numbers a packed block takes
    "sample_table",  # where in a block the addresses of its samples are
    "sample_source",  # in which array these are; -1 if no kernel reads samples there
    "sources",  # how many arrays the inputs come from
    "source_table",  # their addresses and columns: [address, columns] each
    "prologue", "prologue_count",  # calls: [kernel, offsets] each
    "body", "body_count",
    "guarded", "guarded_count",  # calls that a block may leave out
    "verdict",  # where in S the body says so
    "sums", "sums_count",  # calls that write gradients, where no others do
    "epilogue", "epilogue_count",
    "output_table",  # per output: [address of its buffer, IN_X or IN_S; offset; 1 per lane or 0 uniform]
    "results",  # where the outputs go, a row for each sample; or 0
    "summed",  # 1: instead a row for each part, of the sums over its samples, in double precision
    "scratch",  # how many numbers S has: those of the next seat follow
    "gradients",  # how many numbers G has, the last one for the loss: those of the next part follow
    "cleared",  # how many of these are set to zero at the start of a step: all, or none if the kernels see to it
    "loss_first",  # 1: a step's loss is known before any gradient is written; the driver finds out at every call
    "spare",  # another G, so that a step whose loss is not finite leaves the gradients of the last one
    "steps", "batch",  # batch: samples in a step
    "parts", "span",  # into how many parts the samples of a step are cut, and how many samples a part has
    "time",  # that a part takes, as fork_join.py counts it
    "weight",  # of a sample in the mean; the driver writes it at every step
    "shared",  # 1: lanes without a sample share the weight of the one that they repeat, for gradients are summed
    "repeated",  # 1: the steps share one batch, whose blocks stay packed side by side in X; 0: one block for each seat
    "packed",  # 1: so they are already, from an earlier call
    "order",  # sample numbers, `batch` for each step, -1 for none; or 0: samples 0 to batch - 1, in every step
    "draw", "draws", "draw_count",  # what draws masks of dropout, or 0; what it draws: see masks.py; of how many sorts
    "first_step",  # the number of the call's first step, by which masks are drawn
    "losses",  # one per step
    "update",  # the optimiser's function; or 0
    "whole",  # 1: the update of a leaf may depend on all gradients
    "rounded",  # 1: it may take subnormal numbers for 0
    "state",  # what the optimiser is given: see update.py
)  # fmt: skip  # addresses beside their counts
IN_X, IN_S = 0, 1
"""Instead of an address: the output is in the current block of X, or in the S of the thread that makes the part."""

_ADDRESSES = {
    *BUFFERS, "source_table", "prologue", "body", "guarded", "sums", "epilogue", "output_table", "results", "spare",
    "order", "draw", "draws", "losses", "update", "state",
}  # fmt: skip  # names of fields


class Fields:
    """The frame's fields by their names, each read where it is used; what is assigned stands in place of a field.

    Args:
        code: a function with the frame as its argument.
    """

    def __init__(self, code: Code) -> None:
        self._code, self._own = code, dict[str, str]()

    def __getitem__(self, name: str) -> str:
        kind = "ptr" if name in _ADDRESSES else "i64"
        return self._own.get(name) or field(self._code, "%frame", FRAME, name, kind)

    def __setitem__(self, name: str, value: str) -> None:
        self._own[name] = value
