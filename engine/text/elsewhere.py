"""What micrograd's, PyTorch's, JAX's and TensorFlow's names are called in `engine`, for errors that tell."""

ELSEWHERE = {
    "Tensor": "Value",
    "Variable": "Value",
    "arccos": "acos",
    "arcsin": "asin",
    "arctan": "atan",
    "arctan2": "atan2",
    "clamp": "minimum(maximum(x, low), high)",
    "clip": "minimum(maximum(x, low), high)",
    "custom_gradient": "declare",
    "custom_jvp": "declare",
    "custom_vjp": "declare",
    "inference_mode": "no_grad",
    "jacfwd": "jacobian",
    "jacrev": "jacobian",
    "jit": "compile",
    "ln": "log",
    "make_dot": "draw",
    "set_detect_anomaly": "detect_anomaly",
    "stop_gradient": "the method detach() of a Value",
    "swish": "silu",
    "tensor": "Value",
    "vmap": "compile, which makes a function of one sample one of batches",
}
"""By the name elsewhere, what to write here."""
