"""A stage that goes on from a checkpoint ends as if it had never stopped."""

import json
from pathlib import Path

import pytest

from hone.core.errors import DamagedFile
from hone.core.files import read_json, write_json
from hone.runs import folder
from hone.runs.folder import FolderContext, check_complete, finish, is_complete
from hone.runs.worker import run_stage
from tests.runs.toy import Toy, count

TOY = Toy("toy", steps=6)


@pytest.fixture(autouse=True)
def _checkpoint_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "CHECKPOINT_SECONDS", 0.0)


def carry_out(path: Path, until: int | None = None) -> None:
    """One session of a stage in a folder."""
    path.mkdir(exist_ok=True)
    count(TOY, FolderContext(path, 0, {}), until)


def results(path: Path) -> dict[str, bytes]:
    files = (file for file in path.rglob("*") if file.is_file())
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in files
        if file.name != "timing.jsonl" and "checkpoints" not in file.parts
    }


@pytest.fixture
def uninterrupted(tmp_path: Path) -> dict[str, bytes]:
    carry_out(tmp_path / "uninterrupted")
    return results(tmp_path / "uninterrupted")


@pytest.mark.parametrize("until", [1, 4, 6])
def test_what_came_after_the_checkpoint_is_taken_back(
    tmp_path: Path, uninterrupted: dict[str, bytes], until: int
) -> None:
    path = tmp_path / "stage"
    carry_out(path, until)
    newest = path / "checkpoints" / f"step-{until:06d}"
    newest.rename(tmp_path / "never written")
    with (path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 7, "tor')
    carry_out(path)
    assert results(path) == uninterrupted


def test_a_damaged_checkpoint_is_named_and_an_older_one_used(
    tmp_path: Path, uninterrupted: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "stage"
    carry_out(path, until=4)
    tables = [path / "rollouts" / f"evaluation-{step:06d}.parquet" for step in (3, 4)]
    before = [table.stat().st_mtime_ns for table in tables]
    damaged = path / "checkpoints" / "step-000004" / "total.txt"
    damaged.write_text("0.5")
    carry_out(path)
    after = [table.stat().st_mtime_ns for table in tables]
    assert f"not used: {damaged} is damaged" in capsys.readouterr().err
    assert after[0] == before[0]
    assert after[1] > before[1]
    assert results(path) == uninterrupted


def test_a_checkpoint_over_a_damaged_table_is_not_used(
    tmp_path: Path, uninterrupted: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "stage"
    carry_out(path, until=4)
    table = path / "rollouts" / "evaluation-000004.parquet"
    table.write_bytes(table.read_bytes()[:-20])
    carry_out(path)
    assert capsys.readouterr().err == f"not used: {table} is damaged: it is not what was written\n"
    assert results(path) == uninterrupted


def test_a_stage_that_goes_on_under_other_code_names_both(tmp_path: Path) -> None:
    path = tmp_path / "toy-1"
    run_stage(TOY, 0, "1", path, {})
    (path / "checkpoints").mkdir()
    made = read_json(path / "environment.json")
    (path / "result.json").unlink()
    write_json(path / "environment.json", {**made, "code": "0.1", "determining": "other"})
    run_stage(TOY, 0, "1", path, {})
    again = read_json(path / "environment.json")
    assert again["code"] == f"0.1, then {made['code']}"
    assert again["determining"] == f"other, then {made['determining']}"


def test_without_a_sound_checkpoint_a_stage_starts_over(
    tmp_path: Path, uninterrupted: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "stage"
    carry_out(path, until=4)
    for manifest in path.glob("checkpoints/*/manifest.json"):
        manifest.unlink()
    carry_out(path)
    assert capsys.readouterr().err.count("manifest.json is missing") == 2
    assert results(path) == uninterrupted


def test_time_goes_on_where_the_checkpoint_left_it(tmp_path: Path) -> None:
    carry_out(tmp_path / "stage", until=3)
    carry_out(tmp_path / "stage")
    lines = (tmp_path / "stage" / "timing.jsonl").read_text().splitlines()
    seconds = [json.loads(line)["seconds"] for line in lines]
    assert seconds == sorted(seconds)
    assert len(seconds) == TOY.steps


@pytest.mark.parametrize("line", ['{"step": 1}', '{"seconds": 1.0}'])
def test_a_line_of_times_that_lacks_something_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "stage"
    carry_out(path, until=3)
    (path / "timing.jsonl").write_text(f"{line}\n")
    with pytest.raises(DamagedFile, match=r"timing\.jsonl is damaged: .* is missing in it"):
        carry_out(path)


def test_two_checkpoints_are_kept_and_none_once_the_stage_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "stage"
    carry_out(path)
    kept = sorted(each.name for each in (path / "checkpoints").iterdir())
    assert kept == ["step-000005", "step-000006"]
    finish(path)
    assert not (path / "checkpoints").exists()
    check_complete(path)


def test_checkpoints_outlive_a_stage_that_could_not_be_marked_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    carry_out(tmp_path / "stage")
    monkeypatch.setattr(folder, "write_json", stop)
    with pytest.raises(KeyboardInterrupt):
        finish(tmp_path / "stage")
    assert not is_complete(tmp_path / "stage")
    assert len(list((tmp_path / "stage" / "checkpoints").iterdir())) == 2


def test_a_stage_that_cannot_resume_starts_over(tmp_path: Path) -> None:
    for _ in range(2):  # killed after it logged, before it was complete
        FolderContext(tmp_path, 0, {}).log(1, 1, {"accuracy": 0.5})
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 1


def test_leftovers_of_interrupted_writes_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "stages" / "toy-1"
    (path / "checkpoints" / ".writing-step-000002").mkdir(parents=True)
    (path / ".writing-metrics.jsonl").write_text("{")
    run_stage(TOY, 0, "1", path, {})
    assert is_complete(path)
    assert not list(path.rglob(".writing-*"))


@pytest.mark.parametrize("content", ["", "[]", '{"filer": {}}', '{"files": [1]}', "{\udcff"])
def test_a_damaged_mark_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "result.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DamagedFile, match=r"result\.json is (missing or )?damaged"):
        check_complete(tmp_path)
