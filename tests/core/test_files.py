"""A write is whole or has not happened, and a full disk is said in one line."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from safetensors import SafetensorError

from hone.core.errors import DamagedFile, DiskFull, UsageError
from hone.core.files import digests, verify, write_bytes, write_folder, write_json
from hone.runs.folder import FolderContext


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def write_full(folder: Path) -> None:
    """What safetensors raises, after it has written half a file."""
    (folder / "model.safetensors").write_bytes(b"half")
    raise SafetensorError("I/O error: No space left on device (os error 28)")


def table(path: Path) -> None:
    FolderContext(path.parents[1], 0, {}).write_table("train", 1, pl.DataFrame({"a": [1]}))


WRITERS: dict[str, Callable[[Path], None]] = {
    "bytes": lambda path: write_bytes(path, b"new"),
    "json": lambda path: write_json(path, {"new": 1}),
    "folder": lambda path: write_folder(path, lambda each: write_json(each / "a.json", 1)),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / "file"
    WRITERS[kind](path)
    before = digests(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match=f"no room on the disk for {path}.* free some space"):
        WRITERS[kind](path)
    assert digests(tmp_path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_on_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / "rollouts" / "train-000001.parquet"
    with pytest.raises(DiskFull, match=str(path)):
        table(path)
    assert not list(path.parent.iterdir())


def test_a_full_disk_under_safetensors_leaves_the_older_checkpoint(tmp_path: Path) -> None:
    write_folder(tmp_path / "checkpoint", lambda folder: write_json(folder / "a.json", 1))
    with pytest.raises(DiskFull, match=r"no room on the disk for .*checkpoint"):
        write_folder(tmp_path / "checkpoint", write_full)
    assert sorted(digests(tmp_path)) == ["checkpoint/a.json", "checkpoint/manifest.json"]


def test_other_errors_of_a_writer_are_not_dressed_up(tmp_path: Path) -> None:
    def fail(_: Path) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_folder(tmp_path / "checkpoint", fail)
    assert not list(tmp_path.iterdir())


def test_a_name_too_long_for_the_file_system_is_the_users_to_change(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="File name too long"):
        write_bytes(tmp_path / ("x" * 300) / "file", b"")


def test_damage_names_the_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "b.json", [1, 2])
    expected = digests(tmp_path)
    verify(tmp_path, expected)
    (tmp_path / "a" / "b.json").write_text("[1, 3]")
    with pytest.raises(DamagedFile, match=r"a/b\.json is damaged"):
        verify(tmp_path, expected)
    (tmp_path / "a" / "b.json").unlink()
    with pytest.raises(DamagedFile, match=r"a/b\.json is missing"):
        verify(tmp_path, expected)
