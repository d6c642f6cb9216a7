"""Object code, artifacts and facts on disk, so that a second process does not compile again.

One file each in the user's cache directory, named by a hash of everything that the content depends on: the LLVM text or
the fingerprint of the graph, the CPU and its features, llvmlite's version. A file carries a checksum over its name and
content, and is written under another name and then renamed, so that readers see all of it or nothing, even if a process
is killed. Only object code is ever executed, and it is read only where nobody else can have written it: from a folder
and a file that belong to this user and that only this user may write to. Whatever goes wrong with the disk, compilation
goes on without the cache.

Set the environment variable ``STEPGRAD_CACHE`` to another directory, or to ``off``.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
import sys
import tempfile
import warnings
from pathlib import Path

from .cpu import identity
from .cpu_caches import cache_sizes

LIMIT = 64 * 2**20
"""Bytes that the cache may take; the files used longest ago go first."""

OBJECT, ARTIFACT, FACT = ".o", ".plan", ".fact"
_MAGIC = b"stepgrad object 3\n"
_DIGEST = hashlib.sha256().digest_size
_warned: set[Path] = set()
_room: dict[Path, int] = {}
"""How many bytes this process may write into a folder before it looks again how full that is."""


def directory() -> Path | None:
    """Where the files are; None when the cache is switched off."""
    chosen = os.environ.get("STEPGRAD_CACHE", "")
    if chosen.lower() in {"off", "0", "no", "false"}:
        return None
    if chosen:
        return Path(chosen)
    with contextlib.suppress(RuntimeError):  # a user without a home directory
        if os.name == "nt":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "stepgrad"
        if sys.platform == "darwin":
            return Path.home() / "Library/Caches/stepgrad"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stepgrad"
    return None


@functools.cache
def _machine() -> bytes:
    """What object code depends on besides its source."""
    try:
        import llvmlite
    except ImportError:  # without it there is no object code, but facts are kept too
        return b""
    sizes = map(str, cache_sizes())  # by which products are cut into pieces
    return "\n".join([llvmlite.__version__, *identity(), *sizes]).encode()


def key(text: str) -> str:
    """The name of the file for that text on this machine."""
    return hashlib.sha256(_machine() + b"\0" + text.encode()).hexdigest()[:40]


def read(name: str, suffix: str = OBJECT) -> bytes | None:
    """What is stored under that name; None if there is nothing, it is damaged, or others can have written it."""
    where = directory()
    if where is None or not _is_private(where):
        return None
    path = where / f"{name}{suffix}"
    try:
        stored = _read_private(path)
    except OSError:
        return None
    code = stored[len(_MAGIC) + _DIGEST :]
    if stored != _sealed(path.name, code):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # now the one used last
    return code


def _sealed(name: str, code: bytes) -> bytes:
    """What a file of that name holds: the digest covers the name, so that no entry passes for another."""
    return _MAGIC + hashlib.sha256(b"%s\0%s" % (name.encode(), code)).digest() + code


def _read_private(path: Path) -> bytes:
    """The content of a file that is this user's and that nobody else may write to; links and devices are refused.

    Raises:
        OSError: there is none.
    """
    # Not blocking: a pipe in its place would wait for a writer.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or _others_write(status):
            _warn(path)
            raise OSError(f"{path} is no file of this user's alone")
        return file.read()


_BINARY = getattr(os, "O_BINARY", 0)


def _is_private(where: Path) -> bool:
    """Whether the folder is this user's, and nobody else may write to it; if not, one warning says so."""
    try:
        status = where.stat()
    except OSError:
        return False
    if not _others_write(status):
        return True
    _warn(where)
    return False


def _others_write(status: os.stat_result) -> bool:
    """Whether another user owns it or may write to it. Windows itself keeps the folders of users apart."""
    if not hasattr(os, "geteuid"):
        return False
    return status.st_uid != os.geteuid() or bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _warn(path: Path) -> None:
    """Say once for each folder or file that the cache does without it."""
    if path not in _warned:
        _warned.add(path)
        warnings.warn(
            f"the cache of compiled code does not use {path}: it belongs to another user, or others may write to it. "
            f"Take it over with chmod go-w, or set STEPGRAD_CACHE to a folder of your own, or to off",
            RuntimeWarning,
            stacklevel=2,
        )


def write(name: str, code: bytes, suffix: str = OBJECT) -> None:
    """Store something under that name, all or nothing; if the disk refuses, do nothing."""
    where = directory()
    if where is None:
        return
    with contextlib.suppress(OSError):
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(where):
            return
        handle, temporary = tempfile.mkstemp(prefix="writing-", dir=where)
        try:
            with os.fdopen(handle, "wb") as file:
                written = file.write(_sealed(f"{name}{suffix}", code))
            os.replace(temporary, where / f"{name}{suffix}")
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _room[where] = _room.get(where, 0) - written
        if _room[where] < 0:
            _room[where] = (LIMIT - _trim(where)) // 16  # others may write as well


def _trim(where: Path) -> int:
    """If the limit is near, delete the files used longest ago, also of killed writers; return the size of the rest.

    Half of the limit is freed at once: else a full folder would be looked through at every write.
    """
    files = []
    for entry in os.scandir(where):
        mine = entry.name.endswith((OBJECT, ARTIFACT, FACT)) or entry.name.startswith("writing-")
        if mine and entry.is_file(follow_symlinks=False):
            with contextlib.suppress(OSError):
                status = entry.stat()
                files.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _, size, _ in files)
    if total <= LIMIT - LIMIT // 8:
        return total
    for _, size, path in sorted(files):
        if total <= LIMIT // 2:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size
    return total
