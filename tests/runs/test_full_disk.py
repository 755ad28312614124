"""A disk that is full stops a run in one line, and with more room the same command finishes it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hone.runs.folder import check_complete, is_complete
from tests.runs.tiny import contents, hone


def mount(folder: Path, options: str) -> None:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this test may not mount a small disk of its own")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, too small for the tiny study."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mount(folder, "size=280k")
    except OSError:
        pytest.skip("there is no mount command here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_run_on_a_full_disk_goes_on_once_there_is_room(
    study: Path, disk: Path, reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = disk / "out"
    code, _, errors = hone(["run", study, "--out", out], capsys)
    assert code == 1
    assert errors.startswith(f"hone: no room on the disk for {out}/")
    assert "free some space and run the same command again" in errors
    assert errors.count("\n") == 1
    assert not list(out.rglob(".writing-*"))
    complete = [folder for folder in out.glob("stages/*") if is_complete(folder)]
    for folder in complete:
        check_complete(folder)
    mount(disk, "remount,size=20m")
    code, _, errors = hone(["run", study, "--out", out], capsys)
    assert (code, errors) == (0, "")
    assert contents(out) == contents(reference)


def test_a_disk_that_is_read_only_is_refused(
    study: Path, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mount(disk, "remount,ro")
    code, _, errors = hone(["run", study, "--out", disk / "out"], capsys)
    assert code == 2
    assert f"cannot write {disk / 'out'} (Read-only file system)" in errors
    assert "--out" in errors
