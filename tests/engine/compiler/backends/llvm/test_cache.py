"""The object cache: found again, damaged, switched off, bounded, written by two at once, killed while writing."""

from __future__ import annotations

import ctypes
import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.compiler.backends.llvm.jit import cache, cpu_caches, machine_code
from engine.compiler.backends.llvm.jit.machine_code import Library
from engine.compiler.backends.llvm.kernels.shape import CACHES

TEXT = "define i64 @answer() {\n  ret i64 42\n}\n"


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path / "objects"))
    return tmp_path / "objects"


def answer(library: Library) -> int:
    number: int = ctypes.CFUNCTYPE(ctypes.c_int64)(library.address("answer"))()
    return number


def test_the_second_time_comes_from_the_cache(where: Path) -> None:
    first, second = Library(TEXT), Library(TEXT)
    assert (first.cached, second.cached) == (False, True)
    assert answer(first) == answer(second) == 42
    assert [path.suffix for path in where.iterdir()] == [".o"]


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"stepgrad object 2\n" + bytes(40)])
def test_a_damaged_file_is_compiled_again(where: Path, damage: bytes) -> None:
    Library(TEXT)
    (path,) = where.iterdir()
    path.write_bytes(damage)
    library = Library(TEXT)
    assert not library.cached
    assert answer(library) == 42
    assert Library(TEXT).cached


def test_one_flipped_bit_is_noticed(where: Path) -> None:
    Library(TEXT)
    (path,) = where.iterdir()
    stored = bytearray(path.read_bytes())
    stored[-1] ^= 1
    path.write_bytes(bytes(stored))
    assert cache.read(path.stem) is None


def test_an_entry_under_another_name_is_compiled_again(where: Path) -> None:
    Library(TEXT)
    (path,) = where.iterdir()
    other = TEXT.replace("42", "43")
    path.rename(where / f"{Library(other).key}.o")
    library = Library(other)
    assert not library.cached
    assert answer(library) == 43
    cache.write("name", b"code", cache.OBJECT)
    (where / "name.o").rename(where / "name.plan")
    assert cache.read("name", cache.ARTIFACT) is None


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders of users are apart by themselves")
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_folder_that_others_may_write_to_is_not_read(where: Path, mode: int) -> None:
    Library(TEXT)
    where.chmod(mode)
    with pytest.warns(RuntimeWarning, match=f"does not use {where}: .*chmod go-w") as caught:
        libraries = [Library(TEXT), Library(TEXT)]
    assert len(caught) == 1
    assert [library.cached for library in libraries] == [False, False]
    assert answer(libraries[1]) == 42
    where.chmod(0o700)
    assert Library(TEXT).cached


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="as above")
def test_a_folder_or_file_of_another_user_is_not_read(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Library(TEXT)
    (path,) = where.iterdir()
    path.chmod(0o620)
    with pytest.warns(RuntimeWarning, match=f"does not use {path}"):
        assert not Library(TEXT).cached
    path.chmod(0o600)
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.warns(RuntimeWarning, match=f"does not use {where}"):
        assert not Library(TEXT).cached


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_link_or_a_pipe_is_no_entry(where: Path, tmp_path: Path) -> None:
    Library(TEXT)
    (path,) = where.iterdir()
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert cache.read(path.stem) is None
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.warns(RuntimeWarning, match="does not use"):
        assert cache.read(path.stem) is None  # and nobody waits for a writer


def test_another_program_has_another_key(where: Path) -> None:
    assert cache.key(TEXT) != cache.key(TEXT.replace("42", "43"))


@pytest.mark.parametrize(
    ("name", "platform", "environ", "expected"),
    [
        ("nt", "win32", {"LOCALAPPDATA": "local"}, Path("local", "stepgrad")),
        ("nt", "win32", {}, Path.home() / "AppData/Local/stepgrad"),
        ("posix", "darwin", {}, Path.home() / "Library/Caches/stepgrad"),
        ("posix", "linux", {"XDG_CACHE_HOME": "caches"}, Path("caches", "stepgrad")),
        ("posix", "linux", {}, Path.home() / ".cache/stepgrad"),
        ("posix", "linux", {"STEPGRAD_CACHE": "here"}, Path("here")),
    ],
)
def test_where_the_files_are(
    monkeypatch: pytest.MonkeyPatch, name: str, platform: str, environ: dict[str, str], expected: Path
) -> None:
    monkeypatch.setattr(cache, "os", SimpleNamespace(name=name, environ=environ))
    monkeypatch.setattr(cache, "sys", SimpleNamespace(platform=platform))
    assert cache.directory() == expected


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache, "os", SimpleNamespace(name="posix", environ={}))
    monkeypatch.setattr(cache.Path, "home", homeless)
    assert cache.directory() is None


def test_without_llvmlite_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    with pytest.raises(ImportError, match="needs llvmlite: pip install llvmlite numpy"):
        machine_code.binding.__wrapped__()


def test_a_library_names_a_function_that_it_has_not() -> None:
    with pytest.raises(LookupError, match="the library has no function 'nothing'"):
        Library(TEXT).address("nothing")


def test_on_windows_no_folder_belongs_to_others(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write("name", b"code")
    monkeypatch.delattr(os, "geteuid")
    assert cache.read("name") == b"code"


def test_a_disk_that_refuses_leaves_nothing(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    cache.write("first", b"code")
    monkeypatch.setattr(os, "replace", refuse)
    cache.write("name", b"code")
    assert [path.name for path in where.iterdir()] == ["first.o"]


def test_other_files_are_nobodys_business(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write("name", b"code")
    (where / "notes.txt").write_text("mine")
    monkeypatch.setattr(cache, "LIMIT", -1)
    cache._room.clear()
    cache.write("other", b"code")
    assert [path.name for path in where.iterdir()] == ["notes.txt"]


def test_the_caches_of_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    def sysctlbyname(name: bytes, number: Any, *_: Any) -> None:
        number._obj.value = {b"hw.l1dcachesize": 65536, b"hw.l2cachesize": 4194304}[name]

    monkeypatch.setattr(cpu_caches, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(cpu_caches.ctypes, "CDLL", lambda name: SimpleNamespace(sysctlbyname=sysctlbyname))
    assert cpu_caches.cache_sizes.__wrapped__() == (65536, 4194304)
    monkeypatch.setattr(cpu_caches.ctypes, "CDLL", lambda name: SimpleNamespace())
    assert cpu_caches.cache_sizes.__wrapped__() == CACHES


@pytest.mark.parametrize("word", ["off", "0", "no", "OFF"])
def test_switched_off(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("STEPGRAD_CACHE", word)
    assert cache.directory() is None
    cache.write("x", b"y")
    assert cache.read("x") is None


def test_a_directory_that_cannot_be_made_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path / "file" / "below"))
    assert answer(Library(TEXT)) == 42


def test_bounded_and_the_oldest_goes_first(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LIMIT", 4000)
    for k in range(6):
        cache.write(f"{k}", bytes(900))
        os.utime(where / f"{k}.o", (k, k))
    cache.write("last", bytes(900))
    assert sum(path.stat().st_size for path in where.iterdir()) <= 4000
    assert cache.read("last") is not None
    assert cache.read("0") is None


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The folders that are looked through."""
    found: list[Any] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: found.append(path) or scandir(path))
    return found


def test_a_folder_is_looked_at_when_a_sixteenth_of_its_room_is_filled(
    where: Path, looks: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not at every write: it may hold thousands of files."""
    monkeypatch.setattr(cache, "LIMIT", 160_000)
    for k in range(20):
        cache.write(f"{k}", bytes(900))
    assert looks == [where] * 2
    monkeypatch.setattr(cache, "LIMIT", 20_000)
    for k in range(20):
        cache.write(f"more {k}", bytes(900))
    assert sum(path.stat().st_size for path in where.iterdir()) <= 20_000


def test_a_full_folder_is_not_looked_through_at_every_write(
    where: Path, looks: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LIMIT", 400_000)
    for k in range(1500):
        cache.write(f"{k}", bytes(900))
    assert len(looks) < 300
    assert 190_000 < sum(path.stat().st_size for path in where.iterdir()) <= 400_000


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_what_a_killed_writer_left_harms_nothing(where: Path) -> None:
    program = textwrap.dedent("""
        import os, signal
        from engine.compiler.backends.llvm.jit import cache
        os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
        cache.write("name", b"code" * 1000)
    """)
    process = subprocess.run([sys.executable, "-c", program], check=False)
    assert process.returncode == -signal.SIGKILL
    assert cache.read("name") is None
    cache.write("name", b"whole")
    assert cache.read("name") == b"whole"


def _write(number: int) -> None:
    for _ in range(50):
        cache.write("same", bytes([number]) * 5000)


def test_two_writers_at_once(where: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(k,)) for k in (1, 2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        stored = cache.read("same")
        assert stored in (None, bytes([1]) * 5000, bytes([2]) * 5000)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert cache.read("same") is not None
    assert [path.name for path in where.iterdir()] == ["same.o"]


def test_facts_are_kept_without_llvmlite(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    cache._machine.cache_clear()
    try:
        assert cache._machine() == b""
        name = cache.key("a fact")
    finally:
        cache._machine.cache_clear()
    monkeypatch.undo()
    assert cache.key("a fact") != name  # what is kept beside llvmlite is another machine's
