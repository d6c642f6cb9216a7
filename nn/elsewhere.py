"""What PyTorch's and Keras's names are called in `nn`, for errors that tell."""

ELSEWHERE = {
    "BCELoss": "bce",
    "BCEWithLogitsLoss": "bce_with_logits",
    "CrossEntropyLoss": "cross_entropy",
    "Dense": "Layer(inputs, outputs, activation)",
    "GELU": 'Activation("gelu")',
    "L1Loss": "mae",
    "LeakyReLU": 'Activation("leaky_relu")',
    "Linear": 'Layer(inputs, outputs, "identity")',
    "MSELoss": "mse",
    "MultiheadAttention": "SelfAttention",
    "NLLLoss": "nll",
    "Parameter": "engine.Value, held by an attribute of a Module",
    "ReLU": 'Activation("relu")',
    "SiLU": 'Activation("silu")',
    "Sigmoid": 'Activation("sigmoid")',
    "Softmax": "softmax; cross_entropy takes logits",
    "Tanh": 'Activation("tanh")',
    "binary_cross_entropy": "bce",
    "binary_cross_entropy_with_logits": "bce_with_logits",
    "l1_loss": "mae",
    "mse_loss": "mse",
    "nll_loss": "nll",
}
"""By the name elsewhere, what to write here."""
