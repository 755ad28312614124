"""A page grows by what is run later, and keeps what was published before."""

import json
import shutil
from pathlib import Path

import pytest

from hone.studies.reporting import publish_runs
from tests.runs import tiny
from tests.runs.tiny import hone

CODE = "0.1.0+4302fda"


def made_by_committed_code(run: Path, **changes: str) -> None:
    """Whatever the state of the tree that the tests run in."""
    file = run / "run.json"
    record = json.loads(file.read_text()) | changes
    record["environment"]["code"] = CODE
    file.write_text(json.dumps(record))


@pytest.fixture
def runs(finished: Path) -> Path:
    """Two presets, each carried out."""
    file = finished.parent / "tiny.py"
    file.write_text(tiny.STUDY.replace('"quick": {', '"quick": {"": settings}, "full": {'))
    shutil.copytree(finished / "quick", finished / "full")
    made_by_committed_code(finished / "quick", study=str(file))
    made_by_committed_code(finished / "full", study=str(file), preset="full")
    return finished


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_publishing_in_parts_is_publishing_at_once(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    together, apart = tmp_path / "together", tmp_path / "apart"
    assert hone(["report", runs, "--publish", together], capsys)[0] == 0
    (runs / "full").rename(tmp_path / "later")
    assert hone(["report", runs, "--publish", apart], capsys)[0] == 0
    shutil.rmtree(runs / "quick")
    (tmp_path / "later").rename(runs / "full")
    assert hone(["report", runs, "--publish", apart], capsys)[0] == 0
    assert contents(apart) == contents(together)
    assert "has changed since" not in (apart / "tiny.md").read_text()


def test_a_part_that_the_study_no_longer_has_is_not_lost_unsaid(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    hone(["report", runs, "--publish", results], capsys)
    section = results / "tiny" / "full.json"
    record = json.loads(section.read_text()) | {"preset": "gone", "figures": []}
    section.with_stem("gone").write_text(json.dumps(record))
    before = contents(results)
    code, output, errors = hone(["report", runs, "--publish", results], capsys)
    assert (code, output) == (2, "")
    assert "gone.json holds gone, which the study tiny no longer has: remove that file" in errors
    assert contents(results) == before


def test_a_part_that_was_planned_otherwise_is_marked(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    hone(["report", runs, "--publish", results], capsys)
    section = results / "tiny" / "full.json"
    section.write_text(json.dumps(json.loads(section.read_text()) | {"plan": "another"}))
    shutil.rmtree(runs / "full")
    hone(["report", runs, "--publish", results], capsys)
    assert (results / "tiny.md").read_text().count("has changed since") == 1


def test_a_page_is_written_anew_from_its_parts_alone(tmp_path: Path) -> None:
    """With notes that were written since; the runs may be gone."""
    results = Path(__file__).parents[2] / "docs" / "results"
    shutil.copytree(results / "linear_theory", tmp_path / "linear_theory")
    notes = tmp_path / "linear_theory.notes.md"
    notes.write_text("Seen again.\n")
    page = publish_runs(tmp_path / "linear_theory", tmp_path)
    assert page.read_text().count("## Notes\n\nSeen again.\n") == 1
    claims = "linear_theory.claims.json"
    assert (tmp_path / claims).read_bytes() == (results / claims).read_bytes()
