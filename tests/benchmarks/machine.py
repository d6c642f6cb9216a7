"""The machine that figures were taken on: the first line that every benchmark prints."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PEERS = ("numpy", "llvmlite", "torch", "jax", "numba")


def cpu_name() -> str:
    """The CPU's name as the system gives it, with family and model where the name alone says little."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        if platform.system() == "Darwin":
            told = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True)
            return told.stdout.strip() or platform.machine()
        return platform.processor() or platform.machine()
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    name = fields.get("model name") or platform.machine()
    if "cpu family" in fields:
        name += f" (family {fields['cpu family']}, model {fields.get('model', '?')})"
    return name


def print_machine(dtypes: tuple[str, ...] = ()) -> None:
    """Print the CPU's name, the packages that are installed, and the core's peak for each dtype."""
    versions = {package: _version(package) for package in PEERS}
    installed = [f"{package} {number}" for package, number in versions.items() if number]
    print(
        f"{cpu_name()}, {os.cpu_count()} processors; {', '.join([f'Python {platform.python_version()}', *installed])}"
    )
    if absent := [package for package, number in versions.items() if not number]:
        print(f"not installed, so not compared with: {', '.join(absent)}")
    if dtypes:
        from engine.compiler.backends.llvm.jit.cpu import vector_bytes
        from engine.compiler.backends.llvm.jit.peak import peak_flops

        peaks = ", ".join(f"{peak_flops(dtype) / 1e9:.1f} GFLOP/s in {dtype}" for dtype in dtypes)
        print(f"vectors of {vector_bytes()} bytes; a core's multiply-adds at best: {peaks}")


def _version(package: str) -> str:
    """Its version; nothing if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
