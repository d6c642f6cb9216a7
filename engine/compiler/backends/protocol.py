"""The protocol of back ends, each of which makes programs from plans."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from ..plan.plan import Plan
from ..samples.masks import Masks
from ..update import ConfiguredUpdate, PreparedStep, Update


class Runner(Protocol):
    """Runs a plan on batches."""

    @property
    def takes_lists(self) -> bool:
        """Whether it reads and returns lists of numbers; otherwise NumPy arrays of its dtype."""

    def run(self, leaves: Any, arrays: Any, n: int, /) -> tuple[Any, Any]:
        """Run it on a batch.

        Args:
            leaves: the numbers of the bound leaves.
            arrays: for each argument of the function, n rows of numbers.
            n: how many samples.

        Returns:
            The outputs of each sample, n x outputs; the gradient of the mean of the first output, or
            None if the plan has none.
        """


class Variant(Runner, Protocol):
    """Runs a plan on batches of some sizes, by the same code for every sample, so that checking one is enough."""

    @property
    def proved(self) -> bool:
        """Whether this very code has been compared with the eager engine, by this process or another."""

    def note_proof(self) -> None:
        """Record for later processes that it has been compared."""

    def bound_to(self, arrays: Any, n: int, means: bool, /) -> Callable[[Any], Any] | None:
        """A function of the leaves' numbers that gives the outputs of these samples; None if only `run` gives outputs.

        Each result overwrites the one before. With `means` it is a list of the means of the outputs.
        """

    def direct(self, shape: tuple[int, ...], /) -> Callable[[Any, Any], Any] | None:
        """A function of the leaves' numbers and the samples of the one argument that gives their outputs.

        For samples of any other shape it does nothing and returns None. None if only `run` gives outputs.
        """


class Training(Protocol):
    """Parameters and an optimiser's memory, where a program works on them, and its steps.

    Attributes:
        parameters: the numbers of the bound leaves, to be read and written between calls.
        memory: the optimiser's, memories x leaves.
        sums: the gradients of the frozen leaves, summed over all steps.
        made: how many steps the memory has seen.
        losses: those of the steps of the last call, as they are made; after Ctrl-C only the first ones are known.
        lock: held while the program works on all this.
        prepared: the last call's step, to be made again, if there is a shorter way to do that.
    """

    losses: Any
    lock: Any
    prepared: PreparedStep | None
    parameters: Any
    memory: Any
    sums: Any
    made: int

    @property
    def gradient(self) -> Any:
        """The gradient of the leaves in the last step whose loss was finite, even if its update was refused."""

    def __call__(
        self,
        arrays: Any,
        configured: ConfiguredUpdate,
        steps: int = 1,
        order: Any = None,
        masks: Masks | None = None,
        /,
    ) -> list[float]:
        """Make steps; return the loss of each before its update.

        Args:
            arrays: for each argument of the loss, an array of samples.
            configured: the update with its settings.
            steps: how many to make on all samples, if there is no `order`.
            order: the samples of each step, steps x batch size, -1 for none.
            masks: what is drawn in each step for columns of the first array.

        Returns:
            The losses of all steps. After a loss or an update that is not finite no more steps are made.
        """

    def once_more(self, configured: ConfiguredUpdate, order: Any = None, /) -> Any:
        """Make as many steps as the last call, on the same samples, but faster; None, doing nothing, if it cannot.

        The array of losses that it returns is overwritten by the next call.

        Args:
            configured: the update, at one learning rate.
            order: the samples of each step, C-contiguous, if the last call had an order.
        """

    def forget_prepared(self) -> None:
        """Do not make the last step again."""

    def shuffle(self, orders: Any, source: random.Random) -> None:
        """Put each row of an array of integers in the order of the source's `shuffle`."""


class Program(Runner, Protocol):
    """A plan that a back end has made ready to run."""

    @property
    def name(self) -> str:
        """The name of the back end."""

    def fitting(self, batch: int) -> Variant:
        """The variant that runs batches of that size."""

    def training(self, memories: int, frozen: Sequence[int], rule: Update | None = None) -> Training | None:
        """Memory to train in; None if the back end does not make steps of an optimiser.

        Args:
            memories: how many numbers the optimiser may remember for each parameter.
            frozen: the numbers of the leaves that are not updated.
            rule: the rule of the updates to come, if known.
        """

    def shared_by(self, threads: int) -> str:
        """How many threads share a call, and why not `threads`, in words."""

    def stages(self, plan: Plan) -> Iterable[tuple[str, Callable[[], str]]]:
        """The names of this back end's stages, in order, with functions that give each as text."""

    def stats(self) -> dict[str, Any]:
        """Figures of the program, by name; empty for a back end that interprets the plan."""

    def ir(self) -> str:
        """The LLVM IR of the program.

        Raises:
            RuntimeError: there is none.
        """


Self = TypeVar("Self", bound="Interpreter")


class Interpreter:
    """What back ends have in common that interpret the plan itself, in one thread."""

    name = ""
    takes_lists = False
    proved = False

    def fitting(self: Self, batch: int) -> Self:
        """The program for batches of that size: this one takes any."""
        return self

    def note_proof(self) -> None:
        """Do nothing: the plan is made anew in each process."""

    def bound_to(self, arrays: Any, n: int, means: bool) -> None:
        """None: only `run` gives outputs."""

    def direct(self, shape: tuple[int, ...]) -> None:
        """None: only `run` gives outputs."""

    def shared_by(self, threads: int) -> str:
        """How many threads share a call, and why not `threads`, in words."""
        return f"1, not {threads}: only the llvm back end has more" if threads > 1 else "1"

    def stages(self, plan: Plan) -> Iterable[tuple[str, Callable[[], str]]]:
        """No further stages: the plan itself runs."""
        return ()

    def stats(self) -> dict[str, Any]:
        """No figures."""
        return {}

    def ir(self) -> str:
        """Raise a RuntimeError: there is none."""
        raise RuntimeError(f"the {self.name} back end, which ran this, has no LLVM IR: compile with backend='llvm'")
