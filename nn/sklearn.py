"""Networks as scikit-learn's estimators: for pipelines, grid searches and cross-validation.

Parameters have the names of scikit-learn's own `MLPClassifier` and `MLPRegressor`; the network, its `model_`, is an
`nn.MLP`, trained by `nn.fit` in compiled code.

>>> from nn.sklearn import MLPClassifier
>>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], ["no", "yes", "yes", "no"]
>>> network = MLPClassifier((8,), "tanh", learning_rate_init=0.1, random_state=0)
>>> list(network.fit(X, y).predict(X))
[np.str_('no'), np.str_('yes'), np.str_('yes'), np.str_('no')]
"""

from __future__ import annotations

import difflib
import functools
import warnings
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeVar

try:
    import numpy as np
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    what = "scikit-learn 1.6 or later" if str(error.name).startswith("sklearn") else error.name
    raise ImportError(f'nn.sklearn needs {what}: pip install "scikit-learn>=1.6"') from None

from .arguments import real_number, true_or_false, whole_number
from .attributes import Explained
from .data.tables import note_columns, same_rows
from .evaluation.predicting import classify, predict, predict_proba
from .layers.dense import MLP
from .losses.named import LOSSES
from .optimisers.adam import Adam
from .optimisers.declaration import Memory
from .rows import refuse_gaps
from .training.history import History
from .training.loop import fit

__all__ = ["MLPClassifier", "MLPRegressor"]


_ABSENT = {
    **dict.fromkeys(
        ("solver", "momentum", "nesterovs_momentum", "beta_1", "beta_2", "epsilon"),
        "it is trained with Adam; nn.fit takes any optimiser",
    ),
    **dict.fromkeys(("learning_rate", "power_t"), "the rate stays learning_rate_init; nn.fit takes a schedule"),
    "warm_start": "each fit starts anew; nn.fit(..., resume=history) goes on",
    "class_weight": "give fit(..., sample_weight=), such as that of sklearn.utils.class_weight.compute_sample_weight",
    "max_fun": "it is trained with Adam, for max_iter epochs",
}
"""Parameters that scikit-learn's estimators have and these do not, and what to do instead."""


Init = TypeVar("Init", bound=Callable[..., None])


def _with_known_parameters(init: Init) -> Init:
    """An estimator's `__init__` that refuses unknown parameters, and says which ones there are."""

    @functools.wraps(init)  # scikit-learn reads the parameters from it
    def with_known(self: BaseEstimator, *args: Any, **given: Any) -> None:
        known: list[str] = self._get_param_names()
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                there = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                raise TypeError(f"{type(self).__name__} has no parameter {name!r}: {_ABSENT.get(name, there)}")
        init(self, *args, **given)

    return with_known  # type: ignore[return-value]  # wraps() keeps the signature


def _refuse_misread(X: Any, **beside: Any) -> None:
    """Refuse what scikit-learn's own checks would take for other numbers, or pair with other rows, than was meant.

    Args:
        X: the samples.
        beside: labels and weights by their names; None for none.

    Raises:
        TypeError: one hides numbers as gaps, or the samples are dates or durations.
        ValueError: the rows of tables have labels that contradict their positions.
    """
    given = {"X": X, **beside}
    for name, data in given.items():
        refuse_gaps(name, data)
    _refuse_dates("X", X)
    same_rows(**given)


def _refuse_dates(name: str, data: Any) -> None:
    """Refuse dates and durations, which count as nanoseconds where nothing else stands beside them.

    Raises:
        TypeError: there are some.
    """
    kinds = [*data.dtypes] if hasattr(data, "columns") else [getattr(data, "dtype", None)]
    for kind in kinds:
        if getattr(kind, "kind", "") in ("m", "M"):
            raise TypeError(f"{name} holds {kind}, not numbers: make numbers of dates and durations")


class _Penalised(Adam):
    """Adam with a factor of the L2 penalty for each parameter: biases have none."""

    decay = Memory()

    @staticmethod
    def rule(  # type: ignore[override]  # it has a memory more
        p: Any, g: Any, mean: Any, mean_square: Any, decay: Any, s: Any
    ) -> Any:
        """The update of one parameter; see `nn.Optimizer`."""
        return (*Adam.rule(p, g + decay * p, mean, mean_square, s), decay)


class _Network(Explained, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators share."""

    _factor = 1.0
    """By how much the loss that is trained exceeds scikit-learn's without its penalty."""

    @_with_known_parameters
    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        verbose: bool = False,
        backend: str = "auto",
    ) -> None:
        self.hidden_layer_sizes, self.activation, self.alpha = hidden_layer_sizes, activation, alpha
        self.batch_size, self.learning_rate_init, self.max_iter = batch_size, learning_rate_init, max_iter
        self.shuffle, self.random_state, self.tol, self.verbose = shuffle, random_state, tol, verbose
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.n_iter_no_change, self.backend = n_iter_no_change, backend

    def __setattr__(self, name: str, value: Any) -> None:
        """As for any estimator.

        Raises:
            AttributeError: it is a parameter of scikit-learn's estimators that nothing here would read.
        """
        if name in _ABSENT:
            raise AttributeError(f"{type(self).__name__} has no parameter {name!r}: {_ABSENT[name]}")
        super().__setattr__(name, value)

    def _learn(self, X: Any, y: Any, outputs: int, loss: str, sample_weight: Any) -> Any:
        """Train a network on checked samples and labels."""
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
            if sample_weight.min() < 0.0:
                raise ValueError(f"a sample weight must be at least 0, not {sample_weight.min():g}")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.model_ = self._network(X.shape[1], outputs, seed)
        size = 200 if self.batch_size == "auto" else whole_number("batch_size", self.batch_size, least=1)
        count = len(X) if sample_weight is None else sample_weight.sum()
        early = self._early_stopping()
        if early:
            count *= 1 - round(len(X) * early["validation"]) / len(X)  # what is held out teaches nothing
        terms = outputs if loss == "mse" else 1  # of which ours is the mean, scikit-learn's the sum
        optimizer = self._optimizer(min(size, count) or 1, self._factor / terms)  # `fit` refuses to hold out all
        if sample_weight is not None:  # so that a weight of 2 is a sample twice
            sample_weight = sample_weight * (len(X) / sample_weight.sum())
        self.history_ = fit(
            self.model_,
            X,
            y,
            LOSSES[loss],
            optimizer,
            epochs=whole_number("max_iter", self.max_iter, least=1),
            batch_size=min(size, len(X)),
            sample_weight=sample_weight,
            callbacks=() if self.early_stopping else self._has_settled,
            shuffle=self.shuffle,
            seed=seed,
            progress=bool(self.verbose),
            backend=self.backend,
            **early,
        )
        self.loss_curve_ = [each / self._factor for each in self.history_.losses]
        self.n_iter_ = len(self.loss_curve_)
        self.loss_ = self.loss_curve_[-1]
        if self.history_.stopped is None:
            warnings.warn(
                f"max_iter={self.max_iter} epochs passed before the loss settled", ConvergenceWarning, stacklevel=3
            )
        return self

    def _network(self, inputs: int, outputs: int, seed: int) -> MLP:
        """The network, not trained yet; as in scikit-learn, its weights begin smaller than `MLP` chooses for relu."""
        sizes = self.hidden_layer_sizes if np.iterable(self.hidden_layer_sizes) else [self.hidden_layer_sizes]
        hidden = [whole_number("hidden_layer_sizes", each, least=1) for each in sizes]
        activation = "sigmoid" if self.activation == "logistic" else self.activation  # as scikit-learn calls it
        return MLP(inputs, [*hidden, outputs], activation=activation, init="glorot_uniform", seed=seed)

    def _early_stopping(self) -> dict[str, Any]:
        """The arguments of `fit` that stop early; none without `early_stopping`."""
        patience = whole_number("n_iter_no_change", self.n_iter_no_change, least=1)
        tol = real_number("tol", self.tol, least=0.0)
        if not true_or_false("early_stopping", self.early_stopping):
            return {}
        share = real_number("validation_fraction", self.validation_fraction, least=0.0, most=1.0)
        return {"validation": share, "patience": patience, "min_delta": tol}

    def _optimizer(self, batch: float, scale: float) -> Adam:
        """The optimiser of the network, with scikit-learn's penalty on its weights.

        Args:
            batch: over how many samples the loss is a mean.
            scale: by how much it exceeds scikit-learn's.
        """
        rate = real_number("learning_rate_init", self.learning_rate_init, least=0.0)
        optimizer = _Penalised(self.model_.parameters(), lr=rate)
        decay = real_number("alpha", self.alpha, least=0.0) / batch * scale
        optimizer.decay = [0.0 if path.endswith(".b") else decay for path, _ in self.model_.named_parameters()]
        return optimizer

    def _samples(self, X: Any) -> Any:
        """Samples, checked as scikit-learn's estimators do; refused before there is a network."""
        check_is_fitted(self)
        _refuse_misread(X)
        return validate_data(self, X, dtype=np.float64, reset=False)

    def _has_settled(self, _: Any, history: History, epoch: int) -> bool:
        """Whether more than `n_iter_no_change` epochs in a row improved on the best before each by less than `tol`."""
        count, tol = self.n_iter_no_change + 1, self._factor * self.tol
        if epoch <= count:
            return False
        last = history.losses[-count:]
        best = accumulate(last, min, initial=min(history.losses[:-count]))
        return all(loss > before - tol for before, loss in zip(best, last))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.random_state is None
        return tags


class MLPClassifier(ClassifierMixin, _Network):  # type: ignore[misc]  # as above
    """A multi-layer perceptron for classes, trained with cross-entropy and Adam.

    Args:
        hidden_layer_sizes: neurons of each hidden layer.
        activation: of the hidden layers, a name of `nn.ACTIVATIONS`, or scikit-learn's "logistic" for "sigmoid".
        alpha: the factor of the L2 penalty on the weights, biases left out, which is divided by the samples of a batch.
        batch_size: samples in a batch; "auto" for 200 or all if there are fewer.
        learning_rate_init: Adam's learning rate.
        max_iter: the largest number of epochs.
        shuffle: whether batches are random.
        random_state: for the same network every time: an int, a `RandomState` or None.
        tol: by how much an epoch must improve on the best loss so far.
        early_stopping: whether to hold out samples and stop, with the best weights, when their loss stops improving.
        validation_fraction: the share of samples to hold out.
        n_iter_no_change: how many epochs in a row may pass without such an improvement.
        verbose: whether to show the progress.
        backend: as of `nn.fit`. With "auto" the first few samples that are predicted are computed eagerly, and later
            ones in compiled code, so that the same sample may have another last digit by then; "llvm" and "numpy"
            compile at once.

    Attributes:
        classes_: the labels, sorted.
        model_: the network, whose outputs are logits; it knows the columns of the table that it was trained with.
        history_: the course of the training.
        loss_curve_, loss_: the loss of each epoch, and of the last one; scikit-learn's has the penalty in it.
        n_iter_: the number of epochs.
        n_features_in_: the number of inputs.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPClassifier:
        """Train on samples and labels of any kind.

        Raises:
            TypeError: if arrays hide numbers as gaps, or X holds dates.
            ValueError: if there is only one class, rows of tables have labels that contradict their positions, or the
                data is not what scikit-learn's estimators take.
        """
        table = X
        _refuse_misread(X, y=y, sample_weight=sample_weight)
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, indices = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"a classifier needs two classes or more; there is one class, {str(self.classes_[0])!r}")
        self._learn(X, indices, len(self.classes_), "cross_entropy", sample_weight)
        note_columns(self.model_, table, None)
        return self

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class for each sample."""
        X = self._samples(X)
        return predict_proba(self.model_, X, loss="cross_entropy", backend=self.backend)

    def predict_log_proba(self, X: Any) -> Any:
        """The logarithms of these probabilities, accurate also where one rounds to 0."""
        X = self._samples(X)
        logits = predict(self.model_, X, backend=self.backend)
        logits -= logits.max(1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(1, keepdims=True))

    def predict(self, X: Any) -> Any:
        """The likeliest class of each sample."""
        X = self._samples(X)
        return self.classes_[classify(self.model_, X, loss="cross_entropy", backend=self.backend)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy; refuses the same data as `fit`."""
        _refuse_misread(X, y=y, sample_weight=sample_weight)
        return float(super().score(X, y, sample_weight))


class MLPRegressor(RegressorMixin, _Network):  # type: ignore[misc]  # as above
    """A multi-layer perceptron for numbers, trained with the mean squared error and Adam.

    Args and attributes are those of `MLPClassifier`, without classes; the loss is half of the mean squared error.
    """

    _factor = 2.0

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train on samples and their numbers, one or several for each.

        Raises:
            TypeError: if arrays hide numbers as gaps, or hold dates.
            ValueError: if rows of tables have labels that contradict their positions, or the data is not what
                scikit-learn's estimators take.
        """
        tables = X, y
        _refuse_misread(X, y=y, sample_weight=sample_weight)
        _refuse_dates("y", y)
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        targets = np.asarray(y, np.float64)
        if targets.ndim == 2 and targets.shape[1] == 1:
            from sklearn.utils import column_or_1d

            targets = column_or_1d(targets, warn=True)
        self._learn(X, targets, 1 if targets.ndim == 1 else targets.shape[1], "mse", sample_weight)
        note_columns(self.model_, *tables)
        return self

    def predict(self, X: Any) -> Any:
        """The numbers of each sample."""
        X = self._samples(X)
        found = predict(self.model_, X, backend=self.backend)
        return found[:, 0] if found.shape[1] == 1 else found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The coefficient of determination, R²; refuses the same data as `fit`."""
        _refuse_misread(X, y=y, sample_weight=sample_weight)
        return float(super().score(X, y, sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
