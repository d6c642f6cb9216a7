"""Neural networks built only from scalar nodes of `engine`.

    model = MLP(64, [32, 10], "relu", seed=1)     Layer, Sequential, Residual, Dropout, Embedding,
                                                  LayerNorm, RMSNorm, SelfAttention; or any Module
    optimizer = Adam(model.parameters(), lr=0.01) SGD, AdamW; declare your own with Setting and Memory
    fit(model, X, y, cross_entropy, optimizer,    losses: mse, mae, bce, bce_with_logits, hinge, nll;
        epochs=20, validation=0.2, patience=3)    per_sample(f) makes a loss of a function of one sample
    history.plot("curve.png"); history.to_dict()  what fit returns

    predict(model, X), predict_proba, classify    outputs, probabilities, classes
    accuracy(model, X, y), confusion_matrix       evaluate(model, X, y, loss, metrics)
    save(model, "m.json", optimizer=optimizer)    load(model, "m.json"); .safetensors too
    summary(model, X[0])                          layers, parameters, costs
    train_test_split(X, y), batches, one_hot      data; schedules.cosine(0.1, steps) for rates
    Trainer(model, loss, optimizer).step(X, y)    single steps in compiled code; EagerStep in the open
    fit_many(make, configs, X, y)                 a table of many nets, here or over an executor
    nn.sklearn.MLPClassifier, MLPRegressor        for pipelines and grid searches

fit compiles by itself; backend="eager" is the same in the open. micrograd's scripts: nn.micrograd.

>>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
>>> model = MLP(2, [8, 2], activation="tanh", seed=1)
>>> history = fit(model, X, y, cross_entropy, SGD(model.parameters(), lr=0.5, momentum=0.9), epochs=50)
>>> accuracy(model, X, y)
1.0
"""

import sys
from types import ModuleType
from typing import Any

from . import schedules as schedules
from .checkpoints.files import Checkpoint as Checkpoint
from .checkpoints.files import load as load
from .checkpoints.files import save as save
from .data.splits import batches as batches
from .data.splits import train_test_split as train_test_split
from .evaluation.description import Summary as Summary
from .evaluation.description import summary as summary
from .evaluation.metrics import accuracy as accuracy
from .evaluation.metrics import confusion_matrix as confusion_matrix
from .evaluation.predicting import classify as classify
from .evaluation.predicting import predict as predict
from .evaluation.predicting import predict_proba as predict_proba
from .evaluation.programs import EagerWarning as EagerWarning
from .evaluation.scoring import evaluate as evaluate
from .evaluation.scoring import score as score
from .layers.activations import ACTIVATIONS as ACTIVATIONS
from .layers.activations import log_softmax as log_softmax
from .layers.activations import one_hot as one_hot
from .layers.activations import softmax as softmax
from .layers.attention import SelfAttention as SelfAttention
from .layers.dense import MLP as MLP
from .layers.dense import Layer as Layer
from .layers.dense import Neuron as Neuron
from .layers.dropout import Dropout as Dropout
from .layers.embedding import Embedding as Embedding
from .layers.initializers import INITIALIZERS as INITIALIZERS
from .layers.module import Module as Module
from .layers.normalization import LayerNorm as LayerNorm
from .layers.normalization import RMSNorm as RMSNorm
from .layers.sequential import Activation as Activation
from .layers.sequential import Residual as Residual
from .layers.sequential import Sequential as Sequential
from .losses import remarks as _remarks  # noqa: F401  # notes on graphs, registered on import
from .losses.binary import bce as bce
from .losses.binary import bce_with_logits as bce_with_logits
from .losses.binary import hinge as hinge
from .losses.classes import cross_entropy as cross_entropy
from .losses.classes import nll as nll
from .losses.reduction import per_sample as per_sample
from .losses.regression import mae as mae
from .losses.regression import mse as mse
from .many.table import fit_many as fit_many
from .optimisers.adam import Adam as Adam
from .optimisers.adam import AdamW as AdamW
from .optimisers.base import Optimizer as Optimizer
from .optimisers.declaration import Memory as Memory
from .optimisers.declaration import Setting as Setting
from .optimisers.sgd import SGD as SGD
from .own_code import note_code as _note_code
from .training.history import History as History
from .training.loop import fit as fit
from .training.progress import Progress as Progress
from .training.steps import EagerStep as EagerStep
from .training.steps import Step as Step
from .training.trainer.compiled import Trainer as Trainer

_note_code()


def __getattr__(name: str) -> Any:
    """Import on first use what is slow to import: `nn.sklearn` brings scikit-learn."""
    if name == "sklearn":
        from importlib import import_module

        return import_module(".sklearn", __name__)
    from .elsewhere import remark

    message = f"module {__name__!r} has no attribute {name!r}{remark(name)}"
    raise AttributeError(message, name=name, obj=sys.modules[__name__])  # from these Python suggests a similar name


__all__ = sorted(
    [
        "schedules",  # and not "sklearn": a star import must not ask for scikit-learn
        *(name for name, thing in globals().items() if name[0] != "_" and not isinstance(thing, ModuleType)),
    ]
)
for _name in ("Any", "ModuleType"):  # needed by this file only
    __all__.remove(_name)


def __dir__() -> list[str]:
    """What tab completion offers: the public names, without the modules they come from."""
    return __all__
