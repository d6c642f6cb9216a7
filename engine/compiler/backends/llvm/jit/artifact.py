"""What is left of a plan once its kernels are compiled: all that is needed to run them, and small on disk."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from ....plan.plan import Run
from ..kernels.shape import Shape


@dataclass(frozen=True)
class Artifact:
    """One program.

    Attributes:
        codes: the keys of the object code.
        shape: of its vectors and blocks.
        room: how many numbers after the slots of S kernels use for themselves.
        calls: of each stage, the numbers of the kernels, which give their names (`kernel_name`), and their offsets.
        by_samples: the range of inputs that kernels read in the user's array, sample by sample; None if none do.
        alone: whether no two kernels add to the same number of G.
        cost: nanoseconds that a sample takes, about.
        leaves, inputs, weight, constants, outputs, sizes: as in the plan.
        proved: whether the code was compared with the eager engine.
    """

    codes: list[str]
    shape: Shape
    room: int
    calls: dict[str, list[tuple[int, list[int]]]]
    by_samples: tuple[int, int] | None
    alone: bool
    cost: float
    leaves: int
    inputs: int
    weight: int | None
    constants: tuple[float, ...]
    outputs: tuple[Run, ...]
    sizes: dict[str, int]
    proved: bool = False

    def dump(self) -> bytes:
        """The artifact as text, which `load` reads."""
        return json.dumps(vars(self), default=asdict, separators=(",", ":")).encode()


def load(stored: bytes) -> Artifact | None:
    """The artifact of a text; None if the text is not one."""
    try:
        found = json.loads(stored)
        return Artifact(
            codes=[_a(str, code) for code in _a(list, found["codes"])],
            shape=Shape(*[_a(int, found["shape"][name]) for name in ("bits", "width", "lanes", "l1", "l2", "widest")]),
            room=_a(int, found["room"]),
            calls={
                stage: [(_a(int, kernel), [_a(int, offset) for offset in offsets]) for kernel, offsets in calls]
                for stage, calls in found["calls"].items()
            },
            by_samples=None if found["by_samples"] is None else _pair(*found["by_samples"]),
            alone=_a(bool, found["alone"]),
            cost=_a(float, found["cost"]),
            leaves=_a(int, found["leaves"]),
            inputs=_a(int, found["inputs"]),
            weight=None if found["weight"] is None else _a(int, found["weight"]),
            constants=tuple([_a(float, number) for number in found["constants"]]),
            outputs=tuple([Run(_a(str, run["buffer"]), _a(int, run["base"])) for run in found["outputs"]]),
            sizes={_a(str, name): _a(int, size) for name, size in found["sizes"].items()},
            proved=_a(bool, found["proved"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _pair(start: Any, stop: Any) -> tuple[int, int]:
    return _a(int, start), _a(int, stop)


def _a(kind: type, found: Any) -> Any:
    """What was found, if it is exactly of that type."""
    if type(found) is not kind:
        raise TypeError(f"{found!r} is no {kind.__name__}")
    return found
