"""A debugger for derivatives: step through the passes of a graph back and forth, with breakpoints."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from numbers import Integral
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..primitive import Primitive
from ..text.elsewhere import explained, missing
from ..text.sheet import Sheet, Shown
from ..value import Value
from .backward_pass import BackwardPass
from .breakpoints import Breakpoint, breakpoint_at
from .standing import standing
from .steps import AnyStep, ForwardSteps

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from .paths import Why


@missing
class Stepper(Shown):
    """A position in the passes of a graph that moves in single steps, back and forth.

    Gradients are written as it goes: at the end they are those of ``backward()``, and going back restores each.
    Closed half-way, by ``close()``, ``with`` or when it is dropped, it restores those from before, except where
    other code has set one since, as `zero_grad` does.

    Args:
        root: the result to differentiate.
        forward: begin with the forward pass, one operation at a time.
        names: a mapping from names to Values or a module, for what is printed.

    Raises:
        TypeError: `root` is not a Value, or `forward` neither True nor False; or inside a function that is being
            differentiated, if it depends on an argument: see `grad`.
        ValueError: `root` is a leaf.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> s = Stepper(a * b + a)
    >>> s.next()
    step 1 of 2: a*b + a = -4, upstream 1
      a*b  1 * 1 = 1  grad 0 -> 1  final
      a    1 * 1 = 1  grad 0 -> 1  partial, path 1 of 2
    >>> s
    backward pass of a*b + a: 1 of 2 steps done
      node     value  gradient  state
      a*b + a  -4     1         done
      a*b      -6     1         next
      b        -3     0         waits for 1 path
      a        2      1         partial, path 1 of 2
    >>> s.back().position, a.grad
    (0, 0.0)
    >>> s.to("a").after
    (-2.0, 2.0)
    """

    def __init__(self, root: Value, *, forward: bool = False, names: Any = None) -> None:
        if forward not in (True, False):
            raise TypeError(f"forward is True to begin with the forward pass, else False, got {forward!r}")
        self._pass = BackwardPass(root, names)
        self.names = self._pass.names
        self._given_names = [(name, node) for node, name in self.names.given.items()]  # `names` may be read only once
        if not len(self._pass):
            remedy = "compute it outside of no_grad() and detach()" if root.is_detached else "compute something from it"
            raise ValueError(f"{root!r} is a leaf: there is nothing to step through; {remedy}")
        computed = [node for node in self._pass.order if node._primitive is not None] if forward else []
        self._forward = ForwardSteps(computed, self.names)
        self._forward_done = 0
        self._last: AnyStep | None = None
        self._stopped_at = ""
        self.breakpoints: list[Breakpoint] = []
        weakref.finalize(self, self._pass.stop).atexit = False

    # ---- where it stands ----

    @property
    def root(self) -> Value:
        """The result that is differentiated."""
        return self._pass.root

    @property
    def position(self) -> int:
        """How many steps have been done, those of the forward pass included."""
        return self._forward_done + self._pass.position

    def __len__(self) -> int:
        return len(self._forward) + len(self._pass)

    @property
    def done(self) -> bool:
        """Whether all steps have been done."""
        return self.position == len(self)

    @property
    def last(self) -> AnyStep | None:
        """The record of the last step that was done."""
        return self._last

    def __reduce__(self) -> Any:
        # a shallow copy, too: it would move the same pass, which the one that is dropped first closes for both
        return self.names.__reduce__()

    # ---- moving ----

    @explained
    def next(self, count: int = 1) -> AnyStep:
        """Do the next step, or `count` of them; returns the record of the last.

        Args:
            count: how many steps, 1 or more.

        Raises:
            IndexError: there are fewer steps left; nothing has moved.
            ValueError: `count` is less than 1.
            RuntimeError: the stepper was closed, or the gradients were changed by something else.
        """
        self._check_count(count, len(self) - self.position, "left", "the pass is complete: back() goes back")
        return self._move(self.position + count)

    def __iter__(self) -> Stepper:
        """For a loop over the steps that are left, each of which it does: a ``break`` leaves it where it is."""
        return self

    def __next__(self) -> AnyStep:
        if self.done:
            raise StopIteration
        return self.next()

    @explained
    def back(self, count: int = 1) -> Stepper:
        """Undo the last step, or `count` of them: every gradient is exactly what it was.

        Args:
            count: how many steps, 1 or more.

        Raises:
            IndexError: fewer steps have been done; nothing has moved.
            ValueError: `count` is less than 1.
            RuntimeError: the stepper was closed, or the gradients were changed by something else.
        """
        self._check_count(count, self.position, "done", "this is the start of the pass: next() goes on")
        self._move(self.position - count)
        return self

    @explained
    def to(self, target: Value | str) -> AnyStep:
        """Go, forward or back, to just after the step of a node; for a leaf, the one that makes its gradient final.

        Args:
            target: a node or its name, as it is printed.

        Raises:
            ValueError: it is not in the graph, no gradient reaches it, or several nodes have that label.
        """
        stops = self._stops(self.names.find(target))
        ahead = [stop for stop in stops if stop >= self.position]
        return self._move(min(ahead) if ahead else max(stops))

    jump = to  # its name at the command line

    def reset(self) -> Stepper:
        """Go back to the start: every gradient is what it was."""
        self._move(0)
        return self

    def why(self, target: Value | str, k: int = 5) -> Why:
        """Why the gradient of a node is what it is: see `engine.stepping.why`; the names are this stepper's."""
        from .paths import why

        return why(self.root, target, k, self._given_names)

    @explained
    def run(self) -> AnyStep:
        """Go on to the next breakpoint, or to the end.

        Raises:
            IndexError: it is at the end already.
        """
        return self.until(None)

    @explained
    def until(self, condition: Callable[[AnyStep], Any] | None) -> AnyStep:
        """Go on until ``condition(step)`` holds after a step, or a breakpoint stops it, or to the end.

        Args:
            condition: a function from the record of a step to whether to stop; None for breakpoints only.

        Raises:
            TypeError: `condition` cannot be called.
            IndexError: it is at the end already.
        """
        if condition is not None and not callable(condition):
            raise TypeError(f"until() takes a function from a step to true or false, got {condition!r}")
        step = self.next()
        while not self._meets(step, condition) and not self.done:
            step = self.next()
        return step

    def _meets(self, step: AnyStep, condition: Callable[[AnyStep], Any] | None) -> bool:
        met = [point.description for point in self.breakpoints if point.condition(step)]
        if condition is not None and condition(step):
            met.append("the condition holds")
        self._stopped_at = ", ".join(dict.fromkeys(met))
        return bool(met)

    def _move(self, position: int) -> AnyStep:
        """Move to a position; returns the record of the step before it."""
        self._stopped_at = ""
        while self.position > position:
            self._undo()
        if self._last is None and 0 < position == self.position:
            self._undo()  # to do it again, for its record
        while self.position < position:
            if self._forward_done < len(self._forward):
                self._last = self._forward[self._forward_done]
                self._forward_done += 1
            else:
                self._last = self._pass.advance()
        return self._last  # type: ignore[return-value]  # None at the start, where only back() goes, which drops it

    def _undo(self) -> None:
        if self._pass.position:
            self._pass.retreat()
        else:
            self._forward_done -= 1
        self._last = None

    def _check_count(self, count: int, there: int, what: str, none: str) -> None:
        if not isinstance(count, Integral) or count < 1:
            raise ValueError(f"the number of steps must be 1 or more, got {count!r}")
        if count > there:
            most = f"only {there} {'step is' if there == 1 else 'steps are'} {what}"
            raise IndexError(f"cannot go {count} steps: {most}" if there else none)

    def _stops(self, node: Value) -> list[int]:
        """The positions just after the node is computed, and after its gradient is handed on or complete.

        Raises:
            ValueError: there is none.
        """
        stops = [k for k, computed in enumerate(self._forward.nodes, 1) if computed is node]
        stop = self._pass.stop_of(node)
        if stop is not None:
            stops.append(len(self._forward) + stop)
        if not stops:
            raise ValueError(f"no gradient reaches {self.names(node)}: it has no step")
        return stops

    def _require_steps_that_change(self, node: Value) -> None:
        """Some step gives the node a gradient.

        Raises:
            ValueError: none does.
        """
        name = self.names(node)
        if node is self.root:
            raise ValueError(f"the gradient of {name} is 1, where the pass starts, and no step changes it")
        if self._pass.stop_of(node) is None:
            raise ValueError(f"no gradient reaches {name}: no step changes it")

    # ---- breakpoints ----

    @explained
    def break_at(
        self,
        target: Value | str | Primitive | Callable[[AnyStep], bool],
        *,
        changes: bool = False,
        nan: bool = False,
        exceeds: float | None = None,
    ) -> Breakpoint:
        """Make `run` and `until` stop after a step.

        Args:
            target: a node or its name: its own step, for a leaf the one that makes its gradient final; a
                primitive, its name or symbol: each step of such a node; or a function from a step to whether to stop.
            changes: stop whenever the gradient of the node changes instead.
            nan: stop when it turns nan instead.
            exceeds: stop when its size exceeds this instead.

        Returns:
            The breakpoint, for `clear`.

        Raises:
            TypeError: `target` is none of these.
            ValueError: no node or primitive of the graph has that name, or several nodes; no gradient reaches it, or a
                change is meant of the root's, which is 1; more than one condition, or one for something else than a
                node; `exceeds` is negative or nan.

        >>> a = Value(2.0, "a")
        >>> s = Stepper(a * a * a)
        >>> s.break_at("a", exceeds=10)
        <breakpoint: the gradient of a exceeds 10>
        >>> s.run().after
        (8.0, 12.0)
        """
        made = breakpoint_at(target, self.names, changes=changes, nan=nan, exceeds=exceeds)
        if made.node is not None:  # else it would never stop
            self._stops(made.node)
            if changes or nan or exceeds is not None:
                self._require_steps_that_change(made.node)
        self.breakpoints.append(made)
        return made

    def clear(self, point: Breakpoint | None = None) -> None:
        """Remove a breakpoint, or all of them.

        Args:
            point: what `break_at` returned; None for all.

        Raises:
            ValueError: it is not among them.
        """
        if point is None:
            self.breakpoints.clear()
        elif point in self.breakpoints:
            self.breakpoints.remove(point)
        else:
            raise ValueError(f"{point!r} is not set; there are {self.breakpoints or 'none'}")

    # ---- as a page ----

    def save(self, path: str | PathLike[str], **options: Any) -> Path:
        """Save both passes as a page to step through in a browser, wherever this stepper stands.

        Args:
            path: an ``.html`` file to write, complete in itself.
            options: those of `engine.drawing.save_steps`.

        Raises:
            OSError: the file cannot be written.
            ValueError: the graph is too large for a page.
        """
        return self.root.save_steps(path, **{"names": self._given_names, **options})

    # ---- the end ----

    def close(self) -> None:
        """End it: half-way, the gradients from before come back; after the last step they stay."""
        self._pass.stop()

    def __enter__(self) -> Stepper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- what is shown ----

    def _sheet(self) -> Sheet:
        """Where it stands, what is done and what waits."""
        return standing(self._pass, self._forward, self._forward_done, self._stopped_at)

    def _repr_html_(self) -> str:
        """In a notebook the page to step through, where this stepper stands; of a large graph the table."""
        forward = sum(node._primitive is not None for node in self._pass.order)
        moved = self._pass.position or not len(self._forward)
        at = forward + 1 + self._pass.position if moved else self._forward_done
        return self.root._steps_frame(self._given_names, at) or self._sheet().html()
