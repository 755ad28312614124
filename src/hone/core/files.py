"""Files that are either whole or absent: atomic writes, digests, a clear word on a full disk."""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hone.core.errors import DamagedFile, DiskFull, HoneError, UsageError

_TEMPORARY = ".writing-"
_UNWRITABLE = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENAMETOOLONG,
    errno.ENOTDIR, errno.EEXIST,  # a file where a folder should be
)  # fmt: skip


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write `path` into one line that says what to do.

    Raises:
        DiskFull: there is no room.
        UsageError: the folder cannot be written.
    """
    try:
        yield
    except HoneError:
        raise
    except Exception as error:  # writers in other languages raise types of their own
        final = str(path).replace(_TEMPORARY, "")
        number = getattr(error, "errno", None) or _foreign_errno(error)
        if number in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"no room on the disk for {final}; what was complete is kept: "
                "free some space and run the same command again"
            ) from error
        if number in _UNWRITABLE:
            raise UsageError(
                f"cannot write {final} ({os.strerror(number)}): "
                "choose a folder that can be written (--out, --publish)"
            ) from error
        raise


def _foreign_errno(error: Exception) -> int:
    """The number in, e.g., safetensors' `No space left on device (os error 28)`; else 0."""
    found = re.search(r"os error (\d+)", str(error))
    return int(found[1]) if found else 0


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file that appears only once it is whole and on the disk."""
    temporary = path.with_name(_TEMPORARY + path.name)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, whole or not at all."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """The value a JSON file holds.

    Raises:
        DamagedFile: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DamagedFile(f"{path} is missing or damaged ({error})") from error


def read_object(path: Path, *keys: str) -> dict[str, Any]:
    """The object a JSON file holds.

    Raises:
        DamagedFile: the file is missing, is not JSON, or holds no object with all of the keys.
    """
    return _with_keys(path, read_json(path), keys)


def parse_line(path: Path, line: str, *keys: str) -> dict[str, Any]:
    """The object that a line of a file of JSON lines holds.

    Raises:
        DamagedFile: the line is not JSON, or no object with all of the keys.
    """
    try:
        return _with_keys(path, json.loads(line), keys)
    except ValueError as error:
        raise DamagedFile(f"{path} is damaged: {line[:40]!r} ({error})") from error


def _with_keys(path: Path, content: Any, keys: Sequence[str]) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise DamagedFile(f"{path} is damaged: {str(content)[:40]!r} is no object")
    for key in keys:
        if key not in content:
            raise DamagedFile(f"{path} is damaged: {key!r} is missing in it")
    return content


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """A folder that appears only once `fill` has written all of it, with a manifest of digests."""
    temporary = path.with_name(_TEMPORARY + path.name)
    with disk_errors(path):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            fill(temporary)
            write_json(temporary / "manifest.json", digests(temporary))
            shutil.rmtree(path, ignore_errors=True)
            temporary.replace(path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by relative path."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


def verify(folder: Path, expected: dict[str, str]) -> None:
    """Check files against their digests.

    Raises:
        DamagedFile: naming the first file that is missing or not what was written.
    """
    for name, digest in expected.items():
        file = folder / name
        if not file.is_file():
            raise DamagedFile(f"{file} is missing")
        if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            raise DamagedFile(f"{file} is damaged: it is not what was written")


def remove_unfinished(folder: Path) -> None:
    """Remove what an interrupted write left behind."""
    for leftover in folder.rglob(f"{_TEMPORARY}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)
