"""A scalar autodiff engine: step through backprop, draw it, prove it.

    w, x = Value(0.5, "w"), Value(2.0, "x")
    y = tanh(w * x) + 1           + - * / // % **, and the functions of PRIMITIVES
    y.backward(); w.grad          every gradient; y.zero_grad() clears them
    grad(y, w), gradient(f)(2.0)  of a result, of a function; hessian, jvp, hvp
    with no_grad(): ...           compute without recording

    y.stepper()                   step through: next, back, jump, run, break_at
    y.why("w")                    a gradient as the sum over its paths
    y.explain(), notes(y)         the graph as a table; what would mislead you
    y.draw("y.svg"), y.draw()     a picture in a file, or on the screen
    y.save_steps("y.html")        a page to step through in a browser
    find_anomaly(y)               where an inf or a nan came from
    check_gradients(f, [2.0])     prove gradients by finite differences
    compile(f)                    the same in native code
    adopt(node)                   step and judge a student's own engine
    declare("f", forward, [df])   a primitive of your own

At the shell: python -m engine "tanh(w*x)" w=0.5 x=2 --step. Networks: help("nn").

>>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
>>> y = tanh(w * x)
>>> y.backward()
>>> w.grad
0.83994868322805...
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import graph as graph
from . import methods as _methods  # noqa: F401  # gives Value its methods
from . import operators as _operators  # noqa: F401  # gives Value its operators
from .backprop import backward as backward
from .backprop import grad as grad
from .backprop import local_derivatives as local_derivatives
from .backprop import require_whole_gradients as require_whole_gradients
from .functional import gradient as gradient
from .functional import hessian as hessian
from .functional import hvp as hvp
from .functional import jacobian as jacobian
from .functional import jvp as jvp
from .functional import value_and_grad as value_and_grad
from .graph import leaves as leaves
from .graph import topological_order as topological_order
from .imported import TABLE as TABLE
from .imported import Imported as Imported
from .imported import digest_of as digest_of
from .imported import looking_once as looking_once
from .interval import Interval as Interval
from .modes import always_recorded as always_recorded
from .modes import announce_change as announce_change
from .modes import changes as changes
from .modes import no_grad as no_grad
from .modes import purpose as purpose
from .numbers import Requirement as Requirement
from .numbers import is_narrow as is_narrow
from .numbers import is_traced as is_traced
from .numbers import require as require
from .operators import affine as affine
from .ops import *  # noqa: F403  # the whole table: an operation is added there and nowhere else
from .primitive import PRIMITIVES as PRIMITIVES
from .primitive import Primitive as Primitive
from .primitive import declare as declare
from .primitive import lookup as lookup
from .process.collector import collector_at_rest as collector_at_rest
from .text.phrasebook import Phrasebook as Phrasebook
from .value import Constant as Constant
from .value import Value as Value
from .value import leaves_made as leaves_made

if TYPE_CHECKING:
    from .adopting import Adoption as Adoption
    from .adopting import adopt as adopt
    from .checking import check_gradients as check_gradients
    from .compiler import Batch as Batch
    from .compiler import BatchLoss as BatchLoss
    from .compiler import Compiled as Compiled
    from .compiler import Description as Description
    from .compiler import Drop as Drop
    from .compiler import Due as Due
    from .compiler import Guards as Guards
    from .compiler import LeafReadError as LeafReadError
    from .compiler import Masks as Masks
    from .compiler import RepeatedStep as RepeatedStep
    from .compiler import Session as Session
    from .compiler import Surroundings as Surroundings
    from .compiler import TraceError as TraceError
    from .compiler import Traces as Traces
    from .compiler import TreeReader as TreeReader
    from .compiler import TypeGuard as TypeGuard
    from .compiler import all_same as all_same
    from .compiler import batch_loss as batch_loss
    from .compiler import classes_of as classes_of
    from .compiler import compile as compile
    from .compiler import counts_steps as counts_steps
    from .compiler import lent_numbers as lent_numbers
    from .compiler import let_rule_describe_itself as let_rule_describe_itself
    from .compiler import lost_loss as lost_loss
    from .compiler import new_lock as new_lock
    from .compiler import open_session as open_session
    from .compiler import traces_of as traces_of
    from .compiler import update_step as update_step
    from .drawing import draw as draw
    from .drawing import draw_dot as draw_dot
    from .drawing import to_dot as to_dot
    from .drawing.notebook import show_picture as show_picture
    from .process.files import write_file as write_file
    from .stepping import AnomalyError as AnomalyError
    from .stepping import backward_steps as backward_steps
    from .stepping import detect_anomaly as detect_anomaly
    from .stepping import find_anomaly as find_anomaly
    from .stepping import forward_steps as forward_steps
    from .text.callers import warn_user as warn_user
    from .text.names import label as label
    from .text.names import label_locals as label_locals
    from .text.remarks import notes as notes
    from .text.remarks import register_note as register_note
    from .text.sheet import Sheet as Sheet
    from .text.sheet import Shown as Shown
    from .text.sheet import counted as counted
    from .text.sheet import display_width as display_width

_NAMES = {
    "adopting": "Adoption adopt",
    "checking": "check_gradients",
    "compiler": "Batch BatchLoss Compiled Description Drop Due LeafReadError Masks RepeatedStep Session Surroundings "
    "TraceError Traces TreeReader TypeGuard Guards all_same batch_loss classes_of compile counts_steps lent_numbers "
    "let_rule_describe_itself lost_loss new_lock open_session traces_of update_step",
    "drawing": "draw draw_dot to_dot",
    "drawing.notebook": "show_picture",
    "process.files": "write_file",
    "stepping": "AnomalyError backward_steps detect_anomaly find_anomaly forward_steps",
    "text.callers": "warn_user",
    "text.names": "label label_locals",
    "text.remarks": "notes register_note",
    "text.sheet": "Sheet Shown counted display_width",
}
_ON_FIRST_USE = {name: module for module, names in _NAMES.items() for name in names.split()}
"""The names that are imported on first use, with their modules."""


def __getattr__(name: str) -> Any:
    """Import on first use what not every program needs, so that `import engine` stays light."""
    from importlib import import_module

    if name in _ON_FIRST_USE:
        return getattr(import_module(f".{_ON_FIRST_USE[name]}", __name__), name)
    from .text.elsewhere import ELSEWHERE

    remedy = f": write {ELSEWHERE[name]}" if name in ELSEWHERE else ""
    message = f"module {__name__!r} has no attribute {name!r}{remedy}"
    raise AttributeError(message, name=name, obj=sys.modules[__name__])  # from these Python suggests a similar name


_FOR_NN = """Batch BatchLoss Description Drop Due Guards Imported LeafReadError Masks Phrasebook RepeatedStep Session
    Shown Surroundings TABLE Traces TreeReader TypeGuard all_same always_recorded batch_loss changes classes_of
    collector_at_rest counted counts_steps digest_of display_width is_narrow is_traced leaves_made lent_numbers
    let_rule_describe_itself looking_once lost_loss new_lock open_session purpose require_whole_gradients show_picture
    traces_of update_step warn_user write_file"""
_BUILT_ON = frozenset(_FOR_NN.split())
"""What `nn` is built on: imported from here like everything else, but not offered to users of the engine alone."""

_IMPORTS = frozenset({"Any", "ModuleType", "TYPE_CHECKING", "annotations"})  # needed by this file only

__all__ = sorted(
    {
        *(name for name, thing in globals().items() if name[0] != "_" and not isinstance(thing, ModuleType)),
        *_ON_FIRST_USE,
    }
    - _BUILT_ON
    - _IMPORTS
)


def __dir__() -> list[str]:
    """What tab completion offers: the public names, without the modules they come from."""
    return __all__
