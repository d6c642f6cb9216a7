"""Atomic writes: a file is written whole or not at all."""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, which removes no file that is open: that is the lock there
    fcntl = None  # type: ignore[assignment]  # a module or none

_DRAFT = ".draft"


def writable(path: str | os.PathLike[str]) -> Path:
    """The file that a path names, symbolic links followed, if it can probably be written.

    Raises:
        TypeError: it is not a path.
        OSError: its folder does not exist or is read-only, or it is not a regular file (a folder, a device, ...).

    >>> writable("picture.svg").name
    'picture.svg'
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"a path is text or a Path, got {path!r} of type {type(path).__name__}")
    if not os.fspath(path):
        raise FileNotFoundError(errno.ENOENT, "a path is empty: give the name of a file", os.fspath(path))
    if "\0" in os.fspath(path):
        raise OSError(errno.EINVAL, "a path cannot contain a NUL character", os.fspath(path))
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # realpath follows every link, unless they form a loop
        raise OSError(errno.ELOOP, "symbolic links go round in a circle", str(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "there is a folder of that name", str(path))
    if target.exists() and not target.is_file():
        kind = _kind(target.stat().st_mode)
        raise OSError(
            errno.EINVAL, f"only a regular file is replaced, and this is {kind}: choose another name", str(path)
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {str(target.parent)!r} to write to", str(path))
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "the folder cannot be written to", str(path))
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only", str(path))
    return target


def write_file(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file whole or not at all.

    It is written beside its place under another name, synced, and renamed, so that no reader ever sees half of it,
    even if the process is killed. An existing file keeps its permissions; of several writers at once the last one wins.

    Args:
        path: where to; symbolic links are followed.
        content: all of it.

    Returns:
        The path.

    Raises:
        TypeError: `path` is not a path.
        OSError: as `writable` raises it, or as writing fails; the error names `path`.
    """
    target = writable(path)
    try:
        _remove_abandoned(target)
        with _draft_of(target) as (handle, draft):
            with os.fdopen(handle, "wb", closefd=fcntl is None) as file:  # on Windows an open one cannot be renamed
                file.write(content)
                file.flush()
                os.fsync(handle)
            os.replace(draft, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
    return Path(path)


@contextmanager
def _draft_of(target: Path) -> Iterator[tuple[int, Path]]:
    """A new file beside `target`, with its permissions, open and locked; it goes if it has not been renamed."""
    before = target.stat() if target.exists() else None
    mode = 0o666 if before is None else stat.S_IMODE(before.st_mode) & 0o600  # open to others when it is complete
    while True:
        draft = target.with_name(f".{target.name}.{os.urandom(6).hex()}{_DRAFT}")
        handle = None
        try:  # from here on, as Ctrl-C may come at once
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
            if fcntl is not None and not _locked(handle, draft, without_locks=True):
                continue  # another process took it for abandoned before it was locked
            if before is not None:
                with suppress(OSError, AttributeError):  # not the owner; or Windows
                    os.fchown(handle, before.st_uid, before.st_gid)
                os.chmod(draft, stat.S_IMODE(before.st_mode))
            yield handle, draft
            return
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
        finally:
            if fcntl is not None and handle is not None:
                os.close(handle)


def _remove_abandoned(target: Path) -> None:
    """Drafts of this file whose writers are dead: a living one holds the lock of its draft."""
    for draft in target.parent.glob(f".{glob.escape(target.name)}.*{_DRAFT}"):
        with suppress(OSError):
            if fcntl is None:
                draft.unlink()
                continue
            handle = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                if _locked(handle, draft, without_locks=False):
                    draft.unlink()
            finally:
                os.close(handle)


def _locked(handle: int, path: Path, without_locks: bool) -> bool:
    """Take the lock of an open file, if it is free and the path still is that file.

    Some network file systems have no locks: there the answer is `without_locks`.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError:
        return without_locks


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power failure, where the system can sync folders."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "something else")
