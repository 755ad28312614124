"""A damaged file is named and set aside, and what it held is made again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runs.tiny import STAGES, contents, hone


def flip(file: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    "pattern", ["pretrain-*/checkpoint/model.safetensors", "calibration-*/rollouts/*.parquet"]
)
def test_a_damaged_stage_is_set_aside_and_made_again(
    study: Path,
    finished: Path,
    reference: Path,
    capsys: pytest.CaptureFixture[str],
    pattern: str,
) -> None:
    (file,) = (finished / "stages").glob(pattern)
    flip(file)
    code, output, errors = hone(["run", study, "--out", finished], capsys)
    assert (code, errors) == (0, "")
    assert f"not used: {file} is damaged: it is not what was written" in output.splitlines()
    assert contents(finished) == contents(reference)
    (aside,) = (finished / "stages").glob("*.damaged")
    assert (aside / file.relative_to(finished / "stages" / file.parts[-3])).exists()
    assert len(list((finished / "stages").iterdir())) == STAGES + 1


def remove_a_stage(out: Path) -> Path:
    (folder,) = out.glob("stages/calibration-*")
    shutil.rmtree(folder)
    return folder


def remove_run(out: Path) -> Path:
    (out / "quick" / "run.json").unlink()
    return out


def cut_run(out: Path) -> Path:
    file = out / "quick" / "run.json"
    file.write_text(file.read_text()[:100])
    return file


def empty_run(out: Path) -> Path:
    file = out / "quick" / "run.json"
    file.write_text(json.dumps({"overrides": []}))
    return file


def cut_tables(out: Path) -> Path:
    for file in out.glob("stages/rl-*/rollouts/*.parquet"):
        file.write_bytes(file.read_bytes()[:-20])
    return out / "stages"


@pytest.mark.parametrize("damage", [remove_a_stage, remove_run, cut_run, empty_run, cut_tables])
@pytest.mark.parametrize("command", ["claims", "report"])
def test_reading_a_damaged_run_says_what_is_wrong_in_one_line(
    finished: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    damage: Callable[[Path], Path],
) -> None:
    named = damage(finished)
    code, _, errors = hone([command, finished], capsys)
    assert code in (1, 2)
    assert errors.count("\n") == 1
    assert errors.startswith("hone: ")
    assert str(named) in errors


@pytest.mark.parametrize("lost", ["run.json", "claims.json", "report.html"])
def test_what_can_be_made_again_is(
    study: Path, finished: Path, capsys: pytest.CaptureFixture[str], lost: str
) -> None:
    (finished / "quick" / lost).unlink()
    code, output, _ = hone(["run", study, "--out", finished], capsys)
    assert code == 0
    assert output.startswith("nothing to do")
    assert (finished / "quick" / lost).is_file()


def test_a_damaged_owner_is_named(
    study: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (finished / "study.json").write_text("{")
    code, _, errors = hone(["run", study, "--out", finished], capsys)
    assert code == 1
    assert f"{finished / 'study.json'} is missing or damaged" in errors
    assert errors.count("\n") == 1
