"""Object code and artifacts on disk, so that a second process does not compile again.

One file each in the user's cache directory, named by a hash of everything that the content depends on: the LLVM text or
the fingerprint of the graph, the CPU and its features, llvmlite's version. A file carries a checksum and is written
under another name and then renamed, so that readers see all of it or nothing, whoever is killed when. Nothing that is
read is executed but object code. Whatever goes wrong with the disk, compilation goes on without the cache.

Set the environment variable ``STEPGRAD_CACHE`` to a directory to have it elsewhere, or to ``off``.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
from pathlib import Path

LIMIT = 64 * 2**20
"""Bytes that the cache may take; the files used longest ago go first."""

OBJECT, ARTIFACT = ".o", ".plan"
_MAGIC = b"stepgrad object 1\n"


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
def host() -> tuple[str, str]:
    """The name of this CPU and its features, as LLVM has them; no features where LLVM cannot tell."""
    import llvmlite.binding as llvm

    try:
        return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    except RuntimeError:
        return llvm.get_host_cpu_name(), ""


@functools.cache
def _machine() -> bytes:
    """What object code depends on besides its source."""
    import llvmlite
    import llvmlite.binding as llvm

    return "\n".join([llvmlite.__version__, llvm.get_default_triple(), *host()]).encode()


def key(text: str) -> str:
    """The name of the file for that text on this machine."""
    return hashlib.sha256(_machine() + b"\0" + text.encode()).hexdigest()[:40]


def read(name: str, suffix: str = OBJECT) -> bytes | None:
    """What is stored under that name; None if there is nothing or the file is damaged."""
    where = directory()
    if where is None:
        return None
    path = where / f"{name}{suffix}"
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    head = len(_MAGIC)
    code = stored[head + 32 :]
    if stored[:head] != _MAGIC or hashlib.sha256(code).digest() != stored[head : head + 32]:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # now the one used last
    return code


def write(name: str, code: bytes, suffix: str = OBJECT) -> None:
    """Store something under that name, all or nothing; no error if the disk refuses."""
    where = directory()
    if where is None:
        return
    with contextlib.suppress(OSError):
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix="writing-", dir=where)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(code).digest() + code)
            os.replace(temporary, where / f"{name}{suffix}")
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _trim(where)


def _trim(where: Path) -> None:
    """Delete the files used longest ago, until the rest is within the limit; and what killed writers left."""
    files = []
    for entry in os.scandir(where):
        mine = entry.name.endswith((OBJECT, ARTIFACT)) or entry.name.startswith("writing-")
        if mine and entry.is_file(follow_symlinks=False):
            with contextlib.suppress(OSError):
                status = entry.stat()
                files.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= LIMIT:
            return
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size
