"""Writing a file whole or not at all, and saying early that it cannot be written."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path


def writable(path: str | os.PathLike[str]) -> Path:
    """The path of a file that can probably be written.

    Raises:
        TypeError: it is no path.
        OSError: its folder does not exist or cannot be written to, or it is a folder itself.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"a path is text or a Path, got {path!r} of type {type(path).__name__}")
    target = Path(path)
    if "\0" in str(target):
        raise OSError(errno.EINVAL, "a path has no NUL character", str(target))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "there is a folder of that name", str(target))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {str(target.parent)!r} to write to", str(target))
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "the folder cannot be written to", str(target))
    return target


def write(target: Path, content: bytes) -> Path:
    """Write a file under another name and rename it, so that no reader sees half of it.

    Raises:
        OSError: it cannot be written; the error names `target`.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".stepgrad-")
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(target)) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise type(error)(error.errno, error.strerror, str(target)) from error
        raise
    return target


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced, or those that a new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
