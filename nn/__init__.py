"""Neural networks built only from scalar nodes of `engine`."""

from .functional import ACTIVATIONS as ACTIVATIONS
from .functional import log_softmax as log_softmax
from .functional import one_hot as one_hot
from .functional import softmax as softmax
from .initializers import INITIALIZERS as INITIALIZERS
from .layers import MLP as MLP
from .layers import Layer as Layer
from .layers import Neuron as Neuron
from .module import Module as Module
