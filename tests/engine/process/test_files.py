"""Files are written whole or not at all, over nothing but regular files, and drafts of the dead are cleared away."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import nn
from engine import Value, write_file
from engine.process import files

POSIX = pytest.mark.skipif(os.name == "nt", reason="permissions, links and devices of POSIX")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_and_a_replaced_one(tmp_path: Path) -> None:
    path = tmp_path / "weights [1].json"
    assert write_file(path, b"one") == path
    write_file(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert names(tmp_path) == [path.name]


def test_an_empty_path_is_no_folder() -> None:
    with pytest.raises(FileNotFoundError, match="a path is empty: give the name of a file"):
        write_file("", b"")


@POSIX
def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    path, link = tmp_path / "secret", tmp_path / "link"
    path.write_bytes(b"")
    path.chmod(0o600)
    link.symlink_to(path)
    write_file(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    mask = os.umask(0o027)
    try:
        write_file(tmp_path / "fresh", b"")
    finally:
        os.umask(mask)
    assert (tmp_path / "fresh").stat().st_mode & 0o777 == 0o640


@POSIX
@pytest.mark.parametrize("what", ["pipe", "device", "folder"])
def test_only_a_regular_file_is_replaced(what: str, tmp_path: Path) -> None:
    path = {"pipe": tmp_path / "fifo", "device": Path(os.devnull), "folder": tmp_path}[what]
    if what == "pipe":
        os.mkfifo(path)
    before = os.stat(path)
    model = nn.MLP(1, [1])
    for attempt in (lambda: write_file(path, b"x"), lambda: nn.save(model, path)):
        with pytest.raises(OSError, match=r"regular file|folder of that name") as caught:
            attempt()
        assert caught.value.filename == str(path)
    assert os.path.samestat(os.stat(path), before)
    assert os.stat(path).st_mode == before.st_mode


def test_pictures_go_the_same_way(tmp_path: Path) -> None:
    os.symlink(tmp_path / "there.dot", tmp_path / "link.dot")
    (Value(1.0) + 2.0).draw(tmp_path / "link.dot")
    assert (tmp_path / "link.dot").is_symlink()
    assert (tmp_path / "there.dot").read_text().startswith("digraph")


@pytest.mark.parametrize(
    ("path", "error"),
    [("missing/file", FileNotFoundError), ("nul\0", OSError), (3, TypeError), (".", IsADirectoryError)],
)
def test_what_cannot_be_written_is_named(path: object, error: type[Exception], tmp_path: Path) -> None:
    place = tmp_path / path if isinstance(path, str) else path
    with pytest.raises(error) as caught:
        write_file(place, b"")
    assert str(path).rstrip("\0.") in str(caught.value)


@POSIX
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_file(path, b"old")

    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="no space left") as caught:
        write_file(path, b"new")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@POSIX
def test_a_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere: the system's answer is put into its mouth."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="the folder cannot be written to") as caught:
        write_file(tmp_path / "file", b"")
    assert caught.value.filename == str(tmp_path / "file")


@POSIX
def test_a_draft_that_is_taken_for_abandoned_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, tries = files._locked, list[Path]()

    def robbed_once(handle: int, path: Path, without_locks: bool) -> bool:
        tries.append(path)
        if len(tries) == 1:
            path.unlink()
        return locked(handle, path, without_locks)

    monkeypatch.setattr(files, "_locked", robbed_once)
    write_file(tmp_path / "file", b"whole")
    assert len(set(tries)) == 2
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert names(tmp_path) == ["file"]


@POSIX
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As some over a network: files are written, and what may be a living writer's draft stays."""

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    (tmp_path / ".file.0123.draft").write_bytes(b"of somebody")
    assert write_file(tmp_path / "file", b"whole").read_bytes() == b"whole"
    assert names(tmp_path) == [".file.0123.draft", "file"]


@POSIX
def test_links_in_a_circle_stay(tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    one.symlink_to(two)
    two.symlink_to(one)
    for call in (lambda: write_file(one, b""), lambda: nn.save(nn.MLP(1, [1]), one)):
        with pytest.raises(OSError, match="go round in a circle"):
            call()
    assert one.is_symlink()
    assert two.is_symlink()


def test_a_read_only_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_file(tmp_path / "file", b"kept")
    monkeypatch.setattr(os, "access", lambda asked, mode: Path(asked) == tmp_path)  # root may write to any
    with pytest.raises(PermissionError, match="read-only"):
        write_file(path, b"new")
    assert path.read_bytes() == b"kept"


def test_without_locks_drafts_that_nobody_has_open_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, which refuses to remove an open file."""
    monkeypatch.setattr(files, "fcntl", None)
    (tmp_path / ".file.0123.draft").write_bytes(b"of a dead writer")
    for content in (b"one", b"two"):
        write_file(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
    assert names(tmp_path) == ["file"]


AS_ON_WINDOWS = """
import os, sys
sys.modules["fcntl"] = None
for name in ("fork", "register_at_fork", "fchown", "O_NOFOLLOW", "geteuid", "sched_getaffinity", "process_cpu_count"):
    if hasattr(os, name):
        delattr(os, name)
import engine, nn
x = engine.Value(3.0)
(x * x).backward()
print(x.grad)
model = nn.MLP(1, [1], seed=1)
nn.save(model, sys.argv[1])
nn.load(model, sys.argv[1])
print([float(y) for y in engine.compile(lambda x: x * x)([2.0, 3.0])])
"""


def test_a_system_without_forks_and_locks_of_files(tmp_path: Path) -> None:
    command = [sys.executable, "-c", AS_ON_WINDOWS, str(tmp_path / "m.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("6.0\n[4.0, 9.0]\n", "")
    assert names(tmp_path) == ["m.json"]


KILLED = """
import os, signal, sys
from engine import write_file
os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
write_file(sys.argv[1], b"half")
"""
ALIVE = """
import os, sys
from engine import write_file
replace = os.replace
os.replace = lambda *paths: (print("ready", flush=True), input(), replace(*paths))
write_file(sys.argv[1], b"slow")
"""


@POSIX
def test_a_killed_writers_draft_goes_and_a_living_ones_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    dead = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert dead.returncode == -signal.SIGKILL
    (draft,) = names(tmp_path)
    assert draft.startswith(".file.")
    with subprocess.Popen(
        [sys.executable, "-c", ALIVE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as slow:
        assert slow.stdout is not None
        assert slow.stdin is not None
        assert slow.stdout.readline() == "ready\n"
        write_file(path, b"quick")
        (living, there) = names(tmp_path)
        assert (living != draft, living.startswith(".file."), there) == (True, True, "file")
        assert path.read_bytes() == b"quick"
        slow.stdin.write("\n")
        slow.stdin.close()
    assert slow.returncode == 0
    assert path.read_bytes() == b"slow"
    assert names(tmp_path) == ["file"]


def test_of_many_writers_each_succeeds_and_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([65 + k]) * 100_000 for k in range(8)]
    errors: list[BaseException] = []

    def work(content: bytes) -> None:
        try:
            for _ in range(10):
                write_file(path, content)
                assert path.read_bytes() in contents
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(content,)) for content in contents]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert path.read_bytes() in contents
    assert names(tmp_path) == ["file"]
