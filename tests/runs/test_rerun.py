"""A run that is there is not done again, and its folder answers every question about it."""

import json
from pathlib import Path

import pytest

from hone.runs.folder import is_complete
from tests.runs.tiny import STAGES, contents, hone


def stages(out: Path, kind: str = "") -> set[str]:
    return {folder.name for folder in out.glob(f"stages/{kind}*") if is_complete(folder)}


def modified(out: Path) -> dict[str, int]:
    files = (out / "stages").rglob("*")
    return {file.as_posix(): file.stat().st_mtime_ns for file in files}


def test_a_second_run_carries_out_nothing(
    study: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = modified(finished)
    code, output, errors = hone(["run", study, "--out", finished], capsys)
    assert (code, errors) == (0, "")
    assert output.splitlines()[0] == "nothing to do: every stage is there"
    assert modified(finished) == before


def test_another_rl_setting_repeats_rl_alone(
    study: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, content = stages(finished), contents(finished)
    code, _, errors = hone(["run", study, "rl_lr=1e-3", "--out", finished], capsys)
    assert (code, errors) == (0, "")
    assert len(stages(finished, "rl") - before) == 3
    assert len(stages(finished)) == STAGES + 3
    assert content.items() <= contents(finished).items()
    assert (finished / "quick,rl_lr=1e-3" / "report.html").is_file()


def test_a_dry_run_tells_what_there_is_to_do_and_writes_nothing(
    study: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(finished.rglob("*"))
    arguments = ["run", study, "--dry-run", "--workers", "2", "--out"]
    code, output, errors = hone([*arguments, finished, "rl_lr=1e-3"], capsys)
    assert (code, errors) == (0, "")
    assert "5 different stages, 3 to do, about " in output
    assert "with 2 workers" in output
    assert "1/1" in output
    assert sorted(finished.rglob("*")) == before


def test_a_dry_run_of_a_new_folder_does_not_make_it(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new"
    code, output, _ = hone(["run", study, "--dry-run", "--workers", "1", "--out", out], capsys)
    assert code == 0
    assert "5 different stages, 5 to do" in output
    assert "with 1 worker;" in output
    assert not out.exists()


def test_claims_are_computed_from_the_folder_alone(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = (finished / "quick" / "claims.json").read_text()
    (finished / "quick" / "claims.json").unlink()
    code, output, errors = hone(["claims", finished, "--json"], capsys)
    assert (code, errors) == (0, "")
    assert json.loads(output) == {"quick": json.loads(stored)}


def test_claims_of_one_preset_are_a_table(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, _ = hone(["claims", finished / "quick"], capsys)
    assert code == 0
    assert "indicative" in output


def test_the_report_can_be_written_again(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (finished / "quick" / "report.html").unlink()
    code, output, errors = hone(["report", finished], capsys)
    assert (code, errors) == (0, "")
    assert output.splitlines()[-1] == f"report: {finished / 'quick' / 'report.html'}"
    assert (finished / "quick" / "report.html").is_file()


def test_every_stage_that_computes_says_in_which_numbers_and_where(finished: Path) -> None:
    for kind in ("pretrain", "rl"):
        for file in finished.glob(f"stages/{kind}-*/environment.json"):
            made = json.loads(file.read_text())
            assert (made["dtype"], made["device"]) == ("float32", "cpu")
    record = json.loads((finished / "quick" / "run.json").read_text())
    assert (record["environment"]["dtype"], record["environment"]["device"]) == ("float32", "cpu")


def test_variations_alone_are_not_published(
    study: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (finished / "quick").rename(finished / "quick,d=5")
    file = finished / "quick,d=5" / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "overrides": ["d=5"]}))
    results = tmp_path / "results"
    code, output, errors = hone(["report", finished, "--publish", results], capsys)
    assert (code, output) == (2, "")
    assert "holds only variations (quick,d=5); run a preset without key=value" in errors
    assert not results.exists()


def test_a_run_says_which_code_made_its_stages(
    study: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Running again with other code does not make old stages that code's."""
    for file in finished.glob("stages/pretrain-*/environment.json"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "determining": "older"}))
    hone(["run", study, "--out", finished], capsys)
    record = json.loads((finished / "quick" / "run.json").read_text())
    assert record["environment"]["determining"] == "older"
