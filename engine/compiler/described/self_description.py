"""A function's description of itself, by which its signature is found on disk as long as it is unchanged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...imported import TABLE
from ...value import Value
from ..samples.batch import Shape
from .description import Description, description_of
from .records import forget_signature, recall_signature, remember_signature
from .signatures import Signature


class SelfDescription:
    """A function's description of itself when it is traced, by which a later process finds its signature.

    Args:
        function: a function of one sample.
        shapes: the shapes of the samples.
        asked: whether to ask the function; otherwise there is no description.

    Attributes:
        remembered: the signature from an earlier process, if there is one.
    """

    def __init__(self, function: Callable[..., Any], shapes: Sequence[Shape], asked: bool) -> None:
        self._function, self._shapes = function, tuple(shapes)
        self._description = description_of(function) if asked else None
        self.remembered = recall_signature(self._description, self._shapes) if self._description else None
        self._is_kept = self.remembered is not None

    @property
    def is_given(self) -> bool:
        """Whether there is a description of all that determines the function."""
        return self._description is not None

    @property
    def values(self) -> Sequence[Value]:
        """The Values in the description, in its order."""
        return self._description.values if self._description else ()

    def is_unchanged(self) -> bool:
        """Whether all that determines the function is unchanged."""
        now = self._now()
        return now is not None and self._description is not None and now.is_of(self._description)

    def holds(self) -> bool:
        """Whether the code of the function is unchanged.

        Then it is known to use labels as numbers, and to do the same at every call.
        """
        return self._description is not None and TABLE.is_unchanged() and self._description.holds()

    def keep(self, signature: Signature) -> None:
        """Keep the signature for later processes."""
        description = None if self._is_kept else self._as_before()
        if description:
            remember_signature(description, self._shapes, signature)
            self._is_kept = True

    def forget(self) -> None:
        """Let later processes trace the function, if it was remembered."""
        description = self._as_before() if self._is_kept else None
        if description:
            forget_signature(description, self._shapes)

    def _now(self) -> Description | None:
        return description_of(self._function) if self._description else None

    def _as_before(self) -> Description | None:
        """The description, if it is still that of the trace."""
        now = self._now()
        return now if now and self._description and now.text == self._description.text else None
