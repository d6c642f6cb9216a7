"""The shape of the project: imports point down the floors, and `import engine` stays light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What a floor imports when it is loaded stands on a floor below it. A package counts as one module.
FLOORS = [
    {"template", "ieee", "differences", "display", "reports", "check"},
    {"primitive", "testing"},
    {"ops", "oracle"},
    {"value"},
    {"graph", "naming", "expressions"},
    {"copying", "backprop", "source"},
    {"stepping", "paths", "explanation", "anomaly", "kinks", "rounding", "subjects", "strategies"},
    {"stepper", "culprits", "blackbox", "drawing", "compiler"},
    {"verification", "walking"},
    {"checkup"},
]
CORE = ["template", "primitive", "ieee", "ops", "value", "graph", "copying", "backprop"]
HEAVY = {
    "numpy",
    "graphviz",
    "hypothesis",
    "rich",
    "pygraphviz",
    "llvmlite",
    "torch",
    "matplotlib",
    "mpmath",
    "IPython",
}


def imports(path: Path, *, top_level_only: bool) -> list[tuple[str, int]]:
    """Modules that a file imports, as absolute names, with their lines."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found += [(module, node.lineno)]
            found += [(f"{module}.{alias.name}", node.lineno) for alias in node.names if node.module is None]
    return found


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def floor_of(module: str) -> int:
    (floor,) = [k for k, names in enumerate(FLOORS) if module.split(".")[1] in names]
    return floor


@pytest.mark.parametrize("path", modules("engine"), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[1] in ("__init__", "__main__"):
        return  # the roof
    here = ".".join(parts[:2])
    for module, line in imports(path, top_level_only=True):
        if module.startswith("engine.") and module.split(".")[1] != parts[1]:
            assert floor_of(module) < floor_of(here), f"{path}:{line} imports {module}, which is not below it"


def test_the_engine_never_imports_the_network_package() -> None:
    for path in modules("engine"):
        for module, line in imports(path, top_level_only=False):
            assert module.split(".")[0] not in {"nn", "tests", "demos"}, f"{path}:{line} imports {module}"


def test_the_network_package_uses_the_public_face_of_the_engine() -> None:
    for path in modules("nn"):
        for module, line in imports(path, top_level_only=False):
            assert not module.startswith("engine."), f"{path}:{line} reaches into {module}"
            assert module.split(".")[0] not in {"tests", "demos"}, f"{path}:{line} imports {module}"


def test_imports_inside_functions_of_the_core_are_delegations_of_value() -> None:
    """Methods of Value that belong to a higher floor import it where they run; nothing else does so."""
    for name in CORE:
        path = ROOT / "engine" / f"{name}.py"
        inside = set(imports(path, top_level_only=False)) - set(imports(path, top_level_only=True))
        assert not inside or name == "value", f"{path} imports inside functions: {inside}"


def test_no_module_has_the_name_of_a_public_function() -> None:
    import engine
    import nn

    for package in (engine, nn):
        for path in modules(package.__name__):
            public = None if path.stem.startswith("__") else getattr(package, path.stem, None)
            assert not callable(public), f"{path} hides {package.__name__}.{path.stem} on import"


@pytest.mark.parametrize("package", ["engine", "nn"])
def test_import_is_light(package: str) -> None:
    """Nothing heavy is loaded (how long it takes is printed by the benchmark)."""
    code = f"import sys, {package}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not HEAVY & set(loaded.split())


@pytest.mark.parametrize("package", ["engine/compiler", "engine/compiler/llvm"])
def test_the_map_of_a_package_names_its_modules(package: str) -> None:
    words = set(re.findall(r"\w+", ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text())) or ""))
    assert {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"} <= words
