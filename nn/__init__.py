"""Neural networks built only from scalar nodes of `engine`.

>>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
>>> model = MLP(2, [8, 2], activation="tanh", seed=1)
>>> history = fit(model, X, y, cross_entropy, SGD(model.parameters(), lr=0.5, momentum=0.9), epochs=50)
>>> accuracy(model, X, y)
1.0
"""

from typing import TYPE_CHECKING, Any

from .checkpoint import load as load
from .checkpoint import save as save
from .data import batches as batches
from .data import train_test_split as train_test_split
from .functional import ACTIVATIONS as ACTIVATIONS
from .functional import log_softmax as log_softmax
from .functional import one_hot as one_hot
from .functional import softmax as softmax
from .initializers import INITIALIZERS as INITIALIZERS
from .layers import MLP as MLP
from .layers import Layer as Layer
from .layers import Neuron as Neuron
from .losses import bce as bce
from .losses import bce_with_logits as bce_with_logits
from .losses import cross_entropy as cross_entropy
from .losses import hinge as hinge
from .losses import mae as mae
from .losses import mse as mse
from .losses import nll as nll
from .module import Module as Module
from .optim import SGD as SGD
from .optim import Adam as Adam
from .optim import AdamW as AdamW
from .optim import Optimizer as Optimizer
from .progress import Progress as Progress
from .training import EagerStep as EagerStep
from .training import History as History
from .training import Step as Step
from .training import accuracy as accuracy
from .training import classify as classify
from .training import fit as fit
from .training import predict as predict
from .training import score as score

if TYPE_CHECKING:
    from .trainer import Trainer as Trainer


def __getattr__(name: str) -> Any:
    """`Trainer` is imported when somebody asks for it: it brings the compiler."""
    if name == "Trainer":
        from .trainer import Trainer

        return Trainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), "Trainer"})
