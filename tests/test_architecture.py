"""The shape of the project: imports point down the floors, in no circle, and `import engine` stays light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from .mutants.table import TESTS

ROOT = Path(__file__).parent.parent

# From the ground up; what stands on one line is one floor. A module belongs to the longest name that it begins with.
# What is imported stands on a floor below, or in the same package.
FLOORS = """
    engine.process  engine.modes  engine.text.callers  engine.text.phrasebook
    engine.numbers  engine.template  engine.ieee  engine.text.elsewhere
    engine.interval
    engine.declarations
    engine.primitive
    engine.ops  engine.text.takers
    engine.value
    engine.graph  engine.operators  engine.pullbacks
    engine.imported
    engine.backprop  engine.copying
    engine.functional  engine.methods
    engine.text
    engine.stepping  engine.adopting
    engine.checking
    engine.drawing
    engine.compiler.errors
    engine.compiler.samples  engine.compiler.values
    engine.compiler.frontend
    engine.compiler.requirements
    engine.compiler.labels
    engine.compiler.passes
    engine.compiler.plan
    engine.compiler.pipeline  engine.compiler.loss_structure
    engine.compiler.update
    engine.compiler.backends.llvm.ir
    engine.compiler.backends.llvm.kernels
    engine.compiler.backends.llvm.jit
    engine.compiler.backends.llvm.runtime
    engine.compiler.backends.llvm.direct
    engine.compiler.backends.llvm
    engine.compiler.backends
    engine.compiler.described
    engine.compiler.comparison  engine.compiler.live_trace
    engine.compiler.specialisation
    engine.compiler.calls
    engine.compiler.explain
    engine.compiler.compiled
    engine.compiler.training
    engine.compiler
    engine.testing  engine.strategies
    engine.shell
    engine  engine.__main__
    nn.elsewhere
    nn.arguments  nn.attributes  nn.modes  nn.threads
    nn.rows
    nn.layers
    nn.losses  nn.optimisers  nn.schedules  nn.data
    nn.own_code  nn.purity
    nn.evaluation
    nn.training
    nn.checkpoints  nn.many
    nn  nn.micrograd
""".strip().splitlines()
HEIGHT = {name: height for height, line in enumerate(FLOORS) for name in line.split()}

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


class Import(NamedTuple):
    """One module that a file imports."""

    module: str
    line: int
    lazy: bool  # inside a function
    for_types: bool  # under TYPE_CHECKING


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = {name_of(path): path for package in ("engine", "nn") for path in sorted((ROOT / package).rglob("*.py"))}


def imports(path: Path) -> Iterator[Import]:
    """What a file imports, as absolute names."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]

    def walk(node: ast.AST, lazy: bool, for_types: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, child.lineno, lazy, for_types)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] if child.level else ()
                module = ".".join([*base, *([child.module] if child.module else [])])
                for alias in child.names:
                    inner = f"{module}.{alias.name}"
                    yield Import(inner if inner in PATHS else module, child.lineno, lazy, for_types)
            else:
                types = for_types or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test))
                yield from walk(child, lazy or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)), types)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), False, False)


IMPORTS = {name: list(imports(path)) for name, path in PATHS.items()}


def floor_of(module: str) -> str:
    """The name in the list that stands for a module."""
    while module not in HEIGHT:
        module, dot, _ = module.rpartition(".")
        assert dot, f"{module} stands on no floor: add it to FLOORS"
    return module


def is_delegation(module: str, found: Import) -> bool:
    """The public face and the methods of Value fetch upper floors when somebody asks for them, and nobody else does."""
    return found.lazy and module in {"engine.methods", "engine", "nn"}


@pytest.mark.parametrize("module", PATHS)
def test_imports_point_down(module: str) -> None:
    here = floor_of(module)
    for found in IMPORTS[module]:
        top = found.module.split(".")[0]
        if top not in ("engine", "nn") or is_delegation(module, found):
            continue
        if found.for_types and module in ("engine.value", "engine.methods", "engine", "nn"):
            continue  # the signatures of what upper floors add
        there = floor_of(found.module)
        if top != module.split(".")[0]:
            assert (top, module.split(".")[0]) == ("engine", "nn"), f"{module}:{found.line} imports {found.module}"
        elif there != here:
            assert HEIGHT[there] < HEIGHT[here], f"{module}:{found.line} imports {found.module}, which is not below it"


def test_there_is_no_circle() -> None:
    """Lazy imports count too, but not those for type checkers alone."""
    below = {
        module: {f.module for f in found if f.module in PATHS and not f.for_types and not is_delegation(module, f)}
        for module, found in IMPORTS.items()
    }
    while below:
        ground = {module for module, needs in below.items() if not needs & below.keys() - {module}}
        assert ground, f"a circle among {sorted(below)}"
        below = {module: needs for module, needs in below.items() if module not in ground}


def test_the_floors_name_only_what_is_there() -> None:
    assert HEIGHT.keys() <= PATHS.keys()


def test_the_network_package_uses_the_public_face_of_the_engine() -> None:
    for module, found in IMPORTS.items():
        for one in found:
            assert one.module.split(".")[0] not in {"tests", "demos"}, f"{module}:{one.line} imports {one.module}"
            if module.startswith("nn"):
                assert not one.module.startswith("engine."), f"{module}:{one.line} reaches into {one.module}"


def test_every_package_is_installed() -> None:
    """They are listed one by one."""
    (listing,) = re.findall(r"^packages = (\[.*?^\])", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE)
    listed = ast.literal_eval(listing)
    assert listed == sorted(name for name, path in PATHS.items() if path.name == "__init__.py")


def test_the_walk_from_a_step_to_machine_code() -> None:
    """CONTRIBUTING lists the files; each of them imports the next one."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("### From `Trainer.step` to machine code")[2].partition("\n## ")[0]
    walk = [name_of(ROOT / path) for path in re.findall(r"^\d+\. `([\w/]+\.py)`", section, re.MULTILINE)]
    assert 2 < len(walk) <= 12
    assert (walk[0], walk[-1]) == ("nn.training.trainer.compiled", "engine.compiler.backends.llvm.jit.machine_code")
    for here, there in pairwise(walk):
        assert there in {found.module for found in IMPORTS[here]}, f"{here} does not import {there}"


def test_contributing_names_only_files_that_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path in re.findall(r"`((?:engine|nn|tests)/[\w/.]*)`", text):
        assert (ROOT / path).exists(), path


def test_what_is_mutated_and_the_tests_beside_it_are_there() -> None:
    for module, tests in TESTS.items():
        for path in (module, *[test.partition("::")[0] for test in tests]):
            assert (ROOT / path).exists(), path


def test_mutants_that_no_test_could_notice_are_of_modules_that_are_mutated() -> None:
    """A module that had moved left its entries behind, and its mutants were survivors again."""
    for line in (ROOT / "tests" / "mutants" / "equivalent.txt").read_text(encoding="utf-8").splitlines():
        if line and line[0] != "#":
            assert any(re.fullmatch(line.partition(": ")[0], module) for module in TESTS), line


def test_no_module_has_the_name_of_a_public_function() -> None:
    import engine
    import nn

    for package in (engine, nn):
        for name, path in PATHS.items():
            if name.split(".")[0] == package.__name__:
                public = None if path.stem.startswith("__") else getattr(package, path.stem, None)
                assert not callable(public), f"{path} hides {package.__name__}.{path.stem} on import"


@pytest.mark.parametrize("package", ["engine", "nn"])
def test_import_is_light(package: str) -> None:
    """Nothing heavy is loaded (how long it takes is printed by the benchmark)."""
    code = f"import sys, {package}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not HEAVY & set(loaded.split())


@pytest.mark.parametrize(
    "package", [name for name, path in PATHS.items() if path.name == "__init__.py" and name.count(".")]
)
def test_the_map_of_a_package_names_its_modules(package: str) -> None:
    folder = PATHS[package].parent
    words = set(re.findall(r"\w+", ast.get_docstring(ast.parse(PATHS[package].read_text())) or ""))
    inside = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert inside - {"__init__"} <= words


def test_what_is_silenced_says_why() -> None:
    """Beside it, as another comment: an ignored type, rule, layout or warning, and a line that no test has to run."""
    bare = re.compile(
        r"#\s*(type: ignore(\[[\w, -]+\])?|noqa(: ?[A-Z0-9, ]+)?|pragma: no \w+|fmt: skip)\s*$"
        r"|mark\.filterwarnings\([^#]*$"
    )
    for folder in ("engine", "nn", "tests", "demos"):
        for path in (ROOT / folder).rglob("*.py"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                assert not bare.search(line), f"{path}:{number} needs its reason: {line.strip()}  # ..."
                if folder in ("tests", "demos"):
                    assert not re.search(r"#\s+type: ignore", line), f"{path}:{number}: types are not checked here"


def test_what_a_run_may_lack_stands_in_one_place() -> None:
    """With what it is needed for: a test that is left out is one that somebody may miss."""
    for path in (ROOT / "tests").rglob("*.py"):
        assert path.name in ("needs.py", "test_architecture.py") or "importorskip" not in path.read_text(
            encoding="utf-8"
        ), path


def test_little_is_left_out_of_coverage() -> None:
    """Of lines and branches of the two packages, and of rules in pyproject.toml for all that look alike."""
    beside = sum(path.read_text(encoding="utf-8").count("# pragma: no ") for path in PATHS.values())
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    rules = settings.partition("exclude_also = [")[2].partition("\n]")[0].count("\n") + settings.count("partial_also")
    assert 0 < beside + rules <= 20


def test_no_folder_is_crowded() -> None:
    for package, path in PATHS.items():
        if path.name == "__init__.py":
            most = 20 if package == "engine" else 15
            assert len([*path.parent.glob("*.py")]) <= most, f"{package} wants rooms"
