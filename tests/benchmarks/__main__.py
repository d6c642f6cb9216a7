"""The claims of the README and the commands that measure them: python -m tests.benchmarks"""

COMMANDS = {
    "a training step, compiled, beside PyTorch, JAX, micrograd": "taskset -c 1 python -m tests.benchmarks.compiled",
    "the same on two threads": "python -m tests.benchmarks.compiled threads",
    "how long until programs are ready": "taskset -c 1 python -m tests.benchmarks.compiled compile",
    "what fit takes besides its epochs": "taskset -c 1 python -m tests.benchmarks.compiled fits",
    "wide layers, beside C with OpenBLAS too": "taskset -c 1 python -m tests.benchmarks.wide",
    "networks of all widths and batches": "taskset -c 1 python -m tests.benchmarks.wide --grid",
    "widths and batches that fill no vectors": "taskset -c 1 python -m tests.benchmarks.wide --odd",
    "evaluation, and what validation and dropout cost": "taskset -c 1 python -m tests.benchmarks.evaluation",
    "how long until fit trains a known network": "taskset -c 1 python -m tests.benchmarks.evaluation start",
    "growth with parameters, batch and nodes": "taskset -c 1 python -m tests.benchmarks.growth",
    "many nets in a call, beside JAX's vmap": "taskset -c 1 python -m tests.benchmarks.many",
    "a scalar program that is no network": "taskset -c 1 python -m tests.benchmarks.heston",
    "what blocks of flat loss save": "taskset -c 1 python -m tests.benchmarks.flat",
    "the eager engine beside micrograd": "python -m tests.benchmarks.eager",
    "memory of training": "python -m tests.benchmarks.memory",
    "checking gradients": "python -m tests.benchmarks.checking",
    "drawing": "python -m tests.benchmarks.drawing",
}

if __name__ == "__main__":
    for claim, command in COMMANDS.items():
        print(f"{claim:70} {command}")
