"""The frame: the parameters of a call's native code, an array of 64-bit fields, and how that code reads them."""

from __future__ import annotations

from ..ir.builder import Code
from ..ir.words import Layout, field
from ..kernels.kernel import BUFFERS

FRAME: Layout = {
    **dict.fromkeys(BUFFERS, "ptr"),  # addresses; X and S of the first block, G of the first part
    "inputs": "i64",  # numbers of a sample, the weight not counted
    "outputs": "i64",  # numbers of a sample that are stored
    "lanes": "i64",  # in a block
    "stride": "i64",  # numbers from one of its slots to the next
    "block": "i64",  # how many numbers a packed block takes
    "sample_table": "i64",  # where in a block the addresses of its samples are
    "sample_source": "i64",  # in which array these are; -1 if no kernel reads samples there
    "sources": "i64",  # how many arrays the inputs come from
    "source_table": "ptr",  # their addresses and columns: [address, columns] each
    "prologue": "ptr", "prologue_count": "i64",  # calls: [kernel, offsets] each
    "body": "ptr", "body_count": "i64",
    "guarded": "ptr", "guarded_count": "i64",  # calls that a block may leave out
    "verdict": "i64",  # where in S the body says so
    "sums": "ptr", "sums_count": "i64",  # calls that write gradients, where no others do
    "epilogue": "ptr", "epilogue_count": "i64",
    "output_table": "ptr",  # per output: [address of its buffer, IN_X or IN_S; offset; 1 per lane or 0 uniform]
    "results": "ptr",  # where the outputs go, a row for each sample; or 0
    "summed": "i64",  # 1: instead a row for each part, of the sums over its samples, in double precision
    "scratch": "i64",  # how many numbers S has: those of the next seat follow
    "gradients": "i64",  # how many numbers G has, the last one for the loss: those of the next part follow
    "cleared": "i64",  # how many of these are set to zero at the start of a step: all, or none if the kernels see to it
    "loss_first": "i64",  # 1: a step's loss is known before any gradient is written; the driver finds out at every call
    "spare": "ptr",  # another G, so that a step whose loss is not finite leaves the gradients of the last one
    "steps": "i64", "batch": "i64",  # batch: samples in a step
    "parts": "i64", "span": "i64",  # how many parts the samples of a step are cut into; how many samples a part has
    "time": "i64",  # that a part takes, as fork_join.py counts it
    "weight": "double",  # of a sample in the mean, or "float"; the driver writes it at every step
    "shared": "i64",  # 1: lanes without a sample share the weight of the one that they repeat, for gradients are summed
    "repeated": "i64",  # 1: the steps share one batch, whose blocks stay packed side by side in X; 0: one for each seat
    "packed": "i64",  # 1: so they are already, from an earlier call
    "order": "ptr",  # sample numbers, `batch` for each step, -1 for none; or 0: samples 0 to batch - 1, in every step
    "draw": "ptr",  # what draws masks of dropout; or 0
    "draws": "ptr", "draw_count": "i64",  # what it draws: see masks.py; of how many sorts
    "first_step": "i64",  # the number of the call's first step, by which masks are drawn
    "losses": "ptr",  # one per step
    "update": "ptr",  # the optimiser's function; or 0
    "whole": "i64",  # 1: the update of a leaf may depend on all gradients
    "rounded": "i64",  # 1: it may take subnormal numbers for 0
    "state": "ptr",  # what the optimiser is given: see update.py
}  # fmt: skip  # addresses beside their counts
IN_X, IN_S = 0, 1
"""Instead of an address: the output is in the current block of X, or in the S of the thread that makes the part."""


class Fields:
    """The frame's fields by their names, each read where it is used; what is assigned stands in place of a field.

    Args:
        code: a function with the frame as its argument.
    """

    def __init__(self, code: Code) -> None:
        self._code, self._own = code, dict[str, str]()

    def __getitem__(self, name: str) -> str:
        return self._own.get(name) or field(self._code, "%frame", FRAME, name)

    def __setitem__(self, name: str, value: str) -> None:
        self._own[name] = value
