"""The wheel holds all that an import needs: packages and data files are listed one by one in pyproject.toml."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("engine", "nn")
    for path in (ROOT / package).rglob("*.py")
)

IMPORT_ALL = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
failed = []
for name in sys.argv[2].split():
    try:
        assert importlib.import_module(name).__file__.startswith(sys.argv[1]), name
    except ImportError as error:  # of an extra that is not installed here
        extra = (error.name or "").split(".")[0] in {"numpy", "llvmlite", "hypothesis", "mpmath", "matplotlib", "rich"}
        if not extra and "pip install" not in str(error):
            failed.append(f"{name}: {error}")
sys.exit("; ".join(failed) or 0)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the sources, without the network."""
    required = re.search(r"setuptools>=(\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert required is not None
    try:
        found = metadata.version("setuptools")
    except metadata.PackageNotFoundError:
        pytest.skip("setuptools is not installed")
    if int(found.split(".")[0]) < int(required[1]):
        pytest.skip(f"setuptools {found} is older than {required[1]}, which builds the wheel")
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for package in ("engine", "nn"):
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", built, source], check=True, capture_output=True, text=True)
    (path,) = built.glob("*.whl")
    return Path(path)


def test_every_module_of_the_wheel_is_imported_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as file:
        file.extractall(installed)
    command = [sys.executable, "-I", "-c", IMPORT_ALL, str(installed), " ".join(MODULES)]
    found = subprocess.run(command, cwd=empty, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_the_wheel_has_the_data_files_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    for package in ("engine", "nn"):
        data = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / package).rglob("*")
            if path.is_file() and path.suffix not in {".py", ".pyc"}
        }
        assert data <= names
