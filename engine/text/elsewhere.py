"""Names from micrograd, HIPS/autograd, PyTorch, JAX and CasADi, and what to write here instead: for helpful errors."""

from .phrasebook import Phrasebook

_CHECKS = ("approx_fprime", "check_grad", "check_grads", "gradcheck", "gradgradcheck")

ELSEWHERE = {
    **dict.fromkeys(("MX", "SX", "Tensor", "Variable", "tensor"), "Value"),
    **dict.fromkeys(("Function", "custom_gradient", "custom_jvp", "custom_vjp", "defjvp", "defvjp"), "declare"),
    **dict.fromkeys(_CHECKS, "check_gradients"),
    **dict.fromkeys(("cond", "if_else"), "where(condition, x, y)"),
    **dict.fromkeys(("clamp", "clip"), "minimum(maximum(x, low), high)"),
    **dict.fromkeys(("hessian_vector_product", "make_hvp", "vhp"), "hvp"),
    **dict.fromkeys(("inference_mode", "set_grad_enabled"), "no_grad"),
    **dict.fromkeys(("jacfwd", "jacrev"), "jacobian"),
    **dict.fromkeys(("jit", "njit"), "compile"),
    **dict.fromkeys(("jtimes", "linearize", "make_jvp"), "jvp"),
    **dict.fromkeys(("amax", "fmax", "max"), "maximum"),
    **dict.fromkeys(("amin", "fmin", "min"), "minimum"),
    **dict.fromkeys(("make_vjp", "vector_jacobian_product", "vjp"), "grad(weight * y, x), or value_and_grad(f)"),
    **{name: f"the method {name}() of a Value" for name in ("explain", "save_steps", "stepper", "why", "zero_grad")},
    "Module": "nn.Module, after import nn",
    "absolute": "abs",
    "arccos": "acos",
    "arcsin": "asin",
    "arctan": "atan",
    "arctan2": "atan2",
    "elementwise_grad": "gradient(f)(x), of one number at a time",
    "fabs": "abs",
    "ln": "log",
    "make_dot": "draw",
    "make_jaxpr": 'compile(f), and after a call its explain("trace")',
    "matmul": "dot(ws, xs) of each row",
    **{
        name: f"nn.{name}, after import nn"
        for name in ("MLP", "SGD", "Adam", "cross_entropy", "fit", "mse", "one_hot", "softmax", "log_softmax")
    },
    **dict.fromkeys(
        ("cat", "concat", "concatenate", "hstack", "stack", "vstack"),
        "[*xs, *ys], since rows are lists, each entry a Value",
    ),
    **dict.fromkeys(("ones", "rand", "randn", "zeros"), "[Value(0.0) for _ in range(n)], a list with numbers of yours"),
    "manual_seed": "random.seed(1), or seed= of nn's layers, fit and batches",
    "nn": "import nn",
    "power": "pow",
    "prod": "math.prod(xs), whose result is a Value",
    "rint": "round",
    "set_detect_anomaly": "detect_anomaly",
    "stop_gradient": "the method detach() of a Value",
    "swish": "silu",
    "vmap": "compile, which makes a function of one sample one of batches",
}
"""By the other library's name, what to write here."""

_POINTS = ("args", "inputs", "point", "primals", "x", "x0", "xs")
_TOLERANCES = ("atol", "rtol", "tol", "tolerance")
_STEPS = ("delta", "eps", "epsilon", "h", "step", "step_size")
_GRAPH = "leave it out, since a graph stays as long as its result"
_FILES = ("file", "filename", "fname", "outfile", "to_file")

_BY_NAME: dict[str, dict[tuple[str, ...], str]] = {
    **{f"{name}()": {_POINTS: f"write {name}(f)(*numbers)"} for name in ("gradient", "hessian", "jacobian")},
    "value_and_grad()": {_POINTS: "write value_and_grad(f)(*numbers)"},
    "backward()": {
        ("gradient",): "write (weight * y).backward()",
        ("create_graph",): "for derivatives that have a graph write engine.grad(y, x, create_graph=True)",
        ("inputs",): "write engine.grad(y, inputs), which changes no grad",
        ("retain_graph",): _GRAPH,
    },
    "check_gradients()": {
        ("verbose",): "print the report that it gives",
        ("raise_exception",): "the report that it gives is false if a gradient is wrong, and assert_gradients of "
        "engine.testing raises an error",
    },
    "classes": {("n_classes",): ""},
    "compile()": {
        ("cache",): "leave it out, since programs are kept on disk; STEPGRAD_CACHE=off keeps none",
        ("device",): "leave it out, since programs run on the CPU",
        ("donate_argnames", "donate_argnums"): "leave it out, since no argument is overwritten",
        ("batch_size", "dynamic"): "leave it out, since a program takes any number of samples",
        ("forceobj", "fullgraph", "nopython"): "leave it out, since all is compiled, or refused",
        ("in_axes", "out_axes"): "leave it out, since each entry of an argument is a sample",
        ("mode", "options"): "leave it out, since all programs are optimised alike",
        ("static_argnames", "static_argnums"): "the function holds what is fixed, as in compile(lambda x: f(x, 3))",
    },
    "count": {("k", "n", "num", "steps", "times"): ""},
    "declare()": {
        ("backward", "derivative", "derivatives", "df", "grad", "gradient", "jvp", "vjp"): (
            "write local_derivatives=[lambda z, x: ...], a rule for each operand"
        ),
        ("f", "fn", "fun", "func", "function"): "here it is forward",
    },
    "detect_anomaly()": {("check_nan", "mode"): "write `with detect_anomaly():`, inside of which inf and nan raise"},
    "directions": {("fast_mode",): "write directions=20 for random directions in place of every input"},
    "dtype": {("float32", "precision"): 'write dtype="float32"'},
    "domain": {("max_value", "min_value"): "write domain=engine.Interval(low, high)"},
    "draw_dot()": {(*_FILES, "view"): "write draw_dot(y).render(filename), or y.draw(path)"},
    "f": {
        ("fn", "fun", "func", "function"): "",
        ("argnum", "argnums"): "all arguments are differentiated; to hold others write lambda x: f(x, 2.0)",
        ("create_graph",): "the results are numbers; grad(y, x, create_graph=True) gives Values",
        ("has_aux",): "f gives what is differentiated, and nothing else",
    },
    "features": {("n_features", "n_inputs"): ""},
    "forward": {("backward", "reverse"): "it steps backward; forward=True begins with the forward pass"},
    "function": {("f", "fn", "fun", "func"): ""},
    "grad": {("fprime", "gradient", "jac"): ""},
    "grad()": {
        ("grad_outputs",): "write grad(weight * y, x)",
        ("allow_unused", "materialize_grads"): "leave it out, since a Value that y does not depend on has 0.0",
        ("argnum", "argnums", "has_aux"): "it takes a result; of a function write gradient(f)(*numbers)",
        ("retain_graph",): _GRAPH,
    },
    "inputs": {("sources", "wrt", "x"): ""},
    "jvp": {("mode", "modes"): "give grad= for reverse mode of other code, jvp= for forward mode"},
    "k": {("limit", "n", "num", "paths", "top"): ""},
    "max_nodes": {("max_leaves", "max_size"): ""},
    "max_rows": {("max_size", "n_samples"): ""},
    "names": {("params",): ""},
    "noise": {
        _STEPS: "the steps are chosen for each input, and their error is bounded",
        _TOLERANCES: "the error of the differences is bounded; noise= is how far f itself may be off",
    },
    "output": {("loss", "outputs", "target", "y"): ""},
    "path": {
        _FILES: "",
        ("fmt", "format"): "the ending of path says it: .svg, .png, .pdf or .dot",
        ("show", "view"): "leave path out, and the picture is shown",
    },
    "point": {_POINTS: ""},
    "rankdir": {("direction", "orientation", "rank_dir"): ""},
    "rows": {("limit", "max_rows", "n"): ""},
    "run()": {("until", "target", "to"): 'write to("w") for a node, until(f) for a condition, or break_at("w") before'},
    "stepper()": {("breakpoints",): "call break_at() of the stepper"},
    "target": {("label", "node", "step", "to"): ""},
    "theme": {("dark", "dark_mode"): 'write theme="dark"'},
    "threads": {("n_threads", "num_threads", "parallel", "workers"): "write threads=2"},
    "to_dot()": {(*_FILES, "fmt", "format"): "it gives DOT as text; draw() makes a file of a picture"},
    "v": {("direction", "tangents", "vector"): ""},
    "xs": {_POINTS: ""},
    "zero_grad()": {("set_to_none",): "a gradient is a number, which becomes 0"},
}

_BY_CLASS: dict[str, dict[tuple[str, ...], str]] = {
    "Compiled": {
        ("grad", "gradient"): "write value_and_grad(...), with wrt='inputs' for derivatives by the samples",
        ("forward", "map", "vmap"): "call the function itself",
        ("jvp",): "write engine.jvp(f, numbers, direction)",
        ("hessian", "jacobian"): "write engine.hessian(f)(*numbers) or engine.jacobian(f)(*numbers)",
        ("save_steps", "stepper", "why"): "f.function(Value(2.0), ...) gives the graph of one sample, which has it",
        ("lower", "inspect_llvm"): 'after a call write explain(), explain("plan") or llvm_ir()',
    },
    "Stepper": {
        ("cont", "continue_", "finish"): "write run()",
        ("forward",): "write v.stepper(forward=True), which begins with the forward pass",
        ("goto",): "write to(node)",
        ("breakpoint", "set_break"): "write break_at(node)",
        ("prev", "previous", "undo"): "write back()",
        ("step",): "write next()",
        ("watch",): "write break_at(node, changes=True)",
    },
    "Value": {
        ("clamp", "clip"): "write engine.minimum(engine.maximum(v, low), high)",
        ("clone",): "write v + 0, or v.detach() for a copy outside the graph",
        ("grad_fn",): "write v.primitive and v.operands",
        ("_children",): "write v.operands",
        ("dim", "ndim", "numel", "shape", "size"): "it is one number",
        ("flatten", "reshape", "squeeze", "unsqueeze", "view"): "it is one number",
        ("is_leaf",): "write not v.operands",
        ("item", "value"): "write v.data, or float(v)",
        ("dot", "matmul"): "write engine.dot(vs, ws), of two lists",
        ("max", "maximum"): "write engine.maximum(v, w)",
        ("mean", "sum"): "it is one number; engine.mean(vs) and engine.sum(vs) take a list",
        ("min", "minimum"): "write engine.minimum(v, w)",
        ("numpy",): "write v.data",
        ("plot", "render", "show", "visualize"): "write v.draw()",
        **{(name,): f"write engine.{name}(v)" for name in ("find_anomaly", "leaves", "notes", "to_dot")},
        ("register_hook",): "step through with v.stepper(), and break_at()",
        ("requires_grad", "requires_grad_"): (
            "every Value has a gradient; detach() cuts one off, and what no optimiser holds is frozen"
        ),
        ("retain_grad",): "every Value keeps its gradient",
        ("save",): 'write v.draw("graph.svg") for a picture, v.save_steps("steps.html") for a page',
        ("step", "steps"): "write v.stepper()",
        ("add_", "copy_", "fill_", "mul_", "sub_"): "write v.data = number, or v.data += number",
        ("zero_",): "write v.data = 0.0, or v.grad = 0.0",
    },
}

BOOK = Phrasebook(_BY_NAME, _BY_CLASS)
explained, missing = BOOK.explained, BOOK.missing
