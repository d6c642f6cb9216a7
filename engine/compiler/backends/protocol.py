"""What every back end makes of a plan: a program."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from ..plan.plan import Plan
from ..update import ConfiguredUpdate, Repetition, Update


class Runner(Protocol):
    """What runs a plan on batches."""

    @property
    def takes_lists(self) -> bool:
        """Whether it reads and gives lists of numbers; else NumPy arrays of its dtype."""

    def run(self, leaves: Any, arrays: Any, n: int, /) -> tuple[Any, Any]:
        """Run it on a batch.

        Args:
            leaves: the numbers of the bound leaves.
            arrays: for each argument of the function, n rows of numbers.
            n: how many samples.

        Returns:
            The outputs of each sample, n x outputs; the gradient of the mean of the first output by the leaves, or
            None if the plan has none.
        """


class Variant(Runner, Protocol):
    """What runs a plan on batches of some sizes: the same code for every sample, so that a check of one tells."""

    @property
    def proved(self) -> bool:
        """Whether the very code was compared with the eager engine before, by this process or another one."""

    def note_proof(self) -> None:
        """Remember that it was, for those to come."""

    def repetition(self, arrays: Any, n: int, means: bool, /) -> Callable[[Any], Any] | None:
        """What gives the outputs of the same samples for other numbers of the leaves; None if nothing but `run` does.

        The next call overwrites what it gives. With `means` it gives a list of the means of the outputs.
        """

    def direct(self, shape: tuple[int, ...], /) -> Callable[[Any, Any], Any] | None:
        """What gives the outputs of other samples: of the leaves' numbers and the one argument of the function.

        Of what has not that shape, that of all samples, it gives None, having done nothing. None if nothing
        but `run` does.
        """


class Training(Protocol):
    """Parameters and what an optimiser remembers of them, where a program works on them, and its steps.

    Attributes:
        parameters: the bound leaves; to be read and written between calls.
        memory: of the optimiser, memories x leaves.
        sums: of the gradients of the frozen leaves, over all steps.
        made: how many steps the memory has seen.
        lock: held while the program works on all this.
        repetition: of the last call's step, if it can be made again in a shorter way.
    """

    lock: Any
    repetition: Repetition | None
    parameters: Any
    memory: Any
    sums: Any
    made: int

    @property
    def gradient(self) -> Any:
        """By the leaves, of the last step whose loss was finite, though its update may have been refused."""

    def __call__(self, arrays: Any, configured: ConfiguredUpdate, steps: int = 1, order: Any = None, /) -> list[float]:
        """Make steps; give the loss of each before its update.

        Args:
            arrays: for each argument of the loss, an array of samples.
            configured: the update with its settings.
            steps: how many to make on all samples, where there is no `order`.
            order: the samples of each step, steps x batch size, -1 for none.

        Returns:
            The losses of all steps. After a loss or an update that is not finite no more steps are made.
        """

    def once_more(self, configured: ConfiguredUpdate, order: Any = None, /) -> list[float] | None:
        """As many steps as the last call has made, on the same samples, in less time; None, nothing done, if none are.

        Args:
            configured: the update, at one learning rate.
            order: the samples of each step, C-contiguous, if the last call had an order.
        """

    def end_repetition(self) -> None:
        """Let the last step not be made again in that way."""

    def shuffled(self, count: int, source: random.Random, times: int) -> Any:
        """The numbers below `count`, so many times, each time as the source's `shuffle` puts them."""


class Program(Runner, Protocol):
    """A plan made ready to run by a back end."""

    @property
    def name(self) -> str:
        """Of the back end."""

    def fitting(self, batch: int) -> Variant:
        """What runs batches of that size."""

    def training(self, memories: int, frozen: Sequence[int], rule: Update | None = None) -> Training | None:
        """Room to train in; None where the back end makes no steps of an optimiser.

        Args:
            memories: how many numbers the optimiser may remember for each parameter.
            frozen: leaves that are not updated, by their numbers.
            rule: of the updates to come, if it is known.
        """

    def shared_by(self, threads: int) -> str:
        """How many threads share a call, and why not `threads`, in words."""

    def stages(self, plan: Plan) -> Iterable[tuple[str, Callable[[], str]]]:
        """What became of the plan: the names of this back end's stages, in order, and what gives each as text."""

    def stats(self) -> dict[str, Any]:
        """Figures of the program, by name; none of a back end that interprets the plan."""

    def ir(self) -> str:
        """Its LLVM IR.

        Raises:
            RuntimeError: it has none.
        """


class Interpreter:
    """The part of a `Program` that is the same for back ends which interpret the plan itself, in one thread."""

    name = ""
    takes_lists = False
    proved = False

    def note_proof(self) -> None:
        """Nothing: its plan is made anew each time."""

    def repetition(self, arrays: Any, n: int, means: bool) -> None:
        """None: it runs."""

    def direct(self, shape: tuple[int, ...]) -> None:
        """None: it runs."""

    def shared_by(self, threads: int) -> str:
        """How many threads share a call, and why not `threads`, in words."""
        return f"1, not {threads}: only the llvm back end has more" if threads > 1 else "1"

    def stages(self, plan: Plan) -> Iterable[tuple[str, Callable[[], str]]]:
        """None: the plan is what runs."""
        return ()

    def stats(self) -> dict[str, Any]:
        """None."""
        return {}

    def ir(self) -> str:
        """Refused: there is none.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(f"the {self.name} back end ran this function: there is no LLVM IR")
