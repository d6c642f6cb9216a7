"""Names from micrograd, PyTorch, JAX and TensorFlow, and what to write here instead: for helpful errors."""

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
"""By the other library's name, what to write here."""
