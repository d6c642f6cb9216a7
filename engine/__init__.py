"""A scalar autodiff engine: record a computation, step through backprop, differentiate to any order.

>>> from engine import Value, tanh
>>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
>>> y = tanh(w * x)
>>> y.backward()
>>> w.grad
0.83994868322805...
"""

from typing import TYPE_CHECKING, Any

from . import graph as graph
from .backprop import backward as backward
from .backprop import grad as grad
from .backprop import gradient as gradient
from .backprop import hessian as hessian
from .backprop import hvp as hvp
from .backprop import jacobian as jacobian
from .backprop import jvp as jvp
from .backprop import local_derivatives as local_derivatives
from .backprop import value_and_grad as value_and_grad
from .graph import leaves as leaves
from .graph import topological_order as topological_order
from .naming import label as label
from .naming import label_locals as label_locals
from .ops import *  # noqa: F403  # the whole table: an operation is added there and nowhere else
from .primitive import PRIMITIVES as PRIMITIVES
from .primitive import Interval as Interval
from .primitive import Primitive as Primitive
from .primitive import declare as declare
from .primitive import lookup as lookup
from .value import Constant as Constant
from .value import Value as Value
from .value import no_grad as no_grad

if TYPE_CHECKING:
    from .anomaly import AnomalyError as AnomalyError
    from .anomaly import detect_anomaly as detect_anomaly
    from .anomaly import find_anomaly as find_anomaly
    from .check import check_gradients as check_gradients
    from .compiler import Batch as Batch
    from .compiler import Compiled as Compiled
    from .compiler import OptimizerSettings as OptimizerSettings
    from .compiler import Session as Session
    from .compiler import TraceError as TraceError
    from .compiler import compile as compile
    from .drawing import draw as draw
    from .drawing import draw_dot as draw_dot
    from .drawing import to_dot as to_dot
    from .stepping import backward_steps as backward_steps
    from .stepping import forward_steps as forward_steps

_UPPER_FLOORS = {
    "anomaly": ("AnomalyError", "detect_anomaly", "find_anomaly"),
    "check": ("check_gradients",),
    "compiler": ("Batch", "Compiled", "OptimizerSettings", "Session", "TraceError", "compile"),
    "drawing": ("draw", "draw_dot", "to_dot"),
    "stepping": ("backward_steps", "forward_steps"),
}


def __getattr__(name: str) -> Any:
    """The names of the upper floors, imported when somebody asks for them: `import engine` stays light."""
    from importlib import import_module

    for module, names in _UPPER_FLOORS.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *(name for names in _UPPER_FLOORS.values() for name in names)})
