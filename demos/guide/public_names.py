"""A Sphinx directive, ``public-names``: every name of a package's ``__all__`` with its docstring, sorted by kind."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.inspect import signature as call_signature
from sphinx.util.inspect import stringify_signature

from engine import Primitive
from engine.text.phrasebook import Missing
from nn import Optimizer


class PublicNames(Directive):
    """``.. public-names:: engine`` with a kind as its content: classes, functions, modules, primitives or data."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The entries, parsed in place."""
        package = importlib.import_module(self.arguments[0])
        (kind,) = self.content
        lines = [line for name in sorted(package.__all__) for line in _entry(package, name, kind)]
        node = nodes.section()
        node.document = self.state.document
        self.state.nested_parse(StringList(lines, source=self.arguments[0]), self.content_offset, node)
        return node.children


def kind_of(thing: Any) -> str:
    """What a public name stands for."""
    if isinstance(thing, Primitive):
        return "primitives"
    if inspect.isclass(thing):
        return "classes"
    if inspect.ismodule(thing):
        return "modules"
    return "functions" if callable(thing) else "data"


def _entry(package: Any, name: str, kind: str) -> Iterator[str]:
    thing = getattr(package, name)
    if kind_of(thing) != kind:
        return
    where = f"{package.__name__}.{name}"
    if kind == "primitives":
        yield f".. py:function:: {thing.signature}"
        yield ""
        for line in (thing.__doc__ or "").splitlines():
            yield f"   | {line.replace('*', chr(92) + '*').replace('|', chr(92) + '|')}"
    elif kind == "classes":
        yield f".. autoclass:: {where}"
        yield "   :members:"
        # `params` is a slot that the list of attributes has already; the others are documented at their base class.
        inherited = {name for base in thing.__mro__[1:] if base.__name__ in package.__all__ for name in vars(base)}
        yield f"   :exclude-members: {', '.join(['params', *sorted(inherited)])}"
    elif kind == "functions":
        yield f".. autofunction:: {where}"
    elif kind == "modules":
        yield f".. automodule:: {thing.__name__}"
        yield "   :members:"
    else:
        yield f".. py:data:: {name}"
        yield ""
        yield f"   {type(thing).__name__} of {', '.join(list(map(str, thing))[:12])}, ..."
    yield ""


def _signature(app: Any, what: str, name: str, thing: Any, options: Any, signature: str, returns: str) -> Any:
    """Show the arguments of an optimiser's `__init__`, where Sphinx shows those of `__new__`."""
    if what == "class" and issubclass(thing, Optimizer):
        signature = stringify_signature(call_signature(thing.__init__, bound_method=True), show_annotation=False)
    return signature, returns


def _skipped(app: Any, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out other libraries' attributes, which a class has only to say what to write."""
    return True if isinstance(thing, Missing) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("public-names", PublicNames)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skipped)
    return {"parallel_read_safe": True}
