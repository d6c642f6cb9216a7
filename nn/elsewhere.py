"""Names from PyTorch, Keras and scikit-learn, and what to write here instead: for helpful errors."""

from engine import Phrasebook

ELSEWHERE = {
    "BCELoss": "bce",
    "BCEWithLogitsLoss": "bce_with_logits",
    "BinaryCrossentropy": "bce, or bce_with_logits of raw outputs",
    "CategoricalCrossentropy": "cross_entropy of raw outputs, without a softmax before",
    "CosineAnnealingLR": "schedules.cosine(lr, steps), given to fit as schedule=",
    "CrossEntropyLoss": "cross_entropy",
    "DataLoader": "batches(X, y, batch_size), or fit, which draws them",
    "Dense": "Layer(inputs, outputs, activation)",
    "ELU": 'Activation("elu")',
    "EarlyStopping": "fit(..., validation=0.2, patience=5)",
    "GELU": 'Activation("gelu")',
    "HingeLoss": "hinge",
    "Identity": 'Activation("identity")',
    "KFold": "sklearn.model_selection.KFold, whose rows are indices of X and y",
    "L1Loss": "mae",
    "LambdaLR": "fit(..., schedule=a function of the number of the step)",
    "LayerNormalization": "LayerNorm(size)",
    "LeakyReLU": 'Activation("leaky_relu")',
    "Linear": 'Layer(inputs, outputs, "identity")',
    "LinearLR": "schedules.linear(lr, steps), given to fit as schedule=",
    "LogSigmoid": 'Activation("logsigmoid")',
    "LogSoftmax": "log_softmax; cross_entropy takes the raw outputs",
    "MLPClassifier": "nn.sklearn.MLPClassifier",
    "MLPRegressor": "nn.sklearn.MLPRegressor",
    "MSELoss": "mse",
    "MeanAbsoluteError": "mae",
    "MeanSquaredError": "mse",
    "Model": "Module, with a __call__ of your own, or Sequential",
    "ModelCheckpoint": "save(model, path) in a callback of fit",
    "ModuleDict": "a dict of modules: an attribute of a Module may be one",
    "ModuleList": "a list of modules: an attribute of a Module may be one",
    "MultiheadAttention": "SelfAttention",
    "NLLLoss": "nll",
    "Parameter": "engine.Value, held by an attribute of a Module",
    "ParameterList": "a list of engine.Value: an attribute of a Module may be one",
    "ReLU": 'Activation("relu")',
    "SiLU": 'Activation("silu")',
    "Sigmoid": 'Activation("sigmoid")',
    "Softmax": "softmax; cross_entropy takes logits",
    "Softplus": 'Activation("softplus")',
    "SparseCategoricalCrossentropy": "cross_entropy of raw outputs, without a softmax before",
    **dict.fromkeys(
        ("Normalization", "StandardScaler"),
        "sklearn.preprocessing.StandardScaler, or (X - X.mean(0)) / X.std(0) of an array",
    ),
    "StepLR": "schedules.step(lr, every, factor), given to fit as schedule=",
    "Tanh": 'Activation("tanh")',
    "Value": "engine.Value",
    "accuracy_score": "accuracy(model, X, y)",
    "binary_cross_entropy": "bce",
    "binary_crossentropy": "bce, or bce_with_logits of raw outputs",
    "binary_cross_entropy_with_logits": "bce_with_logits",
    "callbacks": "fit(..., callbacks=a function of model, history and epoch)",
    **dict.fromkeys(("categorical_crossentropy", "sparse_categorical_crossentropy"), "cross_entropy of raw outputs"),
    "clip_grad_norm_": "fit(..., clip_norm=1.0), or Trainer(..., clip_norm=1.0)",
    "clip_grad_value_": "fit(..., clip_value=1.0), or Trainer(..., clip_value=1.0)",
    "functional": "the function itself: cross_entropy, mse, softmax, ...",
    "init": "Layer(..., init=a name of INITIALIZERS)",
    "l1_loss": "mae",
    **dict.fromkeys(("load_model", "load_weights"), "load(model, path) of a model that was built as before"),
    "lr_scheduler": "schedules, of which fit takes one as schedule=",
    "manual_seed": "seed= of layers, fit and batches",
    "mean_absolute_error": 'mae, or evaluate(..., metrics=["mae"])',
    "mean_squared_error": "mse",
    "metrics": 'evaluate(..., metrics=["accuracy"])',
    "mse_loss": "mse",
    "nll_loss": "nll",
    "no_grad": "engine.no_grad",
    "optim": "the optimiser itself: SGD, Adam, AdamW",
    "optimizers": "the optimiser itself: SGD, Adam, AdamW",
    **dict.fromkeys(("r2", "r2_score"), 'evaluate(..., metrics=["r2"])'),
    "relu": 'engine.relu, or Activation("relu") as a layer',
    "sigmoid": 'engine.sigmoid, or Activation("sigmoid") as a layer',
    "silu": 'engine.silu, or Activation("silu") as a layer',
    "tanh": 'engine.tanh, or Activation("tanh") as a layer',
    "to_categorical": "one_hot(labels, classes)",
}
"""By the other library's name, what to write here."""

_RULES = "SGD, Adam and AdamW are, and an Optimizer with a rule of your own takes ten lines"
_NORMS = "LayerNorm and RMSNorm are, which scale each sample by itself"
_ARRAYS = "every number is a node, so that a Module of your own writes its loops out"
_LOSSES = "per_sample makes a loss of a function of one sample"
_SEQUENCES = "SelfAttention is, and a Module of your own may loop over a sequence"

ABSENT = {
    **dict.fromkeys(("Adadelta", "Adagrad", "Adamax", "LBFGS", "NAdam", "RAdam", "RMSprop", "Rprop"), _RULES),
    **dict.fromkeys(("BatchNorm1d", "BatchNorm2d", "BatchNormalization", "GroupNorm", "InstanceNorm1d"), _NORMS),
    **dict.fromkeys(("Conv1D", "Conv1d", "Conv2D", "Conv2d", "Flatten", "MaxPool2d", "MaxPooling2D"), _ARRAYS),
    **dict.fromkeys(("CosineSimilarity", "HuberLoss", "KLDivLoss", "SmoothL1Loss"), _LOSSES),
    **dict.fromkeys(("GRU", "LSTM", "RNN", "SimpleRNN"), _SEQUENCES),
    "ReduceLROnPlateau": "a callback of fit may set optimizer.lr",
}
"""By the name of what is missing here, what there is instead."""


def remark(name: str) -> str:
    """What to say of a name that `nn` does not have; empty if no other library is known to have it.

    >>> remark("MSELoss"), remark("GRU"), remark("nothing")
    (': write mse', ': it is not there; SelfAttention is, and a Module of your own may loop over a sequence', '')
    """
    if name in ELSEWHERE:
        return f": write {ELSEWHERE[name]}"
    return f": it is not there; {ABSENT[name]}" if name in ABSENT else ""


_STEPS: dict[tuple[str, ...], str] = {
    ("backward", "compile", "zero_grad"): "a step does all of that by itself",
    ("evaluate", "score", "test", "validate"): "write nn.evaluate(model, X, y, loss)",
    ("fit",): "write nn.fit(model, X, y, loss, optimizer); this makes single steps, of one batch each",
    ("forward", "predict"): "write nn.predict(model, X)",
}
_TRAIN = ("train", "train_on_batch", "train_step", "training_step", "update")

_BY_CLASS: dict[str, dict[tuple[str, ...], str]] = {
    "Module": {
        ("activation", "output"): "an MLP's layers have activations, as in model.layers[-1].activation",
        ("add", "append"): "a Sequential is made of its layers, and layers is a list",
        ("add_module", "register_buffer", "register_module", "register_parameter"): "set an attribute",
        ("apply",): "go through modules()",
        ("named_children", "named_modules"): "write children(), which gives paths too, or modules()",
        ("bias", "biases"): "each of a layer's neurons has its own, b; all are parameters()",
        ("classes_",): "nn.fit sets classes where labels are texts",
        ("coefs_", "get_weights", "intercepts_", "kernel", "trainable_variables", "trainable_weights"): (
            "the Values are parameters(), with their paths named_parameters()"
        ),
        ("compile",): "loss, optimiser and metrics are arguments of nn.fit, which compiles by itself",
        ("count_params", "n_params", "num_parameters"): "write len(model.parameters())",
        ("cpu", "cuda", "device", "double", "float", "half", "to"): "nn.fit(..., dtype=, threads=) says how",
        ("draw", "plot", "show", "visualize"): "write y.draw(path, names=model) of a result y, or nn.summary(model, x)",
        ("evaluate",): "write nn.evaluate(model, X, y, loss)",
        ("fit",): "write nn.fit(model, X, y, loss, optimizer)",
        ("forward", "transform"): "call the model itself: model(x)",
        ("freeze", "requires_grad", "requires_grad_", "trainable"): (
            "what an optimiser does not hold is frozen: give it the parameters to train"
        ),
        ("history",): "nn.fit gives it back",
        ("in_features",): "a Layer has nin",
        ("load", "load_state_dict", "load_weights", "set_weights"): "write nn.load(model, path)",
        ("out_features", "units"): "write len(layer.neurons)",
        ("partial_fit",): (
            "write nn.Trainer(model, loss, optimizer).step(X, y), or nn.fit(...), which goes on from here"
        ),
        ("predict",): "write nn.predict(model, X) for outputs, nn.classify(model, X) for classes",
        ("predict_proba",): "write nn.predict_proba(model, X)",
        ("save", "save_weights", "state_dict"): "write nn.save(model, path); the Values are named_parameters()",
        ("score",): "write nn.accuracy(model, X, y), or nn.score(model, X, y, loss) for the loss",
        ("step", "train_on_batch"): "write nn.Trainer(model, loss, optimizer).step(X, y)",
        ("stop_training",): "a callback that returns True stops the training",
        ("summary",): "write nn.summary(model, sample)",
        ("weight", "weights"): "each of a layer's neurons has its own, w; all are parameters()",
    },
    "Optimizer": {
        ("add_param_group",): "assign more parameters to params; all have the same settings",
        ("apply_gradients", "minimize"): "write loss.backward(), then step()",
        ("clip_norm", "clip_value", "clipnorm", "clipvalue", "max_grad_norm", "schedule"): (
            "it is an argument of nn.fit and nn.Trainer"
        ),
        ("get_config", "state_dict"): "write nn.save(model, path, optimizer=optimizer), or read settings",
        ("load_state_dict", "set_weights"): "write nn.load(model, path, optimizer=optimizer)",
        ("param_groups", "parameters"): "the parameters are params, and lr is the rate of all",
        ("_own_state", "_params", "settings"): "begin its __init__ with super().__init__(params, lr)",
    },
    "_Network": {
        ("coefs_", "intercepts_"): "the network is model_, and its Values are model_.named_parameters()",
        ("out_activation_", "n_layers_", "n_outputs_"): "the network is model_, with its layers",
        ("best_loss_", "best_validation_score_", "t_", "validation_scores_"): "the course of the training is history_",
        ("partial_fit",): "each fit starts anew; write nn.fit(estimator.model_, X, y, loss, optimizer)",
    },
    "Settings": {("dtype", "threads"): "it is said when the Trainer is made"},
    "Trainer": {**_STEPS, _TRAIN: "write step(X, y), with a batch"},
    "EagerStep": {
        **_STEPS,
        (*_TRAIN, "step"): "call it with a batch, as in step(X, y)",
        ("clip_norm", "clip_value"): "give it when the step is made",
        ("schedule",): "set optimizer.lr before each step, or give schedule= to nn.fit or nn.Trainer",
    },
    "History": {
        ("epoch", "epochs"): "write len(losses), or to_dict()['epoch']",
        ("acc", "accuracy", "val_acc", "val_accuracy"): (
            "write to_dict()['validation_accuracy'], of fit(..., validation=0.2)"
        ),
        ("history",): "write to_dict()",
        ("columns", "keys"): "write to_dict()",
        ("save",): "write nn.save(model, path, history=history), or plot(path) for the curves",
        ("to_csv", "to_dataframe", "to_frame"): "write pandas.DataFrame(history.to_dict())",
        ("loss", "train_loss"): "losses are those of the epochs, batch_losses those of all batches",
        ("val_loss", "validation_loss"): "write to_dict()['validation_loss']",
    },
}

_OUTPUTS = ("input", "output", "outputs", "pred", "preds", "y_hat", "y_pred", "y_score")
_SCORES = ("prediction", "score", "probability", "logit", "logits", "log_probabilities")
_LABELS = ("label", "labels", "target", "targets", "y_true")

_BY_NAME: dict[str, dict[tuple[str, ...], str]] = {
    **{name: {(*_OUTPUTS, "logits", "probabilities"): ""} for name in _SCORES},
    **{name: {_LABELS: ""} for name in ("target", "label")},
    "X": {("X_train", "data", "inputs", "samples", "x", "x_train"): ""},
    "activation": {("act", "activation_fn", "nonlinearity"): ""},
    "batch_size": {("batch", "minibatch_size"): ""},
    "bias": {("use_bias", "fit_intercept"): ""},
    "classes": {("depth", "n_classes", "num_classes"): ""},
    "clip_norm": {("clipnorm", "max_grad_norm", "max_norm"): ""},
    "clip_value": {("clipvalue",): ""},
    "betas": {("beta_1", "beta_2"): "write betas=(0.9, 0.999)"},
    "count": {("input_dim", "num_embeddings", "vocab_size"): ""},
    "epochs": {
        ("initial_epoch",): "write resume=history, and in epochs those done before, too",
        ("max_epochs", "max_iter", "n_epochs", "nb_epoch", "num_epochs"): "",
    },
    "eps": {("epsilon",): ""},
    **{name: {("batch_size", "verbose"): "leave it out"} for name in ("evaluate()", "predict()")},
    "every": {("decay_steps", "step_size"): ""},
    "executor": {("n_jobs",): "write executor=concurrent.futures.ProcessPoolExecutor()"},
    "factor": {("decay_rate", "gamma"): ""},
    "epoch()": {("epochs",): "call it once for each, or write nn.fit(..., epochs=3)"},
    "fit()": {
        ("steps_per_epoch",): "an epoch takes each sample once, batch_size at a time",
        ("device", "accelerator"): "leave it out, since training runs on the CPU",
    },
    "heads": {("n_head", "n_heads", "num_heads"): ""},
    "init": {("init_weights", "kernel_initializer", "weight_init"): ""},
    "loss": {("criterion", "loss_fn", "loss_function"): ""},
    "Layer()": {
        ("bias_regularizer", "kernel_regularizer"): "write weight_decay= of the optimiser",
        ("input_shape",): "nin says how many numbers it takes",
        ("name",): "layers have paths, those of model.named_parameters()",
    },
    "logits": {("axis", "dim"): "a row is a sample, and its entries are classes"},
    "lr": {("initial_learning_rate", "learning_rate", "learning_rate_init"): ""},
    "min_delta": {("tol",): "write min_delta=, beside patience="},
    "model": {_OUTPUTS: "give the model and X, and the outputs are computed"},
    "nin": {("in_features", "input_dim", "input_size", "n_inputs"): ""},
    "nout": {("n_outputs", "out_features", "output_dim", "output_size", "units"): ""},
    "nouts": {("hidden_layer_sizes", "hidden_sizes", "layer_sizes"): "write nouts=[16, 3], the output layer last"},
    "optimizer": {
        ("learning_rate", "learning_rate_init", "lr", "momentum", "weight_decay"): (
            "the optimiser has it, as in optimizer=nn.SGD(model.parameters(), lr=0.1), and later optimizer.lr"
        ),
        ("optim", "solver"): "",
    },
    "p": {("drop_prob", "rate"): ""},
    "params": {
        ("clipnorm", "clipvalue", "max_grad_norm"): (
            "it is an argument of nn.fit and nn.Trainer, clip_norm or clip_value"
        ),
        ("parameters",): "",
    },
    "patience": {("early_stopping", "n_iter_no_change"): "write validation=0.2, patience=5"},
    "progress": {("progress_bar", "verbose"): "write progress=True"},
    "reduction": {
        ("axis", "dim"): "a row is a sample, and its entries are classes or outputs",
        ("class_weight", "pos_weight", "sample_weight", "weight"): (
            "write nn.fit(..., class_weight=) or sample_weight=; or reduction='none', and weigh the losses"
        ),
        ("from_logits",): "cross_entropy and bce_with_logits take raw outputs; bce takes probabilities, nll logarithms",
        ("ignore_index",): "leave out those samples, or write nn.fit(..., sample_weight=) with 0 for them",
        ("label_smoothing",): "write rows of probabilities as labels, such as [0.05, 0.95]",
        ("reduce", "size_average"): "write reduction='mean', 'sum' or 'none'",
    },
    "run()": {("epochs",): "write steps=, on these samples; epoch(X, y) makes a step for each batch"},
    "schedule": {("lr_scheduler", "scheduler"): ""},
    "seed": {("random_state", "rng"): ""},
    "size": {("embed_dim", "embedding_dim", "normalized_shape", "output_dim"): ""},
    "step()": {("closure",): "compute the loss and call its backward() before"},
    "test": {("train_size",): "write test_size=, the share or number that is left"},
    **{
        f"{name}()": {("row", "values", "xs"): f"the logits are one list, as in {name}([2.0, 1.0])"}
        for name in ("softmax", "log_softmax")
    },
    "steps": {("T_max", "decay_steps"): ""},
    "validation": {
        ("eval_set", "validation_data"): "write validation=(X, y)",
        ("validation_fraction", "validation_split"): "write validation=0.2, the share to hold out",
    },
    "y": {(*_LABELS, "Y", "y_train"): ""},
    "zero_grad()": {("set_to_none",): "a gradient is a number, which becomes 0"},
}

_BOOK = Phrasebook(_BY_NAME, _BY_CLASS)
explained, missing, with_remedy = _BOOK.explained, _BOOK.missing, _BOOK.with_remedy
instead_of, no_attribute = _BOOK.instead_of, _BOOK.no_attribute
