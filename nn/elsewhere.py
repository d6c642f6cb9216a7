"""What names of PyTorch, Keras and scikit-learn are called in `nn`, and what is not there, for errors that tell."""

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
    "StepLR": "schedules.step(lr, every, factor), given to fit as schedule=",
    "Tanh": 'Activation("tanh")',
    "Value": "engine.Value",
    "accuracy_score": "accuracy(model, X, y)",
    "binary_cross_entropy": "bce",
    "binary_cross_entropy_with_logits": "bce_with_logits",
    "clip_grad_norm_": "fit(..., clip_norm=1.0), or Trainer(..., clip_norm=1.0)",
    "clip_grad_value_": "fit(..., clip_value=1.0), or Trainer(..., clip_value=1.0)",
    "functional": "the function itself: cross_entropy, mse, softmax, ...",
    "init": "Layer(..., init=a name of INITIALIZERS)",
    "l1_loss": "mae",
    "mean_absolute_error": 'mae, or evaluate(..., metrics=["mae"])',
    "mean_squared_error": "mse",
    "mse_loss": "mse",
    "nll_loss": "nll",
    "no_grad": "engine.no_grad",
    "optim": "the optimiser itself: SGD, Adam, AdamW",
    "optimizers": "the optimiser itself: SGD, Adam, AdamW",
    "r2_score": 'evaluate(..., metrics=["r2"])',
    "relu": 'engine.relu, or Activation("relu") as a layer',
    "sigmoid": 'engine.sigmoid, or Activation("sigmoid") as a layer',
    "silu": 'engine.silu, or Activation("silu") as a layer',
    "tanh": 'engine.tanh, or Activation("tanh") as a layer',
    "to_categorical": "one_hot(labels, classes)",
}
"""By the name elsewhere, what to write here."""

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
"""By the name of what is not here, what is."""


def remark(name: str) -> str:
    """What to say of a name that `nn` has not got; nothing of one that nobody has.

    >>> remark("MSELoss"), remark("GRU"), remark("nothing")
    (': write mse', ': it is not there; SelfAttention is, and a Module of your own may loop over a sequence', '')
    """
    if name in ELSEWHERE:
        return f": write {ELSEWHERE[name]}"
    return f": it is not there; {ABSENT[name]}" if name in ABSENT else ""
